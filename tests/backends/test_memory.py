"""The memory backend keeps everything that it is handed, each thing once."""

from __future__ import annotations

from dataclasses import replace

import pytest

import skribe
from skribe.backends.memory import MemoryBackend
from skribe.errors import ArgumentError, BackendError
from skribe.records import Changes, Metric, Model, Note
from skribe.testing import Sender, TestOutbox, a_child, a_run, a_search


@pytest.fixture
def sender(tmp_path):
    outbox = TestOutbox(tmp_path)
    backend = MemoryBackend()
    backend.open(outbox)
    return Sender(backend, outbox)


def test_everything_is_kept(sender):
    run = a_run(experiment="exp")
    sender.send(replace(run, metrics=(*run.metrics, Metric("loss", 0.5, 0), Metric("loss", 0.25, 1))))
    kept = sender.backend.runs[run.run]
    assert (kept.name, kept.experiment, kept.kind, kept.status) == ("LogisticRegression", "exp", "fit", "finished")
    assert kept.params["C"].value == "0.5"
    assert kept.metrics["loss"] == 0.25
    assert [(point.step, point.value) for point in kept.history["loss"]] == [(0, 0.5), (1, 0.25)]
    assert kept.notes == [Note("training_roc_auc", "it gives no probabilities")]
    assert kept.datasets[0].fingerprint == "0011aabb"
    assert kept.failure is None


def test_delivering_again_adds_nothing(sender):
    run = a_search()
    sender.send(run)
    once = repr(sender.backend.runs)
    sender.backend.deliver(sender.last)
    assert repr(sender.backend.runs) == once


def test_a_failure_is_kept_with_its_traceback(sender):
    run = a_run(end="failed")
    sender.send(run)
    assert "NaN" in sender.backend.runs[run.run].failure.traceback


def test_files_and_models_are_kept_as_bytes(sender):
    run = a_run()
    file = sender.outbox.put_file(run.run, "a/b.txt", b"hello")
    model = sender.outbox.put_model(run.run)
    sender.send(replace(run, artifacts=(file,), models=(model,)))
    kept = sender.backend.runs[run.run]
    assert kept.files["a/b.txt"] == b"hello"
    assert set(kept.files) == {"a/b.txt", "model/model.pkl", "model/MLmodel"}
    assert isinstance(kept.models["model"], Model)


def test_a_file_that_is_gone_is_set_aside(sender):
    run = a_run()
    file = sender.outbox.put_file(run.run, "a.txt", b"hello")
    (sender.outbox.folder(run.run) / "a.txt").unlink()
    sender.send(replace(run, artifacts=(file,)))
    assert [(one, what) for one, what, _ in sender.outbox.aside] == [(run.run, "a.txt")]


def test_erased_runs_go_with_all_that_is_inside_of_them(sender):
    search = a_search(end=None)
    child = a_child(search.run)
    inner = a_child(child.run)
    sender.send(search, child, inner)
    sender.send(Changes(run=search.run, erased=(child.run,)))
    assert set(sender.backend.runs) == {search.run}


def test_another_instance_goes_on_where_it_is_given_the_runs(sender, tmp_path):
    run = a_run(end=None)
    sender.send(run)
    other = MemoryBackend(runs=sender.backend.runs)
    other.open(TestOutbox(tmp_path))
    other.deliver([Changes(run=run.run, tags={"late": "yes"})])
    assert other.runs[run.run].tags["late"] == "yes"
    assert other.runs[run.run].name == "LogisticRegression"


def test_delivering_before_open_says_so():
    with pytest.raises(BackendError, match="open"):
        MemoryBackend().deliver([a_run()])


def test_it_takes_no_address():
    with pytest.raises(ArgumentError, match="the backend 'memory' takes no address"):
        skribe.autolog(backend="memory:x")
