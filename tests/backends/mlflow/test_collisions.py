"""What two of us do to one row of the server's database, at the same time or one after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import mlflow
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import skribe
from skribe.backends.mlflow import MLflowBackend, ambient, run_id_of
from skribe.backends.mlflow.creation import in_parallel
from skribe.errors import Unreachable
from skribe.records import Changes, Dataset, End, Metric, Start, new_id

from .conftest import MARKS, written
from .proxy import Answer

pytestmark = MARKS
X, Y = load_iris(return_X_y=True)
CLASH = "(sqlite3.IntegrityError) UNIQUE constraint failed: datasets.experiment_id, datasets.name, datasets.digest"


@pytest.fixture
def client(server):
    return mlflow.MlflowClient(server)


@pytest.fixture
def backend(proxy, outbox):
    backend = MLflowBackend(proxy.address, plots=False)
    backend.open(outbox)
    proxy.reset()
    return backend


def made(*, parent=None, experiment="by hand", **more):
    return Changes(
        run=new_id(), start=Start(experiment, "made", "manual", 1.7e9, parent), end=End("finished", 1.7e9 + 9), **more
    )


def there(client, outbox, changes):
    return client.get_run(run_id_of(outbox.remotes[changes.run]))


# -- data sets


def test_runs_that_bring_the_same_data_at_once_all_have_it(backend, client, outbox):
    for number in range(5):
        data = (Dataset("train", f"race {number}", "ndarray", (3, 2), os.urandom(8).hex(), {}),)
        several = [made(datasets=data) for _ in range(4)]
        backend.deliver(several)
        assert outbox.aside == []
        assert [len(there(client, outbox, c).inputs.dataset_inputs) for c in several] == [1] * 4


def test_a_clash_of_data_sets_is_tried_again_at_once(backend, client, outbox, proxy):
    """What the server says when another connection was faster, as often as three others can be."""
    body = json.dumps({"error_code": "BAD_REQUEST", "message": CLASH}).encode()
    seen = []

    def fault(request):
        if request.name.endswith("log-inputs"):
            seen.append(request.name)
            return Answer(400, body, {"Content-Type": "application/json"}) if len(seen) <= 3 else None
        return None

    proxy.fault = fault
    changes = made(datasets=(Dataset("train", "clash", "ndarray", (3, 2), "ab12", {}),))
    backend.deliver([changes])
    (found,) = there(client, outbox, changes).inputs.dataset_inputs
    assert found.dataset.name == "clash"
    assert (len(seen), outbox.aside) == (4, [])


# -- points


def test_a_whole_run_can_be_sent_again_and_again(on, client, backend, outbox, proxy):
    model = LogisticRegression(max_iter=500).fit(X, Y)
    (changes,) = written()
    backend.deliver([changes])
    seen = outbox.query.last_seq()
    model.score(X, Y)
    backend.deliver(written(seen))
    whole = outbox.query.whole(changes.run)
    assert len(whole.metrics) > len(changes.metrics)
    for _ in range(3):
        again = MLflowBackend(proxy.address, plots=False)
        again.open(outbox)
        again.deliver([whole])
    check_points_once(client, outbox, changes.run)


def test_points_that_the_model_has_got_are_no_refusal(on, client, backend, outbox):
    """The data set of a point is unknown this time, or its value is another: the model keeps what it has."""
    LogisticRegression(max_iter=500).fit(X, Y)
    (changes,) = written()
    backend.deliver([changes])
    before = check_points_once(client, outbox, changes.run)
    points = tuple(Metric(m.key, m.value, m.step, m.time or changes.end.time) for m in changes.metrics)
    more = (*points, Metric(points[0].key, points[0].value / 2, points[0].step, points[0].time), Metric("new", 1.0))
    backend.deliver([Changes(run=changes.run, metrics=more[:-2])])
    check_points_once(client, outbox, changes.run)
    backend.deliver([Changes(run=changes.run, metrics=more[-2:])])
    assert outbox.aside == []
    run = there(client, outbox, changes)
    assert run.data.metrics["new"] == 1.0
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert {(m.key, m.value) for m in model.metrics} == before | {("new", 1.0)}


def check_points_once(client, outbox, run):
    assert outbox.aside == []
    found = client.get_run(run_id_of(outbox.remotes[run]))
    for key in found.data.metrics:
        assert len(client.get_metric_history(found.info.run_id, key)) == 1, key
    (output,) = found.outputs.model_outputs
    metrics = client.get_logged_model(output.model_id).metrics
    points = [(m.key, m.step, m.timestamp) for m in metrics]
    assert len(points) == len(set(points))
    assert {m.key for m in metrics} == set(found.data.metrics)
    return {(m.key, m.value) for m in metrics}


# -- one active run, several processes


@pytest.mark.parametrize("together", [True, False])
def test_of_two_processes_in_one_run_one_is_its_child(client, outbox, proxy, server, monkeypatch, together):
    run = client.create_run("0")
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.address)
    monkeypatch.setattr(ambient, "_taken", ambient._Taken())
    tags = []
    for _ in range(2):
        ambient._taken.runs.clear()  # each process begins with an empty memory
        tags.append(ambient.ambient())
    several = [made(tags=each) for each in tags]
    backend = MLflowBackend(proxy.address, plots=False)
    backend.open(outbox)
    for part in [several] if together else [several[:1], several[1:]]:
        backend.deliver(part)
    first, second = (there(client, outbox, c) for c in several)
    assert first.info.run_id == run.info.run_id
    assert second.info.run_id != run.info.run_id
    assert second.data.tags["mlflow.parentRunId"] == run.info.run_id
    assert second.info.experiment_id == first.info.experiment_id
    assert outbox.aside == []


# -- the best child


@pytest.mark.parametrize("late", [False, True])
def test_the_best_child_has_its_id_there(client, backend, outbox, late):
    parent = made()
    children = [made(parent=parent.run) for _ in range(2)]
    search = Changes(run=parent.run, start=parent.start, tags={"best_run": children[1].run})
    for part in [[search], children] if late else [[search, *children]]:
        backend.deliver(part)
    tags = there(client, outbox, parent).data.tags
    assert tags["best_run"] == there(client, outbox, children[1]).info.run_id
    assert tags["skribe.best_run"] == children[1].run
    backend.deliver([search, *children])
    assert there(client, outbox, parent).data.tags == tags
    assert outbox.aside == []


def test_a_search_names_its_best_child(on, client, backend, outbox):
    skribe.autolog(silent=True, log_models=False)
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.001, 1]}, cv=2).fit(X, Y)
    changes = written()
    backend.deliver(changes)
    parent = there(client, outbox, changes[0])
    best = client.get_run(parent.data.tags["best_run"])
    assert best.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert best.data.tags["skribe.run_id"] == parent.data.tags["skribe.best_run"] == skribe.last_run().best.id


# -- twins of an earlier process, and of before there was trouble


def test_twins_that_a_killed_process_has_left_are_deleted(client, outbox, proxy):
    changes = made(experiment="twins")
    first = MLflowBackend(proxy.address, plots=False)
    first.open(outbox)
    proxy.fault = lambda request: "twice" if request.name.endswith("runs/create") else None
    first.deliver([changes])
    proxy.fault = None
    experiment = there(client, outbox, changes).info.experiment_id
    where = f"tags.`skribe.run_id` = '{changes.run}'"
    assert len(client.search_runs([experiment], where)) == 2
    # Nothing was noted as delivered: it comes again, to another process.
    second = MLflowBackend(proxy.address, plots=False)
    second.open(outbox)
    second.deliver([changes])
    second.settle()
    (left,) = client.search_runs([experiment], where)
    assert left.info.run_id == run_id_of(outbox.remotes[changes.run])


def test_twins_of_runs_that_arrived_before_there_was_trouble_are_deleted(backend, client, outbox, proxy):
    """The shipper says nothing of them again, and opens the backend again."""
    changes = made(experiment="twins before trouble")
    proxy.fault = lambda request: "twice" if request.name.endswith("runs/create") else None
    backend.deliver([changes])
    proxy.fault = lambda request: Answer(503)
    with pytest.raises(Unreachable):
        backend.deliver([made(experiment="twins before trouble")])
    proxy.fault = None
    backend.close()
    backend.open(outbox)
    backend.settle()
    experiment = client.get_experiment_by_name("twins before trouble")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_id == run_id_of(outbox.remotes[changes.run])


# -- several connections


def test_the_end_of_a_process_does_the_rest_one_by_one():
    """A daemon thread goes on while the interpreter shuts down, where no other thread can be started."""
    code = """
import atexit, os, threading
from skribe.backends.mlflow.creation import in_parallel
ended, done = threading.Event(), []
def work():
    ended.wait()
    in_parallel(4, done.append, range(5))
    print(sorted(done), flush=True)
thread = threading.Thread(target=work, daemon=True)
thread.start()
atexit.register(lambda: (ended.set(), thread.join(20)))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert said.stdout.strip() == "[0, 1, 2, 3, 4]", said.stderr


def test_the_first_failure_is_raised_and_no_more_is_begun():
    begun = []

    def task(item):
        begun.append(item)
        raise OSError(item)

    with pytest.raises(OSError, match=r"\d"):
        in_parallel(4, task, range(100))
    assert len(begun) <= 8
    many = []
    in_parallel(4, many.append, range(50))
    assert sorted(many) == list(range(50))
