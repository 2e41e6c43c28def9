"""`skribe tail`: a search while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from skribe.cli.options import run_argument, shapes, store_option

if TYPE_CHECKING:
    from skribe.store.query import Query

_TICK = 0.5
_ACTIVE = ("search", "cv")


@click.command()
@run_argument("run", required=False)
@click.option("--once", is_flag=True, help="Show how it stands, and do not wait.")
@store_option
@shapes
@click.pass_context
def command(ctx: click.Context, run: str | None, once: bool, store: str | None, shape: str | None) -> None:
    """Follow a search until it ends: how far it is, the best so far, the last candidates, failures.

    \b
      skribe tail                the search that runs, or else the newest
      skribe tail 4f1c22ab
      skribe tail --once --json

    --json, --csv and --md show how it stands and do not wait. The exit code is 1 if the run has failed or was killed.
    Ctrl-C ends the looking, not the search.
    """
    from skribe.cli.stores import opened, run_id

    with opened(store) as query:
        found = _chosen(query) if run is None else run_id(query, run)
        if once or shape is not None:
            _once(query, found, shape)
        else:
            _follow(query, found)
        status = query.run_row(found).status
    ctx.exit(1 if status in ("failed", "killed") else 0)


def _chosen(query: Query) -> str:
    """The search that runs, the newest one; else the newest search; else the newest run."""
    for asked in ({"status": "running", "kind": _ACTIVE}, {"status": "running"}, {"kind": _ACTIVE}, {}):
        children = "status" in asked and "kind" in asked
        page = query.runs_page(children=children, limit=1, **asked)
        if page.rows:
            return page.rows[0].id
    raise click.ClickException(f"there is no run in {query.folder} yet")


def _once(query: Query, run: str, shape: str | None) -> None:
    from skribe.cli.output import Column, emit, write
    from skribe.cli.tailing import state_of, table, told

    state = state_of(query, run)
    if shape is None:
        write("\n".join(told(state)))
    elif shape == "json":
        emit(shape, (), (), data=state.data())
    else:
        columns, rows = table(state)
        emit(shape, [Column(*column[:2], most=400) for column in columns], rows)


def _follow(query: Query, run: str) -> None:
    """Until it ends: in a terminal a picture that changes, elsewhere a line whenever something has come."""
    from skribe.cli.output import is_terminal, write
    from skribe.cli.tailing import live, state_of, summary, told

    state = state_of(query, run)
    if not state.running:
        write("\n".join(told(state)))
        return
    if is_terminal():
        live(query, run, _TICK)
        return
    stamp = ""
    while (state := state_of(query, run, state)).running:
        if state.stamp != stamp:
            write(summary(state))
        stamp = state.stamp
        time.sleep(_TICK)
    write("\n".join(told(state)))
