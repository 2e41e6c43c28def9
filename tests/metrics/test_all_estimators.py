"""Every classifier and regressor of scikit-learn: the values are its own, and no question is asked twice."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils import all_estimators

from skribe.metrics import evaluate

LABELS = make_multilabel_classification(60, 5, n_classes=3, random_state=1)  # to draw them takes longer than a test
METHODS = ("predict", "predict_proba", "decision_function", "score", "predict_log_proba", "transform", "fit")


def _estimators(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [cls for _name, cls in all_estimators(type_filter=kind)]


class Counted:
    """Stands where a method was, `available_if` included, and counts the outermost calls by number of rows."""

    def __init__(self, original, name, calls, depth):
        self.original, self.name, self.calls, self.depth = original, name, calls, depth

    def __get__(self, instance, owner=None):
        if instance is None:
            return self.original.__get__(None, owner)
        method = self.original.__get__(instance, owner)

        def counting(X, *args, **kwargs):
            if not self.depth:
                self.calls[self.name, X.shape[0]] += 1
            self.depth.append(1)
            try:
                return method(X, *args, **kwargs)
            finally:
                self.depth.pop()

        counting.__name__ = self.name
        return counting


@contextlib.contextmanager
def counted(cls):
    calls, depth, before = Counter(), [], {}
    for name in METHODS:
        owner = next((c for c in cls.__mro__ if name in vars(c)), None)
        if owner is not None:
            before[name] = vars(cls).get(name)
            setattr(cls, name, Counted(vars(owner)[name], name, calls, depth))
    try:
        yield calls
    finally:
        for name, original in before.items():
            if original is None:
                delattr(cls, name)
            else:
                setattr(cls, name, original)


def _made(cls, base):
    """An instance with what its constructor insists on; None if it is not for these data."""
    name = cls.__name__
    if name in ("MultiOutputClassifier", "ClassifierChain", "MultiOutputRegressor", "RegressorChain"):
        return None
    if name in ("VotingClassifier", "StackingClassifier", "VotingRegressor", "StackingRegressor"):
        return cls([("a", base), ("b", type(base)())])
    if name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV", "SelfTrainingClassifier"):
        return cls(base)
    if name in ("OneVsOneClassifier", "OneVsRestClassifier", "OutputCodeClassifier"):
        return cls(base)
    return cls()


def _fitted(cls, base, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = _made(cls, base)
    if estimator is None:
        pytest.skip("for several outputs")
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    for name, value in (("n_estimators", 5), ("max_iter", 40), ("cv", 2)):
        if name in estimator.get_params(deep=False):
            estimator.set_params(**{name: value})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return estimator.fit(X, y)
        except Exception as error:
            pytest.skip(f"cannot be fitted on these data: {error}")


def _iris(kind):
    X, y = load_iris(return_X_y=True)
    X = np.abs(X)
    keep = y > 0
    return {
        "binary": (X[keep], y[keep] - 1),
        "names": (X[keep], np.array(["no", "yes"])[y[keep] - 1]),
        "three": (X, y),
        "bool": (X[keep], y[keep] == 2),
    }[kind]


def _evaluated(estimator, X, y, **kwargs):
    before = dict(vars(estimator))
    # Nothing but the measured calls may happen: a warning would be an error.
    with counted(type(estimator)) as calls, warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation = evaluate(estimator, X, y, **kwargs)
    assert all(number == 1 for number in calls.values()), calls
    assert not any(method == "fit" for method, _rows in calls), calls
    after = vars(estimator)
    assert list(after) == list(before)
    assert all(after[key] is value for key, value in before.items())
    return evaluation, calls


@pytest.mark.parametrize("kind", ["binary", "names", "three", "bool"])
@pytest.mark.parametrize("cls", _estimators("classifier"), ids=lambda cls: cls.__name__)
def test_classifiers(cls, kind, reference):
    X, y = _iris(kind)
    estimator = _fitted(cls, LogisticRegression(max_iter=500), X, y)
    weight = np.linspace(0.5, 2, len(y)) if kind == "names" else None
    evaluation, calls = _evaluated(estimator, X, y, weight=weight)
    assert sum(calls[method, len(y)] for method in ("predict", "predict_proba", "decision_function")) <= 2

    def ask():
        proba = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else None
        decision = None
        if proba is None and len(estimator.classes_) == 2 and hasattr(estimator, "decision_function"):
            decision = estimator.decision_function(X)
        return estimator.predict(X), proba, decision

    pred, proba, decision = reference.quietly(ask)
    expected = reference.classifier(y, pred, proba, decision, estimator.classes_, weight)
    arguments = {} if weight is None else {"sample_weight": weight}
    with contextlib.suppress(TypeError):
        expected["score"] = reference.quietly(estimator.score, X, y, **arguments)
    if "score" not in expected:
        expected["score"] = reference.quietly(estimator.score, X, y)
    reference.check(evaluation, expected)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("cls", _estimators("regressor"), ids=lambda cls: cls.__name__)
def test_regressors(cls, outputs, reference):
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:120], y[:120]
    if outputs == 2:
        y = np.column_stack([y, y[::-1] ** 2])
    if cls.__name__ in ("GammaRegressor", "PoissonRegressor", "TweedieRegressor"):
        X = X * 10
    estimator = _fitted(cls, Ridge(), X, y)
    if cls.__name__ == "IsotonicRegression":
        pytest.skip("takes one column")
    evaluation, _calls = _evaluated(estimator, X, y)
    pred = reference.quietly(estimator.predict, X)
    expected = reference.regressor(y, pred)
    if "score" in {note.what.removeprefix("training_") for note in evaluation.notes}:
        assert "score" in vars(cls) or "score" in {n for c in cls.__mro__[:-3] for n in vars(c)}
    else:
        expected["score"] = reference.quietly(estimator.score, X, y)
    reference.check(evaluation, expected)


@pytest.mark.parametrize("cls", _estimators("classifier"), ids=lambda cls: cls.__name__)
def test_multilabel_classifiers(cls, reference):
    from sklearn import metrics as sk

    X, y = LABELS
    name = cls.__name__
    if name in ("MultiOutputClassifier", "ClassifierChain", "OneVsRestClassifier"):
        base = LogisticRegression()
        estimator = cls(base).fit(X, y)
    else:
        estimator = _fitted(cls, LogisticRegression(), X, y)
    evaluation, _calls = _evaluated(estimator, X, y)
    assert evaluation.task == "multilabel"
    pred = reference.quietly(estimator.predict, X)
    expected = {
        "accuracy_score": sk.accuracy_score(y, pred),
        "hamming_loss": sk.hamming_loss(y, pred),
        "f1_score": sk.f1_score(y, pred, average="weighted"),
        "precision_score_micro": reference.quietly(sk.precision_score, y, pred, average="micro"),
        "score": reference.quietly(estimator.score, X, y),
    }
    if hasattr(estimator, "predict_proba"):
        proba = reference.quietly(estimator.predict_proba, X)
        score = np.column_stack([p[:, -1] for p in proba]) if isinstance(proba, list) else proba
        expected["roc_auc"] = sk.roc_auc_score(y, score, average="weighted")
        expected["average_precision_score"] = sk.average_precision_score(y, score)
    reference.check(evaluation, expected)
