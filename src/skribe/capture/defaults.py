"""The default of every parameter of a class, and whether a value is it."""

from __future__ import annotations

import enum
import inspect
import weakref
from collections.abc import Mapping
from types import MappingProxyType, NoneType
from typing import Any

import numpy as np

MISSING: Any = inspect.Parameter.empty
_known: weakref.WeakKeyDictionary[type, Mapping[str, Any]] = weakref.WeakKeyDictionary()
_COMPARABLE = (int, float, str, bytes, complex, bool, NoneType, np.generic, enum.Enum)
_DEPTH = 20


def defaults_of(cls: type) -> Mapping[str, Any]:
    """The parameters of a class by name, in the order of their definition, each with its default or `MISSING`.

    A class that hands `**kwargs` on to its parents has their parameters too, as scikit-learn's users expect.
    """
    try:
        return _known[cls]
    except KeyError:
        found = MappingProxyType(_read(cls))
        _known[cls] = found
        return found


def _read(cls: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for owner in cls.__mro__[:-1]:
        init = vars(owner).get("__init__")
        if init is None:
            continue
        parameters = list(inspect.signature(getattr(init, "deprecated_original", init)).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                found.setdefault(parameter.name, parameter.default)
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def same(value: Any, default: Any, depth: int = 0) -> bool | None:
    """Whether two plain values are the same; None where that cannot be told without asking the objects.

    `1`, `1.0` and `True` differ, as in scikit-learn's own `LogisticRegression(C=1)`; nan is nan.
    """
    if value is default:
        return True
    kind = type(value)
    if kind is not type(default):
        return False
    if issubclass(kind, (float, np.floating)) and value != value and default != default:
        return True
    if kind in (list, tuple):
        return _same_items(value, default, depth)
    if kind is dict:
        return _same_items(list(value.items()), list(default.items()), depth)
    if issubclass(kind, _COMPARABLE):
        return bool(value == default)
    return None


def _same_items(value: Any, default: Any, depth: int) -> bool | None:
    if len(value) != len(default):
        return False
    if depth > _DEPTH:
        return None
    unknown = False
    for one, other in zip(value, default, strict=True):
        verdict = same(one, other, depth + 1)
        if verdict is False:
            return False
        unknown = unknown or verdict is None
    return None if unknown else True
