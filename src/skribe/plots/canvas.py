"""The paper that the pictures are drawn on: figures, colours and axes, without any of matplotlib's global state.

Only `draw.py` may import this, and only to draw: it needs matplotlib.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from skribe.guard import hushed
from skribe.plots.table import Array
from skribe.plots.words import spoken
from skribe.words import shorten

# The palette of Okabe and Ito, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY, PALE, INK = "#8a8a8a", "#d0d0d0", "#222222"
# From what speaks against to what speaks for: colours that stay apart for every reader.
SIGNED = LinearSegmentedColormap.from_list("skribe_signed", [VERMILION, "#f6f6f6", BLUE])
# What the best candidate looks like in every picture.
STAR: dict[str, Any] = {
    "marker": "*", "s": 210, "color": VERMILION, "edgecolor": "white", "linewidth": 0.8, "zorder": 6,
}  # fmt: skip


# One style for each line of a picture, by its number: neighbours differ in colour and in dashes.
_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, INK)
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (8, 2)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Picture(Figure):
    """A figure that a notebook shows by itself, although no pyplot knows of it."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """As every figure's, without a word on letters that the font does not have."""
        with hushed():
            super().savefig(*args, **kwargs)


def paper(size: tuple[float, float] | None, width: float = 6.8, height: float = 4.2) -> Figure:
    """An empty figure, in our style whatever the user's is."""
    return Picture(figsize=size or (width, height), dpi=120, layout="constrained", facecolor="white")


def sheet(
    title: str | None, size: tuple[float, float] | None, width: float = 6.8, height: float = 4.2
) -> tuple[Figure, Axes]:
    """A new figure and its axes."""
    figure = paper(size, width, height)
    return figure, ruled(figure.add_subplot(), title)


def ruled(axes: Axes, title: str | None = None, fontsize: float = 11) -> Axes:
    """Axes in our style, with a title if there is one."""
    axes.set_facecolor("white")
    fontsize = points(axes, fontsize)
    if title:
        axes.set_title(literal(_fitting(title, axes, fontsize)), loc="left", fontsize=fontsize, color=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.grid(True, color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=points(axes, 9), length=3)
    return axes


def figure_of(axes: Axes) -> Figure:
    """The whole figure that these axes are in."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    return figure


def points(axes: Axes, fontsize: float) -> float:
    """The size of letters in this figure: a small one has smaller letters, like any picture made smaller."""
    width, height = figure_of(axes).get_size_inches()
    return fontsize * float(min(1.0, max(0.6, min(width / 5.0, height / 3.2))))


def _fitting(title: str, axes: Axes, fontsize: float) -> str:
    """The title, shortened to what the width of its axes can hold."""
    inches = figure_of(axes).get_figwidth() * axes.get_position().width * 1.15
    return shorten(title, max(16, min(90, int(inches * 72 / (0.56 * fontsize)))))


def style_of(number: int) -> dict[str, Any]:
    """The colour and the dashes of the line with this number."""
    return {"color": colour_of(number), "linestyle": _DASHES[number % len(_DASHES)]}


def colour_of(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def marker_of(number: int) -> str:
    return _MARKERS[number % len(_MARKERS)]


def panels(
    count: int, title: str | None, size: tuple[float, float] | None, side: float = 3.0, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes in rows of up to four, under one title."""
    columns = min(count, 4 if count > 6 else 3)
    rows = math.ceil(count / columns)
    figure = paper(size, max(6.8, side * columns), max(3.6, side * rows + 0.4))
    if title:
        figure.suptitle(literal(shorten(title, 90)), x=0.01, ha="left", fontsize=11, color=INK)
    grid = figure.subplots(rows, columns, squeeze=False, **shared)
    axes = [one for row in grid for one in row]
    for empty in axes[count:]:
        empty.set_axis_off()
    return figure, [ruled(one) for one in axes[:count]]


def literal(text: str) -> str:
    """The text as it is: between two dollar signs matplotlib would read mathematics, and fail."""
    return text.replace("$", r"\$")


def label(axes: Axes, x: str, y: str) -> None:
    """Name both axes."""
    axes.set_xlabel(literal(shorten(x, 60)), color=INK, fontsize=points(axes, 10))
    axes.set_ylabel(literal(shorten(y, 45)), color=INK, fontsize=points(axes, 10))


def legend(axes: Axes, entries: Sequence[tuple[Any, str]], width: int = 36) -> None:
    """The legend, beside the picture so that it hides nothing; a few long names take two lines."""
    if entries:
        lines = 1 if len(entries) > 8 else 2
        names = [literal(textwrap.fill(name, width, max_lines=lines, placeholder=" …")) for _, name in entries]
        handles = [handle for handle, _ in entries]
        _legend_beside(axes, handles, names, points(axes, 7 if len(entries) > 12 else 8))


def short_legend(axes: Axes, entries: Sequence[tuple[Any, str]], last: Sequence[tuple[Any, str]] = ()) -> None:
    """A legend of one line each, no longer than the picture is high; the `last` entries are always there."""
    fontsize = points(axes, 8 if len(entries) <= 12 else 7)
    room = max(2, int(figure_of(axes).get_figheight() * 72 * 0.84 / (fontsize * 1.42))) - len(last)
    shown = list(entries)
    if len(shown) > room:
        shown = shown[: room - 1]
        shown.append((axes.plot([], [], alpha=0)[0], f"and {len(entries) - len(shown)} more"))
    shown += last
    _legend_beside(axes, [handle for handle, _ in shown], [literal(name) for _, name in shown], fontsize)


def _legend_beside(axes: Axes, handles: Sequence[Any], names: Sequence[str], fontsize: float) -> None:
    axes.legend(
        handles, names, fontsize=fontsize, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0
    )


def whole_ticks(axes: Axes, which: str, most: int = 9) -> None:
    """Ticks at whole numbers that are easily counted on."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(most, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def few_ticks(axes: Axes, which: str, most: int = 6) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))


def nothing(figure: Figure, axes: Axes) -> Figure:
    """Say so instead of an empty frame."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, "Nothing to show yet.", ha="center", va="center", color=GREY, transform=axes.transAxes)
    return figure


def positions(values: Sequence[Any], scale: str, known: Sequence[Any]) -> Array:
    """Where these values are on an axis of this scale; on a categorical one, their number among the known."""
    if scale != "categorical":
        return np.array(values, dtype=float)
    # 1 and True are two values, and equal to Python.
    numbers = {(type(value) is bool, value): number for number, value in enumerate(known)}
    return np.array([numbers[type(value) is bool, value] for value in values], dtype=float)


def scale_x(axes: Axes, scale: str, known: Sequence[Any]) -> None:
    """Make the x axis logarithmic, or categorical with these values, or leave it linear."""
    if scale == "log":
        logarithmic(axes, "x", [float(value) for value in known])
    elif scale == "categorical":
        name_ticks(axes, "x", [spoken(value, 24) for value in known])
        axes.set_xlim(-0.5, len(known) - 0.5)
    elif 1 < len(known) <= 6 and _are_apart([float(value) for value in known]):
        axes.xaxis.set_major_locator(FixedLocator([float(value) for value in known]))
        axes.xaxis.set_major_formatter(FuncFormatter(_number))
    else:
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=all(type(value) is int for value in known)))
        axes.xaxis.set_major_formatter(FuncFormatter(_number))


def _are_apart(known: list[float]) -> bool:
    """Whether ticks at just these numbers can be read."""
    return min(np.diff(sorted(known)), default=0.0) >= 0.08 * (max(known) - min(known))


def logarithmic(axes: Axes, which: str, values: Iterable[float]) -> None:
    """Make an axis logarithmic, with plain numbers and about as many ticks as can be read."""
    known = [value for value in values if value > 0 and math.isfinite(value)]
    if not known:
        return
    getattr(axes, f"set_{which}scale")("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    decades = math.log10(max(known)) - math.log10(min(known))
    # Within little more than a decade, the powers of ten alone are too few to read anything off.
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades >= 2 else (1.0, 2.0, 5.0), numticks=9))
    axis.set_major_formatter(FuncFormatter(_number))
    axis.set_minor_formatter(NullFormatter())
    if decades > 12:
        axis.set_minor_locator(NullLocator())


def _number(value: float, _position: object = None) -> str:
    """A tick: 0.001, 20, 1e+06. Python's own text, for matplotlib's needs a parser of mathematics."""
    text = f"{value:.6g}"
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{int(power)}" if exponent else text


def name_ticks(axes: Axes, which: str, names: Sequence[str], most: int = 24) -> None:
    """Label each place from 0 on with its name; long names are slanted, and of very many some are left out."""
    width, height = figure_of(axes).get_size_inches()
    most = max(2, min(most, int((width if which == "x" else height) * 40 / points(axes, 9))))
    step = math.ceil(len(names) / most) or 1
    places = list(range(0, len(names), step))
    shown = [names[place] for place in places]
    getattr(axes, f"set_{which}ticks")(places, labels=[literal(name) for name in shown])
    if which == "x" and sum(map(len, shown)) + 2 * len(shown) > 60:
        steep = len(shown) > 12
        for text in axes.get_xticklabels():
            text.set(rotation=90 if steep else 35, ha="center" if steep else "right", rotation_mode="anchor")
            if steep:
                text.set(va="center", ha="right")


def frame_scores(axes: Axes, scores: Iterable[float | None]) -> tuple[float, float] | None:
    """Fit the y axis to most scores: a few that are far below would squeeze all others. Say how many are not shown.

    Gives the limits that were set, or None where everything fits.
    """
    known = np.array([score for score in scores if score is not None], dtype=float)
    if len(known) < 4:
        return None
    low, high = np.quantile(known, [0.25, 0.75])
    floor = low - 6 * (high - low)
    below = int(np.sum(known < floor))
    if not below or high == low:
        return None
    kept = known[known >= floor]
    margin = 0.06 * float(np.ptp(kept)) or 1e-3
    limits = float(kept.min()) - margin, float(kept.max()) + margin
    axes.set_ylim(*limits)
    text = f"{below} {'score lies' if below == 1 else 'scores lie'} below, the lowest at {known.min():.3g}"
    axes.text(0.01, 0.015, text, transform=axes.transAxes, fontsize=8, color=GREY)
    return limits


def as_floats(values: Iterable[float | None]) -> Array:
    """The numbers with NaN for None, as matplotlib leaves a gap there."""
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def time_unit(longest: float) -> tuple[float, str]:
    """What to divide seconds by, and the unit they are in then."""
    for limit, divisor, unit in ((1e-3, 1e-6, "µs"), (1.0, 1e-3, "ms"), (300.0, 1.0, "s"), (7200.0, 60.0, "min")):
        if longest < limit:
            return divisor, unit
    return 3600.0, "h"
