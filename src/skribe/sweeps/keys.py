"""By what a finished (candidate, split) is known again: everything that its scores depend on, in one key.

Two tasks with the same key are the same task on the same data, in whatever process. What cannot be identified surely
has no key, and is computed anew: a wrong match would be a wrong number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import xxhash

from skribe.capture.fingerprint import fingerprint
from skribe.capture.identity import Unsure, content
from skribe.guard import contain
from skribe.records import Outcome, Result, Task

# Settings of scikit-learn that say how things are shown. All others may change what comes out, or whether it does.
_SHOWING = frozenset({"print_changed_only", "display"})
_SAME_FOR_ALL = ("scorer", "fit_params", "score_params", "error_score", "return_train_score")


class Keys:
    """The keys of the tasks of one search. What is the same for all of them is identified once."""

    def __init__(self, fingerprints: tuple[str | None, str | None]) -> None:
        self._fingerprints = fingerprints  # of X and y, where they were looked at already
        self._common: bytes | None = None
        self._unsure = False
        self._candidate: tuple[Any, bytes | None] = None, None
        self._splits: dict[tuple[int, int], tuple[Any, Any, bytes]] = {}
        self.without: dict[str, int] = {}  # why tasks have no key, and how many
        self.reason = ""  # why the last of them has none
        self.parts: dict[str, str] = {}  # what all tasks share, part by part: to tell what is different another time

    def of(self, task: Task) -> str | None:
        """The task's key; None if it cannot be known surely."""
        try:
            if self._common is None and not self._unsure:
                self._common = self._identify(task)
            if self._common is None:
                self._miss("")
                return None
            parts = self._common, self._chosen(task), self._split(task)
        except Unsure as error:
            self._unsure = self._common is None
            self._miss(error.reason)
            return None
        return xxhash.xxh3_128_hexdigest(b"".join(parts))

    def _miss(self, reason: str) -> None:
        reason = self.reason = reason or self.reason
        self.without[reason] = self.without.get(reason, 0) + 1

    def _identify(self, task: Task) -> bytes:
        """The estimator, the data, the scorer, what is passed to `fit` and `score`, and the versions."""
        X, y = _data(task.args[1], self._fingerprints[0], "X"), _data(task.args[2], self._fingerprints[1], "y")
        # These are used as they are; the estimator is cloned, and keeps its parameters only.
        known = {name: content(task.kwargs.get(name), name, cloned=False) for name in _SAME_FOR_ALL}
        known["estimator"] = content(task.args[0], "estimator")
        known["versions"] = content(_versions())
        self.parts = {"X": X.hex()[:8], "y": y.hex()[:8], **{name: part.hex()[:8] for name, part in known.items()}}
        return content([X, y, known])

    def _chosen(self, task: Task) -> bytes:
        number = task.batch, task.kwargs["candidate_progress"]
        if self._candidate[0] != number or self._candidate[1] is None:
            self._candidate = number, None
            self._candidate = number, content(task.kwargs["parameters"] or {}, "the candidate")
        assert self._candidate[1] is not None
        return self._candidate[1]

    def _split(self, task: Task) -> bytes:
        train, test = task.kwargs["train"], task.kwargs["test"]
        place = task.batch, task.kwargs["split_progress"][0]
        known = self._splits.get(place)
        # The same objects for every candidate, as a rule.
        if known is not None and known[0] is train and known[1] is test:
            return known[2]
        if known is None and self._splits and next(iter(self._splits))[0] != task.batch:
            self._splits.clear()
        made = content([train, test], "the split")
        self.parts.setdefault("splits", made.hex()[:8])
        self._splits[place] = train, test, made
        return made


def _data(data: Any, known: str | None, name: str) -> bytes:
    """The content of X or y. A plain array of numbers has been looked at already; of all else the types count too."""
    if type(data) is numpy.ndarray and data.dtype.kind in "biuf" and (seen := known or fingerprint(data)):
        return bytes.fromhex(seen)
    return content(data, name, cloned=False)


def _versions() -> list[Any]:
    import scipy
    import sklearn

    settings = {key: value for key, value in sklearn.get_config().items() if key not in _SHOWING}
    return [sklearn.__version__, numpy.__version__, scipy.__version__, repr(sorted(settings.items()))]


def outcome_of(task: Task, run: str, result: Result) -> Outcome | None:
    """What `_fit_and_score` would give for the task, from what is kept; None if not all of it is kept."""
    return contain("a kept result", _outcome_of, task, run, result)


def _outcome_of(task: Task, run: str, result: Result) -> Outcome | None:
    body, asked = result.body, task.kwargs
    train = asked.get("return_train_score")
    if "error" in body or not _sound(body.get("test")) or (train and not _sound(body.get("train"))):
        return None
    if asked.get("return_parameters") or asked.get("return_estimator"):
        return None
    kept: dict[str, Any] = {"fit_error": None, "test_scores": _fresh(body["test"])}
    if train:
        kept["train_scores"] = _fresh(body["train"])
    if asked.get("return_n_test_samples"):
        kept["n_test_samples"] = body["n_test"]
    if asked.get("return_times"):
        if result.fit_time is None or result.score_time is None:
            return None
        kept["fit_time"], kept["score_time"] = result.fit_time, result.score_time
    return Outcome(task.number, kept, reused=run)


def _sound(scores: Any) -> bool:
    """Scores without nan: with one, something had gone wrong, and may go better now."""
    values = list(scores.values()) if isinstance(scores, Mapping) else [scores]
    return bool(values) and all(isinstance(value, int | float) and value == value for value in values)


def _fresh(scores: Any) -> Any:
    return dict(scores) if isinstance(scores, Mapping) else scores
