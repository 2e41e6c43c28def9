"""The example of a team: PostgreSQL, an MLflow server that is killed, a Dask cluster, all of it real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

for package in ("mlflow", "psycopg2", "distributed"):
    pytest.importorskip(package)

FOLDER = Path(__file__).parents[2] / "examples" / "team_server"
SCRIPT = FOLDER / "run.py"

pytestmark = [pytest.mark.thirdparty, pytest.mark.slow, pytest.mark.newest_only]


def has_postgres() -> bool:
    code = "import servers; print(servers.postgres_binaries() is not None)"
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


@pytest.fixture
def place() -> Iterator[str]:
    """A folder for temporary files that PostgreSQL's user can reach, which it cannot below that of the test."""
    if not has_postgres():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="skribe-") as folder:
        os.chmod(folder, 0o711)
        yield folder


def start(place: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(SCRIPT), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": place},
    )


def at_work(place: str) -> list[str]:
    """The servers and machines of the example that run: all of them work below its folder."""
    processes = psutil.process_iter(["cwd", "cmdline"])
    return [str(each.info["cmdline"]) for each in processes if (each.info["cwd"] or "").startswith(place)]


def left_behind(place: str) -> list[str]:
    """Those that do not end. What delivers for a store may take a moment longer than the rest."""
    until = time.monotonic() + 15
    while (found := at_work(place)) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def test_nothing_is_lost_and_nothing_comes_twice(place):
    process = start(place, "--quick")
    said, _ = process.communicate(timeout=280)
    assert process.returncode == 0, said
    table = {name: list(map(int, numbers)) for name, *numbers in re.findall(r"^ +(\w+) +(\d+) +(\d+) ", said, re.M)}
    assert {name: runs for name, (runs, _) in table.items()} == {"anna": 12, "ben": 8, "dask": 7, "together": 27}, said
    assert table["anna"][1] >= 4
    assert table["ben"][1] >= 4
    assert "checked  27 runs of 3 stores are on the server, each exactly once, and no others" in said
    assert "checked  6 candidates of the sweep are under their parent" in said
    assert "checked  3 models load with mlflow.sklearn.load_model and predict the same" in said
    assert re.search(r"`skribe sync` at ben: .* [1-9]\d* runs delivered", said)
    assert left_behind(place) == []
    assert os.listdir(place) == []
