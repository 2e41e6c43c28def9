"""Delivering what is pending in the foreground: from any past process, also to a backend never used before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from skribe.backends.registry import names
from skribe.backends.targets import Target
from skribe.delivery.deliveries import Chosen, choose, choose_named
from skribe.delivery.locking import DeliveryLock
from skribe.delivery.shipper import Shipper
from skribe.errors import ArgumentError, BackendError, StoreError
from skribe.store.outbox import Position
from skribe.store.query import Query

_TRIES: Final = 3
_TICK: Final = 0.1


class Plan(NamedTuple):
    """What waits for one backend."""

    chosen: Chosen
    position: Position | None  # None: it was never used with this store
    after: int  # what was written after this journal number is to be delivered
    waiting: int  # entries of the journal
    runs: int
    older: int  # runs that were recorded without this backend
    everything: bool  # whether those are delivered, too
    refused: tuple[tuple[str, str], ...]  # runs that the backend would not take, or not whole, and why

    @property
    def key(self) -> str:
        return self.chosen.key


class Done(NamedTuple):
    """What has come of it."""

    runs: int
    trouble: str | None = None
    refused: tuple[str, ...] = ()


def backends_of(folder: Path, named: Sequence[str]) -> tuple[tuple[Chosen, ...], list[str]]:
    """Those that were named, or that SKRIBE_BACKEND names, or that this store has been delivering to; and the keys
    of those that cannot be made here, because they were objects of somebody's program."""
    if named or os.environ.get("SKRIBE_BACKEND"):
        return choose_named(list(named) or None), []
    with_options = _known(folder)
    known = {key: key.partition(":")[0] in names() for key in with_options}
    targets = [_target(key, with_options[key]) for key, is_known in known.items() if is_known]
    return choose(targets), [key for key, is_known in known.items() if not is_known and _waits(folder, key)]


def _waits(folder: Path, key: str) -> bool:
    with closing(Query(folder)) as query:
        position = query.positions().get(key)
        return query.pending(key, 0 if position is None else position.seq)[0] > 0


def _known(folder: Path) -> dict[str, dict[str, object]]:
    with closing(Query(folder)) as query:
        positions = query.positions()
        return {key: dict(positions[key].options) if key in positions else {} for key in sorted(query.backends())}


def _target(key: str, options: dict[str, object]) -> Target:
    parsed = Target.parse(key)
    return Target(parsed.name, parsed.address, options)


def plan(folder: Path, chosen: Chosen, *, everything: bool = False, since: float | None = None) -> Plan:
    """What a delivery to this backend would deliver.

    Runs that were recorded without this backend are delivered if it was never used before, and if everything, or a
    time, is asked for.
    """
    with closing(Query(folder)) as query:
        position = query.positions().get(chosen.key)
        is_new = chosen.key not in query.backends()
        everything = everything or since is not None or is_new
        after = 0 if position is None or everything else position.seq
        if since is not None:
            after = query.seq_before(since)
        runs, waiting = query.pending(chosen.key, after, everything)
        older = 0 if everything else query.pending(chosen.key, 0, True)[0] - query.pending(chosen.key, 0)[0]
        refused = [(refusal.run, refusal.reasons) for refusal in query.refusals(chosen.key)]
        return Plan(chosen, position, after, waiting, runs, older, everything, tuple(refused))


def carry_out(
    folder: Path,
    planned: Plan,
    *,
    retry: bool = False,
    patience: float = 60.0,
    progress: Callable[[str, int], None] = lambda _word, _runs: None,
) -> Done:
    """Deliver what was planned, when nobody else is delivering. A backend that does not answer is tried again."""
    if not planned.waiting and not retry:
        return Done(0)
    lock = DeliveryLock(folder, planned.key)
    until = time.monotonic() + patience
    _take(lock, planned.key, until, progress)
    chosen, options = planned.chosen, planned.chosen.kept_options
    shipper = Shipper(folder, planned.key, chosen.backend, planned.after, options, planned.everything)
    try:
        shipper.outbox.reap()
        shipper.outbox.begin(planned.after, options)
        if planned.position is not None and planned.after < planned.position.seq:
            shipper.outbox.rewind(planned.after)
        return _deliver(shipper, retry, until, progress)
    finally:
        shipper.close()
        lock.release()


def _take(lock: DeliveryLock, key: str, until: float, progress: Callable[[str, int], None]) -> None:
    try:
        while not lock.acquire():
            if time.monotonic() > until:
                raise ArgumentError(f"another process has been delivering to {key} all the while; try again later.")
            progress("waiting for another process that is delivering", 0)
            lock.ring()
            time.sleep(_TICK)
    except OSError as error:
        raise StoreError(f"delivery to {key} cannot be locked: {error}") from error


def _deliver(shipper: Shipper, retry: bool, until: float, progress: Callable[[str, int], None]) -> Done:
    runs, tries = 0, 0
    refused: list[str] = []
    while True:
        step = shipper.step()
        refused += step.refused
        if step.state == "moved":
            runs, tries = runs + step.runs, 0
            progress("delivered", runs)
        elif step.state == "idle":
            break
        else:
            tries += 1
            if tries >= _TRIES or time.monotonic() + shipper.backoff.left > until:
                return Done(runs, step.trouble, tuple(refused))
            progress(f"trying again: {step.trouble}", runs)
            time.sleep(shipper.backoff.left)
    if retry:
        again = [refusal.run for refusal in shipper.outbox.refused()]
        try:
            runs += shipper.deliver_whole(again)
        except BackendError as error:
            return Done(runs, str(error), tuple(refused))
    return Done(runs, None, tuple(refused))
