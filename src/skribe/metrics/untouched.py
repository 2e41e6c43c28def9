"""Asking an estimator without leaving a trace on it, on the random streams or on the screen."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from skribe.guard import hushed

# Of longer lists only so many members are looked at: they are an ensemble's, and alike.
_FEW = 32
# Whose estimators predict without writing into the data or drawing from a global stream, and quickly.
_KNOWN = frozenset({"sklearn", "numpy", "scipy", "xgboost", "lightgbm", "catboost"})
# What an attribute most often is, and what never draws.
_PLAIN = (np.ndarray, np.generic, str, bytes, bool, int, float, type(None))


@contextlib.contextmanager
def untouched(estimator: Any) -> Iterator[None]:
    """Whatever runs inside, afterwards the estimator and every random stream are as they were."""
    held, foreign = _walk(estimator)
    known = not foreign
    streams = [(stream, _state(stream)) for stream in held]
    parts = [Kept(part, deep=True) for part in foreign if _values(part) is not None]
    if not any(kept.part is estimator for kept in parts):
        parts.append(Kept(estimator, deep=False))
    # scikit-learn's own code draws from no global stream to predict. To write one back could make a thread of the
    # user's draw the same numbers twice, so that is only done around code that is not scikit-learn's.
    python = None if known else random.getstate()
    numpy_state = None if known else np.random.get_state(legacy=False)
    try:
        with hushed(), np.errstate(all="ignore"):
            yield
    finally:
        for stream, state in streams:
            if not _equal(_state(stream), state):
                _restore(stream, state)
        if numpy_state is not None and not _equal(np.random.get_state(legacy=False), numpy_state):
            np.random.set_state(numpy_state)
        if python is not None and random.getstate() != python:
            random.setstate(python)
        for kept in parts:
            kept.put_back()


def _values(estimator: Any) -> dict[str, Any] | None:
    try:
        return dict(vars(estimator))
    except TypeError:
        return None


class Kept:
    """The attributes of an object as they are now, and with `deep` what its lists, dictionaries and sets hold."""

    def __init__(self, part: Any, deep: bool) -> None:
        self.part = part
        self.values = _values(part)
        self.contents: list[tuple[Any, Any]] = []
        if deep:
            self._keep(list((self.values or {}).values()), set())

    def _keep(self, pending: list[Any], seen: set[int]) -> None:
        while pending and len(seen) < _MOST:
            value = pending.pop()
            if not isinstance(value, (list, dict, set)) or id(value) in seen or len(value) > _MOST:
                continue
            seen.add(id(value))
            # By the built-in types, whatever a subclass makes of copying: a `defaultdict`, a list that notifies.
            copied = dict(value) if isinstance(value, dict) else value.copy() if type(value) is set else list(value)
            self.contents.append((value, copied))
            pending.extend(copied.values() if isinstance(copied, dict) else copied)

    def put_back(self) -> None:
        for container, before in self.contents:
            if not _same(container, before):
                container.clear()
                container.extend(before) if isinstance(container, list) else container.update(before)
        if self.values is None:
            return
        now = vars(self.part)
        if _same(now, self.values):
            return
        for key in [key for key in now if key not in self.values]:
            del now[key]
        now.update(self.values)


# So many elements of a user's containers are remembered; what holds more is data, not a note that predict takes.
_MOST = 1000


def _same(now: Any, before: Any) -> bool:
    """Whether a container holds the very objects that it held."""
    if len(now) != len(before):
        return False
    if isinstance(now, dict):
        return all(now.get(key, before) is value for key, value in before.items())
    if isinstance(now, list):
        return all(new is old for new, old in zip(now, before, strict=True))
    return bool(now == set(before))


def _walk(estimator: Any) -> tuple[list[Any], list[Any]]:
    """The random streams that the estimator and its parts hold; and all that is code, and is not scikit-learn's."""
    streams: list[Any] = []
    foreign: list[Any] = []
    seen: set[int] = set()
    pending = [estimator]
    while pending:
        value = pending.pop()
        if isinstance(value, _PLAIN):
            continue
        if isinstance(value, (np.random.RandomState, np.random.Generator)):
            streams.append(value)
        elif isinstance(value, (list, tuple)):
            pending.extend(value[:_FEW])
            if len(value) > _FEW and any(_foreign(member) for member in value[:_FEW]):
                pending.extend(value[_FEW:])
        elif isinstance(value, dict):
            pending.extend(list(value.values())[:_FEW])
        elif id(value) not in seen:
            seen.add(id(value))
            if _foreign(value):
                foreign.append(value)
            if value is estimator or hasattr(type(value), "get_params"):
                pending.extend((_values(value) or {}).values())
    return streams, foreign


def has_foreign_code(estimator: Any) -> bool:
    """Whether the estimator, or something in it, is code that is not scikit-learn's."""
    return bool(_walk(estimator)[1])


def watched(estimator: Any) -> str | None:
    """Where somebody stands and counts: a mock on the estimator, or in the module of its class."""
    if "unittest.mock" not in sys.modules:
        return None
    cls = type(estimator)
    for where, values in ((cls.__qualname__, _values(estimator)), (cls.__module__, _module(cls))):
        for name, value in (values or {}).items():
            if type(value).__module__ == "unittest.mock":
                return f"{name} of {where} is a mock, which would count what we ask"
    return None


def _module(cls: type) -> dict[str, Any] | None:
    module = sys.modules.get(cls.__module__)
    return None if module is None else vars(module).copy()


def _foreign(value: Any) -> bool:
    """Whether the value is code, or holds code, that is not scikit-learn's."""
    if isinstance(value, type) or not (callable(value) or hasattr(type(value), "get_params")):
        return False
    function = getattr(value, "_score_func", value)
    named = function if isinstance(function, (FunctionType, BuiltinFunctionType)) else type(function)
    module = str(getattr(named, "__module__", ""))
    return module.partition(".")[0] not in _KNOWN or ".tests." in module


def _state(stream: Any) -> Any:
    if isinstance(stream, np.random.Generator):
        return stream.bit_generator.state
    return stream.get_state(legacy=False)


def _restore(stream: Any, state: Any) -> None:
    if isinstance(stream, np.random.Generator):
        stream.bit_generator.state = state
    else:
        stream.set_state(state)


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_equal(first[key], second[key]) for key in first)
    return bool(np.array_equal(first, second))


def quiet(estimator: Any) -> Any:
    """The estimator, or where it would print while it predicts (`verbose=1`), a shallow copy that does not.

    Only for classes of scikit-learn itself: what an attribute means elsewhere is not ours to guess.
    """
    if not type(estimator).__module__.startswith("sklearn."):
        return estimator
    values = _values(estimator) or {}
    changed: dict[str, Any] = {}
    if values.get("verbose"):
        changed["verbose"] = 0
    for name in ("best_estimator_", "estimator_"):
        if name in values and (part := quiet(values[name])) is not values[name]:
            changed[name] = part
    steps = values.get("steps")
    if isinstance(steps, list):
        hushed_steps = [(name, quiet(step)) for name, step in steps]
        if any(new[1] is not old[1] for new, old in zip(hushed_steps, steps, strict=True)):
            changed["steps"] = hushed_steps
    if not changed:
        return estimator
    copy = object.__new__(type(estimator))
    copy.__dict__.update({**values, **changed})
    return copy
