"""What a fit leaves, read back through the public names."""

from __future__ import annotations

import io
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skribe

X, y = load_iris(return_X_y=True)
BX, by = load_breast_cancer(return_X_y=True)


@pytest.fixture(autouse=True)
def _autolog() -> Iterator[None]:
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def test_a_fit_leaves_a_whole_run():
    model = LogisticRegression(C=10, max_iter=5000).fit(X, y)
    run = skribe.last_run()
    assert (run.name, run.kind, run.status, run.error) == ("LogisticRegression", "fit", "finished", None)
    assert run.experiment == "default"
    assert run.start < run.end
    assert run.wall > 0
    assert run.cpu > 0
    assert run.params["C"] == 10
    assert run.params["class_weight"] is None
    assert run.params.keys() == model.get_params().keys()
    assert run.changed_params == {"C": 10, "max_iter": 5000}
    assert run.tags["estimator_name"] == "LogisticRegression"
    assert run.tags["estimator_class"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert run.metrics["training_accuracy_score"] == accuracy_score(y, model.predict(X))
    assert run.facts["n_iter_"] == [int(model.n_iter_[0])]
    assert run.facts["seed.random_state"] == "unseeded"
    (data,) = run.datasets
    assert (data.role, data.kind, data.shape) == ("train", "numpy.ndarray", (150, 4))
    assert len(data.fingerprint) >= 32
    assert run.environment["python"]
    with skribe.suppress():
        assert vars(model).keys() == vars(clone(model).fit(X, y)).keys()


def test_mlflows_keys():
    LogisticRegression(max_iter=5000).fit(BX, by)
    LinearRegression().fit(X, y)
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=3).fit(X, y)
    search, regressor, classifier = (skribe.get_run(run_id) for run_id in skribe.runs()["run_id"])
    assert {
        f"training_{key}"
        for key in ("precision_score", "recall_score", "f1_score", "accuracy_score", "log_loss", "roc_auc", "score")
    } <= classifier.metrics.keys()
    assert {
        f"training_{key}"
        for key in ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score", "score")
    } <= regressor.metrics.keys()
    assert search.kind == "search"
    assert search.metrics["best_cv_score"] > 0.9
    assert search.params["best_var_smoothing"] in (1e-9, 1e-3)


def test_seconds_of_steps_and_members():
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    assert {"fit_seconds.standardscaler", "fit_seconds.logisticregression"} <= skribe.last_run().metrics.keys()
    VotingClassifier([("nb", GaussianNB()), ("knn", KNeighborsClassifier())]).fit(X, y)
    assert {"fit_seconds.nb", "fit_seconds.knn"} <= skribe.last_run().metrics.keys()
    BaggingClassifier(GaussianNB(), n_estimators=7).fit(X, y)
    members = skribe.last_run().history("fit_seconds.estimators")
    assert list(members["step"]) == list(range(7))
    assert (members["value"] > 0).all()


def test_curves_that_the_estimator_holds():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    history = skribe.last_run().history("loss_curve")
    assert list(history["value"]) == model.loss_curve_
    assert skribe.last_run().facts["seed.random_state"] == 0


def test_warnings_are_shown_and_kept():
    with pytest.warns(ConvergenceWarning):
        LogisticRegression(max_iter=1).fit(X, y)
    (warned,) = skribe.last_run().warnings
    assert warned.category == "sklearn.exceptions.ConvergenceWarning"
    assert "failed to converge" in warned.message


def test_a_fit_that_fails_says_why_and_stays_the_users_error():
    with pytest.raises(ValueError, match="inconsistent numbers of samples") as caught:
        LogisticRegression(C=3).fit(X, y[:-1])
    run = skribe.last_run()
    assert run.status == "failed"
    assert "inconsistent numbers of samples" in run.error
    assert run.error.startswith("Traceback")
    assert "importlib_bootstrap" not in run.error
    assert run.params["C"] == 3
    assert run.metrics == {}
    assert caught.value.__context__ is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_and_exit_read_killed(error):
    class Stops(BaseEstimator):
        def fit(self, X, y=None):
            raise error

    with pytest.raises(error):
        Stops().fit(X)
    assert skribe.last_run().status == "killed"
    GaussianNB().fit(X, y)
    assert skribe.last_run().name == "GaussianNB"
    assert skribe.last_run().parent is None


def test_preprocessing_alone_makes_no_run():
    StandardScaler().fit(X)
    FunctionTransformer().fit_transform(X)
    make_pipeline(StandardScaler(), PCA(2)).fit(X)
    assert list(skribe.runs()["name"]) == ["Pipeline(PCA)"]


def test_what_was_excluded_or_suppressed_makes_no_run():
    class Wraps(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.inner_ = GaussianNB().fit(X, y)
            return self

    skribe.autolog(silent=True, exclude=["GaussianNB", Wraps])
    GaussianNB().fit(X, y)
    Wraps().fit(X, y)
    with skribe.suppress():
        LogisticRegression().fit(X[:, :1], y)
    assert skribe.runs().empty


def test_a_stream_is_one_run_with_a_step_per_call():
    model = SGDClassifier(random_state=0)
    for part in np.array_split(np.random.default_rng(0).permutation(150), 3):
        model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    run = skribe.last_run()
    assert (len(skribe.runs()), run.kind, run.status) == (1, "stream", "finished")
    assert list(run.history("training_accuracy_score")["step"]) == [0, 1, 2]
    assert list(run.history("rows_seen")["value"]) == [50, 100, 150]
    model.fit(X, y)
    model.partial_fit(X, y)
    assert sorted(skribe.runs()["kind"]) == ["fit", "stream", "stream"]


def test_streams_of_two_objects_are_two_runs():
    first, second = SGDClassifier(), SGDClassifier()
    for model in (first, second, first):
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert len(skribe.runs()) == 2


def test_a_stream_that_fails_midway_says_so():
    model = SGDClassifier()
    model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2], y)
    assert skribe.last_run().status == "failed"
    assert len(skribe.runs()) == 1


def test_weights_are_honoured_and_said():
    weight = np.where(y == 2, 10.0, 0.1)
    rng = np.random.default_rng(0)
    noisy = X + rng.normal(size=X.shape)

    def expected(model):
        return accuracy_score(y, model.predict(noisy), sample_weight=weight)

    plain = GaussianNB().fit(noisy, y, sample_weight=weight)
    assert skribe.last_run().metrics["training_accuracy_score"] == pytest.approx(expected(plain), abs=1e-12)
    pipe = Pipeline([("scale", StandardScaler()), ("nb", GaussianNB())]).fit(noisy, y, nb__sample_weight=weight)
    run = skribe.last_run()
    assert run.metrics["training_accuracy_score"] == pytest.approx(expected(pipe), abs=1e-12)
    assert any("nb__sample_weight" in note.reason for note in run.notes)
    scaled = Pipeline([("scale", StandardScaler()), ("nb", GaussianNB())])
    scaled.fit(noisy, y, scale__sample_weight=weight)
    unweighted = accuracy_score(y, scaled.predict(noisy))
    assert skribe.last_run().metrics["training_accuracy_score"] == pytest.approx(unweighted, abs=1e-12)


def test_routed_weights_are_honoured_under_their_alias():
    weight = np.where(y == 2, 10.0, 0.1)
    noisy = X + np.random.default_rng(0).normal(size=X.shape)
    with sklearn.config_context(enable_metadata_routing=True):
        step = GaussianNB().set_fit_request(sample_weight="importance")
        pipe = Pipeline([("scale", StandardScaler().set_fit_request(sample_weight=False)), ("nb", step)])
        pipe.fit(noisy, y, importance=weight)
    run = skribe.last_run()
    expected = accuracy_score(y, pipe.predict(noisy), sample_weight=weight)
    assert run.metrics["training_accuracy_score"] == pytest.approx(expected, abs=1e-12)
    assert any("importance" in note.reason for note in run.notes)


def test_an_estimator_that_may_write_over_x_is_not_asked():
    data = np.array(X)
    model = make_pipeline(StandardScaler(copy=False), GaussianNB()).fit(data, y)
    after_fit = data.copy()
    run = skribe.last_run()
    assert "training_accuracy_score" not in run.metrics
    assert any("copy=False" in note.reason for note in run.notes)
    assert (data == after_fit).all()
    assert model.predict(X).shape == (150,)


def test_random_streams_are_the_users():
    np.random.seed(0)
    expected = np.random.get_state()[1].copy(), np.random.get_state()[2]
    GaussianNB().fit(X, y)
    state = np.random.get_state()
    assert (state[1] == expected[0]).all()
    assert state[2] == expected[1]


def test_what_the_estimator_prints_is_not_printed_twice(capfd):
    with skribe.suppress():
        RandomForestClassifier(5, verbose=1).fit(X, y)
    without = capfd.readouterr()
    RandomForestClassifier(5, verbose=1).fit(X, y)
    with_it = capfd.readouterr()
    assert with_it.out.count("\n") == without.out.count("\n")
    assert with_it.err.count("\n") == without.err.count("\n")


def test_eight_fits_in_four_threads_do_not_mix():
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda c: LogisticRegression(C=c, max_iter=2000).fit(X, y), range(1, 9)))
    table = skribe.runs()
    assert sorted(table["params.C"]) == list(range(1, 9))
    assert set(table["status"]) == {"finished"}
    for model in models:
        row = table[table["params.C"] == model.C].iloc[0]
        assert row["metrics.training_accuracy_score"] == accuracy_score(y, model.predict(X))


def _fit_in_worker(c, store):
    import skribe

    skribe.autolog(silent=True, store=store)
    return LogisticRegression(C=c, max_iter=2000).fit(X, y).C


def test_loky_workers_that_call_autolog_make_a_run_each(own_folder):
    store = str(own_folder / "skribe_runs")
    joblib.Parallel(n_jobs=2)(joblib.delayed(_fit_in_worker)(c, store) for c in (1, 2, 3))
    assert sorted(skribe.runs()["params.C"]) == [1, 2, 3]
    # The same worker processes, where autolog is on, now work for a search of ours.
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=3, n_jobs=2).fit(X, y)
    assert len(skribe.runs(children=True)) == 6, "three fits, a search and its two candidates"


class Awkward(ClassifierMixin, BaseEstimator):
    """Refuses what it is told to refuse."""

    def __init__(self, refuses="", value=None):
        self.refuses = refuses
        self.value = value

    def get_params(self, deep=True):
        if self.refuses == "get_params":
            raise RuntimeError("no params today")
        return super().get_params(deep)

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        if self.refuses == "predict":
            raise RuntimeError("no predictions today")
        return np.zeros(len(X) - (self.refuses == "length"), dtype=int)


@pytest.mark.parametrize(
    ("refuses", "told"),
    [("get_params", "no params today"), ("predict", "no predictions today"), ("length", "149")],
)
def test_what_an_estimator_refuses_is_absent_with_the_reason(refuses, told):
    Awkward(refuses).fit(X, y)
    run = skribe.last_run()
    assert run.status == "finished"
    assert any(told in note.reason for note in run.notes), run.notes


class Unprintable:
    def __repr__(self):
        raise RuntimeError("never")

    __str__ = __repr__


@pytest.mark.parametrize(
    "value",
    [Unprintable(), 10**5000, "nul \0 and \x1b and \ud800", float("nan"), {"a": object()}, "x" * 100_000],
    ids=["unprintable", "huge", "control characters", "nan", "object", "long"],
)
def test_awkward_parameters_are_recorded_as_far_as_true(value):
    Awkward(value=value).fit(X, y)
    run = skribe.last_run()
    assert run.status == "finished"
    assert "value" in run.params
    assert " at 0x" not in str(run.params["value"])
    if isinstance(value, str) and len(value) > 1000:
        assert run.params["value"] == value


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"a\x00": [1.0, None], "é\u202e": ["x", "y"]}),
        np.array([[1, "a"], [None, 2.5]], dtype=object),
        np.empty((0, 3)),
        [[10**30, 2], [3, 4]],
        ["text", "more text"],
        np.zeros((2, 3, 4)),
    ],
    ids=["frame", "object", "empty", "huge integers", "texts", "3-d"],
)
def test_awkward_data_is_described_as_far_as_true(data):
    class Anything(RegressorMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

    Anything().fit(data)
    run = skribe.last_run()
    assert run.status == "finished"
    assert len(run.datasets) == 1


def test_secrets_are_not_written_down(own_folder):
    class Client(BaseEstimator):
        def __init__(self, api_key=None, url=None):
            self.api_key = api_key
            self.url = url

        def fit(self, X, y=None):
            return self

    Client("hunter2-key", "postgresql://me:hunter2-pw@host/db").fit(X)
    assert skribe.last_run().params["api_key"] == "***"
    skribe.autolog(disable=True)
    for file in (own_folder / "skribe_runs").rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()


def test_one_line_when_a_run_ends_and_none_when_silent(capsys):
    skribe.autolog()
    GaussianNB().fit(X, y)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"skribe: GaussianNB {skribe.last_run().short_id} · ")
    assert "accuracy_score 0.96" in line
    skribe.autolog(silent=True)
    GaussianNB().fit(X, y)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("stream", ["none", "closed"])
def test_without_a_console_a_fit_is_a_fit(stream, monkeypatch):
    skribe.autolog()
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", None if stream == "none" else closed)
    GaussianNB().fit(X, y)
    assert skribe.last_run().status == "finished"


def test_a_thread_that_outlives_its_fit_is_heard():
    began, go = threading.Event(), threading.Event()
    threads = []

    class Starts(BaseEstimator):
        def fit(self, X, y=None):
            def later():
                began.set()
                go.wait(20)
                GaussianNB().fit(X, y)

            threads.append(threading.Thread(target=later))
            threads[0].start()
            began.wait(20)
            return self

    Starts().fit(X, y)
    go.set()
    threads[0].join()
    assert sorted(skribe.runs()["name"]) == ["GaussianNB", "Starts"]
