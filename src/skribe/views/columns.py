"""Which metrics and parameters a table of runs begins with."""

from __future__ import annotations

from collections.abc import Sequence

from skribe.display.text import SPEAKERS, is_held_out
from skribe.store.page import KeyCount

# Parameters that hold estimators or whole grids, and those that change how a fit runs rather than what it gives.
_DULL = frozenset(
    [
        *(
            "verbose",
            "n_jobs",
            "copy",
            "copy_X",
            "memory",
            "random_state",
            "error_score",
            "refit",
            "pre_dispatch",
            "cv",
        ),
        *("pre_dispatch", "return_train_score", "steps", "estimator", "estimators", "base_estimator", "transformers"),
        *("transform_input", "param_grid", "param_distributions"),
    ]
)


def telling_params(counts: Sequence[KeyCount]) -> list[str]:
    """The parameters that somebody chose and varied, the most common first."""
    chosen = [one for one in counts if one.varies and one.chosen and not is_dull(one.key)]
    return [one.key for one in sorted(chosen, key=lambda one: (-one.chosen, one.key.count("__"), one.key))]


def telling_metrics(counts: Sequence[KeyCount]) -> list[str]:
    """The metrics that say most: of searches and cross-validations, of held-out rows, and only then of training."""
    held_out = [one.key for one in sorted(counts, key=lambda one: (-one.count, one.key)) if is_held_out(one.key)]
    spoken = [key for key in SPEAKERS if key in {one.key for one in counts}]
    searched = [key for key in spoken if not key.startswith("training_") and key not in held_out]
    return searched + held_out[:2] + [key for key in spoken if key.startswith("training_")]


def is_dull(key: str) -> bool:
    """Whether a parameter says little in a table: a step of a pipeline is told by its own parameters."""
    return key.rpartition("__")[2] in _DULL or key.startswith("best_estimator_")
