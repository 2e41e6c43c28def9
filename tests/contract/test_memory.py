"""The memory backend keeps to the contract."""

from __future__ import annotations

from skribe.backends.memory import Kept, MemoryBackend
from skribe.testing import BackendContract, Seen


class TestMemory(BackendContract):
    def setup_method(self):
        self.places: dict[object, dict[str, Kept]] = {}

    def make(self, folder):
        return MemoryBackend(runs=self.places.setdefault(folder, {}))

    def seen(self, folder):
        return {run: seen_of(kept) for run, kept in self.places[folder].items()}


def seen_of(kept: Kept) -> Seen:
    return Seen(
        name=kept.name,
        status=kept.status,
        parent=kept.parent or "",
        params={key: param.value for key, param in kept.params.items()},
        metrics=kept.metrics,
        tags=kept.tags,
        history={key: [(point.step, point.value) for point in points] for key, points in kept.history.items()},
        files=kept.files,
    )
