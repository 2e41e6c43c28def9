"""All that is delivered from one store: begun, waited for, and told about."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from skribe.backends.protocol import Backend
from skribe.backends.registry import build, resolved, targets_of
from skribe.backends.targets import Target
from skribe.delivery.courier import Courier
from skribe.errors import SkribeError
from skribe.guard import attempt, forget, logger, say_once
from skribe.store.location import database_of
from skribe.store.outbox import Position
from skribe.store.query import Query
from skribe.words import count

_AT_EXIT: Final = 5.0
_STALLED: Final = 60.0  # seconds without any progress, after which nobody waits any longer
_IN_PROCESS: Final = "memory"
_ANOTHER_TRY: Final = 1.0  # seconds in which a backend that has stumbled is tried again
_PAUSE: Final = 0.01


class Chosen(NamedTuple):
    """A backend that the user named, made and checked; the target tells other processes how to make it again."""

    backend: Backend
    target: Target | None

    @property
    def key(self) -> str:
        """What the store keeps of it is kept under this."""
        return f"{self._name}:{self.backend.address}"

    @property
    def _name(self) -> str:
        return type(self.backend).__qualname__ if self.target is None else self.target.name

    @property
    def options(self) -> Mapping[str, Any]:
        """What it was given besides its address."""
        return {} if self.target is None else self.target.options or {}

    @property
    def ephemeral(self) -> bool:
        """Whether nothing of the run is to be left on the disk."""
        return self.target is not None and self.target.name == _IN_PROCESS


def choose(value: object) -> tuple[Chosen, ...]:
    """What `backend=` names, each made once to see that it can be. Raises ArgumentError or BackendError.

    The embedded store is always there, so that "local" without an address adds nothing.
    """
    chosen: dict[str, Chosen] = {}
    for named in targets_of(value):
        if not isinstance(named, Target):
            one = Chosen(named, None)
        elif named == Target("local"):
            continue
        else:
            target = resolved(named)
            one = Chosen(build(target), target)
        chosen[one.key] = one
    return tuple(chosen.values())


def surroundings(chosen: Iterable[Chosen]) -> dict[str, str]:
    """Tags for a run that begins here, from what surrounds it: an active run of MLflow's."""
    tags: dict[str, str] = {}
    for one in chosen:
        ask = getattr(type(one.backend), "ambient", None)
        if ask is not None:
            found: Mapping[str, str] | None = attempt("what surrounds a run", [], ask)
            tags.update(found or {})
    return tags


class Deliveries:
    """The couriers of one store."""

    def __init__(self, folder: Path, chosen: Sequence[Chosen]) -> None:
        self.folder = folder
        self.chosen = tuple(chosen)
        self._query = Query(folder)
        first = self._last()
        wanted = [one for one in chosen if not one.ephemeral]
        self._couriers = [Courier(folder, one.key, one.backend, one.target, first) for one in wanted]

    @property
    def keys(self) -> list[str]:
        """Where to."""
        return [one.key for one in self.chosen]

    def mind(self) -> None:
        """Something was written, or will be: see to it that somebody delivers."""
        for courier in self._couriers:
            courier.mind()

    def look(self) -> None:
        """Say what the user should know: once for each outage, and for each record that was refused."""
        for courier in self._couriers:
            for news in courier.news():
                self._tell(courier, news)

    def _tell(self, courier: Courier, news: Mapping[str, Any]) -> None:
        cause = f"delivery to {courier.key}"
        if news.get("trouble"):
            position = self._positions().get(courier.key)
            waiting = "what is new waits" if position is None else f"{count(position.pending, 'record')} wait"
            say_once(
                cause,
                f"skribe cannot deliver to {courier.key}: {str(news['trouble']).rstrip('.')}. Continuing locally;"
                f" {waiting} until it can, or until `skribe sync`.",
            )
        elif "trouble" in news:
            forget(cause)
        for reason in news.get("refused", ()):
            say_once(
                f"{cause} {reason}",
                f"{courier.key} does not take {reason}. The run is in the local store, and `skribe sync --retry`"
                " tries again.",
            )

    def wait(self, timeout: float | None, target: int | None = None, hopeful: bool = True) -> bool:
        """Wait until all that is in the store by now has arrived everywhere: whether it has.

        Without a timeout it waits for as long as there is hope: until a try that began now has failed. With one it
        goes on trying, unless it is not to be `hopeful`.
        """
        asked = time.time()
        if target is None:
            target = self._last()
        deadline = None if timeout is None else time.monotonic() + timeout
        began = moved = time.monotonic()
        progress = -1.0
        for courier in self._couriers:
            courier.call()
        while left := self._behind(target):
            now = time.monotonic()
            latest = max((position.updated for position in left.values() if position is not None), default=0.0)
            if latest != progress:
                moved, progress = now, latest
            in_vain = hopeful is False and _in_vain(left, asked) and now > began + _ANOTHER_TRY
            if deadline is not None and (now > deadline or in_vain):
                break
            if deadline is None and (now > moved + _STALLED or _in_vain(left, asked)):
                break
            time.sleep(_PAUSE)
        self.look()
        return not left

    def wait_after_run(self, timeout: float) -> None:
        """Wait for what a fit has written; not at all during an outage, which has been waited for once."""
        if any(position is None or position.trouble is None for position in self._behind(self._last()).values()):
            self.wait(timeout)

    def farewell(self) -> None:
        """The process ends: wait a moment, and say what has not arrived."""
        couriers = [courier for courier in self._couriers if courier.is_ours]
        if couriers:
            with contextlib.suppress(SkribeError):
                target = self._last()  # other processes may be writing all the while
                behind = self._behind(target)
                if any(position is None or position.trouble is None for position in behind.values()):
                    self.wait(_AT_EXIT, target, hopeful=False)
                    behind = self._behind(target)
                for key, position in behind.items():
                    self._say_what_waits(key, position)
        self.leave()

    def _say_what_waits(self, key: str, position: Position | None) -> None:
        waiting = self._query.last_seq() if position is None else position.pending
        trouble = None if position is None else position.trouble
        hope = "" if trouble else " Delivery goes on in the background for a minute."
        logger.warning(
            "skribe: %s not arrived at %s yet%s. Nothing is lost: all of it is in %s.%s"
            " `skribe sync` delivers what is left.",
            count(waiting, "record has", "records have"),
            key,
            f" ({trouble.rstrip('.')})" if trouble else "",
            self.folder,
            hope,
        )

    def leave(self) -> None:
        """Nothing more will be written by us."""
        for courier in self._couriers:
            courier.leave()
        self._query.close()

    def _last(self) -> int:
        return self._query.last_seq() if database_of(self.folder).is_file() else 0

    def _positions(self) -> dict[str, Position]:
        return self._query.positions() if database_of(self.folder).is_file() else {}

    def _behind(self, target: int) -> dict[str, Position | None]:
        """The backends that have not been fed up to this number."""
        if target == 0:
            return {}
        positions = self._positions()
        found = {courier.key: positions.get(courier.key) for courier in self._couriers}
        return {key: position for key, position in found.items() if position is None or position.seq < target}


def _in_vain(left: Mapping[str, Position | None], asked: float) -> bool:
    """Whether each of them has been tried since, and has not answered."""
    return all(position is not None and (position.tried or 0.0) >= asked for position in left.values())
