"""Which runs are meant, each after the run that it is inside of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from skribe.errors import ArgumentError, NotFound, StoreError
from skribe.store.location import FOLDER, database_of, find_store
from skribe.store.query import Query


def store_of(store: object) -> Path:
    """The folder of the store that is to be read. StoreError if there is none."""
    folder = find_store(store)  # type: ignore[arg-type]
    if not database_of(folder).is_file():
        inside = folder / FOLDER
        hint = f"; did you mean {inside}?" if database_of(inside).is_file() else ""
        raise StoreError(f"there is no store in {folder}{hint}")
    return folder


def chosen(
    query: Query,
    *,
    experiment: str | None,
    where: str | None,
    runs: Sequence[str],
    children: bool,
    parents: bool,
) -> list[str]:
    """The ids of the runs: those that match or are named, with all that is inside of them and around them if wanted.

    Runs in the trash are left out. NotFound if nothing is left.
    """
    matching = _named(query, runs) if runs else None
    if matching is None or experiment is not None or where is not None:
        frame = query.runs_frame(experiment, where, children=children or bool(runs), columns=["run_id"])
        found = set(frame["run_id"])
        matching = found if matching is None else matching & found
    family = query.runs_frame(children=True, columns=["run_id", "parent_id", "start"])
    # Of runs that began together the order is that of their ids: it is the same in every store.
    family = family.sort_values(["start", "run_id"])
    parent_of = dict(zip(family["run_id"], family["parent_id"], strict=True))
    inside: defaultdict[str, list[str]] = defaultdict(list)
    for run, parent in parent_of.items():
        if parent is not None:
            inside[parent].append(run)
    wanted: set[str] = set()
    for run in matching:
        wanted |= _all_inside(run, inside) if children else {run}
        around = parent_of.get(run) if parents else None
        while around is not None and around not in wanted:
            wanted.add(around)
            around = parent_of.get(around)
    ordered = _parents_first(parent_of, wanted)
    if not ordered:
        raise NotFound(f"no run in {query.folder} is like that; `skribe.runs()` shows what there is")
    return ordered


def _named(query: Query, runs: Sequence[str]) -> set[str]:
    if isinstance(runs, str):
        raise ArgumentError(f"export_runs(runs={runs!r}) must be a list of ids, such as [{runs!r}]")
    rows = [query.run_row(run) for run in runs]
    for row in rows:
        if row.deleted is not None:
            raise ArgumentError(f"run {row.id} is in the trash; restore it before you export it")
    return {row.id for row in rows}


def _all_inside(run: str, inside: defaultdict[str, list[str]]) -> set[str]:
    found, waiting = {run}, [run]
    while waiting:
        new = [child for child in inside.get(waiting.pop(), ()) if child not in found]
        found.update(new)
        waiting += new
    return found


def _parents_first(parent_of: dict[str, str | None], wanted: set[str]) -> list[str]:
    """Oldest first, but each after its parent: a child may have begun in the same moment."""
    ordered: dict[str, None] = {}
    for run in parent_of:
        line: list[str] = []
        here: str | None = run
        while here is not None and here in parent_of and here not in ordered and here not in line:
            line.append(here)
            here = parent_of[here]
        ordered.update(dict.fromkeys(reversed(line)))
    return [run for run in ordered if run in wanted]
