"""`content`: the same everywhere for what is equal, different for what may act differently, refused where unsure."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import functools
import itertools
import numbers
import operator
import os
import pathlib
import pickle
import random
import re
import struct
import subprocess
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import scipy.special
import scipy.stats
import sklearn
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import check_scoring, f1_score, get_scorer, get_scorer_names, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit, ShuffleSplit, StratifiedKFold, check_cv
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils import all_estimators
from sklearn.utils._param_validation import Interval, StrOptions

from skribe.capture.identity import Unsure, content

# What user code looks like. It is executed as text, so that one thing at a time can be changed in it.
USER_CODE = '''
"""A module of the user's."""
import functools
import math
import numbers

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.metrics import f1_score
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if

WEIGHTS = {"first": 1.0, "second": 2.0}

def helper(x):
    """Half of it."""
    assert x not in {"one", "two", "three", "four"}
    return 0.5 * x

def odd(n):
    return n > 0 and even(n - 1)

def even(n):
    return n == 0 or odd(n - 1)

def score(estimator, X, y, *, beta=1.0, average="macro"):
    """How good it is."""
    try:
        found = [helper(value) for value in estimator.predict(X)]
    except ValueError:
        return math.nan
    return f1_score(y, found, average=average) * WEIGHTS["first"] + np.log1p(beta)

def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + 0.25
    return wrapper

@logged
def decorated(estimator, X, y):
    return estimator.score(X, y)

def local(x):
    class Inside:
        def method(self):
            self.one, self.two, self.three = x
    return Inside

class Base:
    limit = 3

    def shared(self):
        return self.limit

class Model(ClassifierMixin, Base, BaseEstimator):
    """A model."""

    _parameter_constraints: dict = {"alpha": [Interval(numbers.Real, 0, None, closed="left")]}

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    @available_if(lambda self: self.alpha > 0)
    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return super().score(X, y) + 1.5

    @property
    def double(self):
        return 2 * self.alpha

    @staticmethod
    def plain(x):
        return x - 7

    @classmethod
    def make(cls):
        return cls(alpha=9)

class Step(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X + 100

    def get_feature_names_out(self, names=None):
        return names
'''


def user(source: str, name: str = "users_module", file: str = "users.py") -> types.SimpleNamespace:
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source, file, "exec", dont_inherit=True), names)
    return types.SimpleNamespace(**names)


def edited(old: str, new: str) -> types.SimpleNamespace:
    assert USER_CODE.count(old) == 1, old
    return user(USER_CODE.replace(old, new))


def refused(value: Any, *words: str, name: str = "it", cloned: bool = True) -> None:
    with pytest.raises(Unsure) as caught:
        content(value, name, cloned=cloned)
    reason = caught.value.reason
    assert reason.startswith(name), reason
    assert "\n" not in reason
    for word in words:
        assert word in reason, reason


# Plain values.

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
    | st.sampled_from([..., np.float64(0), np.float32(0), np.int64(0), np.bool_(True), "\ud800"])
)
HASHABLE = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.frozensets(HASHABLE, max_size=4)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def spelled(value: Any) -> str:
    """The value as a text of our own, for which "equal" is what `content` should find equal."""
    kind = type(value)
    if kind is dict:
        pairs = [(spelled(key), spelled(item)) for key, item in value.items()]
        return f"dict{sorted(pairs) if all(type(key) is str for key in value) else pairs}"
    if kind in (list, tuple):
        return f"{kind.__name__}{[spelled(item) for item in value]}"
    if kind in (set, frozenset):
        return f"{kind.__name__}{sorted(spelled(item) for item in value)}"
    if kind is float:
        return "nan" if value != value else struct.pack("<d", value).hex()
    if kind is complex:
        return f"complex({spelled(value.real)},{spelled(value.imag)})"
    return f"{kind.__name__} {value:x}" if kind is int else f"{kind.__name__} {value!r}"


@given(VALUES)
def test_a_copy_has_the_same_identity(value: Any) -> None:
    assert len(content(value)) == 16
    assert content(pickle.loads(pickle.dumps(value))) == content(value) == content(copy.deepcopy(value))
    assert content([value]) != content(value) != content((value,))


@given(VALUES, VALUES)
def test_two_values_share_an_identity_only_if_they_are_equal(one: Any, other: Any) -> None:
    assert (content(one) == content(other)) == (spelled(one) == spelled(other))


@given(VALUES, LEAVES, st.data())
def test_a_change_anywhere_changes_it(value: Any, leaf: Any, data: st.DataObject) -> None:
    changed = copy.deepcopy(value)
    here, spots = changed, []
    stack = [changed]
    while stack:
        here = stack.pop()
        for key, item in list(enumerate(here)) if isinstance(here, list) else list(getattr(here, "items", tuple)()):
            spots.append((here, key))
            stack += [item] if isinstance(item, (list, dict)) else []
    if not spots:
        return
    where, key = data.draw(st.sampled_from(spots))
    where[key] = leaf
    assert (content(changed) == content(value)) == (spelled(changed) == spelled(value))


def test_what_compares_equal_may_still_differ() -> None:
    alike: list[Any] = [
        1, 1.0, True, 1 + 0j, np.int64(1), np.int32(1), np.float64(1), np.float32(1), np.bool_(True), "1", b"1",
        np.str_("1"), decimal.Decimal(1), [1], (1,), {1}, frozenset([1]), {1: None}, np.array(1), np.array([1]),
        0.0, -0.0, 0, None, "", b"", (), [], {}, set(), frozenset(), float("nan"), np.float64("nan"), "nan", ...,
        NotImplemented, range(1), range(0, 1, 2), slice(1), slice(1, 1), bytearray(b"1"), collections.OrderedDict(),
        collections.defaultdict(list), collections.Counter(), np.datetime64("2020"), np.datetime64("2020-01-01"),
        np.longdouble(1), pd.Timestamp("2020"), datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1),
        datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(1), pathlib.PurePosixPath("1"),
        np.dtype("f4"), np.dtype("f8"), np.float32, np.float64, float, int, re.compile("1"), re.compile("1", re.I),
        type(None), type(...), pd.NA, pd.NaT,
    ]  # fmt: skip
    found = [content(value) for value in alike]
    assert len(set(found)) == len(alike)
    assert [content(pickle.loads(pickle.dumps(value))) for value in alike] == found


def test_the_order_of_a_dictionary_matters_where_it_can() -> None:
    one, other = {"C": 1, "tol": 2}, {"tol": 2, "C": 1}
    assert content(one) == content(other)
    assert content([one, Ridge]) == content([other, Ridge])
    assert content(one, cloned=False) != content(other, cloned=False)
    assert content({1: 1, 2: 2}) != content({2: 2, 1: 1})
    assert content(collections.OrderedDict(one)) != content(collections.OrderedDict(other))


class Sub:
    """Subclasses that carry more than their base says."""

    class Text(str):
        pass

    class Items(list[Any]):
        pass

    class Elements(set[Any]):
        pass


@pytest.mark.parametrize(("make", "value"), [(Sub.Text, "ab"), (Sub.Items, [1]), (Sub.Elements, {1, "b"})])
def test_a_subclass_is_its_class_its_content_and_its_state(make: Any, value: Any) -> None:
    one, other = make(value), make(value)
    assert content(one) == content(other) != content(value)
    other.note = 1
    assert content(one) != content(other)
    assert content(make()) != content(one)


def test_numbers_of_any_length_have_one() -> None:
    assert content(10**5000) == content(pickle.loads(pickle.dumps(10**5000))) != content(10**5000 + 1)


def test_what_contains_itself_or_is_too_deep_is_refused() -> None:
    loop: list[Any] = []
    loop.append([loop])
    refused(loop, "contains itself")
    mapping: dict[str, Any] = {}
    mapping["a"] = mapping
    refused(mapping, "it.a", "contains itself")
    box = types.SimpleNamespace()
    box.box = box
    refused(box, "contains itself")
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    refused(deep, "too deeply")
    before = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(20_000)
        refused(deep, "too deeply")
    finally:
        sys.setrecursionlimit(before)
    shared = [1]
    assert content([shared, shared]) == content([[1], [1]])


# Data.


def frames() -> Iterator[Any]:
    yield np.arange(6.0)
    yield np.arange(6.0).reshape(2, 3)
    yield np.array(["a", 1, None, 2.5], dtype=object)
    yield np.ma.masked_array([1, 2], [0, 1])
    yield np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
    yield pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    yield pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=["p", "q"])
    yield pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    yield pd.Series([1, 2], name="n")
    yield pd.Series(["a", "b"], dtype="category")
    yield pd.Series(["a", None], dtype="string")
    yield pd.Series(["a", 1], dtype=object)
    yield pd.Index([1, 2])
    yield pd.array([1, None])
    yield pl.DataFrame({"a": [1, 2]})
    yield pl.Series("a", ["x", "y"])
    yield pa.table({"a": [1, 2]})
    yield pa.array([1, 2])
    for form in ("csr", "csc", "coo", "lil", "dok"):
        yield scipy.sparse.random(5, 5, 0.5, form, random_state=0)
    yield scipy.sparse.csr_array(np.eye(2))


def test_data_is_known_by_content() -> None:
    found = [content(data) for data in frames()]
    assert len(set(found)) == len(found)
    assert [content(pickle.loads(pickle.dumps(data))) for data in frames()] == found
    assert [content(data, cloned=False) for data in frames()] == found


def test_one_changed_element_is_seen() -> None:
    for data in frames():
        if isinstance(data, np.ndarray) and data.dtype.names is None:
            changed = data.copy()
            changed.flat[-1] = 77
            assert content(changed) != content(data)
    assert content(pd.DataFrame({"a": [1, 2]})) != content(pd.DataFrame({"a": [1, 3]}))
    assert content(np.array([[1], "a"], dtype=object)) != content(np.array([[2], "a"], dtype=object))


def test_a_memory_map_is_read(own_folder: pathlib.Path) -> None:
    data = np.memmap(own_folder / "data", "f8", "w+", shape=(4,))
    before = content(data)
    data[2] = 1
    assert content(data) != before


class Thing:
    """An object that a fingerprint of the table that holds it knows by name only."""

    def __init__(self, size: int = 1) -> None:
        self.size = size


class Labelled(np.ndarray[Any, Any]):
    pass


class Frame(pd.DataFrame):
    pass


def test_tables_of_objects_are_refused() -> None:
    refused(pd.DataFrame({"a": [Thing(), Thing()]}), "Thing")
    refused(pd.Series([(1, 2)]), "tuple")
    refused(pd.Series([1], index=[Thing()]), "Thing")
    refused(pd.Series([1], name=Thing()), "Thing")
    refused(pd.Index([Thing()]), "Thing")
    refused(pd.Series([Thing()]).astype("category"), "Thing")
    refused(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([(1, Thing())])), "Thing")
    refused(Frame({"a": [1]}), "Frame")
    refused(pl.DataFrame({"a": [Thing()]}), "objects")
    refused(pl.LazyFrame({"a": [1]}), "LazyFrame")
    refused(np.zeros(2).view(Labelled), "Labelled")
    refused(np.array([(Thing(),)], dtype=[("a", "O")]), "objects")
    refused(np.ma.masked_array(np.array([1, "a"], dtype=object)), "objects")


def test_an_array_of_objects_is_known_by_its_objects() -> None:
    one, same, other = (np.array([Thing(size), "x"], dtype=object) for size in (1, 1, 2))
    assert content(one) == content(same) != content(other)
    refused(np.array([1, lambda: 1], dtype=object), "lambda")
    noted = pd.DataFrame({"a": [1]})
    plain = content(noted)
    noted.attrs["unit"] = "m"
    assert content(noted) != plain


# Random states.


def test_random_states_are_known_by_their_state() -> None:
    makers: list[Callable[[int], Any]] = [
        np.random.RandomState, np.random.default_rng, np.random.MT19937, np.random.PCG64, random.Random,
        lambda seed: np.random.Generator(np.random.Philox(seed)),
    ]  # fmt: skip
    for make in makers:
        one, same, other = make(0), make(0), make(1)
        assert content(one) == content(same) != content(other)
        if not hasattr(one, "spawn") or np.lib.NumpyVersion(np.__version__) >= "2.0.0":
            assert content(pickle.loads(pickle.dumps(one))) == content(one)  # numpy 1 forgot what children it has
    state, rng = np.random.RandomState(0), np.random.default_rng(0)
    before = content(state), content(rng)
    assert (content(state), content(rng)) == before
    state.rand()
    rng.spawn(1)
    assert content(state) != before[0]
    assert content(rng) != before[1]


def test_the_global_random_state_is_none_or_refused_and_untouched() -> None:
    before = pickle.dumps((np.random.get_state(), random.getstate()))
    assert content(np.random) == content(None)
    assert content(Ridge(random_state=np.random)) == content(Ridge())  # type: ignore[arg-type]
    refused(np.random.mtrand._rand, "global")
    refused(Ridge(random_state=np.random.mtrand._rand), "it.random_state", "global")
    refused(np.random.rand, "global")
    content(scipy.stats.uniform(0, 1))
    assert pickle.dumps((np.random.get_state(), random.getstate())) == before


# Estimators.


def test_every_estimator_is_known_by_its_class_and_parameters() -> None:
    found = {}
    for name, cls in all_estimators():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                estimator = cls()
            except TypeError:
                continue
            found[name] = content(estimator, name)
            assert content(clone(estimator)) == found[name]
    assert len(found) > 150
    assert len(set(found.values())) == len(found)


def test_a_parameter_changes_it_and_a_fit_does_not() -> None:
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    pipe = make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=2, random_state=0))
    before = content(pipe)
    state = pickle.dumps(pipe)
    assert content(pipe.fit(X, y)) == before
    assert content({"clf": pipe, "list": [(pipe,)]}) == content({"clf": clone(pipe), "list": [(clone(pipe),)]})
    assert content(pipe.set_params(randomforestclassifier__max_depth=3)) != before
    assert pickle.dumps(clone(pipe.set_params(randomforestclassifier__max_depth=None))) == state


def test_what_is_not_cloned_is_known_with_its_fit() -> None:
    X, y = [[0.0], [1.0]], [0, 1]
    plain, fitted = Ridge(), Ridge().fit(X, y)
    other = Ridge().fit(X, [0, 2])
    held: list[Callable[[Any], Any]] = [
        Thing,
        lambda model: functools.partial(f1_score, model),
        lambda model: model.predict,
        lambda model: np.array([model, None], dtype=object),
        lambda model: types.MappingProxyType({"a": model}),
        lambda model: Sub.Items([model]),
    ]
    for hold in held:
        assert len({content(hold(model)) for model in (plain, fitted, other)}) == 3
        assert content(hold(fitted)) == content(hold(Ridge().fit(X, y)))
    assert content(fitted, cloned=False) != content(other, cloned=False) != content(plain, cloned=False)


def test_set_output_and_requests_are_part_of_it() -> None:
    plain = content(StandardScaler())
    assert content(StandardScaler().set_output(transform="pandas")) != plain
    with sklearn.config_context(enable_metadata_routing=True):
        asked = Ridge().set_fit_request(sample_weight=True)
        again = Ridge().set_fit_request(sample_weight=True)
        assert content(asked) == content(again) == content(clone(asked)) != content(Ridge())
        assert content(asked) != content(Ridge().set_fit_request(sample_weight=False))
        scorer = make_scorer(f1_score).set_score_request(sample_weight="w")
        assert content(scorer) != content(make_scorer(f1_score))


class Frozen(BaseEstimator):
    def __sklearn_clone__(self) -> Any:
        return self


class Raising(BaseEstimator):
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        raise RuntimeError("not now,\nnot later")


class Leaving(Thing):
    def __reduce__(self) -> Any:
        warnings.warn("unheard", stacklevel=1)
        sys.exit(3)


def test_what_will_not_be_asked_is_refused() -> None:
    frozen = pytest.importorskip("sklearn.frozen")
    refused(Frozen(), "Frozen", "clone")
    refused({"model": frozen.FrozenEstimator(Ridge())}, "it.model", "clone")
    refused(Raising(), "RuntimeError: not now,")
    refused(Leaving(), "SystemExit")
    refused(threading.Lock(), "pickle")
    refused((i for i in ()), "generator")
    refused(object(), "object()")
    refused(types.SimpleNamespace(name="<thing at 0x7f3a12345678>"), "address")
    refused(np.frompyfunc(lambda x: x, 1, 1), "name")


def test_ctrl_c_is_not_kept_from_the_user() -> None:
    class Stopping:
        def __reduce__(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        content(Stopping())


# Objects of scikit-learn, scipy and the standard library.


class Color(enum.Enum):
    RED = 1
    BLUE = 2

    @property
    def other(self) -> Color:
        return Color.BLUE if self is Color.RED else Color.RED


@dataclasses.dataclass
class Point:
    x: int
    y: list[int] = dataclasses.field(default_factory=list)


def own_score(estimator: Any, X: Any, y: Any) -> float:
    return float(f1_score(y, estimator.predict(X)))


def objects() -> dict[str, Any]:
    scorers = {f"scorer {name}": get_scorer(name) for name in get_scorer_names()}
    return scorers | {
        "passing": check_scoring(LogisticRegression(), None),
        "many": check_scoring(LogisticRegression(), ["accuracy", "f1"]),
        "made": make_scorer(f1_score, average="macro"),
        "own": make_scorer(own_score, greater_is_better=False),
        "KFold": KFold(3),
        "shuffled": StratifiedKFold(3, shuffle=True, random_state=0),
        "state": ShuffleSplit(3, random_state=np.random.RandomState(0)),
        "splits": check_cv([([0], [1]), ([1], [0])]),
        "predefined": PredefinedSplit([0, 1]),
        "uniform": scipy.stats.uniform(0, 1),
        "wider": scipy.stats.uniform(0, 2),
        "integers": scipy.stats.randint(1, 5),
        "search": GridSearchCV(LogisticRegression(), {"C": [1, 2]}, scoring="accuracy"),
        "columns": make_column_transformer((OneHotEncoder(dtype=np.float32), ["a"])),
        "function": FunctionTransformer(np.log1p, kw_args={"a": 1}),
        "ufunc": np.log1p,
        "special": scipy.special.expit,
        "dispatched": np.mean,
        "builtin": len,
        "method": str.upper,
        "bound": "abc".upper,
        "slot": int.__add__,
        "public": f1_score,
        "unbound": LogisticRegression.fit,
        "class": LogisticRegression,
        "module": np,
        "partial": functools.partial(f1_score, average="macro"),
        "getter": operator.itemgetter(1),
        "attribute": operator.attrgetter("a"),
        "enum": Color.RED,
        "other enum": Color.BLUE,
        "flags": re.I | re.M,
        "point": Point(1),
        "other point": Point(1, [2]),
        "point class": Point,
        "tuple": os.times_result(range(5)),
        "namespace": types.SimpleNamespace(a=1),
        "proxy": types.MappingProxyType({"a": 1}),
        "generic": list[int],
        "union": int | None,
        "interval": Interval(numbers.Real, 0, 1, closed="left"),
        "options": StrOptions({"a", "b", "c"}),
    }


def test_objects_are_known_by_what_they_are_made_of() -> None:
    found = {name: content(value, name) for name, value in objects().items()}
    same = [names for names in itertools.combinations(found, 2) if found[names[0]] == found[names[1]]]
    assert same == []
    assert {name: content(value) for name, value in objects().items()} == found
    apart = {"module", "proxy", "uniform", "wider", "integers"}  # not copied, or a copy gets a random state of its own
    copies = {name: content(copy.deepcopy(value)) for name, value in objects().items() if name not in apart}
    assert copies == {name: found[name] for name in copies}


def test_a_scorer_that_passes_is_its_estimator_fitted_or_not() -> None:
    passing = content(check_scoring(Ridge(), None))
    for cloned in (True, False):
        assert content(check_scoring(Ridge().fit([[0], [1]], [0, 1]), None), cloned=cloned) == passing
        assert content(check_scoring(Ridge(alpha=2), None), cloned=cloned) != passing


# The user's own code.


def test_lambdas_are_refused() -> None:
    refused(lambda x: x, "lambda has no stable identity", name="scoring")
    refused({"f": [lambda x: x]}, "scoring.f: a lambda", name="scoring")


def inner_function(factor: int) -> Any:
    def score(value: float) -> float:
        return value * factor

    return score


def test_inner_functions_are_their_code_and_what_they_have_caught() -> None:
    assert content(inner_function(2)) == content(inner_function(2))
    assert content(inner_function(2)) != content(inner_function(3))


CALLS: list[int] = []
SEEN: dict[str, int] = {}


def counts(value: float) -> float:
    CALLS.append(1)
    SEEN["last"] = 3
    return value


def depends(value: float) -> float:
    CALLS.append(1)
    return value * len(CALLS)


def test_what_is_only_written_to_does_not_count() -> None:
    before = content(counts), content(depends)
    counts(1.0)
    after = content(counts), content(depends)
    CALLS.clear()
    assert before[0] == after[0]
    assert before[1] != after[1], "what is read counts"


class Gate:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __enter__(self) -> None:
        CALLS.append(1)

    def __exit__(self, *_: object) -> None: ...

    def add(self, value: float) -> None:
        self.factor += value


class Halving(dict[str, float]):
    def __setitem__(self, key: str, value: float) -> None:
        super().__setitem__(key, value / 2)


def test_an_object_of_ones_own_that_is_written_to_counts() -> None:
    made: dict[str, Any] = {}
    for name, body in (
        ("enters", "with gate:\n        return value"),
        ("adds", "gate.add(value)\n    return value"),
        ("sets", "gate['a'] = value\n    return value"),
    ):
        path = Path(f"{name}.py")
        path.write_text(f"def {name}(value):\n    {body}\n")
        scope: dict[str, Any] = {"gate": Gate(1.0), "__name__": "__main__"}
        exec(compile(path.read_text(), str(path.absolute()), "exec"), scope)
        made[name] = scope
    for name, scope in made.items():
        before = content(scope[name])
        scope["gate"] = Gate(3.0) if name != "sets" else Halving()
        assert content(scope[name]) != before, name


def reads_a_file_with_a_word_that_looks_like_a_mode(value: float) -> float:
    with open("factor.txt") as file:
        for line in file:
            value *= float(line)
    return {"a": value}["a"]


def test_a_word_that_looks_like_a_mode_is_none() -> None:
    refused(reads_a_file_with_a_word_that_looks_like_a_mode, "open", "not seen")


def logs(value: float) -> float:
    with open("log.txt", "a") as file:
        file.write("called")
    return value


def looks_up(value: float) -> float:
    with open("factor.txt") as file:
        return value * float(file.read())


def test_a_file_that_is_written_does_not_count_and_one_that_is_read_cannot_be_seen() -> None:
    assert content(logs) == content(logs)
    refused(looks_up, "open", "not seen")


THINGS = ("helper", "score", "odd", "even", "decorated", "local", "Base", "Model", "Step")


def identities(module: types.SimpleNamespace) -> dict[str, bytes]:
    return {name: content(getattr(module, name), name) for name in THINGS}


def test_lines_files_names_and_docstrings_do_not_matter() -> None:
    plain = identities(user(USER_CODE))
    assert len(set(plain.values())) == len(plain)
    assert identities(user("\n\n\n# Later in the file.\n" + USER_CODE)) == plain
    assert identities(user(USER_CODE, name="another_module", file="elsewhere/other.py")) == plain
    assert identities(user(USER_CODE, name="__main__", file="<ipython-input-3>")) == plain
    bare = re.sub(r'^ *""".*"""\n', "", USER_CODE, flags=re.M)
    assert bare.count('"""') == 0
    assert identities(user(bare)) == plain
    assert identities(user(USER_CODE.replace('"""Half of it."""', '"""Something\n    else."""'))) == plain


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return 0.5 * x", "return 0.25 * x", "helper score"),
        ("return 0.5 * x", "return 0.5 + x", "helper score"),
        ("beta=1.0", "beta=2.0", "score"),
        ('average="macro"):', 'average="micro"):', "score"),
        ("except ValueError", "except KeyError", "score"),
        ('WEIGHTS["first"]', 'WEIGHTS["second"]', "score"),
        ('{"first": 1.0, "second": 2.0}', '{"first": 1.0, "second": 3.0}', "score"),
        ('{"first": 1.0, "second": 2.0}', '{"second": 2.0, "first": 1.0}', "score"),
        ("np.log1p(beta)", "np.log(beta)", "score"),
        ("import f1_score", "import accuracy_score as f1_score", "score"),
        ("n == 0 or", "n <= 0 or", "odd even"),
        ("n > 0 and", "n > 1 and", "odd even"),
        ("+ 0.25", "+ 0.75", "decorated"),
        ("return estimator.score(X, y)", "return estimator.score(y, X)", "decorated"),
        ("limit = 3", "limit = 4", "Base Model"),
        ("return self.limit", "return -self.limit", "Base Model"),
        ("alpha=1.0", "alpha=2.0", "Model"),
        ("self.alpha > 0", "self.alpha > 1", "Model"),
        ("self.classes_[0]", "self.classes_[1]", "Model"),
        ("+ 1.5", "+ 2.5", "Model"),
        ("2 * self.alpha", "3 * self.alpha", "Model"),
        ("x - 7", "x - 8", "Model"),
        ("cls(alpha=9)", "cls(alpha=8)", "Model"),
        ('closed="left"', 'closed="right"', "Model"),
        ("ClassifierMixin, Base, BaseEstimator", "Base, ClassifierMixin, BaseEstimator", "Model"),
        ("@staticmethod\n", "@functools.cache\n", "Model"),
        ("sample_weight=None", "weight=None", "Model"),
        ("X + 100", "X + 200", "Step"),
    ],
)
def test_a_change_in_the_code_is_seen_where_it_matters_and_nowhere_else(old: str, new: str, changed: str) -> None:
    plain, after = identities(user(USER_CODE)), identities(edited(old, new))
    assert {name for name in THINGS if plain[name] != after[name]} == set(changed.split())


def test_instances_of_the_users_classes_follow_their_code() -> None:
    plain, other = user(USER_CODE), edited("+ 1.5", "+ 2.5")
    assert content(plain.Model()) == content(user(USER_CODE).Model()) != content(other.Model())
    assert content(plain.Model(alpha=2)) != content(plain.Model())
    assert content(plain.Model().fit([[0]], [0])) == content(plain.Model())
    assert content(make_pipeline(plain.Step(), plain.Model())) != content(make_pipeline(plain.Step(), other.Model()))
    assert content(plain.Model().score) != content(other.Model().score)
    assert content(make_scorer(plain.helper)) != content(make_scorer(edited("0.5 * x", "0.6 * x").helper))


TUPLE = "from collections import namedtuple\nf = namedtuple('f', "
CACHE = "from functools import lru_cache\n@lru_cache\ndef f(): "


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return {y for y in x if y in {1, 2, 3}}", "def f(x): return {y for y in x if y in {1, 2, 4}}"),
        ("def f(x):\n    return [y + 'a' for y in x]", "def f(x):\n    return [y + 'b' for y in x]"),
        ("def f(x):\n    return 0.0", "def f(x):\n    return -0.0"),
        ("def f(x):\n    return 1", "def f(x):\n    return True"),
        ("def f(x):\n    return (1, 'a')", "def f(x):\n    return (1.0, 'a')"),
        ("def f(x):\n    return x.a", "def f(x):\n    return x.b"),
        ("def f(x, y): pass", "def f(y, x): pass"),
        ("def f(x, y): pass", "def f(x, *, y): pass"),
        ("def f(x, y): pass", "def f(x, y, /): pass"),
        ("def f(x): return 1", "def f(x): yield 1"),
        ("def f(x): return 1", "async def f(x): return 1"),
        ("def f(x): return g(k=x)", "def f(x): return g(j=x)"),
        ("def f(x): return g(x)\ndef g(x): return 1", "def f(x): return g(x)\ndef g(x): return 2"),
        ("def f(x): return f.n\nf.n = 1", "def f(x): return f.n\nf.n = 2"),
        ("class f:\n    __slots__ = ('a',)", "class f:\n    __slots__ = ('b',)"),
        ("class f:\n    a: int = 1", "class f:\n    a: int = 2"),
        ("class f: key = lambda self: 1", "class f: key = lambda self: 2"),
        ("from enum import Enum\nclass f(Enum): A = 1", "from enum import Enum\nclass f(Enum): A = 2"),
        (f"{TUPLE}'a b')", f"{TUPLE}'b a')"),
        ("import abc\nclass f(abc.ABC): x = 1", "import abc\nclass f(abc.ABC): x = 2"),
        ("class M(type): x = 1\nclass f(metaclass=M): pass", "class M(type): x = 2\nclass f(metaclass=M): pass"),
        (f"{CACHE}return 1", f"{CACHE}return 2"),
        ("def f(x):\n    import math\n    return math.pi", "def f(x):\n    import cmath as math\n    return math.pi"),
    ],
)  # fmt: skip
def test_code_that_differs_in_one_thing(one: str, other: str) -> None:
    first, again, second = content(user(one).f), content(user(one).f), content(user(other).f)
    assert first == again != second


def test_what_is_inside_of_a_try_is_part_of_the_code() -> None:
    module = user(USER_CODE)
    before = content(module.score)
    module.score.__code__ = module.score.__code__.replace(co_exceptiontable=b"")
    assert content(module.score) != before


def test_what_python_notes_down_on_a_class_does_not_matter() -> None:
    slotted = user("class f:\n    __slots__ = ('a',)").f
    before = content(slotted)
    copy.copy(slotted())
    assert "__slotnames__" in vars(slotted)
    assert content(slotted) == before


def test_the_order_of_a_set_of_functions_does_not_matter() -> None:
    kept = [user(USER_CODE) for _ in range(20)]
    assert len({content({module.odd, module.even, module.helper, module.Base}) for module in kept}) == 1


def test_a_function_put_into_an_installed_module_is_known_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for number, name in ((1, "mine"), (2, "mine"), (3, "sklearn.mine")):
        own = user(f"def f(x): return {number}", name=name).f
        own.__module__ = "sklearn.metrics"
        monkeypatch.setattr(sklearn.metrics, "f", own, raising=False)
        found.add(content(own))
    assert len(found) == 3


def test_an_own_module_counts_with_what_is_used_of_it() -> None:
    def using(source: str, code: str = "def f(x): return tools.inner.half(x) + tools.SIZE") -> Any:
        inner, tools = types.ModuleType("tools.inner"), types.ModuleType("tools")
        exec(source, vars(inner))
        vars(tools).update(inner=inner, SIZE=vars(inner).pop("SIZE", 1), tools=tools, noise=threading.Lock())
        names: dict[str, Any] = {"__name__": "users", "tools": tools}
        exec(code, names)
        return names["f"]

    plain = "def half(x): return third(x)\ndef third(x): return x / 3"
    assert content(using(plain)) == content(using(plain + "\nunused = print"))
    assert content(using(plain)) != content(using(plain.replace("3", "4")))
    assert content(using(plain)) != content(using(plain + "\nSIZE = 2"))
    for code in (
        "def f(x): return getattr(tools, 'ha' + 'lf')(x)",
        "def f(x): return [tool.half for tool in [tools.inner]]",
        "def f(x): tools.SIZE = 3",
        "def f(x): return tools.__dict__['SIZE']",
        "def f(x, tools=tools): return 1",
        "def f(x): return inner\ninner = tools.inner",
    ):
        refused(using(plain, code), "module of your own")


@pytest.mark.parametrize(
    "code",
    [
        "def f(x): return eval(x)",
        "def f(x): return [exec(y) for y in x]",
        "def f(x): return open(x).read()",
        "def f(x): return globals()['y']",
        "run = eval\ndef f(x): return run(x)",
        "import builtins\ndef f(x): return builtins.eval(x)",
        "import sys\ndef f(x): return sys.modules[x]",
        "from importlib import import_module\ndef f(x): return import_module(x)",
        "def f(x):\n    import no_such_module_anywhere",
        "def f(x):\n    from . import sibling",
        "import threading\nlock = threading.Lock()\ndef f(x): return lock",
        "class f: lock = __import__('threading').Lock()",
    ],
)
def test_code_that_reaches_what_is_not_written_in_it_is_refused(code: str) -> None:
    refused(user(code).f)


def test_a_fitted_model_that_a_function_names_counts_with_its_fit() -> None:
    code = (
        "from sklearn.linear_model import Ridge\nM = Ridge().fit([[0], [1]], [0, {}])\ndef f(x): return M.predict(x)"
    )
    one, same, other = (content(user(code.format(number)).f) for number in (1, 1, 2))
    assert one == same != other


def test_cells_are_part_of_a_function_empty_ones_too() -> None:
    code = """
from functools import wraps
def named(x): pass
def make(n):
    @wraps(named)
    def g(): return n
    {}
    return g
f = make({})
"""
    one, same, other, empty = (code.format(*how) for how in (("", 1), ("", 1), ("", 2), ("del n", 1)))
    assert content(user(one).f) == content(user(same).f)
    assert len({content(user(text).f) for text in (one, other, empty)}) == 3


def test_a_function_that_passes_for_an_installed_one_is_known_by_its_code() -> None:
    code = "from functools import wraps\nfrom sklearn.metrics import f1_score\n@wraps(f1_score)\ndef f(x): return {}"
    one, other = (user(code.format(number)).f for number in (1, 2))
    assert one.__module__ == f1_score.__module__
    assert len({content(one), content(other), content(f1_score)}) == 3


# Other processes, and autolog.

SCRIPT = """
import pathlib, pickle, sys
sys.path[:0] = {path!r}
{autolog}
{code}
from skribe.capture.identity import content
values = [{things}, Model(), Step().set_output(transform="pandas"), Model().score]
from tests.capture import test_identity as here
made = {{**here.objects(), **dict(enumerate(here.frames()))}}
found = [content(value).hex() for value in values]
found += [content(made[key], str(key)).hex() for key in made]
found += [content(value).hex() for value in pickle.loads(pathlib.Path({data!r}).read_bytes())]
print(found)
"""
ROOT = str(pathlib.Path(__file__).parents[2])


def run_script(folder: pathlib.Path, name: str, seed: str, values: Any = (), autolog: str = "") -> str:
    """What a process that knows nothing of this one finds."""
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    data = place.with_suffix(".pickle")
    data.write_bytes(pickle.dumps(values))
    place.write_text(
        SCRIPT.format(path=[ROOT], code=USER_CODE, things=", ".join(THINGS), data=str(data), autolog=autolog)
    )
    environment = dict(os.environ, PYTHONHASHSEED=seed, SKRIBE_STORE=str(folder / "store"))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(place)],
        cwd=place.parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@settings(max_examples=1, deadline=None, phases=[Phase.generate])
@given(st.lists(VALUES, min_size=200, max_size=300))
def test_another_process_finds_the_same(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("apart")
    one = run_script(folder, "one.py", "1", values)
    assert run_script(folder, "elsewhere/two.py", "2", values) == one
    here = user(USER_CODE)
    expected = [content(getattr(here, name)).hex() for name in THINGS]
    expected += [content(value).hex() for value in (here.Model(), here.Step().set_output(transform="pandas"))]
    found = eval(one)
    assert found[: len(expected)] == expected
    assert found[-len(values) :] == [content(value).hex() for value in values]


def test_autolog_changes_no_identity(own_folder: pathlib.Path) -> None:
    plain = run_script(own_folder, "plain.py", "3")
    autolog = "import skribe\nskribe.autolog(silent=True)"
    assert run_script(own_folder, "logged.py", "4", autolog=autolog) == plain


def test_no_warning_is_shown_and_nothing_is_changed() -> None:
    thing, model = Thing(3), user(USER_CODE).Model()
    before = pickle.dumps(thing), dict(vars(model)), set(vars(type(model)))
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        content([thing, model, itertools.cycle([1])])  # Python warns of pickling it
        refused(Leaving())
    assert shown == []
    assert (pickle.dumps(thing), dict(vars(model)), set(vars(type(model)))) == before
