"""A search or a cross-validation, as it is shown: column by column over its candidates, finished or still running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skribe.plots.axes import scale_of
from skribe.plots.search import views
from skribe.plots.table import Array, SearchTable, mean_of, plain_numbers, std_of
from skribe.store.query import Query
from skribe.store.searches import how_far
from skribe.sweeps.reading import as_table


@dataclass(frozen=True, slots=True)
class SearchedParam:
    """One searched parameter: its values, numbers ascending, and which of them each candidate has (-1: none)."""

    key: str
    values: tuple[Any, ...]
    codes: tuple[int, ...]
    numeric: bool
    scale: str  # linear, log or categorical
    varies: bool


@dataclass(frozen=True, slots=True)
class ScorerView:
    """Under one scorer, per candidate: mean and spread over the splits, the score of each split, and of training."""

    name: str
    mean: tuple[float | None, ...]
    std: tuple[float | None, ...]
    folds: tuple[tuple[float | None, ...], ...]
    train_mean: tuple[float | None, ...] | None
    train_std: tuple[float | None, ...] | None


@dataclass(frozen=True, slots=True)
class SearchView:
    """What is shown of a search. Candidates go by their row; tuples of one entry per candidate are in this order."""

    run: str
    name: str
    kind: str  # search, also inside of a run by hand; or cv: there the candidates are the folds
    status: str
    stamp: str  # equal as long as nothing new has come
    done: int  # (candidate, split) pairs
    total: int | None
    splits: int
    start: float
    wall: float | None
    metric: str  # the name of the scorer that decides
    leader: int | None  # the chosen candidate, or the one that is ahead
    chosen: bool  # the search has decided
    params: tuple[SearchedParam, ...]
    scorers: tuple[ScorerView, ...]
    names: tuple[str, ...]
    children: tuple[str | None, ...]  # the run of each candidate, if it has one
    rank: tuple[int | None, ...]  # 1 is best; of halving within the last iteration first
    fit_seconds: tuple[float | None, ...]
    score_seconds: tuple[float | None, ...]
    finished: tuple[int, ...]  # splits that are done
    failed: tuple[int, ...]  # splits that failed
    iteration: tuple[int, ...] | None
    resources: tuple[float | None, ...] | None
    errors: tuple[tuple[int, str], ...]  # the first traceback of each candidate that failed, of some
    views: Mapping[str, Any]  # validation_curves, heat_maps, score_against_time, progress, timeline, rungs, advice


_ERRORS = 20
_IN_COLUMNS = frozenset({"candidate", "x", "mean", "std"})


def stamp_of(query: Query, run: str) -> str:
    """Changes whenever something new has come of the search; cheap to ask."""
    row = query.run_row(run)
    candidates, results = query.ask(lambda connection: how_far(connection, row.num))
    return f"{row.status} {candidates} {results}"


def search_view(query: Query, run: str) -> SearchView | None:
    """The search with this id; None if the run has no candidates."""
    row = query.run_row(run)
    stamp = stamp_of(query, row.id)
    candidates = query.candidates(row)
    if not candidates:
        return None
    results = query.results(row)
    table = as_table(query, row.id, candidates, results)
    places = {candidate.number: place for place, candidate in enumerate(candidates)}
    finished, failed = np.zeros(len(table), dtype=int), np.zeros(len(table), dtype=int)
    errors: dict[int, str] = {}
    for result in results:
        place = places.get(result.candidate)
        if place is None:
            continue
        finished[place] += 1
        if "error" in result.body:
            failed[place] += 1
            if len(errors) < _ERRORS:
                errors.setdefault(place, str(result.body["error"]))
    fits = next((fact.value for fact in query.facts(row) if fact.key == "n_fits"), None)
    return SearchView(
        run=row.id,
        name=row.name,
        kind="cv" if row.kind == "cv" else "search",
        status=row.status,
        stamp=stamp,
        done=len(results),
        total=int(fits) if fits is not None and fits.isdigit() else None,
        splits=table.fit_seconds.shape[1],
        start=row.start,
        wall=row.wall,
        metric=table.metric,
        leader=table.leader(),
        chosen=table.best is not None,
        params=tuple(_param(table, key) for key in table.searched()),
        scorers=tuple(_scorer(table, name) for name in _deciding_first(table)),
        names=table.names,
        children=tuple(candidate.run for candidate in candidates),
        rank=_ranks(table),
        fit_seconds=tuple(_brief(mean_of(table.fit_seconds))),
        score_seconds=tuple(_brief(mean_of(table.score_seconds))),
        finished=tuple(finished.tolist()),
        failed=tuple(failed.tolist()),
        iteration=None if table.iteration is None else tuple(table.iteration.tolist()),
        resources=None if table.resources is None else tuple(plain_numbers(table.resources)),
        errors=tuple(errors.items()),
        views=_views(table, with_advice=row.kind != "cv" and row.status == "finished"),
    )


def _views(table: SearchTable, with_advice: bool) -> dict[str, Any]:
    """The views without what the columns have: ten thousand candidates would be told five times."""
    told = views(table)
    told["validation_curves"] = [
        {key: value for key, value in curve.items() if curve["kind"] == "curve" or key not in _IN_COLUMNS}
        for curve in told["validation_curves"]
    ]
    told["score_against_time"] = {"pareto": told["score_against_time"]["pareto"]}
    del told["progress"]["name"]
    for key in ("seconds", "score", "best_so_far"):
        told["progress"][key] = _brief(np.array(told["progress"][key], dtype=float))
    for worker in told["timeline"]["workers"]:
        worker["tasks"] = [
            [candidate, split, round(began, 4), took if took is None else round(took, 6)]
            for candidate, split, began, took in worker["tasks"]
        ]
    if not with_advice:
        told["advice"] = []
    return told


def _brief(array: Array) -> list[Any]:
    """The numbers with eight significant digits, which is more than anybody sees and half of what JSON would hold."""
    with np.errstate(all="ignore"):
        places = 7 - np.floor(np.log10(np.abs(array)))
        scale = 10.0 ** np.where(np.isfinite(places), np.clip(places, -300, 300), 0.0)
        brief = np.round(array * scale) / scale
    return plain_numbers(np.where(np.isfinite(brief), brief, array))


def _param(table: SearchTable, key: str) -> SearchedParam:
    column = table.column(key)
    return SearchedParam(
        key=key,
        values=column.values,
        codes=tuple(column.codes.tolist()),
        numeric=column.numbers is not None,
        scale=scale_of(table, key),
        varies=key in table.varying(),
    )


def _deciding_first(table: SearchTable) -> list[str]:
    return sorted(table.test, key=lambda name: name != table.metric)


def _scorer(table: SearchTable, name: str) -> ScorerView:
    train = table.train.get(name)
    return ScorerView(
        name=name,
        mean=tuple(_brief(table.mean(name))),
        std=tuple(_brief(table.std(name))),
        folds=tuple(tuple(row) for row in _brief(table.scores(name))),
        train_mean=None if train is None else tuple(_brief(mean_of(train))),
        train_std=None if train is None else tuple(_brief(std_of(train))),
    )


def _ranks(table: SearchTable) -> tuple[int | None, ...]:
    """The place of each candidate under the scorer that decides; equal scores share one."""
    scores = table.fair()
    iteration = np.zeros(len(table)) if table.iteration is None else table.iteration
    keys = [
        None if np.isnan(score) else (-int(rung), -float(score)) for rung, score in zip(iteration, scores, strict=True)
    ]
    place: dict[tuple[int, float], int] = {}
    for number, key in enumerate(sorted(key for key in keys if key is not None), 1):
        place.setdefault(key, number)
    return tuple(None if key is None else place[key] for key in keys)
