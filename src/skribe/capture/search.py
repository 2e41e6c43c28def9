"""What a fitted search chose, under MLflow's keys: `best_<param>` and `best_cv_score`."""

from __future__ import annotations

import math
from typing import Any

from skribe.capture.values import describe_value
from skribe.records import Metric, Param


def best_of(search: Any) -> tuple[tuple[Param, ...], tuple[Metric, ...]]:
    """The best candidate's parameters, and its mean test score; nothing of a search that keeps no best one."""
    attributes = vars(search)
    chosen = attributes.get("best_params_")
    score = attributes.get("best_score_")
    params = tuple(Param(f"best_{key}", *describe_value(value, key)) for key, value in (chosen or {}).items())
    if score is None or math.isnan(score):
        return params, ()
    return params, (Metric("best_cv_score", float(score)),)
