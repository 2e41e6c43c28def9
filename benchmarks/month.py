"""A store as a month of work leaves it: `python -m benchmarks.month FOLDER`.

The fits are real, and so is all that is recorded of them. Only the clock is told that it is another day: screenshots,
and whoever tries the page, need runs that are spread over weeks. It takes about two minutes.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the import below possible
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, classification_report, mean_absolute_error, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

import skribe

DAY = 86_400.0
DAYS = 30
_now = time.time


class Calendar:
    """The clock of a month ago, set forward from task to task."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ahead = -DAYS * DAY

    def __call__(self) -> float:
        return _now() + self._ahead

    def morning_of(self, day: int) -> None:
        """Nine o'clock, more or less, of this day."""
        today = _now() - _now() % DAY
        wanted = today - (DAYS - day) * DAY + (9 + self._chance.random()) * 3600
        self._ahead = max(self._ahead, wanted - _now())

    def later(self) -> None:
        """Some minutes pass between two cells."""
        self._ahead = min(self._ahead + self._chance.uniform(20, 2400), 0.0)


def clinic() -> tuple[Any, ...]:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return tuple(train_test_split(X, y, random_state=0))


def baseline(chance: random.Random) -> None:
    """Plain models on the clinic's data, scored on held-out rows."""
    X_train, X_test, y_train, y_test = clinic()
    for C in chance.sample([0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0], 3):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500)).fit(X_train, y_train)
        model.score(X_test, y_test)
        roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])


def forests(chance: random.Random) -> None:
    """Forests, with reports on held-out rows."""
    X_train, X_test, y_train, y_test = clinic()
    for trees in chance.sample([20, 50, 100, 200], 2):
        model = RandomForestClassifier(trees, max_depth=chance.choice([None, 4, 8]), random_state=chance.randrange(99))
        predicted = model.fit(X_train, y_train).predict(X_test)
        accuracy_score(y_test, predicted)
        classification_report(y_test, predicted)


def grid(chance: random.Random) -> None:
    X_train, X_test, y_train, y_test = clinic()
    space = {"svc__C": [0.01, 0.1, 1, 10, 100], "svc__gamma": [1e-4, 1e-3, 1e-2, 1e-1, 1], "svc__kernel": ["rbf"]}
    if chance.random() < 0.5:
        space["svc__kernel"] = ["rbf", "sigmoid"]
    search = GridSearchCV(make_pipeline(StandardScaler(), SVC()), space, cv=5, return_train_score=True, n_jobs=2)
    search.fit(X_train, y_train).score(X_test, y_test)


def validated(chance: random.Random) -> None:
    X_train, _, y_train, _ = clinic()
    models = [LogisticRegression(C=chance.choice([0.1, 1, 10]), max_iter=2000), RandomForestClassifier(50), SVC()]
    for model in models:
        cross_validate(make_pipeline(StandardScaler(), model), X_train, y_train, cv=5, scoring=["accuracy", "roc_auc"])


def digits(chance: random.Random) -> None:
    """Ten classes, and curves by iteration."""
    X_train, X_test, y_train, y_test = train_test_split(*load_digits(return_X_y=True), random_state=1)
    model = MLPClassifier(
        (chance.choice([32, 64, 128]),), alpha=chance.choice([1e-4, 1e-2]), max_iter=chance.choice([30, 60, 200])
    )
    model.fit(X_train / 16, y_train).score(X_test / 16, y_test)
    HistGradientBoostingClassifier(max_iter=chance.choice([20, 40]), early_stopping=True).fit(X_train, y_train)


def wide_search(chance: random.Random) -> None:
    X, y = load_digits(return_X_y=True)
    space = {
        "logisticregression__C": np.logspace(-4, 3, 200),
        "logisticregression__class_weight": [None, "balanced"],
        "pca__n_components": list(range(4, 60, 4)),
        "pca__whiten": [True, False],
    }
    steps = make_pipeline(StandardScaler(), PCA(), LogisticRegression(max_iter=200))
    search = RandomizedSearchCV(steps, space, n_iter=80, cv=3, random_state=chance.randrange(99), n_jobs=2)
    search.fit(X[:600], y[:600])


def halving(chance: random.Random) -> None:
    X, y = load_digits(return_X_y=True)
    space = {"max_depth": [2, 3, 5, 8, None], "min_samples_split": [*range(2, 12)], "criterion": ["gini", "entropy"]}
    forest = RandomForestClassifier(20, random_state=0)
    HalvingRandomSearchCV(forest, space, factor=3, random_state=chance.randrange(99), cv=3, n_jobs=2).fit(X, y)


def progression(chance: random.Random) -> None:
    """Regression with columns of several kinds."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X = X.assign(sex=X["sex"].map({1.0: "f", 2.0: "m"}).astype("category"))
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    columns = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    for model in (Ridge(chance.choice([0.1, 1.0, 10.0])), GradientBoostingRegressor(max_depth=chance.choice([2, 3]))):
        fitted = make_pipeline(columns, model).fit(X_train, y_train)
        fitted.score(X_test, y_test)
        mean_absolute_error(y_test, fitted.predict(X_test))


def segments(chance: random.Random) -> None:
    X, _ = make_blobs(600, centers=5, n_features=6, random_state=3)
    KMeans(chance.choice([3, 4, 5, 6]), n_init=3, random_state=0).fit(X)
    PCA(4).fit(X)


def stream(chance: random.Random) -> None:
    X, y = load_digits(return_X_y=True)
    model = SGDClassifier(loss="log_loss", alpha=chance.choice([1e-4, 1e-3]), random_state=0)
    for batch in range(12):
        rows = slice(batch * 140, (batch + 1) * 140)
        model.partial_fit(X[rows], y[rows], classes=range(10))


def mishaps(chance: random.Random) -> None:
    """What goes wrong in a month."""
    X_train, _, y_train, _ = clinic()
    for broken in (
        lambda: LogisticRegression(C=-1).fit(X_train, y_train),
        lambda: LogisticRegression().fit(X_train.assign(age=np.nan), y_train),
    ):
        try:
            broken()
        except ValueError:
            pass
    space = {"penalty": ["l1", "l2"], "C": [0.1, 1, 10]}
    GridSearchCV(LogisticRegression(solver="lbfgs", max_iter=2000), space, cv=3).fit(X_train, y_train)


def by_hand(chance: random.Random) -> None:
    with skribe.run("weekly report", tags={"owner": "ana", "ticket": "ML-142"}) as run:
        run.log_params({"window": "7d", "rows": 18_400})
        for step in range(30):
            run.log_metric("drift", 0.02 + 0.01 * step / 30 + chance.uniform(0, 0.01), step=step)
        run.log_text("# Drift\n\nNothing to worry about this week.\n", "report.md")
        run.log_text("<h1>Drift</h1><p>Nothing to worry about <b>this week</b>.</p>", "report.html")
        run.log_dict({"psi": {"age": 0.02, "bmi": 0.04}}, "psi.json")


def killed(folder: Path) -> None:
    """A search whose process was killed in the middle."""
    code = """
        import time
        import skribe
        from sklearn.datasets import load_iris
        from sklearn.dummy import DummyClassifier
        from sklearn.model_selection import GridSearchCV

        class Slow(DummyClassifier):
            def fit(self, X, y):
                time.sleep(0.05)
                return super().fit(X, y)

        skribe.autolog(experiment="clinic", silent=True)
        GridSearchCV(Slow(), {"random_state": list(range(200))}, cv=3).fit(*load_iris(return_X_y=True))
    """
    script = folder.parent / "overnight.py"
    script.write_text(textwrap.dedent(code))
    process = subprocess.Popen([sys.executable, script], env={**os.environ, "SKRIBE_STORE": str(folder)})
    time.sleep(6)
    process.send_signal(signal.SIGKILL)
    process.wait()
    script.unlink()


WORK: tuple[tuple[str, Callable[[random.Random], None], float], ...] = (
    ("clinic", baseline, 0.7),
    ("clinic", forests, 0.5),
    ("clinic", grid, 0.15),
    ("clinic", validated, 0.25),
    ("digits", digits, 0.35),
    ("digits", wide_search, 0.08),
    ("digits", halving, 0.1),
    ("digits", stream, 0.15),
    ("diabetes progression", progression, 0.5),
    ("customer segments", segments, 0.3),
    ("clinic", mishaps, 0.15),
    ("reports", by_hand, 0.15),
)


def register(query: pd.DataFrame) -> None:
    """A model in production, and its challengers."""
    fits = query[query["kind"] == "fit"].dropna(subset=["metrics.training_accuracy_score"])
    best = fits[fits["experiment"] == "clinic"].sort_values("metrics.training_accuracy_score", ascending=False)
    for run in best["run_id"].head(3):
        version = skribe.register(run, "clinic-triage")
    version.description = "Challenger: fewer features, same recall."
    model = skribe.registered_model("clinic-triage")
    model.description = "Flags biopsies for a second look. Owned by the imaging team."
    model.set_tag("team", "imaging")
    model.set_alias("champion", 1)
    model.set_alias("challenger", 3)
    skribe.register(fits[fits["experiment"] == "digits"]["run_id"].iloc[0], "digit-reader")


def main(folder: Path) -> None:
    """Fill the store with a month of work."""
    chance = random.Random(7)
    os.environ["SKRIBE_STORE"] = str(folder)
    clock = Calendar(chance)
    time.time = clock
    began = _now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for day in range(DAYS):
            if day % 7 in (5, 6):
                continue
            clock.morning_of(day)
            for experiment, work, often in WORK:
                if chance.random() < often:
                    skribe.autolog(experiment=experiment, silent=True)
                    work(chance)
                    clock.later()
    time.time = _now
    skribe.flush()
    table = skribe.runs()
    register(table)
    for run in table["run_id"].tail(2):
        skribe.get_run(run).delete()
    skribe.autolog(disable=True)
    killed(folder)
    print(f"{len(skribe.runs())} runs, {len(skribe.runs(children=True))} with children, in {_now() - began:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
