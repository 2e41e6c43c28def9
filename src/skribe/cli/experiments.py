"""`skribe experiments`: the names under which runs are."""

from __future__ import annotations

import click

from skribe.cli.options import shapes, store_option


@click.command()
@click.option("--deleted", is_flag=True, help="Those in the trash instead.")
@store_option
@shapes
@click.pass_context
def command(ctx: click.Context, deleted: bool, store: str | None, shape: str | None) -> None:
    """List the experiments, the one used last first.

    \b
      skribe experiments
      skribe experiments --deleted
      skribe experiments --json | jq -r '.[].name'
    """
    from skribe.cli.output import Column, emit, styled, tell
    from skribe.cli.stores import opened
    from skribe.cli.text import age, literal, moment

    with opened(store) as query:
        found = query.experiments(deleted)
        folder = query.folder
    columns = [
        Column("name", "experiment", rank=0, least=12, most=80),
        Column("runs", "runs", rank=1, right=True),
        Column("last_start", "last run", age, rank=2, right=True, style=styled(dim=True)),
        Column("created", "created", lambda value: literal(value)[:10], rank=3, style=styled(dim=True)),
    ]
    rows = [[row.name, row.runs, moment(row.last_start), moment(row.created)] for row in found]
    if deleted:
        columns.append(Column("deleted", "deleted", age, rank=2, right=True))
        rows = [[*cells, moment(row.deleted)] for cells, row in zip(rows, found, strict=True)]
    if rows or shape is not None:
        emit(shape, columns, rows)
    if not rows:
        tell(f"There is no experiment{' in the trash' if deleted else ''} in {folder}.")
    ctx.exit(0 if rows else 1)
