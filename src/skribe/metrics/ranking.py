"""Areas under curves, from one sort each.

scikit-learn sorts the scores with their positions, once per metric and, for several classes, once per pair of
classes. What these areas depend on is only in which order the classes come when the rows are sorted by score. So
the class of each row is packed into bits of the score that it does not use, and the packed integers are sorted,
which numpy does several times faster than finding the order. The order is exact; where a score has no bits to
spare, it is found the usual way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skribe.metrics.labels import Array, Codes


class Ranked(NamedTuple):
    """The rows in ascending order of score."""

    codes: Array  # the class of each row
    first: NDArray[np.intp] | None  # where each run of equal scores begins; None if no two scores are equal
    weight: Array | None


def rank(score: Array, codes: Codes, classes: int, weight: Array | None = None) -> Ranked:
    """Sort finite `score`s; `codes` are below `classes`, and weights above zero."""
    if weight is None and (packed := _packed(score, codes, max(classes - 1, 1).bit_length())) is not None:
        return packed
    order = np.argsort(score)
    ordered = score.take(order)
    return Ranked(
        codes.take(order), _runs(ordered[1:] != ordered[:-1]), None if weight is None else weight.take(order)
    )


def _packed(score: Array, codes: Codes, bits: int) -> Ranked | None:
    """Non-negative floats sort like the integers with the same bits; the codes go below those bits."""
    if score.dtype not in (np.float64, np.float32) or not score.size or score.min() < 0:
        return None
    # Adding zero turns -0.0, which has another bit pattern, into 0.0.
    plain = np.ascontiguousarray(score + 0.0)
    keys: Array = plain.view(np.int64) if plain.dtype == np.float64 else plain.view(np.int32).astype(np.int64)
    low, high = int(keys.min()), int(keys.max())
    if (high - low).bit_length() + bits > 63:
        return None
    if high.bit_length() + bits > 63:
        keys = keys - low
    keys = (keys << bits) | codes
    keys.sort()
    ordered = keys >> bits
    return Ranked(keys & ((1 << bits) - 1), _runs(ordered[1:] != ordered[:-1]), None)


def _runs(changes: NDArray[np.bool_]) -> NDArray[np.intp] | None:
    if changes.all():
        return None
    return np.concatenate(([0], np.flatnonzero(changes) + 1))


class Areas(NamedTuple):
    """The areas under the ROC curve and under the precision-recall steps; NaN where a class is missing."""

    roc_auc: float
    average_precision: float


def areas(ranked: Ranked) -> Areas:
    """The areas of a binary problem: code 1 is the positive class."""
    positive = ranked.codes
    if ranked.weight is None and ranked.first is None:
        return _areas_without_ties(positive)
    weight = np.ones(positive.size) if ranked.weight is None else ranked.weight.astype(np.float64, copy=False)
    first = np.arange(positive.size) if ranked.first is None else ranked.first
    gains = np.add.reduceat(np.where(positive == 1, weight, 0.0), first)
    losses = np.add.reduceat(np.where(positive == 1, 0.0, weight), first)
    # From here on, one entry per distinct score, the highest first.
    gains, losses = gains[::-1], losses[::-1]
    true, false = np.cumsum(gains), np.cumsum(losses)
    if not (true[-1] > 0 and false[-1] > 0):
        return Areas(float("nan"), float("nan") if true[-1] <= 0 else 1.0)
    area = np.dot(losses, true - gains / 2) / (true[-1] * false[-1])
    return Areas(float(area), float(np.dot(gains, true / (true + false)) / true[-1]))


def _areas_without_ties(positive: Array) -> Areas:
    where = np.flatnonzero(positive)
    n, p = positive.size, where.size
    if p == 0 or p == n:
        return Areas(float("nan"), float("nan") if p == 0 else 1.0)
    below = np.arange(p)
    area = float((where - below).sum()) / (float(p) * float(n - p))
    return Areas(area, float(((p - below) / (n - where)).mean()))


def one_versus_one(columns: Array, codes: Codes, counts: Array) -> float:
    """The area under the ROC curve averaged over all pairs of classes, weighted by how many rows they have.

    `columns[k]` holds the scores of class k, one row per class; every class has at least one row.
    """
    classes = len(columns)
    shares = np.empty((classes, classes))
    for k in range(classes):
        shares[k] = _against_each(rank(columns[k], codes, classes), k, classes)
    # Of how many pairs (row of k, row of b) the row of k has the higher score: ties count as half.
    shares = 1.0 - shares / np.outer(counts, counts)
    pairs = np.triu_indices(classes, 1)
    return float(np.average((shares + shares.T)[pairs] / 2, weights=np.add.outer(counts, counts)[pairs]))


def _against_each(ranked: Ranked, k: int, classes: int) -> Array:
    """For each class b, over all its rows: how many rows of class k come before, equal scores as half."""
    before = np.cumsum(ranked.codes == k)
    if ranked.first is None:
        return np.bincount(ranked.codes, weights=before, minlength=classes)
    last = np.append(ranked.first[1:], before.size)
    through = before.take(last - 1)
    middle = (through + np.concatenate(([0], through[:-1]))) / 2
    return np.bincount(ranked.codes, weights=np.repeat(middle, last - ranked.first), minlength=classes)
