"""`skribe register`: a run's model as the next version of a name."""

from __future__ import annotations

from collections.abc import Sequence

import click

from skribe.cli import complete
from skribe.cli.options import run_argument, store_option


@click.command()
@run_argument("run")
@click.argument("name", shell_complete=complete.models)
@click.option("--path", metavar="MODEL", help="Which model of the run, such as best_estimator; else its only one.")
@click.option("--alias", "aliases", multiple=True, metavar="ALIAS", help="An alias for the version; repeatable.")
@click.option("--description", metavar="TEXT", help="What the version is about.")
@store_option
def command(
    run: str, name: str, path: str | None, aliases: Sequence[str], description: str | None, store: str | None
) -> None:
    """Make the model of RUN the next version of NAME, which is made if it is new.

    \b
      skribe register last churn
      skribe register 4f1c22ab churn --path best_estimator --alias champion

    In Python: skribe.load_model("models:/churn@champion")
    """
    from skribe.cli.output import write
    from skribe.cli.stores import opened, run_id
    from skribe.cli.text import literal
    from skribe.store.names import check_alias
    from skribe.store.registry import Registry

    for alias in aliases:
        check_alias(alias)
    with opened(store) as query:
        found = run_id(query, run)
        if path is None:
            path = _only(query.models(found))
        registry = Registry(query.folder)
        version = registry.register(name, found, path, description=description)
        for alias in aliases:
            registry.set_alias(name, alias, version.version)
    called = "".join(f", @{literal(alias)}" for alias in aliases)
    write(f"{literal(name)} {version.version}{called}: the model {literal(path)} of run {found[-8:]}")
    write(f'skribe.load_model("models:/{literal(name)}/{version.version}")')


def _only(models: Sequence[object]) -> str:
    """The path of a run's model, where it is clear which is meant."""
    paths = [str(getattr(model, "path", "")) for model in models]
    if len(paths) > 1 and "model" not in paths:
        raise click.UsageError(f"the run has several models: add --path, one of {', '.join(paths)}")
    return paths[0] if len(paths) == 1 else "model"
