"""Tables to test with: written by hand, and made from the `cv_results_` of real searches."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from skribe.plots.table import SearchTable


def table(params, scores, *, fit=None, score=None, began=None, worker=None, train=None, best=None, **rest: Any):
    """A table with as little as a test wants to say; times that are not given are not known."""
    scores = np.array(scores, dtype=float)
    scores = scores[:, None] if scores.ndim == 1 else scores
    absent = np.full(scores.shape, np.nan)

    def filled(given):
        if given is None:
            return absent
        given = np.asarray(given, dtype=float)
        return np.broadcast_to(given[:, None] if given.ndim == 1 else given, scores.shape).copy()

    rest = {"iteration": None, "resources": None, "metric": "score", **rest}
    return SearchTable(
        params=tuple(params),
        names=tuple(", ".join(f"{key}={value}" for key, value in given.items()) for given in params),
        test={rest["metric"]: scores},
        train={} if train is None else {rest["metric"]: filled(train)},
        fit_seconds=filled(fit),
        score_seconds=filled(score),
        began=filled(began),
        worker=np.zeros(scores.shape, dtype=int) if worker is None else np.asarray(worker),
        best=best,
        **rest,
    )


def from_search(search, metric="score", chosen=True):
    """The table of a fitted search, as far as `cv_results_` tells it."""
    results = search.cv_results_
    scorers = {re.sub(r"^split0_test_", "", key) for key in results if re.match("split0_test_", key)}

    def splits(side, scorer):
        keys = [f"split{number}_{side}_{scorer}" for number in range(search.n_splits_)]
        return np.array([results[key] for key in keys], dtype=float).T if keys[0] in results else None

    shape = splits("test", next(iter(scorers))).shape
    train = {scorer: scores for scorer in scorers if (scores := splits("train", scorer)) is not None}
    return SearchTable(
        params=tuple(results["params"]),
        names=tuple(", ".join(f"{key}={value}" for key, value in given.items()) for given in results["params"]),
        test={scorer: splits("test", scorer) for scorer in scorers},
        train=train,
        fit_seconds=np.repeat(results["mean_fit_time"][:, None], shape[1], axis=1),
        score_seconds=np.repeat(results["mean_score_time"][:, None], shape[1], axis=1),
        began=np.full(shape, np.nan),
        worker=np.zeros(shape, dtype=int),
        iteration=results.get("iter"),
        resources=results.get("n_resources"),
        metric=metric,
        best=int(search.best_index_) if chosen else None,
    )


def large(candidates=10_000, splits=5, parameters=5, seed=0):
    """A random search over continuous and discrete parameters, as large as searches get."""
    random = np.random.default_rng(seed)
    columns = {f"p{number}": (10 ** random.uniform(-4, 4, candidates)).tolist() for number in range(parameters - 2)}
    columns["kernel"] = random.choice(["rbf", "linear", "poly"], candidates).tolist()
    columns["depth"] = random.integers(1, 40, candidates).tolist()
    params = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    scores = random.normal(0.8, 0.05, (candidates, 1)) + random.normal(0, 0.02, (candidates, splits))
    fit = random.lognormal(-2, 1, (candidates, splits))
    began = 1.7e9 + np.cumsum(fit.ravel()).reshape(fit.shape) / 8
    worker = random.integers(1, 9, fit.shape)
    return table(params, scores, fit=fit, score=fit / 10, began=began, worker=worker, train=scores + 0.01, best=7)
