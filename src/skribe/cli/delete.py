"""`skribe delete`: into the trash."""

from __future__ import annotations

from collections.abc import Sequence

import click

from skribe.cli import complete
from skribe.cli.options import dry_run_option, run_argument, store_option, yes_option


@click.command()
@run_argument("runs", several=True, required=False)
@click.option(
    "-e", "--experiment", metavar="NAME", shell_complete=complete.experiments, help="An experiment with all its runs."
)
@dry_run_option
@yes_option
@store_option
def command(runs: Sequence[str], experiment: str | None, dry_run: bool, yes: bool, store: str | None) -> None:
    """Put runs, or an experiment with its runs, into the trash. `skribe restore` takes them out again.

    \b
      skribe delete 4f1c22ab 90d3aa01
      skribe delete --experiment "first try" --dry-run
      skribe delete last --yes

    What is in the trash takes as much space as before; `skribe gc --empty-trash` deletes it for good.
    """
    from skribe.cli.asking import confirmed
    from skribe.cli.output import tell, write
    from skribe.cli.stores import opened
    from skribe.cli.text import literal
    from skribe.cli.trash import check, line, rows_of
    from skribe.errors import NotFound
    from skribe.store.admin import Admin
    from skribe.words import count

    check(runs, experiment)
    with opened(store) as query:
        admin = Admin(query.folder)
        if experiment is not None:
            found = {row.name: row for row in query.experiments()}.get(experiment)
            if found is None:
                raise NotFound(f"there is no experiment {experiment!r}; `skribe experiments` lists them")
            what = f"the experiment {literal(experiment)} with {count(found.runs, 'run')}"
        else:
            rows = rows_of(query, runs)
            for row in rows:
                (write if dry_run else tell)(line(query, row))
            what = count(len(rows), "run")
        if dry_run:
            write(f"Would put {what} into the trash.")
        elif not confirmed(f"Put {what} into the trash?", yes):
            raise click.Abort
        else:
            if experiment is not None:
                admin.delete_experiment(experiment)
            else:
                for row in rows:
                    admin.delete_run(row.id)
            write(f"Put {what} into the trash.")
