"""A table that fits the terminal: texts are cut down, and the least important columns left out, before it wraps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from skribe.cli.text import literal

_GAP = "  "
_TITLE = 15  # a long title over a narrow column is cut to this


class Column(NamedTuple):
    """A column of a table: how it is called for machines and for people, and how its values look."""

    key: str
    title: str
    show: Callable[[Any], str] = literal
    rank: int = 5  # what is higher is left out first; 0 never
    right: bool = False
    least: int = 0  # a text may be cut down to this; 0: it is shown whole
    most: int = 60
    style: Callable[[Any], dict[str, Any]] | None = None
    brief: Callable[[Any], str] | None = None  # what is shown where there is no room for all of it


class Drawn(NamedTuple):
    """The lines of a table, and how many columns had no room."""

    lines: list[str]
    left_out: int


def wide(text: str) -> int:
    """How many cells of the terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int, end: bool = False) -> str:
    """The text in so many cells at most; with `end`, its end is what remains."""
    if wide(text) <= width:
        return text
    if width < 1:
        return ""
    kept = text[::-1] if end else text
    kept = kept[:width]
    while wide(kept) > width - 1:
        kept = kept[:-1]
    return "…" + kept[::-1] if end else kept + "…"


def draw(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    width: int | None,
    paint: Callable[..., str],
    *,
    head: bool = True,
    ruled: bool = True,
) -> Drawn:
    """The table as lines of at most `width` cells; None: as wide as it likes. `paint` gives a text its colour."""
    texts = [
        [cut(column.show(value), column.most) for column, value in zip(columns, row, strict=True)] for row in rows
    ]
    bodies = [max((wide(row[place]) for row in texts), default=0) for place in range(len(columns))]
    full = [max(body, wide(column.title) if head else 0) for body, column in zip(bodies, columns, strict=True)]
    briefs: list[list[str] | None] = [
        [column.brief(row[place]) for row in rows] if column.brief is not None else None
        for place, column in enumerate(columns)
    ]
    least = [
        max(_least(column, body, brief), min(wide(column.title), _TITLE) if head else 0)
        for body, column, brief in zip(bodies, columns, briefs, strict=True)
    ]
    kept = _kept(columns, least, width)
    widths = _widths(columns, kept, least, full, width)
    for place in kept:
        brief = briefs[place]
        if brief is not None and widths[place] < bodies[place]:
            for shown, text in zip(texts, brief, strict=True):
                shown[place] = text
    lines = []
    if head:
        titles = [cut(columns[place].title, widths[place], end=True) for place in kept]
        lines.append(_line([paint(t, bold=True) for t in titles], titles, columns, kept, widths))
        if ruled:
            lines.append(_line([paint("─" * widths[place], dim=True) for place in kept], None, columns, kept, widths))
    for row, told in zip(rows, texts, strict=True):
        plain = [cut(told[place], widths[place]) for place in kept]
        styles = [columns[place].style for place in kept]
        painted = [
            text if style is None else paint(text, **style(row[place]))
            for place, text, style in zip(kept, plain, styles, strict=True)
        ]
        lines.append(_line(painted, plain, columns, kept, widths))
    return Drawn([line.rstrip() for line in lines], len(columns) - len(kept))


def _least(column: Column, body: int, brief: Sequence[str] | None) -> int:
    if brief is not None:
        return max(map(wide, brief), default=0)
    return min(body, column.least) if column.least else body


def _kept(columns: Sequence[Column], least: Sequence[int], width: int | None) -> list[int]:
    kept = list(range(len(columns)))
    if width is None:
        return kept
    while len(kept) > 1 and sum(least[place] + len(_GAP) for place in kept) - len(_GAP) > width:
        worst = max(kept, key=lambda place: (columns[place].rank, place))
        if columns[worst].rank == 0:
            break
        kept.remove(worst)
    return kept


def _widths(
    columns: Sequence[Column], kept: Sequence[int], least: Sequence[int], full: Sequence[int], width: int | None
) -> dict[int, int]:
    """Each column's share: what it needs, then in the order of importance what it would like."""
    widths = {place: (full if width is None else least)[place] for place in kept}
    if width is None:
        return widths
    left = width - sum(widths.values()) - len(_GAP) * (len(kept) - 1)
    for place in sorted(kept, key=lambda place: columns[place].rank):
        more = max(0, min(full[place] - widths[place], left))
        widths[place] += more
        left -= more
    while left < 0 and max(widths.values()) > 1:
        widest = max(widths, key=lambda place: widths[place])
        widths[widest] -= 1
        left += 1
    return widths


def _line(
    painted: Sequence[str],
    plain: Sequence[str] | None,
    columns: Sequence[Column],
    kept: Sequence[int],
    widths: dict[int, int],
) -> str:
    cells = []
    for number, place in enumerate(kept):
        missing = " " * (0 if plain is None else widths[place] - wide(plain[number]))
        cells.append(missing + painted[number] if columns[place].right else painted[number] + missing)
    return _GAP.join(cells)
