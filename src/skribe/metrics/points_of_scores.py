"""Curves of scores against yes or no: ROC, precision-recall and calibration, all from one sort.

The areas are those of the full curves; of their points only those are kept that a picture needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skribe.metrics.labels import Array
from skribe.metrics.points_thinned import limits, rounded, thinned

Flags = NDArray[np.bool_]

BINS = 10
_EDGES = np.linspace(0.0, 1.0, BINS + 1)[1:-1]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """How much is let through, rightly and wrongly, by a threshold at each distinct score, the highest first."""

    scores: Array
    true: Array
    false: Array

    @property
    def both(self) -> bool:
        """Whether there is a yes and a no; without both there is no curve."""
        return bool(len(self.true)) and self.true[-1] > 0 and self.false[-1] > 0

    @property
    def share(self) -> float:
        """The share of the rows, or of their weight, that is positive."""
        return round(float(self.true[-1] / (self.true[-1] + self.false[-1])), 6)


def steps_of(score: Array, positive: Flags, weight: Array | None) -> Steps:
    """Sort once. A row that weighs nothing is not there."""
    if weight is not None and not weight.all():
        kept = weight != 0
        score, positive, weight = score[kept], positive[kept], weight[kept]
    if weight is None:
        score, positive = _sorted(score, positive)
    else:
        order = np.argsort(score, kind="stable")[::-1]
        score, positive = score[order], positive[order]
        scale = weight[order].astype(np.float64)
    changes = score[1:] != score[:-1]
    last = np.append(np.flatnonzero(changes), score.size - 1) if score.size else np.empty(0, dtype=np.intp)
    if weight is None:
        true = np.cumsum(positive)[last].astype(np.float64)
        return Steps(score[last], true, 1 + last - true)
    return Steps(score[last], np.cumsum(positive * scale)[last], np.cumsum(~positive * scale)[last])


def _sorted(score: Array, positive: Flags) -> tuple[Array, Flags]:
    """Both, the highest score first; which of equal scores comes first is all the same."""
    if score.dtype == np.float64 and score.size > 1000 and score.min() >= 0 and score.max() < 2:
        # Such floats sort like the integers with the same bits, and these have room for the flag (see `ranking`).
        keys = (np.ascontiguousarray(score) + 0.0).view(np.int64)
        keys = (keys << 1) | positive
        keys.sort()
        keys = keys[::-1]
        return (keys >> 1).view(np.float64), (keys & 1).astype(bool)
    order = np.argsort(score)[::-1]
    return score[order], positive[order]


def roc(steps: Steps) -> dict[str, Any]:
    """The ROC curve with its area. The threshold of its first point, which no score reaches, is None."""
    false, true = (np.concatenate(([0.0], counts / counts[-1])) for counts in (steps.false, steps.true))
    area = float(np.dot(np.diff(false), true[1:] + true[:-1]) / 2)
    shown = thinned(false, true)
    return {
        "auc": area, "share": steps.share, "points": len(false), "fpr": rounded(false[shown], 1.0),
        "tpr": rounded(true[shown], 1.0), "thresholds": [None, *limits(steps.scores[shown[1:] - 1])],
    }  # fmt: skip


def precision_recall(steps: Steps) -> dict[str, Any]:
    """Precision and recall as the threshold rises; the last point, precision one, has no threshold."""
    precision, recall = steps.true / (steps.true + steps.false), steps.true / steps.true[-1]
    area = float(np.dot(np.diff(recall, prepend=0.0), precision))
    precision, recall = np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0)
    shown = thinned(recall, precision)
    return {
        "average_precision": area, "share": steps.share, "points": len(recall),
        "precision": rounded(precision[shown], 1.0), "recall": rounded(recall[shown], 1.0),
        "thresholds": [*limits(steps.scores[::-1][shown[:-1]]), None],
    }  # fmt: skip


def macro_roc(curves: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of ROC curves at each false positive rate; its area is the mean of their areas.

    Curves that only rise keep, in their mean, the distance they have from their thinned forms.
    """
    known = [(np.array(curve["fpr"]), np.array(curve["tpr"])) for curve in curves]
    grid = np.unique(np.concatenate([false for false, _ in known]))
    # At a vertical piece `interp` takes the upper end; read from the right, the lower one.
    upper = np.mean([np.interp(grid, false, true) for false, true in known], axis=0)
    lower = np.mean([np.interp(-grid[::-1], -false[::-1], true[::-1]) for false, true in known], axis=0)[::-1]
    lower[0] = 0.0
    false, true = np.repeat(grid, 2), np.stack((lower, upper), axis=1).ravel()
    shown = thinned(false, true)
    return {
        "auc": float(np.mean([curve["auc"] for curve in curves])), "fpr": rounded(false[shown], 1.0),
        "tpr": rounded(true[shown], 1.0),
    }  # fmt: skip


def calibration(steps: Steps) -> dict[str, Any]:
    """Ten bins of equal width: the mean probability, the share of positives, and how many rows (or their weight).

    The bins are those of `calibration_curve(strategy="uniform")`; an empty one has None.
    """
    scores, true = steps.scores[::-1], np.diff(steps.true, prepend=0.0)[::-1]
    weight = true + np.diff(steps.false, prepend=0.0)[::-1]
    first = np.concatenate(([0], np.searchsorted(scores, _EDGES, side="right")))
    there = np.diff(first, append=len(scores)) > 0
    sums = [np.add.reduceat(values, first[there]) for values in (weight, weight * scores, true)]
    told: dict[str, list[Any]] = {"predicted": [None] * BINS, "observed": [None] * BINS, "counts": [0] * BINS}
    columns = (rounded(sums[1] / sums[0], 1.0), rounded(sums[2] / sums[0], 1.0), np.round(sums[0], 6).tolist())
    for place, *values in zip(np.flatnonzero(there).tolist(), *columns, strict=True):
        for name, value in zip(told, values, strict=True):
            told[name][place] = value
    return told
