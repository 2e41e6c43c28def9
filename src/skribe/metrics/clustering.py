"""The metrics of a clustering: of its own labels, and of their agreement with `y` if there is one."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from skribe.metrics import budget as budgets
from skribe.metrics import scores
from skribe.metrics.inference import Refused, Responses
from skribe.metrics.labels import Array, as_array, encode
from skribe.metrics.report import Predictions
from skribe.metrics.rows import count_columns, pick, take_rows
from skribe.metrics.supervised import Case
from skribe.metrics.task import inner, is_exactly, is_pipeline

# Seconds per value, measured; the silhouette compares every pair of rows.
_CALINSKI, _DAVIES, _PAIR = 4e-9, 12e-9, 2e-9
_SHAPES = ("silhouette_score", "calinski_harabasz_score", "davies_bouldin_score")
_SILHOUETTE_ROWS = 2_000


def clusterer(case: Case) -> Predictions | None:
    """Evaluate a clustering. None if there are no labels."""
    final = inner(case.estimator)
    case.responses = Responses(case.estimator, case.X, case.rows)
    found = _labels(case, final)
    if found is None:
        return None
    started = time.perf_counter()
    labels, codes = found
    noise = int(np.count_nonzero(labels == -1))
    case.sheet.add("n_clusters", np.unique(labels[labels != -1]).size)
    if noise:
        case.sheet.add("noise_share", noise / labels.size)
    if isinstance(inertia := getattr(final, "inertia_", None), (float, np.floating, int)):
        case.sheet.add("inertia", inertia)
    _agreement(case, codes)
    _shape(case, final, codes, noise, started)
    spent = case.spent + time.perf_counter() - started
    _score(case, final, None if case.budget is None else case.budget - spent)
    return Predictions(case.true, labels, None, None, case.weight)


def _labels(case: Case, final: Any) -> tuple[Array, Array] | None:
    labels = getattr(final, "labels_", None)
    if labels is None or np.shape(labels) != (case.rows,):
        responses = case.responses
        assert responses is not None
        if not responses.offers("predict"):
            case.sheet.remark("it keeps no labels of its training rows, and cannot predict them")
            return None
        responses = case.settle(None, ["predict"], 0.0)
        try:
            labels = responses.ask("predict")
        except Refused as refusal:
            case.sheet.remark(str(refusal))
            return None
    encoded = encode(labels)
    if encoded is None:
        case.sheet.remark("its labels are not one label per row")
        return None
    return np.asarray(labels), encoded.codes


def _agreement(case: Case, codes: Array) -> None:
    """How far the clusters agree with the labels in `y`."""
    if case.true is None:
        return
    names = ("adjusted_rand_score", "homogeneity_score", "completeness_score", "v_measure_score")
    true = case.labels or encode(case.true)
    if true is None or true.codes.size != codes.size:
        return  # A continuous y says nothing about clusters, and no estimator used it.
    from sklearn.metrics import adjusted_rand_score, homogeneity_completeness_v_measure

    case.sheet.ask(names[0], adjusted_rand_score, true.codes, codes)
    try:
        values = homogeneity_completeness_v_measure(true.codes, codes)
    except Exception as error:  # noqa: BLE001
        for name in names[1:]:
            case.sheet.absent(name, str(error))
        return
    for name, value in zip(names[1:], values, strict=True):
        case.sheet.add(name, value)


def _shape(case: Case, final: Any, codes: Array, noise: int, started: float) -> None:
    """How compact and how far apart the clusters are, as far as the budget goes."""
    number, n = np.unique(codes).size, codes.size
    reason = None
    if not 2 <= number <= n - 1:
        reason = f"it takes 2 to {n - 1} clusters, and there are {number}"
    elif _pairwise(final):
        reason = "X holds distances or affinities, not the rows themselves"
    X = None if reason else _space(case)
    if X is None:
        for name in _SHAPES:
            case.sheet.absent(
                name, reason or "the pipeline's steps before it cannot transform X again within the overhead budget"
            )
        return
    if noise:
        case.sheet.remark("the silhouette and its kin count the noise (-1) as one cluster, as scikit-learn does")
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

    def left() -> float:
        return np.inf if case.budget is None else case.budget - case.spent - (time.perf_counter() - started)

    width = count_columns(X)
    for name, function, each in (
        ("calinski_harabasz_score", calinski_harabasz_score, _CALINSKI),
        ("davies_bouldin_score", davies_bouldin_score, _DAVIES),
    ):
        if n > 500 and each * n * (width + 10) > left() / 2:
            case.sheet.absent(name, f"computing it would exceed the overhead budget of {case.budget:.2g} s")
        else:
            case.sheet.ask(name, function, X, codes)
    _silhouette(case, X, codes, width, left())


def _silhouette(case: Case, X: Any, codes: Array, width: int, left: float) -> None:
    from sklearn.metrics import silhouette_score

    n, name = codes.size, _SHAPES[0]
    most = n
    if case.budget is not None and n > 500:
        most = int(min(n, max(np.sqrt(max(left, 0.0) / (_PAIR * (width + 4))), 0), _SILHOUETTE_ROWS))
    if most < min(100, n):
        case.sheet.absent(name, f"computing it would exceed the overhead budget of {case.budget:.2g} s")
        return
    if most < n:
        rows = pick(n, most)
        X, codes = take_rows(X, rows), codes[rows]
    if case.sheet.ask(name, silhouette_score, X, codes) is not None and most < n:
        case.sheet.absent(name, f"computed on a seeded sample of {most} of {n} rows: it compares every pair of rows")


def _pairwise(final: Any) -> bool:
    return "precomputed" in (getattr(final, "metric", None), getattr(final, "affinity", None))


def _space(case: Case) -> Any:
    """The rows as the clustering saw them: behind a pipeline's other steps, or X itself."""
    if not is_pipeline(case.estimator) or len(case.estimator.steps) < 2:
        return case.X
    try:
        before = case.estimator[:-1]
        if not budgets.fits(before, case.X, case.rows, "transform", case.budget):
            return None
        return before.transform(case.X)
    except Exception:  # noqa: BLE001 - said in the note
        return None


def _score(case: Case, final: Any, left: float | None) -> None:
    inertia = getattr(final, "inertia_", None)
    whole = case.estimator is final and case.rows == np.size(getattr(final, "labels_", ()))
    if whole and is_exactly(final, {"KMeans"}) and _is_double(case.X) and isinstance(inertia, (float, np.floating)):
        case.sheet.add("score", -float(inertia))
    elif case.responses is not None and case.responses.offers("score"):
        if budgets.fits(case.estimator, case.X, case.rows, "score", left):
            scores.first_pass(case.sheet, case.responses)
        else:
            case.sheet.absent("score", "its own score method would exceed the overhead budget")


def _is_double(X: Any) -> bool:
    array = as_array(X) if isinstance(X, (list, tuple)) else X
    return getattr(array, "dtype", None) == np.float64
