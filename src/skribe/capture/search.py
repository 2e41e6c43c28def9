"""What a fitted search chose and found, from its own attributes, under MLflow's keys."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from skribe.capture.values import describe_value
from skribe.guard import attempt
from skribe.records import Metric, Param

_SPLIT = re.compile(r"split(\d+)_(test|train)_(.+)")


def best_of(attributes: Mapping[str, Any]) -> tuple[tuple[Param, ...], tuple[Metric, ...]]:
    """The best candidate's parameters, and its mean test score; nothing of a search that keeps no best one."""
    chosen = attributes.get("best_params_")
    score = attributes.get("best_score_")
    params = tuple(Param(f"best_{key}", *describe_value(value, key)) for key, value in (chosen or {}).items())
    if score is None or math.isnan(score):
        return params, ()
    return params, (Metric("best_cv_score", float(score)),)


def attributes_of(search: Any) -> dict[str, Any]:
    """The same attributes of a search that is not scikit-learn's, and may compute them when it is asked."""
    found = {name: attempt(name, [], getattr, search, name, None) for name in ("best_params_", "best_score_")}
    return {name: value for name, value in found.items() if value is not None}


def split_scores(results: Mapping[str, Any], candidate: int) -> list[dict[str, dict[str, float]]]:
    """A candidate's scores by split, as in `cv_results_`: `[{"test": {"score": 0.9}, "train": …}, …]`."""
    found: dict[int, dict[str, dict[str, float]]] = {}
    for key, column in results.items():
        place = _SPLIT.fullmatch(key)
        if place is not None:
            group = found.setdefault(int(place[1]), {}).setdefault(place[2], {})
            group[place[3]] = float(column[candidate])
    return [found[split] for split in sorted(found)]


def columns_of(results: Mapping[str, Any]) -> dict[str, list[float]]:
    """The numbers of all candidates that are no split's and no parameter: means, ranks, a search's own columns."""
    return {
        key: [float(value) for value in column.tolist()]
        for key, column in results.items()
        if getattr(getattr(column, "dtype", None), "kind", "O") in "biuf"
        and column.ndim == 1
        and key != "params"
        and not key.startswith("param_")
        and not _SPLIT.fullmatch(key)
    }
