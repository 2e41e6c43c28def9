"""Keeping SQLite connections out of forked children.

SQLite remembers, per process, which locks it holds on a file. After a fork the child believes in locks that only its
parent has, even for a connection that it opens itself, as long as an inherited one is around; then a third process
may delete the write-ahead log under its feet. So connections are closed just before a fork and opened again when
next needed: nothing is inherited. (`subprocess`, and joblib's loky, start processes without running this; they do
not inherit our memory either.)
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Protocol


class Forkable(Protocol):
    """Something that holds a connection."""

    def before_fork(self) -> None:
        """Wait, briefly, for work in progress; then close, and let nobody begin until after the fork."""

    def after_fork(self, in_child: bool) -> None:
        """Let work begin again; in the child, with new locks."""


_watched: weakref.WeakSet[Any] = weakref.WeakSet()
_lock = threading.Lock()
_stopped: list[Forkable] = []
_installed = False


def watch(thing: Forkable) -> None:
    """Have the connection of `thing` closed before every fork from here on."""
    global _installed
    with _lock:
        _watched.add(thing)
        if not _installed and hasattr(os, "register_at_fork"):
            os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
            _installed = True


def _before() -> None:
    # Held across the fork, so that nobody is added meanwhile and no two threads fork at once.
    _lock.acquire()
    _stopped[:] = list(_watched)
    for thing in _stopped:
        thing.before_fork()


def _in_parent() -> None:
    for thing in _stopped:
        thing.after_fork(in_child=False)
    _stopped.clear()
    _lock.release()


def _in_child() -> None:
    global _lock
    for thing in _stopped:
        thing.after_fork(in_child=True)
    _stopped.clear()
    _lock = threading.Lock()


def abandon(connection: object) -> None:
    """Keep an inherited connection from ever being closed here: closing it would touch what its owner still uses."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
