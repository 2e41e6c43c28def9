"""`skribe models`: the registered names, their versions, and the runs that they come from."""

from __future__ import annotations

import contextlib
from datetime import datetime

import click

from skribe.display.text import headline
from skribe.store.location import find_store
from skribe.store.query import Query
from skribe.words import shorten

_HEAD = ("name", "version", "aliases", "stage", "run", "created", "metric")


def listing(store: str | None) -> None:
    """Print one line for each version, the newest of each name first."""
    folder = find_store(store)
    with contextlib.closing(Query(folder)) as query:
        versions = sorted(query.versions(), key=lambda row: (row.name, -row.version))
        rows = [
            (
                shorten(row.name, 40),
                str(row.version),
                shorten(", ".join(row.aliases), 30),
                "" if row.stage == "None" else row.stage,
                row.run[-8:],
                datetime.fromtimestamp(row.created).strftime("%Y-%m-%d %H:%M"),
                headline({metric.key: metric.value for metric in query.metrics(row.run)}),
            )
            for row in versions
        ]
        unused = sorted(set(query.registered_names()) - {row.name for row in versions})
    if not rows and not unused:
        click.echo('No models are registered. In Python: skribe.register("<run id>", "<name>")')
    elif rows:
        widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
        for cells in (_HEAD, *rows):
            line = (f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True))
            click.echo("  ".join(line).rstrip())
    for name in unused:
        click.echo(f"{shorten(name, 40)}  (no version)")
    click.echo(f"The store is {folder}", err=True)
