"""What the API answers and the pages carry, as plain data. Nothing here knows of requests."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from skribe.errors import ArgumentError, NotFound
from skribe.store.page import KeyCount
from skribe.store.query import Query
from skribe.ui.cutting import cut
from skribe.views.columns import telling_metrics, telling_params
from skribe.views.plain import as_plain

if TYPE_CHECKING:  # they need numpy, which the first page does not wait for
    from skribe.views.search import SearchView

PAGE = 100
MOST = 1000
MOST_COMPARED = 50
# What is looked at to say which keys there are.
NEWEST = 2000
# The columns that a table begins with: the metrics that say most, and the parameters that people chose and varied.
_METRICS, _PARAMS = 4, 4
# Searches as they were last drawn up: store, run and stamp.
_KEPT = 4
_kept: dict[tuple[Path, str, str], SearchView] = {}
_keeping = threading.Lock()
# One for each search that somebody asks for just now.
_turns: WeakValueDictionary[tuple[Path, str], threading.Lock] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which runs, in which order, with which cells."""

    experiment: str | None = None
    where: str | None = None
    kind: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    sort: str | None = None
    ascending: bool = False
    offset: int = 0
    limit: int = PAGE
    columns: tuple[str, ...] = field(default=())
    children: bool = False
    parent: str | None = None
    deleted: bool = False


def runs_answer(query: Query, asked: Asked) -> dict[str, Any]:
    """A part of the table of runs."""
    if asked.limit > MOST:
        raise ArgumentError(
            f"limit={asked.limit} is too much at once: ask for {MOST} at most, and again with offset=."
        )
    seq = query.last_seq()
    page = query.runs_page(
        asked.experiment,
        asked.where,
        parent=asked.parent,
        children=asked.children,
        kind=asked.kind or None,
        status=asked.status or None,
        sort_by=asked.sort,
        ascending=asked.ascending,
        limit=asked.limit,
        offset=asked.offset,
        deleted=asked.deleted,
        columns=asked.columns,
    )
    return {
        "seq": seq,
        "total": page.total,
        "offset": asked.offset,
        "columns": list(asked.columns),
        "rows": [as_plain(row) for row in page.rows],
    }


def keys_answer(query: Query, experiment: str | None = None, where: str | None = None) -> dict[str, Any]:
    """The keys that the newest runs have, and the columns that a table of them begins with."""
    params, metrics, tags = (
        query.key_counts(group, experiment, where, newest=NEWEST) for group in ("params", "metrics", "tags")
    )
    return {
        "params": as_plain(params),
        "metrics": as_plain(metrics),
        "tags": as_plain(tags),
        "default": default_columns(params, metrics),
    }


def default_columns(params: Sequence[KeyCount], metrics: Sequence[KeyCount]) -> list[str]:
    """The columns that a table of these runs begins with."""
    return [f"metrics.{key}" for key in telling_metrics(metrics)[:_METRICS]] + [
        f"params.{key}" for key in telling_params(params)[:_PARAMS]
    ]


def search_of(query: Query, run: str) -> SearchView | None:
    """A search; None if the run is none. The last ones are kept, because drawing up a wide one takes a second."""
    from skribe.views.search import search_view, stamp_of

    row = query.run_row(run)
    with _keeping:
        turn = _turns.setdefault((query.folder, row.id), threading.Lock())
    # Who asks while it is being drawn up waits, and is given the same.
    with turn:
        key = (query.folder, row.id, stamp_of(query, row.id))
        with _keeping:
            if key in _kept:
                _kept[key] = _kept.pop(key)
                return _kept[key]
        view = search_view(query, row.id)
        if view is not None:
            with _keeping:
                _kept[(*key[:2], view.stamp)] = view
                while len(_kept) > _KEPT:
                    del _kept[next(iter(_kept))]
    return view


def search_answer(query: Query, run: str, known: str | None = None) -> dict[str, Any]:
    """A search, or that nothing is new since the stamp `known`."""
    from skribe.views.search import stamp_of

    if known is not None and stamp_of(query, run) == known:
        return {"unchanged": True, "stamp": known}
    view = search_of(query, run)
    if view is None:
        raise NotFound(f"run {run} is no search: it has no candidates")
    return {name: getattr(view, name) for name in view.__dataclass_fields__}


def picture_answer(query: Query, run: str, name: str, data: str | None, params: Sequence[str] = ()) -> dict[str, Any]:
    """The data of one picture."""
    from skribe.views import picture_of

    title, view = picture_of(query, query.run_row(run).id, name, tuple(params), data)
    return {"name": name, "data": data, "title": title, "view": as_plain(view)}


def curve_answer(query: Query, run: str, key: str) -> dict[str, Any]:
    """A metric by step."""
    from skribe.views import curve_of

    return dict(as_plain(curve_of(query, query.run_row(run).id, key)))


def seen_answer(query: Query, run: str, whole: bool = False) -> dict[str, Any]:
    """All that is shown of a run; very long texts in whole, or cut as on the page."""
    from skribe.views import run_view

    view = run_view(query, run)
    return dict(as_plain(view if whole else cut(view)))


def compared_answer(query: Query, runs: Sequence[str], whole: bool = False) -> dict[str, Any]:
    """Several runs beside each other, likewise."""
    from skribe.views import comparison

    compared = comparison(query, runs)
    return dict(as_plain(compared if whole else cut(compared)))


def compared_picture_answer(query: Query, name: str, data: str | None, runs: Sequence[str]) -> dict[str, Any]:
    """One picture of each of the runs that have it."""
    views = []
    for run in runs[:MOST_COMPARED]:
        row = query.run_row(run)
        with contextlib.suppress(ArgumentError):
            views.append({"run": row.id, **picture_answer(query, row.id, name, data)})
    if not views:
        raise NotFound(f"none of the runs has the picture {name!r}")
    return {"name": name, "data": data, "pictures": views}
