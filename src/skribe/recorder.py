"""A `Call` becomes records: what is written before the user's fit runs, and what when it is over.

Before: the run, its parameters, its data set; so that a process that dies leaves more than silence. After: metrics,
facts, curves, warnings, and how it ended. Each of the two is one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skribe import metrics, modelled
from skribe.capture import curves, dataset, display_name, facts, fingerprint, parameters, role_of, seeds
from skribe.capture.arguments import class_balance, data_of, rows_of
from skribe.capture.failure import failure_of
from skribe.capture.members import member_seconds
from skribe.capture.params import secret_in
from skribe.capture.paths import is_sequential_selector, path_of_scores, paths
from skribe.capture.roles import run_name, searches_by_itself
from skribe.capture.search import attributes_of, best_of
from skribe.capture.weights import weights_of
from skribe.guard import attempt, contain, hushed, pass_on, swallow
from skribe.linked import Link
from skribe.metrics.report import Evaluation
from skribe.metrics.task import kind_of
from skribe.pictured import tables_of_fit
from skribe.recording import Around, Finished, Record, parent_of, sweep_of, tags_of
from skribe.records import (
    Call,
    Changes,
    Dataset,
    End,
    Kind,
    Metric,
    Note,
    Outcome,
    Param,
    Score,
    Start,
    Status,
    Summary,
    Task,
    counted,
    new_id,
)
from skribe.scored import Scoreboard
from skribe.settings import Settings
from skribe.streams import Stream, Streams

# Parameters which, when False, allow an estimator to write into the data that it is given, also when it predicts.
_COPY = frozenset({"copy", "copy_X", "copy_x", "copy_X_train"})
_NOTHING = Summary()


class Recorder:
    """The listener behind the hooks. It asks, assembles and writes; what a number means is decided below it."""

    def __init__(self, settings: Settings, folder: Path, write: Callable[..., None], around: Around) -> None:
        self.settings = settings
        self._folder = folder
        self._write = write
        self._around = around
        self._streams = Streams()
        self.scoreboard = Scoreboard(around.recall)
        self.scoreboard.configure(settings, folder, write)

    def configure(self, settings: Settings, folder: Path, write: Callable[..., None]) -> None:
        """Other settings and another store, from the next call on; what has begun goes on where it began."""
        self.settings, self._folder, self._write = settings, folder, write
        self.scoreboard.configure(settings, folder, write)

    # --- before the fit ---------------------------------------------------------------------------------------

    def begin(self, call: Call) -> bool:
        settings = self.settings
        estimator = call.estimator
        role = role_of(estimator)
        if not hasattr(type(estimator), "get_params") or not (call.function or role in ("model", "search")):
            return False
        if settings.excludes(type(estimator)):
            return False
        if call.inside is not None and settings.exclusive:
            return False
        with hushed():
            call.record = self._open(call, "cv" if call.function else "search" if role == "search" else "fit")
        call.opens = not call.function and searches_by_itself(estimator)
        if is_sequential_selector(estimator):
            call.heard = []
        return True

    def times_members(self, call: Call) -> bool:
        """A search's candidates are fitted inside it too, by the thousand, and are not its members."""
        return bool(call.record.kind == "fit")

    def follows(self, call: Call) -> bool:
        return call.record.sweep is not None

    def wants_models(self, call: Call) -> bool:
        record: Record = call.record
        return record.settings.log_models == "candidates" and not call.function and record.secret is None

    def dispatch(self, call: Call, task: Task) -> Outcome | None:
        found: Outcome | None = call.record.sweep.dispatch(task)
        return found

    def arrive(self, call: Call, outcome: Outcome) -> None:
        call.record.sweep.arrive(outcome)
        if outcome.warned:
            call.warned += outcome.warned[: max(0, 200 - len(call.warned))]

    def break_off(self, call: Call, number: int, error: BaseException) -> None:
        status: Status = "failed" if isinstance(error, Exception) else "killed"
        call.record.sweep.break_off(number, failure_of(error), status)

    def _open(self, call: Call, kind: Kind) -> Record:
        stream = None
        if call.method == "partial_fit":
            stream, kind = self._streams.of(call.estimator), "stream"
        else:
            self._streams.forget(call.estimator)
        if stream is not None and stream.steps:
            return self._resume(call, stream)
        notes: list[Note] = []
        params, troubles = parameters(call.estimator)
        if call.function:
            from skribe.capture.validation import settings_of

            params = (*params, *settings_of(call.method, call.arguments))
        notes += troubles
        inside = call.inside if call.within is None else None
        joined = inside is not None and inside.take(param.key for param in params)
        run = str(inside.id) if inside is not None and joined else new_id()
        record = self._record(call, run, kind, params, notes)
        record.joined, record.top, record.stream = joined, inside is None and call.within is None, stream
        if inside is not None:
            record.write, record.folder, record.experiment = inside.write, inside.folder, inside.experiment
        elif call.within is not None:
            outer: Record = call.within.record
            record.write, record.folder, record.experiment = outer.write, outer.folder, outer.experiment
        if stream is not None:
            stream.begin(run, params, record.write, record.folder)
        begun = self._begun(call, record, params)
        if kind == "cv" or (kind == "search" and not searches_by_itself(call.estimator)):
            record.sweep = contain("the tasks of a search", sweep_of, call, record, params, self._around)
        call.record = record  # before it is written, so that whatever happens it comes to an end
        record.write(begun)
        self._around.mind(record.folder)
        return record

    def _record(self, call: Call, run: str, kind: Kind, params: tuple[Param, ...], notes: list[Note]) -> Record:
        X, y = data_of(call.arguments)
        weight, source = attempt("sample_weight", notes, weights_of, call.estimator, call.arguments) or (
            None,
            None,
        )
        if source is not None:
            notes.append(Note("training_metrics", f"weighted by {source}, as the fit was"))
        overwrites = next((p.key for p in params if p.value == "False" and p.key.rpartition("__")[2] in _COPY), None)
        name = contain("the name", run_name, call.estimator, call.method if call.function else None)
        return Record(
            run=run,
            name=name or display_name(call.estimator),
            kind=kind,
            joined=False,
            top=True,
            X=X,
            y=y,
            weight=weight,
            labels=None if y is None else contain("the classes of y", metrics.encode, y),
            overwrites=overwrites,
            secret=secret_in(params),
            settings=self.settings,
            write=self._write,
            folder=self._folder,
            experiment=self.settings.experiment,
            notes=notes,
        )

    def _begun(self, call: Call, record: Record, params: tuple[Param, ...]) -> Changes:
        cls = type(call.estimator)
        full_name = f"{cls.__module__}.{cls.__qualname__}"
        notes, record.notes = tuple(record.notes), []
        return Changes(
            run=record.run,
            start=None if record.joined else self._start(call, record, full_name),
            params=params,
            tags=tags_of(cls, record, self._around),
            wanted=self._around.wanted(record.folder) if record.top else (),
            facts=contain("the seeds", seeds, params) or (),
            datasets=self._dataset(record),
            notes=notes,
        )

    def _start(self, call: Call, record: Record, full_name: str) -> Start:
        return Start(
            experiment=record.experiment,
            name=record.name,
            kind=record.kind,
            time=call.started,
            parent=parent_of(call),
            estimator_name=display_name(call.estimator),
            estimator_class=full_name,
        )

    def _dataset(self, record: Record) -> tuple[Dataset, ...]:
        if not record.settings.log_datasets or record.X is None:
            return ()
        summary = None if record.labels is None else class_balance(record.labels)
        seen = contain("the data set", dataset, record.X, record.y, role="train", target_summary=summary)
        if seen is None:
            return ()
        record.fingerprint = seen.details.get("X_fingerprint")
        record.fingerprints = record.fingerprint, seen.details.get("y_fingerprint")
        return (seen,)

    def _resume(self, call: Call, stream: Stream) -> Record:
        record = self._record(call, stream.run, "stream", stream.params, [])
        record.top, record.stream, record.notes = False, stream, []
        record.write, record.folder = stream.write, stream.folder
        call.record = record
        record.write(Changes(run=stream.run, end=End("running", call.started)))
        self._around.mind(record.folder)
        return record

    # --- after the fit ----------------------------------------------------------------------------------------

    def end(self, call: Call) -> None:
        record: Record = call.record
        status: Status = "finished"
        changes = None
        try:
            if call.error is not None:
                status = "failed" if isinstance(call.error, Exception) else "killed"
                changes = self._failed(call, record, status)
            else:
                with hushed():
                    changes = self._finished(call, record)
        except Exception as error:  # noqa: BLE001
            pass_on(error)
            swallow("what this fit did", error)
        except BaseException:  # Ctrl-C while we were writing: the user's fit does not return
            status = "killed"
            raise
        finally:
            end = None if record.joined else End(status, time.time(), call.wall, call.cpu)
            record.write(changes if changes is not None else Changes(run=record.run, end=end))
        if changes is not None and changes.models:
            record.state = changes.models[0].state
            modelled.make_room(record.settings, record.folder, record.experiment, record.run)
        if status == "finished" and record.kind != "cv":
            with hushed():
                contain("the run of a model", self.scoreboard.fitted, call.estimator, record)
        if record.top and not record.joined:
            self._around.announce(self._line(call, record, status, changes))

    def _finished(self, call: Call, record: Record) -> Changes:
        if record.kind == "cv":
            return self._validated(call, record)
        estimator = call.estimator
        found: list[Metric] = []
        swept = self._swept(record)
        if call.opens:
            swept = _chosen_by(estimator)
        found += swept.metrics
        evaluation = None
        if call.opens or record.kind != "search" or "best_estimator_" in vars(estimator):
            evaluation = self._evaluated(call, record)
        found += () if evaluation is None else evaluation.metrics
        found += contain("the seconds of each part", member_seconds, estimator, call.members or ()) or ()
        if record.stream is not None:
            found = record.stream.step(found, call, rows_of(record.X))
        else:
            found += contain("the curves", curves, estimator) or ()
        chosen, path, absent = contain("what was searched inside", paths, estimator) or ((), (), ())
        found += path
        found += path_of_scores(call.heard or ())
        if record.joined:
            found.append(Metric("fit_seconds", call.wall))
        drawn = tables_of_fit(estimator, record.X, evaluation, record.settings, call.wall)
        kept = contain("the model", modelled.kept_of, call, record, evaluation) or modelled.Kept()
        return Changes(
            run=record.run,
            params=swept.params,
            metrics=tuple(found),
            tags=swept.tags,
            facts=(*(contain("the fitted attributes", facts, estimator) or ()), *chosen, *swept.facts),
            notes=(*record.notes, *absent, *swept.notes, *drawn[1], *kept.notes),
            warnings=counted(call.warned),
            artifacts=(*swept.artifacts, *kept.artifacts),
            tables=drawn[0],
            models=kept.models,
            registered=kept.registered,
            erased=swept.erased,
            end=None if record.joined else self._end(call, record),
        )

    @staticmethod
    def _swept(record: Record) -> Summary:
        """What the tasks of a search or a cross-validation come to."""
        if record.sweep is None:
            return _NOTHING
        from skribe.sweeps.finish import summary_of

        contain("the last tasks of a search", record.sweep.close, "finished")
        return contain("what a search found", summary_of, record.sweep) or _NOTHING

    def _validated(self, call: Call, record: Record) -> Changes:
        """A cross-validation has ended: what its folds come to."""
        from skribe.capture.validation import splitter_of
        from skribe.validated import out_of_fold

        swept = self._swept(record)
        y = call.arguments.get("y")
        scores, absent, tables = out_of_fold(call, y, record.labels, record.settings)
        found = (*swept.metrics, *scores)
        if record.joined:
            found = (*found, Metric("fit_seconds", call.wall))
        return Changes(
            run=record.run,
            metrics=found,
            facts=(splitter_of(call.arguments, self._stratifies(call, record)), *swept.facts),
            notes=(*record.notes, *swept.notes, *absent),
            warnings=counted(call.warned),
            tables=tables,
            end=None if record.joined else self._end(call, record),
        )

    @staticmethod
    def _stratifies(call: Call, record: Record) -> bool:
        return record.labels is not None and kind_of(call.estimator) == "classifier"

    def _end(self, call: Call, record: Record) -> End:
        if record.stream is not None:
            return End("finished", time.time(), record.stream.wall, record.stream.cpu)
        if call.cpu is None:
            record.notes.append(Note("cpu", "other fits ran in this process at the same time"))
        return End("finished", time.time(), call.wall, call.cpu)

    def _evaluated(self, call: Call, record: Record) -> Evaluation | None:
        """The estimator on its training data; None where it is not known what it would be asked about."""
        if record.X is None:
            return None
        if record.overwrites is not None:
            record.notes.append(
                Note(
                    "training_metrics",
                    f"{record.overwrites}=False: X may have been written over, or would be",
                )
            )
            return None
        trouble = contain("the data after the fit", self._was_changed, call.estimator, record)
        if trouble is not None:
            record.notes.append(Note("training_metrics", trouble))
            return None
        evaluation = contain(
            "training metrics",
            metrics.evaluate,
            call.estimator,
            record.X,
            record.y,
            weight=record.weight,
            pos_label=record.settings.pos_label,
            budget=record.settings.budget(call.wall),
            labels=record.labels,
        )
        if evaluation is not None:
            record.notes += evaluation.notes
        return evaluation

    @staticmethod
    def _was_changed(estimator: Any, record: Record) -> str | None:
        """Whether code that is not scikit-learn's has written into X while it was fitted."""
        if record.fingerprint is None or not metrics.has_foreign_code(estimator):
            return None
        same = fingerprint(record.X) == record.fingerprint
        return None if same else "the fit has changed X, so it is not known what the model would be asked about"

    def _failed(self, call: Call, record: Record, status: Status) -> Changes:
        assert call.error is not None
        failure = failure_of(call.error)
        if record.sweep is not None:
            contain("the tasks of a search", record.sweep.close, status)
        if record.joined:
            record.notes.append(Note("fit", f"{failure.type}: {failure.message}"))
        return Changes(
            run=record.run,
            notes=tuple(record.notes),
            warnings=counted(call.warned),
            end=None if record.joined else End(status, time.time(), call.wall, call.cpu, failure),
        )

    def _line(self, call: Call, record: Record, status: Status, changes: Changes | None) -> Finished:
        found = () if changes is None else changes.metrics
        return Finished(
            record.run, record.name, record.kind, status, call.wall, found, record.folder, record.settings.silent
        )

    # --- after that -------------------------------------------------------------------------------------------

    @property
    def hears_scores(self) -> bool:
        return self.settings.log_post_training_metrics

    def mark_of(self, model: Any) -> Link | None:
        return self.scoreboard.mark_of(model)

    def scored(self, score: Score) -> None:
        self.scoreboard.scored(score)

    def settle(self) -> None:
        """Write what has been put off."""
        self._streams.settle()


def _chosen_by(search: Any) -> Summary:
    params, metrics = contain("what the search chose", best_of, attributes_of(search)) or ((), ())
    return Summary(params=params, metrics=metrics)
