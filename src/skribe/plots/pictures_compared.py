"""The same picture of several runs: lines over each other, tables and clouds side by side.

`draw_compared` is the way in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skribe.plots import canvas, pictures_of_models, pictures_of_scores, pictures_of_tables, pictures_of_values
from skribe.plots.canvas import INK, as_floats
from skribe.plots.pictures import Legend, Size, View
from skribe.plots.words import spoken, squeezed
from skribe.words import shorten

Named = Sequence[tuple[str, View]]
Line = Callable[[Axes, View, str, dict[str, Any]], tuple[Any, str]]

_TOP = 15
_BARS = 24
_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++")


def roc(views: Named, title: str, size: Size) -> Figure:
    return _overlaid(views, title, size, pictures_of_scores.roc_line, pictures_of_scores.roc_frame, "macro")


def precision_recall(views: Named, title: str, size: Size) -> Figure:
    line, frame = pictures_of_scores.precision_line, pictures_of_scores.precision_frame
    return _overlaid(views, title, size, line, frame, "micro")


def _overlaid(
    views: Named, title: str, size: Size, line: Line, frame: Callable[[Axes, Sequence[View]], Legend], average: str
) -> Figure:
    """One curve for each run: its only one, or its average; without averages, a panel for each class."""
    chosen = [_one_of(view["curves"], average) for _, view in views]
    if any(curve is None for curve in chosen):
        return _by_class(views, title, size, line, frame)
    figure, axes = canvas.sheet(title, size)
    legend: Legend = []
    curves: list[View] = [curve for curve in chosen if curve is not None]
    for number, ((name, _), curve) in enumerate(zip(views, curves, strict=True)):
        said = f"{name}, {average} average" if "average" in curve else name
        legend.append(line(axes, curve, said, canvas.style_of(number) | {"linewidth": 2.0, "zorder": 3}))
    canvas.legend(axes, legend + frame(axes, curves), width=34)
    return figure


def _one_of(curves: Sequence[View], average: str) -> View | None:
    if len(curves) == 1:
        return curves[0]
    return next((curve for curve in curves if curve.get("average") == average), None)


def _by_class(
    views: Named, title: str, size: Size, line: Line, frame: Callable[[Axes, Sequence[View]], Legend]
) -> Figure:
    classes: dict[str, list[tuple[int, str, View]]] = {}
    for number, (name, view) in enumerate(views):
        for curve in view["curves"]:
            classes.setdefault(pictures_of_scores.name_of(curve), []).append((number, name, curve))
    shown = list(classes.items())[:8]
    figure, axes = canvas.panels(len(shown), title, size, sharex=True, sharey=True)
    for one, (class_name, curves) in zip(axes, shown, strict=True):
        legend = [line(one, curve, shorten(name, 20), canvas.style_of(number)) for number, name, curve in curves]
        frame(one, [curve for _, _, curve in curves])
        one.set_title(canvas.literal(class_name), loc="left", fontsize=canvas.points(one, 9.5), color=INK)
        one.legend(*zip(*_literal(legend), strict=True), fontsize=canvas.points(one, 7), frameon=False, loc="best")
    return figure


def _literal(legend: Legend) -> Legend:
    return [(handle, canvas.literal(name)) for handle, name in legend]


def calibration(views: Named, title: str, size: Size) -> Figure:
    if any(len(view["curves"]) != 1 for _, view in views):
        return _by_class(views, title, size, _reliability, _reliability_frame)
    figure, axes = canvas.sheet(title, size)
    legend: Legend = [
        (pictures_of_scores.reliability_line(axes, view["curves"][0], number), name)
        for number, (name, view) in enumerate(views)
    ]
    canvas.legend(axes, legend + _reliability_frame(axes, []), width=34)
    canvas.label(axes, "predicted probability", "share of positives")
    return figure


def _reliability(axes: Axes, curve: View, name: str, style: dict[str, Any]) -> tuple[Any, str]:
    number = next(number for number in range(100) if canvas.style_of(number) == style)
    return pictures_of_scores.reliability_line(axes, curve, number), name


def _reliability_frame(axes: Axes, _curves: Sequence[View]) -> Legend:
    return [(pictures_of_scores.reliability_frame(axes), "perfectly calibrated")]


def confusion_matrix(views: Named, title: str, size: Size) -> Figure:
    """Side by side over the classes of all runs; of two runs also the difference."""
    labels = list(dict.fromkeys(label for _, view in views for label in view["labels"]))
    names = [squeezed(spoken(label, 80), 16) for label in labels]
    tables = [_aligned(view, labels) for _, view in views]
    count = len(views) + (len(views) == 2)
    side = min(6.0, max(3.0, 0.36 * len(names) + 0.8))
    figure, axes = canvas.panels(count, title, size, side=side)
    columns = min(count, 4 if count > 6 else 3)
    inches = min(figure.get_figwidth() / columns, figure.get_figheight()) * 0.7
    for number, (one, (name, _), table) in enumerate(zip(axes, views, tables, strict=False)):
        pictures_of_tables.matrix(one, names, table, inches)
        one.set_title(canvas.literal(shorten(name, 30)), loc="left", fontsize=canvas.points(one, 9.5), color=INK)
        if number:
            one.set_ylabel("")
    if len(views) == 2:
        pictures_of_tables.difference(axes[2], names, tables[0], tables[1], inches)
    return figure


def _aligned(view: View, labels: Sequence[Any]) -> Any:
    _, counts = pictures_of_tables.names_and_counts(view)
    table = np.zeros((len(labels), len(labels)))
    places = [labels.index(label) for label in view["labels"]]
    table[np.ix_(places, places)] = counts
    return table


def class_report(views: Named, title: str, size: Size) -> Figure:
    """The F1 of each class and of their averages."""
    rows = [
        (name, dict(zip(map(spoken, view["labels"]), view["f1"], strict=True))
         | {f"{key} average": average["f1"] for key, average in view["averages"].items()})
        for name, view in views
    ]  # fmt: skip
    return _bars(rows, title, size, "class", "F1", _BARS)


def cluster_sizes(views: Named, title: str, size: Size) -> Figure:
    """The clusters of each run by size: their labels are not the same clusters in two runs."""
    rows = [
        (name, {str(rank): count for rank, count in enumerate(sorted(view["counts"], reverse=True), start=1)})
        for name, view in views
    ]
    return _bars(rows, title, size, "cluster, the largest first", "rows", _BARS)


def _bars(
    rows: Sequence[tuple[str, Mapping[str, float]]], title: str, size: Size, x: str, y: str, most: int
) -> Figure:
    """Groups of bars, one bar for each run; hatched, so that they can be told apart in grey."""
    names = list(dict.fromkeys(key for _, values in rows for key in values))[:most]
    figure, axes = canvas.sheet(title, size, width=min(12.0, max(6.8, 2.6 + 0.16 * len(names) * (len(rows) + 1))))
    width = 0.84 / len(rows)
    legend: Legend = []
    for number, (name, values) in enumerate(rows):
        places = np.arange(len(names)) - 0.42 + width * (number + 0.5)
        heights = as_floats([values.get(key) for key in names])
        legend.append((axes.bar(places, heights, width, **_bar_style(number)), name))
    axes.grid(False, axis="x")
    canvas.name_ticks(axes, "x", [squeezed(name, 20) for name in names])
    canvas.label(axes, x, y)
    canvas.legend(axes, legend, width=34)
    return figure


def _bar_style(number: int) -> dict[str, Any]:
    return {
        "color": canvas.colour_of(number), "hatch": _HATCHES[number % len(_HATCHES)], "edgecolor": "white",
        "linewidth": 0.4, "zorder": 2,
    }  # fmt: skip


def feature_importance(views: Named, title: str, size: Size) -> Figure:
    """The features that weigh most in any run; of several classes, the largest weight of a feature."""
    rows = [(name, _largest(view)) for name, view in views]
    order: dict[str, float] = {}
    for _, values in rows:
        # Coefficients and importances have other units: each run's largest counts as one.
        top = max((abs(value) for value in values.values()), default=0.0) or 1.0
        for key, value in values.items():
            order[key] = max(order.get(key, 0.0), abs(value) / top)
    names = sorted(order, key=lambda key: -order[key])[:_TOP]
    figure, axes = canvas.sheet(title, size, height=max(3.0, 1.2 + 0.13 * len(names) * (len(views) + 1)))
    width = 0.84 / len(views)
    legend: Legend = []
    for number, (name, values) in enumerate(rows):
        places = np.arange(len(names)) - 0.42 + width * (number + 0.5)
        weights = as_floats([values.get(key) for key in names])
        legend.append((axes.barh(places, weights, width, **_bar_style(number)), name))
    axes.axvline(0, color=INK, linewidth=0.8, zorder=4)
    axes.grid(False, axis="y")
    canvas.name_ticks(axes, "y", [squeezed(name, 30) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    kinds = {view["kind"] for _, view in views}
    canvas.label(axes, kinds.pop() if len(kinds) == 1 else "weight (coefficients and importances)", "")
    canvas.legend(axes, legend, width=34)
    return figure


def _largest(view: View) -> dict[str, float]:
    cells = np.array([as_floats(one["values"]) for one in view["series"]])
    largest = np.take_along_axis(cells, np.abs(cells).argmax(axis=0)[None], axis=0)[0]
    return dict(zip(view["features"], largest.tolist(), strict=True))


def explained_variance(views: Named, title: str, size: Size) -> Figure:
    figure, axes = canvas.sheet(title, size)
    legend: Legend = [
        (pictures_of_models.cumulative(axes, as_floats(view["ratios"]), canvas.style_of(number)), name)
        for number, (name, view) in enumerate(views)
    ]
    pictures_of_models.variance_frame(axes, max(len(view["ratios"]) for _, view in views))
    canvas.label(axes, "component", "share of the variance, all up to it")
    canvas.legend(axes, legend, width=34)
    return figure


def history(views: Named, title: str, size: Size) -> Figure:
    """A colour for each run, dashes for each of its series."""
    figure, axes = canvas.sheet(title, size)
    legend: Legend = []
    values: list[float | None] = []
    keys = list(dict.fromkeys(one["name"] for _, view in views for one in view["series"]))
    for number, (name, view) in enumerate(views):
        for one in view["series"]:
            dashes = canvas.style_of(keys.index(one["name"]) if len(keys) > 1 else number)["linestyle"]
            style = {"color": canvas.colour_of(number), "linestyle": dashes}
            said = name if len(keys) == 1 else f"{name}, {one['name']}"
            legend.append((pictures_of_values.history_line(axes, one, style), said))
            values += one["values"]
    pictures_of_values.history_frame(axes, values)
    canvas.label(axes, "iteration", str(keys[0]) if len(keys) == 1 else "")
    canvas.short_legend(axes, legend)
    return figure


def residuals(views: Named, title: str, size: Size) -> Figure:
    return _clouds(views, title, size, pictures_of_values.residual_cloud)


def predicted_vs_actual(views: Named, title: str, size: Size) -> Figure:
    figure = _clouds(views, title, size, pictures_of_values.actual_cloud)
    drawn = [axes for axes in figure.axes if axes.axison]
    low, high = min(axes.get_xlim()[0] for axes in drawn), max(axes.get_xlim()[1] for axes in drawn)
    for axes in drawn:
        pictures_of_values.equal_limits(axes, low, high)
    return figure


def qq(views: Named, title: str, size: Size) -> Figure:
    return _clouds(views, title, size, pictures_of_values.qq_cloud)


def _clouds(views: Named, title: str, size: Size, cloud: Callable[[Axes, Any], None]) -> Figure:
    """A panel for each run, and each output if there are several, all with the same axes."""
    drawn = [
        (name if len(view["outputs"]) == 1 else f"{name}, output {output['output']}", output)
        for name, view in views
        for output in view["outputs"]
    ]
    figure, axes = canvas.panels(len(drawn), title, size, sharex=True, sharey=True)
    for one, (name, output) in zip(axes, drawn, strict=True):
        cloud(one, output)
        _name(one, name)
    return figure


def silhouette(views: Named, title: str, size: Size) -> Figure:
    figure, axes = canvas.panels(len(views), title, size, sharex=True)
    for one, (name, view) in zip(axes, views, strict=True):
        pictures_of_models.knives(one, view)
        _name(one, name)
    low = min(one.get_xlim()[0] for one in axes)
    for one in axes:
        one.set_xlim(low, 1.0)
    return figure


def _name(axes: Axes, name: str) -> None:
    axes.set_title(canvas.literal(shorten(name, 34)), loc="left", fontsize=canvas.points(axes, 9.5), color=INK)
