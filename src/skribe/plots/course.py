"""How a search went: score against time, its progress, who did what when, and the rungs of halving."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.plots.slices import groups_of
from skribe.plots.table import Array, Indices, Mask, SearchTable, mean_of, plain_numbers


def score_against_time(table: SearchTable) -> dict[str, Any]:
    """Per candidate its score and what a split of it took; which candidates no other beats in both.

    In halving only the candidates of the last iteration compete, for less data take less time.
    """
    means = table.mean()
    told: dict[str, Any] = {"metric": table.metric, "best": table.leader(), "candidate": list(range(len(table)))}
    told["name"] = list(table.names)
    told["fit_seconds"] = plain_numbers(mean_of(table.fit_seconds))
    told["score_seconds"] = plain_numbers(mean_of(table.score_seconds))
    told["mean"] = plain_numbers(means)
    told["std"] = plain_numbers(table.std())
    told["iteration"] = None if table.iteration is None else table.iteration.tolist()
    told["pareto"] = _undominated(table.seconds(), np.where(table.last_rung(), table.fair(), np.nan)).tolist()
    return told


def _undominated(seconds: Array, scores: Array) -> Mask:
    """Which have a higher score than everything that is as fast, from the fastest on."""
    front = np.zeros(len(seconds), dtype=bool)
    rows = np.flatnonzero(np.isfinite(seconds) & np.isfinite(scores))
    order = rows[np.lexsort((-scores[rows], seconds[rows]))]
    reached = np.maximum.accumulate(scores[order])
    front[order] = np.diff(reached, prepend=-np.inf) > 0
    return front


def progress(table: SearchTable) -> dict[str, Any]:
    """The candidates in the order in which their last split ended: when, with which score, and the best until then.

    Candidates without times are not in it. In halving the best starts anew with each iteration.
    """
    took = table.fit_seconds + np.where(np.isnan(table.score_seconds), 0.0, table.score_seconds)
    ended = (table.began + took).max(axis=1, initial=-np.inf)
    rows = np.flatnonzero(np.isfinite(ended))
    order = rows[np.argsort(ended[rows], kind="stable")]
    scores = table.fair()[order]
    told: dict[str, Any] = {"metric": table.metric, "best": table.leader(), "candidate": order.tolist()}
    told["name"] = [table.names[row] for row in order]
    told["seconds"] = plain_numbers(ended[order] - _start(table))
    told["score"] = plain_numbers(table.mean()[order])
    told["iteration"] = None if table.iteration is None else table.iteration[order].tolist()
    best = np.full(len(order), np.nan)
    rungs = np.zeros(len(order)) if table.iteration is None else table.iteration[order]
    for rung in np.unique(rungs):
        mine = rungs == rung
        best[mine] = np.fmax.accumulate(scores[mine])
    return {**told, "best_so_far": plain_numbers(best)}


def _start(table: SearchTable) -> float:
    """When the first split began; 0 if no time is known."""
    known = table.began[np.isfinite(table.began)]
    return float(known.min()) if len(known) else 0.0


def timeline(table: SearchTable) -> dict[str, Any]:
    """Per worker what it did: candidate, split, when it began after the first start, and how long it took.

    Worker 0 stands for workers that are not known. A split that has not ended has no duration.
    """
    candidates, splits = np.nonzero(np.isfinite(table.began))
    began = table.began[candidates, splits] - _start(table)
    scoring = table.score_seconds[candidates, splits]
    took = table.fit_seconds[candidates, splits] + np.where(np.isnan(scoring), 0.0, scoring)
    worker = table.worker[candidates, splits]
    order = np.lexsort((began, worker))
    rows = (candidates[order].tolist(), splits[order].tolist(), began[order].tolist(), plain_numbers(took[order]))
    tasks = [list(task) for task in zip(*rows, strict=True)]
    numbers, starts = np.unique(worker[order], return_index=True)
    ends = [*starts[1:].tolist(), len(tasks)]
    spans = zip(numbers.tolist(), starts.tolist(), ends, strict=False)
    workers = [{"worker": int(number), "tasks": tasks[start:end]} for number, start, end in spans]
    end = began + np.where(np.isnan(took), 0.0, took)
    start = _start(table) if len(tasks) else None
    return {"workers": workers, "start": start, "seconds": float(end.max(initial=0.0))}


def rungs(table: SearchTable) -> dict[str, Any]:
    """For halving, per iteration: the resources, who took part with which mean, and who went on to the next.

    `next` is, beside each candidate, the number that it has in the next iteration.
    """
    told: dict[str, Any] = {"metric": table.metric, "best": table.leader(), "rungs": []}
    if table.iteration is None or not len(table):
        return told
    # What is the same in two iterations is the parameters, but for the one that carries the resources.
    identity = groups_of(table, table.varying())
    means = table.mean()
    numbers = np.unique(table.iteration)
    members = [np.flatnonzero(table.iteration == number) for number in numbers]
    for number, rows, following in zip(numbers.tolist(), members, [*members[1:], None], strict=True):
        onward = [None] * len(rows) if following is None else _onward(identity, rows, following)
        known = rows[~np.isnan(means[rows])]
        best = int(known[np.argmax(means[known])]) if len(known) else None
        rung: dict[str, Any] = {
            "iteration": int(number),
            "resources": _resources(table, rows),
            "count": len(rows),
            "best": best,
        }
        rung["best_mean"] = None if best is None else plain_numbers(means[[best]])[0]
        rung["candidates"], rung["mean"], rung["next"] = rows.tolist(), plain_numbers(means[rows]), onward
        rung["survivors"] = [row for row, after in zip(rows.tolist(), onward, strict=True) if after is not None]
        told["rungs"].append(rung)
    return told


def _resources(table: SearchTable, rows: Indices) -> float | None:
    return None if table.resources is None else plain_numbers(table.resources[rows[:1]])[0]


def _onward(identity: Indices, rows: Indices, following: Indices) -> list[int | None]:
    """For each of these candidates its number in the next iteration; twins are paired in order."""
    waiting: dict[int, list[int]] = {}
    for row in following.tolist():
        waiting.setdefault(int(identity[row]), []).append(row)
    return [waiting[key].pop(0) if waiting.get(key := int(identity[row])) else None for row in rows.tolist()]
