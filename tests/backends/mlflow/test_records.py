"""What is on the server afterwards, read with MLflow's own client, beside what MLflow's own autologging writes."""

from __future__ import annotations

import json
import os

import mlflow
import mlflow.sklearn
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, train_test_split

import skribe
from skribe.backends.mlflow import MLflowBackend, run_id_of
from skribe.errors import Misconfigured
from skribe.records import Artifact, Changes, Dataset, End, Metric, Note, Param, Start, new_id

from .conftest import MARKS, merged, written
from .proxy import Answer

pytestmark = MARKS
FRAME, TARGET = load_breast_cancer(return_X_y=True, as_frame=True)
FRAME = FRAME.iloc[:, :6]


@pytest.fixture
def client(server):
    return mlflow.MlflowClient(server)


@pytest.fixture
def backend(server, outbox):
    backend = MLflowBackend(server)
    backend.open(outbox)
    return backend


@pytest.fixture
def theirs(server):
    """MLflow's own autologging, with what it has written in the test."""
    mlflow.set_tracking_uri(server)
    mlflow.set_experiment("theirs")

    def run(fit):
        mlflow.sklearn.autolog(silent=True, log_models=False)
        try:
            with mlflow.start_run() as active:
                fit()
        finally:
            mlflow.sklearn.autolog(disable=True)
        return mlflow.MlflowClient(server).get_run(active.info.run_id)

    yield run
    mlflow.set_tracking_uri(None)
    mlflow.tracking.fluent._active_experiment_id = None
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)


def sent(backend, client, outbox, number=0):
    changes = written()
    backend.deliver(changes)
    return client.get_run(run_id_of(outbox.remotes[changes[number].run]))


def files(client, run):
    return {file.path for file in client.list_artifacts(run.info.run_id)}


def test_a_fit_has_what_mlflow_gives_it(backend, client, outbox, theirs):
    def fit():
        LogisticRegression(C=0.5, max_iter=2000).fit(FRAME, TARGET)

    reference = theirs(fit)
    skribe.autolog(silent=True)
    fit()
    skribe.autolog(disable=True)
    run = sent(backend, client, outbox)
    assert run.data.params == reference.data.params
    assert reference.data.metrics.keys() <= run.data.metrics.keys()
    for key, value in reference.data.metrics.items():
        assert run.data.metrics[key] == pytest.approx(value, rel=1e-9), key
    missing = reference.data.tags.keys() - run.data.tags.keys()
    assert missing <= {"mlflow.source.git.commit"}
    for key in ("estimator_name", "estimator_class", "mlflow.user", "mlflow.source.type"):
        assert run.data.tags[key] == reference.data.tags[key]
    assert run.data.tags["mlflow.autologging"] == "sklearn"
    assert files(client, reference) <= files(client, run)
    assert run.info.status == "FINISHED"
    (dataset,) = run.inputs.dataset_inputs
    (other,) = reference.inputs.dataset_inputs
    assert dataset.dataset.schema == other.dataset.schema
    assert dataset.tags[0].value == other.tags[0].value == "train"
    assert (dataset.dataset.name, dataset.dataset.source_type) == (other.dataset.name, other.dataset.source_type)
    assert json.loads(dataset.dataset.source) == {
        "tags": {key: run.data.tags[key] for key in ("mlflow.user", "mlflow.source.name", "mlflow.source.type")}
    }
    assert outbox.aside == []


def test_times_are_those_of_the_fit(on, backend, client, outbox):
    DummyClassifier().fit(FRAME, TARGET)
    run, mine = sent(backend, client, outbox), skribe.last_run()
    assert run.info.start_time == round(mine.start.timestamp() * 1000)
    assert run.info.end_time == round(mine.end.timestamp() * 1000)
    (point,) = client.get_metric_history(run.info.run_id, "training_accuracy_score")
    assert (point.timestamp, point.step) == (run.info.end_time, 0)


def test_a_search_and_its_children(on, backend, client, outbox):
    GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(*load_diabetes(return_X_y=True))
    parent = sent(backend, client, outbox)
    where = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    children = client.search_runs([parent.info.experiment_id], where)
    assert {child.data.params["alpha"] for child in children} == {"0.1", "1.0"}
    child = children[0]
    assert {"mean_test_score", "std_test_score", "rank_test_score", "mean_fit_time"} <= child.data.metrics.keys()
    splits = client.get_metric_history(child.info.run_id, "split_test_score")
    assert sorted(point.step for point in splits) == [0, 1]
    assert all(child.info.start_time <= point.timestamp <= child.info.end_time for point in splits)
    assert {"cv_results.csv", "estimator.html"} <= files(client, parent)
    assert "best_alpha" in parent.data.params
    assert "best_cv_score" in parent.data.metrics
    assert len(parent.outputs.model_outputs) == 2


def test_models_load_by_every_name(on, backend, client, outbox, server):
    skribe.autolog(silent=True, registered_model_name="chosen")
    fitted = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(FRAME, TARGET)
    run = sent(backend, client, outbox)
    mlflow.set_tracking_uri(server)
    try:
        for address in (
            f"runs:/{run.info.run_id}/model",
            f"runs:/{run.info.run_id}/best_estimator",
            "models:/chosen/1",
        ):
            there = mlflow.sklearn.load_model(address)
            assert (there.predict(FRAME) == fitted.predict(FRAME)).all()
        info = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model")
        assert info.run_id == run.info.run_id
        assert info.signature is not None
    finally:
        mlflow.set_tracking_uri(None)


def test_scores_of_test_data_come_later(on, backend, client, outbox):
    X_train, X_test, y_train, y_test = train_test_split(FRAME, TARGET, random_state=0)
    model = DummyClassifier().fit(X_train, y_train)
    changes = written()
    backend.deliver(changes)
    seen = outbox.query.last_seq()
    model.score(X_test, y_test)
    backend.deliver(written(seen))
    run = client.get_run(run_id_of(outbox.remotes[changes[0].run]))
    assert "DummyClassifier_score_X_test" in run.data.metrics
    contexts = {each.tags[0].value for each in run.inputs.dataset_inputs}
    assert contexts == {"train", "eval"}


def test_a_failed_fit_says_why(on, backend, client, outbox):
    with pytest.raises(ValueError, match="alpha"):
        Ridge(alpha=-1).fit(FRAME, TARGET)
    run = sent(backend, client, outbox)
    assert run.info.status == "FAILED"
    assert "alpha" in run.data.tags["skribe.error"]
    assert "Traceback" in run.data.tags["skribe.traceback"]


def made(experiment="by hand", parent=None, **more):
    return Changes(run=new_id(), start=Start(experiment, "made", "manual", 1.7e9, parent), **more)


def test_one_refused_value_never_loses_the_others(backend, client, outbox, monkeypatch):
    changes = made(
        params=(
            Param("plain", "1", "int"),
            Param("a[0]", "2", "int"),
            Param("long", "x" * 7000, "str"),
            Param("k" * 300, "3", "int"),
            Param("../up", "4", "int"),
            Param("same", "old", "str"),
        ),
        metrics=(Metric("m", float("nan"), 0, 1.7e9), Metric("inf", float("inf")), Metric("neg", -3.0, -2, 1.7e9)),
        tags={"mine": "y" * 9000, "odd#key": "z"},
        notes=(Note("plots.roc", "too large"),),
        end=End("killed", 1.7e9 + 5),
    )
    backend.deliver([changes])
    run = client.get_run(run_id_of(outbox.remotes[changes.run]))
    assert run.info.status == "KILLED"
    assert run.data.params["plain"] == "1"
    assert len(run.data.params["long"]) == 6000
    assert sorted(run.data.params.values())[:4] == ["1", "2", "3", "4"]
    assert run.data.metrics["m"] != run.data.metrics["m"]
    assert run.data.metrics["inf"] > 1e300
    assert run.data.metrics["neg"] == -3
    assert run.data.tags["mine"].endswith("...")
    assert "z" in run.data.tags.values()
    assert files(client, run) == {"params", "skribe.json"}
    assert outbox.aside == []
    # The value of a parameter stays; everything else of the batch goes through.
    backend.deliver([Changes(run=changes.run, params=(Param("same", "new", "str"),), metrics=(Metric("late", 1.0),))])
    run = client.get_run(run.info.run_id)
    assert (run.data.params["same"], run.data.metrics["late"]) == ("old", 1.0)
    assert [(run, what) for run, what, _ in outbox.aside] == [(changes.run, "param same")]


def test_what_nobody_could_send_stands_aside_alone(backend, client, outbox):
    changes = made(
        params=(*(Param(f"p{n}", str(n), "int") for n in range(10)), Param("half", "\ud800", "str")),
        metrics=(*(Metric(f"m{n}", float(n)) for n in range(10)), Metric("far", 1.0, 2**70, 1.7e9)),
        tags={"half": "\udfff", "whole": "yes"},
        end=End("finished", 1.7e9 + 1),
    )
    backend.deliver([changes])
    run = client.get_run(run_id_of(outbox.remotes[changes.run]))
    assert len(run.data.params) == len(run.data.metrics) == 10
    assert run.data.tags["whole"] == "yes"
    assert run.info.status == "FINISHED"
    assert sorted(what for _, what, _ in outbox.aside) == ["metric far", "param half", "tag half"]


def test_many_values_keep_to_the_limits(backend, client, outbox):
    changes = made(
        params=tuple(Param(f"p{n}", str(n), "int") for n in range(250)),
        metrics=tuple(Metric("curve", float(n), n, 1.7e9 + n) for n in range(2500)),
        tags={f"t{n}": str(n) for n in range(150)},
    )
    backend.deliver([changes])
    run = client.get_run(run_id_of(outbox.remotes[changes.run]))
    assert len(run.data.params) == 250
    assert len(client.get_metric_history(run.info.run_id, "curve")) == 2500
    assert run.data.tags["t149"] == "149"
    assert outbox.aside == []


def test_what_the_server_has_deleted_stays_deleted(backend, client, outbox):
    changes = made(end=End("finished", 1.7e9 + 1))
    backend.deliver([changes])
    remote = run_id_of(outbox.remotes[changes.run])
    client.delete_run(remote)
    for value in range(3):
        backend.deliver([Changes(run=changes.run, metrics=(Metric("m", float(value)),))])
    assert client.get_run(remote).info.lifecycle_stage == "deleted"
    assert [what for _, what, _ in outbox.aside] == ["the run"]


def test_erased_children_are_deleted(backend, client, outbox):
    parent = made()
    child = made(parent=parent.run)
    inner = made(parent=child.run)
    other = made(parent=parent.run)
    backend.deliver([parent, child, inner, other])
    backend.deliver([Changes(run=parent.run, erased=(child.run,))])
    stages = [client.get_run(run_id_of(outbox.remotes[c.run])).info.lifecycle_stage for c in (child, inner, other)]
    assert stages == ["deleted", "deleted", "active"]
    never = made(parent=parent.run)
    backend.deliver([Changes(run=parent.run, erased=(never.run,)), never])
    assert never.run not in outbox.remotes


def test_an_experiment_in_the_trash_is_taken_out_of_it(backend, client, outbox):
    backend.deliver([made("thrown away")])
    found = client.get_experiment_by_name("thrown away")
    client.delete_experiment(found.experiment_id)
    backend.settle()
    changes = made("thrown away")
    backend.deliver([changes])
    assert client.get_experiment(found.experiment_id).lifecycle_stage == "active"
    assert client.get_run(run_id_of(outbox.remotes[changes.run])).info.experiment_id == found.experiment_id


def test_a_file_that_is_gone_costs_itself_alone(backend, client, outbox):
    changes = made(
        artifacts=(Artifact("not there.txt", 3, "0"),), datasets=(Dataset("train", "d", "ndarray", (3, 2), None, {}),)
    )
    backend.deliver([changes])
    assert [what for _, what, _ in outbox.aside] == ["artifact not there.txt"]
    run = client.get_run(run_id_of(outbox.remotes[changes.run]))
    assert len(run.inputs.dataset_inputs) == 1


def test_without_models_plots_and_files(on, server, client, outbox, proxy):
    backend = MLflowBackend(proxy.address, models=False, plots=False, files=False)
    backend.open(outbox)
    LogisticRegression(max_iter=500).fit(FRAME, TARGET)
    sent(backend, client, outbox)
    assert len(proxy.files()) == 0
    assert len(proxy.control()) == 6  # `open` asks once, and for the experiment


def test_a_link_leads_to_the_page(backend, outbox, server):
    changes = made()
    backend.deliver([changes])
    remote = run_id_of(outbox.remotes[changes.run])
    assert backend.link(changes.run).startswith(f"{server}/#/experiments/")
    assert backend.link(changes.run).endswith(f"/runs/{remote}")
    assert backend.link(new_id()) is None


def test_no_secret_is_told(proxy, outbox, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hidden")
    backend = MLflowBackend(proxy.address.replace("//", "//ada:lovelace@"))
    assert "lovelace" not in backend.address
    seen = []
    proxy.fault = lambda request: seen.append(request.headers.get("Authorization")) or Answer(401)
    with pytest.raises(Misconfigured) as caught:
        backend.open(outbox)
    assert "lovelace" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert seen[0].startswith("Basic ")


def test_the_helpers_merge_as_a_shipper_does(on):
    DummyClassifier().fit(FRAME, TARGET)
    (changes,) = written()
    assert changes.start
    assert changes.end
    assert merged([]) == []
