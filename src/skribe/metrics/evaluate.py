"""`evaluate`: one fitted estimator and its training data in, an `Evaluation` out."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.guard import attempt
from skribe.metrics import clustering, supervised, unsupervised
from skribe.metrics.inference import Refused
from skribe.metrics.labels import Array, Labels, as_array, encode
from skribe.metrics.report import Evaluation, Predictions, Sheet
from skribe.metrics.rows import count_rows, lent, once_only
from skribe.metrics.supervised import Case
from skribe.metrics.task import kind_of, task_of
from skribe.metrics.untouched import has_foreign_code, untouched, watched


def evaluate(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    weight: Any = None,
    pos_label: Any = None,
    budget: float | None = None,
    prefix: str = "training_",
    labels: Labels | None = None,
) -> Evaluation:
    """The metrics of the fitted `estimator` on `X` and `y`, as scikit-learn itself would give them.

    `budget` is how many seconds this may take; what would take longer is computed on a seeded sample of the rows,
    and a note says so. None evaluates all rows, whatever it takes. `labels` is `encode(y)`, if that is at hand.

    What is undefined, or refused by the estimator, is absent with a note. The estimator, the data, the random
    streams and the warnings are afterwards as they were.
    """
    sheet = Sheet(prefix)
    run = _Run(sheet, estimator, X, y, weight, pos_label, budget, labels)
    # Almost every refusal is dealt with closer to where it happens; a user's object may still raise anywhere.
    attempt(sheet.subject, sheet.notes, run.evaluate)
    return Evaluation(tuple(sheet.metrics), tuple(sheet.notes), run.task, run.rows, run.predictions)


class _Run:
    """One evaluation; its attributes hold what is known so far, even if the rest fails."""

    def __init__(
        self,
        sheet: Sheet,
        estimator: Any,
        X: Any,
        y: Any,
        weight: Any,
        pos_label: Any,
        budget: float | None,
        labels: Labels | None,
    ) -> None:
        self.sheet, self.estimator, self.X, self.y = sheet, estimator, X, y
        self.weight, self.pos_label, self.budget, self.labels = weight, pos_label, budget, labels
        self.task = "unknown"
        self.rows: int | None = None
        self.predictions: Predictions | None = None

    def evaluate(self) -> None:
        if (spy := watched(self.estimator)) is not None:
            self.sheet.remark(spy)
            return
        if (reason := once_only(self.X)) is not None:
            self.sheet.remark(reason)
            return
        with untouched(self.estimator):
            if has_foreign_code(self.estimator):
                self.X = lent(self.X)
            true = None if self.y is None else as_array(self.y)
            kind = kind_of(self.estimator)
            if kind == "classifier" and self.labels is None and true is not None and true.ndim == 1:
                self.labels = encode(true)
            self.task = task_of(kind, self.estimator, true, self.labels)
            rows = count_rows(true if self.X is None else self.X)
            if rows is None or rows == 0:
                self.sheet.remark("there are no rows that could be counted")
                return
            if true is not None and len(true) != rows:
                self.sheet.remark(f"y has {len(true)} rows, and X has {rows}")
                return
            weight, refusal = weights_for(self.weight, rows)
            if refusal:
                self.sheet.remark(refusal)
                return
            case = Case(
                self.sheet,
                self.estimator,
                self.X,
                self.y,
                true,
                weight,
                self.labels,
                self.pos_label,
                self.budget,
                rows,
            )
            try:
                self.predictions = self._dispatch(case)
                self.rows = case.rows
            except Refused as refusal:
                self.sheet.remark(str(refusal))

    def _dispatch(self, case: Case) -> Predictions | None:
        if self.task in ("binary", "multiclass", "multilabel", "multioutput-classification"):
            return supervised.classifier(case, self.task)
        known = {
            "regression": supervised.regressor,
            "clustering": clustering.clusterer,
            "outlier": unsupervised.outliers,
            "density": unsupervised.density,
            "decomposition": unsupervised.decomposition,
        }
        return known.get(self.task, unsupervised.other)(case)


def weights_for(weight: Any, rows: int) -> tuple[Array | None, str | None]:
    """The sample weights as floats, or why they cannot be used. One number for all rows is as good as none."""
    if weight is None or np.isscalar(weight):
        return None, None
    array = as_array(weight)
    if array is None or array.shape != (rows,) or array.dtype.kind not in "biuf":
        return None, "the sample weights are not one number per row"
    array = array.astype(np.float64) if array.dtype != np.float32 else array
    if not np.isfinite(array).all():
        return None, "a sample weight is not finite"
    return array, None
