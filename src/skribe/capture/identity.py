"""The identity of a value: 16 bytes that are the same in every process, as long as nothing about the value changes.

By it a finished piece of work is found again in a later process, so two values that may act differently must never
share one. Data is taken by content, an estimator by its class and parameters, installed code by name and version, the
user's own code by what it executes and everything that it names. Whatever cannot be known for sure raises `Unsure`.

What code reads while it runs, from files, the clock or the environment, is not part of any value, and not seen.
"""

from __future__ import annotations

import copyreg
import enum
import functools
import re
import struct
import sys
from collections.abc import Callable, Iterable
from types import (
    CellType,
    EllipsisType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    NoneType,
    NotImplementedType,
)
from typing import Any, Final

import numpy as np
import xxhash

from skribe.capture.code import CodeWalk, Unsure, text_of, unhooked
from skribe.capture.fingerprint import fingerprint
from skribe.guard import attempt, hushed
from skribe.records import Note

__all__ = ["Unsure", "content"]

# Raised with every change of what is fed below, so that identities of before do not match by accident.
_SCHEME: Final = 1
_DEPTH: Final = 120
_NODES: Final = 2_000_000
_ADDRESS: Final = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")


def content(value: Any, name: str = "", *, cloned: bool = True) -> bytes:
    """The 16 bytes that stand for `value`; raises `Unsure`, its reason beginning with `name`, where there are none.

    `cloned` says that scikit-learn will work on a `clone` of the value, as it does for a search's estimator and
    parameters. Then an estimator is its class and parameters, whether it is fitted or not, and the order of a
    dictionary of names does not matter. Say False for what is used as it is.
    """
    plain = _plain(value, cloned)
    if plain is not None:
        return xxhash.xxh3_128_digest(plain, seed=_SCHEME)
    notes: list[Note] = []
    walk = _Walk(cloned)
    with hushed():
        outcome = attempt(name, notes, walk.run, value)
    if isinstance(outcome, bytes):
        return outcome
    reason = outcome.reason if outcome is not None else notes[0].reason
    reason = "it is nested too deeply" if reason.startswith("RecursionError") else reason
    where = ".".join([part for part in (name, *walk.trail) if part])
    raise Unsure(" ".join(f"{where}: {reason}".split()) if where else reason)


def _float(value: float) -> bytes:
    return b"f" + struct.pack("<d", value) if value == value else b"X"


def _scalar(kind: type[np.generic]) -> Callable[[Any], bytes]:
    tag = b"n%b;" % np.dtype(kind).str.encode()
    return lambda value: tag + value.tobytes()


_ATOMS: Final[dict[type, Callable[[Any], bytes]]] = {
    NoneType: lambda _: b"N",
    EllipsisType: lambda _: b"E",
    NotImplementedType: lambda _: b"I",
    bool: lambda value: b"T" if value else b"F",
    int: lambda value: b"i%x;" % value,
    float: _float,
    complex: lambda value: b"c" + _float(value.real) + _float(value.imag),
    str: text_of,
    bytes: lambda value: b"b%d;%b" % (len(value), value),
    **{kind: _scalar(kind) for kind in (
        np.bool_, np.int8, np.int16, np.int32, np.int64, np.longlong, np.uint8, np.uint16, np.uint32, np.uint64,
        np.ulonglong, np.float16, np.float32, np.float64, np.complex64, np.complex128,
    )},
}  # fmt: skip


def _plain(value: Any, cloned: bool) -> bytes | None:
    """What the walk would give for a plain value or a dictionary of them, without a walk; None for any other."""
    atom = _ATOMS.get(type(value))
    if atom is not None:
        return atom(value)
    if type(value) is not dict or not cloned:
        return None
    parts = [b"d%d;" % len(value)]
    try:
        for key in sorted(value):
            if type(key) is not str:
                return None
            item = value[key]
            parts += (text_of(key), _ATOMS[type(item)](item))
    except (KeyError, TypeError):
        return None
    return b"".join(parts)


class _Walk(CodeWalk):
    """One way through a value and all that belongs to it. Each `feed` gives bytes that no other content gives."""

    def __init__(self, cloned: bool) -> None:
        super().__init__(cloned)
        self.nodes = 0

    def run(self, value: Any) -> bytes | Unsure:
        try:
            return xxhash.xxh3_128_digest(self.feed(value), seed=_SCHEME)
        except Unsure as unsure:
            return unsure

    def feed(self, value: Any) -> bytes:
        atom = _ATOMS.get(type(value))
        if atom is not None:
            return atom(value)
        value = unhooked(value)
        if id(value) in self.known:
            return b"@%d;" % self.known[id(value)][0]
        if id(value) in self.on_the_way:
            raise Unsure("it contains itself")
        self.nodes += 1
        if len(self.on_the_way) > _DEPTH or self.nodes > _NODES:
            raise Unsure("it is nested too deeply" if self.nodes <= _NODES else "it is too large")
        self.on_the_way.add(id(value))
        fed = self._compound(value)
        self.on_the_way.discard(id(value))
        return fed

    def _compound(self, value: Any) -> bytes:
        kind = type(value)
        feeder = _CLONED.get(kind)
        if feeder is not None:
            return feeder(self, value)
        base_estimator = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
        if self.cloned and base_estimator is not None and issubclass(kind, base_estimator):
            return self._estimator(value, base_estimator)
        return self._as_it_is(lambda: self._single(value, kind))

    def _single(self, value: Any, kind: type) -> bytes:
        feeder = _FEEDERS.get(kind)
        if feeder is not None:
            return feeder(self, value)
        for base, feeder in _FAMILIES:
            if issubclass(kind, base):
                return feeder(self, value)
        library = _table_library(value, kind)
        return self._table(value, library) if library else self._reduced(value)

    # Containers.

    def _dict(self, value: dict[Any, Any]) -> bytes:
        if self.cloned and all(type(key) is str for key in value):
            return self._named(b"d", value)
        return self._all(b"d", [part for pair in value.items() for part in pair])

    def _set(self, value: Any) -> bytes:
        # The order is the process's own, so each element is fed as if it were alone.
        before, digests = self.known, []
        for item in value:
            self.known = {}
            digests.append(xxhash.xxh3_128_digest(self.feed(item)))
        self.known = before
        head = self._all(b"set", (type(value), getattr(value, "__dict__", None)))
        return b"%b%d;%b" % (head, len(digests), b"".join(sorted(digests)))

    # Data.

    def _array(self, value: np.ndarray[Any, Any]) -> bytes:
        kind = type(value)
        if kind not in _ARRAYS:
            raise Unsure(f"what a {kind.__qualname__} adds to an array is not known")
        if not value.dtype.hasobject:
            return self._fingerprinted(value, _filling(value))
        if value.dtype.kind != "O" or kind is np.ma.MaskedArray:
            raise Unsure("an array with objects in its fields")
        head = self._all(b"O", (kind, value.shape))
        return head + self._all(b"o", np.asarray(value).ravel().tolist())

    def _number(self, value: np.generic) -> bytes:
        if value.dtype.hasobject:
            raise Unsure("a record with objects in its fields")
        if value.dtype.kind in "mMSU":
            return self._all(b"n", (value.dtype.str, value.tobytes()))
        return self._fingerprinted(value)

    def _table(self, value: Any, library: str) -> bytes:
        if type(value).__module__.partition(".")[0] != library:
            raise Unsure(f"what a {type(value).__qualname__} adds to a table is not known")
        stranger = _stranger(value, library)
        if stranger:
            raise Unsure(f"a {type(value).__name__} that holds {stranger}")
        return self._fingerprinted(value, getattr(value, "attrs", None) or None)

    def _fingerprinted(self, value: Any, more: Any = None) -> bytes:
        found = fingerprint(value)
        if found is None:
            raise Unsure(f"the content of a {type(value).__qualname__} cannot be read")
        return self._all(b"A", (type(value), found, more))

    def _random_state(self, value: np.random.RandomState) -> bytes:
        if value is np.random.mtrand._rand:
            raise Unsure("numpy's global random state changes with every use")
        return self._all(b"random", (type(value), value.get_state(legacy=False)))

    def _generator(self, value: Any) -> bytes:
        bits = value if isinstance(value, np.random.BitGenerator) else value.bit_generator
        seeds = getattr(bits, "seed_seq", None)
        return self._all(b"random", (type(value), type(bits), bits.state, getattr(seeds, "state", seeds)))

    def _member(self, value: enum.Enum) -> bytes:
        self._remember(value)  # Its class leads back to it.
        return self._all(b"member", (type(value), value._name_, value._value_))

    def _estimator(self, value: Any, base: Any) -> bytes:
        kind = type(value)
        if kind.__sklearn_clone__ is not base.__sklearn_clone__:
            raise Unsure(f"a {kind.__name__} says itself what its clone is")
        # `clone` keeps these two beside the parameters.
        kept = {key: vars(value).get(key) for key in ("_metadata_request", "_sklearn_output_config")}
        params = self._named(b"p", value.get_params(deep=False))
        return b"estimator" + self.feed(kind) + params + self._named(b"k", kept)

    # Everything else: what pickle would take it apart into.

    def _reduced(self, value: Any) -> bytes:
        kind = type(value)
        if kind is object:
            raise Unsure("a bare object() is known by nothing but its place in memory")
        reducer = copyreg.dispatch_table.get(kind)
        reduced = reducer(value) if reducer is not None else value.__reduce_ex__(4)
        if isinstance(reduced, str):
            return self._by_name(value, reduced)
        function, args, state, items, pairs, setter = (*reduced, None, None, None, None)[:6]
        if type(state) is dict:
            state = _essential(state, kind)
        for text in (*args, *(state.values() if type(state) is dict else ())):
            if type(text) is str and _ADDRESS.search(text):
                raise Unsure(f"a {kind.__qualname__} that holds the address of something in memory")
        # This scorer calls the `score` of the estimator that it is given, and not that of its own.
        self.cloned = kind.__name__ == "_PassthroughScorer" and kind.__module__ == "sklearn.metrics._scorer"
        head = self._all(b"r", (function, args, setter))
        inside = self._named(b"s", state) if _has_names(state) else b"x" + self.feed(state)
        flat = [part for pair in pairs or () for part in pair]
        return head + inside + self._all(b"i", items or ()) + self._all(b"j", flat)

    def _by_name(self, value: Any, name: str) -> bytes:
        # numpy's element-wise functions do not say where they are at home.
        homes = ("numpy", "scipy.special") if isinstance(value, np.ufunc) else (getattr(value, "__module__", None),)
        for module in homes:
            fed = self._installed(value, module, name)
            if fed is not None:
                return fed
        raise Unsure(f"a {type(value).__qualname__} that is known by nothing but its name, {name!r}")

    def _cached(self, value: Any) -> bytes:
        fed = self._installed(value, value.__module__, value.__qualname__)
        return fed or self._all(b"lru", (value.__wrapped__, value.cache_parameters()))


def _filling(value: np.ndarray[Any, Any]) -> Any:
    """What a masked array has for its gaps. It notes it down when it is asked, so it is not asked."""
    if not isinstance(value, np.ma.MaskedArray):
        return None
    filling = vars(value).get("_fill_value")
    return np.asarray(np.ma.default_fill_value(value) if filling is None else filling, value.dtype)


def _has_names(state: Any) -> bool:
    return type(state) is dict and all(type(key) is str for key in state)


def _essential(state: dict[Any, Any], kind: type) -> dict[Any, Any]:
    """An object's state without what leads back to where it came from."""
    if kind.__module__ == "sklearn.utils._metadata_requests":
        return {key: part for key, part in state.items() if key != "owner"}
    if kind.__module__ == "sklearn.utils._available_if":
        return {key: state[key] for key in ("fn", "check", "attribute_name")}
    if "_random_state" in state and "rv_generic" in {base.__name__ for base in kind.__mro__}:
        # A distribution of scipy's, without what it makes of its own methods, and the state that it was not given.
        rest = {key: part for key, part in state.items() if not isinstance(part, np.vectorize)}
        return {**rest, "_random_state": None} if rest["_random_state"] is np.random.mtrand._rand else rest
    return state


_ARRAYS: Final = frozenset({np.ndarray, np.memmap, np.matrix, np.recarray, np.ma.MaskedArray})


def _table_library(value: Any, kind: type) -> str:
    """The loaded library whose table this is."""
    for library, names in (
        ("pandas", ("DataFrame", "Series", "Index")),
        ("polars", ("DataFrame", "Series", "LazyFrame")),
        ("pyarrow", ("Table", "RecordBatch", "Array", "ChunkedArray")),
    ):
        module = sys.modules.get(library)
        if module is not None and issubclass(kind, tuple(getattr(module, name) for name in names)):
            return library
    pandas, sparse = sys.modules.get("pandas"), sys.modules.get("scipy.sparse")
    if pandas is not None and issubclass(kind, pandas.api.extensions.ExtensionArray):
        return "pandas"
    return "scipy" if sparse is not None and sparse.issparse(value) else ""


def _stranger(value: Any, library: str) -> str:
    """What a table holds that its fingerprint knows by name only, such as an object of a class of the user's."""
    if library == "scipy":
        return "objects" if value.dtype.hasobject else ""
    if library == "polars":
        types = value.dtypes if hasattr(value, "dtypes") else [getattr(value, "dtype", None)]
        return "objects" if any("Object" in str(kind) for kind in types) else ""
    if library == "pandas":
        return next(filter(None, map(_stranger_in, _columns(value))), "")
    return ""


def _columns(value: Any) -> Iterable[Any]:
    labels: Any
    for labels in (getattr(value, "index", None), getattr(value, "columns", None), value):
        if hasattr(labels, "nlevels"):
            yield list(labels.names)
            yield from labels.levels if labels.nlevels > 1 else (labels,)
    if value.ndim == 2 and hasattr(value, "columns"):
        yield from (value.iloc[:, position] for position in range(value.shape[1]))
    elif not hasattr(value, "nlevels"):
        yield value
        yield [getattr(value, "name", None)]


def _stranger_in(column: Any) -> str:
    dtype: Any = getattr(column, "dtype", np.dtype(object))
    if hasattr(dtype, "categories"):
        return _stranger_in(dtype.categories)
    if not isinstance(dtype, np.dtype) and type(dtype).__module__.partition(".")[0] != "pandas":
        return f"a column of type {dtype}"
    inside = getattr(dtype, "subtype", getattr(dtype, "numpy_dtype", dtype))
    if not isinstance(inside, np.dtype) or not inside.hasobject:
        return ""
    for kind in set(map(type, np.asarray(column, dtype=object).ravel().tolist() if len(column) else ())):
        if kind not in _ATOMS and not kind.__module__.startswith("pandas._libs."):
            return f"a {kind.__qualname__}"
    return ""


def _parts(tag: bytes, *names: str) -> Callable[[_Walk, Any], bytes]:
    """Feed the attributes by which a thing is known."""
    return lambda walk, value: walk._all(tag, [getattr(value, name) for name in names])


# What `clone` looks into, beside estimators.
_CLONED: Final[dict[type, Callable[[_Walk, Any], bytes]]] = {
    tuple: lambda walk, value: walk._all(b"t", value),
    list: lambda walk, value: walk._all(b"l", value),
    dict: _Walk._dict,
    set: _Walk._set,
    frozenset: _Walk._set,
    ModuleType: _Walk._module,
}
_FEEDERS: Final[dict[type, Callable[[_Walk, Any], bytes]]] = {
    np.ndarray: _Walk._array,
    np.random.RandomState: _Walk._random_state,
    np.random.Generator: _Walk._generator,
    FunctionType: _Walk._function,
    CellType: _Walk._cell,
    MethodType: _parts(b"method", "__func__", "__self__"),
    staticmethod: _parts(b"static", "__func__"),
    classmethod: _parts(b"classm", "__func__"),
    property: _parts(b"prop", "fget", "fset", "fdel"),
    type(functools.cache(len)): _Walk._cached,
    functools.cached_property: _parts(b"cached", "func", "attrname"),
    MappingProxyType: lambda walk, value: b"proxy" + walk._dict(dict(value)),
    MemberDescriptorType: _Walk._slot,
    GetSetDescriptorType: _Walk._slot,
}
_FAMILIES: Final[tuple[tuple[Any, Callable[[_Walk, Any], bytes]], ...]] = (
    (type, _Walk._class),
    (enum.Enum, _Walk._member),
    (ModuleType, _Walk._module),
    (np.generic, _Walk._number),
    (np.ndarray, _Walk._array),
    ((set, frozenset), _Walk._set),
    (np.random.BitGenerator, _Walk._generator),
)
