"""What kind of axis a parameter wants, and how its values are laid out on one."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

from skribe.plots.table import Array, Column, Indices, SearchTable

Scale = Literal["log", "linear", "categorical"]

# So many values fit on the side of a heat map, and so many can be read as a list.
MOST = 20


def is_sampled(table: SearchTable, key: str) -> bool:
    """Whether the values of this parameter were drawn at random, or are too many to be looked at one by one.

    In a full grid of two parameters and more, every value comes at least twice; in a list of small grids it may not.
    """
    column = table.column(key)
    if column.numbers is None or len(column.values) > MOST:
        return column.numbers is not None
    tried = int(np.sum((column.codes >= 0) & table.first_rung()))
    return len(table.varying()) > 1 and len(column.values) > 8 and 2 * len(column.values) > tried


def scale_of(table: SearchTable, key: str) -> Scale:
    """Logarithmic for positive numbers over two decades and more, linear for other numbers, or categorical.

    Of many numbers drawn evenly from 0 to 1, the least is below 0.01 as well; what decides then is on which of the
    two scales the median is nearer to the middle.
    """
    numbers = table.column(key).numbers
    if numbers is None:
        return "categorical"
    if numbers[0] <= 0 or math.log10(numbers[-1]) - math.log10(numbers[0]) < 2 - 1e-9:
        return "linear"
    if len(numbers) > MOST and is_sampled(table, key):
        middle = {scale: abs(float(np.median(places(numbers, scale))) - 0.5) for scale in ("log", "linear")}
        return "log" if middle["log"] <= middle["linear"] else "linear"
    return "log"


def places(numbers: Array, scale: str) -> Array:
    """Where these ascending numbers lie on the axis, from 0 for the first to 1 for the last."""
    # Halves, for the difference of two huge numbers is no number.
    laid = np.log10(numbers) if scale == "log" else numbers / 2
    span = laid[-1] - laid[0]
    return np.asarray((laid - laid[0]) / span if span > 0 else np.zeros_like(laid), dtype=float)


class Side(NamedTuple):
    """One side of a heat map: its entries, and which entry each candidate belongs to (-1: none)."""

    parameter: str
    scale: Scale
    values: list[Any]
    # For an entry that stands for a range of numbers, from where to where.
    edges: list[list[float] | None] | None
    codes: Indices
    left_out: int

    def told(self) -> dict[str, Any]:
        """The side as the view holds it."""
        told = {"parameter": self.parameter, "axis": self.scale, "values": self.values}
        return {**told, "edges": self.edges, "left_out": self.left_out}


def side_of(table: SearchTable, key: str, means: Array) -> Side:
    """The side for one parameter: its values if they are few, bins of its numbers, or the best of many texts."""
    column = table.column(key)
    scale = scale_of(table, key)
    if len(column.values) <= MOST and not is_sampled(table, key):
        return Side(key, scale, list(column.values), None, column.codes, 0)
    numeric = [value for value in column.values if type(value) in (int, float)]
    others = len(column.values) - len(numeric)
    if len(numeric) > 1 and others <= MOST // 2:
        binned = _binned(column, np.array(numeric, dtype=float), table, key)
        if binned is not None:
            return binned
    return _best_values(column, key, means)


def _binned(column: Column, numbers: Array, table: SearchTable, key: str) -> Side | None:
    """Bins for the numbers, and an entry for each other value; None if the numbers are too far apart for bins."""
    scale = scale_of(table, key)
    others = list(column.values[len(numbers) :])
    tried = int(np.sum(table.first_rung()))
    count = min(max(int(math.sqrt(tried)), 4), MOST - len(others))
    edges = _edges(numbers, scale, count, all(type(value) is int for value in column.values[: len(numbers)]))
    if not (np.diff(edges) > 0).all() or not np.isfinite(np.diff(edges)).all():
        return None
    bins = len(edges) - 1
    bin_of = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, bins - 1)
    # The last entry answers for the code -1.
    entry_of = np.concatenate([bin_of, bins + np.arange(len(others)), [-1]])
    middles = np.sqrt(edges[1:]) * np.sqrt(edges[:-1]) if scale == "log" else edges[1:] / 2 + edges[:-1] / 2
    ranges: list[list[float] | None] = [
        list(pair) for pair in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]
    codes = np.asarray(entry_of[column.codes], dtype=np.intp)
    return Side(key, scale, [*middles.tolist(), *others], [*ranges, *(None for _ in others)], codes, 0)


def _edges(numbers: Array, scale: str, count: int, whole: bool) -> Array:
    """The borders of at most `count` bins, evenly on the axis; between whole numbers they lie half-way."""
    low, high = float(numbers[0]), float(numbers[-1])
    with np.errstate(all="ignore"):
        if scale == "log":
            return np.asarray(np.geomspace(low, high, count + 1), dtype=float)
        if whole and high - low < 1e9:
            step = math.ceil((high - low + 1) / count)
            return np.asarray(np.arange(low - 0.5, high + 0.5 + step, step)[: count + 1], dtype=float)
        return np.asarray(np.linspace(low, high, count + 1), dtype=float)


def _best_values(column: Column, key: str, means: Array) -> Side:
    """The values that reached the best scores, in their own order; how many others there are."""
    reached = np.full(len(column.values), -np.inf)
    rows = np.flatnonzero((column.codes >= 0) & ~np.isnan(means))
    np.maximum.at(reached, column.codes[rows], means[rows])
    kept = np.sort(np.argsort(-reached, kind="stable")[:MOST])
    entry_of = np.full(len(column.values) + 1, -1, dtype=np.intp)
    entry_of[kept] = np.arange(len(kept))
    values = [column.values[number] for number in kept]
    return Side(key, "categorical", values, None, entry_of[column.codes], len(column.values) - len(kept))
