"""Numbers against numbers: residuals, predictions beside the truth, and how normal the residuals are."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.metrics.labels import Array
from skribe.metrics.points_thinned import Places, rounded

_POINTS = 500
_EXTREMES = 8
_BINS = 30
_REACH = 3.0
_NORMAL = 200
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
# Multiples of the golden ratio fall evenly between 0 and 1, and in step with nothing that repeats in the rows.
_GOLDEN = 0.6180339887498949


def shown_rows(residual: Array, predicted: Array, true: Array) -> Places:
    """Which rows to draw: all, or some evenly spread over them and those that lie furthest out."""
    n = len(residual)
    if n <= _POINTS:
        return np.arange(n)
    even = (np.arange(1, _POINTS - 2 * _EXTREMES - 3) * _GOLDEN % 1.0 * n).astype(np.intp)
    outer = np.argpartition(residual, (_EXTREMES - 1, n - _EXTREMES))
    ends = [array.argmin() for array in (predicted, true)] + [array.argmax() for array in (predicted, true)]
    return np.unique(np.concatenate((even, outer[:_EXTREMES], outer[-_EXTREMES:], ends)))


def views_of(true: Array, predicted: Array) -> dict[str, dict[str, Any]]:
    """`residuals` (true - predicted), `predicted_vs_actual` and `qq` of one output."""
    residual = true - predicted
    rows = shown_rows(residual, predicted, true)
    ordered = np.sort(residual)
    x = rounded(predicted[rows], _span(predicted, true))
    y = rounded(residual[rows])
    values = _at(ordered, np.array(_QUANTILES))
    return {
        "residuals": {
            "rows": len(true), "predicted": x, "residual": y, "quantiles": list(_QUANTILES),
            "values": values.tolist(), "histogram": _histogram(ordered),
        },
        "predicted_vs_actual": {
            "rows": len(true), "predicted": x, "actual": rounded(true[rows], _span(predicted, true)),
        },
        "qq": _normal(ordered),
    }  # fmt: skip


def _span(first: Array, second: Array) -> float:
    return float(max(first.max(), second.max()) - min(first.min(), second.min()))


def _at(ordered: Array, shares: Array) -> Array:
    """The quantiles of sorted numbers, between two of them on the straight line, as numpy's are."""
    place = shares * (len(ordered) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    return np.asarray(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def _histogram(ordered: Array) -> dict[str, Any]:
    """Bins of equal width; a few values far out would leave one bar for all others, so they are only counted."""
    quarter, three = _at(ordered, np.array([0.25, 0.75])).tolist()
    reach = _REACH * (three - quarter) or float("inf")
    low, high = max(float(ordered[0]), quarter - reach), min(float(ordered[-1]), three + reach)
    if not high > low:
        return {"edges": [low, high], "counts": [len(ordered)], "below": 0, "above": 0}
    edges = np.linspace(low, high, min(_BINS, max(5, int(np.sqrt(len(ordered))))) + 1)
    places = np.searchsorted(ordered, edges)
    places[-1] = np.searchsorted(ordered, high, side="right")
    return {
        "edges": rounded(edges), "counts": np.diff(places).tolist(), "below": int(places[0]),
        "above": int(len(ordered) - places[-1]),
    }  # fmt: skip


def _normal(ordered: Array) -> dict[str, Any]:
    """The sorted residuals against those of a normal distribution, with the line through the quartiles."""
    from scipy.special import ndtr, ndtri

    n = len(ordered)
    ranks: Places = np.arange(n)
    if n > _NORMAL:
        # Even along the picture, so that the few points far out, which say most, are all there.
        end = -float(ndtri(0.5 / n))
        ranks = np.unique(np.rint(ndtr(np.linspace(-end, end, _NORMAL)) * n - 0.5).astype(np.intp).clip(0, n - 1))
    low, high = _at(ordered, np.array([0.25, 0.75])).tolist()
    slope = (high - low) / 1.3489795003921634  # the distance of the quartiles of the normal distribution
    return {
        "rows": n, "theoretical": np.round(ndtri((ranks + 0.5) / n), 5).tolist(),
        "residual": rounded(ordered[ranks]), "line": {"slope": slope, "intercept": (high + low) / 2},
    }  # fmt: skip
