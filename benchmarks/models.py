"""Models, plots and scores: what the user waits for after a fit, and what a prediction or a score costs afterwards."""

from __future__ import annotations

import copy
import ctypes
import gc
import io
import os
import pickle
import statistics
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cases import binary, case, switch_on, timed, times
from benchmarks.searches import cancer

Work = Callable[[], Any]
# Without models MLflow predicts and scores as it does with them, and fits in a tenth of the time.
AFTER_FIT = ("plain", "skribe", "mlflow without models")


def switch_on_everything(mode: str) -> None:
    """The mode with an example of the input kept as well, wherever models are."""
    if mode.startswith("skribe"):
        import skribe

        wanted: dict[str, Any] = {"log_models": "without models" not in mode, "log_plots": "without plots" not in mode}
        skribe.autolog(log_input_examples=True, **wanted)
    elif mode.startswith("mlflow"):
        import mlflow
        import mlflow.sklearn

        mlflow.set_experiment("benchmark")
        mlflow.sklearn.autolog(log_models=mode == "mlflow", log_input_examples=mode == "mlflow", max_tuning_runs=None)


def switch_off(mode: str) -> None:
    if mode.startswith("skribe"):
        import skribe

        skribe.autolog(disable=True)
    elif mode.startswith("mlflow"):
        import mlflow.sklearn

        mlflow.sklearn.autolog(disable=True)


def with_and_without(
    mode: str, prepared: Mapping[str, Callable[[], Work]], blocks: int, calls: int, unit: str = "ms",
    on: Callable[[str], None] = switch_on,
) -> dict[str, float]:  # fmt: skip
    """Each work with the mode on, and what it takes more than without: blocks of calls take turns in this process.

    A difference of microseconds is lost between two processes; in one it is seen. The first call after switching
    on is a line of its own.
    """
    scale = 1e3 if unit == "us" else 1.0
    first: dict[str, list[float]] = {name: [] for name in prepared}
    spent: dict[tuple[str, bool], list[float]] = {(name, there): [] for name in prepared for there in (False, True)}
    for there in (False, True) * blocks:
        if there:
            on(mode)
        for name, prepare in prepared.items():
            work = prepare()
            warm_up = timed(work)
            if there:
                first[name].append(warm_up)
            spent[name, there] += times(work, calls)
        if there:
            switch_off(mode)
    found = {}
    for name in prepared:
        without, with_it = (statistics.median(spent[name, there]) * scale for there in (False, True))
        found[f"{name}: first call {unit}"] = statistics.median(first[name]) * scale
        found[f"{name} {unit}"] = with_it
        if mode != "plain":
            found[f"{name}: more than without, {unit}"] = with_it - without
    return found


@case(modes=("plain", "skribe", "skribe without models", "skribe without plots", "mlflow", "mlflow without models"))
def kept_fits(mode: str) -> dict[str, float]:
    """logistic regression with everything on: model, curves, signature, example of the input"""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    iris = load_iris(return_X_y=True)
    fits = {
        "iris": lambda: partial(LogisticRegression(max_iter=200).fit, *iris),
        "breast cancer": lambda: partial(LogisticRegression(max_iter=200).fit, *cancer()),
    }
    # A fit with MLflow takes seconds: two of them show what it costs.
    blocks, calls = {"mlflow": (1, 2), "mlflow without models": (1, 6)}.get(mode, (6, 10))
    return with_and_without(mode, fits, blocks, calls, on=switch_on_everything)


def forest_of_93_mb() -> Any:
    """A hundred trees over 100 000 rows: ten that are fitted, and nine copies of each, for pickle all different."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(10, n_jobs=2, random_state=0, max_samples=0.37).fit(*binary(100_000))
    forest.estimators_ = [copy.deepcopy(tree) for _ in range(10) for tree in forest.estimators_]
    return forest.set_params(n_estimators=100, warm_start=True)


class HighWater:
    """The most memory that a block held above what was there before, in MB, as the kernel has counted it."""

    def __enter__(self) -> HighWater:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # memory that was freed and not given back would hide what the block takes
        Path("/proc/self/clear_refs").write_text("5")  # the mark sinks to what is held now
        self._base = self._mark()
        return self

    def __exit__(self, *_: object) -> None:
        self.above = self._mark() - self._base

    @staticmethod
    def _mark() -> float:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError("the kernel does not say how much memory a process has held at most")


@case(modes=("plain", "skribe", "skribe without models", "mlflow", "mlflow without models"), rounds=1)
def big_model(mode: str) -> dict[str, float]:
    """keeping a forest of 93 MB, beside one pickle of it in the same process

    With `warm_start` and as many trees as it has, `fit` grows none: what it takes is what is added to it.
    """
    X, y = binary(200)
    forest = forest_of_93_mb()
    forest.fit(X, y)
    switch_on_everything(mode)
    fit = partial(forest.fit, X, y)
    rounds = 1 if mode == "mlflow" else 5
    with HighWater() as water:
        fit()
    pickles, files, fits = [], [], []
    for number in range(rounds):
        pickles.append(timed(lambda: pickle.dumps(forest, 5)))
        files.append(timed(lambda number=number: _into_a_file(forest, Path(f"{number}.pkl"))))  # type: ignore[misc]
        fits.append(timed(fit))
    pickled, filed, fitted = (statistics.median(spent) for spent in (pickles, files, fits))
    return {
        "pickle.dumps into memory, for comparison": pickled,
        "pickle.dump into a new file, for comparison": filed,
        "fit ms": fitted,
        "fit / pickle.dumps": fitted / pickled,
        "fit / pickle.dump into a file": fitted / filed,
        "peak memory above the start, MB": water.above,
    }


def _into_a_file(model: Any, path: Path) -> None:
    with open(path, "xb") as file:
        pickle.dump(model, file, 5)


@case(modes=AFTER_FIT)
def one_row(mode: str) -> dict[str, float]:
    """predict of one row, as a serving loop asks for it, by a model that the mode has recorded"""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = cancer()
    models = {
        "logistic regression": LogisticRegression(),
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "forest of 10": RandomForestClassifier(10, random_state=0),
    }

    def served(model: Any) -> Callable[[], Work]:
        return lambda: partial(model.fit(X, y).predict, X[:1])

    predicts = {name: served(model) for name, model in models.items()}
    blocks, calls = (1, 20) if mode.startswith("mlflow") else (12, 200)
    return with_and_without(mode, predicts, blocks, calls, "us")


@case(modes=AFTER_FIT)
def scores(mode: str) -> dict[str, float]:
    """score, and a metric of a prediction, on 143 rows that were held out"""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, roc_auc_score
    from sklearn.model_selection import train_test_split

    X_train, X_test, y_train, y_test = train_test_split(*cancer(), random_state=0)

    def fitted() -> Any:
        return LogisticRegression().fit(X_train, y_train)

    def asked(ask: Callable[[Any], Any]) -> Callable[[], Work]:
        return lambda: partial(ask, fitted())

    prepared = {
        "score": asked(lambda model: model.score(X_test, y_test)),
        "accuracy_score": asked(lambda model: accuracy_score(y_test, model.predict(X_test))),
        "roc_auc_score": asked(lambda model: roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])),
    }
    # Early calls of a model cost more than later ones: blocks of a few calls show what a user's few calls take.
    blocks, calls = (1, 10) if mode.startswith("mlflow") else (5, 20)
    return with_and_without(mode, prepared, blocks, calls)


@case(modes=AFTER_FIT, rounds=1)
def passes(mode: str) -> dict[str, float]:
    """how often a fit makes the model answer for all its training rows"""
    import sklearn.ensemble._forest as forests
    import sklearn.linear_model._base as linear
    from sklearn.datasets import load_diabetes, load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, Ridge

    counted: list[int] = []

    def counts(validate: Callable[..., Any]) -> Callable[..., Any]:
        def validate_and_count(estimator: Any, X: Any, *args: Any, **named: Any) -> Any:
            if named.get("reset") is False:  # rows to be answered for; with `reset` they are to be learned
                counted.append(len(X))
            return validate(estimator, X, *args, **named)

        return validate_and_count

    # Every answer of these models goes once through the check of its input, whichever method was asked for it, and
    # no autologger replaces that.
    for module in (linear, forests):
        module.validate_data = counts(module.validate_data)
    switch_on(mode)
    found = {}
    for name, model, (X, y) in (
        ("binary logistic regression", LogisticRegression(), cancer()),
        ("multiclass logistic regression", LogisticRegression(max_iter=200), load_iris(return_X_y=True)),
        ("binary forest", RandomForestClassifier(10), cancer()),
        ("ridge regression", Ridge(), load_diabetes(return_X_y=True)),
    ):
        counted.clear()
        model.fit(X, y)
        found[name] = float(counted.count(len(X)))
    return found


@case(modes=("plain", "cloudpickle", "pickle", "joblib", "skops"), rounds=1)
def formats(mode: str) -> dict[str, float]:
    """a model's folder written in each format; plain: pickle.dumps of the model, into memory"""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skribe import models

    X, y = cancer()

    def save(model: Any) -> None:
        if mode == "plain":
            pickle.dumps(model, 5)
        else:
            models.save(Path(tempfile.mkdtemp(dir=os.getcwd())), model, format=mode)

    found = {}
    for name, model in (
        ("logistic regression", LogisticRegression()),
        ("pipeline", make_pipeline(StandardScaler(), LogisticRegression())),
        ("forest of 100", RandomForestClassifier(100, random_state=0)),
        ("gradient boosting", HistGradientBoostingClassifier()),
    ):
        work = partial(save, model.fit(X, y))
        work()
        found[f"{name} ms"] = statistics.median(times(work, 9))
    return found


@case(modes=("skribe", "mlflow without models"), rounds=1)
def drawing(mode: str) -> dict[str, float]:
    """pictures: MLflow draws three inside every such fit, skribe one when it is asked for"""
    from sklearn.linear_model import LogisticRegression

    X, y = cancer()
    model = LogisticRegression()
    blocks, calls = (1, 5) if mode.startswith("mlflow") else (5, 8)
    found = with_and_without(mode, {"fit": lambda: partial(model.fit, X, y)}, blocks, calls)
    if mode.startswith("mlflow"):
        return found | {"of which savefig, ms": _in_savefig(mode, lambda: model.fit(X, y))}
    import skribe

    run = skribe.last_run()
    found["import of matplotlib ms"] = timed(lambda: __import__("matplotlib.figure"))
    found['plot("roc"), first ms'] = timed(lambda: run.plot("roc"))
    found['plot("roc"), again ms'] = statistics.median(times(lambda: run.plot("roc"), 9))
    figure = run.plot("roc")
    png = partial(figure.savefig, io.BytesIO(), format="png")
    found["savefig of it as PNG, first ms"] = timed(png)
    found["savefig of it as PNG, again ms"] = statistics.median(times(png, 5))
    return found


def _in_savefig(mode: str, fit: Work) -> float:
    """The milliseconds of one fit that go into writing pictures."""
    from matplotlib.figure import Figure

    spent: list[float] = []
    original = Figure.savefig

    def savefig(*args: Any, **named: Any) -> None:
        spent.append(timed(lambda: original(*args, **named)))

    switch_on(mode)
    Figure.savefig = savefig  # type: ignore[method-assign]
    try:
        fit()
    finally:
        Figure.savefig = original  # type: ignore[method-assign]
    return sum(spent)
