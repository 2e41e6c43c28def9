"""`curves_of`: points of scikit-learn's own curves, and its confusion matrix, from the arrays of an evaluation."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from skribe.metrics import evaluate
from skribe.metrics.given import evaluate_predictions
from skribe.metrics.points import curves_of

rng = np.random.default_rng(5)
NAMES = np.array(["ant", "bee", "cat"])
MODEL = RandomForestClassifier()  # its labels are the arg-max of its probabilities


def drawn(y: Any, response: Any, method: str, model: Any = MODEL, pos_label: Any = None, weight: Any = None) -> Any:
    evaluation = evaluate_predictions(model, y, response, method, weight=weight, pos_label=pos_label)
    found = curves_of(evaluation, pos_label=pos_label)
    assert found == json.loads(json.dumps(found, allow_nan=False)), "not fit for JSON"
    return found


def problem(n: int, classes: int, style: str = "continuous") -> tuple[Any, Any]:
    true = rng.integers(0, classes, n)
    raw = rng.random((n, classes)) + np.eye(classes)[true] * rng.random((n, 1))
    if style == "ties":
        raw = np.round(raw, 1) + 0.1
    return true, raw / raw.sum(axis=1, keepdims=True)


def check(found: Any, true: Any, score: Any, pos_label: Any, weight: Any = None) -> None:
    """Every point is one of scikit-learn's, in its order; all of them where there are few."""
    roc, recalls = found
    fpr, tpr, limits = sk.roc_curve(true, score, pos_label=pos_label, sample_weight=weight)
    expected = list(zip(fpr, tpr, [None, *limits[1:].tolist()], strict=True))
    compare(list(zip(roc["fpr"], roc["tpr"], roc["thresholds"], strict=True)), expected, roc["points"])
    precision, recall, limits = sk.precision_recall_curve(true, score, pos_label=pos_label, sample_weight=weight)
    expected = list(zip(precision, recall, [*limits.tolist(), None], strict=True))
    points = list(zip(recalls["precision"], recalls["recall"], recalls["thresholds"], strict=True))
    compare(points, expected, recalls["points"])


def compare(found: list[Any], expected: list[Any], points: int) -> None:
    assert points == len(expected)
    assert len(found) == len(expected) if len(expected) <= 500 else 100 < len(found) <= 500
    at = {limit: (x, y) for x, y, limit in expected}
    assert len(at) == len(expected)
    for x, y, limit in found:
        assert (x, y) == pytest.approx(at[limit], rel=1e-12, abs=1e-15)
    order = [list(at).index(limit) for _, _, limit in found]
    assert order == sorted(set(order))
    assert (order[0], order[-1]) == (0, len(expected) - 1)


@pytest.mark.parametrize("n", [2, 3, 40, 3000])
@pytest.mark.parametrize("style", ["continuous", "ties"])
@pytest.mark.parametrize("pos_label", [None, "ant", "bee"])
@pytest.mark.parametrize("weighted", [False, True])
def test_two_classes(n: int, style: str, pos_label: Any, weighted: bool) -> None:
    codes, proba = problem(n, 2, style)
    codes[:2] = [0, 1]
    weight = rng.integers(0, 3, n).astype(float) if weighted else None
    if weight is not None:
        weight[:2] = 1
    true = NAMES[codes]
    found = drawn(true, proba, "predict_proba", pos_label=pos_label, weight=weight)
    (roc,), (recalls,) = found["roc"], found["precision_recall"]
    assert roc["class"] == recalls["class"] == (pos_label or "bee")
    check((roc, recalls), true, proba[:, 0 if pos_label == "ant" else 1], pos_label or "bee", weight)
    pred = NAMES[proba.argmax(axis=1)]
    assert found["confusion_matrix"]["counts"] == sk.confusion_matrix(true, pred, sample_weight=weight).tolist()
    decision = proba[:, 1] - 0.5
    found = drawn(true, decision, "decision_function", LogisticRegression(), pos_label, weight)
    score = -decision if pos_label == "ant" else decision
    check((found["roc"][0], found["precision_recall"][0]), true, score, pos_label or "bee", weight)


def test_the_thinned_curve_has_nearly_the_area_of_the_whole() -> None:
    codes, proba = problem(50_000, 2)
    found = drawn(codes, proba, "predict_proba")
    roc, recalls = found["roc"][0], found["precision_recall"][0]
    assert sk.auc(roc["fpr"], roc["tpr"]) == pytest.approx(sk.roc_auc_score(codes, proba[:, 1]), abs=1e-4)
    area = sk.average_precision_score(codes, proba[:, 1])
    assert sk.auc(recalls["recall"], recalls["precision"]) == pytest.approx(area, abs=1e-3)


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_several_classes_are_drawn_one_against_the_rest(method: str) -> None:
    codes, proba = problem(200, 3)
    score = proba if method == "predict_proba" else np.log(proba)
    found = drawn(NAMES[codes], score, method)
    assert [curve["class"] for curve in found["roc"]] == NAMES.tolist()
    for k, pair in enumerate(zip(found["roc"], found["precision_recall"], strict=True)):
        check(pair, (codes == k).astype(int), score[:, k], 1)
    expected = sk.confusion_matrix(NAMES[codes], NAMES[proba.argmax(axis=1)])
    assert found["confusion_matrix"] == {"labels": NAMES.tolist(), "counts": expected.tolist()}


def test_of_many_classes_the_most_frequent() -> None:
    codes, proba = problem(2000, 150)
    found = drawn(codes, proba, "predict_proba")
    counts = np.bincount(codes)
    assert len(found["roc"]) == len(found["precision_recall"]) == 20
    shown = [curve["class"] for curve in found["roc"]]
    assert counts[shown].min() >= np.delete(counts, shown).max()
    assert set(found["absent"]) == {"roc", "confusion_matrix"}
    assert "confusion_matrix" not in found


def test_several_labels() -> None:
    true, score = rng.integers(0, 2, (100, 3)), rng.random((100, 3))
    true[:, 1] = 0
    found = drawn(true, score, "predict_proba", MultiOutputClassifier(LogisticRegression()))
    assert [curve["class"] for curve in found["roc"]] == [0, 2]
    for k, pair in zip((0, 2), zip(found["roc"], found["precision_recall"], strict=True), strict=True):
        check(pair, true[:, k], score[:, k], 1)
    assert set(found["absent"]) == {"roc.1"}


def test_labels_alone_have_a_table_only() -> None:
    true, pred = NAMES[rng.integers(0, 2, 50)], NAMES[rng.integers(0, 3, 50)]
    weight = rng.random(50)
    found = drawn(true, pred, "predict", weight=weight)
    assert set(found) == {"confusion_matrix"}
    assert found["confusion_matrix"]["labels"] == NAMES.tolist()
    expected = sk.confusion_matrix(true, pred, sample_weight=weight)
    assert np.allclose(found["confusion_matrix"]["counts"], expected, rtol=1e-12)
    # A label that is only predicted comes where it belongs, not where it was first seen.
    found = drawn(np.array([5, 9, 5]), np.array([7, 9, 5]), "predict")
    expected = sk.confusion_matrix([5, 9, 5], [7, 9, 5]).tolist()
    assert found["confusion_matrix"] == {"labels": [5, 7, 9], "counts": expected}


@pytest.mark.parametrize("outputs", [1, 2])
def test_residuals(outputs: int) -> None:
    true, pred = rng.normal(size=(2, 300, outputs))
    found = drawn(true, pred, "predict", LinearRegression())
    left = true - pred
    values = np.quantile(left, found["residuals"]["quantiles"], axis=0).T
    assert np.allclose(found["residuals"]["values"], values[0] if outputs == 1 else values, rtol=1e-12)
    assert set(found) == {"residuals"}
    true[0] = np.nan
    assert drawn(true, pred, "predict", LinearRegression()) == {}


@pytest.mark.parametrize(
    ("y", "response", "method", "absent"),
    [
        (np.zeros(9, dtype=int), np.ones((9, 1)), "predict_proba", {"roc.0"}),
        (np.arange(9) % 2, np.full((9, 2), np.inf), "predict_log_proba", {"roc.1"}),
        (np.arange(9) % 2, np.zeros((9, 3)), "predict_proba", set()),
        (None, np.zeros((9, 3)), "predict_proba", set()),
    ],
)
def test_what_cannot_be_drawn(y: Any, response: Any, method: str, absent: set[str]) -> None:
    found = drawn(y, response, method)
    assert not {"roc", "precision_recall"} & set(found)
    assert set(found.get("absent", ())) == absent


def test_a_positive_label_that_is_not_there_and_negative_weights() -> None:
    codes, proba = problem(50, 2)
    assert drawn(codes, proba, "predict_proba", pos_label=7)["absent"].keys() == {"roc"}
    weight = np.ones(50)
    weight[0] = -1
    assert "roc" not in drawn(codes, proba, "predict_proba", weight=weight)


def test_a_million_rows() -> None:
    codes, proba = problem(1_000_000, 2)
    evaluation = evaluate_predictions(MODEL, codes, proba, "predict_proba")
    start = time.perf_counter()
    found = curves_of(evaluation)
    assert time.perf_counter() - start < 3
    assert len(json.dumps(found)) < 100_000


def test_an_evaluation_of_training_data_is_drawn_as_well() -> None:
    codes, proba = problem(60, 2)
    model = LogisticRegression().fit(proba, NAMES[codes])
    found = curves_of(evaluate(model, proba, NAMES[codes]))
    check((found["roc"][0], found["precision_recall"][0]), codes, model.predict_proba(proba)[:, 1], 1)
