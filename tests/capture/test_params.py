"""`parameters` and `seeds`: the keys of `get_params`, what is a default, and estimators that refuse."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from skribe.capture import parameters, seeds
from skribe.records import Fact, Param


class Awkward(BaseEstimator):
    def __init__(self, array: Any = None, items: Any = (1, 2), number: Any = float("nan"), thing: Any = print) -> None:
        self.array = array
        self.items = items
        self.number = number
        self.thing = thing


class Uncomparable:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not compare me")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError("do not show me")


class OnlyShallow(BaseEstimator):
    def __init__(self, a: int = 1) -> None:
        self.a = a

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        if deep:
            raise RuntimeError("not that deep")
        return {"a": self.a}


class Refusing(BaseEstimator):
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        raise RuntimeError("nothing to say")


class Duck:
    """Not a scikit-learn estimator, as catboost's are not."""

    def __init__(self, depth: int = 6, **more: Any) -> None:
        self.depth, self.more = depth, more

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"depth": self.depth, **self.more}


class Base(BaseEstimator):
    def __init__(self, inherited: int = 5, both: int = 1) -> None:
        self.inherited, self.both = inherited, both


class HandsOn(Base):
    def __init__(self, both: int = 2, **kwargs: Any) -> None:
        super().__init__(both=both, **kwargs)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"inherited": self.inherited, "both": self.both}


def of(estimator: Any) -> dict[str, Param]:
    found, notes = parameters(estimator)
    assert notes == ()
    return {param.key: param for param in found}


def test_keys_are_those_of_get_params() -> None:
    pipe = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression(C=10, random_state=3))])
    search = GridSearchCV(pipe, {"clf__C": [1, 2]})
    assert [param.key for param in parameters(search)[0]] == list(search.get_params())
    found = of(pipe)
    assert found["clf__C"] == Param("clf__C", "10", "int", False)
    assert found["clf__fit_intercept"] == Param("clf__fit_intercept", "True", "bool", True)
    assert found["clf"] == Param("clf", "LogisticRegression(C=10, random_state=3)", "object", None)
    assert found["steps"].is_default is False
    assert found["verbose"].is_default is True


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"number": float("nan")}, True),
        ({"number": np.float64("nan")}, False),
        ({"number": 1}, False),
        ({"items": (1, 2)}, True),
        ({"items": (1, 3)}, False),
        ({"items": [1, 2]}, False),
        ({"items": (1, 2.0)}, False),
        ({"items": (True, 2)}, False),
        ({"array": np.arange(3)}, False),
        ({"array": np.arange(10_000)}, False),
        ({"array": Uncomparable()}, False),
        ({"items": (1, Uncomparable())}, False),
        ({"thing": len}, False),
        ({"number": 10**5000}, False),
    ],
)
def test_is_default(values: dict[str, Any], expected: bool) -> None:
    key = next(iter(values), "number")
    assert of(Awkward(**values))[key].is_default is expected


def test_array_defaults_are_compared_by_content() -> None:
    class Gridded(BaseEstimator):
        def __init__(self, grid: Any = np.arange(20), other: Any = [np.arange(3)]) -> None:  # noqa: B006, B008
            self.grid, self.other = grid, other

    assert of(Gridded(np.arange(20)))["grid"].is_default is True
    assert of(Gridded(np.arange(1, 21)))["grid"].is_default is False
    assert of(Gridded(other=[np.arange(4)]))["other"].is_default is False


def test_nan_is_nan() -> None:
    assert of(SimpleImputer())["missing_values"].is_default is True


def test_a_parameter_without_default_is_never_the_default() -> None:
    assert of(VotingClassifier([("a", LogisticRegression())]))["estimators"].is_default is False


def test_keyword_arguments_handed_on_have_the_defaults_of_the_parent() -> None:
    found = of(HandsOn())
    assert found["both"].is_default is True
    assert found["inherited"].is_default is True
    assert of(HandsOn(inherited=6))["inherited"].is_default is False


def test_a_duck_is_asked_like_everybody() -> None:
    found = of(Duck(loss="RMSE", one__two=3))
    assert found["depth"].is_default is True
    assert found["loss"].is_default is None
    assert found["one__two"].is_default is None


def test_refusals_become_notes() -> None:
    found, notes = parameters(OnlyShallow())
    assert [param.key for param in found] == ["a"]
    assert "not that deep" in notes[0].reason
    found, notes = parameters(Refusing())
    assert found == ()
    assert "nothing to say" in notes[-1].reason
    found, notes = parameters(object())
    assert found == ()
    assert len(notes) == 1


def test_get_params_that_returns_nonsense() -> None:
    class Odd(BaseEstimator):
        def get_params(self, deep: bool = True) -> Any:
            return 5

    found, notes = parameters(Odd())
    assert found == ()
    assert notes


def test_values_that_raise_are_told() -> None:
    found = of(Awkward(array=Uncomparable()))
    assert "do not show me" in found["array"].value


def test_credentials_are_hidden_at_any_depth() -> None:
    class Remote(BaseEstimator):
        def __init__(self, api_key: Any = None, url: Any = None) -> None:
            self.api_key, self.url = api_key, url

    pipe = make_pipeline(Remote("s3cret", "http://me:s3cret@host"))
    found = of(pipe)
    assert found["remote__api_key"].value == "***"
    assert "s3cret" not in repr(found)


def test_warnings_of_get_params_are_not_heard() -> None:
    class Warning_(BaseEstimator):
        def get_params(self, deep: bool = True) -> dict[str, Any]:
            warnings.warn("deprecated", FutureWarning, stacklevel=2)
            return {}

    assert of(Warning_()) == {}


def test_seeds() -> None:
    pipe = make_pipeline(StandardScaler(), LogisticRegression(random_state=3))
    assert seeds(pipe) == (Fact("seed.logisticregression__random_state", "3", "int"),)
    assert seeds(parameters(LogisticRegression())[0]) == (Fact("seed.random_state", "unseeded", "str"),)
    (fact,) = seeds(LogisticRegression(random_state=np.random.RandomState(1)))
    assert fact.value.startswith("RandomState(fingerprint=")
    assert seeds(StandardScaler()) == ()


def test_every_estimator_of_scikit_learn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classes = [cls for _, cls in all_estimators()]
    state = np.random.get_state(legacy=False)["state"]["key"].copy()
    for cls in classes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimator = cls()
        except TypeError:
            continue
        before = dict(vars(estimator))
        found, notes = parameters(estimator)
        assert notes == (), cls
        assert all(param.is_default for param in found if "__" not in param.key), (cls, found)
        assert vars(estimator) == before
    assert (np.random.get_state(legacy=False)["state"]["key"] == state).all()
