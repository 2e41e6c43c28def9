"""The tasks of one search or cross-validation become results and child runs, each written as it arrives.

A result by itself is one row, on disk before the next task begins. The child run that it belongs to is written with
it, unless another one has been written a few milliseconds ago: tasks that take no time share a transaction.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from skribe.guard import contain, hushed, say_once
from skribe.progress import Progress
from skribe.records import (
    Call,
    Changes,
    Fact,
    Failure,
    Metric,
    Outcome,
    Param,
    Result,
    Start,
    Status,
    Task,
    Warned,
    counted,
    new_id,
)
from skribe.settings import Settings
from skribe.sweeps.keys import Keys, outcome_of
from skribe.sweeps.layout import Place, Sizes, layout_of
from skribe.sweeps.parts import Part, body_of, failure_in

# Child runs are not written more often than this; what their results say is on disk all the same.
_SPACING = 0.025
IDENTITY = "identity"


class Find(NamedTuple):
    """A result that an earlier search has left, and the run that it is from."""

    run: str
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a sweep belongs, and through whom it speaks."""

    run: str
    experiment: str
    folder: Path
    settings: Settings
    write: Callable[..., None]
    find: Callable[[Path, str, str], Find | None]
    last: Callable[[Path, str, str], tuple[str, str] | None]
    show: Callable[[Progress], None]
    keep: Callable[[str, int, Any], None]  # writes the model of a split into the run of its candidate
    quiet: bool  # nobody wants to see how far it has come
    estimator: tuple[str, str]  # name and class of what is fitted in it
    fingerprints: tuple[str | None, str | None]
    name: str


class _Given(NamedTuple):
    """What is to be remembered of a task while it is out."""

    place: Place | None
    n_train: int | None
    n_test: int | None
    key: str | None
    train_sizes: Any = None  # of a learning curve that learns increment by increment


@dataclass(slots=True)
class Best:
    """The best complete candidate so far, by the score that decides."""

    score: float | None = None
    part: Part | None = None
    batch: int | None = None
    key: str | None = None


class Sweep:
    """What becomes of the tasks of one call. It is told of them by the hooks, from several threads."""

    def __init__(self, call: Call, home: Home, params_of: Callable[[Mapping[str, Any]], tuple[Param, ...]]) -> None:
        self.call = call
        self.home = home
        self.layout = layout_of(call)
        self.parts: dict[int, Part] = {}
        self.best = Best()
        self.computed = self.reused = self.failed = 0
        self.reused_from: dict[str, int] = {}
        self.keys = Keys(home.fingerprints)
        self._params_of = params_of
        self._children = home.settings.max_tuning_runs != 0 or call.function
        self._given: dict[int, _Given] = {}
        self._fresh: list[Result] = []
        self._dirty: dict[int, Part] = {}
        self._announced: set[int] = set()
        self._own: list[Metric] = []  # of the parent, not yet written
        self._workers: dict[Any, int] = {}
        self._written = 0.0
        self._told: int | None = None  # how many tasks there are, as it was written
        self._lock = threading.RLock()

    # --- told by the hooks ------------------------------------------------------------------------------------

    def dispatch(self, task: Task) -> Outcome | None:
        """A task goes out. If its result is known from an earlier run, that is handed back instead."""
        with self._lock:
            place = self.layout.place(task)
            n_train, n_test = _sizes_of(task)
            key = None if self.call.function else self.keys.of(task)
            steps = task.args[6] if task.function == "_incremental_fit_estimator" else None
            self._given[task.number] = _Given(place, n_train, n_test, key, steps)
        if not self.home.settings.resume or self.call.function:
            return None
        if key is None:
            reason = self.keys.reason
            say_once(
                f"resume {reason}",
                f"skribe: in {self.home.name} some or all results cannot be known again, and are computed: {reason}.",
            )
            return None
        found = contain("a result of an earlier run", self.home.find, self.home.folder, self.home.run, key)
        return None if found is None else outcome_of(task, found.run, found.result)

    def arrive(self, outcome: Outcome) -> None:
        """A result is there: it is on disk when this returns."""
        with self._lock:
            given = self._given.pop(outcome.number)
            if outcome.reused is None:
                self.computed += 1
            else:
                self.reused += 1
                self.reused_from[outcome.reused] = self.reused_from.get(outcome.reused, 0) + 1
            self._take(given, outcome)
            self._write()
            self._show()

    def break_off(self, number: int, error: Failure, status: Status) -> None:
        """A task has raised, and with it the call: so ends the part that it was of."""
        with self._lock:
            given = self._given.get(number)
            if given is not None and given.place is not None:
                part = self._part(given.place)
                part.failure, part.broken, part.ended = error, status, time.time()
                part.began = min(part.began, part.ended)
                self._dirty[given.place.part] = part

    def child_of(self, number: int, began: float | None) -> str | None:
        """The child run of a task that is under way, for what happens inside of it. It is written, if it was not."""
        with self._lock:
            given = self._given.get(number)
            if given is None or given.place is None:
                return None
            part = self._part(given.place)
            if part.run is not None and not part.started:
                part.began = min(part.began, began or time.time())
                self._dirty[given.place.part] = part
                self._write(at_once=True)
            return part.run

    # --- from results to records ------------------------------------------------------------------------------

    def _take(self, given: _Given, outcome: Outcome) -> None:
        if given.place is None:
            return self._take_whole(outcome)
        if given.train_sizes is not None:
            return self._take_sizes(given, outcome)
        now = time.time()
        # What is taken over was done by none of this search's workers.
        worker = 0 if outcome.reused else self._workers.setdefault(outcome.worker, len(self._workers))
        fit, score = None, None
        result = outcome.result
        if isinstance(result, dict) and "test_scores" in result:
            body = body_of(result, given.n_train, given.n_test)
            fit, score = result.get("fit_time"), result.get("score_time")
        else:
            body = {"n_train": given.n_train, "n_test": given.n_test}
        ended = now if outcome.ended is None else outcome.ended
        spent = 0.0 if outcome.reused else (fit or 0.0) + (score or 0.0)
        began = outcome.began or ended - spent
        body["ended"] = ended
        if outcome.warned:
            body["warnings"] = len(outcome.warned)
        place = given.place
        made = Result(place.part, place.split, began, fit, score, worker, body, given.key, outcome.reused)
        self._add(place, made, outcome)
        return None

    def _add(self, place: Place, result: Result, outcome: Outcome) -> None:
        part = self._part(place)
        failure = failure_in(result.body.get("error"))
        self.failed += failure is not None
        part.add(result, failure)
        part.warned += outcome.warned or ()
        self._fresh.append(result)
        self._dirty[place.part] = part
        if self.layout.kind == "fold":
            self._own += [metric._replace(key=f"split_{metric.key}", step=place.split) for metric in part.fresh]
        if outcome.model is not None and part.run is not None:
            contain("the model of a candidate", self._keep_model, part, place.split, outcome.model)
        if outcome.inner is not None and part.run is not None:
            contain("a search inside a task", self._take_inner, part, outcome)
        if place.splits is not None and part.done == place.splits:
            self._complete(part)

    def _keep_model(self, part: Part, split: int, model: Any) -> None:
        if not part.started:
            self._write(at_once=True)
        self.home.keep(str(part.run), split, model)

    def _take_inner(self, part: Part, outcome: Outcome) -> None:
        from skribe.sweeps.inner import changes_of

        if not part.started:
            self._write(at_once=True)
        self.home.write(*changes_of(self.home, str(part.run), outcome))

    def _take_sizes(self, given: _Given, outcome: Outcome) -> None:
        """`exploit_incremental_learning`: one task is one split, with the scores of all sizes."""
        assert isinstance(self.layout, Sizes)
        assert given.place is not None
        worker = self._workers.setdefault(outcome.worker, len(self._workers))
        began = outcome.began or time.time()
        for size, row in zip(given.train_sizes, outcome.result, strict=True):
            train, test, fit, score = (*map(float, row), None, None)[:4]
            body = {"train": train, "test": test, "n_train": int(size), "n_test": given.n_test}
            place = self.layout.of_size(int(size), given.place.split)
            self._add(place, Result(place.part, place.split, began, fit, score, worker, body), outcome)
            outcome = outcome._replace(warned=None)  # which size they came with is not known: told once

    def _take_whole(self, outcome: Outcome) -> None:
        """A permutation: its score is a point of the parent's."""
        self._own.append(Metric("permutation_score", float(outcome.result), outcome.number, time.time()))

    def _planned(self) -> tuple[Fact, ...]:
        """How much there is to do, as soon as that is known, and whenever it grows."""
        total = self.layout.total()
        if total is None or total == self._told or not self.parts:
            return ()
        facts = [Fact("n_fits", str(total), "int")]
        if self._told is None and self.keys.parts:
            facts.append(Fact(IDENTITY, json.dumps(self.keys.parts), "json"))
        self._told = total
        return tuple(facts)

    def _part(self, place: Place) -> Part:
        part = self.parts.get(place.part)
        if part is None:
            part = self.parts[place.part] = Part(place, new_id() if self._children else None)
        return part

    def _complete(self, part: Part) -> None:
        part.complete = True
        if self.layout.kind == "candidate":
            means = part.means()
            part.fresh += means
            part.known = {metric.key: metric.value for metric in means}
            if not self.call.function:
                self._compare(part)

    def _compare(self, part: Part) -> None:
        """Whether this candidate is the best one so far; in a halving search, of its iteration."""
        best, means = self.best, part.known
        if best.key is None:
            best.key = deciding(self.call.estimator, means)
        if best.batch != part.place.iteration:
            best.batch, best.score = part.place.iteration, None
        score = means.get(best.key or "")
        if score is not None and score == score and (best.score is None or score > best.score):
            best.score, best.part = score, part
            self._own.append(Metric("best_score_so_far", score, part.place.part, part.ended))

    # --- writing ----------------------------------------------------------------------------------------------

    def _write(self, at_once: bool = False) -> None:
        now = time.perf_counter()
        fresh, self._fresh = tuple(self._fresh), []
        new = tuple(
            self.parts[result.candidate].candidate() for result in fresh if result.candidate not in self._announced
        )
        self._announced.update(candidate.number for candidate in new)
        if not at_once and now - self._written < _SPACING:
            if fresh:
                self.home.write(Changes(run=self.home.run, candidates=new, results=fresh))
            return
        self.home.write(*self._pending(new, fresh))
        self._written = time.perf_counter()

    def _pending(self, new: tuple[Any, ...] = (), fresh: tuple[Result, ...] = ()) -> Iterable[Changes]:
        """All that has not been written yet: the results, the children, the parent's own numbers."""
        own, self._own = tuple(self._own), []
        best = self.best.part
        tags = {} if best is None or best.run is None or not own else {"best_run": best.run}
        planned = self._planned()
        if new or fresh or own or planned:
            yield Changes(run=self.home.run, candidates=new, results=fresh, metrics=own, tags=tags, facts=planned)
        dirty, self._dirty = self._dirty, {}
        for part in dirty.values():
            if part.run is not None:
                yield self.changes_of(part, "finished" if part.complete else None)

    def changes_of(self, part: Part, ending: Status | None) -> Changes:
        """What is new of a part, as its child run has it. With an ending, it is over."""
        start: Start | None = None
        params: tuple[Param, ...] = ()
        tags: Mapping[str, str] = {}
        if not part.started:
            part.started = True
            part.told = part.began
            name, class_ = self.home.estimator
            start = Start(
                self.home.experiment, part.place.name, self.layout.kind, part.began, self.home.run, name, class_
            )
            with hushed():
                filled = contain("the parameters of a candidate", self._params_of, part.place.chosen)
            params = filled or ()
            tags = {"estimator_name": name, "estimator_class": class_, **self.home.settings.extra_tags}
        fresh, part.fresh = tuple(part.fresh), []
        facts: tuple[Fact, ...] = ()
        warned: tuple[Warned, ...] = ()
        if ending is not None:
            facts, warned = part.facts(), counted(part.warned)
            if part.place.iteration is not None:
                place = part.place
                fresh += (Metric("iter", float(place.iteration or 0)), Metric("n_resources", place.resources or 0.0))
            part.warned = []
        end = None if ending is None else part.end(ending)
        if ending is not None:
            part.forget()
        return Changes(
            run=str(part.run),
            start=start,
            params=params,
            metrics=fresh,
            tags=tags,
            facts=facts,
            warnings=warned,
            end=end,
        )

    def close(self, status: Status) -> None:
        """The call is over: what is not complete now never will be."""
        try:
            self._close(status)
        finally:
            self._show(over=True)

    def _close(self, status: Status) -> None:
        with self._lock:
            for part in self.parts.values():
                if part.complete:
                    continue
                if part.place.splits is None and status == "finished":
                    self._complete(part)
                    self._dirty[part.place.part] = part
            self._write(at_once=True)
            left = [part for part in self.parts.values() if not part.complete and part.run is not None]
            broken: Status = "finished" if status == "finished" else "killed"
            self.home.write(*(self.changes_of(part, broken) for part in left if part.started or part.failure))

    def _show(self, over: bool = False) -> None:
        if self.home.quiet:
            return
        best = self.best
        name = "" if best.part is None else best.part.place.name
        done, total = self.computed + self.reused, self.layout.total()
        run, label, failed = self.home.run, self.home.name, self.failed
        self.home.show(
            Progress(run, label, self.call.started, done, total, self.computed, best.score, name, over, failed)
        )


def deciding(search: Any, means: Mapping[str, float]) -> str | None:
    """The mean score by which a search chooses; None if it does not choose by one."""
    refit = vars(search).get("refit")
    if isinstance(refit, str) and f"mean_test_{refit}" in means:
        return f"mean_test_{refit}"
    return "mean_test_score" if [key for key in means if key.startswith("mean_test_")] == ["mean_test_score"] else None


def _sizes_of(task: Task) -> tuple[int | None, int | None]:
    """How many rows the task trains and tests on."""
    train, test = task.kwargs.get("train"), task.kwargs.get("test")
    if task.function == "_fit_and_predict":
        train, test = task.args[3:5]
    elif task.function == "_incremental_fit_estimator":
        train, test = task.args[4:6]
    return _count(train), _count(test)


def _count(rows: Any) -> int | None:
    shape = getattr(rows, "shape", None)
    if shape and getattr(getattr(rows, "dtype", None), "kind", "") == "b":
        return int(rows.sum())
    try:
        return None if rows is None else int(shape[0]) if shape else len(rows)
    except TypeError:
        return None
