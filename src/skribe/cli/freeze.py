"""`skribe freeze`: the page as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from skribe.cli import complete
from skribe.cli.options import experiment_option, store_option, where_option


@click.command()
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@experiment_option("Only runs of this experiment.")
@where_option
@click.option(
    "--run", "runs", multiple=True, metavar="RUN", shell_complete=complete.runs, help="Only this run; repeatable."
)
@click.option("--compare", metavar="A,B", help="Also the page that compares these runs.")
@click.option("-l", "--limit", type=click.IntRange(min=1), help="At most so many runs, the newest.")
@click.option("--no-artifacts", is_flag=True, help="Without the files of runs.")
@click.option("--models", is_flag=True, help="With the models.")
@store_option
def command(
    target: Path, store: str | None, no_artifacts: bool, limit: int | None, compare: str | None, **chosen: Any
) -> None:
    """Write the page as files into DIR: to be mailed, kept, or put on any web server.

    \b
      skribe freeze report --experiment churn
      skribe freeze report --run 4f1c22ab --run 90d3aa01 --compare 4f1c22ab,90d3aa01
    """
    from skribe.cli.gc import size
    from skribe.cli.output import tell, write
    from skribe.cli.stores import opened, run_id
    from skribe.cli.text import literal
    from skribe.ui.freeze import freeze
    from skribe.words import count

    with opened(store) as query:
        runs = tuple(run_id(query, run) for run in chosen.pop("runs"))
        compared = tuple(run_id(query, run.strip()) for run in (compare or "").split(",") if run.strip())
        folder = query.folder
    if compare is not None and len(compared) < 2:
        raise click.UsageError("--compare takes two runs or more, with commas between them")
    if limit is not None:
        chosen["limit"] = limit
    done = freeze(folder, target, runs=runs, compare=compared, artifacts=not no_artifacts, **chosen)
    write(f"Wrote {count(done.pages, 'page')}, {size(done.size)}, to {target}; open {target / 'index.html'}")
    for line in done.left_out:
        tell(f"left out: {literal(line).replace('models=True takes', '--models takes')}")
