"""The MLflow backend keeps to the contract, on a database."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from skribe.backends.mlflow import MLflowBackend
from skribe.testing import BackendContract, Seen, TestOutbox

pytest.importorskip("mlflow")
# MLflow and what it builds on warn of themselves, some of it only when it is used.
pytestmark = [pytest.mark.thirdparty, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    """A database with MLflow's schema, which takes seconds to make, and no runs."""
    folder = tmp_path_factory.mktemp("mlflow")
    backend = MLflowBackend(f"sqlite:///{folder}/mlflow.db")
    backend.open(TestOutbox(folder))
    backend.close()
    return folder / "mlflow.db"


class TestMLflow(BackendContract):
    many = 20

    @pytest.fixture(autouse=True)
    def _database(self, empty, tmp_path):
        shutil.copy(empty, tmp_path / "mlflow.db")

    def make(self, folder):
        return MLflowBackend(f"sqlite:///{folder}/mlflow.db", plots=False)

    def seen(self, folder):
        client, runs = self._there(folder)
        ids = {run.info.run_id: run.data.tags["skribe.run_id"] for run in runs}
        return {ids[run.info.run_id]: seen_of(client, run, ids) for run in runs}

    def count(self, folder):
        return len(self._there(folder)[1])

    def _there(self, folder):
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        return client, list(client.search_runs(experiments, max_results=5000))


def seen_of(client, run, ids) -> Seen:
    history = defaultdict(list)
    for key in run.data.metrics:
        for point in client.get_metric_history(run.info.run_id, key):
            history[key].append((point.step, point.value))
    return Seen(
        name=run.info.run_name,
        status=run.info.status.lower(),
        parent=ids.get(run.data.tags.get("mlflow.parentRunId"), ""),
        params=run.data.params,
        metrics=run.data.metrics,
        tags=run.data.tags,
        history=dict(history),
    )
