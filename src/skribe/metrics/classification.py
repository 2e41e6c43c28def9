"""The metrics of binary and multiclass classifiers: one count of the predictions, one sort of the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skribe.metrics import ranking
from skribe.metrics.labels import Array, Codes, Space
from skribe.metrics.report import Sheet

# Above this many classes a table of all pairs costs more than three counts.
_TABLE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What is known of each row, in codes of `space`."""

    space: Space
    true: Codes
    pred: Codes | None
    proba: Array | None
    decision: Array | None
    weight: Array | None
    pos_label: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How often each class was right, was there, and was predicted (weighted if there are weights)."""

    right: Array
    true: Array
    pred: Array

    @property
    def total(self) -> float:
        return float(self.true.sum())


def count(true: Codes, pred: Codes, classes: int, weight: Array | None) -> Counts:
    """Count right, true and predicted rows per class."""
    if classes <= _TABLE:
        table = np.bincount(true * classes + pred, weights=weight, minlength=classes * classes)
        table = table.reshape(classes, classes).astype(np.float64, copy=False)
        return Counts(table.diagonal(), table.sum(axis=1), table.sum(axis=0))
    hit = true == pred
    kept = None if weight is None else weight[hit]
    found = [
        np.bincount(codes, weights=w, minlength=classes).astype(np.float64, copy=False)
        for codes, w in ((true[hit], kept), (true, weight), (pred, weight))
    ]
    return Counts(*found)


def ratio(part: Array, whole: Array) -> Array:
    """`part / whole`, and 0 where the whole is 0: scikit-learn's convention for precision, recall and F1."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole != 0)


def accuracy(counts: Counts) -> float:
    return float(counts.right.sum()) / counts.total


def write(sheet: Sheet, answers: Answers) -> None:
    """Write the metrics of a binary or multiclass classifier on the sheet."""
    if answers.pred is not None:
        counts = count(answers.true, answers.pred, len(answers.space), answers.weight)
        if counts.total == 0:
            sheet.remark("the sample weights sum to zero")
            return
        _averages(sheet, answers, counts)
        sheet.add("accuracy_score", accuracy(counts))
        sheet.add("balanced_accuracy_score", _balanced(counts))
        sheet.add("matthews_corrcoef", _matthews(counts))
    if answers.proba is not None:
        _of_probabilities(sheet, answers, answers.proba)
    elif answers.decision is not None and answers.space.columns == 2:
        positive = _positive(answers)
        score = -answers.decision if positive == 0 else answers.decision
        _of_ranking(sheet, answers, answers.decision, None if positive is None else score, positive)


def _averages(sheet: Sheet, answers: Answers, counts: Counts) -> None:
    names = ("precision_score", "recall_score", "f1_score")
    values = (
        ratio(counts.right, counts.pred),
        ratio(counts.right, counts.true),
        ratio(2 * counts.right, counts.true + counts.pred),
    )
    if answers.pos_label is None:
        share = counts.true / counts.total
        for name, value in zip(names, values, strict=True):
            sheet.add(name, float(np.dot(value, share)))
        return
    chosen, refusal = _of_pos_label(answers)
    for name, value in zip(names, values, strict=True):
        if refusal is None:
            sheet.add(name, 0.0 if chosen is None else float(value[chosen]))
        else:
            sheet.absent(name, refusal)


def _of_pos_label(answers: Answers) -> tuple[int | None, str | None]:
    """The code of `pos_label` and no refusal; no code if the label occurs nowhere; or why it cannot be used."""
    assert answers.pred is not None
    classes, label = answers.space.classes, answers.pos_label
    present = np.union1d(np.unique(answers.true), np.unique(answers.pred))
    if present.size > 2:
        return None, f"pos_label={label!r} asks for a binary target, and there are {present.size} classes"
    for code in present.tolist():
        if classes[code] == label:
            return code, None
    if present.size >= 2:
        return None, f"pos_label={label!r} is not one of the labels {classes[present].tolist()}"
    return None, None


def _balanced(counts: Counts) -> float:
    there = counts.true != 0
    return float((counts.right[there] / counts.true[there]).mean())


def _matthews(counts: Counts) -> float:
    total = counts.total
    joint = counts.right.sum() * total - np.dot(counts.true, counts.pred)
    pred = total**2 - np.dot(counts.pred, counts.pred)
    true = total**2 - np.dot(counts.true, counts.true)
    if pred * true == 0:
        return 0.0
    return float(joint / np.sqrt(pred * true))


def _of_probabilities(sheet: Sheet, answers: Answers, proba: Array) -> None:
    columns, names = answers.space.columns, ("log_loss", "roc_auc")
    if reason := _unusable(answers, proba):
        for name in (*names, *(("average_precision_score", "brier_score_loss") if columns == 2 else ())):
            sheet.absent(name, reason)
        return
    _log_loss(sheet, answers, proba)
    if columns == 2:
        positive = _positive(answers)
        score = None if positive is None else proba[:, positive]
        _of_ranking(sheet, answers, proba[:, 1], score, positive)
        _brier(sheet, answers, proba)
    else:
        _ovo(sheet, answers, proba)


def _positive(answers: Answers) -> int | None:
    """The column of the positive class: `pos_label`, or the second one; None if there is no such class."""
    if answers.pos_label is None:
        return 1
    matches = np.flatnonzero(answers.space.classes[:2] == answers.pos_label)
    return int(matches[0]) if matches.size else None


def _unusable(answers: Answers, proba: Array) -> str | None:
    if answers.space.columns < 2:
        return "there is only one class"
    if proba.ndim != 2 or proba.shape[1] != answers.space.columns:
        return f"predict_proba gave the shape {proba.shape} for {answers.space.columns} classes"
    if not np.isfinite(proba.sum()):
        return "predict_proba gave values that are not finite"
    if len(answers.space) > answers.space.columns and int(answers.true.max()) >= answers.space.columns:
        return "y holds labels that predict_proba has no column for"
    return None


def _log_loss(sheet: Sheet, answers: Answers, proba: Array) -> None:
    if proba.dtype != np.float64 or proba.min() < 0 or proba.max() > 1:
        # Here versions differ (precision of the sum, clipping or refusing): the installed one decides.
        from sklearn.metrics import log_loss

        labels = np.arange(answers.space.columns)
        sheet.ask("log_loss", log_loss, answers.true, proba, labels=labels, sample_weight=answers.weight)
        return
    if proba.shape[1] == 2:
        own = np.where(answers.true == 1, proba[:, 1], proba[:, 0])
    else:
        own = proba[np.arange(len(proba)), answers.true]
    tiny = np.finfo(np.float64).eps
    np.clip(own, tiny, 1 - tiny, out=own)
    np.log(own, out=own)
    sheet.add("log_loss", -mean(own, answers.weight))


def mean(values: Array, weight: Array | None) -> float:
    """The mean, weighted if there are weights."""
    if weight is None:
        return float(values.mean())
    return float(np.dot(values, weight) / weight.sum())


def _brier(sheet: Sheet, answers: Answers, proba: Array) -> None:
    score = proba[:, 1]
    if proba.dtype != np.float64 or score.min() < 0 or score.max() > 1 or np.ptp(answers.true) == 0:
        from sklearn.metrics import brier_score_loss

        if np.ptp(answers.true) == 0:
            sheet.absent("brier_score_loss", "only one class is present in y")
        else:
            weight = answers.weight
            sheet.ask("brier_score_loss", brier_score_loss, answers.true, score, sample_weight=weight, pos_label=1)
        return
    sheet.add("brier_score_loss", mean((answers.true - score) ** 2, answers.weight))


def _of_ranking(
    sheet: Sheet, answers: Answers, score: Array, positive_score: Array | None, positive: int | None
) -> None:
    """`roc_auc` of the second class, and the average precision of the positive one (the same, as a rule)."""
    if score.ndim != 1 or not (np.isfinite(score.min()) and np.isfinite(score.max())):
        sheet.absent("roc_auc", "the scores are not one finite number per row")
        return
    if len(answers.space) > 2 and int(answers.true.max()) > 1:
        sheet.absent("roc_auc", "y holds labels that the classifier does not know")
        return
    weight, true = answers.weight, answers.true
    if weight is not None and weight.min() <= 0:
        if weight.min() < 0:
            sheet.absent("roc_auc", "a sample weight is negative")
            return
        kept = weight != 0
        score, true, weight = score[kept], true[kept], weight[kept]
        positive_score = None if positive_score is None else positive_score[kept]
    found = ranking.areas(ranking.rank(score, true, 2, weight))
    missing = "only one class is present in y"
    _add_or(sheet, "roc_auc", found.roc_auc, missing)
    if positive_score is None:
        reason = f"pos_label={answers.pos_label!r} is not one of the classes"
        sheet.absent("average_precision_score", reason)
        return
    if positive == 0:
        found = ranking.areas(ranking.rank(positive_score, 1 - true, 2, weight))
    _add_or(sheet, "average_precision_score", found.average_precision, missing)


def _add_or(sheet: Sheet, name: str, value: float, reason: str) -> None:
    if np.isnan(value):
        sheet.absent(name, reason)
    else:
        sheet.add(name, value)


def _ovo(sheet: Sheet, answers: Answers, proba: Array) -> None:
    name, columns = "roc_auc", answers.space.columns
    counts = np.bincount(answers.true, minlength=columns)
    if answers.weight is not None:
        sheet.absent(name, "scikit-learn has no weighted one-versus-one roc_auc")
    elif not counts.all():
        sheet.absent(name, f"only {np.count_nonzero(counts)} of {columns} classes are present in y")
    else:
        rows = np.ascontiguousarray(proba.T)
        if not np.allclose(1, rows.sum(axis=0)):
            sheet.absent(name, "the probabilities of a row do not sum to one")
        else:
            sheet.add(name, ranking.one_versus_one(rows, answers.true, counts))
