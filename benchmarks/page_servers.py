"""The two pages that are compared, as servers of their own, and how they are asked."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE = 120.0  # seconds until a server must have answered
_JSON = {"Content-Type": "application/json"}


class RefusedError(RuntimeError):
    """A server did not answer what it was asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how many milliseconds it took, from the first byte sent to the last one received."""

    ms: float
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection that is kept open, as browsers have it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def ask(self, path: str, question: Any = None, *, zipped: bool = False) -> Answer:
        """GET, or POST of a question as JSON. Answers other than 200 are errors."""
        body = None if question is None else json.dumps(question)
        headers = {"Accept-Encoding": "gzip" if zipped else "identity", **(_JSON if body else {})}
        for last in (False, True):
            began = time.perf_counter()
            try:
                self._connection.request("POST" if body else "GET", path, body, headers)
                response = self._connection.getresponse()
                content = response.read()
                break
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                # Servers close what has been idle for some seconds. Then there is a new connection, and a new time.
                if last or not isinstance(error, ConnectionError):
                    raise
        spent = (time.perf_counter() - began) * 1e3
        if response.status != 200:
            raise RefusedError(f"{path}: {response.status} {content[:300].decode(errors='replace')}")
        return Answer(spent, content)

    def patience(self, seconds: float) -> None:
        """Wait so long for an answer, and then raise TimeoutError."""
        self._connection.close()
        self._connection.timeout = seconds

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Server:
    """A server that has begun to answer."""

    client: Client
    pid: int
    began: float  # when its process was started, as of time.perf_counter
    start_ms: float  # from then to the end of its first answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.client.port}"

    def memory(self) -> float:
        """Megabytes of its own, in all its processes: pages that they share are divided among them."""
        import psutil

        root = psutil.Process(self.pid)
        found = 0
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                found += process.memory_full_info().pss
        return found / 1e6


@contextlib.contextmanager
def skribe_page(store: Path) -> Iterator[Server]:
    """`skribe ui` over this store."""
    port = _free_port()
    command = [_beside_python("skribe"), "ui", "--no-browser", f"--port={port}", f"--store={store}"]
    with _serving(command, port) as server:
        yield server


@contextlib.contextmanager
def mlflow_page(database: Path, *, quiet: bool) -> Iterator[Server]:
    """`mlflow ui` over this database.

    quiet: with one worker and without its processes for background jobs, so that it neither warms four caches nor
           takes time from whoever else is measured. How it starts is measured as it comes.
    """
    port = _free_port()
    command = [_beside_python("mlflow"), "ui", "--host=127.0.0.1", f"--port={port}"]
    command.append(f"--backend-store-uri=sqlite:///{database}")
    more = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    if quiet:
        command.append("--workers=1")
        more["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    with _serving(command, port, more) as server:
        yield server


@contextlib.contextmanager
def _serving(command: list[str], port: int, more: dict[str, str] | None = None) -> Iterator[Server]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "SKRIBE_"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    environment |= {"PYTHONWARNINGS": "ignore", **(more or {})}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
        try:
            client = _first_answer(process, port)
            if client is None:
                log.seek(0)
                raise RefusedError(
                    f"{' '.join(command)} does not answer: {log.read()[-2000:].decode(errors='replace')}"
                )
            yield Server(client, process.pid, began, (time.perf_counter() - began) * 1e3)
            client.close()
        finally:
            _end(process)


def _first_answer(process: subprocess.Popen[bytes], port: int) -> Client | None:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        client = Client(port)
        try:
            client.ask("/")
        except (OSError, http.client.HTTPException, RefusedError):
            client.close()
            time.sleep(0.01)
            continue
        return client
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    # A server has workers: the session that was made for it holds all of them and nothing else.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _beside_python(program: str) -> str:
    """The command as it was installed with this Python."""
    return str(Path(sys.executable).with_name(program))
