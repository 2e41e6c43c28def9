"""Delivering for as long as somebody may write: the same in a process of its own and in a thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from skribe.delivery.backoff import Backoff
from skribe.delivery.locking import DeliveryLock
from skribe.delivery.shipper import Shipper
from skribe.errors import SkribeError

# How often the store is looked at: more rarely the longer nothing happens. A fit's beginning and end are usually
# found together, and sent as one.
_SHORT: Final = 0.1
_LONG: Final = 1.0
_STEP_ASIDE: Final = 2.0  # seconds in which whoever has asked for it may take the delivery over
_LAST_TRIES: Final = 5.0  # how long it is tried when those who write are gone and the backend does not answer
DRAIN: Final = 60.0  # how long, at most, delivery goes on when those who write are gone

Report = Callable[[dict[str, Any]], None]


class Signals(Protocol):
    """What the loop hears."""

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until somebody calls: whether somebody did."""

    def gone(self) -> bool:
        """Whether nobody is left who could write."""


class Delivery:
    """One shipper at work, from its beginning until nobody needs it any more."""

    def __init__(self, shipper: Shipper, lock: DeliveryLock, signals: Signals, report: Report) -> None:
        self._shipper = shipper
        self._lock = lock
        self._signals = signals
        self._report = report
        self._pause = _SHORT
        self._left = 0.0  # when the others were found to be gone
        self._trouble: str | None = None
        self._over = False
        self._asked = False  # somebody else would like to deliver
        self._unlocked = Backoff()

    def run(self) -> None:
        """Deliver until nobody is left who writes, and nothing is left to deliver, or a minute has passed since."""
        while not self._over and self._is_worth_it():
            if not self._has_lock():
                continue
            if self._lock.rang():
                self._shipper.backoff.hurry()
                self._asked = True
            if self._shipper.backoff.left:
                if self._signals.wait(min(self._shipper.backoff.left, _LONG)):
                    self._shipper.backoff.hurry()
                continue
            if not self._step():
                return

    def _is_worth_it(self) -> bool:
        if not self._signals.gone():
            return True
        if not self._left:
            self._left = time.monotonic()
            # Those who are gone may have left runs that have not ended.
            with suppress(SkribeError):
                self._shipper.outbox.reap()
        return time.monotonic() <= self._left + (_LAST_TRIES if self._trouble else DRAIN)

    def _has_lock(self) -> bool:
        """Whether this is the one that delivers. If not, some time has passed."""
        try:
            if self._lock.acquire():
                self._unlocked.succeeded()
                return True
        except OSError as error:
            self._tell(f"the delivery cannot be locked: {error}")
            self._unlocked.failed()
            self._signals.wait(min(self._unlocked.left, _LONG))
            return False
        if self._left:
            # Another process delivers for this store, and what was written here too.
            self._over = True
            return False
        if self._signals.wait(_LONG):
            self._lock.ring()
        with suppress(SkribeError):
            position = self._shipper.outbox.position()
            self._tell(None if position is None else position.trouble)
        return False

    def _step(self) -> bool:
        """Deliver the next batch; False if nothing is left to do for ever."""
        step = self._shipper.step()
        self._tell(step.trouble)
        if step.refused:
            self._report({"refused": step.refused})
        if step.state == "trouble":
            if step.is_ours:
                # Somebody else may have the right password.
                self._lock.release()
                self._signals.wait(_LONG)
            return True
        if step.state == "moved":
            self._pause = _SHORT
            if not self._left:
                self._signals.wait(self._pause)
            return True
        if self._left:
            return False
        if self._asked:
            self._asked = False
            self._lock.release()
            self._signals.wait(_STEP_ASIDE)
        else:
            self._pause = min(_LONG, self._pause * 1.5)
            self._signals.wait(self._pause)
        return True

    def _tell(self, trouble: str | None) -> None:
        if trouble != self._trouble and (trouble is None or self._trouble is None):
            self._report({"trouble": trouble})
        self._trouble = trouble
