"""`fitted_views`: explained variance and the weights of features, by name, without running anybody's code."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_regression
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skribe.capture.fitted_views import fitted_views

IRIS = load_iris(as_frame=True)
X, Y, COLUMNS = IRIS.data, IRIS.target, list(IRIS.data)


def views(model: Any, names: Any = None, budget: float = 1.0) -> Any:
    before = dict(vars(model))
    found = fitted_views(model, names, budget=budget)
    assert found == json.loads(json.dumps(found, allow_nan=False))
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())
    return found


def weights(model: Any, names: Any = None, **rest: Any) -> dict[str, float]:
    found = views(model, names, **rest)["feature_importance"]
    (one,) = found["series"]
    return dict(zip(found["features"], one["values"], strict=True))


def test_coefficients_of_each_class_by_name_the_largest_first() -> None:
    model = LogisticRegression(max_iter=500).fit(X, IRIS.target_names[Y])
    found = views(model)["feature_importance"]
    assert (found["kind"], found["named"], found["of"]) == ("coefficients", True, "LogisticRegression")
    assert [one["name"] for one in found["series"]] == IRIS.target_names.tolist()
    order = [COLUMNS.index(name) for name in found["features"]]
    for one, row in zip(found["series"], model.coef_, strict=True):
        assert one["values"] == pytest.approx(row[order], abs=1e-5)
    largest = np.abs(model.coef_).max(axis=0)[order]
    assert (np.diff(largest) <= 0).all()


def test_of_two_classes_the_coefficients_speak_for_the_second() -> None:
    model = LogisticRegression().fit(X.to_numpy()[:100], np.array(["no", "yes"])[Y[:100]])
    assert views(model)["feature_importance"]["series"][0]["name"] == "yes"
    assert set(weights(model)) == {"x0", "x1", "x2", "x3"}
    assert set(weights(model, COLUMNS)) == set(COLUMNS)
    assert set(weights(model, COLUMNS[:2])) == {"x0", "x1", "x2", "x3"}


def test_names_go_through_the_steps_of_a_pipeline() -> None:
    frame = pd.DataFrame({"a": list("xyz") * 50, "b": np.arange(150.0), "c": np.sin(np.arange(150.0))})
    columns = make_column_transformer((OneHotEncoder(), ["a"]), (StandardScaler(), ["b"]), remainder="passthrough")
    model = make_pipeline(columns, SelectKBest(f_regression, k=4), Ridge()).fit(frame, frame["b"])
    expected = model[:-1].get_feature_names_out()
    found = weights(model)
    assert set(found) == set(expected)
    assert [found[name] for name in expected] == pytest.approx(
        model[-1].coef_, abs=1e-5 * np.abs(model[-1].coef_).max()
    )
    scaled = make_pipeline(StandardScaler(), Ridge()).fit(X.to_numpy(), Y)
    assert set(weights(scaled, COLUMNS)) == set(COLUMNS)
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1]}).fit(X, Y)
    assert set(weights(search)) == set(COLUMNS)
    assert set(weights(TransformedTargetRegressor(Ridge()).fit(X, Y))) == set(COLUMNS)


class Mine(TransformerMixin, BaseEstimator):
    def fit(self, X: Any, y: Any = None) -> Mine:
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X)

    def get_feature_names_out(self, names: Any = None) -> Any:
        return shouting(self, names)


RAN: list[Any] = []


def shouting(*args: Any) -> Any:
    """The user's code: what it raises would be contained, so it leaves a trace."""
    RAN.append(args)
    return args[-1]


@pytest.mark.parametrize(
    "step",
    [
        Mine(),
        make_column_transformer((Mine(), COLUMNS)),
        FunctionTransformer(np.asarray, feature_names_out=shouting),
        SelectFromModel(Lasso(alpha=1e-9)),
    ],
    ids=["mine", "inside", "function", "costly"],
)
def test_where_names_would_take_the_users_code_there_are_numbers(step: Any) -> None:
    model = make_pipeline(step, Ridge()).fit(X, Y)
    assert set(weights(model)) == {"x0", "x1", "x2", "x3"}
    assert views(model)["feature_importance"]["named"] is False
    assert RAN == []


def test_the_words_of_a_text_model() -> None:
    texts = [" ".join(f"w{(i * 7 + j * 13) % 900}" for j in range(30)) for i in range(300)]
    for steps in ([TfidfVectorizer()], [TfidfVectorizer(), TfidfTransformer()]):
        model = make_pipeline(*steps, SGDClassifier(random_state=0)).fit(texts, np.arange(300) % 2)
        found, names = views(model, budget=0.1)["feature_importance"], model[0].get_feature_names_out()
        assert (found["left_out"], len(found["features"])) == (len(names) - 200, 200)
        expected = dict(zip(names, model[-1].coef_[0], strict=True))
        assert weights(model) == pytest.approx({name: expected[name] for name in found["features"]}, abs=1e-3)


FORESTS = [
    DecisionTreeRegressor(max_depth=3),
    RandomForestClassifier(20, random_state=0),
    ExtraTreesRegressor(20, random_state=0),
    GradientBoostingClassifier(n_estimators=10),
]


@pytest.mark.parametrize("model", FORESTS, ids=lambda model: type(model).__name__)
def test_the_importances_of_trees_are_those_of_scikit_learn(model: Any) -> None:
    model.fit(X, Y)
    expected = dict(zip(COLUMNS, model.feature_importances_, strict=True))
    assert weights(model) == pytest.approx(expected, abs=1e-5)
    found = views(model)["feature_importance"]
    if isinstance(model, (RandomForestClassifier, ExtraTreesRegressor)):
        spread = np.std([tree.feature_importances_ for tree in model.estimators_], axis=0)
        order = [COLUMNS.index(name) for name in found["features"]]
        assert found["series"][0]["std"] == pytest.approx(spread[order], abs=1e-5)
    constant = type(model)(**model.get_params()).fit(X, np.arange(150) // 150 if "Cl" not in str(model) else Y)
    assert views(constant)["feature_importance"]["kind"] == "importances"


def test_what_takes_too_long_is_left_out_and_says_so() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(4000, 5))
    model = RandomForestClassifier(60, random_state=0).fit(data, rng.integers(0, 2, 4000))
    assert "budget" in views(model, budget=0.0005)["absent"]["feature_importance"]
    start = time.perf_counter()
    assert "feature_importance" in views(model, budget=0.5)
    assert time.perf_counter() - start < 0.5
    wide = LogisticRegression(max_iter=1).fit
    with pytest.warns(Warning, match="converge"):
        broad = wide(rng.normal(size=(20, 50_000)), np.arange(20) % 2)
    assert "budget" in views(broad, budget=1e-5)["absent"]["feature_importance"]
    assert "permutation" in views(HistGradientBoostingClassifier(max_iter=2).fit(X, Y))["absent"]["feature_importance"]


def test_explained_variance_also_of_a_step_before_the_model() -> None:
    for part in (PCA(3), TruncatedSVD(2, random_state=0)):
        part.fit(X)
        found = views(part)["explained_variance"]
        assert found["ratios"] == pytest.approx(part.explained_variance_ratio_, abs=1e-5)
        assert (found["of"], found["left_out"]) == (type(part).__name__, 0)
    model = make_pipeline(StandardScaler(), PCA(2), Ridge()).fit(X, Y)
    found = views(model)
    assert found["explained_variance"]["ratios"] == pytest.approx(model[1].explained_variance_ratio_, abs=1e-5)
    assert set(found["feature_importance"]["features"]) == {"pca0", "pca1"}


class Odd:
    """An object whose attributes are traps."""

    coef_ = property(shouting)
    feature_importances_ = property(shouting)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


UNFITTED = [
    Odd(),
    Ridge(),
    RandomForestClassifier(),
    make_pipeline("passthrough"),
    make_pipeline(PCA(), Ridge()),
    None,
]


@pytest.mark.parametrize("number", range(len(UNFITTED)))
def test_what_is_not_fitted_or_odd_has_nothing(number: int) -> None:
    assert fitted_views(UNFITTED[number], None) == {}
    assert RAN == []


def test_coefficients_that_are_not_finite_and_several_outputs() -> None:
    model = Ridge().fit(X, np.column_stack([Y] * 12))
    found = views(model)["feature_importance"]
    assert ([one["name"] for one in found["series"]], found["series_left_out"]) == (list(range(10)), 2)
    model.coef_ = np.full((1, 4), np.nan)
    assert "finite" in views(model)["absent"]["feature_importance"]
    for coef in (np.array(["a"]), np.zeros((0,)), np.zeros((2, 2, 2)), "x"):
        model.coef_ = coef
        assert "feature_importance" not in views(model)


@pytest.mark.thirdparty
@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
def test_boosting_libraries_are_asked(package: str) -> None:
    library = pytest.importorskip(package)
    quiet = {"verbosity": 0} if package == "xgboost" else {"verbose": -1}
    model = getattr(library, "XGBClassifier" if package == "xgboost" else "LGBMClassifier")(n_estimators=5, **quiet)
    assert views(model) == {}
    model.fit(X.to_numpy(), Y)
    expected = dict(zip(["x0", "x1", "x2", "x3"], model.feature_importances_.tolist(), strict=True))
    assert weights(model) == pytest.approx(expected, abs=1e-4)
    assert "budget" in views(model, budget=0.0)["absent"]["feature_importance"]
