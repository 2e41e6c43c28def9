"""`skribe import`."""

from __future__ import annotations

from typing import Any

import click

from skribe.cli.options import dry_run_option, store_option


@click.command()
@click.argument("source", type=click.Path())
@click.option("-e", "--experiment", metavar="NAME", help="Put new runs into this experiment, instead of their own.")
@click.option("--deleted", is_flag=True, help="Also runs that are deleted in MLflow.")
@dry_run_option
@store_option
def command(source: str, **chosen: Any) -> None:
    """Bring runs into the store: from an archive, or from what MLflow has written. Twice is the same as once.

    \b
      skribe import runs.zip                 an archive of `skribe export`
      skribe import mlflow.db --dry-run      MLflow's database; it is not changed
      skribe import mlruns                   MLflow's folder
    """
    from skribe.cli.exchange import bring_in

    bring_in(source, **chosen)
