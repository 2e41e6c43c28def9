"""One real MLflow server for the session, a proxy in front of it, and what a shipper does in between."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("mlflow")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")

import skribe
from skribe.records import Changes
from skribe.session import query_of, settle

from .proxy import Proxy

# MLflow and what it builds on warn of themselves, some of it only when it is used.
MARKS = [pytest.mark.thirdparty, pytest.mark.filterwarnings("ignore")]


class FakeOutbox:
    """The local store as a backend sees it, with a memory that outlives a backend."""

    def __init__(self, folder: Path) -> None:
        self.query = query_of(folder)
        self.store = folder
        self.remotes: dict[str, str] = {}
        self.aside: list[tuple[str, str, str]] = []

    def remote(self, run: str) -> str | None:
        return self.remotes.get(run)

    def remember(self, remotes: Mapping[str, str]) -> None:
        self.remotes |= remotes

    def whole(self, run: str) -> Changes | None:
        return next((c for c in merged(self.query.read_changes()) if c.run == run), None)

    def folder(self, run: str) -> Path:
        return self.store / "artifacts" / run

    def set_aside(self, run: str, what: str, reason: str) -> None:
        self.aside.append((run, what, reason))


def merged(entries) -> list[Changes]:
    """All entries of a run as one, the runs in the order in which they began."""
    parts: dict[str, dict] = {}
    for _, changes in entries:
        found = parts.setdefault(changes.run, {"run": changes.run})
        for field in fields(Changes):
            value = getattr(changes, field.name)
            if field.name == "run" or not value:
                continue
            old = found.get(field.name)
            if isinstance(value, tuple) and field.name not in ("start", "end"):
                found[field.name] = (old or ()) + value
            elif isinstance(value, Mapping):
                found[field.name] = {**(old or {}), **value}
            else:
                found[field.name] = value
    return [Changes(**part) for part in parts.values()]


def written(after: int = 0) -> list[Changes]:
    """What the test's store holds, as a shipper hands it over."""
    settle()
    return merged(query_of(Path(os.environ["SKRIBE_STORE"])).read_changes(after))


@pytest.fixture
def outbox() -> FakeOutbox:
    return FakeOutbox(Path(os.environ["SKRIBE_STORE"]))


@pytest.fixture
def on() -> Iterator[None]:
    """Recording is on, and off again."""
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def start_server(folder: Path, command: list[str]) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = open(folder / "server.log", "wb")  # noqa: SIM115 - the server writes to it for as long as it runs
    server = subprocess.Popen(
        [
            *command,
            "server",
            "--host=127.0.0.1",
            f"--port={port}",
            "--workers=1",
            f"--backend-store-uri=sqlite:///{folder}/server.db",
            f"--artifacts-destination={folder}/files",
        ],
        cwd=folder,
        stdout=log,
        stderr=log,
        env={k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTHON"))}
        | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )
    log.close()
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1)
            return server, address
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise RuntimeError((folder / "server.log").read_text()[-2000:])


def stop_server(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """The address of a real server of the installed version."""
    process, address = start_server(tmp_path_factory.mktemp("mlflow"), [sys.executable, "-m", "mlflow"])
    yield address
    stop_server(process)


@pytest.fixture(scope="session")
def shared_proxy(server) -> Iterator[Proxy]:
    proxy = Proxy(server)
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(shared_proxy) -> Iterator[Proxy]:
    """A proxy in front of the server that has seen nothing yet."""
    shared_proxy.reset()
    yield shared_proxy
    shared_proxy.reset()


@pytest.fixture
def free_port() -> int:
    """A port at which nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield int(silent.getsockname()[1])
