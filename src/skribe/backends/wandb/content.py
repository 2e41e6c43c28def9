"""What of a run W&B is told, as plain values: config, summary, history, tags and notes. Nothing here needs wandb."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from skribe.records import Changes, Fact, Param
from skribe.store.values import decode

STEP = "skribe/step"
OWN = "skribe"  # the key in the config under which everything is that is no parameter
_RESERVED = frozenset({"_wandb", "_step", "_runtime", "_timestamp", STEP, "wandb_version"})
_NAMELESS = "skribe/nameless"
# W&B's own limits.
_NAME, _TAG, _TAGS = 128, 64, 50
_TEXT = 20_000


class Point(NamedTuple):
    """A point of a curve, a row of W&B's history."""

    key: str
    step: int
    value: float
    time: float | None

    def row(self) -> dict[str, float]:
        """As W&B takes it."""
        row = {STEP: self.step, self.key: self.value}
        return row if self.time is None else {**row, "_timestamp": self.time}


def name_of(whole: Changes) -> str:
    """What the run is called."""
    name = whole.name or (whole.start.name if whole.start else "") or whole.run
    return name[:_NAME]


def config_of(whole: Changes) -> dict[str, Any]:
    """The parameters by their keys and with their types; under `skribe` all that is said about the run besides."""
    config = {key_of(param.key): _value(param) for param in whole.params}
    if OWN in config:
        config[f"{OWN}/{OWN}"] = config.pop(OWN)
    start, end = whole.start, whole.end
    own: dict[str, Any] = {
        "run": whole.run,
        "status": "running" if end is None else end.status,
        "tags": dict(whole.tags),
        "facts": {fact.key: _value(fact) for fact in whole.facts},
        "datasets": [
            {name: value for name, value in one._asdict().items() if name != "details"} for one in whole.datasets
        ],
    }
    if start is not None:
        own |= {"experiment": start.experiment, "kind": start.kind, "parent": start.parent, "start": start.time}
        own["estimator_class"] = start.estimator_class
    if end is not None:
        own |= {"end": end.time, "wall": end.wall, "cpu": end.cpu}
        if end.failure is not None:
            own["failure"] = end.failure._asdict()
    config[OWN] = own
    return config


def summary_of(whole: Changes) -> dict[str, float]:
    """The last value of every metric."""
    return {key_of(metric.key): metric.value for metric in whole.metrics}


def points_of(changes: Changes) -> list[Point]:
    """The points of all curves, in the order in which they came."""
    return [Point(key_of(one.key), one.step, one.value, one.time) for one in changes.metrics if one.step is not None]


def tags_of(whole: Changes) -> tuple[str, ...]:
    """The tags as W&B has them, a text each. What is too long for one is in the config only."""
    texts = (f"{key}={value}" for key, value in whole.tags.items())
    return tuple(text for text in texts if len(text) <= _TAG and text.isprintable())[:_TAGS]


def notes_of(whole: Changes) -> str | None:
    """How the run failed, what is absent of it and why, and what was warned of."""
    lines = []
    if whole.end is not None and whole.end.failure is not None:
        lines += ["```", whole.end.failure.traceback.strip(), "```"]
    lines += [f"{note.what}: {note.reason}" for note in whole.notes]
    lines += [f"{one.category.rpartition('.')[2]}: {one.message}" for one in whole.warnings]
    return "\n".join(lines)[:_TEXT] or None


def exit_code_of(whole: Changes) -> int:
    """0 is shown as finished, anything else as failed; 255 is what W&B itself has for a run that was killed."""
    status = "finished" if whole.end is None else whole.end.status
    return {"failed": 1, "killed": 255}.get(status, 0)


def key_of(key: str) -> str:
    """The key; another one where W&B needs it for itself."""
    if key in _RESERVED:
        return f"{OWN}/{key}"
    return key or _NAMELESS


def typed(text: str, kind: str) -> Any:
    """The value that a parameter had, as JSON can hold it."""
    with suppress(ValueError):
        value = json.loads(text) if kind == "json" else decode(text, kind)
        if isinstance(value, float) and not math.isfinite(value):
            return text
        return value
    return text


def _value(one: Param | Fact) -> Any:
    return typed(one.value, one.type)


class Layout(NamedTuple):
    """On which rows of a run's history its points and charts lie, when only what is new is sent.

    W&B's history only grows, and drops a row whose number is not larger than the last. So what may come again is
    given the same row each time: points lie in the order in which they came, and after those of each delivery a row
    is left for charts. How many points a delivery has is remembered before they are sent.
    """

    parts: tuple[int, ...] = ()  # the number of points in each delivery that was tried
    arrived: int = 0  # how many points have surely arrived
    charts: frozenset[str] = frozenset()  # and which charts, by their digests

    @classmethod
    def read(cls, text: str | None) -> Layout:
        """From what was remembered. The first skribe wrote only what stands behind the id now."""
        written = text if text and text.startswith('{"parts"') else (text or "").partition("|")[2]
        if not written:
            return cls()
        told = json.loads(written)
        return cls(tuple(told["parts"]), told["arrived"], frozenset(told["charts"]))

    def write(self, there: str = "") -> str:
        """As it is remembered, behind the id that the run has there."""
        told = json.dumps({"parts": self.parts, "arrived": self.arrived, "charts": sorted(self.charts)})
        return f"{there}|{told}"

    def trying(self, points: int, charts: bool) -> Layout:
        """Before so many points, all that there are, and perhaps charts are sent."""
        more = points - sum(self.parts)
        return self._replace(parts=(*self.parts, max(0, more))) if more > 0 or charts else self

    def done(self, points: int, charts: Iterable[str]) -> Layout:
        """When they have arrived."""
        return self._replace(arrived=points, charts=self.charts | frozenset(charts))

    def rows(self) -> list[int]:
        """The row of each point."""
        rows: list[int] = []
        row = 0
        for part in self.parts:
            rows += range(row, row + part)
            row += part + 1
        return rows

    @property
    def charts_row(self) -> int:
        """The row for charts: the last one."""
        return sum(self.parts) + len(self.parts) - 1
