"""The metrics of regressors, of one output or several (each output counts the same)."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.metrics.labels import Array
from skribe.metrics.report import Sheet

_PLAIN = ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score")
_MORE = ("median_absolute_error", "explained_variance_score")


def write(sheet: Sheet, true: Array, pred: Array, weight: Array | None) -> None:
    """Write the metrics of a regressor on the sheet."""
    if refusal := _unusable(true, pred, weight):
        sheet.remark(refusal)
        return
    if _matching(true, pred, weight) != np.float64:
        _as_installed(sheet, true, pred, weight)
        return
    true = true.astype(np.float64, copy=False)
    pred = pred.astype(np.float64, copy=False)
    if true.ndim == 1:
        true, pred = true[:, None], pred[:, None]
    error = true - pred
    size = np.abs(error)
    squares = np.average(error**2, axis=0, weights=weight)
    sheet.add("mean_squared_error", squares.mean())
    sheet.add("root_mean_squared_error", np.sqrt(squares).mean())
    sheet.add("mean_absolute_error", np.average(size, axis=0, weights=weight).mean())
    if len(true) < 2:
        sheet.absent("r2_score", "it takes at least two rows")
    else:
        sheet.add("r2_score", r2(true, error, weight))
    if weight is None:
        sheet.add("median_absolute_error", np.median(size, axis=0).mean())
    else:
        from sklearn.metrics import median_absolute_error

        sheet.ask("median_absolute_error", median_absolute_error, true, pred, sample_weight=weight)
    if true.shape[1] == 1:
        sheet.add("max_error", size.max())
    spread = np.average((error - np.average(error, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
    sheet.add("explained_variance_score", _explained(spread, _variance(true, weight)))


def r2(true: Array, error: Array, weight: Array | None) -> float:
    """The coefficient of determination of two-dimensional arrays, averaged over the outputs."""
    scale: Any = 1.0 if weight is None else weight[:, None]
    centred = true - np.average(true, axis=0, weights=weight)
    return _explained((scale * error**2).sum(axis=0), (scale * centred**2).sum(axis=0))


def score(true: Array, pred: Array, weight: Array | None) -> float:
    """What `RegressorMixin.score` gives for these predictions."""
    from sklearn.metrics import r2_score

    return float(r2_score(true, pred, sample_weight=weight))


def _variance(true: Array, weight: Array | None) -> Array:
    centred = true - np.average(true, axis=0, weights=weight)
    return np.asarray(np.average(centred**2, axis=0, weights=weight))


def _explained(left: Array, all_: Array) -> float:
    """1 - left / all, with scikit-learn's finite values: 1 for a perfect constant, 0 for an imperfect one."""
    values = np.ones(left.shape)
    both = (left != 0) & (all_ != 0)
    values[both] = 1 - left[both] / all_[both]
    values[(left != 0) & (all_ == 0)] = 0.0
    return float(values.mean())


def _matching(*arrays: Array | None) -> np.dtype[Any]:
    """The precision scikit-learn computes in: the widest float given, float64 if none is a float."""
    floats = [a.dtype for a in arrays if a is not None and a.dtype.kind == "f"]
    return np.result_type(*floats) if floats else np.dtype(np.float64)


def _as_installed(sheet: Sheet, true: Array, pred: Array, weight: Array | None) -> None:
    """In single precision the digits depend on the order of every sum: ask scikit-learn's functions themselves."""
    from sklearn import metrics

    for name in (*_PLAIN, *_MORE):
        if name == "r2_score" and len(true) < 2:
            sheet.absent(name, "it takes at least two rows")
            continue
        sheet.ask(name, getattr(metrics, name), true, pred, sample_weight=weight)
    if true.ndim == 1:
        sheet.ask("max_error", metrics.max_error, true, pred)


def _unusable(true: Array, pred: Array, weight: Array | None) -> str | None:
    if true.dtype.kind not in "biuf" or pred.dtype.kind not in "biuf":
        return "the target or the predictions are not numbers"
    if true.shape != pred.shape:
        return f"predict gave the shape {pred.shape} for a target of the shape {true.shape}"
    if not len(true):
        return "there are no rows"
    if weight is not None and weight.sum() == 0:
        return "the sample weights sum to zero"
    for name, array in (("target", true), ("predictions", pred)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"the {name} holds values that are not finite"
    return None
