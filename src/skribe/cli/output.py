"""The one way out of every command: a table for people, or JSON, CSV and Markdown for everything else."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from skribe.cli.layout import Column, draw
from skribe.cli.text import literal, visible

_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain(value: Any) -> Any:
    """What JSON can hold: times in ISO's form, None for a number that is not finite."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)


def json_text(value: Any) -> str:
    """JSON that a terminal can be shown, too: what would steer it is escaped."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write(text: str) -> None:
    """To stdout. What its encoding lacks is escaped."""
    stream = sys.stdout
    if "utf" not in (getattr(stream, "encoding", None) or "utf").lower():
        with contextlib.suppress(AttributeError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    click.echo(text, color=colours())


def tell(text: str) -> None:
    """A word to the user, on stderr."""
    click.echo(text, err=True)


def is_terminal() -> bool:
    """Whether somebody looks."""
    return sys.stdout is not None and sys.stdout.isatty()


def colours() -> bool:
    """Whether there are to be colours."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, **style: Any) -> str:
    """The text with its colour, where there are any."""
    style = {key: value for key, value in style.items() if value}
    return click.style(text, **style) if style and text and colours() else text


def width() -> int | None:
    """How wide the output may be; None where it goes into a file or a pipe."""
    if is_terminal():
        return shutil.get_terminal_size().columns
    named = os.environ.get("COLUMNS", "")
    return int(named) if named.isascii() and named.isdigit() and int(named) > 0 else None


def emit(
    shape: str | None, columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, more: str = "", data: Any = None
) -> None:
    """Rows in the shape that was asked for. `more` says how to see columns that have no room; `data` is for JSON."""
    if shape == "json":
        keys = [column.key for column in columns]
        write(json_text([dict(zip(keys, row, strict=True)) for row in rows] if data is None else data))
    elif shape == "csv":
        write(csv_text([column.key for column in columns], rows))
    elif shape == "md":
        write(markdown(columns, rows))
    else:
        # Whoever reads lines needs no line below the head.
        drawn = draw(columns, rows, width(), paint, ruled=is_terminal())
        write("\n".join(drawn.lines))
        if drawn.left_out:
            what = "1 more column" if drawn.left_out == 1 else f"{drawn.left_out} more columns"
            tell(paint_err(f"{what} had no room{more and f': {more}'}"))


def paint_err(text: str) -> str:
    """A word beside the matter, dim where there are colours."""
    bright = sys.stderr is None or not sys.stderr.isatty() or os.environ.get("NO_COLOR")
    return text if bright else click.style(text, dim=True)


def csv_text(keys: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """CSV, a line for each row; what is not known is empty."""
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_csv(key) for key in keys])
    writer.writerows([_csv(cell) for cell in row] for row in rows)
    return buffer.getvalue().removesuffix("\n")


def _csv(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return "\n".join(visible(line) for line in value.replace("\r\n", "\n").split("\n"))
    return value


def markdown(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    """A table as GitHub shows it."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    told = [line([marked(column.title) for column in columns])]
    told.append(line(["---:" if column.right else "---" for column in columns]))
    for row in rows:
        told += [line([marked(column.show(cell)) for column, cell in zip(columns, row, strict=True)])]
    return "\n".join(told)


def marked(text: str) -> str:
    """The text as Markdown that shows it as it is."""
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}" if found[0] not in "<>&" else _ENTITY[found[0]], text)


_ENTITY = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def status_style(status: Any) -> dict[str, Any]:
    """The colour of a status."""
    colour = {"finished": "green", "failed": "red", "killed": "magenta", "running": "cyan"}.get(status)
    return {} if colour is None else {"fg": colour}


def styled(**style: Any) -> Callable[[Any], dict[str, Any]]:
    """The same colour for every value of a column."""
    return lambda _value: style


__all__ = ["Column", "emit", "json_text", "literal", "markdown", "paint", "status_style", "styled", "tell", "write"]
