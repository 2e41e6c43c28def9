"""Asking before something is deleted."""

from __future__ import annotations

import sys

import click


def confirmed(question: str, yes: bool) -> bool:
    """Whether it is to be done. Where nobody can be asked, `--yes` must say so."""
    if yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(
            "nobody can be asked here, because stdin is no terminal: add --yes to do it, or --dry-run to see what"
            " would be done."
        )
    return click.confirm(question, default=False, err=True)
