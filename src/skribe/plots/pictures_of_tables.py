"""Pictures of labels against labels: the confusion matrix and the report per class. `draw` is the way in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skribe.plots import canvas
from skribe.plots.canvas import GREY, INK
from skribe.plots.pictures import Size, View
from skribe.plots.table import Array
from skribe.plots.words import spoken, squeezed

# Up to so many classes the numbers are written into the cells.
_WRITTEN = 30
_ROWS = 60
_SMALLEST = 4.2
_COLUMNS = ("precision", "recall", "f1")


def confusion_matrix(view: View, title: str | None, size: Size) -> Figure:
    """How often which class was taken for which; the colour is the share of the true class."""
    names, counts = names_and_counts(view)
    edge = _edge(len(names))
    figure, axes = canvas.sheet(title, size, width=max(5.2, edge + 2.4), height=max(4.2, edge + 1))
    if not len(names):
        return canvas.nothing(figure, axes)
    image = matrix(axes, names, counts, figure.get_size_inches().min() * 0.72)
    bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, format=lambda value, _: f"{value:.0%}")
    bar.ax.tick_params(labelsize=canvas.points(axes, 8), colors=INK)
    bar.outline.set_visible(False)
    bar.set_label("share of the true class", color=INK, fontsize=canvas.points(axes, 9))
    return figure


def _edge(classes: int) -> float:
    """How many inches the matrix gets."""
    if classes > _WRITTEN:
        return 6.4
    return max(3.2, (0.42 if classes <= 12 else 0.36) * classes)


def names_and_counts(view: View) -> tuple[list[str], Array]:
    names = [squeezed(spoken(label, 80), 20) for label in view.get("labels") or []]
    return names, np.array(view.get("counts") or [], dtype=float).reshape(len(names), len(names))


def matrix(axes: Axes, names: Sequence[str], counts: Array, inches: float) -> Any:
    """One matrix on its axes: counts and shares in the cells, as far as they can be read."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    frame(axes, names)
    canvas.label(axes, "predicted", "true")
    fontsize = _fontsize(inches / len(names), max(len(_counted(value)) for value in counts.ravel()))
    if len(names) <= _WRITTEN and fontsize:
        for (row, column), count in np.ndenumerate(counts):
            share = shares[row, column]
            if count or len(names) <= 6:
                text = f"{_counted(count)}\n{_percent(share)}"
                style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": fontsize, "linespacing": 1.15}
                axes.text(column, row, text, color="white" if share > 0.55 else INK, **style)
    return image


def frame(axes: Axes, names: Sequence[str]) -> None:
    """The names of the classes along both sides, and no lines that a cell could be mistaken for."""
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
    for which in ("x", "y"):
        canvas.name_ticks(axes, which, names, most=30)
    axes.tick_params(length=0, labelsize=canvas.points(axes, 9 if len(names) <= 15 else 7.5))


def _fontsize(cell: float, width: int) -> float | None:
    """The largest size at which two lines of that many characters fit into a cell; None if nobody could read it."""
    fitting = min(10.0, cell * 72 * 0.86 / (0.62 * max(width, 4)), cell * 72 * 0.8 / 2.4)
    return fitting if fitting >= _SMALLEST else None


def _counted(count: float) -> str:
    return f"{count:.0f}" if float(count).is_integer() and abs(count) < 1e6 else f"{count:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share in (0, 1) or 0.01 <= share <= 0.99 else f"{100 * share:.1f}%"


def class_report(view: View, title: str | None, size: Size) -> Figure:
    """Precision, recall and F1 of each class and of their averages, with how many rows there are."""
    labels = view.get("labels") or []
    averages = view.get("averages") or {}
    names = [squeezed(spoken(label, 80), 26) for label in labels] + [f"{name} average" for name in averages]
    figure, axes = canvas.sheet(title, size, height=min(12.0, max(2.6, 1.1 + 0.3 * len(names))))
    if not labels:
        return canvas.nothing(figure, axes)
    cells = np.array(
        [[view[name][row] for name in _COLUMNS] for row in range(len(labels))]
        + [[average[name] for name in _COLUMNS] for average in averages.values()]
    )
    axes.imshow(cells, cmap="Blues", vmin=0, vmax=1, aspect="auto", extent=(-0.5, 2.5, len(names) - 0.5, -0.5))
    axes.set_xlim(-0.5, 3.5)
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks(range(4), labels=["precision", "recall", "F1", "rows"])
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    canvas.name_ticks(axes, "y", names, most=_ROWS)
    axes.axhline(len(labels) - 0.5, color="white", linewidth=4)
    fontsize = min(canvas.points(axes, 9), figure.get_figheight() * 0.78 * 72 / (1.35 * len(names)))
    if fontsize >= _SMALLEST:
        _write_report(axes, cells, view["support"], fontsize)
        axes.tick_params(axis="y", labelsize=fontsize)
    if "accuracy" in view:
        said = f"accuracy {view['accuracy']:.4g}"
        axes.text(
            1, -0.01, said, transform=axes.transAxes, ha="right", va="top", fontsize=canvas.points(axes, 9), color=INK
        )
    return figure


def _write_report(axes: Axes, cells: Array, support: Sequence[float], fontsize: float) -> None:
    for (row, column), value in np.ndenumerate(cells):
        colour = "white" if value > 0.55 else INK
        axes.text(column, row, f"{value:.3f}", color=colour, ha="center", va="center", fontsize=fontsize)
    for row in range(len(cells)):
        count = support[row] if row < len(support) else math.fsum(support)
        axes.text(3, row, _counted(count), color=INK, ha="center", va="center", fontsize=fontsize)


def difference(axes: Axes, names: Sequence[str], first: Array, second: Array, inches: float) -> None:
    """What the second matrix has more or less than the first, in shares of the true class."""
    shares = [table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300) for table in (first, second)]
    change = 100 * (shares[1] - shares[0])
    limit = float(np.abs(change).max()) or 1.0
    axes.imshow(change, cmap=canvas.SIGNED, vmin=-limit, vmax=limit, aspect="equal")
    frame(axes, names)
    canvas.label(axes, "predicted", "")
    fontsize = _fontsize(inches / len(names), 5)
    if len(names) <= _WRITTEN and fontsize:
        for (row, column), value in np.ndenumerate(change):
            if abs(value) >= 0.05 or len(names) <= 6:
                colour = "white" if abs(value) > 0.7 * limit else INK
                axes.text(column, row, f"{value:+.1f}", color=colour, ha="center", va="center", fontsize=fontsize)
    said = "difference, percentage points"
    axes.set_title(said, loc="left", fontsize=canvas.points(axes, 9.5), color=GREY)
