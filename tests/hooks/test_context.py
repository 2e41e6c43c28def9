"""Who is inside whom, across threads and processes."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.parallel import Parallel, delayed

from skribe.hooks import entered

X = [[float(i), float(i % 3)] for i in range(30)]
y = [i % 2 for i in range(30)]
NESTING = [
    lambda: BaggingClassifier(LogisticRegression(), n_jobs=2),
    lambda: VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], n_jobs=2),
    lambda: StackingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], n_jobs=2, cv=2),
    lambda: OneVsRestClassifier(LogisticRegression(), n_jobs=2),
    lambda: GridSearchCV(VotingClassifier([("a", GaussianNB())], n_jobs=2), {"voting": ["hard"]}, cv=2, n_jobs=2),
]


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.parametrize("make", NESTING)
def test_what_joblib_starts_inside_a_fit_makes_no_call_of_its_own(ear, backend, make):
    model = make()
    with joblib.parallel_config(backend):
        model.fit(X, y)
    assert ear.names == [type(model).__name__]


def test_eight_fits_in_four_threads_are_eight_calls(ear):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda c: LogisticRegression(C=c).fit(X, y), range(1, 9)))
    assert sorted(call.estimator.C for call in ear.ended) == list(range(1, 9))
    assert all(call.error is None for call in ear.ended)


@pytest.mark.parametrize(("parallel", "delayed"), [(joblib.Parallel, joblib.delayed), (Parallel, delayed)])
def test_a_users_own_threaded_loop_is_a_call_each(ear, parallel, delayed):
    parallel(n_jobs=2, prefer="threads")(delayed(LogisticRegression(C=c).fit)(X, y) for c in (1, 2, 3))
    assert len(ear.ended) == 3


def test_a_pool_made_inside_a_fit_is_silent_during_it_and_free_after_it(ear):
    pools = []

    class Own(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            pool = ThreadPoolExecutor(1)
            pools.append(pool)
            self.inner_ = pool.submit(LogisticRegression().fit, X, y).result()
            return self

    Own().fit(X, y)
    assert ear.names == ["Own"]
    pools[0].submit(GaussianNB().fit, X, y).result()
    pools[0].shutdown()
    assert ear.names == ["Own", "GaussianNB"]


def test_a_fit_inside_a_scorer_is_the_searchs_affair(ear):
    def scorer(estimator, X, y):
        return LogisticRegression().fit(X, y).score(X, y)

    GridSearchCV(GaussianNB(), {}, scoring=scorer, cv=2).fit(X, y)
    assert ear.names == ["GridSearchCV"]


def test_a_quiet_scope_silences_this_thread_and_those_it_starts(ear):
    with entered(quiet=True):
        LogisticRegression().fit(X, y)
        thread = threading.Thread(target=LogisticRegression().fit, args=(X, y))
        thread.start()
        thread.join()
    assert ear.names == []
    LogisticRegression().fit(X, y)
    assert ear.names == ["LogisticRegression"]


def test_a_run_by_hand_is_known_in_the_threads_started_inside(ear):
    with entered(quiet=False, run="mine"), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda c: LogisticRegression(C=c).fit(X, y), (1, 2)))
        LogisticRegression().fit(X, y)
    LogisticRegression().fit(X, y)
    assert [call.inside for call in ear.calls] == ["mine", "mine", "mine", None]


def test_after_a_failed_fit_the_next_one_is_outermost_again(ear):
    with pytest.raises(ValueError, match="inconsistent"):
        LogisticRegression().fit(X, y[:-1])
    LogisticRegression().fit(X, y)
    assert len(ear.ended) == 2


def test_ctrl_c_and_exit_pass_and_leave_no_scope(ear):
    class Leaves(BaseEstimator):
        def __init__(self, error):
            self.error = error

        def fit(self, X, y=None):
            raise self.error

    for error in (KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(error)):
            Leaves(error).fit(X)
    GaussianNB().fit(X, y)
    assert [type(call.error).__name__ for call in ear.ended] == [
        "KeyboardInterrupt",
        "SystemExit",
        "NoneType",
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fit_after_fork_is_heard_in_the_child(ear):
    child = os.fork()
    if child == 0:
        try:
            GaussianNB().fit(X, y)
            os._exit(0 if ear.names == ["GaussianNB"] else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert ear.names == []


def test_processor_time_is_left_out_when_fits_overlap(ear):
    barrier = threading.Barrier(2)

    class Waits(BaseEstimator):
        def fit(self, X, y=None):
            barrier.wait(timeout=20)
            return self

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: Waits().fit(X), range(2)))
    GaussianNB().fit(X, y)
    assert [call.cpu is None for call in ear.ended] == [True, True, False]
    assert all(call.wall > 0 for call in ear.ended)
