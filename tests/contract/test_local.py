"""The local backend keeps to the contract."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path

from skribe.backends.local import LocalBackend
from skribe.store.artifacts import ArtifactStore
from skribe.store.query import Query
from skribe.testing import BackendContract, Seen


class TestLocal(BackendContract):
    def make(self, folder):
        return LocalBackend(str(folder / "replica"))

    def seen(self, folder):
        store = folder / "replica"
        with contextlib.closing(Query(store)) as query:
            ids = query.runs_frame(children=True, columns=["run_id"])["run_id"]
            return {run: seen_of(query, store, run) for run in ids}


def seen_of(query: Query, store: Path, run: str) -> Seen:
    row = query.run_row(run)
    history = defaultdict(list)
    for metric in query.whole(run).metrics:
        if metric.step is not None:
            history[metric.key].append((metric.step, metric.value))
    artifacts = ArtifactStore(store)
    return Seen(
        name=row.name,
        status=row.status,
        parent=row.parent or "",
        params={param.key: param.value for param in query.params(run)},
        metrics={metric.key: metric.value for metric in query.metrics(run)},
        tags=query.tags(run),
        history=dict(history),
        files={path: artifacts.path(run, path).read_bytes() for path in artifacts.list(run)},
    )
