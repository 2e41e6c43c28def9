"""`skribe rename`: another name for an experiment."""

from __future__ import annotations

import click

from skribe.cli import complete
from skribe.cli.options import store_option


@click.command()
@click.argument("experiment", shell_complete=complete.experiments)
@click.argument("name")
@store_option
def command(experiment: str, name: str, store: str | None) -> None:
    """Give EXPERIMENT another NAME. Its runs stay with it.

    \b
      skribe rename default churn
    """
    from skribe.cli.output import write
    from skribe.cli.stores import there
    from skribe.cli.text import literal
    from skribe.store.admin import Admin

    Admin(there(store)).rename_experiment(experiment, name)
    write(f"{literal(experiment)} is called {literal(name)} now.")
