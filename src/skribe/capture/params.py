"""What an estimator was told: its parameters, and its seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from skribe.capture.defaults import MISSING, defaults_of, same
from skribe.capture.secrets import HIDDEN
from skribe.capture.values import describe_value, storable
from skribe.capture.writer import Writer
from skribe.guard import attempt, hushed
from skribe.records import Fact, Note, Param

_SEEDS = frozenset({"random_state", "seed", "random_seed"})
# Types whose text stands for the whole content, so that equal texts mean equal values.
_BY_CONTENT = ("ndarray", "DataFrame", "Series", "RandomState")


def secret_in(params: Iterable[Param]) -> str | None:
    """A parameter that holds a secret: rather the one that is a secret than one whose text has it in it."""
    known = list(params)
    for holds in (lambda param: param.type == "redacted", lambda param: HIDDEN in param.value):
        for param in known:
            if holds(param):
                return param.key
    return None


def parameters(estimator: Any) -> tuple[tuple[Param, ...], tuple[Note, ...]]:
    """Every parameter, keyed as `get_params(deep=True)` does, and notes on what could not be had. It never raises."""
    notes: list[Note] = []
    with hushed():
        values = _values(estimator, notes)
        writer = Writer()
        found = tuple(_param(estimator, key, values, writer) for key in values)
    return found, tuple(Note(note.what, storable(note.reason)) for note in notes)


def _values(estimator: Any, notes: list[Note]) -> Mapping[Any, Any]:
    if not hasattr(type(estimator), "get_params"):
        notes.append(Note("params", f"{type(estimator).__qualname__} has no get_params"))
        return {}
    for what, deep in (("params of nested estimators", True), ("params", False)):
        values = attempt(what, notes, _asked, estimator, deep)
        if values is not None:
            return values
    return {}


def _asked(estimator: Any, deep: bool) -> Mapping[Any, Any]:
    values = estimator.get_params(deep=deep)
    if not isinstance(values, Mapping):
        raise TypeError(f"get_params returned a {type(values).__qualname__}")
    return values


def _param(estimator: Any, key: Any, values: Mapping[Any, Any], writer: Writer) -> Param:
    name = key if type(key) is str else describe_value(key)[0]
    text, kind = describe_value(values[key], name, writer)
    is_default = attempt("default", [], _is_default, estimator, key, values, writer, (text, kind))
    return Param(storable(name), text, kind, is_default)


def _is_default(
    estimator: Any, key: str, values: Mapping[Any, Any], writer: Writer, described: tuple[str, str]
) -> bool | None:
    """Compare with the signature of the class that owns the parameter; None if there is none to compare with."""
    owner, own = type(estimator), key
    if key not in defaults_of(owner) and "__" in key:
        prefix, _, own = key.rpartition("__")
        if prefix not in values:
            return None
        owner = type(values[prefix])
    default = defaults_of(owner).get(own, None if own in defaults_of(owner) else _ABSENT)
    if default is _ABSENT:
        return None
    if default is MISSING:
        return False
    verdict = same(values[key], default)
    if verdict is None:
        alike = describe_value(default, own, writer) == described
        return False if not alike else (True if described[0].startswith(_BY_CONTENT) else None)
    return verdict


_ABSENT: Any = object()


def seeds(source: Any) -> tuple[Fact, ...]:
    """The seeds among the parameters of an estimator, or among those already at hand: `seed.clf__random_state`."""
    found: Iterable[Param] = source if isinstance(source, tuple) else parameters(source)[0]
    return tuple(
        Fact(
            f"seed.{param.key}",
            "unseeded" if param.type == "none" else param.value,
            "str" if param.type == "none" else param.type,
        )
        for param in found
        if param.key.rpartition("__")[2] in _SEEDS
    )
