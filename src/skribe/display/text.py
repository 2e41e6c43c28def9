"""Numbers, times and runs in words, for terminals and for `repr`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from skribe.words import seconds, shorten

# The metric that speaks for a run, the first of these that it has.
_SPEAKERS = (
    "best_cv_score",
    "cv_accuracy_score",
    "cv_r2_score",
    "p_value",
    "mean_test_score",
    "training_accuracy_score",
    "training_r2_score",
    "training_silhouette_score",
    "training_explained_variance_ratio",
    "training_outlier_fraction",
    "training_score",
)
# What `headline` looks at.
HEADLINES = (*_SPEAKERS, "training_metrics.rows")


def number(value: float) -> str:
    """A metric with four significant digits; integers whole."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return str(int(value))
    return f"{value:.4g}"


def headline(metrics: Mapping[str, float]) -> str:
    """The one metric that says most, `accuracy_score 0.9733`, or nothing."""
    for key in _SPEAKERS:
        if key in metrics:
            rows = metrics.get("training_metrics.rows")
            said = f"{key.removeprefix('training_')} {number(metrics[key])}"
            return said if rows is None or key == "best_cv_score" else f"{said} (of {number(rows)} rows)"
    return ""


def run_line(name: str, short_id: str, status: str, wall: float | None, metrics: Mapping[str, float]) -> str:
    """The line that is shown when a run ends."""
    parts = [f"skribe: {name} {short_id}", seconds(wall)]
    if status != "finished":
        parts.append(status)
    said = headline(metrics)
    if said:
        parts.append(said)
    if "failed_fits" in metrics:
        parts.append(f"{number(metrics['failed_fits'])} fits failed")
    if "reused_results" in metrics:
        reused = metrics["reused_results"]
        parts.append(f"{number(reused)} results of an earlier run used again" if reused else "nothing to resume")
    return " · ".join(parts)


def columns(pairs: Iterable[tuple[str, str]], indent: str = "    ", most: int = 12, width: int = 60) -> list[str]:
    """Key and value in two columns, with a last line for those that did not fit."""
    pairs = list(pairs)
    shown = pairs[:most]
    longest = max((len(key) for key, _ in shown), default=0)
    lines = [f"{indent}{key:<{longest}}  {shorten(value, width)}".rstrip() for key, value in shown]
    if len(pairs) > most:
        lines.append(f"{indent}… and {len(pairs) - most} more")
    return lines
