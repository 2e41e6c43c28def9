"""Classifiers and regressors: which rows, which questions, which metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skribe.metrics import budget as budgets
from skribe.metrics import classification, multilabel, regression, scores
from skribe.metrics.inference import Refused, Responses, codes_from, rule_of
from skribe.metrics.labels import (
    Array,
    Labels,
    as_array,
    encode,
    flat_classes,
    recode,
    space_of,
)
from skribe.metrics.report import Predictions, Sheet
from skribe.metrics.rows import take_rows
from skribe.metrics.task import draws_at_random, has_unlabelled
from skribe.records import Metric


@dataclass(slots=True)
class Case:
    """One evaluation: what was asked for, and the sheet the answers go on."""

    sheet: Sheet
    estimator: Any
    X: Any
    y: Any
    true: Array | None
    weight: Array | None
    labels: Labels | None
    pos_label: Any
    budget: float | None
    rows: int
    responses: Responses | None = None
    spent: float = 0.0

    def settle(self, rows: NDArray[np.intp] | None, methods: list[str], metric_ns: float) -> Responses:
        """Choose the rows that fit the budget, and keep to them from here on."""
        chosen = budgets.plan(
            self.estimator, self.X, self.rows if rows is None else rows, methods, metric_ns, self.budget
        )
        self.spent = chosen.spent
        if chosen.rows is not None:
            self._keep(chosen.rows)
        if chosen.remark:
            self.sheet.metrics.append(Metric(self.sheet.subject + ".rows", float(self.rows)))
            self.sheet.remark(chosen.remark)
        self.responses = Responses(self.estimator, self.X, self.rows)
        return self.responses

    def _keep(self, rows: NDArray[np.intp]) -> None:
        self.X, self.y = take_rows(self.X, rows), take_rows(self.y, rows)
        self.true = None if self.true is None else self.true[rows]
        self.weight = None if self.weight is None else self.weight[rows]
        if self.labels is not None:
            codes = self.labels.codes[rows]
            self.labels = Labels(self.labels.classes, codes, np.bincount(codes, minlength=self.labels.classes.size))
        self.rows = int(rows.size)

    def permitted(self) -> bool:
        """Whether one more pass, as long as those so far, stays within the budget."""
        seconds = 0.0 if self.responses is None else self.responses.seconds
        return self.budget is None or self.rows <= budgets.SMALL or self.spent + 2 * seconds <= self.budget


def classifier(case: Case, task: str) -> Predictions | None:
    """Evaluate a classifier. None if there is nothing to show."""
    if reason := draws_at_random(case.estimator):
        case.sheet.remark(reason)
        return None
    if case.true is None:
        case.sheet.remark("there is no y to compare with")
        return None
    if case.true.ndim == 2:
        return _several_outputs(case, task)
    if case.labels is None or case.labels.codes.size != case.rows:
        case.sheet.remark("y is not one label per row that scikit-learn could compare (text or whole numbers)")
        return None
    return _one_label(case, _labelled(case))


def _labelled(case: Case) -> NDArray[np.intp] | None:
    """The rows that have a label, where some have none; None where all have."""
    assert case.labels is not None
    assert case.true is not None
    classes = case.labels.classes
    if case.true.dtype.kind not in "iuf" or -1 not in classes or not has_unlabelled(case.estimator):
        return None
    missing = int(np.flatnonzero(classes == -1)[0])
    rows = np.flatnonzero(case.labels.codes != missing)
    case.sheet.remark(f"evaluated on the {rows.size} rows that have a label: -1 says that a row has none")
    codes = case.labels.codes
    kept = np.delete(np.arange(classes.size), missing)
    table = np.full(classes.size, -1, dtype=np.intp)
    table[kept] = np.arange(kept.size)
    case.labels = Labels(classes[kept], table.take(codes), case.labels.counts[kept])
    return rows


def _one_label(case: Case, rows: NDArray[np.intp] | None) -> Predictions | None:
    columns = flat_classes(case.estimator)
    asking = Responses(case.estimator, case.X, case.rows)
    proba = asking.offers("predict_proba") and columns is not None
    rule = rule_of(case.estimator) if proba else None
    methods = (["predict_proba"] if proba else []) + ([] if rule else ["predict"])
    binary = columns is not None and columns.size == 2
    if not proba and binary and asking.offers("decision_function"):
        methods.append("decision_function")
    number = max(2 if columns is None else columns.size, 2)
    each = budgets.BINARY + (0 if number <= 2 else budgets.PER_CLASS * number)
    responses = case.settle(rows, methods, each)
    answers = _answers(case, responses, columns, rule, methods)
    if answers is None:
        return None
    classification.write(case.sheet, answers)
    _score_of_classifier(case, responses, answers)
    score = answers.proba if answers.proba is not None else answers.decision
    return Predictions(answers.true, answers.pred, score, answers.space.classes, case.weight)


def _answers(
    case: Case, responses: Responses, columns: Array | None, rule: str | None, methods: list[str]
) -> classification.Answers | None:
    assert case.labels is not None
    proba = decision = pred = None
    if "predict_proba" in methods:
        proba = _floats(case, responses, "predict_proba", ("log_loss", "roc_auc"))
    if "decision_function" in methods:
        decision = _floats(case, responses, "decision_function", ("roc_auc",))
    if rule and proba is not None and columns is not None:
        pred = codes_from(responses, proba, rule, columns.size)
    said = None
    if pred is None:
        try:
            said = encode(responses.ask("predict"))
        except Refused as refusal:
            case.sheet.remark(str(refusal))
            return None
        if said is None:
            case.sheet.remark("predict gave something else than one label per row")
            return None
    space = space_of(columns, case.labels.classes, *([] if said is None else [said.classes]))
    if space is None:
        case.sheet.remark("the labels in y and the predicted labels are of different types (text and numbers)")
        return None
    if said is not None:
        pred = recode(said, space)
    true = recode(case.labels, space)
    return classification.Answers(space, true, pred, proba, decision, case.weight, case.pos_label)


def _floats(case: Case, responses: Responses, method: str, metrics: tuple[str, ...]) -> Array | None:
    try:
        answer = as_array(responses.ask(method))
        if answer is not None and answer.dtype.kind in "biu":
            answer = answer.astype(np.float64)
        if answer is not None and answer.dtype.kind == "f":
            return answer if answer.ndim == 2 or method != "predict_proba" else answer[:, None]
        reason = f"{method} gave something else than numbers"
    except Refused as refusal:
        reason = str(refusal)
    for name in metrics:
        case.sheet.absent(name, reason)
    return None


def _score_of_classifier(case: Case, responses: Responses, answers: classification.Answers) -> None:
    def standard(how: str, weight: Array | None) -> float | None:
        if how != "accuracy" or answers.pred is None:
            return None
        return classification.mean((answers.true == answers.pred).astype(np.float64), weight)

    def labels() -> Any:
        if answers.pred is None:
            return None
        return np.asarray(responses.estimator.classes_).take(answers.pred)

    known = scores.Known(standard, labels)
    _write_score(case, responses, known)


def _write_score(case: Case, responses: Responses, known: scores.Known) -> None:
    # The reason why a rule cannot be read off is the estimator's, so it is written down like any other.
    try:
        scores.write(case.sheet, case.estimator, responses, case.y, case.weight, known, permitted=case.permitted())
    except Exception as error:  # noqa: BLE001
        case.sheet.absent("score", str(error))


def _several_outputs(case: Case, task: str) -> Predictions | None:
    assert case.true is not None
    outputs = case.true.shape[1]
    asking = Responses(case.estimator, case.X, case.rows)
    method = next((m for m in ("predict_proba", "decision_function") if asking.offers(m)), None)
    methods = ["predict", *([method] if method and task == "multilabel" else [])]
    responses = case.settle(None, methods, budgets.OUTPUT * outputs)
    assert case.true is not None
    pred: Array | None = None
    try:
        pred = as_array(responses.ask("predict"))
    except Refused as refusal:
        case.sheet.remark(str(refusal))
    if pred is not None and pred.shape != case.true.shape:
        case.sheet.remark(f"predict gave the shape {pred.shape} for a target of the shape {case.true.shape}")
        pred = None
    score = None
    if task == "multilabel":
        if method is not None:
            score = _label_scores(case, responses, method, outputs)
        multilabel.write(case.sheet, case.true, pred, score, case.weight)
    else:
        multilabel.write_outputs(case.sheet, case.true, pred, case.weight)
    _score_of_outputs(case, responses, task, pred)
    return Predictions(case.true, pred, score, None, case.weight)


def _label_scores(case: Case, responses: Responses, method: str, outputs: int) -> Array | None:
    names = ("roc_auc", "average_precision_score")
    try:
        found = multilabel.positive_scores(responses.ask(method), getattr(case.estimator, "classes_", None), outputs)
        if found is not None:
            return found
        reason = f"{method} gave no column per label"
    except Refused as refusal:
        reason = str(refusal)
    for name in names:
        case.sheet.absent(name, reason)
    return None


def _score_of_outputs(case: Case, responses: Responses, task: str, pred: Array | None) -> None:
    def standard(how: str, weight: Array | None) -> float | None:
        if pred is None or case.true is None:
            return None
        if how == "accuracy" and task != "multilabel":
            case.sheet.absent(
                "score", "scikit-learn's accuracy is not defined for several outputs with several classes"
            )
            return None
        return multilabel.subset_accuracy(case.true, pred, weight)

    _write_score(case, responses, scores.Known(standard, lambda: None))


def regressor(case: Case) -> Predictions | None:
    """Evaluate a regressor. None if there is nothing to show."""
    if case.true is None:
        case.sheet.remark("there is no y to compare with")
        return None
    outputs = case.true.shape[1] if case.true.ndim == 2 else 1
    responses = case.settle(None, ["predict"], budgets.REGRESSION * outputs)
    try:
        pred = as_array(responses.ask("predict"))
    except Refused as refusal:
        case.sheet.remark(str(refusal))
        return None
    true = _numbers(case.true)
    if pred is None or true is None:
        case.sheet.remark("the target or the predictions are not numbers")
        return None
    regression.write(case.sheet, true, pred, case.weight)
    _score_of_regressor(case, responses, true, pred)
    return Predictions(true, pred, None, None, case.weight)


def _numbers(values: Array) -> Array | None:
    if values.dtype.kind != "O":
        return values
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _score_of_regressor(case: Case, responses: Responses, true: Array, pred: Array) -> None:
    known_r2 = next((m.value for m in case.sheet.metrics if m.key == case.sheet.prefix + "r2_score"), None)

    def standard(how: str, weight: Array | None) -> float | None:
        if how != "r2" or known_r2 is None:
            return None
        return known_r2 if weight is case.weight else regression.score(true, pred, weight)

    _write_score(case, responses, scores.Known(standard, lambda: None))
