"""Real fits, delivered to W&B in offline mode, and read back from what it has written."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

import skribe
from skribe.backends.wandb import WandBBackend
from skribe.backends.wandb.log import wait_until_complete
from skribe.records import Changes, Metric
from skribe.store.outbox import StoreOutbox
from skribe.testing import Sender, TestOutbox, a_run
from skribe.testing.samples import tables_of_a_classifier
from tests.backends.wandb_files import WrittenRun, runs_in

wandb = pytest.importorskip("wandb")
pytestmark = pytest.mark.thirdparty


@pytest.fixture(scope="module")
def search_written(tmp_path_factory):
    """A search with its candidates, delivered twice: the runs of W&B by id, and the run of skribe."""
    folder = tmp_path_factory.mktemp("search")
    patch = pytest.MonkeyPatch()
    for name in ("DATA", "CACHE", "CONFIG", "ARTIFACT"):
        patch.setenv(f"WANDB_{name}_DIR", str(folder / "own" / name.lower()))
    patch.setenv("WANDB_ERROR_REPORTING", "false")
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    skribe.autolog(silent=True, store=folder / "store", experiment="cancer", extra_tags={"team": "risk"})
    try:
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
        search.score(X[:100], y[:100])
        run = skribe.last_run()
        run.log_text("hello", "notes.txt")
        for step in range(3):
            run.log_metric("by_hand", step / 2, step=step)
        ids = [run.id, *(child.id for child in run.children)]
        outbox = StoreOutbox(run.folder, "wandb:test")
        backend = WandBBackend("team/cancer", mode="offline", folder=folder)
        backend.open(outbox)
        for _ in range(2):
            backend.deliver([outbox.whole(one) for one in ids])
        backend.close()
        outbox.close()
        assert run.remotes == {"wandb:test": f"team/cancer/{run.id}"}
        yield {written.record.run_id: written for written in runs_in(folder)}, run, folder
    finally:
        skribe.autolog(disable=True)
        patch.undo()


def test_each_run_is_there_once(search_written):
    runs, run, folder = search_written
    assert set(runs) == {run.id, *(child.id for child in run.children)}
    assert len(list(folder.glob("wandb/offline-run-*"))) == 3


def test_a_search_and_its_candidates_are_one_group(search_written):
    runs, run, _ = search_written
    group = f"GridSearchCV(LogisticRegression) {run.short_id}"
    assert {written.record.run_group for written in runs.values()} == {group}
    assert runs[run.id].record.job_type == "search"
    assert {runs[child.id].record.job_type for child in run.children} == {"candidate"}
    assert {runs[child.id].config["skribe"]["parent"] for child in run.children} == {run.id}


def test_parameters_metrics_and_curves_are_those_of_the_run(search_written):
    runs, run, _ = search_written
    for one in (run, *run.children):
        written = runs[one.id]
        assert written.record.display_name == one.name
        for key, value in one.params.items():
            assert str(written.config[key]) == str(value), key
        for key, value in one.metrics.items():
            assert written.summary[key] == pytest.approx(value, nan_ok=True), key
    assert runs[run.id].points()["by_hand"] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    child = run.children[0]
    assert [step for step, _ in runs[child.id].points()["split_test_score"]] == [0, 1]


def test_the_candidates_are_a_table(search_written):
    runs, run, _ = search_written
    table = table_of(runs[run.id], "candidates")
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [row["param_C"] for row in rows] == [0.1, 1.0]
    assert np.allclose([row["mean_test_score"] for row in rows], [c.metrics["mean_test_score"] for c in run.children])


def test_curves_and_matrices_are_charts_of_wandb(search_written):
    runs, run, _ = search_written
    written = runs[run.id]
    charts = written.config["_wandb"]["visualize"]
    kinds = {"confusion_matrix": "confusion_matrix/v1", "roc": "area-under-curve/v0", "precision_recall": "area-under"}
    for name, preset in kinds.items():
        assert preset in charts[f"{name}/training"]["panel_config"]["panelDefId"]
    table = table_of(written, "confusion_matrix/training_table")
    view = run.view("confusion_matrix", "training")
    assert [row[2] for row in table["data"]] == [count for counts in view["counts"] for count in counts]
    roc = table_of(written, "roc/training_table")
    curve = run.view("roc", "training")["curves"][0]
    assert [row[roc["columns"].index("tpr")] for row in roc["data"]] == curve["tpr"]


def test_models_and_files_have_arrived(search_written):
    runs, run, _ = search_written
    written = runs[run.id]
    models = {one.name: one for one in written.artifacts if one.type == "model"}
    assert {f"model-{run.id}", f"best_estimator-{run.id}"} <= set(models)
    assert {entry.path for entry in models[f"model-{run.id}"].manifest.contents} >= {"MLmodel", "model.pkl"}
    assert "skribe/notes.txt" in written.files
    assert (written.folder / "files" / "skribe" / "notes.txt").read_text() == "hello"


def test_it_is_told_how_it_ended(search_written):
    runs, run, _ = search_written
    assert runs[run.id].exit_code == 0
    assert "team=risk" in runs[run.id].record.tags
    assert runs[run.id].config["skribe"]["experiment"] == "cancer"


def table_of(run: WrittenRun, key: str) -> dict:
    """A table that was logged, from its file."""
    told = [row[key] for row in run.history if key in row]
    assert len(told) == 1, [sorted(row) for row in run.history]
    return json.loads((run.folder / "files" / told[0]["path"]).read_text())


@pytest.fixture
def sender(tmp_path):
    backend = WandBBackend("p", mode="offline", folder=tmp_path)
    outbox = TestOutbox(tmp_path / "outbox")
    backend.open(outbox)
    return Sender(backend, outbox)


def test_nothing_is_printed(sender, capfd):
    run = a_run()
    model = sender.outbox.put_model(run.run)
    sender.send(replace(run, models=(model,), tables=tables_of_a_classifier()), a_run(end="failed"))
    assert capfd.readouterr() == ("", "")


def test_a_run_of_the_users_is_not_touched(sender, tmp_path):
    place = tmp_path / "mine"
    settings = wandb.Settings(silent=True)
    mine = wandb.init(id="mine", project="mine", mode="offline", dir=str(place), settings=settings)
    try:
        mine.log({"loss": 1.0})
        sender.send(a_run())
        assert wandb.run is mine
        mine.log({"loss": 2.0})
    finally:
        mine.finish()
    wait_until_complete(Path(mine.settings.sync_file), 10)
    (written,) = runs_in(place)
    assert [row["loss"] for row in written.history] == [1, 2]
    assert "training_log_loss" not in written.summary
    assert "skribe" not in written.config


def test_inside_of_a_sweep_runs_keep_their_own_id_and_project(sender, tmp_path, monkeypatch):
    settings = wandb.setup().settings
    monkeypatch.setattr(settings, "sweep_id", "team/other/abcd")
    run = a_run()
    sender.send(run)
    (written,) = runs_in(tmp_path)
    assert (written.record.run_id, written.record.project, written.record.sweep_id) == (run.run, "p", "")
    assert settings.sweep_id == "team/other/abcd"


def test_it_can_be_used_from_another_thread(sender, tmp_path):
    runs = [a_run(), a_run()]
    thread = threading.Thread(target=sender.send, args=runs)
    thread.start()
    thread.join()
    assert {written.record.run_id for written in runs_in(tmp_path)} == {run.run for run in runs}


def test_what_comes_later_replaces_the_folder(sender, tmp_path):
    run = a_run()
    sender.send(run)
    (before,) = runs_in(tmp_path)
    sender.send(Changes(run=run.run, metrics=(Metric("accuracy_score_X_test", 0.5),)))
    (after,) = runs_in(tmp_path)
    assert "accuracy_score_X_test" not in before.summary
    assert after.summary["accuracy_score_X_test"] == 0.5
    assert after.config["C"] == 0.5


def test_models_and_plots_can_be_left_out(tmp_path):
    outbox = TestOutbox(tmp_path / "outbox")
    backend = WandBBackend("p", mode="offline", folder=tmp_path, models=False, plots=False)
    backend.open(outbox)
    run = a_run()
    model = outbox.put_model(run.run)
    Sender(backend, outbox).send(replace(run, models=(model,), tables=tables_of_a_classifier()))
    (written,) = runs_in(tmp_path)
    assert written.artifacts == []
    assert "visualize" not in written.config["_wandb"]


def test_a_process_that_has_delivered_ends_at_once(tmp_path):
    code = """
import sys, time, atexit, pathlib
began = []
atexit.register(lambda: print(time.monotonic() - began[0]))  # registered first, so it is called last
from skribe.backends.wandb import WandBBackend
from skribe.backends.wandb.log import wait_until_complete
from skribe.testing import TestOutbox, a_run
place = pathlib.Path(sys.argv[1])
backend = WandBBackend("p", mode="offline", folder=place)
backend.open(TestOutbox(place))
backend.deliver([a_run()])
backend.close()
began.append(time.monotonic())
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 5.0
    assert done.stderr == ""
