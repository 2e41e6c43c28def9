"""Sample `Changes`, as the recorder writes them: whole runs, and the pieces in which a run grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skribe.records import (
    Candidate,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Kind,
    Metric,
    Note,
    Param,
    Result,
    Start,
    Status,
    Table,
    Warned,
    new_id,
)

__all__ = ["BEGAN", "a_child", "a_failure", "a_run", "a_search", "an_end", "curve", "new_id", "tables_of_a_classifier"]

# When all samples begin, in Unix seconds: an instant that every backend can write down.
BEGAN = 1_760_000_000.0


def a_run(
    run: str | None = None,
    *,
    name: str = "LogisticRegression",
    kind: Kind = "fit",
    parent: str | None = None,
    experiment: str = "contract",
    end: Status | None = "finished",
    params: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Changes:
    """A fit as it is when it has ended, all in one; with `end=None`, as it is while it goes on."""
    chosen: Mapping[str, Any] = {"C": 0.5, "fit_intercept": True, "solver": "lbfgs", "class_weight": None}
    given = chosen if params is None else params
    numbers = {"training_accuracy_score": 0.97, "training_log_loss": 0.125} if metrics is None else metrics
    return Changes(
        run=run or new_id(),
        start=Start(experiment, name, kind, BEGAN, parent, name, f"sklearn.linear_model.{name}"),
        params=tuple(Param(key, str(value), _type(value)) for key, value in given.items()),
        metrics=tuple(Metric(key, value, None, BEGAN + 1) for key, value in numbers.items()),
        tags={"estimator_name": name, "team": "risk"},
        facts=(Fact("n_iter_", "12", "int"),),
        notes=(Note("training_roc_auc", "it gives no probabilities"),),
        warnings=(Warned("sklearn.exceptions.ConvergenceWarning", "lbfgs failed to converge", "train.py", 3),),
        datasets=(Dataset("train", "X_train", "numpy", (150, 4), "0011aabb", {"dtype": "float64"}),),
        end=None if end is None else an_end(end),
    )


def a_child(parent: str, number: int = 0, *, run: str | None = None, end: Status | None = "finished") -> Changes:
    """A candidate of a search: a run with a parent, and a score for each split."""
    child = a_run(run, name=f"C={number}", kind="candidate", parent=parent, end=end, params={"C": number})
    mean = Metric("mean_test_score", 0.9 + number / 10_000, None, BEGAN + 2)
    return merged_metrics(child, (*curve("split_test_score", [0.8, 0.9, 0.7]), mean))


def a_search(run: str | None = None, *, end: Status | None = "finished") -> Changes:
    """A search without its children, with what its candidates gave."""
    search = a_run(run, name="GridSearchCV", kind="search", end=end, metrics={"best_cv_score": 0.9})
    candidates = tuple(Candidate(number, None, f"C={number}", {"C": (str(number), "int")}) for number in range(2))
    results = tuple(
        Result(number, split, BEGAN, 0.01, 0.002, 0, {"test": 0.8 + number / 10, "train": 0.95})
        for number in range(2)
        for split in range(2)
    )
    return Changes(
        run=search.run, start=search.start, params=search.params, metrics=search.metrics, tags=search.tags,
        candidates=candidates, results=results, end=search.end,
    )  # fmt: skip


def an_end(status: Status = "finished", *, failure: Failure | None = None, later: float = 5.0) -> End:
    """The end of a sample run; of a failed one with its traceback."""
    if failure is None and status == "failed":
        failure = a_failure()
    return End(status, BEGAN + later, 1.25, 1.0, failure)


def a_failure() -> Failure:
    """The exception of a run that has failed."""
    line = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n'
    return Failure("ValueError", "Input X contains NaN.", f"{line}ValueError: Input X contains NaN.\n")


def curve(key: str, values: list[float], first: int = 0) -> tuple[Metric, ...]:
    """The points of a curve, a step each."""
    return tuple(Metric(key, value, step, BEGAN + step) for step, value in enumerate(values, first))


def merged_metrics(changes: Changes, metrics: tuple[Metric, ...]) -> Changes:
    """The same with more metrics."""
    from dataclasses import replace

    return replace(changes, metrics=(*changes.metrics, *metrics))


def tables_of_a_classifier() -> tuple[Table, ...]:
    """The confusion matrix and the curves of a small classifier, in the form in which they are recorded."""
    roc = {
        "class": "yes", "auc": 0.75, "share": 0.5, "points": 4, "fpr": [0.0, 0.0, 0.5, 1.0],
        "tpr": [0.0, 0.5, 1.0, 1.0], "thresholds": [None, 0.9, 0.4, 0.1],
    }  # fmt: skip
    precision_recall = {
        "class": "yes", "average_precision": 0.8, "share": 0.5, "points": 3, "precision": [0.5, 0.75, 1.0],
        "recall": [1.0, 0.5, 0.0], "thresholds": [0.1, 0.4, None],
    }  # fmt: skip
    return (
        Table("confusion_matrix", "training", {"labels": ["no", "yes"], "counts": [[40, 3], [5, 52]]}),
        Table("roc", "training", {"curves": [roc]}),
        Table("precision_recall", "training", {"curves": [precision_recall]}),
    )


def _type(value: Any) -> Any:
    return "none" if value is None else type(value).__name__
