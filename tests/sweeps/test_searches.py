"""What a search leaves: a run for each candidate, every number exactly as in `cv_results_`."""

from __future__ import annotations

import csv
import io
import math
import re
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Iterator

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import uniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import skribe
from skribe.capture import parameters

X, y = load_iris(return_X_y=True)
SPLIT = re.compile(r"split(\d+)_(.+)")


@pytest.fixture(autouse=True)
def _autolog() -> Iterator[None]:
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


class Odd(ClassifierMixin, BaseEstimator):
    """Fails, warns or answers, as it is told."""

    def __init__(self, does="answers", a=0):
        self.does = does
        self.a = a

    def fit(self, X, y):
        if self.does == "fails":
            raise ValueError(f"no fit today, a={self.a}")
        if self.does == "fails at length":
            raise ValueError("Input contains NaN.\nSee the page: https://somewhere")
        if self.does == "warns":
            warnings.warn(f"I am odd, a={self.a}", UserWarning, stacklevel=1)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.a])


class Staged(BaseSearchCV):
    """A search of the user's own, which asks for its candidates in two batches."""

    def __init__(self, estimator, stages, cv=3, refit=True):
        super().__init__(estimator, cv=cv, refit=refit)
        self.stages = stages

    def _run_search(self, evaluate_candidates):
        for stage in self.stages:
            evaluate_candidates(ParameterGrid(stage))


def by_number(run):
    """The children in the order of `cv_results_`, with the parameters chosen for each as `results()` has them."""
    frame = run.results()
    names = frame.groupby("candidate")["name"].first()
    candidates = [child for child in run.children if child.kind == "candidate"]
    children = {child.name: child for child in candidates}
    assert len(children) == len(candidates) == len(names)
    return [children[names[number]] for number in sorted(names.index)]


def same(one, other):
    return one == other or (math.isnan(one) and math.isnan(other))


def assert_as_in_cv_results(run, search):
    """Every number of `cv_results_` is on the child where it belongs, to the last bit."""
    results, n_splits = search.cv_results_, search.n_splits_
    children, frame = by_number(run), run.results().set_index(["candidate", "split"])
    assert len(children) == len(results["params"])
    assert len(frame) == len(children) * n_splits
    for number, child in enumerate(children):
        assert child.kind == "candidate"
        assert child.parent == run
        metrics = child.metrics
        names = [key.removeprefix("split_") for key in metrics if key.startswith("split_")]
        curves = {key: list(child.history(f"split_{key}")["value"]) for key in names}
        for key, column in results.items():
            place = SPLIT.fullmatch(key)
            if place:
                assert same(curves[place[2]][int(place[1])], column[number]), (child.name, key)
                assert same(frame.loc[(number, int(place[1])), place[2]], column[number])
            elif key.startswith(("mean_", "std_", "rank_")) or key in ("iter", "n_resources"):
                assert same(metrics[key], column[number]), (child.name, key)
        for key, value in results["params"][number].items():
            if isinstance(value, int | float | str | None):
                assert child.params[key] == value
        for key in ("fit_time", "score_time"):  # each by itself is in the results
            times = frame.loc[number][key]
            assert np.average(times) == pytest.approx(results[f"mean_{key}"][number], rel=1e-12)
        for key, values in curves.items():
            assert list(child.history(f"split_{key}")["step"]) == list(range(n_splits)), key
            assert len(values) == n_splits


def assert_chose(run, search):
    """The parent says what the search chose."""
    assert (run.kind, run.status) == ("search", "finished")
    best = by_number(run)[search.best_index_]
    assert run.best == best
    assert [child.name for child in run.children if child.tags.get("best") == "true"] == [best.name]
    assert run.tags["best_run"] == best.id
    assert run.metrics["best_cv_score"] == search.best_score_
    for key, value in search.best_params_.items():
        if isinstance(value, int | float | str | None):
            assert run.params[f"best_{key}"] == value


def table_of(run):
    return list(csv.DictReader(io.StringIO(run.artifact_path("cv_results.csv").read_text())))


# --- every search class --------------------------------------------------------------------------------------

GRID = {"C": [0.1, 1, 10], "kernel": ["linear", "rbf"]}
SEARCHES = {
    "grid": lambda n_jobs: GridSearchCV(SVC(), GRID, cv=3, return_train_score=True, n_jobs=n_jobs),
    "eleven splits": lambda n_jobs: GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, cv=11, n_jobs=n_jobs),
    "list of grids": lambda n_jobs: GridSearchCV(
        SVC(), [{"kernel": ["linear"], "C": [1, 2]}, {"kernel": ["rbf"], "gamma": [0.1]}], cv=3, n_jobs=n_jobs
    ),
    "random": lambda n_jobs: RandomizedSearchCV(
        SVC(), {"C": uniform(0.1, 10), "kernel": ["rbf"]}, n_iter=4, random_state=0, cv=3, n_jobs=n_jobs
    ),
    "halving": lambda n_jobs: HalvingGridSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3, 4]}, cv=3, random_state=0, n_jobs=n_jobs
    ),
    "random halving": lambda n_jobs: HalvingRandomSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": list(range(1, 10))}, cv=3, random_state=0, n_jobs=n_jobs
    ),
    "several metrics": lambda n_jobs: GridSearchCV(
        SVC(), GRID, cv=3, scoring=["accuracy", "f1_macro"], refit="f1_macro", return_train_score=True, n_jobs=n_jobs
    ),
}


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("name", SEARCHES)
def test_every_number_is_that_of_cv_results(name, n_jobs):
    search = SEARCHES[name](n_jobs).fit(X, y)
    run = skribe.last_run()
    assert_as_in_cv_results(run, search)
    assert_chose(run, search)
    assert len(skribe.runs()) == 1
    assert run.facts["n_candidates"] == len(search.cv_results_["params"])
    assert run.facts["n_fits"] == len(search.cv_results_["params"]) * search.n_splits_
    assert run.notes == [] or {note.what for note in run.notes} <= {
        "advice", "cpu", "plots.roc", "plots.precision_recall",
    }  # fmt: skip


def test_a_search_of_the_users_own():
    search = Staged(GaussianNB(), [{"var_smoothing": [1e-9, 1e-3]}, {"var_smoothing": [0.1]}]).fit(X, y)
    run = skribe.last_run()
    assert run.name == "Staged(GaussianNB)"
    assert [child.name for child in by_number(run)] == [f"var_smoothing={v}" for v in ("1e-09", "0.001", "0.1")]
    assert_as_in_cv_results(run, search)
    assert_chose(run, search)


def test_threads():
    with joblib.parallel_backend("threading", n_jobs=2):
        search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3, 0.1]}, cv=3).fit(X, y)
    assert_as_in_cv_results(skribe.last_run(), search)
    assert_chose(skribe.last_run(), search)


def test_processes_that_are_forked():
    # In a process of its own: beside the threads that other tests have left it is not safe to fork.
    code = """
        import joblib, skribe
        skribe.autolog(silent=True)
        from sklearn.datasets import load_iris
        from sklearn.model_selection import GridSearchCV
        from sklearn.naive_bayes import GaussianNB
        with joblib.parallel_backend("multiprocessing", n_jobs=2):
            search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, cv=2).fit(*load_iris(return_X_y=True))
        print([list(map(float, search.cv_results_[f"split{split}_test_score"])) for split in (0, 1)])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    run = skribe.last_run()
    scores = [
        [float(child.history("split_test_score")["value"][split]) for child in by_number(run)] for split in (0, 1)
    ]
    assert str(scores) == done.stdout.strip()
    assert run.status == "finished"


# --- the child -----------------------------------------------------------------------------------------------


def test_a_child_is_named_by_what_varies():
    GridSearchCV(SVC(), {"C": [1, 10], "kernel": ["rbf"], "gamma": ["scale", 0.5]}, cv=2).fit(X, y)
    names = [child.name for child in by_number(skribe.last_run())]
    assert names == [f"C={C}, gamma={gamma}" for C in (1, 10) for gamma in ("scale", 0.5)]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_child_has_its_own_times_sizes_and_parameters(n_jobs):
    grid = GridSearchCV(Pipeline([("s", StandardScaler()), ("c", SVC())]), {"c__C": [1, 7]}, cv=3, n_jobs=n_jobs)
    grid.fit(X, y)
    run = skribe.last_run()
    children = by_number(run)
    frame = run.results()
    for number, child in enumerate(children):
        assert run.start <= child.start < child.end <= run.end
        assert (child.status, child.error, child.experiment) == ("finished", None, "default")
        rows = frame[frame["candidate"] == number]
        assert child.wall == pytest.approx((rows["fit_time"] + rows["score_time"]).sum(), rel=1e-12)
        if n_jobs is None:
            assert abs((pd.Timestamp(child.start) - rows["began"].min()).total_seconds()) < 2e-6
        assert (child.end - child.start).total_seconds() >= child.wall / 2 - 0.001
        assert child.facts["n_train_samples"] == [100] * 3
        assert child.facts["n_test_samples"] == [50] * 3
        assert child.tags["estimator_name"] == "Pipeline"
    expected = grid.estimator.get_params().keys()
    assert [child.params["c__C"] for child in children] == [1, 7]
    assert all(child.params.keys() == expected for child in children)
    assert children[1].changed_params["c__C"] == 7
    if n_jobs is None:
        assert children[0].end <= children[1].start
    assert (frame["n_train"] == 100).all()
    assert frame["error"].isna().all()
    assert frame["reused"].isna().all()
    assert len(set(frame["worker"])) <= (n_jobs or 1)


class Waits(BaseEstimator):
    """Takes as long as it is told for each split."""

    def __init__(self, seconds=()):
        self.seconds = seconds

    def fit(self, X, y=None):
        time.sleep(self.seconds[int(X[0, 0] == 0)])
        return self

    def score(self, X, y=None):
        return 1.0


def test_a_child_begins_with_its_first_split_also_when_another_arrives_before():
    # The first split of the second candidate begins early and takes long; its second one begins late.
    search = GridSearchCV(Waits(), {"seconds": [(0.3, 0.02), (0.8, 0.15)]}, cv=2, refit=False)
    with joblib.parallel_backend("threading", n_jobs=2):
        search.fit(np.arange(10.0)[:, None])
    run = skribe.last_run()
    began = run.results().groupby("candidate")["began"].min()
    for number, child in enumerate(by_number(run)):
        assert abs((pd.Timestamp(child.start) - began[number]).total_seconds()) < 0.1


def test_estimator_objects_show_their_own_parameters_and_no_stale_ones():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC(C=3))])
    grid = [
        {"clf": [LogisticRegression(max_iter=777)], "clf__C": [0.5]},
        {"clf": [KNeighborsClassifier()], "clf__n_neighbors": [3], "scale": ["passthrough", MinMaxScaler()]},
    ]
    GridSearchCV(pipe, grid, cv=2).fit(X, y)
    logistic, plain, minmax = by_number(skribe.last_run())
    assert logistic.params["clf__C"] == 0.5
    assert logistic.params["clf__max_iter"] == 777
    assert "clf__kernel" not in logistic.params
    assert logistic.params["scale__with_mean"] is True
    assert plain.params["clf__n_neighbors"] == 3
    assert plain.params["scale"] == "passthrough"
    assert not {key for key in plain.params if key.startswith("scale__") or key == "clf__C"}
    assert minmax.params["scale__feature_range"] is not None
    assert "scale__with_mean" not in minmax.params
    assert "LogisticRegression" in logistic.name


def test_what_holds_the_chosen_one_shows_it_too():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    GridSearchCV(pipe, {"clf__C": [1.0, 5.0], "scale": ["passthrough"]}, cv=2).fit(X, y)
    for child in skribe.last_run().children:
        C = child.params["clf__C"]
        with skribe.suppress():
            expected = parameters(clone(pipe).set_params(clf__C=C, scale="passthrough"))[0]
        assert {param.key: param.value for param in expected} == {
            param.key: param.value for param in child._query.params(child.id)
        }


def test_halving_says_which_iteration_and_how_much():
    search = SEARCHES["halving"](None).fit(X, y)
    run = skribe.last_run()
    children = by_number(run)
    iterations = search.cv_results_["iter"]
    assert [child.name.rpartition(", ")[2] for child in children] == [f"iter={number}" for number in iterations]
    frame = run.results()
    assert list(frame.groupby("candidate")["iter"].first()) == list(iterations)
    assert list(frame.groupby("candidate")["n_resources"].first()) == list(search.cv_results_["n_resources"])
    # Of the rows that an iteration may use, each fold of each split gets a whole number.
    used = (frame["n_train"] + frame["n_test"]).groupby(frame["candidate"]).first()
    assert all(abs(one - given) <= 3 for one, given in zip(used, search.cv_results_["n_resources"], strict=True))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_warnings_are_those_of_the_candidate(n_jobs):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        GridSearchCV(Odd(), {"does": ["answers", "warns"], "a": [0, 1]}, cv=3, n_jobs=n_jobs, refit=False).fit(X, y)
    run = skribe.last_run()
    for child in run.children:
        told = [(warned.message, warned.times) for warned in child.warnings]
        assert told == ([(f"I am odd, a={child.params['a']}", 3)] if child.params["does"] == "warns" else [])
    assert sorted((warned.message, warned.times) for warned in run.warnings) == [
        ("I am odd, a=0", 3),
        ("I am odd, a=1", 3),
    ]
    if n_jobs == 1:  # the user's are the user's: a worker's own go to its standard error
        assert sum("I am odd" in str(one.message) for one in shown) == 6


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_candidate_that_fails_is_failed_with_its_traceback(n_jobs):
    search = GridSearchCV(Odd(), {"does": ["answers", "fails"]}, cv=3, n_jobs=n_jobs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    run = skribe.last_run()
    answers, fails = by_number(run)
    assert (run.status, answers.status, fails.status) == ("finished", "finished", "failed")
    assert fails.error.startswith("Traceback")
    assert fails.error.rstrip().endswith("ValueError: no fit today, a=0")
    frame = run.results()
    assert frame[frame["candidate"] == 1]["error"].str.contains("no fit today").all()
    assert frame[frame["candidate"] == 0]["error"].isna().all()
    assert_as_in_cv_results(run, search)
    assert_chose(run, search)


def test_a_failure_of_several_lines_keeps_its_type():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        GridSearchCV(Odd(), {"does": ["answers", "fails at length"]}, cv=3).fit(X, y)
    run = skribe.last_run()
    assert by_number(run)[1].error.endswith("ValueError: Input contains NaN.\nSee the page: https://somewhere\n")
    (row,) = [row for row in run._query.children(run.id) if row.status == "failed"]
    assert row.error.type == "ValueError"
    assert row.error.message.startswith("Input contains NaN.")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_and_exit_read_killed_in_the_candidate_too(error):
    class Stops(Odd):
        def fit(self, X, y):
            if self.a:
                raise error
            return super().fit(X, y)

    with pytest.raises(error):
        GridSearchCV(Stops(), {"a": [0, 1]}, cv=2).fit(X, y)
    run = skribe.last_run()
    assert run.status == "killed"
    assert [child.status for child in run.children] == ["finished", "killed"]


def test_when_all_fail_the_search_has_failed():
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        GridSearchCV(Odd(), {"does": ["fails"], "a": [0, 1]}, cv=3).fit(X, y)
    run = skribe.last_run()
    assert run.status == "failed"
    assert "All the 6 fits failed" in run.error
    assert [child.status for child in run.children] == ["failed", "failed"]
    assert len(run.results()) == 6


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_error_score_raise_leaves_the_candidate_that_broke_it_off(n_jobs):
    search = GridSearchCV(Odd(), {"does": ["answers", "fails"]}, cv=3, error_score="raise", n_jobs=n_jobs)
    with pytest.raises(ValueError, match="no fit today"):
        search.fit(X, y)
    run = skribe.last_run()
    assert run.status == "failed"
    (child,) = [child for child in run.children if child.params["does"] == "fails"]
    assert child.status == "failed"
    assert "no fit today" in child.error


def test_a_scorer_that_fails_leaves_nan_and_its_warning():
    def refuses(model, X, y):
        if model.a:
            raise RuntimeError("no score today")
        return 0.5

    search = GridSearchCV(Odd(), {"a": [0, 1]}, cv=2, scoring=refuses)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        search.fit(X, y)
    assert any("no score today" in str(warned.message) for warned in shown)
    run = skribe.last_run()
    assert_as_in_cv_results(run, search)
    scored, refused = by_number(run)
    assert math.isnan(refused.metrics["mean_test_score"])
    assert any("no score today" in warned.message for warned in refused.warnings)
    assert scored.warnings == []


# --- the parent ----------------------------------------------------------------------------------------------


def test_the_parent_has_its_settings_its_table_and_the_refitted_model():
    search = GridSearchCV(SVC(), GRID, cv=3, return_train_score=True).fit(X, y)
    run = skribe.last_run()
    assert run.params["cv"] == 3
    assert run.params["return_train_score"] is True
    assert run.params["param_grid"] == GRID
    assert run.metrics["refit_time"] == search.refit_time_
    assert run.metrics["training_accuracy_score"] == search.score(X, y)
    assert "cv_results.csv" in run.artifacts
    assert run.models == ["best_estimator", "model"]
    table = table_of(run)
    frame = pd.DataFrame(search.cv_results_)
    assert list(table[0]) == list(frame.columns)
    assert len(table) == 6
    for key in frame.columns:
        if frame[key].dtype.kind == "f":
            assert [float(row[key]) for row in table] == list(frame[key])
        elif key == "params":
            assert [row[key] for row in table] == [str(params) for params in frame[key]]
    so_far = run.history("best_score_so_far")
    assert list(so_far["value"]) == sorted(so_far["value"])
    assert so_far["value"].iloc[-1] == search.best_score_


def test_without_a_refit_everything_but_the_model_and_no_noise(capfd):
    search = GridSearchCV(SVC(), GRID, cv=3, refit=False).fit(X, y)
    run = skribe.last_run()
    assert_as_in_cv_results(run, search)
    assert_chose(run, search)
    assert "refit_time" not in run.metrics
    assert not {key for key in run.metrics if key.startswith("training_")}
    assert run.artifacts == ["cv_results.csv"]
    assert run.models == []
    assert [note for note in run.notes if note.what != "advice"] == []
    assert run.warnings == []
    assert capfd.readouterr() == ("", "")


def test_several_metrics_without_a_refit_choose_nothing():
    search = GridSearchCV(SVC(), GRID, cv=3, scoring=["accuracy", "f1_macro"], refit=False).fit(X, y)
    run = skribe.last_run()
    assert_as_in_cv_results(run, search)
    assert run.best is None
    assert "best_cv_score" not in run.metrics
    assert not {key for key in run.params if key.startswith("best_")}
    assert not any(child.tags.get("best") for child in run.children)


def test_a_refit_by_a_function_of_the_users():
    search = GridSearchCV(
        SVC(), {"C": [1, 10, 100]}, cv=3, scoring=["accuracy", "f1_macro"], refit=lambda results: 1
    ).fit(X, y)
    run = skribe.last_run()
    assert run.best == by_number(run)[1]
    assert run.params["best_C"] == 10
    assert run.metrics["refit_time"] == search.refit_time_
    assert run.metrics["training_accuracy_score"] == search.best_estimator_.score(X, y)
    assert "best_cv_score" not in run.metrics


@pytest.mark.parametrize("most", [0, 1, 3, 6, 10, None])
def test_max_tuning_runs_keeps_the_best_as_children(most):
    skribe.autolog(silent=True, max_tuning_runs=most)
    search = GridSearchCV(SVC(), GRID, cv=3).fit(X, y)
    run = skribe.last_run()
    kept = 6 if most is None else min(most, 6)
    assert len(run.children) == kept == len(skribe.runs(children=True)) - 1
    ranks = sorted(search.cv_results_["rank_test_score"])
    assert sorted(child.metrics["rank_test_score"] for child in run.children) == ranks[:kept]
    assert len(run.results()) == 18
    assert len(table_of(run)) == 6
    assert run.facts["n_candidates"] == 6
    if kept:
        assert run.best.params["C"] == search.best_params_["C"]
        assert run.best in run.children
    else:
        assert run.best is None
    assert any("max_tuning_runs" in note.reason for note in run.notes) == (0 < kept < 6)
    assert run.views()["validation_curves"]


def test_the_chosen_one_is_kept_though_others_rank_above_it():
    skribe.autolog(silent=True, max_tuning_runs=1)
    GridSearchCV(SVC(), {"C": [1e-3, 1, 10]}, cv=3, refit=lambda results: 0).fit(X, y)
    run = skribe.last_run()
    assert [child.params["C"] for child in run.children] == [1e-3]
    assert run.best == run.children[0]


@pytest.mark.parametrize("most", [1, None])
def test_max_tuning_runs_of_a_halving_search(most):
    skribe.autolog(silent=True, max_tuning_runs=most)
    search = SEARCHES["halving"](None).fit(X, y)
    run = skribe.last_run()
    assert run.best.name == f"max_depth={search.best_params_['max_depth']}, iter={search.n_iterations_ - 1}"
    assert len(run.children) == (most or len(search.cv_results_["params"]))


def test_every_setting_of_autolog_reaches_the_children():
    skribe.autolog(silent=True, experiment="tuning", extra_tags={"team": "blue"})
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, cv=2).fit(X, y)
    children = skribe.last_run().children
    assert [child.experiment for child in children] == ["tuning"] * 2
    assert [child.tags["team"] for child in children] == ["blue"] * 2


# --- transparency --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_search_is_what_it_would_be_without_us(n_jobs):
    def search():
        estimator = DecisionTreeClassifier(random_state=0)
        return GridSearchCV(estimator, {"max_depth": [1, 2, 3]}, cv=3, return_train_score=True, n_jobs=n_jobs)

    with_it = search().fit(X, y)
    with skribe.suppress():
        without = search().fit(X, y)
    assert vars(with_it).keys() == vars(without).keys()
    assert list(with_it.cv_results_) == list(without.cv_results_)
    for key, column in without.cv_results_.items():
        if "time" not in key:
            np.testing.assert_array_equal(with_it.cv_results_[key], column)
        assert type(with_it.cv_results_[key]) is type(column)
    assert (with_it.predict(X) == without.predict(X)).all()


# --- searches in searches ------------------------------------------------------------------------------------


def inner():
    return GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, cv=2)


def test_a_search_in_a_pipeline_is_a_child_with_candidates():
    pipe = make_pipeline(PCA(2), inner()).fit(X, y)
    run = skribe.last_run()
    assert (run.kind, run.name) == ("fit", "Pipeline(GaussianNB)")
    (search,) = run.children
    assert search.kind == "search"
    assert search.metrics["best_cv_score"] == pipe[-1].best_score_
    assert_as_in_cv_results(search, pipe[-1])
    assert len(skribe.runs()) == 1


def test_a_search_in_a_search_is_inside_the_candidate_that_it_is_of():
    outer = GridSearchCV(make_pipeline(PCA(), inner()), {"pca__n_components": [1, 2]}, cv=2).fit(X, y)
    run = skribe.last_run()
    assert_chose(run, outer)
    *candidates, refit = run.children
    assert [child.kind for child in candidates] == ["candidate", "candidate"]
    for candidate in candidates:
        assert [child.kind for child in candidate.children] == ["search", "search"]
        for search in candidate.children:
            assert search.start < search.end <= candidate.end
            assert len(search.children) == 2
    assert refit.kind == "search"
    assert refit.metrics["best_cv_score"] == outer.best_estimator_[-1].best_score_
    assert len(skribe.runs()) == 1


class Slow(BaseEstimator):
    """A step that takes its time."""

    def fit(self, X, y=None):
        time.sleep(0.05)
        return self

    def transform(self, X):
        return X


def test_a_candidate_begins_with_its_task_and_not_with_the_search_inside():
    pipe = make_pipeline(Slow(), inner())
    GridSearchCV(pipe, {"gridsearchcv__cv": [2]}, cv=2, refit=False).fit(X, y)
    (candidate,) = skribe.last_run().children
    first = min(search.start for search in candidate.children)
    assert (first - candidate.start).total_seconds() >= 0.05
    assert (candidate.end - candidate.start).total_seconds() >= candidate.wall


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_in_a_cross_validation(n_jobs):
    found = cross_validate(inner(), X, y, cv=3, return_estimator=True, n_jobs=n_jobs)
    run = skribe.last_run()
    folds = sorted(run.children, key=lambda fold: fold.name)
    assert [fold.kind for fold in folds] == ["fold"] * 3
    for fold, fitted in zip(folds, found["estimator"], strict=True):
        (search,) = fold.children
        assert (search.kind, search.status) == ("search", "finished")
        assert search.metrics["best_cv_score"] == fitted.best_score_
        assert search.params["best_var_smoothing"] == fitted.best_params_["var_smoothing"]
        scores = [fitted.cv_results_[f"split{split}_test_score"][n] for n in range(2) for split in range(2)]
        assert list(search.results()["test_score"]) == scores
        assert len(table_of(search)) == 2
    assert len(skribe.runs()) == 1


def test_a_search_in_a_search_in_other_processes():
    outer = GridSearchCV(inner(), {"estimator__priors": [None, [0.2, 0.3, 0.5]]}, cv=2, n_jobs=2).fit(X, y)
    run = skribe.last_run()
    candidates = [child for child in run.children if child.kind == "candidate"]
    assert len(candidates) == 2
    assert [len(candidate.children) for candidate in candidates] == [2, 2]
    assert all(len(search.results()) == 4 for candidate in candidates for search in candidate.children)
    (refit,) = [child for child in run.children if child.kind == "search"]
    assert_as_in_cv_results(refit, outer.best_estimator_)


def test_erased_candidates_take_their_searches_with_them():
    skribe.autolog(silent=True, max_tuning_runs=1)
    GridSearchCV(make_pipeline(PCA(), inner()), {"pca__n_components": [1, 2, 3]}, cv=2, refit=False).fit(X, y)
    run = skribe.last_run()
    (kept,) = run.children
    assert len(kept.children) == 2
    everything = skribe.runs(children=True)
    # The search, its candidate, in it two searches, and in each of those one candidate.
    assert len(everything) == 1 + 1 + 2 + 2


# --- inside a run by hand ------------------------------------------------------------------------------------


def test_a_search_joins_an_empty_run():
    with skribe.run("by hand") as run:
        search = GridSearchCV(SVC(), GRID, cv=3).fit(X, y)
    assert (run.kind, run.status, len(skribe.runs())) == ("manual", "finished", 1)
    assert_as_in_cv_results(run, search)
    assert run.best.params["C"] == search.best_params_["C"]
    assert run.metrics["best_cv_score"] == search.best_score_
    assert "cv_results.csv" in run.artifacts
    assert len(run.results()) == 18


def test_a_search_that_has_joined_can_be_looked_at():
    with skribe.run("by hand") as run:
        GridSearchCV(SVC(), GRID, cv=3).fit(X, y)
    assert run.views()["validation_curves"]


def test_the_next_search_in_a_run_is_a_child():
    with skribe.run("by hand") as run:
        GridSearchCV(SVC(), {"C": [1, 2]}, cv=2).fit(X, y)
        GridSearchCV(SVC(), {"C": [3, 4]}, cv=2).fit(X, y)
    kinds = sorted(child.kind for child in run.children)
    assert kinds == ["candidate", "candidate", "search"]
    (second,) = [child for child in run.children if child.kind == "search"]
    assert sorted(child.params["C"] for child in second.children) == [3, 4]


# --- odd data and settings -----------------------------------------------------------------------------------


def test_tables_and_weights():
    frame = pd.DataFrame(X, columns=list("abcd"))
    weight = np.linspace(0.1, 1, len(y))
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=3).fit(frame, pd.Series(y), sample_weight=weight)
    assert_as_in_cv_results(skribe.last_run(), search)


def test_scores_without_a_y():
    search = GridSearchCV(PCA(), {"n_components": [1, 2]}, cv=3).fit(X)
    run = skribe.last_run()
    assert_as_in_cv_results(run, search)
    assert_chose(run, search)


def test_many_quick_candidates_are_all_there():
    data, target = make_classification(60, random_state=0)
    search = GridSearchCV(Odd(), {"a": [0] * 60 + [1] * 60}, cv=2).fit(data, target)
    run = skribe.last_run()
    assert len(run.children) == 120
    assert len(run.results()) == 240
    assert all(child.status == "finished" for child in run.children)
    assert run.metrics["best_cv_score"] == search.best_score_
