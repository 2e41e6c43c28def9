"""The files of a run: what of them goes to the server, and under which names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from skribe.backends.mlflow.known import Known
from skribe.backends.mlflow.models import manifest_there
from skribe.backends.mlflow.values import VALUE_OF_PARAM, about, allowed
from skribe.display.diagram import estimator_html
from skribe.errors import ArgumentError
from skribe.plots.draw import DRAWABLE, draw, file_name, picture, title_of
from skribe.records import Changes, Table

# Runs that are a part of another: what they would draw and say is in that one.
PARTS = frozenset({"candidate", "fold"})
# Drawing a picture takes longer than sending a run, so by default there are the few that people look for.
_AS_MLFLOW = frozenset({"confusion_matrix", "roc", "precision_recall", "residuals", "predicted_vs_actual"})
_drawing = threading.Lock()


class Wanted(NamedTuple):
    """Which files go to the server."""

    models: bool
    plots: bool | str  # True: those that MLflow has, and for regressors the like; "all"
    files: bool


class Upload(NamedTuple):
    """One file on its way. The content is made when its turn comes."""

    run: str
    place: str
    path: str
    content: Callable[[], bytes | Path]
    drawn: bool = False


def uploads_of(changes: Changes, known: Known, folder: Path, wanted: Wanted, whole: Changes) -> Iterator[Upload]:
    """The files that these changes bring."""
    if wanted.files:
        yield from _made_here(changes, known, whole)
    if wanted.plots:
        drawn = DRAWABLE if wanted.plots == "all" else _AS_MLFLOW
        for table in changes.tables:
            if table.name in drawn:
                yield Upload(changes.run, known.place, file_name(table.name, table.data), _drawn(table), True)
    models = {model.path for model in (*changes.models, *whole.models)}
    for artifact in changes.artifacts:
        model = next((path for path in models if artifact.path.startswith(f"{path}/")), None)
        if model is None:
            if wanted.files:
                yield Upload(changes.run, known.place, artifact.path, _there(folder, artifact.path))
        elif wanted.models:
            place, path = known.place, artifact.path
            if model in known.models:
                place, path = known.models[model][1], path.removeprefix(f"{model}/")
            content = _there(folder, artifact.path)
            if artifact.path == f"{model}/MLmodel":
                content = _manifest(folder, known, model)
            yield Upload(changes.run, place, path, content)


def _made_here(changes: Changes, known: Known, whole: Changes) -> Iterator[Upload]:
    start = changes.start
    if start is not None and start.estimator_name and changes.params and start.kind not in PARTS:
        html = estimator_html(start.estimator_name, changes.params)
        yield Upload(changes.run, known.place, "estimator.html", html.encode)
    for param in changes.params:
        if len(param.value) > VALUE_OF_PARAM:
            path = f"params/{allowed(param.key).replace('/', '_')}.txt"
            yield Upload(changes.run, known.place, path, param.value.encode)
    if changes.end is not None and known.kind not in PARTS:
        said = about(whole)
        if said is not None:
            yield Upload(changes.run, known.place, "skribe.json", lambda: said)


def _there(folder: Path, path: str) -> Callable[[], bytes | Path]:
    return lambda: folder / path


def _manifest(folder: Path, known: Known, model: str) -> Callable[[], bytes | Path]:
    return lambda: manifest_there(folder, known, model)


def _drawn(table: Table) -> Callable[[], bytes | Path]:
    def content() -> bytes:
        # What matplotlib keeps between two pictures, such as fonts, is not made for threads.
        with _drawing:
            return picture(draw(table.name, table.body, title=title_of(table.name, table.data)))

    return content


def can_draw() -> str | None:
    """Why no picture can be drawn here; None if they can."""
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        return str(ArgumentError('drawing needs matplotlib: pip install "skribe[plots]"'))
    return None
