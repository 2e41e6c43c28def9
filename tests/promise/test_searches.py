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
import time
import traceback
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
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import FitFailedWarning
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
import skribe.hooks

HOOKS = os.path.dirname(skribe.hooks.__file__)
# scikit-learn puts the traceback of a failed fit into its messages. Our frames in it have a test of their own.
OUR_FRAME = re.compile(rf'  File "{re.escape(HOOKS)}.*\n(?:    .*\n)*')
FUNCTIONS = (
    cross_validate,
    cross_val_score,
    cross_val_predict,
    learning_curve,
    validation_curve,
    permutation_test_score,
)
BUILT = np.random.RandomState(0)
X = BUILT.randn(60, 4)
y = (X[:, 0] + 0.5 * BUILT.randn(60) > 0).astype(int)
GROUPS = np.arange(60) % 6
WEIGHTS = BUILT.rand(60)
GRID = {"C": [0.1, 1.0]}
LR = LogisticRegression(max_iter=200)
TREE = DecisionTreeClassifier(random_state=0)
Thunk = Callable[[], Any]
NEWEST = pytest.mark.newest_only


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
    if callable(value) or type(value).__name__.endswith("Scorer") or inspect.isgenerator(value):
        return type(value).__qualname__, re.sub("0x[0-9a-f]+", "0x", repr(value))
    return type(value).__qualname__, joblib.hash(value)


def _is_time(key: Any) -> bool:
    return isinstance(key, str) and key.endswith(("_time", "refit_time_"))


def frames_of(error: BaseException) -> list[tuple[str, str]]:
    """The frames of a traceback, without ours, which have a test of their own, and those of joblib's loops."""
    found = []
    for frame, _line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename.startswith(HOOKS) or code.co_filename == __file__:
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
                found["cause"] = type(error.__cause__)
                if traces:  # of another process it depends on the moment
                    found["frames"], found["context"] = frames_of(error), type(error.__context__)
    found["warnings"] = [(w.category, _without_times(str(w.message)), w.filename, w.lineno) for w in caught]
    found["stdout"], found["stderr"] = _without_times(out.getvalue()), _without_times(err.getvalue())
    found["numpy.random"] = joblib.hash(np.random.get_state())
    found["random"] = hash(random.getstate())
    return found


def _without_times(text: str) -> str:
    text = OUR_FRAME.sub("", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x", text)
    return re.sub(r"\d+\.\d+(s|min)|  +", lambda match: "T" if match[1] else " ", text)


@pytest.fixture
def same(strict_guard: list[Any]) -> Iterator[Callable[..., dict[str, Any]]]:
    """Do it without skribe, then with it, and compare. Returns what was seen."""

    def compare(action: Thunk, but: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        """Fails, too, if skribe has swallowed an error of its own: it has said so on the user's screen."""
        found = []
        for off in (True, False):  # from one line, for a warning may name it
            skribe.autolog(silent=True, disable=off)
            found.append(seen(action, **options))
        before, now = found
        skribe.autolog(disable=True)
        told = [f"{what}: {error!r}" for what, error in strict_guard]
        strict_guard.clear()  # so that it fails here, where a test can expect it to
        for key in ("error", "value", *before):
            if key not in but:
                assert now.get(key) == before.get(key), key
        assert told == []
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
    methods = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
    return [*found, *((method, getattr(search, method)(data[0])) for method in methods if hasattr(search, method))]


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
    "list of grids": lambda: fitted(
        grid(SVC(), [{"kernel": ["linear"]}, {"kernel": ["rbf"], "gamma": [0.1, "auto"]}])
    ),
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
    "masks": lambda: fitted(grid(cv=[(k != GROUPS, k == GROUPS) for k in range(3)])),
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


# --- cross_validate and its family ----------------------------------------------------------------------------

THREE = np.digitize(X[:, 0], [-0.5, 0.5])
CURVE = {"exploit_incremental_learning": True, "cv": 3, "train_sizes": [0.3, 0.6, 1.0]}
VALIDATIONS: dict[str, Thunk] = {
    "cross_validate": lambda: cross_validate(
        LR, X, y, cv=3, return_train_score=True, return_estimator=True, return_indices=True
    ),
    "several scores": lambda: cross_validate(LR, X, y, scoring=MANY, cv=3),
    "scores of a function": lambda: cross_validate(LR, X, y, scoring=two_numbers, cv=3, return_train_score=True),
    "groups": lambda: cross_validate(LR, X, y, groups=GROUPS, cv=GroupKFold(3), return_indices=True),
    "params": lambda: cross_validate(LR, X, y, params={"sample_weight": WEIGHTS}, cv=3),
    "a search": lambda: cross_validate(grid(), X, y, cv=3, return_estimator=True),
    "by default": lambda: cross_validate(LR, X, y),
    "regression": lambda: cross_validate(Ridge(), X, X[:, 1] * 3, cv=3, scoring=["r2", "max_error"]),
    "frames": lambda: cross_validate(LR, pd.DataFrame(X, columns=list("abcd")), pd.Series(y), cv=3),
    "sparse": lambda: cross_validate(LR, scipy.sparse.csr_array(X), y, cv=3),
    "polars": lambda: cross_validate(LR, pl.DataFrame(X, schema=list("abcd")), pl.Series("t", y), cv=3),
    "lists": lambda: cross_validate(LR, X.tolist(), y.tolist(), cv=3),
    "no y": lambda: cross_validate(KMeans(2, random_state=0), X, cv=3),
    "one-shot splits": lambda: cross_validate(LR, X, y, cv=(split for split in KFold(3).split(X))),
    "failing fits": lambda: cross_validate(LR, X, np.r_[np.zeros(40), np.ones(20)], cv=KFold(3)),
    "cross_val_score": lambda: cross_val_score(LR, X, y, cv=3, scoring="f1"),
    "cross_val_score of numbers": lambda: cross_val_score(Ridge(), X, X[:, 0]),
    "leave one out": lambda: cross_val_score(TREE, X[:12], y[:12], cv=LeaveOneOut()),
    **{
        f"cross_val_predict, {method}": lambda method=method: [
            cross_val_predict(LR, X, y, cv=3, method=method), cross_val_predict(LR, X, THREE, cv=3, method=method)
        ]
        for method in ("predict", "predict_proba", "predict_log_proba", "decision_function")
    },
    "cross_val_predict, text": lambda: cross_val_predict(LR, X, np.array(["no", "yes"])[y], cv=3),
    "cross_val_predict, several outputs": lambda: cross_val_predict(Ridge(), X, X[:, :2], cv=3),
    "cross_val_predict, probabilities of several": lambda: cross_val_predict(
        TREE, X, np.c_[y, THREE], cv=3, method="predict_proba"
    ),
    "cross_val_predict, rare class": lambda: cross_val_predict(
        LR, X, np.r_[np.zeros(30), np.ones(29), 2], cv=KFold(2), method="predict_proba"
    ),
    "cross_val_predict, transform": lambda: cross_val_predict(PCA(2), X, cv=3, method="transform"),
    "cross_val_predict, no partition": lambda: cross_val_predict(LR, X, y, cv=[([0, 1], [2])]),
    "learning_curve": lambda: learning_curve(LR, X, y, cv=3, train_sizes=[0.4, 1.0], shuffle=True, random_state=0),
    "learning_curve, times": lambda: _without_curve_times(learning_curve(TREE, X, y, cv=3, return_times=True)),
    "learning_curve, same sizes": lambda: learning_curve(TREE, X[:20], y[:20], cv=3, train_sizes=[0.5, 0.51, 0.9]),
    "learning_curve, by increments": lambda: learning_curve(SGDClassifier(random_state=0), X, y, **CURVE),
    "learning_curve, by increments, times": lambda: _without_curve_times(
        learning_curve(SGDClassifier(random_state=0), X, y, return_times=True, shuffle=True, random_state=1, **CURVE)
    ),
    "learning_curve, impossible": lambda: learning_curve(LR, X, y, **CURVE),
    "validation_curve": lambda: validation_curve(LR, X, y, param_name="C", param_range=[0.1, 1, 10], cv=3),
    "validation_curve, array": lambda: validation_curve(
        TREE, X, y, param_name="max_depth", param_range=np.arange(1, 4), cv=3, scoring="f1"
    ),
    "validation_curve, texts": lambda: validation_curve(
        SVC(), X, y, param_name="kernel", param_range=["rbf", "linear"]
    ),
    "validation_curve, nothing": lambda: validation_curve(LR, X, y, param_name="C", param_range=[]),
    "permutation_test_score": lambda: permutation_test_score(LR, X, y, cv=3, n_permutations=5, random_state=0),
    "permutation_test_score, global": lambda: permutation_test_score(LR, X, y, cv=3, n_permutations=4),
    "permutation_test_score, groups": lambda: permutation_test_score(
        LR, X, y, groups=GROUPS, cv=GroupKFold(3), n_permutations=4, random_state=0
    ),
    "a fit that fails": lambda: cross_val_score(Odd("fails"), X, y, cv=3, error_score="raise"),
    "all fits fail": lambda: cross_val_score(Odd("fails"), X, y, cv=3),
    "no such parameter": lambda: validation_curve(LR, X, y, param_name="D", param_range=[1, 2]),
    "no such scorer": lambda: cross_val_score(LR, X, y, scoring="fame"),
    "no estimator": lambda: cross_validate(7, X, y),
    "an empty call": lambda: cross_validate(),
    "a wrong argument": lambda: cross_val_predict(LR, X, y, method="predict", folds=3),
    "a wrong cv": lambda: cross_validate(LR, X, y, cv="three"),
    "an invalid argument": lambda: cross_validate(LR, X, y, return_estimator="maybe"),
    "an invalid method": lambda: cross_val_predict(LR, X, y, method="guess"),
    "unequal lengths": lambda: cross_val_score(LR, X, y[:-1]),
    "no splits": lambda: cross_val_score(LR, X, y, cv=[]),
    "verbose": lambda: cross_validate(LR, X, y, cv=3, verbose=10),
    "verbose, a little": lambda: cross_val_predict(LR, X, y, cv=3, verbose=1, n_jobs=1),
    "verbose curve": lambda: learning_curve(TREE, X, y, cv=3, verbose=3, n_jobs=1),
}  # fmt: skip


def _without_curve_times(found: Any) -> Any:
    return [*found[:3], *((one.shape, one.dtype) for one in found[3:])]


@pytest.mark.parametrize("name", VALIDATIONS)
def test_a_validation(same, name):
    same(VALIDATIONS[name])


def test_the_functions_are_the_very_same():
    def look() -> list[Any]:
        cells = [cell.cell_contents for function in FUNCTIONS for cell in function.__closure__]
        members = [vars(model_selection)[function.__name__] for function in FUNCTIONS]
        return [*cells, *members, *(function.__code__ for function in FUNCTIONS)]

    def ask() -> list[Any]:
        return [
            (str(inspect.signature(one)), inspect.getsource(one), pickle.dumps(one), one.__doc__, inspect.unwrap(one))
            for one in FUNCTIONS
        ]

    before, asked = look(), ask()
    skribe.autolog(silent=True)
    assert ask() == asked
    assert [pickle.loads(pickle.dumps(one)) is one for one in FUNCTIONS] == [True] * len(FUNCTIONS)
    cross_val_score(LR, X, y)
    assert len(skribe.runs()) == 1
    skribe.autolog(disable=True)
    assert [one is other for one, other in zip(look(), before, strict=True)] == [True] * len(before)


def test_parallel_is_what_it_was():
    from sklearn.utils import parallel

    classes = (parallel.Parallel, parallel._FuncWrapper, joblib.Parallel)
    before = [dict(vars(cls)) for cls in classes]
    skribe.autolog(silent=True)
    grid().fit(X, y)
    skribe.autolog(disable=True)
    for cls, was in zip(classes, before, strict=True):
        assert {name for name, value in vars(cls).items() if value is not was.get(name)} == set()


# --- what goes wrong ------------------------------------------------------------------------------------------

FIRST = (np.arange(40), np.arange(40, 60))
EXPLICIT = {"error_score": "raise"}
FAILURES: dict[str, Thunk] = {
    "a fit": lambda: grid(Odd(), {"does": ["answers", "fails"]}, **EXPLICIT).fit(X, y),
    "a fit, scored nan": lambda: fitted(grid(Odd(), {"does": ["answers", "fails"]})),
    "a fit, scored 0": lambda: fitted(
        grid(Odd(), {"does": ["answers", "fails"]}, error_score=0, return_train_score=True)
    ),
    "a fit, several scores": lambda: fitted(
        grid(Odd(), {"does": ["answers", "fails"]}, scoring=["accuracy", "f1"], refit="f1")
    ),
    "a fit, scores of a function": lambda: fitted(
        grid(Odd(), {"does": ["answers", "fails"]}, scoring=two_numbers, refit="b")
    ),
    "all fits": lambda: grid(Odd("fails"), {"a": [0, 1]}).fit(X, y),
    "the refit": lambda: grid(Odd(), {"does": ["fails"]}, error_score=1).fit(X, y),
    "an iteration that stops": lambda: grid(Odd(), {"does": ["stops"]}, **EXPLICIT).fit(X, y),
    "exit": lambda: grid(Odd(), {"does": ["answers", "exits"]}).fit(X, y),
    "ctrl-c": lambda: grid(Odd(), {"does": ["answers", "interrupts"]}).fit(X, y),
    "ctrl-c in a scorer": lambda: grid(scoring=scoring_interrupts).fit(X, y),
    "ctrl-c in cross_validate": lambda: cross_validate(Odd("interrupts"), X, y),
    "ctrl-c in an inner search": lambda: grid(grid(Odd("interrupts"), {"a": [0]}), {"error_score": [0]}).fit(X, y),
    "a scorer": lambda: fitted(grid(scoring=scoring_fails)),
    "a scorer, raised": lambda: grid(scoring=scoring_fails, **EXPLICIT).fit(X, y),
    "a scorer among others": lambda: fitted(grid(scoring={"a": "accuracy", "b": scoring_fails}, refit="a")),
    "a text": lambda: grid(scoring=scoring_a_text).fit(X, y),
    "a text, raised": lambda: grid(scoring=scoring_a_text, **EXPLICIT).fit(X, y),
    "nan": lambda: fitted(grid(scoring=scoring_nan)),
    "infinite": lambda: fitted(grid(scoring=scoring_of_type(lambda value: float("-inf")))),
    "complex": lambda: fitted(grid(scoring=scoring_of_type(complex))),
    "huge": lambda: fitted(grid(scoring=scoring_of_type(lambda value: 10**30))),
    "an array": lambda: fitted(grid(scoring=scoring_of_type(lambda value: np.array([value])))),
    "two numbers": lambda: fitted(grid(scoring=scoring_of_type(lambda value: np.array([value, 1])))),
    "an odd dictionary": lambda: grid(scoring=scoring_odd_dict, refit="a").fit(X, y),
    "an empty dictionary": lambda: grid(scoring=scoring_of_type(lambda value: {}), refit=False).fit(X, y),
    "keys that are no texts": lambda: grid(scoring=scoring_of_type(lambda value: {1: value}), refit=False).fit(X, y),
    "no such score": lambda: grid(scoring=two_numbers, refit="c").fit(X, y),
    "refit missing": lambda: grid(scoring=two_numbers).fit(X, y),
    "refit fails": lambda: grid(refit=lambda results: 1 / 0).fit(X, y),
    "refit chooses none": lambda: grid(refit=lambda results: 99).fit(X, y),
    "refit chooses by name": lambda: grid(refit=lambda results: "best").fit(X, y),
    "unknown parameter": lambda: grid(params={"D": [1]}).fit(X, y),
    "unknown parameter, scored": lambda: grid(params={"D": [1]}, error_score=0).fit(X, y),
    "invalid parameter": lambda: grid(params={"C": [-1]}).fit(X, y),
    "an empty grid": lambda: grid(params={"C": []}).fit(X, y),
    "no grids": lambda: grid(params=[]).fit(X, y),
    "a grid that is none": lambda: grid(params={"C": 1}).fit(X, y),
    "no splits": lambda: grid(cv=Splits()).fit(X, y),
    "more splits than promised": lambda: grid(cv=Splits(FIRST, FIRST, promised=1)).fit(X, y),
    "fewer splits than promised": lambda: grid(cv=Splits(FIRST, promised=2)).fit(X, y),
    "an empty test set": lambda: grid(cv=[(np.arange(60), np.array([], int))]).fit(X, y),
    "rows that are not there": lambda: grid(cv=[(np.arange(60), np.array([70]))]).fit(X, y),
    "no stages": lambda: Staged(LR, ()).fit(X, y),
    "an empty stage": lambda: Staged(LR, ((0.1,), ())).fit(X, y),
    "not fitted": lambda: grid().predict(X),
    "no y": lambda: grid().fit(X),
    "nan in X": lambda: fitted(grid(), np.where(X > 2, np.nan, X), y),
    "an invalid argument": lambda: grid(refit=[1]).fit(X, y),
    "no jobs": lambda: grid(n_jobs=0).fit(X, y),
    "too few resources": lambda: HalvingGridSearchCV(TREE, {"max_depth": [1]}, min_resources=100).fit(X, y),
    "verbose": lambda: fitted(grid(Odd(), {"does": ["answers", "fails"]}, verbose=3)),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    list(FAILURES),
)
def test_a_failure(same, name):
    same(FAILURES[name])


@pytest.mark.parametrize("verbose", [1, 2, 3, 4, 10, 60])
@pytest.mark.parametrize("n_jobs", [None, 1])
def test_what_is_printed(same, verbose, n_jobs):
    found = same(lambda: fitted(grid(n_jobs=n_jobs, verbose=verbose, scoring=MANY, refit=MANY[0])))
    assert "Fitting 3 folds for each of 2 candidates" in found["stdout"]


# --- warnings -------------------------------------------------------------------------------------------------


def warns_at(level: int) -> Thunk:
    def score(estimator, X, y):
        warnings.warn("look here", UserWarning, stacklevel=level)
        return 1.0

    return lambda: cross_val_score(LR, X, y, scoring=score, cv=3)


@pytest.mark.parametrize("filters", ["default", "always", "once", "module", "ignore", "error"])
def test_warnings_of_fits(same, filters):
    same(lambda: fitted(grid(Odd("warns"), {"a": [0, 1]})), filters=filters)
    same(lambda: fitted(grid(LogisticRegression(max_iter=1))), filters=filters)
    same(lambda: cross_validate(LogisticRegression(max_iter=1), X, y, scoring=["precision"]), filters=filters)


@pytest.mark.parametrize("level", list(range(1, 11)))
def test_the_line_that_a_warning_names(same, level):
    assert same(warns_at(level))["warnings"]


@pytest.mark.parametrize("level", list(range(2, 11)))
def test_the_line_that_a_fit_names(same, level):
    assert same(lambda: grid(Odd("warns"), {"a": [level]}).fit(X, y))["warnings"]


# --- where the tasks are done ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_value() -> Iterator[None]:
    """What is defined here goes to the workers by value: they cannot import this module."""
    try:
        from joblib.externals import cloudpickle
    except ImportError:  # joblib no longer brings its own
        import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


BIG = np.random.RandomState(1).randn(60, 3000)  # large enough for joblib to map it into the workers' memory
ANYWHERE: dict[str, Thunk] = {
    "grid": lambda: fitted(grid(scoring=MANY, refit="roc_auc", return_train_score=True)),
    "objects": lambda: fitted(grid(STEPS, OBJECTS)),
    "functions": lambda: fitted(grid(Odd(), {"a": [0, 1], "does": [len, lambda: 3]}, scoring=two_numbers, refit="a")),
    "own search": lambda: fitted(Staged(LogisticRegression())),
    "halving": lambda: _halving(HalvingGridSearchCV, {"max_depth": [1, 2, 3, None]}, min_resources=15),
    "search in search": lambda: fitted(grid(grid(), {"estimator__max_iter": [100, 200]})),
    "weights": lambda: fitted(RandomizedSearchCV(LR, GRID, n_iter=2, cv=3), X, y, sample_weight=WEIGHTS),
    "mapped": lambda: fitted(grid(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}), BIG, y),
    "failing": lambda: fitted(grid(Odd(), {"does": ["answers", "fails"]})),
    "raising": lambda: grid(Odd(), {"does": ["answers", "fails"]}, error_score="raise").fit(X, y),
    "stopping": lambda: grid(Odd(), {"does": ["stops"]}, error_score="raise").fit(X, y),
    "cross_validate": lambda: cross_validate(grid(), X, y, cv=3, return_estimator=True, return_indices=True),
    "cross_val_predict": lambda: cross_val_predict(LR, X, THREE, cv=3, method="predict_proba"),
    "learning_curve": lambda: learning_curve(LR, X, y, cv=3, train_sizes=[0.4, 0.7, 1.0]),
    "by increments": lambda: learning_curve(SGDClassifier(random_state=0), X, y, **CURVE),
    "validation_curve": lambda: validation_curve(LR, X, y, param_name="C", param_range=[0.1, 1, 10], cv=3),
    "permutations": lambda: permutation_test_score(LR, X, y, cv=3, n_permutations=5, random_state=0),
    "no such parameter": lambda: grid(params={"D": [1]}).fit(X, y),
    "an empty grid": lambda: grid(params=[]).fit(X, y),
    "stacking": lambda: StackingClassifier([("a", grid()), ("b", GaussianNB())], cv=2).fit(X, y).predict(X),
}


ELSEWHERE = (
    "grid", "functions", "own search", "halving", "search in search", "mapped", "failing", "raising", "cross_validate",
    "cross_val_predict", "by increments", "permutations",
)  # fmt: skip


# joblib is the same for every scikit-learn: what goes to its processes and comes back is seen there in a few cases.
PLACES = [
    *(("loky", name) for name in ELSEWHERE),
    *(("threading", name) for name in ANYWHERE),
    *(("multiprocessing", name) for name in ("grid", "functions", "failing", "raising", "by increments")),
]
ALSO_ON_THE_OLDEST = ("grid", "raising", "cross_validate", "by increments")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    ("backend", "name"),
    [
        pytest.param(*place, marks=() if place[0] == "threading" or place[1] in ALSO_ON_THE_OLDEST else NEWEST)
        for place in PLACES
    ],
)
def test_another_backend(same, by_value, backend, name):
    def there() -> Any:
        with joblib.parallel_config(backend, n_jobs=2):
            return ANYWHERE[name]()

    same(there, traces=False)


@pytest.mark.parametrize("pre_dispatch", ["all", 1, "3*n_jobs", "n_jobs/0"])
def test_tasks_sent_ahead(same, pre_dispatch):
    def there() -> Any:
        with joblib.parallel_config("threading", n_jobs=2):
            return fitted(grid(pre_dispatch=pre_dispatch))

    same(there, traces=False)


class Brittle(BaseEstimator):
    """It is copied, but it does not travel."""

    def __init__(self, file=None):
        self.file = file

    def fit(self, X, y):
        return self

    def score(self, X, y):
        return 1.0


class Stays:
    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError("I stay")


def test_a_parameter_that_cannot_be_pickled(same, by_value):
    def there() -> Any:
        with joblib.parallel_config("loky", n_jobs=2):
            return grid(Brittle(), {"file": [None, Stays()]}).fit(X, y)

    found = same(there, traces=False)
    assert found["error"][0] is pickle.PicklingError
    same(lambda: fitted(grid(Brittle(), {"file": [None, Stays()]}))[1])


class Dies(Brittle):
    def fit(self, X, y):
        os._exit(7)


@NEWEST
def test_a_worker_that_dies(same, by_value):
    def there() -> Any:
        with joblib.parallel_config("loky", n_jobs=2):
            return grid(Dies(), {"file": [1, 2]}).fit(X, y)

    skribe.autolog(disable=True)
    found = []
    for on in (False, True):
        if on:
            skribe.autolog(silent=True)
        found.append(seen(there, traces=False))
        skribe.autolog(disable=True)
    assert [one["error"][0].__name__ for one in found] == ["TerminatedWorkerError"] * 2
    assert [one["stderr"] for one in found] == [""] * 2
    assert [[w for w in one["warnings"] if "worker stopped" not in w[1]] for one in found] == [[], []]


def test_the_plain_pickler_of_loky(same):
    from joblib.externals.loky import set_loky_pickler

    def there() -> Any:
        with joblib.parallel_config("loky", n_jobs=2):
            return fitted(grid())

    set_loky_pickler("pickle")
    try:
        same(there)
    finally:
        set_loky_pickler("cloudpickle")


def test_backends_of_others(same):
    from joblib._parallel_backends import SequentialBackend, ThreadingBackend

    class Mine(ThreadingBackend):
        pass

    class Slow(SequentialBackend):
        supports_return_generator = False

        def effective_n_jobs(self, n_jobs):
            return 1

    for backend in (Mine, Slow):
        joblib.register_parallel_backend("mine", backend)

        def there() -> Any:
            with joblib.parallel_config("mine", n_jobs=2):
                return fitted(grid()), cross_validate(LR, X, y)

        same(there)
    joblib.parallel.BACKENDS.pop("mine")


def test_searches_in_threads(same):
    from concurrent.futures import ThreadPoolExecutor

    def there() -> Any:
        with ThreadPoolExecutor(3) as pool:
            return [plain(one) for one in pool.map(lambda _: fitted(grid()), range(6))]

    same(there)


# --- code of the user's that looks behind scikit-learn's curtain ----------------------------------------------


class Generating(Staged):
    """A search that does its own tasks beside those of scikit-learn, with scikit-learn's own means."""

    def _run_search(self, evaluate_candidates):
        from sklearn.model_selection._validation import _fit_and_score

        # fmt: off
        task = {
            "scorer": get_scorer("accuracy"), "train": FIRST[0], "test": FIRST[1], "verbose": 0, "parameters": {},
            "fit_params": {}, "score_params": {}, "error_score": np.nan,
        }
        # fmt: on
        generator = Parallel(return_as="generator")(
            delayed(_fit_and_score)(self.estimator, X, y, **task) for _ in range(3)
        )
        self.kind_ = type(generator).__name__
        self.probe_ = [plain(next(iter(generator))), plain(list(generator))]
        evaluate_candidates([{"C": 1.0}])


@pytest.mark.filterwarnings("ignore:.*tasks have been successfully:UserWarning")
def test_a_generator_of_the_users_own(same):
    same(lambda: [fitted(search := Generating(LR)), search.kind_, search.probe_])


def scoring_in_parallel(estimator, X, y):
    parts = Parallel(n_jobs=2, backend="threading", return_as="generator")(
        delayed(accuracy_score)(y, estimator.predict(X)) for _ in range(3)
    )
    unordered = joblib.Parallel(n_jobs=2, backend="threading", return_as="generator_unordered")(
        joblib.delayed(abs)(-1.0) for _ in range(3)
    )
    assert [inspect.isgenerator(parts), inspect.isgenerator(unordered)] == [True, True]
    return sum(parts) / 3 + sum(unordered)


def test_parallel_loops_in_a_scorer(same):
    assert "error" not in same(lambda: fitted(grid(scoring=scoring_in_parallel)))
    assert "error" not in same(lambda: cross_validate(LR, X, y, scoring=scoring_in_parallel, n_jobs=1))


def test_parallel_is_watched_by_the_user(same, monkeypatch):
    made = []

    class Watched(Parallel):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

        def __call__(self, iterable):
            tasks = list(iterable)
            names = [(type(task[0]).__name__, task[0].__name__, sorted(vars(task[0]))) for task in tasks]
            found = super().__call__(tasks)
            self.told = names, type(found).__name__, len(found)
            return found

    for module in ("_search", "_validation"):
        monkeypatch.setattr(f"sklearn.model_selection.{module}.Parallel", Watched)

    def there() -> Any:
        made.clear()
        fitted(grid())
        cross_validate(LR, X, y)
        flags = ("return_as", "return_generator", "return_ordered", "n_dispatched_tasks", "n_completed_tasks")
        return [(one.told, [getattr(one, flag) for flag in flags], sorted(vars(one))) for one in made]

    assert "error" not in same(there)


def test_flags_are_put_back_after_a_failure(same, monkeypatch):
    made = []

    class Watched(Parallel):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr("sklearn.model_selection._search.Parallel", Watched)

    def there() -> Any:
        made.clear()
        with contextlib.suppress(ValueError, KeyboardInterrupt):
            grid(Odd(), {"does": ["fails"]}, error_score="raise").fit(X, y)
        with contextlib.suppress(KeyboardInterrupt):
            grid(Odd(), {"does": ["interrupts"]}).fit(X, y)
        return [[one.return_as, one.return_generator, one.return_ordered] for one in made]

    same(there)


def test_fit_and_score_is_replaced_by_the_user(same, monkeypatch):
    from unittest import mock

    from sklearn.model_selection import _search

    original = _search._fit_and_score
    calls = []

    def mine(*args, **kwargs):
        calls.append(sorted(kwargs))
        return original(*args, **kwargs) | {"test_scores": 0.5}

    monkeypatch.setattr(_search, "_fit_and_score", mine)
    same(lambda: [fitted(grid()), calls[-6:]])
    spy = mock.Mock(wraps=original)
    monkeypatch.setattr(_search, "_fit_and_score", spy)
    same(lambda: [fitted(grid()), spy.call_count % 6])
    monkeypatch.setattr(_search, "_fit_and_score", mock.create_autospec(original, side_effect=original))
    same(lambda: fitted(grid()))


class Unusual(KFold):
    def split(self, X, y=None, groups=None):
        assert Parallel(n_jobs=1)([iter(delayed(abs)(-1))]) == [1]
        yield from super().split(X, y, groups)


class Refused(KFold):
    def split(self, X, y=None, groups=None):
        return Parallel(n_jobs=1)(range(3))


def test_tasks_that_are_refused(same):
    assert same(lambda: fitted(grid(cv=Refused(3))))["error"][0] is TypeError


def test_tasks_that_are_iterators(same):
    """Such a task can be taken apart, which is all that joblib asks of it."""
    assert "error" not in same(lambda: fitted(grid(cv=Unusual(3))))


def test_autolog_is_switched_off_and_on_in_a_scorer(on):
    asked = []

    def scoring(estimator, X, y):
        asked.append(1)
        if len(asked) == 3:
            skribe.autolog(disable=True)
        if len(asked) == 5:
            skribe.autolog(silent=True)
        return estimator.score(X, y)

    found = fitted(grid(scoring=scoring, cv=4))
    skribe.autolog(disable=True)
    asked = [0] * 100
    expected = fitted(grid(scoring=scoring, cv=4))
    assert plain(found[2]) == plain(expected[2])


class Moody:
    """A value that does not like to be compared, shown or counted, and can be read only once."""

    def __init__(self):
        self.left = iter(range(100))

    def __iter__(self):
        return self.left

    def __eq__(self, other):
        raise RuntimeError("do not compare me")

    def __bool__(self):
        raise RuntimeError("neither true nor false")

    def __repr__(self):
        raise RuntimeError("do not show me")

    __hash__ = None


class Reads(Brittle):
    def fit(self, X, y):
        self.read_ = None if self.file is None else [next(iter(self.file)) for _ in range(2)]
        return self

    def score(self, X, y):
        return 0.0 if self.read_ is None else float(sum(self.read_))


def test_values_that_do_not_like_to_be_looked_at(same):
    same(lambda: grid(Reads(), {"file": [Moody(), None]}, refit=False).fit(X, y).cv_results_["mean_test_score"])


def test_splits_are_asked_for_as_often_as_before(same):
    def there() -> Any:
        splits = Splits(FIRST, (FIRST[1], FIRST[0]))
        return [fitted(grid(cv=splits))[2], splits.asked, cross_validate(LR, X, y, cv=splits), splits.asked]

    same(there)


def test_pickles(same):
    def there() -> Any:
        search = grid(STEPS, OBJECTS, scoring=MANY, refit="accuracy").fit(X, y)
        search.refit_time_ = 0.0
        for key in search.cv_results_:
            if key.endswith("_time"):
                search.cv_results_[key] = np.zeros(6)
        again = pickle.loads(pickle.dumps(search))
        return [len(pickle.dumps(search)), fitted(again), plain(sklearn.clone(search).get_params())]

    assert "error" not in same(there)


def test_the_parts_of_the_result_are_the_users_own_objects(same):
    def there() -> Any:
        grids = {"reduce": [PCA(2), "passthrough"], "model": [GaussianNB()]}
        search = grid(STEPS, grids).fit(X, y)
        chosen = search.cv_results_["params"][0]
        return [chosen["reduce"] is grids["reduce"][0], chosen["model"] is grids["model"][0]]

    assert same(there)["value"] == plain([True, True])


def test_nothing_is_kept_alive(on):
    import gc
    import weakref

    class Own(GridSearchCV):
        pass

    def there() -> list[Any]:
        data = pd.DataFrame(X)
        search = Own(LogisticRegression(), GRID, cv=3).fit(data, y)
        model = GaussianNB()
        cross_validate(model, data, y)
        return [weakref.ref(one) for one in (data, search, model, search.best_estimator_)]

    gone = there()
    gc.collect()
    assert [one() for one in gone] == [None] * 4


def test_arguments_that_scikit_learn_does_not_check(same):
    def there() -> Any:
        with sklearn.config_context(skip_parameter_validation=True):
            return cross_val_score(LR, X, y, folds=3)

    assert same(there)["error"][0] is TypeError


def test_no_jobs_at_all(same):
    assert same(lambda: cross_val_score(LR, X, y, n_jobs=0))["error"][0] is ValueError


def test_a_warning_of_joblib_about_nesting(same, monkeypatch):
    import multiprocessing

    config = multiprocessing.current_process()._config
    monkeypatch.setitem(config, "daemon", True)
    found = same(lambda: cross_validate(LR, X, y, n_jobs=2))
    assert len(found["warnings"]) == 1


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_models_with_cv_results_that_are_no_search(same, n_jobs):
    from sklearn.linear_model import RidgeCV

    rfe = RFECV(LogisticRegression(), cv=2)
    assert "error" not in same(lambda: cross_validate(rfe, X, y, cv=2, n_jobs=n_jobs))
    ridge = RidgeCV(store_cv_results=True)
    assert "error" not in same(lambda: cross_validate(ridge, X, X[:, 0], cv=2, n_jobs=n_jobs))


class Draws:
    """Draws a function that holds a lock: it is copied as it is, and cannot be pickled."""

    def rvs(self, random_state=None):
        import threading

        lock = threading.Lock()

        def function(Z):
            with lock:
                return Z

        return function


def test_an_inner_search_whose_candidates_cannot_come_back(same, by_value):
    from sklearn.preprocessing import FunctionTransformer

    def there() -> Any:
        pipe = make_pipeline(FunctionTransformer(), GaussianNB())
        inner = RandomizedSearchCV(pipe, {"functiontransformer__func": Draws()}, n_iter=2, cv=2, random_state=0)
        with joblib.parallel_config("loky", n_jobs=2):
            return cross_validate(inner, X, y, cv=2)

    assert "error" not in same(there, traces=False)


def frames_shown(error: BaseException) -> list[str]:
    """The frames of a traceback that are not hidden: what IPython and pytest show."""
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    shown = [code for code in codes if "__tracebackhide__" not in code.co_varnames and code.co_filename != __file__]
    return [f"{code.co_filename}: {code.co_qualname}" for code in shown]


def frames_raised(n_jobs: int | None) -> list[str]:
    with pytest.raises(ValueError, match="no fit today") as caught, joblib.parallel_config("threading"):
        grid(Odd(), {"does": ["fails"]}, error_score="raise", n_jobs=n_jobs).fit(X, y)
    return frames_shown(caught.value)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_none_of_our_frames_is_shown(on, n_jobs):
    assert [frame for frame in frames_raised(n_jobs) if frame.startswith(HOOKS)] == []


def test_the_traceback_is_the_same():
    before = frames_raised(None)
    skribe.autolog(silent=True)
    now = frames_raised(None)
    skribe.autolog(disable=True)
    assert now == before


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_the_traceback_in_the_message_about_failed_fits(on, n_jobs, backend):
    with warnings.catch_warnings(record=True) as caught, joblib.parallel_config(backend):
        warnings.simplefilter("always")
        grid(Odd(), {"does": ["answers", "fails"]}, n_jobs=n_jobs).fit(X, y)
    [failed] = [one for one in caught if one.category is FitFailedWarning]
    assert HOOKS not in str(failed.message)


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("moment", ["dispatch", "arrive"])
def test_ctrl_c_while_a_task_is_being_written_down(monkeypatch, n_jobs, moment):
    from skribe.sweeps.sweep import Sweep

    original = getattr(Sweep, moment)
    asked = []

    def interrupted(self, *args):
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return original(self, *args)

    monkeypatch.setattr(Sweep, moment, interrupted)
    skribe.autolog(silent=True)
    with joblib.parallel_config("threading", n_jobs=n_jobs):
        found = seen(lambda: grid().fit(X, y))
    skribe.autolog(disable=True)
    assert found["error"][0] is KeyboardInterrupt
    assert [found["warnings"], found["stdout"], found["stderr"]] == [[], "", ""]
    assert list(skribe.runs()["status"]) == ["killed"]


# --- whole programs -------------------------------------------------------------------------------------------

PROGRAM = """
import os, sys, time, warnings
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
import skribe
if sys.argv[1] == "on":
    skribe.autolog(silent=True)
X = np.random.RandomState(0).randn(60, 4)
y = (X[:, 0] > 0).astype(int)

class Odd(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0, does=""):
        self.a, self.does = a, does
    def fit(self, X, y):
        if self.does == "fails":
            raise ValueError("no fit today")
        if self.does == "warns":
            warnings.warn(f"I am odd, a={self.a}")
        if self.does == "sleeps":
            open(f"began-{self.a}", "w").close()
            time.sleep(30)
        if self.does == "works":
            open(f"began-{self.a % 2}", "w").close()
            time.sleep(0.001)
        self.classes_ = np.unique(y)
        return self
    def predict(self, X):
        return np.zeros(len(X), int)

def body():
BODY

if __name__ == "__main__":
    body()
"""


def program(body: str, folder: Any, how: str) -> list[str]:
    file = folder / "program.py"
    file.write_text(PROGRAM.replace("BODY", textwrap.indent(textwrap.dedent(body), "    ")))
    return [sys.executable, str(file), how]


def both(body: str, folder: Any) -> list[tuple[int, list[str], list[str]]]:
    """What the program does without and with skribe: how it exits and what it prints, sorted by line."""
    children = [
        subprocess.Popen(
            program(body, folder, how), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for how in ("off", "on")
    ]
    found = []
    for child in children:
        printed = [sorted(_without_times(text).splitlines()) for text in child.communicate(timeout=120)]
        found.append((child.returncode, *printed))
    return found


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=NEWEST)])
def test_warnings_on_the_screen(own_folder, n_jobs):
    off, on = both(
        f"""
        for _ in range({3 - n_jobs}):
            GridSearchCV(Odd(), {{"a": [0, 1], "does": ["warns"]}}, cv=3, n_jobs={n_jobs}).fit(X, y)
            cross_validate(LogisticRegression(max_iter=1), X, y, cv=3, n_jobs={n_jobs})
            GridSearchCV(Odd(), {{"does": ["", "fails"]}}, cv=3, n_jobs={n_jobs}).fit(X, y)
        """,
        own_folder,
    )
    assert on == off
    assert off[0] == 0
    assert any("I am odd, a=1" in line for line in off[2])


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=NEWEST)])
def test_what_is_reported_on_the_screen(own_folder, n_jobs):
    off, on = both(
        f"""
        GridSearchCV(Odd(), {{"a": [0, 1]}}, cv=3, n_jobs={n_jobs}, verbose=4).fit(X, y)
        cross_validate(Odd(), X, y, cv=4, n_jobs={n_jobs}, verbose=3, return_train_score=True)
        """,
        own_folder,
    )
    # Progress is reported as the tasks come back, by twos or one by one; and two workers may share a line.
    done = re.compile(r"\[Parallel\(n_jobs=2\)\]: (Done +\d+|Batch)")

    def told(lines: list[str]) -> list[str]:
        pieces = [piece.strip() for line in lines for piece in re.split(r"(?=\[CV|\[Parallel|Fitting)", line)]
        return sorted(piece for piece in pieces if piece and not done.match(piece))

    assert [on[0], told(on[1]), told(on[2])] == [off[0], told(off[1]), told(off[2])]
    assert off[0] == 0
    assert len([line for line in told(off[1]) if line.startswith("[CV")]) == 10


def interrupted(body: str, folder: Any) -> list[tuple[int, str, list[str]]]:
    """Ctrl-C once the fits have begun. The lines of the traceback itself, which depend on the moment, are left out."""
    children = []
    for how in ("off", "on"):
        (own := folder / how).mkdir()
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        children.append((own, subprocess.Popen(program(body, own, how), cwd=own, text=True, **pipes)))
    deadline = time.monotonic() + 60
    for own, child in children:
        while not list(own.glob("began-*")) and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
    found = []
    for _, child in children:
        out, err = child.communicate(timeout=60)
        found.append((child.returncode, out, [line for line in err.splitlines() if line and line[0] != " "]))
    return found


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize(("n_jobs", "does"), [(1, "works"), pytest.param(2, "sleeps", marks=NEWEST)])
def test_ctrl_c(own_folder, n_jobs, does):
    body = f"""
        search = GridSearchCV(Odd(does="{does}"), {{"a": list(range(4000))}}, cv=5, n_jobs={n_jobs}, refit=False)
        search.fit(X, y)
    """
    off, on = interrupted(body, own_folder)
    assert on == off
    assert off[0] == -signal.SIGINT


# --- on a cluster ---------------------------------------------------------------------------------------------

WITHOUT_SKRIBE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "skribe":
            raise ModuleNotFoundError("no skribe here", name="skribe")

sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two workers of one thread each, in processes that cannot import skribe."""
    distributed = pytest.importorskip("distributed")
    preload = tmp_path_factory.mktemp("dask") / "without_skribe.py"
    preload.write_text(WITHOUT_SKRIBE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, preload=[str(preload)],
                local_directory=str(preload.parent),
            ) as made,
            distributed.Client(made) as client,
        ):  # fmt: skip
            yield client


def _imports_skribe() -> bool:
    try:
        import skribe  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_cluster_without_skribe(same, by_value, cluster, name):
    if sklearn.__version__.startswith("1.6."):
        pytest.skip("there what this module defines goes to the workers by reference, without skribe as with it")
    assert set(cluster.run(_imports_skribe).values()) == {False}

    def there() -> Any:
        with joblib.parallel_config("dask", wait_for_workers_timeout=20):
            return ANYWHERE[name]()

    same(there, but=("random",), traces=False)  # the client draws from `random` itself
