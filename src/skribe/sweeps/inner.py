"""A search that ran inside a task in another process, written down from what it left on its estimator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from skribe.capture.candidates import described, name_of
from skribe.capture.search import best_of, split_scores
from skribe.guard import contain
from skribe.records import Candidate, Changes, End, Fact, Metric, Outcome, Result, Start, new_id
from skribe.store.artifacts import ArtifactStore
from skribe.sweeps.table import csv_of


def changes_of(home: Any, parent: str, outcome: Outcome) -> Iterable[Changes]:
    """The run of the inner search: what it chose, and its candidates as results, without runs of their own."""
    held: Mapping[str, Any] = outcome.inner or {}
    results = held["cv_results_"]
    class_ = str(held["class"])
    run, name = new_id(), class_.rpartition(".")[2]
    began, ended = outcome.began or 0.0, outcome.ended or 0.0
    params, metrics = best_of(held)
    csv = csv_of(results)
    kept = contain("the table of an inner search", ArtifactStore(home.folder).put_bytes, run, "cv_results.csv", csv)
    facts = [Fact("n_candidates", str(len(results["params"])), "int")]
    if "refit_time_" in held:
        metrics = (*metrics, Metric("refit_time", float(held["refit_time_"])))
    candidates, found = [], []
    for number, chosen in enumerate(results["params"]):
        texts = described(chosen)
        candidates.append(Candidate(number, None, name_of(texts), texts))
        for split, body in enumerate(split_scores(results, number)):
            fit, score = float(results["mean_fit_time"][number]), float(results["mean_score_time"][number])
            found.append(Result(number, split, began, fit, score, 0, body))
    yield Changes(
        run=run,
        start=Start(home.experiment, name, "search", began, parent, name, class_),
        params=params,
        metrics=metrics,
        tags={"estimator_name": name, "estimator_class": class_, **home.settings.extra_tags},
        facts=tuple(facts),
        artifacts=() if kept is None else (kept,),
        candidates=tuple(candidates),
        results=tuple(found),
        end=End("finished", ended, ended - began),
    )
