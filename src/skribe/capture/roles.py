"""What part an estimator plays: a model, a step of preprocessing, a search over models."""

from __future__ import annotations

import weakref
from typing import Any, Literal

from skribe.capture.hashing import module_if_loaded

Role = Literal["model", "preprocessing", "search", "unknown"]

_roles: weakref.WeakKeyDictionary[type, Role] = weakref.WeakKeyDictionary()

# Where scikit-learn keeps the transformers that train no model of their own.
_PREPROCESSING = frozenset({
    "preprocessing", "impute", "feature_extraction", "feature_selection", "kernel_approximation",
    "random_projection", "frozen",
})  # fmt: skip
# Parts of scikit-learn that lend methods to everybody, and so say nothing about the class that borrows them.
_NEUTRAL = frozenset({"base", "utils", "callback", "_metadata_requests"})
_BY_NAME: dict[str, Role] = {
    "RFE": "model",
    "RFECV": "model",
    "SelectFromModel": "model",
    "SequentialFeatureSelector": "model",
    "ColumnTransformer": "preprocessing",
    "FeatureUnion": "preprocessing",
    "KNeighborsTransformer": "preprocessing",
    "RadiusNeighborsTransformer": "preprocessing",
}
_PREDICTING = frozenset({"predict", "fit_predict", "score_samples", "decision_function", "score"})


def role_of(estimator: Any) -> Role:
    """The part that an estimator, or a class of them, plays. Decided once per class; the instance is not asked."""
    cls = estimator if isinstance(estimator, type) else type(estimator)
    try:
        return _roles[cls]
    except KeyError:
        role = _roles[cls] = _decide(cls)
        return role


def _is_search_by_name(cls: type) -> bool:
    return any(
        owner.__name__.endswith("SearchCV") and not owner.__module__.startswith("sklearn.") for owner in cls.__mro__
    )


def searches_by_itself(estimator: Any) -> bool:
    """Whether it is a search that owes nothing to scikit-learn's, as Optuna's: it cross-validates one by one."""
    search = getattr(module_if_loaded("sklearn.model_selection._search"), "BaseSearchCV", None)
    return role_of(estimator) == "search" and (search is None or not isinstance(estimator, search))


def display_name(estimator: Any) -> str:
    """The name of the estimator's class, as people know it."""
    return type(estimator).__name__


def run_name(estimator: Any, function: str | None = None) -> str:
    """What a run of it is called. Of a pipeline, and of what searches over one, it has the model at the end."""
    name, model = display_name(estimator), display_name(_model_in(estimator))
    if function is not None:
        return f"{function}({model})"
    return name if model == name else f"{name}({model})"


def _model_in(estimator: Any) -> Any:
    """The model at the end of a pipeline, or of what a search tries; by itself if it is neither."""
    held = getattr(estimator, "__dict__", {})
    if role_of(estimator) == "search":
        return _model_in(held["estimator"]) if hasattr(type(held.get("estimator")), "fit") else estimator
    steps = held.get("steps")
    last = steps[-1] if isinstance(steps, list) and steps else None
    if isinstance(last, tuple) and len(last) == 2 and hasattr(type(last[1]), "fit"):
        return _model_in(last[1])
    return estimator


def _decide(cls: type) -> Role:
    search = getattr(module_if_loaded("sklearn.model_selection._search"), "BaseSearchCV", None)
    if search is not None and issubclass(cls, search):
        return "search"
    if _is_search_by_name(cls):
        return "search"
    for owner in cls.__mro__:
        packages = owner.__module__.split(".")
        if packages[0] != "sklearn" or len(packages) < 2 or packages[1] in _NEUTRAL:
            continue
        if owner.__name__ in _BY_NAME:
            return _BY_NAME[owner.__name__]
        return "preprocessing" if packages[1] in _PREPROCESSING else "model"
    # By what stands in the classes, so that no descriptor is asked: `available_if` would ask the instance.
    names = frozenset().union(*map(vars, cls.__mro__))
    if not names & {"fit", "fit_transform", "fit_predict", "partial_fit", "fit_resample"}:
        return "unknown"
    transforms = bool(names & {"transform", "fit_resample"})
    return "preprocessing" if transforms and not names & _PREDICTING else "model"
