"""Pictures of numbers against numbers: residuals, predictions beside the truth, and Q-Q. `draw` is the way in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skribe.plots import canvas
from skribe.plots.canvas import BLUE, GREY, INK, VERMILION, as_floats
from skribe.plots.pictures import Size, View
from skribe.plots.table import Array
from skribe.plots.words import squeezed

# Beyond so many points the dots become small and pale.
_CROWDED = 250


def residuals(view: View, title: str | None, size: Size) -> Figure:
    """What the predictions missed, along what was predicted, and how it is distributed."""
    outputs = view.get("outputs") or []
    if len(outputs) != 1:
        return _several(outputs, title, size, residual_cloud)
    figure = canvas.paper(size)
    main, side = figure.subplots(1, 2, sharey=True, width_ratios=(4.2, 1))
    canvas.ruled(main, title)
    canvas.ruled(side)
    residual_cloud(main, outputs[0])
    histogram = outputs[0]["histogram"]
    if len(histogram["counts"]) > 1:
        side.stairs(
            histogram["counts"], histogram["edges"], orientation="horizontal", fill=True, color=BLUE, alpha=0.55
        )
    side.axhline(0, color=INK, linewidth=1)
    canvas.label(side, "rows", "")
    side.tick_params(labelleft=False)
    canvas.whole_ticks(side, "x", 2)
    return figure


def residual_cloud(axes: Axes, output: View) -> None:
    _dots(axes, as_floats(output["predicted"]), as_floats(output["residual"]))
    axes.axhline(0, color=INK, linewidth=1, zorder=4)
    canvas.label(axes, "predicted", "residual (true − predicted)")


def predicted_vs_actual(view: View, title: str | None, size: Size) -> Figure:
    """What was predicted against what was true; on the line they are equal."""
    outputs = view.get("outputs") or []
    if len(outputs) != 1:
        return _several(outputs, title, size, actual_cloud)
    figure, axes = canvas.sheet(title, size, width=5.2, height=4.6)
    actual_cloud(axes, outputs[0])
    return figure


def actual_cloud(axes: Axes, output: View) -> None:
    actual, predicted = as_floats(output["actual"]), as_floats(output["predicted"])
    _dots(axes, actual, predicted)
    both = np.concatenate((actual, predicted))
    axes.axline((both[0], both[0]), slope=1, color=INK, linewidth=1, linestyle="--", zorder=4)
    margin = 0.04 * float(np.ptp(both)) or 0.5
    equal_limits(axes, float(both.min()) - margin, float(both.max()) + margin)
    canvas.label(axes, "actual", "predicted")


def equal_limits(axes: Axes, low: float, high: float) -> None:
    """The same span on both axes."""
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal", adjustable="box")
    canvas.few_ticks(axes, "x")
    canvas.few_ticks(axes, "y")


def qq(view: View, title: str | None, size: Size) -> Figure:
    """The residuals against those of a normal distribution: on the line they would be normal."""
    outputs = view.get("outputs") or []
    if len(outputs) != 1:
        return _several(outputs, title, size, qq_cloud)
    figure, axes = canvas.sheet(title, size, width=5.2)
    qq_cloud(axes, outputs[0])
    return figure


def qq_cloud(axes: Axes, output: View) -> None:
    x, y, line = as_floats(output["theoretical"]), as_floats(output["residual"]), output["line"]
    axes.scatter(x, y, s=14, color=BLUE, alpha=0.75, linewidth=0, zorder=3)
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, line["intercept"] + line["slope"] * ends, color=VERMILION, linewidth=1.4, zorder=4)
    canvas.label(axes, "normal quantile", "residual")


def _dots(axes: Axes, x: Array, y: Array) -> None:
    crowded = len(x) > _CROWDED
    axes.scatter(x, y, s=10 if crowded else 20, color=BLUE, alpha=0.45 if crowded else 0.7, linewidth=0, zorder=3)


def _several(outputs: Sequence[View], title: str | None, size: Size, cloud: Callable[[Axes, Any], None]) -> Figure:
    """One small picture for each output; none says so."""
    if not outputs:
        return canvas.nothing(*canvas.sheet(title, size))
    figure, axes = canvas.panels(len(outputs), title, size)
    for one, output in zip(axes, outputs, strict=True):
        cloud(one, output)
        one.set_title(f"output {output['output']}", loc="left", fontsize=canvas.points(one, 9.5), color=GREY)
    return figure


def history(view: View, title: str | None, size: Size) -> Figure:
    """Losses and scores, iteration by iteration."""
    figure, axes = canvas.sheet(title, size)
    series = [one for one in view.get("series") or [] if one["values"]]
    if not series:
        return canvas.nothing(figure, axes)
    legend = [
        (history_line(axes, one, canvas.style_of(number)), str(one["name"])) for number, one in enumerate(series)
    ]
    history_frame(axes, [value for one in series for value in one["values"]])
    canvas.label(axes, "iteration", str(series[0]["name"]) if len(series) == 1 else "")
    if len(series) > 1:
        canvas.short_legend(axes, [(handle, squeezed(name, 26)) for handle, name in legend])
    return figure


def history_line(axes: Axes, one: View, style: dict[str, Any]) -> Any:
    short = len(one["values"]) <= 20
    marks: dict[str, Any] = {"marker": "o", "markersize": 4} if short else {}
    return axes.plot(as_floats(one["steps"]), as_floats(one["values"]), linewidth=1.8, **style, **marks)[0]


def history_frame(axes: Axes, values: Sequence[float | None]) -> None:
    """Iterations are whole; values that span decades are read on a logarithmic axis."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    if known and min(known) > 0 and max(known) > 100 * min(known):
        canvas.logarithmic(axes, "y", known)
    canvas.whole_ticks(axes, "x")
