"""The verbs: what `import skribe` offers. Each checks what it was given and hands it on."""

from __future__ import annotations

import contextlib
import os
import pathlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from skribe import session
from skribe.errors import ArgumentError, NoActiveRun, NotFound
from skribe.hooks import context
from skribe.models.formats import check_format
from skribe.records import Changes, End, Start, Status, new_id
from skribe.settings import DELIVERS, Settings, checked_tags, checked_text
from skribe.store.names import check_name

if TYPE_CHECKING:
    import pandas

    from skribe.comparison import Comparison
    from skribe.description import Description
    from skribe.grouping import Experiment
    from skribe.handle import Run
    from skribe.openrun import OpenRun
    from skribe.registered import ModelVersion, RegisteredModel

Path = str | os.PathLike[str]


def autolog(
    *,
    disable: bool = False,
    backend: Any = None,
    store: Path | None = None,
    experiment: str | None = None,
    silent: bool = False,
    exclusive: bool = False,
    log_datasets: bool = True,
    pos_label: Any = None,
    extra_tags: Mapping[str, str] | None = None,
    exclude: Iterable[str | type] = (),
    overhead: float | None = 0.1,
    max_tuning_runs: int | None = None,
    resume: bool = False,
    log_models: bool | Literal["candidates"] = True,
    log_plots: bool = True,
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_post_training_metrics: bool = True,
    serialization_format: Literal["cloudpickle", "pickle", "joblib", "skops"] | None = None,
    registered_model_name: str | None = None,
    model_size_limit: int | str | None = None,
    keep_models: int | str | Mapping[str, Any] | None = None,
    wait: bool | float = False,
    **mlflow: Any,
) -> None:
    """Write down every `fit` from now on. Calling it again replaces the settings.

    disable:      switch off; every class and function is again the very object that it was.
    backend:      where runs are sent besides the local store: "mlflow", "mlflow:http://host:5000", "wandb:project",
                  one of `skribe.backends`, an object, or a list of them; SKRIBE_BACKEND if it is not given. "memory":
                  nothing stays on the disk.
    store:        the folder to write to, instead of the one that is found (SKRIBE_STORE, `skribe_runs/` upwards).
    experiment:   the experiment that runs belong to.
    silent:       no line at the end of a run.
    exclusive:    record nothing inside a run that was opened by hand.
    log_datasets: describe the data: shape, schema, fingerprint; never a row.
    pos_label:    the positive class, for precision, recall and F1 of that class instead of weighted averages.
    extra_tags:   tags for every run.
    exclude:      class names or classes that are left alone, with all they fit inside.
    overhead:     the share of a fit's own time that evaluating it may take (at least 50 ms); beyond it a sample of
                  the rows is evaluated, and the run says so. None: always everything.
    max_tuning_runs: how many candidates of a search keep a run of their own, the best ones; None: all of them.
    resume:       take what an earlier search has finished from the store instead of computing it again: the same
                  candidate on the same split of the same data, with the same scorer. What cannot be identified
                  surely is computed, and the run says why.
    log_models:   keep the fitted model of every fit and search, in MLflow's layout; "candidates": also a model for
                  each split of each candidate of a search.
    log_plots:    keep what is drawn of the predictions: confusion matrix, ROC, residuals; as data, drawn on demand.
    log_input_examples: keep the first five rows of the training data with the model. These are your data.
    log_model_signatures: write down which columns and types the model takes and gives.
    log_post_training_metrics: write down `model.score(...)` and the functions of `sklearn.metrics` on its predictions.
    serialization_format: "cloudpickle" (the default), "pickle", "joblib" or "skops", as docs/models.md compares them.
    registered_model_name: each model becomes the next version of this name.
    model_size_limit: models that would take more bytes, such as "500 MB", are not kept.
    keep_models:  which models stay: "20 GB" for all together, {"best": 3, "by": "accuracy_score_X_test"} for the best
                  of each experiment, or both; registered ones always stay.
    wait:         every fit waits until it has been delivered to the backends, 30 seconds or this many at most.

    mlflow.sklearn.autolog's other arguments are accepted with the value that asks for nothing.
    """
    if not isinstance(disable, bool):
        raise ArgumentError(f"autolog(disable=...) takes True or False, not {disable!r}.")
    if os.environ.get(DELIVERS):
        return
    settings = Settings.checked(
        backend=() if disable else _backends(backend),
        store=store,
        experiment=experiment,
        silent=silent,
        exclusive=exclusive,
        log_datasets=log_datasets,
        pos_label=pos_label,
        extra_tags=extra_tags,
        exclude=exclude,
        overhead=overhead,
        max_tuning_runs=max_tuning_runs,
        resume=resume,
        log_models=log_models,
        log_plots=log_plots,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        log_post_training_metrics=log_post_training_metrics,
        serialization_format=serialization_format,
        registered_model_name=registered_model_name,
        model_size_limit=model_size_limit,
        keep_models=None if keep_models is None else _kept(keep_models),
        wait=wait,
        **mlflow,
    )
    if registered_model_name is not None:
        check_name(registered_model_name)
    if settings.log_models:
        check_format(settings.serialization_format)
    if disable:
        session.switch_off()
    else:
        session.switch_on(settings)


def _backends(value: Any) -> tuple[Any, ...]:
    if value == "local" or (value is None and not os.environ.get("SKRIBE_BACKEND")):
        return ()
    from skribe.delivery.deliveries import choose_named

    return choose_named(value)


def _kept(value: Any) -> Any:
    from skribe.store.keeping import parse_keep

    return parse_keep(value)


@contextlib.contextmanager
def run(
    name: str | None = None, experiment: str | None = None, tags: Mapping[str, Any] | None = None
) -> Iterator[Run]:
    """Open a run by hand for the length of a `with` block.

    The first fit inside becomes part of it, any later one a child. A run opened inside a run is its child.
    """
    from skribe.capture.failure import failure_of
    from skribe.handle import Run
    from skribe.openrun import OpenRun

    title = "run" if name is None else checked_text("run(name=...)", name)
    outer: OpenRun | None = context.open_run()
    if experiment is not None:
        checked_text("run(experiment=...)", experiment)
    chosen = experiment or (outer.experiment if outer else session.current_settings().experiment)
    folder = session.current_folder()
    own_tags = {} if tags is None else checked_tags("run(tags=...)", tags)
    if outer is not None:
        folder = outer.folder
    write = session.journal_of(folder).write
    session.mind_deliveries(folder)
    opened = OpenRun(new_id(), chosen, folder, write)
    mine = Run(folder, opened.id)
    started, clock, cpu = time.time(), time.perf_counter(), time.process_time()
    around = session.surroundings() if outer is None else {}
    extra = {**around, **session.current_settings().extra_tags, **own_tags}
    start = Start(chosen, title, "manual", started, outer.id if outer else None)
    wanted = session.wanted_backends(folder) if outer is None else ()
    write(Changes(run=opened.id, start=start, tags=extra, wanted=wanted))
    status: Status = "finished"
    failure = None
    try:
        with context.entered(quiet=False, run=opened):
            yield mine
    except BaseException as error:
        # A generator that is not run to its end, and an exit that reports success, are no failures of the block.
        if not isinstance(error, GeneratorExit) and not (isinstance(error, SystemExit) and not error.code):
            status, failure = "failed" if isinstance(error, Exception) else "killed", failure_of(error)
        raise
    finally:
        spent = time.perf_counter() - clock, time.process_time() - cpu
        write(Changes(run=opened.id, end=End(status, time.time(), *spent, failure)))
        if outer is None:
            session.remember(folder, opened.id)
            session.look_after_deliveries(folder)
            session.say(title, opened.id, status, spent[0], lambda: mine.metrics)


def active_run() -> Run | None:
    """The run that is open here: the innermost one by hand, or that of the fit which is going on."""
    scope = context.current.get()
    while scope is not None:
        if scope.call is not None:
            return _held(scope.call.record.folder, scope.call.record.run)
        if scope.run is not None:
            return _held(scope.run.folder, scope.run.id)
        scope = scope.outer
    return None


def _held(folder: pathlib.Path, run_id: str) -> Run:
    # Loaded when it is needed: a script that only fits never reads.
    from skribe.handle import Run

    return Run(folder, run_id)


def _active(verb: str) -> Run:
    found = active_run()
    if found is None:
        raise NoActiveRun(
            f"{verb}: no run is open here. Open one with `with skribe.run('name'):`, "
            f"or add to a finished one with `skribe.last_run().{verb}(...)`."
        )
    return found


def log_param(key: str, value: Any) -> None:
    """Write a parameter to the active run."""
    log_params({key: value})


def log_params(params: Mapping[str, Any]) -> None:
    """Write several parameters to the active run."""
    _active("log_params").log_params(params)
    opened = context.open_run()
    if opened is not None:
        opened.note_params(params)


def log_metric(key: str, value: float, step: int | None = None) -> None:
    """Write a number to the active run; with a step it is a point of a curve."""
    _active("log_metric").log_metric(key, value, step)


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Write several numbers to the active run."""
    _active("log_metrics").log_metrics(metrics, step)


def set_tag(key: str, value: Any) -> None:
    """Put a tag on the active run."""
    _active("set_tag").set_tag(key, value)


def set_tags(tags: Mapping[str, Any]) -> None:
    """Put several tags on the active run."""
    _active("set_tags").set_tags(tags)


def log_artifact(path: Path, name: str | None = None) -> None:
    """Copy a file or a folder to the active run."""
    _active("log_artifact").log_artifact(path, name)


def log_figure(figure: Any, name: str) -> None:
    """Keep a matplotlib or plotly figure with the active run, as the ending of `name` says."""
    _active("log_figure").log_figure(figure, name)


def log_text(text: str, name: str) -> None:
    """Keep a text with the active run, as the file `name`."""
    _active("log_text").log_text(text, name)


def log_dict(obj: Any, name: str) -> None:
    """Keep a dictionary with the active run, as the JSON file `name`."""
    _active("log_dict").log_dict(obj, name)


def get_run(run_id: str, *, store: Path | None = None) -> Run:
    """The run with this id, or with an id that begins, or whose last eight digits begin, like this."""
    folder = session.folder_to_read(store)
    return _held(folder, session.query_of(folder).run_row(checked_text("get_run(run_id)", run_id)).id)


def last_run(*, store: Path | None = None) -> Run:
    """The last top-level run that this process made; if it made none, the last one in the store."""
    folder = session.folder_to_read(store)
    found = session.last_run_here(folder) or session.query_of(folder).last_run_id()
    if found is None:
        raise NotFound(f"there is no run in {folder} yet. Fit something after `skribe.autolog()`.")
    return _held(folder, found)


def runs(
    experiment: str | None = None,
    where: str | None = None,
    *,
    children: bool = False,
    kind: str | None = None,
    status: str | None = None,
    sort_by: str | None = None,
    ascending: bool = True,
    limit: int | None = None,
    offset: int = 0,
    columns: Iterable[str] | None = None,
    deleted: bool = False,
    store: Path | None = None,
) -> pandas.DataFrame:
    """The runs as a tidy DataFrame, the newest first: a row per run, columns `metrics.*`, `params.*`, `tags.*`.

    where:    a condition such as `"metrics.training_accuracy_score > 0.9 and params.C in (1, 10)"`.
    children: also the runs inside of runs.
    sort_by:  a column of the frame; the smallest first, unless `ascending=False`.
    columns:  only these columns, such as `["run_id", "params.C", "metrics.*"]`; faster where runs have many.
    deleted:  the runs in the trash instead.
    """
    return session.query_of(session.folder_to_read(store)).runs_frame(
        experiment=experiment,
        where=where,
        children=children,
        kind=kind,
        status=status,
        sort_by=sort_by,
        ascending=ascending and sort_by is not None,
        limit=limit,
        offset=offset,
        columns=None if columns is None else list(columns),
        deleted=deleted,
    )


def load_model(
    uri: str | os.PathLike[str], *, trusted: bool | Iterable[str] = False, store: Path | None = None
) -> Any:
    """A fitted estimator: `"runs:/<id>/model"`, `"models:/<name>/<version>"`, `"models:/<name>@<alias>"` or a folder.

    A model of this store is loaded if its files are those that were written. Any other can execute code when it is
    loaded: it is refused unless `trusted=True`. In the format skops, `trusted` may name the types that are fine.
    """
    from skribe.loading import load

    return load(uri, trusted, session.folder_to_read(store))


def register(
    model: Run | ModelVersion | str, name: str, *, description: str | None = None, store: Path | None = None
) -> ModelVersion:
    """Make a run's model, or `"runs:/<id>/<model>"`, the next version of the registered name."""
    from skribe.registered import register as add

    folder = getattr(model, "folder", None) or session.folder_to_read(store)
    return add(model, checked_text("register(name)", name), description, folder)


def registered_model(name: str, *, store: Path | None = None) -> RegisteredModel:
    """The registered name with its versions, aliases and tags."""
    from skribe.registered import RegisteredModel

    folder = session.folder_to_read(store)
    return RegisteredModel(
        folder, session.query_of(folder).registered(checked_text("registered_model(name)", name)).name
    )


def registered_models(*, store: Path | None = None) -> list[RegisteredModel]:
    """All registered names."""
    from skribe.registered import RegisteredModel

    folder = session.folder_to_read(store)
    return [RegisteredModel(folder, name) for name in session.query_of(folder).registered_names()]


def compare(*runs: Run | str, store: Path | None = None) -> Comparison:
    """Several runs beside each other: where they differ, and their curves in one picture."""
    from skribe.comparison import compared

    return compared(runs, lambda run: get_run(run, store=store))


def describe(estimator: Any) -> Description:
    """What would be recorded of a fit of this estimator, before anything runs."""
    from skribe.description import description_of

    return description_of(estimator, session.current_settings())


def experiments(*, store: Path | None = None, deleted: bool = False) -> list[Experiment]:
    """The experiments of the store, or those in its trash."""
    from skribe.grouping import listed

    return listed(session.current_folder(store), deleted)


def experiment(name: str, *, create: bool = False, store: Path | None = None) -> Experiment:
    """The experiment of this name, to rename, delete and restore it. With `create`, a new one if there is none."""
    from skribe.grouping import found

    return found(session.current_folder(store), checked_text("experiment(name)", name), create)


@contextlib.contextmanager
def suppress() -> Iterator[None]:
    """Record nothing inside the `with` block, in this thread and in those that it starts."""
    with context.entered(quiet=True):
        yield


def flush(timeout: float | None = None) -> bool:
    """Wait until everything is in the store and at the backends; whether nothing is left.

    Without a timeout it gives up as soon as a backend has been tried since and has not answered.
    """
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout < 0):
        raise ArgumentError(f"flush(timeout={timeout!r}): seconds, or None.")
    return session.flush(timeout)
