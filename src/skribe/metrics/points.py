"""What there is to draw of predictions: curves, tables and clouds, as data that `json.dumps` takes.

They are made from the arrays the metrics were computed from, so nobody is asked again, and scores are sorted once
for all their curves. Areas and averages are those of all rows; what is too many to draw is thinned, never smoothed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.guard import attempt, hushed
from skribe.metrics import points_of_labels as tables
from skribe.metrics import points_of_scores as scores
from skribe.metrics import points_of_values as values
from skribe.metrics.labels import Array
from skribe.metrics.report import Evaluation, Predictions
from skribe.records import Note

_CLASSES = 20
_CALIBRATED = 10
_TABLE = 100
_OUTPUTS = 10
# Up to so many scores, those of all classes are sorted together once more.
_MICRO = 2_000_000
_SUMS = 1e-6


def curves_of(evaluation: Evaluation, *, pos_label: Any = None) -> dict[str, Any]:
    """What there is to draw of an evaluation's predictions, ready for `json.dumps`; empty if there is nothing.

    Of a classifier `confusion_matrix`, `class_report`, `roc`, `precision_recall` and `calibration`; of a regressor
    `residuals`, `predicted_vs_actual` and `qq`. Where there are several curves (one for each class against the
    rest, each label, each output), a view holds them as a list. `docs/plots.md` says what each of them holds.
    `absent` says why something is missing.
    """
    found: dict[str, Any] = {}
    notes: list[Note] = []
    given = evaluation.predictions
    if given is not None and given.y_true is not None:
        with hushed(), np.errstate(all="ignore"):
            if evaluation.task == "regression":
                attempt("residuals", notes, _add_values, found, notes, given)
            elif evaluation.task in ("binary", "multiclass", "multilabel"):
                attempt("confusion_matrix", notes, _add_tables, found, notes, given)
                attempt("roc", notes, _Curves(found, notes, given, pos_label).add)
    if notes:
        found["absent"] = {note.what: note.reason for note in notes}
    return found


def _add_values(found: dict[str, Any], notes: list[Note], given: Predictions) -> None:
    true, pred = given.y_true, given.y_pred
    if true is None or pred is None or true.shape != pred.shape or not true.size:
        return
    true, pred = (array.astype(np.float64).reshape(len(array), -1) for array in (true, pred))
    for output in range(min(true.shape[1], _OUTPUTS)):
        # Another layout would have numpy add in another order, and the last digit differ.
        own = [np.ascontiguousarray(array[:, output]) for array in (true, pred)]
        if not np.isfinite(own[0] - own[1]).all():
            notes.append(Note(_of_output("residuals", output, true), "the residuals are not finite"))
            continue
        for name, view in values.views_of(*own).items():
            found.setdefault(name, {"outputs": []})["outputs"].append({"output": output, **view})
    if true.shape[1] > _OUTPUTS:
        notes.append(Note("residuals", f"drawn for the first {_OUTPUTS} of {true.shape[1]} outputs"))


def _of_output(name: str, output: int, true: Array) -> str:
    return name if true.shape[1] == 1 else f"{name}.{output}"


def _add_tables(found: dict[str, Any], notes: list[Note], given: Predictions) -> None:
    true, pred, classes = given.y_true, given.y_pred, given.classes
    if true is None or pred is None or not len(true) or true.shape != pred.shape:
        return
    size = true.shape[1] if classes is None else len(classes)
    if size > _TABLE:
        notes.append(Note("confusion_matrix", f"a table of {size} by {size} classes is not drawn"))
        notes.append(Note("class_report", f"a table of {size} classes is not drawn"))
    elif classes is None:
        found["class_report"] = tables.report_of_several(true.astype(bool), pred.astype(bool), given.weight)
    else:
        there, table = tables.confusion_of(true, pred, classes, given.weight)
        labels = there.tolist()
        found["confusion_matrix"] = {"labels": labels, "counts": table.tolist()}
        found["class_report"] = tables.report_of(labels, table)


class _Curves:
    """The curves of the scores of one evaluation, and the notes on those that are missing."""

    def __init__(self, found: dict[str, Any], notes: list[Note], given: Predictions, pos_label: Any) -> None:
        self.found, self.notes, self.given, self.pos_label = found, notes, given, pos_label
        self.names: list[Any] = []

    def add(self) -> None:
        true, score, classes, weight = self.given.y_true, self.given.y_score, self.given.classes, self.given.weight
        if true is None or score is None or not len(true):
            return
        if weight is not None and weight.min() < 0:
            self.note("roc", "a sample weight is negative")
            return
        self.names = list(range(true.shape[1])) if classes is None else classes.tolist()
        if score.ndim == 2 and score.shape[1] != len(self.names):
            self.note("roc", f"there are {score.shape[1]} columns of scores for {len(self.names)} classes")
            return
        chosen = self._chosen(true)
        calibrated = self._are_probabilities(score, true)
        if not calibrated:
            self.note("calibration", "the scores are not probabilities")
        elif len(chosen) > _CALIBRATED:
            self.note("calibration", f"it is drawn for up to {_CALIBRATED} classes, and there are {len(self.names)}")
        several = true.ndim == 2 or len(self.names) > 2
        for code in chosen:
            column = score[:, code] if score.ndim == 2 else score if code == 1 else -score
            if score.ndim == 1 and code == 0 and calibrated:
                column = 1 - score
            positive = true[:, code].astype(bool) if true.ndim == 2 else true == code
            if np.isfinite(column).all():
                self._add(self.names[code], column, positive, calibrated and len(chosen) <= _CALIBRATED)
            else:
                self.note(f"roc.{self.names[code]}", "the scores are not finite")
        if several and len(chosen) > 1:
            self._add_averages(true, score)

    def note(self, what: str, reason: str) -> None:
        self.notes.append(Note(what, reason))

    def _chosen(self, true: Array) -> list[int]:
        """The codes of the classes to draw: the positive one of two, or all, or the most frequent."""
        names = self.names
        if self.given.classes is not None and len(names) == 2:
            wanted = names[1] if self.pos_label is None else self.pos_label
            chosen = [code for code in (0, 1) if names[code] == wanted]
            if not chosen:
                self.note("roc", f"pos_label={self.pos_label!r} is not one of the classes")
            return chosen
        if len(names) <= _CLASSES:
            return list(range(len(names)))
        support = true.sum(axis=0) if true.ndim == 2 else np.bincount(true, minlength=len(names))
        self.note("roc", f"drawn for the {_CLASSES} most frequent of {len(names)} classes")
        return sorted(np.argsort(-support, kind="stable")[:_CLASSES].tolist())

    def _are_probabilities(self, score: Array, true: Array) -> bool:
        if score.ndim == 1 or not (score.min() >= 0 and score.max() <= 1):
            return False  # one number for each row is a decision
        # Adding two columns is several times faster than asking for the sum of each row.
        sums = score[:, 0] + score[:, 1] if score.shape[1] == 2 else score.sum(axis=1)
        return true.ndim == 2 or bool((np.abs(sums - 1) < _SUMS).all())

    def _add(self, name: Any, score: Array, positive: scores.Flags, calibrated: bool) -> None:
        steps = scores.steps_of(score, positive, self.given.weight)
        if not steps.both:
            self.note(f"roc.{name}", "only one class is present in y")
            return
        told = {"class": name}
        self._put("roc", told | scores.roc(steps))
        self._put("precision_recall", told | scores.precision_recall(steps))
        if calibrated:
            self._put("calibration", told | scores.calibration(steps))

    def _put(self, name: str, curve: dict[str, Any]) -> None:
        self.found.setdefault(name, {"curves": []})["curves"].append(curve)

    def _add_averages(self, true: Array, score: Array) -> None:
        """Both averages are defined by all classes, so there are none where one has no curve."""
        drawn = self.found.get("roc", {"curves": []})["curves"]
        if len(drawn) < len(self.names):
            if len(self.names) <= _CLASSES:
                self.note("roc.average", "a class has no curve")
            return
        macro = float(np.mean([curve["average_precision"] for curve in self.found["precision_recall"]["curves"]]))
        self.found["precision_recall"]["macro_average_precision"] = macro
        mean = scores.macro_roc(drawn)
        if score.size <= _MICRO:
            positive = true.astype(bool) if true.ndim == 2 else true[:, None] == np.arange(len(self.names))
            weight = None if self.given.weight is None else np.repeat(self.given.weight, len(self.names))
            steps = scores.steps_of(score.ravel(), positive.ravel(), weight)
            self._put("roc", {"average": "micro", **scores.roc(steps)})
            self._put("precision_recall", {"average": "micro", **scores.precision_recall(steps)})
        else:
            self.note("roc.micro", f"there are more than {_MICRO} scores")
        self._put("roc", {"average": "macro", **mean})
