"""How a search stands, as words and as a picture that changes while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skribe.cli.layout import cut
from skribe.cli.output import paint, status_style, width
from skribe.cli.text import literal, moment, short
from skribe.display.progress import TELLING
from skribe.display.text import number
from skribe.views.run import RunRef, ref_of
from skribe.views.search import SearchView, search_view, stamp_of
from skribe.words import count, seconds

if TYPE_CHECKING:
    from skribe.store.query import Query, RunRow

_LAST = 5


@dataclass(frozen=True, slots=True)
class State:
    """A run as it stands; of a search, its candidates too. `stamp` changes when something new has come."""

    row: RunRow
    ref: RunRef
    search: SearchView | None
    stamp: str
    metrics: tuple[tuple[str, float], ...]
    finished: tuple[int, ...]  # candidates that are finished, the last first

    @property
    def running(self) -> bool:
        return self.row.status == "running"

    @property
    def elapsed(self) -> float | None:
        return time.time() - self.row.start if self.running else self.row.wall

    def data(self) -> dict[str, Any]:
        """The same for JSON."""
        told: dict[str, Any] = {
            "id": self.row.id, "name": self.row.name, "kind": self.row.kind, "status": self.row.status,
            "experiment": self.row.experiment, "start": moment(self.row.start), "elapsed": self.elapsed,
            "metrics": dict(self.metrics),
        }  # fmt: skip
        if self.search is not None:
            one = self.search
            told |= {
                "done": one.done, "total": one.total, "failed": sum(one.failed), "metric": one.metric,
                "best": None if one.leader is None else candidate(one, one.leader),
                "last": [candidate(one, place) for place in self.finished[:_LAST]],
            }  # fmt: skip
        return told


def state_of(query: Query, run: str, before: State | None = None) -> State:
    """How the run stands. What is the same as before is not read again."""
    row = query.run_row(run)
    stamp = stamp_of(query, run)
    if before is not None and before.stamp == stamp and before.search is not None:
        return before
    search = search_view(query, run)
    metrics = tuple((metric.key, metric.value) for metric in query.metrics(row))
    if search is None:
        stamp += f" {metrics}"
    return State(row, ref_of(query, row), search, stamp, metrics, () if search is None else _finished(query, search))


def _finished(query: Query, search: SearchView) -> tuple[int, ...]:
    """The candidates all of whose splits are done, the one that ended last first."""
    ended: dict[int, float] = {}
    for result in query.results(search.run):
        body = result.began + (result.fit_time or 0.0) + (result.score_time or 0.0)
        ended[result.candidate] = max(ended.get(result.candidate, 0.0), body)
    places = {c.number: place for place, c in enumerate(query.candidates(search.run))}
    most = max(search.finished, default=0)
    # What has come since the view was read is in the next one.
    whole = [(when, places[n]) for n, when in ended.items() if places.get(n, len(search.names)) < len(search.names)]
    return tuple(place for _, place in sorted(whole, reverse=True) if search.finished[place] == most)


def candidate(search: SearchView, place: int) -> dict[str, Any]:
    """A candidate in few words, for JSON."""
    return {
        "name": search.names[place],
        "score": search.scorers[0].mean[place],
        "std": search.scorers[0].std[place],
        "params": {p.key: None if p.codes[place] < 0 else p.values[p.codes[place]] for p in search.params},
        "failed": search.failed[place],
        "id": search.children[place],
    }


def said(search: SearchView, place: int) -> str:
    """The parameters of a candidate in a line."""
    shown = [p for p in search.params if p.varies] or search.params
    cells = [f"{p.key.rpartition('__')[2]}={p.values[p.codes[place]]}" for p in shown if p.codes[place] >= 0]
    return literal(", ".join(cells) or search.names[place], 200)


def summary(state: State) -> str:
    """One line: how far, the best so far, the time."""
    parts = [f"{literal(state.row.name, 60)} {short(state.row.id)}"]
    search = state.search
    if search is not None:
        parts.append(f"{search.done}{'' if search.total is None else f' of {search.total}'} fits")
        if sum(search.failed):
            parts.append(f"{sum(search.failed)} failed")
        if search.leader is not None and (score := search.scorers[0].mean[search.leader]) is not None:
            parts.append(f"best {number(score)} ({said(search, search.leader)})")
    elif state.ref.headline:
        parts.append(literal(state.ref.headline))
    parts.append(seconds(state.elapsed))
    if not state.running:
        parts.append(literal(state.row.status, 20))
    return " · ".join(parts)


def table(state: State) -> tuple[list[tuple[str, str]], list[Sequence[Any]]]:
    """The candidates as columns and rows, the best first; of another run its metrics."""
    from skribe.cli.showing import order_of

    search = state.search
    if search is None:
        return [("key", "metric"), ("value", "value")], list(state.metrics)
    head = [("rank", "rank"), (search.metric, search.metric), ("std", "std"), ("failed", "failed")]
    head += [(p.key, p.key) for p in search.params] + [("id", "id")]
    rows: list[Sequence[Any]] = []
    for place in order_of(search):
        values = [None if p.codes[place] < 0 else p.values[p.codes[place]] for p in search.params]
        scorer = search.scorers[0]
        cells = search.rank[place], scorer.mean[place], scorer.std[place], search.failed[place]
        rows.append([*cells, *values, search.children[place]])
    return head, rows


def told(state: State) -> list[str]:
    """How it stands, as lines for the terminal."""
    from skribe.cli.showing import candidates

    row, search = state.row, state.search
    status = paint(literal(row.status, 20), **status_style(row.status))
    title = f"{paint(literal(row.name, 80), bold=True)}  {paint(short(row.id), fg='yellow')}  {status}"
    lines = [title]
    room = (width() or 100) - 1
    if search is None:
        lines += [f"  {literal(key)}  {number(value)}" for key, value in state.metrics[:12]]
        return [*lines, f"  {seconds(state.elapsed)}"]
    lines.append(bar(search, state, min(room, 100)))
    if search.leader is not None:
        lines += ["", paint("best so far" if state.running else "best", bold=True, fg="blue")]
        lines += [f"  {line}" for line in candidates(search, 3)]
    if state.running and state.finished:
        lines += ["", paint("last finished", bold=True, fg="blue")]
        lines += [f"  {cut(_candidate_line(search, place), room - 2)}" for place in state.finished[:_LAST]]
    lines += _failures(search, room)
    return lines


def _candidate_line(search: SearchView, place: int) -> str:
    score = search.scorers[0].mean[place]
    fit = search.fit_seconds[place]
    said_score = "failed" if score is None else number(score)
    return f"{said_score:>8}  {said(search, place)}" + ("" if fit is None else f"  ({seconds(fit)})")


def _failures(search: SearchView, room: int) -> list[str]:
    failed = sum(search.failed)
    if not failed:
        return []
    lines = ["", paint(f"{count(failed, 'fit')} failed", bold=True, fg="red")]
    for place, error in search.errors[:3]:
        last = error.rstrip().rpartition("\n")[2]
        lines.append(f"  {cut(f'{said(search, place)}: {literal(last)}', room - 2)}")
    return lines


def bar(search: SearchView, state: State, room: int) -> str:
    """A bar, how many fits are done, how long it takes."""
    words = f"{search.done}" + (f"/{search.total}" if search.total else "") + " fits"
    elapsed = state.elapsed
    if elapsed is not None:
        words += f" · {seconds(float(max(1, round(elapsed))) if state.running else elapsed)}"
        left = _left(search) if state.running else None
        if left:
            words += f" · about {seconds(float(max(1, round(left))))} left"
    if not search.total:
        return words
    long = max(10, min(40, room - len(words) - 2))
    full = round(long * min(1.0, search.done / search.total))
    return f"{paint('━' * full, fg='green')}{paint('━' * (long - full), dim=True)}  {words}"


def _left(search: SearchView) -> float | None:
    """The seconds that the rest will take. The start of the workers, and results of an earlier run, tell nothing."""
    course = search.views["timeline"]
    computed = sum(len(worker["tasks"]) for worker in course["workers"])
    if not search.total or computed < TELLING:
        return None
    return float((time.time() - course["start"]) * max(0, search.total - search.done) / computed)


def live(query: Query, run: str, tick: float) -> None:
    """Show it in the terminal until it ends; what was shown last stays."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    state = state_of(query, run)

    def picture() -> Text:
        return Text.from_ansi("\n".join(told(state)), no_wrap=True, overflow="ellipsis")

    with Live(picture(), console=console, auto_refresh=False, transient=False) as shown:
        while state.running:
            time.sleep(tick)
            state = state_of(query, run, state)
            shown.update(picture(), refresh=True)
