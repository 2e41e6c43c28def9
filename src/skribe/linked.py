"""Which run a fitted model is from, known without writing anything on the model."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skribe.capture.fingerprint import fingerprint
from skribe.capture.rowprints import RowPrints, row_prints
from skribe.capture.state import names_in, state_of
from skribe.settings import Settings

# Up to so many values the rows of the training data are told apart at once; of larger data when it is asked for.
_AT_ONCE = 20_000


# What stands for the content of X, and for that of the targets.
Identity = tuple[str, str | None]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Board:
    """What has been written of the scores of a run's model."""

    datasets: dict[str, list[Identity]] = field(default_factory=dict)  # what each name stands for, in order
    calls: dict[str, str] = field(default_factory=dict)  # what metric_info.json says
    drawn: set[tuple[str, str]] = field(default_factory=set)  # data set and method that have tables
    said: set[str] = field(default_factory=set)  # what has been noted once
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True, eq=False)
class Link:
    """A model's run, with what is needed to add its scores to it."""

    run: str
    folder: Path
    write: Callable[..., None]
    settings: Settings
    experiment: str
    state: str | None = None
    names: tuple[str, ...] | None = None
    trained_on: str | None = None  # the fingerprint of X
    X: Any = None  # a weak reference to it
    rows: RowPrints | None = None
    board: Board = field(default_factory=Board)

    def twin(self, model: Any) -> Link:
        """The same for another object of the same run: the best estimator of a search."""
        names = names_in(model)
        return replace(self, state=state_of(model, names), names=names)

    def learn(self, model: Any, X: Any, trained_on: str | None, state: str | None) -> None:
        """Remember what the model has learnt, and from what."""
        self.names = names_in(model)
        self.state = state or state_of(model, self.names)
        self.trained_on = trained_on
        shape = getattr(X, "shape", None)
        if shape and len(shape) == 2 and shape[0] * shape[1] <= _AT_ONCE:
            self.rows = row_prints(X)
        else:
            try:
                self.X = weakref.ref(X)
            except TypeError:
                self.X = None

    def holds_for(self, model: Any) -> bool:
        """Whether the model still is what it was after the fit."""
        return self.state is None or state_of(model, self.names) == self.state

    def training_rows(self, most: int) -> RowPrints | None:
        """A number for each training row; None where the data are gone, have been changed since, or are too many."""
        if self.rows is None and self.X is not None:
            X, self.X = self.X(), None
            if (
                X is not None
                and X.shape[0] <= most
                and self.trained_on is not None
                and fingerprint(X) == self.trained_on
            ):
                self.rows = row_prints(X)
        return self.rows


class Links:
    """The models that are still there, and their runs."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], Link | None]] = {}

    def put(self, model: Any, link: Link | None) -> None:
        """This model is from that run; None: it is from no run that is known."""
        key = id(model)
        try:
            reference = weakref.ref(model, lambda gone: self._drop(key, gone))
        except TypeError:  # `__slots__`: it cannot be known again
            return
        self._known[key] = reference, link

    def of(self, model: Any) -> Link | None:
        """The run of this model."""
        held = self._known.get(id(model))
        return held[1] if held is not None and held[0]() is model else None

    def knows(self, model: Any) -> bool:
        """Whether it is settled from which run the model is, or that it is from none."""
        held = self._known.get(id(model))
        return held is not None and held[0]() is model

    def _drop(self, key: int, gone: Any) -> None:
        held = self._known.get(key)
        if held is not None and held[0] is gone:
            del self._known[key]
