from __future__ import annotations

from collections.abc import Iterator

import pytest

from skribe.hooks import Installation
from skribe.records import Call, Score


class Ear:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.ended: list[Call] = []
        self.scores: list[Score] = []
        self.hears_scores = True

    def begin(self, call: Call) -> bool:
        self.calls.append(call)
        return True

    def end(self, call: Call) -> None:
        self.ended.append(call)

    def times_members(self, call: Call) -> bool:
        return True

    def follows(self, call: Call) -> bool:
        return False

    def wants_models(self, call: Call) -> bool:
        return False

    def mark_of(self, model: object) -> object:
        return None

    def scored(self, score: Score) -> None:
        self.scores.append(score)

    @property
    def names(self) -> list[str]:
        return [type(call.estimator).__name__ for call in self.ended]


@pytest.fixture
def ear() -> Iterator[Ear]:
    """The hooks are set, and the test hears every outermost call."""
    listener = Ear()
    installation = Installation(listener)
    yield listener
    installation.remove()
