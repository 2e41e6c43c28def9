"""One run of W&B from its beginning to its end, without a word on the terminal."""

from __future__ import annotations

import contextlib
import glob
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from skribe.backends.protocol import Outbox
from skribe.backends.wandb.charts import Picture
from skribe.backends.wandb.content import (
    OWN,
    STEP,
    Point,
    config_of,
    exit_code_of,
    name_of,
    notes_of,
    summary_of,
    tags_of,
)
from skribe.backends.wandb.log import wait_until_complete
from skribe.errors import Unreachable
from skribe.guard import reason_of
from skribe.records import Artifact, Changes, Model

# Seconds for the data of one run to arrive, its model included.
_UPLOAD: Final = 300.0
_BEGIN: Final = 20.0
_CLOSING: Final = 30.0
_RELEASE: Final = 5.0
_IN_USE: Final = "is in use"
_PAUSE: Final = 0.02


class Delivery(NamedTuple):
    """What is to be sent of a run besides what replaces itself: config, summary, tags and notes."""

    points: Sequence[tuple[int, Point]]  # with their rows
    pictures: Sequence[Picture]
    pictures_row: int
    artifacts: Sequence[Artifact]
    models: Sequence[Model]


def settings_of(patience: float) -> Any:
    """W&B's settings for a run that is a copy: nothing of this process, no output, no endless wait."""
    import wandb

    wanted: dict[str, Any] = {
        "silent": True, "console": "off", "quiet": True, "symlink": False, "label_disable": True,
        "save_code": False, "disable_code": True, "disable_git": True, "disable_job_creation": True,
        "x_disable_stats": True, "x_disable_meta": True, "x_disable_machine_info": True, "x_save_requirements": False,
        "init_timeout": _BEGIN, "finish_timeout": _UPLOAD, "finish_timeout_raises": True,
        "x_graphql_retry_max": 1, "x_graphql_timeout_seconds": patience,
        "sync_tensorboard": False,
    }  # fmt: skip
    # Some of them are younger than others.
    known = wandb.Settings.model_fields
    return wandb.Settings(**{name: value for name, value in wanted.items() if name in known})


def write(whole: Changes, delivery: Delivery, where: dict[str, Any], outbox: Outbox) -> str | None:
    """Begin or resume the run, log everything, and wait until it has arrived. Its address, if it has one."""
    import wandb

    kind = whole.start.kind if whole.start else "fit"
    begin = {
        "id": whole.run, "name": name_of(whole), "job_type": kind, "tags": tags_of(whole), "notes": notes_of(whole),
        "config": config_of(whole), "resume": "allow", "reinit": "create_new",
    }  # fmt: skip
    with _on_our_own(wandb):
        run = _begun(wandb, {**begin, **where})
    code = 1
    try:
        _log(run, whole, delivery)
        for model in delivery.models:
            _put_model(run, whole.run, model, outbox)
        for artifact in delivery.artifacts:
            _put_file(run, whole.run, artifact, outbox)
        code = exit_code_of(whole)
    finally:
        # Also when something was raised: an open run would hold up the end of the process.
        run.finish(exit_code=code)
    if run.settings.mode == "offline":
        wait_until_complete(Path(run.settings.sync_file), _CLOSING)
        return None
    url: str | None = run.url
    return url


@contextlib.contextmanager
def _on_our_own(wandb: Any) -> Iterator[None]:
    """Begin no run that a sweep, a launch or the environment has in mind: it is the user's.

    Inside of a sweep W&B takes the id and the project from the sweep, whatever `init` is given.
    """
    settings = wandb.setup().settings
    nothing = {"sweep_id": None, "sweep_param_path": None, "launch": False, "resume_from": None, "fork_from": None}
    before = {name: getattr(settings, name) for name in nothing if hasattr(settings, name)}
    for name in before:
        setattr(settings, name, nothing[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def _begun(wandb: Any, arguments: dict[str, Any]) -> Any:
    """The run, begun or resumed."""
    deadline = time.monotonic() + _RELEASE
    while True:
        try:
            return wandb.init(**arguments)
        except Exception as error:
            # W&B's own process lets go of a run's id a moment after the run has ended.
            if _IN_USE not in str(error):
                _start_afresh(wandb)
                raise
            if time.monotonic() > deadline:
                _start_afresh(wandb)
                raise Unreachable(f"W&B's process still holds the run {arguments['id']}") from error
        time.sleep(_PAUSE)


def _start_afresh(wandb: Any) -> None:
    """End W&B's own process: it never lets go of the id of a run that could not begin.

    Not while the user has a run of his own: ours waits until there is another process.
    """
    if getattr(wandb.setup(), "most_recent_active_run", None) is None:
        wandb.teardown()


def _log(run: Any, whole: Changes, delivery: Delivery) -> None:
    run.config.update(config_of(whole), allow_val_change=True)
    if delivery.points:
        run.define_metric("*", step_metric=STEP)
    for row, point in delivery.points:
        run.log(point.row(), step=row)
    if delivery.pictures:
        run.log({picture.key: picture.made() for picture in delivery.pictures}, step=delivery.pictures_row)
    run.summary.update(summary_of(whole))


def _put_model(run: Any, run_id: str, model: Model, outbox: Outbox) -> None:
    """The model's folder as an artifact of the type model."""
    import wandb

    folder = outbox.folder(run_id) / model.path
    if not folder.is_dir() or not any(folder.iterdir()):
        outbox.set_aside(run_id, model.path, "the model's files are not there any more")
        return
    name = f"{model.path.replace('/', '-')}-{run_id}"[-128:]
    about = {"format": model.format, "estimator_class": model.estimator_class, "digest": model.digest}
    artifact = wandb.Artifact(name, type="model", metadata={**about, OWN: run_id})
    # File by file: of a folder W&B would say on the terminal that it adds it.
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        artifact.add_file(str(file), name=file.relative_to(folder).as_posix())
    run.log_artifact(artifact)


def _put_file(run: Any, run_id: str, artifact: Artifact, outbox: Outbox) -> None:
    """A file of the run, below `skribe/`: beside it W&B has files of its own."""
    source = outbox.folder(run_id) / artifact.path
    if not source.is_file():
        outbox.set_aside(run_id, artifact.path, "the file is not there any more")
        return
    place = Path(run.dir) / OWN / artifact.path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        run.save(glob.escape(str(place)), base_path=run.dir, policy="now")
    except OSError as error:
        outbox.set_aside(run_id, artifact.path, reason_of(error))
