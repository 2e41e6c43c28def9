"""Drawing a view: the one step that needs matplotlib.

It uses matplotlib's objects only: no pyplot, no backend, and nothing that is global changes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skribe.errors import ArgumentError
from skribe.guard import hushed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The views of a search; then those of one model, each with its title and the entry that holds what there is to draw.
VIEWS = ("validation_curve", "heat_map", "score_against_time", "progress", "timeline", "rungs")
_CONTENT = {
    "confusion_matrix": ("Confusion matrix", "labels"),
    "class_report": ("Report per class", "labels"),
    "roc": ("ROC curve", "curves"),
    "precision_recall": ("Precision and recall", "curves"),
    "calibration": ("Calibration", "curves"),
    "residuals": ("Residuals", "outputs"),
    "predicted_vs_actual": ("Predicted against actual", "outputs"),
    "qq": ("Normal Q-Q of the residuals", "outputs"),
    "cluster_sizes": ("Cluster sizes", "labels"),
    "silhouette": ("Silhouette", "clusters"),
    "explained_variance": ("Explained variance", "ratios"),
    "feature_importance": ("What the features weigh", "series"),
    "history": ("Iteration by iteration", "series"),
}
DRAWABLE = (*VIEWS, *_CONTENT)
_HOMES = {
    "pictures": ("validation_curve", "heat_map"),
    "pictures_of_course": ("score_against_time", "progress", "timeline", "rungs"),
    "pictures_of_tables": ("confusion_matrix", "class_report"),
    "pictures_of_scores": ("roc", "precision_recall", "calibration"),
    "pictures_of_values": ("residuals", "predicted_vs_actual", "qq", "history"),
    "pictures_of_models": ("cluster_sizes", "silhouette", "explained_variance", "feature_importance"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
# MLflow's names of files, where they are not the names of the views.
_ENDINGS = {"roc": "roc_curve", "precision_recall": "precision_recall_curve"}
_FORMATS = ("png", "svg")
# Names that matplotlib makes up anew for every SVG.
_MADE_UP = re.compile(r"\bid=\"([a-z]+[0-9a-f]{10})\"")


def title_of(name: str, about: str) -> str:
    """The title of a picture of one run: what it shows, and of what."""
    return f"{_CONTENT[name][0]} · {about}" if name in _CONTENT else about


def draw(
    name: str,
    view: Mapping[str, Any],
    *,
    title: str | None = None,
    size: tuple[float, float] | None = None,
) -> Figure:
    """A new figure of one view, to be saved with its `savefig`.

    `validation_curve` takes one entry of `validation_curves`, `heat_map` one of the maps of `heat_maps`; the others
    take the view of the same name. `history` takes `{"series": [{"name": …, "steps": […], "values": […]}]}`. `size`
    is in inches.
    """
    _check(name, DRAWABLE)
    title = title or _CONTENT.get(name, (None, ""))[0]
    figure: Figure = getattr(_load(_HOME_OF[name]), name)(view, title, size)
    return figure


def draw_compared(
    name: str,
    views: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    title: str | None = None,
    size: tuple[float, float] | None = None,
) -> Figure:
    """A new figure of the same view of several runs, each with the name it is to be called by.

    Lines are drawn over each other, bars next to each other, tables and clouds side by side with the same axes.
    What has nothing to draw is left out.
    """
    _check(name, tuple(_CONTENT))
    compared, canvas = _load("pictures_compared"), _load("canvas")
    there = [(str(run), view) for run, view in views if view.get(_CONTENT[name][1])]
    title = title or _CONTENT[name][0]
    figure: Figure
    if there:
        figure = getattr(compared, name)(there, title, size)
    else:
        figure = canvas.nothing(*canvas.sheet(title, size))
    return figure


def _check(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ArgumentError(f"name={name!r} is not a plot; use one of {', '.join(known)}")


def _load(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"skribe.plots.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise ArgumentError('drawing needs matplotlib: pip install "skribe[plots]"') from None


def picture(figure: Figure, format: str = "png") -> bytes:  # noqa: A002 - matplotlib's word for it
    """The figure as the content of a PNG or SVG file; of the same data always the same bytes."""
    if format not in _FORMATS:
        raise ArgumentError(f"format={format!r} is not one of {', '.join(_FORMATS)}")
    buffer = io.BytesIO()
    # What a file says of its maker and its day would make two equal pictures different files.
    with hushed():
        figure.savefig(buffer, format=format, metadata={"Software": None} if format == "png" else {"Date": None})
    return buffer.getvalue() if format == "png" else _named_in_order(buffer.getvalue())


def _named_in_order(body: bytes) -> bytes:
    text = body.decode()
    new = {old: f"part{number}" for number, old in enumerate(dict.fromkeys(_MADE_UP.findall(text)))}
    return re.sub(r"\b[a-z]+[0-9a-f]{10}\b", lambda found: new.get(found[0], found[0]), text).encode()


def file_name(name: str, data: str) -> str:
    """What a plot of a data set is called as a file, as MLflow calls it: `training_roc_curve.png`."""
    _check(name, DRAWABLE)
    return f"{data}_{_ENDINGS.get(name, name)}.png"


def name_of(file: str) -> tuple[str, str] | None:
    """The plot and the data set that a file of such a name shows; None for any other file."""
    stem, _, ending = file.rpartition(".")
    if ending not in _FORMATS:
        return None
    for name in DRAWABLE:
        data = stem.removesuffix("_" + _ENDINGS.get(name, name))
        if data and data != stem:
            return name, data
    return None
