"""What the recorder knows of a call between its begin and its end, and what it asks of whoever has set it up."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from skribe import metrics
from skribe.capture import display_name
from skribe.records import Call, Kind, Metric, Note, Param, Status
from skribe.settings import Settings
from skribe.streams import Stream

if TYPE_CHECKING:  # loaded with the first search
    from skribe.progress import Progress
    from skribe.scored import Memory
    from skribe.sweeps.sweep import Find, Sweep


class Finished(NamedTuple):
    """A top-level run has ended: what the line about it says."""

    run: str
    name: str
    kind: Kind
    status: Status
    seconds: float
    metrics: tuple[Metric, ...]
    folder: Path
    silent: bool


class Around(NamedTuple):
    """What the recorder asks of whoever has set it up."""

    announce: Callable[[Finished], None]
    show: Callable[[Progress], None]
    find: Callable[[Path, str, str], Find | None]
    last: Callable[[Path, str, str], tuple[str, str] | None]
    recall: Callable[[Path, str | None, str | None], Memory | None]
    surroundings: Callable[[], Mapping[str, str]]
    wanted: Callable[[Path], tuple[str, ...]]
    mind: Callable[[Path], None]


@dataclass(slots=True)
class Record:
    """What the recorder knows of a call between its begin and its end."""

    run: str
    name: str
    kind: Kind
    joined: bool
    top: bool
    X: Any
    y: Any
    weight: Any
    labels: metrics.Labels | None
    overwrites: str | None  # the parameter that lets the estimator write into X
    secret: str | None  # a parameter whose value is nobody's to read
    settings: Settings
    write: Callable[..., None]
    folder: Path
    fingerprint: str | None = None
    state: str | None = None  # stands for what the model has learnt, if that is known already
    fingerprints: tuple[str | None, str | None] = (None, None)
    experiment: str = "default"
    notes: list[Note] = field(default_factory=list)
    stream: Stream | None = None
    sweep: Sweep | None = None


def tags_of(cls: type, record: Record, around: Around) -> dict[str, str]:
    """The tags that a run begins with."""
    return {
        **(around.surroundings() if record.top else {}),
        "estimator_name": cls.__name__,
        "estimator_class": f"{cls.__module__}.{cls.__qualname__}",
        **record.settings.extra_tags,
    }


def sweep_of(call: Call, record: Record, params: tuple[Param, ...], around: Around) -> Sweep:
    """What will be told of each task of this search or cross-validation."""
    from skribe.capture.candidates import Template
    from skribe.modelled import keep_split
    from skribe.sweeps.sweep import Home, Sweep

    fitted = call.estimator if call.function else vars(call.estimator).get("estimator", call.estimator)
    cls = type(fitted)
    home = Home(
        run=record.run,
        experiment=record.experiment,
        folder=record.folder,
        settings=record.settings,
        write=record.write,
        find=around.find,
        last=around.last,
        show=around.show,
        keep=functools.partial(keep_split, record),
        quiet=record.settings.silent or call.within is not None or _talks(params),
        estimator=(display_name(fitted), f"{cls.__module__}.{cls.__qualname__}"),
        fingerprints=record.fingerprints,
        name=record.name,
    )
    if call.function:
        own = (param for param in params if not param.key.startswith("cv."))
        return Sweep(call, home, Template(fitted, own).filled)
    inner = "estimator__"
    own = (param._replace(key=param.key[len(inner) :]) for param in params if param.key.startswith(inner))
    return Sweep(call, home, Template(fitted, own).filled)


def _talks(params: Iterable[Param]) -> bool:
    """Whether the user has asked the search, or anything in it, to report by itself."""
    asked = (param for param in params if param.key.replace(".", "__").rpartition("__")[2] == "verbose")
    return any(param.value not in ("0", "False", "None", "-1") for param in asked)


def parent_of(call: Call) -> str | None:
    """The run that this call's run belongs to."""
    if call.within is not None:
        outer: Record = call.within.record
        if outer.sweep is None or call.task is None:
            return outer.run
        return outer.sweep.child_of(call.task, call.task_began) or outer.run
    return None if call.inside is None else str(call.inside.id)
