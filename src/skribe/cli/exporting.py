"""`skribe export`."""

from __future__ import annotations

from typing import Any

import click

from skribe.cli import complete
from skribe.cli.options import experiment_option, store_option, where_option


@click.command()
@click.argument("target", type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["zip", "parquet", "csv", "jsonl"]),
    help="Instead of the one that the target's name ends with.",
)
@experiment_option("Only runs of this experiment.")
@where_option
@click.option(
    "--run", "runs", multiple=True, metavar="ID", shell_complete=complete.runs, help="Only this run; repeatable."
)
@click.option("--children/--no-children", default=True, help="With the runs inside of them (as usual), or without.")
@click.option("--history", is_flag=True, help="CSV and Parquet: every value of every metric in a second file.")
@click.option("--no-models", is_flag=True, help="Archives: without the models.")
@store_option
def command(target: str, no_models: bool, **chosen: Any) -> None:
    """Write runs to a file: an archive for another store, or a table for other tools.

    \b
      skribe export runs.zip                     everything, with files and models
      skribe export best.zip --where "metrics.best_cv_score > 0.9"
      skribe export last.zip --run last
      skribe export runs.parquet --history       one row per run, and a file of all metric values
      skribe export - --format csv | less        `-` is stdout, for csv and jsonl
    """
    from skribe.cli.exchange import bring_out

    bring_out(target, models=not no_models, **chosen)
