"""Every estimator is heard: those there are, those that come, those of other descent."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from skribe.hooks import Installation
from skribe.hooks.importlib_bootstrap import Hook

X = [[0.0], [1.0], [2.0], [3.0]]
y = [0, 0, 1, 1]


def every_class() -> list[type]:
    all_estimators()
    found, rest = {BaseEstimator}, [BaseEstimator]
    while rest:
        for cls in rest.pop().__subclasses__():
            if cls not in found:
                found.add(cls)
                rest.append(cls)
    return list(found)


def contents(classes: list[type]) -> dict[type, dict[str, object]]:
    # `copyreg` keeps the slot names of a class on it once an instance was pickled; that is Python's own doing.
    return {cls: {k: v for k, v in vars(cls).items() if k != "__slotnames__"} for cls in classes}


def test_removing_restores_every_class_dict_by_identity():
    classes = [*every_class(), TransformerMixin, *TransformerMixin.__mro__[:-1]]
    before = contents(classes)
    installation = Installation(_Deaf())
    hooked = [cls for cls in classes if isinstance(vars(cls).get("fit"), Hook)]
    installation.remove()
    after = contents(classes)
    assert len(hooked) > 150
    for cls in classes:
        assert after[cls].keys() == before[cls].keys()
        changed = [name for name in before[cls] if after[cls][name] is not before[cls][name]]
        assert changed == [], cls


class _Deaf:
    def begin(self, call):
        return False

    def end(self, call):
        raise AssertionError("a call that was not wanted has ended")

    def times_members(self, call):
        return False


def test_installing_twice_wraps_once(ear):
    second = Installation(_Deaf())
    try:
        hook = vars(LogisticRegression)["fit"]
        assert not isinstance(hook.original, Hook)
    finally:
        second.remove()
    LogisticRegression().fit(X, y)
    assert ear.names == ["LogisticRegression"]


def test_a_failure_half_way_leaves_nothing_behind(monkeypatch):
    before = contents(every_class())
    meta_path = list(sys.meta_path)

    def fails(*args):
        raise RuntimeError("half-way")

    monkeypatch.setattr("skribe.hooks.hook_warnings", fails)
    with pytest.raises(RuntimeError, match="half-way"):
        Installation(_Deaf())
    assert contents(list(before)) == before
    assert sys.meta_path == meta_path


def test_a_class_defined_later_is_heard_and_restored(ear):
    class Mean(BaseEstimator):
        def fit(self, X, y=None):
            self.mean_ = sum(y) / len(y)
            return self

    Mean().fit(X, y)
    assert ear.names == ["Mean"]
    assert list(ear.ended[0].arguments) == ["X", "y"]


def test_a_class_defined_while_on_is_plain_after_off():
    installation = Installation(_Deaf())

    class Own(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X

        def fit_transform(self, X, y=None):
            return self.fit(X, y).transform(X)

    assert isinstance(vars(Own)["fit"], Hook)
    assert isinstance(vars(Own)["fit_transform"], Hook)
    installation.remove()
    assert isinstance(vars(Own)["fit"], types.FunctionType)
    assert not isinstance(vars(Own)["fit_transform"], Hook)
    assert "__init_subclass__" not in vars(BaseEstimator)


def test_a_subclass_that_calls_super_is_one_call_under_its_own_name(ear):
    class Careful(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y, sample_weight)

    Careful().fit(X, y)
    assert ear.names == ["Careful"]


def test_a_fit_that_comes_from_a_plain_mixin_is_heard(ear):
    class Fitting:
        def fit(self, X, y=None):
            self.seen_ = len(X)
            return self

    class Mixed(Fitting, BaseEstimator):
        pass

    Mixed().fit(X)
    assert ear.names == ["Mixed"]
    assert "fit" not in vars(Mixed)


def test_a_class_of_other_descent_is_heard_when_its_module_is_imported(ear, tmp_path, monkeypatch):
    source = """
        class Duck:
            def get_params(self, deep=True):
                return {}
            def fit(self, X, y=None):
                return self
    """
    (tmp_path / "pond.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    pond = importlib.import_module("pond")
    pond.Duck().fit(X, y)
    assert ear.names == ["Duck"]
    assert type(pond.__loader__).__module__ != "skribe.hooks.imports"
    assert pond.__spec__.loader is pond.__loader__
    del sys.modules["pond"]


def test_scikit_learn_imported_after_installation_is_heard(tmp_path):
    script = """
        import sys
        from skribe.hooks import Installation
        class Ear:
            calls = []
            def begin(self, call): self.calls.append(call); return True
            def end(self, call): pass
            def times_members(self, call): return False
            def follows(self, call): return False
            hears_scores = False
        ear = Ear()
        installation = Installation(ear)
        assert not [m for m in sys.modules if m.startswith(("sklearn", "pandas", "numpy"))]
        from sklearn.linear_model import LinearRegression
        LinearRegression().fit([[0.], [1.]], [0., 1.])
        assert [type(c.estimator).__name__ for c in ear.calls] == ["LinearRegression"], ear.calls
        installation.remove()
        LinearRegression().fit([[0.], [1.]], [0., 1.])
        assert len(ear.calls) == 1
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(script)], check=True, cwd=Path.cwd())


def test_outermost_call_only(ear):
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    assert ear.names == ["Pipeline"]
    assert [name for _id, name, _seconds in ear.ended[0].members] == ["StandardScaler", "LogisticRegression"]


def test_conditional_methods_stay_conditional(ear):
    scaler = Pipeline([("scale", StandardScaler())])
    model = Pipeline([("fit", LinearRegression())])
    assert hasattr(scaler, "fit_transform")
    assert not hasattr(model, "fit_predict")
    scaler.fit_transform(X)
    assert [call.method for call in ear.ended] == ["fit_transform"]


def test_every_method_is_heard_once(ear):
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.linear_model import SGDClassifier

    PCA(1).fit_transform(X)
    KMeans(2, n_init=1).fit_predict(X)
    SGDClassifier().partial_fit(X, y, classes=[0, 1])
    assert ear.names == ["PCA", "KMeans", "SGDClassifier"]
    assert ear.ended[2].method == "partial_fit"
    assert list(ear.ended[2].arguments) == ["X", "y", "classes"]


def test_a_stranger_on_top_of_our_hook_keeps_working_after_removal():
    original = vars(LogisticRegression)["fit"]
    installation = Installation(_Deaf())
    ours = LogisticRegression.fit

    def theirs(self, *args, **kwargs):
        return ours(self, *args, **kwargs)

    LogisticRegression.fit = theirs
    try:
        installation.remove()
        assert vars(LogisticRegression)["fit"] is theirs
        assert LogisticRegression().fit(X, y).predict([[0.0]])[0] == 0
    finally:
        LogisticRegression.fit = original
    assert isinstance(vars(LogisticRegression)["fit"], types.FunctionType)


def test_exceptions_of_wrong_calls_are_the_original_ones(ear):
    class Strict(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            return self

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        Strict().fit(X)
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Strict().fit(X, y, z=1)
    assert [type(call.error) for call in ear.ended] == [TypeError, TypeError]
    clone(Strict()).fit(X, y)
    assert ear.ended[2].error is None


def test_what_says_that_it_is_a_module_and_is_none_is_left_alone(monkeypatch):
    class Pretender:
        """As the libraries do that cffi loads."""

        __class__ = types.ModuleType

    monkeypatch.setitem(sys.modules, "pretender", Pretender())
    Installation(_Deaf()).remove()
