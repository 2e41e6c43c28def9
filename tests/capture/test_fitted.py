"""`facts` and `curves`: what fitted estimators hold, and nothing that would have to be computed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from skribe.capture import curves, facts

X, y = load_iris(return_X_y=True)


def of(estimator: Any) -> dict[str, tuple[str, str]]:
    return {fact.key: (fact.value, fact.type) for fact in facts(estimator)}


def curve(estimator: Any, key: str) -> list[float]:
    points = [metric for metric in curves(estimator) if metric.key == key]
    assert [point.step for point in points] == list(range(len(points)))
    return [point.value for point in points]


def test_a_linear_model() -> None:
    model = LogisticRegression(max_iter=1000).fit(X, y)
    found = of(model)
    assert found["classes_"] == ("[0, 1, 2]", "json")
    assert found["n_iter_"] == (f"[{model.n_iter_[0]}]", "json")
    assert found["coef_.shape"] == ("(3, 4)", "object")
    assert found["coef_.dtype"] == ("float64", "str")
    assert found["n_features_in_"] == ("4", "int")
    assert found["intercept_"] == (str(model.intercept_.tolist()), "json")
    assert of(Ridge().fit(X, y))["intercept_"][1] == "float"
    assert of(KMeans(2, n_init=1).fit(X))["inertia_"][1] == "float"


def test_classes_are_listed_up_to_a_hundred() -> None:
    class Fitted(BaseEstimator):
        def __init__(self, n: int = 3) -> None:
            self.n = n
            self.classes_ = np.array([f"c{i}" for i in range(n)])

    assert of(Fitted(100))["classes_"][0].count("c") == 100
    assert of(Fitted(101))["classes_.shape"] == ("(101,)", "object")


def test_small_things_whole_and_large_ones_by_size() -> None:
    class Holder(BaseEstimator):
        pass

    holder: Any = Holder()
    holder.count_ = np.int64(3)
    holder.name_ = "x"
    holder.nothing_ = None
    holder.not_finite_ = float("inf")
    holder.small_ = {"a": 1}
    holder.large_ = {str(i): i for i in range(1000)}
    holder.arrays_ = [np.zeros(3), np.zeros((2, 2))]
    holder.model_ = Ridge()
    holder.models_ = [Ridge(), Ridge()]
    holder.matrix_ = scipy.sparse.eye(30, format="csr")
    holder.scalar_ = np.array(2.5)
    holder.empty_ = np.array([])
    holder.feature_names_in_ = np.array(["a", "b"], dtype=object)
    holder.objects_ = np.array([object(), 1], dtype=object)
    holder.function_ = len
    holder._hidden_ = 1
    holder.api_key_ = "s3cret"
    holder.text_ = "x" * 2000
    holder.plain = 1
    assert of(holder) == {
        "count_": ("3", "int"),
        "name_": ("x", "str"),
        "nothing_": ("None", "none"),
        "not_finite_": ("inf", "float"),
        "small_": ('{"a": 1}', "json"),
        "large_.len": ("1000", "int"),
        "arrays_.shapes": ("[(3,), (2, 2)]", "object"),
        "model_": ("sklearn.linear_model._ridge.Ridge", "object"),
        "models_.len": ("2", "int"),
        "matrix_.shape": ("(30, 30)", "object"),
        "scalar_": ("2.5", "float"),
        "empty_.shape": ("(0,)", "object"),
        "empty_.dtype": ("float64", "str"),
        "feature_names_in_.count": ("2", "int"),
        "objects_.shape": ("(2,)", "object"),
        "objects_.dtype": ("object", "str"),
        "function_": ("builtin_function_or_method", "object"),
        "api_key_": ("***", "redacted"),
        "text_.len": ("2000", "int"),
    }


def test_no_property_is_asked() -> None:
    class Computing(BaseEstimator):
        def __init__(self) -> None:
            self.fitted_ = 1

        @property
        def expensive_(self) -> Any:
            raise AssertionError("computed")

        @property
        def n_features_in_(self) -> Any:
            raise AssertionError("computed")

        @property
        def feature_importances_(self) -> Any:
            raise AssertionError("computed")

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("__"):
                raise AssertionError(f"asked for {name}")
            raise AttributeError(name)

    assert of(Computing()) == {"fitted_": ("1", "int")}
    assert curves(Computing()) == ()


def test_attributes_that_raise_are_left_out() -> None:
    class Cursed:
        def __len__(self) -> int:
            raise RuntimeError

        @property
        def shape(self) -> Any:
            raise RuntimeError

        def __repr__(self) -> str:
            raise RuntimeError

    estimator: Any = BaseEstimator()
    estimator.bad_ = Cursed()
    estimator.worse_ = [Cursed()]
    estimator.good_ = 1
    assert of(estimator)["good_"] == ("1", "int")


def test_estimators_without_a_dictionary() -> None:
    class Slotted:
        __slots__ = ("coef_",)

    assert facts(Slotted()) == ()
    assert facts(object()) == ()
    assert curves(object()) == ()


def test_a_pipeline_tells_of_its_last_step() -> None:
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    found = of(pipe)
    assert found["n_features_in_"] == ("4", "int")
    assert found["logisticregression.classes_"] == ("[0, 1, 2]", "json")
    assert "standardscaler.mean_" not in found
    assert of(make_pipeline(StandardScaler(), "passthrough").fit(X)) == {"n_features_in_": ("4", "int")}
    assert of(make_pipeline(StandardScaler(), Ridge())) == {}


def test_a_search_tells_of_the_best() -> None:
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1.0, 2.0]}, cv=2).fit(X, y)
    found = of(search)
    assert found["best_params_"] == (f'{{"ridge__alpha": {search.best_params_["ridge__alpha"]}}}', "json")
    assert found["best_score_"] == (str(float(search.best_score_)), "float")
    assert found["best_index_"][1] == "int"
    assert found["best_estimator_.ridge.intercept_"][1] == "float"
    assert "mean_test_score" not in repr(found)


def test_a_vocabulary_is_counted() -> None:
    fitted = CountVectorizer().fit([" ".join(f"word{i}" for i in range(1000))])
    assert of(fitted)["vocabulary_.len"] == ("1000", "int")


def test_curves_of_a_network() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((3,), max_iter=4, early_stopping=True, random_state=0).fit(X, y)
        pipe = make_pipeline(StandardScaler(), MLPClassifier((3,), max_iter=4, random_state=0)).fit(X, y)
        search = GridSearchCV(pipe, {"mlpclassifier__alpha": [0.1]}, cv=2).fit(X, y)
    assert curve(model, "loss_curve") == model.loss_curve_
    assert curve(model, "validation_scores") == model.validation_scores_
    assert curve(pipe, "loss_curve") == pipe[-1].loss_curve_
    assert curve(search, "loss_curve") == search.best_estimator_[-1].loss_curve_
    assert {metric.key for metric in curves(pipe)} == {"loss_curve"}


def test_curves_of_boosting() -> None:
    boosted = GradientBoostingClassifier(n_estimators=3, subsample=0.5).fit(X, y)
    for key in ("train_score", "oob_improvement", "oob_scores"):
        assert curve(boosted, key) == getattr(boosted, f"{key}_").tolist()
    histogram = HistGradientBoostingClassifier(max_iter=3, early_stopping=True, scoring="loss").fit(X, y)
    assert curve(histogram, "train_score") == histogram.train_score_.tolist()
    assert curve(histogram, "validation_score") == histogram.validation_score_.tolist()
    ada = AdaBoostClassifier(n_estimators=3).fit(X, y)
    assert curve(ada, "estimator_errors") == ada.estimator_errors_.tolist()
    assert curves(RandomForestClassifier(2).fit(X, y)) == ()


def test_curves_that_are_none() -> None:
    estimator: Any = BaseEstimator()
    estimator.loss_curve_ = [[1, 2], [3]]
    estimator.train_score_ = np.array([object(), None], dtype=object)
    estimator.validation_scores_ = np.array([1.0, None], dtype=object)
    estimator.estimator_errors_ = None
    estimator.cost_ = 1.5
    estimator.oob_scores_ = [1.0, float("nan"), 3.0]
    estimator.evals_result_ = {"train": {"rmse": [2.0, 1.0], "odd": ["x"]}, "broken": 5}
    found = [(metric.key, metric.value, metric.step) for metric in curves(estimator)]
    assert found == [("oob_scores", 1.0, 0), ("oob_scores", 3.0, 2), ("train_rmse", 2.0, 0), ("train_rmse", 1.0, 1)]


@pytest.mark.thirdparty
def test_xgboost() -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(X, y, eval_set=[(X, y)], verbose=False)
    assert curve(model, "validation_0_mlogloss") == model.evals_result()["validation_0"]["mlogloss"]
    assert facts(model)
    assert curves(xgboost.XGBClassifier()) == ()


@pytest.mark.thirdparty
@pytest.mark.filterwarnings("ignore")
def test_lightgbm() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1)
    assert curves(model) == ()
    model.fit(X, y, eval_set=[(X, y)])
    (name,) = model.evals_result_
    assert curve(model, f"{name}_multi_logloss") == model.evals_result_[name]["multi_logloss"]
    assert curve(make_pipeline(StandardScaler(), model), f"{name}_multi_logloss")


@pytest.mark.thirdparty
@pytest.mark.filterwarnings("ignore")
def test_catboost() -> None:
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=False, allow_writing_files=False)
    assert curves(model) == ()
    model.fit(X, y, eval_set=(X, y))
    assert len(curve(model, "validation_MultiClass")) == 3
    facts(model)


def test_no_estimator_of_scikit_learn_is_changed() -> None:
    target = np.abs(y) + 0
    for _, cls in all_estimators():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                estimator = cls().fit(np.abs(X)[::5], target[::5])
            except Exception:
                continue
        before = dict(vars(estimator))
        facts(estimator)
        curves(estimator)
        assert vars(estimator).keys() == before.keys()
        assert all(vars(estimator)[key] is before[key] for key in before)
