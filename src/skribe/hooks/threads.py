"""Carrying the scope to where the work goes: started threads, and the tasks of scikit-learn's parallel loops."""

from __future__ import annotations

import functools
import threading
import weakref
from typing import Any

from skribe.hooks.context import Scope, current
from skribe.hooks.importlib_bootstrap import bootstrap_with, marked_task_call, parallel_call
from skribe.hooks.searches import MARK, prepare
from skribe.hooks.wrapping import Patches


def hook_threads(patches: Patches) -> None:
    """Have each new thread begin in the scope in which it was started."""
    inherited: weakref.WeakKeyDictionary[threading.Thread, Scope] = weakref.WeakKeyDictionary()
    start = threading.Thread.start

    @functools.wraps(start)
    def start_in_scope(self: threading.Thread, *args: Any, **kwargs: Any) -> None:
        scope = current.get()
        if scope is not None:
            inherited[self] = scope
        start(self, *args, **kwargs)

    patches.replace(threading.Thread, "start", start_in_scope)
    inner = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
    patches.replace(threading.Thread, "_bootstrap_inner", bootstrap_with(inner, inherited))


def hook_parallel(patches: Patches) -> None:
    """Have each task that is dispatched inside a fit run inside that fit, wherever it runs."""
    from sklearn.utils import parallel

    patches.replace(parallel.Parallel, "__call__", parallel_call(parallel.Parallel.__call__, prepare))
    patches.replace(parallel._FuncWrapper, "__call__", marked_task_call(parallel._FuncWrapper.__call__, MARK))
