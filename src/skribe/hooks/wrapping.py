"""One change on one attribute, and exactly off again.

What stood in the owner's own `__dict__` is kept, or that nothing stood there; undoing puts that very object back, or
deletes, and only while what stands there is still ours. Owners are held weakly: a class typed into a notebook cell
and typed again must be free to go.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

MISSING: Any = object()


class Patches:
    """The changes of one installation. `undo` takes back all of them, the last one first."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def replace(self, owner: Any, name: str, new: Any) -> None:
        """Put `new` where `owner.name` is, for modules and for classes that live as long as the process."""
        old = vars(owner).get(name, MISSING)
        setattr(owner, name, new)
        self._undo.append(lambda: restore(owner, name, new, old))

    def call_back(self, undo: Callable[[], None]) -> None:
        """Have `undo` called when everything is taken back."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Take everything back. One that fails does not keep the others from being undone."""
        while self._undo:
            with contextlib.suppress(Exception):
                self._undo.pop()()


def restore(owner: Any, name: str, ours: Any, old: Any) -> None:
    """Put `old` back in place of `ours`, unless someone else has replaced it since."""
    if vars(owner).get(name, MISSING) is not ours:
        return
    if old is MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, old)


class Owners:
    """The classes that carry a hook, each held weakly, and the names of their hooked methods."""

    def __init__(self) -> None:
        self._owners: list[tuple[weakref.ref[type], str]] = []
        self._prune_at = 1024

    def add(self, owner: type, name: str) -> None:
        self._owners.append((weakref.ref(owner), name))
        if len(self._owners) > self._prune_at:
            self._owners = [entry for entry in self._owners if entry[0]() is not None]
            self._prune_at = 2 * len(self._owners) + 1024

    def drain(self) -> list[tuple[type, str]]:
        """Every class that is still alive, with its hooked name; nothing is remembered any more."""
        owners, self._owners = self._owners, []
        alive = ((reference(), name) for reference, name in owners)
        return [(owner, name) for owner, name in alive if owner is not None]
