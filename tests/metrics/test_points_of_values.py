"""Residuals, predictions beside the truth, Q-Q: the numbers are numpy's and scipy's, the extremes are never lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from skribe.metrics.given import evaluate_predictions
from skribe.metrics.points import curves_of

rng = np.random.default_rng(7)


def drawn(true: Any, pred: Any) -> Any:
    found = curves_of(evaluate_predictions(LinearRegression(), true, pred, "predict"))
    assert found == json.loads(json.dumps(found, allow_nan=False))
    return found


@pytest.mark.parametrize("n", [2, 300, 20_000])
@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e12])
def test_residuals(n: int, scale: float) -> None:
    true = rng.standard_t(3, n) * scale
    pred = true + rng.normal(size=n) * scale
    (found,) = drawn(true, pred)["residuals"]["outputs"]
    left = true - pred
    assert np.allclose(found["values"], np.quantile(left, found["quantiles"]), rtol=1e-12)
    assert (found["rows"], len(found["predicted"])) == (n, len(found["residual"]))
    assert len(found["residual"]) == n if n <= 500 else 400 < len(found["residual"]) <= 500
    shown = np.sort(found["residual"])
    assert np.allclose(shown[[0, -1]], [left.min(), left.max()], atol=1e-4 * np.ptp(left))
    if n > 500:
        outer = np.sort(left)
        assert np.allclose(shown[-8:], outer[-8:], atol=1e-4 * np.ptp(left))
        assert np.allclose(shown[:8], outer[:8], atol=1e-4 * np.ptp(left))
        # A fair share of the rows, not only the outer ones.
        assert np.median(shown) == pytest.approx(np.median(left), abs=0.2 * left.std())
    bars = found["histogram"]
    assert sum(bars["counts"]) + bars["below"] + bars["above"] == n
    assert len(bars["edges"]) == len(bars["counts"]) + 1
    expected, _ = np.histogram(left, bars["edges"])
    assert np.abs(expected - bars["counts"]).sum() <= 0.01 * n + 2  # the edges are rounded


def test_rows_in_a_rhythm_are_not_seen_through() -> None:
    true = np.tile([0.0, 1.0, 2.0, 3.0], 10_000)
    (found,) = drawn(true, np.zeros(40_000))["predicted_vs_actual"]["outputs"]
    shares = np.bincount(np.array(found["actual"], dtype=int)) / len(found["actual"])
    assert shares == pytest.approx([0.25] * 4, abs=0.06)


@pytest.mark.parametrize("n", [3, 150, 5000])
def test_the_quantiles_are_those_of_the_normal_distribution(n: int) -> None:
    left = rng.normal(3, 2, n)
    (found,) = drawn(left, np.zeros(n))["qq"]["outputs"]
    assert len(found["theoretical"]) <= 200
    assert found["theoretical"][0] == pytest.approx(stats.norm.ppf(0.5 / n), abs=1e-4)
    places = np.rint(stats.norm.cdf(found["theoretical"]) * n - 0.5).astype(int)
    assert np.allclose(found["residual"], np.sort(left)[places], atol=1e-3)
    if n > 1000:
        line = found["line"]
        assert (line["slope"], line["intercept"]) == (pytest.approx(2, rel=0.1), pytest.approx(3, abs=0.1))


def test_several_outputs_and_what_is_not_finite() -> None:
    true, pred = rng.normal(size=(2, 60, 12))
    found = drawn(true, pred)
    assert [one["output"] for one in found["qq"]["outputs"]] == list(range(10))
    left = true[:, 3] - pred[:, 3]
    assert np.allclose(
        found["residuals"]["outputs"][3]["values"], np.quantile(left, found["residuals"]["outputs"][3]["quantiles"])
    )
    assert "first 10 of 12" in found["absent"]["residuals"]
    true[0, 1] = np.nan
    found = drawn(true[:, :2], pred[:, :2])
    assert [one["output"] for one in found["residuals"]["outputs"]] == [0]
    assert set(found["absent"]) == {"residuals.1"}
    assert set(drawn(true[:, 1], pred[:, 1])) == {"absent"}


def test_predictions_that_are_perfect_or_all_the_same() -> None:
    for true, pred in ((np.arange(5.0), np.arange(5.0)), (np.ones(3), np.zeros(3)), (np.ones(1), np.zeros(1))):
        found = drawn(true, pred)
        assert sum(found["residuals"]["outputs"][0]["histogram"]["counts"]) == len(true)
        assert found["qq"]["outputs"][0]["line"]["slope"] == 0
