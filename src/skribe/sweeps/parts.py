"""One candidate, fold, size or value: what has arrived of it, and the child run that it becomes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skribe.records import Candidate, End, Fact, Failure, Metric, Result, Status, Warned
from skribe.sweeps.layout import Place

_TIMES = ("fit_time", "score_time")


@dataclass(slots=True)
class Part:
    """What is known of one part. A search's are many: of those that are written only the means are kept."""

    place: Place
    run: str | None
    started: bool = False
    complete: bool = False
    began: float = math.inf
    ended: float = 0.0
    numbers: dict[str, dict[int, float]] = field(default_factory=dict)  # by key and split
    sizes: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)
    fresh: list[Metric] = field(default_factory=list)  # not yet written
    known: dict[str, float] = field(default_factory=dict)  # its means
    warned: list[Warned] = field(default_factory=list)
    failure: Failure | None = None
    broken: Status | None = None  # how it ended before it was complete
    told: float = 0.0  # when it began, as it was written
    busy: float = 0.0  # seconds of tasks whose fits and scores are not told apart

    @property
    def done(self) -> int:
        """How many of its tasks have arrived."""
        return len(self.sizes)

    def add(self, result: Result, failure: Failure | None) -> None:
        """One more of its splits."""
        split, body = result.split, result.body
        ended = result.began + (result.fit_time or 0.0) + (result.score_time or 0.0)
        self.began, self.ended = min(self.began, result.began), max(self.ended, body.get("ended", ended))
        if result.fit_time is None:
            self.busy += self.ended - result.began
        self.sizes[split] = (body.get("n_train"), body.get("n_test"))
        self.failure = self.failure or failure
        for key, value in numbers_of(result):
            self.numbers.setdefault(key, {})[split] = value
            if self.place.splits == 1:  # a fold: there is no other split
                self.fresh.append(Metric(key, value, None, self.ended))
            elif key not in _TIMES:  # each time by itself is in the results; here their means will do
                self.fresh.append(Metric(f"split_{key}", value, split, self.ended))

    def means(self) -> list[Metric]:
        """Mean and standard deviation over the splits, under the keys of `cv_results_`."""
        found = []
        for key, by_split in self.numbers.items():
            mean, std = mean_and_std([by_split[split] for split in sorted(by_split)])
            found += [Metric(f"mean_{key}", mean), Metric(f"std_{key}", std)]
        return found

    def forget(self) -> None:
        """It is written: its single numbers are on disk."""
        if self.place.splits is not None and self.place.splits > 1:
            self.numbers, self.sizes = {}, {}

    def facts(self) -> tuple[Fact, ...]:
        """The sizes of its splits, and where it stands in a halving search."""
        found = []
        for key, place in (("n_train_samples", 0), ("n_test_samples", 1)):
            sizes = [self.sizes[split][place] for split in sorted(self.sizes)]
            if sizes and None not in sizes:
                found.append(Fact(key, json.dumps(sizes), "json") if len(sizes) > 1 else _count(key, sizes[0]))
        return tuple(found)

    def wall(self) -> float | None:
        """The seconds of all its fits and scores; of its tasks where those are not told apart."""
        spent = [value for key in ("fit_time", "score_time") for value in self.numbers.get(key, {}).values()]
        if spent:
            return math.fsum(spent)
        return self.busy or None

    def end(self, status: Status) -> End:
        """How it ended; and when it began, should a split that came later have begun before the first to come."""
        status = self.broken or ("failed" if self.failure else status)
        began = self.began if self.began < self.told else None
        return End(status, self.ended or self.began, self.wall(), None, self.failure, began)

    def candidate(self) -> Candidate:
        place = self.place
        return Candidate(place.part, self.run, place.name, place.texts, place.iteration, place.resources)


def _count(key: str, size: int | None) -> Fact:
    return Fact(key, str(size), "int")


def numbers_of(result: Result) -> Iterable[tuple[str, float]]:
    """The numbers of a result under scikit-learn's names: `test_score`, `train_f1`, `fit_time`."""
    for group in ("test", "train"):
        scores = result.body.get(group)
        named = scores if isinstance(scores, Mapping) else {"score": scores}
        for name, score in named.items():
            if isinstance(score, int | float):  # a scorer of the user's may give anything that is a number
                yield f"{group}_{name}", float(score)
    if result.fit_time is not None:
        yield "fit_time", result.fit_time
    if result.score_time is not None:
        yield "score_time", result.score_time


def mean_and_std(values: list[float]) -> tuple[float, float]:
    """As `BaseSearchCV` computes them, to the last bit."""
    if len(values) >= 8:  # from here on NumPy adds in another order
        array = np.asarray(values)
        mean = np.average(array)
        return float(mean), float(np.sqrt(np.average((array - mean) ** 2)))
    mean = sum(values, 0.0) / len(values)
    return mean, math.sqrt(sum(((value - mean) * (value - mean) for value in values), 0.0) / len(values))


def body_of(result: Mapping[str, Any], n_train: int | None, n_test: int | None) -> dict[str, Any]:
    """What is kept of a result of `_fit_and_score`, beside its times."""
    body: dict[str, Any] = {"test": _plain(result["test_scores"])}
    if "train_scores" in result:
        body["train"] = _plain(result["train_scores"])
    if n_train is not None:
        body["n_train"] = n_train
    if n_test is not None:
        body["n_test"] = n_test
    if result.get("fit_error") is not None:
        body["error"] = result["fit_error"]
    return body


def _plain(scores: Any) -> Any:
    if isinstance(scores, Mapping):
        return {name: _plain(score) for name, score in scores.items()}
    return scores if isinstance(scores, int | float) else str(scores)


def failure_in(traceback: str | None) -> Failure | None:
    """The failure whose traceback scikit-learn has kept as a text."""
    if traceback is None:
        return None
    lines = traceback.rstrip("\n").split("\n")
    frames = [number for number, line in enumerate(lines) if line.startswith("  ")]
    # The frames are indented; what comes after the last of them is the exception, of one line or of several.
    after = "\n".join(lines[frames[-1] + 1 :] if frames else lines)
    kind, _, message = after.partition(": ")
    return Failure(kind.strip() or "Exception", message, traceback)
