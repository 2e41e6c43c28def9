"""`skribe sync`: what waits for each backend, and its delivery."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from skribe.delivery.sync import Done, Plan, backends_of, carry_out, plan
from skribe.store.location import find_store
from skribe.words import count, shorten


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
        click.echo("This store has not been delivered anywhere. Name a backend: skribe sync --backend mlflow:http://…")
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
        click.echo(_did(planned, done))
        complete = complete and done.trouble is None and not done.refused
    click.echo(f"The store is {folder}", err=True)
    return complete


def _would(planned: Plan) -> str:
    words = f"{planned.key}: {count(planned.runs, 'run')} ({count(planned.waiting, 'record')}) would be delivered"
    if planned.position is not None and planned.position.refused:
        words += f"; {count(planned.position.refused, 'run')} not taken as a whole (--retry tries again)"
    if planned.position is not None and planned.position.trouble:
        words += f"; it could not be reached: {planned.position.trouble}"
    return words + _older(planned)


def _did(planned: Plan, done: Done) -> str:
    words = f"{planned.key}: " + (f"{count(done.runs, 'run')} delivered" if done.runs else "nothing was pending")
    if done.trouble is not None:
        words = f"{planned.key}: {count(done.runs, 'run')} delivered, the rest waits: {done.trouble}"
    for reason in done.refused:
        words += f"\n  not taken: {reason}"
    return words + _older(planned)


def _older(planned: Plan) -> str:
    if not planned.older:
        return ""
    return f"\n  {count(planned.older, 'run')} from before this backend was used: --all delivers them too"


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
