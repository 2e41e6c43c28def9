"""The metrics of classifiers with several outputs: yes or no for each label, or a class for each output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skribe.metrics import ranking
from skribe.metrics.classification import Counts, mean, ratio
from skribe.metrics.labels import Array
from skribe.metrics.report import Sheet


def is_indicator(y: Array) -> bool:
    """Whether a two-dimensional target says yes or no (1 or 0) to each label."""
    if y.ndim != 2 or y.dtype.kind not in "biuf":
        return False
    return y.dtype.kind == "b" or bool(((y == 0) | (y == 1)).all())


def subset_accuracy(true: Array, pred: Array, weight: Array | None) -> float:
    """The share of rows with every output right."""
    return mean((true == pred).all(axis=1).astype(np.float64), weight)


def write(sheet: Sheet, true: Array, pred: Array | None, score: Array | None, weight: Array | None) -> None:
    """Write the metrics of a multilabel classifier on the sheet; `score` has one column per label."""
    if weight is not None and weight.sum() == 0:
        sheet.remark("the sample weights sum to zero")
        return
    if pred is not None:
        _of_labels(sheet, true.astype(bool), pred.astype(bool), weight)
    if score is not None:
        _of_scores(sheet, true.astype(np.intp), score, weight)
        reason = "of labels that do not exclude each other it is not defined: the scores of a row sum to any number"
        sheet.absent("log_loss", reason)


def _of_labels(sheet: Sheet, true: Array, pred: Array, weight: Array | None) -> None:
    scale = np.ones(len(true)) if weight is None else weight
    counts = Counts(scale @ (true & pred), scale @ true, scale @ pred)
    for name, part, whole in (
        ("precision_score", counts.right, counts.pred),
        ("recall_score", counts.right, counts.true),
        ("f1_score", 2 * counts.right, counts.true + counts.pred),
    ):
        if counts.total:
            sheet.add(name, np.average(ratio(part, whole), weights=counts.true))
        else:
            sheet.absent(name, "no row has any label")
        sheet.add(name + "_micro", ratio(part.sum(), whole.sum()))
    sheet.add("accuracy_score", subset_accuracy(true, pred, weight))
    wrong = scale @ (true != pred)
    sheet.add("hamming_loss", wrong.sum() / (scale.sum() * true.shape[1]))


def _of_scores(sheet: Sheet, true: Array, score: Array, weight: Array | None) -> None:
    names = ("roc_auc", "average_precision_score")
    if score.shape != true.shape or not np.isfinite(score).all():
        for name in names:
            sheet.absent(name, "the scores are not one finite number per label and row")
        return
    if weight is not None and weight.min() < 0:
        for name in names:
            sheet.absent(name, "a sample weight is negative")
        return
    kept = slice(None) if weight is None else weight != 0
    scale = None if weight is None else weight[kept]
    found = [
        ranking.areas(ranking.rank(np.ascontiguousarray(score[kept, k]), true[kept, k], 2, scale))
        for k in range(true.shape[1])
    ]
    support = true.sum(axis=0) if weight is None else weight @ true
    areas = np.array([area.roc_auc for area in found])
    areas[support == 0] = 0.0  # As scikit-learn: a label that nobody has weighs nothing.
    if not support.sum() or np.isnan(areas).any():
        sheet.absent("roc_auc", "a label is there in no row, or in every row")
    else:
        sheet.add("roc_auc", np.average(areas, weights=support))
    precisions = np.array([area.average_precision for area in found])
    if np.isnan(precisions).any():
        sheet.absent("average_precision_score", "a label is there in no row")
    else:
        sheet.add("average_precision_score", precisions.mean())


def write_outputs(sheet: Sheet, true: Array, pred: Array | None, weight: Array | None) -> None:
    """Write what is defined for several outputs with several classes each."""
    if pred is None:
        return
    if pred.shape != true.shape:
        sheet.remark(f"predict gave the shape {pred.shape} for a target of the shape {true.shape}")
        return
    if weight is not None and weight.sum() == 0:
        sheet.remark("the sample weights sum to zero")
        return
    right = (true == pred).astype(np.float64)
    sheet.add("accuracy_score", mean(right.all(axis=1).astype(np.float64), weight))
    sheet.add("mean_accuracy_score", np.average(right, axis=0, weights=weight).mean())
    sheet.remark("of several outputs with several classes each, scikit-learn defines no other metric")


def positive_scores(proba: Any, classes: Any, labels: int) -> Array | None:
    """One column of probabilities per label, from either form of `predict_proba`; None if it has another form."""
    if isinstance(proba, (list, tuple)):
        if len(proba) != labels:
            return None
        columns = [_of_one(np.asarray(p), _at(classes, k)) for k, p in enumerate(proba)]
        found = [column for column in columns if column is not None]
        return np.column_stack(found) if len(found) == labels else None
    array = np.asarray(proba)
    return array if array.ndim == 2 and array.shape[1] == labels else None


def _at(classes: Any, k: int) -> Array | None:
    if isinstance(classes, Sequence) and len(classes) > k:
        return np.asarray(classes[k])
    return None


def _of_one(proba: Array, classes: Array | None) -> Array | None:
    if proba.ndim != 2:
        return None
    if proba.shape[1] == 2:
        return np.asarray(proba[:, 1])
    if proba.shape[1] == 1 and classes is not None and classes.shape == (1,):
        # The label is the same in every row; its only column is the probability of that.
        return np.asarray(proba[:, 0] if classes[0] == 1 else 1 - proba[:, 0])
    return None
