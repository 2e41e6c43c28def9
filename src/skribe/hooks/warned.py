"""Taking down the warnings that a call shows, on their way to the user, who sees them as ever."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from skribe.guard import hushed_threads, is_hushed
from skribe.hooks.context import current
from skribe.hooks.wrapping import Patches
from skribe.records import Warned


def hook_warnings(patches: Patches) -> None:
    """Note each warning that Python is about to show while a recorded call runs.

    The place is the one function through which every shown warning goes, whoever catches or redirects it, and
    which `warnings.catch_warnings` does not replace. A warning that the user's filters drop is dropped here too.
    """
    show = getattr(warnings, "_showwarnmsg", None)
    if show is None:
        return

    @functools.wraps(show)
    def _showwarnmsg(message: Any) -> None:
        scope = current.get()
        if scope is not None and scope.warned is not None and not is_hushed():
            _take_down(scope.warned, message)
        show(message)

    patches.replace(warnings, "_showwarnmsg", _showwarnmsg)
    _keep_counts(patches)


def _keep_counts(patches: Patches) -> None:
    """Keep Python's memory of the warnings that it has shown while we ask an estimator something.

    Whoever enters `warnings.catch_warnings`, as pandas and scikit-learn do, makes Python forget it: the user would
    be shown again what the user has seen. While warnings are hushed there is nothing to remember or to forget.
    """
    name = next((n for n in ("_filters_mutated", "_filters_mutated_lock_held") if hasattr(warnings, n)), None)
    if name is None:
        return
    mutated = getattr(warnings, name)

    @functools.wraps(mutated)
    def filters_mutated() -> None:
        # scikit-learn comes by here forty times for each task of a parallel loop.
        if not hushed_threads or not is_hushed():
            mutated()

    patches.replace(warnings, name, filters_mutated)


_MOST = 200


def _take_down(warned: list[Warned], message: Any) -> None:
    if len(warned) >= _MOST:
        return
    category = message.category
    try:
        text = str(message.message)
    except Exception as error:  # noqa: BLE001
        text = f"(its text cannot be shown: {type(error).__name__})"
    warned.append(
        Warned(f"{category.__module__}.{category.__qualname__}", text, str(message.filename), message.lineno)
    )
