"""A run that the user opens by hand, for as long as it is open."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path


class OpenRun:
    """A run by hand while it is open. The first fit inside becomes part of it; the later ones are its children."""

    def __init__(self, run: str, experiment: str, folder: Path, write: Callable[..., None]) -> None:
        self.id = run
        self.experiment = experiment
        self.folder = folder
        self.write = write
        self._pid = os.getpid()
        self._keys: set[str] = set()
        self._taken = False
        self._lock = threading.Lock()

    def note_params(self, keys: Iterable[str]) -> None:
        """Remember what the user has logged by hand, so that no fit writes over it."""
        with self._lock:
            self._keys.update(keys)

    def take(self, keys: Iterable[str]) -> bool:
        """Whether the fit that asks may log into this run: no other has, and no parameter is there already."""
        with self._lock:
            # A forked child has a copy of us: were it to take the run as well, two fits would mix in it.
            if self._taken or self._pid != os.getpid() or not self._keys.isdisjoint(keys):
                return False
            self._taken = True
            return True
