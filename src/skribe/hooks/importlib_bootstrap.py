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
from time import perf_counter, time
from types import MethodType
from typing import Any, Protocol

from skribe.hooks.context import Scope, asking, current, find


class Relay(Protocol):
    """What a hook tells of the calls that matter; neither method raises an `Exception`."""

    listener: Any
    scores: Any

    def enter(
        self, hook: Hook, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outer: Scope | None
    ) -> Scope | None: ...

    def enter_function(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], outer: Scope | None
    ) -> Scope | None: ...

    def hear(
        self, scope: Scope, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None: ...

    def leave(self, scope: Scope, result: Any, error: BaseException | None) -> None: ...


def _passing_for(attribute: str) -> Any:
    return property(lambda hook: getattr(hook.original, attribute))


class Hook:
    """Stands in a class's `__dict__` where a method stood, and passes for that method in every respect.

    Whoever asks for its class, code, signature, source or attributes gets the function's. Pickled by name it is found
    under that name; pickled by value, with a class typed into a notebook, it is the function: what the user saves or
    sends to a worker never mentions skribe. (wrapt's wrappers do neither, and cost three times as much per call.)
    """

    __slots__ = ("__weakref__", "is_search", "names", "original", "relay", "replaced")

    def __init__(self, original: Callable[..., Any], replaced: Any, relay: Relay) -> None:
        own = super().__setattr__
        own("original", original)
        own("replaced", replaced)
        own("relay", relay)
        own("names", None)
        own("is_search", False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("names", "is_search"):
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
        if here is not None and here.quiet and not (self.is_search and _is_inner(here, instance)):
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
        with _Inside(scope, self.relay) as inside:
            inside.result = original(instance, *args, **kwargs)
            return inside.result

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


class Asked(Hook):
    """A method that asks a fitted model something. Whose answer it was is remembered for as long as it is held."""

    __slots__ = ()
    __module__, __doc__ = _passing_for("__module__"), _passing_for("__doc__")  # which a class has anew

    def __call__(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        self: Asked = args[0]
        box, here = asking.get(), current.get()
        if box is not None or len(args) == 1 or (here is not None and here.quiet):
            result = self.original(*args[1:], **kwargs)
            if type(box) is list and len(args) > 1:
                box.append((args[1], self.original.__name__, result))
            return result
        token = asking.set(())
        try:
            result = self.original(*args[1:], **kwargs)
        finally:
            asking.reset(token)
        self.relay.scores.answered(self, args, kwargs, result)
        return result


class Scored(Hook):
    """A method that says how good a fitted model is: an estimator's `score`, or the call of a scorer."""

    __slots__ = ()
    __module__, __doc__ = _passing_for("__module__"), _passing_for("__doc__")

    def __call__(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        self: Scored = args[0]
        here = current.get()
        if len(args) == 1 or asking.get() is not None or (here is not None and here.quiet):
            return self.original(*args[1:], **kwargs)
        box: list[Any] = []
        token = asking.set(box)
        try:
            result = self.original(*args[1:], **kwargs)
        finally:
            asking.reset(token)
        self.relay.scores.scored(self, args[1], args[2:], kwargs, result, box)
        return result


def judged(original: Callable[..., Any], relay: Relay) -> Callable[..., Any]:
    """A function of `sklearn.metrics` whose outermost calls are told, with what they gave."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        here = current.get()
        if asking.get() is not None or (here is not None and here.quiet):
            return original(*args, **kwargs)
        token = asking.set(())
        try:
            result = original(*args, **kwargs)
        finally:
            asking.reset(token)
        relay.scores.judged(original, args, kwargs, result)
        return result

    return function


def _is_inner(here: Scope, instance: Any) -> bool:
    """Whether a search that begins here is a run of its own: inside a recorded call, and not that call itself."""
    return here.call is not None and here.owner != id(instance)


class _Inside:
    """Be inside a scope for the length of a call, and tell how the call went. It adds no frame to tracebacks."""

    __slots__ = ("relay", "result", "scope", "token")

    def __init__(self, scope: Scope, relay: Relay) -> None:
        self.scope = scope
        self.relay = relay
        self.result: Any = None
        self.token: Any = None

    def __enter__(self) -> _Inside:
        try:
            self.token = current.set(self.scope)
        except BaseException as error:  # Ctrl-C before the call has begun
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        try:
            self.relay.leave(self.scope, self.result, error)
        finally:
            # First the scope: once closed it silences nothing, even if Ctrl-C keeps it from being taken off.
            self.scope.close()
            if self.token is not None:
                current.reset(self.token)


def watched(original: Callable[..., Any], relay: Relay) -> Callable[..., Any]:
    """A function that fits estimators, such as `cross_validate`, with its outermost calls told to the relay."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        here = current.get()
        if here is not None and here.quiet and not here.opens:
            result = original(*args, **kwargs)
            if here.heard is not None:
                relay.hear(here, original, args, kwargs, result)
            return result
        scope = relay.enter_function(original, args, kwargs, here)
        if scope is None:
            return original(*args, **kwargs)
        with _Inside(scope, relay) as inside:
            inside.result = original(*args, **kwargs)
            return inside.result

    return function


def run_here(self: Any, function: Callable[..., Any], number: int, args: tuple[Any, ...], kwargs: Any) -> Any:
    """Do a task of a search in the process of the search, in a scope of its own. A method of `Following`."""
    __tracebackhide__ = True
    scope: Scope = self.scope_of(number)
    warned = scope.warned
    token = current.set(scope)
    began = time()
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        self.broke(number, error)
        raise
    finally:
        current.reset(token)
        scope.close()
    return self.done(number, result, began, warned)


def parallel_call(original: Callable[..., Any], prepare: Callable[..., Any]) -> Callable[..., Any]:
    """`Parallel.__call__`, whose tasks run inside the scope that dispatched them, and are told as they are done."""

    @functools.wraps(original)
    def __call__(self: Any, iterable: Any) -> Any:  # noqa: N807
        __tracebackhide__ = True
        scope = current.get()
        if scope is None or not scope.quiet:
            return original(self, iterable)
        tasks, each = prepare(self, iterable, scope)
        if each is None:
            return original(self, tasks)
        try:
            if not each.yields:
                each.take_all(original(self, tasks))
                return each.in_order()
            with each.yielding(self):
                results = original(self, tasks)
                try:
                    for back in results:
                        each.take(back)
                except BaseException as error:
                    each.lose(error)
                    if results.gi_frame is not None:
                        # Ctrl-C while we were writing: joblib is to learn of it as if it had come while it waited.
                        results.throw(error)
                    raise
            return each.in_order()
        finally:
            each.close()

    return __call__


def travelling(function: Any, name: str, number: int, *args: Any, **kwargs: Any) -> Any:
    """Do a task of a search, wherever it has come to. This function goes there by value: it knows nothing of ours."""
    __tracebackhide__ = True
    import sys

    home = sys.modules.get("skribe.hooks.searches")
    here = None if home is None else home.following.get(name)
    if here is not None:
        return here.run(function, number, args, kwargs)

    import os
    import threading
    import warnings
    from time import time

    warned: Any = None
    show = getattr(warnings, "_showwarnmsg", None)
    # Whoever runs tasks in threads runs several at once; there nobody could say whose warning it was.
    watches = show is not None and threading.current_thread() is threading.main_thread()

    def note(message: Any) -> None:
        assert show is not None
        if len(warned) < 50:
            category = message.category
            full = f"{category.__module__}.{category.__qualname__}"
            try:
                text = str(message.message)
            except Exception:  # noqa: BLE001
                text = "(its text cannot be shown)"
            warned.append((full, text, str(message.filename), message.lineno))
        show(message)

    if watches:
        warned, warnings._showwarnmsg = [], note  # type: ignore[attr-defined]
    began = time()
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        # Which task it was is taken off again where the exception arrives. Not for one that pickles in its own way.
        kind = type(error)
        if kind.__reduce__ is BaseException.__reduce__ and kind.__setstate__ is BaseException.__setstate__:
            held = getattr(error, "__dict__", None)
            if type(held) is dict:
                held["_skribe_task"] = number
        raise
    finally:
        ended = time()
        if watches and warnings._showwarnmsg is note:  # type: ignore[attr-defined]
            warnings._showwarnmsg = show  # type: ignore[attr-defined]
    inner = model = None
    held = getattr(args[0], "__dict__", {}) if args else {}
    results = held.get("cv_results_")
    wanted = type(kwargs.get("return_estimator")) is int and type(result) is dict
    fitted = result.pop("estimator", None) if wanted else None
    if fitted is not None or (type(results) is dict and "params" in results):
        # As bytes, made here: what cannot be pickled was never meant to leave this process, and does not.
        try:
            import cloudpickle  # a part of joblib from 1.6 on
        except ImportError:
            from joblib.externals import cloudpickle
    if fitted is not None:
        try:
            model = cloudpickle.dumps(fitted)
        except Exception:  # noqa: BLE001 - then it is not kept
            model = None
    if type(results) is dict and "params" in results:
        try:
            kept = ("best_params_", "best_score_", "best_index_", "cv_results_", "refit_time_", "n_splits_")
            found = {key: held[key] for key in kept if key in held}
            found["class"] = type(args[0]).__module__ + "." + type(args[0]).__qualname__
            inner = cloudpickle.dumps(found)
        except Exception:  # noqa: BLE001 - then it is not told
            inner = None
    return number, result, began, ended, (os.getpid(), threading.get_ident()), warned, inner, model


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
