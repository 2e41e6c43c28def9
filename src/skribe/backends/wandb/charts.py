"""Curves, matrices and a search's candidates as W&B's own charts and tables.

W&B's functions for them want every label and every score; here are the finished points, so the same chart is made
from a table of them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from skribe.backends.wandb.content import typed
from skribe.records import Changes, Result

_CURVES = {
    "roc": ("fpr", "tpr", "ROC curve", "False positive rate", "True positive rate"),
    "precision_recall": ("recall", "precision", "Precision-recall curve", "Recall", "Precision"),
}
CANDIDATES = "candidates"
_RESULTS = "cv_results.csv"


class Picture(NamedTuple):
    """What becomes a chart or a table of W&B when `made`."""

    key: str  # roc/training, candidates
    kind: str
    content: Any  # as JSON can hold it

    @property
    def digest(self) -> str:
        """Equal for equal pictures."""
        text = json.dumps((self.key, self.content), default=str)
        return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()

    def made(self) -> Any:
        """What `run.log` takes."""
        import wandb

        if self.kind == CANDIDATES:
            return wandb.Table(columns=self.content[0], data=self.content[1], allow_mixed_types=True)
        title = f" of {self.key.partition('/')[2]}"
        if self.kind in _CURVES:
            x, y, name, *axes = _CURVES[self.kind]
            return _lines(self.content, (x, y), name + title, axes)
        return _confusion_matrix(self.content, f"Confusion matrix{title}")


def pictures_of(whole: Changes, folder: Path) -> list[Picture]:
    """The run's tables that W&B has a chart for, and the table of a search's candidates."""
    known = {"confusion_matrix", *_CURVES}
    found = [Picture(f"{one.name}/{one.data}", one.name, one.body) for one in whole.tables if one.name in known]
    candidates = _candidates(whole, folder)
    return found if candidates is None else [*found, Picture(CANDIDATES, CANDIDATES, candidates)]


def _confusion_matrix(body: Mapping[str, Any], title: str) -> Any:
    labels = [str(label) for label in body["labels"]]
    rows = [
        [actual, predicted, count]
        for actual, counts in zip(labels, body["counts"], strict=True)
        for predicted, count in zip(labels, counts, strict=True)
    ]
    names: list[Any] = ["Actual", "Predicted", "nPredictions"]
    return _plotted("wandb/confusion_matrix/v1", names, rows, {name: name for name in names}, {"title": title})


def _lines(body: Mapping[str, Any], columns: tuple[str, str], title: str, axes: list[str]) -> Any:
    x, y = columns
    rows = [
        [str(curve.get("class", curve.get("average"))), *point]
        for curve in body["curves"]
        if x in curve and y in curve
        for point in zip(curve[x], curve[y], strict=True)
    ]
    texts = {"title": title, "x-axis-title": axes[0], "y-axis-title": axes[1]}
    return _plotted("wandb/area-under-curve/v0", ["class", x, y], rows, {"x": x, "y": y, "class": "class"}, texts)


def _plotted(preset: str, names: list[Any], rows: list[Any], fields: dict[str, str], texts: dict[str, str]) -> Any:
    import wandb

    table = wandb.Table(columns=names, data=rows)
    return wandb.plot_table(vega_spec_name=preset, data_table=table, fields=fields, string_fields=texts)


def _candidates(whole: Changes, folder: Path) -> tuple[list[str], list[list[Any]]] | None:
    """Columns and rows, one for each candidate: what was chosen for it and its scores. None if there are none.

    From the search's own table `cv_results.csv`; a search that was killed has none, but has its results so far.
    """
    rows = _rows_of_file(folder / _RESULTS) if any(one.path == _RESULTS for one in whole.artifacts) else []
    rows = rows or _rows_of_results(whole)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return (names, [[row.get(name) for name in names] for row in rows]) if rows else None


def _rows_of_file(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                {name: _number(cell) for name, cell in row.items() if name and name != "params"}
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, csv.Error):
        return []


def _number(cell: str | None) -> Any:
    """The number that a cell stands for, else its text; None for an empty one."""
    try:
        number = float(cell or "nan")
    except ValueError:
        return cell
    return number if math.isfinite(number) else None


def _rows_of_results(whole: Changes) -> list[dict[str, Any]]:
    by_candidate: dict[int, list[Result]] = {}
    for result in whole.results:
        by_candidate.setdefault(result.candidate, []).append(result)
    return [
        {
            "candidate": candidate.name,
            **{f"param_{key}": _cell(typed(*value)) for key, value in candidate.params.items()},
            **_scores(by_candidate.get(candidate.number, [])),
        }
        for candidate in sorted(whole.candidates, key=lambda one: one.number)
    ]


def _scores(results: list[Result]) -> dict[str, float]:
    """Mean and deviation over the splits, under the names that `cv_results_` has."""
    numbers: dict[str, list[float]] = {}
    for result in results:
        for group in ("test", "train"):
            scores = result.body.get(group)
            by_scorer = scores if isinstance(scores, Mapping) else {"score": scores}
            for scorer, score in by_scorer.items():
                if isinstance(score, int | float):
                    numbers.setdefault(f"{group}_{scorer}", []).append(float(score))
        if result.fit_time is not None:
            numbers.setdefault("fit_time", []).append(result.fit_time)
    means = {f"mean_{name}": statistics.fmean(values) for name, values in numbers.items()}
    spread = {f"std_{name}": statistics.pstdev(values) for name, values in numbers.items() if name.startswith("test")}
    return means | spread


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
