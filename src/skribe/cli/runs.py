"""`skribe runs`: the table of runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from skribe.cli import complete
from skribe.cli.options import Since, experiment_option, shapes, store_option, where_option

if TYPE_CHECKING:
    from skribe.cli.layout import Column
    from skribe.store.page import RunLine
    from skribe.store.query import Query

_KINDS = ("fit", "search", "candidate", "cv", "fold", "stream", "manual")
_ALL = 2**31
_STATUSES = ("running", "finished", "failed", "killed")


@click.command()
@experiment_option("Only runs of this experiment.")
@where_option
@click.option("-k", "--kind", multiple=True, type=click.Choice(_KINDS), help="Only runs of this kind; repeatable.")
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="Only such runs; repeatable.")
@click.option("--since", type=Since(), metavar="TIME", help="Only runs that began then or later: 2026-10-01, 2h, 3d.")
@click.option("--children", is_flag=True, help="Also the runs inside of runs, such as the candidates of searches.")
@click.option(
    "-s", "--sort-by", metavar="COLUMN", shell_complete=complete.columns, help="The greatest first; else the newest."
)
@click.option("--ascending", is_flag=True, help="The smallest first, or the oldest.")
@click.option("-l", "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="0: all of them.")
@click.option(
    "-c",
    "--columns",
    metavar="A,B",
    shell_complete=complete.columns,
    help="These columns: name, status, metrics.accuracy, params.C … instead of those that say most.",
)
@click.option("--only-changed", is_flag=True, help="Only columns in which the listed runs differ.")
@click.option("--deleted", is_flag=True, help="The runs in the trash instead.")
@store_option
@shapes
@click.pass_context
def command(
    ctx: click.Context,
    /,
    shape: str | None,
    store: str | None,
    columns: str | None,
    only_changed: bool,
    since: datetime | None,
    **asked: Any,
) -> None:
    """List runs, the newest first.

    \b
      skribe runs
      skribe runs --experiment churn --sort-by metrics.best_cv_score
      skribe runs --where "metrics.accuracy > 0.9 and params.C in (1, 10)"
      skribe runs --children --kind candidate --only-changed
      skribe runs --since 2h --status failed
      skribe runs --columns name,metrics.accuracy,params.C --csv > runs.csv
      skribe runs --json | jq -r '.[].id'

    Without --columns a table has the metrics that speak for the runs and the parameters in which they differ; --json
    and --csv have all metrics, parameters and tags. The exit code is 1 if there is no such run.
    """
    from skribe.cli.stores import opened

    with opened(store) as query:
        asked["where"] = _with_start(asked["where"], since)
        asked["limit"] = asked["limit"] or _ALL
        asked["sort_by"] = {"age": "start", "took": "duration"}.get(asked["sort_by"], asked["sort_by"])
        found = listing(query, shape, columns, only_changed, asked)
    ctx.exit(0 if found else 1)


def _with_start(where: str | None, since: datetime | None) -> str | None:
    """Both conditions as one."""
    if since is None:
        return where
    begun = f'start >= "{since:%Y-%m-%d %H:%M:%S.%f}"'
    if where is None:
        return begun
    from skribe.store.where import compile_where

    compile_where(where, "r.status")  # a mistake is shown in the user's own words
    return f"{begun} and ({where})"


def listing(query: Query, shape: str | None, columns: str | None, only_changed: bool, asked: dict[str, Any]) -> int:
    """Print the runs; how many there are."""
    from skribe.cli.columns import keys_of, named, table_of, usual
    from skribe.cli.output import emit, paint_err, tell

    asked["kind"], asked["status"] = asked["kind"] or None, asked["status"] or None
    whole = shape in ("json", "csv") and columns is None
    if columns is not None:
        chosen = named(columns)
    elif whole or only_changed:
        chosen = _every(query, query.runs_page(**asked).rows)
    else:
        chosen = usual(query, asked)
    keys = keys_of(query, chosen, asked)
    page = query.runs_page(**asked, columns=keys)
    chosen, rows = table_of(page.rows, chosen, keys)
    if shape is None and asked["sort_by"] is not None:
        _tell_children(query, asked, page.rows, chosen, rows)
    if shape in (None, "md"):
        chosen = _with_running(page.rows, chosen, rows)
    if only_changed:
        chosen, rows = _differing(chosen, rows)
    if not rows:
        if shape is not None:
            emit(shape, chosen, rows)
        tell(_nothing(query, asked))
        return 0
    emit(shape, chosen, rows, more="--columns A,B chooses, --csv has all")
    if shape is None and page.total > len(rows):
        tell(paint_err(f"{len(rows)} of {page.total} runs; --limit {min(page.total, 5 * len(rows))} shows more"))
    return len(rows)


def _tell_children(
    query: Query, asked: dict[str, Any], lines: Sequence[Any], columns: Sequence[Column], rows: list[list[Any]]
) -> None:
    """A search that stands where its best candidate does shows the value of that one."""
    sort_by = asked["sort_by"]
    place = next((n for n, column in enumerate(columns) if column.key == sort_by), None)
    for line, row in zip(lines, rows, strict=True):
        if line.of_child and place is not None:
            best = query.runs_page(
                parent=line.id, children=True, sort_by=sort_by, ascending=asked["ascending"], limit=1,
                deleted=asked["deleted"], columns=(sort_by,),
            )  # fmt: skip
            row[place] = " ".join(f"↳ {columns[place].show(cell)}" for one in best.rows for cell in one.cells)


def _with_running(lines: Sequence[RunLine], columns: Sequence[Column], rows: list[list[Any]]) -> list[Column]:
    """The columns, with how long the runs that still run have taken so far: `50 s…`."""
    from skribe.words import seconds

    place = next((n for n, column in enumerate(columns) if column.key == "duration"), None)
    if place is None:
        return list(columns)
    for line, row in zip(lines, rows, strict=True):
        if line.status == "running":
            row[place] = f"{seconds(float(max(1, round(time.time() - line.start))))}…"
    finished = columns[place]
    shown = finished._replace(show=lambda value: value if isinstance(value, str) else finished.show(value))
    return [*columns[:place], shown, *columns[place + 1 :]]


def _every(query: Query, lines: Sequence[Any]) -> list[Column]:
    """All that is known of these runs."""
    from skribe.cli.columns import FIXED, column_of

    ids = [line.id for line in lines]
    keys = [f"{group}.{key}" for group in ("metrics", "params", "tags") for key in query.keys(group, ids)]
    return [*FIXED.values(), *(column_of(key, 9) for key in keys)]


def _differing(columns: Sequence[Column], rows: Sequence[list[Any]]) -> tuple[list[Column], list[list[Any]]]:
    """The id, and the columns in which the rows are not all the same. When and how long is never the same."""
    kept = [
        place
        for place, column in enumerate(columns)
        if column.key == "id"
        or (column.key not in ("start", "duration") and len({repr(row[place]) for row in rows}) > 1)
    ]
    chosen = [_ranked(columns[place], [row[place] for row in rows]) for place in kept]
    return chosen, [[row[place] for place in kept] for row in rows]


def _ranked(column: Column, values: Sequence[Any]) -> Column:
    """What many of the runs have is more worth seeing; what skribe measures of itself, and of training, less."""
    from skribe.cli.columns import is_ours
    from skribe.display.text import headline
    from skribe.views.columns import is_dull

    group, _, key = column.key.partition(".")
    if not key:
        return column._replace(rank={"id": 0, "name": 1, "status": 2}.get(column.key, 20))
    rank = 3 + sum(value is None for value in values) + (10 if group == "tags" else 0)
    if group == "metrics" and not headline({key: 0.0}):
        rank += 10 if is_ours(key) else 0
    return column._replace(rank=rank + (20 if is_dull(key) else 0))


def _nothing(query: Query, asked: dict[str, Any]) -> str:
    """Why the table is empty, and what to do."""
    trash = " in the trash" if asked["deleted"] else ""
    if not any(asked[key] for key in ("experiment", "where", "kind", "status")):
        return f"There is no run{trash} in {query.folder}."
    known = [row.name for row in query.experiments(asked["deleted"])]
    if asked["experiment"] is not None and asked["experiment"] not in known:
        import difflib

        from skribe.cli.text import literal

        near = [literal(name) for name in difflib.get_close_matches(asked["experiment"], known, 2)]
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else " `skribe experiments` lists them."
        return f"There is no experiment {literal(asked['experiment'])!r}{trash}.{hint}"
    inside = 0 if asked["children"] else _inside(query, asked)
    more = f" {inside} inside of runs: add --children." if inside else ""
    return f"No run{trash} is like that.{more}"


def _inside(query: Query, asked: dict[str, Any]) -> int:
    keys = ("experiment", "where", "kind", "status", "deleted")
    return query.count(children=True, **{key: asked[key] for key in keys})
