"""A run as text for the terminal: sections of keys and values, what matters first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from skribe.cli.layout import Column, cut, draw, wide
from skribe.cli.output import paint, status_style, styled, width
from skribe.cli.text import age, lines_of, literal, moment, short
from skribe.words import count, seconds

if TYPE_CHECKING:
    from skribe.views import RunView, SearchView

_FEW, _SOME = 12, 24
_TOP = 5


def lines(view: RunView, search: SearchView | None, whole: bool) -> list[str]:
    """All that is shown of a run."""
    most = None if whole else _SOME
    told = _head(view)
    told += _how_far(view, search)
    told += _error(view, whole)
    changed = [param for param in view.params if param.changed]
    shown = list(view.params) if whole or not changed else changed
    told += pairs("parameters", [(p.key, p.text, p.changed) for p in shown], most, _defaults(view, len(shown)))
    told += pairs("metrics", [(m.key, m.text, not m.key.startswith("training_")) for m in view.metrics], most)
    told += _search(search) if search is not None else _children(view, whole)
    told += _section("advice", [f"• {literal(text, 600)}" for text in view.advice], wrap=True)
    told += _data(view, whole)
    told += _models(view)
    told += pairs("tags", [(k, v, True) for k, v in view.tags.items() if whole or k != "best_run"], most)
    notes = [f"{literal(what)}: {literal(reason, 600)}" for what, reason in view.notes]
    notes += [f"{literal(w[0], 80)}: {literal(w[1], 300)} ({count(w[3], 'time')})" for w in view.warnings]
    told += _section("notes", notes if whole else notes[:_FEW], wrap=True)
    if whole:
        told += _rest(view)
    return told


def _head(view: RunView) -> list[str]:
    status = paint(literal(view.status, 20), **status_style(view.status))
    title = f"{paint(literal(view.name, 120), bold=True)}  {paint(short(view.id), fg='yellow')}  {status}"
    began = moment(view.start)
    when = [literal(view.kind, 20), literal(view.experiment, 60)]
    when += [f"{literal(began)} ({_ago(age(began))})", *([] if view.wall is None else [seconds(view.wall)])]
    if view.estimator_class and view.estimator_class != view.name:
        when.insert(1, literal(view.estimator_class, 80))
    told = [title, *(paint(line, dim=True) for line in _joined(when))]
    if view.headline:
        told.append(literal(view.headline))
    if view.parent is not None:
        told.append(f"inside of {literal(view.parent.name, 60)} {paint(short(view.parent.id), fg='yellow')}")
    if view.deleted is not None:
        told.append(paint(f"in the trash; skribe restore {short(view.id)} takes it out", fg="magenta"))
    return told


def _joined(words: Sequence[str]) -> list[str]:
    """The words with dots between them, in as many lines as they need."""
    room, lines = width() or 10_000, [""]
    for word in words:
        longer = f"{lines[-1]} · {word}" if lines[-1] else word
        if wide(longer) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _ago(words: str) -> str:
    return words if words == "now" or words[:4].isdigit() else f"{words} ago"


def _how_far(view: RunView, search: SearchView | None) -> list[str]:
    """Of a search that was killed, what it has come to, and how it goes on."""
    if search is None or view.kind != "search" or view.status != "killed":
        return []
    of = "" if search.total is None else f" of {search.total}"
    said = f"It was killed after {search.done}{of} fits. To go on with the rest: skribe.autolog(resume=True), then the"
    return [paint(line, fg="magenta") for line in _wrapped(f"{said} same search again on the same data.")]


def _error(view: RunView, whole: bool) -> list[str]:
    if view.error is None:
        return []
    told = [paint(literal(f"{view.error.type}: {view.error.message}", 600), fg="red")]
    if view.error.traceback:
        trace = lines_of(view.error.traceback)
        told += [paint(line, dim=True) for line in (trace if whole else trace[-9:-1])]
    return _section("error", told)


def _defaults(view: RunView, shown: int) -> str:
    left = len(view.params) - shown
    return f"{count(left, 'default')} not shown: --all" if left else ""


def pairs(title: str, rows: Sequence[tuple[str, Any, bool]], most: int | None = None, more: str = "") -> list[str]:
    """A section of keys and values, in two columns where there is room; the third says whether a row stands out."""
    if not rows and not more:
        return []
    shown = rows[:most]
    told = [(literal(key, 120), literal(value), bright) for key, value, bright in shown]
    body = _in_columns(told)
    if len(rows) > len(shown):
        more = f"and {len(rows) - len(shown)} more: --all"
    return _section(title, body, more)


def _in_columns(told: Sequence[tuple[str, str, bool]]) -> list[str]:
    if not told:
        return []
    room = (width() or 100) - 2
    key = min(max(wide(k) for k, _, _ in told), room // 2)
    value = max(wide(v) for _, v, _ in told)
    one = key + 2 + value
    several = 2 if len(told) > 6 and 2 * one + 4 <= room else 1
    value = min(value, room - key - 2)
    cells = []
    for name, text, bright in told:
        name, text = cut(name, key, end=True), cut(text, value)
        gap = " " * (key - wide(name) + 2)
        rest = " " * (value - wide(text))
        cells.append(f"{paint(name, dim=not bright)}{gap}{text}{rest}")
    height = -(-len(cells) // several)
    return ["    ".join(cells[row::height]).rstrip() for row in range(height)]


def _section(title: str, body: Iterable[str], more: str = "", wrap: bool = False) -> list[str]:
    body = list(body)
    if not body and not more:
        return []
    if wrap:
        body = [line for text in body for line in _wrapped(text)]
    told = ["", paint(title, bold=True, fg="blue"), *(f"  {line}" for line in body)]
    return [*told, paint(f"  {more}", dim=True)] if more else told


def _wrapped(text: str) -> list[str]:
    import textwrap

    room = width()
    indent = "  " if text.startswith("•") else ""
    return [text] if room is None else textwrap.wrap(text, max(20, room - 4), subsequent_indent=indent)


def _search(search: SearchView) -> list[str]:
    """How far it is, and its best candidates."""
    of = "" if search.total is None else f" of {search.total}"
    state = f"{len(search.names)} candidates · {search.done}{of} fits" if search.kind == "search" else ""
    failed = sum(search.failed)
    state += f" · {count(failed, 'fit')} failed" if failed else ""
    return _section("candidates" if search.kind == "search" else "folds", candidates(search), state)


def candidates(search: SearchView, most: int = _TOP) -> list[str]:
    """The best candidates of a search as a table; of a cross-validation its folds."""
    scorer = search.scorers[0]
    varying = [param for param in search.params if param.varies] or list(search.params)
    columns = [
        Column("rank", "#", rank=1, right=True),
        Column(scorer.name, "score" if scorer.name == "score" else literal(scorer.name, 30), rank=0, right=True),
        Column("std", "±", _rough, rank=4, right=True, style=styled(dim=True)),
        *(Column(p.key, literal(p.key, 60), literal, 2 + n, least=6, most=30) for n, p in enumerate(varying)),
        Column("fit", "fit", lambda value: "" if value is None else seconds(value), rank=8, right=True),
        Column("id", "id", short, rank=7, style=styled(fg="yellow")),
    ]
    if search.kind != "search":
        columns[2:3] = [Column("name", "fold", rank=1, most=40)]
    rows = []
    for place in order_of(search)[: most if search.kind == "search" else 20]:
        values = [None if p.codes[place] < 0 else p.values[p.codes[place]] for p in varying]
        middle = scorer.std[place] if search.kind == "search" else search.names[place]
        fit = search.fit_seconds[place]
        rows.append([search.rank[place], scorer.mean[place], middle, *values, fit, search.children[place]])
    room = width()
    return draw(columns, rows, None if room is None else room - 2, paint).lines


def order_of(search: SearchView) -> list[int]:
    """The candidates, the best first; those without a rank are not among them, except in a cross-validation."""
    if search.kind != "search":
        return list(range(len(search.names)))
    ranked = [place for place, rank in enumerate(search.rank) if rank is not None]
    return sorted(ranked, key=lambda place: (place != search.leader, search.rank[place]))


def _rough(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _children(view: RunView, whole: bool) -> list[str]:
    if not view.n_children:
        return []
    shown = view.children if whole else view.children[:_FEW]
    columns = [
        Column("id", "id", short, 0, style=styled(fg="yellow")),
        Column("name", "name", rank=1, least=12, most=50),
        Column("kind", "kind", rank=4),
        Column("status", "status", rank=2, style=status_style),
        Column("took", "took", lambda value: "" if value is None else seconds(value), rank=3, right=True),
        Column("headline", "score", rank=2, least=12),
    ]
    rows = [(child.id, child.name, child.kind, child.status, child.wall, child.headline) for child in shown]
    room = width()
    table = draw(columns, rows, None if room is None else room - 2, paint, head=False).lines
    left = view.n_children - len(shown)
    return _section(f"children ({view.n_children})", table, f"and {left} more: --all" if left else "")


def _data(view: RunView, whole: bool) -> list[str]:
    body = []
    for one in view.datasets:
        shape = "" if one.shape is None else " × ".join(map(str, one.shape))
        target = ", ".join(f"{literal(key, 40)} {literal(value, 60)}" for key, value in one.target.items())
        called = f"{literal(one.role, 40)} {literal(one.name, 40)}".strip()
        words = [called, shape, literal(one.kind, 40)]
        words += [short_print(one.fingerprint), f"target: {target}" if target and whole else ""]
        body.append(" · ".join(word for word in words if word))
        if whole and one.columns:
            body.append(paint(literal(", ".join(f"{name} {kind}" for name, kind in one.columns), 600), dim=True))
    return _section("data", body, wrap=True)


def short_print(fingerprint: str | None) -> str:
    """A fingerprint, long enough to see whether two are the same."""
    return "" if fingerprint is None else f"fingerprint {literal(fingerprint, 20)}"


def _models(view: RunView) -> list[str]:
    from skribe.cli.gc import size

    body = []
    for model in view.models:
        words = [literal(text, 80) for text in (model.path, model.estimator_class, model.format)] + [size(model.size)]
        for one in model.versions:
            aliases = " ".join(f"@{literal(alias, 60)}" for alias in one.aliases)
            words.append(f"{literal(one.name, 60)} {one.version} {aliases}")
        if model.removed is not None:
            words.append("its files were removed")
        body.append(" · ".join(word.strip() for word in words))
        if model.removed is None:
            body.append(f'  skribe.load_model("{literal(model.uri, 200)}")')
    return _section("models", body)


def _rest(view: RunView) -> list[str]:
    from skribe.cli.gc import size

    told = pairs("fitted attributes", [(key, value, False) for key, value in view.facts])
    told += _section("files", [f"{literal(one.path, 200)}  {size(one.size)}" for one in view.artifacts])
    environment = [(key, value, False) for key, value in view.environment.items() if not isinstance(value, dict)]
    if view.source:
        environment.insert(0, ("source", view.source, True))
    told += pairs("environment", environment)
    told += pairs("packages", [(k, v, False) for k, v in (view.environment.get("packages") or {}).items()])
    return told + pairs("elsewhere", [(backend, remote, True) for backend, remote in view.remotes.items()])


__all__ = ["candidates", "lines", "order_of", "pairs"]
