"""Which columns of `skribe runs` are shown, and how each of them looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from skribe.cli.layout import Column
from skribe.cli.output import status_style, styled
from skribe.cli.text import age, literal, moment, short
from skribe.display.text import headline
from skribe.errors import ArgumentError
from skribe.views.columns import telling_params
from skribe.words import seconds

if TYPE_CHECKING:
    from skribe.store.page import RunLine
    from skribe.store.query import Query


def _brief_score(value: str) -> str:
    """A headline with a word on what it was measured on, where there is no room for the metric's name."""
    number, _, key = value.partition(" ")
    if not key:
        return number
    return f"{number} {'train' if key.startswith('training_') else 'cv' if key.startswith(_OF_FOLDS) else 'test'}"


_WHICH = ("experiment", "where", "children", "kind", "status", "deleted")
_OF_FOLDS = ("best_cv_score", "cv_", "mean_test_")
GROUPS = ("metrics", "params", "tags", "facts")
# What a run has beside its keys, in the order of the table.
FIXED = {
    "id": Column("id", "id", short, 0, style=styled(fg="yellow")),
    "name": Column("name", "name", rank=1, least=18, most=44),
    "experiment": Column("experiment", "experiment", rank=6, least=8, most=24),
    "kind": Column("kind", "kind", rank=6),
    "estimator": Column("estimator", "estimator", rank=8, least=10, most=32),
    "status": Column("status", "status", rank=3, style=status_style),
    "start": Column("start", "age", age, rank=4, right=True, style=styled(dim=True)),
    "duration": Column("duration", "took", lambda value: seconds(value) if value is not None else "", 5, right=True),
    "parent": Column("parent", "parent", short, rank=7, style=styled(fg="yellow")),
    "children": Column("children", "children", rank=8, right=True),
}
_OTHER_NAMES = {"run_id": "id", "parent_id": "parent", "age": "start", "took": "duration"}
DEFAULT = ("id", "name", "status", "start", "duration")
# The one metric that says most of a run: of searches another one than of fits.
HEADLINE = Column("headline", "score", rank=2, most=40, brief=_brief_score)
_METRICS, _PARAMS = 2, 5
_LOOKED_AT = 200


def column_of(name: str, rank: int = 5) -> Column:
    """A column by its name. ArgumentError if there is no such."""
    name = _OTHER_NAMES.get(name, name)
    if name in FIXED:
        return FIXED[name]
    group, dot, key = name.partition(".")
    if not dot or not key or group not in GROUPS:
        import difflib

        near = difflib.get_close_matches(name, [*FIXED, *(f"{each}.X" for each in GROUPS)], 2)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ArgumentError(
            f"--columns {name!r} is not a column: use {', '.join(FIXED)}, or metrics.X, params.X, tags.X,"
            f" facts.X{hint}"
        )
    if group == "metrics":
        return Column(name, literal(key), rank=rank, right=True)
    return Column(name, literal(key), rank=rank, least=8, most=32)


def named(text: str) -> list[Column]:
    """The columns of `--columns a,b`, the id before them."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ArgumentError("--columns needs names with commas between them, such as name,metrics.best_cv_score")
    chosen = [column_of(name, rank) for rank, name in enumerate(names, 1)]
    return chosen if any(column.key == "id" for column in chosen) else [FIXED["id"], *chosen]


def usual(query: Query, asked: dict[str, Any]) -> list[Column]:
    """The columns of which a table of these runs says most."""
    chosen = [FIXED[name] for name in DEFAULT]
    if asked["experiment"] is None and len(query.experiments()) > 1:
        chosen.insert(2, FIXED["experiment"])
    these = {key: asked[key] for key in _WHICH if key in asked}
    metrics, params = (query.key_counts(group, **these, newest=_LOOKED_AT) for group in ("metrics", "params"))
    if any(headline({each.key: 0.0}) for each in metrics):
        chosen.append(HEADLINE)
    own = [each for each in metrics if not is_ours(each.key)]
    own.sort(key=lambda each: (not each.varies, -each.count, each.key))
    keys = {f"metrics.{each.key}": 3 + rank for rank, each in enumerate(own[:_METRICS])}
    keys |= {f"params.{key}": 6 + rank for rank, key in enumerate(telling_params(params)[:_PARAMS])}
    sort_by = asked["sort_by"]
    if sort_by is not None and "." in sort_by:
        keys = {sort_by: 1, **{key: rank for key, rank in keys.items() if key != sort_by}}
    elif sort_by in FIXED and FIXED[sort_by] not in chosen:
        chosen.append(FIXED[sort_by]._replace(rank=1))
    return chosen + [column_of(key, rank) for key, rank in keys.items()]


def is_ours(key: str) -> bool:
    """Whether skribe writes this metric beside others, and it is no headline."""
    own = ("training_", "cv_", "best_", "mean_", "std_", "split", "rank_", "fit_", "refit_", "score_", "n_", "failed_")
    return key.startswith(own) or key in ("reused_results", "cv_folds") or "." in key


def keys_of(query: Query, columns: Sequence[Column], asked: dict[str, Any]) -> list[str]:
    """What must be read for these columns."""
    keys = [column.key for column in columns if "." in column.key]
    if HEADLINE in columns:
        # Every key that may be one is in the newest runs, or in those that are listed.
        ids = [line.id for line in query.runs_page(**{**asked, "limit": min(asked["limit"], _LOOKED_AT)}).rows]
        known = {*query.keys("metrics", ids), *query.keys("metrics")}
        keys += [f"metrics.{key}" for key in sorted(known) if headline({key: 0.0}) and f"metrics.{key}" not in keys]
    return keys


def table_of(
    lines: Sequence[RunLine], columns: Sequence[Column], keys: Sequence[str]
) -> tuple[list[Column], list[list[Any]]]:
    """The columns, and a row for each run; the lines have the values of the keys in their order."""
    rows = [_cells(line, columns, keys) for line in lines]
    chosen = list(columns)
    if HEADLINE in chosen:
        place = chosen.index(HEADLINE)
        names = {row[place].partition(" ")[2] for row in rows if row[place]}
        if len(names) == 1:
            chosen[place] = HEADLINE._replace(title=names.pop(), right=True)
            for row in rows:
                row[place] = row[place].partition(" ")[0]
    return chosen, rows


def _cells(line: RunLine, columns: Sequence[Column], keys: Sequence[str]) -> list[Any]:
    values: dict[str, Any] = dict(zip(keys, line.cells, strict=True))
    values |= {
        "id": line.id,
        "name": line.name,
        "experiment": line.experiment,
        "kind": line.kind,
        "estimator": line.estimator,
        "status": line.status,
        "start": moment(line.start),
        "duration": line.duration,
        "parent": line.parent,
        "children": line.children,
    }
    if HEADLINE in columns:
        known = {key.removeprefix("metrics."): value for key, value in values.items() if key.startswith("metrics.")}
        name, _, value = headline({key: value for key, value in known.items() if value is not None}).partition(" ")
        values["headline"] = f"{value} {name}".strip()
    return [values[column.key] for column in columns]
