"""Searches and cross-validations, with autolog on and off: what the user sees of them is the same."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import textwrap
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
from scipy.stats import uniform
from sklearn import model_selection
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.parallel import Parallel, delayed

import skribe

FUNCTIONS = (cross_validate, cross_val_score, cross_val_predict, learning_curve, validation_curve, permutation_test_score)
BUILT = np.random.RandomState(0)
X = BUILT.randn(60, 4)
y = (X[:, 0] + 0.5 * BUILT.randn(60) > 0).astype(int)
GROUPS = np.arange(60) % 6
WEIGHTS = BUILT.rand(60)
GRID = {"C": [0.1, 1.0]}
LR = LogisticRegression(max_iter=200)
TREE = DecisionTreeClassifier(random_state=0)
Thunk = Callable[[], Any]


# --- comparing ------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """The value as something that can be compared: every bit, type and order, without the times."""
    if isinstance(value, np.ma.MaskedArray):
        return "masked", str(value.dtype), plain(value.data), value.mask.tolist(), repr(value.fill_value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return "array", "object", value.shape, [plain(one) for one in value.ravel().tolist()]
    if isinstance(value, np.ndarray):
        return "array", str(value.dtype), value.shape, value.flags.c_contiguous, value.tobytes()
    if isinstance(value, dict):
        return type(value).__name__, [(key, None if _is_time(key) else plain(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(one) for one in value]
    if isinstance(value, float):
        return type(value).__name__, value.hex()
    if isinstance(value, BaseEstimator):
        held = {name: one for name, one in vars(value).items() if not name.startswith("_")}
        return type(value).__qualname__, plain(held)
    if isinstance(value, int | str | bytes | None):
        return type(value).__name__, value
    if callable(value) or type(value).__name__.endswith("Scorer"):
        return type(value).__qualname__, re.sub("0x[0-9a-f]+", "0x", repr(value))
    return type(value).__qualname__, joblib.hash(value)


def _is_time(key: Any) -> bool:
    return isinstance(key, str) and key.endswith("_time") or key == "refit_time_" or str(key).endswith("_times")


def frames_of(error: BaseException) -> list[tuple[str, str]]:
    """The frames of a traceback that Python shows, without those that are hidden and those of joblib's loops."""
    found = []
    for frame, _line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if "__tracebackhide__" in code.co_varnames or code.co_filename == __file__:
            continue
        if code.co_filename.endswith("parallel.py") and code.co_name in ("__call__", "<genexpr>"):
            continue
        found.append((code.co_filename, code.co_name))
    return found


def seen(action: Thunk, *, traces: bool = True, filters: str = "always") -> dict[str, Any]:
    """All that a user could observe of one action."""
    out, err, found = io.StringIO(), io.StringIO(), dict[str, Any]()
    np.random.seed(3)
    random.seed(3)
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter(filters)
        with contextlib.redirect_stderr(err):
            try:
                found["value"] = plain(action())
            except BaseException as error:
                found["error"] = type(error), _without_times(str(error))
                found["cause"] = type(error.__cause__), type(error.__context__)
                if traces:
                    found["frames"] = frames_of(error)
    found["warnings"] = [(w.category, _without_times(str(w.message)), w.filename, w.lineno) for w in caught]
    found["stdout"], found["stderr"] = _without_times(out.getvalue()), _without_times(err.getvalue())
    found["numpy.random"] = joblib.hash(np.random.get_state())
    found["random"] = hash(random.getstate())
    return found


def _without_times(text: str) -> str:
    text = re.sub(r"0x[0-9a-f]{6,}", "0x", text)
    return re.sub(r"\d+\.\d+(s|min)|  +", lambda match: "T" if match[1] else " ", text)


@pytest.fixture
def same() -> Iterator[Callable[..., dict[str, Any]]]:
    """Do it without skribe, then with it, and compare. Returns what was seen."""

    def compare(action: Thunk, **options: Any) -> dict[str, Any]:
        skribe.autolog(disable=True)
        before = seen(action, **options)
        skribe.autolog(silent=True)
        now = seen(action, **options)
        skribe.autolog(disable=True)
        for key in before.keys() | now.keys():
            assert now.get(key) == before.get(key), key
        return now

    yield compare
    skribe.autolog(disable=True)


@pytest.fixture
def on() -> Iterator[None]:
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


# --- what is tried --------------------------------------------------------------------------------------------


class Odd(ClassifierMixin, BaseEstimator):
    """Fails, warns, interrupts or answers, as it is told."""

    def __init__(self, does="answers", a=0):
        self.does = does
        self.a = a

    def fit(self, X, y, sample_weight=None):
        match self.does:
            case "fails":
                raise ValueError(f"no fit today, a={self.a}")
            case "stops":
                raise StopIteration
            case "interrupts":
                raise KeyboardInterrupt
            case "exits":
                sys.exit(3)
            case "warns":
                warnings.warn(f"I am odd, a={self.a}", UserWarning, stacklevel=self.a or 1)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.a % 2])


class Staged(BaseSearchCV):
    """A search of the user's own, which asks for its candidates in several batches."""

    def __init__(self, estimator, stages=((0.1, 1.0), (10.0,)), scoring=None, n_jobs=None, cv=3, refit=True):
        super().__init__(estimator, scoring=scoring, n_jobs=n_jobs, cv=cv, refit=refit)
        self.stages = stages

    def _run_search(self, evaluate_candidates):
        self.returned_ = []
        for number, stage in enumerate(self.stages):
            more = {"stage": [number] * len(stage)}
            cv = KFold(3, shuffle=True, random_state=number)
            found = evaluate_candidates([{"C": C} for C in stage], cv=cv, more_results=more)
            self.returned_.append(list(found))


class Splits:
    """A splitter of the user's own."""

    def __init__(self, *pieces, promised=None):
        self.pieces = pieces
        self.promised = len(pieces) if promised is None else promised
        self.asked = 0

    def get_n_splits(self, X=None, y=None, groups=None):
        return self.promised

    def split(self, X, y=None, groups=None):
        self.asked += 1
        yield from self.pieces


def two_numbers(estimator, X, y):
    predicted = estimator.predict(X)
    return {"b": accuracy_score(y, predicted), "a": int((predicted == y).sum())}


def scoring_fails(estimator, X, y):
    raise ZeroDivisionError("no score today")


def scoring_a_text(estimator, X, y):
    return "very good"


def scoring_nan(estimator, X, y):
    return float("nan")


def scoring_odd_dict(estimator, X, y):
    return {"a": "text", "b": None}


def scoring_interrupts(estimator, X, y):
    raise KeyboardInterrupt


def scoring_fraction(estimator, X, y):
    from fractions import Fraction

    return Fraction(int((estimator.predict(X) == y).sum()), len(y))


def scoring_of_type(kind):
    return lambda estimator, X, y: kind((estimator.predict(X) == y).mean())


def best_of_all(results):
    return int(np.argmin(results["rank_test_b"]))


def fitted(search: Any, *data: Any, **params: Any) -> Any:
    """Fit a search, and look at all that it has afterwards."""
    with warnings.catch_warnings():
        data = data or (X, y)
        search.fit(*data, **params)
    found = [search, sorted(vars(search)), plain(getattr(search, "cv_results_", None))]
    for method in ("predict", "predict_proba", "decision_function", "transform", "score_samples"):
        if hasattr(search, method):
            found.append((method, getattr(search, method)(data[0])))
    return found


def grid(estimator: Any = LR, params: Any = None, **settings: Any) -> GridSearchCV:
    return GridSearchCV(estimator, GRID if params is None else params, **({"cv": 3} | settings))


def _routed() -> Any:
    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        cv = GroupKFold(3).set_split_request(groups=True)
        search = GridSearchCV(model, GRID, scoring=scorer, cv=cv)
        found = fitted(search, sample_weight=WEIGHTS, groups=GROUPS)
        params = {"sample_weight": WEIGHTS, "groups": GROUPS}
        return [found, cross_validate(model, X, y, scoring=scorer, cv=cv, params=params)]


def _one_shot() -> Any:
    return fitted(grid(cv=((train, test) for train, test in KFold(3).split(X))))


def _halving(cls: Any, space: Any, **settings: Any) -> Any:
    return fitted(cls(TREE, space, random_state=0, cv=3, **settings))


STEPS = Pipeline([("scale", StandardScaler()), ("reduce", PCA(2)), ("model", LogisticRegression())])
OBJECTS = {"reduce": ["passthrough", PCA(2), PCA(3)], "model": [LogisticRegression(), GaussianNB()]}
MANY = ["accuracy", "roc_auc"]
SEARCHES: dict[str, Thunk] = {
    "grid": lambda: fitted(grid()),
    "train scores": lambda: fitted(grid(return_train_score=True)),
    "random": lambda: fitted(RandomizedSearchCV(LR, {"C": uniform(0.1, 3)}, n_iter=4, cv=3)),
    "random, seeded": lambda: fitted(RandomizedSearchCV(LR, {"C": uniform(0.1, 3)}, n_iter=3, cv=3, random_state=1)),
    "halving grid": lambda: _halving(HalvingGridSearchCV, {"max_depth": [1, 2, 3, None]}, min_resources=15),
    "halving random": lambda: _halving(HalvingRandomSearchCV, {"max_depth": list(range(1, 9))}, n_candidates=4),
    "halving by estimators": lambda: fitted(
        HalvingGridSearchCV(
            SGDClassifier(random_state=0, tol=None), {"alpha": [1e-3, 1e-2, 1e-1]}, resource="max_iter",
            max_resources=18, min_resources=2, cv=3, random_state=0,
        )
    ),
    "own search": lambda: fitted(Staged(LogisticRegression())),
    "several scores": lambda: fitted(grid(scoring=MANY, refit="roc_auc", return_train_score=True)),
    "several scores, no refit": lambda: fitted(grid(scoring=MANY, refit=False)),
    "several scores, chosen by hand": lambda: fitted(grid(scoring=two_numbers, refit=best_of_all)),
    "a dictionary of scorers": lambda: fitted(grid(scoring={"z": get_scorer("f1"), "y": two_numbers_of}, refit="z")),
    "one number of a function": lambda: fitted(grid(scoring=scoring_of_type(float))),
    "whole numbers": lambda: fitted(grid(scoring=scoring_of_type(int))),
    "yes or no": lambda: fitted(grid(scoring=scoring_of_type(bool))),
    "float32": lambda: fitted(grid(scoring=scoring_of_type(np.float32))),
    "fractions": lambda: fitted(grid(scoring=scoring_fraction)),
    "no refit": lambda: fitted(grid(refit=False)),
    "list of grids": lambda: fitted(grid(SVC(), [{"kernel": ["linear"]}, {"kernel": ["rbf"], "gamma": [0.1, "auto"]}])),
    "no parameters": lambda: fitted(grid(params={})),
    "objects": lambda: fitted(grid(STEPS, OBJECTS)),
    "objects and inside": lambda: fitted(
        grid(STEPS, [{"model": [SVC()], "model__C": [1, 2]}, {"model": [GaussianNB()]}])
    ),
    "mixed types": lambda: fitted(
        grid(DecisionTreeClassifier(), {"max_depth": [1, None, np.int64(2)], "max_features": [1, 0.5, "sqrt"]})
    ),
    "lists and arrays": lambda: fitted(grid(GaussianNB(), {"priors": [None, [0.5, 0.5], np.array([0.2, 0.8])]})),
    "functions": lambda: fitted(grid(Odd(), {"a": [0, 1], "does": [len, None, print]})),
    "in a pipeline": lambda: make_pipeline(StandardScaler(), grid()).fit(X, y).predict_proba(X),
    "search in search": lambda: fitted(
        grid(grid(STEPS, {"reduce__n_components": [1, 2]}), {"estimator__model__C": [1, 2]})
    ),
    "stacking": lambda: StackingClassifier([("a", grid()), ("b", GaussianNB())], grid(), cv=2).fit(X, y).predict(X),
    "bagging": lambda: BaggingClassifier(grid(), n_estimators=2, random_state=0).fit(X, y).predict(X),
    "rfecv": lambda: plain(
        RFECV(grid(), importance_getter="best_estimator_.coef_", cv=2).fit(X, y).cv_results_
    ),
    "groups": lambda: fitted(grid(cv=GroupKFold(3)), X, y, groups=GROUPS),
    "weights": lambda: fitted(grid(), X, y, sample_weight=WEIGHTS),
    "routing": _routed,
    "one-shot splits": _one_shot,
    "predefined": lambda: fitted(grid(cv=PredefinedSplit(GROUPS % 3 - 1))),
    "leave one out": lambda: fitted(grid(TREE, {"max_depth": [1, 2]}, cv=LeaveOneOut()), X[:12], y[:12]),
    "masks": lambda: fitted(grid(cv=[(GROUPS != k, GROUPS == k) for k in range(3)])),
    "overlapping lists": lambda: fitted(grid(cv=[(list(range(40)), list(range(30, 60)))] * 2)),
    "pandas": lambda: fitted(grid(), pd.DataFrame(X, columns=list("abcd")), pd.Series(y, name="t")),
    "polars": lambda: fitted(grid(), pl.DataFrame(X, schema=list("abcd")), pl.Series("t", y)),
    "sparse": lambda: fitted(grid(), scipy.sparse.csr_array(X), y),
    "lists": lambda: fitted(grid(), X.tolist(), y.tolist()),
    "text classes": lambda: fitted(grid(), X, np.array(["no", "yes"])[y]),
    "no y": lambda: fitted(grid(KMeans(random_state=0), {"n_clusters": [2, 3]}), X, None),
    "no y, not named": lambda: grid(KMeans(random_state=0), {"n_clusters": [2, 3]}).fit(X).cv_results_,
    "a scaler": lambda: fitted(grid(PCA(), {"n_components": [1, 2]}), X, None),
    "global randomness": lambda: fitted(grid(DecisionTreeClassifier(splitter="random"), {"max_depth": [1, 2]})),
    "a random state": lambda: fitted(
        grid(DecisionTreeClassifier(splitter="random", random_state=np.random.RandomState(0)), {"max_depth": [1, 2]})
    ),
    "shuffled by a random state": lambda: fitted(
        grid(cv=KFold(3, shuffle=True, random_state=np.random.RandomState(5)))
    ),
    "shuffled by the global one": lambda: fitted(grid(cv=KFold(3, shuffle=True))),
}  # fmt: skip


def two_numbers_of(estimator, X, y):
    return float(two_numbers(estimator, X, y)["b"])


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search(same, name):
    assert "error" not in same(SEARCHES[name])
