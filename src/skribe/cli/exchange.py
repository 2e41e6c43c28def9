"""`skribe export` and `skribe import`: what is done is told on stderr, so that stdout is free for the runs."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence

import click

from skribe.cli.gc import size
from skribe.cli.stores import run_id
from skribe.cli.text import visible
from skribe.exchange import Imported, export_runs, import_runs
from skribe.store.location import find_store
from skribe.store.query import Query
from skribe.words import count

_SHOWN = 10


def bring_out(
    target: str,
    *,
    kind: str | None,
    experiment: str | None,
    where: str | None,
    runs: Sequence[str],
    children: bool,
    history: bool,
    models: bool,
    store: str | None,
) -> None:
    """Export, and say what was written."""
    if "last" in runs:
        with contextlib.closing(Query(find_store(store))) as query:
            runs = [run_id(query, run) for run in runs]
    with Progress("exporting") as progress:
        done = export_runs(
            sys.stdout.buffer if target == "-" else target,
            store=store,
            format=kind,
            experiment=experiment,
            where=where,
            runs=runs,
            children=children,
            history=history,
            models=models,
            step=progress.step,
        )
    if target == "-":
        sys.stdout.flush()
    what = count(done.runs, "run")
    if done.format == "zip":
        what += f" with {count(done.files, 'file')}, {size(done.size)}"
    where_to = " and ".join(map(str, done.paths)) or "stdout"
    click.echo(f"Exported {what} to {where_to}", err=True)
    _tell("left out", done.left_out)


def bring_in(source: str, *, experiment: str | None, deleted: bool, dry_run: bool, store: str | None) -> None:
    """Import, and say what has come."""
    with Progress("importing") as progress:
        done = import_runs(
            source, store=store, experiment=experiment, deleted=deleted, dry_run=dry_run, step=progress.step
        )
    click.echo(summary(done, dry_run), err=True)
    _tell("note", done.remarks)
    click.echo(f"The store is {done.store}", err=True)


def summary(done: Imported, dry_run: bool) -> str:
    """One line: how many were new, and how many were there."""
    words = "Would import" if dry_run else "Imported"
    line = f"{words} {count(done.new, 'new run')}"
    if done.completed:
        line += f", {'would complete' if dry_run else 'completed'} {done.completed} that were here"
    if done.known:
        line += f"; {done.known} {'was' if done.known == 1 else 'were'} here already"
    return f"{line} ({count(done.files, 'file')})"


def _tell(what: str, lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        # The words of an archive that anybody may have made.
        click.echo(f"{what}: {visible(line)}", err=True)
    if len(lines) > _SHOWN:
        click.echo(f"{what}: and {len(lines) - _SHOWN} more", err=True)


class Progress:
    """A line on stderr that says how far something long has come; nothing where nobody looks."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._shows = sys.stderr is not None and sys.stderr.isatty()
        self._next = time.monotonic() + 0.5
        self._shown = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._shown:
            click.echo("\r" + " " * self._shown + "\r", nl=False, err=True)

    def step(self, done: int, total: int) -> None:
        """Show how far it is, a few times in a second."""
        if not self._shows or total == 0 or (now := time.monotonic()) < self._next:
            return
        self._next = now + 0.2
        line = f"skribe: {self._verb} {done / total:4.0%}"
        self._shown = len(line)
        click.echo(f"\r{line}", nl=False, err=True)
