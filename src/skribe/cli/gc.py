"""`skribe gc`: what was deleted, and how much space that gave."""

from __future__ import annotations

from itertools import groupby

import click

from skribe.store.collecting import Collected, collect
from skribe.store.keeping import parse_keep
from skribe.store.location import find_store

_SHOWN = 20


def clean(store: str | None, keep_models: str | None, empty_trash: float | None, dry_run: bool) -> None:
    """Delete, and print a line about each thing."""
    folder = find_store(store)
    found = collect(folder, keep=parse_keep(keep_models), empty_trash=empty_trash, dry_run=dry_run)
    for what, group in groupby(sorted(found.gone), key=lambda gone: gone.what):
        gone = list(group)
        for one in gone[:_SHOWN]:
            click.echo(f"{what:22}  {size(one.size):>8}  {one.path}")
        if len(gone) > _SHOWN:
            rest = sum(one.size for one in gone[_SHOWN:])
            click.echo(f"{what:22}  {size(rest):>8}  and {len(gone) - _SHOWN} more")
    for run, reason in found.kept:
        click.echo(f"{'kept in the trash':22}  {'':>8}  {run}: {reason}")
    click.echo(_summary(found, dry_run))
    click.echo(f"The store is {folder}", err=True)


def _summary(found: Collected, dry_run: bool) -> str:
    if not found.gone:
        return "Nothing to delete."
    would = "Would delete" if dry_run else "Deleted"
    return f"{would} {len(found.gone)} {'thing' if len(found.gone) == 1 else 'things'}, {size(found.size)}."


def size(count: float) -> str:
    """Bytes, with the unit that fits: `930 B`, `1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
