"""The models that are kept of a run, as they are shown. Their descriptions are read; they are never opened."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skribe.errors import ModelRefused, SkribeError
from skribe.models.manifest import from_yaml
from skribe.store.artifacts import ArtifactStore
from skribe.store.query import Query, RunRow

_LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class VersionView:
    """A registered version of a model."""

    name: str
    version: int
    aliases: tuple[str, ...]
    stage: str | None


@dataclass(frozen=True, slots=True)
class ModelView:
    """A kept model. `inputs` and `outputs` are its signature: name, type and, of tensors, shape."""

    path: str
    format: str
    size: int
    digest: str
    estimator_class: str
    step: int | None
    removed: float | None  # when its files were removed
    uri: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    requirements: tuple[str, ...]
    versions: tuple[VersionView, ...]
    load: str  # the lines of Python that load it


def models_of(query: Query, row: RunRow) -> tuple[ModelView, ...]:
    """Every model of the run, also those whose files were removed."""
    artifacts = ArtifactStore(query.folder)
    versions = query.versions_of_run(row.id)
    shown = []
    for kept in query.models_ever(row):
        model = kept.model
        uri = f"runs:/{row.id}/{model.path}"
        there = kept.removed is None
        signature = _signature(_text(artifacts, row.id, f"{model.path}/MLmodel")) if there else {}
        shown.append(
            ModelView(
                path=model.path,
                format=model.format,
                size=model.size,
                digest=model.digest,
                estimator_class=model.estimator_class,
                step=model.step,
                removed=kept.removed,
                uri=uri,
                inputs=_columns(signature.get("inputs")),
                outputs=_columns(signature.get("outputs")),
                requirements=tuple(_text(artifacts, row.id, f"{model.path}/requirements.txt").split("\n"))[:-1]
                if there
                else (),
                versions=tuple(
                    VersionView(v.name, v.version, v.aliases, None if v.stage == "None" else v.stage)
                    for v in versions
                    if v.path == model.path
                ),
                load=f'import skribe\n\nmodel = skribe.load_model("{uri}")',
            )
        )
    return tuple(shown)


def _text(artifacts: ArtifactStore, run: str, path: str) -> str:
    """The text of a file of the run; nothing if it cannot be read."""
    with contextlib.suppress(SkribeError, OSError), artifacts.open(run, path) as file:
        return file.read(_LONGEST).decode("utf-8", "replace")
    return ""


def _signature(manifest: str) -> Mapping[str, Any]:
    try:
        signature = from_yaml(manifest).get("signature")
    except ModelRefused:
        return {}
    return signature if isinstance(signature, Mapping) else {}


def _columns(told: Any) -> tuple[tuple[str, str], ...]:
    """Name and type of each column; a tensor has one."""
    try:
        columns = json.loads(told) if isinstance(told, str) else []
        return tuple(_column(column) for column in columns)
    except (ValueError, TypeError, KeyError, AttributeError):
        return ()


def _column(column: Mapping[str, Any]) -> tuple[str, str]:
    spec = column.get("tensor-spec")
    kind = str(column.get("type", ""))
    if spec:
        kind = f"{spec['dtype']} {tuple(spec['shape'])}"
    return str(column.get("name", "")), kind if column.get("required", True) else f"{kind} (optional)"
