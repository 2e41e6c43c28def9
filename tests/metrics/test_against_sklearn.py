"""Random data: every value equals the one of scikit-learn's own function, or is absent where that has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from skribe.metrics import evaluate

FEW = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


class Says(ClassifierMixin, BaseEstimator):
    """A classifier that answers what it was told to."""

    def __init__(self, classes, pred, proba=None, decision=None):
        self.classes_, self.pred, self.proba, self.decision = classes, pred, proba, decision

    def predict(self, X):
        return self.pred

    def __getattr__(self, name):
        if name == "predict_proba" and self.__dict__.get("proba") is not None:
            return lambda X: self.proba
        if name == "decision_function" and self.__dict__.get("decision") is not None:
            return lambda X: self.decision
        raise AttributeError(name)


class SaysNumbers(RegressorMixin, BaseEstimator):
    def __init__(self, pred):
        self.pred = pred

    def predict(self, X):
        return self.pred


NAMES = {
    "int": [0, 1, 2, 3],
    "other int": [-5, 3, 70_000, 70_001],
    "bool": [False, True],
    "str": ["ant", "bee", "cat", "dog"],
    "object": ["ant", "bee", "cat", "dog"],
    "float": [-1.0, 0.0, 2.0, 3.0],
}
DTYPES = {"str": np.str_, "object": object, "int": np.int64, "other int": np.int32, "bool": bool, "float": float}


@st.composite
def classifications(draw):
    kind = draw(st.sampled_from(sorted(NAMES)))
    number = draw(st.integers(2, len(NAMES[kind])))
    classes = np.array(NAMES[kind][:number], dtype=DTYPES[kind])
    n = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    there = random.choice(number, size=draw(st.integers(1, number)), replace=False)
    true = classes[random.choice(there, size=n)]
    pred = classes[random.integers(0, number, n)]
    style = draw(st.sampled_from(["continuous", "ties", "constant", "certain", "tiny", "near"]))
    raw = {
        "continuous": lambda: random.random((n, number)),
        "ties": lambda: random.integers(1, 4, (n, number)).astype(float),
        "constant": lambda: np.ones((n, number)),
        "certain": lambda: np.eye(number)[random.integers(0, number, n)],
        "tiny": lambda: 10.0 ** random.uniform(-300, 0, (n, number)),
        "near": lambda: 1 + random.integers(0, 3, (n, number)) * 2.3e-16,
    }[style]()
    proba = raw / raw.sum(axis=1, keepdims=True)
    weights = draw(st.sampled_from([None, "random", "zeros", "whole"]))
    weight = {
        None: lambda: None,
        "random": lambda: random.random(n) + 0.01,
        "zeros": lambda: random.integers(0, 2, n).astype(float),
        "whole": lambda: random.integers(0, 4, n),
    }[weights]()
    pos_label = draw(st.sampled_from([None, None, classes[0], classes[1], "absent"]))
    return classes, true, pred, proba, weight, pos_label, random


@FEW
@given(case=classifications(), how=st.sampled_from(["proba", "decision", "neither"]))
def test_classifiers(reference, case, how):
    classes, true, pred, proba, weight, pos_label, random = case
    X = np.zeros((len(true), 1))
    proba = proba if how == "proba" else None
    decision = np.round(random.normal(size=len(true)), 1) if how == "decision" and len(classes) == 2 else None
    evaluation = evaluate(Says(classes, pred, proba, decision), X, true, weight=weight, pos_label=pos_label)
    expected = reference.classifier(true, pred, proba, decision, classes, weight, pos_label)
    if weight is not None and not weight.any():
        assert not evaluation.metrics
        return
    # Where every row is negative, or all are alike, scikit-learn gives a value and says that it means nothing.
    for name in ("average_precision_score", "brier_score_loss"):
        if expected.get(name) is not None and f"training_{name}" in {n.what for n in evaluation.notes}:
            used = true if weight is None else true[np.asarray(weight) != 0]
            assert len(np.unique(used)) == 1 or len(np.unique(true)) == 1
            expected[name] = None
    reference.check(evaluation, expected)


@FEW
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 40),
    outputs=st.sampled_from([0, 1, 3]),
    style=st.sampled_from(["plain", "constant", "perfect", "ints", "large"]),
    weighted=st.sampled_from([None, "random", "zeros"]),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_regressors(reference, seed, n, outputs, style, weighted, dtype):
    random = np.random.default_rng(seed)
    shape = (n, outputs) if outputs else (n,)
    true = {
        "plain": lambda: random.normal(size=shape),
        "constant": lambda: np.full(shape, 3.5),
        "perfect": lambda: random.normal(size=shape),
        "ints": lambda: random.integers(0, 5, shape),
        "large": lambda: random.normal(size=shape) * 1e6 + 1e6,
    }[style]()
    pred = true.astype(dtype) if style == "perfect" else (true + random.normal(size=shape)).astype(dtype)
    weight = {
        None: lambda: None,
        "random": lambda: random.random(n) + 0.01,
        "zeros": lambda: np.append(1.0, random.integers(0, 2, n - 1)),
    }[weighted]()
    evaluation = evaluate(SaysNumbers(pred), np.zeros((n, 1)), true, weight=weight)
    expected = reference.regressor(true[:, 0] if outputs == 1 else true, pred, weight)
    expected["score"] = expected["r2_score"]
    reference.check(evaluation, {k: v for k, v in expected.items() if not (k == "score" and v is None)})


@FEW
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(2, 40),
    labels=st.integers(2, 4),
    weighted=st.booleans(),
    form=st.sampled_from(["matrix", "list", "none"]),
)
def test_multilabel(reference, seed, n, labels, weighted, form):
    from sklearn import metrics as sk

    random = np.random.default_rng(seed)
    true = random.integers(0, 2, (n, labels))
    pred = random.integers(0, 2, (n, labels))
    score = np.round(random.random((n, labels)), 1)
    weight = random.integers(0, 3, n) + 0.5 if weighted else None
    proba = {
        "matrix": score,
        "list": [np.column_stack([1 - column, column]) for column in score.T],
        "none": None,
    }[form]
    estimator = Says([np.array([0, 1])] * labels, pred, proba)
    evaluation = evaluate(estimator, np.zeros((n, 1)), true, weight=weight)
    assert evaluation.task == "multilabel"
    expected = {}
    for name in ("precision_score", "recall_score", "f1_score"):
        for average, key in (("weighted", name), ("micro", name + "_micro")):
            if average == "weighted" and not true.any():
                expected[key] = None
                continue
            expected[key] = reference.quietly(getattr(sk, name), true, pred, average=average, sample_weight=weight)
    expected["accuracy_score"] = sk.accuracy_score(true, pred, sample_weight=weight)
    expected["score"] = expected["accuracy_score"]
    expected["hamming_loss"] = sk.hamming_loss(true, pred, sample_weight=weight)
    if form != "none":
        mixed = (true.any(axis=0)).all()
        varied = not true.all(axis=0).any()
        if varied and true.any():
            expected["roc_auc"] = reference.quietly(
                sk.roc_auc_score, true, score, average="weighted", sample_weight=weight
            )
        if mixed:
            expected["average_precision_score"] = reference.quietly(
                sk.average_precision_score, true, score, sample_weight=weight
            )
    reference.check(evaluation, expected)


@pytest.mark.parametrize("style", ["continuous", "ties", "float32", "zeros"])
def test_one_versus_one_on_many_rows(reference, style):
    random = np.random.default_rng(3)
    n, number = 3_000, 7
    true = random.integers(0, number, n)
    raw = random.random((n, number)) + 2 * np.eye(number)[true] * random.random((n, 1))
    if style == "ties":
        raw = np.round(raw, 1) + 0.1
    if style == "zeros":
        raw[raw < 0.4] = 0
        raw[:, 0] += 0.1
    proba = raw / raw.sum(axis=1, keepdims=True)
    if style == "float32":
        proba = proba.astype(np.float32)
    pred = proba.argmax(axis=1)
    evaluation = evaluate(Says(np.arange(number), pred, proba), np.zeros((n, 1)), true)
    reference.check(evaluation, reference.classifier(true, pred, proba, None, np.arange(number)))


def test_scores_one_step_apart_are_not_ties(reference):
    score = np.array([0.5, np.nextafter(0.5, 1), 0.25, np.nextafter(0.25, 0), 0.0, -0.0])
    true = np.array([1, 0, 1, 0, 1, 0])
    proba = np.column_stack([1 - score, score])
    evaluation = evaluate(Says(np.array([0, 1]), true, proba), np.zeros((6, 1)), true)
    reference.check(evaluation, reference.classifier(true, true, proba, None, np.array([0, 1])))
