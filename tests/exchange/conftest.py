"""A store with real fits in it: a search with candidates, a model that is registered, files, a failure, a curve."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import skribe
from skribe.exchange.packing import whole_of
from skribe.store.query import Query
from skribe.store.registry import Registry


@pytest.fixture
def store(own_folder: Path) -> Path:
    return own_folder / "skribe_runs"


@pytest.fixture
def filled(store: Path) -> Path:
    """The test's store, filled."""
    X, y = load_iris(return_X_y=True)
    skribe.autolog(silent=True, experiment="iris")
    try:
        LogisticRegression(max_iter=200).fit(X, y)
        GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
        with pytest.raises(ValueError, match="NaN"):
            LogisticRegression().fit(X * float("nan"), y)
        with skribe.run("by hand", experiment="other", tags={"owner": 'Ada, "A"\nL'}) as run:
            run.log_params({"depth": 3, "name": "Größe"})
            for step in range(3):
                run.log_metric("loss", 1 / (step + 1), step)
            run.log_metric("odd", float("nan"))
            run.log_metric("score", 0.1)
            run.log_metric("score", 0.2)
            run.log_text("hello", "notes/hello.txt")
    finally:
        skribe.autolog(disable=True)
    search = skribe.runs(kind="search", store=store)["run_id"].iloc[0]
    fit = skribe.runs(kind="fit", status="finished", store=store)["run_id"].iloc[0]
    registry = Registry(store)
    registry.register("iris", fit, description="the first")
    registry.register("iris", search)
    registry.delete_version("iris", 1)
    registry.set_alias("iris", "champion", 2)
    registry.set_stage("iris", 2, "Production")
    registry.set_tag("iris", "team", "fraud", 2)
    registry.describe("iris", "which iris it is")
    return store


@contextlib.contextmanager
def reading(store: Path) -> Iterator[Query]:
    with contextlib.closing(Query(store)) as query:
        yield query


def everything(store: Path) -> dict[str, object]:
    """All that a store has of its runs, so that two stores can be compared."""
    with reading(store) as query:
        ids = sorted(query.runs_frame(children=True, columns=["run_id"])["run_id"])
        files = {
            path.relative_to(store).as_posix(): path.read_bytes()
            for path in sorted((store / "artifacts").rglob("*"))
            if path.is_file()
        }
        return {
            "runs": [repr(whole_of(query, run)) for run in ids],
            "processes": [query.process(run) for run in ids],
            "registered": [query.registered(name) for name in query.registered_names()],
            "versions": query.versions(),
            "files": files,
        }
