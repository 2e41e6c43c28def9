"""`skribe restore`: out of the trash."""

from __future__ import annotations

from collections.abc import Sequence

import click

from skribe.cli import complete
from skribe.cli.options import run_argument, store_option


@click.command()
@run_argument("runs", several=True, required=False)
@click.option(
    "-e", "--experiment", metavar="NAME", shell_complete=complete.experiments, help="An experiment with its runs."
)
@store_option
def command(runs: Sequence[str], experiment: str | None, store: str | None) -> None:
    """Take runs, or an experiment with its runs, out of the trash.

    \b
      skribe runs --deleted
      skribe restore 4f1c22ab
      skribe restore --experiment "first try"
    """
    from skribe.cli.output import write
    from skribe.cli.stores import opened
    from skribe.cli.text import literal
    from skribe.cli.trash import check, rows_of
    from skribe.store.admin import Admin

    check(runs, experiment)
    with opened(store) as query:
        admin = Admin(query.folder)
        if experiment is not None:
            admin.restore_experiment(experiment)
            write(f"The experiment {literal(experiment)} is back.")
        for row in rows_of(query, runs):
            admin.restore_run(row.id)
            was = "is back" if row.deleted is not None else "was not in the trash"
            write(f"{row.id[-8:]} {literal(row.name, 80)} {was}.")
