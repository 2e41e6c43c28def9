"""What the card of a search has besides: how far it is, the best candidates with their splits, and its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skribe.display.card import Bar, Block, Cell, Picture, Said, Table
from skribe.display.sketch import folds
from skribe.display.sketch_of_searches import course, heat_map, validation_curve
from skribe.display.text import number
from skribe.plots.words import spoken
from skribe.store.query import Query
from skribe.views.run import RunView
from skribe.views.search import ScorerView, SearchView, search_view
from skribe.words import count

_TOP = 10
# With more varying parameters than these a candidate is told by its name.
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Searched:
    blocks: tuple[Block, ...]
    pictures: tuple[Picture, ...]


def search_blocks(query: Query, run: RunView) -> Searched | None:
    """What there is to see of the candidates, or of the folds; None if there are none yet."""
    view = search_view(query, run.id)
    if view is None:
        return None
    blocks: list[Block] = []
    if run.status == "running":
        blocks.append(_how_far(view))
    failed = sum(view.failed)
    said = (f"{count(failed, 'fit')} of {view.done} failed.",) if failed else ()
    advice = tuple(one["text"] for one in view.views["advice"]) if run.status == "finished" else ()
    if said or advice or run.advice:
        blocks.append(Said(tuple(dict.fromkeys((*said, *run.advice, *advice)))))
    by_folds = not view.params
    table = _folds(view) if by_folds else _candidates(view)
    if table is not None:
        blocks.append(table)
    return Searched(tuple(blocks), () if by_folds else tuple(_pictures(view)))


def _how_far(view: SearchView) -> Bar:
    of = "" if view.total is None else f" of {view.total}"
    score = None if view.leader is None else view.scorers[0].mean[view.leader]
    best = "" if score is None or view.leader is None else f" · best {number(score)} ({view.names[view.leader]})"
    return Bar(view.done / view.total if view.total else 0.0, f"{view.done}{of} fits{best}")


def _candidates(view: SearchView) -> Table | None:
    """The best candidates: what varies, the mean and its spread, and the score of each split."""
    order = sorted((rank, place) for place, rank in enumerate(view.rank) if rank is not None)[:_TOP]
    varying = [param for param in view.params if param.varies]
    by_name = not 0 < len(varying) <= _COLUMNS
    head = ("", *(["candidate"] if by_name else [param.key for param in varying]), *_scorer_heads(view))
    shown = [split for scorer in view.scorers[:1] for _, place in order for split in scorer.folds[place]]
    known = [score for score in shown if score is not None]
    ends = (min(known), max(known)) if known else (0.0, 1.0)
    rows = []
    for rank, place in order:
        what = [view.names[place]] if by_name else [_value(param, place) for param in varying]
        chosen = view.chosen and place == view.leader
        cells = [Cell(f"{rank}.", chosen), *(Cell(text, chosen) for text in what)]
        cells += [Cell(_mean(scorer, place), chosen) for scorer in view.scorers[:3]]
        dots = view.scorers[0].folds[place]
        told = " ".join("-" if score is None else number(score) for score in dots[:10])
        cells.append(Cell(told, svg=folds(dots, *ends, view.scorers[0].mean[place])))
        rows.append(cells)
    scored = sum(rank is not None for rank in view.rank)
    return Table(f"best candidates of {len(view.names)}", rows, head, total=scored) if rows else None


def _scorer_heads(view: SearchView) -> list[str]:
    names = [scorer.name for scorer in view.scorers[:3]]
    return [*(["score ± std"] if names == ["score"] else [f"{name} ± std" for name in names]), "splits"]


def _mean(scorer: ScorerView, place: int) -> str:
    mean, std = scorer.mean[place], scorer.std[place]
    if mean is None:
        return "-"
    return number(mean) if std is None else f"{number(mean)} ± {std:.2g}"


def _value(param: Any, place: int) -> str:
    code = param.codes[place]
    return "" if code < 0 else spoken(param.values[code])


def _folds(view: SearchView) -> Table:
    """The folds of a cross-validation, with the scores of each."""
    names = [scorer.name for scorer in view.scorers]
    rows = [
        [
            view.names[place],
            *("-" if (score := scorer.mean[place]) is None else number(score) for scorer in view.scorers),
        ]
        for place in range(min(len(view.names), _TOP))
    ]
    return Table("folds", rows, ("", *names), total=len(view.names))


def _pictures(view: SearchView) -> list[Picture]:
    """Along the one parameter that varies, or over two of them; and how the search went."""
    curves, maps = view.views["validation_curves"], view.views["heat_maps"]["maps"]
    varying = sum(param.varies for param in view.params)
    found = []
    if varying != 1 and maps:
        found.append(heat_map(maps[0]))
    if curves:
        found += [validation_curve(curve) for curve in curves[: 1 if varying < 3 else 2]]
    found.append(course(view.views["progress"]))
    return [one for one in found if one is not None]
