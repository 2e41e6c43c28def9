"""`skribe show`: one run, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from skribe.cli.options import run_argument, shapes, store_option

if TYPE_CHECKING:
    from skribe.views import RunView, SearchView


@click.command()
@run_argument("run")
@click.option("--all", "whole", is_flag=True, help="Everything: defaults, all metrics, environment, files.")
@store_option
@shapes
def command(run: str, whole: bool, store: str | None, shape: str | None) -> None:
    """Show one run: parameters that are no defaults, metrics, error, data, model, children, advice.

    \b
      skribe show last
      skribe show 4f1c22ab --all
      skribe show 4f1c22ab --json | jq '.metrics[] | {key, value}'
    """
    from skribe.cli.stores import opened, run_id
    from skribe.views import run_view, search_view

    with opened(store) as query:
        found = run_id(query, run)
        view = run_view(query, found)
        search = search_view(query, found)
        _print(view, search, shape, whole)


def _print(view: RunView, search: SearchView | None, shape: str | None, whole: bool) -> None:
    from skribe.cli import showing
    from skribe.cli.output import Column, emit, write

    if shape == "json":
        emit(shape, (), (), data={**as_data(view), "search": None if search is None else _brief(search)})
    elif shape is None:
        write("\n".join(showing.lines(view, search, whole)))
    else:
        columns = [Column("section", "section"), Column("key", "key"), Column("value", "value", most=400)]
        emit(shape, columns, rows_of(view))


def as_data(view: Any) -> dict[str, Any]:
    """A view for JSON: as it is, with times in ISO's form."""
    from skribe.views import as_plain

    data: dict[str, Any] = _with_times(as_plain(view))
    return data


_TIMES = frozenset({"start", "end", "deleted", "removed", "created"})


def _with_times(value: Any, key: str = "") -> Any:
    from skribe.cli.text import moment

    if isinstance(value, dict):
        return {each: _with_times(one, each) for each, one in value.items()}
    if isinstance(value, list):
        return [_with_times(one) for one in value]
    return moment(value) if key in _TIMES and isinstance(value, (int, float)) else value


def _brief(search: SearchView) -> dict[str, Any]:
    """The search without the data of its pictures."""
    data = as_data(search)
    data.pop("views")
    return data


def rows_of(view: RunView) -> list[tuple[str, str, Any]]:
    """The run as rows of section, key and value."""
    from skribe.cli.text import moment

    rows: list[tuple[str, str, Any]] = [
        ("run", key, getattr(view, key)) for key in ("id", "name", "kind", "status", "experiment", "estimator_class")
    ]
    rows += [("run", key, moment(getattr(view, key))) for key in ("start", "end")]
    rows += [("run", "duration", view.wall), ("run", "parent", view.parent and view.parent.id)]
    if view.error is not None:
        rows.append(("error", view.error.type, view.error.message))
    rows += [("params", param.key, param.text) for param in view.params]
    rows += [("metrics", metric.key, metric.value) for metric in view.metrics]
    rows += [("tags", key, value) for key, value in view.tags.items()]
    rows += [("data", f"{one.role} {key}", value) for one in view.datasets for key, value in data_of(one)]
    rows += [("models", model.path, model.uri) for model in view.models]
    rows += [("children", child.id, child.headline or child.name) for child in view.children]
    rows += [("notes", what, reason) for what, reason in view.notes]
    rows += [("advice", "", text) for text in view.advice]
    return rows


def data_of(one: Any) -> Sequence[tuple[str, str]]:
    """What is known of a data set, in a few words."""
    told = []
    if one.shape is not None:
        told.append(("shape", " × ".join(map(str, one.shape))))
    told.append(("kind", one.kind))
    if one.fingerprint is not None:
        told.append(("fingerprint", one.fingerprint))
    told += [(f"target {key}", str(value)) for key, value in one.target.items()]
    return told
