"""Numbers, times and runs in words, for terminals and for `repr`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from skribe.words import better, seconds, shorten

# The metric that speaks for a run, the first of these that it has; what was measured on held-out rows goes before.
SPEAKERS = (
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

_OURS = ("training_", "mean_", "std_", "split_", "rank_", "fit_", "score_", "refit_", "best_", "train_", "path_")


def number(value: float) -> str:
    """A metric with four significant digits; integers whole."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return str(int(value))
    return f"{value:.4g}"


def headline(metrics: Mapping[str, float]) -> str:
    """The one metric that says most, `best_cv_score 0.9733`, or nothing."""
    key = speaker(metrics)
    if key is None:
        return ""
    said, rows = f"{key} {number(metrics[key])}", metrics.get("training_metrics.rows")
    return said if rows is None or not key.startswith("training_") else f"{said} (of {number(rows)} rows)"


def speaker(metrics: Iterable[str]) -> str | None:
    """The metric that says most of a run: the best of a search, then what held-out rows gave, then the training's."""
    keys = list(metrics)
    for key in SPEAKERS:
        if key in keys and not key.startswith("training_"):
            return key
    own = sorted(key for key in keys if is_held_out(key))
    return next(iter(own), None) or next((key for key in SPEAKERS if key in keys), None)


def is_held_out(key: str) -> bool:
    """Whether it is a score of rows that the model was not trained on, whose greatest value is the best."""
    return key.startswith(("mean_test_", "test_")) or (not key.startswith(_OURS) and better(key) == 1)


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
