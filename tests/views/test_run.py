"""A run as it is shown."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import skribe
from skribe.errors import NotFound
from skribe.session import query_of
from skribe.views import as_plain, run_view, search_view

X, y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def on():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def query():
    return query_of(skribe.last_run().folder)


def test_a_fit_is_shown_with_what_the_user_chose_first():
    model = LogisticRegression(C=2, max_iter=500).fit(X, y)
    model.score(X[::2], y[::2])
    skribe.register(skribe.last_run(), "iris")
    view = run_view(query(), skribe.last_run().short_id)
    assert [param.key for param in view.params[:2]] == ["C", "max_iter"]
    assert [param.changed for param in view.params] == [True, True] + [False] * (len(view.params) - 2)
    assert view.params[0].value == 2
    assert not view.metrics[0].key.startswith("training_")
    assert view.headline.startswith("LogisticRegression_score_")
    assert ("roc", "training") in view.pictures
    (data, _scored) = view.datasets
    assert (data.role, data.shape, data.target["summary"]["n_classes"]) == ("train", (150, 4), 3)
    (model_view,) = view.models
    assert model_view.outputs
    assert any(line.startswith("scikit-learn==") for line in model_view.requirements)
    assert [(v.name, v.version) for v in model_view.versions] == [("iris", 1)]
    scope: dict = {}
    exec(model_view.load, scope)
    assert scope["model"].C == 2


def test_everything_can_be_told_as_json():
    with skribe.run("odd") as run:
        run.log_metrics({"infinite": math.inf, "nothing": math.nan})
        run.log_params({"big": 2**70, "nan": math.nan, "text": "<b>"})
    told = json.loads(json.dumps(as_plain(run_view(query(), run.id)), allow_nan=False))
    values = {param["key"]: param["value"] for param in told["params"]}
    assert values == {"big": str(2**70), "nan": "nan", "text": "<b>"}
    assert {metric["key"]: metric["text"] for metric in told["metrics"]} == {"infinite": "inf", "nothing": "nan"}


def test_the_error_of_a_failed_run():
    with pytest.raises(ValueError, match="C"):
        LogisticRegression(C=-1).fit(X, y)
    view = run_view(query(), skribe.last_run().id)
    assert view.status == "failed"
    assert "InvalidParameterError" in view.error.type
    assert "Traceback" in view.error.traceback


def test_a_search_leads_to_its_children_and_back():
    search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.01, 1]}, cv=3).fit(X, y)
    view = run_view(query(), skribe.last_run().id)
    assert view.n_children == len(view.children) == 2
    child = run_view(query(), view.best.id)
    assert child.parent.id == view.id
    assert {param.key: param.value for param in child.params}["C"] == search.best_params_["C"]
    assert child.datasets == view.datasets
    assert view.headline.startswith("best_cv_score")


def test_held_out_scores_speak_before_those_of_training_and_folds_before_both():
    model = LogisticRegression(max_iter=500).fit(X, y)
    run = skribe.last_run().id
    assert run_view(query(), run).headline.startswith("training_accuracy_score")
    model.score(X[::3], y[::3])
    assert run_view(query(), run).headline.startswith("LogisticRegression_score_")
    cross_validate(model, X, y, cv=3, scoring=["accuracy", "f1_macro"])
    view = run_view(query(), skribe.last_run().id)
    assert view.headline.startswith("mean_test_accuracy")
    assert all(child.headline for child in view.children)
    assert not [one.key for one in view.metrics if one.key.startswith("split_")]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)), "Pipeline(LogisticRegression)"),
        (
            GridSearchCV(make_pipeline(LogisticRegression(max_iter=500)), {"memory": [None]}, cv=2),
            "GridSearchCV(LogisticRegression)",
        ),
        (Pipeline([("scale", StandardScaler()), ("nothing", "passthrough")]), "Pipeline"),
    ],
)
def test_a_pipeline_is_called_by_its_model(model, name):
    model.fit(X, y)
    assert skribe.last_run().name == name
    assert run_view(query(), skribe.last_run().id).estimator == type(model).__name__


def test_no_such_run():
    with skribe.run("another"):
        pass
    with pytest.raises(NotFound):
        run_view(query(), "ffffffff")


class TestSearch:
    def test_columns_are_those_of_cv_results(self):
        search = GridSearchCV(
            LogisticRegression(max_iter=500),
            {"C": [0.01, 1, 100], "fit_intercept": [True, False]},
            cv=3,
            return_train_score=True,
        ).fit(X, y)
        view = search_view(query(), skribe.last_run().id)
        results = search.cv_results_
        assert (view.done, view.total, view.splits, view.chosen) == (18, 18, 3, True)
        assert view.leader == search.best_index_
        assert list(view.rank) == list(results["rank_test_score"])
        (scorer,) = view.scorers
        np.testing.assert_allclose(scorer.mean, results["mean_test_score"])
        np.testing.assert_allclose(scorer.std, results["std_test_score"])
        np.testing.assert_allclose(scorer.train_mean, results["mean_train_score"])
        np.testing.assert_allclose(np.array(scorer.folds)[:, 1], results["split1_test_score"])
        for param in view.params:
            assert [param.values[code] for code in param.codes] == list(results[f"param_{param.key}"])
        assert len(set(view.children)) == 6
        json.dumps(as_plain(view), allow_nan=False)

    def test_failures_are_counted_and_shown(self):
        with pytest.warns(match="fits failed"), pytest.warns(match="non-finite"):
            GridSearchCV(LogisticRegression(max_iter=500), {"C": [-1, 1]}, cv=3).fit(X, y)
        view = search_view(query(), skribe.last_run().id)
        assert view.failed == (3, 0)
        assert view.finished == (3, 3)
        assert view.rank == (None, 1)
        assert "InvalidParameterError" in dict(view.errors)[0]

    def test_the_folds_of_a_cross_validation(self):
        scores = cross_validate(LogisticRegression(max_iter=500), X, y, cv=4)["test_score"]
        view = search_view(query(), skribe.last_run().id)
        assert view.kind == "cv"
        np.testing.assert_allclose([sum(filter(None, row)) for row in view.scorers[0].folds], scores)
        assert view.views["advice"] == []

    def test_the_stamp_changes_with_what_comes(self):
        from skribe.views.search import stamp_of

        GridSearchCV(LogisticRegression(max_iter=500), {"C": [1]}, cv=3).fit(X, y)
        run = skribe.last_run().id
        before = stamp_of(query(), run)
        assert stamp_of(query(), run) == before == search_view(query(), run).stamp
        query_of(skribe.last_run().folder).ask(lambda connection: None)
        assert before == "finished 1 3"

    def test_a_fit_is_no_search(self):
        LogisticRegression(max_iter=500).fit(X, y)
        assert search_view(query(), skribe.last_run().id) is None
