"""Fill a store with made-up runs, quickly, and measure it: `python -m benchmarks.fill_store FOLDER RUNS`."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from skribe.records import Changes, Dataset, End, Fact, Metric, Param, ProcessInfo, Start, new_id
from skribe.store.journal import Journal

PARAMS, METRICS, TAGS, FACTS = 40, 12, 5, 10
_ESTIMATORS = ("LogisticRegression", "RandomForestClassifier", "HistGradientBoostingClassifier", "SVC")


def process() -> ProcessInfo:
    """A process that is nobody's: its runs are never taken for killed, because they have all ended."""
    return ProcessInfo("benchmark", "nowhere", "", 1, "", {"python": sys.version}, "benchmarks/fill_store.py")


def start_of(run: str, chance: random.Random, moment: float, parent: str | None = None) -> Changes:
    """What is written when a fit begins."""
    estimator = chance.choice(_ESTIMATORS)
    start = Start(
        f"experiment {chance.randrange(5)}", f"{estimator} on df", "fit", moment, parent, estimator, estimator
    )
    return Changes(run=run, start=start)


def finish_of(run: str, chance: random.Random, moment: float) -> Changes:
    """What is written when a fit ends: 40 parameters, 12 metrics, 5 tags, 10 facts, a data set."""
    params = [Param(f"clf__parameter_{n:02}", "True", "bool", True) for n in range(10)]
    params += [Param(f"clf__parameter_{n:02}", "lbfgs", "str", True) for n in range(10, 20)]
    params += [Param(f"clf__parameter_{n:02}", str(chance.randrange(100)), "int", False) for n in range(20, 30)]
    params += [Param(f"clf__parameter_{n:02}", repr(chance.random()), "float", False) for n in range(30, 38)]
    params += [Param("clf__max_depth", "None", "none", True), Param("C", repr(chance.choice([0.1, 1.0, 10])), "float")]
    metrics = tuple(Metric(f"training_metric_{n:02}_score", chance.random(), None, moment) for n in range(METRICS))
    return Changes(
        run=run,
        params=tuple(params),
        metrics=metrics,
        tags={f"tag_{n}": f"value {chance.randrange(9)}" for n in range(TAGS)},
        facts=tuple(Fact(f"attribute_{n}_", "(100, 20)", "json") for n in range(FACTS)),
        datasets=(Dataset("training", "X", "numpy", (1000, 20), f"{chance.getrandbits(64):x}", {"dtype": "float64"}),),
        end=End("finished", moment + 1.5, 1.25, 1.0),
    )


def runs(count: int, seed: int = 0) -> Iterator[tuple[Changes, Changes]]:
    """The two records of so many runs."""
    chance = random.Random(seed)
    moment = time.time() - count
    for n in range(count):
        run = new_id()
        yield start_of(run, chance, moment + n), finish_of(run, chance, moment + n)


def fill(journal: Journal, count: int, seed: int = 0, per_transaction: int = 500) -> None:
    """Write so many runs, many in one transaction."""
    waiting: list[Changes] = []
    for pair in runs(count, seed):
        waiting += pair
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


def main(folder: str, count: str) -> None:
    """Fill, and print the cost of a write at several sizes."""
    import numpy as np

    journal, size = Journal(folder, process), 0
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
