"""A search or a cross-validation as it stands in the store: finished, killed, or still running."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skribe.errors import ArgumentError
from skribe.plots.table import SearchTable
from skribe.records import Candidate, Result
from skribe.store.query import Query
from skribe.store.values import decode
from skribe.sweeps.parts import numbers_of

if TYPE_CHECKING:
    import pandas


def table_of(query: Query, run_id: str) -> SearchTable:
    """The candidates of a search and what each split of them gave, as the views want them."""
    return as_table(query, run_id, query.candidates(run_id), query.results(run_id))


def as_table(query: Query, run_id: str, candidates: list[Candidate], results: list[Result]) -> SearchTable:
    """The same of what was read before."""
    places = {candidate.number: row for row, candidate in enumerate(candidates)}
    shape = len(candidates), max((result.split for result in results), default=-1) + 1
    empty = np.full(shape, math.nan)
    scores: dict[str, dict[str, Any]] = {"test": {}, "train": {}}
    times = {"fit_time": empty.copy(), "score_time": empty.copy(), "began": empty.copy()}
    worker = np.zeros(shape, dtype=int)
    for result in results:
        row = places.get(result.candidate)
        if row is None:
            continue
        place = row, result.split
        if result.reused is None:  # what was taken over was not done at this time, nor by these workers
            times["began"][place], worker[place] = result.began, result.worker + 1
        for key, value in numbers_of(result):
            group, _, name = key.partition("_")
            if key in times:
                times[key][place] = value
            elif group in scores:
                scores[group].setdefault(name, empty.copy())[place] = value
    halving = bool(candidates) and candidates[0].iteration is not None
    metric = _deciding(query, run_id, scores["test"])
    return SearchTable(
        params=tuple(_values(candidate) for candidate in candidates),
        names=tuple(candidate.name for candidate in candidates),
        test=scores["test"] or {metric: empty},
        train=scores["train"],
        fit_seconds=times["fit_time"],
        score_seconds=times["score_time"],
        began=times["began"],
        worker=worker,
        iteration=np.array([candidate.iteration for candidate in candidates]) if halving else None,
        resources=np.array([candidate.resources for candidate in candidates], dtype=float) if halving else None,
        metric=metric,
        best=_best(query, run_id, candidates),
    )


def _values(candidate: Candidate) -> dict[str, Any]:
    return {key: decode(*text) for key, text in candidate.params.items()}


def _deciding(query: Query, run_id: str, test: Mapping[str, Any]) -> str:
    """The scorer that decides: the only one, else the one that `refit` names, else the first."""
    refit = next((param.value for param in query.params(run_id) if param.key == "refit"), "")
    return refit if refit in test else next(iter(test), "score")


def _best(query: Query, run_id: str, candidates: list[Candidate]) -> int | None:
    """The chosen candidate, once there is one."""
    facts = {fact.key: fact.value for fact in query.facts(run_id)}
    index = facts.get("best_index_")
    return int(index) if index is not None and int(index) < len(candidates) else None


def chosen_view(views: Mapping[str, Any], name: str, params: Sequence[str]) -> Any:
    """The one view that is meant: of these parameters, where it is of parameters."""
    if name == "validation_curve":
        curves: dict[tuple[str, ...], Any] = {(curve["parameter"],): curve for curve in views["validation_curves"]}
        return _one(curves, name, tuple(params), "a parameter")
    if name == "heat_map":
        maps: dict[tuple[str, ...], Any] = {
            (one["x"]["parameter"], one["y"]["parameter"]): one for one in views["heat_maps"]["maps"]
        }
        wanted = tuple(params) if tuple(params) in maps else tuple(reversed(params))
        return _one(maps, name, wanted, "two parameters")
    if params:
        raise ArgumentError(f"plot({name!r}) is of the whole search; leave {', '.join(params)} out.")
    if name not in views:
        raise ArgumentError(f"plot({name!r}): there is no such picture; there are {', '.join(_PICTURES)}.")
    return views[name]


_PICTURES = ("validation_curve", "heat_map", "score_against_time", "progress", "timeline", "rungs")


def _one(found: Mapping[tuple[str, ...], Any], name: str, params: tuple[str, ...], what: str) -> Any:
    if not found:
        raise ArgumentError(f"plot({name!r}): the search did not vary {what}.")
    if not params:
        return next(iter(found.values()))
    if params not in found:
        there = ", ".join(" and ".join(key) for key in found)
        raise ArgumentError(f"plot({name!r}, {', '.join(map(repr, params))}): it is of {what}; there are: {there}.")
    return found[params]


def results_frame(query: Query, run_id: str) -> pandas.DataFrame:
    """A row for each (candidate, split) that is done, with what was chosen, its scores and its times."""
    import pandas as pd

    candidates = {candidate.number: candidate for candidate in query.candidates(run_id)}
    rows = [_row(candidates.get(result.candidate), result) for result in query.results(run_id)]
    frame = pd.DataFrame(rows, columns=None if rows else ["candidate", "split", "name", "began"])
    frame["began"] = pd.to_datetime(frame["began"], unit="s", utc=True)
    return frame


def _row(candidate: Candidate | None, result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {"candidate": result.candidate, "split": result.split}
    if candidate is not None:
        row["name"] = candidate.name
        row |= {f"params.{key}": value for key, value in _values(candidate).items()}
        if candidate.iteration is not None:
            row |= {"iter": candidate.iteration, "n_resources": candidate.resources}
    row |= dict(numbers_of(result))
    row |= {"n_train": result.body.get("n_train"), "n_test": result.body.get("n_test")}
    row |= {"began": result.began, "worker": result.worker, "error": result.body.get("error")}
    return {**row, "reused": result.reused}
