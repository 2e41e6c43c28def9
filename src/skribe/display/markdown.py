"""A card as Markdown, and as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from skribe.display.card import Bar, Card, Cell, Pictures, Said, Table, Traceback
from skribe.display.harmless import one_line
from skribe.display.page import end_of
from skribe.display.text import columns

# Bytes, as for HTML: the notebook keeps both.
_LIMIT = 16_000
_ROWS = 20
# What Markdown would read as more than a character. An underscore inside of a word means nothing.
_SPECIAL = re.compile(r"[\\`*\[\]#~$|!{}]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=\w)://|^[-+=]|^\d+(?=[.)]\s)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def card_markdown(card: Card) -> str:
    """The whole card with tables as GitHub's Markdown has them. Pictures are named, not shown."""
    facts = [f"`{_word(card.short_id)}`", plain(card.status, 80), *(plain(fact, 80) for fact in card.facts)]
    parts = [" · ".join([f"**{plain(card.title, 100)}**", *facts])]
    if card.said:
        parts.append(f"**{plain(card.said, 80)}**")
    left = _LIMIT
    for block in card.blocks:
        match block:
            case Table():
                part = _table(block)
            case Said():
                part = "\n".join(f"- {plain(line, 400)}" for line in block.lines[:10])
            case Traceback():
                part = "\n".join("    " + line for line in end_of(block.text).splitlines())
            case Bar():
                part = plain(block.said, 200)
            case Pictures():
                part = ""
        left -= len(part.encode())
        if part and left > 0:
            parts.append(part)
    return "\n\n".join(parts) + "\n"


def card_text(card: Card) -> str:
    """The same for a terminal."""
    status = ", ".join(one_line(fact, 80) for fact in (card.status, *card.facts))
    lines = [f"{one_line(card.title, 100)} {one_line(card.short_id, 40)}  ({status})"]
    if card.said:
        lines.append(f"  {one_line(card.said, 100)}")
    for block in card.blocks:
        match block:
            case Table() if block.head:
                lines += [f"  {one_line(block.caption, 80)}", *_aligned(block)]
            case Table():
                pairs = [(_text(row[0]), _text(row[1]) if len(row) > 1 else "") for row in block.rows]
                told = [(one_line(key, 60), one_line(value, 200)) for key, value in pairs]
                width = 60 if max((len(value) for _, value in told), default=0) < 100 else 200
                lines += [f"  {one_line(block.caption, 80)}", *columns(told, width=width)]
            case Said():
                lines += [f"  {one_line(line, 400)}" for line in block.lines]
            case Traceback():
                lines += [f"    {line}" for line in end_of(block.text, 4).splitlines()]
            case Bar():
                lines.append(f"  {one_line(block.said, 200)}")
            case Pictures():
                pass
    return "\n".join(lines)


def plain(text: object, width: int) -> str:
    """A text that Markdown shows as it is."""
    line = one_line(text, width).translate(_ENTITIES)
    return _SPECIAL.sub(lambda found: "".join(f"&#{ord(character)};" for character in found[0]), line)


def _word(text: str) -> str:
    """An id: it stands between backticks, where nothing can be escaped."""
    return re.sub(r"[^\w-]", "", text, flags=re.ASCII)[:40]


def _text(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    width = max(len(row) for row in table.rows)
    head = [plain(name, 40) for name in table.head] or [plain(table.caption, 80)]
    head += [" "] * (width - len(head))
    lines = [_line(head), "|" + "---|" * len(head)]
    for row in table.rows[:_ROWS]:
        cells = [plain(_text(cell), 120) for cell in row]
        marked = [isinstance(cell, Cell) and cell.best for cell in row]
        told = [f"**{cell}**" if best and cell else cell for cell, best in zip(cells, marked, strict=True)]
        lines.append(_line([*told, *[" "] * (width - len(told))]))
    more = max(table.total, len(table.rows)) - min(_ROWS, len(table.rows))
    if more > 0:
        lines += ["", f"and {more} more"]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _aligned(table: Table, most: int = 12) -> list[str]:
    """A table with a head, its columns under each other."""
    rows = [[one_line(name, 30) for name in table.head]]
    rows += [
        [one_line(_text(cell), 44) + ("*" if isinstance(cell, Cell) and cell.best else "") for cell in row]
        for row in table.rows[:most]
    ]
    widths = [max(len(row[place]) if place < len(row) else 0 for row in rows) for place in range(max(map(len, rows)))]
    lines = ["    " + "  ".join(f"{cell:<{widths[place]}}" for place, cell in enumerate(row)).rstrip() for row in rows]
    more = max(table.total, len(table.rows)) - min(most, len(table.rows))
    return [*lines, f"    … and {more} more"] if more > 0 else lines
