"""Runs beside each other."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skribe
from skribe.errors import ArgumentError
from skribe.session import query_of
from skribe.views import comparison
from skribe.views.pairs import _holm, _test

X, y = load_iris(return_X_y=True)
MODEL = LogisticRegression(max_iter=500)


@pytest.fixture(autouse=True)
def on():
    skribe.autolog(silent=True, log_models=False)
    yield
    skribe.autolog(disable=True)


def fitted(model, data=X) -> str:
    model.fit(data, y)
    return skribe.last_run().id


def validated(model, **how) -> str:
    cross_validate(model, X, y, **how)
    return skribe.last_run().id


def compared(*runs):
    return comparison(query_of(skribe.last_run().folder), runs)


def section(view, title):
    return {row.key: row for one in view.sections if one.title == title for row in one.rows}


def test_what_differs_is_marked_and_the_same_data_are_known():
    view = compared(fitted(LogisticRegression(C=0.001, max_iter=500)), fitted(MODEL))
    params = section(view, "parameters")
    assert params["C"].differs
    assert params["C"].cells == ("0.001", "1.0")
    assert not params["max_iter"].differs
    metrics = section(view, "metrics")
    assert metrics["training_accuracy_score"].best == 1
    assert metrics["training_log_loss"].best == 1
    assert view.same_data is True
    assert ("roc", "training") in view.pictures


def test_different_data_are_told():
    view = compared(fitted(MODEL), fitted(MODEL, X + 1))
    assert view.same_data is False
    assert "different data" in view.data_said
    assert section(view, "data")["train: fingerprint"].differs


def test_data_that_nobody_knows_are_not_called_the_same():
    with skribe.run("by hand") as run:
        run.log_metric("score", 1)
    assert compared(run.id, fitted(MODEL)).same_data is None


def test_the_steps_of_a_pipeline_are_told_once():
    runs = [fitted(make_pipeline(StandardScaler(), LogisticRegression(C=c))) for c in (1, 2)]
    rows = section(compared(*runs), "parameters")
    assert [key for key, row in rows.items() if row.differs] == ["logisticregression__C"]


def test_defaults_that_only_some_estimators_have_are_no_difference():
    view = compared(fitted(MODEL), fitted(DummyClassifier(constant=1)))
    rows = section(view, "parameters")
    assert {key for key, row in rows.items() if row.differs} == {"max_iter", "constant"}
    assert rows["C"].cells == ("1.0", None)


def test_numbers_that_are_none_are_never_the_best():
    runs = []
    for loss in (math.inf, 0.5, math.nan, 0.7):
        with skribe.run("by hand") as run:
            run.log_metric("loss", loss)
        runs.append(run.id)
    assert section(compared(*runs), "metrics")["loss"].best == 1


def test_a_parameter_called_steps_is_one_like_others():
    runs = []
    for steps in (1000, 2000):
        with skribe.run("by hand") as run:
            run.log_params({"steps": steps, "model__steps": steps})
        runs.append(run.id)
    rows = section(compared(*runs), "parameters")
    assert {key for key, row in rows.items() if row.differs} == {"steps", "model__steps"}


def test_many_parameters_are_compared_in_time():
    runs = []
    for value in (1, 2):
        with skribe.run("wide") as run:
            run.log_params({f"part{n}__p{n}": value for n in range(5000)})
        runs.append(run.id)
    began = time.perf_counter()
    assert len(section(compared(*runs), "parameters")) == 5000
    assert time.perf_counter() - began < 20  # it was quadratic


def test_the_best_by_one_scorer_is_not_better_than_by_another():
    runs = []
    for scoring in ("accuracy", "f1_macro"):
        GridSearchCV(MODEL, {"C": [0.01, 1]}, scoring=scoring, cv=3).fit(X, y)
        runs.append(skribe.last_run().id)
    assert section(compared(*runs), "metrics")["best_cv_score"].best is None


@pytest.mark.parametrize("count", [0, 1])
def test_too_few(count):
    run = fitted(MODEL)
    with pytest.raises(ArgumentError, match="two different runs"):
        compared(*[run] * (2 * count))


class TestPaired:
    def test_cross_validations_on_the_same_folds(self):
        runs = [validated(model, cv=5) for model in (MODEL, DummyClassifier())]
        (test,) = compared(*runs).paired
        assert test.best == runs[0]
        assert test.p < 0.001
        assert "on 5 of 5 folds" in test.said
        assert "likely real" in test.said

    @pytest.mark.parametrize(
        ("first", "second", "comparable"),
        [
            (KFold(5, shuffle=True, random_state=0), KFold(5, shuffle=True, random_state=0), True),
            (KFold(5, shuffle=True, random_state=0), KFold(5, shuffle=True, random_state=1), False),
            (KFold(5, shuffle=True), KFold(5, shuffle=True), False),
            (KFold(5), KFold(4), False),
            (list(KFold(5).split(X)), list(KFold(5).split(X)), False),
        ],
    )
    def test_only_folds_that_are_surely_the_same(self, first, second, comparable):
        view = compared(validated(MODEL, cv=first), validated(DummyClassifier(), cv=second))
        assert bool(view.paired) is comparable
        assert comparable or "same folds" in view.paired_said

    def test_not_on_other_data(self):
        first = validated(MODEL, cv=KFold(5))
        cross_validate(MODEL, X + 1, y, cv=KFold(5))
        assert not compared(first, skribe.last_run().id).paired

    def test_candidates_and_searches(self):
        searches = []
        for grid in ({"C": [0.001, 1]}, {"C": [10, 100]}):
            GridSearchCV(MODEL, grid, cv=5).fit(X, y)
            searches.append(skribe.last_run())
        assert len(compared(*[run.id for run in searches]).paired) == 1
        children = [child.id for child in searches[0].children]
        (test,) = compared(*children).paired
        expected = [child.metrics["mean_test_score"] for child in searches[0].children]
        assert test.difference == pytest.approx(abs(expected[0] - expected[1]))
        assert len(compared(*children, *[child.id for child in searches[1].children]).paired) == 3

    def test_runs_without_folds(self):
        view = compared(fitted(MODEL), fitted(LogisticRegression(C=3, max_iter=500)))
        assert view.paired == ()
        assert "score per fold" in view.paired_said

    def test_the_same_scores(self):
        (test,) = compared(validated(MODEL, cv=5), validated(MODEL, cv=5)).paired
        assert test.p == 1
        assert "the same score on every fold" in test.said


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12), st.floats(0.05, 1))
def test_the_statistic_is_that_of_the_corrected_test(pairs, share):
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    test = _test("score", "a", "b", list(a), list(b), share)
    spread = (a - b).var(ddof=1)
    if test.low is None:
        assert spread < 1e-20
        return
    error = math.sqrt(spread * (1 / len(a) + share))
    assert test.p == pytest.approx(2 * stats.t.sf(abs((a - b).mean()) / error, len(a) - 1), rel=1e-6, abs=1e-12)
    low, high = stats.t.interval(0.95, len(a) - 1, (a - b).mean(), error)
    assert (test.low, test.high) == pytest.approx((low, high), rel=1e-6, abs=1e-12)
    assert test.p >= stats.ttest_rel(a, b).pvalue - 1e-9  # never surer than the plain test


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm(values):
    tests = [_test("score", "a", "b", [1.0, 0.0], [0.0, 0.5], 0.5) for _ in values]
    tests = [type(one)(one.scorer, "a", "b", 0.1, 0, 1, p, (), "") for one, p in zip(tests, values, strict=True)]
    corrected = [test.p for test in _holm(tests)]
    assert all(after >= before for after, before in zip(corrected, values, strict=True))
    assert all(p <= 1 for p in corrected)
    order = np.argsort(values, kind="stable")
    assert list(np.array(corrected)[order]) == sorted(corrected)
    assert min(corrected) == pytest.approx(min(1, min(values) * len(values)))
