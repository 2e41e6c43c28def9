"""Durations and texts, short enough to be read."""

from __future__ import annotations

import math
from typing import Any

# Words in the names of metrics that say which way is good.
_LOW = frozenset(
    [
        *("error", "loss", "deviance", "inertia", "mae", "mse", "rmse", "mape", "msle", "rmsle", "perplexity"),
        *("bic", "aic", "time", "seconds", "rank", "bouldin", "brier", "cost"),
    ]
)
_HIGH = frozenset(
    [
        *("score", "accuracy", "precision", "recall", "f1", "fbeta", "auc", "r2", "corrcoef", "kappa", "jaccard"),
        *("silhouette", "homogeneity", "completeness", "rand", "ndcg", "d2", "neg", "likelihood"),
    ]
)


def seconds(value: float | None) -> str:
    """A duration, with the unit that fits it: `830 µs`, `12.4 ms`, `3.21 s`, `4 min 10 s`."""
    if value is None or not math.isfinite(value):
        return "-"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    if value < 100:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def count(number: int, one: str, several: str | None = None) -> str:
    """A number of things: `1 record`, `12 records`."""
    return f"{number} {one}" if number == 1 else f"{number} {several or one + 's'}"


def shorten(value: Any, width: int = 60) -> str:
    """One line of at most `width` characters. For showing only: what is stored is whole."""
    text = " ".join(str(value).split())
    return text if len(text) <= width else text[: width - 1] + "…"


def is_lowest(metric: str) -> bool:
    """Whether a low value of the metric is a good one, as far as its name says."""
    words = _words(metric)
    # Scores that compare a loss with that of a simple model, and negated ones, are good when high.
    if "neg" in words or "d2" in words:
        return False
    return not _LOW.isdisjoint(words)


def better(metric: str) -> int | None:
    """Which way the metric is good: 1 upwards, -1 downwards; None if its name does not say."""
    words = _words(metric)
    if words[0] in ("std", "split") or "std" in words:
        return None
    if is_lowest(metric):
        return -1
    return None if _HIGH.isdisjoint(words) else 1


def _words(metric: str) -> list[str]:
    return metric.lower().replace(".", "_").split("_")
