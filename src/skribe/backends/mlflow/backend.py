"""The backend: what has changed in some runs, on its way to an MLflow server, database or folder."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from skribe.backends.mlflow import address as addresses
from skribe.backends.mlflow.ambient import ambient
from skribe.backends.mlflow.client import Client
from skribe.backends.mlflow.creation import Creation, Marks, extra_tags, in_parallel
from skribe.backends.mlflow.files import PARTS, Upload, Wanted, can_draw, uploads_of
from skribe.backends.mlflow.known import Known, Memory
from skribe.backends.mlflow.models import HISTORY, Models, history_tag
from skribe.backends.mlflow.runs import Entry, Gone, Runs
from skribe.backends.mlflow.trouble import Denied
from skribe.backends.mlflow.values import (
    STATUS,
    allowed,
    dataset_fields,
    failure_tags,
    milliseconds,
    points,
    tags_of,
)
from skribe.backends.protocol import Capabilities, Outbox
from skribe.errors import ArgumentError, BackendMissing, Refused, Unreachable
from skribe.records import Changes

T = TypeVar("T")

_WORKERS = 4
_BEST = "best_run"
_IN_TRASH = "it was deleted on the MLflow server"


@dataclass(slots=True)
class _Job:
    """What is to be done for one run."""

    changes: Changes
    known: Known
    folder: Path
    whole: Changes
    models_again: frozenset[str] = frozenset()  # logged models that an earlier attempt may have left
    best: Mapping[str, str] = field(default_factory=dict)  # tags that say which child is the best
    best_of: Known | None = None  # the search that waits for this child, which is its best

    @property
    def run(self) -> str:
        return self.changes.run


class MLflowBackend:
    """Sends runs to MLflow, as `mlflow.sklearn.autolog` would have written them."""

    capabilities = Capabilities(live=True, erases=True, runs_at_once=20)
    resolve = staticmethod(addresses.resolve)
    ambient = staticmethod(ambient)

    def __init__(
        self,
        address: str = "",
        *,
        models: bool = True,
        plots: bool | str = True,
        files: bool = True,
        timeout: float = 20.0,
    ) -> None:
        _check_options(models=models, plots=plots, files=files, timeout=timeout)
        full = addresses.checked(address)
        if importlib.util.find_spec("mlflow") is None:
            raise BackendMissing('sending runs to MLflow needs its package: pip install "skribe[mlflow]"')
        self._client = Client(full, timeout)
        self._workers = _WORKERS if self._client.is_web else 1
        self._wanted = Wanted(models, plots, files)
        self._runs = Runs(self._client)
        self._models = Models(self._client)
        self._memory: Memory | None = None
        self._creation: Creation | None = None
        self._marks = Marks()
        self._aside: list[tuple[str, str, str]] = []

    @property
    def address(self) -> str:
        """Where the runs go, without user and password."""
        return self._client.where

    def open(self, outbox: Outbox) -> None:
        """See that MLflow answers, and as an MLflow."""
        try:
            self._client.ask(self._client.tracking.search_experiments, max_results=1)
        except Denied as denied:
            raise Unreachable(f"What answers at {self.address} is no MLflow server: {denied}") from None
        self._memory = Memory(outbox)
        self._creation = Creation(self._runs, self._memory, self._marks, self.address, self._workers, self._refuse)
        self._runs.forget_experiments()

    def deliver(self, changes: Sequence[Changes]) -> None:
        """Hand over what is new of some runs."""
        memory, creation = self._opened()
        erased = {run for each in changes for run in each.erased}
        try:
            creation.create(changes, erased)
            jobs = [job for each in changes if each.run not in erased and (job := self._job(each, memory))]
            memory.save()
            in_parallel(self._workers, self._fill, jobs)
            uploads = self._uploads(jobs)
            in_parallel(self._workers, self._upload, [upload for upload in uploads if not upload.drawn])
            in_parallel(self._workers, self._finish, jobs)
            # The pictures take longer than all else.
            in_parallel(self._workers, self._upload, [upload for upload in uploads if upload.drawn])
            for run in erased:
                self._erase(run, memory)
        except Denied as denied:
            raise Refused(f"MLflow at {self.address} refuses a run: {denied}") from None
        finally:
            memory.save()
            self._put_aside(memory.outbox)

    def settle(self) -> None:
        """Delete what the network has brought twice."""
        memory, creation = self._opened()
        if self._client.is_web:
            try:
                creation.delete_twins()
                self._models.delete_twins()
            except Denied as denied:
                raise Refused(f"MLflow at {self.address} lets nothing be deleted: {denied}") from None
        memory.forget()

    def close(self) -> None:
        """Nothing is held but the connections, which close by themselves."""
        self._memory = self._creation = None

    def link(self, run: str) -> str | None:
        """The page of the run on its server."""
        known = self._memory.get(run) if self._memory is not None else None
        if known is None or not known.id or not self._client.is_web:
            return None
        return f"{self.address}/#/experiments/{known.experiment}/runs/{known.id}"

    # -- one run

    def _job(self, changes: Changes, memory: Memory) -> _Job | None:
        """What is to be done for a run, noted before it is begun where it must not be done twice."""
        known = memory.get(changes.run)
        if known is None or known.gone or not known.id:
            return None
        again = frozenset(path for path, model in known.models.items() if not model[0])
        if self._wanted.models:
            for model in changes.models:
                known.models.setdefault(model.path, ["", "", ""])
        needs_all = (changes.end is not None and known.kind not in PARTS) or bool(changes.artifacts)
        whole = (memory.outbox.whole(changes.run) if needs_all else None) or changes
        job = _Job(changes, known, memory.outbox.folder(changes.run), whole, again)
        if best := changes.tags.get(_BEST):
            there = memory.get(best)
            known.best = "" if there is not None and there.id else best
            job.best = _best_tags(there, best)
        above = memory.get(changes.start.parent) if changes.start is not None and changes.start.parent else None
        if above is not None and above.best == changes.run and above.id and not above.gone:
            job.best_of = above
        return job

    def _fill(self, job: _Job) -> None:
        """Everything about a run but its files and its end."""
        history = self._attempt(job, "models", lambda: self._create_models(job)) or {}
        # What could not be created is kept among the files of the run.
        for path in [path for path, model in job.known.models.items() if not model[0]]:
            del job.known.models[path]
        train = self._attempt(job, "datasets", lambda: self._log_inputs(job))
        entries = self._entries(job, history, train)
        self._attempt(job, "values", lambda: self._runs.log(job.known.id, entries, partial(self._refuse, job.run)))
        if job.best_of is not None:
            self._name_best(job, job.best_of)

    def _name_best(self, job: _Job, search: Known) -> None:
        """Tell a search that was sent before its best child which one that is."""
        try:
            for key, value in _best_tags(job.known, job.run).items():
                self._runs.tag(search.id, key, value)
        except Denied as denied:
            self._refuse(job.run, f"tag {_BEST}", str(denied))
        search.best = ""

    def _attempt(self, job: _Job, what: str, task: Callable[[], T]) -> T | None:
        """One part of a run: if it is refused, the others go on, unless the run is not there any more."""
        if job.known.gone:
            return None
        try:
            return task()
        except Gone:
            self._gone(job)
        except Denied as denied:
            if self._is_gone(job):
                self._gone(job)
            else:
                self._refuse(job.run, what, str(denied))
        return None

    def _create_models(self, job: _Job) -> dict[str, str]:
        """Logged models for the files that will come; where they are not known, the tag that names the folders."""
        if not self._wanted.models or not job.changes.models:
            return {}
        known, params = job.known, {param.key: param.value for param in job.changes.params or job.whole.params}
        for path in dict.fromkeys(model.path for model in job.changes.models):
            if not known.models[path][0] and not self._models.create(
                job.run, known, path, params, path in job.models_again
            ):
                known.models.pop(path)
        if self._models.are_logged:
            return {}
        state = self._runs.get(known.id) if known.adopted else None
        before = None if state is None else state.data.tags.get(HISTORY)
        return history_tag(job.whole if job.whole.models else job.changes, job.folder, known, before)

    def _log_inputs(self, job: _Job) -> tuple[str, str] | None:
        """The data sets. Name and digest of the training data come back."""
        if not job.changes.datasets:
            return None
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs, train = [], None
        for dataset in job.changes.datasets:
            fields = dataset_fields(dataset, job.known.source)
            context = "train" if dataset.role == "train" else "eval"
            inputs.append(DatasetInput(Dataset(**fields), [InputTag("mlflow.data.context", context)]))
            if context == "train":
                train = (fields["name"], fields["digest"])
        self._runs.log_inputs(job.known.id, inputs)
        return train

    def _entries(self, job: _Job, history: dict[str, str], train: tuple[str, str] | None) -> list[Entry]:
        changes, known = job.changes, job.known
        end, start = changes.end, changes.start
        entries = [Entry("param", allowed(key), value) for key, value in _last(changes).items()]
        model = known.models.get("model", ["", "", ""])[0] or None
        for key, value, time, step in points(changes.metrics, milliseconds(end.time) if end else known.began):
            about = train if key.startswith("training_") and model else None
            entries.append(Entry("metric", key, value, time, step, model, about))
        # A run is created with its first tags. One that was there before may have got more since.
        created = changes.run in self._opened()[1].fresh
        tags = extra_tags(changes.tags) if created else tags_of(changes.tags)
        if known.adopted and start is not None:
            tags["skribe.run_id"] = changes.run
        elif changes.name and not known.adopted and end is None and not created:
            tags["mlflow.runName"] = changes.name
        tags |= job.best
        if end is not None:
            tags |= failure_tags(end.failure)
        return entries + [Entry("tag", key, value) for key, value in {**tags, **history}.items()]

    def _uploads(self, jobs: Sequence[_Job]) -> list[Upload]:
        reason = can_draw() if self._wanted.plots else None
        wanted = self._wanted if reason is None else self._wanted._replace(plots=False)
        found: list[Upload] = []
        for job in jobs:
            if not job.known.gone:
                found += uploads_of(job.changes, job.known, job.folder, wanted, job.whole)
                if reason is not None and job.changes.tables:
                    self._refuse(job.run, "plots", reason)
        return found

    def _upload(self, upload: Upload) -> None:
        try:
            content = upload.content()
            if isinstance(content, Path) and not content.is_file():
                self._refuse(upload.run, f"artifact {upload.path}", "the file is not in the store any more")
                return
            self._client.put(upload.place, upload.path, content)
        except Denied as denied:
            self._refuse(upload.run, f"artifact {upload.path}", str(denied))

    def _finish(self, job: _Job) -> None:
        """Models are ready, versions are registered, the run has ended: when everything else is there."""
        changes, known, end = job.changes, job.known, job.changes.end
        ready = list(dict.fromkeys(model.path for model in changes.models if model.path in known.models))
        if ready:
            self._attempt(job, "models", lambda: self._models.finish(known, ready, _step(changes)))
        for wanted in changes.registered if self._wanted.models else ():
            self._attempt(job, f"registered {wanted.name}", partial(self._models.register, changes.run, known, wanted))
        if end is not None and not known.adopted:
            self._attempt(
                job,
                "its end",
                lambda: self._runs.end(known.id, STATUS[end.status], milliseconds(end.time), changes.name),
            )

    # -- what is not there any more

    def _erase(self, run: str, memory: Memory) -> None:
        known = memory.get(run)
        if known is None:
            return
        if not known.id and known.batch:
            found = self._runs.tagged([known.experiment], "skribe.run_id", run)
        elif known.nests:
            found = self._runs.tagged([known.experiment], "mlflow.parentRunId", known.id)
        else:
            found = []
        for each in found:
            self._runs.delete(str(each.info.run_id))
        if known.id and not known.adopted and not known.gone:
            self._runs.delete(known.id)
        known.gone = True

    def _is_gone(self, job: _Job) -> bool:
        state = self._runs.get(job.known.id)
        return state is None or state.info.lifecycle_stage != "active"

    def _gone(self, job: _Job) -> None:
        job.known.gone = True
        self._refuse(job.run, "the run", _IN_TRASH)

    # -- what could not be given

    def _refuse(self, run: str, what: str, reason: str) -> None:
        # Written down by the thread that delivers: the outbox is not made for several.
        self._aside.append((run, what, reason))

    def _put_aside(self, outbox: Outbox) -> None:
        aside, self._aside = self._aside, []
        for run, what, reason in dict.fromkeys(aside):
            outbox.set_aside(run, what, reason)

    def _opened(self) -> tuple[Memory, Creation]:
        assert self._memory is not None, "open() comes first"
        assert self._creation is not None
        return self._memory, self._creation


def _best_tags(known: Known | None, run: str) -> dict[str, str]:
    """The best child by its id there, as far as it is there, and by its id here."""
    return {_BEST: (known.id if known is not None else "") or run, f"skribe.{_BEST}": run}


def _check_options(*, models: Any, plots: Any, files: Any, timeout: Any) -> None:
    for name, value in (("models", models), ("files", files)):
        if not isinstance(value, bool):
            raise ArgumentError(f"the backend 'mlflow' takes {name}=True or False, not {value!r}.")
    if not isinstance(plots, bool) and not (isinstance(plots, str) and plots == "all"):
        raise ArgumentError(f"the backend 'mlflow' takes plots=True, False or 'all', not {plots!r}.")
    is_number = isinstance(timeout, Real) and not isinstance(timeout, bool)
    if not is_number or not math.isfinite(timeout) or timeout <= 0:
        raise ArgumentError(f"the backend 'mlflow' takes as timeout= a number of seconds above 0, not {timeout!r}.")


def _last(changes: Changes) -> dict[str, Any]:
    return {param.key: param.value for param in changes.params}


def _step(changes: Changes) -> int:
    return max((model.step or 0 for model in changes.models), default=0)
