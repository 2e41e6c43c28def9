"""`skribe best`: the best run of an experiment, for people and for scripts."""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING

import click

from skribe.cli import complete
from skribe.cli.options import shapes, store_option
from skribe.errors import QueryError

if TYPE_CHECKING:
    from skribe.store.query import Query


@click.command()
@click.argument("experiment", shell_complete=complete.experiments)
@click.option("-m", "--metric", required=True, metavar="KEY", shell_complete=complete.metrics, help="By this metric.")
@click.option("-n", "count", type=click.IntRange(min=1), default=1, show_default=True, help="The best so many.")
@click.option("--max", "way", flag_value="max", help="The greatest value is the best.")
@click.option("--min", "way", flag_value="min", help="The least value is the best.")
@store_option
@shapes
@click.pass_context
def command(
    ctx: click.Context, experiment: str, metric: str, count: int, way: str | None, store: str | None, shape: str | None
) -> None:
    """Find the best run of EXPERIMENT, candidates of searches among them: prints its id, the value and the name.

    \b
      skribe best churn --metric accuracy
      skribe best churn -m best_cv_score -n 5
      skribe best churn -m my_cost --min --json
      skribe show $(skribe best churn -m best_cv_score | cut -d' ' -f1)

    A part of the metric's name will do if there is only one such. Whether the greatest or the least value is the best
    is known of the metrics of scikit-learn; of others say --max or --min. The exit code is 1 if no run has it.
    """
    from skribe.cli.stores import opened

    with opened(store) as query:
        if experiment not in (known := [row.name for row in query.experiments()]):
            near = difflib.get_close_matches(experiment, known, 2)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ". `skribe experiments` lists them."
            raise click.ClickException(f"there is no experiment {experiment!r}{hint}")
        key = _key(query, experiment, metric)
        if not _print(query, experiment, key, count, _ascending(key, way), shape):
            raise click.ClickException(f"no run of {experiment!r} has a value of {key}")
    ctx.exit(0)


def _key(query: Query, experiment: str, metric: str) -> str:
    """The key that is meant. What the words of it leave open is told."""
    from skribe.cli.output import tell
    from skribe.cli.text import literal

    lines = query.runs_page(experiment, children=True, limit=2000).rows
    keys = query.keys("metrics", [line.id for line in lines])
    metric = metric.removeprefix("metrics.")
    if metric in keys:
        return metric
    within = [key for key in keys if metric.lower() in key.lower()]
    if len(within) == 1:
        tell(f"--metric {literal(metric)}: by {literal(within[0])}")
        return within[0]
    names = within or difflib.get_close_matches(metric, keys, 3, 0.5)
    shown = ", ".join(literal(name) for name in names[:12])
    if within:
        raise click.UsageError(f"--metric {metric!r} may be {shown}: name one of them")
    with contextlib.suppress(QueryError):  # what no run has at all
        if query.count(experiment, f"metrics[{metric!r}] is not None", children=True):
            return metric
    raise click.ClickException(
        f"no run of {experiment!r} has the metric {metric!r}" + (f"; did you mean {shown}?" if shown else "")
    )


def _ascending(key: str, way: str | None) -> bool:
    from skribe.words import better

    if way is not None:
        return way == "min"
    known = better(key)
    if known is None:
        raise click.UsageError(f"whether more or less of {key!r} is better is not known: add --max or --min")
    return known < 0


def _print(query: Query, experiment: str, key: str, count: int, ascending: bool, shape: str | None) -> bool:
    """Print the best runs; whether there is one."""
    from skribe.cli.layout import Column
    from skribe.cli.output import emit, write
    from skribe.cli.text import literal, moment, short

    name = f"metrics.{key}"
    page = query.runs_page(
        experiment,
        f"metrics[{key!r}] is not None",  # NaN is None there
        children=True,
        status=("running", "finished", "killed"),  # what a failed run has may be half of it
        sort_by=name,
        ascending=ascending,
        limit=count,
        columns=(name,),
    )
    found = [(line, line.cells[0]) for line in page.rows]
    if shape is None:
        for line, value in found:
            write(f"{short(line.id)}  {_exact(value)}  {literal(line.name, 120)}")
    else:
        keys = ("id", "name", "kind", "status", "experiment", "metric", "value", "parent", "start")
        rows = [
            (o.id, o.name, o.kind, o.status, o.experiment, key, value, o.parent, moment(o.start)) for o, value in found
        ]
        if found or shape != "md":
            emit(shape, [Column(each, each) for each in keys], rows)
    return bool(found)


def _exact(value: float) -> str:
    """A value that scripts read: whole, unless it is long."""
    return f"{value:.6g}"
