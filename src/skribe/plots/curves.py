"""The score against the parameters: one at a time, and two at a time."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from skribe.plots.axes import Side, scale_of, side_of
from skribe.plots.slices import Slices, slices_of
from skribe.plots.table import Array, Indices, SearchTable, mean_of, plain_numbers, std_of

# So many slices of a parameter are told, the best, and so many pairs of parameters.
_SLICES = 12
_PAIRS = 20
# A slice with more points than this is a cloud.
_POINTS = 100


def validation_curves(table: SearchTable) -> list[dict[str, Any]]:
    """For every varying parameter the score along it, in slices where all other parameters are fixed.

    The slice through the best candidate comes first. Where hardly any two candidates share the other parameters, as
    in a random search, there are no slices; the parameter is then told as a scatter over all candidates.
    """
    slices = slices_of(table, table.mean())
    return [_curve(table, key, found) for key, found in slices.items()]


def _curve(table: SearchTable, key: str, found: Slices) -> dict[str, Any]:
    members = found.members()
    told: dict[str, Any] = {"parameter": key, "metric": table.metric, "axis": scale_of(table, key)}
    told["best"] = table.leader()
    if found.coverage < 0.5 or max(map(len, members), default=0) > _POINTS:
        rows = np.flatnonzero(table.column(key).codes >= 0)
        return {**told, "kind": "scatter", **_points(table, key, rows)}
    best, means = told["best"], table.mean()
    # Most slices are left out: the test whether one holds the best candidate must not look into every one.
    through = -1 if best is None else int(np.searchsorted(found.starts, _place(found.order, best), side="right")) - 1
    reached = np.maximum.reduceat(means[found.order], found.starts)
    # In halving the later iterations come first, for scores on different resources do not compare.
    rungs = np.zeros(len(reached)) if table.iteration is None else table.iteration[found.order[found.starts]]
    is_through = np.arange(len(reached)) == through
    shown = np.lexsort((-reached, -rungs, ~is_through))[:_SLICES].tolist()
    slices = [_slice(table, key, members[number], number == through) for number in shown]
    return {**told, "kind": "curve", "slices": slices, "left_out": len(members) - len(shown)}


def _place(order: Indices, candidate: int) -> int:
    """Where the candidate stands; -1, which is before every slice, if it is in none."""
    found = np.flatnonzero(order == candidate)
    return int(found[0]) if len(found) else -1


def _slice(table: SearchTable, key: str, rows: Indices, through_best: bool) -> dict[str, Any]:
    """One slice: what is fixed in it, and the points along the parameter, with the score of each split."""
    first = int(rows[0])
    fixed = {}
    for other in table.varying():
        column = table.column(other)
        if other != key and column.codes[first] >= 0:
            fixed[other] = column.values[column.codes[first]]
    told = {"fixed": fixed, "through_best": through_best, **_points(table, key, rows)}
    told["iteration"] = None if table.iteration is None else int(table.iteration[first])
    told["folds"] = plain_numbers(table.scores()[rows])
    train = table.train.get(table.metric)
    told["train_mean"] = None if train is None else plain_numbers(mean_of(train[rows]))
    told["train_std"] = None if train is None else plain_numbers(std_of(train[rows]))
    return told


def _points(table: SearchTable, key: str, rows: Indices) -> dict[str, Any]:
    column = table.column(key)
    x = [column.values[code] for code in column.codes[rows]]
    scores = table.scores()[rows]
    told = {"candidate": rows.tolist(), "x": x, "mean": plain_numbers(mean_of(scores))}
    return {**told, "std": plain_numbers(std_of(scores))}


def heat_maps(table: SearchTable) -> dict[str, Any]:
    """For every pair of varying parameters the best mean over all others, and which candidate reached it.

    The pairs whose cells differ most come first. In halving the first iteration is told, where all candidates had
    the same resources; the cell of the chosen candidate is marked wherever it was tried.
    """
    means = np.where(table.first_rung(), table.fair(), np.nan)
    sides = {key: side_of(table, key, means) for key in table.varying()}
    first = np.flatnonzero(table.first_rung())
    iteration = None if table.iteration is None or not len(first) else int(table.iteration[first[0]])
    pairs = [(_best_cells(sides[x], sides[y], means), x, y) for x, y in combinations(sides, 2)]
    effects = [_effect(means[cells[cells >= 0]]) for cells, _, _ in pairs]
    maps = []
    for number in np.argsort(-np.array(effects), kind="stable")[:_PAIRS].tolist():
        cells, x, y = pairs[number]
        told = {"x": sides[x].told(), "y": sides[y].told(), "metric": table.metric, "effect": effects[number]}
        told["mean"] = plain_numbers(np.where(cells >= 0, means[cells], np.nan))
        told["candidate"] = [[None if cell < 0 else cell for cell in row] for row in cells.tolist()]
        maps.append({**told, "best": _marked(table, sides[x], sides[y]), "iteration": iteration})
    return {"maps": maps, "left_out": len(pairs) - len(maps)}


def _best_cells(x: Side, y: Side, means: Array) -> Indices:
    """The candidate with the best mean in each cell, -1 where nothing was tried."""
    cells = np.full(len(y.values) * len(x.values), -1, dtype=np.intp)
    rows = np.flatnonzero((x.codes >= 0) & (y.codes >= 0) & ~np.isnan(means))
    # Of candidates that fall into one cell the last one stays: the best, and of equals the first.
    rows = rows[::-1][np.argsort(means[rows[::-1]], kind="stable")]
    cells[y.codes[rows] * len(x.values) + x.codes[rows]] = rows
    return cells.reshape(len(y.values), len(x.values))


def _effect(means: Array) -> float:
    """By how much the cells differ."""
    known = means[np.isfinite(means)]
    with np.errstate(over="ignore"):
        return float(min(known.max() - known.min(), np.finfo(float).max)) if len(known) else 0.0


def _marked(table: SearchTable, x: Side, y: Side) -> list[int] | None:
    """The cell of the best candidate, as row and column."""
    best = table.leader()
    if best is None or x.codes[best] < 0 or y.codes[best] < 0:
        return None
    return [int(y.codes[best]), int(x.codes[best])]
