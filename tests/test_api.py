"""The verbs: runs by hand, reading back, experiments, and errors that say what to do."""

from __future__ import annotations

import ast
import math
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import skribe

X, y = load_iris(return_X_y=True)


@pytest.fixture
def _on():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


# --- runs by hand ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_on")
def test_the_first_fit_joins_and_the_next_are_children():
    with skribe.run("baseline", experiment="iris", tags={"who": "me"}) as run:
        skribe.log_param("note", "before")
        GaussianNB().fit(X, y)
        GaussianNB(var_smoothing=0.1).fit(X, y)
        assert run.status == "running"
        assert skribe.active_run() == run
    assert (run.status, run.kind, run.name, run.experiment) == ("finished", "manual", "baseline", "iris")
    assert run.params["note"] == "before"
    assert run.params["var_smoothing"] == 1e-9
    assert run.tags["who"] == "me"
    assert run.metrics["training_accuracy_score"] > 0.9
    (child,) = run.children
    assert child.params["var_smoothing"] == 0.1
    assert child.parent == run
    assert child.experiment == "iris"
    assert skribe.active_run() is None
    assert skribe.last_run() == run
    assert len(skribe.runs()) == 1
    assert len(skribe.runs(children=True)) == 2


@pytest.mark.usefixtures("_on")
def test_a_fit_never_writes_over_what_the_user_logged():
    with skribe.run() as run:
        skribe.log_param("var_smoothing", "mine")
        GaussianNB().fit(X, y)
    assert run.params == {"var_smoothing": "mine"}
    assert run.children[0].params["var_smoothing"] == 1e-9


@pytest.mark.usefixtures("_on")
def test_exclusive_leaves_the_users_run_alone():
    skribe.autolog(silent=True, exclusive=True)
    with skribe.run() as run:
        GaussianNB().fit(X, y)
    GaussianNB().fit(X, y)
    assert run.params == {}
    assert run.children == []
    assert len(skribe.runs()) == 2


def test_a_run_by_hand_needs_no_autolog(own_folder):
    with skribe.run("plain") as run:
        skribe.log_params({"a": 1, "b": None, "c": [1, 2], "d": "x", "e": True})
        skribe.log_metric("loss", 0.5)
        for step in range(3):
            skribe.log_metrics({"curve": 1 / (step + 1)}, step=step)
        skribe.log_metric("gone", math.nan)
        skribe.set_tags({"t": 1})
        skribe.set_tag("t", 2)
        with skribe.run("inner") as inner:
            skribe.log_metric("inside", 1)
    assert run.params == {"a": 1, "b": None, "c": [1, 2], "d": "x", "e": True}
    assert run.metrics["loss"] == 0.5
    assert math.isnan(run.metrics["gone"])
    assert list(run.history("curve")["value"]) == [1, 0.5, 1 / 3]
    assert list(run.history("loss")["value"]) == [0.5]
    assert run.tags["t"] == "2"
    assert inner.parent == run
    assert "inside" not in run.metrics
    assert run.wall > inner.wall > 0


def test_artifacts(own_folder):
    (own_folder / "model card.md").write_text("# card")
    (own_folder / "folder" / "deep").mkdir(parents=True)
    (own_folder / "folder" / "deep" / "one.txt").write_text("1")

    class Figure:
        def savefig(self, file, format):  # noqa: A002
            file.write(format.encode())

    with skribe.run() as run:
        skribe.log_artifact("model card.md")
        skribe.log_artifact(own_folder / "folder")
        skribe.log_text("ünïcode \ud800", "notes/a.txt")
        skribe.log_dict({"n": np.int64(3), "x": np.arange(2)}, "values.json")
        skribe.log_figure(Figure(), "roc.svg")
    assert run.artifacts == ["folder/deep/one.txt", "model card.md", "notes/a.txt", "roc.svg", "values.json"]
    assert run.artifact_path("model card.md").read_text() == "# card"
    assert ast.literal_eval(run.artifact_path("values.json").read_text()) == {"n": 3, "x": [0, 1]}
    assert run.artifact_path("roc.svg").read_text() == "svg"
    with pytest.raises(skribe.SkribeError):
        run.log_text("escape", "../outside.txt")
    with pytest.raises(skribe.ArgumentError, match="no file or folder 'nowhere'"):
        run.log_artifact("nowhere")
    with pytest.raises(skribe.ArgumentError, match="figure"):
        run.log_figure(object(), "a.png")


def test_a_block_that_fails_is_a_failed_run():
    with pytest.raises(ZeroDivisionError), skribe.run() as failed:
        _ = 1 / 0
    with pytest.raises(KeyboardInterrupt), skribe.run() as killed:
        raise KeyboardInterrupt
    assert (failed.status, killed.status) == ("failed", "killed")
    assert "ZeroDivisionError" in failed.error


def test_finished_runs_can_be_added_to():
    with skribe.run() as run:
        pass
    skribe.last_run().log_metric("test_accuracy", 0.9)
    assert run.metrics == {"test_accuracy": 0.9}


@pytest.mark.usefixtures("_on")
def test_logging_inside_a_fit_goes_to_its_run():
    from sklearn.base import BaseEstimator

    class Talks(BaseEstimator):
        def fit(self, X, y=None):
            for step in range(3):
                skribe.log_metric("inner", step**2, step=step)
            return self

    Talks().fit(X)
    assert list(skribe.last_run().history("inner")["value"]) == [0, 1, 4]


# --- reading back ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_on")
def test_runs_is_a_tidy_frame():
    for c in (0.1, 1.0, 10.0):
        LogisticRegression(C=c, max_iter=5000).fit(X, y)
    KMeans(3, n_init=1, random_state=0).fit(X)
    table = skribe.runs()
    assert isinstance(table, pd.DataFrame)
    assert list(table["name"]) == ["KMeans", *["LogisticRegression"] * 3]
    assert table["start"].is_monotonic_decreasing
    assert str(table["start"].dtype).endswith("UTC]")
    assert list(table["params.C"].dropna()) == [10.0, 1.0, 0.1]
    good = skribe.runs(
        where="params.C >= 1 and metrics.training_accuracy_score > 0.5", sort_by="params.C", ascending=True
    )
    assert list(good["params.C"]) == [1.0, 10.0]
    assert len(skribe.runs(limit=2)) == 2
    assert skribe.runs("no such experiment").empty


def test_runs_of_no_store_is_empty(own_folder):
    assert skribe.runs().empty
    assert list(own_folder.iterdir()) == []
    with pytest.raises(skribe.NotFound, match="no run in"):
        skribe.last_run()


def test_ids():
    with skribe.run("one") as one:
        pass
    with skribe.run("two") as two:
        pass
    assert skribe.get_run(one.id) == one
    assert skribe.get_run(one.short_id) == one
    assert skribe.get_run(two.id[:-4]) == two
    with pytest.raises(skribe.NotFound, match="ffffffff"):
        skribe.get_run("ffffffff")
    with pytest.raises(skribe.Ambiguous, match="one"):
        skribe.get_run(one.id[:6])
    for wrong in (3, "", None):
        with pytest.raises(skribe.ArgumentError):
            skribe.get_run(wrong)


@pytest.mark.usefixtures("_on")
def test_a_run_shows_itself():
    GaussianNB(var_smoothing=0.5).fit(X, y)
    run = skribe.last_run()
    assert repr(run).startswith(f"<Run GaussianNB {run.short_id} · fit · finished · ")
    assert "var_smoothing  0.5" in str(run)
    html = run._repr_html_()
    assert "var_smoothing" in html
    assert len(html) < 60_000
    with skribe.run("<script>alert(1)</script>") as hostile:
        hostile.log_param("<b>", "<img onerror=alert(1)>")
    assert "<script>" not in hostile._repr_html_()
    assert "<img" not in hostile._repr_html_()


@pytest.mark.usefixtures("_on")
def test_the_estimators_diagram_is_drawn_when_asked_for():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    make_pipeline(StandardScaler(), LogisticRegression(C=3, max_iter=5000)).fit(X, y)
    html = skribe.last_run().estimator_html()
    assert html.index("Pipeline") < html.index("StandardScaler") < html.index("LogisticRegression")
    assert "C = 3" in html
    assert html.count("<details") == html.count("</details>") == 3


def test_a_run_is_not_back_while_its_experiment_is_in_the_trash():
    with skribe.run("a", experiment="old") as run:
        pass
    skribe.experiment("old").delete()
    with pytest.raises(skribe.ArgumentError, match="with its experiment 'old': restore that"):
        skribe.get_run(run.id).restore()
    skribe.experiment("old").restore()
    skribe.get_run(run.id).restore()
    assert list(skribe.runs()["name"]) == ["a"]


def test_experiments_are_made_renamed_deleted_restored():
    with skribe.run("kept", experiment="first"):
        pass
    first = skribe.experiment("first")
    assert first in skribe.experiments()
    first.rename("second")
    assert list(skribe.runs("second")["name"]) == ["kept"]
    first.delete()
    assert skribe.runs().empty
    assert skribe.experiments(deleted=True) == [first]
    first.restore()
    assert len(skribe.runs()) == 1
    skribe.experiment("third", create=True)
    with pytest.raises(skribe.ArgumentError, match="second"):
        skribe.experiment("third").rename("second")
    with pytest.raises(skribe.NotFound, match="did you mean 'second'"):
        skribe.experiment("secnod")


def test_reading_says_what_it_cannot_find(own_folder):
    with skribe.run("one", tags={"a": 1}):
        pass
    with pytest.raises(skribe.ArgumentError, match="no runs of 'fits'"):
        skribe.runs(kind="fits")
    with pytest.raises(skribe.ArgumentError, match="no runs of 'done'"):
        skribe.runs(status="done")
    with pytest.raises(skribe.StoreError, match=r"did you mean .*skribe_runs"):
        skribe.runs(store=own_folder)
    with pytest.raises(skribe.ArgumentError, match="takes a dictionary"), skribe.run("x", tags="abc"):
        pass
    with pytest.raises(skribe.QueryError, match=r"did you mean metrics\.training_score"):
        skribe.runs(where="training_score > 0.5")
    assert list(skribe.runs(columns=["name", "tags.*"])) == ["name", "tags.a"]


@pytest.mark.usefixtures("_on")
def test_runs_sort_as_pandas_does():
    for smoothing in (0.5, 0.1, 0.9):
        GaussianNB(var_smoothing=smoothing).fit(X, y)
    assert list(skribe.runs()["params.var_smoothing"]) == [0.9, 0.1, 0.5]
    assert list(skribe.runs(sort_by="params.var_smoothing")["params.var_smoothing"]) == [0.1, 0.5, 0.9]
    descending = skribe.runs(sort_by="params.var_smoothing", ascending=False)
    assert list(descending["params.var_smoothing"]) == [0.9, 0.5, 0.1]


def test_a_run_by_hand_has_its_line_too(capsys):
    with skribe.run("mine"):
        skribe.log_metric("training_score", 0.5)
    assert capsys.readouterr().err.startswith("skribe: mine ")


def test_runs_go_to_the_trash_and_come_back():
    with skribe.run("kept") as run, skribe.run("inner"):
        pass
    run.delete()
    assert skribe.runs(children=True).empty
    assert len(skribe.runs(deleted=True)) == 1
    run.restore()
    assert len(skribe.runs(children=True)) == 2


# --- describe -------------------------------------------------------------------------------------------------


def test_describe_says_what_would_be_recorded():
    text = str(skribe.describe(LogisticRegression(C=3)))
    assert "makes one run" in text
    assert "C  3" in text
    assert "training_roc_auc" in text
    from sklearn.preprocessing import StandardScaler

    assert not skribe.describe(StandardScaler()).recorded
    assert not skribe.describe(object()).recorded
    assert "LogisticRegression()" in str(skribe.describe(LogisticRegression))
    assert "<table>" in skribe.describe(KMeans(4))._repr_html_()


@pytest.mark.usefixtures("_on")
@pytest.mark.parametrize("estimator", [LogisticRegression(max_iter=5000), GaussianNB(), KMeans(3, n_init=1)], ids=str)
def test_describe_promises_what_is_kept(estimator):
    promised = skribe.describe(estimator)
    estimator.fit(X, y == 0)
    run = skribe.last_run()
    assert set(promised.metrics) <= run.metrics.keys()
    assert {param.key for param in promised.params} == run.params.keys()


# --- wrong arguments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"silent": "yes"}, "True or False"),
        ({"disable": 1}, "True or False"),
        ({"experiment": 3}, "takes a text"),
        ({"experiment": " "}, "empty"),
        ({"extra_tags": ["a"]}, "dictionary"),
        ({"exclude": [3]}, "class names or classes"),
        ({"exclude": [GaussianNB()]}, "Name its class"),
        ({"overhead": -1}, "share"),
        ({"overhead": math.nan}, "share"),
        ({"overhead": "10%"}, "share"),
        ({"experimant": "a"}, "Did you mean 'experiment'"),
        ({"nonsense": 1}, "no argument 'nonsense'"),
        ({"wait": "long"}, "30 seconds at most"),
        ({"disable_for_unsupported_versions": True}, "does not do that yet"),
        ({"log_models": "all"}, "candidates"),
        ({"serialization_format": "pickel"}, "Did you mean 'pickle'"),
        ({"model_size_limit": "many"}, "500 MB"),
        ({"keep_models": "some"}, "best 3 by"),
        ({"registered_model_name": ""}, "empty"),
        ({"registered_model_name": "a/b"}, "/"),
        ({"backend": "mlfow"}, "did you mean 'mlflow'"),
        ({"backend": "http://localhost:5000"}, "there is no backend 'http'"),
        ({"backend": ""}, "does not name a backend"),
        ({"backend": skribe.backends.Target("memory", "", {"colour": 1})}, "no option 'colour'"),
        ({"store": 3}, "takes a text"),
    ],
)
def test_wrong_arguments_raise_where_the_user_called(arguments, told):
    fit = vars(GaussianNB)["fit"]
    with pytest.raises(skribe.ArgumentError, match=told):
        skribe.autolog(**arguments)
    assert vars(GaussianNB)["fit"] is fit


def test_mlflows_arguments_that_ask_for_nothing_are_accepted():
    skribe.autolog(silent=True, log_models=False, log_post_training_metrics=False, registered_model_name=None)
    skribe.autolog(disable=True)


def test_a_store_that_is_a_file_is_refused(own_folder):
    (own_folder / "file").write_text("")
    with pytest.raises(skribe.StoreError, match="is a file"):
        skribe.autolog(store=own_folder / "file")


@pytest.mark.parametrize(
    ("verb", "arguments", "told"),
    [
        ("log_metric", ("loss", "low"), "must be a number"),
        ("log_metric", ("loss", None), "must be a number"),
        ("log_metric", (3, 1.0), "takes a text"),
        ("log_metric", ("loss", 1.0, 0.5), "whole number"),
        ("log_metrics", ([1],), "takes a dictionary"),
        ("log_params", ("a",), "takes a dictionary"),
        ("set_tags", (["a"],), "takes a dictionary"),
        ("log_text", ({}, "a.txt"), "takes a text"),
        ("log_dict", ({(1, 2): 3}, "a.json"), "cannot be written as JSON"),
    ],
)
def test_wrong_arguments_of_the_log_verbs(verb, arguments, told):
    with skribe.run(), pytest.raises(skribe.ArgumentError, match=told):
        getattr(skribe, verb)(*arguments)


def test_logging_where_no_run_is_open():
    for verb, arguments in (("log_metric", ("a", 1)), ("log_param", ("a", 1)), ("set_tag", ("a", 1))):
        with pytest.raises(skribe.NoActiveRun, match="no run is open"):
            getattr(skribe, verb)(*arguments)


def test_a_wrong_condition_points_at_the_place():
    with skribe.run():
        pass
    with pytest.raises(skribe.QueryError, match="=="):
        skribe.runs(where="params.C = 3")


# --- the package ----------------------------------------------------------------------------------------------


def test_importing_costs_nothing():
    code = """
        import sys, threading
        import skribe
        heavy = {"numpy", "pandas", "sklearn", "matplotlib", "sqlite3", "scipy"} & set(sys.modules)
        assert not heavy, heavy
        assert threading.active_count() == 1
        skribe.autolog(silent=True)
        heavy = {"pandas", "sklearn", "matplotlib"} & set(sys.modules)
        assert not heavy, heavy
        assert threading.active_count() == 1
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True, cwd=Path.cwd())


def test_the_public_names_are_those_of_the_list():
    for name in skribe.__all__:
        assert getattr(skribe, name).__module__.startswith("skribe")
    assert set(dir(skribe)) >= set(skribe.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = skribe.nothing


def test_each_public_function_says_what_the_caller_gets():
    for name in skribe.__all__:
        assert (getattr(skribe, name).__doc__ or "").strip(), name


def test_the_working_directory_may_change(tmp_path, monkeypatch):
    monkeypatch.delenv("SKRIBE_STORE")
    skribe.autolog(silent=True)
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    GaussianNB().fit(X, y)
    skribe.autolog(disable=True)
    assert (tmp_path / "skribe_runs" / "skribe.db").is_file()
    assert len(skribe.runs()) == 1
