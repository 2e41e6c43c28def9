"""When to try again: later and later, and never all at the same moment."""

from __future__ import annotations

import random
import time

_FIRST, _LONGEST = 0.5, 60.0
# A generator of our own: the user's `random` must not move.
_chance = random.Random()


class Backoff:
    """The circuit to one backend: while it is open nothing is tried."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    def failed(self, at_least: float | None = None) -> float:
        """It has failed again. How many seconds it is left alone."""
        longest = min(_LONGEST, _FIRST * 2.0 ** min(self._failures, 10))
        wait = max(_chance.uniform(0.5, 1.0) * longest, min(at_least or 0.0, 10 * _LONGEST))
        self._failures += 1
        self._until = time.monotonic() + wait
        return wait

    def succeeded(self) -> None:
        """It has answered."""
        self._failures, self._until = 0, 0.0

    def hurry(self) -> None:
        """Somebody waits: try at once, whatever was said before."""
        self._until = 0.0

    @property
    def left(self) -> float:
        """How many seconds there are until the next try; 0 if there is nothing to wait for."""
        return max(0.0, self._until - time.monotonic())
