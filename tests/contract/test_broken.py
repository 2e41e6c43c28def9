"""The contract notices a backend that does not keep to it."""

from __future__ import annotations

import inspect
import json
import time

import pytest
from tests.contract.test_memory import seen_of

from skribe.backends.memory import Kept, MemoryBackend
from skribe.errors import Unreachable
from skribe.testing import BackendContract, Crash


class LosesAMetric(MemoryBackend):
    def deliver(self, changes):
        super().deliver(changes)
        for one in changes:
            self.runs[one.run].metrics.pop("training_log_loss", None)


class DoublesHistory(MemoryBackend):
    def deliver(self, changes):
        before = {run: {key: list(points) for key, points in kept.history.items()} for run, kept in self.runs.items()}
        super().deliver(changes)
        for one in changes:
            for key, points in before.get(one.run, {}).items():
                again = [point for point in one.metrics if point.key == key and point in points]
                self.runs[one.run].history[key] += again


class RaisesInClose(MemoryBackend):
    def close(self):
        raise Unreachable("the connection is gone already")


class ForgetsParents(MemoryBackend):
    def deliver(self, changes):
        super().deliver(changes)
        for one in changes:
            self.runs[one.run].parent = None


class TakesOnlyTheFirstEnd(MemoryBackend):
    def deliver(self, changes):
        ends = {run: kept.end for run, kept in self.runs.items()}
        super().deliver(changes)
        for one in changes:
            if ends.get(one.run):
                self.runs[one.run].history = {key: points[:2] for key, points in self.runs[one.run].history.items()}


class CallsInfinityZero(MemoryBackend):
    def deliver(self, changes):
        super().deliver(changes)
        for one in changes:
            metrics = self.runs[one.run].metrics
            metrics.update({key: 0.0 for key, value in metrics.items() if abs(value) == float("inf")})


class LosesErasures(MemoryBackend):
    def _erase(self, run):
        pass


class MakesARunTwice(MemoryBackend):
    """It gives runs ids of its own, and cannot find them again if it dies before it has remembered them."""

    def deliver(self, changes):
        for one in changes:
            made = self._outbox.remote(one.run) or f"{one.run}#{len(self.runs)}"
            self.runs.setdefault(made, Kept(id=made)).add(one)
            self._outbox.remember({one.run: made})


class StumblesOverOddTexts(MemoryBackend):
    def deliver(self, changes):
        for one in changes:
            json.dumps([param.value for param in one.params]).encode("ascii")
            if any("\x01" in param.value for param in one.params):
                raise ValueError("bad character")
        super().deliver(changes)


class IsSlowToMake(MemoryBackend):
    def __init__(self, *args, **kwargs):
        time.sleep(0.6)
        super().__init__(*args, **kwargs)


class TellsThePassword(MemoryBackend):
    address = "https://me:secret@example.org"


def contract_of(kind: type[MemoryBackend]) -> BackendContract:
    class Contract(BackendContract):
        many = 5

        def __init__(self):
            self.places: dict[object, dict[str, Kept]] = {}

        def make(self, folder):
            return kind(runs=self.places.setdefault(folder, {}))

        def seen(self, folder):
            return {run.partition("#")[0]: seen_of(kept) for run, kept in self.places[folder].items()}

        def count(self, folder):
            return len(self.places[folder])

    return Contract()


def broken_promises(kind: type[MemoryBackend], folder) -> set[str]:
    contract = contract_of(kind)
    failed = set()
    for name, test in inspect.getmembers(contract, inspect.ismethod):
        if not name.startswith("test_") or "heavy" in name:
            continue
        place = folder / name
        place.mkdir()
        try:
            test(place)
        except (Exception, Crash):
            failed.add(name)
    return failed


def test_a_backend_without_a_fault_passes(tmp_path):
    assert broken_promises(MemoryBackend, tmp_path) == set()


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (LosesAMetric, "test_a_run_all_in_one"),
        (DoublesHistory, "test_the_same_delivery_twice_is_as_once"),
        (DoublesHistory, "test_a_crash_before_the_delivery_is_acknowledged"),
        (DoublesHistory, "test_what_came_before_comes_again_with_what_came_later"),
        (RaisesInClose, "test_close_never_raises"),
        (ForgetsParents, "test_a_search_and_its_candidates"),
        (ForgetsParents, "test_children_that_come_later"),
        (TakesOnlyTheFirstEnd, "test_a_stream_goes_on_after_its_end"),
        (CallsInfinityZero, "test_no_number_becomes_another"),
        (LosesErasures, "test_children_that_are_erased"),
        (MakesARunTwice, "test_a_crash_in_the_middle_of_a_delivery"),
        (StumblesOverOddTexts, "test_odd_texts_do_not_hurt_the_rest"),
        (IsSlowToMake, "test_the_constructor_is_quick"),
        (TellsThePassword, "test_the_address_is_stable_and_holds_no_secret"),
    ],
)
def test_the_contract_is_red_for_a_backend_that(kind, test, tmp_path):
    contract = contract_of(kind)
    with pytest.raises((AssertionError, Unreachable, ValueError)):
        getattr(contract, test)(tmp_path)
