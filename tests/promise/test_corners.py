"""Corners in which a promise was once broken, each found by somebody who looked for it."""

from __future__ import annotations

import contextvars
import gc
import importlib
import io
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import types
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

import skribe

X = np.random.RandomState(0).randn(100, 3)
y = (X[:, 0] > 0).astype(int)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(autouse=True)
def _autolog():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


class Zero(RegressorMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Logs(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X["a"] = np.log1p(X["a"])
        return X


def doubled(Z):
    Z *= 2
    return Z


def test_code_that_writes_into_x_writes_once():
    frame = pd.DataFrame(np.random.RandomState(0).rand(100, 3), columns=list("abc"))
    once = np.log1p(frame["a"]).sum()
    make_pipeline(Logs(), LogisticRegression()).fit(frame, y)
    assert frame["a"].sum() == pytest.approx(once)
    array = np.ones((100, 3))
    make_pipeline(FunctionTransformer(doubled), LogisticRegression()).fit(array, y)
    assert (array == 2).all()
    run = skribe.last_run()
    assert "training_accuracy_score" not in run.metrics
    assert any("changed X" in note.reason for note in run.notes)


def _child(C):
    LogisticRegression(C=C, max_iter=5000).fit(X, y)


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_children_do_not_mix_in_one_run():
    with skribe.run("sweep") as run, multiprocessing.get_context("fork").Pool(3) as pool:
        pool.map(_child, [1e-3, 1.0, 1e3], chunksize=1)
    assert run.params == {}
    assert sorted(child.params["C"] for child in run.children) == [1e-3, 1.0, 1e3]


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_children_do_not_mix_in_one_stream():
    model = SGDClassifier().partial_fit(X, y, classes=[0, 1])
    processes = [multiprocessing.get_context("fork").Process(target=lambda: model.partial_fit(X, y)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert list(skribe.runs()["kind"]) == ["stream"] * 3
    assert all(len(skribe.get_run(run).history("rows_seen")) == 1 for run in skribe.runs()["run_id"])


class Sleepy(LinearRegression):
    def fit(self, X, y):
        time.sleep(0.05)
        return super().fit(X, y)


class Threads(Zero):
    def fit(self, X, y):
        self.members_ = [Sleepy() for _ in range(8)]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda member: member.fit(X, y), self.members_))
        return self


def test_the_seconds_of_members_fitted_in_threads_of_their_own():
    Threads().fit(X, y)
    seconds = skribe.last_run().history("fit_seconds.members")
    assert list(seconds["step"]) == list(range(8))
    assert (seconds["value"] > 0.04).all()


class Slow(Zero):
    def fit(self, X, y):
        time.sleep(0.3)
        return self


def test_a_fit_that_outlasts_autolog_is_finished():
    thread = threading.Thread(target=Slow().fit, args=(X, y))
    thread.start()
    time.sleep(0.1)
    skribe.autolog(disable=True)
    thread.join()
    assert list(skribe.runs()["status"]) == ["finished"]


def test_what_began_in_one_store_ends_there(tmp_path):
    skribe.autolog(silent=True, store=tmp_path / "A")
    model = SGDClassifier().partial_fit(X, y, classes=[0, 1])
    with skribe.run("in A") as run:
        skribe.autolog(silent=True, store=tmp_path / "B")
        LogisticRegression().fit(X, y)
        skribe.log_metric("mine", 1)
    model.partial_fit(X, y)
    assert run.metrics["mine"] == 1
    assert run.params["C"] == 1.0
    assert sorted(skribe.runs(store=tmp_path / "A")["kind"]) == ["manual", "stream"]
    assert skribe.runs().empty


def test_files_that_the_fit_has_read_are_not_asked_about():
    files = [io.StringIO("good" if i % 2 else "bad") for i in range(60)]
    model = make_pipeline(TfidfVectorizer(input="file"), LogisticRegression())
    model.fit(files, [i % 2 for i in range(60)])
    run = skribe.last_run()
    assert "training_accuracy_score" not in run.metrics
    assert any("read only once" in note.reason for note in run.notes)


class Refusing(type):
    def __getattribute__(cls, name):
        if name.startswith("_"):
            return super().__getattribute__(name)
        raise ImportError(f"{cls.__name__} requires something")

    def __eq__(cls, other):
        return False

    __hash__ = None


def test_classes_of_others_that_cannot_be_looked_at(monkeypatch):
    module = types.ModuleType("dummies")
    module.Refusing = Refusing("Model", (), {})
    module.Nameless = type("Nameless", (), {"fit": None, "get_params": None, "__module__": None})
    monkeypatch.setitem(sys.modules, "dummies", module)
    skribe.autolog(disable=True)
    skribe.autolog(silent=True)
    Zero().fit(X, y)
    assert len(skribe.runs()) == 1


class TimeUpError(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_a_timeout_of_the_users_reaches_the_user():
    class Long(Zero):
        def predict(self, X):
            time.sleep(0.5)
            return super().predict(X)

    def ring(*_):
        raise TimeUpError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(TimeUpError):
            Long().fit(X, y)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("rows", [100, 500, 501])
def test_a_slow_prediction_is_bounded_on_few_rows_too(rows):
    class Slow(Zero):
        def predict(self, X):
            time.sleep(0.01 * len(X))
            return super().predict(X)

    began = time.perf_counter()
    Slow().fit(np.zeros((rows, 2)), np.arange(float(rows)))
    assert time.perf_counter() - began < 0.5
    run = skribe.last_run()
    assert "training_metrics.rows" in run.metrics or "overhead budget" in run.notes[0].reason


@pytest.mark.parametrize(
    "fit",
    [
        lambda: Zero().fit(pd.DataFrame(X), y),
        lambda: LinearRegression().fit(X, y, sample_weight=np.ones(100)),
        lambda: KNeighborsClassifier().fit(pd.DataFrame(X), y),
    ],
    ids=["frame", "weights", "neighbours"],
)
def test_a_warning_that_was_shown_is_not_shown_again(fit):
    def heard(fits):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                warnings.warn("once is enough", UserWarning, stacklevel=1)
                fits()
        return len(caught)

    skribe.autolog(disable=True)
    before = heard(fit)
    skribe.autolog(silent=True)
    assert heard(fit) == before


def test_a_hooked_method_is_a_function_in_every_respect():
    class A(BaseEstimator):
        def fit(self, X, y=None):
            return self

    A.fit.__doc__ = "Documented afterwards."
    A.fit.tag = 1
    assert (A.fit.__doc__, A().fit.tag) == ("Documented afterwards.", 1)
    del A.fit.tag
    assert weakref.ref(A.fit)() is A.fit
    model = A()
    assert weakref.WeakMethod(model.fit)()(X) is model
    assert A.fit(self=model, X=X) is model
    with pytest.raises(TypeError, match=r"A.fit\(\) missing 1 required positional argument: 'X'"):
        model.fit()
    skribe.autolog(disable=True)
    assert A.fit.__doc__ == "Documented afterwards."


def test_off_is_off_for_methods_that_were_copied_while_on():
    class Alias(Zero):
        fit = Zero.fit

    @dataclass(slots=True)
    class Slotted(RegressorMixin, BaseEstimator):
        a: int = 1

        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.zeros(len(X))

    skribe.autolog(disable=True)
    assert type(vars(Alias)["fit"]) is types.FunctionType
    skribe.autolog(silent=True)
    Alias().fit(X, y)
    Slotted().fit(X, y)
    assert len(skribe.runs()) == 2


def test_fitted_attributes_that_are_rows_of_the_data_are_not_kept(own_folder):
    data = np.array([[101.25, 7.5], [33.125, 8.5], [202.5, -1.5], [404.75, -3.25]])
    SVC(C=100).fit(data, [0, 0, 1, 1])
    GaussianProcessRegressor().fit(data, [1.5, 2.5, 3.5, 4.25])
    skribe.autolog(disable=True)
    for file in own_folder.glob("skribe_runs/skribe.db*"):
        for text in (b"33.125", b"404.75", b"202.5"):
            assert text not in file.read_bytes()


def test_a_failing_import_has_the_users_traceback(own_folder, monkeypatch):
    (own_folder / "broken_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(own_folder)
    with pytest.raises(ZeroDivisionError) as caught:
        importlib.import_module("broken_module")
    names = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert not [name for name in names if "skribe/hooks" in name]


@pytest.mark.parametrize("leave", [sys.exit, pytest.fail])
def test_a_predict_that_leaves_does_not_leave_the_fit(leave):
    class Leaves(Zero):
        def predict(self, X):
            leave("now")

    model = Leaves()
    assert model.fit(X, y) is model
    assert skribe.last_run().status == "finished"


def test_runs_in_generators():
    def numbers():
        with skribe.run("in a generator"):
            yield 1
            yield 2

    for _ in numbers():
        break
    gc.collect()
    generator = numbers()
    contextvars.copy_context().run(next, generator)
    assert contextvars.copy_context().run(list, generator) == [2]
    with pytest.raises(SystemExit), skribe.run("leaves in peace"):
        sys.exit(0)
    assert set(skribe.runs()["status"]) == {"finished"}


def test_classes_are_free_to_go():
    class Local(Zero):
        def fit(self, X, y=None):
            return super().fit(X, y)

    Local().fit(X, y)
    gone = weakref.ref(Local)
    del Local
    gc.collect()
    assert gone() is None


class Slots:
    __slots__ = ("n",)

    def get_params(self, deep=True):
        return {}

    def partial_fit(self, X, y=None):
        return self

    def fit(self, X, y=None):
        return self


def test_streams_of_objects_that_cannot_be_known_again():
    skribe.autolog(silent=True)  # once more, to find a class that does not derive from BaseEstimator
    model = Slots()
    model.partial_fit(X, y)
    model.partial_fit(X, y)
    assert list(skribe.runs()["kind"]) == ["stream", "stream"]


def test_x_and_y_are_known_by_their_names():
    class Renamed(ClassifierMixin, BaseEstimator):
        def fit(self, labels, features, epochs=3):
            self.classes_ = np.unique(labels)
            return self

        def predict(self, X):
            return np.zeros(len(X), dtype=int)

    Renamed().fit(y, X)
    run = skribe.last_run()
    assert run.datasets[0].shape == X.shape
    assert run.metrics["training_accuracy_score"] == np.mean(y == 0)


def test_ctrl_c_while_a_fit_is_being_written_down_ends_its_run(monkeypatch):
    from skribe import recorder

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "facts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Zero().fit(X, y)
    monkeypatch.undo()
    assert list(skribe.runs()["status"]) == ["killed"]
    Zero().fit(X, y)
    assert len(skribe.runs()) == 2
    assert not [entry for entry in warnings.filters if type(entry[1]).__module__ == "skribe.guard"]
