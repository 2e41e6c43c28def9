"""Is it all there? Every store is compared with the server, through MLflow's own client."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import skribe
from work import EXPERIMENT, data

TAG = "skribe.run_id"


class Result(NamedTuple):
    """What was looked at, and what is wrong with it."""

    looked_at: list[str]
    wrong: list[str]


class Server:
    """What a colleague sees of the experiment."""

    def __init__(self, address: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow.sklearn
        mlflow.set_tracking_uri(address)
        self._mlflow = mlflow
        self._client = mlflow.MlflowClient()

    def runs(self) -> list[Any]:
        """All runs of the experiment, children too."""
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        found: list[Any] = []
        token = None
        while experiment is not None:
            page = self._client.search_runs([experiment.experiment_id], max_results=200, page_token=token)
            found += page
            token = page.token
            if not token:
                break
        return found

    def machines(self) -> set[str]:
        """The machines of which a run has arrived."""
        return {run.data.tags["machine"] for run in self.runs() if "machine" in run.data.tags}

    def curve(self, run: str, key: str) -> set[tuple[int, float]]:
        """All points of a metric."""
        return {(point.step, point.value) for point in self._client.get_metric_history(run, key)}

    def model(self, run: str) -> Any:
        """The model of a run, by its id on the server."""
        with tempfile.TemporaryDirectory() as folder:
            return self._mlflow.sklearn.load_model(f"runs:/{run}/model", dst_path=folder)


def check(server: Server, stores: Mapping[str, Path]) -> Result:
    """Compare what is in the stores with what is on the server."""
    there = server.runs()
    times = Counter(str(run.data.tags.get(TAG)) for run in there)
    remote = {str(run.data.tags.get(TAG)): run for run in there}
    local = {name: skribe.runs(store=store, children=True).to_dict("records") for name, store in stores.items()}
    expected = {str(row["run_id"]): name for name, rows in local.items() for row in rows}
    wrong = [
        f"run {run} of {name} is on the server {times[run]} times" for run, name in expected.items() if times[run] != 1
    ]
    if strangers := [run for run in times if run not in expected]:
        wrong.append(f"{len(strangers)} runs on the server are in no store: {', '.join(strangers[:3])}")
    children = values = models = 0
    for name, rows in local.items():
        for row in rows:
            if row["run_id"] in remote:
                values += _same_values(server, row, remote[row["run_id"]], stores[name], wrong)
                children += _same_place(row, remote, wrong)
        models += _same_model(server, rows, remote, stores[name])
    if not children:
        wrong.append("no candidate of the sweep is under its parent")
    if models != len(stores):
        wrong.append(f"{len(stores) - models} models were not compared, or differ")
    looked_at = [
        f"{len(expected)} runs of {len(stores)} stores are on the server, each exactly once, and no others",
        f"all have finished, with the same {values} values of metrics",
        f"{children} candidates of the sweep are under their parent",
        f"{models} models load with mlflow.sklearn.load_model and predict the same",
    ]
    return Result(looked_at, wrong)


def _same_values(server: Server, row: Mapping[Any, Any], run: Any, store: Path, wrong: list[str]) -> int:
    """How many metrics were compared. A curve is compared as a whole: its last point is a matter of definition."""
    if (row["status"], run.info.status) != ("finished", "FINISHED"):
        wrong.append(f"run {row['run_id']} is {row['status']} here and {run.info.status} there")
    columns = {key.removeprefix("metrics."): row[key] for key in row if key.startswith("metrics.")}
    ours = {key: value for key, value in columns.items() if value is not None and not math.isnan(value)}
    theirs = run.data.metrics
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) == theirs.get(key):
            continue
        if key in ours and key in theirs:
            both = _curve(row["run_id"], key, store), server.curve(run.info.run_id, key)
            if both[0] == both[1]:
                continue
        wrong.append(f"{key} of run {row['run_id']} has another value on the server")
    return len(ours)


def _curve(run: str, key: str, store: Path) -> set[tuple[int, float]]:
    """All points of a metric, in the store."""
    history = skribe.get_run(run, store=store).history(key)
    return {(int(step), float(value)) for step, value in zip(history["step"], history["value"], strict=True)}


def _same_place(row: Mapping[Any, Any], remote: Mapping[str, Any], wrong: list[str]) -> int:
    """1 for a run inside another one, which it must be on the server, too."""
    if not isinstance(row["parent_id"], str):
        return 0
    above = remote.get(row["parent_id"])
    if above is None or remote[row["run_id"]].data.tags.get("mlflow.parentRunId") != above.info.run_id:
        wrong.append(f"run {row['run_id']} is not under its parent")
    return 1


def _same_model(server: Server, rows: list[dict[Any, Any]], remote: Mapping[str, Any], store: Path) -> bool:
    """Whether the model of a machine's last run predicts the same, loaded here and loaded from the server."""
    run = next((row["run_id"] for row in rows if not isinstance(row["parent_id"], str)), None)
    if run is None or run not in remote:
        return False
    X = data()[1]
    ours = skribe.load_model(f"runs:/{run}/model", store=store).predict(X)
    return bool(np.array_equal(ours, server.model(remote[run].info.run_id).predict(X)))
