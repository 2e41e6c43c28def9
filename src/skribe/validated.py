"""What a call of `cross_validate` and its family comes to, beside its folds: predictions for rows never trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from skribe import metrics
from skribe.guard import contain
from skribe.records import Artifact, Call, Metric, Note
from skribe.settings import Settings
from skribe.store.artifacts import ArtifactStore

# Beyond so many rows the curves would take longer than the metrics.
_ROWS = 200_000
_CURVES = "cv_curves.json"


def out_of_fold(
    call: Call, y: Any, labels: metrics.Labels | None, settings: Settings, folder: Path, run: str
) -> tuple[tuple[Metric, ...], tuple[Note, ...], tuple[Artifact, ...]]:
    """One set of metrics for the predictions of `cross_val_predict`, and their curves as a file of the run."""
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
    if len(y) > _ROWS:
        return found.metrics, (*found.notes, Note(_CURVES, f"there are more than {_ROWS} rows")), ()
    curves = contain("the curves of out-of-fold predictions", curves_of, found, pos_label=settings.pos_label)
    if not curves:
        return found.metrics, found.notes, ()
    body = json.dumps(curves, allow_nan=False).encode()
    kept = contain("the curves of out-of-fold predictions", ArtifactStore(folder).put_bytes, run, _CURVES, body)
    return found.metrics, found.notes, () if kept is None else (kept,)
