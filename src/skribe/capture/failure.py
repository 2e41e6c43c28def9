"""An exception as a record."""

from __future__ import annotations

import traceback

from skribe.guard import contain
from skribe.records import Failure

_OWN_FRAMES = "importlib_bootstrap.py"


def failure_of(error: BaseException) -> Failure:
    """An exception as text: what it was, what it said, and the traceback that the user sees, without our frames."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001
        message = "(its message cannot be shown)"
    told = contain("a traceback", traceback.TracebackException.from_exception, error)
    text = ""
    if told is not None:
        told.stack = traceback.StackSummary.from_list(
            [frame for frame in told.stack if not frame.filename.endswith(_OWN_FRAMES)]
        )
        text = "".join(told.format())
    cls = type(error)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return Failure(name, message, text)
