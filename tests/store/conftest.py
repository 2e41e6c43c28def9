"""A journal and a query on the test's own store, and records to put into it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skribe.records import (
    Artifact,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Metric,
    Model,
    Note,
    Param,
    ProcessInfo,
    Start,
    Table,
    Warned,
    new_id,
)
from skribe.store.artifacts import ArtifactStore
from skribe.store.journal import Journal
from skribe.store.query import Query

MOMENT = 1_790_000_000.0
# For scripts that run as processes of their own.
SCRIPT_HEAD = """
import os, sys, time
from skribe.capture.environment import process_info
from skribe.records import *
from skribe.store.journal import Journal
from skribe.store.query import Query
store = sys.argv[1]
def started(name="r", **more):
    return Changes(run=new_id(), start=Start("e", name, "fit", time.time(), **more))
def ended(run, status="finished"):
    return Changes(run=run, params=(Param("C", "1.0", "float"),), metrics=(Metric("acc", 0.5),),
                   end=End(status, time.time(), 0.1, 0.1))
"""


class Make:
    """Records."""

    @staticmethod
    def process(token: str = "t", pid: int = 1, host: str = "nowhere") -> ProcessInfo:
        return ProcessInfo(token, host, "boot", pid, "1", {"python": "3"}, "script.py")

    @staticmethod
    def start(name: str = "r", run: str | None = None, moment: float = MOMENT, **more: object) -> Changes:
        fields = {"experiment": "e", "kind": "fit", "estimator_name": "SVC", "estimator_class": "sklearn.svm.SVC"}
        start = Start(name=name, time=moment, **{**fields, **more})  # type: ignore[arg-type]
        return Changes(run=run or new_id(), start=start)

    @staticmethod
    def finish(run: str, moment: float = MOMENT, **more: object) -> Changes:
        fields = {
            "params": (Param("C", "1.0", "float", True), Param("kernel", "rbf", "str", True)),
            "metrics": (Metric("acc", 0.5, None, moment), Metric("f1", float("nan"), None, moment)),
            "tags": {"owner": "Ada"},
            "end": End("finished", moment + 2, 1.5, 1.0),
        }
        return Changes(run=run, **{**fields, **more})  # type: ignore[arg-type]

    @staticmethod
    def everything(run: str, moment: float = MOMENT) -> Changes:
        return Changes(
            run=run,
            params=(Param("C", "1.0", "float", True), Param("clf__n", "3", "int", None), Param("x", "a\0b", "str")),
            metrics=(Metric("acc", 0.5, None, moment), Metric("loss", 3.0, 0, moment), Metric("loss", 2.5, 1, moment)),
            tags={"owner": "Ada", "leer": ""},
            facts=(Fact("n_iter_", "7", "int"),),
            notes=(Note("metrics.auc", "one class only"),),
            warnings=(Warned("ConvergenceWarning", "did not", "a.py", 3, 2),),
            datasets=(Dataset("training", "X", "numpy", (3, 2), "abc", {"dtype": "float64"}),),
            artifacts=(Artifact("model/MLmodel", 12, "00ff"),),
            tables=(Table("roc", "training", {"fpr": [0.0, 1.0], "auc": float("inf")}),),
            models=(Make.model(), Make.model("other", state=None, step=3)),
            end=End("failed", moment + 1, 1.0, 0.5, Failure("ValueError", "no", "Traceback ...")),
        )

    @staticmethod
    def model(path: str = "model", **more: object) -> Model:
        fields = {"file": "model.pkl", "format": "cloudpickle", "size": 10, "digest": "sha256:00", "state": "s"}
        return Model(path, estimator_class="sklearn.svm.SVC", **{**fields, **more})  # type: ignore[arg-type]

    @staticmethod
    def kept(journal: Journal, run: str | None = None, size: int = 10, **more: object) -> str:
        """A finished run with a model whose files are there; its id."""
        start = Make.start(run=run)
        ArtifactStore(journal.folder).put_folder(
            start.run, "model", lambda folder: (folder / "model.pkl").write_bytes(b"x" * size)
        )
        model = Make.model(size=size, digest=f"sha256:{start.run}")
        journal.write(start, Make.finish(start.run, models=(model,), **more))
        return start.run


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "skribe_runs"


@pytest.fixture
def journal(store: Path, make: type[Make]) -> Iterator[Journal]:
    with Journal(store, make.process) as found:
        yield found


@pytest.fixture
def query(store: Path) -> Iterator[Query]:
    found = Query(store)
    yield found
    found.close()


@pytest.fixture
def script(tmp_path: Path, store: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a script as a process of its own; `store` and the imports of SCRIPT_HEAD are there."""

    processes: list[subprocess.Popen[str]] = []

    def run(body: str, *arguments: object) -> subprocess.Popen[str]:
        file = tmp_path / f"script_{time.monotonic_ns()}.py"
        file.write_text(SCRIPT_HEAD + textwrap.dedent(body), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(file), str(store), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        with process:
            process.kill()


@pytest.fixture
def output(script: Callable[..., subprocess.Popen[str]]) -> Callable[..., str]:
    """Run a script to its end; what it printed. It fails the test if it fails."""

    def run(body: str, *arguments: object) -> str:
        process = script(body, *arguments)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out

    return run
