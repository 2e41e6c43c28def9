"""Searches and cross-validation: what each (candidate, split) costs, at twenty candidates and at ten thousand."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import Any

from benchmarks.cases import case, resident, switch_on, timed, times


def cancer() -> tuple[Any, Any]:
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import scale

    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def grid_of(candidates: int, **settings: Any) -> Any:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    return GridSearchCV(LogisticRegression(), {"C": np.logspace(-3, 2, candidates).tolist()}, cv=5, **settings)


@case()
def grid_20(mode: str) -> dict[str, float]:
    """grid of 20 x 5 logistic regressions on breast cancer"""
    X, y = cancer()
    grid_of(2).fit(X, y)
    switch_on(mode)
    fit = partial(grid_of(20).fit, X, y)
    first = timed(fit)
    return {
        "first fit ms": first,
        "next fits ms": statistics.median(times(fit, 3 if mode.startswith("mlflow") else 7)),
    }


@case()
def grid_200(mode: str) -> dict[str, float]:
    """grid of 200 x 5 logistic regressions on breast cancer, on one core and on two (loky)"""
    X, y = cancer()
    grid_of(2).fit(X, y)
    grid_of(4, n_jobs=2).fit(X, y)
    switch_on(mode)
    alone = partial(grid_of(200).fit, X, y)
    rounds = 1 if mode.startswith("mlflow") else 3
    found = {"n_jobs=1 ms": statistics.median(times(alone, rounds))}
    if not mode.startswith("mlflow"):
        found["n_jobs=2 ms"] = statistics.median(times(partial(grid_of(200, n_jobs=2).fit, X, y), rounds))
    return found


@case(modes=("plain", "skribe"))
def tasks(mode: str) -> dict[str, float]:
    """tasks that take no time: 400 x 5 and 4 000 x 5 dummies, on one core"""
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import GridSearchCV

    X, y = cancer()

    def search(candidates: int) -> Any:
        return GridSearchCV(
            DummyClassifier(strategy="constant"), {"constant": [n % 2 for n in range(candidates)]}, cv=5
        )

    search(2).fit(X, y)
    switch_on(mode)
    found = {}
    for candidates, rounds in ((400, 5), (4000, 1)):
        spent = statistics.median(times(partial(search(candidates).fit, X, y), rounds))
        found[f"{candidates} x 5: us per (candidate, split)"] = spent * 1e3 / (candidates * 5)
    return found


@case(modes=("plain", "skribe"))
def candidates_10k(mode: str) -> dict[str, float]:
    """10 000 candidates x 2 splits: is the cost flat, and how long does reading back take"""
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import RandomizedSearchCV

    X, y = cancer()
    clock: list[float] = []

    class Clocked(DummyClassifier):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            clock.append(time.perf_counter())
            return super().fit(X, y)

    def search(candidates: int) -> Any:
        chosen = {"random_state": list(range(candidates))}
        return RandomizedSearchCV(Clocked(), chosen, n_iter=candidates, cv=2, refit=False, random_state=0)

    search(10).fit(X, y)
    switch_on(mode)
    search(10).fit(X, y)
    clock.clear()
    before = resident()
    total = timed(partial(search(10_000).fit, X, y))
    per_task = [(clock[at + 2000] - clock[at]) / 2000 * 1e6 for at in (0, len(clock) - 2001)]
    found = {
        "first 1 000: us per task": per_task[0],
        "last 1 000: us per task": per_task[1],
        "whole search ms": total,
        "memory MB": resident() - before,
    }
    if mode == "skribe":
        import skribe

        run = skribe.last_run()
        found["reading the parent back ms"] = timed(lambda: (str(run), run.params, run.metrics, run.facts, run.best))
        found["its 10 000 children ms"] = timed(lambda: run.children)
        found["results() ms"] = timed(run.results)
        found["advice() and views() ms"] = timed(lambda: (run.advice(), run.views()))
        found["page of children by rank ms"] = timed(
            lambda: skribe.runs(kind="candidate", children=True, sort_by="metrics.rank_test_score", limit=50)
        )
    return found


@case(modes=("plain", "skribe"))
def resumed(mode: str) -> dict[str, float]:
    """a search of 100 x 5 tasks of 10 ms, killed at 90 % and started again with resume=True"""
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import GridSearchCV

    X, y = cancer()

    class Slow(DummyClassifier):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            time.sleep(0.01)
            return super().fit(X, y)

    def search(candidates: int) -> Any:
        return GridSearchCV(Slow(), {"random_state": list(range(candidates))}, cv=5)

    if mode == "skribe":
        import skribe

        skribe.autolog(resume=True)
        search(90).fit(X, y)
    return {"the search, or what is left of it ms": timed(partial(search(100).fit, X, y))}


@case()
def validation(mode: str) -> dict[str, float]:
    """cross_validate, 5 folds of logistic regression"""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_validate

    X, y = cancer()
    switch_on(mode)
    return {"call ms": statistics.median(times(lambda: cross_validate(LogisticRegression(), X, y), 7))}
