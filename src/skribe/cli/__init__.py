"""The `skribe` command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

import skribe


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(skribe.__version__, prog_name="skribe")
def main() -> None:
    """skribe writes down every scikit-learn fit."""


@main.command()
@click.option("--store", type=click.Path(), help="Write to this folder instead of the one that is found from here.")
def demo(store: str | None) -> None:
    """Train four small models with skribe on, and show what it wrote down."""
    from skribe.cli.demo import play

    play(store)


@main.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
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
@click.option("--store", type=click.Path(), help="The store's folder, instead of the one that is found from here.")
def gc(dry_run: bool, keep_models: str | None, empty_trash: float | None, store: str | None) -> None:
    """Delete files that nothing leads to any more: of deleted runs, removed models and dead processes.

    Registered models are always kept.
    """
    from skribe.cli.gc import clean

    with _told():
        clean(store, keep_models, empty_trash, dry_run)


@main.command()
@click.option("--store", type=click.Path(), help="The store's folder, instead of the one that is found from here.")
def models(store: str | None) -> None:
    """List the registered models."""
    from skribe.cli.models import listing

    with _told():
        listing(store)


@main.command()
@click.option(
    "--backend",
    "backends",
    multiple=True,
    metavar="NAME[:ADDRESS]",
    help="Where to, such as mlflow:http://localhost:5000; several times for several. Without it, everywhere that this"
    " store has been delivered to.",
)
@click.option("--since", type=click.DateTime(), help="Deliver the runs that began then or later, also older ones.")
@click.option("--all", "everything", is_flag=True, help="Deliver all runs, also from before the backend was used.")
@click.option("--retry", is_flag=True, help="Try again what the backend would not take.")
@click.option("--dry-run", is_flag=True, help="Only say what waits.")
@click.option("--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait.")
@click.option("--store", type=click.Path(), help="The store's folder, instead of the one that is found from here.")
@click.pass_context
def sync(ctx: click.Context, /, store: str | None, **asked: Any) -> None:
    """Deliver what is pending, from any past process, to the backends; also to one that was never used before.

    \b
    skribe sync                                      whatever is pending
    skribe sync --dry-run                            only say what is
    skribe sync --backend mlflow:http://host:5000 --since 2026-10-01

    The exit code is 1 if something could not be delivered.
    """
    from skribe.cli.sync import synchronise

    with _told():
        if not synchronise(store, **asked):
            ctx.exit(1)


@main.command("export")
@click.argument("target", type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["zip", "parquet", "csv", "jsonl"]),
    help="Instead of the one that the target's name ends with.",
)
@click.option("--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option("--where", metavar="TEXT", help='Only such runs, for example "metrics.best_cv_score > 0.9".')
@click.option("--run", "runs", multiple=True, metavar="ID", help="Only this run; may be given several times.")
@click.option("--children/--no-children", default=True, help="With the runs inside of them (as usual), or without.")
@click.option("--history", is_flag=True, help="CSV and Parquet: every value of every metric in a second file.")
@click.option("--no-models", is_flag=True, help="Archives: without the models.")
@click.option("--store", type=click.Path(), help="The store's folder, instead of the one that is found from here.")
def export(target: str, no_models: bool, **chosen: Any) -> None:
    """Write runs to a file: an archive for another store, or a table for other tools.

    \b
      skribe export runs.zip                     everything, with files and models
      skribe export best.zip --where "metrics.best_cv_score > 0.9"
      skribe export runs.parquet --history       one row per run, and a file of all metric values
      skribe export - --format csv | less        `-` is stdout, for csv and jsonl
    """
    from skribe.cli.exchange import bring_out

    with _told():
        bring_out(target, models=not no_models, **chosen)


@main.command("import")
@click.argument("source", type=click.Path())
@click.option("--experiment", metavar="NAME", help="Put new runs into this experiment, instead of their own.")
@click.option("--deleted", is_flag=True, help="Also runs that are deleted in MLflow.")
@click.option("--dry-run", is_flag=True, help="Only say what would come.")
@click.option("--store", type=click.Path(), help="Write to this folder instead of the one that is found from here.")
def import_(source: str, **chosen: Any) -> None:
    """Bring runs into the store: from an archive, or from what MLflow has written. Twice is the same as once.

    \b
      skribe import runs.zip                 an archive of `skribe export`
      skribe import mlflow.db --dry-run      MLflow's database; it is not changed
      skribe import mlruns                   MLflow's folder
    """
    from skribe.cli.exchange import bring_in

    with _told():
        bring_in(source, **chosen)


@contextmanager
def _told() -> Iterator[None]:
    """What skribe raises on purpose is a message to the user, not a traceback."""
    try:
        yield
    except skribe.SkribeError as error:
        raise click.ClickException(str(error)) from None
