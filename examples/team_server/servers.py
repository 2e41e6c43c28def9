"""The team's servers: PostgreSQL, and an MLflow server that keeps its records there and its files in a folder."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 120.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class NotStarted(Exception):  # noqa: N818 - it says what happened
    """Something that the example needs could not be started."""


def environment(**more: str) -> dict[str, str]:
    """Ours, without settings that would lead the programs of the example to somebody else's servers.

    All of the "machines" share the cores of one: more threads would only wait for each other.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "PG", "SKRIBE_"))}
    return kept | {"MLFLOW_DISABLE_TELEMETRY": "true", **ONE_THREAD} | more


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def end(process: subprocess.Popen[Any], gently: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """Ask a process to end; after a while, end it with all that it has started in its session."""
    if process.poll() is None:
        process.send_signal(gently)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(true: Any, what: str, process: subprocess.Popen[Any], log: Path) -> None:
    """Until `true()`. NotStarted, with the end of the log, if the process ends before, or it takes too long."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if true():
            return
        time.sleep(0.05)
    raise NotStarted(f"{what} has not started. The end of its log:\n{log.read_text(errors='replace')[-2000:]}")


# -- PostgreSQL


def postgres_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, the newest one. None if PostgreSQL is not installed."""
    folders = glob.glob("/usr/lib/postgresql/*/bin")  # Debian keeps them out of the PATH
    folders.sort(key=lambda name: [int(number) for number in re.findall(r"\d+", name)], reverse=True)
    folders += [os.path.dirname(found)] if (found := shutil.which("initdb")) else []
    return next((Path(each) for each in folders if os.path.exists(f"{each}/initdb")), None)


def _unprivileged() -> dict[str, Any]:
    """Arguments for subprocess: PostgreSQL refuses to run as root, and is somebody else then."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise NotStarted("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.")


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """A PostgreSQL server with an empty database: its address, and the environment that holds the password."""
    binaries = postgres_binaries()
    if binaries is None:
        raise NotStarted("PostgreSQL is not installed. On Debian and Ubuntu: apt-get install postgresql")
    who, port, password = _unprivileged(), free_port(), secrets.token_urlsafe(24)
    folder.mkdir()
    log, secret = folder / "log", folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    for path in (folder, secret):
        os.chown(path, who.get("user", -1), who.get("group", -1))
    # In an environment, other users of the machine do not see the password; in an address they would.
    access = environment(PGPASSWORD=password)
    arguments: dict[str, Any] = {"cwd": folder, "env": access, "stderr": subprocess.STDOUT, **who}

    def run(*command: str) -> None:
        done = subprocess.run([str(binaries / command[0]), *command[1:]], stdout=subprocess.PIPE, **arguments)
        if done.returncode:
            raise NotStarted(f"{command[0]} has failed: {done.stdout.decode(errors='replace')[-2000:]}")

    run(
        "initdb", "--pgdata=data", "--username=mlflow", "--auth=scram-sha-256", "--pwfile=password", "--encoding=UTF8",
        "--locale=C", "--no-sync",
    )  # fmt: skip
    secret.unlink()
    settings = {"listen_addresses": HOST, "port": port, "unix_socket_directories": "", "fsync": "off"}
    command = [f"{binaries}/postgres", "-D", "data", *(f"--{key}={value}" for key, value in settings.items())]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, start_new_session=True, **arguments)
    try:
        ready = [str(binaries / "pg_isready"), "--quiet", f"--host={HOST}", f"--port={port}"]
        wait_until(lambda: subprocess.run(ready, env=access).returncode == 0, "PostgreSQL", server, log)
        run("createdb", f"--host={HOST}", f"--port={port}", "--username=mlflow", "mlflow")
        yield f"postgresql+psycopg2://mlflow@{HOST}:{port}/mlflow", access
    finally:
        end(server, signal.SIGINT)  # "fast": connections are closed, everything is written


# -- MLflow


class MLflowServer:
    """`mlflow server` as a team runs it: records in PostgreSQL, files in a folder that only the server sees."""

    def __init__(self, folder: Path, database: str, access: Mapping[str, str]) -> None:
        port = free_port()
        self.address = f"http://{HOST}:{port}"
        self._folder, self._log = folder, folder / "log"
        # Jobs are a part of MLflow that tracking does not need: they would start more processes.
        self._environment = {**access, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._command = [
            sys.executable, "-m", "mlflow", "server", f"--host={HOST}", f"--port={port}", "--workers=1",
            f"--backend-store-uri={database}", f"--artifacts-destination={folder / 'artifacts'}",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    def launch(self) -> None:
        """Start it, and do not wait."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until it answers."""
        assert self._process is not None
        wait_until(self._answers, "The MLflow server", self._process, self._log)

    def crash(self) -> None:
        """As if its machine lost its power."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            end(self._process)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
        return False


def tail(path: Path, lines: int = 15) -> Sequence[str]:
    """The last lines of a log."""
    return path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else ()
