"""The models that fits leave behind, as a user meets them: what is in them, and what keeps them from being kept."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import types

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the import below possible
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import skribe

X, y = load_iris(return_X_y=True)
GRID = {"max_depth": [1, 3]}


@pytest.fixture(autouse=True)
def on():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def fitted(model):
    return model.fit(X, y), skribe.last_run()


def search_of(**more):
    return GridSearchCV(DecisionTreeClassifier(random_state=0), GRID, cv=3, **more)


# --- as it was when fit returned ---------------------------------------------------------------------------------


def fit_again(model):
    model.fit(X[:80], y[:80])


def set_other_params(model):
    model.set_params(var_smoothing=5.0)


def overwrite_arrays(model):
    model.theta_[:] = 0


def go_on(model):
    model.partial_fit(X[:10], np.full(10, 2))


@pytest.mark.parametrize("change", [fit_again, set_other_params, overwrite_arrays, go_on])
def test_what_is_kept_is_the_model_as_it_was_when_fit_returned(change):
    model, run = fitted(GaussianNB())
    before = model.predict_proba(X)
    change(model)
    kept = run.model()
    assert np.array_equal(kept.predict_proba(X), before)
    assert kept.var_smoothing == 1e-9


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_fits_of_several_jobs_keep_one_whole_model(backend):
    with joblib.parallel_backend(backend, n_jobs=2):
        model, run = fitted(BaggingClassifier(DecisionTreeClassifier(), n_estimators=4, random_state=0, n_jobs=2))
    assert run.models == ["model"]
    assert np.array_equal(run.model().predict_proba(X), model.predict_proba(X))
    assert list(skribe.runs().run_id) == [run.id]


def test_fits_in_threads_of_the_users_keep_each_their_own():
    answers = {}

    def work(depth):
        model = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X, y)
        answers[depth] = model.predict_proba(X)

    threads = [threading.Thread(target=work, args=(depth,)) for depth in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = [skribe.get_run(run) for run in skribe.runs().run_id]
    assert sorted(run.params["max_depth"] for run in runs) == sorted(answers)
    for run in runs:
        assert np.array_equal(run.model().predict_proba(X), answers[run.params["max_depth"]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_keeps_its_own_model():
    code = """
        import os, skribe
        skribe.autolog(silent=True)
        from sklearn.dummy import DummyRegressor
        DummyRegressor().fit([[0], [1]], [0, 0])
        child = os.fork()
        DummyRegressor().fit([[0], [1]], [2, 2] if child else [1, 1])
        if child:
            assert os.waitpid(child, 0)[1] == 0
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    kept = [skribe.get_run(run).model() for run in skribe.runs().run_id]
    assert sorted(float(model.predict([[0]])[0]) for model in kept) == [0, 1, 2]


# --- searches ----------------------------------------------------------------------------------------------------


def test_a_search_keeps_itself_and_its_best_estimator():
    search, run = fitted(search_of())
    assert run.models == ["best_estimator", "model"]
    assert run.model().best_params_ == search.best_params_
    assert np.array_equal(run.model("best_estimator").predict_proba(X), search.predict_proba(X))
    assert all(child.models == [] for child in run.children)


def test_a_search_without_a_refit_keeps_none():
    _, run = fitted(search_of(refit=False))
    assert run.models == []
    assert run.status == "finished"


def results_of(search):
    """What the search has found, without the times, which differ each time."""
    return {key: value for key, value in search.cv_results_.items() if not key.endswith("_time")}


@pytest.mark.parametrize("backend", [None, "loky", "threading"])
def test_candidates_keep_the_model_of_each_split(backend):
    with skribe.suppress():
        plain = results_of(search_of().fit(X, y))
    skribe.autolog(silent=True, log_models="candidates")
    if backend is None:
        search, run = fitted(search_of())
    else:
        with joblib.parallel_backend(backend, n_jobs=2):
            search, run = fitted(search_of(n_jobs=2))
    found = results_of(search)
    assert list(found) == list(plain)
    for key, value in plain.items():
        assert list(found[key]) == list(value)
    folds = list(StratifiedKFold(3).split(X, y))
    assert len(run.children) == 2
    for child in run.children:
        assert child.models == [f"model_split_{split}" for split in range(3)]
        for split, (train, test) in enumerate(folds):
            model = child.model(f"model_split_{split}")
            with skribe.suppress():
                same = clone(model).fit(X[train], y[train])
            assert model.max_depth == child.params["max_depth"]
            assert np.array_equal(model.predict_proba(X[test]), same.predict_proba(X[test]))


def test_candidates_of_a_halving_search():
    skribe.autolog(silent=True, log_models="candidates")
    search, run = fitted(HalvingGridSearchCV(DecisionTreeClassifier(random_state=0), GRID, cv=3, random_state=0))
    assert not [key for key in search.cv_results_ if "estimator" in key]
    assert run.children
    assert all(child.models == [f"model_split_{split}" for split in range(3)] for child in run.children)


@pytest.mark.parametrize("asked", [False, True])
def test_a_cross_validation_gives_what_was_asked_for(asked):
    skribe.autolog(silent=True, log_models="candidates")
    found = cross_validate(GaussianNB(), X, y, cv=3, return_estimator=asked)
    assert ("estimator" in found) is asked
    assert set(found) - {"estimator"} == {"fit_time", "score_time", "test_score"}


# --- what one can ask for ----------------------------------------------------------------------------------------


def test_no_models_where_none_are_wanted(own_folder):
    skribe.autolog(silent=True, log_models=False)
    _, run = fitted(GaussianNB())
    assert run.models == []
    assert not list(own_folder.glob("skribe_runs/**/MLmodel"))
    assert run.metrics["training_accuracy_score"]


def test_models_beyond_the_limit_are_not_kept_and_the_run_says_so(caplog):
    skribe.autolog(silent=True, model_size_limit="10 kB")
    _, small = fitted(GaussianNB())
    _, large = fitted(RandomForestClassifier(30, random_state=0))
    assert small.models == ["model"]
    assert large.models == []
    assert [note.what for note in large.notes if "10" in note.reason] == ["model"]
    assert large.metrics["training_accuracy_score"]
    assert not caplog.records


@pytest.mark.parametrize("kind", ["cloudpickle", "pickle", "joblib", "skops"])
def test_each_format_gives_the_model_back(kind):
    if kind == "skops":
        pytest.importorskip("skops")
    skribe.autolog(silent=True, serialization_format=kind)
    model, run = fitted(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)))
    assert np.array_equal(run.model().predict_proba(X), model.predict_proba(X))
    manifest = yaml.safe_load(run.artifact_path("model/MLmodel").read_text())
    assert manifest["skribe"]["serialization_format"] == kind


MAGIC = 123456.78910111213
DIGITS = b"123456.78910"


def bytes_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def holds_the_row(content):
    return DIGITS in content or np.float64(MAGIC).tobytes() in content or b"magic-name" in content


@pytest.mark.parametrize("examples", [False, True])
def test_the_users_rows_are_kept_only_as_an_example_if_at_all(examples, own_folder):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    frame.iloc[0, 0] = MAGIC
    target = np.random.default_rng(1).normal(size=50)
    skribe.autolog(silent=True, log_input_examples=examples)
    LinearRegression().fit(frame, target)
    run = skribe.last_run()
    found = {path.name for path, content in bytes_below(own_folder / "skribe_runs").items() if holds_the_row(content)}
    assert found == ({"input_example.json", "serving_input_example.json"} if examples else set())
    assert ("model/input_example.json" in run.artifacts) is examples


def test_no_signature_where_none_is_wanted():
    _, with_one = fitted(GaussianNB())
    skribe.autolog(silent=True, log_model_signatures=False)
    _, without = fitted(GaussianNB())
    assert "signature" in yaml.safe_load(with_one.artifact_path("model/MLmodel").read_text())
    assert "signature" not in yaml.safe_load(without.artifact_path("model/MLmodel").read_text())


# --- which models stay -------------------------------------------------------------------------------------------


def depths(count=4):
    runs = []
    for depth in range(1, count + 1):
        _, run = fitted(DecisionTreeClassifier(max_depth=depth, random_state=0))
        runs.append(run)
    return runs


def is_kept(run):
    folder = run.folder / "artifacts" / run.id / "model"
    assert folder.exists() is ("model" in run.models)
    return folder.exists()


@pytest.mark.parametrize("keep", [{"best": 2, "by": "training_accuracy_score"}, "best 2 by training_accuracy_score"])
def test_the_best_models_stay(keep):
    skribe.autolog(silent=True, keep_models=keep)
    runs = depths()
    ranked = sorted(runs, key=lambda run: -run.metrics["training_accuracy_score"])
    assert {run.id for run in runs if is_kept(run)} == {run.id for run in ranked[:2]}
    with pytest.raises(skribe.NotFound):
        ranked[-1].model()
    assert ranked[0].model().max_depth == ranked[0].params["max_depth"]


def test_the_oldest_models_go_first_where_bytes_are_counted():
    (probe,) = depths(1)
    size = (probe.folder / "artifacts" / probe.id / "model" / "model.pkl").stat().st_size
    skribe.autolog(silent=True, keep_models=f"{int(size * 2.7)} B")
    runs = [fitted(DecisionTreeClassifier(max_depth=1, random_state=0))[1] for _ in range(4)]
    assert [is_kept(run) for run in runs] == [False, False, True, True]
    assert not is_kept(probe)


def test_scores_that_arrive_after_the_fit_decide_too():
    X_test, y_test = X[::3], y[::3]
    skribe.autolog(silent=True, keep_models={"best": 1, "by": "accuracy_score_X_test"})
    runs = []
    for depth in (3, 1, 2):
        model, run = fitted(DecisionTreeClassifier(max_depth=depth, random_state=0))
        runs.append(run)
        accuracy_score(y_test, model.predict(X_test))
    assert [is_kept(run) for run in runs] == [True, False, False]


def test_a_number_logged_by_hand_decides_too():
    skribe.autolog(silent=True, keep_models={"best": 1, "by": "my_gain"})
    runs = depths(3)
    for run, value in zip(runs, (3, 1, 2), strict=True):
        run.log_metric("my_gain", value)
    assert [is_kept(run) for run in runs] == [True, False, False]


# --- what cannot be kept -----------------------------------------------------------------------------------------


class Holds(TransformerMixin, BaseEstimator):
    """A step that gets hold of something while it is fitted."""

    def __init__(self, what="lock"):
        self.what = what

    def fit(self, X, y=None):
        self.held_ = HOLDABLE[self.what]()
        return self

    def transform(self, X):
        return X


class Handle:
    """As a handle of a C++ library."""

    def __reduce__(self):
        raise RuntimeError("a handle cannot be moved")


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


def generator():
    yield 1


# Opened once for all tests, or clones that are thrown away would warn of files that nobody has closed.
OPENED = []


@pytest.fixture(autouse=True, scope="module")
def opened():
    with tempfile.TemporaryFile() as binary, tempfile.TemporaryFile("w") as text:
        OPENED[:] = binary, text
        yield


HOLDABLE = {
    "lock": threading.Lock, "file": lambda: OPENED[0], "text file": lambda: OPENED[1],
    "generator": generator, "recursion": deep, "handle": Handle, "exit": lambda: types.SimpleNamespace(e=Exits()),
}  # fmt: skip


class Exits:
    """Leaves the program when it is pickled."""

    def __reduce__(self):
        raise SystemExit("pickled")


@pytest.mark.parametrize("searched", [False, True])
@pytest.mark.parametrize("what", sorted(HOLDABLE))
def test_a_step_that_cannot_be_pickled_loses_only_the_model(what, searched, caplog):
    def made():
        pipeline = make_pipeline(StandardScaler(), Holds(what), DecisionTreeClassifier(random_state=0))
        return GridSearchCV(pipeline, {"decisiontreeclassifier__max_depth": [1, 3]}, cv=3) if searched else pipeline

    with skribe.suppress():
        plain = made().fit(X, y).predict(X)
    with caplog.at_level(logging.WARNING):
        model, run = fitted(made())
        assert np.array_equal(model.predict(X), plain)
        told = [record.getMessage() for record in caplog.records]
        fitted(made())
    assert len(told) == 1
    assert "Holds" in told[0]
    assert "held_" in told[0]
    assert len(caplog.records) == 1, "the second fit says nothing again"
    assert run.status == "finished"
    assert run.models == []
    assert run.metrics["training_accuracy_score"]
    assert ("confusion_matrix", "training") in run.tables
    assert [note.what for note in run.notes if "Holds" in note.reason] == ["model"]
    if searched:
        assert len(run.children) == 2


def search_of_holds(backend):
    pipeline = make_pipeline(Holds("lock"), DecisionTreeClassifier(random_state=0))
    search = GridSearchCV(pipeline, {"decisiontreeclassifier__max_depth": [1, 3]}, cv=2)
    if backend is None:
        return search.fit(X, y)
    with joblib.parallel_backend(backend, n_jobs=2):
        return search.set_params(n_jobs=2).fit(X, y)


@pytest.mark.parametrize(
    "backend",
    [
        None,
        "threading",
        "loky",
    ],
)
def test_candidates_that_cannot_be_kept_leave_the_search_as_it_is(backend):
    with skribe.suppress():
        plain = results_of(search_of_holds(backend))
    skribe.autolog(silent=True, log_models="candidates")
    found = results_of(search_of_holds(backend))
    assert {key: list(value) for key, value in found.items()} == {key: list(value) for key, value in plain.items()}
    run = skribe.last_run()
    assert run.status == "finished"
    assert [child.models for child in run.children] == [[], []]


def test_candidates_that_cannot_be_kept_say_why():
    skribe.autolog(silent=True, log_models="candidates")
    search_of_holds(None)
    for child in skribe.last_run().children:
        assert any("Holds" in note.reason for note in child.notes)


def test_a_lambda_in_a_class_of_a_notebook_is_kept():
    code = """
        import skribe
        from sklearn.base import BaseEstimator, ClassifierMixin
        import numpy as np
        class Rule(ClassifierMixin, BaseEstimator):
            rule = staticmethod(lambda X: (np.asarray(X)[:, 0] > 1).astype(int))
            def fit(self, X, y):
                self.classes_ = np.array([0, 1])
                return self
            def predict(self, X):
                return self.rule(X)
        skribe.autolog(silent=True)
        Rule().fit([[0], [2]], [0, 1])
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True)
    assert skribe.last_run().model().predict([[0], [5]]).tolist() == [0, 1]


def test_pickle_refuses_a_lambda_and_names_it(caplog):
    skribe.autolog(silent=True, serialization_format="pickle")
    _, run = fitted(make_pipeline(FunctionTransformer(lambda X: X * 2), GaussianNB()))
    assert run.models == []
    (record,) = caplog.records
    assert "FunctionTransformer" in record.getMessage()


class Fetches(Holds):
    """A step with a credential."""

    def __init__(self, api_key=None):
        self.api_key = api_key

    def fit(self, X, y=None):
        return self


@pytest.mark.parametrize("searched", [False, True])
def test_a_model_with_a_secret_is_not_kept(searched, own_folder, caplog):
    model = make_pipeline(Fetches("sk-very-private"), DecisionTreeClassifier())
    if searched:
        skribe.autolog(silent=True, log_models="candidates")
        model = GridSearchCV(model, {"decisiontreeclassifier__max_depth": [1, 2]}, cv=2)
    _, run = fitted(model)
    assert run.models == []
    assert all(child.models == [] for child in run.children)
    assert ["secret" in note.reason for note in run.notes if note.what == "model"] == [True]
    assert not [
        path for path, content in bytes_below(own_folder / "skribe_runs").items() if b"very-private" in content
    ]
    assert not caplog.records


def test_the_note_about_a_secret_names_the_parameter():
    _, run = fitted(make_pipeline(Fetches("sk-very-private"), DecisionTreeClassifier()))
    assert ["fetches__api_key" in note.reason for note in run.notes if note.what == "model"] == [True]


def test_the_credential_of_a_candidate_is_not_kept_either(own_folder):
    skribe.autolog(silent=True, log_models="candidates")
    pipeline = make_pipeline(Fetches(), DecisionTreeClassifier())
    GridSearchCV(pipeline, {"fetches__api_key": ["sk-very-private", "sk-very-private-too"]}, cv=2).fit(X, y)
    assert not [
        path for path, content in bytes_below(own_folder / "skribe_runs").items() if b"very-private" in content
    ]
