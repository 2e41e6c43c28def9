"""A real server behind a network that drops, delays and repeats, and processes that are killed while they deliver.

Afterwards the server holds exactly what the journal holds, once.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import skribe
from skribe.session import query_of
from skribe.store.outbox import StoreOutbox

from .conftest import MARKS
from .proxy import Answer, Proxy

pytestmark = [*MARKS, pytest.mark.slow, pytest.mark.timeout(600)]

WORK = """
import sys, time
import numpy as np
import skribe
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
backend, number = sys.argv[1:]
open(f"begun {number}", "w").close()
skribe.autolog(backend=skribe.backends.MLflow(address=backend, plots=False, timeout=5), silent=True, log_models=False)
rng = np.random.RandomState(int(number))
X, y = rng.rand(40, 3), rng.randint(0, 2, 40)
for n in range(8):
    DummyClassifier(strategy="stratified", random_state=n).fit(X, y)
    with skribe.run(f"by hand {number} {n}", tags={"n": n}) as run:
        for step in range(5):
            run.log_metric("loss", 1 / (1 + step), step=step)
    time.sleep(0.05)
    if n == 5:
        GridSearchCV(DummyClassifier(), {"random_state": [0, 1, 2]}, cv=2).fit(X, y)
skribe.autolog(backend=skribe.backends.MLflow(address=backend, plots=False, timeout=5), silent=True)
DummyClassifier().fit(X, y)
time.sleep(2)
"""
WORKERS = 2
SYNC = [sys.executable, "-c", "from skribe.cli import main; main()", "sync", "--timeout=30"]


def weather(chance: random.Random):
    """What happens to each request, if anything."""

    def fault(_request):
        drawn = chance.random()
        if drawn < 0.06:
            return "cut"
        if drawn < 0.10:
            return "twice"
        if drawn < 0.13:
            return "late"
        if drawn < 0.16:
            return Answer(503, b"<html>busy</html>", {"Content-Type": "text/html"})
        if drawn < 0.17:
            return Answer(429, b"", {"Retry-After": "1"})
        if drawn < 0.18:
            return Answer(200, b"<html>a login page</html>", {"Content-Type": "text/html"})
        if drawn < 0.25:
            time.sleep(chance.random() * 0.2)
        return None

    return fault


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def helpers(folder: Path) -> list[int]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"skribe.delivery.helper" in line and os.readlink(f"/proc/{pid}/cwd") == str(folder):
                found.append(int(pid))
        except OSError:
            continue
    return found


def story(run: str, there: list, outbox: StoreOutbox, proxy: Proxy) -> str:
    """What became of a run: on the server, in the trash there, in the store and on the way."""
    mine = [each for each in there if each.data.tags["skribe.run_id"] == run]
    return "\n  ".join(
        [
            f"{run}, in MLflow {[(each.info.run_id, each.info.lifecycle_stage) for each in mine]}",
            f"remembered {outbox.remote(run)}, delivered {bool(outbox.known([run]))}, {outbox.position()}",
            *(f"refused: {refusal.reasons}" for refusal in outbox.refused() if refusal.run == run),
            *proxy.about(run, *(each.info.run_id for each in mine)),
        ]
    )


@pytest.mark.parametrize("seed", [1])
def test_the_server_holds_exactly_what_the_journal_holds(seed, shared_proxy: Proxy, tmp_path, monkeypatch):
    import mlflow
    from mlflow.entities import ViewType

    chance = random.Random(seed)
    shared_proxy.reset()
    shared_proxy.fault = weather(random.Random(seed + 1))
    backend = f"{shared_proxy.address}"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"chaos {seed} {time.time()}")
    script = tmp_path / "work.py"
    script.write_text(WORK)
    processes: dict[int, subprocess.Popen[bytes]] = {}
    while len(processes) < WORKERS or any(worker.poll() is None for worker in processes.values()):
        alive = {number: worker for number, worker in processes.items() if worker.poll() is None}
        if len(alive) < 2 and len(processes) < WORKERS:
            number = len(processes)
            processes[number] = subprocess.Popen([sys.executable, script, backend, str(number)], cwd=tmp_path)
        time.sleep(chance.uniform(0.2, 1.0))
        victims = helpers(tmp_path)
        if victims and chance.random() < 0.3:
            kill(chance.choice(victims))
        begun = [worker.pid for number, worker in alive.items() if (tmp_path / f"begun {number}").exists()]
        if begun and chance.random() < 0.25:
            kill(chance.choice(begun))
    done = subprocess.run(SYNC, cwd=tmp_path, capture_output=True, text=True, check=False)
    shared_proxy.fault = None
    for late in shared_proxy.later:
        late.join()
    done = subprocess.run(SYNC, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    query = query_of(tmp_path / "skribe_runs")
    here = {row: skribe.get_run(row) for row in skribe.runs(children=True)["run_id"]}
    assert len(here) >= 10
    client = mlflow.MlflowClient(backend)
    experiment = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    ever = list(client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=5000))
    there = [run for run in ever if run.info.lifecycle_stage == "active"]
    times = Counter(run.data.tags["skribe.run_id"] for run in there)
    outbox = StoreOutbox(tmp_path / "skribe_runs", f"mlflow:{backend}")
    wrong = [run for run in {*times, *here} if times[run] != (run in here)]
    assert not wrong, "\n".join([done.stdout, *(story(run, ever, outbox, shared_proxy) for run in wrong)])
    assert outbox.refused() == []
    outbox.close()
    statuses = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
    for run in there:
        mine = here[run.data.tags["skribe.run_id"]]
        assert run.info.status == statuses[mine.status]
        assert mine.remotes[f"mlflow:{backend}"] == run.info.run_id
        assert set(run.data.params) == set(mine.params)
        assert run.data.metrics == pytest.approx(mine.metrics)
        for key in mine.metrics:
            expected = sorted((point.step or 0, round(point.value, 9)) for point in query.history(mine.id, key))
            found = sorted(
                (point.step, round(point.value, 9)) for point in client.get_metric_history(run.info.run_id, key)
            )
            assert found == expected
        parent = mine.parent
        assert run.data.tags.get("mlflow.parentRunId") == (parent and parent.remotes[f"mlflow:{backend}"])
    models = client.search_logged_models([experiment.experiment_id])
    assert sorted(model.source_run_id for model in models) == sorted(
        mine.remotes[f"mlflow:{backend}"] for mine in here.values() if mine.models
    )
