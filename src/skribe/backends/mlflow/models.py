"""Models on the server: logged models where it knows them (from 3.0), else folders of the run; and registered ones."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skribe.backends.mlflow.client import Client
from skribe.backends.mlflow.known import Known
from skribe.backends.mlflow.trouble import ABSENT, NO_SUCH_PAGE, Denied
from skribe.backends.mlflow.values import VALUE_OF_PARAM, VALUE_OF_TAG, shortened
from skribe.errors import ModelError
from skribe.models.manifest import from_yaml, to_yaml
from skribe.records import Changes, Registration

HISTORY = "mlflow.log-model.history"
_ABOUT, _DONE = "sent", "done"
_FEW = 100
_OF_HISTORY = frozenset({"utc_time_created", "model_uuid", "flavors"})


class Models:
    """The models of one MLflow."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.are_logged = True  # until it is seen that this MLflow knows no logged models
        self._mark = os.urandom(8).hex()
        self._made: dict[str, set[str]] = {}  # experiment: models of this mark
        self._versions: list[tuple[Registration, Known, str]] = []

    def create(self, run: str, known: Known, path: str, params: Mapping[str, str], again: bool) -> bool:
        """A logged model for the files under `path`, unless there is one. False if the server knows none.

        `again`: it was about to be created before, so that it may be there.
        """
        mark = f"{run}/{path}"
        if not hasattr(self._client.tracking, "create_logged_model"):
            self.are_logged = False
        found = self._found(known, mark) if again and self.are_logged else None
        if found is None and self.are_logged:
            try:
                found = self._new(known, path, params, mark)
            except Denied as denied:
                if denied.code != NO_SUCH_PAGE:
                    raise
                self.are_logged = False
        if found is None:
            return False
        known.models[path] = [str(found.model_id), str(found.artifact_location), _ABOUT]
        self._made.setdefault(known.experiment, set()).add(str(found.model_id))
        return True

    def _new(self, known: Known, path: str, params: Mapping[str, str], mark: str) -> Any:
        from mlflow.entities import LoggedModelParameter, LoggedModelTag

        few = list(params.items())[:_FEW]
        return self._client.ask(
            self._client.tracking.create_logged_model,
            experiment_id=known.experiment,
            name=path.replace("/", "_"),
            source_run_id=known.id,
            tags=[LoggedModelTag("skribe.model", mark), LoggedModelTag("skribe.batch", self._mark)],
            params=[LoggedModelParameter(key, shortened(value, VALUE_OF_PARAM)) for key, value in few],
        )

    def _found(self, known: Known, mark: str) -> Any | None:
        """The model that an earlier attempt has left. What is there twice is deleted but for one."""
        try:
            page = self._client.ask(
                self._client.tracking.search_logged_models,
                experiment_ids=[known.experiment],
                filter_string=f"source_run_id = '{known.id}' AND tags.`skribe.model` = '{mark}'",
            )
        except Denied as denied:
            if denied.code != NO_SUCH_PAGE:
                raise
            self.are_logged = False
            return None
        found = sorted(page, key=lambda model: model.creation_timestamp)
        for twin in found[1:]:
            self._client.ask(self._client.tracking.delete_logged_model, twin.model_id)
        return found[0] if found else None

    def finish(self, known: Known, paths: Sequence[str], step: int) -> None:
        """The files are there: the models are ready, and the run's output."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus

        new = [path for path in paths if known.models[path][2] != _DONE]
        for path in new:
            self._client.ask(
                self._client.tracking.finalize_logged_model, known.models[path][0], LoggedModelStatus.READY
            )
        wanted = [known.models[path][0] for path in new]
        if not wanted:
            return
        outputs = [LoggedModelOutput(model, step) for model in wanted]
        try:
            self._client.ask(self._client.tracking.log_outputs, known.id, outputs)
        except Exception:
            # Named twice it is refused, and not in words that say so.
            if not set(wanted) <= self._outputs(known):
                raise
        for path in new:
            known.models[path][2] = _DONE

    def _outputs(self, known: Known) -> set[str]:
        run = self._client.ask(self._client.tracking.get_run, known.id)
        outputs = getattr(run, "outputs", None)
        return {str(each.model_id) for each in outputs.model_outputs} if outputs is not None else set()

    # -- the registry

    def register(self, run: str, known: Known, wanted: Registration) -> None:
        """The model becomes a version of its registered name, unless it is one."""
        mark = f"{wanted.name}/{wanted.path}"
        again = mark in known.versions
        if known.versions.get(mark):
            return
        known.versions[mark] = ""
        tag = f"{run}/{wanted.path}"
        there = self._there(wanted.name, known, tag) if again else []
        known.versions[mark] = there[0] if there else self._new_version(wanted, known, tag)
        self._versions.append((wanted, known, tag))

    def _there(self, name: str, known: Known, tag: str) -> list[str]:
        """The versions of this name that are this model, oldest first."""
        where = f"name = '{name}' AND run_id = '{known.id}'"
        try:
            found = self._client.ask(self._client.registry.search_model_versions, where, 100, None, None)
        except Denied:
            return []
        return sorted((str(each.version) for each in found if each.tags.get("skribe.model") == tag), key=int)

    def _new_version(self, wanted: Registration, known: Known, tag: str) -> str:
        from mlflow.entities.model_registry import ModelVersionTag

        model = known.models.get(wanted.path)
        source = f"models:/{model[0]}" if model else f"{known.place.rstrip('/')}/{wanted.path}"
        tags = [ModelVersionTag("skribe.model", tag)]
        more = {"model_id": model[0]} if model else {}
        create = self._client.registry.create_model_version
        try:
            made = self._client.ask(create, wanted.name, source, known.id, tags, **more)
        except Denied as denied:
            if denied.code != ABSENT:
                raise
            with contextlib.suppress(Denied):
                self._client.ask(self._client.registry.create_registered_model, wanted.name)
            made = self._client.ask(create, wanted.name, source, known.id, tags, **more)
        return str(made.version)

    # -- twins

    def delete_twins(self) -> None:
        """Delete the models and the versions that the network has created by bringing a request twice."""
        store = self._client.tracking
        made, self._made = self._made, {}
        for experiment, ids in made.items():
            where = f"tags.`skribe.batch` = '{self._mark}'"
            with contextlib.suppress(Denied):
                for model in self._client.ask(
                    store.search_logged_models, experiment_ids=[experiment], filter_string=where
                ):
                    if str(model.model_id) not in ids:
                        self._client.ask(store.delete_logged_model, model.model_id)
        versions, self._versions = self._versions, []
        for wanted, known, tag in versions:
            for version in self._there(wanted.name, known, tag):
                if version != known.versions[f"{wanted.name}/{wanted.path}"]:
                    self._client.ask(self._client.registry.delete_model_version, wanted.name, version)
        self._mark = os.urandom(8).hex()


def manifest_there(folder: Path, known: Known, path: str) -> bytes:
    """The file `MLmodel` as it is on the server: it names the run and the logged model by their ids there."""
    text = (folder / path / "MLmodel").read_text(encoding="utf-8")
    try:
        content = from_yaml(text)
    except ModelError:
        return text.encode()
    content |= {"run_id": known.id, "artifact_path": path}
    if model := known.models.get(path):
        content |= {"model_id": model[0], "model_uuid": model[0], "artifact_path": model[1]}
    return to_yaml(content).encode()


def history_tag(changes: Changes, folder: Path, known: Known, before: str | None) -> dict[str, str]:
    """The tag by which servers before 3.0 find the models among the files of a run."""
    listed: list[dict[str, Any]] = []
    with contextlib.suppress(ValueError):
        listed = json.loads(before) if before else []
    for path in _paths(changes):
        with contextlib.suppress(OSError, ModelError):
            content = from_yaml((folder / path / "MLmodel").read_text(encoding="utf-8"))
            entry = {key: value for key, value in content.items() if key in _OF_HISTORY}
            listed = [each for each in listed if each.get("artifact_path") != path]
            listed.append({"run_id": known.id, "artifact_path": path, **entry})
    text = json.dumps(listed)
    while len(text) > VALUE_OF_TAG and listed:
        listed = listed[1:]
        text = json.dumps(listed)
    return {HISTORY: text} if listed else {}


def _paths(changes: Changes) -> Iterable[str]:
    return dict.fromkeys(model.path for model in changes.models)
