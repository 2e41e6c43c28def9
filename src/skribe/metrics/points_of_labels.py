"""Tables of labels against labels: the confusion matrix and the report per class."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.metrics.classification import ratio
from skribe.metrics.labels import Array


def confusion_of(true: Array, pred: Array, classes: Array, weight: Array | None) -> tuple[Array, Array]:
    """The classes that occur, sorted, and the table of rows by true class and predicted one (or of their weight)."""
    size = len(classes)
    table = np.bincount(true * size + pred, weights=weight, minlength=size * size).reshape(size, size)
    if weight is None:
        there = np.flatnonzero(table.sum(axis=0) + table.sum(axis=1))
    else:
        there = np.flatnonzero(np.bincount(true, minlength=size) + np.bincount(pred, minlength=size))
    names = classes[there]
    order = there if (names[:-1] <= names[1:]).all() else there[np.argsort(names, kind="stable")]
    return classes[order], table if len(order) == size and (order[:-1] < order[1:]).all() else table[
        np.ix_(order, order)
    ]


def report_of(labels: list[Any], table: Array) -> dict[str, Any]:
    """Precision, recall, F1 and support per class with their averages: the numbers of `classification_report`."""
    right, true, pred = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    told = _told(labels, right, true, pred)
    told["accuracy"] = float(right.sum() / true.sum()) if true.sum() else 0.0
    return told


def report_of_several(true: Array, pred: Array, weight: Array | None) -> dict[str, Any]:
    """The same per label, where a row may have several of them; of all labels together there is `micro` as well."""
    scale = np.ones(len(true)) if weight is None else weight
    both = true & pred
    counts = [scale @ flags for flags in (both, true, pred)]
    told = _told(list(range(true.shape[1])), *counts)
    whole = [np.atleast_1d(count.sum()) for count in counts]
    told["averages"]["micro"] = {name: float(values[0]) for name, values in _scores(*whole).items()}
    rows = [flags.sum(axis=1).astype(np.float64) for flags in (both, true, pred)]
    if scale.sum():
        told["averages"]["samples"] = {
            name: float(np.average(values, weights=scale)) for name, values in _scores(*rows).items()
        }
    return told


def _told(labels: list[Any], right: Array, true: Array, pred: Array) -> dict[str, Any]:
    scores = _scores(right, true, pred)
    macro = {name: float(values.mean()) for name, values in scores.items()}
    total = true.sum()
    share = {name: float(np.dot(values, true) / total) if total else 0.0 for name, values in scores.items()}
    columns = {name: values.tolist() for name, values in scores.items()}
    return {
        "labels": labels, **columns, "support": true.tolist(), "averages": {"macro": macro, "weighted": share},
    }  # fmt: skip


def _scores(right: Array, true: Array, pred: Array) -> dict[str, Array]:
    return {
        "precision": ratio(right, pred), "recall": ratio(right, true), "f1": ratio(2 * right, true + pred),
    }  # fmt: skip
