"""Pictures of what a model found: clusters, components, the weights of features. `draw` is the way in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skribe.plots import canvas
from skribe.plots.canvas import BLUE, GREY, INK, ORANGE, VERMILION, as_floats
from skribe.plots.pictures import Size, View
from skribe.plots.table import Array
from skribe.plots.words import spoken, squeezed

_TOP = 20
_COUNTED = 20
# So many classes have bars of their own, side by side; more become a map.
_PANELS = 3
_ENOUGH = 0.95


def cluster_name(label: Any) -> str:
    """The label of a cluster; -1 is what scikit-learn calls the rows that are in none."""
    return "noise" if label == -1 and not isinstance(label, str) else spoken(label, 16)


def cluster_sizes(view: View, title: str | None, size: Size) -> Figure:
    """How many rows each cluster has."""
    figure, axes = canvas.sheet(title, size)
    labels, counts = view.get("labels") or [], as_floats(view.get("counts") or [])
    if not labels:
        return canvas.nothing(figure, axes)
    colours = [GREY if cluster_name(label) == "noise" else BLUE for label in labels]
    bars = axes.bar(np.arange(len(labels)), counts, color=colours, width=0.8)
    if len(labels) <= _COUNTED:
        axes.bar_label(
            bars, [f"{count:.0f}" for count in counts], fontsize=canvas.points(axes, 8), color=INK, padding=2
        )
        axes.margins(y=0.1)
    axes.grid(False, axis="x")
    canvas.name_ticks(axes, "x", [cluster_name(label) for label in labels])
    axes.set_xlim(-0.6, len(labels) - 0.4)
    left = f", and {view['left_out']} smaller ones" if view.get("left_out") else ""
    canvas.label(axes, "cluster" + left, "rows")
    return figure


def silhouette(view: View, title: str | None, size: Size) -> Figure:
    """How well each row lies in its cluster; below zero it is nearer to another one."""
    figure, axes = canvas.sheet(title, size, height=4.6)
    if not view.get("clusters"):
        return canvas.nothing(figure, axes)
    knives(axes, view)
    return figure


def knives(axes: Axes, view: View) -> None:
    """The values of each cluster in falling order, one cluster above the other."""
    clusters = view["clusters"]
    total = sum(cluster["size"] for cluster in clusters)
    gap, bottom, ticks = max(total * 0.02, 0.3), 0.0, []
    for number, cluster in enumerate(clusters):
        values = as_floats(cluster["values"])
        # Each value has the height of its rows, so that a single row can be seen as well.
        edges = np.linspace(bottom, bottom + cluster["size"], len(values) + 1)
        colour = GREY if cluster_name(cluster["label"]) == "noise" else canvas.colour_of(number)
        axes.stairs(values, edges, orientation="horizontal", baseline=0, fill=True, color=colour, linewidth=0)
        ticks.append(bottom + cluster["size"] / 2)
        bottom += cluster["size"] + gap
    step = -(-len(clusters) // 25)
    names = [canvas.literal(cluster_name(cluster["label"])) for cluster in clusters]
    axes.set_yticks(ticks[::step], labels=names[::step])
    axes.set_ylim(bottom, -gap)
    axes.grid(False, axis="y")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.axvline(view["mean"], color=VERMILION, linewidth=1.4, linestyle="--")
    lowest = min(min(cluster["values"]) for cluster in clusters)
    axes.set_xlim(min(-0.05, lowest - 0.05), 1.0)
    sampled = f", {view['rows']} of {view['of']} rows" if view["rows"] < view["of"] else ""
    canvas.label(axes, f"silhouette (mean {view['mean']:.3f}{sampled})", "cluster")


def explained_variance(view: View, title: str | None, size: Size) -> Figure:
    """How much of the variance each component holds, and all up to it together."""
    figure, axes = canvas.sheet(title, size)
    ratios = as_floats(view.get("ratios") or [])
    if not len(ratios):
        return canvas.nothing(figure, axes)
    places, sums = np.arange(1, len(ratios) + 1), np.cumsum(ratios)
    one: Any
    if len(ratios) <= 60:
        one = axes.bar(places, ratios, color=BLUE, width=0.8, alpha=0.85)
    else:
        one = axes.fill_between(places, ratios, step="mid", color=BLUE, alpha=0.85, linewidth=0)
    legend = [(one, "each component"), (cumulative(axes, ratios, {"color": ORANGE, "linestyle": "-"}), "all up to it")]
    enough = np.flatnonzero(sums >= _ENOUGH)
    if len(enough) and len(ratios) > 1:
        line = axes.axhline(_ENOUGH, color=GREY, linewidth=1, linestyle=":")
        legend.append((line, f"{_ENOUGH:.0%} with {places[enough[0]]}"))
    variance_frame(axes, len(ratios))
    canvas.legend(axes, legend, width=24)
    return figure


def cumulative(axes: Axes, ratios: Array, style: dict[str, Any]) -> Any:
    marks: dict[str, Any] = {"marker": "o", "markersize": 4} if len(ratios) <= 30 else {}
    return axes.plot(np.arange(1, len(ratios) + 1), np.cumsum(ratios), linewidth=1.8, **style, **marks)[0]


def variance_frame(axes: Axes, components: int) -> None:
    axes.set_ylim(0, 1.03)
    axes.set_xlim(0.4, components + 0.6)
    canvas.whole_ticks(axes, "x")
    axes.grid(False, axis="x")
    canvas.label(axes, "component", "share of the variance")


def feature_importance(view: View, title: str | None, size: Size) -> Figure:
    """The features that weigh most, as many as can be named: to which side, and for which class."""
    top = _TOP if size is None else max(1, min(_TOP, int(size[1] * 7 - 4)))
    series, features = view.get("series") or [], [squeezed(name, 30) for name in (view.get("features") or [])[:top]]
    height = max(2.4, 1.2 + 0.24 * len(features))
    if not series or not features:
        return canvas.nothing(*canvas.sheet(title, size))
    if len(series) > _PANELS:
        figure, axes = canvas.sheet(title, size, max(6.8, 3 + 0.5 * len(series)), height)
        _weight_map(axes, series, features)
    else:
        figure = canvas.paper(size, 6.8 if len(series) == 1 else 3.0 * len(series) + 1, height)
        row = figure.subplots(1, len(series), sharex=True, sharey=True, squeeze=False)[0]
        for number, (axes, one) in enumerate(zip(row, series, strict=True)):
            canvas.ruled(axes, None if number else title)
            _weight_bars(axes, one, features)
            if len(series) > 1:
                axes.set_xlabel(
                    canvas.literal(squeezed(spoken(one["name"], 80), 24)), color=INK, fontsize=canvas.points(axes, 10)
                )
        if len(series) == 1:
            canvas.label(row[0], _said(view, series[0]), "")
    more = len(view["features"]) - len(features) + view.get("left_out", 0)
    if more:
        figure.supxlabel(
            f"{more} more features weigh less", x=0.99, ha="right", fontsize=canvas.points(axes, 8), color=GREY
        )
    return figure


def _said(view: View, one: View) -> str:
    kind = {"coefficients": "coefficient", "importances": "importance"}.get(view.get("kind", ""), "weight")
    spread = ", ± std over the trees" if "std" in one else ""
    return f"{kind} for {spoken(one['name'], 24)}" if one.get("name") is not None else kind + spread


def _weight_bars(axes: Axes, one: View, features: Sequence[str]) -> None:
    values = as_floats(one["values"][: len(features)])
    places = np.arange(len(features))
    colours = [BLUE if value >= 0 else VERMILION for value in values]
    axes.barh(places, values, color=colours, height=0.75, zorder=2)
    if "std" in one:
        spread = as_floats(one["std"][: len(features)])
        axes.errorbar(
            values,
            places,
            xerr=(np.minimum(spread, values), spread),
            fmt="none",
            ecolor=GREY,
            elinewidth=1,
            capsize=2,
            zorder=3,
        )
    axes.axvline(0, color=INK, linewidth=0.8, zorder=4)
    axes.grid(False, axis="y")
    canvas.name_ticks(axes, "y", features)
    axes.set_ylim(len(features) - 0.4, -0.6)


def _weight_map(axes: Axes, series: Sequence[View], features: Sequence[str]) -> None:
    cells = np.array([as_floats(one["values"][: len(features)]) for one in series]).T
    limit = float(np.abs(cells).max()) or 1.0
    axes.imshow(cells, cmap=canvas.SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    axes.grid(False)
    canvas.name_ticks(axes, "x", [spoken(one["name"], 16) for one in series])
    canvas.name_ticks(axes, "y", features)
    for (row, column), value in np.ndenumerate(cells):
        colour = "white" if abs(value) > 0.7 * limit else INK
        axes.text(
            column, row, f"{value:+.2g}", color=colour, ha="center", va="center", fontsize=canvas.points(axes, 7)
        )
