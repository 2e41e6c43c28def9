"""Slices of a search: candidates that differ in one parameter only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skribe.plots.table import Array, Indices, Mask, SearchTable


class Slices(NamedTuple):
    """All slices along one parameter, each with two values of it or more, and one candidate for each value."""

    # The candidates, slice after slice, each slice in the order of the parameter's values.
    order: Indices
    # Where in `order` each slice begins.
    starts: Indices
    # Which part of the candidates with this parameter is in some slice.
    coverage: float

    def members(self) -> list[Indices]:
        """The candidates of each slice."""
        return np.split(self.order, self.starts[1:]) if len(self.starts) else []


def slices_of(table: SearchTable, means: Array) -> dict[str, Slices]:
    """For each varying parameter, the slices among the candidates that have a finite mean here.

    The iterations of halving do not mix in a slice, for their resources differ.
    """
    keys = table.varying()
    if table.iteration is None:
        base = np.zeros(len(table), dtype=np.intp)
    else:
        base = np.unique(table.iteration, return_inverse=True)[1].astype(np.intp)
    codes = [table.column(key).codes + 1 for key in keys]
    # Who agrees in all parameters before this one, and who in all after it: together, who agrees in all others.
    before, after = [base], [np.zeros_like(base)]
    for column in codes[:-1]:
        before.append(_together(before[-1], column))
    for column in codes[:0:-1]:
        after.append(_together(after[-1], column))
    groups = (_together(left, right) for left, right in zip(before, reversed(after), strict=True))
    return {key: _along(table.column(key).codes, group, means) for key, group in zip(keys, groups, strict=False)}


def groups_of(table: SearchTable, keys: tuple[str, ...]) -> Indices:
    """A number for each candidate, the same for candidates that agree in all these parameters."""
    group = np.zeros(len(table), dtype=np.intp)
    for key in keys:
        group = _together(group, table.column(key).codes + 1)
    return group


def _together(left: Indices, right: Indices) -> Indices:
    """A number for each pair. Both count from 0 to less than the number of rows, so that no product overflows."""
    return np.unique(left * (right.max(initial=0) + 1) + right, return_inverse=True)[1].astype(np.intp)


def _along(codes: Indices, group: Indices, means: Array) -> Slices:
    rows = np.flatnonzero((codes >= 0) & np.isfinite(means))
    # Of candidates that are the same, as a random search may try them, the best comes first and is kept.
    order = rows[np.lexsort((-means[rows], codes[rows], group[rows]))]
    first = _changes(group[order]) | _changes(codes[order])
    kept = order[first]
    starts = np.flatnonzero(_changes(group[kept]))
    sizes = np.diff(np.append(starts, len(kept)))
    wide = np.repeat(sizes >= 2, sizes)
    told = np.isin(group[rows], group[kept[wide]])
    sizes = sizes[sizes >= 2]
    return Slices(kept[wide], np.cumsum(sizes) - sizes, float(told.mean()) if len(rows) else 0.0)


def _changes(numbers: Indices) -> Mask:
    """Where a run of equal numbers begins."""
    return np.asarray(np.diff(numbers, prepend=-1) != 0, dtype=bool)
