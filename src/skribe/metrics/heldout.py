"""What a fitted model has said of rows with known targets, as an `Evaluation` that curves can be drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skribe.guard import attempt, hushed
from skribe.metrics import multilabel
from skribe.metrics.labels import Array, as_array, encode, flat_classes, recode, space_of
from skribe.metrics.report import Evaluation, Predictions
from skribe.metrics.task import inner, kind_of, task_of
from skribe.records import Note

_SCORES = ("predict_proba", "decision_function")


def evaluation_of(model: Any, y: Any, answers: Mapping[str, Any]) -> Evaluation | None:
    """The predictions of a fitted model beside the targets; None if they do not belong together.

    `answers` holds what the model has said of these rows, by the method that was asked. Nobody is asked again.
    """
    notes: list[Note] = []
    with hushed():
        return attempt("predictions", notes, _evaluation, model, y, answers)


def _evaluation(model: Any, y: Any, answers: Mapping[str, Any]) -> Evaluation | None:
    true = as_array(y)
    if true is None or not len(true):
        return None
    kind = kind_of(model)
    labels = encode(true) if kind == "classifier" and true.ndim == 1 else None
    task = task_of(kind, model, true, labels)
    if task == "regression":
        found = _regression(true, answers)
    elif task in ("binary", "multiclass") and labels is not None:
        found = _labelled(model, labels, answers)
    elif task == "multilabel":
        found = _multilabel(model, true, answers)
    else:
        return None
    return None if found is None else Evaluation((), (), task, len(true), found)


def _regression(true: Array, answers: Mapping[str, Any]) -> Predictions | None:
    pred = as_array(answers.get("predict"))
    if pred is None or pred.shape != true.shape:
        return None
    return Predictions(true, pred, None, None, None)


def _labelled(model: Any, labels: Any, answers: Mapping[str, Any]) -> Predictions | None:
    """One label for each row. The columns of scores are the classes that the model has been trained on."""
    columns = flat_classes(inner(model))
    if columns is not None and (columns.dtype.kind == "b") != (labels.classes.dtype.kind == "b"):
        return None  # yes and no to one class, asked of a model of several
    said = encode(answers["predict"]) if "predict" in answers else None
    space = space_of(columns, labels.classes, *([] if said is None else [said.classes]))
    if space is None:
        return None
    pred = None if said is None or said.codes.size != labels.codes.size else recode(said, space)
    score = None
    for method in _SCORES:
        score = _scores_by_class(answers.get(method), labels.codes.size, columns, len(space.classes))
        if score is not None:
            break
    if pred is None and score is None:
        return None
    return Predictions(recode(labels, space), pred, score, space.classes, None)


def _scores_by_class(said: Any, rows: int, columns: Array | None, classes: int) -> Array | None:
    """Scores with a column for each class of the label space; None where they have not."""
    values = as_array(said)
    if values is None or columns is None or len(values) != rows or values.dtype.kind != "f":
        return None
    if values.ndim == 1:
        return values if columns.size == 2 == classes else None
    if values.ndim != 2 or values.shape[1] != columns.size:
        return None
    # A class that was never trained has no scores.
    return values if classes == columns.size else None


def _multilabel(model: Any, true: Array, answers: Mapping[str, Any]) -> Predictions | None:
    pred = as_array(answers.get("predict"))
    pred = None if pred is None or pred.shape != true.shape else pred
    score = None
    for method in _SCORES:
        if method in answers and score is None:
            classes = getattr(inner(model), "classes_", None)
            score = multilabel.positive_scores(answers[method], classes, true.shape[1])
    return None if pred is None and score is None else Predictions(true, pred, score, None, None)
