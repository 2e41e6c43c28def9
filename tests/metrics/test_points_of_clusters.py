"""`cluster_views`: scikit-learn's silhouette, within its budget."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_samples

from skribe.metrics.points_of_clusters import cluster_views

X, LABELS = make_blobs(250, 3, centers=4, cluster_std=3, random_state=0)


def seen(X: Any, labels: Any, budget: float | None = None) -> Any:
    state = np.random.get_state()[1].copy()
    found = cluster_views(X, labels, budget=budget)
    assert (np.random.get_state()[1] == state).all()
    assert found == json.loads(json.dumps(found, allow_nan=False))
    return found


@pytest.mark.parametrize("style", ["array", "far away", "frame", "noise", "single", "text"])
def test_the_values_are_those_of_scikit_learn(style: str) -> None:
    data, labels = X, LABELS.copy()
    if style == "far away":
        data = X + 1e6
    elif style == "noise":
        labels[labels == 0] = -1
    elif style == "single":
        labels[7] = 99
    elif style == "text":
        labels = np.array(list("abcd"))[labels]
    found = seen(pd.DataFrame(data) if style == "frame" else data, labels)
    expected = silhouette_samples(X, labels)
    assert found["silhouette"]["mean"] == pytest.approx(expected.mean(), abs=1e-7)
    for cluster in found["silhouette"]["clusters"]:
        own = np.sort(expected[labels == cluster["label"]])[::-1]
        assert cluster["size"] == len(own)
        assert cluster["values"] == pytest.approx(own, abs=1e-4)
        assert cluster["mean"] == pytest.approx(own.mean(), abs=1e-7)
    names, counts = np.unique(labels, return_counts=True)
    assert found["cluster_sizes"] == {"labels": names.tolist(), "counts": counts.tolist(), "left_out": 0}


def test_many_rows_are_a_sample_and_say_so() -> None:
    data, labels = make_blobs(5000, 4, centers=3, random_state=1)
    for budget, most in ((None, 1000), (0.003, 800)):
        view = seen(data, labels, budget)["silhouette"]
        assert (100 <= view["rows"] <= most, view["of"]) == (True, 5000)
        assert view["mean"] == pytest.approx(silhouette_samples(data, labels).mean(), abs=0.03)
        assert all(len(cluster["values"]) <= 100 for cluster in view["clusters"])
    assert seen(data, labels, 0.003) == seen(data, labels, 0.003)


@pytest.mark.parametrize(
    ("X", "labels", "budget", "reason"),
    [
        (X, LABELS, 0.0, "budget"),
        (X, np.zeros(250, dtype=int), None, "2 to 249 clusters"),
        (X, np.arange(250), None, "2 to 249 clusters"),
        (X[:9], LABELS, None, "number of rows"),
        (np.full((250, 2), np.nan), LABELS, None, "finite"),
        (np.full((250, 2), "x"), LABELS, None, ""),
    ],
)
def test_what_has_no_silhouette_says_why(X: Any, labels: Any, budget: float | None, reason: str) -> None:
    found = seen(X, labels, budget)
    assert "silhouette" not in found
    assert reason in found["absent"]["silhouette"]
    assert sum(found["cluster_sizes"]["counts"]) == 250 or found["cluster_sizes"]["left_out"]


def test_labels_that_are_none() -> None:
    assert set(seen(X, np.random.default_rng(0).random(250))) == {"absent"}
