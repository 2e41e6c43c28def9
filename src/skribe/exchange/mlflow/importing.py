"""From a store of MLflow's into one of ours, run by run."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from skribe.errors import ArgumentError, ModelError
from skribe.exchange.landing import Copy, Landing
from skribe.exchange.mlflow import translating
from skribe.exchange.mlflow.opening import opened
from skribe.exchange.mlflow.places import Places, digest_of, files_below, is_elsewhere
from skribe.models.formats import FORMATS
from skribe.models.manifest import from_yaml
from skribe.records import Artifact, Changes, Model, Note
from skribe.store.artifacts import confined

Step = Callable[[int, int], None]
_PAGE = 1000
_MLMODEL = "MLmodel"
_NO_LINK = "it is not on this machine"


@dataclass(slots=True)
class Files:
    """What is in the folder of one run: files by path, records of them, and why something is missing."""

    copies: dict[str, Copy] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def bring(source: Path, is_database: bool, landing: Landing, deleted: bool, step: Step) -> None:
    """Bring all runs of MLflow's database or folder into the store."""
    places = Places(source, is_database)
    with opened(source, is_database) as client:
        known = {found.run_id: found for found in _parents_first(_each_once(_all_runs(client, deleted)))}
        kinds: dict[str, str] = {}
        for done, found in enumerate(known.values()):
            step(done, len(known))
            run = client.get_run(found.run_id)
            above = known.get(found.parent) if found.parent is not None else None
            parent = None if above is None else above.here
            if landing.keeps(found.here, translating.RUN_ID_TAG):
                kinds[found.run_id] = translating.kind_of(run, kinds.get(found.parent or ""))
                continue
            start = translating.start_of(run, found.experiment, parent, kinds.get(found.parent or ""))
            kinds[found.run_id] = start.kind
            files = _files_of(client, run, places)
            changes = Changes(
                run=found.here,
                start=start,
                params=translating.params_of(run),
                metrics=translating.metrics_of(
                    client.get_metric_history(found.run_id, key) for key in sorted(run.data.metrics)
                ),
                tags=translating.tags_of(run),
                datasets=translating.datasets_of(run),
                artifacts=tuple(files.artifacts),
                models=tuple(files.models),
                notes=tuple(files.notes),
                end=translating.end_of(run),
            )
            landing.take(changes, None, files.copies)
        landing.settle()
        step(len(known), len(known))


@dataclass(frozen=True, slots=True)
class _Found:
    run_id: str
    experiment: str
    start: int
    parent: str | None
    here: str  # its id here


def _all_runs(client: Any, deleted: bool) -> Iterator[_Found]:
    views: Any = importlib.import_module("mlflow.entities").ViewType
    view = views.ALL if deleted else views.ACTIVE_ONLY
    names = {found.experiment_id: found.name for found in _pages(client.search_experiments, view_type=view)}
    for number, name in names.items():
        order = ["attributes.start_time ASC"]
        pages = _pages(client.search_runs, experiment_ids=[number], run_view_type=view, order_by=order)
        for run in pages:
            start = run.info.start_time or 0
            tags = run.data.tags
            here = translating.own_id(tags) or translating.local_id(run.info.run_id, start)
            yield _Found(run.info.run_id, name, start, translating.parent_of(tags), here)


def _each_once(found: Iterable[_Found]) -> list[_Found]:
    """A tag can be copied with a run: the oldest that has it is the one that it names."""
    taken: set[str] = set()
    each_once = []
    for each in sorted(found, key=lambda one: (one.start, one.run_id)):
        once = replace(each, here=translating.local_id(each.run_id, each.start)) if each.here in taken else each
        taken.add(once.here)
        each_once.append(once)
    return each_once


def _pages(search: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(**arguments, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _parents_first(found: list[_Found]) -> list[_Found]:
    by_id = {each.run_id: each for each in found}
    ordered: dict[str, _Found] = {}
    for each in sorted(found, key=lambda one: (one.start, one.run_id)):
        line: list[_Found] = []
        here: _Found | None = each
        while here is not None and here.run_id not in ordered and here not in line:
            line.append(here)
            here = by_id.get(here.parent or "")
        ordered.update({one.run_id: one for one in reversed(line)})
    return list(ordered.values())


# -- files


def _files_of(client: Any, run: Any, places: Places) -> Files:
    files = Files()
    folder = places.find(run.info.artifact_uri or "", run.info.run_id)
    if folder is None:
        # MLflow makes the folder with the first artifact, so on this disk a missing one only says that there is none.
        if not _is_path(run.info.artifact_uri or ""):
            files.notes.append(Note("artifacts", f"in MLflow they are at {is_elsewhere(run.info.artifact_uri)}"))
    else:
        _add(files, folder, "", run)
    for logged in _logged_models(client, run):
        place = places.find(logged.artifact_location or "", logged.model_id)
        path = translating.text(logged.name or logged.model_id)
        if any(model.path == path for model in files.models):
            path = f"{path}-{logged.model_id[-8:]}"
        if place is None:
            files.notes.append(Note(path, f"the model {logged.model_id} was not imported: {_NO_LINK}"))
        else:
            _add(files, place, path, run)
    return files


def _is_path(address: str) -> bool:
    return "://" not in address or address.startswith("file:")


def _logged_models(client: Any, run: Any) -> Iterator[Any]:
    """The models that MLflow 3 keeps beside the runs; an older MLflow has none."""
    for output in getattr(getattr(run, "outputs", None), "model_outputs", None) or ():
        unknown: Any = importlib.import_module("mlflow.exceptions").MlflowException
        try:
            yield client.get_logged_model(output.model_id)
        except unknown:
            continue


def _add(files: Files, folder: Path, below: str, run: Any) -> None:
    """Everything in the folder, and its models: each folder in it with an MLmodel file."""
    found = dict(files_below(folder))
    for path, place in found.items():
        whole = f"{below}/{path}" if below else path
        try:
            clean = confined(whole)
            clean.encode()
        except (ArgumentError, UnicodeEncodeError):
            files.notes.append(
                Note("artifacts", f"{translating.text(whole)} was left out: no file here can have this name")
            )
            continue
        if clean in files.copies:
            continue
        files.copies[clean] = _copier(place)
        files.artifacts.append(Artifact(clean, *digest_of(place)))
    digests = {artifact.path: artifact for artifact in files.artifacts}
    for path, place in found.items():
        if path.rpartition("/")[2] == _MLMODEL:
            inside = path.rpartition("/")[0]
            home = f"{below}/{inside}".strip("/")
            _add_model(files, home, place, digests, run)


def _add_model(files: Files, path: str, manifest: Path, digests: dict[str, Artifact], run: Any) -> None:
    if not path or any(model.path == path for model in files.models):
        return
    try:
        flavors = from_yaml(manifest.read_text(encoding="utf-8")).get("flavors")
    except (ModelError, OSError, UnicodeDecodeError):
        flavors = None
    flavor = flavors.get("sklearn") if isinstance(flavors, dict) else None
    name = flavor.get("pickled_model") if isinstance(flavor, dict) else None
    file = digests.get(f"{path}/{name}")
    if not isinstance(flavor, dict) or not isinstance(name, str) or file is None:
        files.notes.append(Note(path, "its files are here, but it is no scikit-learn model that skribe can load"))
        return
    kind = str(flavor.get("serialization_format", "pickle"))
    if kind not in FORMATS:
        files.notes.append(
            Note(path, f"its files are here, but skribe cannot load the format {translating.text(kind)}")
        )
        return
    class_ = translating.text(run.data.tags.get("estimator_class", ""))
    files.models.append(Model(path, name, kind, file.size, file.digest, class_))


def _copier(place: Path) -> Copy:
    def copy(target: BinaryIO) -> None:
        with open(place, "rb") as source:
            shutil.copyfileobj(source, target)

    return copy
