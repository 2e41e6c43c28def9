"""From a hooked method to a `Call`: which calls matter, and what is told of them."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from skribe.guard import contain
from skribe.hooks.context import Scope, open_run
from skribe.hooks.importlib_bootstrap import Hook
from skribe.hooks.scoring import Scores
from skribe.records import Call, Outcome, Score, Task


class Listener(Protocol):
    """Who is told of the calls. `begin` answers whether the call is worth an `end`."""

    def begin(self, call: Call) -> bool: ...

    def end(self, call: Call) -> None: ...

    def times_members(self, call: Call) -> bool: ...

    def follows(self, call: Call) -> bool:
        """Whether the listener wants to hear of each task of the call. If it does not, the next four do not come."""
        ...

    def wants_models(self, call: Call) -> bool:
        """Whether each task of the call is to give back the estimator that it has fitted."""
        ...

    def dispatch(self, call: Call, task: Task) -> Outcome | None:
        """A task is about to be given out. An outcome takes its place: it need not be done."""
        ...

    def arrive(self, call: Call, outcome: Outcome) -> None:
        """A task has been done."""
        ...

    def break_off(self, call: Call, number: int, error: BaseException) -> None:
        """A task has raised, in this process."""
        ...

    @property
    def hears_scores(self) -> bool:
        """Whether the listener wants to know how good the fitted models are. If not, the next two do not come."""
        ...

    def mark_of(self, model: Any) -> Any:
        """What the listener knows this fitted model by; None if it does not. Asked at every prediction."""
        ...

    def scored(self, score: Score) -> None:
        """The user has been told how good a model is."""
        ...


class Calls:
    """The relay behind every hook. Without a listener the hooks are as good as not there."""

    def __init__(self, listener: Listener) -> None:
        self.listener: Listener | None = listener
        self.scores = Scores(self)
        self._under_way: set[Scope] = set()
        self._shared: set[Scope] = set()
        self._lock = threading.Lock()

    def enter(
        self, hook: Hook, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outer: Scope | None
    ) -> Scope | None:
        """A quiet scope for the call; its `call` is None where the call is not to be recorded."""
        listener = self.listener
        if listener is None:
            return None
        call = Call(method=hook.__name__, estimator=instance, arguments=bind(hook, args, kwargs))
        return self._scope(listener, call, outer)

    def enter_function(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], outer: Scope | None
    ) -> Scope | None:
        """The same for a function that is given an estimator."""
        listener = self.listener
        if listener is None:
            return None
        try:
            arguments = _arguments(function, args, kwargs)
        except TypeError:  # wrong arguments, which the function itself will refuse
            return None
        if "estimator" not in arguments:
            return None
        call = Call(method=function.__name__, estimator=arguments["estimator"], arguments=arguments, function=True)
        return self._scope(listener, call, outer)

    def _scope(self, listener: Listener, call: Call, outer: Scope | None) -> Scope:
        call.inside, call.started = open_run(), time.time()
        if outer is not None and outer.quiet:
            call.within, call.task, call.task_began = outer.call, outer.task, outer.began
        scope = Scope(outer, quiet=True)
        # What our own code starts while it looks at the estimator is nobody's fit.
        if self._begun(listener, call):
            if listener.times_members(call):
                call.members = []
            scope.listener, scope.call, scope.members = listener, call, call.members
            scope.warned, scope.heard, scope.follows = call.warned, call.heard, listener.follows(call)
            scope.opens = call.opens
            scope.owner = 0 if call.function else id(call.estimator)
            with self._lock:
                # A search inside another call is no second one beside it.
                if call.within is None:
                    if self._under_way:
                        self._shared.update(self._under_way, (scope,))
                    self._under_way.add(scope)
        call.cpu, call.wall = time.process_time(), time.perf_counter()
        return scope

    @staticmethod
    def _begun(listener: Listener, call: Call) -> bool:
        try:
            return bool(contain("this run", listener.begin, call))
        except BaseException as error:  # Ctrl-C before the fit has begun: what was written of it so far must end
            if call.record is not None:
                call.error = error
                contain("what this fit did", listener.end, call)
            raise

    def hear(
        self, scope: Scope, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """A cross-validation inside a call has ended, and the listener wants to know what came of it."""
        if scope.heard is not None and function.__name__ == "cross_val_score":
            contain("a score that was heard", _hear, scope.heard, _arguments(function, args, kwargs), result)

    def leave(self, scope: Scope, result: Any, error: BaseException | None) -> None:
        """Tell the listener how the call went. Does nothing for a call that is not recorded."""
        wall, cpu = time.perf_counter(), time.process_time()
        call = scope.call
        scope.members = None
        if call is None:
            return
        call.wall, call.result, call.error = wall - call.wall, result, error
        with self._lock:
            self._under_way.discard(scope)
            alone = scope not in self._shared
            self._shared.discard(scope)
        # The processor time is the whole process's: with two fits at once nobody can say whose it was.
        call.cpu = cpu - call.cpu if alone and call.cpu is not None else None
        contain("what this fit did", scope.listener.end, call)
        if error is None and not call.function and scope.listener.hears_scores:
            contain("the labels of the training data", self._remember_labels, call, result)

    def _remember_labels(self, call: Call, result: Any) -> None:
        """A clustering has said what it has to say while it was fitted, in an attribute or to the caller."""
        held = getattr(call.estimator, "__dict__", {}).get("labels_")
        for said in (held, result if call.method == "fit_predict" else None):
            if said is not None:
                self.scores.remember("predict", call.estimator, call.arguments.get("X"), said)


def bind(hook: Hook, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments by name. Those beyond the named ones, which the call itself will refuse, are left out."""
    if not args:
        return kwargs
    if hook.names is None:
        hook.names = _names(hook.original)
    return {**dict(zip(hook.names, args, strict=False)), **kwargs}


def _hear(heard: list[tuple[int, float]], arguments: Mapping[str, Any], scores: Any) -> None:
    heard.append((int(arguments["X"].shape[1]), float(scores.mean())))


def _arguments(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        parameters = list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError):
        return ("X", "y")
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in positional) or ("X", "y")
