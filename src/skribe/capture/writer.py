"""Writing objects the way scikit-learn would name them, the same in every process."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import random
import re
import types
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skribe.capture.defaults import defaults_of, same
from skribe.capture.fingerprint import fingerprint
from skribe.capture.hashing import digest_of, module_if_loaded
from skribe.capture.secrets import HIDDEN, is_secret, scrub, scrub_repr
from skribe.guard import attempt
from skribe.records import Note

_DEPTH = 30
_ITEMS = 2_000
_LENGTH = 10_000
_SHOWN = 10
_ADDRESS = re.compile(r" (?:object )?at 0x[0-9A-Fa-f]+| id='\d+'|\b0x[0-9A-Fa-f]{6,}")
_AS_STR = (
    datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, pathlib.PurePath, uuid.UUID,
    complex, np.generic, enum.Enum,
)  # fmt: skip
_TABLES = frozenset({"pandas", "polars", "pyarrow", "scipy", "torch", "jax", "jaxlib"})
_BITS = (int, float, bool, types.NoneType)


class Writer:
    """Writes values; within its lifetime every estimator is written once."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[Any, str]] = {}
        self._open: set[int] = set()
        self._items = 0

    def write(self, value: Any) -> str:
        """The text of one value, bounded in size."""
        self._items = 0
        text = self._write(value)
        if self._items > _ITEMS and isinstance(value, (list, tuple, dict, set, frozenset)):
            return _summary(value)  # Some of it has been left out; the fingerprint tells it from others.
        return text

    def _write(self, value: Any) -> str:
        kind = type(value)
        if kind in _BITS:
            return repr(value) if kind is not int or value.bit_length() < 10_000 else hex(value)
        if kind is str:
            return repr(scrub(value))
        self._items += 1
        if id(value) in self._open or len(self._open) >= _DEPTH or self._items > _ITEMS:
            return f"{kind.__qualname__}(...)"
        self._open.add(id(value))
        try:
            notes: list[Note] = []
            text = attempt("value", notes, self._known, value, kind)
            return text if text is not None else f"<{type_name(kind)}: {notes[0].reason}>"
        finally:
            self._open.discard(id(value))

    def _known(self, value: Any, kind: type) -> str:
        if kind.__module__.startswith("scipy.sparse"):
            return _table(value, kind) or _own_repr(value, kind)  # One of its formats is a dict as well.
        for types_, writer in _WRITERS:
            if issubclass(kind, types_):
                return writer(self, value)
        if hasattr(kind, "get_params"):
            return self.estimator(value)
        family = kind.__module__
        if family == "sklearn.metrics._scorer" and "_score_func" in vars(value):
            return self._scorer(value)
        if family.startswith("sklearn.model_selection._split"):
            return self.call(kind.__qualname__, self._attributes(value, kind))
        if family.startswith("scipy.stats") and {"dist", "args", "kwds"} <= vars(value).keys():
            return self._distribution(value)
        return _table(value, kind) or _own_repr(value, kind)

    def estimator(self, value: Any) -> str:
        """`LogisticRegression(C=10)`: the class, and what differs from its defaults."""
        known = self._written.get(id(value))
        if known is not None:
            return known[1]
        kind = type(value)
        defaults = defaults_of(kind)
        items = {
            key: item
            for key, item in sorted(parameters_of(value).items())
            if key not in defaults or not same(item, defaults[key])
        }
        text = self.call(kind.__qualname__, items)
        # The object is kept beside its text, for an id may be given to another object once this one is gone.
        self._written[id(value)] = (value, text)
        return text

    def take(self, value: Any, text: str) -> None:
        """From here on this very object is written so."""
        self._written[id(value)] = (value, text)

    def call(self, name: str, keywords: Mapping[str, Any], positional: tuple[Any, ...] = ()) -> str:
        """`name(key=value)`."""
        parts = [self._write(item) for item in positional]
        parts += [f"{key}={self._keyword(key, item)}" for key, item in keywords.items()]
        return f"{name}({', '.join(parts)})"

    def _keyword(self, key: Any, item: Any) -> str:
        if type(key) is str and item is not None and is_secret(key) and not hasattr(type(item), "get_params"):
            return repr(HIDDEN)
        return self._write(item)

    def _attributes(self, value: Any, kind: type) -> dict[str, Any]:
        """What the constructor was given, where the object has kept it under the same name."""
        held = vars(value)
        return {key: held[key] for key in sorted(defaults_of(kind)) if key in held}

    def _scorer(self, scorer: Any) -> str:
        held = vars(scorer)
        function = held["_score_func"]
        module = str(getattr(function, "__module__", ""))
        name = function.__name__ if module.startswith("sklearn.metrics") else _function(self, function)
        options: dict[str, Any] = {}
        if held.get("_sign", 1) < 0:
            options["greater_is_better"] = False
        if held.get("_response_method", "predict") != "predict":
            options["response_method"] = held["_response_method"]
        text = self.call("", {**options, **held.get("_kwargs", {})})[1:]
        return f"make_scorer({name}{', ' if text != ')' else ''}{text}"

    def _distribution(self, frozen: Any) -> str:
        held = vars(frozen)
        names = [*filter(None, (held["dist"].shapes or "").replace(" ", "").split(",")), "loc", "scale"]
        given = dict(zip(names, held["args"], strict=False))
        return self.call(held["dist"].name, {**given, **held["kwds"]})

    def _too_many(self, value: Any) -> bool:
        self._items += len(value)
        return self._items > _ITEMS

    def _sequence(self, value: Any) -> str:
        if self._too_many(value):
            return _summary(value)
        parts = [self._write(item) for item in value]
        if isinstance(value, list):
            return f"[{', '.join(parts)}]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    def _mapping(self, value: Any) -> str:
        if self._too_many(value):
            return _summary(value)
        text = ", ".join(f"{self._write(key)}: {self._keyword(key, item)}" for key, item in dict.items(value))
        return "{" + text + "}"

    def _set(self, value: Any) -> str:
        if self._too_many(value):
            return _summary(value)
        parts = sorted(map(self._write, value))
        text = "{" + ", ".join(parts) + "}" if parts else "set()"
        return text if isinstance(value, set) else f"frozenset({text if parts else ''})"

    def _slice(self, value: slice) -> str:
        return f"slice({self._write(value.start)}, {self._write(value.stop)}, {self._write(value.step)})"

    def _partial(self, value: functools.partial[Any]) -> str:
        return self.call("partial", value.keywords, (value.func, *value.args))

    def _bytes(self, value: Any) -> str:
        return repr(value) if len(value) <= 100 else _summary(value)

    def _ndarray(self, value: np.ndarray[Any, Any]) -> str:
        if value.ndim == 1 and value.size <= _SHOWN and value.dtype.kind in "biufUS":
            return f"{type(value).__name__}({self._sequence(value.tolist())}, dtype={value.dtype})"
        return f"{type(value).__name__}(shape={value.shape}, dtype={value.dtype}, {_print_of(value)})"

    def _random_state(self, value: np.random.RandomState) -> str:
        return f"RandomState(fingerprint={digest_of(value.get_state(legacy=False)).hex()})"

    def _generator(self, value: np.random.Generator) -> str:
        bits = value.bit_generator
        return f"Generator({type(bits).__name__}, fingerprint={digest_of(bits.state).hex()})"

    def _bit_generator(self, value: np.random.BitGenerator) -> str:
        return f"{type(value).__name__}(fingerprint={digest_of(value.state).hex()})"

    def _python_random(self, value: random.Random) -> str:
        return f"Random(fingerprint={digest_of(value.getstate()).hex()})"

    def _pattern(self, value: re.Pattern[Any]) -> str:
        flags = re.RegexFlag(value.flags & ~re.UNICODE.value)
        return f"re.compile({value.pattern!r}{f', {flags!s}' if flags else ''})"


def parameters_of(estimator: Any) -> Mapping[str, Any]:
    """The estimator's own parameters; for plain scikit-learn estimators without the cost of `get_params`."""
    kind = type(estimator)
    base = getattr(module_if_loaded("sklearn.base"), "BaseEstimator", None)
    if base is not None and getattr(kind, "get_params", None) is base.get_params:
        return {key: getattr(estimator, key) for key in defaults_of(kind)}
    found = estimator.get_params(deep=False)
    return found if isinstance(found, Mapping) else {}


def type_name(kind: type) -> str:
    """`module.Class`; builtins by their name alone."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _function(_: Writer, value: Any) -> str:
    """`module.qualname`; what has no name of its own also says where it was written."""
    name = str(getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__name__))
    module = getattr(value, "__module__", None)
    if module is None and isinstance(value, np.ufunc):
        module = "numpy"
    owner = getattr(value, "__self__", None)
    if owner is not None and not isinstance(owner, types.ModuleType):
        # A method is named by the class it is bound to, which need not be the one that defines it.
        return f"{type_name(owner if isinstance(owner, type) else type(owner))}.{value.__name__}"
    text = f"{module}.{name}" if module and module != "builtins" else name
    code = getattr(value, "__code__", None)
    if code is not None and ("<lambda>" in name or "<locals>" in name):
        text += f" ({pathlib.PurePath(code.co_filename).name}:{code.co_firstlineno})"
    return text


def _print_of(value: Any) -> str:
    found = fingerprint(value)
    return f"fingerprint={found}" if found else "not fingerprinted"


def _summary(value: Any) -> str:
    return f"{type(value).__qualname__}(len={len(value)}, {_print_of(value)})"


def _table(value: Any, kind: type) -> str | None:
    """Frames, sparse matrices and other libraries' arrays by shape, type and content."""
    family = kind.__module__.partition(".")[0]
    if family not in _TABLES or not (hasattr(kind, "shape") or hasattr(kind, "to_pylist")):
        return None
    parts = [f"shape={tuple(value.shape)}"] if hasattr(value, "shape") else [f"len={len(value)}"]
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        parts.append(f"dtype={dtype}")
    if family == "scipy":
        parts.append(f"nnz={value.nnz}")
    return f"{kind.__qualname__}({', '.join(parts)}, {_print_of(value)})"


def _own_repr(value: Any, kind: type) -> str:
    name = type_name(kind)
    if getattr(kind, "__repr__", None) is object.__repr__:
        return name
    text = _ADDRESS.sub("", repr(value))
    if len(text) > _LENGTH:
        return f"{name}: a repr of {len(text)} characters"
    text = scrub_repr(text)
    if text.startswith(f"{kind.__qualname__}("):
        return name[: -len(kind.__qualname__)] + text
    return f"{name}: {text}"


_WRITERS: tuple[tuple[Any, Callable[[Writer, Any], str]], ...] = (
    ((list, tuple), Writer._sequence),
    (dict, Writer._mapping),
    ((set, frozenset), Writer._set),
    (str, lambda _, value: repr(scrub(str.__str__(value)))),
    (range, lambda _, value: repr(value)),
    (slice, Writer._slice),
    (_AS_STR, lambda _, value: scrub(str(value))),
    (type, lambda _, value: type_name(value)),
    (functools.partial, Writer._partial),
    ((types.FunctionType, types.BuiltinFunctionType, types.MethodType, np.ufunc), _function),
    (types.ModuleType, lambda _, value: value.__name__),
    ((bytes, bytearray), Writer._bytes),
    (np.ndarray, Writer._ndarray),
    (np.random.RandomState, Writer._random_state),
    (np.random.Generator, Writer._generator),
    (np.random.BitGenerator, Writer._bit_generator),
    (random.Random, Writer._python_random),
    (re.Pattern, Writer._pattern),
)
