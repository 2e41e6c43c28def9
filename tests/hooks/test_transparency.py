"""A hooked method is the method: to pickle, copy, inspect, mock, and to the warnings that it raises."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import textwrap
import traceback
import warnings
from unittest import mock

import joblib
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import has_fit_parameter

X = [[0.0], [1.0], [2.0], [3.0]] * 3
y = [0, 0, 1, 1] * 3


class Plain(BaseEstimator):
    """A class with nothing between its `fit` and the user."""

    def __init__(self, C=1):
        self.C = C

    def fit(self, X, y=None, *, sample_weight=None):
        """Fit."""
        warnings.warn("look at your line", stacklevel=2)
        self.done_ = True
        return self


def looks() -> dict[str, object]:
    function = Plain.fit
    return {
        "signature": inspect.signature(Plain.fit),
        "bound signature": inspect.signature(Plain().fit),
        "argspec": inspect.getfullargspec(Plain.fit),
        "bound argspec": inspect.getfullargspec(Plain().fit),
        "doc": Plain().fit.__doc__,
        "name": (function.__name__, function.__qualname__, function.__module__),
        "source": inspect.getsource(Plain.fit),
        "isfunction": inspect.isfunction(Plain.fit),
        "ismethod": inspect.ismethod(Plain().fit),
        "members": [name for name, _ in inspect.getmembers(Plain, inspect.isfunction)],
        "has_fit_parameter": has_fit_parameter(Plain(), "sample_weight"),
        "code": Plain().fit.__code__.co_varnames,
        "request": routed(),
    }


def routed() -> dict[str, object]:
    with sklearn.config_context(enable_metadata_routing=True):
        model = Plain().set_fit_request(sample_weight=True)
        return model.get_metadata_routing().fit.requests


def test_it_looks_the_same_hooked_and_not(request):
    before = looks()
    request.getfixturevalue("ear")
    assert looks() == before


def test_a_bound_method_can_be_pickled_and_copied(ear):
    model = LogisticRegression(C=3)
    again = pickle.loads(pickle.dumps(model.fit))
    assert again(X, y).C == 3
    assert copy.copy(model.fit).__self__ is model
    assert copy.deepcopy(model.fit).__self__ is not model
    assert pickle.loads(pickle.dumps(LogisticRegression.fit)).__name__ == "fit"


def test_a_bound_method_goes_to_a_worker_process(ear):
    tasks = (joblib.delayed(LogisticRegression(C=c).fit)(X, y) for c in (1, 2))
    fitted = joblib.Parallel(n_jobs=2)(tasks)
    assert [model.C for model in fitted] == [1, 2]
    assert ear.names == []


def test_a_class_of_main_pickled_by_value_carries_nothing_of_ours(tmp_path):
    make = """
        import sys, cloudpickle
        from sklearn.base import BaseEstimator
        from sklearn.model_selection import GridSearchCV
        from skribe.hooks import Installation
        class Ear:
            def begin(self, call): return True
            def end(self, call): pass
            def times_members(self, call): return True
            def follows(self, call): return False
            hears_scores = False
        installation = Installation(Ear())
        class Notebook(BaseEstimator):
            def fit(self, X, y=None):
                self.n_ = len(X)
                return self
            def score(self, X, y=None):
                return 1.0
        data = cloudpickle.dumps(Notebook().fit([[0], [1]]))
        assert b"skribe" not in data
        GridSearchCV(Notebook(), {}, cv=2, n_jobs=2).fit([[0], [1], [2], [3]], [0, 1, 0, 1])
        open(sys.argv[1], "wb").write(data)
    """
    load = """
        import sys, pickle
        sys.modules["skribe"] = None
        model = pickle.load(open(sys.argv[1], "rb"))
        assert model.n_ == 2 and model.fit([[0]]).n_ == 1
        assert type(vars(type(model))["fit"]).__name__ == "function"
    """
    for script in (make, load):
        command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "model.pkl")]
        subprocess.run(command, check=True)


def test_a_warning_points_at_the_users_line_and_is_deduplicated_there(ear):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        Plain().fit(X)
        here = inspect.currentframe().f_lineno - 1
        for _ in range(3):
            Plain().fit(X)
    assert {w.filename for w in seen} == {__file__}
    assert [w.lineno for w in seen] == [here, here + 3]


def test_shown_warnings_are_taken_down_and_still_shown(ear):
    with pytest.warns(UserWarning, match="look at your line"):
        Plain().fit(X)
    (taken,) = ear.ended[0].warned
    assert (taken.category, taken.message) == ("builtins.UserWarning", "look at your line")


def test_the_traceback_is_the_users_with_at_most_one_frame_of_ours(ear):
    class Broken(BaseEstimator):
        def fit(self, X, y=None):
            raise ZeroDivisionError("inside")

    with pytest.raises(ZeroDivisionError) as caught:
        Broken().fit(X)
    names = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[0] == names[-1] == __file__
    assert len(names) == 3
    assert caught.value.__context__ is None


def test_clone_search_and_mock(ear):
    model = clone(Plain(C=2))
    assert model.C == 2
    spec = mock.create_autospec(LogisticRegression)
    spec.return_value.fit(X, y)
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2).fit(X, y)
    assert pickle.loads(pickle.dumps(search)).best_params_ == search.best_params_
    assert ear.names == ["GridSearchCV"]
