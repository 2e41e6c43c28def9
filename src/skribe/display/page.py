"""A card as HTML for notebooks: escaped, without scripts and ids, in the colours of the page, and never too large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from skribe.display.card import Bar, Block, Card, Cell, Pictures, Said, Table, Traceback, opened
from skribe.display.harmless import one_line, visible
from skribe.display.style import IGNORED, STATUS, STYLE
from skribe.display.text import number
from skribe.words import seconds

# Bytes. A notebook keeps what it shows, and many of its readers load all of it.
LIMIT = 56_000
_ROWS = (40, 20, 10, 4)
_CELL = 120


def card_html(card: Card) -> str:
    """The whole card. What does not fit into `LIMIT` bytes is left out, and that is said."""
    parts = [STYLE, f'<div class="skribe-run {IGNORED}">', _head(card)]
    left = LIMIT - sum(len(part.encode()) for part in parts)
    missing = 0
    for row in _rows_of(card.blocks):
        html = _row(row, left)
        missing += not html
        left -= len(html.encode())
        parts.append(html)
    if missing:
        parts.append('<p class="skribe-faint">More is recorded than fits here.</p>')
    return "".join(parts) + "</div>"


def run_html(
    title: str,
    short_id: str,
    status: str,
    wall: float | None,
    tables: Mapping[str, Iterable[tuple[str, object]]],
    error: str | None = None,
) -> str:
    """A head, and a table for each group of facts."""
    blocks: list[Block] = [Traceback(error)] if error else []
    for caption, pairs in tables.items():
        blocks += opened(caption, [(key, shown(value)) for key, value in pairs], 40)
    return card_html(Card(title, short_id, status, (() if wall is None else (seconds(wall),)), "", tuple(blocks)))


def shown(value: object) -> str:
    """A value in a table."""
    return number(value) if isinstance(value, float) else str(value)


def end_of(error: str, lines: int = 8, width: int = 300) -> str:
    """The last lines of a traceback, where the message is."""
    told = [visible(line[: 4 * width]) for line in error.rstrip()[-50_000:].splitlines()[-lines - 1 :]]
    told = [line if len(line) <= width else line[: width - 1] + "…" for line in told]
    return "\n".join(["…", *told[-lines:]] if len(told) > lines else told)


def _head(card: Card) -> str:
    # Only words of our own become the name of a class.
    word = f"skribe-{card.status}" if card.status in STATUS else "skribe-faint"
    facts = " · ".join(escape(one_line(fact, 80)) for fact in card.facts)
    status = f'<span class="{word}">{"● " if card.status in STATUS else ""}{escape(one_line(card.status, 80))}</span>'
    said = f'<span class="skribe-said">{escape(one_line(card.said, 80))}</span>' if card.said else ""
    return (
        f'<div class="skribe-head"><b><bdi>{escape(one_line(card.title, 100))}</bdi></b> '
        f"<code>{escape(one_line(card.short_id, 40))}</code> {status} "
        f'<span class="skribe-faint">{facts}</span> {said}</div>'
    )


def _rows_of(blocks: Sequence[Block]) -> list[list[Block]]:
    """Tables that are open stand beside each other; all else has a row of its own."""
    rows: list[list[Block]] = []
    for block in blocks:
        beside = isinstance(block, Table) and not block.folded
        last = rows[-1][-1] if rows else None
        if beside and isinstance(last, Table) and not last.folded:
            rows[-1].append(block)
        else:
            rows.append([block])
    return rows


def _row(blocks: Sequence[Block], room: int) -> str:
    """The blocks of a row, with as many lines as there is room for; empty if there is none."""
    first = blocks[0]
    if isinstance(first, Pictures):
        return _pictures(first, room)
    for most in _ROWS:
        html = "".join(f"<div>{_block(block, most)}</div>" for block in blocks)
        if len(blocks) > 1:
            html = f'<div class="skribe-row">{html}</div>'
        # A table takes no more than its part, so that what comes later is seen as well.
        if len(html.encode()) <= min(room, LIMIT // 3):
            return html
    return ""


def _block(block: Block, most: int) -> str:
    match block:
        case Table():
            return _table(block, most)
        case Traceback():
            return f"<pre>{escape(end_of(block.text))}</pre>"
        case Bar():
            share = min(1.0, max(0.0, block.share))
            inner = f'<div style="width:{share:.1%}"></div>'
            bar = f'<div class="skribe-bar" role="img" aria-label="{share:.0%}">{inner}</div>'
            return escape(one_line(block.said, 200)) + bar
        case Said():
            lines = [escape(one_line(line, 400)) for line in block.lines[:10]]
            caption = (
                f'<span class="skribe-faint">{escape(one_line(block.caption, 80))}</span><br>' if block.caption else ""
            )
            return f"<p>{caption}{'<br>'.join(lines)}</p>"
    return ""


def _pictures(block: Pictures, room: int) -> str:
    told: list[str] = []
    for caption, svg in block.pictures:
        html = f"<figure><figcaption>{escape(one_line(caption, 90))}</figcaption>{svg}</figure>"
        # A third is left to what follows.
        if sum(map(len, told)) + len(html) < room * 2 // 3:
            told.append(html)
    return f'<div class="skribe-row skribe-pictures">{"".join(told)}</div>' if told else ""


def _table(table: Table, most: int) -> str:
    head = "".join(f"<th>{escape(one_line(name, 40))}</th>" for name in table.head)
    lines = [f"<thead><tr>{head}</tr></thead>"] if head else []
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows[:most])
    more = max(table.total, len(table.rows)) - min(most, len(table.rows))
    if more > 0:
        width = max((len(row) for row in table.rows[:most]), default=1)
        body += f'<tr><td colspan="{width}" class="skribe-faint">and {more} more</td></tr>'
    lines.append(f"<tbody>{body}</tbody>")
    caption = escape(one_line(table.caption, 80))
    if table.folded:
        return f"<details><summary>{caption}</summary><table>{''.join(lines)}</table></details>"
    return f"<table><caption>{caption}</caption>{''.join(lines)}</table>"


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return f"<td>{escape(one_line(cell, _CELL))}</td>"
    mark = ' class="skribe-best"' if cell.best else ""
    return f"<td{mark}>{cell.svg or escape(one_line(cell.text, _CELL))}</td>"
