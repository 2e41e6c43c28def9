"""Small pictures of a search: the score along one parameter, over two of them, and how the search went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skribe.display.card import Picture
from skribe.display.svg import HEIGHT, WIDTH, Plot, Sheet, short, thinned

View = Mapping[str, Any]
# So many cells of a heat map have room for their numbers.
_NUMBERED = 36
_SLICES = 4


def validation_curve(view: View) -> Picture | None:
    """The mean score along one parameter, with its spread and the score of each split; through the best first."""
    slices = view.get("slices") or ([view] if view.get("kind") == "scatter" else [])
    values = list(dict.fromkeys(value for one in slices for value in one["x"]))
    means = [mean for one in slices for mean in one["mean"] if mean is not None]
    if len(means) < 2 or len(values) < 2:
        return None
    log, numeric = view["axis"] == "log", view["axis"] != "categorical"
    where = {value: float(value) if numeric else float(place) for place, value in enumerate(values)}
    spread = [d or 0.0 for one in slices[:1] for m, d in zip(one["mean"], one["std"], strict=True) if m is not None]
    first = [m for m in slices[0]["mean"] if m is not None]
    edges = [m + s * d for m, d in zip(first, spread, strict=True) for s in (-1, 1)]
    title = f"{view['metric']} by {view['parameter']}"
    plot = Plot(title, where.values(), [*means, *edges], (str(view["parameter"]), str(view["metric"])), log=log)
    plot.ticks(None if numeric else [(place, _label(value)) for value, place in where.items()])
    for number, one in reversed(list(enumerate(slices[:_SLICES]))):
        xs = [where[value] for value in one["x"]]
        if view.get("kind") == "scatter":
            plot.sheet.dots(thinned(plot.places(xs, one["mean"]), 250))
            continue
        line = plot.places(xs, one["mean"])
        if number:
            plot.sheet.line(line, 0, 1, 0.3)
            continue
        low = [None if m is None else m - (d or 0) for m, d in zip(one["mean"], one["std"], strict=True)]
        high = [None if m is None else m + (d or 0) for m, d in zip(one["mean"], one["std"], strict=True)]
        plot.sheet.area([*plot.places(xs, high), *reversed(plot.places(xs, low))])
        plot.sheet.line(line)
        plot.sheet.dots(line, size=5, opacity=1)
        for split in zip(*one["folds"], strict=False):
            plot.sheet.dots(plot.places(xs, split), size=2.5, opacity=0.5)
    return _picture(title, plot.done())


def heat_map(view: View) -> Picture | None:
    """The best score of each pair of values; the cell of the best candidate has a border."""
    columns, rows, cells = view["x"]["values"], view["y"]["values"], view["mean"]
    known = [value for row in cells for value in row if value is not None]
    if not known or len(columns) * len(rows) > 300:
        return None
    title = f"{view['metric']} by {view['x']['parameter']} and {view['y']['parameter']}"
    sheet = Sheet(f"{title}: from {short(min(known))} to {short(max(known))}")
    left, top = 60.0, 4.0
    width, height = (WIDTH - left - 6) / len(columns), (HEIGHT - top - 32) / len(rows)
    low, span = min(known), (max(known) - min(known)) or 1.0
    by_shade: dict[int, list[tuple[float, float, float, float]]] = {}
    numbers = []
    for down, row in enumerate(reversed(cells)):
        for across, value in enumerate(row):
            if value is not None:
                box = left + across * width, top + down * height, width - 1, height - 1
                by_shade.setdefault(round(10 * (value - low) / span), []).append(box)
                numbers.append((box[0] + width / 2, box[1] + height / 2 + 3.5, f"{value:.3g}"))
    for shade, boxes in by_shade.items():
        sheet.boxes(boxes, 0.06 + 0.05 * shade)
    if len(numbers) <= _NUMBERED and height >= 12 and width >= 26:
        sheet.texts((x, y, text.removeprefix("0")) for x, y, text in numbers)
    if view.get("best") is not None:
        down, across = view["best"]
        sheet.frame(left + across * width, top + (len(rows) - 1 - down) * height, width - 1, height - 1)
    _sides(sheet, view, (left, top, width, height))
    return _picture(title, sheet.done())


def _sides(sheet: Sheet, view: View, place: tuple[float, float, float, float]) -> None:
    left, top, width, height = place
    columns, rows = view["x"]["values"], view["y"]["values"]
    each = max(1, round(40 / width))
    for across in range(0, len(columns), each):
        x = left + (across + 0.5) * width
        sheet.text(
            x, HEIGHT - 18, _label(columns[across]), width=max(3, int(width * each / 6)), anchor="middle", faint=True
        )
    each = max(1, round(12 / height))
    for down in range(0, len(rows), each):
        y = top + (len(rows) - 1 - down + 0.5) * height + 3.5
        sheet.text(left - 4, y, _label(rows[down]), width=6, anchor="end", faint=True)
    sheet.text((left + WIDTH - 6) / 2, HEIGHT - 4, view["x"]["parameter"], width=34, anchor="middle", faint=True)
    sheet.upwards(9, top + height * len(rows) / 2, view["y"]["parameter"])


def course(view: View) -> Picture | None:
    """The score of each candidate in the order in which they ended, and the best until then."""
    scores, best = view.get("score") or [], view.get("best_so_far") or []
    known = [score for score in scores if score is not None]
    if len(known) < 2:
        return None
    order = list(range(1, len(scores) + 1))
    title = f"{view['metric']} by candidate"
    plot = Plot(title, order, known, ("candidates, as they ended", str(view["metric"])))
    plot.ticks()
    plot.sheet.dots(thinned(plot.places(order, scores), 250), opacity=0.45)
    plot.sheet.line(_steps(thinned(plot.places(order, best), 100)))
    return _picture(title, plot.done())


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same line as a staircase: the best stays until there is a better one."""
    stairs: list[tuple[float, float]] = []
    for x, y in points:
        if stairs and stairs[-1][1] != y:
            stairs.append((x, stairs[-1][1]))
        stairs.append((x, y))
    return stairs


def _label(value: Any) -> str:
    if isinstance(value, float):
        return short(float(f"{value:.2g}"))
    return short(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _picture(caption: str, svg: str) -> Picture | None:
    return Picture(caption, svg) if svg else None
