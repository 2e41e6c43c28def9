"""What there is to see of a run: which pictures, of which data, and their files, drawn when somebody asks."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skribe.capture.fingerprint import fingerprint
from skribe.errors import ArgumentError, NotFound, StoreError
from skribe.store.artifacts import ArtifactStore
from skribe.store.query import Query

TRAINING = "training"
HISTORY = "history"
# Curves that say how fast the training was rather than how it went.
_OF_TIME = frozenset({"fit_seconds", "rows_seen"})
# More points of a curve than a screen is wide are not seen.
_POINTS = 1000
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


def drawn_bytes(query: Query, run: str, name: str) -> bytes | None:
    """The picture of this file name, drawn now; None if it is no picture's. Nothing is written."""
    found = _drawing(query, run, name)
    return None if found is None else _picture(found, name)


def drawn_file(query: Query, artifacts: ArtifactStore, run: str, name: str) -> Path | None:
    """The same as a file, drawn unless it has been drawn before. It is deleted with the run."""
    found = _drawing(query, run, name)
    if found is None:
        return None
    with contextlib.suppress(NotFound):
        return artifacts.path(run, name)  # a file of the user's own goes before
    place = artifacts.folder / "drawn" / run / str(fingerprint(json.dumps(found))) / name
    if not place.exists():
        body = _picture(found, name)
        beside = place.with_name(f".{os.getpid()}-{place.name}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(body)
            os.replace(beside, place)
        except OSError as error:
            raise StoreError(f"the picture {name} cannot be written into {artifacts.folder}: {error}") from error
    return place


def _drawing(query: Query, run: str, name: str) -> tuple[str, str, Any] | None:
    """Which plot a file name means, its title, and what is drawn."""
    from skribe.plots.draw import name_of, title_of

    meant, (stem, _, ending) = name_of(name), name.rpartition(".")
    if meant is not None and meant in query.table_names(run):
        plot, of = meant[0], f" · {meant[1]}"
    elif stem in (HISTORY, *_SEARCH) and ending in ("png", "svg") and stem in _of_no_data(query, run):
        plot, of = stem, ""
    else:
        return None
    view = _found(query, run, *meant)[1] if of and meant else picture_of(query, run, plot, (), None)[1]
    return plot, title_of(plot, f"{query.run_row(run).name} {run[-8:]}{of}"), view


def _picture(drawing: tuple[str, str, Any], name: str) -> bytes:
    from skribe.plots.draw import draw, picture

    plot, title, view = drawing
    return picture(draw(plot, view, title=title), name.rpartition(".")[2])


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
    return {"series": [_series(query, run, key, _POINTS) for key in chosen]}


def _series(query: Query, run: str, key: str, most: int) -> dict[str, Any]:
    """One curve, as it is drawn: of a long one what can be seen, and of how many points that is."""
    points = query.history(run, key)
    known = [(step, value) for _, value, step, _ in points if step is not None and value == value]
    seen = _thinned(known, most)
    told = {"name": key, "steps": [step for step, _ in seen], "values": [value for _, value in seen]}
    return told if len(seen) == len(known) else {**told, "of": len(known)}


def _thinned(points: list[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """At most so many of the points, so that the curve looks the same: both ends, and what stands out in between."""
    if len(points) <= most:
        return points
    inner, parts = len(points) - 2, max(1, (most - 2) // 2)
    kept = [points[0]]
    for n in range(parts):
        part = range(1 + inner * n // parts, 1 + inner * (n + 1) // parts)
        lowest, highest = (pick(part, key=lambda at: points[at][1]) for pick in (min, max))
        kept += [points[at] for at in sorted({lowest, highest})]
    return [*kept, points[-1]]


def curve_of(query: Query, run: str, key: str) -> dict[str, Any]:
    """A metric by step, as `history` draws it. ArgumentError if the run has no such curve."""
    series: dict[str, Any] = _history(query, run, (key,))["series"][0]
    return series


def curves_of(query: Query, run: str, keys: Sequence[str], most: int = _POINTS) -> dict[str, dict[str, Any]]:
    """The same of several, each of at most so many points. The caller knows that the run has them."""
    return {key: _series(query, run, key, most) for key in keys}
