"""Fewer points, and fewer digits, for the same picture.

A curve that is kept for drawing may lose points as long as nobody can see it: the thinned line is nowhere further
from the full one than a 2000th of the axes, half a pixel on a large picture.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skribe.metrics.labels import Array

Places = NDArray[np.intp]

# Together they are the distance promised above: what the stretches may differ, and what the corners may.
_STRETCH, _CORNER = 1 / 3000, 1 / 3000
# So few points cost less than finding out which of them are needed.
_FEW = 256
_PIECES = 24
# A line so jagged that this many halvings do not settle it keeps what is left of it.
_HALVINGS = 60


def thinned(x: Array, y: Array) -> Places:
    """Which points of a line to keep, both ends among them; `x` and `y` are shares of their axes, from 0 to 1."""
    places = _corners(x, y)
    if len(places) <= _FEW:
        return places
    steps = np.abs(np.diff(x[places])) + np.abs(np.diff(y[places]))
    way = np.concatenate(([0.0], np.cumsum(steps)))
    if len(places) > 1.5 * way[-1] / _STRETCH:
        # A stretch of this length is nowhere further than half of it from the line between its ends.
        stretch = (way / _STRETCH).astype(np.intp)
        places = places[_ends(stretch)]
    return places[_simplified(x[places], y[places])]


def _corners(x: Array, y: Array) -> Places:
    """All points but those that repeat the one before, or lie on the straight way from it to the next."""
    if len(x) <= 2:
        return np.arange(len(x))
    across, up = np.diff(x), np.diff(y)
    moved = np.flatnonzero((across != 0) | (up != 0))
    across, up = across[moved], up[moved]
    turns = across[1:] * up[:-1] != across[:-1] * up[1:]
    # A line that goes back the way it came has turned as well.
    turns |= across[1:] * across[:-1] + up[1:] * up[:-1] < 0
    return np.concatenate(([0], moved[1:][turns], [len(x) - 1]))


def _ends(stretch: Places) -> Places:
    """The first and the last point of each stretch."""
    new = stretch[1:] != stretch[:-1]
    return np.flatnonzero(np.concatenate(([True], new)) | np.concatenate((new, [True])))


def _simplified(x: Array, y: Array) -> Places:
    """The points that a line within the tolerance needs: Douglas and Peucker's, all segments of a level at once."""
    kept = np.zeros(len(x), dtype=bool)
    # To begin with some pieces costs a few points that might be spared, and saves the first levels, the longest.
    cuts = np.linspace(0, len(x) - 1, _PIECES + 1).astype(np.intp)
    kept[cuts] = True
    starts, ends = cuts[:-1], cuts[1:]
    for _ in range(_HALVINGS):
        long = ends - starts > 1
        starts, ends = starts[long], ends[long]
        if not len(starts):
            break
        sizes = ends - starts - 1
        first = np.cumsum(sizes) - sizes
        points = np.arange(sizes.sum()) + np.repeat(starts + 1 - first, sizes)
        distance = _from_chords(x, y, points, starts, ends, sizes)
        worst = np.maximum.reduceat(distance, first)
        far = worst > _CORNER**2
        # Of several equally far points any would do; the first keeps this simple.
        hits = np.flatnonzero(distance == np.repeat(worst, sizes))
        middle = points[hits[np.searchsorted(hits, first[far])]]
        kept[middle] = True
        starts, ends = np.concatenate((starts[far], middle)), np.concatenate((middle, ends[far]))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        kept[start:end] = True
    return np.flatnonzero(kept)


def _from_chords(x: Array, y: Array, points: Places, starts: Places, ends: Places, sizes: Places) -> Array:
    """The squared distance of each point from the chord of its segment."""
    across, up = x[ends] - x[starts], y[ends] - y[starts]
    length = across * across + up * up
    length[length == 0] = 1.0
    own = np.repeat(np.stack((x[starts], y[starts], across, up, across / length, up / length)), sizes, axis=1)
    dx, dy = x[points] - own[0], y[points] - own[1]
    along = np.clip(dx * own[4] + dy * own[5], 0.0, 1.0)
    dx -= along * own[2]
    dy -= along * own[3]
    return np.asarray(dx * dx + dy * dy)


def rounded(values: Array, span: float | None = None) -> list[Any]:
    """The numbers with as many decimals as an axis of this span can show: a 100 000th of it."""
    span = float(np.ptp(values)) if span is None and len(values) else span
    if not span or not math.isfinite(span):
        return list(values.tolist())
    return list(np.round(values, 5 - math.floor(math.log10(span))).tolist())


def limits(scores: Array) -> list[float]:
    """Thresholds with seven digits, rounded down: each still lets its own score through."""
    size = np.abs(scores)
    with np.errstate(divide="ignore"):
        digits = 6 - np.floor(np.log10(np.where(size > 0, size, 1.0)))
    scale = 10.0 ** np.abs(digits)
    # Powers of ten with a negative exponent are not exact, so large numbers are divided and multiplied back.
    down = np.where(digits >= 0, np.floor(scores * scale) / scale, np.floor(scores / scale) * scale)
    whole = (digits < 300) & np.isfinite(down) & (down <= scores)
    return list(np.where(whole, down, scores).tolist())
