"""Every estimator of scikit-learn with parameters and data on which it works."""

from __future__ import annotations

import contextlib
import unittest
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.utils import all_estimators, get_tags
from sklearn.utils._test_common.instance_generator import _construct_instances

try:
    from sklearn.utils.estimator_checks import _enforce_estimator_tags_X, _enforce_estimator_tags_y
except ImportError:  # pragma: no cover
    from sklearn.utils._test_common.instance_generator import _enforce_estimator_tags_X, _enforce_estimator_tags_y


def instances() -> Iterator[BaseEstimator]:
    """One fresh instance of each class, with the parameters of scikit-learn's own common tests."""
    for name, cls in all_estimators():
        if name == "FrozenEstimator":  # needs a fitted one to freeze
            yield cls(DummyClassifier().fit([[0], [1]], [0, 1]))
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # scikit-learn 1.6 skips one; let out of here, that would skip the whole module which asks.
            with contextlib.suppress(unittest.SkipTest):
                yield next(iter(_construct_instances(cls)))


def data_for(estimator: BaseEstimator) -> tuple[Any, Any]:
    """A small X and y that suit the estimator's tags."""
    X, y = make_blobs(n_samples=40, centers=3, cluster_std=2.0, random_state=0)
    X = np.round(X, 3)
    if type(estimator).__name__ in {"DictVectorizer", "FeatureHasher"}:
        return [{"a": 1, "b": 2.0}, {"a": 3}] * 20, y
    tags = get_tags(estimator)
    if tags.input_tags.string and not tags.input_tags.two_d_array:
        return ["one word", "two words and more", "three"] * 13, y[:39]
    X = _enforce_estimator_tags_X(estimator, X)
    y = _enforce_estimator_tags_y(estimator, y)
    return X, y
