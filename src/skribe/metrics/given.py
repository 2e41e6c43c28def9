"""The metrics of predictions that are given: what `cross_val_predict` returned for every row.

Each row was predicted by a model that had not seen it, so these are no metrics of one model, and nobody needs to be
asked anything: the keys and the rules are those of `evaluate`, the numbers those of scikit-learn's functions for
exactly these arrays. Where the labels do not surely follow from the scores, the metrics of labels are absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.guard import attempt, hushed
from skribe.metrics import classification, multilabel, regression
from skribe.metrics.classification import Answers
from skribe.metrics.evaluate import weights_for
from skribe.metrics.inference import rule_of
from skribe.metrics.labels import Array, Labels, as_array, encode, recode, space_of
from skribe.metrics.report import Evaluation, Predictions, Sheet
from skribe.metrics.rows import count_rows
from skribe.metrics.task import has_unlabelled, is_exactly, is_pipeline, is_search, kind_of, task_of
from skribe.metrics.untouched import watched

# Their `predict` is, in their own source, the sign or the arg-max of their `decision_function`.
_LINEAR = frozenset({
    "LogisticRegression", "LogisticRegressionCV", "RidgeClassifier", "RidgeClassifierCV", "SGDClassifier",
    "Perceptron", "PassiveAggressiveClassifier", "LinearSVC", "LinearDiscriminantAnalysis",
})  # fmt: skip
# How these answer depends on what they found while they were fitted, and the fitted ones are gone.
_FITTED = frozenset({"SelfTrainingClassifier", "FrozenEstimator", "StackingClassifier", "KNeighborsClassifier"})
# The values that predict compares were the same that became these probabilities, so only rounding can make a tie.
_NEAR, _NEAR_32 = 1e-12, 1e-5
_SUMS = 1e-6  # scikit-learn's log_loss takes the square root of the precision, about 1.5e-8, for float64


def evaluate_predictions(
    estimator: Any,
    y: Any,
    response: Any,
    method: str,
    *,
    weight: Any = None,
    pos_label: Any = None,
    labels: Labels | None = None,
    prefix: str = "cv_",
) -> Evaluation:
    """The metrics of `response`, which `cross_val_predict(estimator, X, y, method=method)` returned.

    `labels` is `encode(y)`, if that is at hand. No prediction is made: of the estimator only its kind is asked and
    its class is read. What is undefined is absent with a note; it never raises. `points.curves_of` draws on it.
    """
    given = _Given(Sheet(prefix), estimator, y, response, method, weight, pos_label, labels)
    with hushed(), np.errstate(all="ignore"):
        attempt(given.sheet.subject, given.sheet.notes, given.evaluate)
    return Evaluation(tuple(given.sheet.metrics), tuple(given.sheet.notes), given.task, given.rows, given.predictions)


class _Given:
    """One evaluation of given predictions; its attributes hold what is known so far, even if the rest fails."""

    def __init__(
        self,
        sheet: Sheet,
        estimator: Any,
        y: Any,
        response: Any,
        method: str,
        weight: Any,
        pos_label: Any,
        labels: Labels | None,
    ) -> None:
        self.sheet, self.estimator, self.y, self.response, self.method = sheet, estimator, y, response, method
        self.weight, self.pos_label, self.labels = weight, pos_label, labels
        self.task = "unknown"
        self.rows: int | None = None
        self.predictions: Predictions | None = None

    def evaluate(self) -> None:
        if (spy := watched(self.estimator)) is not None:
            self.sheet.remark(spy)
            return
        kind = kind_of(self.estimator)
        if kind in (None, "transformer") and self.method in ("predict_proba", "predict_log_proba"):
            kind = "classifier"  # A class that tells its kind to nobody, and not until it is fitted.
        true = None if self.y is None else as_array(self.y)
        if kind == "classifier" and self.labels is None and true is not None and true.ndim == 1:
            self.labels = encode(true)
        self.task = task_of(kind, None, true, self.labels)
        parts = self.response if isinstance(self.response, list) else [self.response]
        rows = count_rows(parts[0]) if parts else None
        if not rows or any(count_rows(part) != rows for part in parts):
            self.sheet.remark("there are no rows of predictions that could be counted")
            return
        if self.task == "outlier" and self.method == "predict":
            self._outliers()
            return
        if self.task not in ("binary", "multiclass", "multilabel", "multioutput-classification", "regression"):
            self.sheet.remark("it is neither a classifier nor a regressor: its out-of-fold predictions have no metric")
            return
        if true is None or len(true) != rows:
            found = "no y to compare with" if true is None else f"{rows} predictions, and y has {len(true)} rows"
            self.sheet.remark(f"there is {found}" if true is None else f"there are {found}")
            return
        self.weight, refusal = weights_for(self.weight, rows)
        if refusal is None and self.weight is not None and self.weight.sum() == 0:
            refusal = "the sample weights sum to zero"
        if refusal:
            self.sheet.remark(refusal)
            return
        self.rows = rows
        if self.task == "regression":
            self._regression(true)
        elif true.ndim == 2:
            self._several_outputs(true)
        else:
            self._one_label(true)

    def _outliers(self) -> None:
        answer = as_array(self.response)
        if answer is not None and answer.ndim == 1:
            self.rows = len(answer)
            self.sheet.add("outlier_fraction", np.mean(answer == -1))
            self.predictions = Predictions(None, answer, None, None, None)

    def _regression(self, true: Array) -> None:
        pred = as_array(self.response)
        if self.method != "predict" or pred is None:
            self.sheet.remark(f"of what {self.method} gives for a regressor there is no metric")
            return
        true, pred = (array.astype(np.float64) if array.dtype.kind == "O" else array for array in (true, pred))
        regression.write(self.sheet, true, pred, self.weight)
        self.predictions = Predictions(true, pred, None, None, self.weight)

    def _several_outputs(self, true: Array) -> None:
        pred = score = None
        if self.method == "predict":
            pred = as_array(self.response)
            if pred is None or pred.shape != true.shape:
                self.sheet.remark(f"predict gave something else than the shape {true.shape} of the target")
                return
            if self.task == "multilabel" and not multilabel.is_indicator(pred):
                self.sheet.remark("predict gave something else than yes or no to each label")
                return
        elif self.task == "multilabel" and self.method in ("predict_proba", "decision_function"):
            classes = [np.unique(column) for column in true.T]
            score = multilabel.positive_scores(self.response, classes, true.shape[1])
        if pred is None and score is None:
            self.sheet.remark(f"of what {self.method} gives for several outputs there is no metric")
            return
        if self.task == "multilabel":
            multilabel.write(self.sheet, true, pred, score, self.weight)
        else:
            multilabel.write_outputs(self.sheet, true, pred, self.weight)
        self.predictions = Predictions(true, pred, score, None, self.weight)
        if pred is None:
            self._without_labels()

    def _without_labels(self) -> None:
        self.sheet.remark(f"which labels would be predicted does not surely follow from {self.method}")

    def _one_label(self, true: Array) -> None:
        if self.labels is None or self.labels.codes.size != len(true):
            self.sheet.remark("y is not one label per row that scikit-learn could compare (text or whole numbers)")
            return
        if not self._all_labelled(true):
            return
        answers = self._of_labels(self.labels) if self.method == "predict" else self._of_scores(self.labels)
        if answers is None:
            return
        if self.method == "predict_log_proba":
            self._of_logarithms(answers)
        else:
            classification.write(self.sheet, answers)
        if answers.pred is None:
            self._without_labels()
        score = answers.proba if answers.proba is not None else answers.decision
        self.predictions = Predictions(answers.true, answers.pred, score, answers.space.classes, self.weight)

    def _all_labelled(self, true: Array) -> bool:
        """Whether all rows have a label. Those that have none (-1, semi-supervised) are left out of labels only."""
        assert self.labels is not None
        if true.dtype.kind not in "iuf" or -1 not in self.labels.classes:
            return True
        if not has_unlabelled(_final(self.estimator)[0]):
            return True
        if self.method != "predict":
            self.sheet.remark("-1 says that a row has no label, and cross_val_predict trains on it as on any class")
            return False
        kept = true != -1
        answer = as_array(self.response)
        self.labels = encode(true[kept])
        if answer is None or self.labels is None or not kept.any():
            self.sheet.remark("no row has a label: -1 says that a row has none")
            return False
        self.response, self.rows = answer[kept], int(kept.sum())
        self.weight = None if self.weight is None else self.weight[kept]
        self.sheet.remark(f"evaluated on the {self.rows} rows that have a label: -1 says that a row has none")
        return True

    def _of_labels(self, labels: Labels) -> Answers | None:
        said = encode(self.response)
        space = None if said is None else space_of(None, labels.classes, said.classes)
        if said is None:
            self.sheet.remark("predict gave something else than one label per row")
        elif space is None:
            self.sheet.remark("the labels in y and the predicted labels are of different types (text and numbers)")
        else:
            pred = recode(said, space)
            return Answers(space, recode(labels, space), pred, None, None, self.weight, self.pos_label)
        return None

    def _of_scores(self, labels: Labels) -> Answers | None:
        """Scores have one column per class of all of `y`, sorted; for decisions between two classes a single one."""
        space, values = space_of(labels.classes), as_array(self.response)
        if space is None or values is None or values.dtype.kind not in "biuf":
            self.sheet.remark(f"{self.method} gave something else than numbers")
            return None
        values = values.astype(np.float64) if values.dtype.kind != "f" else values
        codes, pred = labels.codes, self._derived(values, len(space))
        if self.method != "decision_function":
            proba = values[:, np.newaxis] if values.ndim == 1 else values
            return Answers(space, codes, pred, proba, None, self.weight, self.pos_label)
        names = ("roc_auc", "average_precision_score") if len(space) == 2 else ("roc_auc",)
        if len(space) != 2 or values.ndim != 1:
            reason = "scikit-learn defines it for decisions between two classes, one number per row"
            for name in names:
                self.sheet.absent(name, reason)
        shaped = values.ndim == (1 if len(space) == 2 else 2) and self._by_class(values, len(space))
        return Answers(space, codes, pred, None, values if shaped else None, self.weight, self.pos_label)

    def _by_class(self, values: Array, classes: int) -> bool:
        """Whether the columns are one per class. Of three classes there are as many pairs, which SVC may give."""
        if classes == 2 or values.shape[1] != classes or classes > 3:
            return classes == 2 or values.shape[1] == classes
        final, sure = _final(self.estimator)
        held = getattr(final, "__dict__", {})
        return sure and held.get("decision_function_shape", "ovr") == "ovr"

    def _derived(self, values: Array, classes: int) -> Array | None:
        """What `predict` would have said, as codes; None where that cannot be known."""
        final, sure = _final(self.estimator)
        if not sure or is_exactly(final, _FITTED) or "predict" in getattr(self.estimator, "__dict__", {}):
            return None
        if self.method == "decision_function":
            if not is_exactly(final, _LINEAR) or "predict" in vars(final) or not np.isfinite(values).all():
                return None
            if values.ndim == 1:
                return (values > 0).astype(np.intp) if classes == 2 else None
            return np.asarray(values.argmax(axis=1)) if values.shape[1] == classes > 2 else None
        rule = rule_of(final)
        if self.method == "predict_log_proba":
            values, rule = np.exp(values), rule and "monotone"
        # A row without any probability could have been given any class of its own fold, and that is not known here.
        if rule is None or values.ndim != 2 or not np.isfinite(values).all() or not (values.max(axis=1) > 0).all():
            return None
        if values.shape[1] != classes or classes < 2:
            return None
        return np.asarray(values.argmax(axis=1)) if rule == "argmax" else _clearly_best(values)

    def _of_logarithms(self, answers: Answers) -> None:
        """Logarithms rank as probabilities do; back to probabilities only where nothing is lost on the way."""
        from sklearn.metrics import log_loss

        assert answers.proba is not None
        logs, columns, weight = answers.proba, answers.space.columns, answers.weight
        proba = np.exp(logs)
        two = columns == 2 and logs.shape[1] == 2
        ranked = Answers(answers.space, answers.true, answers.pred, None, logs[:, 1] if two else None, weight,
                         answers.pos_label)  # fmt: skip
        classification.write(self.sheet, ranked)
        if columns < 2 or logs.shape[1] != columns or not (np.abs(proba.sum(axis=1) - 1) < _SUMS).all():
            self.sheet.absent("log_loss", "the exponentials of predict_log_proba are not one distribution per row")
        else:
            np.minimum(proba, 1, out=proba)
            codes = np.arange(columns)
            self.sheet.ask("log_loss", log_loss, answers.true, proba, labels=codes, sample_weight=weight)
        for name in ("brier_score_loss",) if columns == 2 else ("roc_auc",):
            self.sheet.absent(name, "it is defined for probabilities, and predict_log_proba gave their logarithms")


def _clearly_best(proba: Array) -> Array | None:
    """The column of the highest probability; None if rounding may have decided anywhere which that is."""
    if proba.shape[1] == 2:
        gap = np.abs(proba[:, 1] - proba[:, 0])
    else:
        two = np.partition(proba, -2, axis=1)[:, -2:]
        gap = two[:, 1] - two[:, 0]
    return np.asarray(proba.argmax(axis=1)) if gap.min() > (_NEAR if proba.dtype == np.float64 else _NEAR_32) else None


def _final(estimator: Any) -> tuple[Any, bool]:
    """The last step that answers, and whether its class is sure: a search may put another one in its place."""
    sure = True
    for _ in range(16):
        values = getattr(estimator, "__dict__", {})
        if is_search(estimator):
            following, sure = values.get("estimator"), False
        elif is_pipeline(estimator) and values.get("steps"):
            following = values["steps"][-1][1]
        else:
            break
        if following is None or isinstance(following, str):
            break
        estimator = following
    return estimator, sure and str(type(estimator).__module__).startswith("sklearn.")
