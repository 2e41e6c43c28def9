"""Each kind of task, and the estimators that need a second thought."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.covariance import EllipticEnvelope, EmpiricalCovariance
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import NMF, PCA, FactorAnalysis
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Ridge
from sklearn.manifold import MDS, Isomap
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation, SelfTrainingClassifier
from sklearn.svm import SVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from skribe.metrics import encode, evaluate

IRIS = load_iris(return_X_y=True)


def _arrow():
    return pytest.importorskip("pyarrow", exc_type=ImportError)


def values(evaluation):
    return {metric.key.removeprefix("training_"): metric.value for metric in evaluation.metrics}


def reasons(evaluation):
    return {note.what: note.reason for note in evaluation.notes}


# --- searches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring", [None, "accuracy", "roc_auc", "neg_log_loss", "f1", "neg_brier_score", "average_precision"]
)
@pytest.mark.parametrize("model", [LogisticRegression(max_iter=5000), SVC()], ids=["logistic", "svc"])
def test_the_score_of_a_search_is_that_of_its_scorer(scoring, model, monkeypatch, reference):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    if scoring in ("neg_log_loss", "neg_brier_score") and isinstance(model, SVC):
        pytest.skip("needs probabilities")
    search = GridSearchCV(model, {"C": [0.1, 1.0]}, scoring=scoring, cv=2).fit(X, y)
    expected = search.score(X, y)
    calls = []
    for name in ("predict", "predict_proba", "decision_function"):
        original = getattr(type(model), name, None)
        if callable(original) and name in ("predict", "decision_function"):
            monkeypatch.setattr(type(model), name, lambda self, X, o=original, n=name: calls.append(n) or o(self, X))
    found = values(evaluate(search, X, y))
    assert found["score"] == pytest.approx(expected, abs=1e-12)
    assert calls.count("predict") <= 1


def test_a_search_of_several_metrics_and_one_with_a_function():
    X, y = IRIS
    search = RandomizedSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2]},
        n_iter=2,
        scoring=["accuracy", "f1_macro"],
        refit="f1_macro",
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert values(evaluate(search, X, y))["score"] == pytest.approx(search.score(X, y), abs=1e-12)
    free = GridSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": [2]}, scoring=lambda e, X, y: 0.25, cv=2
    ).fit(X, y)
    assert "score" not in values(evaluate(free, X, y))


def test_the_score_of_a_weighted_search_is_not_weighted():
    X, y = IRIS
    weight = np.linspace(0, 1, len(y))
    search = GridSearchCV(DecisionTreeClassifier(max_depth=1), {"min_samples_leaf": [1]}, cv=2).fit(X, y)
    found = values(evaluate(search, X, y, weight=weight))
    assert found["score"] == pytest.approx(search.score(X, y), abs=1e-12)
    pred = search.predict(X)
    assert found["accuracy_score"] == pytest.approx(sk.accuracy_score(y, pred, sample_weight=weight), abs=1e-12)
    assert found["accuracy_score"] != found["score"]


def test_a_search_of_a_regressor_in_a_pipeline():
    X, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1.0]}, scoring="neg_mean_squared_error", cv=2
    ).fit(X, y)
    found = values(evaluate(search, X, y))
    assert found["score"] == pytest.approx(search.score(X, y), rel=1e-12)
    assert found["r2_score"] == pytest.approx(sk.r2_score(y, search.predict(X)), rel=1e-12)


def test_a_search_that_was_not_refitted_has_notes():
    X, y = IRIS
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [2]}, cv=2, refit=False).fit(X, y)
    evaluation = evaluate(search, X, y)
    assert not evaluation.metrics
    assert reasons(evaluation)


def test_logistic_regression_with_its_own_scoring():
    X, y = IRIS
    options = {"scoring": "neg_log_loss", "max_iter": 2000, "cv": 2, "Cs": 2}
    model = LogisticRegressionCV(**options)
    if "use_legacy_attributes" in model.get_params():
        model.set_params(use_legacy_attributes=False, l1_ratios=(0,))
    model.fit(X, y)
    weight = np.linspace(1, 2, len(y))
    found = values(evaluate(model, X, y, weight=weight))
    assert found["score"] == pytest.approx(model.score(X, y, sample_weight=weight), rel=1e-12)


# --- labels read off the probabilities ----------------------------------------------------------------------------


def test_a_subclass_is_asked_itself(reference):
    class Contrary(LogisticRegression):
        def predict(self, X):
            return self.classes_[::-1][super().predict(X)]

    X, y = IRIS
    model = Contrary(max_iter=500).fit(X, y)
    expected = reference.classifier(y, model.predict(X), model.predict_proba(X), None, model.classes_)
    reference.check(evaluate(model, X, y), expected)


def test_a_predict_of_the_instance_is_asked_itself():
    X, y = IRIS
    model = LogisticRegression(max_iter=500).fit(X, y)
    model.predict = lambda X: np.full(len(X), 2)
    assert values(evaluate(model, X, y))["accuracy_score"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e-9])
def test_near_ties_are_asked_about_again(scale, reference):
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 2))
    y = (X[:, 0] > 0).astype(int)
    model = LogisticRegression().fit(X, y)
    model.coef_ = model.coef_ * scale  # far too certain, or hardly at all
    model.intercept_ = np.zeros(1)
    expected = reference.classifier(y, model.predict(X), model.predict_proba(X), None, model.classes_)
    reference.check(evaluate(model, X, y), expected)


def test_the_rows_that_are_asked_again_are_few(monkeypatch):
    X = np.random.default_rng(0).normal(size=(2_000, 1))
    X[7] = 1e-8
    y = (X[:, 0] > 0).astype(int)
    model = LogisticRegression().fit(X, y)
    model.intercept_ = np.zeros(1)
    asked = []
    original = LogisticRegression.predict
    monkeypatch.setattr(LogisticRegression, "predict", lambda self, X: asked.append(len(X)) or original(self, X))
    found = values(evaluate(model, X, y))
    assert asked == [1]
    assert found["accuracy_score"] == sk.accuracy_score(y, original(model, X))


# --- what a classifier may answer ---------------------------------------------------------------------------------


class Says(ClassifierMixin, BaseEstimator):
    def __init__(self, pred, classes=(0, 1)):
        self.pred = pred
        self.classes_ = np.array(classes)

    def predict(self, X):
        return self.pred


Y = np.array([0, 1, 1, 0])


@pytest.mark.parametrize(
    ("pred", "word"),
    [
        (np.array([0, 1]), "predict gave 2 values for 4 rows"),
        (np.array([0.1, 0.2, 0.3, 0.4]), "one label per row"),
        (np.array(["a", "b", "a", "b"]), "different types"),
        (None, "TypeError"),
    ],
)
def test_useless_predictions_are_absent_with_the_reason(pred, word):
    evaluation = evaluate(Says(pred), np.zeros((4, 1)), Y)
    assert not evaluation.metrics
    assert word in reasons(evaluation)["training_metrics"]


@pytest.mark.parametrize("form", [lambda p: p[:, None], list, pd.Series, lambda p: pl.Series(p), lambda p: p * 1.0])
def test_predictions_in_other_forms(form):
    assert values(evaluate(Says(form(Y)), np.zeros((4, 1)), Y))["accuracy_score"] == 1.0


@pytest.mark.parametrize(
    "form",
    [
        list,
        lambda y: y[:, None],
        pd.Series,
        lambda y: pd.Series(y, dtype="Int64"),
        lambda y: _arrow() and pd.Series(y, dtype="int64[pyarrow]"),
        lambda y: pd.DataFrame({"y": y}),
        lambda y: pd.Series(y).astype("category"),
        lambda y: pl.Series(y),
        lambda y: pl.DataFrame({"y": y}),
        lambda y: _arrow().array(y),
        lambda y: _arrow().chunked_array([y[:50], y[50:]]),
    ],
)
def test_targets_in_other_forms(form, reference):
    X, y = IRIS
    model = LogisticRegression(max_iter=500).fit(X, y)
    expected = reference.classifier(y, model.predict(X), model.predict_proba(X), None, model.classes_)
    evaluation = evaluate(model, X, form(y))
    reference.check(evaluation, expected)
    assert evaluation.task == "multiclass"


def test_missing_and_mismatched_targets_are_notes():
    X, y = IRIS
    model = LogisticRegression(max_iter=500).fit(X, y)
    assert "no y" in reasons(evaluate(model, X, None))["training_metrics"]
    assert "149" in reasons(evaluate(model, X, y[1:]))["training_metrics"]
    assert "weights" in reasons(evaluate(model, X, y, weight=np.ones(3)))["training_metrics"]
    unknown = np.array([object()] * 150)
    assert "label" in reasons(evaluate(model, X, unknown))["training_metrics"]


def test_labels_that_the_classifier_does_not_know(reference):
    X, y = IRIS
    model = LogisticRegression(max_iter=500).fit(X[:100], y[:100])
    found = evaluate(model, X, y)
    assert found.task == "multiclass"
    assert values(found)["accuracy_score"] == pytest.approx(model.score(X, y))
    assert "no column" in reasons(found)["training_log_loss"]


def test_several_outputs_with_several_classes():
    X, y = IRIS
    Y = np.column_stack([y, (y + 1) % 3])
    for model in (
        MultiOutputClassifier(LogisticRegression(max_iter=500)),
        RandomForestClassifier(3, random_state=0),
        KNeighborsClassifier(),
    ):
        model.fit(X, Y)
        found = values(evaluation := evaluate(model, X, Y))
        assert evaluation.task == "multioutput-classification"
        assert found["accuracy_score"] == pytest.approx((model.predict(X) == Y).all(axis=1).mean())
        assert found["mean_accuracy_score"] == pytest.approx((model.predict(X) == Y).mean())
        if isinstance(model, MultiOutputClassifier):
            assert found["score"] == pytest.approx(model.score(X, Y))
        else:
            assert "training_score" in reasons(evaluation)


@pytest.mark.parametrize("model", [LabelPropagation(), SelfTrainingClassifier(LogisticRegression(max_iter=500))])
def test_semi_supervised_models_are_evaluated_on_the_labelled_rows(model, reference):
    X, y = IRIS
    y = y.copy()
    y[::3] = -1
    model.fit(X, y)
    evaluation = evaluate(model, X, y)
    kept = y != -1
    expected = reference.classifier(
        y[kept], model.predict(X[kept]), model.predict_proba(X[kept]), None, model.classes_
    )
    reference.check(evaluation, expected)
    assert evaluation.rows == kept.sum()
    assert "-1" in reasons(evaluation)["training_metrics"]


def test_minus_one_is_a_class_elsewhere():
    X, y = IRIS
    model = LogisticRegression(max_iter=500).fit(X, y - 1)
    assert evaluate(model, X, y - 1).rows == 150


def test_an_own_score_method_is_not_paid_for_again():
    class Own(Ridge):
        def score(self, X, y):
            raise AssertionError("another pass")

    X, y = load_diabetes(return_X_y=True)
    evaluation = evaluate(Own().fit(X, y), X, y)
    assert "own score" in reasons(evaluation)["training_score"]


def test_the_prefix_is_the_callers():
    X, y = IRIS
    evaluation = evaluate(LogisticRegression(max_iter=500).fit(X, y), X, y, prefix="val_")
    assert all(metric.key.startswith("val_") for metric in evaluation.metrics)


def test_a_class_that_is_not_of_scikit_learn():
    class Third:
        _estimator_type = "classifier"
        classes_ = np.array(["a", "b"])

        def predict(self, X):
            return np.array([["a"], ["b"], ["b"], ["a"]])

    evaluation = evaluate(Third(), np.zeros((4, 1)), ["a", "b", "a", "a"])
    assert values(evaluation)["accuracy_score"] == 0.75
    assert evaluation.task == "binary"


def test_predictions_are_handed_on():
    X, y = IRIS
    names = np.array(["c", "a", "b"])[y]
    model = LogisticRegression(max_iter=500).fit(X, names)
    found = evaluate(model, X, names).predictions
    assert np.array_equal(found.classes[found.y_true], names)
    assert np.array_equal(found.classes[found.y_pred], model.predict(X))
    assert found.y_score.shape == (150, 3)


# --- the other kinds ----------------------------------------------------------------------------------------------


def test_regressors_with_nothing_to_compare():
    class Odd(RegressorMixin, BaseEstimator):
        def predict(self, X):
            return np.full(len(X), np.nan)

    evaluation = evaluate(Odd(), np.zeros((4, 1)), np.arange(4.0))
    assert "not finite" in reasons(evaluation)["training_metrics"]
    assert "no y" in reasons(evaluate(Odd(), np.zeros((4, 1)), None))["training_metrics"]


def test_clusters():
    X, y = IRIS
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    evaluation = evaluate(model, X, y)
    found = values(evaluation)
    assert evaluation.task == "clustering"
    assert found["n_clusters"] == 3
    assert found["inertia"] == model.inertia_
    assert found["score"] == pytest.approx(model.score(X), rel=1e-9)
    for name in ("silhouette_score", "calinski_harabasz_score", "davies_bouldin_score"):
        assert found[name] == pytest.approx(getattr(sk, name)(X, model.labels_), rel=1e-9)
    for name in ("adjusted_rand_score", "homogeneity_score", "completeness_score", "v_measure_score"):
        assert found[name] == pytest.approx(getattr(sk, name)(y, model.labels_), rel=1e-9)


def test_clusters_with_noise_or_of_distances():
    X, _y = IRIS
    found = evaluate(model := DBSCAN(eps=0.5).fit(X), X, None)
    assert values(found)["noise_share"] == pytest.approx((model.labels_ == -1).mean())
    assert values(found)["n_clusters"] == 2
    assert "noise" in reasons(found)["training_metrics"]
    distances = sk.pairwise_distances(X)
    model = AgglomerativeClustering(3, metric="precomputed", linkage="average").fit(distances)
    assert "training_silhouette_score" in reasons(evaluate(model, distances, None))
    one = evaluate(KMeans(1, n_init=1).fit(X), X, None)
    assert "clusters" in reasons(one)["training_silhouette_score"]


def test_clusters_behind_a_pipeline_are_measured_where_they_were_made():
    X, _y = IRIS
    model = make_pipeline(StandardScaler(), KMeans(3, n_init=1, random_state=0)).fit(X)
    expected = sk.silhouette_score(StandardScaler().fit_transform(X), model[-1].labels_)
    found = values(evaluate(model, X, None))
    assert found["silhouette_score"] == pytest.approx(expected, rel=1e-9)
    assert found["score"] == pytest.approx(model.score(X), rel=1e-9)


def test_spectral_clustering_has_labels_only():
    X, _y = IRIS
    model = SpectralClustering(3, random_state=0).fit(X)
    assert values(evaluate(model, X, None))["n_clusters"] == 3


@pytest.mark.parametrize(
    "model",
    [
        IsolationForest(n_estimators=10, random_state=0),
        IsolationForest(n_estimators=10, contamination=0.1, random_state=0),
        EllipticEnvelope(random_state=0),
        OneClassSVM(nu=0.2),
        make_pipeline(StandardScaler(), IsolationForest(n_estimators=10, random_state=0)),
    ],
)
def test_outliers(model):
    X, _y = IRIS
    model.fit(X)
    evaluation = evaluate(model, X, None)
    assert evaluation.task == "outlier"
    assert values(evaluation)["outlier_fraction"] == (model.predict(X) == -1).mean()


def test_local_outliers_were_found_while_fitting():
    X, _y = IRIS
    model = LocalOutlierFactor(n_neighbors=10, contamination=0.1)
    expected = (model.fit_predict(X) == -1).mean()
    assert values(evaluate(model, X, None))["outlier_fraction"] == expected


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_mixtures(covariance_type):
    X, _y = IRIS
    model = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    found = values(evaluation := evaluate(model, X, None))
    assert evaluation.task == "density"
    for name in ("score", "bic", "aic"):
        assert found[name] == pytest.approx(getattr(model, name)(X), rel=1e-9)


@pytest.mark.parametrize("model", [KernelDensity(), EmpiricalCovariance(), PCA(2), FactorAnalysis(2)])
def test_own_likelihoods(model):
    X, _y = IRIS
    model.fit(X)
    assert values(evaluate(model, X, None))["score"] == pytest.approx(model.score(X), rel=1e-9)


def test_decompositions():
    X, _y = IRIS
    pca = PCA(2).fit(X)
    evaluation = evaluate(pca, X, None)
    assert evaluation.task == "decomposition"
    expected = pca.explained_variance_ratio_.sum()
    assert values(evaluation)["explained_variance_ratio"] == pytest.approx(expected)
    nmf = NMF(2, random_state=0, max_iter=2000).fit(np.abs(X))
    assert values(evaluate(nmf, np.abs(X), None)) == {"reconstruction_error": nmf.reconstruction_err_}
    isomap = Isomap(n_neighbors=50).fit(X)
    error = isomap.reconstruction_error()
    assert values(evaluate(isomap, X, None))["reconstruction_error"] == pytest.approx(error)
    embedding = MDS(n_init=1, random_state=0, **({"init": "random"} if hasattr(MDS(), "init") else {}))
    embedding.fit(X[:40])
    assert values(evaluate(embedding, X[:40], None))["stress"] == embedding.stress_


def test_a_plain_transformer_has_nothing_to_say():
    X, y = IRIS
    for model in (StandardScaler(), make_pipeline(StandardScaler())):
        evaluation = evaluate(model.fit(X), X, y)
        assert evaluation.task == "transformer"
        assert not evaluation.metrics
        assert not evaluation.notes


def test_something_unknown():
    evaluation = evaluate(object(), np.zeros((3, 1)), None)
    assert (evaluation.task, evaluation.metrics, evaluation.notes) == ("unknown", (), ())


# --- labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        [3, 1, 3],
        np.array([-7, 100_000, -7]),
        np.array([0, 2**62], dtype=np.uint64),
        [True, False, True],
        ["b", "a", "b"],
        np.array(["b", "a"] * 600),
        np.array(["b", "a"] * 600, dtype=object),
        [1.0, 2.0],
        np.arange(70, dtype=np.int8) - 30,
    ],
)
def test_encoded_labels_give_the_labels_back(y):
    labels = encode(y)
    classes, counts = np.unique(np.asarray(y), return_counts=True)
    assert np.array_equal(labels.classes, classes)
    assert np.array_equal(labels.counts, counts)
    assert np.array_equal(labels.classes[labels.codes], np.asarray(y))


@pytest.mark.parametrize(
    "y", [[0.5, 1.0], [1.0, np.nan], [["a"], ["b", "c"]], np.zeros((3, 2)), None, ["a", None], [1, "a", None], "ab"]
)
def test_what_is_not_a_label_per_row(y):
    try:
        assert encode(y) is None
    except ValueError:
        pytest.fail("encode raised")
