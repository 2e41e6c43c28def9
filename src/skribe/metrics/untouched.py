"""Asking an estimator without leaving a trace on it, on the random streams or on the screen."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from skribe.guard import hushed

# Of longer lists only so many members are looked at: they are an ensemble's, and alike.
_FEW = 32
# What an attribute most often is, and what never draws.
_PLAIN = (np.ndarray, np.generic, str, bytes, bool, int, float, type(None))


@contextlib.contextmanager
def untouched(estimator: Any) -> Iterator[None]:
    """Whatever runs inside, afterwards the estimator and every random stream are as they were."""
    values = _values(estimator)
    held, known = _streams(estimator)
    streams = [(stream, _state(stream)) for stream in held]
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
        _put_back(estimator, values)


def _values(estimator: Any) -> dict[str, Any] | None:
    try:
        return dict(vars(estimator))
    except TypeError:
        return None


def _put_back(estimator: Any, before: dict[str, Any] | None) -> None:
    if before is None:
        return
    now = vars(estimator)
    if len(now) == len(before) and all(now.get(key, before) is value for key, value in before.items()):
        return
    for key in [key for key in now if key not in before]:
        del now[key]
    now.update(before)


def _streams(estimator: Any) -> tuple[list[Any], bool]:
    """The random streams the estimator holds, its few named parts included; and whether all is scikit-learn's."""
    found: list[Any] = []
    known = True
    seen: set[int] = set()
    pending = [estimator]
    while pending:
        value = pending.pop()
        if isinstance(value, _PLAIN):
            continue
        if isinstance(value, (np.random.RandomState, np.random.Generator)):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            pending.extend(value[:_FEW])
        elif isinstance(value, dict):
            pending.extend(list(value.values())[:_FEW])
        elif id(value) not in seen:
            seen.add(id(value))
            known = known and not _foreign(value)
            if value is estimator or hasattr(type(value), "get_params"):
                pending.extend((_values(value) or {}).values())
    return found, known


def _foreign(value: Any) -> bool:
    """Whether the value is code, or holds code, that is not scikit-learn's."""
    if isinstance(value, type) or not (callable(value) or hasattr(type(value), "get_params")):
        return False
    function = getattr(value, "_score_func", value)
    named = function if isinstance(function, (FunctionType, BuiltinFunctionType)) else type(function)
    return str(getattr(named, "__module__", "")).partition(".")[0] not in ("sklearn", "numpy", "scipy")


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
