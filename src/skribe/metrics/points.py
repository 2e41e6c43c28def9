"""The curves and tables that belong to an evaluation: ROC, precision-recall, confusion matrix, residuals.

They are made from the arrays the metrics were computed from, so nobody is asked again; a curve costs one sort. The
points are scikit-learn's own, and what is too many to draw is thinned, never smoothed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skribe.guard import attempt, hushed
from skribe.metrics.labels import Array
from skribe.metrics.report import Evaluation, Predictions
from skribe.records import Note

Flags = NDArray[np.bool_]

_POINTS = 500
_CLASSES = 20
_TABLE = 100
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


def curves_of(evaluation: Evaluation, *, pos_label: Any = None) -> dict[str, Any]:
    """What there is to draw of an evaluation's predictions, ready for `json.dumps`; empty if there is nothing.

    `roc` and `precision_recall` hold a curve for the positive class, of several classes or labels one for each
    against the rest: points of scikit-learn's `roc_curve` and `precision_recall_curve`, at most 500 of them and
    both ends. `confusion_matrix` holds its `labels` and `counts` (rows: true, columns: predicted), `residuals`
    (true - predicted) the values at given quantiles. A threshold that no score reaches is None. `absent` says why
    something is missing.
    """
    found: dict[str, Any] = {}
    notes: list[Note] = []
    given = evaluation.predictions
    if given is not None and given.y_true is not None:
        with hushed(), np.errstate(all="ignore"):
            if evaluation.task == "regression":
                attempt("residuals", notes, _add_residuals, found, given)
            elif evaluation.task in ("binary", "multiclass", "multilabel"):
                attempt("confusion_matrix", notes, _add_confusion, found, notes, given)
                attempt("roc", notes, _add_curves, found, notes, given, pos_label)
    if notes:
        found["absent"] = {note.what: note.reason for note in notes}
    return found


def _add_residuals(found: dict[str, Any], given: Predictions) -> None:
    true, pred = given.y_true, given.y_pred
    if true is None or pred is None or true.shape != pred.shape:
        return
    residuals = true.astype(np.float64) - pred
    if np.isfinite(residuals).all():
        values = np.quantile(residuals, _QUANTILES, axis=0)
        found["residuals"] = {"quantiles": list(_QUANTILES), "values": values.T.tolist()}


def _add_confusion(found: dict[str, Any], notes: list[Note], given: Predictions) -> None:
    true, pred, classes = given.y_true, given.y_pred, given.classes
    if true is None or pred is None or classes is None:
        return
    size = len(classes)
    if size > _TABLE:
        notes.append(Note("confusion_matrix", f"a table of {size} by {size} classes is not drawn"))
        return
    table = np.bincount(true * size + pred, weights=given.weight, minlength=size * size).reshape(size, size)
    there = np.union1d(np.unique(true), np.unique(pred))
    order = there[np.argsort(classes[there], kind="stable")]
    found["confusion_matrix"] = {"labels": classes[order].tolist(), "counts": table[np.ix_(order, order)].tolist()}


def _add_curves(found: dict[str, Any], notes: list[Note], given: Predictions, pos_label: Any) -> None:
    true, score, classes, weight = given.y_true, given.y_score, given.classes, given.weight
    if true is None or score is None:
        return
    if weight is not None and weight.min() < 0:
        notes.append(Note("roc", "a sample weight is negative"))
        return
    names: list[Any] = list(range(true.shape[1])) if classes is None else classes.tolist()
    if score.ndim == 2 and score.shape[1] != len(names):
        return
    chosen = list(range(len(names)))
    if classes is not None and len(names) == 2:
        chosen = [code for code in chosen if names[code] == (names[1] if pos_label is None else pos_label)]
        if not chosen:
            notes.append(Note("roc", f"pos_label={pos_label!r} is not one of the classes"))
    elif len(names) > _CLASSES:
        support = true.sum(axis=0) if true.ndim == 2 else np.bincount(true, minlength=len(names))
        chosen = sorted(np.argsort(-support, kind="stable")[:_CLASSES].tolist())
        notes.append(Note("roc", f"drawn for the {_CLASSES} most frequent of {len(names)} classes"))
    for code in chosen:
        column = score[:, code] if score.ndim == 2 else score if code == 1 else -score
        positive = true[:, code].astype(bool) if true.ndim == 2 else true == code
        if np.isfinite(column).all():
            _add_curve(found, notes, names[code], column, positive, weight)
        else:
            notes.append(Note(f"roc.{names[code]}", "the scores are not finite"))


def _add_curve(
    found: dict[str, Any], notes: list[Note], name: Any, score: Array, positive: Flags, weight: Array | None
) -> None:
    fps, tps, thresholds = _counts(score, positive, weight)
    if not len(tps) or tps[-1] <= 0 or fps[-1] <= 0:
        notes.append(Note(f"roc.{name}", "only one class is present in y"))
        return
    # As `roc_curve` does it: points on a straight line between others are dropped, and the curve begins at (0, 0).
    corners = np.concatenate(([True], (np.diff(fps, 2) != 0) | (np.diff(tps, 2) != 0), [True]))
    corners = corners if len(fps) > 2 else np.ones(len(fps), dtype=bool)
    fpr, tpr = (np.concatenate(([0.0], counts[corners])) / counts[-1] for counts in (fps, tps))
    shown = _thinned(fpr, tpr)
    limits = [None, *thresholds[corners][shown[1:] - 1].tolist()]
    found.setdefault("roc", []).append({
        "class": name, "points": len(fpr), "fpr": fpr[shown].tolist(), "tpr": tpr[shown].tolist(),
        "thresholds": limits,
    })  # fmt: skip
    # As `precision_recall_curve` does it: recall falls, and the curve ends at precision one.
    precision = np.concatenate(((tps / (tps + fps))[::-1], [1.0]))
    recall = np.concatenate(((tps / tps[-1])[::-1], [0.0]))
    shown = _thinned(recall, precision)
    rising = [*thresholds[::-1][shown[:-1]].tolist(), None]
    found.setdefault("precision_recall", []).append({
        "class": name, "points": len(recall), "precision": precision[shown].tolist(),
        "recall": recall[shown].tolist(), "thresholds": rising,
    })  # fmt: skip


def _counts(score: Array, positive: Flags, weight: Array | None) -> tuple[Array, Array, Array]:
    """False and true positives at each threshold, the highest first."""
    if weight is not None and not weight.all():
        kept = weight != 0
        score, positive, weight = score[kept], positive[kept], weight[kept]
    if weight is None:
        score, positive = _sorted(score, positive)
    else:
        order = np.argsort(score, kind="stable")[::-1]
        score, positive = score[order], positive[order]
    last = np.append(np.flatnonzero(score[1:] != score[:-1]), score.size - 1)
    if weight is None:
        tps = np.cumsum(positive)[last].astype(np.float64)
        return 1 + last - tps, tps, score[last]
    scale = weight[order].astype(np.float64)
    return np.cumsum(~positive * scale)[last], np.cumsum(positive * scale)[last], score[last]


def _sorted(score: Array, positive: Flags) -> tuple[Array, Flags]:
    """Both, the highest score first; which of equal scores comes first is all the same."""
    if score.dtype == np.float64 and score.size and score.min() >= 0 and score.max() < 2:
        # Such floats sort like the integers with the same bits, and these have room for the flag (see `ranking`).
        keys = (np.ascontiguousarray(score) + 0.0).view(np.int64)
        keys = (keys << 1) | positive
        keys.sort()
        keys = keys[::-1]
        return (keys >> 1).view(np.float64), (keys & 1).astype(bool)
    order = np.argsort(score)[::-1]
    return score[order], positive[order]


def _thinned(x: Array, y: Array) -> NDArray[np.intp]:
    """Which points to show: all, or so many at even distances along the curve, both ends among them."""
    if len(x) <= _POINTS:
        return np.arange(len(x))
    way = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))))
    even = np.searchsorted(way, np.linspace(0, way[-1], _POINTS - 1))
    return np.unique(np.append(np.minimum(even, len(x) - 1), len(x) - 1))
