"""A comparison in little room: only what differs, whether the data are the same, and what the folds say."""

from __future__ import annotations

from collections.abc import Sequence

from skribe.display.card import Block, Card, Cell, Picture, Pictures, Said, Table
from skribe.display.sketch import roc_of, sketch
from skribe.store.query import Query
from skribe.views.compared import ComparisonView, Row, Section, comparison
from skribe.views.pictures import curve_of, view_of
from skribe.words import count

# So many runs have room beside each other, and so many rows are seen at once.
_COLUMNS, _ROWS = 8, 15
_OPEN = frozenset({"run", "parameters", "metrics", "data"})
_SCORED = frozenset({"search", "cv", "candidate"})


def comparison_card(query: Query, runs: Sequence[str]) -> Card:
    """The card of these runs."""
    view = comparison(query, runs)
    blocks: list[Block] = [Said((view.data_said, *_verdicts(view)))]
    later: list[Block] = []
    for section in view.sections:
        first, rest = _divided(section)
        if first:
            blocks.append(_table(view, section.title, first))
        if rest:
            later.append(_table(view, f"{'more ' if first else ''}{section.title} ({len(rest)})", rest, folded=True))
    pictures = tuple(_pictures(query, view))
    if pictures:
        blocks.append(Pictures(pictures))
    blocks += later
    equal = sum(not row.differs for section in view.sections for row in section.rows)
    if equal:
        blocks.append(Said((f"In {count(equal, 'other point')} they are equal.",)))
    more = len(view.runs) - _COLUMNS
    facts = tuple(view.labels[:_COLUMNS]) + ((f"and {more} more",) if more > 0 else ())
    return Card("Comparison", "", count(len(view.runs), "run"), facts, "", tuple(blocks))


def _divided(section: Section) -> tuple[Sequence[Row], Sequence[Row]]:
    """What is seen at once, and what is folded."""
    rows = section.differing
    if section.title not in _OPEN:
        return (), rows
    return rows[:_ROWS], rows[_ROWS:]


def _verdicts(view: ComparisonView) -> tuple[str, ...]:
    """What the paired test says; why there is none where one could be expected."""
    if view.paired:
        return tuple(one.said for one in view.paired[:6])
    return (view.paired_said,) if view.paired_said and all(run.kind in _SCORED for run in view.runs) else ()


def _table(view: ComparisonView, caption: str, rows: Sequence[Row], folded: bool = False) -> Table:
    cells: list[list[str | Cell]] = []
    for row in rows:
        texts = enumerate(row.cells[:_COLUMNS])
        cells.append([row.key, *(Cell("" if text is None else text, place == row.best) for place, text in texts)])
    return Table(caption, cells, ("", *view.labels[:_COLUMNS]), folded)


def _pictures(query: Query, view: ComparisonView) -> list[Picture]:
    """The ROC curves over each other, of held-out data if there are; and the first curve that they share."""
    found: list[Picture | None] = []
    rocs = [data for name, data in view.pictures if name == "roc"]
    data = next((one for one in rocs if one != "training"), rocs[0] if rocs else None)
    if data is not None:
        having = [
            (label, view_of(query, run.id, "roc", data))
            for label, run in zip(view.labels, view.runs, strict=True)
            if ("roc", data) in run.pictures
        ]
        found.append(roc_of(having[:6], "ROC" if data == "training" else f"ROC · {data}"))
    curves = [key for key in view.curves if not key.startswith("split_") and key != "best_score_so_far"]
    if curves:
        series = [
            {**curve_of(query, run.id, curves[0]), "name": label}
            for label, run in zip(view.labels, view.runs, strict=True)
            if curves[0] in run.curves
        ]
        drawn = sketch("history", {"series": series})
        found.append(None if drawn is None else Picture(curves[0], drawn.svg))
    return [one for one in found if one is not None]
