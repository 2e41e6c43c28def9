"""Several changes of one run as one: what a backend is handed, so that it needs few requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from skribe.records import Changes

T = TypeVar("T", bound=tuple[Any, ...])

_ADDED = ("params", "metrics", "notes", "warnings", "datasets", "registered", "erased", "candidates", "results")


def merged(entries: Iterable[Changes]) -> list[Changes]:
    """One `Changes` for each run, in the order in which the runs came first; a parent before its children."""
    by_run: dict[str, Changes] = {}
    for changes in entries:
        before = by_run.get(changes.run)
        by_run[changes.run] = changes if before is None else joined(before, changes)
    return _parents_first(by_run)


def joined(first: Changes, then: Changes) -> Changes:
    """What the two say of one run, the later word counting where there can be only one."""
    added: dict[str, Any] = {name: (*getattr(first, name), *getattr(then, name)) for name in _ADDED}
    return replace(
        first,
        start=first.start or then.start,
        name=then.name if then.name is not None else first.name,
        end=then.end or first.end,
        tags={**first.tags, **then.tags},
        facts=_newest(first.facts, then.facts),
        artifacts=_newest(first.artifacts, then.artifacts),
        models=_newest(first.models, then.models),
        tables=tuple({(table.name, table.data): table for table in (*first.tables, *then.tables)}.values()),
        **added,
    )


def is_empty(changes: Changes) -> bool:
    """Whether they say nothing."""
    return changes == Changes(run=changes.run)


def _newest(first: tuple[T, ...], then: tuple[T, ...]) -> tuple[T, ...]:
    """Both, without those of the first whose name, their first field, comes again."""
    return tuple({part[0]: part for part in (*first, *then)}.values())


def _parents_first(by_run: dict[str, Changes]) -> list[Changes]:
    placed: dict[str, Changes] = {}

    def place(run: str) -> None:
        way = []
        while run in by_run and run not in placed and run not in way:
            way.append(run)
            start = by_run[run].start
            if start is None or start.parent is None:
                break
            run = start.parent
        for each in reversed(way):
            placed[each] = by_run[each]

    for run in by_run:
        place(run)
    return list(placed.values())
