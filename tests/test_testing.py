"""`skribe.testing.capture_runs`: what a test of somebody's own code sees, and what is left of it."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys

import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV

import skribe
from skribe import session
from skribe.errors import ArgumentError
from skribe.store.query import Query
from skribe.testing import capture_runs
from skribe.testing.captured import _remove

X, y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def off_afterwards():
    yield
    skribe.autolog(disable=True)


def test_a_fit_is_captured():
    with capture_runs() as captured:
        model = LogisticRegression(max_iter=500).fit(X, y)
        run = captured.one()
        assert run.name == "LogisticRegression"
        assert run.params["max_iter"] == 500
        assert run.metrics["training_accuracy_score"] == pytest.approx(model.score(X, y))


def test_runs_are_top_level_ones_in_their_order_and_all_are_all():
    with capture_runs() as captured:
        Ridge().fit(X, y)
        GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2).fit(X, y)
        assert [run.name for run in captured] == ["Ridge", "GridSearchCV(Ridge)"]
        assert [run.kind for run in captured.runs] == ["fit", "search"]
        assert len(captured) == 2
        assert captured[-1].kind == "search"
        assert [run.name for run in captured[:1]] == ["Ridge"]
        assert sorted(run.kind for run in captured.all) == ["candidate", "candidate", "fit", "search"]


def test_one_says_which_there_are():
    with capture_runs() as captured:
        with pytest.raises(AssertionError, match="there is no run"):
            captured.one()
        assert list(captured) == []
        assert captured.all == []
        Ridge().fit(X, y)
        KMeans(2, n_init=1).fit(X)
        with pytest.raises(
            AssertionError, match=r"2 runs, not one: Ridge \(fit, finished\), KMeans \(fit, finished\)"
        ):
            captured.one()


def test_a_failed_fit_is_captured():
    with capture_runs() as captured:
        with pytest.raises(ValueError):
            Ridge().fit(X, y[:-1])
        assert captured.one().status == "failed"


def test_off_is_off_again_and_the_store_goes_when_nobody_reads_it(capsys):
    before = LogisticRegression.__dict__["fit"]
    with capture_runs() as captured:
        assert LogisticRegression.__dict__["fit"] is not before
        Ridge().fit(X, y)
        folder = captured.folder
        assert folder.exists()
    assert LogisticRegression.__dict__["fit"] is before
    assert session._on is None
    assert folder not in session._journals
    run = captured.one()
    del captured
    gc.collect()
    assert run.name == "Ridge"
    assert run.model().coef_.shape == (4,)
    del run
    gc.collect()
    assert not folder.parent.exists()
    assert folder not in session._journals
    assert folder not in session._queries
    assert capsys.readouterr() == ("", "")


def test_what_was_captured_can_be_read_after_the_block():
    with capture_runs() as captured:
        model = LogisticRegression(max_iter=500).fit(X, y)
    assert captured.one().metrics["training_accuracy_score"] == pytest.approx(model.score(X, y))
    assert len(captured.all) == 1
    with capture_runs() as nothing:
        pass
    assert nothing.runs == []
    assert len(captured) == 1


def test_a_stream_that_was_not_over_is_whole_afterwards(own_folder):
    skribe.autolog(silent=True, store=own_folder / "mine")
    with capture_runs() as captured:
        model = SGDRegressor(random_state=0)
        for _ in range(3):
            model.partial_fit(X, y)
    with contextlib.closing(Query(captured.folder)) as query:  # which, unlike `captured`, has nothing written first
        (run,) = query.runs_frame(columns=["run_id"])["run_id"]
        assert query.model(run, "model").step == 2
    assert captured.one().model().coef_.tolist() == model.coef_.tolist()
    assert len(skribe.runs()) == 0


def test_only_the_process_that_made_it_removes_it(tmp_path):
    with capture_runs() as captured:
        Ridge().fit(X, y)
    folder = captured.folder
    if (child := os.fork()) == 0:
        del captured
        gc.collect()
        os._exit(0 if folder.exists() else 1)
    assert os.waitpid(child, 0)[1] == 0
    _remove(folder.parent, folder, os.getpid() + 1)
    assert captured.one().name == "Ridge"


def test_the_process_ends_and_nothing_lies_around(tmp_path):
    code = (
        "from sklearn.linear_model import Ridge; from skribe.testing import capture_runs\n"
        "with capture_runs() as captured: Ridge().fit([[0.0], [1.0]], [0.0, 1.0])\n"
        "print(captured.one().name)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout.strip(), done.stderr) == ("Ridge", "")
    assert list(tmp_path.glob("skribe-captured-*")) == []


def test_what_was_on_goes_on_with_its_settings_and_its_store(own_folder):
    mine = own_folder / "mine"
    skribe.autolog(silent=True, experiment="mine", store=mine, log_models=False)
    Ridge().fit(X, y)
    settings, last = session.current_settings(), skribe.last_run().id
    with capture_runs(experiment="tests") as captured:
        Ridge().fit(X, y)
        assert captured.one().experiment == "tests"
    assert session.current_settings() is settings
    assert session.current_folder() == mine
    assert skribe.last_run().id == last
    KMeans(2, n_init=1).fit(X)
    assert skribe.last_run().name == "KMeans"
    assert len(skribe.runs()) == 2


def test_the_store_that_was_found_elsewhere_is_kept(own_folder, monkeypatch):
    monkeypatch.delenv("SKRIBE_STORE")
    skribe.autolog(silent=True)
    found = session.current_folder()
    there = own_folder / "there"
    there.mkdir()
    with capture_runs():
        monkeypatch.chdir(there)
    assert session.current_folder() == found


def test_an_error_inside_comes_out_and_everything_is_restored():
    def code_under_test():
        with capture_runs():
            Ridge().fit(X, y)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        code_under_test()
    assert session._on is None


def test_autolog_inside_of_the_code_under_test_is_undone():
    with capture_runs():
        skribe.autolog(disable=True)
    assert session._on is None
    skribe.autolog(silent=True, experiment="mine")
    with capture_runs():
        skribe.autolog(disable=True)
    assert session.current_settings().experiment == "mine"


def test_code_that_switches_skribe_on_itself_is_captured(own_folder, capsys):
    replica, mine = own_folder / "replica", own_folder / "mine"

    def script():
        skribe.autolog(backend=f"local:{replica}", store=mine, experiment="iris", silent=True, extra_tags={"a": "b"})
        Ridge().fit(X, y)
        assert skribe.flush()

    with capture_runs(experiment="tests") as captured:
        script()
        assert skribe.last_run().id == captured.one().id
    run = captured.one()
    assert (run.experiment, run.tags["a"], run.remotes) == ("iris", "b", {})
    assert not mine.exists()
    assert not replica.exists()
    assert not (own_folder / "skribe_runs").exists()
    script()  # outside it does what it says
    assert len(skribe.runs(store=mine)) == 1
    assert replica.exists()


def test_off_inside_is_off_and_nothing_goes_to_the_store_outside(own_folder):
    skribe.autolog(silent=True)
    with capture_runs() as captured:
        skribe.autolog(disable=True)
        Ridge().fit(X, y)
        assert captured.runs == []
        with skribe.run("by hand"):
            skribe.log_metric("score", 1.0)
        skribe.autolog(silent=True)
        KMeans(2, n_init=1).fit(X)
    assert [run.name for run in captured] == ["by hand", "KMeans"]
    assert len(skribe.runs()) == 0
    Ridge().fit(X, y)
    assert [len(captured), len(skribe.runs())] == [2, 1]


def test_code_that_switches_skribe_on_in_nested_blocks_and_fails():
    def script():
        skribe.autolog(silent=True, store="elsewhere")
        Ridge().fit(X, y)
        raise ZeroDivisionError

    with capture_runs() as outer:
        with pytest.raises(ZeroDivisionError), capture_runs() as inner:
            script()
        with pytest.raises(ZeroDivisionError):
            script()
        assert (len(inner), len(outer)) == (1, 1)
        assert inner.one() != outer.one()
        with pytest.raises(ArgumentError), capture_runs(experimnt="x"):
            pass
        with pytest.raises(ZeroDivisionError):
            script()
        assert len(outer) == 2
    assert session._on is None
    assert session._captured is None


def test_arguments_are_those_of_autolog():
    with capture_runs(log_models=False, extra_tags={"a": "b"}) as captured:
        Ridge().fit(X, y)
        assert captured.one().models == []
        assert captured.one().tags["a"] == "b"
    with pytest.raises(ArgumentError, match="store"), capture_runs(store="here"):
        pass
    with pytest.raises(ArgumentError, match="experimnt"), capture_runs(experimnt="x"):
        pass
    assert session._on is None


def test_it_can_be_nested():
    with capture_runs() as outer:
        Ridge().fit(X, y)
        with capture_runs() as inner:
            KMeans(2, n_init=1).fit(X)
            assert inner.one().name == "KMeans"
        assert outer.one().name == "Ridge"
        Ridge().fit(X, y)
        assert len(outer) == 2


def test_a_run_that_is_open_around_it_has_no_part_in_it():
    with skribe.run("mine") as mine:
        with capture_runs() as captured:
            Ridge().fit(X, y)
            assert captured.one().name == "Ridge"
        assert skribe.active_run().id == mine.id
    assert mine.children == []
    assert mine.params == {}


def test_suppress_around_it_means_nothing():
    with skribe.suppress(), capture_runs() as captured:
        Ridge().fit(X, y)
        assert captured.one().name == "Ridge"


def test_importing_it_imports_nothing_heavy():
    code = (
        "import sys, skribe.testing; print([m for m in ('pytest', 'pandas', 'sklearn', 'wandb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_runs_of_tests_go_nowhere_else(monkeypatch, tmp_path):
    monkeypatch.setenv("SKRIBE_BACKEND", f"local:{tmp_path / 'replica'}")
    with capture_runs() as captured:
        LogisticRegression().fit([[0], [1]], [0, 1])
        assert skribe.flush()
        assert captured.one().remotes == {}
    assert not (tmp_path / "replica").exists()
