"""What a fitted estimator knows about itself: facts, and the curves it has kept.

Only what stands in the instance's own dictionary is read. A property may compute for minutes, or raise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from skribe.capture.hashing import module_if_loaded
from skribe.capture.values import describe_value, storable
from skribe.capture.writer import type_name
from skribe.guard import attempt, hushed
from skribe.records import Fact, Metric, Note

_SHOWN = 10
_CLASSES = 100
_TEXT = 1000
_DEPTH = 10
_PLAIN = (bool, int, float, str, type(None))
_CURVES = (
    "loss_curve_",
    "validation_scores_",
    "train_score_",
    "validation_score_",
    "oob_improvement_",
    "oob_scores_",
    "estimator_errors_",
    "cost_",
)
# Where boosting libraries keep `{set: {metric: [...]}}`: xgboost in the first, lightgbm in the second.
_EVALUATIONS = ("evals_result_", "_evals_result")


def facts(estimator: Any) -> tuple[Fact, ...]:
    """What the estimator has learnt that is small enough to be told; the shapes of the rest. It never raises."""
    found: list[Fact] = []
    attempt("facts", [], _collect, estimator, "", found, 0)
    return tuple(found)


def _collect(estimator: Any, prefix: str, found: list[Fact], depth: int) -> None:
    held = _held(estimator)
    if "n_features_in_" not in held:
        _add_feature_count(estimator, prefix, found)
    for name, value in list(held.items()):
        if type(name) is str and name.endswith("_") and not name.endswith("__") and not name.startswith("_"):
            attempt(name, [], _add, found, storable(prefix + name), name, value)
    inner = _inner(estimator)
    if inner is not None and depth < _DEPTH:
        _collect(inner[1], f"{prefix}{inner[0]}.", found, depth + 1)


def _held(estimator: Any) -> Mapping[str, Any]:
    return attempt("attributes", [], object.__getattribute__, estimator, "__dict__") or {}


def _add_feature_count(estimator: Any, prefix: str, found: list[Fact]) -> None:
    """Pipelines and searches pass the question on to a part of theirs; nobody else is asked."""
    if not _is_a(estimator, "sklearn.pipeline", "Pipeline") and not _is_search(estimator):
        return
    with hushed():
        count = attempt("n_features_in_", [], getattr, estimator, "n_features_in_")
    if count is not None:
        _add(found, storable(f"{prefix}n_features_in_"), "n_features_in_", count)


def _inner(estimator: Any) -> tuple[str, Any] | None:
    """The part of a pipeline or a search that holds what was learnt."""
    held = _held(estimator)
    if _is_a(estimator, "sklearn.pipeline", "Pipeline"):
        steps = held.get("steps")
        if isinstance(steps, list) and steps and isinstance(steps[-1], tuple) and len(steps[-1]) == 2:
            name, last = steps[-1]
            return None if last is None or isinstance(last, str) else (str(name), last)
    elif _is_search(estimator) and held.get("best_estimator_") is not None:
        return "best_estimator_", held["best_estimator_"]
    return None


def _is_a(estimator: Any, module: str, name: str) -> bool:
    cls = getattr(module_if_loaded(module), name, None)
    return cls is not None and issubclass(type(estimator), cls)


def _is_search(estimator: Any) -> bool:
    return _is_a(estimator, "sklearn.model_selection._search", "BaseSearchCV")


def _add(found: list[Fact], key: str, name: str, value: Any) -> None:
    kind = type(value)
    if issubclass(kind, (np.generic, *_PLAIN)):
        if issubclass(kind, str) and len(value) > _TEXT:
            found.append(Fact(f"{key}.len", str(len(value)), "int"))
        else:
            found.append(Fact(key, *describe_value(value, name)))
    elif name == "feature_names_in_":
        found.append(Fact(f"{key}.count", str(len(value)), "int"))
    elif issubclass(kind, np.ndarray):
        _add_array(found, key, value, _CLASSES if name == "classes_" else _SHOWN)
    elif hasattr(kind, "get_params"):
        found.append(Fact(key, type_name(kind), "object"))
    elif issubclass(kind, (list, tuple, dict, set, frozenset)):
        _add_container(found, key, value, _CLASSES if name == "classes_" else _SHOWN)
    elif isinstance(getattr(kind, "shape", None), property) or hasattr(kind, "shape"):
        found.append(Fact(f"{key}.shape", str(tuple(value.shape)), "object"))
    else:
        found.append(Fact(key, type_name(kind), "object"))


def _add_array(found: list[Fact], key: str, value: np.ndarray[Any, Any], shown: int) -> None:
    if value.ndim == 0 and value.dtype.kind != "O":
        found.append(Fact(key, *describe_value(value[()])))
        return
    name = key.rpartition(".")[2]
    if value.ndim == 1 and 0 < value.size <= shown and value.dtype.kind in "biufUSO" and not _holds_rows(name):
        items = value.tolist()
        if _plain(items):
            found.append(Fact(key, *describe_value(items)))
            return
    found.append(Fact(f"{key}.shape", str(value.shape), "object"))
    found.append(Fact(f"{key}.dtype", str(value.dtype), "str"))


def _holds_rows(name: str) -> bool:
    """Whether an attribute of this name keeps what it was trained on: `X_train_`, `support_vectors_` and the like."""
    return name.startswith(("X_", "y_", "support_vectors", "cluster_centers")) or name.endswith("_samples_")


def _add_container(found: list[Fact], key: str, value: Any, shown: int) -> None:
    items = list(value.values()) if isinstance(value, dict) else list(value) if len(value) <= shown else []
    if len(value) <= shown and _plain(items):
        found.append(Fact(key, *describe_value(value)))
    elif len(value) <= shown and type(value) is list and all(isinstance(item, np.ndarray) for item in items):
        # Several outputs: a list of class arrays; a network's layers: a list of weights.
        found.append(Fact(f"{key}.shapes", str([item.shape for item in items]), "object"))
    else:
        found.append(Fact(f"{key}.len", str(len(value)), "int"))


def _plain(items: list[Any]) -> bool:
    return all(
        issubclass(type(item), (np.generic, *_PLAIN)) or (type(item) is list and _plain(item)) for item in items
    )


def curves(estimator: Any) -> tuple[Metric, ...]:
    """The per-iteration curves that the estimator has kept: `loss_curve` at steps 0, 1, 2 … It never raises."""
    found: list[Metric] = []
    attempt("curves", [], _collect_curves, estimator, found)
    return tuple(found)


def _collect_curves(estimator: Any, found: list[Metric]) -> None:
    for _ in range(_DEPTH):
        inner = _inner(estimator)
        if inner is None:
            break
        estimator = inner[1]
    held = _held(estimator)
    for name in _CURVES:
        if name in held:
            attempt(name, [], _add_curve, found, name[:-1], held[name])
    for key, values in _evaluations(estimator, held):
        attempt(key, [], _add_curve, found, key, values)


def _evaluations(estimator: Any, held: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    results = next((held[name] for name in _EVALUATIONS if isinstance(held.get(name), dict)), None)
    if results is None and type(estimator).__module__.startswith("catboost"):
        notes: list[Note] = []
        results = attempt("evals_result", notes, lambda: estimator.get_evals_result())
    if isinstance(results, dict):
        for group, metrics in results.items():
            if isinstance(metrics, dict):
                for metric, values in metrics.items():
                    yield storable(f"{group}_{metric}"), values


def _add_curve(found: list[Metric], key: str, values: Any) -> None:
    if not isinstance(values, (list, tuple, np.ndarray)):
        return
    numbers = np.asarray(values)
    if numbers.ndim == 1 and numbers.dtype.kind in "biuf":
        # A nan is a step at which nothing was measured; it is left out, and the others keep their steps.
        points = enumerate(numbers.tolist())
        found.extend(Metric(key, float(number), step) for step, number in points if not math.isnan(number))
