"""What must be readable back from a backend after runs were delivered to it, and the comparison."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from skribe.records import Changes

# What is larger than this may stand for infinity where a backend's numbers end.
_NEARLY_INFINITE = 1e308


class Seen(NamedTuple):
    """A run as it can be read back from a backend. A field is None where the backend keeps no such thing."""

    name: str | None = None
    status: str | None = None  # running, finished, failed, killed
    parent: str | None = None  # the id that the parent has in skribe; "" for a run without one
    params: Mapping[str, str] | None = None  # as text: what `Param.value` is
    metrics: Mapping[str, float] | None = None  # the last value of each
    tags: Mapping[str, str] | None = None
    history: Mapping[str, Sequence[tuple[int, float]]] | None = None  # (step, value), of metrics that have steps
    files: Collection[str] | None = None  # the paths of the files that have arrived


def expected(changes: Changes) -> Seen:
    """What should be seen of a run of which this is known."""
    history: dict[str, list[tuple[int, float]]] = {}
    for metric in changes.metrics:
        if metric.step is not None:
            history.setdefault(metric.key, []).append((metric.step, metric.value))
    start = changes.start
    return Seen(
        name=changes.name or (start.name if start else None),
        status="running" if changes.end is None else changes.end.status,
        parent=(start.parent if start else None) or "",
        params={param.key: param.value for param in changes.params},
        metrics={metric.key: metric.value for metric in changes.metrics},
        tags=dict(changes.tags),
        history=history,
    )


def check_seen(seen: Mapping[str, Seen], *runs: Changes) -> None:
    """AssertionError unless each of these runs can be read back as it is known, with everything that it has."""
    for run in runs:
        assert run.run in seen, f"run {run.run} has not arrived; there are {len(seen)}: {sorted(seen)[:5]}"
        differences = list(_differences(seen[run.run], expected(run)))
        assert not differences, f"run {run.run} came back otherwise:\n  " + "\n  ".join(differences)


def _differences(seen: Seen, wanted: Seen) -> list[str]:
    found = [
        f"{name} is {getattr(seen, name)!r}, not {getattr(wanted, name)!r}"
        for name in ("name", "status", "parent")
        if getattr(seen, name) is not None and getattr(seen, name) != getattr(wanted, name)
    ]
    for name in ("params", "metrics", "tags"):
        if getattr(seen, name) is not None:
            found += _of_mapping(name, getattr(seen, name), getattr(wanted, name))
    if seen.history is not None:
        for key, points in (wanted.history or {}).items():
            found += _of_curve(key, sorted(seen.history.get(key, ())), sorted(points))
    return found


def _of_mapping(name: str, seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """A backend may have more than it was given: it adds words of its own."""
    missing = [f"{name} {key!r} is missing" for key in wanted if key not in seen]
    return missing + [
        f"{name} {key!r} is {seen[key]!r}, not {value!r}"
        for key, value in wanted.items()
        if key in seen and not _same(seen[key], value)
    ]


def _of_curve(key: str, seen: Sequence[tuple[int, float]], wanted: Sequence[tuple[int, float]]) -> list[str]:
    if len(seen) != len(wanted):
        return [f"history {key!r} has {len(seen)} points, not {len(wanted)}: {list(seen)[:12]}"]
    return [
        f"history {key!r} has {one}, not {other}"
        for one, other in zip(seen, wanted, strict=True)
        if one[0] != other[0] or not _same(one[1], other[1])
    ]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def may_stand_for(seen: float | None, wanted: float) -> bool:
    """Whether this is the number, or what a backend that cannot hold it may have instead: nothing, or nearly it."""
    if seen is None or _same(seen, wanted):
        return True
    return math.isinf(wanted) and abs(seen) >= _NEARLY_INFINITE and (seen > 0) == (wanted > 0)
