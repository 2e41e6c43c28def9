"""A short text that stands for what a fitted model has learnt: by it the model is known again, in any process.

It is a fingerprint of parameters and fitted attributes, made in a few hundred microseconds whatever the size: of large
arrays and long lists a part is read, spread over the whole. Where something cannot be looked into there is none.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xxhash

from skribe.capture.sample import feed_blocks
from skribe.guard import attempt

_WHOLE = 1 << 20  # bytes of an array up to which all of it is read
_ITEMS = 32  # of a longer list so many items are looked into, spread over it
_KEYS = 1_000  # of a longer dictionary of plain values so many
_NODES = 8_000  # of what would take more, nothing is said
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, type, slice, range)
_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, np.ufunc)
# What changes without the model being another one.
_FLEETING = (np.random.RandomState, np.random.Generator)


class _Opaque(Exception):  # noqa: N818 - reads as what was met
    """Something whose content cannot be seen."""


def state_of(model: Any, names: Iterable[str] | None = None) -> str | None:
    """The fingerprint of what the model holds; with `names`, of those of its attributes alone."""
    return attempt("state", [], _state, model, names)


def names_in(model: Any) -> tuple[str, ...]:
    """The attributes that the model has now: what it adds later, by being used, is not what it has learnt."""
    held = getattr(model, "__dict__", None)
    return tuple(held) if isinstance(held, dict) else ()


def _state(model: Any, names: Iterable[str] | None) -> str | None:
    walk = _Walk()
    held = getattr(model, "__dict__", {})
    chosen = held if names is None else {name: held[name] for name in names if name in held}
    try:
        walk.feed_class(model)
        walk.feed_mapping(chosen)
    except (_Opaque, RecursionError):
        return None
    return walk.hash.hexdigest()


class _Walk:
    """One pass over a model, no longer than so many objects."""

    def __init__(self) -> None:
        self.hash = xxhash.xxh3_128()
        self._left = _NODES
        self._open: set[int] = set()

    def feed(self, value: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise _Opaque  # the rest could be what makes the difference
        if isinstance(value, np.ndarray):
            self._feed_array(value)
        elif isinstance(value, _PLAIN):
            self.hash.update(f"{type(value).__name__}:{value!r:.2000}".encode(errors="replace"))
        elif isinstance(value, _CODE):
            self.hash.update(f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}".encode())
        elif isinstance(value, _FLEETING):
            self.hash.update(type(value).__name__.encode())
        elif id(value) in self._open:
            self.hash.update(b"again")
        else:
            self._open.add(id(value))
            self._feed_whole(value)
            self._open.discard(id(value))

    def _feed_whole(self, value: Any) -> None:
        if isinstance(value, Mapping):
            self.hash.update(f"mapping:{len(value)}".encode())
            self.feed_mapping(value)
        elif isinstance(value, list | tuple):
            self._feed_items(value)
        elif isinstance(value, set | frozenset):
            self._feed_items(sorted(value, key=repr) if len(value) <= 1000 else [len(value)])
        elif type(value).__module__ == "sklearn.tree._tree":
            self._feed_tree(value)
        elif hasattr(value, "__dict__"):
            self.feed_class(value)
            self.feed_mapping(vars(value))
        elif type(value).__module__.startswith("sklearn."):
            self.feed_class(value)  # an index or a loss, made from what stands beside it
        else:
            raise _Opaque

    def feed_class(self, value: Any) -> None:
        cls = type(value)
        self.hash.update(f"{cls.__module__}.{cls.__qualname__}".encode())

    def feed_mapping(self, held: Mapping[Any, Any]) -> None:
        """The items by the order of their keys, for a copy of the model may have them in another."""
        items = list(held.items())
        if len(items) > _KEYS:
            self.hash.update(f"mapping:{len(items)}".encode())
            items = [*items[: _KEYS // 2], *items[-_KEYS // 2 :]]
        for key, value in sorted(items, key=lambda item: str(item[0])):
            self.hash.update(str(key).encode(errors="replace"))
            self.feed(value)

    def _feed_items(self, items: Any) -> None:
        self.hash.update(f"items:{len(items)}".encode())
        step = max(1, -(-len(items) // _ITEMS))
        for item in items[::step]:
            self.feed(item)

    def _feed_array(self, array: Any) -> None:
        self.hash.update(f"{array.dtype.str}{array.shape}".encode())
        if array.dtype.hasobject:
            self._feed_items(array.ravel().tolist())
        elif array.nbytes <= _WHOLE:
            self.hash.update(np.ascontiguousarray(array).data)
        else:
            feed_blocks(self.hash, array)

    def _feed_tree(self, tree: Any) -> None:
        self.feed_class(tree)
        for name in ("node_count", "threshold", "feature", "value"):
            if hasattr(tree, name):
                self.feed(getattr(tree, name))
