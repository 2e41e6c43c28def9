"""A candidate's parameters are what `set_params` would leave: whole, and without anything of what was replaced."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import uniform
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from skribe.capture import parameters
from skribe.capture.candidates import Template, constants_of, described, name_of
from skribe.records import Param

# --- against scikit-learn ------------------------------------------------------------------------------------

plain = st.sampled_from([None, True, False, 0, 1, 2.5, "auto", "passthrough", (1, 2), [1, "x"], np.float64(0.5)])
leaves = st.sampled_from(
    [StandardScaler, MinMaxScaler, PCA, GaussianNB, SVC, LogisticRegression, KNeighborsClassifier]
)
SOME = {
    StandardScaler: "with_mean", MinMaxScaler: "clip", PCA: "n_components", GaussianNB: "var_smoothing", SVC: "C",
    LogisticRegression: "max_iter", KNeighborsClassifier: "n_neighbors",
}  # fmt: skip


@st.composite
def leaf(draw) -> Any:
    kind = draw(leaves)
    return kind(**({SOME[kind]: draw(plain)} if draw(st.booleans()) else {}))


def _around(inner: st.SearchStrategy) -> st.SearchStrategy:
    step = inner | st.sampled_from(["passthrough", None])
    named = st.tuples(step, step, inner).map(lambda steps: list(zip(("a", "b", "c"), steps, strict=True)))
    return (
        named.map(Pipeline)
        | named.map(FeatureUnion)
        | named.map(lambda steps: ColumnTransformer([(name, step, [0]) for name, step in steps]))
        | inner.map(lambda one: VotingClassifier([("v", one)]))
        | inner.map(BaggingClassifier)
    )


nested = st.recursive(leaf(), _around, max_leaves=6)


@st.composite
def searches(draw) -> tuple[Any, dict[str, Any]]:
    """An estimator, and something that a search may choose for it."""
    estimator = draw(nested)
    chosen: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 4))):
        # Whatever has been chosen already, what it has brought with it can be chosen next.
        now = clone(estimator).set_params(**chosen).get_params()
        keys = sorted(
            key for key in now if not key.endswith(("steps", "transformers", "transformer_list", "estimators"))
        )
        key = draw(st.sampled_from(keys))
        held = now[key]
        value = draw(nested | st.just("passthrough")) if hasattr(type(held), "get_params") else draw(plain)
        more = {**chosen, key: value}
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            clone(estimator).set_params(**more)
            chosen = more  # unless something was chosen for a part that is no longer there
    order = draw(st.permutations(sorted(chosen)))
    return estimator, {key: chosen[key] for key in order}


def really(estimator: Any, chosen: dict[str, Any]) -> dict[str, Param]:
    after = clone(estimator).set_params(**clone(chosen, safe=False))
    return {param.key: param for param in parameters(after)[0]}


def filled(estimator: Any, chosen: dict[str, Any]) -> dict[str, Param]:
    found = Template(estimator, parameters(estimator)[0]).filled(chosen)
    by_key = {param.key: param for param in found}
    assert len(by_key) == len(found), "a parameter came twice"
    return by_key


def holds_others(key: str, keys: Any) -> bool:
    return any(other.startswith(f"{key}__") for other in keys) or key.rpartition("__")[2] in {
        "steps", "transformers", "transformer_list", "estimators",
    }  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(searches())
def test_as_set_params_leaves_it(search):
    estimator, chosen = search
    expected, found = really(estimator, chosen), filled(estimator, chosen)
    assert found.keys() == expected.keys()
    for key, param in expected.items():
        if not holds_others(key, expected):
            assert (found[key].value, found[key].type) == (param.value, param.type), key
            assert found[key].is_default in (param.is_default, None), key


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(searches(), searches())
def test_one_candidate_leaves_nothing_to_the_next(first, second):
    estimator, chosen = first
    template = Template(estimator, parameters(estimator)[0])
    before = template.filled({})
    template.filled(chosen)
    template.filled({key: value for key, value in second[1].items() if key in estimator.get_params()})
    assert template.filled({}) == before == parameters(estimator)[0]


def test_the_estimator_and_what_was_chosen_are_not_touched():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    new = LogisticRegression()
    filled(pipe, {"clf": new, "clf__C": 7})
    assert pipe["clf"].C == 1.0
    assert new.C == 1.0
    assert type(pipe["clf"]) is SVC


def test_what_was_replaced_leaves_nothing():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC(C=3))])
    found = filled(pipe, {"clf__n_neighbors": 4, "clf": KNeighborsClassifier(p=1)})
    assert found["clf__n_neighbors"] == Param("clf__n_neighbors", "4", "int", False)
    assert found["clf__p"] == Param("clf__p", "1", "int", False)
    assert found["clf__leaf_size"].is_default is True
    assert "clf__C" not in found
    assert "clf__kernel" not in found
    gone = filled(pipe, {"clf": "passthrough"})
    assert gone["clf"].value == "passthrough"
    assert not [key for key in gone if key.startswith("clf__")]


def test_two_levels_at_once():
    inner = Pipeline([("pca", PCA()), ("svc", SVC())])
    outer = Pipeline([("inner", inner)])
    chosen = {
        "inner__svc__C": 9,
        "inner": Pipeline([("scale", MinMaxScaler()), ("svc", GaussianNB())]),
        "inner__svc": SVC(kernel="linear"),
    }
    expected, found = really(outer, chosen), filled(outer, chosen)
    assert found.keys() == expected.keys()
    assert found["inner__svc__C"].value == "9"
    assert found["inner__svc__kernel"].value == "linear"


@pytest.mark.parametrize(
    "chosen",
    [{"clf__C": 5}, {"clf": LogisticRegression()}, {"clf": LogisticRegression(), "clf__C": 5}, {"scale": None}],
    ids=str,
)
def test_what_holds_a_part_shows_it_as_it_is(chosen):
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    expected, found = really(pipe, chosen), filled(pipe, chosen)
    assert {key: param.value for key, param in found.items()} == {key: param.value for key, param in expected.items()}


def test_all_steps_replaced_at_once():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    chosen = {"steps": [("pca", PCA()), ("nb", GaussianNB())], "pca__n_components": 2}
    expected, found = really(pipe, chosen), filled(pipe, chosen)
    assert found.keys() == expected.keys()


def test_an_estimator_that_refuses_to_be_asked():
    class Refuses(BaseEstimator):
        def get_params(self, deep=True):
            raise RuntimeError("not today")

    found = Template(Refuses(), parameters(Refuses())[0]).filled({"a": 1})
    assert found == (Param("a", "1", "int", None),)


# --- names ---------------------------------------------------------------------------------------------------


def name(chosen: dict[str, Any], constant: frozenset[str] = frozenset()) -> str:
    return name_of(described(chosen), constant)


def test_a_name_is_what_varies():
    assert name({"C": 10, "kernel": "rbf"}) == "C=10, kernel=rbf"
    assert name({"C": 10, "kernel": "rbf"}, frozenset({"kernel"})) == "C=10"
    assert name({"kernel": "rbf"}, frozenset({"kernel"})) == "kernel=rbf"
    assert name({}) == "defaults"
    assert name({"C": 0.123456789012345}) == "C=0.123457"
    assert name({"clf": SVC(C=3)}) == "clf=SVC(C=3)"
    assert name({"p": "two\nlines"}) == "p=two lines"
    assert len(name({f"p{i}": "x" * 100 for i in range(100)})) <= 200
    assert "hunter2" not in name({"password": "hunter2"})


def test_what_is_the_same_for_all_candidates():
    assert constants_of(GridSearchCV(SVC(), {"C": [1, 2], "kernel": ["rbf"]})) == {"kernel"}
    assert constants_of(GridSearchCV(SVC(), [{"C": [1], "kernel": ["rbf"]}, {"kernel": ["rbf"]}])) == {"kernel"}
    assert constants_of(GridSearchCV(SVC(), [{"kernel": ["rbf"]}, {"kernel": ["linear"]}])) == set()
    assert constants_of(GridSearchCV(SVC(), {"C": np.array([1, 2])})) == set()
    assert constants_of(RandomizedSearchCV(SVC(), {"C": uniform(), "kernel": ["rbf"]})) == {"kernel"}
    assert constants_of(SVC()) == set()


@given(st.dictionaries(st.text(max_size=8), plain | st.text(), max_size=5), st.frozensets(st.text(max_size=8)))
def test_every_candidate_has_a_name_of_one_line(chosen, constant):
    said = name(chosen, constant)
    assert said
    assert len(said) <= 200
    assert "\n" not in said
    assert "\0" not in said
    said.encode()
