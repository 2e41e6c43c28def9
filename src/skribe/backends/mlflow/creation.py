"""Runs that are new to the server: created once each, also after a crash, a lost answer, or a request that came twice.

MLflow gives a run its id, so a request whose answer was lost cannot simply be sent again. Each attempt has a mark: it
is remembered here before the first request, and sent along as a tag. What carries the mark is ours and is found again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, TypeVar, cast

from skribe.backends.mlflow import ambient
from skribe.backends.mlflow.known import Known, Memory
from skribe.backends.mlflow.runs import Runs
from skribe.backends.mlflow.trouble import Denied
from skribe.backends.mlflow.values import KEY, first_tags, milliseconds, tags_of
from skribe.records import Changes, Start

T = TypeVar("T")
Refuse = Callable[[str, str, str], None]

_DEFAULT, _DEFAULT_THERE = "default", "Default"
_OURS = "skribe.run_id"
_FEW = 90
_ROUNDS = 3
_NOTHING: Final = object()


def in_parallel(workers: int, task: Callable[[T], None], items: Sequence[T]) -> None:
    """Do all; when one fails, begin no more of them, and raise what it raised.

    The thread that asks does its share. Where no other can be started, as at the end of a process, it does them all.
    """
    waiting, lock = iter(items), threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        while not failures:
            with lock:
                item = next(waiting, _NOTHING)
            if item is _NOTHING:
                return
            try:
                task(cast("T", item))
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                failures.append(error)

    others = []
    for number in range(1, min(workers, len(items))):
        thread = threading.Thread(target=work, name=f"skribe-mlflow-{number}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            break
        others.append(thread)
    work()
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]


class _New(NamedTuple):
    """A run that is about to be created."""

    changes: Changes
    start: Start
    known: Known
    parent: Known | None


@dataclass(slots=True)
class Marks:
    """The attempts whose twins have not been looked for: kept while there is trouble."""

    made: dict[str, set[str]] = field(default_factory=dict)  # mark: experiments
    doubtful: dict[str, int] = field(default_factory=dict)  # where something may still arrive: searches left


class Creation:
    """Sees to it that each run exists once on the server."""

    def __init__(self, runs: Runs, memory: Memory, marks: Marks, address: str, workers: int, refuse: Refuse) -> None:
        self._runs = runs
        self._address = address
        self._memory = memory
        self._workers = workers
        self._refuse = refuse
        self._mark = ""
        self._made, self._doubtful = marks.made, marks.doubtful
        self.fresh: set[str] = set()  # runs that were created just now, with the first of their tags

    def create(self, changes: Sequence[Changes], leave_out: Iterable[str]) -> None:
        """Create those of the runs that the server does not have yet."""
        self._mark = self._mark or os.urandom(8).hex()
        self.fresh.clear()
        left_out = set(leave_out)
        self._remember_marks(changes)
        waiting = [c for c in changes if c.run not in left_out and not self._is_there(c.run)]
        waiting = [self._with_start(c) for c in waiting]
        while waiting:
            names = {c.run for c in waiting}
            wave = [c for c in waiting if c.start is not None and c.start.parent not in names]
            self._create_wave(wave or waiting)
            done = {c.run for c in wave or waiting}
            waiting = [c for c in waiting if c.run not in done]

    def _remember_marks(self, changes: Sequence[Changes]) -> None:
        """What begins although it is there comes again: whoever created it may not have looked for its twins."""
        for each in changes:
            known = self._memory.get(each.run) if each.start is not None else None
            if known is not None and known.id and known.batch and not known.gone:
                self._made.setdefault(known.batch, set()).add(known.experiment)

    def _is_there(self, run: str) -> bool:
        known = self._memory.get(run)
        return known is not None and bool(known.id or known.gone)

    def _with_start(self, changes: Changes) -> Changes:
        if changes.start is not None:
            return changes
        whole = self._memory.outbox.whole(changes.run)
        return changes if whole is None or whole.start is None else whole

    def _create_wave(self, wave: Sequence[Changes]) -> None:
        old = [c for c in wave if self._memory.get(c.run) is not None]
        self._find_again(old)
        new: list[tuple[Changes, Start]] = []
        wave = [self._without_strangers(c) for c in wave]
        for changes in wave:
            if self._is_there(changes.run):
                continue
            if changes.start is None:
                self._give_up(changes.run, "its beginning is not in the store any more")
            elif (left := self._adopt(changes, changes.start)) is not None:
                new.append((left, changes.start))
        prepared = [item for c, start in new if (item := self._prepare(c, start)) is not None]
        self._memory.save([item.changes.run for item in prepared])
        try:
            in_parallel(self._workers, self._create_one, prepared)
        finally:
            self._memory.save([item.changes.run for item in prepared])

    def _prepare(self, changes: Changes, start: Start) -> _New | None:
        """Note that the run is about to be created, and where. None if it will not be."""
        parent = self._memory.get(start.parent) if start.parent else None
        if parent is not None and parent.gone and not parent.id:
            self._give_up(changes.run, "the run that it belongs to was refused")
            return None
        known = self._memory.get(changes.run) or self._memory.new(changes.run)
        try:
            known.experiment = self._experiment(changes, start, parent)
        except Denied as denied:
            self._give_up(changes.run, f"the experiment {start.experiment!r} was refused: {denied}")
            return None
        known.batch = self._mark
        known.kind, known.began = start.kind, milliseconds(_began(changes, start))
        known.source = changes.tags.get(ambient.SOURCE) or (parent.source if parent is not None else "")
        if parent is not None:
            parent.nests = True
        self._made.setdefault(self._mark, set()).add(known.experiment)
        return _New(changes, start, known, parent)

    def _create_one(self, item: _New) -> None:
        changes, start, known, parent = item
        above = parent.id if parent is not None else changes.tags.get(ambient.PARENT, "")
        tags = first_tags(changes.run, start, known.batch, known.source, above)
        more = dict(list(tags_of(changes.tags).items())[:_FEW])
        name = changes.name or start.name
        try:
            self._enter(known, self._runs.create(known.experiment, name, known.began, {**more, **tags}))
            self.fresh.add(changes.run)
        except Denied as denied:
            self._create_plainly(item, tags, denied)
        except BaseException:
            self._doubtful[known.batch] = _ROUNDS
            raise

    def _create_plainly(self, item: _New, tags: Mapping[str, str], denied: Denied) -> None:
        """Create what was refused without the user's own tags, and where an experiment surely is."""
        changes, start, known, parent = item
        self._runs.forget_experiments()
        try:
            if parent is None:
                asked = {key: value for key, value in changes.tags.items() if key != ambient.EXPERIMENT_ID}
                known.experiment = self._experiment(replace(changes, tags=asked), start, None)
                self._made.setdefault(known.batch, set()).add(known.experiment)
            self._enter(known, self._runs.create(known.experiment, start.name[:KEY], known.began, tags))
        except Denied:
            self._give_up(changes.run, str(denied))

    def _enter(self, known: Known, run: Any) -> None:
        known.id = str(run.info.run_id)
        known.experiment = str(run.info.experiment_id)
        known.place = str(run.info.artifact_uri)

    def _give_up(self, run: str, reason: str) -> None:
        known = self._memory.get(run) or self._memory.new(run)
        known.gone = True
        self._refuse(run, "the run", reason)

    # -- where it belongs

    def _without_strangers(self, changes: Changes) -> Changes:
        """Ids that were active in another MLflow than this one mean nothing here."""
        there = changes.tags.get(ambient.ADDRESS)
        if there is None or there == self._address:
            return changes
        ids = (ambient.RUN, ambient.PARENT, ambient.EXPERIMENT_ID)
        return replace(changes, tags={key: value for key, value in changes.tags.items() if key not in ids})

    def _experiment(self, changes: Changes, start: Start, parent: Known | None) -> str:
        """A child is where its parent is; a run whose user named no experiment is where MLflow would put it."""
        if parent is not None and parent.experiment:
            return parent.experiment
        if above := changes.tags.get(ambient.PARENT):
            found = self._runs.get(above)
            if found is not None:
                return str(found.info.experiment_id)
        if start.experiment != _DEFAULT:
            return self._runs.experiment(start.experiment)
        if chosen := changes.tags.get(ambient.EXPERIMENT_ID):
            return chosen
        return self._runs.experiment(changes.tags.get(ambient.EXPERIMENT) or _DEFAULT_THERE)

    def _adopt(self, changes: Changes, start: Start) -> Changes | None:
        """Become a part of the user's own run, if it is there. None if done, else the changes of a run of its own.

        Where another run of ours has been faster, such as one of another process, it becomes a child of that run.
        """
        wanted = changes.tags.get(ambient.RUN)
        found = self._runs.get(wanted) if wanted else None
        if wanted is None or found is None or found.info.lifecycle_stage != "active":
            return changes
        if found.data.tags.get(_OURS) not in (None, changes.run):
            return replace(changes, tags={**changes.tags, ambient.PARENT: wanted})
        try:
            # At once, so that the next one sees it.
            self._runs.tag(wanted, _OURS, changes.run)
        except Denied:
            return changes
        known = self._memory.new(changes.run)
        known.adopted, known.kind, known.began = True, start.kind, milliseconds(start.time)
        known.source = changes.tags.get(ambient.SOURCE, "")
        self._enter(known, found)
        self._memory.save([changes.run])
        return None

    # -- found again

    def _find_again(self, old: Sequence[Changes]) -> None:
        """The runs of attempts that did not come to an end. What is there twice is deleted but for one."""
        attempts: dict[str, set[str]] = {}
        for changes in old:
            known = self._memory.get(changes.run)
            if known is not None and known.batch and not known.id:
                attempts.setdefault(known.batch, set()).add(known.experiment)
                # Whatever was sent then may arrive even later.
                self._made.setdefault(known.batch, set()).add(known.experiment)
                self._doubtful.setdefault(known.batch, _ROUNDS)
        for mark, experiments in attempts.items():
            for run in self._tagged(experiments, mark):
                known = self._memory.get(str(run.data.tags.get(_OURS)))
                if known is not None and not known.id:
                    self._enter(known, run)

    def _tagged(self, experiments: Iterable[str], mark: str) -> list[Any]:
        try:
            return self._runs.tagged(experiments, "skribe.batch", mark)
        except Denied:
            return []

    def delete_twins(self) -> None:
        """Delete the runs that the network has created on its own, by bringing a request twice or too late."""
        for mark, experiments in list(self._made.items()):
            for run in self._tagged(experiments, mark):
                known = self._memory.get(str(run.data.tags.get(_OURS)))
                if known is not None and known.id and known.id != run.info.run_id:
                    self._runs.delete(str(run.info.run_id))
            left = self._doubtful.get(mark, 1) - 1
            if left <= 0:
                self._made.pop(mark)
                self._doubtful.pop(mark, None)
            else:
                self._doubtful[mark] = left
        self._mark = ""


def _began(changes: Changes, start: Start) -> float:
    end = changes.end
    return end.began if end is not None and end.began is not None else start.time


def extra_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that did not fit into the creation of a run."""
    return dict(list(tags_of(tags).items())[_FEW:])
