"""What is measured. Each case takes a mode, does the same work in each, and returns named numbers."""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

Case = Callable[[str], dict[str, float]]
CASES: dict[str, Case] = {}


def case(
    modes: tuple[str, ...] | None = None, slow: tuple[str, ...] = (), rounds: int | None = None
) -> Callable[[Case], Case]:
    """Register a case. It runs at most `rounds` times: a count needs one, and so does what takes turns in itself."""

    def register(function: Case) -> Case:
        if modes is not None:
            function.modes = modes  # type: ignore[attr-defined]
        function.slow = slow  # type: ignore[attr-defined]
        function.rounds = rounds  # type: ignore[attr-defined]
        CASES[function.__name__] = function
        return function

    return register


def switch_on(mode: str) -> None:
    if mode == "skribe":
        import skribe

        skribe.autolog()
    elif mode.startswith("mlflow"):
        import mlflow
        import mlflow.sklearn

        mlflow.set_experiment("benchmark")
        mlflow.sklearn.autolog(log_models=mode == "mlflow", max_tuning_runs=None)


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def times(work: Callable[[], Any], rounds: int) -> list[float]:
    return [timed(work) for _ in range(rounds)]


def resident() -> float:
    """Megabytes this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


class Peak:
    """The most memory that a block held above what was there before, in MB, sampled every millisecond."""

    def __enter__(self) -> Peak:
        self.base = self.most = resident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.001):
            self.most = max(self.most, resident())

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.above = max(self.most, resident()) - self.base


def binary(rows: int, columns: int = 20) -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=rows) > 0).astype(int)
    return X, y


@case()
def small(mode: str) -> dict[str, float]:
    """logistic regression on iris: the first fit, and the median of the next 20"""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True)
    LogisticRegression(max_iter=200).fit(X, y)
    switch_on(mode)
    model = LogisticRegression(max_iter=200)
    first = timed(lambda: model.fit(X, y))
    return {"first fit ms": first, "next fits ms": statistics.median(times(lambda: model.fit(X, y), 20))}


@case()
def start(mode: str) -> dict[str, float]:
    """importing and switching on, with scikit-learn loaded"""
    import sklearn.ensemble
    import sklearn.linear_model  # noqa: F401

    before = resident()
    spent = timed(lambda: switch_on(mode))
    return {"import + autolog() time ms": spent, "memory MB": resident() - before}


@case(slow=("mlflow", "mlflow without models"))
def nested(mode: str) -> dict[str, float]:
    """fits inside a fit: a bagging of 500 dummies, a grid of 40 x 5, a forest of 200"""
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
    from sklearn.model_selection import GridSearchCV

    X, y = binary(500, 5)
    switch_on(mode)
    bagging = BaggingClassifier(DummyClassifier(), n_estimators=500)
    grid = GridSearchCV(DummyClassifier(), {"random_state": list(range(40))}, cv=5)
    forest = RandomForestClassifier(200, max_depth=3)
    return {
        f"{name} ms": statistics.median(times(lambda model=model: model.fit(X, y), 5))  # type: ignore[misc]
        for name, model in (("bagging 500", bagging), ("grid 40 x 5", grid), ("forest 200", forest))
    }


@case(modes=("plain", "skribe"))
def hook(mode: str) -> dict[str, float]:
    """the price of the hook alone, on a fit that does nothing"""
    import timeit

    from sklearn.base import BaseEstimator

    switch_on(mode)

    class Nothing(BaseEstimator):  # type: ignore[misc]
        def fit(self, X: Any, y: Any = None) -> Any:
            return self

    class Outer(BaseEstimator):  # type: ignore[misc]
        def fit(self, X: Any, y: Any = None) -> Any:
            inner = Nothing()
            self.spent_ = min(timeit.repeat(lambda: inner.fit(1, 2), number=20_000, repeat=5)) / 20_000
            return self

    return {"nested fit ns": Outer().fit([[1]]).spent_ * 1e9}


@case()
def rows_100k(mode: str) -> dict[str, float]:
    """100 000 x 20: naive Bayes (a 30 ms fit) and logistic regression, with all training metrics"""
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB

    X, y = binary(100_000)
    linear, bayes = LogisticRegression(), GaussianNB()
    linear.fit(X, y)
    predict = statistics.median(times(lambda: linear.predict_proba(X), 5))
    switch_on(mode)
    return {
        "logistic regression ms": statistics.median(times(lambda: linear.fit(X, y), 5)),
        "one predict_proba pass of it, for comparison": predict,
        "naive Bayes ms": statistics.median(times(lambda: bayes.fit(X, y), 5)),
    }


@case(slow=("mlflow", "mlflow without models"))
def neighbours(mode: str) -> dict[str, float]:
    """100 000 x 20 nearest neighbours, whose prediction takes thousands of times the fit"""
    from sklearn.neighbors import KNeighborsClassifier

    X, y = binary(100_000)
    switch_on(mode)
    return {"fit ms": timed(lambda: KNeighborsClassifier().fit(X, y))}


@case()
def sparse(mode: str) -> dict[str, float]:
    """sparse 200 000 x 2 000, 400 000 values: a ridge classifier"""
    import numpy as np
    from scipy import sparse as sp
    from sklearn.linear_model import SGDClassifier

    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, 200_000, 400_000), rng.integers(0, 2_000, 400_000)
    X = sp.csr_matrix((np.ones(400_000), (rows, columns)), shape=(200_000, 2_000))
    y = rng.integers(0, 2, 200_000)
    switch_on(mode)
    with Peak() as peak:
        spent = timed(lambda: SGDClassifier(loss="log_loss", max_iter=5, tol=None).fit(X, y))
    return {"fit ms": spent, "peak memory above the start, MB": peak.above}


@case()
def frame(mode: str) -> dict[str, float]:
    """pandas 200 000 x 50: naive Bayes"""
    import pandas as pd
    import xxhash
    from sklearn.naive_bayes import GaussianNB

    X, y = binary(200_000, 50)
    data = pd.DataFrame(X, columns=[f"column {i}" for i in range(50)])
    switch_on(mode)
    with Peak() as peak:
        spent = timed(lambda: GaussianNB().fit(data, y))
    hashing = timed(lambda: xxhash.xxh3_128(X).digest())
    return {
        "fit ms": spent,
        "peak memory above the start, MB": peak.above,
        "xxh3 of the bytes, for comparison": hashing,
    }


@case(modes=("skribe",))
def store(mode: str) -> dict[str, float]:
    """the store with 1 000, 10 000 and 100 000 runs: cost of one more run, a page of runs(), bytes on disk"""
    from pathlib import Path

    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    import skribe
    from benchmarks.fill_store import fill
    from skribe.capture import process_info
    from skribe.store.journal import Journal

    X, y = load_iris(return_X_y=True)
    folder = Path(os.environ["SKRIBE_STORE"])
    found: dict[str, float] = {}
    have = 0
    for size in (1_000, 10_000, 100_000):
        with Journal(folder, process_info) as journal:
            fill(journal, size - have, seed=size)
        have = size
        switch_on(mode)
        fit = partial(LogisticRegression(max_iter=200).fit, X, y)
        fit()
        recorded = statistics.median(times(fit, 30))
        skribe.autolog(disable=True)
        plain = statistics.median(times(fit, 30))
        found[f"{size:,} runs: one more costs ms"] = recorded - plain
        found[f"{size:,} runs: runs(limit=1000) ms"] = statistics.median(times(lambda: skribe.runs(limit=1000), 3))
        found[f"{size:,} runs: kB per run"] = sum(f.stat().st_size for f in folder.glob("skribe.db*")) / size / 1e3
    began = time.perf_counter()
    found["100,000 runs: runs() rows"] = len(skribe.runs())
    found["100,000 runs: runs() ms"] = (time.perf_counter() - began) * 1e3
    return found


def _fitting(number: int, together: Any, figures: Any) -> None:
    from sklearn.dummy import DummyClassifier

    import skribe

    skribe.autolog(silent=True)
    together.wait()
    began = time.perf_counter()
    spent = times(lambda: DummyClassifier().fit([[0], [1]], [0, 1]), 200)
    figures.put((began, time.perf_counter(), max(spent)))


def _writing(number: int, together: Any, figures: Any) -> None:
    from benchmarks.fill_store import runs
    from skribe.capture import process_info
    from skribe.store.journal import Journal

    waiting = list(runs(1_000, seed=number))
    with Journal(os.environ["SKRIBE_STORE"], process_info) as journal:
        together.wait()
        began = time.perf_counter()
        spent = []
        for start, finish in waiting:
            before = time.perf_counter()
            # One transaction when a fit begins and one when it ends, as a fit writes them.
            journal.write(start)
            journal.write(finish)
            spent.append((time.perf_counter() - before) * 1e3)
        figures.put((began, time.perf_counter(), max(spent)))


@case(modes=("skribe",))
def writers(mode: str) -> dict[str, float]:
    """eight processes and one store: 200 fits each, and 1 000 runs each written by the journal alone"""
    import skribe

    context = multiprocessing.get_context("spawn")
    found: dict[str, float] = {}
    before = 0
    for name, work in (("fits", _fitting), ("the journal alone", _writing)):
        together, figures = context.Barrier(8), context.Queue()
        processes = [context.Process(target=work, args=(n, together, figures)) for n in range(8)]
        for process in processes:
            process.start()
        began, ended, longest = zip(*(figures.get(timeout=300) for _ in processes), strict=True)
        for process in processes:
            process.join()
        there = len(skribe.runs()) - before
        found[f"{name}: runs in the store"] = there
        found[f"{name}: runs/s of eight writers"] = there / (max(ended) - min(began))
        found[f"{name}: longest wait for one run ms"] = max(longest)
        before += there
    return found
