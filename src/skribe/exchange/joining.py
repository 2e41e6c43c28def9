"""What a run from elsewhere adds to the same run here: nothing that is here is lost, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from skribe.records import Changes, Metric, Note, Param
from skribe.store.codec import json_text

_KEYED: dict[str, Callable[[Any], Any]] = {
    "facts": lambda fact: fact.key,
    "artifacts": lambda artifact: artifact.path,
    "models": lambda model: model.path,
    "tables": lambda table: (table.name, table.data),
    "candidates": lambda candidate: candidate.number,
    "results": lambda result: (result.candidate, result.split),
}
_LOOSE = ("notes", "warnings", "datasets")


def addition(theirs: Changes, ours: Changes) -> Changes | None:
    """What `theirs` has and `ours` has not; None if that is nothing. Both are whole.

    Where they contradict each other, the one that was heard of later is right; parameters never change.
    """
    newer = _last_heard(theirs) > _last_heard(ours)
    added: dict[str, Any] = {}
    for name, key in _KEYED.items():
        added[name] = _keyed(getattr(theirs, name), getattr(ours, name), key, newer)
    for name in _LOOSE:
        known = set(map(json_text, getattr(ours, name)))
        added[name] = tuple(item for item in getattr(theirs, name) if json_text(item) not in known)
    added["params"], notes = _params(theirs.params, ours)
    added["notes"] += notes
    added["metrics"] = _metrics(theirs.metrics, ours.metrics, newer)
    added["tags"] = {
        key: value for key, value in theirs.tags.items() if key not in ours.tags or (newer and ours.tags[key] != value)
    }
    if theirs.end is not None and (ours.end is None or (newer and theirs.end != ours.end)):
        added["end"] = theirs.end
    if newer and theirs.start is not None and ours.start is not None and theirs.start.name != ours.start.name:
        added["name"] = theirs.start.name
    return Changes(run=ours.run, **added) if any(added.values()) else None


def _last_heard(changes: Changes) -> float:
    moments = [metric.time for metric in changes.metrics if metric.time is not None]
    if changes.start is not None:
        moments.append(changes.start.time)
    if changes.end is not None:
        moments.append(changes.end.time)
    return max(moments, default=0.0)


def _keyed(theirs: Sequence[Any], ours: Sequence[Any], key: Callable[[Any], Any], newer: bool) -> tuple[Any, ...]:
    here = {key(item): json_text(item) for item in ours}
    return tuple(item for item in theirs if key(item) not in here or (newer and here[key(item)] != json_text(item)))


def _params(theirs: Sequence[Param], ours: Changes) -> tuple[tuple[Param, ...], tuple[Note, ...]]:
    here = {param.key: param for param in ours.params}
    notes = [
        Note(
            f"params.{param.key}", f"{here[param.key].value!r} stays; where it was imported from it is {param.value!r}"
        )
        for param in theirs
        if param.key in here and (here[param.key].value, here[param.key].type) != (param.value, param.type)
    ]
    known = set(ours.notes)
    return (
        tuple(param for param in theirs if param.key not in here),
        tuple(note for note in notes if note not in known),
    )


def _metrics(theirs: Sequence[Metric], ours: Sequence[Metric], newer: bool) -> tuple[Metric, ...]:
    here = set(map(_exactly, ours))
    missing = tuple(metric for metric in theirs if _exactly(metric) not in here)
    if newer:
        return missing
    # What is written last is the latest value: ours is written again, and the others become its history.
    touched = {metric.key for metric in missing}
    latest = {metric.key: metric for metric in ours if metric.key in touched}
    return (*missing, *latest.values())


def _exactly(metric: Metric) -> tuple[Any, ...]:
    # Not a number is not equal to itself.
    value = metric.value if metric.value == metric.value else None
    return (metric.key, value, metric.step, metric.time)
