"""What there is to draw of a fit: made of the predictions that its metrics were made of, and kept as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skribe.capture.fitted_views import fitted_views
from skribe.guard import contain
from skribe.metrics.points import curves_of
from skribe.metrics.report import Evaluation
from skribe.records import Note, Table
from skribe.settings import Settings

TRAINING = "training"
# Beyond so many rows the curves would take longer than the metrics.
_ROWS = 200_000
# Seconds that importances and silhouettes may take, whatever the budget is.
_LEAST, _MOST = 0.002, 1.0


def tables_of_fit(
    estimator: Any, X: Any, evaluation: Evaluation | None, settings: Settings, wall: float
) -> tuple[tuple[Table, ...], tuple[Note, ...]]:
    """The tables of a fitted estimator, and why one is absent that could be expected."""
    if not settings.log_plots:
        return (), ()
    budget = settings.budget(wall)
    found = contain("the views of a model", fitted_views, estimator, names_of(X), budget=_some(budget)) or {}
    if evaluation is not None and evaluation.predictions is not None:
        if (evaluation.rows or 0) > _ROWS:
            found["absent"] = {**found.get("absent", {}), "curves": f"there are more than {_ROWS} rows"}
        elif evaluation.task == "clustering":
            found = _merged(found, _of_clusters(X, evaluation, budget))
        else:
            found = _merged(found, contain("curves", curves_of, evaluation, pos_label=settings.pos_label) or {})
            if evaluation.task in ("binary", "multiclass") and evaluation.predictions.y_score is None:
                reason = "it gives no probabilities, and decisions between several classes are not asked for"
                found = _merged(found, {"absent": {"roc": reason, "precision_recall": reason}})
    return as_tables(found, TRAINING)


def as_tables(found: dict[str, Any], data: str) -> tuple[tuple[Table, ...], tuple[Note, ...]]:
    """Views by name as records."""
    absent = found.pop("absent", {})
    notes = tuple(Note(f"plots.{what}", str(reason)) for what, reason in absent.items())
    return tuple(Table(name, data, body) for name, body in found.items()), notes


def names_of(X: Any) -> Sequence[str] | None:
    """What the columns of a table are called."""
    columns = getattr(X, "columns", None)
    return None if columns is None or callable(columns) else [str(name) for name in columns]


def _of_clusters(X: Any, evaluation: Evaluation, budget: float | None) -> dict[str, Any]:
    from skribe.metrics.points_of_clusters import cluster_views

    assert evaluation.predictions is not None
    return contain("clusters", cluster_views, X, evaluation.predictions.y_pred, budget=budget) or {}


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **other, "absent": {**one.get("absent", {}), **other.get("absent", {})}}


def _some(budget: float | None) -> float:
    return _MOST if budget is None else min(_MOST, max(_LEAST, budget / 2))
