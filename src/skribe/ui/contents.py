"""What each page shows: the values that its template is given. The same for served and for frozen pages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skribe.display.text import number
from skribe.errors import NotFound, SkribeError
from skribe.store.query import ExperimentRow, Query
from skribe.ui.answers import Asked, keys_answer, runs_answer, search_of
from skribe.ui.cutting import cut
from skribe.ui.problems import problem_of
from skribe.views.columns import telling_metrics
from skribe.views.plain import as_plain

if TYPE_CHECKING:
    from skribe.views.run import RunView


_RECENT = 10
_TRASH = 500
# The best run of each experiment is a nicety: it may take this many seconds of the first page.
_FOR_THE_BEST = 0.1
_LOOKED_AT = 20  # runs of an experiment, for the metric that says most of them
# Curves that come with the page of a run, and with that of several; and the points of all curves of several.
_CURVES, _COMPARED_CURVES, _COMPARED_POINTS = 40, 30, 60_000
Context = dict[str, Any]


def home(query: Query) -> Context:
    """The experiments, and what was done last."""
    experiments = query.experiments()
    recent = runs_answer(query, Asked(limit=_RECENT))
    return {
        "experiments": _with_best(query, experiments),
        "recent": recent["rows"],
        "counts": {
            "experiments": len(experiments),
            "runs": recent["total"],
            "running": query.count(status="running"),
            "models": len(query.registered_names()),
        },
        "data": {"seq": recent["seq"]},
    }


def _with_best(query: Query, experiments: Sequence[ExperimentRow]) -> list[dict[str, Any]]:
    until = time.monotonic() + _FOR_THE_BEST
    shown = []
    for row in experiments:
        best = None
        if row.runs and time.monotonic() < until:
            telling = telling_metrics(query.key_counts("metrics", row.name, newest=_LOOKED_AT))
            if telling:
                best = _best(query, row.name, telling[0])
        shown.append({**row._asdict(), "best": best})
    return shown


def _best(query: Query, experiment: str, key: str) -> dict[str, Any] | None:
    found = query.runs_page(experiment, sort_by=f"metrics.{key}", limit=1, columns=(f"metrics.{key}",)).rows
    if not found or not isinstance(found[0].cells[0], int | float):
        return None
    value = float(found[0].cells[0])
    return {"key": key, "value": value, "text": number(value), "run": found[0].id}


def runs(query: Query, asked: Asked) -> Context:
    """The table of runs; its first rows come with the page."""
    keys = keys_answer(query, asked.experiment)
    if not asked.columns:
        asked = _with_columns(asked, keys["default"])
    if asked.sort is not None and "." in asked.sort and asked.sort not in asked.columns:
        asked = _with_columns(asked, [asked.sort, *asked.columns])
    error = None
    try:
        first = runs_answer(query, asked)
    except SkribeError as problem:
        told = problem_of(problem)
        if told.code != 400:
            raise
        error = {"message": told.detail, "at": told.at}
        first = {"seq": query.last_seq(), "total": 0, "offset": 0, "columns": list(asked.columns), "rows": []}
    names = [row.name for row in query.experiments()]
    return {
        "experiment": asked.experiment,
        "data": {
            "seq": first["seq"],
            "runs": first,
            "keys": keys,
            "experiments": names,
            "asked": as_plain(asked),
            "error": error,
        },
    }


def _with_columns(asked: Asked, columns: Sequence[str]) -> Asked:
    return replace(asked, columns=tuple(columns))


def run(query: Query, which: str) -> tuple[RunView, Context]:
    """A run, with what is drawn of it."""
    from skribe.views import run_view

    view = cut(run_view(query, which))
    left = max(0, len(view.curves) - _CURVES)
    search = search_of(query, view.id)
    data = {
        "seq": query.last_seq(),
        "run": view,
        "search": search,
        "pictures": pictures(query, view.id, view.pictures),
        "curves": curves(query, view.id, view.curves[:_CURVES]),
        "curves_left": left,
        "tables": tables(query, view.id, view.tables),
    }
    return view, {"run": view, "search": search, "curves_left": left, "data": data}


def pictures(query: Query, run_id: str, names: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The data of what is drawn, by name and data with a bar between."""
    from skribe.views import picture_of

    return {f"{name}|{data}": as_plain(picture_of(query, run_id, name, (), data)[1]) for name, data in names}


def tables(query: Query, run_id: str, names: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The data of what is shown as a table, likewise."""
    from skribe.views import view_of

    return {f"{name}|{data}": as_plain(view_of(query, run_id, name, data)) for name, data in names}


def curves(query: Query, run_id: str, keys: Sequence[str], **most: int) -> dict[str, Any]:
    """Metrics that have steps."""
    from skribe.views.pictures import curves_of

    return curves_of(query, run_id, keys, **most)


def compare(query: Query, ids: Sequence[str]) -> Context:
    """Several runs beside each other, or why they cannot be."""
    from skribe.views import comparison

    if len(set(ids)) < 2:
        return {"compared": None, "problem": "Choose two runs or more in the list of runs, then Compare.", "data": {}}
    compared = cut(comparison(query, ids))
    shown: dict[str, dict[str, Any]] = {f"{name}|{data}": {} for name, data in compared.pictures}
    curved: dict[str, dict[str, Any]] = {key: {} for key in compared.curves[:_COMPARED_CURVES]}
    points = max(50, min(1000, _COMPARED_POINTS // max(1, len(curved) * len(compared.runs))))
    for view in compared.runs:
        mine = [pair for pair in compared.pictures if pair in view.pictures]
        for key, body in pictures(query, view.id, mine).items():
            shown[key][view.id] = body
        there = set(view.curves)
        for key, body in curves(query, view.id, [key for key in curved if key in there], most=points).items():
            curved[key][view.id] = body
    data = {"seq": query.last_seq(), "compared": compared, "pictures": shown, "curves": curved}
    return {"compared": compared, "problem": None, "data": data}


def models(query: Query) -> Context:
    """The registered models."""
    rows = []
    versions = query.versions()
    for name in query.registered_names():
        registered = query.registered(name)
        mine = [version._asdict() for version in versions if version.name == name]
        rows.append({**registered._asdict(), "versions": mine, "latest": mine[-1] if mine else None})
    return {"models": rows, "data": {"seq": query.last_seq(), "models": rows}}


def model(query: Query, name: str) -> Context:
    """One registered model, with the runs that its versions came from."""
    registered = query.registered(name)
    versions = [
        {**version._asdict(), "of": _origin(query, version.run, version.path)} for version in query.versions(name)
    ]
    row = {
        **registered._asdict(),
        "versions": versions[::-1],
        "latest": versions[-1] if versions else None,
        "deleted_versions": [version._asdict() for version in query.versions(name, deleted=True)],
    }
    return {"model": row, "data": {"seq": query.last_seq(), "model": row}}


def _origin(query: Query, run_id: str, path: str) -> dict[str, Any] | None:
    """The run that a version came from, and the model that it is; None if the run is gone."""
    from skribe.views.run import ref_of

    try:
        row = query.run_row(run_id)
        kept: Any = next((kept for kept in query.models_ever(row) if kept.model.path == path), None)
    except NotFound:
        return None
    return {
        **as_plain(ref_of(query, row)),
        "experiment": row.experiment,
        "deleted": row.deleted,
        "model": None if kept is None else {**kept.model._asdict(), "removed": kept.removed},
    }


def trash(query: Query) -> Context:
    """What was deleted, and can be restored."""
    runs_there = runs_answer(query, Asked(limit=_TRASH, deleted=True))
    return {
        "experiments": [row._asdict() for row in query.experiments(deleted=True)],
        "runs": runs_there["rows"],
        "runs_total": runs_there["total"],
        "models": [row._asdict() for row in query.registered_deleted()],
        "versions": [version._asdict() for version in query.versions(deleted=True)],
        "data": {"seq": runs_there["seq"]},
    }
