"""What kind of question an estimator answers, and which estimator inside it gives the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.metrics.labels import Array, Labels, flat_classes
from skribe.metrics.multilabel import is_indicator

_SEARCHES = {"GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"}
_DENSITY = {"sklearn.neighbors._kde", "sklearn.covariance"}
_REDUCTION = ("explained_variance_ratio_", "reconstruction_err_", "reconstruction_error_", "stress_", "kl_divergence_")


def is_exactly(estimator: Any, names: set[str] | frozenset[str]) -> bool:
    """Whether the estimator's class is one of scikit-learn's own of these names: a subclass may do anything."""
    cls = type(estimator)
    return cls.__name__ in names and cls.__module__.startswith("sklearn.")


def is_search(estimator: Any) -> bool:
    return is_exactly(estimator, _SEARCHES)


def is_pipeline(estimator: Any) -> bool:
    return is_exactly(estimator, {"Pipeline"})


def inner(estimator: Any) -> Any:
    """The fitted estimator whose answer this one passes on as it is; itself if there is none."""
    for _ in range(16):
        values = getattr(estimator, "__dict__", {})
        if is_search(estimator):
            following = values.get("best_estimator_")
        elif is_pipeline(estimator):
            following = values["steps"][-1][1] if values.get("steps") else None
        elif is_exactly(estimator, {"SelfTrainingClassifier", "FrozenEstimator"}):
            following = values.get("estimator_", values.get("estimator"))
        else:
            return estimator
        if following is None or isinstance(following, str):
            return estimator
        estimator = following
    return estimator


def kind_of(estimator: Any) -> str | None:
    """What scikit-learn's tags call the estimator: "classifier", "regressor", "clusterer" and so on."""
    for source in (_tagged, _declared, _shaped):
        if kind := source(estimator):
            return kind
    return None


def _tagged(estimator: Any) -> str | None:
    tags = getattr(estimator, "__sklearn_tags__", None)
    if tags is None:
        return None
    try:
        kind = tags().estimator_type
    except Exception:  # noqa: BLE001 - a class that only half follows scikit-learn; its other signs are asked
        return None
    return str(kind) if kind is not None else None


def _declared(estimator: Any) -> str | None:
    kind = getattr(estimator, "_estimator_type", None)
    return {"DensityEstimator": "density_estimator"}.get(kind, kind) if isinstance(kind, str) else None


def _shaped(estimator: Any) -> str | None:
    final = inner(estimator)
    if type(final).__module__.startswith(tuple(_DENSITY)):
        return "density_estimator"
    if any(_has(final, name) for name in _REDUCTION) and not hasattr(final, "classes_"):
        return "decomposition"
    if type(final).__module__.startswith(("sklearn.decomposition.", "sklearn.manifold.")):
        return "decomposition"
    if hasattr(final, "predict_proba") and hasattr(final, "classes_"):
        return "classifier"
    return "transformer" if hasattr(final, "transform") else None


def _has(estimator: Any, name: str) -> bool:
    return name in getattr(estimator, "__dict__", {}) or hasattr(type(estimator), name)


def task_of(kind: str | None, estimator: Any, y: Array | None, labels: Labels | None) -> str:
    """The name of the task, from the estimator's kind and the target."""
    if kind == "classifier":
        return _classification(estimator, y, labels)
    names = {
        "regressor": "regression",
        "clusterer": "clustering",
        "outlier_detector": "outlier",
        "density_estimator": "density",
        "decomposition": "decomposition",
        "transformer": "transformer",
    }
    return names.get(kind or "", "unknown")


def _classification(estimator: Any, y: Array | None, labels: Labels | None) -> str:
    if y is not None and y.ndim == 2:
        return "multilabel" if is_indicator(y) else "multioutput-classification"
    classes = flat_classes(estimator)
    number = 0 if classes is None else int(classes.size)
    if labels is not None:
        number = max(number, int(np.count_nonzero(labels.counts)))
    return "multiclass" if number > 2 else "binary"


def has_unlabelled(estimator: Any) -> bool:
    """Whether -1 in an integer target means that the row has no label."""
    names = {"LabelPropagation", "LabelSpreading", "SelfTrainingClassifier"}
    while True:
        if any(cls.__name__ in names and cls.__module__.startswith("sklearn.") for cls in type(estimator).__mro__):
            return True
        following = inner_once(estimator)
        if following is estimator:
            return False
        estimator = following


def inner_once(estimator: Any) -> Any:
    values = getattr(estimator, "__dict__", {})
    if is_search(estimator):
        return values.get("best_estimator_", estimator)
    if is_pipeline(estimator) and values.get("steps"):
        return values["steps"][-1][1]
    return estimator


def draws_at_random(estimator: Any) -> str | None:
    """Why the predictions would be different each time, if they would."""
    final = inner(estimator)
    if is_exactly(final, {"DummyClassifier"}):
        strategy = getattr(final, "strategy", None)
        if strategy in ("stratified", "uniform"):
            return f"strategy={strategy!r} predicts at random: every pass gives other values"
    return None
