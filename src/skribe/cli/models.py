"""`skribe models`: the registered names, their versions, and the runs that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skribe.cli import complete
from skribe.cli.options import dry_run_option, shapes, store_option, yes_option
from skribe.cli.sections import Sections

if TYPE_CHECKING:
    from skribe.cli.layout import Column
    from skribe.store.query import Query
    from skribe.store.registered import VersionRow


@click.group(cls=Sections, table={}, invoke_without_command=True)
@click.option("--deleted", is_flag=True, help="The deleted versions instead.")
@store_option
@shapes
@click.pass_context
def command(ctx: click.Context, deleted: bool, store: str | None, shape: str | None) -> None:
    """List the registered models, or do something with one.

    \b
      skribe models
      skribe models show churn
      skribe models alias churn champion 3
      skribe models delete churn 1
      skribe models restore churn 1

    `skribe register RUN NAME` registers one.
    """
    ctx.obj = store
    if ctx.invoked_subcommand is None:
        listing(ctx, store, deleted, shape)


def listing(ctx: click.Context, store: str | None, deleted: bool, shape: str | None) -> None:
    """Print one line for each version, the newest of each name first."""
    from skribe.cli.output import emit, tell, write
    from skribe.cli.stores import opened
    from skribe.cli.text import literal

    with opened(store) as query:
        versions = sorted(query.versions(deleted=deleted), key=lambda row: (row.name, -row.version))
        rows = [_cells(query, row, deleted) for row in versions]
        unused = sorted(set(query.registered_names()) - {row.name for row in versions}) if not deleted else []
        folder = query.folder
    if rows or shape is not None:
        emit(shape, _columns(deleted), rows)
    for name in unused if shape is None else ():
        write(f"{literal(name, 40)}  (no version)")
    if not rows and not unused:
        of = (
            "No version is deleted."
            if deleted
            else "No models are registered. To register one: skribe register RUN NAME"
        )
        tell(of)
    if shape is None:
        tell(f"The store is {folder}")
    ctx.exit(0 if rows or unused else 1)


def _columns(deleted: bool) -> list[Column]:
    from skribe.cli.output import Column, styled
    from skribe.cli.text import age, literal, short

    columns = [
        Column("name", "name", rank=0, least=10, most=40),
        Column("version", "version", rank=0, right=True),
        Column("aliases", "aliases", lambda value: literal(", ".join(value)), 2, least=8, most=30),
        Column("stage", "stage", lambda value: "" if value in (None, "None") else literal(value), 4),
        Column("run", "run", short, 1, style=styled(fg="yellow")),
        Column("created", "created", literal, 5),
        Column("metric", "metric", rank=3, least=14),
    ]
    if deleted:
        columns.append(Column("deleted", "deleted", age, 2, right=True))
    return columns


def _cells(query: Query, row: VersionRow, deleted: bool) -> list[Any]:
    from skribe.cli.text import moment
    from skribe.display.text import headline
    from skribe.errors import NotFound

    try:
        said = headline({metric.key: metric.value for metric in query.metrics(row.run)})
    except NotFound:  # a deleted version does not keep its run
        said = ""
    stage = None if row.stage == "None" else row.stage
    cells = [row.name, row.version, list(row.aliases), stage, row.run, moment(row.created), said]
    return [*cells, moment(row.deleted)] if deleted else cells


@command.command("show")
@click.argument("name", shell_complete=complete.models)
@store_option
@shapes
@click.pass_context
def show(ctx: click.Context, name: str, store: str | None, shape: str | None) -> None:
    """Show a registered model with its versions.

    \b
      skribe models show churn
      skribe models show churn --json
    """
    from skribe.cli.output import emit, paint, write
    from skribe.cli.stores import opened
    from skribe.cli.text import literal, moment

    with opened(store or ctx.obj) as query:
        known = query.registered(name)
        versions = sorted(query.versions(name), key=lambda row: -row.version)
        rows = [_cells(query, row, False) for row in versions]
    if shape == "json":
        told = [
            {
                "version": row.version, "run": row.run, "path": row.path, "stage": cells[3], "aliases": row.aliases,
                "description": row.description, "tags": row.tags, "created": moment(row.created), "metric": cells[-1],
                "uri": f"models:/{row.name}/{row.version}",
            }
            for row, cells in zip(versions, rows, strict=True)
        ]  # fmt: skip
        head = {"name": known.name, "description": known.description, "created": moment(known.created)}
        emit(shape, (), (), data={**head, "aliases": known.aliases, "tags": known.tags, "versions": told})
        return
    if shape is None:
        write(paint(literal(known.name), bold=True) + (f"  {literal(known.description)}" if known.description else ""))
        for key, value in known.tags.items():
            write(f"  {literal(key, 60)}: {literal(value)}")
    emit(shape, _columns(False), rows)
    for row in versions if shape is None else ():
        if row.description:
            write(f"  {row.version}: {literal(row.description)}")
    if shape is None:
        write(f'skribe.load_model("models:/{literal(known.name)}/latest")')


@command.command("alias")
@click.argument("name", shell_complete=complete.models)
@click.argument("alias")
@click.argument("version", required=False)
@click.option("-d", "--delete", "gone", is_flag=True, help="Take the alias away.")
@store_option
@click.pass_context
def alias(ctx: click.Context, name: str, alias: str, version: str | None, gone: bool, store: str | None) -> None:
    """Let an alias of NAME mean a version: its number, another alias, or latest.

    \b
      skribe models alias churn champion 3
      skribe models alias churn champion latest
      skribe models alias churn challenger --delete
    """
    from skribe.cli.output import write
    from skribe.cli.stores import there
    from skribe.cli.text import literal
    from skribe.store.registry import Registry

    if gone == (version is not None):
        raise click.UsageError("give a version, or --delete")
    registry, alias = Registry(there(store or ctx.obj)), alias.removeprefix("@")
    if version is None:
        registry.delete_alias(name, alias)
        write(f"{literal(name)} has no alias {literal(alias)} any more.")
    else:
        found = registry.set_alias(name, alias, version)
        write(f"models:/{literal(name)}@{literal(alias)} is version {found.version}.")


@command.command("delete")
@click.argument("name", shell_complete=complete.models)
@click.argument("version", required=False)
@dry_run_option
@yes_option
@store_option
@click.pass_context
def delete(ctx: click.Context, name: str, version: str | None, dry_run: bool, yes: bool, store: str | None) -> None:
    """Delete a version, or NAME with all its versions. Models are kept until `skribe gc` removes what nothing needs.

    \b
      skribe models delete churn 1
      skribe models delete churn --dry-run
    """
    from skribe.cli.asking import confirmed
    from skribe.cli.output import write
    from skribe.cli.stores import opened
    from skribe.cli.text import literal
    from skribe.store.registry import Registry
    from skribe.words import count

    with opened(store or ctx.obj) as query:
        query.registered(name)
        if version is None:
            what = f"{literal(name)} with {count(len(query.versions(name)), 'version')}"
        else:
            row = query.resolve(name, version)
            what = f"{literal(name)} {row.version}"
            what += f" ({', '.join('@' + literal(each) for each in row.aliases)})" if row.aliases else ""
        registry = Registry(query.folder)
    if dry_run:
        write(f"Would delete {what}.")
        return
    if not confirmed(f"Delete {what}?", yes):
        raise click.Abort
    if version is None:
        registry.delete(name)
    else:
        registry.delete_version(name, version)
    write(f"Deleted {what}.")


@command.command("restore")
@click.argument("name", shell_complete=complete.models)
@click.argument("version", required=False, type=click.IntRange(min=1))
@store_option
@click.pass_context
def restore(ctx: click.Context, name: str, version: int | None, store: str | None) -> None:
    """Bring back a deleted version, or a deleted NAME with its versions.

    \b
      skribe models --deleted
      skribe models restore churn 1
    """
    from skribe.cli.output import write
    from skribe.cli.stores import there
    from skribe.cli.text import literal
    from skribe.store.registry import Registry

    registry = Registry(there(store or ctx.obj))
    if version is None:
        registry.restore(name)
    else:
        registry.restore_version(name, version)
    write(f"{literal(name)}{'' if version is None else f' {version}'} is back.")
