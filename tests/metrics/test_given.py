"""`evaluate_predictions`: every value equals scikit-learn's own function on exactly what `cross_val_predict` gave."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skribe.metrics import encode
from skribe.metrics.given import evaluate_predictions

X, codes = load_iris(return_X_y=True)
rng = np.random.default_rng(7)
X = X + rng.normal(size=X.shape)  # so that no metric is perfect
NAMES = np.array(["ant", "bee", "cat"])
THREE, TWO = NAMES[codes], NAMES[(codes > 1).astype(int)]
WEIGHT = rng.random(len(X)) * (rng.random(len(X)) > 0.1)
D, t = load_diabetes(return_X_y=True)
LABELS = {"accuracy_score", "balanced_accuracy_score", "f1_score", "matthews_corrcoef", "precision_score"}
SCORES = {"roc_auc", "average_precision_score", "brier_score_loss", "log_loss"}


def predicted(estimator: Any, X: Any, y: Any, method: str = "predict", cv: Any = 3) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cross_val_predict(estimator, X, y, method=method, cv=cv)


def values(evaluation: Any) -> dict[str, float]:
    assert all(metric.key.startswith("cv_") for metric in evaluation.metrics)
    return {metric.key.removeprefix("cv_"): metric.value for metric in evaluation.metrics}


def noted(evaluation: Any) -> set[str]:
    return {note.what for note in evaluation.notes}


def likely(proba: np.ndarray, y: Any) -> Any:
    return np.unique(y)[proba.argmax(axis=1)]


@pytest.mark.parametrize(
    "y", [TWO, THREE, codes, codes.astype(float), codes == 1, pd.Series(THREE), TWO.astype(object)]
)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_labels(reference: Any, y: Any, weight: Any) -> None:
    pred = predicted(KNeighborsClassifier(), X, y)
    evaluation = evaluate_predictions(KNeighborsClassifier(), y, pred, "predict", weight=weight)
    reference.check(evaluation, reference.classifier(y, pred, classes=np.unique(y), weight=weight), "cv_")
    assert set(values(evaluation)) == LABELS | {"recall_score"}
    assert (evaluation.rows, evaluation.task) == (150, "multiclass" if len(np.unique(y)) > 2 else "binary")
    assert evaluation.notes == ()


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("pos_label", [None, "ant", "bee", "wasp"])
def test_probabilities(reference: Any, y: Any, weight: Any, pos_label: Any) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    proba = predicted(model, X, y, "predict_proba")
    evaluation = evaluate_predictions(
        model, y, proba, "predict_proba", weight=weight, pos_label=pos_label, labels=encode(y)
    )
    expected = reference.classifier(y, likely(proba, y), proba, None, np.unique(y), weight, pos_label)
    reference.check(evaluation, expected, "cv_")
    assert "log_loss" in values(evaluation)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("pos_label", [None, "ant"])
def test_decisions_between_two_classes(reference: Any, weight: Any, pos_label: Any) -> None:
    decision = predicted(RidgeClassifier(), X, TWO, "decision_function")
    evaluation = evaluate_predictions(
        RidgeClassifier(), TWO, decision, "decision_function", weight=weight, pos_label=pos_label
    )
    pred = predicted(RidgeClassifier(), X, TWO)  # the same models, asked for labels
    expected = reference.classifier(TWO, pred, None, decision, np.unique(TWO), weight, pos_label)
    reference.check(evaluation, expected, "cv_")
    assert values(evaluation)["roc_auc"] == pytest.approx(sk.roc_auc_score(TWO, decision, sample_weight=weight))


def test_decisions_among_several_classes() -> None:
    decision = predicted(RidgeClassifier(), X, THREE, "decision_function")
    evaluation = evaluate_predictions(RidgeClassifier(), THREE, decision, "decision_function")
    assert values(evaluation)["accuracy_score"] == sk.accuracy_score(THREE, predicted(RidgeClassifier(), X, THREE))
    assert "cv_roc_auc" in noted(evaluation)
    assert evaluation.predictions.y_score is not None


def test_pairs_of_classes_are_not_taken_for_classes() -> None:
    for shape, kept in (("ovo", False), ("ovr", True)):
        model = SVC(decision_function_shape=shape)
        decision = predicted(model, X, THREE, "decision_function")
        assert decision.shape == (150, 3)
        evaluation = evaluate_predictions(model, THREE, decision, "decision_function")
        assert (evaluation.predictions.y_score is not None) == kept
        assert values(evaluation) == {}


@pytest.mark.parametrize(
    "model",
    [
        SVC(probability=False),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}),
        KNeighborsClassifier(),
        type("Mine", (LogisticRegression,), {})(),
    ],
)
@pytest.mark.parametrize("method", ["decision_function", "predict_proba"])
def test_labels_that_do_not_surely_follow(model: Any, method: str) -> None:
    if not hasattr(model, method):
        pytest.skip("no such method")
    response = predicted(model, X, TWO, method)
    evaluation = evaluate_predictions(model, TWO, response, method)
    score = response if method == "decision_function" else response[:, 1]
    assert values(evaluation)["roc_auc"] == pytest.approx(sk.roc_auc_score(TWO, score))
    assert not LABELS & set(values(evaluation))
    assert "cv_metrics" in noted(evaluation)
    assert evaluation.predictions.y_pred is None


@pytest.mark.parametrize(
    "model", [DecisionTreeClassifier(random_state=0), RandomForestClassifier(5, random_state=0), GaussianNB()]
)
def test_labels_that_follow_from_probabilities(model: Any) -> None:
    proba = predicted(model, X, codes, "predict_proba")
    evaluation = evaluate_predictions(model, codes, proba, "predict_proba")
    assert values(evaluation)["accuracy_score"] == sk.accuracy_score(codes, predicted(model, X, codes))


def test_nearly_equal_probabilities_leave_the_label_open() -> None:
    proba = predicted(LogisticRegression(), X, TWO, "predict_proba")
    assert "accuracy_score" in values(evaluate_predictions(LogisticRegression(), TWO, proba, "predict_proba"))
    proba[3] = [0.5 + 1e-13, 0.5 - 1e-13]
    evaluation = evaluate_predictions(LogisticRegression(), TWO, proba, "predict_proba")
    assert set(values(evaluation)) == SCORES
    proba = predicted(DecisionTreeClassifier(), X, TWO, "predict_proba")
    proba[3] = 0  # the arg-max is a class that its fold may not have had
    assert not LABELS & set(values(evaluate_predictions(DecisionTreeClassifier(), TWO, proba, "predict_proba")))


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_logarithms(y: Any, weight: Any) -> None:
    model = LogisticRegression(max_iter=500)
    logs = predicted(model, X, y, "predict_log_proba")
    evaluation = evaluate_predictions(model, y, logs, "predict_log_proba", weight=weight)
    found = values(evaluation)
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, np.exp(logs), sample_weight=weight), rel=1e-12)
    proba = predicted(model, X, y, "predict_proba")
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, proba, sample_weight=weight), rel=1e-9)
    assert found["accuracy_score"] == pytest.approx(sk.accuracy_score(y, likely(proba, y), sample_weight=weight))
    if len(np.unique(y)) == 2:
        assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, logs[:, 1], sample_weight=weight))
        assert "cv_brier_score_loss" in noted(evaluation)
    else:
        assert "cv_roc_auc" in noted(evaluation)


def test_logarithms_that_are_not_of_probabilities() -> None:
    logs = predicted(LogisticRegression(), X, TWO, "predict_log_proba") + 0.01
    evaluation = evaluate_predictions(LogisticRegression(), TWO, logs, "predict_log_proba")
    assert "log_loss" not in values(evaluation)
    assert "cv_log_loss" in noted(evaluation)


def test_a_class_that_a_fold_has_not_seen() -> None:
    order = np.argsort(codes, kind="stable")
    thirds = KFold(3)
    response = predicted(GaussianNB(), X[order], THREE[order], "predict_proba", thirds)
    assert (response == 0).any()
    evaluation = evaluate_predictions(GaussianNB(), THREE[order], response, "predict_proba")
    pred = predicted(GaussianNB(), X[order], THREE[order], "predict", thirds)
    found = values(evaluation)
    assert found["accuracy_score"] == sk.accuracy_score(THREE[order], pred)
    assert found["log_loss"] == pytest.approx(sk.log_loss(THREE[order], response))


@pytest.mark.parametrize("weight", [None, rng.random(len(D))], ids=["plain", "weighted"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers(reference: Any, weight: Any, outputs: int) -> None:
    y = t if outputs == 1 else np.column_stack([t, t**2])
    pred = predicted(LinearRegression(), D, y)
    evaluation = evaluate_predictions(LinearRegression(), pd.DataFrame(y), pred, "predict", weight=weight)
    reference.check(evaluation, reference.regressor(y, pred, weight), "cv_")
    assert (evaluation.task, evaluation.rows) == ("regression", len(D))


MANY = np.column_stack([codes == 0, codes > 0, rng.random(150) > 0.5]).astype(int)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("form", ["labels", "list", "matrix"])
def test_several_labels(form: str, weight: Any) -> None:
    model = MLPClassifier((3,), max_iter=5) if form == "matrix" else MultiOutputClassifier(GaussianNB())
    method = "predict" if form == "labels" else "predict_proba"
    response = predicted(model, X, MANY, method)
    evaluation = evaluate_predictions(model, MANY, response, method, weight=weight)
    found = values(evaluation)
    if form == "labels":
        assert found["accuracy_score"] == pytest.approx(sk.accuracy_score(MANY, response, sample_weight=weight))
        expected = sk.f1_score(MANY, response, average="weighted", sample_weight=weight)
        assert found["f1_score"] == pytest.approx(expected)
        return
    score = np.column_stack([part[:, 1] for part in response]) if form == "list" else response
    given = {"average": "weighted", "sample_weight": weight}
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(MANY, score, **given))
    assert set(found) == {"roc_auc", "average_precision_score"}
    assert {"cv_log_loss", "cv_metrics"} <= noted(evaluation)


def test_a_label_that_every_row_has() -> None:
    y = np.column_stack([np.ones(150, dtype=int), codes == 1])
    response = predicted(MultiOutputClassifier(DecisionTreeClassifier(random_state=0)), X, y, "predict_proba")
    assert response[0].shape == (150, 1)
    evaluation = evaluate_predictions(MultiOutputClassifier(GaussianNB()), y, response, "predict_proba")
    expected = sk.average_precision_score(y, np.column_stack([np.ones(150), response[1][:, 1]]))
    assert values(evaluation) == {"average_precision_score": pytest.approx(expected)}
    assert "cv_roc_auc" in noted(evaluation)


def test_several_outputs_of_several_classes() -> None:
    y = np.column_stack([codes, (codes + 1) % 3])
    model = MultiOutputClassifier(GaussianNB())
    pred = predicted(model, X, y)
    found = values(evaluate_predictions(model, y, pred, "predict"))
    assert found["accuracy_score"] == (pred == y).all(axis=1).mean()
    assert values(evaluate_predictions(model, y, predicted(model, X, y, "predict_proba"), "predict_proba")) == {}
    wrong = evaluate_predictions(MultiOutputClassifier(GaussianNB()), MANY, MANY + 0.4, "predict")
    assert values(wrong) == {}
    assert noted(wrong) == {"cv_metrics"}


def test_rows_without_a_label() -> None:
    model, y = SelfTrainingClassifier(LogisticRegression(max_iter=500)), np.where(rng.random(150) < 0.3, -1, codes)
    pred = predicted(model, X, y)
    evaluation = evaluate_predictions(model, y, pred, "predict", weight=WEIGHT)
    kept = y != -1
    expected = sk.accuracy_score(y[kept], pred[kept], sample_weight=WEIGHT[kept])
    assert values(evaluation)["accuracy_score"] == pytest.approx(expected)
    assert evaluation.rows == kept.sum()
    search = GridSearchCV(model, {"threshold": [0.7]})
    for each in (model, search, make_pipeline(StandardScaler(), model)):
        evaluation = evaluate_predictions(each, y, np.full((150, 4), 0.25), "predict_proba")
        assert evaluation.metrics == ()
        assert noted(evaluation) == {"cv_metrics"}
    # Elsewhere -1 is a class like any other.
    signs = np.where(codes == 1, 1, -1)
    assert evaluate_predictions(GaussianNB(), signs, signs, "predict").rows == 150


def test_outliers_and_others() -> None:
    pred = predicted(IsolationForest(random_state=0), X, None)
    evaluation = evaluate_predictions(IsolationForest(), None, pred, "predict")
    assert values(evaluation) == {"outlier_fraction": np.mean(pred == -1)}
    for model in (KMeans(2), StandardScaler(), BaseEstimator()):
        evaluation = evaluate_predictions(model, codes, codes, "predict")
        assert (evaluation.metrics, noted(evaluation)) == ((), {"cv_metrics"})


class Silent:
    """A classifier that tells its kind to nobody."""

    def fit(self, X: Any, y: Any) -> Any:
        raise AssertionError("asked")

    predict = predict_proba = score = get_params = fit


class Loud(ClassifierMixin, BaseEstimator):
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked")

    def predict(self, X: Any) -> Any:
        raise AssertionError("asked")

    fit = predict_proba = decision_function = score = predict


def test_nobody_is_asked() -> None:
    proba = predicted(GaussianNB(), X, TWO, "predict_proba")
    for model in (Silent(), Loud()):
        evaluation = evaluate_predictions(model, TWO, proba, "predict_proba")
        assert values(evaluation)["log_loss"] == pytest.approx(sk.log_loss(TWO, proba))
        assert set(values(evaluation)) == SCORES


@pytest.mark.parametrize(
    ("y", "response", "method"),
    [
        (None, TWO, "predict"),
        (TWO, TWO[:-1], "predict"),
        (TWO, None, "predict"),
        (TWO, [], "predict"),
        (TWO, [1, 2], "predict"),
        (TWO, codes, "predict"),
        (np.full(150, np.nan), codes, "predict"),
        (rng.random(150), codes, "predict"),
        (TWO, np.zeros((150, 5)), "predict_proba"),
        (TWO, np.full((150, 2), np.nan), "predict_proba"),
        (TWO, np.full(150, np.inf), "decision_function"),
        (TWO, np.zeros((150, 2, 2)), "predict_proba"),
        (TWO, np.full((150, 2), -np.inf), "predict_log_proba"),
        (np.array(["ant"] * 150), np.ones((150, 1)), "predict_proba"),
        (np.array(["ant"] * 150), np.ones(150), "decision_function"),
        (MANY, np.zeros((150, 2)), "decision_function"),
        (TWO, TWO.tolist(), "transform"),
        (object(), object(), "predict"),
    ],
)
def test_what_is_undefined_is_absent_with_a_note(y: Any, response: Any, method: str) -> None:
    evaluation = evaluate_predictions(LogisticRegression(), y, response, method)
    assert not set(values(evaluation)) & {"roc_auc", "log_loss", "f1_score"}
    assert evaluation.notes


@pytest.mark.parametrize("weight", [np.zeros(150), np.full(150, np.nan), np.ones(3), "heavy"])
def test_weights_that_cannot_be_used(weight: Any) -> None:
    proba = predicted(GaussianNB(), X, TWO, "predict_proba")
    evaluation = evaluate_predictions(GaussianNB(), TWO, proba, "predict_proba", weight=weight)
    assert np.isscalar(weight) or (evaluation.metrics == () and noted(evaluation) == {"cv_metrics"})


def test_nothing_is_changed_and_the_prefix_is_free() -> None:
    proba, y = predicted(GaussianNB(), X, TWO, "predict_proba"), TWO.copy()
    for array in (proba, y):
        array.flags.writeable = False
    state = np.random.get_state(legacy=False)["state"]["pos"]
    evaluation = evaluate_predictions(GaussianNB(), y, proba, "predict_proba", prefix="oof_")
    assert {metric.key[:4] for metric in evaluation.metrics} == {"oof_"}
    assert np.random.get_state(legacy=False)["state"]["pos"] == state


def test_a_million_rows() -> None:
    n = 1_000_000
    score, true = rng.random(n), rng.integers(0, 2, n)
    start = time.perf_counter()
    evaluation = evaluate_predictions(GaussianNB(), true, np.column_stack([1 - score, score]), "predict_proba")
    assert time.perf_counter() - start < 3
    assert len(evaluation.metrics) == 10
