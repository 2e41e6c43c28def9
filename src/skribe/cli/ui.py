"""`skribe ui`: the page of a store."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from skribe.cli.options import store_option


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: other machines may come, with a token.")
@click.option("-p", "--port", type=click.IntRange(0, 65535), help="Instead of 5555, or one that is free.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed from the page.")
@click.option("--token", metavar="TEXT", help="What visitors must know. SKRIBE_TOKEN is not shown by `ps`.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name by which browsers come, as a proxy's; repeatable.",
)
@click.option("--no-browser", is_flag=True, help="Only say the address.")
@store_option
def command(
    host: str,
    port: int | None,
    read_only: bool,
    token: str | None,
    hosts: Sequence[str],
    no_browser: bool,
    store: str | None,
) -> None:
    """Open the page of this store in the browser. It shows new runs while they come; Ctrl-C ends it.

    \b
      skribe ui
      skribe ui --port 8080 --no-browser --read-only
    """
    from skribe.store.location import find_store
    from skribe.ui.serve import serve

    serve(
        find_store(store),
        host=host,
        port=port,
        readonly=read_only,
        token=os.environ.get("SKRIBE_TOKEN") if token is None else token,
        open_browser=not no_browser,
        hosts=hosts,
    )
