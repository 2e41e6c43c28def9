"""From what people call a model to the fitted estimator."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from skribe import models
from skribe.errors import ArgumentError, ModelAltered, ModelRefused, NotFound
from skribe.models.sealing import VARIABLE, is_sealed, sealed_in
from skribe.models.sealing import place as key_file
from skribe.session import link_model, query_of, settle
from skribe.store.artifacts import ArtifactStore
from skribe.store.location import artifacts_of, database_of
from skribe.store.modeluri import PathModel, RegisteredModel, RunModel, parse
from skribe.store.registered import VersionRow

_TRIES = 10
Trusted = bool | Iterable[str]


def load(uri: str | os.PathLike[str], trusted: Trusted, folder: Path) -> Any:
    """The estimator that the URI names; `folder` is the store that is meant."""
    if not isinstance(trusted, bool):
        if isinstance(trusted, str) or not all(isinstance(name, str) for name in trusted):
            raise ArgumentError(
                f"load_model(trusted={trusted!r}): True, False, or a list of the names of types that may be built."
            )
        trusted = tuple(trusted)
    place = parse(uri)
    if isinstance(place, PathModel):
        return _from_path(place.path, trusted, folder)
    query = query_of(folder)
    if isinstance(place, RegisteredModel):
        version = query.resolve(place.name, place.which)
        return from_run(folder, version.run, version.path, trusted, version)
    assert isinstance(place, RunModel)
    return from_run(folder, query.run_row(place.run).id, place.path, trusted)


def from_run(folder: Path, run: str, path: str, trusted: Trusted = False, version: VersionRow | None = None) -> Any:
    """The model in this folder of the run, if its files are those that were written."""
    settle()
    for left in range(_TRIES, -1, -1):
        try:
            return _from_run(folder, run, path, trusted, version)
        except (ModelAltered, ModelRefused, NotFound, FileNotFoundError):
            # A stream that goes on puts the folder of its next step here a moment before the store knows of it.
            if not left or not _is_of_a_stream(folder, run, path):
                raise
            time.sleep(0.02)
    raise AssertionError


def _is_of_a_stream(folder: Path, run: str, path: str) -> bool:
    return any(model.path == path and model.step is not None for model in query_of(folder).models(run))


def _from_run(folder: Path, run: str, path: str, trusted: Trusted, version: VersionRow | None) -> Any:
    query = query_of(folder)
    try:
        kept = query.model(run, path)
    except NotFound as error:
        reasons = "; ".join(note.reason for note in query.notes(run) if note.what == path)
        raise NotFound(f"{error}. The run says: {reasons}" if reasons else str(error)) from None
    if version is not None and version.digest != kept.digest:
        raise ModelAltered(
            f"version {version.version} of {version.name!r} was another model than the one that is in {path!r} of run"
            f" {run} now"
        )
    prefix = f"{path}/"
    expected = {
        artifact.path.removeprefix(prefix): artifact.digest
        for artifact in query.artifacts(run)
        if artifact.path.startswith(prefix)
    }
    place = ArtifactStore(folder).path(run, path)
    own = is_sealed(kept.seal, kept.file, kept.format, expected)
    if not own and not trusted and kept.format != "skops":
        raise ModelRefused(
            f"the {kept.format} model {path!r} of run {run} is not sealed with your key"
            f" ({_where_the_key_is()}): it was imported from MLflow, or another user has written it, or another"
            " machine, or another key was in use. Loading it can execute whatever its author put into it. If you trust"
            " whoever wrote it, write run.model(trusted=True) or load_model(..., trusted=True); users and machines"
            " that share a secret text in the environment variable"
            f" {VARIABLE} load each other's models without it."
        )
    known = expected if own or trusted is True else None
    try:
        model = models.load(place, format=kept.format, file=kept.file, expected=known, trusted=trusted)
    except ModelAltered:
        newer = sealed_in(place, run, path) if kept.step is not None and version is None else None
        if newer is None:
            raise
        # The process was killed between the folder of a step and its record; the folder says itself who wrote it.
        model = models.load(place, format=newer[1], file=newer[0], expected=newer[2], trusted=trusted)
    link_model(model, folder, run)
    return model


def _from_path(path: Path, trusted: Trusted, folder: Path) -> Any:
    """A model in any folder. One that lies in the store is known to it."""
    if not path.is_dir():
        hint = f"; a run's model is 'runs:/{path}/model'" if len(path.parts) == 1 else ""
        raise NotFound(f"there is no model folder {os.fspath(path)!r}{hint}")
    inside = path.resolve()
    for store in (folder.resolve(), *inside.parents):
        root = artifacts_of(store)
        if not inside.is_relative_to(root) or not database_of(store).is_file():
            continue
        run, *rest = inside.relative_to(root).parts
        if rest and "/".join(rest) in {kept.path for kept in query_of(store).models(run)}:
            return from_run(store, run, "/".join(rest), trusted)
    return models.load_path(path, trusted=trusted)


def _where_the_key_is() -> str:
    return VARIABLE if os.environ.get(VARIABLE) else str(key_file())
