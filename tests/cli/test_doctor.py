"""`skribe doctor`: what is wrong is told with what to do, and nothing of it is a traceback."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3

import pytest

from skribe.capture.environment import process_info
from skribe.cli import checks
from skribe.records import Changes, Fact
from skribe.store.spool import Spool
from tests.cli.book import Book, call


def told(*options, **more):
    """The checks by name, and the exit code."""
    done = call("doctor", "--json", *options, **more)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return {row["name"]: row for row in json.loads(done.stdout)}, done.exit_code


def test_a_store_that_is_well(book):
    book.run()
    book.search()
    found, code = told("--deep")
    assert code == 0
    assert {row["state"] for row in found.values()} <= {"ok", "note"}, found
    assert found["content"]["said"] == "2 runs, 6 inside of them, in 1 experiment"
    assert found["path"]["said"] == f"{book.folder} (named by SKRIBE_STORE)"
    assert found["integrity"]["state"] == "ok"
    assert found["scikit-learn"]["state"] == "ok"
    text = call("doctor")
    assert text.exit_code == 0
    assert "All is well." in text.stdout
    assert "--deep reads the whole database" in text.stdout
    assert "| store | path | ok |" in call("doctor", "--md").stdout
    assert call("doctor", "--csv").stdout.startswith("topic,name,state,said,todo\n")


def test_why_this_store(own_folder, monkeypatch):
    monkeypatch.delenv("SKRIBE_STORE")
    assert "the default, in the working directory" in told()[0]["path"]["said"]
    Book(own_folder / "skribe_runs").run()
    assert "found here" in told()[0]["path"]["said"]
    (own_folder / "below").mkdir()
    monkeypatch.chdir(own_folder / "below")
    assert "found above" in told()[0]["path"]["said"]
    assert "named by --store" in told("--store", "x")[0]["path"]["said"]


def test_no_store_yet_is_no_problem_unless_one_was_named(own_folder, monkeypatch):
    found, code = told("--store", "x")
    assert (found["database"]["state"], code) == ("warn", 0)
    monkeypatch.delenv("SKRIBE_STORE")
    found, code = told()
    assert (found["database"]["state"], code) == ("note", 0)
    assert not (own_folder / "x").exists()


@pytest.mark.parametrize("damage", ["newer", "text", "foreign", "folder"])
def test_a_store_that_cannot_be_read(book, damage):
    book.run()
    database = book.folder / "skribe.db"
    if damage == "newer":
        connection = sqlite3.connect(database)
        connection.execute("PRAGMA user_version = 999")
        connection.close()
    else:
        database.unlink()
    if damage == "text":
        database.write_text("no database " * 1000)
    elif damage == "foreign":
        connection = sqlite3.connect(database)
        connection.execute("CREATE TABLE x (y)")
        connection.close()
    elif damage == "folder":
        database.mkdir()
    found, code = told()
    assert code == 1
    assert "problem" in {row["state"] for row in found.values() if row["topic"] == "store"}
    for command in (("runs",), ("show", "last"), ("experiments",), ("models",), ("tail",), ("best", "e", "-m", "m")):
        done = call(*command)
        assert done.exit_code == 1, command
        assert done.stderr.startswith("Error: "), command


def test_damage_inside(book):
    for n in range(40):
        book.run(params={f"p{n}": "x" * 2000})
    database = book.folder / "skribe.db"
    bytes_ = bytearray(database.read_bytes())
    middle = len(bytes_) // 2 // 4096 * 4096
    bytes_[middle : middle + 4096] = os.urandom(4096)
    database.write_bytes(bytes_)
    found, code = told("--deep")
    assert code == 1
    problem = next(row for row in found.values() if row["state"] == "problem")
    assert problem["name"] in ("integrity", "database")


def test_what_died_and_what_waits(book):
    dead = process_info()._replace(pid=2**22 - 3, token="dead")
    Book(book.folder, dead).run(status="running", wanted=("mlflow:http://ada:secret@tracking:5000",))
    spool = Spool(book.folder, dead)
    spool.keep((Changes(run="x", facts=(Fact("a", "1", "int"),)),))
    try:
        found, code = told()
        assert (found["running"]["state"], found["spool"]["state"], code) == ("warn", "warn", 0)
        assert "1 run of processes that died" in found["running"]["said"]
        delivery = next(row for row in found.values() if row["topic"] == "delivery")
        assert delivery["state"] == "warn"
        assert "1 run pending" in delivery["said"]
        assert delivery["todo"] == "skribe sync"
    finally:
        spool.close(remove=True)


def test_secrets_are_not_shown(book):
    secrets = {
        "MLFLOW_TRACKING_URI": "https://ada:hunter2@host/?token=hunter2",
        "MLFLOW_TRACKING_PASSWORD": "hunter2",
        "WANDB_API_KEY": "hunter2",
    }
    done = call("doctor", env=secrets)
    assert "hunter2" not in done.output
    assert "https://host/" in done.output
    assert "WANDB_API_KEY" in done.output


def test_an_extra_that_is_missing_has_its_command(book, monkeypatch):
    monkeypatch.setitem(checks.EXTRAS, "plots", ("pictures", ("no_such_package",)))
    found, code = told()
    assert (found["plots"]["state"], found["plots"]["todo"], code) == ("note", 'pip install "skribe[plots]"', 0)


def test_versions_within_bounds():
    assert checks._within("1.9.1", ">=1.6,<1.10")
    assert not checks._within("1.10.0", ">=1.6,<1.10")
    assert not checks._within("1.5.2", ">=1.6,<1.10")
    assert checks._within("1.9.dev0", ">=1.6,<1.10")


def test_a_full_disk(book, monkeypatch):
    book.run()
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _path: usage._replace(free=1000))
    found, code = told()
    assert (found["disk"]["state"], code) == ("problem", 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_is_read_only(book):
    book.run()
    (book.folder / "skribe.db").chmod(0o400)
    found, code = told()
    assert (found["writing"]["state"], code) == ("problem", 1)
