"""Fill a store with made-up runs, quickly, and measure it: `python -m benchmarks.fill_store FOLDER RUNS`.

With `python -m benchmarks.fill_store FOLDER RUNS METRICS SEARCHES` each run has so many metrics, and there are so many
searches besides, of 25 candidates each: 100000 20 200 is the store that the table of runs is measured on.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from skribe.records import Changes, Dataset, End, Fact, Kind, Metric, Param, ProcessInfo, Start, new_id
from skribe.store.journal import Journal

PARAMS, METRICS, TAGS, FACTS, CANDIDATES = 40, 12, 5, 10, 25
_ESTIMATORS = ("LogisticRegression", "RandomForestClassifier", "HistGradientBoostingClassifier", "SVC")


def process() -> ProcessInfo:
    """A process that is nobody's: its runs are never taken for killed, because they have all ended."""
    return ProcessInfo("benchmark", "nowhere", "", 1, "", {"python": sys.version}, "benchmarks/fill_store.py")


def start_of(run: str, chance: random.Random, moment: float, parent: str | None = None, kind: Kind = "fit") -> Changes:
    """What is written when a fit begins."""
    estimator = chance.choice(_ESTIMATORS)
    start = Start(
        f"experiment {chance.randrange(5)}", f"{estimator} on df", kind, moment, parent, estimator, estimator
    )
    return Changes(run=run, start=start)


def finish_of(run: str, chance: random.Random, moment: float, count: int = METRICS) -> Changes:
    """What is written when a fit ends: 40 parameters, so many metrics, 5 tags, 10 facts, a data set."""
    params = [Param(f"clf__parameter_{n:02}", "True", "bool", True) for n in range(10)]
    params += [Param(f"clf__parameter_{n:02}", "lbfgs", "str", True) for n in range(10, 20)]
    params += [Param(f"clf__parameter_{n:02}", str(chance.randrange(100)), "int", False) for n in range(20, 30)]
    params += [Param(f"clf__parameter_{n:02}", repr(chance.random()), "float", False) for n in range(30, 38)]
    params += [Param("clf__max_depth", "None", "none", True), Param("C", repr(chance.choice([0.1, 1.0, 10])), "float")]
    metrics = tuple(Metric(f"training_metric_{n:02}_score", chance.random(), None, moment) for n in range(count))
    return Changes(
        run=run,
        params=tuple(params),
        metrics=metrics,
        tags={f"tag_{n}": f"value {chance.randrange(9)}" for n in range(TAGS)},
        facts=tuple(Fact(f"attribute_{n}_", "(100, 20)", "json") for n in range(FACTS)),
        datasets=(Dataset("training", "X", "numpy", (1000, 20), f"{chance.getrandbits(64):x}", {"dtype": "float64"}),),
        end=End("finished", moment + 1.5, 1.25, 1.0),
    )


def runs(count: int, seed: int = 0, metrics: int = METRICS) -> Iterator[tuple[Changes, Changes]]:
    """The two records of so many runs."""
    chance = random.Random(seed)
    moment = time.time() - count
    for n in range(count):
        run = new_id()
        yield start_of(run, chance, moment + n), finish_of(run, chance, moment + n, metrics)


def searches(count: int, seed: int = 0, metrics: int = METRICS) -> Iterator[tuple[Changes, ...]]:
    """The records of so many searches, each with its candidates: only these have the metrics of a fit."""
    chance = random.Random(seed)
    moment = time.time() - CANDIDATES * count
    for n in range(count):
        search, began = new_id(), moment + CANDIDATES * n
        records = [start_of(search, chance, began, kind="search")]
        for candidate in range(CANDIDATES):
            run = new_id()
            records.append(start_of(run, chance, began + candidate, search, "candidate"))
            records.append(finish_of(run, chance, began + candidate, metrics))
        best = (Metric("best_cv_score", chance.random(), None, began),)
        yield (*records, Changes(run=search, metrics=best, end=End("finished", began + CANDIDATES, CANDIDATES, 1.0)))


def fill(
    journal: Journal, count: int, seed: int = 0, per_transaction: int = 500, metrics: int = METRICS, among: int = 0
) -> None:
    """Write so many runs, many in one transaction, and so many searches among them."""
    waiting: list[Changes] = []
    others = searches(among, seed, metrics)
    for n, pair in enumerate(runs(count, seed, metrics)):
        waiting += pair
        if among and n % (count // among) == 0:
            waiting += next(others, ())
        if len(waiting) >= 2 * per_transaction:
            journal.write(*waiting)
            waiting.clear()
    journal.write(*waiting)


def cost(journal: Journal, count: int, seed: int = 1) -> tuple[list[float], list[float]]:
    """Seconds of each start and of each finish, written one by one as fits do."""
    starts, finishes = [], []
    for start, finish in runs(count, seed):
        began = time.perf_counter()
        journal.write(start)
        between = time.perf_counter()
        journal.write(finish)
        starts.append(between - began)
        finishes.append(time.perf_counter() - between)
    return starts, finishes


def main(folder: str, count: str, metrics: str = "", among: str = "0") -> None:
    """Fill, and print the cost of a write at several sizes; or only fill, with so many metrics."""
    import numpy as np

    journal, size = Journal(folder, process), 0
    if metrics:
        fill(journal, int(count), metrics=int(metrics), among=int(among))
        journal.close()
        return
    for target in sorted({min(int(count), n) for n in (0, 1_000, 10_000, 100_000)} | {int(count)}):
        fill(journal, target - size, seed=target)
        starts, finishes = cost(journal, 500, seed=target + 1)
        size = target + 500
        bytes_ = sum(path.stat().st_size for path in Path(folder).glob("skribe.db"))
        for name, values in (("start", starts), ("finish", finishes)):
            middle, high, most = np.percentile(values, [50, 95, 100]) * 1e6
            print(
                f"{target:7} runs  {name:7} median {middle:6.0f} us  p95 {high:6.0f} us  max {most:7.0f} us",
                flush=True,
            )
        print(f"{size:7} runs  {bytes_ / size:.0f} bytes per run", flush=True)
    journal.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
