"""How few requests it takes, and that nothing the network does leaves anything twice or missing."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext

import mlflow
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import skribe
from skribe.backends.mlflow import MLflowBackend, run_id_of
from skribe.errors import Misconfigured, Unreachable

from .conftest import MARKS, written
from .proxy import Answer

pytestmark = MARKS
X, Y = load_iris(return_X_y=True)


@pytest.fixture
def backend(proxy, outbox):
    """Light runs: models, without pictures."""
    backend = MLflowBackend(proxy.address, plots=False)
    backend.open(outbox)
    proxy.reset()
    return backend


def ours(server, run=None):
    """The runs on the server that are of these ids here, active ones only."""
    client = mlflow.MlflowClient(server)
    wanted = [c.run for c in written()] if run is None else [run]
    return [
        found
        for each in wanted
        for found in client.search_runs(
            [e.experiment_id for e in client.search_experiments()], f"tags.`skribe.run_id` = '{each}'"
        )
    ]


def history(server, run):
    client = mlflow.MlflowClient(server)
    return {key: len(client.get_metric_history(run, key)) for key in client.get_run(run).data.metrics}


def test_a_fit_takes_seven_requests_and_one_for_each_file(on, backend, proxy):
    LogisticRegression(max_iter=500).fit(X, Y)
    backend.deliver(written())
    names = [re.sub("m-[0-9a-f]{32}", "m", name) for name in proxy.control()]
    assert names == [
        "GET mlflow/experiments/get-by-name",  # once for each experiment
        "POST mlflow/runs/create",
        "POST mlflow/logged-models",
        "POST mlflow/runs/log-inputs",
        "POST mlflow/runs/log-batch",
        "PATCH mlflow/logged-models/m",
        "POST mlflow/runs/outputs",
        "POST mlflow/runs/update",
    ]
    assert len(proxy.files()) == 7  # the model's five, estimator.html, skribe.json
    assert not [name for name in proxy.files() if not name.startswith("PUT ")]


def test_a_candidate_takes_three(on, backend, proxy):
    skribe.autolog(silent=True, log_models=False)
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 0.2, 0.5, 1, 2]}, cv=2).fit(X, Y)
    backend.deliver(written())
    counts = Counter(proxy.control())
    assert counts == {
        "GET mlflow/experiments/get-by-name": 1,
        "POST mlflow/runs/create": 6,
        "POST mlflow/runs/log-batch": 6,
        "POST mlflow/runs/log-inputs": 1,
        "POST mlflow/runs/update": 6,
    }
    proxy.reset()
    backend.settle()
    assert proxy.seen == ["POST mlflow/runs/search"]


def test_delivering_again_leaves_what_delivering_once_leaves(on, backend, proxy, server, outbox):
    skribe.autolog(silent=True, registered_model_name="twice")
    LogisticRegression(max_iter=500).fit(X, Y)
    changes = written()
    backend.deliver(changes)
    (before,) = ours(server)
    once = history(server, before.info.run_id)
    again = MLflowBackend(proxy.address, plots=False)
    again.open(outbox)
    again.deliver(changes)
    again.settle()
    (after,) = ours(server)
    assert after.to_dictionary() == before.to_dictionary()
    assert history(server, after.info.run_id) == once
    assert set(once.values()) == {1}
    client = mlflow.MlflowClient(server)
    assert len(client.search_model_versions("name = 'twice'")) == 1
    assert outbox.aside == []


WHERE = (
    "runs/create",
    "logged-models",
    "log-inputs",
    "log-batch",
    "model.pkl",
    "outputs",
    "model-versions/create",
    "update",
)


@pytest.mark.parametrize("where", WHERE)
def test_a_lost_answer_creates_nothing_twice(on, proxy, outbox, server, where):
    """The request arrives, its answer does not, and the backend that comes next knows what the outbox does."""
    name = "lost-" + where.replace("/", "-")
    skribe.autolog(silent=True, registered_model_name=name)
    DummyClassifier().fit(X, Y)
    changes = written()
    mlflow.MlflowClient(server).create_registered_model(name)
    first = MLflowBackend(proxy.address, plots=False)
    first.open(outbox)
    cut = []

    def fault(request):
        if request.name.endswith(where) and not cut:
            cut.append(request.name)
            return "cut"
        return None

    proxy.fault = fault
    # Whether outputs were written is asked for at once; everything else waits for the next delivery.
    trouble = pytest.raises(Unreachable, match="the connection was cut")
    with trouble if where != "outputs" else nullcontext():
        first.deliver(changes)
    assert cut
    second = MLflowBackend(proxy.address, plots=False)
    second.open(outbox)
    second.deliver(changes)
    second.settle()
    check_once(server, outbox, name)


@pytest.mark.parametrize("fault", ["twice", "late"])
def test_a_repeated_request_leaves_nothing_twice(on, backend, proxy, outbox, server, fault):
    skribe.autolog(silent=True, registered_model_name=f"repeated-{fault}")
    DummyClassifier().fit(X, Y)
    proxy.fault = lambda request: fault if request.method == "POST" and "search" not in request.name else None
    backend.deliver(written())
    for thread in proxy.later:
        thread.join()
    backend.settle()
    check_once(server, outbox, f"repeated-{fault}")


def check_once(server, outbox, name):
    """One run, as complete as if nothing had happened; one model, one version."""
    (run,) = ours(server)
    assert run.info.status == "FINISHED"
    assert run_id_of(outbox.remotes[run.data.tags["skribe.run_id"]]) == run.info.run_id
    assert set(history(server, run.info.run_id).values()) == {1}
    assert len(run.inputs.dataset_inputs) == 1
    (output,) = run.outputs.model_outputs
    client = mlflow.MlflowClient(server)
    assert client.get_logged_model(output.model_id).status == "READY"
    models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    assert [model.model_id for model in models] == [output.model_id]
    versions = client.search_model_versions(f"name = '{name}'")
    assert [version.source for version in versions] == [f"models:/{output.model_id}"]
    assert "MLmodel" in [file.path for file in client.list_logged_model_artifacts(output.model_id)]
    assert outbox.aside == []


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (Answer(429, b"", {"Retry-After": "7"}), Unreachable, "status 429"),
        (Answer(503, b"<html>busy</html>"), Unreachable, "status 503"),
        (Answer(200, b"<html>Log in to the hotel</html>"), Unreachable, "no JSON"),
        (Answer(401, b"who?"), Misconfigured, "MLFLOW_TRACKING_USERNAME"),
        (Answer(403, b""), Misconfigured, "MLFLOW_TRACKING_TOKEN"),
    ],
)
def test_what_the_server_says_instead(on, backend, proxy, answer, expected, words):
    DummyClassifier().fit(X, Y)
    proxy.fault = lambda request: answer
    with pytest.raises(expected, match=words) as caught:
        backend.deliver(written())
    assert len(proxy.seen) == 1  # no retries of MLflow's own
    assert "\n" not in str(caught.value)
    if expected is Unreachable and answer.headers:
        assert caught.value.retry_after == 7


def test_trouble_is_over_when_it_is_over(on, backend, proxy, server):
    DummyClassifier().fit(X, Y)
    proxy.fault = lambda request: Answer(503)
    with pytest.raises(Unreachable):
        backend.deliver(written())
    proxy.fault = None
    backend.deliver(written())
    (run,) = ours(server)
    assert run.info.status == "FINISHED"


@pytest.mark.parametrize("where", ["runs/create", "runs/log-batch", "runs/update"])
def test_a_gateway_that_knows_no_server_for_a_moment_costs_no_run(on, backend, outbox, proxy, server, where):
    DummyClassifier().fit(X, Y)
    proxy.fault = lambda request: Answer(404, b"<html>404</html>") if request.name.endswith(where) else None
    with pytest.raises(Unreachable, match="no MLflow server"):
        backend.deliver(written())
    proxy.fault = None
    backend.deliver(written())
    (run,) = ours(server)
    assert run.info.status == "FINISHED"
    assert outbox.aside == []


def test_nobody_is_there(outbox, free_port):
    backend = MLflowBackend(f"http://ada:secret@127.0.0.1:{free_port}")
    with pytest.raises(
        Unreachable, match=f"http://127.0.0.1:{free_port} cannot be reached: the connection was refused"
    ):
        backend.open(outbox)
    with pytest.raises(Unreachable, match="its name is not known here"):
        MLflowBackend("http://no-such-host.invalid:5000").open(outbox)


def test_a_silent_server_costs_the_timeout(outbox, silent_port):
    with pytest.raises(Unreachable, match="did not answer in time"):
        MLflowBackend(f"http://127.0.0.1:{silent_port}", timeout=0.3).open(outbox)
