"""Nothing is left behind: not on the estimator, the random streams, the warnings or the screen."""

from __future__ import annotations

import random
import warnings
from unittest import mock

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skribe.metrics import evaluate


class Noisy(ClassifierMixin, BaseEstimator):
    """Does at predict everything that a guest should not leave behind."""

    def __init__(self, random_state=None, generator=None):
        self.random_state, self.generator = random_state, generator

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.cache_ = "old"
        return self

    def predict(self, X):
        warnings.warn("a word", UserWarning, stacklevel=2)
        np.random.rand(3)
        random.random()
        self.random_state.rand(3)
        self.generator.random(3)
        self.cache_ = "new"
        self.extra_ = 1
        return np.zeros(len(X), dtype=int)


def _streams(model):
    return (
        repr(np.random.get_state()),
        random.getstate(),
        repr(model.random_state.get_state()),
        repr(model.generator.bit_generator.state),
    )


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)])
def test_streams_attributes_and_warnings_are_as_before(wrap):
    X, y = load_iris(return_X_y=True)
    model = Noisy(np.random.RandomState(1), np.random.default_rng(2))
    outer = wrap(model).fit(X, y)
    before, values = _streams(model), dict(vars(outer))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        evaluation = evaluate(outer, X, y)
    assert evaluation.metrics
    assert not heard
    assert _streams(model) == before
    assert vars(outer) == values
    assert list(vars(outer)) == list(values)


def test_an_exception_leaves_no_trace_either():
    X, y = load_iris(return_X_y=True)

    class Failing(Noisy):
        def predict(self, X):
            super().predict(X)
            raise ValueError("bad luck")

    model = Failing(np.random.RandomState(1), np.random.default_rng(2)).fit(X, y)
    before, values = _streams(model), dict(vars(model))
    evaluation = evaluate(model, X, y)
    assert [note.reason for note in evaluation.notes] == ["ValueError: bad luck"]
    assert _streams(model) == before
    assert vars(model) == values


def test_ctrl_c_passes_through():
    class Interrupted(Noisy):
        def predict(self, X):
            raise KeyboardInterrupt

    model = Interrupted().fit(np.zeros((3, 1)), [0, 1, 0])
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, np.zeros((3, 1)), [0, 1, 0])


@pytest.mark.parametrize("wrap", ["plain", "pipeline", "search"])
def test_a_verbose_model_prints_nothing(wrap, capfd):
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(3, random_state=0)
    if wrap == "pipeline":
        model = make_pipeline(StandardScaler(), model)
    if wrap == "search":
        model = GridSearchCV(model, {"max_depth": [2]}, cv=2)
    model.fit(X, y)
    inner = model.best_estimator_ if wrap == "search" else model
    inner = inner[-1] if wrap == "pipeline" else inner
    inner.verbose = 3
    capfd.readouterr()
    evaluation = evaluate(model, X, y)
    assert len(evaluation.metrics) == 9
    assert capfd.readouterr() == ("", "")
    assert inner.verbose == 3


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_random_predictions_are_absent_with_the_reason(strategy):
    X, y = load_iris(return_X_y=True)
    stream = np.random.RandomState(0)
    model = DummyClassifier(strategy=strategy, random_state=stream).fit(X, y)
    before = repr(stream.get_state())
    evaluation = evaluate(model, X, y)
    assert not evaluation.metrics
    assert "random" in evaluation.notes[0].reason
    assert repr(stream.get_state()) == before


def test_strict_numpy_errors_of_the_user_do_not_matter(reference):
    X, y = load_iris(return_X_y=True)
    model = DummyClassifier(strategy="most_frequent").fit(X, y)
    with np.errstate(all="raise"):
        evaluation = evaluate(model, X, y)
    expected = reference.classifier(y, model.predict(X), model.predict_proba(X), None, model.classes_)
    reference.check(evaluation, expected)


def test_the_global_streams_are_left_alone_around_code_of_scikit_learn(monkeypatch):
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)).fit(X, y)
    search = GridSearchCV(model, {"randomforestclassifier__max_depth": [2]}, cv=2).fit(X, y)
    monkeypatch.setattr(np.random, "set_state", None)
    monkeypatch.setattr(np.random, "get_state", None)
    assert len(evaluate(search, X, y).metrics) == 9


@pytest.mark.parametrize("where", ["scorer", "own scorer", "function"])
def test_a_function_of_the_user_may_draw(where):
    def draw(*_args):
        return np.random.rand() + random.random()

    X, y = load_iris(return_X_y=True)
    scoring = {"scorer": make_scorer(draw), "own scorer": draw}.get(where)
    step = FunctionTransformer(lambda X: X + 0 * draw())
    search = GridSearchCV(make_pipeline(step, RandomForestClassifier(3)), {}, cv=2, scoring=scoring).fit(X, y)
    before = repr(np.random.get_state()), random.getstate()
    found = {metric.key for metric in evaluate(search, X, y).metrics}
    assert ("training_score" in found) is (where != "own scorer")
    assert "training_accuracy_score" in found
    assert (repr(np.random.get_state()), random.getstate()) == before


class Remembers(ClassifierMixin, BaseEstimator):
    """Takes notes on itself while it predicts, in a dictionary of lists that was there before."""

    def fit(self, X, y, **_):
        self.classes_ = np.unique(y)
        self.asked = {"predict": [], "seen": {1}}
        return self

    def predict(self, X):
        self.asked["predict"].append(len(X))
        self.asked["seen"].add(len(X))
        self.asked["more"] = True
        self.last = len(X)
        return np.zeros(len(X), dtype=int)


@pytest.mark.parametrize("many", [3, 50])
def test_what_parts_of_an_estimator_remember_is_as_it_was(many):
    X, y = np.zeros((20, 2)), np.arange(20) % 2
    model = BaggingClassifier(Remembers(), n_estimators=many, random_state=0).fit(X, y)
    for member in model.estimators_:
        assert member.asked == {"predict": [], "seen": {1}}
    evaluation = evaluate(model, X, y)
    assert any(metric.key == "training_accuracy_score" for metric in evaluation.metrics)
    for member in model.estimators_:
        assert member.asked == {"predict": [], "seen": {1}}
        assert not hasattr(member, "last")


def test_a_mock_is_not_asked():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    model = GaussianNB().fit(X, y)
    with mock.patch("sklearn.naive_bayes.check_is_fitted") as spy:
        evaluation = evaluate(model, X, y)
    assert spy.call_count == 0
    assert evaluation.metrics == ()
    assert "check_is_fitted of sklearn.naive_bayes is a mock" in evaluation.notes[0].reason
    model.predict = mock.Mock()
    assert "predict of GaussianNB is a mock" in evaluate(model, X, y).notes[0].reason
    assert model.predict.call_count == 0


def test_a_scorer_of_the_users_own_is_not_called():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    calls = []

    def scorer(estimator, X, y):
        calls.append(len(X))
        return 0.5

    search = GridSearchCV(GaussianNB(), {}, scoring=scorer, cv=2).fit(X, y)
    before = len(calls)
    evaluation = evaluate(search, X, y)
    assert len(calls) == before
    assert any("function of yours" in note.reason for note in evaluation.notes)
