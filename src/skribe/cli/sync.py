"""`skribe sync`: what waits for each backend, and its delivery."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from skribe.delivery.sync import Done, Plan, backends_of, carry_out, plan
from skribe.store.location import find_store
from skribe.words import count, shorten

_FEW = 5


def synchronise(
    store: str | None,
    backends: Sequence[str],
    since: datetime | None,
    everything: bool,
    retry: bool,
    dry_run: bool,
    timeout: float,
) -> bool:
    """Deliver, and say what was delivered where. Whether nothing is left."""
    folder = find_store(store)
    chosen, foreign = backends_of(folder, backends)
    for key in foreign:
        click.echo(
            f"{key}: no backend of this name is installed here. If it is an object of a program of yours, what"
            " waits for it is delivered when that runs again."
        )
    if not chosen and not foreign:
        click.echo("Nothing of this store waits for a backend. To name one: skribe sync --backend mlflow:http://…")
    moment = None if since is None else since.astimezone().timestamp()
    complete = True
    for one in chosen:
        planned = plan(folder, one, everything=everything, since=moment)
        if dry_run:
            click.echo(_would(planned))
            complete = complete and not planned.waiting
            continue
        line = _Line(planned.key)
        done = carry_out(folder, planned, retry=retry, patience=timeout, progress=line.show)
        line.clear()
        planned = planned._replace(refused=plan(folder, one).refused)
        click.echo(_did(planned, done))
        complete = complete and done.trouble is None and not done.refused
    click.echo(f"The store is {folder}", err=True)
    return complete


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
        if self._wanted:
            text = f"{self._key}: {word}" + (f" {runs} runs" if runs else "")
            click.echo(f"\r\033[K{shorten(text, 100)}", nl=False, err=True)
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)
