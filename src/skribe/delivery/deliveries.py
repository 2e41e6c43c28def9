"""All that is delivered from one store: begun, waited for, and told about."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from skribe.backends.protocol import Backend
from skribe.backends.registry import build, resolved, targets_of
from skribe.backends.targets import Target
from skribe.capture.secrets import is_secret
from skribe.delivery.courier import Courier
from skribe.errors import ArgumentError, SkribeError
from skribe.guard import attempt, forget, logger, say_once
from skribe.store.location import database_of
from skribe.store.outbox import Position
from skribe.store.query import Query
from skribe.words import count

_AT_EXIT: Final = 5.0
_TENDING: Final = 0.5
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
    def kept_options(self) -> dict[str, Any]:
        """Those of the options that may be written down."""
        return {name: value for name, value in self.options.items() if not is_secret(name)}

    @property
    def identity(self) -> object:
        """Equal for what delivers in the same way."""
        return self.target if self.target is not None else id(self.backend)

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
    if len(chosen) > 1 and any(one.ephemeral for one in chosen.values()):
        raise ArgumentError(
            "backend='memory' leaves nothing on the disk, where what another backend has not taken yet would wait;"
            " name one of the two."
        )
    return tuple(chosen.values())


def choose_named(value: object) -> tuple[Chosen, ...]:
    """The same; without a value what SKRIBE_BACKEND names, with commas between several."""
    if value is not None:
        return choose(value)
    names = [name for name in os.environ.get("SKRIBE_BACKEND", "").split(",") if name.strip()]
    try:
        return choose(names)
    except SkribeError as error:
        raise type(error)(f"SKRIBE_BACKEND: {error}") from None


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
        self._couriers = [
            Courier(folder, one.key, one.backend, one.target, one.kept_options, first)
            for one in chosen
            if not one.ephemeral
        ]
        self._tended, self._began = 0.0, time.time()

    @property
    def keys(self) -> tuple[str, ...]:
        """Where to."""
        return tuple(courier.key for courier in self._couriers)

    def is_for(self, folder: Path, chosen: Sequence[Chosen]) -> bool:
        """Whether this is just what is asked for: the same targets, the same objects."""
        return folder == self.folder and [one.identity for one in chosen] == [one.identity for one in self.chosen]

    def tend(self) -> None:
        """Something was written: from time to time see how the delivery is doing."""
        now = time.monotonic()
        if now > self._tended + _TENDING:
            self._tended = now
            self.mind()
            self.look()

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
            after = 0 if position is None else position.seq
            waiting = f"{count(self._query.pending(courier.key, after)[0], 'run waits', 'runs wait')}"
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
        behind = self._behind(target)
        for courier in self._couriers:
            if courier.key in behind:
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
            self.tend()
            time.sleep(_PAUSE)
        self.look()
        return not left

    def wait_after_run(self, timeout: float) -> None:
        """Wait for what a fit has written; not at all during an outage, which has been waited for once."""
        if any(not self._is_down(position) for position in self._behind(self._last()).values()):
            self.wait(timeout)

    def _is_down(self, position: Position | None) -> bool:
        """Whether it has been found in our time that the backend does not answer."""
        return position is not None and position.trouble is not None and (position.tried or 0.0) >= self._began

    def farewell(self) -> None:
        """The process ends: wait a moment, and say what has not arrived."""
        with contextlib.suppress(SkribeError):
            target = self._last()  # other processes may be writing all the while
            behind = self._behind(target)
            if any(not self._is_down(position) for position in behind.values()):
                # The user need not wait for us.
                with contextlib.suppress(KeyboardInterrupt):
                    self.wait(_AT_EXIT, target, hopeful=False)
                behind = self._behind(target)
            for courier in self._couriers:
                if courier.key in behind:
                    self._say_what_waits(courier, behind[courier.key])
        self.leave()

    def _say_what_waits(self, courier: Courier, position: Position | None) -> None:
        runs, _ = self._query.pending(courier.key, 0 if position is None else position.seq)
        if not runs:
            return
        trouble = None if position is None else position.trouble
        # The first process of a container takes all others along when it ends.
        goes_on = courier.outlives and not trouble and os.getpid() != 1
        logger.warning(
            "skribe: %s not arrived at %s yet%s. Nothing is lost: all of it is in %s.%s %s delivers what is left.",
            count(runs, "run has", "runs have"),
            courier.key,
            f" ({trouble.rstrip('.')})" if trouble else "",
            self.folder,
            " Delivery goes on in the background for a minute;" if goes_on else "",
            "`skribe sync`" if courier.outlives else "The next program that uses this backend",
        )

    def give_up(self) -> None:
        """The user goes on without this delivery: say what an outage has kept back."""
        with contextlib.suppress(SkribeError):
            behind = self._behind(self._last())
            for courier in self._couriers:
                position = behind.get(courier.key)
                if position is not None and position.trouble is not None:
                    self._say_what_waits(courier, position)
        self.leave()

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
        """The backends that have not been fed up to this number, though runs that are meant for them are there."""
        if target == 0:
            return {}
        positions = self._positions()
        found = {courier.key: positions.get(courier.key) for courier in self._couriers}
        return {key: position for key, position in found.items() if self._is_behind(key, position, target)}

    def _is_behind(self, key: str, position: Position | None, target: int) -> bool:
        seq = 0 if position is None else position.seq
        # What had no answer comes again under a later number.
        passed = seq >= target and (position is None or position.trouble is None)
        return not passed and self._query.pending(key, seq)[0] > 0


def _in_vain(left: Mapping[str, Position | None], asked: float) -> bool:
    """Whether each of them has been tried since, and has not answered."""
    return all(position is not None and (position.tried or 0.0) >= asked for position in left.values())
