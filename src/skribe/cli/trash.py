"""What `skribe delete` and `skribe restore` share: which runs, or which experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from skribe.words import count

if TYPE_CHECKING:
    from skribe.store.query import Query, RunRow


def check(runs: Sequence[str], experiment: str | None) -> None:
    """One of both must be named."""
    if bool(runs) == (experiment is not None):
        raise click.UsageError("name runs, or an experiment with --experiment NAME")


def rows_of(query: Query, runs: Sequence[str]) -> list[RunRow]:
    """The runs, each once, before anything is changed: a wrong id changes nothing."""
    from skribe.cli.stores import run_id

    ids = dict.fromkeys(run_id(query, run) for run in runs)
    return [query.run_row(run) for run in ids]


def line(query: Query, row: RunRow) -> str:
    """A run in a line: what it is, and how many are inside of it."""
    from skribe.cli.text import age, literal, moment, short

    inside = len(query.children(row))
    more = f", with {count(inside, 'run')} inside" if inside else ""
    return f"{short(row.id)}  {literal(row.name, 80)}  ({age(moment(row.start))}, {literal(row.status, 20)}{more})"
