"""`describe_value`: plain values as they are, everything else named without addresses, secrets or endless text."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import json
import pathlib
import random
import re
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss, make_scorer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skribe.capture import describe_value


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Plain:
    pass


class Speaking:
    def __repr__(self) -> str:
        return f"Speaking(of={object()!r}, n=3)"


class Broken:
    def __repr__(self) -> str:
        raise ValueError("no repr today")

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise ValueError("no equality")

    def __hash__(self) -> int:
        raise ValueError("no hash")


class Client:
    def __init__(self, api_key: str) -> None:
        self.api_key = api_key

    def __repr__(self) -> str:
        return f"Client(api_key={self.api_key!r}, retries=3)"


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        (None, "None", "none"),
        (True, "True", "bool"),
        (3, "3", "int"),
        (0.1, "0.1", "float"),
        (float("nan"), "nan", "float"),
        (float("-inf"), "-inf", "float"),
        ("l2", "l2", "str"),
        ("", "", "str"),
        (np.float64(2.5), "2.5", "float"),
        (np.float32(0.5), "0.5", "float"),
        (np.int8(4), "4", "int"),
        (np.bool_(True), "True", "bool"),
        (np.str_("a"), "a", "str"),
        (Level.HIGH, "3", "int"),
        (Colour.RED, "Colour.RED", "object"),
        ([1, "a", None], '[1, "a", null]', "json"),
        ({"a": [1.5, True]}, '{"a": [1.5, true]}', "json"),
        ((1, 2), "(1, 2)", "object"),
        ((100,), "(100,)", "object"),
        ((), "()", "object"),
        ([float("nan")], "[nan]", "object"),
        ({1: 2}, "{1: 2}", "object"),
        ({3, 1, 2}, "{1, 2, 3}", "object"),
        (frozenset({"b", "a"}), "frozenset({'a', 'b'})", "object"),
        (set(), "set()", "object"),
        (range(3), "range(0, 3)", "object"),
        (slice(1, None), "slice(1, None, None)", "object"),
        (pathlib.PurePosixPath("/tmp/x"), "/tmp/x", "object"),
        (datetime.datetime(2026, 1, 2), "2026-01-02 00:00:00", "object"),
        (decimal.Decimal("1.50"), "1.50", "object"),
        (1 + 2j, "(1+2j)", "object"),
        (re.compile("a+", re.IGNORECASE), "re.compile('a+', re.IGNORECASE)", "object"),
        (b"abc", "b'abc'", "object"),
        (np.random, "numpy.random", "object"),
        (int, "int", "object"),
        (len, "len", "object"),
        (np.log1p, "numpy.log1p", "object"),
        (f1_score, "sklearn.metrics._classification.f1_score", "object"),
        (LogisticRegression, "sklearn.linear_model._logistic.LogisticRegression", "object"),
        (
            functools.partial(f1_score, average="macro"),
            "partial(sklearn.metrics._classification.f1_score, average='macro')",
            "object",
        ),
        (make_scorer(f1_score, average="macro"), "make_scorer(f1_score, average='macro')", "object"),
        (make_scorer(f1_score), "make_scorer(f1_score)", "object"),
        (
            make_scorer(log_loss, greater_is_better=False, response_method="predict_proba"),
            "make_scorer(log_loss, greater_is_better=False, response_method='predict_proba')",
            "object",
        ),
        (scipy.stats.uniform(loc=0, scale=1), "uniform(loc=0, scale=1)", "object"),
        (scipy.stats.uniform(0, 1), "uniform(loc=0, scale=1)", "object"),
        (scipy.stats.loguniform(0.01, 10), "loguniform(a=0.01, b=10)", "object"),
        (scipy.stats.randint(1, 5), "randint(low=1, high=5)", "object"),
        (KFold(3), "KFold(n_splits=3, random_state=None, shuffle=False)", "object"),
        (LogisticRegression(C=10), "LogisticRegression(C=10)", "object"),
        (LogisticRegression(), "LogisticRegression()", "object"),
        (RBF(1.00001), "RBF(length_scale=1.00001)", "object"),
        (np.array([1.0, 2.5]), "ndarray([1.0, 2.5], dtype=float64)", "object"),
        ("postgresql://me:s3cr@t@host/db", "postgresql://me:***@host/db", "str"),
        (["redis://:pw@h:1"], '["redis://:***@h:1"]', "json"),
        (("http://a:b@c",), "('http://a:***@c',)", "object"),
        ("http://host:8080/a@b", "http://host:8080/a@b", "str"),
        ({"password": "x", "n": 1}, '{"password": "***", "n": 1}', "json"),
    ],
)
def test_described_as(value: Any, text: str, kind: str) -> None:
    assert describe_value(value) == (text, kind)


def test_nested_estimators_are_named_as_scikit_learn_would() -> None:
    pipe = make_pipeline(StandardScaler(with_mean=False), LogisticRegression(C=2.0))
    expected = (
        "Pipeline(steps=[('standardscaler', StandardScaler(with_mean=False)),"
        " ('logisticregression', LogisticRegression(C=2.0))])"
    )
    assert describe_value(pipe) == (expected, "object")


def test_deeply_nested_pipelines_are_written_out() -> None:
    pipe = make_pipeline(LogisticRegression(C=7))
    for _ in range(4):
        pipe = make_pipeline(pipe)
    assert "LogisticRegression(C=7)" in describe_value(pipe)[0]


def test_functions_without_a_name_say_where_they_were_written() -> None:
    text = describe_value(lambda x: x)[0]
    assert re.search(r"test_values\S*\.<lambda> \(test_values\.py:\d+\)$", text), text
    assert "FunctionTransformer(func=" in describe_value(FunctionTransformer(lambda x: x))[0]


def test_bound_methods_are_named_by_class() -> None:
    assert describe_value(KFold(2).split)[0].endswith("KFold.split")
    assert describe_value("abc".upper)[0] == "str.upper"


def test_arrays_and_tables_by_shape_type_and_content() -> None:
    texts = {
        describe_value(value)[0]
        for value in (
            np.zeros((3, 4)),
            np.ones((3, 4)),
            pd.DataFrame({"a": [1]}),
            pd.Series([1, 2]),
            scipy.sparse.eye(3, format="csr"),
            scipy.sparse.eye(3, format="dok"),
        )
    }
    assert len(texts) == 6
    assert all("fingerprint=" in text and "shape=" in text for text in texts), texts
    assert describe_value(np.zeros((3, 4)))[0].startswith("ndarray(shape=(3, 4), dtype=float64, fingerprint=")


@pytest.mark.parametrize(
    "make",
    [np.random.RandomState, np.random.default_rng, random.Random, np.random.PCG64],
    ids=lambda make: make.__name__,
)
def test_generators_by_their_state_which_stays_as_it_is(make: Any) -> None:
    one, same, other = make(1), make(1), make(2)
    assert describe_value(one) == describe_value(same) != describe_value(other)
    draw = {"RandomState": "random_sample", "Generator": "random", "Random": "random", "PCG64": "random_raw"}
    method = draw[type(one).__name__]
    assert getattr(one, method)() == getattr(same, method)()
    assert describe_value(one) == describe_value(same) != describe_value(make(1))


def test_splitters_with_a_generator_have_no_address() -> None:
    text = describe_value(StratifiedKFold(3, shuffle=True, random_state=np.random.RandomState(0)))[0]
    assert text.startswith("StratifiedKFold(n_splits=3, random_state=RandomState(fingerprint=")
    assert " at 0x" not in text


def test_objects_by_class_and_their_own_repr_without_addresses() -> None:
    assert describe_value(Plain())[0].endswith("test_values.Plain")
    assert describe_value(object())[0] == "object"
    text = describe_value(Speaking())[0]
    assert text.endswith("Speaking(of=<object>, n=3)")
    assert "0x" not in text


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: (v, 1), lambda v: {"k": v}, lambda v: {1: v}])
def test_whatever_raises_is_told_in_the_text(wrap: Any) -> None:
    text, kind = describe_value(wrap(Broken()))
    assert kind == "object"
    assert "no repr today" in text


def test_self_reference_ends() -> None:
    items: list[Any] = [1]
    items.append(items)
    assert describe_value(items)[0] == "[1, list(...)]"
    mapping: dict[str, Any] = {}
    mapping["self"] = mapping
    assert describe_value(mapping)[0] == "{'self': dict(...)}"
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(describe_value(deep)[0]) < 10_000
    while deep:  # Python would take this apart recursively.
        deep = deep.pop()


@pytest.mark.parametrize(
    "value",
    [
        list(range(200_000)),
        {str(i): i for i in range(200_000)},
        b"x" * 200_000,
        [object()] * 50_000,
        [(0.5,) * 1500] * 1500,
    ],
)
def test_no_giant_text_is_built(value: Any) -> None:
    assert len(describe_value(value)[0]) < 500


def test_large_containers_are_told_apart() -> None:
    one = [(0.5,) * 1500] * 1500
    other = [*one[:-1], (0.25,) * 1500]
    assert describe_value(one) != describe_value(other)


def test_many_addresses_take_no_time() -> None:
    text = "a@b;" + "http://host:x;" * 100_000
    assert describe_value(text) == (text, "str")
    assert describe_value("http://me:pw@host;" * 1000)[0] == "http://me:***@host;" * 1000


def test_a_giant_repr_is_not_kept() -> None:
    class Long:
        def __repr__(self) -> str:
            return "x" * 100_000

    assert len(describe_value(Long())[0]) < 500


def test_strings_are_kept_whole() -> None:
    text = "é" * 100_000
    assert describe_value(text) == (text, "str")


def test_strings_that_cannot_be_stored_are_escaped() -> None:
    assert describe_value("a\ud800\0b\n") == ("a\\ud800\\x00b\n", "str")
    assert describe_value(["\ud800\0"]) == ('["\\\\ud800\\\\x00"]', "json")


def test_integers_of_any_size() -> None:
    assert describe_value(10**100) == (str(10**100), "int")
    text, kind = describe_value(10**5000)
    assert (int(text, 16), kind) == (10**5000, "object")
    assert describe_value([10**5000])[1] == "object"
    assert describe_value(-(10**5000))[0].startswith("-0x")


@pytest.mark.parametrize(
    "name",
    [
        "password", "clf__api_key", "apikey", "apiKey", "access_key", "private_key", "hf_token", "token", "auth",
        "client_secret", "db_passwd", "pwd", "credentials", "AUTH_TOKEN",
    ],
)  # fmt: skip
def test_credentials_are_hidden(name: str) -> None:
    assert describe_value("open sesame", name) == ("***", "redacted")
    assert describe_value(["open sesame"], name) == ("***", "redacted")
    assert describe_value(None, name) == ("None", "none")


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens", "token_pattern", "tokenizer", "n_tokens", "author", "authors", "secretary", "keys", "key",
        "eos_token", "password__C", "monkey", "passthrough", "authority", "pad_token", "tokens",
    ],
)  # fmt: skip
def test_other_parameters_are_not(name: str) -> None:
    assert describe_value("a", name) == ("a", "str")


def test_credentials_inside_objects_are_hidden() -> None:
    text = describe_value(Client("s3cret"))[0]
    assert "s3cret" not in text
    assert text.endswith("Client(api_key='***', retries=3)")
    assert "s3cret" not in describe_value([Client("s3cret")])[0]
    assert "s3cret" not in describe_value(functools.partial(print, password="s3cret"))[0]


def test_a_step_that_is_named_like_a_credential_is_a_step() -> None:
    assert describe_value(LogisticRegression(), "token") == ("LogisticRegression()", "object")


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters())
nested = st.recursive(
    plain,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner) | st.tuples(inner),
    max_leaves=10,
)


@given(nested | st.text(st.characters(categories=["Cs", "Cc", "L"])))
def test_every_text_can_be_stored_and_what_is_typed_comes_back(value: Any) -> None:
    text, kind = describe_value(value)
    assert "\0" not in text
    text.encode("utf-8")
    if kind == "int":
        assert int(text) == value
    elif kind == "float":
        assert float(text) == value
    elif kind == "json" and "\\" not in text and "***" not in text:
        assert json.loads(text) == value
    if isinstance(value, (list, dict)) and not _has_tuple(value) and not _has_infinity(value):
        assert kind == "json"


def _has_tuple(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return any(map(_has_tuple, value.values() if isinstance(value, dict) else value))
    return isinstance(value, tuple)


def _has_infinity(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return any(map(_has_infinity, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value in (float("inf"), float("-inf"))


def test_an_iterator_is_not_consumed() -> None:
    items = iter([1, 2])
    describe_value(items)
    assert list(items) == [1, 2]
    sys.stdout.flush()


def test_exceptions_that_are_not_errors_pass() -> None:
    class Stop:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe_value(Stop())
