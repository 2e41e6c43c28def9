"""What scikit-learn's own functions give: the reference that every value is compared with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from skribe.metrics import Evaluation


def _value(function: Callable[..., Any], *args: Any, **kwargs: Any) -> float | None:
    try:
        value = float(function(*args, **kwargs))
    except Exception:
        return None
    return None if math.isnan(value) else value


def classifier_reference(true, pred, proba=None, decision=None, classes=None, weight=None, pos_label=None):
    """Name → value for one label per row; None where scikit-learn raises or gives nan."""
    average = {"average": "weighted"} if pos_label is None else {"average": "binary", "pos_label": pos_label}
    plain = {"sample_weight": weight}
    found = {
        "precision_score": _value(sk.precision_score, true, pred, **average, **plain),
        "recall_score": _value(sk.recall_score, true, pred, **average, **plain),
        "f1_score": _value(sk.f1_score, true, pred, **average, **plain),
        "accuracy_score": _value(sk.accuracy_score, true, pred, **plain),
        "balanced_accuracy_score": _value(sk.balanced_accuracy_score, true, pred, **plain),
        "matthews_corrcoef": _value(sk.matthews_corrcoef, true, pred, **plain),
    }
    if proba is not None:
        found["log_loss"] = _value(sk.log_loss, true, proba, labels=classes, **plain)
    if len(classes) == 2 and (proba is not None or decision is not None):
        score = proba[:, 1] if proba is not None else decision
        positive = classes[1] if pos_label is None else pos_label
        if proba is not None:
            own = proba[:, list(classes).index(positive)] if positive in list(classes) else None
        else:
            own = score if positive == classes[1] else -score
        found["roc_auc"] = _value(sk.roc_auc_score, true, score, **plain)
        if own is not None:
            found["average_precision_score"] = _value(
                sk.average_precision_score, true, own, pos_label=positive, **plain
            )
        if proba is not None:
            found["brier_score_loss"] = _value(sk.brier_score_loss, true, score, pos_label=classes[1], **plain)
    elif proba is not None:
        found["roc_auc"] = _value(sk.roc_auc_score, true, proba, multi_class="ovo", average="weighted", **plain)
    return found


def regressor_reference(true, pred, weight=None):
    plain = {"sample_weight": weight}
    found = {
        name: _value(getattr(sk, name), true, pred, **plain)
        for name in (
            "mean_squared_error",
            "root_mean_squared_error",
            "mean_absolute_error",
            "r2_score",
            "median_absolute_error",
            "explained_variance_score",
        )
    }
    if np.ndim(true) == 1:
        found["max_error"] = _value(sk.max_error, true, pred)
    return found


def check(evaluation: Evaluation, expected: dict[str, float | None], prefix: str = "training_") -> None:
    """Every value equals the reference, none is missing, and every absent one has its note."""
    got = {metric.key: metric.value for metric in evaluation.metrics}
    noted = {note.what for note in evaluation.notes}
    assert len(got) == len(evaluation.metrics), "a key twice"
    for name, value in expected.items():
        key = prefix + name
        if value is None:
            assert key not in got, f"{key}: scikit-learn has no value"
            assert key in noted or prefix.rstrip("_") + "_metrics" in noted, f"{key}: no note"
        else:
            assert key in got, f"{key} is missing: {evaluation.notes}"
            assert got[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key


def quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call scikit-learn for a reference; what it warns about is not the subject."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


class Reference:
    classifier = staticmethod(lambda *a, **k: quietly(classifier_reference, *a, **k))
    regressor = staticmethod(lambda *a, **k: quietly(regressor_reference, *a, **k))
    check = staticmethod(check)
    quietly = staticmethod(quietly)


@pytest.fixture(scope="session")
def reference() -> type[Reference]:
    return Reference
