"""For tests: yours, of code that is recorded, and those of a backend that you write.

with skribe.testing.capture_runs() as captured:
    train()
assert captured.one().metrics["training_accuracy_score"] > 0.9

class TestMyBackend(skribe.testing.BackendContract):
    def make(self, folder): return MyBackend(folder / "runs.jsonl")
    def seen(self, folder): ...
"""

from __future__ import annotations

from skribe.testing.captured import Captured, capture_runs
from skribe.testing.contract import BackendContract
from skribe.testing.expected import Seen
from skribe.testing.outbox import Crash, Sender, TestOutbox, merged
from skribe.testing.samples import a_child, a_run, a_search, an_end, new_id

__all__ = [
    "BackendContract",
    "Captured",
    "Crash",
    "Seen",
    "Sender",
    "TestOutbox",
    "a_child",
    "a_run",
    "a_search",
    "an_end",
    "capture_runs",
    "merged",
    "new_id",
]
