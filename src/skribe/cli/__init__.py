"""The `skribe` command."""

from __future__ import annotations

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
