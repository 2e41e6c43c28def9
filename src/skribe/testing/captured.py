"""For tests of code that fits: what skribe recorded of it, in a store of its own that goes by itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from skribe import session
from skribe.api import autolog
from skribe.errors import ArgumentError
from skribe.hooks import context
from skribe.store.location import FOLDER, find_store

if TYPE_CHECKING:
    from skribe.handle import Run


class Captured:
    """The runs of a `with capture_runs()` block, the oldest first. They can be read after it as well.

    The temporary store is there as long as this object, or a run that it has given, is in use.
    """

    def __init__(self, folder: Path, temporary: Path | None = None) -> None:
        self.folder = folder  # the store
        if temporary is not None:
            weakref.finalize(self, _remove, temporary, folder, os.getpid())

    @property
    def runs(self) -> list[Run]:
        """The runs that are inside of no other."""
        return self._read(children=False)

    @property
    def all(self) -> list[Run]:
        """All runs, those of candidates and folds included."""
        return self._read(children=True)

    def one(self) -> Run:
        """The only run. AssertionError if there is none, or more than one; it says which there are."""
        found = self.runs
        if len(found) == 1:
            return found[0]
        named = ", ".join(f"{run.name} ({run.kind}, {run.status})" for run in found)
        raise AssertionError(f"there are {len(found)} runs, not one: {named}" if found else "there is no run")

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    @overload
    def __getitem__(self, place: int) -> Run: ...
    @overload
    def __getitem__(self, place: slice) -> list[Run]: ...
    def __getitem__(self, place: int | slice) -> Run | list[Run]:
        return self.runs[place]

    def __repr__(self) -> str:
        return f"<Captured {[run.name for run in self.runs]}>"

    def _read(self, children: bool) -> list[Run]:
        from skribe.handle import Run
        from skribe.store.location import database_of

        session.settle()
        if not database_of(self.folder).is_file():
            return []
        frame = session.query_of(self.folder).runs_frame(children=children, columns=["run_id"])
        # An id begins with the time at which it was made.
        found = [Run(self.folder, run) for run in sorted(frame["run_id"])]
        for run in found:
            # A run may be all that a test has kept of the block.
            weakref.finalize(run, _nothing, self).atexit = False
        return found


@contextlib.contextmanager
def capture_runs(**arguments: Any) -> Iterator[Captured]:
    """Record into a temporary store for the length of a `with` block: for tests of your own code.

    The arguments are those of `skribe.autolog`, without `store` and `disable`; nothing is printed unless
    `silent=False`. Where the code inside calls `skribe.autolog(...)` itself, its settings are taken, but the runs stay
    in this store and go to no backend that it names. Afterwards skribe is on or off as it was before, with the
    settings of before; what was captured can still be read.
    """
    for name in ("store", "disable"):
        if name in arguments:
            raise ArgumentError(f"capture_runs({name}=...): it has a store of its own; leave the argument out.")
    temporary = Path(tempfile.mkdtemp(prefix="skribe-captured-"))
    store = find_store(temporary / FOLDER)
    captured = Captured(store, temporary)
    restore = _restoring()
    try:
        session._captured = None  # that of a block around this one
        # What SKRIBE_BACKEND names is not meant for the runs of tests.
        autolog(**{"silent": True, "backend": "local", **arguments}, store=store)
        captured.folder = session.current_folder()  # another one with backend="memory"
        session._captured = session.current_settings()
        with _outside():
            yield captured
    finally:
        session.settle()
        restore()
        with session._lock:
            _let_go(store)


@contextlib.contextmanager
def _outside() -> Iterator[None]:
    """Be inside of no run that is open around the block, and of no `suppress`."""
    token = context.current.set(None)
    try:
        yield
    finally:
        # A fixture of pytest's may end in another context than it began in.
        with contextlib.suppress(ValueError):
            context.current.reset(token)


def _restoring() -> Callable[[], None]:
    """What puts skribe back into the state in which it is now."""
    before, captured = session._on, session._captured
    if before is None:

        def switch_off() -> None:
            session._captured = captured
            session.switch_off()

        return switch_off
    settings, folder = before.settings, before.folder

    def restore() -> None:
        session._captured = captured
        session.switch_on(settings)
        now = session._on
        # Where no store was named it was found from the working directory of then.
        if now is not None and now.folder != folder:
            now.change(settings, folder)

    return restore


def _let_go(store: Path) -> None:
    """Close the store. The session keeps stores open as long as the process lives; this one is not needed so long."""
    journal, query = session._journals.pop(store, None), session._queries.pop(store, None)
    session._last.pop(store, None)
    for one in (journal, query):
        if one is not None:
            one.close()


def _remove(temporary: Path, store: Path, process: int) -> None:
    """Nobody can read the store any more. It is its maker's, and not that of a forked child."""
    if os.getpid() != process:
        return
    # This may run anywhere, also where another thread waits for this one: so it waits for nobody.
    if session._lock.acquire(blocking=False):
        try:
            _let_go(store)
        finally:
            session._lock.release()
    shutil.rmtree(temporary, ignore_errors=True)


def _nothing(_kept: Captured) -> None:
    """What is done when a run goes: its `Captured` was only to stay until then."""
