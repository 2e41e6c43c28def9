"""What there is to see of a run: which pictures, of which data, and their files, drawn when somebody asks."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from skribe.capture.fingerprint import fingerprint
from skribe.errors import ArgumentError, NotFound
from skribe.store.artifacts import ArtifactStore
from skribe.store.query import Query

TRAINING = "training"
HISTORY = "history"
# Curves that say how fast the training was rather than how it went.
_OF_TIME = frozenset({"fit_seconds", "rows_seen"})
_SEARCH = frozenset({"validation_curve", "heat_map", "score_against_time", "progress", "timeline", "rungs"})


def search_views(query: Query, run: str) -> dict[str, Any]:
    """A search as data to draw."""
    from skribe.plots.search import views
    from skribe.sweeps.reading import table_of

    if not query.candidates(run):
        row = query.run_row(run)
        raise ArgumentError(f"{row.name} {run[-8:]} is no search: it has no candidates.")
    return views(table_of(query, run))


def view_of(query: Query, run: str, name: str, data: str | None) -> Any:
    """The data of one picture or table."""
    return _found(query, run, name, data)[1]


def picture_of(query: Query, run: str, name: str, params: tuple[str, ...], data: str | None) -> tuple[str, Any]:
    """What goes into the title, and what is to be drawn."""
    if name in _SEARCH:
        from skribe.sweeps.reading import chosen_view

        if data is not None:
            raise ArgumentError(f"plot({name!r}, data={data!r}) is of the whole search; leave data= out.")
        return "", chosen_view(search_views(query, run), name, params)
    if name == HISTORY:
        return "", _history(query, run, params)
    if params:
        raise ArgumentError(f"plot({name!r}) takes no parameters; to choose a data set, write data={params[0]!r}.")
    chosen, view = _found(query, run, name, data)
    return f" · {chosen}", view


def picture_files(query: Query, run: str) -> list[str]:
    """The file names of what can be drawn of a run."""
    from skribe.plots.draw import DRAWABLE, file_name

    files = [file_name(name, data) for name, data in query.table_names(run) if name in DRAWABLE]
    return [*files, *(f"{name}.png" for name in _of_no_data(query, run))]


def _of_no_data(query: Query, run: str) -> list[str]:
    """The pictures that belong to no data set: how a search went, or a training."""
    if not query.candidates(run):
        return [HISTORY] if any(m.step is not None and m.key not in _OF_TIME for m in query.metrics(run)) else []
    told = search_views(query, run)
    if not told["validation_curves"]:  # the folds of a cross-validation
        return []
    there = {
        "heat_map": told["heat_maps"]["maps"],
        "rungs": told["rungs"]["rungs"],
        "timeline": told["timeline"]["workers"],
    }
    names = ("validation_curve", "heat_map", "score_against_time", "progress", "timeline", "rungs")
    return [name for name in names if there.get(name, True)]


def drawn_file(query: Query, artifacts: ArtifactStore, run: str, name: str) -> Path | None:
    """The picture of this file name, drawn unless it has been drawn before; None if it is no picture's."""
    from skribe.plots.draw import draw, name_of, picture, title_of

    meant, (stem, _, ending) = name_of(name), name.rpartition(".")
    if meant is not None and meant in query.table_names(run):
        plot, of = meant[0], f" · {meant[1]}"
    elif stem in (HISTORY, *_SEARCH) and ending in ("png", "svg") and stem in _of_no_data(query, run):
        plot, of = stem, ""
    else:
        return None
    with contextlib.suppress(NotFound):
        return artifacts.path(run, name)  # a file of the user's own goes before
    view = _found(query, run, *meant)[1] if of and meant else picture_of(query, run, plot, (), None)[1]
    row = query.run_row(run)
    title = title_of(plot, f"{row.name} {run[-8:]}{of}")
    digest = fingerprint(json.dumps([plot, title, view]))
    place = artifacts.folder / "drawn" / str(digest) / name
    if not place.exists():
        body = picture(draw(plot, view, title=title), place.suffix.lstrip("."))
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(f".{os.getpid()}-{place.name}")
        beside.write_bytes(body)
        os.replace(beside, place)
    return place


def _found(query: Query, run: str, name: str, data: str | None) -> tuple[str, Any]:
    """The table of this name, and the data that it is about."""
    there = query.table_names(run)
    of_name = [each for title, each in there if title == name]
    if not of_name:
        raise ArgumentError(
            f"{name!r}: {query.run_row(run).name} {run[-8:]} has no such picture or table; {_listed(there)}."
        )
    if data is None:
        data = TRAINING if TRAINING in of_name else of_name[0]
    if data not in of_name:
        of = f"of {query.run_row(run).name} {run[-8:]}"
        raise ArgumentError(f"{name!r} {of} is not there of {data!r}, but of {', '.join(map(repr, of_name))}.")
    table = query.table(run, name, data)
    assert table is not None
    return data, table.body


def _listed(there: list[tuple[str, str]]) -> str:
    names = sorted({name for name, _ in there})
    return f"there are {', '.join(names)}" if names else "there are none"


def _history(query: Query, run: str, keys: tuple[str, ...]) -> dict[str, Any]:
    """The curves of a run: those of these keys, or all that say how the training went."""
    stepped = [metric.key for metric in query.metrics(run) if metric.step is not None]
    for key in keys:
        if key not in stepped:
            there = ", ".join(stepped) or "none"
            raise ArgumentError(f"plot('history', {key!r}): there is no such curve; there are: {there}.")
    chosen = keys or [key for key in stepped if key not in _OF_TIME] or stepped
    if not chosen:
        raise ArgumentError("plot('history'): no metric of this run has steps.")
    series = []
    for key in chosen:
        points = query.history(run, key)
        known = [(step, value) for _, value, step, _ in points if step is not None and value == value]
        series.append({"name": key, "steps": [step for step, _ in known], "values": [value for _, value in known]})
    return {"series": series}


def curve_of(query: Query, run: str, key: str) -> dict[str, Any]:
    """A metric by step, as `history` draws it. ArgumentError if the run has no such curve."""
    series: dict[str, Any] = _history(query, run, (key,))["series"][0]
    return series
