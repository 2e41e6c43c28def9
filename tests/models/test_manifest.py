"""The emitter writes what YAML reads the same, and what is read back without it."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from skribe.models.manifest import _read_ours, from_yaml, to_yaml

pytestmark = pytest.mark.newest_only  # of YAML
texts = st.text(st.characters(), max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=10
)
mappings = st.dictionaries(texts, values, max_size=5)


@given(mappings)
def test_yaml_reads_what_was_written(content):
    assert yaml.safe_load(to_yaml(content) or "{}") == content


simple = st.none() | st.booleans() | st.integers() | texts
nested = st.recursive(simple, lambda inner: st.dictionaries(texts, inner, min_size=1, max_size=3))


@given(st.dictionaries(texts, nested))
def test_what_was_written_is_read_back_without_yaml(content):
    assert _read_ours(to_yaml(content)) == content


@pytest.mark.parametrize(
    "text",
    [
        "a: b",
        "a: 1\n  b: 2",
        " a: 1",
        "a:\n    b: 1",
        "a:\nb: 1",
        "a:",
        "- 1",
        "a: 1\na: 2",
        "a: &x 1",
        "a: 'x'",
        "a: 1 # no",
    ],
)
def test_what_others_write_is_left_to_yaml(text):
    with pytest.raises(ValueError):
        _read_ours(text)


def test_numbers_that_are_none():
    told = from_yaml(to_yaml({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1e-7, "yes": "no", "": []}))
    assert math.isnan(told.pop("a"))
    assert told == {"b": math.inf, "c": -math.inf, "d": 1e-7, "yes": "no", "": []}
