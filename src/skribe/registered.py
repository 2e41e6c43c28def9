"""Registered models as the user holds them: a name, its versions, and the words that people attach to them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skribe.errors import ArgumentError, NotFound
from skribe.handle import Run
from skribe.loading import Trusted, from_run
from skribe.session import query_of, settle
from skribe.store.modeluri import RegisteredModel as NamedModel
from skribe.store.modeluri import RunModel, parse
from skribe.store.registered import RegisteredRow, VersionRow
from skribe.store.registry import Registry


class ModelVersion:
    """One version of a registered model. What it says is read when it is asked for."""

    def __init__(self, folder: Path, name: str, version: int) -> None:
        self._folder = folder
        self.name = name
        self.version = version

    @property
    def run(self) -> Run:
        """The run that the model is from."""
        return Run(self._folder, self._row.run)

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"

    @property
    def stage(self) -> str:
        """None, Staging, Production or Archived, as text."""
        return self._row.stage

    @stage.setter
    def stage(self, stage: str | None) -> None:
        self._registry.set_stage(self.name, self.version, stage)

    @property
    def description(self) -> str | None:
        return self._row.description

    @description.setter
    def description(self, text: str) -> None:
        self._registry.describe(self.name, text, self.version)

    @property
    def aliases(self) -> tuple[str, ...]:
        return self._row.aliases

    @property
    def tags(self) -> dict[str, str]:
        return self._row.tags

    @property
    def created(self) -> datetime:
        return datetime.fromtimestamp(self._row.created, UTC)

    def set_tag(self, key: str, value: object) -> None:
        """Put a tag on this version."""
        self._registry.set_tag(self.name, key, value, self.version)

    def delete_tag(self, key: str) -> None:
        """Take a tag off this version."""
        self._registry.delete_tag(self.name, key, self.version)

    def load(self, *, trusted: Trusted = False) -> Any:
        """The fitted estimator."""
        row = self._row
        return from_run(self._folder, row.run, row.path, trusted, row)

    def delete(self) -> None:
        """Put this version into the trash; its number is not used again."""
        self._registry.delete_version(self.name, self.version)

    def restore(self) -> None:
        """Take this version out of the trash."""
        self._registry.restore_version(self.name, self.version)

    def __repr__(self) -> str:
        return f"<ModelVersion {self.uri}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelVersion) and (self.uri, self._folder) == (other.uri, other._folder)

    def __hash__(self) -> int:
        return hash(self.uri)

    @property
    def _row(self) -> VersionRow:
        return query_of(self._folder).resolve(self.name, self.version)

    @property
    def _registry(self) -> Registry:
        return Registry(self._folder)


class RegisteredModel:
    """A name under which models are registered."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = name

    @property
    def versions(self) -> list[ModelVersion]:
        """The versions, the highest number last."""
        rows = query_of(self._folder).versions(self.name)
        return [ModelVersion(self._folder, self.name, row.version) for row in sorted(rows, key=lambda r: r.version)]

    def version(self, which: int | str = "latest") -> ModelVersion:
        """The version of this number, alias or stage; by itself the latest."""
        row = query_of(self._folder).resolve(self.name, which)
        return ModelVersion(self._folder, self.name, row.version)

    @property
    def aliases(self) -> dict[str, int]:
        """Which version each alias means."""
        return self._row.aliases

    def set_alias(self, alias: str, version: int | str) -> None:
        """Let `models:/name@alias` mean this version from now on."""
        Registry(self._folder).set_alias(self.name, alias, version)

    def delete_alias(self, alias: str) -> None:
        """Take an alias away."""
        Registry(self._folder).delete_alias(self.name, alias)

    @property
    def description(self) -> str | None:
        return self._row.description

    @description.setter
    def description(self, text: str) -> None:
        Registry(self._folder).describe(self.name, text)

    @property
    def tags(self) -> dict[str, str]:
        return self._row.tags

    def set_tag(self, key: str, value: object) -> None:
        """Put a tag on the name."""
        Registry(self._folder).set_tag(self.name, key, value)

    def delete_tag(self, key: str) -> None:
        """Take a tag off the name."""
        Registry(self._folder).delete_tag(self.name, key)

    def rename(self, name: str) -> None:
        """Give it another name."""
        Registry(self._folder).rename(self.name, name)
        self.name = name

    def delete(self) -> None:
        """Put the name with its versions into the trash."""
        Registry(self._folder).delete(self.name)

    def restore(self) -> None:
        """Take the name out of the trash."""
        Registry(self._folder).restore(self.name)

    def __repr__(self) -> str:
        return f"<RegisteredModel {self.name!r}>"

    @property
    def _row(self) -> RegisteredRow:
        return query_of(self._folder).registered(self.name)


def register(model: Any, name: str, description: str | None, folder: Path) -> ModelVersion:
    """Make a model of a run the next version of `name`."""
    settle()
    run, path = _source(model, folder)
    row = Registry(folder).register(name, run, path, description=description)
    return ModelVersion(folder, name, row.version)


def _source(model: Any, folder: Path) -> tuple[str, str]:
    if isinstance(model, Run):
        return model.id, "model"
    if isinstance(model, ModelVersion):
        row = model._row
        return row.run, row.path
    place = parse(model)
    query = query_of(folder)
    if isinstance(place, RunModel):
        return query.run_row(place.run).id, place.path
    if isinstance(place, NamedModel):
        version = query.resolve(place.name, place.which)
        return version.run, version.path
    if isinstance(model, str):
        with contextlib.suppress(NotFound):
            return query.run_row(model).id, "model"
    raise ArgumentError(
        f"register({str(model)!r}, ...): only models of runs can be registered: give a run or its id,"
        " 'runs:/<id>/model' or 'models:/<name>/<version>'."
    )
