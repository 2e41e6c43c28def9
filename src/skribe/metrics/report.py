"""What an evaluation gives back, and the sheet it is collected on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skribe.guard import reason_of
from skribe.metrics.labels import Array
from skribe.records import Metric, Note


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The arrays the metrics were computed from, so that plots need not ask the estimator again.

    For a classification `y_true` and `y_pred` are codes into `classes`, and the columns of `y_score` follow
    `classes` as well; a flat `y_score` belongs to `classes[1]`. Elsewhere they are the values themselves.
    """

    y_true: Array | None
    y_pred: Array | None
    y_score: Array | None
    classes: Array | None
    weight: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The metrics of one fitted estimator on its training data, and a reason for each that is absent."""

    metrics: tuple[Metric, ...]
    notes: tuple[Note, ...]
    task: str
    rows: int | None
    predictions: Predictions | None


@dataclass(slots=True)
class Sheet:
    """Collects metrics and notes under one prefix."""

    prefix: str
    metrics: list[Metric] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """What a note about all the metrics is about."""
        return self.prefix.rstrip("_") + "_metrics"

    def add(self, name: str, value: Any) -> None:
        """Write a value down; one that is not a number is absent, for no metric is defined as NaN."""
        number = float(value)
        if np.isnan(number):
            self.absent(name, "undefined for these data (scikit-learn gives nan)")
        else:
            self.metrics.append(Metric(self.prefix + name, number))

    def absent(self, name: str, reason: str) -> None:
        self.notes.append(Note(self.prefix + name, reason))

    def remark(self, reason: str) -> None:
        """A word on all the metrics of this evaluation."""
        self.notes.append(Note(self.subject, reason))

    def ask(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> float | None:
        """Write down what `function` returns, or why it refused; gives the value back."""
        try:
            value = float(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - scikit-learn's reason, or the user's code's, is the reason
            self.absent(name, reason_of(error))
            return None
        self.add(name, value)
        return value
