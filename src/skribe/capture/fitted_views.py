"""What there is to draw of a fitted estimator alone: the variance its components explain, and what its features weigh.

Only what stands in the instance's own dictionary is read. The importances that scikit-learn computes in a property are
computed here from the trees, as far as the time goes; only boosting libraries are asked, which have theirs at hand.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skribe.capture.feature_names import names_of
from skribe.capture.hashing import module_if_loaded
from skribe.guard import attempt, hushed
from skribe.records import Note

Array = NDArray[Any]

_SERIES = 10
_FEATURES = 200
_COMPONENTS = 200
_DEPTH = 10
_WRAPPERS = {
    "TransformedTargetRegressor": "regressor_",
    "TunedThresholdClassifierCV": "estimator_",
    "FixedThresholdClassifier": "estimator_",
}
_TREES = frozenset({"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"})
_FORESTS = frozenset({
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
})  # fmt: skip
_BOOSTED = frozenset({"GradientBoostingClassifier", "GradientBoostingRegressor"})
# Seconds, measured: for a tree, each of its nodes and each feature; for a coefficient; for a library's feature.
_TREE, _NODE, _FEATURE, _COEFFICIENT, _ASKED = 7e-6, 12e-9, 2e-9, 3e-9, 4e-7


class Weights(NamedTuple):
    """What the features weigh, one row per class or output, and how far the trees of a forest disagree on it."""

    kind: str
    values: Array
    std: Array | None = None


def fitted_views(estimator: Any, feature_names: Sequence[str] | None, *, budget: float = 0.003) -> dict[str, Any]:
    """`explained_variance` and `feature_importance` of a fitted estimator, ready for `json.dumps`.

    `feature_names` are the columns it was fitted on, if they have names; behind the steps of a pipeline the names are
    those that the steps give, else `x0`, `x1` and so on. What would take longer than `budget` seconds is left out,
    and `absent` says so. It never raises.
    """
    found: dict[str, Any] = {}
    notes: list[Note] = []
    deadline = time.perf_counter() + budget
    with hushed(), np.errstate(all="ignore"):
        before: list[Any] = []
        final = attempt("fitted_views", notes, _unwrapped, estimator, before)
        attempt("explained_variance", notes, _add_variance, found, [final, *reversed(before)])
        attempt("feature_importance", notes, _add_weights, found, notes, final, before, feature_names, deadline)
    if notes:
        found["absent"] = {note.what: note.reason for note in notes}
    return found


def _unwrapped(estimator: Any, before: list[Any]) -> Any:
    """The model inside pipelines and searches; the steps that come before it are put into `before`."""
    for _ in range(_DEPTH):
        held, inner = _held(estimator), None
        if _is_a(estimator, "sklearn.pipeline", "Pipeline"):
            steps = [step[1] for step in held.get("steps") or ()]
            while steps and (steps[-1] is None or steps[-1] == "passthrough"):
                steps.pop()
            before += steps[:-1]
            inner = steps[-1] if steps else None
        elif _is_a(estimator, "sklearn.model_selection._search", "BaseSearchCV"):
            inner = held.get("best_estimator_")
        elif _is_from(estimator, "sklearn"):
            inner = held.get(_WRAPPERS.get(type(estimator).__name__, ""))
        if inner is None:
            break
        estimator = inner
    return estimator


def _held(estimator: Any) -> dict[str, Any]:
    found: dict[str, Any] = attempt("attributes", [], object.__getattribute__, estimator, "__dict__") or {}
    return found


def _is_a(estimator: Any, module: str, name: str) -> bool:
    cls = getattr(module_if_loaded(module), name, None)
    return cls is not None and issubclass(type(estimator), cls)


def _is_from(estimator: Any, package: str) -> bool:
    return type(estimator).__module__.partition(".")[0] == package


def _add_variance(found: dict[str, Any], candidates: list[Any]) -> None:
    """Of the last part that knows it: in a pipeline it is as a rule a step before the model."""
    for part in candidates:
        ratios = _held(part).get("explained_variance_ratio_")
        if isinstance(ratios, np.ndarray) and ratios.ndim == 1 and ratios.size and np.isfinite(ratios).all():
            found["explained_variance"] = {
                "of": type(part).__name__, "ratios": _rounded(ratios[:_COMPONENTS]).tolist(),
                "left_out": max(0, ratios.size - _COMPONENTS),
            }  # fmt: skip
            return


def _add_weights(
    found: dict[str, Any],
    notes: list[Note],
    final: Any,
    before: list[Any],
    feature_names: Sequence[str] | None,
    deadline: float,
) -> None:
    held = _held(final)
    weights = _coefficients(held, notes, deadline) or _importances(final, held, notes, deadline)
    if weights is None:
        return
    if not weights.values.size or not np.isfinite(weights.values).all():
        notes.append(Note("feature_importance", f"the {weights.kind} are not finite numbers"))
        return
    shown, count = weights.values[:_SERIES], weights.values.shape[1]
    size = np.abs(shown).max(axis=0)
    top = np.argsort(-size, kind="stable")[:_FEATURES]
    names = attempt("names", [], names_of, final, before, feature_names, count, top, deadline)
    series = []
    several = _series_names(held, len(weights.values)) if weights.kind == "coefficients" else [None]
    for name, row in zip(several, shown, strict=False):
        series.append({"name": name, "values": _rounded(row[top]).tolist()})
    if weights.std is not None:
        series[0]["std"] = _rounded(weights.std[top]).tolist()
    found["feature_importance"] = {
        "of": type(final).__name__, "kind": weights.kind, "named": names is not None,
        "features": names or [f"x{place}" for place in top.tolist()], "series": series,
        "left_out": count - len(top), "series_left_out": len(weights.values) - len(shown),
    }  # fmt: skip


def _rounded(values: Array) -> Array:
    """Six digits of the largest number: more cannot be drawn."""
    largest = float(np.abs(values).max())
    if not 0 < largest < math.inf:
        return values
    return np.asarray(np.round(values.astype(np.float64), 5 - math.floor(math.log10(largest))))


def _series_names(held: dict[str, Any], rows: int) -> list[Any]:
    """The class that each row speaks for: of two classes the second one, of outputs their number, else None."""
    classes = held.get("classes_")
    names = classes.tolist() if isinstance(classes, np.ndarray) and classes.ndim == 1 else []
    if rows == 1:
        return [names[1]] if len(names) == 2 else [None]
    return names if len(names) == rows else list(range(rows))


def _coefficients(held: dict[str, Any], notes: list[Note], deadline: float) -> Weights | None:
    coef = held.get("coef_")
    if coef is None or not hasattr(coef, "shape"):
        return None
    if coef.shape and math.prod(coef.shape) * _COEFFICIENT > deadline - time.perf_counter():
        _too_long(notes)
        return None
    array = np.atleast_2d(coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef))
    return Weights("coefficients", array) if array.ndim == 2 and array.dtype.kind in "biuf" else None


def _too_long(notes: list[Note]) -> None:
    notes.append(Note("feature_importance", "computing it would exceed the overhead budget"))


def _importances(final: Any, held: dict[str, Any], notes: list[Note], deadline: float) -> Weights | None:
    name = type(final).__name__
    if _is_from(final, "xgboost") or _is_from(final, "lightgbm"):
        return _asked(final, held, notes, deadline)
    if not _is_from(final, "sklearn"):
        return None
    if name in _TREES and (tree := held.get("tree_")) is not None:
        return Weights("importances", tree.compute_feature_importances()[None])
    if name in _FORESTS | _BOOSTED:
        held_trees = held.get("estimators_")
        members = held_trees.ravel() if isinstance(held_trees, np.ndarray) else held_trees or []
        trees = [tree for member in members if (tree := _held(member).get("tree_")) is not None]
        return _of_trees(trees, name in _FORESTS, notes, deadline)
    if name.startswith("HistGradientBoosting"):
        reason = "it keeps no importances; sklearn.inspection.permutation_importance finds them with the data"
        notes.append(Note("feature_importance", reason))
    return None


def _of_trees(trees: list[Any], normalize: bool, notes: list[Note], deadline: float) -> Weights | None:
    """The mean over the trees that have split anything, as shares of one."""
    if not trees:
        return None
    cost = len(trees) * (_TREE + _FEATURE * trees[0].n_features) + _NODE * sum(tree.node_count for tree in trees)
    if cost > deadline - time.perf_counter():
        _too_long(notes)
        return None
    rows = [tree.compute_feature_importances(normalize=normalize) for tree in trees if tree.node_count > 1]
    if not rows:
        return Weights("importances", np.zeros((1, trees[0].n_features)))
    mean = np.asarray(np.mean(rows, axis=0))
    total = mean.sum()
    std = np.std(rows, axis=0) if normalize and len(rows) > 1 else None
    return Weights("importances", (mean / total if total else mean)[None], std)


def _asked(final: Any, held: dict[str, Any], notes: list[Note], deadline: float) -> Weights | None:
    """The importances of a boosting library's own class. It has to be fitted, or the question would raise."""
    if held.get("_Booster") is None:
        return None
    count = int(final.n_features_in_)
    if _ASKED * (count + int(held.get("n_estimators") or 100)) > deadline - time.perf_counter():
        _too_long(notes)
        return None
    values = np.asarray(final.feature_importances_, dtype=np.float64)
    return Weights("importances", values[None]) if values.ndim == 1 else None
