"""`autolog(resume=True)`: what has finished is taken from the store, and nothing else is.

The estimators here note each fit that they are really asked for in a file.
"""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.validation import _check_sample_weight

import skribe

X, y = load_iris(return_X_y=True)
GRID = {"k": [1, 2, 3]}
LOG = "SKRIBE_TEST_FITS"


@pytest.fixture(autouse=True)
def _autolog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(LOG, str(tmp_path / "fits"))
    skribe.autolog(silent=True, resume=True)
    yield
    skribe.autolog(disable=True)


class Counted(ClassifierMixin, BaseEstimator):
    """The nearest of the class means, moved a little; each fit is a byte in a file."""

    def __init__(self, k=1, shift=0.0, log=None):
        self.k = k
        self.shift = shift
        self.log = log

    def fit(self, X, y, sample_weight=None):
        with open(self.log, "ab", buffering=0) as file:
            file.write(b".")
        X, y, weight = np.asarray(X), np.asarray(y), _check_sample_weight(sample_weight, np.asarray(X))
        self.classes_ = np.unique(y)
        self.means_ = np.array(
            [np.average(X[y == c][:, : self.k], axis=0, weights=weight[y == c]) for c in self.classes_]
        )
        return self

    def predict(self, X):
        distances = ((np.asarray(X)[:, None, : self.k] - self.means_ - self.shift) ** 2).sum(axis=2)
        return self.classes_[distances.argmin(axis=1)]


class Flaky(Counted):
    """Fails, or is stopped, while a file is there."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        if self.k == 2 and os.path.exists(f"{self.log}.broken"):
            raise RuntimeError("broken")
        if self.k == 3 and os.path.exists(f"{self.log}.stop"):
            raise KeyboardInterrupt
        return self


class Slow(Counted):
    """Takes much longer than finding its result does."""

    def fit(self, X, y, sample_weight=None):
        time.sleep(0.05)
        return super().fit(X, y, sample_weight)


class Holds(Counted):
    """Is given something that it has no use for."""

    def __init__(self, k=1, shift=0.0, log=None, holds=None):
        super().__init__(k, shift, log)
        self.holds = holds


class Opaque:
    """Can be copied, and not taken apart."""

    def __reduce_ex__(self, protocol):
        raise TypeError("nobody looks inside")

    def __deepcopy__(self, memo):
        return self


def own_score(model, X, y):
    return accuracy_score(y, model.predict(X))


def nan_for_two(model, X, y):
    return float("nan") if model.k == 2 else 1.0


def counted(**more):
    return Counted(log=os.environ[LOG], **more)


def grid(estimator=None, params=None, **more):
    return GridSearchCV(
        counted() if estimator is None else estimator, params or GRID, **{"cv": 3, "refit": False, **more}
    )


def fits_of(search, *args, **kwargs):
    """How many fits this search really makes."""
    log = Path(os.environ[LOG])
    before = log.stat().st_size if log.exists() else 0
    search.fit(*(args or (X, y)), **kwargs)
    return (log.stat().st_size if log.exists() else 0) - before


def uninterrupted(search, *args, **kwargs):
    with skribe.suppress():
        return sklearn.clone(search).fit(*(args or (X, y)), **kwargs)


def assert_same(one, other):
    """All but the times: the same bits."""
    assert list(one.cv_results_) == list(other.cv_results_)
    for key, column in one.cv_results_.items():
        if "time" not in key:
            expected = other.cv_results_[key]
            assert getattr(column, "dtype", None) == getattr(expected, "dtype", None), key
            if key.startswith("param"):  # estimators among them, which know no equality
                column, expected = list(map(str, column)), list(map(str, expected))
            np.testing.assert_array_equal(column, expected, err_msg=key)
    for key in ("best_index_", "best_params_", "best_score_", "n_splits_", "n_resources_", "n_candidates_"):
        assert getattr(one, key, None) == getattr(other, key, None), key
    if hasattr(other, "best_estimator_"):
        assert (one.predict(X) == other.predict(X)).all()
        assert one.best_estimator_.get_params() == other.best_estimator_.get_params()


def words():
    return [note.reason for note in skribe.last_run().notes if note.what == "resume"]


# --- what is found again -------------------------------------------------------------------------------------


def test_the_same_search_costs_nothing_and_gives_the_same():
    search = grid(refit=True, return_train_score=True)
    assert fits_of(search) == 10
    first = skribe.last_run()
    again = grid(refit=True, return_train_score=True)
    assert fits_of(again) == 1  # the refit
    assert_same(again, uninterrupted(search))
    for key in ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"):
        np.testing.assert_array_equal(again.cv_results_[key], search.cv_results_[key])
    run = skribe.last_run()
    assert words() == [f"9 of 9 results are taken from run {first.short_id}"]
    frame = run.results()
    assert set(frame["reused"]) == {first.id}
    assert list(frame["test_score"]) == list(first.results()["test_score"])
    means = {child.params["k"]: child.metrics["mean_test_score"] for child in run.children}
    assert means == dict(zip(GRID["k"], again.cv_results_["mean_test_score"], strict=True))
    assert run.facts["n_fits"] == 9


def test_one_more_value_costs_only_that_value():
    fits_of(grid())
    more = grid(params={"k": [3, 4, 1, 2]})
    assert fits_of(more) == 3
    assert_same(more, uninterrupted(more))
    assert words()[0].startswith("9 of 12 results")


def test_the_kind_of_the_search_does_not_matter():
    fits_of(grid())
    search = RandomizedSearchCV(counted(), GRID, n_iter=3, cv=3, random_state=0, refit=False)
    assert fits_of(search) == 0
    assert_same(search, uninterrupted(search))


def test_it_is_off_unless_asked_for():
    fits_of(grid())
    skribe.autolog(silent=True)
    assert fits_of(grid()) == 9
    assert words() == []
    assert skribe.last_run().results()["reused"].isna().all()


@pytest.mark.parametrize("n_jobs", [(None, 2), (2, None), (2, 2)])
def test_workers_or_not(n_jobs):
    first, second = n_jobs
    assert fits_of(grid(n_jobs=first)) == 9
    more = grid(params={"k": [1, 2, 3, 4]}, n_jobs=second, refit=True)
    assert fits_of(more) == 3 + 1
    assert_same(more, uninterrupted(grid(params={"k": [1, 2, 3, 4]}, refit=True)))
    assert (skribe.last_run().results().groupby("candidate")["reused"].count() == [3, 3, 3, 0]).all()


def test_several_metrics():
    search = functools.partial(grid, scoring=["accuracy", "f1_macro"], refit="f1_macro", return_train_score=True)
    assert fits_of(search()) == 10
    again = search()
    assert fits_of(again) == 1
    assert_same(again, uninterrupted(search()))


def test_scores_of_other_metrics_are_not_made_up():
    fits_of(grid(scoring=["accuracy"], refit=False))
    assert fits_of(grid(scoring=["accuracy", "f1_macro"], refit=False)) == 9


def test_a_halving_search():
    def search():
        return HalvingGridSearchCV(counted(), {"k": [1, 2, 3, 4]}, cv=3, random_state=0, refit=False)

    total = fits_of(search())
    again = search()
    assert fits_of(again) == 0
    assert total == 3 * len(again.cv_results_["params"])
    assert_same(again, uninterrupted(search()))


def test_a_candidate_that_comes_twice_is_fitted_twice_as_ever():
    search = grid(params=[{"k": [1]}, {"k": [1, 2]}])
    assert fits_of(search) == 9
    assert_same(search, uninterrupted(search))
    assert len(skribe.last_run().children) == 3


def test_steps_of_a_pipeline():
    def search(k):
        pipe = Pipeline([("scale", StandardScaler()), ("clf", counted())])
        return grid(pipe, {"scale": [StandardScaler(), MinMaxScaler(), "passthrough"], "clf__k": k})

    assert fits_of(search([1, 2])) == 18
    again = search([1, 2, 3])
    assert fits_of(again) == 9
    assert_same(again, uninterrupted(search([1, 2, 3])))


def test_shuffled_splits_with_a_seed_are_found_and_without_one_are_not():
    def seeded():
        return grid(cv=KFold(3, shuffle=True, random_state=7))

    fits_of(seeded())
    assert fits_of(seeded()) == 0
    fits_of(grid(cv=KFold(3, shuffle=True)))
    assert fits_of(grid(cv=KFold(3, shuffle=True))) == 9
    (word,) = words()
    assert word.startswith("no finished result of this search was found")
    assert "random_state" in word


def test_tables_are_known_by_content():
    def data():
        return pd.DataFrame(X, columns=list("abcd")), pd.Series(y)

    fits_of(grid(), *data())
    assert fits_of(grid(), *data()) == 0
    assert fits_of(grid(), X, y) == 9


def test_whether_data_are_described_does_not_matter():
    fits_of(grid())
    skribe.autolog(silent=True, resume=True, log_datasets=False)
    assert fits_of(grid()) == 0


def test_a_child_that_was_taken_over_is_a_whole_child():
    fits_of(grid(return_train_score=True))
    first = skribe.last_run()
    fits_of(grid(return_train_score=True))
    taken_over = {child.name: child for child in skribe.last_run().children}
    assert len(taken_over) == 3
    for before in first.children:
        after = taken_over[before.name]
        assert before.params == after.params
        assert before.metrics == after.metrics
        assert before.facts == after.facts
        assert after.status == "finished"


def test_what_was_taken_over_did_not_begin_before_the_search():
    fits_of(grid(Slow(log=os.environ[LOG])))
    fits_of(grid(Slow(log=os.environ[LOG])))
    run = skribe.last_run()
    assert all(run.start <= child.start <= child.end <= run.end for child in run.children)
    assert [child.params["k"] for child in run.children] == GRID["k"]


def test_a_search_finds_the_results_of_one_that_was_stopped():
    stop = Path(f"{os.environ[LOG]}.stop")
    stop.touch()
    with pytest.raises(KeyboardInterrupt):
        grid(Flaky(log=os.environ[LOG])).fit(X, y)
    stopped = skribe.last_run()
    assert (stopped.status, len(stopped.results())) == ("killed", 6)
    stop.unlink()
    again = grid(Flaky(log=os.environ[LOG]), refit=True)
    assert fits_of(again) == 3 + 1
    assert_same(again, uninterrupted(again))
    assert words() == [f"6 of 9 results are taken from run {stopped.short_id}"]


# --- what is not ---------------------------------------------------------------------------------------------


def weighted(search):
    return fits_of(search, X, y, sample_weight=np.ones(len(y)))


def changed_y():
    other = y.copy()
    other[0] = 1
    return other


def changed_x():
    other = X.copy()
    other[3, 3] = np.nextafter(other[3, 3], 10)
    return other


CHANGES = {
    "a parameter of the estimator": lambda: fits_of(grid(counted(shift=0.25))),
    "its type": lambda: fits_of(grid(counted(shift=0))),
    "the class": lambda: fits_of(grid(Flaky(log=os.environ[LOG]))),
    "the candidate": lambda: fits_of(grid(params={"k": [1, 2, 3], "shift": [0.5]})),
    "one value of X": lambda: fits_of(grid(), changed_x(), y),
    "one value of y": lambda: fits_of(grid(), X, changed_y()),
    "the type of X": lambda: fits_of(grid(), X.astype(np.float32), y),
    "the type of y": lambda: fits_of(grid(), X, y.astype(float)),
    "the order of the rows": lambda: fits_of(grid(), X[::-1], y[::-1]),
    "the number of splits": lambda: fits_of(grid(cv=2)) + 3,
    "the splits": lambda: fits_of(grid(cv=StratifiedKFold(3, shuffle=True, random_state=1))),
    "the scorer": lambda: fits_of(grid(scoring="f1_macro")),
    "the scorer's settings": lambda: fits_of(grid(scoring=make_scorer(f1_score, average="weighted"))),
    "a scorer of the user's": lambda: fits_of(grid(scoring=own_score)),
    "train scores": lambda: fits_of(grid(return_train_score=True)),
    "fit params": lambda: weighted(grid()),
    "error_score": lambda: fits_of(grid(error_score=0.0)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_one_change_and_all_is_computed_anew(what):
    assert fits_of(grid()) == 9
    assert CHANGES[what]() == 9
    assert skribe.last_run().results()["reused"].isna().all()
    assert len(words()) == 1
    assert CHANGES[what]() in (0, 3)  # and is found itself the next time


def test_fit_params_are_known_by_content():
    weight = np.linspace(0.5, 1, len(y))
    fits_of(grid(), X, y, sample_weight=weight)
    assert fits_of(grid(), X, y, sample_weight=weight.copy()) == 0
    assert fits_of(grid(), X, y, sample_weight=weight * 2) == 9


def test_another_scikit_learn_computes_anew(monkeypatch):
    fits_of(grid())
    monkeypatch.setattr(sklearn, "__version__", "1.0.0")
    assert fits_of(grid()) == 9


def _the_first_class(self, X):
    return np.full(len(X), self.classes_[0])


def test_other_code_under_the_same_name_computes_anew(monkeypatch):
    fits_of(grid())
    monkeypatch.setattr(Counted, "predict", _the_first_class)
    assert fits_of(grid()) == 9


def test_a_setting_of_scikit_learn_that_matters():
    fits_of(grid())
    with sklearn.config_context(transform_output="pandas"):
        assert fits_of(grid()) == 9
    with sklearn.config_context(display="text"):
        assert fits_of(grid()) == 0
    with sklearn.config_context(assume_finite=True):
        assert fits_of(grid()) == 9


@pytest.mark.parametrize(
    ("scoring", "told"),
    [
        (lambda model, X, y: 0.5, "scorer"),
        (make_scorer(lambda y, p: 0.5), "scorer"),
        ({"a": "accuracy", "b": lambda model, X, y: 0.5}, "scorer"),
    ],
    ids=["a lambda", "a scorer of a lambda", "one of several"],
)
def test_what_cannot_be_identified_is_computed_anew_and_the_notes_say_why(scoring, told):
    for _ in range(2):
        assert fits_of(grid(scoring=scoring)) == 9
        (word,) = words()
        assert word.startswith("9 results are computed anew")
        assert told in word
        assert "lambda" in word


def test_only_the_candidate_that_cannot_be_identified_is_computed_anew():
    params = {"holds": [1, Opaque()]}
    assert fits_of(grid(Holds(log=os.environ[LOG]), params)) == 6
    assert fits_of(grid(Holds(log=os.environ[LOG]), params)) == 3
    taken, anew = words()
    assert taken.startswith("3 of 6 results are taken from run ")
    assert anew.startswith("3 results are computed anew")
    assert "holds" in anew


def test_failed_fits_are_made_again():
    broken = Path(f"{os.environ[LOG]}.broken")
    broken.touch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fits_of(grid(Flaky(log=os.environ[LOG]))) == 9
    broken.unlink()
    again = grid(Flaky(log=os.environ[LOG]))
    assert fits_of(again) == 3
    assert_same(again, uninterrupted(again))
    assert [child.status for child in skribe.last_run().children] == ["finished"] * 3


def test_scores_that_are_nan_are_made_again():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits_of(grid(scoring=nan_for_two))
        assert fits_of(grid(scoring=nan_for_two)) == 3


def test_deleted_results_are_not_used():
    fits_of(grid())
    run = skribe.last_run()
    run.delete()
    assert fits_of(grid()) == 9
    skribe.last_run().delete()
    run.restore()
    assert fits_of(grid()) == 0
    assert words() == [f"9 of 9 results are taken from run {run.short_id}"]


def test_results_of_a_deleted_experiment_are_not_used():
    skribe.autolog(silent=True, resume=True, experiment="thrown away")
    fits_of(grid())
    skribe.experiment("thrown away").delete()
    skribe.autolog(silent=True, resume=True)
    assert fits_of(grid()) == 9


def test_cross_validations_are_always_computed():
    fits_of(grid(params={"k": [1]}))
    log = Path(os.environ[LOG])
    before = log.stat().st_size
    cross_val_score(counted(), X, y, cv=3)
    assert log.stat().st_size - before == 3


def test_candidates_without_runs_are_found_too():
    skribe.autolog(silent=True, resume=True, max_tuning_runs=0)
    fits_of(grid())
    assert fits_of(grid()) == 0
    skribe.autolog(silent=True, resume=True, max_tuning_runs=1)
    assert fits_of(grid()) == 0
    assert len(skribe.last_run().children) == 1


def test_random_streams_stay_the_users():
    fits_of(grid())
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    fits_of(grid())
    assert (np.random.get_state()[1] == before).all()
