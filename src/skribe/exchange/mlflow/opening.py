"""Opening MLflow's database or folder so that nothing in it can be changed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skribe.errors import ArgumentError, BackendMissing, StoreDamaged, StoreError

_SETTINGS = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
_TRIES = 5
_BESIDE = ("", "-wal", "-journal")


@contextlib.contextmanager
def opened(source: Path, is_database: bool) -> Iterator[Any]:
    """An `MlflowClient` on a copy of the database, or on a folder of links to the experiments."""
    if importlib.util.find_spec("mlflow") is None:
        raise BackendMissing('reading what MLflow has written needs MLflow: pip install "skribe[mlflow]"')
    with (
        tempfile.TemporaryDirectory(prefix="skribe-mlflow-", ignore_cleanup_errors=True) as folder,
        _settings(),
        _quiet(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        where = Path(folder)
        if is_database:
            yield from _database(source, where / "mlflow.db")
        else:
            yield from _folder(source, where / "mlruns")


def _database(source: Path, copy: Path) -> Iterator[Any]:
    mlflow, utils = _module("mlflow"), _module("mlflow.store.db.utils")
    _copy_still(source, copy)
    address = f"sqlite:///{copy.as_posix()}"
    engine = utils.create_sqlalchemy_engine(address)
    try:
        _check_tables(engine, source)
        try:
            utils._verify_schema(engine)
        except mlflow.MlflowException:
            _upgrade(utils, engine, source)
        yield mlflow.MlflowClient(tracking_uri=address, registry_uri=address)
    finally:
        engine.dispose()


def _check_tables(engine: Any, source: Path) -> None:
    sqlalchemy = _module("sqlalchemy")
    try:
        names = set(sqlalchemy.inspect(engine).get_table_names())
    except sqlalchemy.exc.DatabaseError as error:
        raise StoreDamaged(f"{source} is damaged: {error.orig}") from None
    if not {"experiments", "runs", "params", "metrics", "tags"} <= names:
        raise ArgumentError(f"{source} is a database, but not one of MLflow's")


def _upgrade(utils: Any, engine: Any, source: Path) -> None:
    """An older schema is brought up to date in the copy."""
    try:
        utils._upgrade_db(engine)
    except Exception as error:
        version = _module("mlflow").__version__
        raise StoreError(
            f"{source} cannot be read with MLflow {version}: it was written by a later one, or is damaged."
            " A later one comes with: pip install -U mlflow"
        ) from error


def _copy_still(source: Path, copy: Path) -> None:
    """Copy the database with what waits beside it; again, if somebody has written meanwhile."""
    for _ in range(_TRIES):
        before = _state(source)
        for ending in _BESIDE:
            beside = Path(f"{source}{ending}")
            target = Path(f"{copy}{ending}")
            target.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(beside, target)
        if _state(source) == before:
            return
        time.sleep(0.2)
    raise StoreError(f"{source} is written to all the time; stop whoever writes to it, and import again")


def _state(source: Path) -> list[tuple[int, int] | None]:
    found: list[tuple[int, int] | None] = []
    for ending in _BESIDE:
        try:
            known = os.stat(f"{source}{ending}")
            found.append((known.st_mtime_ns, known.st_size))
        except FileNotFoundError:
            found.append(None)
    return found


def _folder(source: Path, shadow: Path) -> Iterator[Any]:
    """MLflow makes folders where it reads: it is given one of ours, with links to the experiments."""
    experiments = [entry for entry in sorted(source.iterdir()) if (entry / "meta.yaml").is_file()]
    if not experiments:
        inside = source / "mlruns"
        hint = f"; did you mean {inside}?" if inside.is_dir() else ""
        database = source / "mlflow.db"
        hint = f"; did you mean {database}?" if database.is_file() else hint
        raise ArgumentError(f"{source} holds no experiments of MLflow's{hint}")
    (shadow / ".trash").mkdir(parents=True)
    try:
        for experiment in experiments:
            (shadow / experiment.name).symlink_to(experiment, target_is_directory=True)
    except OSError as error:
        raise StoreError(f"the folders of {source} could not be linked to: {error}") from error
    address = shadow.as_uri()
    yield _module("mlflow").MlflowClient(tracking_uri=address, registry_uri=address)


def _module(name: str) -> Any:
    # MLflow's annotations are not all there, so its modules are taken as they are.
    return importlib.import_module(name)


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _SETTINGS}
    os.environ.update(_SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What MLflow and its parts tell about their work is not of interest here."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "mlflow.store.db.utils", "alembic")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
