"""`cross_validate` and its family: one run, a child for each part, and the numbers that the caller gets."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import (
    KFold,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skribe

X, y = load_iris(return_X_y=True)
BX, by = load_breast_cancer(return_X_y=True)
JOBS = pytest.mark.parametrize("n_jobs", [None, 2])


@pytest.fixture(autouse=True)
def _autolog() -> Iterator[None]:
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


class Fails(ClassifierMixin, BaseEstimator):
    """Fails on the rows that begin as it is told."""

    def __init__(self, on=()):
        self.on = on

    def fit(self, X, y):
        if X[0, 0] in self.on:
            raise ValueError("not on these")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def by_name(run):
    """The children by the number in their name."""
    return sorted(run.children, key=lambda child: float(child.name.rpartition("=")[2].rpartition(" ")[2]))


def values(run, key):
    return list(run.history(key)["value"])


def assert_folds(run, scores):
    """Each fold has its own numbers; the run has all of them, with mean and standard deviation."""
    folds = by_name(run)
    assert (run.kind, run.status, len(skribe.runs())) == ("cv", "finished", 1)
    assert [fold.name for fold in folds] == [f"fold {number}" for number in range(len(folds))]
    for key, column in scores.items():
        assert [fold.metrics[key] for fold in folds] == list(column), key
        points = run.history(f"split_{key}").set_index("step")["value"]
        assert [points[number] for number in range(len(folds))] == list(column), key
        assert run.metrics[f"mean_{key}"] == pytest.approx(np.mean(column), rel=1e-13, abs=1e-300)
        assert run.metrics[f"std_{key}"] == pytest.approx(np.std(column), rel=1e-9, abs=1e-15)
    for fold in folds:
        assert (fold.kind, fold.status, fold.parent) == ("fold", "finished", run)
        assert run.start <= fold.start <= fold.end <= run.end
    frame = run.results()
    assert list(frame["candidate"]) == list(range(len(folds)))
    assert run.facts["n_folds"] == run.facts["n_fits"] == len(folds)


# --- folds ---------------------------------------------------------------------------------------------------


@JOBS
def test_cross_validate(n_jobs):
    scoring = ["accuracy", "f1_macro"]
    found = cross_validate(SVC(C=3), X, y, cv=4, scoring=scoring, return_train_score=True, n_jobs=n_jobs)
    run = skribe.last_run()
    assert run.name == "cross_validate(SVC)"
    assert_folds(run, found)
    assert run.params["C"] == 3
    assert run.params["cv.cv"] == 4
    assert run.params["cv.scoring"] == scoring
    assert run.facts["splitter"] == "StratifiedKFold(n_splits=4, shuffle=False)"
    assert [fold.facts["n_test_samples"] for fold in by_name(run)] == [38, 38, 37, 37]
    assert run.datasets[0].shape == (150, 4)
    assert run.tags["estimator_name"] == "SVC"


@JOBS
def test_cross_val_score(n_jobs):
    found = cross_val_score(LinearRegression(), *load_diabetes(return_X_y=True), cv=3, n_jobs=n_jobs)
    run = skribe.last_run()
    assert run.name == "cross_val_score(LinearRegression)"
    assert_folds(run, {"test_score": found})
    assert run.facts["splitter"] == "KFold(n_splits=3, shuffle=False)"


@pytest.mark.parametrize(
    "cv",
    [ShuffleSplit(3, random_state=0), list(KFold(3).split(X)), StratifiedKFold(12), 7],
    ids=["shuffled", "one by one", "twelve", "seven"],
)
def test_ways_of_splitting(cv):
    found = cross_validate(GaussianNB(), X, y, cv=cv, return_indices=True, return_estimator=True)
    run = skribe.last_run()
    assert_folds(run, {key: found[key] for key in ("test_score", "fit_time", "score_time")})
    sizes = [(fold.facts["n_train_samples"], fold.facts["n_test_samples"]) for fold in by_name(run)]
    assert sizes == list(zip(map(len, found["indices"]["train"]), map(len, found["indices"]["test"]), strict=True))


def test_a_fold_that_fails():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cross_validate(Fails(on=(X[0, 0],)), X, y, cv=KFold(3))
    run = skribe.last_run()
    assert [fold.status for fold in by_name(run)] == ["finished", "failed", "failed"]
    assert "not on these" in by_name(run)[1].error
    assert run.status == "finished"
    np.testing.assert_array_equal(values(run, "split_test_score"), found["test_score"])
    assert np.isnan(run.metrics["mean_test_score"])


def test_when_all_fail():
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        cross_val_score(Fails(on=tuple(X[:, 0])), X, y, cv=3)
    run = skribe.last_run()
    assert (run.kind, run.status) == ("cv", "failed")
    assert [fold.status for fold in run.children] == ["failed"] * 3


def test_warnings_are_those_of_the_fold():
    class Warns(Fails):
        def fit(self, X, y):
            if X[0, 0] == self.on:
                warnings.warn("a first row", UserWarning, stacklevel=1)
            return self

        def predict(self, X):
            return np.zeros(len(X))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with pytest.warns(UserWarning, match="a first row"):
            cross_val_score(Warns(X[0, 0]), X, y, cv=KFold(3))
    run = skribe.last_run()
    assert [len(fold.warnings) for fold in by_name(run)] == [0, 1, 1]
    assert [(warned.message, warned.times) for warned in run.warnings] == [("a first row", 2)]


def test_what_is_returned_is_what_would_be_returned():
    def ask():
        return cross_validate(GaussianNB(), X, y, cv=3, return_train_score=True)

    with_it = ask()
    with skribe.suppress():
        without = ask()
    assert list(with_it) == list(without)
    for key in ("test_score", "train_score"):
        np.testing.assert_array_equal(with_it[key], without[key])


def test_it_joins_an_empty_run():
    with skribe.run("by hand") as run:
        found = cross_validate(GaussianNB(), X, y, cv=3)
    assert len(skribe.runs()) == 1
    assert len(run.children) == 3
    np.testing.assert_array_equal(values(run, "split_test_score"), found["test_score"])


# --- out of fold ---------------------------------------------------------------------------------------------


@JOBS
def test_predictions_give_one_set_of_metrics(n_jobs):
    predicted = cross_val_predict(make_pipeline(StandardScaler(), SVC()), X, y, cv=3, n_jobs=n_jobs)
    run = skribe.last_run()
    assert_folds(run, {})
    assert run.metrics["cv_accuracy_score"] == accuracy_score(y, predicted)
    assert np.trace(run.view("confusion_matrix")["counts"]) == round(accuracy_score(y, predicted) * 150)


def test_probabilities_out_of_fold():
    proba = cross_val_predict(GaussianNB(), BX, by, cv=3, method="predict_proba")
    run = skribe.last_run()
    assert run.metrics["cv_log_loss"] == pytest.approx(log_loss(by, proba), rel=1e-12)
    assert run.metrics["cv_roc_auc"] == pytest.approx(roc_auc_score(by, proba[:, 1]), rel=1e-12)
    assert run.view("roc", "cv")


def test_regression_out_of_fold():
    data, target = load_diabetes(return_X_y=True)
    predicted = cross_val_predict(LinearRegression(), data, target, cv=3)
    run = skribe.last_run()
    assert run.metrics["cv_r2_score"] == r2_score(target, predicted)
    assert run.view("residuals", "cv")


def test_each_row_left_out_once():
    predicted = cross_val_predict(GaussianNB(), X[::3], y[::3], cv=LeaveOneOut())
    run = skribe.last_run()
    assert len(run.children) == 50
    assert run.metrics["cv_accuracy_score"] == accuracy_score(y[::3], predicted)


# --- curves --------------------------------------------------------------------------------------------------


def assert_curve(run, children, train, test, steps):
    assert (run.kind, run.status, len(skribe.runs())) == ("cv", "finished", 1)
    for child, row_train, row_test in zip(children, train, test, strict=True):
        assert values(child, "split_train_score") == list(row_train)
        assert values(child, "split_test_score") == list(row_test)
        assert child.metrics["mean_test_score"] == pytest.approx(np.mean(row_test), rel=1e-13)
        assert child.status == "finished"
    for key, rows in (("train_score", train), ("test_score", test)):
        curve = run.history(f"path_mean_{key}")
        assert list(curve["step"]) == steps
        assert list(curve["value"]) == pytest.approx(list(np.mean(rows, axis=1)), rel=1e-13)
        assert values(run, f"path_std_{key}") == pytest.approx(list(np.std(rows, axis=1)), rel=1e-9, abs=1e-15)


@JOBS
def test_learning_curve(n_jobs):
    sizes, train, test = learning_curve(
        GaussianNB(), X, y, cv=3, train_sizes=[0.3, 0.6, 1.0], shuffle=True, random_state=0, n_jobs=n_jobs
    )
    run = skribe.last_run()
    children = by_name(run)
    assert [child.name for child in children] == [f"train_size={size}" for size in sizes]
    assert_curve(run, children, train, test, list(sizes))
    assert run.facts["n_fits"] == 9
    assert [child.facts["n_train_samples"] for child in children] == [[size] * 3 for size in sizes]


@JOBS
@pytest.mark.parametrize("times", [False, True])
def test_learning_curve_by_increments(n_jobs, times):
    sizes, train, test, *spent = learning_curve(
        SGDClassifier(random_state=0), X, y, cv=3, train_sizes=[0.3, 0.6, 1.0], shuffle=True, random_state=0,
        n_jobs=n_jobs, exploit_incremental_learning=True, return_times=times,
    )  # fmt: skip
    run = skribe.last_run()
    children = by_name(run)
    assert_curve(run, children, train, test, list(sizes))
    if times:
        frame = run.results()
        for number, (child, fit, score) in enumerate(zip(children, *spent, strict=True)):
            rows = frame[frame["n_train"] == sizes[number]]
            assert list(rows["fit_time"]) == list(fit)
            assert list(rows["score_time"]) == list(score)
            assert child.metrics["mean_fit_time"] == pytest.approx(np.mean(fit), rel=1e-13)


@JOBS
def test_validation_curve(n_jobs):
    given = [0.1, 1.0, 10.0, 100.0]
    train, test = validation_curve(SVC(), X, y, param_name="C", param_range=given, cv=3, n_jobs=n_jobs)
    run = skribe.last_run()
    children = by_name(run)
    assert [child.params["C"] for child in children] == given
    assert [child.name for child in children] == [f"C={value}" for value in given]
    assert_curve(run, children, train, test, list(range(4)))
    assert values(run, "path_C") == given
    assert run.facts["n_fits"] == 12


def test_a_validation_curve_of_words():
    train, test = validation_curve(SVC(), X, y, param_name="kernel", param_range=["linear", "rbf"], cv=3)
    run = skribe.last_run()
    children = sorted(run.children, key=lambda child: child.name)
    assert [child.name for child in children] == ["kernel=linear", "kernel=rbf"]
    assert_curve(run, children, train, test, [0, 1])
    assert "path_kernel" not in run.metrics


@JOBS
def test_permutations(n_jobs):
    score, permuted, p_value = permutation_test_score(GaussianNB(), X, y, cv=3, n_permutations=6, n_jobs=n_jobs)
    run = skribe.last_run()
    assert (run.kind, run.status) == ("cv", "finished")
    points = run.history("permutation_score").set_index("step")["value"]
    assert [points[number] for number in range(6)] == list(permuted)
    assert run.metrics["test_score"] == score
    assert run.metrics["p_value"] == p_value


def test_permutations_count_no_fits_that_they_are_not():
    permutation_test_score(GaussianNB(), X, y, cv=3, n_permutations=6)
    facts = skribe.last_run().facts
    assert facts.get("n_folds", 3) == 3
    assert facts.get("n_fits", 21) == 21
