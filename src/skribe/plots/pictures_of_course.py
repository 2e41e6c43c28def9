"""Pictures of how a search went. They need matplotlib; `draw` is the way in."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skribe.plots import canvas
from skribe.plots.canvas import BLUE, GREY, INK, ORANGE, PALE, STAR, as_floats
from skribe.plots.pictures import Legend, Size, View
from skribe.plots.table import Array
from skribe.plots.words import spoken_score

# So many candidates are named beside a picture.
_NAMED = 6


def score_against_time(view: View, title: str | None, size: Size) -> Figure:
    """Score and time of every candidate, with the line that no candidate beats in both."""
    figure, axes = canvas.sheet(title or f"{view['metric']} against time", size, width=8)
    scoring = np.nan_to_num(as_floats(view["score_seconds"]))
    seconds, mean = as_floats(view["fit_seconds"]) + scoring, as_floats(view["mean"])
    known = np.isfinite(seconds) & np.isfinite(mean)
    if not known.any():
        return canvas.nothing(figure, axes)
    divisor, unit = canvas.time_unit(float(np.median(seconds[known])))
    time, front = seconds / divisor, np.array(view["pareto"], dtype=bool)
    crowded = known.sum() > 400
    dots = axes.scatter(
        time[known], mean[known], s=8 if crowded else 24, color=BLUE, alpha=0.35, linewidth=0, zorder=2
    )
    legend: Legend = [(dots, "candidate")]
    rows = np.flatnonzero(front)[np.argsort(time[front], kind="stable")]
    line = axes.plot(time[rows], mean[rows], color=ORANGE, drawstyle="steps-post", linewidth=1.5, zorder=3)[0]
    axes.scatter(time[rows], mean[rows], s=36, color=ORANGE, edgecolor="white", linewidth=0.8, zorder=4)
    legend.append((line, "no candidate is better and faster"))
    best = view["best"]
    if best is not None and known[best]:
        name = f"best: {view['name'][best]}"
        legend.append((axes.scatter(time[best], mean[best], **STAR), name))
    spread = time[known & (time > 0)]
    if len(spread) and spread.max() >= 8 * spread.min():
        canvas.logarithmic(axes, "x", spread)
    canvas.frame_scores(axes, mean[known].tolist())
    legend += _number_front(axes, time, mean, [int(row) for row in rows[::-1] if row != best], view["name"])
    canvas.label(axes, f"fit and score, mean of the splits ({unit})", view["metric"])
    canvas.legend(axes, legend)
    return figure


def _number_front(axes: Axes, time: Array, mean: Array, rows: list[int], names: list[str]) -> Legend:
    """A number at the best points of the front, and its name in the legend: names would cover each other."""
    legend: Legend = []
    to_paper = axes.transScale + axes.transLimits
    numbered = np.empty((0, 2))
    for row in rows:
        place = to_paper.transform((time[row], mean[row]))
        # Where the front is dense, one number stands for its neighbours.
        if len(legend) == _NAMED or place[1] < 0 or (np.abs(numbered - place) < (0.03, 0.05)).all(axis=1).any():
            continue
        numbered = np.vstack([numbered, place])
        number = str(len(numbered))
        offset: dict[str, Any] = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center", "zorder": 7}
        axes.annotate(number, (time[row], mean[row]), fontsize=8, color=INK, **offset)
        blank = axes.plot([], [], marker="o", color=ORANGE, linestyle="", markersize=5)[0]
        legend.append((blank, f"{number}:  {names[row]}"))
    return legend


def progress(view: View, title: str | None, size: Size) -> Figure:
    """Every candidate when it was done, and the best until then."""
    figure, axes = canvas.sheet(title or f"best {view['metric']} so far", size)
    if not view["candidate"]:
        return canvas.nothing(figure, axes)
    divisor, unit = canvas.time_unit(view["seconds"][-1])
    time, score, best = as_floats(view["seconds"]) / divisor, as_floats(view["score"]), as_floats(view["best_so_far"])
    crowded = len(time) > 400
    axes.scatter(time, score, s=6 if crowded else 20, color=BLUE, alpha=0.4, linewidth=0, zorder=2)
    rungs = np.zeros(len(time)) if view["iteration"] is None else np.array(view["iteration"])
    for rung in np.unique(rungs):
        mine = rungs == rung
        axes.plot(time[mine], best[mine], color=ORANGE, linewidth=2, drawstyle="steps-post", zorder=3)
        if view["iteration"] is not None:
            start = float(time[mine].min())
            axes.axvline(start, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
            said: dict[str, Any] = {"fontsize": 8, "color": GREY, "va": "top", "ha": "left"}
            axes.text(
                start, 1.0, f" {'' if rung else 'iteration '}{int(rung)}", transform=axes.get_xaxis_transform(), **said
            )
    if view["best"] in view["candidate"]:
        place = view["candidate"].index(view["best"])
        axes.scatter(time[place], score[place], **STAR)
    canvas.frame_scores(axes, view["score"])
    axes.set_xlim(left=0)
    canvas.label(axes, f"since the first split began ({unit})", view["metric"])
    return figure


def timeline(view: View, title: str | None, size: Size) -> Figure:
    """What each worker did when; a colour for each candidate."""
    workers = view["workers"]
    height = min(9.0, 1.6 + 0.32 * max(4, len(workers)))
    figure, axes = canvas.sheet(title or "who did what when", size, width=8, height=height)
    if not workers:
        return canvas.nothing(figure, axes)
    divisor, unit = canvas.time_unit(view["seconds"])
    tasks = np.array(
        [(row, *as_floats(task)) for row, worker in enumerate(workers) for task in worker["tasks"]], dtype=float
    )
    row, candidate, began = tasks[:, 0], tasks[:, 1], tasks[:, 3] / divisor
    # What has not ended gets a sliver.
    took = np.nan_to_num(tasks[:, 4]) / divisor
    left, right = began, began + np.maximum(took, view["seconds"] / divisor * 5e-4)
    corners = [(left, row - 0.36), (right, row - 0.36), (right, row + 0.36), (left, row + 0.36)]
    boxes = np.stack([np.column_stack(corner) for corner in corners], axis=1)
    colour = ScalarMappable(Normalize(0, max(1.0, float(candidate.max()))), "cividis")
    # Where most boxes are narrow, there would be nothing but borders.
    border = 0.5 if np.median(took) > 0.01 * right.max() else 0.0
    style = {"facecolors": colour.to_rgba(candidate), "edgecolors": "white", "linewidths": border}
    axes.add_collection(PolyCollection(boxes, **style))  # type: ignore[arg-type]
    axes.set_xlim(0, float(right.max()) * 1.01 or 1.0)
    axes.set_ylim(len(workers) - 0.4, -0.6)
    names = [f"worker {worker['worker']}" if worker["worker"] else "unknown worker" for worker in workers]
    canvas.name_ticks(axes, "y", names)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"since the first split began ({unit})", color=INK, fontsize=10)
    bar = figure.colorbar(colour, ax=axes, fraction=0.04, pad=0.02, ticks=MaxNLocator(6, integer=True))
    bar.set_label("candidate", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    return figure


def rungs(view: View, title: str | None, size: Size) -> Figure:
    """How the candidates of a halving search rose and dropped out."""
    steps = view["rungs"]
    figure, axes = canvas.sheet(title or f"{view['metric']} from iteration to iteration", size)
    if not steps:
        return canvas.nothing(figure, axes)
    where = {row: (place, mean) for place, step in enumerate(steps) for row, mean in _scored(step)}
    for step in steps:
        for row, after in zip(step["candidates"], step["next"], strict=True):
            if row in where and after in where:
                (x, y), (x_after, y_after) = where[row], where[after]
                axes.plot([x, x_after], [y, y_after], color=BLUE, alpha=0.45, linewidth=1.2, zorder=3)
    for place, step in enumerate(steps):
        scored, onward = _scored(step), set(step["survivors"])
        last = place == len(steps) - 1
        for stays, colour in ((False, PALE), (True, BLUE)):
            means = [mean for row, mean in scored if (last or row in onward) == stays]
            axes.scatter([place] * len(means), means, s=26, color=colour, edgecolor="white", linewidth=0.5, zorder=4)
    best = view["best"]
    if best in where:
        x, y = where[best]
        axes.scatter(x, y, **STAR)
        said: dict[str, Any] = {"xytext": (10, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
        axes.annotate(spoken_score(y), (x, y), color=INK, **said)
    canvas.frame_scores(axes, [mean for _, mean in where.values()])
    canvas.name_ticks(axes, "x", [_rung_name(step) for step in steps])
    axes.set_xlim(-0.4, len(steps) - 0.5)
    canvas.label(axes, "resources (number of candidates)", view["metric"])
    return figure


def _scored(step: View) -> list[tuple[Any, float]]:
    return [(row, mean) for row, mean in zip(step["candidates"], step["mean"], strict=True) if mean is not None]


def _rung_name(step: View) -> str:
    resources = "?" if step["resources"] is None else f"{step['resources']:g}"
    return f"{resources}\n({step['count']})"
