"""Options that commands share."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from skribe.cli import complete

F = TypeVar("F", bound=Callable[..., Any])
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_SHAPES = {"json": "JSON: whole ids, times in ISO's form.", "csv": "CSV.", "md": "A table in Markdown."}


def shapes(function: F) -> F:
    """`--json`, `--csv` and `--md`, as the argument `shape`."""
    for name, words in reversed(_SHAPES.items()):
        function = click.option(f"--{name}", "shape", flag_value=name, help=words)(function)
    return function


def store_option(function: F) -> F:
    """`--store`: the folder, as it is found if it is not given."""
    return click.option(
        "--store",
        type=click.Path(file_okay=False),
        metavar="FOLDER",
        help="The store's folder, instead of the one that is found from here.",
    )(function)


def experiment_option(words: str) -> Callable[[F], F]:
    """`--experiment`, which completes."""
    return click.option("-e", "--experiment", metavar="NAME", shell_complete=complete.experiments, help=words)


def where_option(function: F) -> F:
    """`--where`."""
    return click.option(
        "-w", "--where", metavar="TEXT", help='Only such runs, for example "metrics.best_cv_score > 0.9".'
    )(function)


def yes_option(function: F) -> F:
    """`--yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(function)


def dry_run_option(function: F) -> F:
    """`--dry-run`."""
    return click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done.")(function)


def run_argument(name: str, *, several: bool = False, required: bool = True) -> Callable[[F], F]:
    """One run or several, which complete."""
    return click.argument(
        name,
        nargs=-1 if several else 1,
        required=required,
        metavar="RUN..." if several else ("RUN" if required else "[RUN]"),
        shell_complete=complete.runs,
    )


class Since(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # a generic only in newer clicks
    """A day, a moment, or how long ago: `2026-10-01`, `"2026-10-01 18:00"`, `90min`, `2h`, `3d`, `1w`."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        ago = _AGO.fullmatch(value.strip())
        try:
            if ago is not None:
                return datetime.fromtimestamp(time.time() - float(ago[1]) * _SECONDS[ago[2]], UTC)
            return datetime.fromisoformat(value.strip()).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"{value!r} is no time; write 2026-10-01, '2026-10-01 18:00', or how long ago: 2h, 3d.", param, ctx
            )
