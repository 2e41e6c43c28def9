"""`paths`: each curve equals what scikit-learn itself computes from the same attributes, or is not there at all."""

from __future__ import annotations

import copy
import json
import timeit
import warnings
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import feature_selection as fs
from sklearn import linear_model as lm
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.covariance import GraphicalLassoCV
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.model_selection import GridSearchCV, LeaveOneOut, TunedThresholdClassifierCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from skribe.capture import facts
from skribe.capture.paths import paths

X, y = load_iris(return_X_y=True)
TWO, two = X[50:], np.where(y[50:] == 2, "yes", "no")
D, t = load_diabetes(return_X_y=True)
D, t = D[:150], t[:150]
VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


def fitted(estimator: Any, X: Any, y: Any = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(X, y)


def short(key: str) -> str:
    """Every curve says that it is a path; the tests need not."""
    return key.replace("path_", "", 1)


def curve(estimator: Any, key: str) -> tuple[list[int | None], list[float]]:
    points = [metric for metric in paths(estimator)[1] if short(metric.key) == short(key)]
    assert all("path_" in point.key for point in points)
    return [point.step for point in points], [point.value for point in points]


def keys(estimator: Any) -> set[str]:
    return {short(metric.key) for metric in paths(estimator)[1]}


def told(estimator: Any) -> dict[str, Any]:
    return {fact.key: json.loads(fact.value) for fact in paths(estimator)[0]}


def same(estimator: Any, expected: dict[str, Any], steps: Any = None) -> None:
    assert keys(estimator) == set(map(short, expected))
    for key, values in expected.items():
        found = curve(estimator, key)
        assert found[1] == pytest.approx(np.asarray(values).tolist(), rel=1e-12), key
        assert found[0] == (list(range(len(values))) if steps is None else list(steps)), key
    assert paths(estimator)[2] == ()


def test_recursive_elimination() -> None:
    model = fitted(fs.RFECV(lm.LogisticRegression(max_iter=500), min_features_to_select=2), X, y)
    results = model.cv_results_
    same(model, {key: results[key] for key in ("mean_test_score", "std_test_score")}, results["n_features"])
    steps, means = curve(model, "mean_test_score")
    assert means[steps.index(model.n_features_)] == max(means)
    by_hand = np.stack([results[f"split{k}_test_score"] for k in range(5)])
    assert means == pytest.approx(by_hand.mean(axis=0).tolist())


SELECTORS = [
    fs.SelectKBest(k=2),
    fs.SelectKBest(k="all"),
    fs.SelectPercentile(percentile=30),
    fs.SelectFdr(alpha=1e-30),
    fs.GenericUnivariateSelect(mode="k_best", param=3),
    fs.VarianceThreshold(0.3),
    fs.RFE(lm.LogisticRegression(max_iter=500), n_features_to_select=2),
    fs.RFECV(lm.LogisticRegression(max_iter=500), cv=3),
    fs.SequentialFeatureSelector(lm.LogisticRegression(max_iter=500), n_features_to_select=1, cv=3),
    fs.SelectFromModel(lm.LogisticRegression(max_iter=500)),
    fs.SelectFromModel(lm.LogisticRegression(max_iter=500), threshold="1.1*median", max_features=2),
    fs.SelectFromModel(lm.LogisticRegression(max_iter=500), max_features=lambda X: 1),
]


@pytest.mark.parametrize("selector", SELECTORS, ids=lambda s: type(s).__name__)
def test_selected_features(selector: Any) -> None:
    model = fitted(sklearn.clone(selector), X, y)
    assert told(model)["selected_features"] == model.get_support(indices=True).tolist()
    assert told(model)["n_selected_features"] == model.get_support().sum()
    assert not {fact.key for fact in paths(model)[0]} & {fact.key for fact in facts(model)}
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = fitted(sklearn.clone(selector), frame, y)
    assert told(model)["selected_features"] == model.get_feature_names_out().tolist()


def test_the_threshold_of_a_model() -> None:
    for threshold in (None, "mean", 0.25):
        model = fitted(fs.SelectFromModel(lm.Lasso(0.1), threshold=threshold), D, t)
        assert told(model)["threshold_"] == model.threshold_


def test_importances_that_would_be_computed_are_not() -> None:
    model = fitted(fs.SelectFromModel(RandomForestClassifier(3)), X, y)
    found, metrics, notes = paths(model)
    assert (found, metrics) == ((), ())
    assert [note.what for note in notes] == ["selected_features"]
    calls: list[Any] = []
    model = fitted(
        fs.SelectFromModel(lm.LogisticRegression(), importance_getter=lambda e: calls.append(e) or e.coef_), X, y
    )
    calls.clear()
    assert paths(model)[0] == ()
    assert calls == []


def test_a_selector_of_the_users_own_is_not_run() -> None:
    class Mine(fs.SelectKBest):
        def _get_support_mask(self) -> Any:
            raise AssertionError("run")

    class Inherits(fs.SelectKBest):
        pass

    assert [note.what for note in paths(Mine(k=2).fit(X, y))[2]] == ["selected_features"]
    assert told(Inherits(k=1).fit(X, y))["n_selected_features"] == 1


def test_many_features_are_counted() -> None:
    model = fs.SelectKBest()
    random = np.random.default_rng(0)
    model.k, model.scores_, model.pvalues_ = 201, random.random(300), random.random(300)
    assert told(model) == {"n_selected_features": 201}
    model.k = 200
    assert len(told(model)["selected_features"]) == 200
    model.scores_ = random.random(100_001)
    assert paths(model)[0] == ()
    assert "too long" in paths(model)[2][0].reason


LOGISTIC = {"Cs": [0.01, 1.0, 100.0, 1.5], "max_iter": 300}
ELASTIC: dict[str, Any] = {"solver": "saga", "l1_ratios": [0.1, 0.5, 0.9], "max_iter": 50}
if VERSION < (1, 8):
    ELASTIC["penalty"] = "elasticnet"


@pytest.mark.parametrize("data", ["two", "three"])
@pytest.mark.parametrize("options", [{}, ELASTIC], ids=["plain", "elastic"])
@pytest.mark.parametrize("legacy", [True, False])
def test_logistic_regression(data: str, options: dict[str, Any], legacy: bool) -> None:
    has_both_forms = "use_legacy_attributes" in lm.LogisticRegressionCV().get_params()
    if not (legacy or has_both_forms):
        pytest.skip("this version keeps its scores in one form only")
    given = {"use_legacy_attributes": legacy} if has_both_forms else {}
    model = lm.LogisticRegressionCV(**{**LOGISTIC, **options}, **given)
    fitted(model, *((TWO, two) if data == "two" else (X, y)))
    if legacy:
        scores = model.scores_[next(iter(model.scores_))]  # (folds, Cs[, l1 ratios])
        if options:
            scores = scores[:, :, list(model.l1_ratios_).index(model.l1_ratio_[0])]
    else:
        scores = model.scores_[:, list(model.l1_ratios_).index(model.l1_ratio_) if options else 0, :]
    expected = {"mean_test_score": scores.mean(axis=0), "std_test_score": scores.std(axis=0), "path_C": model.Cs_}
    same(model, expected)
    # scikit-learn's choice is the highest of the points that we show.
    best = curve(model, "mean_test_score")[1].index(max(curve(model, "mean_test_score")[1]))
    assert curve(model, "path_C")[1][best] == np.ravel(model.C_)[0]


def test_logistic_regression_of_one_class_at_a_time() -> None:
    model = lm.LogisticRegressionCV(Cs=3)
    random = np.random.default_rng(1)
    model.Cs_, model.C_ = np.array([0.1, 1.0, 10.0]), np.array([0.1, 10.0])
    model.l1_ratio_, model.l1_ratios_ = np.array([None, None]), np.array([None])
    model.scores_ = {"a": random.random((5, 3)), "b": random.random((5, 3))}
    by_fold = (model.scores_["a"] + model.scores_["b"]) / 2
    expected = {"mean_test_score": by_fold.mean(axis=0), "std_test_score": by_fold.std(axis=0), "path_C": model.Cs_}
    same(model, expected)


def test_no_path_leads_to_a_mean_of_l1_ratios() -> None:
    given = {**LOGISTIC, **ELASTIC, "l1_ratios": np.array([0.1, 0.5, 0.9])}
    model = fitted(lm.LogisticRegressionCV(**given, refit=False), X, y)
    if np.isin(np.ravel(model.l1_ratio_)[0], model.l1_ratios_):
        model.l1_ratio_ = np.array([0.123])
    _, metrics, notes = paths(model)
    assert metrics == ()
    assert [note.what for note in notes] == ["mean_test_score"]
    # A mean of Cs does not hinder: the path is the same, and none of its points is the chosen one.
    model = fitted(lm.LogisticRegressionCV(**LOGISTIC, refit=False), X, y)
    assert curve(model, "path_C")[1] == model.Cs_.tolist()


ERRORS = [lm.LassoCV(cv=4), lm.LassoCV(alphas=[1.0, 0.1, 0.5]), lm.ElasticNetCV(), lm.MultiTaskLassoCV(cv=3)]
ERRORS += [lm.MultiTaskElasticNetCV(), lm.LarsCV(), lm.LassoLarsCV(max_n_alphas=9)]


@pytest.mark.parametrize("model", ERRORS, ids=lambda m: type(m).__name__)
def test_errors_of_each_fold_and_alpha(model: Any) -> None:
    model = fitted(sklearn.clone(model), D, np.column_stack([t, -t]) if "Multi" in type(model).__name__ else t)
    errors, alphas = model.mse_path_, getattr(model, "cv_alphas_", model.alphas_)
    assert errors.ndim == 2
    same(model, {"mean_mse": errors.mean(axis=1), "std_mse": errors.std(axis=1), "path_alpha": alphas})
    assert curve(model, "path_alpha")[1][int(np.argmin(curve(model, "mean_mse")[1]))] == model.alpha_


@pytest.mark.parametrize("alphas", [None, [0.5, 0.01, 0.1]])
def test_coordinate_descent_at_the_chosen_l1_ratio(alphas: Any) -> None:
    given = {} if alphas is None else {"alphas": alphas}
    model = fitted(lm.ElasticNetCV(l1_ratio=[0.1, 0.5, 0.99], **given), D, t)
    row = model.l1_ratio.index(model.l1_ratio_)
    tried = model.alphas_[row] if alphas is None else model.alphas_
    errors = model.mse_path_[row]
    same(model, {"mean_mse": errors.mean(axis=1), "std_mse": errors.std(axis=1), "path_alpha": tried})
    assert model.mse_path_.mean(axis=2).min() == pytest.approx(min(curve(model, "mean_mse")[1]))


def test_squeezed_axes_are_not_guessed() -> None:
    one = [(np.arange(100), np.arange(100, 150))]
    assert paths(fitted(lm.LassoCV(cv=one), D, t)) == ((), (), ())
    assert paths(fitted(lm.ElasticNetCV(l1_ratio=[0.1, 0.9], cv=one), D, t)) == ((), (), ())
    assert paths(fitted(lm.ElasticNetCV(l1_ratio=[0.1, 0.9], alphas=[0.1]), D, t)) == ((), (), ())


def test_information_criterion() -> None:
    model = fitted(lm.LassoLarsIC("bic"), D, t)
    same(model, {"criterion": model.criterion_, "path_alpha": model.alphas_})
    assert curve(model, "path_alpha")[1][int(np.argmin(model.criterion_))] == model.alpha_


def test_graphical_lasso() -> None:
    model = fitted(GraphicalLassoCV(alphas=[0.05, 0.2, 0.5], cv=3), X)
    results = model.cv_results_
    assert keys(model) == {"mean_test_score", "std_test_score", "alpha"}
    for key, column in (("mean_test_score",) * 2, ("std_test_score",) * 2, ("path_alpha", "alphas")):
        there = ~np.isnan(results[column])
        assert curve(model, key) == (np.flatnonzero(there).tolist(), results[column][there].tolist())


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge(outputs: int, weighted: bool) -> None:
    target = t if outputs == 1 else np.column_stack([t, t**2])
    model = lm.RidgeCV(alphas=[10.0, 0.1, 1.0], store_cv_results=True)
    model.fit(D, target, sample_weight=np.arange(1.0, 151.0) if weighted else None)
    mean = model.cv_results_.reshape(-1, 3).mean(axis=0)
    same(model, {"mean_mse": mean, "path_alpha": [10.0, 0.1, 1.0]})
    assert min(curve(model, "mean_mse")[1]) == pytest.approx(-model.best_score_)
    if not weighted and outputs == 1:
        for alpha, error in zip([10.0, 0.1, 1.0], curve(model, "mean_mse")[1], strict=True):
            left_out = cross_val_predict(lm.Ridge(alpha), D, t, cv=LeaveOneOut())
            assert error == pytest.approx(np.mean((t - left_out) ** 2))


def test_ridge_without_a_mean_worth_telling() -> None:
    target = np.column_stack([t, t**2])
    for model in (
        lm.RidgeCV().fit(D, t),
        lm.RidgeCV(store_cv_results=True, scoring="r2").fit(D, t),  # keeps predictions
        lm.RidgeCV(store_cv_results=True, alpha_per_target=True).fit(D, target),
        lm.RidgeCV(cv=3).fit(D, t),
    ):
        assert paths(model) == ((), (), ())
    model = lm.RidgeClassifierCV(store_cv_results=True).fit(X, y)
    assert curve(model, "mean_mse")[1] == pytest.approx(model.cv_results_.mean(axis=(0, 1)).tolist())


def test_thresholds() -> None:
    model = TunedThresholdClassifierCV(
        lm.LogisticRegression(), store_cv_results=True, thresholds=20, scoring="balanced_accuracy"
    ).fit(TWO, two)
    results = model.cv_results_
    same(model, {"objective_score": results["scores"], "path_threshold": results["thresholds"]})
    best = int(np.argmax(curve(model, "objective_score")[1]))
    assert curve(model, "path_threshold")[1][best] == model.best_threshold_
    assert paths(TunedThresholdClassifierCV(lm.LogisticRegression()).fit(TWO, two)) == ((), (), ())


def test_stacking() -> None:
    members = [("a", lm.LogisticRegression(max_iter=500)), ("b", lm.RidgeClassifier()), ("c", "drop")]
    model = StackingClassifier(members, cv=3).fit(X, y)
    assert told(model) == {"estimators_in_use": ["a", "b"]}
    told_before = {fact.key: fact.value for fact in facts(model)}
    assert json.loads(told_before["stack_method_"]) == ["predict_proba", "decision_function"]


def test_what_facts_tell_already_is_not_told_twice() -> None:
    calibrated = CalibratedClassifierCV(lm.LogisticRegression(max_iter=500), cv=3).fit(X, y)
    assert {fact.key: fact.value for fact in facts(calibrated)}["calibrated_classifiers_.len"] == "3"
    pursuit = lm.OrthogonalMatchingPursuitCV().fit(D, t)
    assert {fact.key: fact.value for fact in facts(pursuit)}["n_nonzero_coefs_"] == str(pursuit.n_nonzero_coefs_)
    for model in (calibrated, pursuit):
        assert paths(model) == ((), (), ())


def test_pipelines_and_searches_are_looked_into() -> None:
    pipe = make_pipeline(StandardScaler(), fs.RFECV(lm.LogisticRegression(max_iter=500), cv=3), lm.LassoCV())
    pipe = fitted(pipe, D, (t > 100).astype(int))
    assert keys(pipe) == {"rfecv.mean_test_score", "rfecv.std_test_score", "mean_mse", "std_mse", "alpha"}
    assert set(told(pipe)) == {"rfecv.n_selected_features", "rfecv.selected_features"}
    assert curve(pipe, "path_alpha") == curve(pipe[-1], "path_alpha")
    search = fitted(
        GridSearchCV(make_pipeline(fs.SelectKBest(k=1), lm.LassoCV()), {"selectkbest__k": [2, 3]}, cv=3), D, t
    )
    count = search.best_params_["selectkbest__k"]
    assert told(search)["best_estimator_.selectkbest.n_selected_features"] == count
    assert curve(search, "mean_mse") == curve(search.best_estimator_[-1], "mean_mse")
    assert paths(GridSearchCV(lm.LassoCV(), {"cv": [2, 3]}, refit=False).fit(D, t)) == ((), (), ())


def test_subclasses_are_included_and_their_properties_left_alone() -> None:
    class Mine(lm.LassoCV):
        @property
        def expensive_(self) -> Any:
            raise AssertionError("computed")

    class RFECV(BaseEstimator):  # only the name is the same
        cv_results_ = None

    assert keys(Mine().fit(D, t)) == {"mean_mse", "std_mse", "alpha"}
    assert paths(RFECV()) == ((), (), ())


def test_long_paths_are_thinned_and_keep_what_was_chosen() -> None:
    model = lm.LassoCV()
    random = np.random.default_rng(0)
    model.alphas_, model.mse_path_ = np.arange(5000.0), random.random((5000, 3)) + 1
    model.mse_path_[3333] = 0
    model.alpha_ = 3333.0
    steps, values = curve(model, "mean_mse")
    assert 900 < len(steps) <= 1000
    assert {0, 3333, 4999} <= set(steps)
    assert values == model.mse_path_.mean(axis=1)[steps].tolist()
    assert curve(model, "path_alpha") == (steps, [float(step) for step in steps if step is not None])
    assert max(np.diff(np.asarray(steps, dtype=float))) < 8
    (note,) = paths(model)[2]
    assert note.what == "mean_mse"
    assert f"{len(steps)} of 5000" in note.reason


def test_points_at_which_nothing_was_measured_are_left_out() -> None:
    model = fitted(fs.RFECV(lm.LogisticRegression(max_iter=500), cv=3), X, y)
    model.cv_results_["mean_test_score"][1] = np.nan
    assert curve(model, "mean_test_score")[0] == [1, 3, 4]
    assert curve(model, "std_test_score")[0] == [1, 2, 3, 4]


@cache
def with_paths() -> list[Any]:
    return [
        fitted(fs.RFECV(lm.LogisticRegression(max_iter=500), cv=3), X, y),
        fitted(lm.LogisticRegressionCV(Cs=3, max_iter=300), X, y),
        lm.LassoCV().fit(D, t),
        lm.ElasticNetCV(l1_ratio=[0.1, 0.9]).fit(D, t),
        lm.LarsCV().fit(D, t),
        lm.LassoLarsIC().fit(D, t),
        lm.RidgeCV(store_cv_results=True).fit(D, t),
    ]


@pytest.mark.parametrize("broken", [None, "x", 3, [1, 2], np.zeros(0), np.zeros((2, 2, 2, 2)), {"a": 1}, object()])
def test_unexpected_shapes_are_not_recorded(broken: Any) -> None:
    models = [copy.copy(model) for model in with_paths()]
    names = {"cv_results_", "scores_", "mse_path_", "criterion_", "Cs_", "alphas_", "cv_alphas_"}
    changed = 0
    for model in models:
        for name in names & vars(model).keys():
            if name == "alphas_" and isinstance(model, lm.LarsCV):
                continue  # the final model's, which is not looked at
            before = vars(model)[name]
            setattr(model, name, broken)
            assert paths(model)[1] == (), (model, name)
            setattr(model, name, before)
            changed += 1
        assert paths(model)[1], model
    assert changed == 12


def test_it_never_raises() -> None:
    class Raising(lm.LassoCV):
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    for strange in (None, 3, "x", object(), lm.LassoCV, Raising.__new__(Raising), {}):
        assert paths(strange)[:2] == ((), ())
    for _, kind in all_estimators():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                estimator = kind()
            except TypeError:
                continue
        assert paths(estimator) == ((), (), ()), kind  # not fitted: there is nothing to tell


def test_it_costs_next_to_nothing_where_there_is_nothing() -> None:
    plain = lm.LogisticRegression(max_iter=500).fit(X, y)
    pipe = make_pipeline(StandardScaler(), StandardScaler(), lm.LogisticRegression()).fit(X, y)
    for model in (plain, pipe):
        assert min(timeit.repeat(lambda model=model: paths(model), number=20, repeat=20)) / 20 < 1e-4
