"""Which candidates of a search failed, and what they have in common."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from skribe.plots.remarks import Advice
from skribe.plots.table import Mask, SearchTable
from skribe.plots.words import spoken
from skribe.words import shorten

# So many values of one parameter are listed as what the failures have in common.
_VALUES = 3


def failed(table: SearchTable) -> list[Advice]:
    """How many candidates failed, and the parameter values that they share; nothing if none did.

    A split failed if it was timed, or the search is over, and it has no score. A split that was never reached, in
    a search that was stopped, has not failed.
    """
    over = np.isfinite(table.fit_seconds) | (table.best is not None)
    lost = over & np.isnan(table.scores())
    every = lost.all(axis=1) & (lost.shape[1] > 0)
    some = lost.any(axis=1) & ~every
    return [*_whole(table, every), *_partly(table, some)]


def _whole(table: SearchTable, rows: Mask) -> list[Advice]:
    count = int(rows.sum())
    if not count:
        return []
    candidates = tuple(np.flatnonzero(rows).tolist())
    if count == len(table):
        text = "Every candidate failed." if count > 1 else "The only candidate failed."
        return [Advice("failed", text, (), candidates)]
    if count == 1:
        text = f"1 of {len(table)} candidates failed: {shorten(table.names[candidates[0]], 90)}."
        return [Advice("failed", text, (), candidates)]
    shared, params = _shared(table, rows)
    return [Advice("failed", f"{count} of {len(table)} candidates failed{shared}.", params, candidates)]


def _partly(table: SearchTable, rows: Mask) -> list[Advice]:
    count = int(rows.sum())
    if not count:
        return []
    text = (
        f"{count} of {len(table)} candidates failed in some of their splits, so scikit-learn gives them no mean score."
    )
    return [Advice("failed", text, (), tuple(np.flatnonzero(rows).tolist()))]


def _shared(table: SearchTable, rows: Mask) -> tuple[str, tuple[str, ...]]:
    """What only the failures have; else two values that only they have together; else what all of them have."""
    count, others = int(rows.sum()), ~rows & ~np.isnan(table.mean())
    keys = [key for key in table.varying() if (table.column(key).codes[rows] >= 0).all()]
    shared: dict[str, Mask] = {}
    for key in keys:
        column = table.column(key)
        codes = np.unique(column.codes[rows])
        having = np.isin(column.codes, codes)
        if len(codes) == 1:
            shared[key] = having
        # Values that hardly come twice, as in a random search, are no explanation.
        if len(codes) <= min(_VALUES, count // 2) and not (having & others).any():
            values = " or ".join(spoken(column.values[code]) for code in codes)
            return f": all {count} failures have {key}={values}, and no success has it", (key,)
    for one, two in combinations(shared, 2):
        if not (shared[one] & shared[two] & others).any():
            pair = f"{_value(table, one, rows)} with {_value(table, two, rows)}"
            return f": all {count} failures have {pair}, and no success has both", (one, two)
    if not shared or not others.any():
        return "", ()
    key = min(shared, key=lambda key: int((shared[key] & others).sum()))
    also = int((shared[key] & others).sum())
    return f": all {count} failures have {_value(table, key, rows)}, as have {also} that did not fail", (key,)


def _value(table: SearchTable, key: str, rows: Mask) -> str:
    column = table.column(key)
    return f"{key}={spoken(column.values[column.codes[np.flatnonzero(rows)[0]]])}"
