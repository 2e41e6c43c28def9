"""`skribe sync`: what waits for each backend, and its delivery."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from skribe.cli.options import Since, dry_run_option, shapes, store_option
from skribe.words import count, shorten

if TYPE_CHECKING:
    from skribe.delivery.sync import Done, Plan

_FEW = 5


@click.command()
@click.option(
    "--backend",
    "backends",
    multiple=True,
    metavar="NAME[:ADDRESS]",
    help="Where to, such as mlflow:http://localhost:5000; several times for several. Without it, everywhere that this"
    " store has been delivered to.",
)
@click.option(
    "--since", type=Since(), metavar="TIME", help="Deliver the runs that began then or later, also older ones."
)
@click.option("--all", "everything", is_flag=True, help="Deliver all runs, also from before the backend was used.")
@click.option("--retry", is_flag=True, help="Try again what the backend would not take.")
@dry_run_option
@click.option("--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait.")
@store_option
@shapes
@click.pass_context
def command(ctx: click.Context, /, store: str | None, shape: str | None, **asked: Any) -> None:
    """Deliver what is pending, from any past process, to the backends; also to one that was never used before.

    \b
      skribe sync                                      whatever is pending
      skribe sync --dry-run                            only say what is
      skribe sync --dry-run --json
      skribe sync --backend mlflow:http://host:5000 --since 2026-10-01

    The exit code is 1 if something could not be delivered; with --dry-run, if something waits.
    """
    if not synchronise(store, shape=shape, **asked):
        ctx.exit(1)


def synchronise(
    store: str | None,
    backends: Sequence[str],
    since: datetime | None,
    everything: bool,
    retry: bool,
    dry_run: bool,
    timeout: float,
    shape: str | None = None,
) -> bool:
    """Deliver, and say what was delivered where. Whether nothing is left."""
    from skribe.delivery.sync import backends_of, carry_out, plan
    from skribe.store.location import find_store

    folder = find_store(store)
    chosen, foreign = backends_of(folder, backends)
    rows: list[tuple[Any, ...]] = [
        (key, None, None, None, 0, "no backend of this name is installed", None) for key in foreign
    ]
    say = _say if shape is None else lambda _text: None
    for key in foreign:
        say(
            f"{key}: no backend of this name is installed here. If it is an object of a program of yours, what"
            " waits for it is delivered when that runs again."
        )
    if not chosen and not foreign:
        say("Nothing of this store waits for a backend. To name one: skribe sync --backend mlflow:http://…")
    moment = None if since is None else since.astimezone().timestamp()
    complete = True
    for one in chosen:
        planned = plan(folder, one, everything=everything, since=moment)
        if dry_run:
            say(_would(planned))
            rows.append(_row(planned, None))
            complete = complete and not planned.waiting
            continue
        line = _Line(planned.key)
        done = carry_out(folder, planned, retry=retry, patience=timeout, progress=line.show)
        line.clear()
        planned = planned._replace(refused=plan(folder, one).refused)
        say(_did(planned, done))
        rows.append(_row(planned, done))
        complete = complete and done.trouble is None and not done.refused
    if shape is not None:
        _emit(shape, rows)
    click.echo(f"The store is {folder}", err=True)
    return complete


def _say(text: str) -> None:
    """What backends have answered is in the words, too: it must not act on the terminal."""
    from skribe.cli.text import visible

    click.echo(visible(text))


def _row(planned: Plan, done: Done | None) -> tuple[Any, ...]:
    """What is known of a backend, for machines."""
    from skribe.cli.text import moment

    position = planned.position
    trouble, tried = (position.trouble, position.tried) if position is not None else (None, None)
    if done is not None:
        trouble = done.trouble
    refused = {run: reasons.splitlines() for run, reasons in planned.refused}
    waiting = planned.runs if done is None else planned.runs - done.runs
    return planned.key, max(0, waiting), done and done.runs, planned.older, refused, trouble, moment(tried)


def _emit(shape: str, rows: Sequence[tuple[Any, ...]]) -> None:
    from skribe.cli.output import Column, emit, plain

    titles = ("backend", "pending", "delivered", "older", "refused", "trouble", "tried")
    columns = [Column(title, title, most=400) for title in titles]
    if shape != "json":
        rows = [(*row[:4], len(row[4] or ()), *row[5:]) for row in rows]
    emit(shape, columns, [tuple(plain(cell) if cell.__class__ is dict else cell for cell in row) for row in rows])


def _would(planned: Plan) -> str:
    words = f"{planned.key}: " + (
        f"{count(planned.runs, 'run')} would be delivered" if planned.runs else "nothing waits"
    )
    position = planned.position
    if position is not None and position.trouble and position.tried:
        at = datetime.fromtimestamp(position.tried).strftime("%Y-%m-%d %H:%M")
        words += f"\n  at the last try ({at}): {position.trouble}"
    return words + _refusals(planned) + _older(planned)


def _did(planned: Plan, done: Done) -> str:
    words = f"{planned.key}: " + (f"{count(done.runs, 'run')} delivered" if done.runs else "nothing was pending")
    if done.trouble is not None:
        words = f"{planned.key}: {count(done.runs, 'run')} delivered, the rest waits: {done.trouble}"
    return words + _refusals(planned) + _older(planned)


def _refusals(planned: Plan) -> str:
    """The runs that the backend would not take, or not whole."""
    lines = [f"\n  run {run[-8:]} was not taken as a whole (--retry tries again):" for run, _ in planned.refused]
    for place, (_, reasons) in enumerate(planned.refused):
        parts = reasons.splitlines()
        lines[place] += "".join(f"\n    {shorten(reason, 160)}" for reason in parts[:_FEW])
        lines[place] += f"\n    and {len(parts) - _FEW} more" if len(parts) > _FEW else ""
    more = f"\n  and {len(lines) - _FEW} more runs" if len(lines) > _FEW else ""
    return "".join(lines[:_FEW]) + more


def _older(planned: Plan) -> str:
    if not planned.older:
        return ""
    return f"\n  {count(planned.older, 'run')} recorded without this backend: --all delivers them too"


class _Line:
    """One line on a terminal that says how far it has come."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._shown = False
        self._wanted = sys.stderr is not None and sys.stderr.isatty()

    def show(self, word: str, runs: int) -> None:
        from skribe.cli.text import visible

        if self._wanted:
            text = f"{self._key}: {word}" + (f" {runs} runs" if runs else "")
            click.echo(f"\r\033[K{visible(shorten(text, 100))}", nl=False, err=True)
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)
