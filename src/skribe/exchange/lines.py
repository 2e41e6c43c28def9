"""Runs as lines of JSON: one object per run, with everything that is known of it."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from skribe.exchange.packing import whole_of
from skribe.records import Changes
from skribe.store.query import Query
from skribe.store.values import decode


def lines_of(query: Query, runs: Sequence[str], step: Callable[[int, int], None]) -> Iterator[bytes]:
    """A line for each of the runs."""
    for done, run in enumerate(runs):
        step(done, len(runs))
        yield json.dumps(strict(as_object(whole_of(query, run))), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    step(len(runs), len(runs))


def as_object(changes: Changes) -> dict[str, Any]:
    """All of a run, in words that need no explanation."""
    start, end = changes.start, changes.end
    assert start is not None
    failure = None if end is None or end.failure is None else end.failure._asdict()
    history: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for metric in changes.metrics:
        history[metric.key].append({"step": metric.step, "time": moment(metric.time), "value": metric.value})
    return {
        "id": changes.run,
        "name": start.name,
        "kind": start.kind,
        "status": "running" if end is None else end.status,
        "experiment": start.experiment,
        "parent": start.parent,
        "start": moment(start.time),
        "end": None if end is None else moment(end.time),
        "seconds": None if end is None else end.wall,
        "cpu_seconds": None if end is None else end.cpu,
        "error": failure,
        "estimator": {"name": start.estimator_name, "class": start.estimator_class},
        "params": {param.key: decode(param.value, param.type) for param in changes.params},
        "metrics": {metric.key: metric.value for metric in changes.metrics},
        "history": dict(history),
        "tags": dict(changes.tags),
        "facts": {fact.key: decode(fact.value, fact.type) for fact in changes.facts},
        "datasets": [dataset._asdict() for dataset in changes.datasets],
        "notes": [note._asdict() for note in changes.notes],
        "warnings": [warned._asdict() for warned in changes.warnings],
        "models": [model._asdict() for model in changes.models],
        "registered": [registration._asdict() for registration in changes.registered],
        "artifacts": [artifact._asdict() for artifact in changes.artifacts],
        "tables": [table._asdict() for table in changes.tables],
        "candidates": [
            candidate._asdict() | {"params": {key: decode(*value) for key, value in candidate.params.items()}}
            for candidate in changes.candidates
        ],
        "results": [result._asdict() for result in changes.results],
    }


def moment(time: float | None) -> str | None:
    """A moment as ISO 8601 writes it, in UTC."""
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat()


def strict(value: Any) -> Any:
    """The same without what JSON has no word for: infinities and NaN as texts."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): strict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(each) for each in value]
    return value
