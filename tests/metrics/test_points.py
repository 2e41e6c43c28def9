"""`curves_of`: scikit-learn's curves and tables from an evaluation's arrays, thinned so that nobody can see it."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from skribe.metrics import Evaluation, Predictions, evaluate
from skribe.metrics.given import evaluate_predictions
from skribe.metrics.points import curves_of

rng = np.random.default_rng(5)
NAMES = np.array(["ant", "bee", "cat"])
MODEL = RandomForestClassifier()  # its labels are the arg-max of its probabilities
FAR = 1 / 2000 + 2e-5  # half a pixel, and what rounding to five decimals adds


def drawn(y: Any, response: Any, method: str, model: Any = MODEL, pos_label: Any = None, weight: Any = None) -> Any:
    evaluation = evaluate_predictions(model, y, response, method, weight=weight, pos_label=pos_label)
    return checked(curves_of(evaluation, pos_label=pos_label))


def checked(found: Any) -> Any:
    assert found == json.loads(json.dumps(found, allow_nan=False)), "not fit for JSON"
    return found


def problem(n: int, classes: int, style: str = "continuous") -> tuple[Any, Any]:
    true = rng.integers(0, classes, n)
    raw = rng.random((n, classes)) + np.eye(classes)[true] * rng.random((n, 1))
    if style == "ties":
        raw = np.round(raw, 1) + 0.1
    return true, raw / raw.sum(axis=1, keepdims=True)


def distance(points: Any, line: Any) -> float:
    """How far the farthest of the points is from a line through the others."""
    worst = 0.0
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-300)
    for point in points:
        along = np.clip(((point - start) * step).sum(axis=1) / length, 0, 1)
        worst = max(worst, float(((start + along[:, None] * step - point) ** 2).sum(axis=1).min()))
    return worst**0.5


def check(found: Any, true: Any, score: Any, pos_label: Any = 1, weight: Any = None) -> None:
    """The areas are scikit-learn's; its points lie on our line, and ours on its line."""
    roc, recalls = found
    positive = np.asarray(true) == pos_label
    fpr, tpr, _ = sk.roc_curve(positive, score, sample_weight=weight, drop_intermediate=False)
    assert roc["auc"] == pytest.approx(sk.roc_auc_score(positive, score, sample_weight=weight), abs=1e-12)
    ours = np.column_stack((roc["fpr"], roc["tpr"]))
    same_line(ours, np.column_stack((fpr, tpr)))
    assert roc["thresholds"][0] is None
    precision, recall, _ = sk.precision_recall_curve(positive, score, sample_weight=weight)
    expected = sk.average_precision_score(positive, score, sample_weight=weight)
    assert recalls["average_precision"] == pytest.approx(expected, abs=1e-12)
    lines = np.column_stack((recalls["recall"], recalls["precision"]))
    same_line(lines, np.column_stack((recall, precision)))
    assert recalls["thresholds"][-1] is None
    assert roc["points"] >= len(roc["fpr"]) == len(roc["tpr"]) == len(roc["thresholds"])
    assert recalls["points"] == len(recall)
    share = np.average(positive, weights=weight)
    assert roc["share"] == recalls["share"] == pytest.approx(share, abs=1e-6)


def same_line(ours: Any, theirs: Any) -> None:
    many = theirs if len(theirs) < 400 else theirs[rng.integers(0, len(theirs), 400)]
    assert distance(many, ours if len(ours) > 1 else np.repeat(ours, 2, axis=0)) <= FAR
    assert distance(ours, theirs) <= FAR
    assert np.allclose(ours[[0, -1]], theirs[[0, -1]], atol=1e-5)


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
    (roc,), (recalls,) = found["roc"]["curves"], found["precision_recall"]["curves"]
    assert roc["class"] == recalls["class"] == (pos_label or "bee")
    check((roc, recalls), true, proba[:, 0 if pos_label == "ant" else 1], pos_label or "bee", weight)
    pred = NAMES[proba.argmax(axis=1)]
    assert found["confusion_matrix"]["counts"] == sk.confusion_matrix(true, pred, sample_weight=weight).tolist()
    decision = proba[:, 1] - 0.5
    found = drawn(true, decision, "decision_function", LogisticRegression(), pos_label, weight)
    score = -decision if pos_label == "ant" else decision
    pair = found["roc"]["curves"][0], found["precision_recall"]["curves"][0]
    check(pair, true, score, pos_label or "bee", weight)
    assert "calibration" not in found


SCORES = st.one_of(
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.floats(0, 1, allow_subnormal=False),
    st.floats(-1e6, 1e6, allow_subnormal=False),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(SCORES, st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 3.0])), min_size=0, max_size=60),
    st.booleans(),
)
def test_ties_constant_scores_weights_and_tiny_classes(rows: Any, weighted: bool) -> None:
    rows = [*rows, (0.5, True, 1.0), (0.5, False, 1.0)]
    score, true, weight = (np.array(column) for column in zip(*rows, strict=True))
    weight = weight if weighted else None
    pred = (score > 0).astype(np.intp)
    given = Predictions(true.astype(np.intp), pred, score, np.array([0, 1]), weight)
    found = checked(curves_of(Evaluation((), (), "binary", len(true), given)))
    check((found["roc"]["curves"][0], found["precision_recall"]["curves"][0]), true, score, True, weight)
    for limit, rate in zip(
        found["roc"]["curves"][0]["thresholds"][1:], found["roc"]["curves"][0]["tpr"][1:], strict=True
    ):
        passed = np.average(score[true] >= limit, weights=None if weight is None else weight[true])
        assert passed >= rate - 1e-5, "a threshold keeps out the score that it belongs to"


@pytest.mark.parametrize("gap", [0.0, 0.3, 1.0, 4.0])
def test_many_rows_are_thinned_to_few_points(gap: float) -> None:
    true = rng.integers(0, 2, 30_000)
    score = 1 / (1 + np.exp(-rng.normal(gap * true - gap / 2)))
    found = drawn(true, np.column_stack((1 - score, score)), "predict_proba")
    pair = found["roc"]["curves"][0], found["precision_recall"]["curves"][0]
    check(pair, true, score)
    assert len(pair[0]["fpr"]) <= 1000  # of 15000: pure noise has that many corners half a pixel high
    assert len(pair[1]["recall"]) <= 1500
    assert len(json.dumps(found)) < 70_000


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_several_classes_are_drawn_one_against_the_rest_and_averaged(method: str) -> None:
    codes, proba = problem(200, 3)
    score = proba if method == "predict_proba" else np.log(proba)
    found = drawn(NAMES[codes], score, method)
    *curves, micro, macro = found["roc"]["curves"]
    *recalls, micro_recall = found["precision_recall"]["curves"]
    assert [curve["class"] for curve in curves] == NAMES.tolist()
    for k, pair in enumerate(zip(curves, recalls, strict=True)):
        check(pair, (codes == k).astype(int), score[:, k])
    flags = np.eye(3)[codes]
    assert (micro["average"], macro["average"], micro_recall["average"]) == ("micro", "macro", "micro")
    check((micro, micro_recall), flags.ravel(), score.ravel())
    if method == "predict_proba":
        expected = sk.roc_auc_score(codes, proba, multi_class="ovr", average="macro")
        assert macro["auc"] == pytest.approx(expected, abs=1e-12)
    expected = sk.average_precision_score(flags, score, average="macro")
    assert found["precision_recall"]["macro_average_precision"] == pytest.approx(expected, abs=1e-12)
    assert sk.auc(macro["fpr"], macro["tpr"]) == pytest.approx(macro["auc"], abs=1e-3)
    expected = sk.confusion_matrix(NAMES[codes], NAMES[proba.argmax(axis=1)])
    assert found["confusion_matrix"] == {"labels": NAMES.tolist(), "counts": expected.tolist()}


@pytest.mark.parametrize("weighted", [False, True])
def test_calibration_is_that_of_scikit_learn(weighted: bool) -> None:
    codes, proba = problem(500, 3, "ties")
    weight = rng.integers(1, 4, 500) if weighted else None
    found = drawn(codes, proba, "predict_proba", weight=weight)
    assert len(found["calibration"]["curves"]) == 3
    repeats = np.ones(500, dtype=int) if weight is None else weight
    for k, curve in enumerate(found["calibration"]["curves"]):
        true, score = np.repeat(codes == k, repeats), np.repeat(proba[:, k], repeats)
        observed, predicted = calibration_curve(true, score, n_bins=10)
        assert [value for value in curve["observed"] if value is not None] == pytest.approx(observed, abs=1e-5)
        assert [value for value in curve["predicted"] if value is not None] == pytest.approx(predicted, abs=1e-5)
        assert sum(curve["counts"]) == len(true)
        assert [value is None for value in curve["observed"]] == [count == 0 for count in curve["counts"]]


REPORTS = {"macro": "macro avg", "weighted": "weighted avg", "micro": "micro avg", "samples": "samples avg"}


def same_report(found: Any, expected: Any) -> None:
    columns = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
    for row, label in enumerate(found["labels"]):
        for ours, theirs in columns.items():
            assert found[ours][row] == pytest.approx(expected[str(label)][theirs], abs=1e-12)
    for average, values in found["averages"].items():
        for ours, value in values.items():
            assert value == pytest.approx(expected[REPORTS[average]][columns[ours]], abs=1e-12)
    if "accuracy" in found:
        assert found["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_report_is_that_of_scikit_learn(weighted: bool) -> None:
    true, pred = NAMES[rng.integers(0, 2, 60)], NAMES[rng.integers(0, 3, 60)]
    weight = rng.random(60) if weighted else None
    found = drawn(true, pred, "predict", weight=weight)["class_report"]
    same_report(found, sk.classification_report(true, pred, sample_weight=weight, output_dict=True, zero_division=0))
    true, pred = rng.integers(0, 2, (2, 60, 3))
    true[:5] = pred[3:8] = 0
    given = Predictions(true, pred, None, None, weight)
    found = checked(curves_of(Evaluation((), (), "multilabel", 60, given)))["class_report"]
    assert set(found["averages"]) == set(REPORTS)
    same_report(found, sk.classification_report(true, pred, sample_weight=weight, output_dict=True, zero_division=0))


def test_of_many_classes_the_most_frequent() -> None:
    codes, proba = problem(2000, 150)
    found = drawn(codes, proba, "predict_proba")
    counts = np.bincount(codes)
    assert len(found["roc"]["curves"]) == len(found["precision_recall"]["curves"]) == 20
    shown = [curve["class"] for curve in found["roc"]["curves"]]
    assert counts[shown].min() >= np.delete(counts, shown).max()
    assert set(found["absent"]) == {"roc", "confusion_matrix", "class_report", "calibration"}
    assert set(found) == {"roc", "precision_recall", "absent"}


def test_several_labels() -> None:
    true, score = rng.integers(0, 2, (100, 3)), rng.random((100, 3))
    true[:, 1] = 0
    model = MultiOutputClassifier(LogisticRegression())
    found = drawn(true, score, "predict_proba", model)
    assert [curve["class"] for curve in found["roc"]["curves"]] == [0, 2]
    for k, *pair in zip((0, 2), found["roc"]["curves"], found["precision_recall"]["curves"], strict=True):
        check(pair, true[:, k], score[:, k])
    assert set(found["absent"]) == {"roc.1", "roc.average"}
    true[:50, 1] = 1
    *_, micro, macro = drawn(true, score, "predict_proba", model)["roc"]["curves"]
    for curve, average in ((micro, "micro"), (macro, "macro")):
        assert curve["auc"] == pytest.approx(sk.roc_auc_score(true, score, average=average), abs=1e-12)


def test_labels_alone_have_tables_only() -> None:
    true, pred = NAMES[rng.integers(0, 2, 50)], NAMES[rng.integers(0, 3, 50)]
    weight = rng.random(50)
    found = drawn(true, pred, "predict", weight=weight)
    assert set(found) == {"confusion_matrix", "class_report"}
    assert found["confusion_matrix"]["labels"] == NAMES.tolist()
    expected = sk.confusion_matrix(true, pred, sample_weight=weight)
    assert np.allclose(found["confusion_matrix"]["counts"], expected, rtol=1e-12)
    # A label that is only predicted comes where it belongs, not where it was first seen.
    found = drawn(np.array([5, 9, 5]), np.array([7, 9, 5]), "predict")
    expected = sk.confusion_matrix([5, 9, 5], [7, 9, 5]).tolist()
    assert found["confusion_matrix"] == {"labels": [5, 7, 9], "counts": expected}


@pytest.mark.parametrize(
    ("y", "response", "method", "absent"),
    [
        (np.zeros(9, dtype=int), np.ones((9, 1)), "predict_proba", {"roc.0"}),
        (np.arange(9) % 2, np.full((9, 2), np.inf), "predict_log_proba", {"roc.1", "calibration"}),
        (np.arange(9) % 2, np.zeros((9, 3)), "predict_proba", {"roc"}),
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
    assert len(json.dumps(found)) < 50_000


def test_an_evaluation_of_training_data_is_drawn_as_well() -> None:
    codes, proba = problem(60, 2)
    model = LogisticRegression().fit(proba, NAMES[codes])
    found = curves_of(evaluate(model, proba, NAMES[codes]))
    score = model.predict_proba(proba)[:, 1]
    check((found["roc"]["curves"][0], found["precision_recall"]["curves"][0]), codes, score)
    values = LinearRegression().fit(proba, codes)
    assert set(curves_of(evaluate(values, proba, codes.astype(float)))) == {"residuals", "predicted_vs_actual", "qq"}
