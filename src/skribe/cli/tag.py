"""`skribe tag`: words on a run."""

from __future__ import annotations

from collections.abc import Sequence

import click

from skribe.cli.options import run_argument, store_option


@click.command()
@run_argument("run")
@click.argument("tags", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-d", "--delete", "gone", multiple=True, metavar="KEY", help="Take this tag off; repeatable.")
@store_option
def command(run: str, tags: Sequence[str], gone: Sequence[str], store: str | None) -> None:
    """Put tags on a run, or take them off. A tag of the same key is replaced.

    \b
      skribe tag 4f1c22ab stage=candidate reviewed=yes
      skribe tag last --delete reviewed
      skribe runs --where "tags.stage == 'candidate'"
    """
    from skribe.cli.output import write
    from skribe.cli.stores import opened, run_id
    from skribe.cli.text import literal
    from skribe.store.admin import Admin
    from skribe.tagging import set_tag

    pairs = {}
    for text in tags:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise click.UsageError(f"{text!r} is no tag: write key=value")
        pairs[key.strip()] = value
    if not pairs and not gone:
        raise click.UsageError("nothing to do: give tags as key=value, or --delete KEY")
    with opened(store) as query:
        found = run_id(query, run)
        there = query.tags(found)
        for key in gone:
            if key not in there:
                raise click.ClickException(f"run {found[-8:]} has no tag {key!r}")
        for key in gone:
            Admin(query.folder).delete_tag(found, key)
        for key, value in pairs.items():
            set_tag(query.folder, found, key, value)
        now = query.tags(found)
    shown = ", ".join(f"{literal(key, 60)}={literal(now.get(key), 60)}" for key in pairs)
    if pairs:
        write(f"{found[-8:]} {shown}")
    if gone:
        write(f"{found[-8:]} has no longer {', '.join(literal(key, 60) for key in gone)}")
