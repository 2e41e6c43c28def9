"""Hooking a function in place: scikit-learn's checked functions keep the one that they wrap in a closure.

What the closure holds is exchanged, and put back: the function itself is the same object for who imported it earlier,
and nothing that anybody can import or pickle changes.
"""

from __future__ import annotations

from types import CellType
from typing import Any

from skribe.hooks.wrapping import Patches


def cell_of(wrapper: Any) -> CellType | None:
    """The cell of the closure in which `validate_params` keeps the function that it wraps."""
    code, closure = getattr(wrapper, "__code__", None), getattr(wrapper, "__closure__", None)
    if code is None or not closure or "func" not in code.co_freevars:
        return None
    cell: CellType = closure[code.co_freevars.index("func")]
    return cell


def exchange(patches: Patches, cell: CellType, new: Any) -> None:
    """Put `new` into the cell, until the patches are undone."""
    old = cell.cell_contents
    cell.cell_contents = new

    def put_back() -> None:
        if cell.cell_contents is new:
            cell.cell_contents = old

    patches.call_back(put_back)
