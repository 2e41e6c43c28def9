"""Pictures of scores against yes or no: ROC, precision-recall, calibration. `draw` is the way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skribe.plots import canvas
from skribe.plots.canvas import BLUE, GREY, INK, as_floats
from skribe.plots.pictures import Legend, Size, View
from skribe.plots.words import spoken, squeezed

Curve = Mapping[str, Any]


def roc(view: View, title: str | None, size: Size) -> Figure:
    """How many of the positives are found at the price of how many false alarms."""
    return _picture(view, title, size, roc_line, roc_frame)


def precision_recall(view: View, title: str | None, size: Size) -> Figure:
    """How many of the positives are found, and how many of the found are positive."""
    return _picture(view, title, size, precision_line, precision_frame)


def _picture(
    view: View,
    title: str | None,
    size: Size,
    line: Callable[[Axes, Curve, str, dict[str, Any]], tuple[Any, str]],
    frame: Callable[[Axes, Sequence[Curve]], Legend],
) -> Figure:
    figure, axes = canvas.sheet(title, size)
    curves = view.get("curves") or []
    if not curves:
        return canvas.nothing(figure, axes)
    # The averages say most of many curves, so they stand in front and come first.
    averages = [curve for curve in curves if "average" in curve]
    classes = [curve for curve in curves if "average" not in curve]
    legend: Legend = []
    for number, curve in enumerate(averages):
        style: dict[str, Any] = {"color": INK, "linestyle": ("-", (0, (4, 1.5)))[number % 2], "linewidth": 2.4}
        legend.append(line(axes, curve, f"{curve['average']} average", style | {"zorder": 5}))
    for number, curve in enumerate(classes):
        style = canvas.style_of(number) | {"linewidth": 2.0 if len(classes) < 6 else 1.3, "zorder": 3}
        legend.append(line(axes, curve, name_of(curve), style))
    canvas.short_legend(axes, legend, frame(axes, curves))
    return figure


def name_of(curve: Curve) -> str:
    """The class of a curve, or which average it is."""
    return f"{curve['average']} average" if "average" in curve else squeezed(spoken(curve.get("class"), 80), 24)


def roc_line(axes: Axes, curve: Curve, name: str, style: dict[str, Any]) -> tuple[Any, str]:
    """One ROC curve, and its entry in the legend with its area."""
    line = axes.plot(as_floats(curve["fpr"]), as_floats(curve["tpr"]), **style)[0]
    return line, f"{name} (AUC {curve['auc']:.3f})"


def roc_frame(axes: Axes, _curves: Sequence[Curve]) -> Legend:
    _square(axes)
    chance = axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", zorder=2)[0]
    canvas.label(axes, "false positive rate", "true positive rate")
    return [(chance, "chance")]


def precision_line(axes: Axes, curve: Curve, name: str, style: dict[str, Any]) -> tuple[Any, str]:
    """One precision-recall curve, and its entry in the legend with its average precision."""
    line = axes.plot(as_floats(curve["recall"]), as_floats(curve["precision"]), **style)[0]
    return line, f"{name} (AP {curve['average_precision']:.3f})"


def precision_frame(axes: Axes, curves: Sequence[Curve]) -> Legend:
    """With the precision of guessing, if that is the same for all."""
    _square(axes)
    canvas.label(axes, "recall", "precision")
    shares = {curve["share"] for curve in curves}
    if len(shares) != 1:
        return []
    chance = axes.axhline(shares.pop(), color=GREY, linewidth=1, linestyle=":", zorder=2)
    return [(chance, "chance")]


def _square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal", adjustable="box")
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0] if canvas.figure_of(axes).get_figheight() > 3 else [0.0, 0.5, 1.0]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)


def calibration(view: View, title: str | None, size: Size) -> Figure:
    """What came true of what was said, and below it how often which probability was said."""
    curves = view.get("curves") or []
    figure = canvas.paper(size, 6.8, 4.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    canvas.ruled(upper, title)
    canvas.ruled(lower)
    if not curves:
        lower.set_axis_off()
        return canvas.nothing(figure, upper)
    legend: Legend = [(reliability_frame(upper), "perfectly calibrated")]
    width = 1 / max(len(curves[0]["counts"]), 1)
    for number, curve in enumerate(curves):
        style = canvas.style_of(number)
        legend.append((reliability_line(upper, curve, number), name_of(curve)))
        edges = [place * width for place in range(len(curve["counts"]) + 1)]
        if len(curves) == 1:
            lower.stairs(curve["counts"], edges, fill=True, color=BLUE, alpha=0.55)
        else:
            lower.stairs(curve["counts"], edges, linewidth=1.4, **style)
    canvas.label(upper, "", "share of positives")
    canvas.label(lower, "predicted probability", "rows")
    canvas.short_legend(upper, legend)
    return figure


def reliability_frame(axes: Axes) -> Any:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    return axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", zorder=2)[0]


def reliability_line(axes: Axes, curve: Curve, number: int) -> Any:
    """The bins that are not empty, as a line with a mark for each."""
    known = [place for place, value in enumerate(curve["predicted"]) if value is not None]
    x, y = ([curve[name][place] for place in known] for name in ("predicted", "observed"))
    style = canvas.style_of(number) | {"marker": canvas.marker_of(number), "markersize": 5, "linewidth": 1.8}
    return axes.plot(x, y, zorder=3, **style)[0]
