"""The stores that the pages are measured on: 100 000 runs with two million metrics, some searches with candidates, and
one search of ten thousand. MLflow has the same runs.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import mlflow_store, page_search

METRICS = 20
_RUNS_PER_SEARCH = 500


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything is, and which runs are looked at."""

    runs: int  # without those inside others
    skribe: str
    mlflow: str  # the database as MLflow leaves it
    analyzed: str  # the same after ANALYZE
    search: str  # the id of the search of ten thousand candidates
    fit: str  # the id of a fit
    experiment: str  # the name of the experiment that the fit belongs to
    experiments: tuple[str, ...]  # MLflow's ids of all experiments but the search's
    fit_experiment: str  # MLflow's id of the fit's
    search_experiment: str  # and of the search's

    def candidates(self, count: int) -> list[str]:
        """The ids of so many candidates of the search, as MLflow has them."""
        sql = "SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId' AND value = ? LIMIT ?"
        with sqlite3.connect(f"file:{self.mlflow}?mode=ro", uri=True) as connection:
            return [row[0] for row in connection.execute(sql, (mlflow_id(self.search), count))]


def mlflow_id(run: str) -> str:
    """The id that a run has in MLflow's database."""
    return run.replace("-", "")


def filled(folder: Path, runs: int, *, fresh: bool = False) -> Stores:
    """The stores of this size in this folder; made if they are not there."""
    place = folder / str(runs)
    known = place / "stores.json"
    if fresh:
        shutil.rmtree(place, ignore_errors=True)
    if known.exists():
        kept = json.loads(known.read_text())
        return Stores(**{**kept, "experiments": tuple(kept["experiments"])})
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    stores = _fill(place, runs)
    known.write_text(json.dumps(asdict(stores)))
    return stores


def _fill(place: Path, runs: int) -> Stores:
    skribe, mlflow, analyzed = place / "skribe", place / "mlflow.db", place / "mlflow-analyzed.db"
    _said(f"{runs} runs for skribe")
    searches = str(max(1, runs // _RUNS_PER_SEARCH))
    _run("benchmarks.fill_store", str(skribe), str(runs), str(METRICS), searches)
    _said(f"a search of {page_search.CANDIDATES} candidates")
    search = _run("benchmarks.page_search", store=skribe).split()[-1]
    _said("the same runs for MLflow")
    mlflow_store.fill(skribe / "skribe.db", mlflow)
    shutil.copyfile(mlflow, analyzed)
    with sqlite3.connect(analyzed) as connection:
        connection.execute("ANALYZE")
    return _found(runs, skribe, mlflow, analyzed, search)


def _found(runs: int, skribe: Path, mlflow: Path, analyzed: Path, search: str) -> Stores:
    with sqlite3.connect(f"file:{skribe / 'skribe.db'}?mode=ro", uri=True) as connection:
        ids = dict(connection.execute("SELECT name, id FROM experiment"))
        fit, experiment = connection.execute(
            "SELECT r.id, e.name FROM run r JOIN experiment e ON e.id = r.experiment"
            " WHERE r.kind = 'fit' ORDER BY r.start DESC LIMIT 1"
        ).fetchone()
    of_search = ids[page_search.EXPERIMENT]
    others = tuple(str(each) for each in sorted(ids.values()) if each != of_search)
    places = (str(skribe), str(mlflow), str(analyzed))
    return Stores(runs, *places, search, fit, experiment, others, str(ids[experiment]), str(of_search))


def _run(module: str, *arguments: str, store: Path | None = None) -> str:
    environment = dict(os.environ)
    if store is not None:
        environment["SKRIBE_STORE"] = str(store)
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _said(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} filling: {what}", file=sys.stderr, flush=True)
