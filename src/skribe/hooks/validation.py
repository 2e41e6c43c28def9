"""`cross_validate` and its family, hooked in place."""

from __future__ import annotations

import sys

from skribe.hooks.cells import cell_of, exchange
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
        cell = cell_of(getattr(module, name, None))
        if cell is not None:
            exchange(patches, cell, watched(cell.cell_contents, relay))
