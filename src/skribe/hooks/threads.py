"""Carrying the scope to where the work goes: started threads, and the tasks of scikit-learn's parallel loops."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from skribe.hooks.context import Scope, current, name_of
from skribe.hooks.importlib_bootstrap import bootstrap_with, marked_task_call
from skribe.hooks.searches import follow
from skribe.hooks.wrapping import Patches

_MARK = "_skribe_scope"


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

    patches.replace(parallel.Parallel, "__call__", _marking(parallel.Parallel.__call__))
    patches.replace(parallel._FuncWrapper, "__call__", marked_task_call(parallel._FuncWrapper.__call__, _MARK))


def _marking(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def __call__(self: Any, iterable: Iterable[Any]) -> Any:  # noqa: N807
        scope = current.get()
        if scope is None or not scope.quiet:
            return original(self, iterable)
        marked = _marked(iterable, name_of(scope))
        if scope.follows:
            return follow(original, self, marked, scope)
        return original(self, marked)

    return __call__


def _marked(iterable: Iterable[Any], name: str) -> Iterator[Any]:
    for task in iterable:
        attributes = getattr(task[0], "__dict__", None)
        if attributes is not None and type(task[0]).__name__ == "_FuncWrapper":
            attributes[_MARK] = name
        yield task
