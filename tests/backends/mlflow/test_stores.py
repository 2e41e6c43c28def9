"""Without a server: a database in a file, a folder; and a server of the version before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import mlflow
import mlflow.sklearn
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

import skribe
from skribe.backends.mlflow import MLflowBackend, run_id_of
from skribe.errors import Misconfigured

from .conftest import MARKS, start_server, stop_server, written

pytestmark = [*MARKS, pytest.mark.slow]
X, Y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
OLD = Path(os.environ.get("SKRIBE_OLD_MLFLOW", Path(__file__).parents[3] / ".venv-oldest" / "bin" / "mlflow"))


def test_a_database_in_a_file(on, outbox, tmp_path):
    skribe.autolog(silent=True, registered_model_name="kept")
    model = LogisticRegression().fit(X, Y)
    skribe.autolog(disable=True)
    address = f"sqlite:///{tmp_path}/mlflow.db"
    for _ in range(2):
        backend = MLflowBackend("sqlite:///mlflow.db")
        assert backend.address == address
        backend.open(outbox)
        backend.deliver(written())
        backend.settle()
    assert outbox.aside == []
    mlflow.set_tracking_uri(address)
    try:
        (run,) = mlflow.search_runs(output_format="list")
        assert run.info.status == "FINISHED"
        assert len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "training_score")) == 1
        for name in (f"runs:/{run.info.run_id}/model", "models:/kept/1"):
            assert (mlflow.sklearn.load_model(name).predict(X) == model.predict(X)).all()
        assert {"estimator.html", "training_roc_curve.png"} <= {
            file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)
        }
        assert (tmp_path / "mlruns").is_dir()
    finally:
        mlflow.set_tracking_uri(None)


def test_a_folder_needs_the_word_that_mlflow_asks_for(on, outbox, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    backend = MLflowBackend("some/runs")
    with pytest.raises(Misconfigured, match="MLFLOW_ALLOW_FILE_STORE"):
        backend.open(outbox)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    DummyClassifier().fit(X, Y)
    backend.open(outbox)
    backend.deliver(written())
    backend.settle()
    run = mlflow.MlflowClient(f"file://{tmp_path}/some/runs").get_run(run_id_of(next(iter(outbox.remotes.values()))))
    assert run.info.status == "FINISHED"
    assert outbox.aside == []


def old_server() -> str | None:
    if not OLD.exists():
        return None
    said = subprocess.run([OLD, "--version"], capture_output=True, text=True, check=False).stdout
    return str(OLD) if "version 2." in said else None


@pytest.fixture(scope="module")
def server_before(tmp_path_factory):
    command = old_server()
    if command is None:
        pytest.skip("there is no mlflow 2 in .venv-oldest")
    process, address = start_server(tmp_path_factory.mktemp("mlflow2"), [command])
    yield address
    stop_server(process)


def test_a_server_that_knows_no_logged_models(on, outbox, server_before):
    skribe.autolog(silent=True, registered_model_name="kept")
    model = LogisticRegression().fit(X, Y)
    skribe.autolog(disable=True)
    for _ in range(2):
        backend = MLflowBackend(server_before, plots=False)
        backend.open(outbox)
        backend.deliver(written())
        backend.settle()
    assert outbox.aside == []
    mlflow.set_tracking_uri(server_before)
    try:
        (run,) = mlflow.search_runs(output_format="list")
        assert run.info.status == "FINISHED"
        assert '"artifact_path": "model"' in run.data.tags["mlflow.log-model.history"]
        assert len(run.inputs.dataset_inputs) == 1
        assert {"estimator.html", "model", "skribe.json"} <= {
            file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)
        }
        for name in (f"runs:/{run.info.run_id}/model", "models:/kept/1"):
            assert (mlflow.sklearn.load_model(name).predict(X) == model.predict(X)).all()
        assert len(mlflow.MlflowClient().search_model_versions("name = 'kept'")) == 1
    finally:
        mlflow.set_tracking_uri(None)
