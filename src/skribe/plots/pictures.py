"""Pictures of the score against the parameters. They need matplotlib; `draw` is the way in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from skribe.plots import canvas
from skribe.plots.canvas import BLUE, GREEN, GREY, INK, ORANGE, PALE, PURPLE, SKY, STAR, VERMILION, as_floats
from skribe.plots.table import Array
from skribe.plots.words import spoken

View = Mapping[str, Any]
Size = tuple[float, float] | None
Legend = list[tuple[Any, str]]
# So many other slices get a colour of their own; the rest stay in the background.
_COLOURS = (ORANGE, GREEN, PURPLE, SKY)
# So many cells are written into a map.
_WRITTEN = 80


def validation_curve(view: View, title: str | None, size: Size) -> Figure:
    """The score along one parameter: its slices, or a cloud where there are none."""
    figure, axes = canvas.sheet(title or f"{view['metric']} along {view['parameter']}", size, width=8)
    parts = view["slices"] if view["kind"] == "curve" else [view]
    known = _in_order([value for part in parts for value in part["x"]])
    shown = [mean for part in parts for mean in part["mean"]]
    if all(mean is None for mean in shown):
        return canvas.nothing(figure, axes)
    canvas.scale_x(axes, view["axis"], known)
    if view["kind"] == "curve":
        canvas.legend(axes, _draw_slices(axes, view, known))
        shown += [score for fold in parts[0]["folds"] for score in fold] + (parts[0]["train_mean"] or [])
    else:
        canvas.legend(axes, _draw_cloud(axes, view, known))
    canvas.frame_scores(axes, shown)
    canvas.label(axes, view["parameter"], view["metric"])
    return figure


def _in_order(values: list[Any]) -> list[Any]:
    """The distinct values: numbers ascending, then the others as they come."""
    distinct = list({(type(value) is bool, value): value for value in values}.values())
    numbers = [value for value in distinct if type(value) in (int, float)]
    return sorted(numbers) + [value for value in distinct if type(value) not in (int, float)]


def _draw_slices(axes: Axes, view: View, known: list[Any]) -> Legend:
    """The first slice with its band and its folds, the next ones as lines, the rest in the background."""
    first, others = view["slices"][0], view["slices"][1:]
    legend = _draw_first(axes, first, canvas.positions(first["x"], view["axis"], known), view["best"])
    for number, part in enumerate(others):
        named = number < len(_COLOURS)
        style: dict[str, Any] = {"color": _COLOURS[number], "zorder": 2.5} if named else {"color": PALE, "zorder": 2}
        x = canvas.positions(part["x"], view["axis"], known)
        line = axes.plot(x, as_floats(part["mean"]), linewidth=1.2, marker="o", markersize=3, **style)[0]
        if named:
            legend.append((line, _fixed(part)))
    behind = len(others) - len(_COLOURS)
    if behind > 0:
        left = f", and {view['left_out']} not shown" if view["left_out"] else ""
        legend.append((axes.plot([], [], color=PALE)[0], f"{behind} more{left}"))
    return legend


def _draw_first(axes: Axes, part: View, x: Array, best: int | None) -> Legend:
    mean, std = as_floats(part["mean"]), np.nan_to_num(as_floats(part["std"]))
    axes.fill_between(x, mean - std, mean + std, color=BLUE, alpha=0.14, linewidth=0, zorder=3)
    folds = np.array([as_floats(scores) for scores in part["folds"]])
    axes.scatter(np.repeat(x, folds.shape[1]), folds.ravel(), s=10, color=BLUE, alpha=0.45, linewidth=0, zorder=4)
    line = axes.plot(x, mean, color=BLUE, linewidth=2, marker="o", markersize=4.5, zorder=5)[0]
    legend: Legend = [(line, _fixed(part))]
    if part["train_mean"] is not None:
        train, spread = as_floats(part["train_mean"]), np.nan_to_num(as_floats(part["train_std"]))
        axes.fill_between(x, train - spread, train + spread, color=GREY, alpha=0.14, linewidth=0, zorder=1)
        line = axes.plot(x, train, color=GREY, linewidth=1.4, linestyle="--", zorder=3)[0]
        legend.append((line, "the same on training data"))
    if best in part["candidate"]:
        place = part["candidate"].index(best)
        legend.append((axes.scatter(x[place], mean[place], **STAR), "best candidate"))
    return legend


def _fixed(part: View) -> str:
    """What is the same all along a slice, in words."""
    said = [f"{key}={spoken(value, 24)}" for key, value in part["fixed"].items()]
    if part["iteration"] is not None:
        said.append(f"iteration {part['iteration']}")
    return ", ".join(said) or "mean of the splits"


def _draw_cloud(axes: Axes, view: View, known: list[Any]) -> Legend:
    """All candidates as points, with their spread over the splits while that can be read."""
    x, mean, std = canvas.positions(view["x"], view["axis"], known), as_floats(view["mean"]), as_floats(view["std"])
    if view["axis"] == "categorical":
        # Side by side within a value, or they would hide each other.
        x = x + _aside(x)
    crowded = len(x) > 400
    if not crowded:
        axes.vlines(x, mean - std, mean + std, color=BLUE, alpha=0.25, linewidth=1, zorder=2)
    style: dict[str, Any] = {"s": 6 if crowded else 20, "alpha": 0.3 if crowded else 0.75, "linewidth": 0}
    dots = axes.scatter(x, mean, color=BLUE, zorder=3, **style)
    legend: Legend = [(dots, "candidate" if crowded else "candidate, ± std over the splits")]
    if view["best"] in view["candidate"]:
        place = view["candidate"].index(view["best"])
        legend.append((axes.scatter(x[place], mean[place], **STAR), "best candidate"))
    return legend


def _aside(x: Array) -> Array:
    """For each point a step to the side, evenly among the points that have the same place."""
    aside = np.zeros_like(x)
    for place in np.unique(x):
        mine = np.flatnonzero(x == place)
        aside[mine] = np.linspace(-0.25, 0.25, len(mine)) if len(mine) > 1 else 0.0
    return aside


def heat_map(view: View, title: str | None, size: Size) -> Figure:
    """The best mean for each pair of values of two parameters."""
    x, y, cells = view["x"], view["y"], np.array([as_floats(row) for row in view["mean"]])
    width, height = 3.6 + 0.42 * max(6, len(x["values"])), 2.2 + 0.36 * max(5, len(y["values"]))
    figure, axes = canvas.sheet(title or f"best {view['metric']}", size, width=width, height=height)
    known = cells[np.isfinite(cells)]
    if not len(known):
        return canvas.nothing(figure, axes)
    # A few terrible cells would leave one colour for all the others.
    quarter, middle, high = np.quantile(known, [0.25, 0.5, 1.0])
    floor = max(float(known.min()), float(quarter - 6 * (middle - quarter))) if middle > quarter else known.min()
    axes.grid(False)
    axes.set_facecolor("#f0f0f0")
    image = axes.imshow(cells, cmap="cividis", vmin=floor, vmax=high, aspect="auto", origin="lower")
    bar = figure.colorbar(image, ax=axes, extend="min" if floor > known.min() else "neither", fraction=0.06, pad=0.02)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    for which, side in (("x", x), ("y", y)):
        canvas.name_ticks(axes, which, _entries(side))
    if cells.size <= _WRITTEN:
        _write_cells(axes, cells, floor, float(high))
    if view["best"] is not None:
        row, column = view["best"]
        frame: dict[str, Any] = {"fill": False, "edgecolor": VERMILION, "linewidth": 2.4, "zorder": 5}
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **frame))
    canvas.label(axes, x["parameter"], y["parameter"])
    return figure


def _entries(side: View) -> list[str]:
    """The names of the rows or columns: values, the whole numbers of a range, or about the middle of a range."""
    names = [spoken(value, 24) for value in side["values"]]
    for number, edges in enumerate(side["edges"] or ()):
        if edges is None:
            continue
        low, high = edges
        if low % 1 == high % 1 == 0.5:
            first, last = round(low + 0.5), round(high - 0.5)
            names[number] = str(first) if first == last else f"{first}–{last}"
        else:
            # Rounded first, for 350 is easier to read than 3.5e+02.
            names[number] = f"~ {float(format(side['values'][number], '.2g')):g}"
    return names


def _write_cells(axes: Axes, cells: Array, low: float, high: float) -> None:
    """The score in each cell, in what can be read on its colour."""
    digits = 3 if np.nanmax(np.abs(cells)) < 10 else 0
    for (row, column), score in np.ndenumerate(cells):
        if np.isfinite(score):
            dark = score < low + 0.55 * (high - low)
            text = f"{score:.{digits}f}" if digits else f"{score:.3g}"
            style: dict[str, Any] = {"fontsize": 7.5, "ha": "center", "va": "center"}
            axes.text(column, row, text, color="white" if dark else INK, **style)
