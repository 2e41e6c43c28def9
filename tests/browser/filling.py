"""The store that the browser looks at: real fits and searches, a run made by hand, and one that attacks its reader."""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

import skribe
from skribe.records import Artifact, Changes, End, Failure, Metric, Note, Param, Start, Warned, new_id
from skribe.session import journal_of
from skribe.store.admin import Admin
from skribe.store.artifacts import ArtifactStore
from skribe.store.registry import Registry

# Each part of it would be seen to act if it were not escaped: a script, handlers, templates, signs that turn text
# round or move the cursor of a terminal.
ATTACK = (
    "</script></textarea><script>window.attacked=1</script><img src=x onerror=window.attacked=1>"
    '<svg onload=window.attacked=1>"\'` onfocus=window.attacked=1 autofocus x=" '
    "{{98765*4321}} ${98765*4321} <%= 98765*4321 %>"
    "\u202etxt\u2066\u2028\x01\x1b[31m javascript:window.attacked=1"
)
HTML = (
    "<h1>Report of mine</h1><script>parent.attacked=1;document.title='ran'</script>"
    "<img src=x onerror=parent.attacked=1><img src='http://192.0.2.1/seen.png'><form action='http://192.0.2.1/'></form>"
)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20" onload="parent.attacked=1"><script>parent.attacked=1'
    '</script><circle cx="10" cy="10" r="8"/></svg>'
)
LONG = "x" * 100_000


@dataclass(frozen=True)
class Shelf:
    """The store, and the ids of what is in it."""

    folder: Path
    one: str  # two pipelines on the same data, the first with scores of its test data
    other: str
    regression: str  # on other data
    clusters: str
    grid: str
    halving: str
    cv: tuple[str, str]  # on the same folds
    failed: str
    by_hand: str
    hostile: str
    hostile_search: str
    doomed: str  # a run that a test may delete


class Worded(BaseEstimator):
    """It knows one word, and the longest one it cannot bear."""

    def __init__(self, word: str = "") -> None:
        self.word = word

    def fit(self, X: Any, y: Any = None) -> Worded:
        if len(self.word) > 1000:
            raise ValueError(ATTACK)
        return self

    def score(self, X: Any, y: Any = None) -> float:
        return float(len(self.word) % 7) / 7


@contextlib.contextmanager
def logged(folder: Path, experiment: str) -> Any:
    """Everything that is fitted inside is recorded in this store."""
    skribe.autolog(store=folder, experiment=experiment, silent=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
        skribe.flush()
    finally:
        skribe.autolog(disable=True)


def fill(folder: Path) -> Shelf:
    """Make the store. It takes some seconds, most of them for the two searches."""
    with logged(folder, "blobs"):
        ids = {**fits(), **searches(), "by_hand": by_hand()}
    with logged(folder, ATTACK):
        ids |= {"hostile": hostile(folder), "hostile_search": hostile_search()}
    ids["doomed"] = made(folder, "doomed", "short-lived")
    register(folder, ids)
    throw_away(folder, ids)
    journal_of(folder).close()
    return Shelf(folder=folder, **ids)


def last() -> str:
    return skribe.last_run().id


def points() -> tuple[Any, Any]:
    from sklearn.datasets import make_classification

    X, y = make_classification(160, 5, n_informative=3, flip_y=0.2, random_state=0)
    return pd.DataFrame(X, columns=[f"feature_{n}" for n in range(5)]), np.where(y == 1, "yes", "no")


def fits() -> dict[str, Any]:
    from sklearn.cluster import KMeans
    from sklearn.datasets import make_regression
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = points()
    X_test, y_test = X[120:], y[120:]
    ids = {}
    for name, C in (("one", 0.03), ("other", 5.0)):
        pipe = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=250)).fit(X[:120], y[:120])
        pipe.score(X_test, y_test)
        ids[name] = last()
    Ridge(alpha=0.25).fit(*make_regression(80, 3, noise=4.0, random_state=0))
    ids["regression"] = last()
    KMeans(3, n_init=2, random_state=0).fit(X)
    ids["clusters"] = last()
    with contextlib.suppress(ValueError):
        LogisticRegression(C=-1).fit(X, y)
    ids["failed"] = last()
    return ids


def searches() -> dict[str, Any]:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold, cross_validate
    from sklearn.tree import DecisionTreeClassifier

    X, y = points()
    grid = {"max_depth": [1, 2, 3, 5, None], "criterion": ["gini", "entropy"], "min_samples_leaf": [1, 4]}
    GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=3, n_jobs=1).fit(X, y)
    ids: dict[str, Any] = {"grid": last()}
    HalvingGridSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3, 4, 5, 6]}, cv=2, random_state=0
    ).fit(X, y)
    ids["halving"] = last()
    pair = []
    for estimator in (LogisticRegression(), DecisionTreeClassifier(max_depth=1)):
        cross_validate(estimator, X, y, cv=KFold(5))
        pair.append(last())
    ids["cv"] = tuple(pair)
    return ids


def by_hand() -> str:
    with skribe.run("by hand", tags={"team": "blue"}) as run:
        skribe.log_param("depth", 3)
        for step in range(12):
            skribe.log_metric("loss", 1 / (step + 1), step=step)
        skribe.log_text("First line\nsecond, Grüße\n", "notes.txt")
        skribe.log_text(HTML, "report.html")
        skribe.log_text(SVG, "deep/drawing.svg")
        skribe.log_dict({"a": [1, 2]}, "settings.json")
    return run.id


def hostile(folder: Path) -> str:
    """A run whose every field is an attack. Its pictures are real: of a fit whose columns and classes are attacks."""
    from sklearn.tree import DecisionTreeClassifier

    X, y = points()
    X.columns = [f"{ATTACK} {n}" for n in range(5)]
    labels = np.where(y == "yes", ATTACK, "{{98765*4321}} <b>no</b>")
    with skribe.run(ATTACK, tags={ATTACK: ATTACK, "long": LONG}) as run:
        model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, labels)
        model.score(X[:50], labels[:50])
        for step in range(3):
            skribe.log_metric("loss " + ATTACK[:120], float(step), step=step)
    artifacts = ArtifactStore(folder)
    files = {"<img src=x onerror=window.attacked=1>.html": HTML, "'\"&drawing;.svg": SVG, "\u202etxt.exe": ATTACK}
    files |= {"{{98765*4321}}.txt": ATTACK + "\n" + LONG, "javascript:window.attacked=1": ATTACK}
    kept: list[Artifact] = [artifacts.put_bytes(run.id, name, text.encode()) for name, text in files.items()]
    now = time.time()
    journal_of(folder).write(
        Changes(
            run=run.id,
            params=(Param(ATTACK, ATTACK, "str", False), Param("long", LONG, "str", False)),
            metrics=(Metric(ATTACK, 0.5), Metric("nan", float("nan")), Metric("inf", float("-inf"))),
            notes=(Note(ATTACK, ATTACK), Note("long", LONG)),
            warnings=(Warned(ATTACK, ATTACK + LONG, ATTACK, 3, 2),),
            artifacts=tuple(kept),
            end=End("failed", now, 1.0, 1.0, Failure(ATTACK, ATTACK + LONG, f"Traceback\n{ATTACK}\n{LONG}")),
        )
    )
    return run.id


def hostile_search() -> str:
    from sklearn.model_selection import GridSearchCV, KFold

    words = [ATTACK, "<b>bold</b>", "{{98765*4321}}", LONG]
    GridSearchCV(Worded(), {"word": words}, cv=KFold(3), refit=False).fit(np.zeros((9, 1)))
    return last()


def made(folder: Path, name: str, experiment: str) -> str:
    """A run of which little more than the name is known."""
    run, now = new_id(), time.time()
    start = Start(experiment, name, "manual", now)
    ended = End("finished", now, 0.0, 0.0)
    journal_of(folder).write(Changes(run=run, start=start, metrics=(Metric("loss", 0.5),), end=ended))
    return run


def register(folder: Path, ids: dict[str, Any]) -> None:
    registry = Registry(folder)
    registry.register("churn", ids["one"], description="The first one")
    registry.register("churn", ids["other"])
    registry.set_alias("churn", "champion", 1)
    registry.set_tag("churn", "owner", "Ada")
    hostile_name = "<img src=x onerror=window.attacked=1> {{98765*4321}}"
    registry.register(hostile_name, ids["other"], description=ATTACK + LONG)
    registry.set_tag(hostile_name, ATTACK[:200], ATTACK)
    registry.set_alias(hostile_name, "<b>{{98765*4321}}<b>", 1)


def throw_away(folder: Path, ids: dict[str, Any]) -> None:
    """Something of each kind is in the trash."""
    Admin(folder).delete_run(made(folder, "thrown away", "blobs"))
    made(folder, "inside", "old experiment")
    Admin(folder).delete_experiment("old experiment")
    registry = Registry(folder)
    registry.register("old model", ids["one"])
    registry.delete("old model")
    registry.register("churn", ids["grid"], "best_estimator")
    registry.delete_version("churn", 3)


def many(folder: Path, count: int) -> None:
    """So many runs, the newest first named `run 0`, and among them searches of which only the children have scores."""
    chance, now = random.Random(0), time.time() - 60
    waiting: list[Changes] = []

    def add(name: str, moment: float, parent: str | None = None, kind: Any = "fit", score: float | None = None) -> str:
        run = new_id()
        metrics = () if score is None else (Metric("score", score), Metric("same", 1.0))
        params = (
            Param("C", repr(chance.choice([0.1, 1.0, 10.0])), "float", False),
            Param("tol", "0.5", "float", True),
        )
        start = Start("many", name, kind, moment, parent, "SVC", "SVC")
        end = End("finished", moment + 1, 1.0, 1.0)
        waiting.append(Changes(run=run, start=start, params=params, metrics=metrics, end=end))
        return run

    for n in reversed(range(count)):
        add(f"run {n}", now - 10 * n, score=n / count / 2)
    for n, best in enumerate((0.9, 0.95, 0.1)):
        search = add(f"search {n}", now + n, kind="search")
        for place, score in enumerate((best, best - 0.05)):
            add(f"candidate {n}.{place}", now + n + 0.1 * place, search, "candidate", score)
    journal = journal_of(folder)
    for begin in range(0, len(waiting), 500):
        journal.write(*waiting[begin : begin + 500])
    journal.close()
