"""`skribe gc`: what is deleted, and how much space that gives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import click

from skribe.cli.options import dry_run_option, shapes, store_option, yes_option

if TYPE_CHECKING:
    from skribe.store.collecting import Collected

_SHOWN = 20


@click.command()
@dry_run_option
@yes_option
@click.option(
    "--keep-models",
    metavar="TEXT",
    help='Remove the models beyond this cap: "20 GB", "best 3 by best_cv_score", or both with a comma.',
)
@click.option(
    "--empty-trash",
    type=click.FloatRange(min=0),
    is_flag=False,
    flag_value=0.0,
    metavar="[DAYS]",
    help="Also delete for good what has been in the trash for more than DAYS days; without a number, all of it.",
)
@store_option
@shapes
def command(
    dry_run: bool,
    yes: bool,
    keep_models: str | None,
    empty_trash: float | None,
    store: str | None,
    shape: str | None,
) -> None:
    """Delete files that nothing leads to any more: of deleted runs, removed models and dead processes.

    \b
      skribe gc --dry-run
      skribe gc --keep-models "20 GB"
      skribe gc --empty-trash 30 --yes         in scripts

    It shows what it found and asks. Registered models are always kept.
    """
    from skribe.cli.asking import confirmed
    from skribe.cli.output import tell, write
    from skribe.store.collecting import collect
    from skribe.store.keeping import parse_keep
    from skribe.store.location import find_store

    folder, keep = find_store(store), parse_keep(keep_models)
    found = collect(folder, keep=keep, empty_trash=empty_trash, dry_run=True)
    sure = yes or dry_run or not found.gone
    if not sure:
        for line in lines(found):
            tell(line)
        if not confirmed(f"Delete {_things(found)} for good?", yes):
            raise click.Abort
    if not dry_run:
        found = collect(folder, keep=keep, empty_trash=empty_trash)
    if shape is not None:
        _emit(found, shape, dry_run)
    else:
        for line in lines(found) if sure else ():
            write(line)
        write(_summary(found, dry_run))
    tell(f"The store is {folder}")


def lines(found: Collected) -> Iterator[str]:
    """A line about each thing, and about what is kept although it is in the trash."""
    from skribe.cli.text import visible

    for what, group in groupby(sorted(found.gone), key=lambda gone: gone.what):
        gone = list(group)
        for one in gone[:_SHOWN]:
            yield f"{what:22}  {size(one.size):>8}  {visible(one.path)}"
        if len(gone) > _SHOWN:
            rest = sum(one.size for one in gone[_SHOWN:])
            yield f"{what:22}  {size(rest):>8}  and {len(gone) - _SHOWN} more"
    for run, reason in found.kept:
        yield f"{'kept in the trash':22}  {'':>8}  {visible(run)}: {visible(reason)}"


def _emit(found: Collected, shape: str, dry_run: bool) -> None:
    from skribe.cli.output import Column, emit

    columns = [Column("what", "what"), Column("size", "size", lambda value: "" if value is None else size(value))]
    columns += [Column("path", "path", most=400), Column("deleted", "deleted", str), Column("reason", "why not")]
    rows = [(one.what, one.size, one.path, not dry_run, None) for one in sorted(found.gone)]
    kept = [("kept in the trash", None, run, False, reason) for run, reason in found.kept]
    emit(shape, columns, [*rows, *kept])


def _things(found: Collected) -> str:
    return f"{len(found.gone)} {'thing' if len(found.gone) == 1 else 'things'}, {size(found.size)},"


def _summary(found: Collected, dry_run: bool) -> str:
    if not found.gone:
        return "Nothing to delete."
    return f"{'Would delete' if dry_run else 'Deleted'} {_things(found)[:-1]}."


def size(count: float) -> str:
    """Bytes, with the unit that fits: `930 B`, `1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
