"""Drawing a view: the one step that needs matplotlib.

It uses matplotlib's objects only: no pyplot, no backend, and nothing that is global changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skribe.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VIEWS = ("validation_curve", "heat_map", "score_against_time", "progress", "timeline", "rungs")


def draw(
    view_name: str,
    view: Mapping[str, Any],
    *,
    title: str | None = None,
    size: tuple[float, float] | None = None,
) -> Figure:
    """A new figure of one view, to be saved with its `savefig`.

    `validation_curve` takes one entry of `validation_curves`, `heat_map` one of the maps of `heat_maps`; the others
    take the view of the same name. `size` is in inches.
    """
    if view_name not in VIEWS:
        raise ArgumentError(f"view_name={view_name!r} is not a view; use one of {', '.join(VIEWS)}")
    try:
        from skribe.plots import pictures, pictures_of_course
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise ArgumentError('drawing needs matplotlib: pip install "skribe[plots]"') from None

    drawn = {
        "validation_curve": pictures.validation_curve,
        "heat_map": pictures.heat_map,
        "score_against_time": pictures_of_course.score_against_time,
        "progress": pictures_of_course.progress,
        "timeline": pictures_of_course.timeline,
        "rungs": pictures_of_course.rungs,
    }
    return drawn[view_name](view, title, size)
