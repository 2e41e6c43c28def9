"""A hyper-parameter search as a table: what was tried, and what each split of each candidate gave and took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skribe.errors import ArgumentError

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Column(NamedTuple):
    """One searched parameter: its distinct values, and for each candidate which of them it has (-1: none)."""

    values: tuple[Any, ...]
    codes: Indices
    # The values as numbers, if every one of them is a finite number.
    numbers: Array | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchTable:
    """The records of one search. Rows are candidates, columns are splits; NaN is what is not known."""

    # Per candidate the searched parameters only; candidates of a list of grids have different keys.
    params: tuple[Mapping[str, Any], ...]
    names: tuple[str, ...]
    # Scorer name ("score" if there is one only) → scores. Greater is better, as everywhere in scikit-learn.
    test: Mapping[str, Array]
    train: Mapping[str, Array]
    fit_seconds: Array
    score_seconds: Array
    # When a split began, in Unix seconds, and on which worker (0: unknown).
    began: Array
    worker: NDArray[Any]
    # Halving only: the iteration that a candidate belongs to, and the resources that it was given.
    iteration: NDArray[Any] | None
    resources: NDArray[Any] | None
    # The scorer that decides, and the candidate that the search chose, once it has.
    metric: str
    best: int | None
    # Questions that were answered before: every view asks for the same columns.
    _columns: dict[str, Column] = field(init=False, repr=False, default_factory=dict)
    _keys: dict[str, tuple[str, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together, naming the first that does not fit."""
        shape = self.fit_seconds.shape
        if len(shape) != 2 or shape[0] != len(self.params):
            raise ArgumentError(f"fit_seconds has shape {shape}; {len(self.params)} candidates need as many rows")
        tables = {"score_seconds": self.score_seconds, "began": self.began, "worker": self.worker}
        tables |= {f"test[{name!r}]": scores for name, scores in self.test.items()}
        tables |= {f"train[{name!r}]": scores for name, scores in self.train.items()}
        for name, array in tables.items():
            if array.shape != shape:
                raise ArgumentError(f"{name} has shape {array.shape}; fit_seconds has {shape}")
        for name, rows in {"names": self.names, "iteration": self.iteration, "resources": self.resources}.items():
            if rows is not None and len(rows) != shape[0]:
                raise ArgumentError(f"{name} has {len(rows)} entries; there are {shape[0]} candidates")
        if self.best is not None and not 0 <= self.best < shape[0]:
            raise ArgumentError(f"best is {self.best}; there are {shape[0]} candidates")

    def __len__(self) -> int:
        """How many candidates there are."""
        return len(self.params)

    def scores(self, scorer: str | None = None) -> Array:
        """The test scores under this scorer, or under the one that decides; all NaN if there are none."""
        return np.asarray(self.test.get(scorer or self.metric, np.full(self.fit_seconds.shape, np.nan)), dtype=float)

    def mean(self, scorer: str | None = None) -> Array:
        """Per candidate the mean test score of the splits that have one."""
        return mean_of(self.scores(scorer))

    def std(self, scorer: str | None = None) -> Array:
        """Per candidate the standard deviation over those splits, divided by n as in `cv_results_`."""
        return std_of(self.scores(scorer))

    def standard_error(self, scorer: str | None = None) -> Array:
        """Per candidate the standard error of that mean; NaN with fewer than two scores."""
        return error_of(self.scores(scorer))

    def seconds(self) -> Array:
        """Per candidate the mean time of a split, fit and score together; NaN where no fit was timed."""
        scoring = mean_of(self.score_seconds)
        return mean_of(self.fit_seconds) + np.where(np.isnan(scoring), 0.0, scoring)

    def fair(self) -> Array:
        """The means that may be compared with each other: NaN for candidates with fewer scored splits than others.

        A candidate that was stopped after its easiest split would look better than it is.
        """
        counts = np.sum(~np.isnan(self.scores()), axis=1)
        whole = counts == counts.max(initial=0)
        return np.where(whole, self.mean(), np.nan)

    def last_rung(self) -> Mask:
        """Which candidates had the most resources: those of the last iteration in halving, otherwise all."""
        if self.iteration is None or not len(self):
            return np.ones(len(self), dtype=bool)
        return np.asarray(self.iteration == self.iteration.max(), dtype=bool)

    def first_rung(self) -> Mask:
        """Which candidates competed first: those of the first iteration in halving, otherwise all."""
        if self.iteration is None or not len(self):
            return np.ones(len(self), dtype=bool)
        return np.asarray(self.iteration == self.iteration.min(), dtype=bool)

    def leader(self) -> int | None:
        """The chosen candidate; as long as there is none, the one that is ahead. None if nothing has a score."""
        if self.best is not None:
            return None if np.isnan(self.mean()[self.best]) else self.best
        means = np.where(self.last_rung(), self.fair(), np.nan)
        return None if np.isnan(means).all() else int(np.nanargmax(means))

    def searched(self) -> tuple[str, ...]:
        """The searched parameters, in the order in which they first appear."""
        if "searched" not in self._keys:
            self._keys["searched"] = tuple(dict.fromkeys(chain.from_iterable(self.params)))
        return self._keys["searched"]

    def varying(self) -> tuple[str, ...]:
        """Those that take more than one value, without the one that halving uses as its resource."""
        if "varying" not in self._keys:
            keys = [key for key in self.searched() if len(self.column(key).values) > 1]
            self._keys["varying"] = tuple(key for key in keys if not self._is_resource(key))
        return self._keys["varying"]

    def distinct(self, key: str) -> tuple[Any, ...]:
        """A parameter's values: numbers ascending, then all others in order of appearance. 1 is 1.0, and not True."""
        return self.column(key).values

    def column(self, key: str) -> Column:
        """A parameter's values, and which candidate has which."""
        if key not in self._columns:
            self._columns[key] = _column([params.get(key, _ABSENT) for params in self.params])
        return self._columns[key]

    def _is_resource(self, key: str) -> bool:
        """Whether halving set this parameter itself, to the resources of the iteration."""
        if self.iteration is None or self.resources is None:
            return False
        column = self.column(key)
        if column.numbers is None or (column.codes < 0).any():
            return False
        return bool((column.numbers[column.codes] == self.resources).all())


def mean_of(scores: Array) -> Array:
    """The mean of each row without its NaN; NaN for a row that has nothing else."""
    known = ~np.isnan(scores)
    with np.errstate(all="ignore"):
        return np.asarray(np.where(known, scores, 0.0).sum(axis=1) / known.sum(axis=1), dtype=float)


def std_of(scores: Array, fewer: int = 0) -> Array:
    """The standard deviation of each row without its NaN, divided by their number less `fewer`."""
    known = ~np.isnan(scores)
    with np.errstate(all="ignore"):
        squares = np.where(known, scores - mean_of(scores)[:, None], 0.0) ** 2
        left = known.sum(axis=1) - fewer
        return np.asarray(np.sqrt(squares.sum(axis=1) / np.where(left > 0, left, np.nan)), dtype=float)


def error_of(scores: Array) -> Array:
    """The standard error of each row's mean; NaN for a row with fewer than two numbers."""
    with np.errstate(all="ignore"):
        return np.asarray(std_of(scores, fewer=1) / np.sqrt((~np.isnan(scores)).sum(axis=1)), dtype=float)


def plain(value: Any) -> Any:
    """The value as JSON can hold it and as it can be told from others: int, float, bool, None or text."""
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else str(value)
    if kind is int:
        # Beyond this it is no number that anything here could compute with.
        return value if value.bit_length() < 1000 else str(value)
    return value if value is None or kind is bool or kind is str else str(value)


def plain_numbers(array: NDArray[Any]) -> list[Any]:
    """The array as lists that JSON can hold: None for what is not a finite number."""
    known = np.isfinite(array)
    if known.all():
        return list(array.tolist())
    told = array.astype(object)
    told[~known] = None
    return list(told.tolist())


_ABSENT = object()


def _column(cells: list[Any]) -> Column:
    """Number the distinct values. A bool has a key of its own, for to a dict True is 1."""
    seen: dict[tuple[bool, Any], int] = {}
    found: list[Any] = []
    raw = np.full(len(cells), -1, dtype=np.intp)
    for row, cell in enumerate(cells):
        if cell is _ABSENT:
            continue
        value = plain(cell)
        number = seen.setdefault((value is True or value is False, value), len(found))
        if number == len(found):
            found.append(value)
        raw[row] = number
    numeric = [type(value) in (int, float) for value in found]
    numbers = sorted((number for number, yes in enumerate(numeric) if yes), key=found.__getitem__)
    order = [*numbers, *(number for number, yes in enumerate(numeric) if not yes)]
    values = tuple(found[number] for number in order)
    # The last entry answers for the code -1.
    places = np.full(len(found) + 1, -1, dtype=np.intp)
    places[np.array(order, dtype=np.intp)] = np.arange(len(order))
    whole = bool(found) and all(numeric)
    return Column(values, places[raw], np.array([float(value) for value in values]) if whole else None)
