"""The frames that stand between the user's line and scikit-learn's: as few as can be, and unseen.

The name of this file is part of its work. `warnings.warn(..., stacklevel=2)` points at the caller's line, and Python
does not count frames of a file whose path holds both "importlib" and "_bootstrap". So a warning that names the user's
line goes on naming the user's line, and is shown again, or not, exactly as if skribe were not there. In tracebacks
that know of `__tracebackhide__` (IPython, pytest) these frames are not shown either.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable
from time import perf_counter
from types import MethodType
from typing import Any, Protocol

from skribe.hooks.context import Scope, current, find


class Relay(Protocol):
    """What a hook tells of the calls that matter; neither method raises an `Exception`."""

    listener: Any

    def enter(
        self, hook: Hook, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outer: Scope | None
    ) -> Scope | None: ...

    def leave(self, scope: Scope, result: Any, error: BaseException | None) -> None: ...


def _passing_for(attribute: str) -> Any:
    return property(lambda hook: getattr(hook.original, attribute))


class Hook:
    """Stands in a class's `__dict__` where a method stood, and passes for that method in every respect.

    Whoever asks for its class, code, signature, source or attributes gets the function's. Pickled by name it is found
    under that name; pickled by value, with a class typed into a notebook, it is the function: what the user saves or
    sends to a worker never mentions skribe. (wrapt's wrappers do neither, and cost three times as much per call.)
    """

    __slots__ = ("__weakref__", "names", "original", "relay", "replaced")

    def __init__(self, original: Callable[..., Any], replaced: Any, relay: Relay) -> None:
        own = super().__setattr__
        own("original", original)
        own("replaced", replaced)
        own("relay", relay)
        own("names", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "names":
            super().__setattr__(name, value)
        else:
            setattr(self.original, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.original, name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(*args: Any, **kwargs: Any) -> Any:
        # Even an argument called `self` is the method's own.
        __tracebackhide__ = True
        self: Hook = args[0]
        original = self.original
        if len(args) == 1:
            return original(**kwargs)
        instance, args = args[1], args[2:]
        here = current.get()
        if here is not None and here.quiet:
            members = here.members
            if members is None or here.busy or here.owner == id(instance):
                return original(instance, *args, **kwargs)
            here.busy = True
            began = perf_counter()
            try:
                return original(instance, *args, **kwargs)
            finally:
                members.append((id(instance), type(instance).__name__, perf_counter() - began))
                here.busy = False
        scope = self.relay.enter(self, instance, args, kwargs, here)
        if scope is None:
            return original(instance, *args, **kwargs)
        token = None
        try:
            token = current.set(scope)
            result = original(instance, *args, **kwargs)
        except BaseException as error:
            self.relay.leave(scope, None, error)
            raise
        else:
            self.relay.leave(scope, result, None)
            return result
        finally:
            # First the scope: once closed it silences nothing, even if Ctrl-C keeps it from being taken off.
            scope.close()
            if token is not None:
                current.reset(token)

    def __repr__(self) -> str:
        return repr(self.original)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # By name where the name leads here, as for any function; inside a class that goes by value, the function.
        found: Any = sys.modules.get(self.original.__module__)
        for part in self.original.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.original.__qualname__
        return operator.itemgetter(0), ((self.original,),)

    def __copy__(self) -> Hook:
        return self

    def __deepcopy__(self, memo: Any) -> Hook:
        return self

    # What every object has, and would answer for itself.
    __doc__ = _passing_for("__doc__")
    __module__ = _passing_for("__module__")
    __dict__ = _passing_for("__dict__")
    __class__ = _passing_for("__class__")


def marked_task_call(original: Callable[..., Any], mark: str) -> Callable[..., Any]:
    """`_FuncWrapper.__call__` that runs a marked task inside the scope that dispatched it."""

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        __tracebackhide__ = True
        name = self.__dict__.get(mark)
        here = current.get()
        if name is None or (here is not None and here.quiet):
            return original(self, *args, **kwargs)
        scope = find(name)
        token = current.set(scope)
        try:
            return original(self, *args, **kwargs)
        finally:
            current.reset(token)

    return __call__


def bootstrap_with(original: Callable[..., Any], inherited: Any) -> Callable[..., Any]:
    """`Thread._bootstrap_inner` that begins in the scope in which the thread was started."""

    @functools.wraps(original)
    def _bootstrap_inner(self: Any) -> Any:
        scope = inherited.pop(self, None)
        if scope is not None:
            current.set(scope.branch())
        return original(self)

    return _bootstrap_inner
