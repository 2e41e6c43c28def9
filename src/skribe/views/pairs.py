"""A paired test for runs that were scored on the same folds, in plain words.

Folds share their training data, so the usual paired t-test finds differences where there are none. The corrected one
of Nadeau and Bengio (2003) is used, and where a run is compared with several others, Holm's correction beside it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from skribe.display.text import number
from skribe.records import Result
from skribe.store.query import Query

if TYPE_CHECKING:
    from skribe.views.run import RunView

_LEVEL = 0.05
# Splitters that give the same folds again for the same data, unless they shuffle without a seed.
_REPEATABLE = re.compile(r"(Repeated)?(Stratified)?(KFold|ShuffleSplit)\(|TimeSeriesSplit\(|Leave(One|P)Out\(")
_SEEDED = re.compile(r"random_state=\d+")


@dataclass(frozen=True, slots=True)
class Paired:
    """One run against the best, under one scorer, fold by fold."""

    scorer: str
    best: str  # run.id
    other: str  # run.id
    difference: float  # mean of best minus other
    low: float | None  # the interval that holds the true difference in 95 of 100 cases
    high: float | None
    p: float | None  # two-sided; None where the difference is the same on every fold
    folds: tuple[tuple[float, float], ...]  # best and other on each fold
    said: str


@dataclass(frozen=True, slots=True)
class _Folds:
    """The scores of a run on its folds; runs with the same `key` had the same folds."""

    key: tuple[Any, ...]
    scores: Mapping[str, Sequence[float]]
    share: float  # test rows for each training row


def paired(query: Query, views: Sequence[RunView]) -> tuple[tuple[Paired, ...], str]:
    """The tests, and why there are none if there are none."""
    folds = {view.id: _folds_of(query, view) for view in views}
    groups: dict[tuple[Any, ...], list[str]] = {}
    for run, found in folds.items():
        if found is not None:
            groups.setdefault(found.key, []).append(run)
    same = max(groups.values(), key=len, default=[])
    if len(same) < 2:
        scored = sum(found is not None for found in folds.values())
        if scored < 2:
            return (), "A paired test needs runs with a score per fold: cross-validations, searches or candidates."
        return (), "No two of these runs are known to have been scored on the same folds."
    names = {view.id: f"{view.name} {view.short_id}" for view in views}
    known = [(run, found) for run in same if (found := folds[run]) is not None]
    shared = [key for key in known[0][1].scores if all(key in found.scores for _, found in known)]
    tests: list[Paired] = []
    for scorer in shared:
        tests += _against_the_best(scorer, known, names)
    left_out = [names[view.id] for view in views if view.id not in same]
    return tuple(tests), f"Not on the same folds: {', '.join(left_out)}." if left_out else ""


def _against_the_best(scorer: str, runs: Sequence[tuple[str, _Folds]], names: Mapping[str, str]) -> list[Paired]:
    means = {run: math.fsum(found.scores[scorer]) / len(found.scores[scorer]) for run, found in runs}
    best = max(means, key=means.__getitem__)
    by_run = dict(runs)
    tests = [
        _test(scorer, best, other, by_run[best].scores[scorer], by_run[other].scores[scorer], by_run[best].share)
        for other in sorted(means, key=means.__getitem__, reverse=True)
        if other != best
    ]
    return [replace(test, said=_said(test, names, len(tests))) for test in _holm(tests)]


def _test(scorer: str, best: str, other: str, a: Sequence[float], b: Sequence[float], share: float) -> Paired:
    """The corrected resampled t-test of one pair."""
    differences = [x - y for x, y in zip(a, b, strict=True)]
    count = len(differences)
    mean = math.fsum(differences) / count
    squares = math.fsum((one - mean) ** 2 for one in differences)
    folds = tuple(zip(a, b, strict=True))
    if squares <= 1e-30 * count:
        return Paired(scorer, best, other, mean, None, None, 1.0 if mean == 0 else None, folds, "")
    from scipy.stats import t

    error = math.sqrt(squares / (count - 1) * (1 / count + share))
    p = float(2 * t.sf(abs(mean) / error, count - 1))
    reach = float(t.ppf(0.975, count - 1)) * error
    return Paired(scorer, best, other, mean, mean - reach, mean + reach, p, folds, "")


def _holm(tests: Sequence[Paired]) -> list[Paired]:
    """The p-values as they are when several are looked at together."""
    order = sorted((n for n, test in enumerate(tests) if test.p is not None), key=lambda n: tests[n].p or 0.0)
    corrected = list(tests)
    least = 0.0
    for place, n in enumerate(order):
        least = max(least, min(1.0, (tests[n].p or 0.0) * (len(order) - place)))
        corrected[n] = replace(tests[n], p=least)
    return corrected


def _said(test: Paired, names: Mapping[str, str], tests: int) -> str:
    best, other = names[test.best], names[test.other]
    if test.difference == 0 and test.p == 1.0 and all(a == b for a, b in test.folds):
        return f"{best} and {other} have the same {test.scorer} on every fold."
    ahead = sum(a > b for a, b in test.folds)
    lead = (
        f"{best} has the higher {test.scorer} on {ahead} of {len(test.folds)} folds than {other},"
        f" by {number(test.difference)} on average"
    )
    if test.p is None:
        return f"{lead}, and by the same on each: there is no spread to test against."
    assert test.low is not None
    assert test.high is not None
    lead += f" (95 % interval {number(test.low)} to {number(test.high)})"
    together = f", corrected for {tests} comparisons" if tests > 1 else ""
    said = f"p = {test.p:.2g}" if test.p >= 0.001 else "p < 0.001"
    if test.p < _LEVEL:
        return f"{lead}. That is more than chance explains ({said}{together}): the lead is likely real."
    return f"{lead}. Equal models differ as much by chance ({said}{together}): neither is shown to be better."


def _folds_of(query: Query, view: RunView) -> _Folds | None:
    """The scores per fold of a cross-validation, of a candidate, or of the candidate that a search chose."""
    if view.kind == "candidate" and view.parent is not None:
        home, number_ = view.parent.id, _number_of(query, view.parent.id, view.id)
    else:  # a search or a cross-validation; also one that became part of a run by hand
        home, number_ = view.id, None if view.kind == "cv" else _chosen(query, view.id)
        if number_ is None and view.kind != "cv":
            return None
    results = [one for one in query.results(home) if number_ is None or one.candidate == number_]
    scores = _scores(results)
    sizes = [(int(one.body.get("n_train") or 0), int(one.body.get("n_test") or 0)) for one in results]
    key = _key(query, home, number_) or ("unknown", view.id)
    if not scores or len(results) < 2 or any(a < 1 or b < 1 for a, b in sizes):
        return None
    share = sum(b / a for a, b in sizes) / len(sizes)
    return _Folds((*key, *sizes), scores, share)


def _number_of(query: Query, search: str, run: str) -> int | None:
    return next((one.number for one in query.candidates(search) if one.run == run), -1)


def _chosen(query: Query, search: str) -> int | None:
    """The candidate that the search chose."""
    index = next((fact.value for fact in query.facts(search) if fact.key == "best_index_"), None)
    candidates = query.candidates(search)
    return candidates[int(index)].number if index is not None and int(index) < len(candidates) else None


def _scores(results: Sequence[Result]) -> dict[str, list[float]]:
    """Per scorer the score on each fold, of those scorers that have a number on every fold."""
    told: dict[str, list[float]] = {}
    for one in results:
        test = one.body.get("test")
        for name, value in (test if isinstance(test, dict) else {"score": test}).items():
            if isinstance(value, (int, float)) and math.isfinite(value):
                told.setdefault(name, []).append(float(value))
    return {name: values for name, values in told.items() if len(values) == len(results)}


def _key(query: Query, home: str, candidate: int | None) -> tuple[Any, ...] | None:
    """Equal for runs with the same folds of the same data; None where that cannot be known."""
    data = next((one.fingerprint for one in query.datasets(home) if one.role == "train"), None)
    facts = {fact.key: fact.value for fact in query.facts(home)}
    if candidate is not None:
        # Within one search all candidates of one iteration have the same folds; beside it, those with equal splits.
        place = next((one for one in query.candidates(home) if one.number == candidate), None)
        identity = json.loads(facts.get("identity", "{}"))
        rung = None if place is None else place.iteration
        if rung is not None or data is None or "splits" not in identity:
            return "search", home, rung
        return "splits", data, identity["splits"], identity.get("X"), identity.get("y")
    splitter = facts.get("splitter", "")
    shuffles = "shuffle=True" in splitter or "Shuffle" in splitter or "Repeated" in splitter
    if data is None or not _REPEATABLE.match(splitter) or (shuffles and not _SEEDED.search(splitter)):
        return None
    return "splitter", data, splitter
