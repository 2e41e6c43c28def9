"""Delivering for as long as somebody may write: the same in a process of its own and in a thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from skribe.delivery.locking import DeliveryLock
from skribe.delivery.shipper import Shipper

# How often the store is looked at: more rarely the longer nothing happens. A fit's beginning and end are usually
# found together, and sent as one.
_SHORT: Final = 0.1
_LONG: Final = 1.0
_LAST_TRIES: Final = 5.0  # the same while the backend does not answer
DRAIN: Final = 60.0  # how long, at most, delivery goes on when those who write are gone

Report = Callable[[dict[str, Any]], None]


class Signals(Protocol):
    """What the loop hears."""

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until somebody calls: whether somebody did."""

    def gone(self) -> bool:
        """Whether nobody is left who could write."""


def deliver(shipper: Shipper, lock: DeliveryLock, signals: Signals, report: Report) -> None:
    """Deliver until nobody is left who writes, and nothing is left to deliver, or a minute has passed since."""
    pause, left, troubled = _SHORT, 0.0, False
    while True:
        if signals.gone():
            left = left or time.monotonic()
            if time.monotonic() > left + (_LAST_TRIES if troubled else DRAIN):
                return
        if not lock.held and not lock.acquire():
            # Another process delivers for this store, and what is written here too.
            if left:
                return
            if signals.wait(_LONG):
                lock.ring()
            continue
        if lock.rang():
            shipper.backoff.hurry()
        if shipper.backoff.left:
            if signals.wait(min(shipper.backoff.left, _LONG)):
                shipper.backoff.hurry()
            continue
        step = shipper.step()
        if step.state == "trouble":
            troubled = True
            report({"trouble": step.trouble})
            continue
        if troubled:
            troubled = False
            report({"trouble": None})
        if step.refused:
            report({"refused": step.refused})
        if step.state == "idle":
            if left:
                return
            pause = min(_LONG, pause * 1.5)
        else:
            pause = _SHORT
            if left:
                continue
        signals.wait(pause)
