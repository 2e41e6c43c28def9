"""What a backend finds at the other end: an MLflow server, a proxy that counts, a port with nobody, a silent one.

`python -m benchmarks.servers HOST:PORT` is the proxy: a process of its own, so that it takes no time from the one that
is measured.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_SEEN, _RESET = "/-/seen", "/-/reset"
_OF_THIS_HOP = ("host", "connection", "keep-alive", "transfer-encoding")


@contextlib.contextmanager
def mlflow_server() -> Iterator[str]:
    """The address of a real server of its own, with a database and files in the current folder."""
    port, here = _free_port(), os.getcwd()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"),
        f"--backend-store-uri=sqlite:///{here}/server.db",
        f"--artifacts-destination={here}/server-files",
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with _running(command, environment) as server:
        address = f"http://127.0.0.1:{port}"
        _until_it_answers(server, f"{address}/health")
        yield address


class Proxy:
    """A proxy that has begun to count."""

    def __init__(self, address: str) -> None:
        self.address = address

    def reset(self) -> None:
        """Count from here."""
        _get(self.address + _RESET)

    def seen(self) -> list[str]:
        """Method and path of each request since then."""
        found: list[str] = json.loads(_get(self.address + _SEEN))
        return found


@contextlib.contextmanager
def counting_proxy(target: str) -> Iterator[Proxy]:
    """A proxy in front of the server at `target`."""
    command = [sys.executable, "-m", "benchmarks.servers", urlsplit(target).netloc]
    with _running(command, dict(os.environ), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield Proxy(process.stdout.readline().decode().strip())


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """An address at which no one listens."""
    yield f"http://127.0.0.1:{_free_port()}"


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)  # the system accepts, and nobody ever reads
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def ended_runs(address: str) -> int:
    """How many runs an MLflow server has that have ended, asked without MLflow's package."""
    experiments = _post(f"{address}/api/2.0/mlflow/experiments/search", {"max_results": 1000})["experiments"]
    question: dict[str, Any] = {
        "experiment_ids": [each["experiment_id"] for each in experiments],
        "filter": "attributes.status = 'FINISHED'",
        "max_results": 1000,
    }
    ended, token = 0, ""
    while True:
        page = _post(f"{address}/api/2.0/mlflow/runs/search", question | {"page_token": token} if token else question)
        ended += len(page.get("runs", ()))
        token = page.get("next_page_token", "")
        if not token:
            return ended


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def _running(
    command: list[str], environment: dict[str, str], stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, env=environment, stdout=stdout, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        # A server has workers: the session that was made for it holds all of them and nothing else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _until_it_answers(server: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(1200):
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            _get(address)
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {address}")


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:
        content: bytes = answer.read()
        return content


def _post(address: str, question: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(address, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


# -- the process that is the proxy


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, kept open, and one of its own to the server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    target = ""
    seen: tuple[list[str], threading.Lock] = ([], threading.Lock())
    upstream: http.client.HTTPConnection | None = None

    def handle_any(self) -> None:
        body = self._body()
        names, lock = self.seen
        if self.path in (_SEEN, _RESET):
            with lock:
                content = json.dumps(names).encode()
                if self.path == _RESET:
                    names.clear()
            return self._answer(200, {}, content)
        with lock:
            names.append(f"{self.command} {urlsplit(self.path).path}")
        headers = {key: value for key, value in self.headers.items() if key.lower() not in _OF_THIS_HOP}
        response = self._ask(body, headers | {"Content-Length": str(len(body))})
        kept = {key: value for key, value in response.getheaders() if key.lower().startswith("content-")}
        return self._answer(response.status, kept, response.read())

    # The library finds them by these names.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _ask(self, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        # A server closes what has been idle; then the second try has a new connection.
        for last in (False, True):
            connection = self.upstream = self.upstream or http.client.HTTPConnection(self.target, timeout=120)
            try:
                connection.request(self.command, self.path, body, headers)
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                self.upstream = None
                if last:
                    raise
        raise AssertionError

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for key, value in headers.items():
            if key.lower() != "content-length":
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def finish(self) -> None:
        if self.upstream is not None:
            self.upstream.close()
        super().finish()


def main(target: str) -> None:
    _Handler.target = target
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
