"""xgboost, LightGBM and CatBoost: their classes follow scikit-learn in most things."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from skribe.metrics import evaluate

pytestmark = [pytest.mark.thirdparty, pytest.mark.filterwarnings("ignore")]


def _classifier(name):
    if name == "xgboost":
        return pytest.importorskip("xgboost").XGBClassifier(n_estimators=5, n_jobs=1)
    if name == "lightgbm":
        return pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1)
    return pytest.importorskip("catboost").CatBoostClassifier(5, verbose=0, allow_writing_files=False)


def _regressor(name):
    if name == "xgboost":
        return pytest.importorskip("xgboost").XGBRegressor(n_estimators=5, n_jobs=1)
    if name == "lightgbm":
        return pytest.importorskip("lightgbm").LGBMRegressor(n_estimators=5, n_jobs=1, verbose=-1)
    return pytest.importorskip("catboost").CatBoostRegressor(5, verbose=0, allow_writing_files=False)


NAMES = ["xgboost", "lightgbm", "catboost"]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_classifiers(name, classes, reference):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < classes], y[y < classes]
    model = _classifier(name).fit(X, y)
    evaluation = evaluate(model, X, y)
    pred = np.asarray(model.predict(X)).ravel()
    expected = reference.classifier(y, pred, model.predict_proba(X), None, model.classes_)
    reference.check(evaluation, expected)
    assert evaluation.task == ("binary" if classes == 2 else "multiclass")


@pytest.mark.parametrize("name", NAMES)
def test_regressors(name, reference):
    X, y = load_diabetes(return_X_y=True)
    model = _regressor(name).fit(X, y)
    reference.check(evaluate(model, X, y), reference.regressor(y, model.predict(X)))
