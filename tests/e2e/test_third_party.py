"""xgboost, lightgbm and catboost through their scikit-learn interfaces."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skribe

pytestmark = [pytest.mark.thirdparty, pytest.mark.filterwarnings("ignore")]
BINARY = load_breast_cancer(return_X_y=True)
MANY = load_iris(return_X_y=True)
NUMBERS = load_diabetes(return_X_y=True)


@pytest.fixture(autouse=True)
def _autolog():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def makers():
    xgboost = pytest.importorskip("xgboost")
    lightgbm = pytest.importorskip("lightgbm")
    catboost = pytest.importorskip("catboost")
    quiet = {"verbose": False, "allow_writing_files": False, "iterations": 20}
    return {
        "xgboost": (lambda: xgboost.XGBClassifier(n_estimators=20), lambda: xgboost.XGBRegressor(n_estimators=20)),
        "xgboost forest": (lambda: xgboost.XGBRFClassifier(n_estimators=20), lambda: xgboost.XGBRFRegressor()),
        "lightgbm": (
            lambda: lightgbm.LGBMClassifier(n_estimators=20, verbose=-1),
            lambda: lightgbm.LGBMRegressor(n_estimators=20, verbose=-1),
        ),
        "catboost": (lambda: catboost.CatBoostClassifier(**quiet), lambda: catboost.CatBoostRegressor(**quiet)),
    }


@pytest.mark.parametrize("library", ["xgboost", "xgboost forest", "lightgbm", "catboost"])
@pytest.mark.parametrize("data", [BINARY, MANY], ids=["binary", "multiclass"])
def test_a_classifier(library, data):
    X, y = data
    model = makers()[library][0]().fit(X, y)
    run = skribe.last_run()
    assert (run.name, run.status, len(skribe.runs())) == (type(model).__name__, "finished", 1)
    assert run.metrics["training_accuracy_score"] == pytest.approx(accuracy_score(y, model.predict(X).ravel()))
    assert "training_log_loss" in run.metrics
    assert run.params


@pytest.mark.parametrize("library", ["xgboost", "xgboost forest", "lightgbm", "catboost"])
def test_a_regressor_in_a_pipeline_is_one_run(library):
    X, y = NUMBERS
    model = make_pipeline(StandardScaler(), makers()[library][1]()).fit(X, y)
    run = skribe.last_run()
    assert (run.name, len(skribe.runs())) == (f"Pipeline({type(model[-1]).__name__})", 1)
    assert run.metrics["training_r2_score"] == pytest.approx(r2_score(y, model.predict(X)))


def test_evaluation_curves():
    X, y = BINARY
    pytest.importorskip("xgboost").XGBClassifier(n_estimators=5).fit(X, y, eval_set=[(X, y)], verbose=False)
    curves = [key for key in skribe.last_run().metrics if "logloss" in key]
    assert len(skribe.last_run().history(curves[0])) == 5


@pytest.mark.parametrize("order", ["before", "after"])
def test_catboost_is_heard_whenever_it_is_imported_and_restored(order):
    pytest.importorskip("catboost")
    code = """
        import sys
        import skribe
        if sys.argv[1] == "before":
            import catboost
            plain = vars(catboost.CatBoostClassifier)["fit"]
        skribe.autolog(silent=True)
        import catboost
        model = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False)
        model.fit([[0], [1], [2], [3]], [0, 0, 1, 1])
        assert skribe.last_run().name == "CatBoostClassifier"
        skribe.autolog(disable=True)
        assert type(vars(catboost.CatBoostClassifier)["fit"]).__name__ == "function"
        if sys.argv[1] == "before":
            assert vars(catboost.CatBoostClassifier)["fit"] is plain
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), order], check=True)
