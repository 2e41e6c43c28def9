"""One backend is fed from one store: what is new is read, merged, handed over, and only then counted as delivered."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from skribe.backends.protocol import Backend
from skribe.backends.targets import without_secrets
from skribe.delivery.backoff import Backoff
from skribe.delivery.merging import is_empty, merged
from skribe.errors import BackendError, Misconfigured, Refused, Unreachable
from skribe.guard import reason_of
from skribe.records import Changes
from skribe.store.outbox import StoreOutbox

_ENTRIES: Final = 100  # of the journal, read at a time: what is sent again after a crash is not more than this
_TRIES: Final = 4  # of a run that makes the backend fail in a way that it does not explain
_UNANSWERED: Final = 10  # of a run to which there was no answer, each time while there was one to others
_STUCK: Final = 3  # times that the backend has answered, and then not taken the same batch
_IN_A_ROW: Final = 3  # runs that are not taken one after the other: then it is an outage after all
_MISCONFIGURED: Final = 30.0  # seconds: nothing changes before somebody changes it
_ENDED: Final = ("finished", "failed", "killed")


class Step(NamedTuple):
    """What one step has come to."""

    state: Literal["moved", "idle", "trouble"]
    runs: int = 0  # handed over in this step
    trouble: str | None = None
    is_ours: bool = False  # the trouble may be that of this process alone: its password
    refused: tuple[str, ...] = ()  # what the backend would not take, and why


class Shipper:
    """Delivers. It is used by one thread."""

    def __init__(
        self,
        folder: Path,
        key: str,
        backend: Backend,
        first: int | None = None,
        options: Mapping[str, Any] | None = None,
        everything: bool = False,
    ) -> None:
        self.outbox = StoreOutbox(folder, key)
        self.backend = backend
        self.backoff = Backoff()
        self._first, self._options = first, options
        self._everything = everything  # also runs that nobody has meant for this backend
        self._replaced = 0
        self._seq: int | None = None
        self._open = False
        self._settled = True
        self._failures: dict[str, int] = {}
        self._refused: list[str] = []
        self._later: dict[str, Unreachable] = {}  # runs of this step to which there was no answer
        self._stuck = 0

    def step(self) -> Step:
        """Deliver the next batch. Whatever goes wrong comes back as trouble; the caller waits for `backoff.left`."""
        try:
            return self._step()
        except Exception as error:  # noqa: BLE001 - a backend may raise anything, and delivery goes on
            return self._trouble(error)

    def close(self) -> None:
        """Let go of the backend and of the store."""
        self._leave()
        self.outbox.close()

    def _step(self) -> Step:
        if self._seq is None:
            self._begin()
        assert self._seq is not None
        entries = self.outbox.batch(self._seq, _ENTRIES)
        if self.outbox.replaced != self._replaced:
            # Another store is at this place, whose journal has numbers of its own.
            self._replaced, self._first, self._seq = self.outbox.replaced, 0, None
            return Step("moved")
        if not entries and self._settled:
            return Step("idle")
        self._enter()
        if not entries:
            self.backend.settle()
            self._settled = True
            self._succeeded(self._seq)
            return Step("idle")
        todo = self._prepared([changes for _, changes in entries])
        if todo:
            self._settled = False
        self._later.clear()
        size = max(1, int(self.backend.capabilities.runs_at_once))
        for start in range(0, len(todo), size):
            if batch := [changes for changes in todo[start : start + size] if not self._comes_later(changes)]:
                self._deliver(batch)
        # Before the cursor moves: what is in no place of the journal that is still to come would be lost, and what is
        # put off would be forgotten if this process was killed.
        self.outbox.postpone(self._later)
        if todo:
            with contextlib.suppress(Exception):  # it is tried again when nothing is left to deliver
                self.backend.settle()
        self._succeeded(entries[-1][0])
        for error in list(self._later.values())[:1]:
            self.outbox.stumble(without_secrets(str(error)))
        refused, self._refused = self._refused, []
        return Step("moved", len(todo), refused=tuple(refused))

    def _begin(self) -> None:
        self._seq = self.outbox.begin(self._first, self._options).seq
        if self._seq > self.outbox.last_ever():
            # The journal is not the one that was read last: it begins again.
            self.outbox.rewind(0)
            self._seq = 0

    def deliver_whole(self, runs: Sequence[str]) -> int:
        """Deliver these runs whole, whatever was delivered before: how many. Raises what the backend raises."""
        self._enter()
        found = [whole for run in runs if (whole := self.outbox.whole(run)) is not None]
        for whole in found:
            self.outbox.forgive([whole.run])
            self._deliver([whole])
        self.backend.settle()
        return len(found)

    def _succeeded(self, seq: int) -> None:
        self.outbox.advance(seq)
        self._seq = seq
        self._stuck = 0
        self.backoff.succeeded()

    # -- what is handed over

    def _prepared(self, entries: list[Changes]) -> list[Changes]:
        """What the backend is to be handed: one for each run that it takes now, parents before their children."""
        todo = {changes.run: changes for changes in merged(entries)}
        known = self.outbox.known(todo)
        hidden = self.outbox.hidden(todo)
        if not self._everything:
            hidden |= todo.keys() - self.outbox.wanted(todo)
        prepared: dict[str, Changes] = {}
        for run, changes in todo.items():
            if run in hidden:
                continue
            if run in known:
                prepared[run] = replace(changes, start=None)
            elif (full := self._first_time(changes)) is not None:
                self._with_parents(full, prepared, known | hidden)
        return [changes for changes in prepared.values() if not is_empty(changes)]

    def _first_time(self, changes: Changes) -> Changes | None:
        """The run as the backend should see it first; None if it is too early, or if there is nothing of it."""
        live = self.backend.capabilities.live
        if live and changes.start is not None:
            return changes
        whole = self.outbox.whole(changes.run)
        if whole is None or not (live or (whole.end is not None and whole.end.status in _ENDED)):
            return None
        return replace(whole, erased=changes.erased)

    def _with_parents(self, full: Changes, prepared: dict[str, Changes], known: set[str]) -> None:
        """Put it after its parents, which the backend may not have been given: they began before it was asked for."""
        line = [full]
        while self.backend.capabilities.live:
            start = line[-1].start
            parent = None if start is None else start.parent
            if parent is None or parent in prepared or parent in known or parent in self.outbox.known([parent]):
                break
            whole = self.outbox.whole(parent)
            if whole is None or self.outbox.hidden([parent]):
                break
            line.append(whole)
        for each in reversed(line):
            prepared.setdefault(each.run, each)

    # -- handing it over

    def _deliver(self, batch: list[Changes]) -> None:
        try:
            self.backend.deliver(batch)
        except Misconfigured:
            raise
        except Exception as error:  # refused, a fault, or no answer: one of the runs may be the cause
            if isinstance(error, Unreachable) and (len(batch) == 1 or self._is_outage(batch)):
                raise
            if len(batch) > 1:
                self._one_by_one(batch)
            elif isinstance(error, Refused) or self._has_failed_often(batch[0].run):
                self._refuse(batch[0].run, error)
            else:
                raise
            return
        self.outbox.arrived(changes.run for changes in batch)
        for changes in batch:
            self._failures.pop(changes.run, None)

    def _one_by_one(self, batch: list[Changes]) -> None:
        """Find the run that is the cause. Where all of them fail, the cause is the backend."""
        failed: dict[str, Exception] = {}
        unanswered, is_outage = 0, self._is_outage(batch)
        for changes in batch:
            above = failed.get(_parent_of(changes))
            if isinstance(above, Unreachable):
                failed[changes.run] = above
                continue
            try:
                self._deliver([changes])
                unanswered = 0
            except Misconfigured:
                raise
            except Exception as error:
                unanswered += isinstance(error, Unreachable)
                if isinstance(error, Unreachable) and (is_outage or unanswered >= _IN_A_ROW):
                    raise
                failed[changes.run] = error
        if len(failed) == len(batch):
            raise failed[batch[0].run]
        for run, reason in failed.items():
            if isinstance(reason, Unreachable) and not self._has_failed_often(run, _UNANSWERED):
                self._later[run] = reason
            else:
                self._refuse(run, reason)

    def _comes_later(self, changes: Changes) -> bool:
        """Whether it is inside of a run that comes later, and comes after that."""
        above = self._later.get(_parent_of(changes))
        if above is not None:
            self._later[changes.run] = above
        return above is not None

    def _is_outage(self, batch: list[Changes]) -> bool:
        """Whether no answer means that there is none to anybody. One of these runs may have been the cause before."""
        return self._stuck < _STUCK and self._failures.keys().isdisjoint(changes.run for changes in batch)

    def _has_failed_often(self, run: str, tries: int = _TRIES) -> bool:
        self._failures[run] = self._failures.get(run, 0) + 1
        return self._failures[run] >= tries

    def _refuse(self, run: str, error: Exception) -> None:
        self._failures.pop(run, None)
        reason = without_secrets(str(error) if isinstance(error, BackendError) else reason_of(error))
        self._refused.append(f"run {run[-8:]}: {reason}")
        self.outbox.set_aside(run, "run", reason)

    def _trouble(self, error: Exception) -> Step:
        known = isinstance(error, (Unreachable, Misconfigured))
        said = without_secrets(str(error) if known else reason_of(error))
        words = said.strip().splitlines()[0][:500] if said.strip() else type(error).__name__
        self._stuck += isinstance(error, Unreachable) and self._open
        wait = getattr(error, "retry_after", None) if not isinstance(error, Misconfigured) else _MISCONFIGURED
        self._leave()
        self.backoff.failed(wait)
        try:
            self.outbox.stumble(words)
        except Exception:  # noqa: BLE001 - the store cannot be written either; it will be said there
            self._seq = None
        return Step("trouble", trouble=words, is_ours=isinstance(error, Misconfigured))

    def _enter(self) -> None:
        if not self._open:
            self.backend.open(self.outbox)
            self._open = True

    def _leave(self) -> None:
        if self._open:
            self._open = False
            try:
                self.backend.close()
            except Exception:  # noqa: BLE001 - it was asked not to; there is nothing more to do with it
                pass


def _parent_of(changes: Changes) -> str:
    """The run that it begins inside of; empty if there is none, or if it has begun before."""
    return (changes.start.parent if changes.start is not None else None) or ""
