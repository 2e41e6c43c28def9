"""The last word on a search: its own table says what each candidate came to, and how it ranks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skribe.capture.search import best_of, columns_of
from skribe.guard import attempt, contain
from skribe.records import Artifact, Changes, Fact, Metric, Note, Summary
from skribe.store.artifacts import ArtifactStore
from skribe.store.values import decode
from skribe.sweeps.parts import Part, mean_and_std
from skribe.sweeps.sweep import IDENTITY, Sweep, deciding
from skribe.sweeps.table import csv_of

if TYPE_CHECKING:
    from skribe.plots.table import SearchTable


def summary_of(sweep: Sweep) -> Summary:
    """What a search or a cross-validation that has come to its end says of itself."""
    return of_validation(sweep) if sweep.call.function else of_search(sweep)


def of_search(sweep: Sweep) -> Summary:
    """What a search that has come to its end says of itself. Its children get their ranks."""
    held = vars(sweep.call.estimator)
    params, metrics = contain("what the search chose", best_of, held) or ((), ())
    facts = [Fact("n_candidates", str(len(sweep.parts)), "int"), _fits(sweep)]
    notes = list(_about_reuse(sweep))
    if "refit_time_" in held:
        metrics = (*metrics, Metric("refit_time", float(held["refit_time_"])))
    if sweep.home.settings.resume:
        metrics = (*metrics, Metric("reused_results", float(sweep.reused)))
    if sweep.failed:
        metrics = (*metrics, Metric("failed_fits", float(sweep.failed)))
    results = held.get("cv_results_")
    if not isinstance(results, dict) or len(results.get("params", ())) != len(sweep.parts):
        return Summary(params=params, metrics=metrics, facts=tuple(facts), notes=tuple(notes))
    best = held.get("best_index_")
    best = int(best) if isinstance(best, int | np.integer) else None
    tags = contain("the ranks of the candidates", _rank, sweep, results, best) or {}
    csv = attempt("cv_results.csv", notes, _keep_table, sweep, results)
    notes += contain("advice on a search", _advice, sweep, results, best) or ()
    erased = _losers(sweep, results, best)
    if erased:
        most = sweep.home.settings.max_tuning_runs
        notes.append(Note("children", f"the best {most} of {len(sweep.parts)} candidates are kept (max_tuning_runs)"))
    return Summary(
        params=params,
        metrics=metrics,
        tags=tags,
        facts=tuple(facts),
        notes=tuple(notes),
        artifacts=() if csv is None else (csv,),
        erased=erased,
    )


def of_validation(sweep: Sweep) -> Summary:
    """What a cross-validation adds: mean and standard deviation over its folds, or its curve over sizes or values."""
    metrics: list[Metric] = []
    facts = [_fits(sweep)] if sweep.parts else []
    parts = [sweep.parts[number] for number in sorted(sweep.parts)]
    if sweep.layout.kind == "fold":
        by_key: dict[str, list[float]] = {}
        for part in parts:
            for key, by_split in part.numbers.items():
                by_key.setdefault(key, []).extend(by_split.values())
        for key, values in by_key.items():
            if len(values) == len(parts):
                mean, std = mean_and_std(values)
                metrics += [Metric(f"mean_{key}", mean), Metric(f"std_{key}", std)]
        facts += [Fact("n_folds", str(len(parts)), "int")] if parts else []
    else:
        for part in parts:
            metrics += _curve(sweep, part)
    result = sweep.call.result
    if sweep.call.method == "permutation_test_score" and isinstance(result, tuple) and len(result) == 3:
        metrics += [Metric("test_score", float(result[0])), Metric("p_value", float(result[2]))]
    return Summary(metrics=tuple(metrics), facts=tuple(facts))


def _curve(sweep: Sweep, part: Part) -> Iterable[Metric]:
    """One point of each curve: by the size of the training set, or by the number of the value."""
    chosen = next(iter(part.place.chosen.items()))
    by_size = sweep.call.method == "learning_curve"
    step = int(chosen[1]) if by_size else part.place.part
    # The last point is not the best one: the name says that it is a path.
    for metric in part.means():
        yield metric._replace(key=f"path_{metric.key}", step=step)
    value = chosen[1]
    if not by_size and isinstance(value, int | float | np.number) and not isinstance(value, bool):
        yield Metric(f"path_{chosen[0]}", float(value), step)


def _fits(sweep: Sweep) -> Fact:
    return Fact("n_fits", str(sweep.computed + sweep.reused), "int")


def _about_reuse(sweep: Sweep) -> Iterable[Note]:
    if not sweep.home.settings.resume:
        return
    for run, count in sweep.reused_from.items():
        yield Note("resume", f"{count} of {sweep.computed + sweep.reused} results are taken from run {run[-8:]}")
    for reason, count in sweep.keys.without.items():
        yield Note("resume", f"{count} results are computed anew, and cannot be found again: {reason}")
    if not sweep.reused and not sweep.keys.without:
        yield Note("resume", f"no finished result of this search was found{_difference(sweep)}")


def _difference(sweep: Sweep) -> str:
    """In what the search before this one was another."""
    before = contain("the search before", sweep.home.last, sweep.home.folder, sweep.home.run, IDENTITY)
    if before is None:
        return ": there is no earlier search of this class in the store"
    run, parts = before[0], json.loads(before[1])
    other = [name for name, part in sweep.keys.parts.items() if parts.get(name) != part]
    if "estimator" in other and "scorer" in other:
        other.remove("scorer")  # the estimator's own, as a rule
    other = [f"{name} (or the code of it)" if name in ("estimator", "scorer") else name for name in other]
    if not other:
        return f": run {run[-8:]} is of the same search, and had finished none of these candidates"
    hint = "; a splitter that shuffles needs a random_state" if "splits" in other else ""
    return f": the one before it, run {run[-8:]}, had another {', '.join(other)}{hint}"


def _rank(sweep: Sweep, results: Mapping[str, Any], best: int | None) -> dict[str, str]:
    """Write each child's ranks, and whatever of its means scikit-learn has computed otherwise."""
    columns = columns_of(results)
    tags: dict[str, str] = {}
    changes = []
    for number, part in sweep.parts.items():
        if part.run is None:
            continue
        fresh = tuple(
            Metric(key, values[number])
            for key, values in columns.items()
            if not same(part.known.get(key), values[number]) and key not in ("iter", "n_resources")
        )
        mark = {"best": "true"} if number == best else {}
        changes.append(Changes(run=part.run, metrics=fresh, tags=mark))
        if mark:
            tags["best_run"] = part.run
    sweep.home.write(*changes)
    return tags


def same(one: float | None, other: float) -> bool:
    """Whether they are the same number, nan included."""
    return one is not None and (one == other or (one != one and other != other))


def _keep_table(sweep: Sweep, results: Mapping[str, Any]) -> Artifact:
    return ArtifactStore(sweep.home.folder).put_bytes(sweep.home.run, "cv_results.csv", csv_of(results))


def _losers(sweep: Sweep, results: Mapping[str, Any], best: int | None) -> tuple[str, ...]:
    """The children that are not among the best `max_tuning_runs`."""
    most = sweep.home.settings.max_tuning_runs
    if most is None or most >= len(sweep.parts):
        return ()
    scores = next((results[key] for key in (f"rank_{_metric(sweep, results)}",) if key in results), None)
    order = sorted(sweep.parts, key=lambda number: (0 if scores is None else scores[number], number))
    keep = set(order[:most]) | ({best} if best is not None and most else set())
    if len(keep) > most:
        keep.discard(order[most - 1])
    return tuple(part.run for number, part in sweep.parts.items() if number not in keep and part.run is not None)


def _metric(sweep: Sweep, results: Mapping[str, Any]) -> str:
    means = {key: 0.0 for key in results if key.startswith("mean_test_")}
    key = deciding(sweep.call.estimator, means) or next(iter(means), "mean_test_score")
    return key.removeprefix("mean_")


def _advice(sweep: Sweep, results: Mapping[str, Any], best: int | None) -> list[Note]:
    from skribe.plots.search import advice

    found = advice(_table(sweep, results, best))
    return [Note("advice", one.text) for one in found]


def _table(sweep: Sweep, results: Mapping[str, Any], best: int | None) -> SearchTable:
    """The search as a table, from scikit-learn's own."""
    from skribe.plots.table import SearchTable

    parts = [sweep.parts[number] for number in sorted(sweep.parts)]
    groups: dict[str, dict[str, list[Any]]] = {"test": {}, "train": {}}
    splits = int(vars(sweep.call.estimator).get("n_splits_", 1))
    for group, by_scorer in groups.items():
        for key in results:
            if key.startswith(f"split0_{group}_"):
                name = key.removeprefix(f"split0_{group}_")
                by_scorer[name] = [results[f"split{split}_{group}_{name}"] for split in range(splits)]
    halving = parts[0].place.iteration is not None
    shape = (len(parts), splits)
    return SearchTable(
        params=tuple({key: decode(*text) for key, text in part.place.texts.items()} for part in parts),
        names=tuple(part.place.name for part in parts),
        test={name: np.column_stack(columns) for name, columns in groups["test"].items()},
        train={name: np.column_stack(columns) for name, columns in groups["train"].items()},
        fit_seconds=np.repeat(np.asarray(results["mean_fit_time"])[:, None], splits, axis=1),
        score_seconds=np.repeat(np.asarray(results["mean_score_time"])[:, None], splits, axis=1),
        began=np.full(shape, math.nan),
        worker=np.zeros(shape, dtype=int),
        iteration=np.array([part.place.iteration for part in parts]) if halving else None,
        resources=np.array([part.place.resources for part in parts]) if halving else None,
        metric=_metric(sweep, results).removeprefix("test_"),
        best=best,
    )
