"""What is shown of a run in little room: a head, tables and small pictures. HTML, Markdown and text are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Cell(NamedTuple):
    """One cell of a table: its text, whether it is the best of its row, and the picture that HTML shows instead."""

    text: str
    best: bool = False
    svg: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a caption. A folded one is opened by its reader; `total` counts also the rows that are not here."""

    caption: str
    rows: Sequence[Sequence[str | Cell]]
    head: tuple[str, ...] = ()
    folded: bool = False
    total: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """Sentences under each other: an advice, a verdict."""

    lines: tuple[str, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Traceback:
    """How a run ended that failed; its end is what matters."""

    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How far something has come, from 0 to 1, and the same in words."""

    share: float
    said: str


class Picture(NamedTuple):
    """A small picture, as inline SVG, and what it shows."""

    caption: str
    svg: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures beside each other."""

    pictures: tuple[Picture, ...]


Block = Table | Said | Traceback | Bar | Pictures


@dataclass(frozen=True, slots=True)
class Card:
    """A run, a search or a comparison, as a notebook shows it."""

    title: str
    short_id: str
    status: str
    facts: tuple[str, ...]  # a few words each: kind, seconds, experiment
    said: str  # the one number that says most
    blocks: tuple[Block, ...]


def opened(
    caption: str, rows: Sequence[Sequence[str | Cell]], shown: int = 12, head: tuple[str, ...] = ()
) -> list[Block]:
    """The first rows as a table, and the rest as one that is folded; nothing if there are none."""
    if not rows:
        return []
    if len(rows) <= shown + 3:
        return [Table(caption, rows, head)]
    return [Table(caption, rows[:shown], head), Table(f"{len(rows) - shown} more {caption}", rows[shown:], head, True)]


def folded(caption: str, rows: Sequence[Sequence[str | Cell]], head: tuple[str, ...] = ()) -> list[Block]:
    """A table that its reader opens; nothing if there are no rows."""
    return [Table(f"{caption} ({len(rows)})", rows, head, True)] if rows else []
