"""The fitted model of a run as a folder of the run: what is written before `fit` returns."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skribe import models
from skribe.capture.secrets import is_secret
from skribe.capture.state import names_in, state_of
from skribe.guard import attempt, contain, hushed, say_once
from skribe.metrics.report import Evaluation
from skribe.metrics.rows import count_rows, take_rows
from skribe.metrics.untouched import has_foreign_code, untouched
from skribe.models.errors import NotSaved
from skribe.models.sealing import seal_of, write_seal
from skribe.recording import Record
from skribe.records import Artifact, Call, Changes, Model, Note, Registration
from skribe.settings import Settings
from skribe.store.artifacts import ArtifactStore
from skribe.streams import Stream

_ROWS = 5
MODEL, BEST = "model", "best_estimator"


class Kept(NamedTuple):
    """What a run gets from its model."""

    models: tuple[Model, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    notes: tuple[Note, ...] = ()
    registered: tuple[Registration, ...] = ()


class Shown(NamedTuple):
    """What a model takes and gives, as it is written beside it."""

    signature: Any = None
    example: Any = None


def shown(estimator: Any, X: Any, evaluation: Evaluation | None, settings: Settings) -> Shown:
    """The signature of a model and an example of its input, as far as they are wanted."""
    signature = example = None
    if settings.log_model_signatures:
        output = attempt("the output of a model", [], _output_of, estimator, X, evaluation)
        signature = contain("the signature of a model", models.signature_of, X, output)
    if settings.log_input_examples and X is not None:
        example = contain("the example of a model's input", models.example_of, X)
    return Shown(signature, example)


def make_room(settings: Settings, folder: Path, experiment: str, run: str) -> None:
    """Remove the models that `keep_models` does not keep."""
    if settings.keep_models is not None:
        from skribe.store.keeping import apply

        contain("keep_models", apply, folder, settings.keep_models, experiment=experiment, just_written=run)


def kept_of(call: Call, record: Record, evaluation: Evaluation | None) -> Kept:
    """The fitted model of a call, written before the fit returns. A part of another call is a part of its model."""
    settings = record.settings
    if record.kind == "search" and "best_estimator_" not in vars(call.estimator):
        return Kept()  # without a refit nothing has been fitted
    if not settings.log_models or (call.within is not None and settings.log_models != "candidates"):
        return Kept()
    if record.secret is not None:
        return Kept(notes=(Note(MODEL, f"not kept: {record.secret} holds a secret, which the file would hold too"),))

    def describe() -> Shown:
        return shown(call.estimator, None if record.overwrites else record.X, evaluation, settings)

    if record.stream is not None:
        return keep_step(record.stream, call.estimator, describe, settings, record.folder, record.experiment)
    kept = keep(call.estimator, describe(), settings, record.folder, record.run)
    return kept if call.within is None else kept._replace(registered=())  # a part of another call is no version


def keep(estimator: Any, beside: Shown, settings: Settings, folder: Path, run: str, step: int | None = None) -> Kept:
    """Write the model, and the best estimator of a search, into the run's folder. What cannot be kept is noted."""
    parts = [(MODEL, estimator)]
    best = vars(estimator).get("best_estimator_") if hasattr(estimator, "__dict__") else None
    if best is not None and hasattr(best, "get_params"):
        parts.append((BEST, best))
    store = ArtifactStore(folder)
    written: list[Model] = []
    artifacts: list[Artifact] = []
    notes: list[Note] = []
    for path, model in parts:
        kept = _kept(store, run, path, model, settings, beside, notes, step)
        if kept is None:
            break  # what a search could not be kept for is in its best estimator as well
        written.append(kept[0])
        artifacts += kept[1]
    title = settings.registered_model_name
    registered = (Registration(title, MODEL),) if title is not None and written else ()
    return Kept(tuple(written), tuple(artifacts), tuple(notes), registered)


def _kept(
    store: ArtifactStore, run: str, path: str, model: Any, settings: Settings, beside: Shown, notes: list[Note],
    step: int | None,
) -> tuple[Model, tuple[Artifact, ...]] | None:  # fmt: skip
    """One model in one folder, as records; None where it cannot be kept, which is noted."""
    saved = _saved(store, run, path, model, settings, beside, notes, is_stream=step is not None)
    if saved is None:
        return None
    cls = type(model)
    name = f"{cls.__module__}.{cls.__qualname__}"
    notes += [note for note in saved.notes if note not in notes]
    seal = seal_of(saved.file, saved.format, {file.name: file.digest for file in saved.files})
    record = Model(path, saved.file, saved.format, saved.size, saved.digest, name, state_of(model), step, seal)
    return record, tuple(Artifact(f"{path}/{file.name}", file.size, file.digest) for file in saved.files)


def _saved(
    store: ArtifactStore, run: str, path: str, model: Any, settings: Settings, beside: Shown,
    notes: list[Note], *, is_stream: bool,
) -> Any:  # fmt: skip
    def fill(folder: Path) -> Any:
        saved = models.save(
            folder,
            model,
            format=settings.serialization_format,
            signature=beside.signature,
            example=beside.example,
            limit=settings.model_size_limit,
            metadata={"run_id": run},
            is_secret=is_secret,
        )
        if is_stream:
            # The next step puts another folder here, a moment before the store knows of it.
            saved = saved._replace(files=(*saved.files, write_seal(folder, run, path, saved)))
        return saved

    try:
        return store.put_folder(run, path, fill)
    except NotSaved as trouble:
        culprit = f"{trouble.culprit}: " if trouble.culprit else ""
        notes.append(Note(path, f"{culprit}{trouble.reason}"))
        if not isinstance(trouble, models.TooLarge):
            say_once(
                f"model:{type(model).__qualname__}:{trouble.culprit}",
                f"The {type(model).__name__} could not be kept as a model ({culprit}{trouble.reason}). Everything"
                " else about the run is written down; log_models=False asks for no models.",
            )
        return None


def _output_of(estimator: Any, X: Any, evaluation: Evaluation | None) -> Any:
    """A sample of what the model gives: from the predictions that are there already, or a few rows transformed."""
    given = None if evaluation is None else evaluation.predictions
    if given is not None and given.y_pred is not None:
        some = given.y_pred[:_ROWS]
        return some if given.classes is None else np.asarray(given.classes)[some]
    if hasattr(estimator, "predict") or not hasattr(estimator, "transform") or X is None:
        return None
    if has_foreign_code(estimator):
        return None
    with untouched(estimator):
        return estimator.transform(take_rows(X, np.arange(min(_ROWS, count_rows(X) or 0))))


def keep_split(record: Record, run: str, split: int, model: Any) -> None:
    """Write the model of one split of a candidate into the candidate's run."""
    notes: list[Note] = []
    store = ArtifactStore(record.folder)
    with hushed():
        kept = _kept(store, run, f"{MODEL}_split_{split}", model, record.settings, Shown(), notes, None)
    found = ((), ()) if kept is None else ((kept[0],), kept[1])
    record.write(Changes(run=run, models=found[0], artifacts=found[1], notes=tuple(notes)))


# A stream's model is written again when this many times as long has gone by as writing it takes.
_PATIENCE = 10


def keep_step(
    stream: Stream, estimator: Any, describe: Callable[[], Shown], settings: Settings, folder: Path, experiment: str
) -> Kept:
    """The model of a stream after a step: written at once, or, where steps follow each other fast, now and then.

    What has not been written yet is written by `Stream.settle`, if the model still is what it was after the step.
    """
    if stream.beside is None:
        stream.beside = describe()
    try:
        reference = weakref.ref(estimator)
    except TypeError:
        reference = None
    step = stream.steps - 1

    def write(model: Any) -> Kept:
        began = time.perf_counter()
        kept = keep(model, stream.beside, settings, folder, stream.run, step)
        stream.kept_at = time.perf_counter()
        stream.cost, stream.unsaved, stream.kept_step = stream.kept_at - began, None, step
        return kept

    if reference is None or time.perf_counter() - stream.kept_at >= _PATIENCE * stream.cost:
        return write(estimator)
    names = names_in(estimator)
    state = state_of(estimator, names)

    def write_later() -> None:
        model, stream.unsaved = reference(), None
        if model is None:
            return
        with hushed():
            if state_of(model, names) == state:
                kept = write(model)
            else:
                reason = (
                    f"it is that of step {stream.kept_step}: after step {step} it was changed before it was written"
                )
                kept = Kept(notes=(Note(MODEL, reason),))
        changes = Changes(
            run=stream.run,
            models=kept.models,
            artifacts=kept.artifacts,
            notes=kept.notes,
            registered=kept.registered,
        )
        stream.write(changes)
        if kept.models:
            make_room(settings, folder, experiment, stream.run)

    stream.unsaved = write_later
    return Kept()
