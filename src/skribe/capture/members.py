"""The seconds of each step of a pipeline, each member of an ensemble, each model that a user's class trains inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from skribe.capture.roles import role_of
from skribe.records import Metric

PREFIX = "fit_seconds."


def member_seconds(estimator: Any, members: Sequence[tuple[int, str, float]]) -> tuple[Metric, ...]:
    """Metrics `fit_seconds.<name>`; members that have no name but a number make one curve, a step per member.

    `members` holds the id of each object that was fitted inside, its class and its seconds. Ids of objects that
    are gone may have been given to others, so only what the fitted estimator holds now is named, and by class too.
    """
    if not members:
        return ()
    named: dict[tuple[int, str], tuple[str, int | None]] = {}
    for name, step, value in _parts(estimator):
        named.setdefault((id(value), type(value).__name__), (name, step))
    seconds: dict[tuple[str, int | None], float] = {}
    for identity, class_name, spent in members:
        place = named.get((identity, class_name))
        if place is not None:
            seconds[place] = seconds.get(place, 0.0) + spent
    return tuple(Metric(PREFIX + name, spent, step) for (name, step), spent in seconds.items())


def _parts(estimator: Any) -> Iterator[tuple[str, int | None, Any]]:
    """The objects that the estimator holds in its attributes, those with a name of their own first."""
    try:
        attributes = dict(vars(estimator))
    except TypeError:
        return
    for value in attributes.values():
        if isinstance(value, Mapping):
            yield from ((str(name), None, part) for name, part in value.items())
        elif isinstance(value, list | tuple):
            pairs = (item for item in value if isinstance(item, tuple) and len(item) == 2)
            yield from ((pair[0], None, pair[1]) for pair in pairs if isinstance(pair[0], str))
    for name, value in attributes.items():
        if name.startswith("_"):
            continue
        if isinstance(value, list | tuple):
            yield from ((name.rstrip("_"), step, part) for step, part in enumerate(value))
        elif role_of(value) == "model":  # not the encoder that an ensemble keeps for its labels
            yield name.rstrip("_"), None, value
