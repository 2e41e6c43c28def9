"""For tests of code that fits: what skribe recorded of it, in a store that is gone afterwards."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from skribe import session
from skribe.api import autolog
from skribe.errors import ArgumentError
from skribe.hooks import context
from skribe.store.location import find_store

if TYPE_CHECKING:
    from skribe.handle import Run


class Captured:
    """The runs of a `with capture_runs()` block, the oldest first. They can be read until the block ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # the temporary store

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
        return [Run(self.folder, run) for run in sorted(frame["run_id"])]


@contextlib.contextmanager
def capture_runs(**arguments: Any) -> Iterator[Captured]:
    """Record into a temporary store for the length of a `with` block: for tests of your own code.

    The arguments are those of `skribe.autolog`, without `store` and `disable`; nothing is printed unless
    `silent=False`. Afterwards the store is gone, and skribe is on or off as it was before, with the settings of
    before.
    """
    for name in ("store", "disable"):
        if name in arguments:
            raise ArgumentError(f"capture_runs({name}=...): it has a store of its own; leave the argument out.")
    folder = Path(tempfile.mkdtemp(prefix="skribe-captured-"))
    restore = _restoring()
    try:
        # What SKRIBE_BACKEND names is not meant for the runs of tests.
        autolog(**{"silent": True, "backend": "local", **arguments}, store=folder / "skribe_runs")
        with _outside():
            yield Captured(session.current_folder())
    finally:
        try:
            store = find_store(folder / "skribe_runs")
            restore()
            _let_go(store)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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
    before = session._on
    if before is None:
        return session.switch_off
    settings, folder = before.settings, before.folder

    def restore() -> None:
        session.switch_on(settings)
        now = session._on
        # Where no store was named it was found from the working directory of then.
        if now is not None and now.folder != folder:
            now.change(settings, folder)

    return restore


def _let_go(store: Path) -> None:
    """Close the store. The session keeps stores open as long as the process lives; this one ends now."""
    with session._lock:
        open_ones = [session._journals.pop(store, None), session._queries.pop(store, None)]
        session._last.pop(store, None)
    for one in open_ones:
        if one is not None:
            one.close()
