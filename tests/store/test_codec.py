"""`Changes` to a line and back is exact, whatever is in the texts and numbers."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skribe.records import (
    Artifact,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Metric,
    Model,
    Note,
    Param,
    ProcessInfo,
    Registration,
    Start,
    Table,
    Warned,
)
from skribe.store import codec

# Every code point, lone surrogates and NUL included.
texts = st.text(st.characters(), max_size=20) | st.text(st.characters(categories=["Cs"]), max_size=4)
numbers = st.floats(allow_nan=True, allow_infinity=True)
kinds = st.sampled_from(["none", "bool", "int", "float", "str", "json", "object", "redacted"])
whole = st.integers(-(2**70), 2**70)


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


def several(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(strategy, max_size=3).map(tuple)


json_values = st.recursive(
    st.none() | st.booleans() | whole | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
changes = st.builds(
    Changes,
    run=texts,
    start=maybe(
        st.builds(
            Start, texts, texts, st.sampled_from(["fit", "search"]), numbers, maybe(texts), maybe(texts), maybe(texts)
        )
    ),
    name=maybe(texts),
    params=several(st.builds(Param, texts, texts, kinds, maybe(st.booleans()))),
    metrics=several(st.builds(Metric, texts, numbers, maybe(whole), maybe(numbers))),
    tags=st.dictionaries(texts, texts, max_size=3),
    facts=several(st.builds(Fact, texts, texts, kinds)),
    notes=several(st.builds(Note, texts, texts)),
    warnings=several(st.builds(Warned, texts, texts, texts, whole, whole)),
    datasets=several(
        st.builds(
            Dataset,
            texts,
            maybe(texts),
            texts,
            maybe(st.lists(whole, max_size=3).map(tuple)),
            maybe(texts),
            st.dictionaries(texts, json_values, max_size=3),
        )
    ),
    artifacts=several(st.builds(Artifact, texts, whole, texts)),
    tables=several(st.builds(Table, texts, texts, st.dictionaries(texts, json_values, max_size=3))),
    models=several(
        st.builds(Model, texts, texts, texts, whole, texts, texts, maybe(texts), maybe(whole)),
    ),
    registered=several(st.builds(Registration, texts, texts)),
    end=maybe(
        st.builds(
            End,
            st.sampled_from(["finished", "failed"]),
            numbers,
            maybe(numbers),
            maybe(numbers),
            maybe(st.builds(Failure, texts, texts, texts)),
        )
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes)
def test_exact(original):
    line = codec.encode(original)
    assert b"\n" not in line
    back = codec.decode(line)
    # NaN is not equal to itself; its text is.
    assert repr(back) == repr(original)
    lists = (
        "params",
        "metrics",
        "facts",
        "notes",
        "warnings",
        "datasets",
        "artifacts",
        "tables",
        "models",
        "registered",
    )
    for field in lists:
        assert [type(part) for part in getattr(back, field)] == [type(part) for part in getattr(original, field)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes)
def test_the_sound_form_can_be_stored(original):
    """What `sound` gives has no text that UTF-8 refuses, and no whole number beyond 64 bits."""
    back = codec.sound(original)
    codec.encode(back).decode("utf-8")
    assert all(abs(metric.step or 0) <= 2**63 for metric in back.metrics)
    assert len(back.params) == len(original.params)
    assert len(back.tables) == len(original.tables)
    assert all(abs(model.size) <= 2**63 for model in back.models)


def test_huge():
    text = "\0ü\ud800" * 1_000_000
    original = Changes(run="r", params=(Param("p", text, "str"),), metrics=(Metric("m", math.nan, 1),))
    assert repr(codec.decode(codec.encode(original))) == repr(original)


def test_a_high_and_a_low_surrogate_do_not_melt_together():
    original = Changes(run="r", tags={"a": "\ud83d" + "\ude00", "b": "\U0001f600"})
    assert codec.decode(codec.encode(original)).tags == original.tags


def test_numpy_in_details():
    details = {"n": np.int64(3), "mean": np.float64(0.5), "levels": np.array([1, 2]), "set": {2, 1}}
    line = codec.encode(Changes(run="r", datasets=(Dataset("training", None, "numpy", (1,), None, details),)))
    back = codec.decode(line).datasets[0].details
    assert back == {"n": 3, "mean": 0.5, "levels": [1, 2], "set": [1, 2]}


def test_process():
    process = ProcessInfo("t", "h", "b", 1, "s", {"python": "3", "packages": {"a": "1"}}, None)
    assert codec.decode_process(codec.encode_process(process)) == process
