"""Who is inside whom: a scope for each call, each run by hand and each `suppress`, in a context variable.

A context variable knows nothing of the threads that its owner starts, and joblib starts many. Two hooks carry the
scope over: one on `threading.Thread`, for whatever thread is started, and one on scikit-learn's `Parallel`, for
tasks that go to threads or processes which were there before. A scope that has ended silences nothing any more,
so a thread pool that outlives the fit which created it is as free as any other.
"""

from __future__ import annotations

import contextlib
import time
import uuid
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from skribe.records import Call, Warned

current: ContextVar[Scope | None] = ContextVar("skribe_scope", default=None)
# Set while a model is asked, or a metric computed: what happens inside of that is not worth a word of its own. A list
# collects what the models inside say.
asking: ContextVar[list[Any] | tuple[()] | None] = ContextVar("skribe_asking", default=None)


class Scope:
    """Something that is going on. While it is `quiet`, the fits inside it are its own affair and make no runs."""

    __slots__ = (
        "__weakref__", "began", "branches", "busy", "call", "follows", "heard", "listener", "members", "opens",
        "outer", "owner", "quiet", "run", "task", "warned",
    )  # fmt: skip

    def __init__(self, outer: Scope | None, *, quiet: bool, call: Call | None = None, run: Any = None) -> None:
        self.outer = outer
        self.quiet = quiet
        self.call = call
        self.run = run
        self.busy = False
        self.branches: list[weakref.ref[Scope]] = []
        self.listener: Any = None  # who was told that the call began, and is to be told how it ended
        self.owner = 0  # the id of the estimator whose call this is
        self.members = None if call is None else call.members
        self.opens = False  # whether the cross-validations inside the call are runs of their own
        self.follows = False  # whether the listener wants to hear of each task of the call
        self.began: float | None = None  # when that task began
        self.task: int | None = None  # the number of the task of that call which runs here
        self.heard: list[tuple[int, float]] | None = None if call is None else call.heard
        self.warned: list[Warned] | None = None if call is None else call.warned

    def branch(self) -> Scope:
        """The same scope for another thread, which times the members that it fits by itself."""
        twin = Scope(self.outer, quiet=self.quiet, call=self.call, run=self.run)
        twin.members, twin.owner, twin.listener = self.members, self.owner, self.listener
        twin.task, twin.began, twin.warned, twin.opens = self.task, self.began, self.warned, self.opens
        self.branches.append(weakref.ref(twin))
        return twin

    def of_task(self, number: int) -> Scope:
        """A scope for one task of this call, which has warnings of its own."""
        scope = Scope(self, quiet=True, call=self.call)
        scope.listener, scope.task, scope.began, scope.warned = self.listener, number, time.time(), []
        scope.members = scope.heard = None
        return scope

    def close(self) -> None:
        """The thing is over. Threads that still see this scope are outside of it from now on."""
        self.quiet = False
        self.call = self.run = self.members = self.warned = self.heard = None
        self.follows = self.opens = False
        for reference in self.branches:
            branch = reference()
            if branch is not None:
                branch.close()


def open_run() -> Any:
    """The innermost run by hand that is open around the caller, or None."""
    scope = current.get()
    while scope is not None:
        if scope.run is not None:
            return scope.run
        scope = scope.outer
    return None


@contextlib.contextmanager
def entered(*, quiet: bool, run: Any = None) -> Iterator[Scope]:
    """Be inside a new scope for the length of a `with` block."""
    scope = Scope(current.get(), quiet=quiet, run=run)
    token = current.set(scope)
    try:
        yield scope
    finally:
        scope.close()
        # A generator may be resumed, or thrown away, in another context than it was begun in. There the closed
        # scope stays, and means nothing.
        with contextlib.suppress(ValueError):
            current.reset(token)


# A scope goes with a task under a name, a plain text, because a task must not carry an object of ours: a worker that
# cannot import skribe would hang on it. A name that means nothing here comes from another process.
_named: weakref.WeakValueDictionary[str, Scope] = weakref.WeakValueDictionary()


def name_of(scope: Scope) -> str:
    """A name under which `find` gives this scope back, in this process and while it lasts."""
    name = uuid.uuid4().hex  # a worker on another machine may have our process number
    _named[name] = scope
    return name


def find(name: str) -> Scope:
    """A branch of the scope of this name; if it is another process's, one that is quiet and nothing more."""
    scope = _named.get(name)
    return Scope(None, quiet=True) if scope is None else scope.branch()
