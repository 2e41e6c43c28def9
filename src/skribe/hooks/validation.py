"""`cross_validate` and its family, hooked in place: the same function objects, also for who imported them earlier.

Each of them is a wrapper that checks its arguments and calls the function in its closure. What the closure holds is
exchanged, and put back: nothing that anybody can import or pickle changes.
"""

from __future__ import annotations

import sys
from types import CellType
from typing import Any

from skribe.hooks.importlib_bootstrap import Relay, watched
from skribe.hooks.wrapping import Patches

MODULE = "sklearn.model_selection._validation"
FUNCTIONS = (
    "cross_validate", "cross_val_score", "cross_val_predict", "learning_curve", "validation_curve",
    "permutation_test_score",
)  # fmt: skip


def hook_validation(patches: Patches, relay: Relay) -> None:
    """Have the outermost calls of these functions told to the relay. Their module is loaded."""
    module = sys.modules[MODULE]
    for name in FUNCTIONS:
        cell = _cell_of(getattr(module, name, None))
        if cell is not None:
            _exchange(patches, cell, watched(cell.cell_contents, relay))


def _cell_of(wrapper: Any) -> CellType | None:
    """The cell of the closure in which `validate_params` keeps the function that it wraps."""
    code, closure = getattr(wrapper, "__code__", None), getattr(wrapper, "__closure__", None)
    if code is None or not closure or "func" not in code.co_freevars:
        return None
    cell: CellType = closure[code.co_freevars.index("func")]
    return cell


def _exchange(patches: Patches, cell: CellType, new: Any) -> None:
    old = cell.cell_contents
    cell.cell_contents = new

    def put_back() -> None:
        if cell.cell_contents is new:
            cell.cell_contents = old

    patches.call_back(put_back)
