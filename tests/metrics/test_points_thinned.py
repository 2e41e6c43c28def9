"""Thinning: any line, each point within half a pixel; fewer digits, and thresholds that still let scores through."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skribe.metrics.points_thinned import limits, rounded, thinned


def farthest(points: Any, line: Any) -> float:
    """The distance of the farthest point from the line."""
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-300)
    along = np.clip(((points[:, None] - start) * step).sum(axis=2) / length, 0, 1)
    return float(((start + along[..., None] * step - points[:, None]) ** 2).sum(axis=2).min(axis=1).max() ** 0.5)


def within(x: Any, y: Any) -> Any:
    places = thinned(x, y)
    assert (places[0], places[-1]) == (0, len(x) - 1)
    assert (np.diff(places) > 0).all()
    full, kept = np.column_stack((x, y)), np.column_stack((x, y))[places]
    some = full if len(full) < 700 else full[:: len(full) // 700]
    assert farthest(some, kept) <= 1 / 2000
    return places


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(*[st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))] * 2), min_size=2, max_size=40),
    st.integers(1, 40),
)
def test_any_line_at_all(corners: Any, times: int) -> None:
    """Back and forth, with repeated points, long enough that it is thinned."""
    line = np.repeat(np.array(corners), times, axis=0)
    within(line[:, 0], line[:, 1])


@pytest.mark.parametrize("seed", range(8))
def test_smooth_and_jagged_lines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, 20_000)
    assert len(within(x, np.sqrt(x))) < 60
    zigzag = np.where(np.arange(3000) % 2 == 0, 0.2, 0.8)
    within(np.linspace(0, 1, 3000), zigzag)
    walk = np.cumsum(rng.normal(size=20_000))
    within(x, (walk - walk.min()) / np.ptp(walk))
    steps = np.sort(rng.random((2, 5000)))
    assert len(within(*steps)) < 900


def test_a_straight_line_is_its_ends() -> None:
    assert thinned(np.linspace(0, 1, 1025), np.linspace(0, 1, 1025)).tolist() == [0, 1024]
    assert thinned(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0])).tolist() == [0, 1, 2]
    there_and_back = np.array([0.0, 1.0, 0.5])
    assert thinned(there_and_back, np.zeros(3)).tolist() == [0, 1, 2]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_threshold_lets_its_own_score_through(scores: Any) -> None:
    array = np.array(scores)
    with np.errstate(all="ignore"):
        found = limits(array)
    assert (np.array(found) <= array).all()
    assert np.allclose(found, array, rtol=2e-6, atol=0)


def test_thresholds_and_coordinates_are_short() -> None:
    assert limits(np.array([0.123456789, -0.123456789, 123456789.0, 0.0])) == [0.1234567, -0.1234568, 123456700.0, 0.0]
    assert rounded(np.array([0.123456789, 1.0])) == [0.123457, 1.0]
    assert rounded(np.array([1e9 + 0.123456789, 1e9 + 1.0]))[0] == 1e9 + 0.123457
    assert rounded(np.array([5.123456789])) == [5.123456789]
    assert len(json.dumps(rounded(np.random.default_rng(0).random(100), 1.0))) < 1000
