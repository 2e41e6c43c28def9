"""What a call of `cross_validate` and its family comes to, beside its folds: predictions for rows never trained on."""

from __future__ import annotations

from typing import Any

from skribe import metrics
from skribe.guard import contain
from skribe.pictured import as_tables
from skribe.records import Call, Metric, Note, Table
from skribe.settings import Settings

OUT_OF_FOLD = "cv"
# Beyond so many rows the curves would take longer than the metrics.
_ROWS = 200_000


def out_of_fold(
    call: Call, y: Any, labels: metrics.Labels | None, settings: Settings
) -> tuple[tuple[Metric, ...], tuple[Note, ...], tuple[Table, ...]]:
    """One set of metrics for the predictions of `cross_val_predict`, and what there is to draw of them."""
    if call.method != "cross_val_predict" or y is None:
        return (), (), ()
    from skribe.metrics.given import evaluate_predictions
    from skribe.metrics.points import curves_of

    found = contain(
        "the metrics of out-of-fold predictions",
        evaluate_predictions,
        call.estimator,
        y,
        call.result,
        str(call.arguments.get("method", "predict")),
        pos_label=settings.pos_label,
        labels=labels,
    )
    if found is None:
        return (), (), ()
    if len(y) > _ROWS or not settings.log_plots:
        notes = (Note("plots", f"there are more than {_ROWS} rows"),) if settings.log_plots else ()
        return found.metrics, (*found.notes, *notes), ()
    curves = contain("the curves of out-of-fold predictions", curves_of, found, pos_label=settings.pos_label)
    tables, absent = as_tables(curves or {}, OUT_OF_FOLD)
    return found.metrics, (*found.notes, *absent), tables
