"""What a backend is: a place that receives a copy of what the local store holds.

A backend never sees a fit. It is handed `Changes`, the records in which everything is written down, by a shipper that
reads them from the local store: off the user's thread, in order, and again if it is not sure that they arrived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from skribe.records import Changes


class Capabilities(NamedTuple):
    """What the shipper may expect of a backend."""

    live: bool = True  # takes a run while it goes on; otherwise it is handed a run whole, and only when it has ended
    erases: bool = False  # removes what is named in `Changes.erased`
    runs_at_once: int = 100  # the most runs in one call of `deliver`


class Outbox(Protocol):
    """What a backend may ask of the local store."""

    def remote(self, run: str) -> str | None:
        """What this backend has remembered of a run, such as the id that the run has there."""

    def remember(self, remotes: Mapping[str, str]) -> None:
        """Remember a text for each run. It is on disk when this returns, and is kept for this address alone.

        What comes before a `|` is shown to people as the id that the run has there, and finds the run here.
        """

    def whole(self, run: str) -> Changes | None:
        """All that is known of a run by now, as one `Changes`; None if there is no such run."""

    def folder(self, run: str) -> Path:
        """The folder with the run's files: `Artifact.path` and `Model.path` are relative to it."""

    def set_aside(self, run: str, what: str, reason: str) -> None:
        """Write down that this part of a run could not be given to the backend. The rest of the run goes on."""


@runtime_checkable
class Backend(Protocol):
    """A place that receives runs.

    The shipper keeps these promises:

    - One call at a time, from one thread, in one process: nobody else delivers from this store to this address.
    - Each run is named once in a call. The first time, its `start` is there. A parent comes before its children if the
      backend takes runs `live`; otherwise a child that has ended comes before a parent that has not.
    - Whatever was not followed by a return of `deliver` comes again, perhaps together with what came later. So
      delivering the same twice must leave what delivering it once leaves.

    Nothing here is called where the user waits, but for the constructor: it must be quick, and import nothing heavy.
    """

    @property
    def address(self) -> str:
        """Where the runs go, as shown to people: stable, and without any secret. What has arrived is kept under it."""

    @property
    def capabilities(self) -> Capabilities:
        """What the shipper may expect."""

    def open(self, outbox: Outbox) -> None:
        """Get ready to deliver. Called again after trouble. Raises `Unreachable` or `Misconfigured`."""

    def deliver(self, changes: Sequence[Changes]) -> None:
        """Hand over what is new of some runs.

        Raises `Unreachable` if it should be tried again later, and `Refused` if it never will be taken.
        """

    def settle(self) -> None:
        """Everything has been delivered for now: finish what was put off."""

    def close(self) -> None:
        """Let go of everything. Never raises."""

    def link(self, run: str) -> str | None:
        """Where people can look at the run, as an address for a browser; None if there is no such place."""
