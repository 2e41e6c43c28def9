"""Real trouble: full disks, files instead of folders, garbage, deleted databases, locks that are never released."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skribe.errors import StoreDamaged, StoreError
from skribe.records import Changes, Note, Param
from skribe.store import spool
from skribe.store.journal import Journal
from skribe.store.query import Query


@pytest.fixture(autouse=True)
def heard(caplog):
    caplog.set_level(logging.WARNING, logger="skribe")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "skribe"]


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def waiting_files() -> list[Path]:
    return sorted(spool.spool_folder().glob("*.jsonl"))


def write_run(journal: Journal, make, name: str = "r") -> str:
    start = make.start(name)
    journal.write(start)
    journal.write(make.finish(start.run))
    return start.run


def wait_for_next_try() -> None:
    time.sleep(0.21)


def test_a_file_in_place_of_the_folder(store, make, heard):
    store.write_text("in the way")
    with Journal(store, make.process) as journal:
        ids = [write_run(journal, make, f"r{n}") for n in range(5)]
        assert len(heard()) == 1
        assert "Your code goes on" in heard()[0]
        (file,) = waiting_files()
        assert str(file) in heard()[0]
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert journal.waiting
        store.unlink()
        wait_for_next_try()
        ids.append(write_run(journal, make, "after"))
        assert not journal.waiting
        assert waiting_files() == []
    query = Query(store)
    frame = query.runs_frame(sort_by="id", ascending=True)
    assert list(frame["run_id"]) == ids
    assert set(frame["status"]) == {"finished"}
    assert [seq for seq, _ in query.read_changes()] == list(range(1, 13))
    query.close()
    assert len(heard()) == 1


def test_trouble_that_comes_back_is_worth_another_word(store, make, heard):
    with Journal(store, make.process) as journal:
        for n in range(2):
            if store.exists():
                journal._file.close()
                store.rename(store.with_name(f"moved{n}"))
            store.write_text("in the way")
            write_run(journal, make)
            assert len(heard()) == n + 1
            store.unlink()
            wait_for_next_try()
            write_run(journal, make)
            assert not journal.waiting


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk(tmp_path, make, heard):
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as disk:
        journal = Journal(disk / "runs", make.process)
        ids = [write_run(journal, make, f"r{n}") for n in range(400)]
        big = make.start("big")
        journal.write(big, Changes(run=big.run, params=(Param("p", "x" * 2_000_000, "str"),)))
        assert journal.waiting
        assert any("full" in line for line in heard()), heard()
        ids += [write_run(journal, make, f"after {n}") for n in range(20)]
        assert len(heard()) == 1
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        wait_for_next_try()
        ids.append(write_run(journal, make, "last"))
        assert journal.flush()
        query = Query(disk / "runs")
        assert set(query.runs_frame()["run_id"]) == {*ids, big.run}
        assert query.count(status="finished") == len(ids)
        assert query.params(big.run)[0].value == "x" * 2_000_000
        query.close()
        journal.close()
        check = sqlite3.connect(disk / "runs" / "skribe.db")
        assert check.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        check.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount read-only")
def test_a_read_only_folder(tmp_path, store, make, heard):
    with Journal(store, make.process) as journal:
        first = write_run(journal, make)
    with mounted(tmp_path / "frozen", "--bind", "-o", "ro", str(store)) as frozen:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(frozen)], check=True)
        query = Query(frozen)
        assert query.run_row(first).status == "finished"
        assert len(query.runs_frame()) == 1
        query.close()
        with Journal(frozen, make.process) as journal:
            write_run(journal, make)
            assert journal.waiting
            assert len(heard()) == 1


def test_garbage_in_place_of_the_database(store, make, heard):
    store.mkdir()
    (store / "skribe.db").write_bytes(b"this is not a database" * 1000)
    with pytest.raises(StoreDamaged, match="move it away"):
        Query(store).runs_frame()
    with Journal(store, make.process) as journal:
        run = write_run(journal, make)
        assert len(heard()) == 1
        assert "move it away" in heard()[0]
        (store / "skribe.db").unlink()
        wait_for_next_try()
        write_run(journal, make)
    query = Query(store)
    assert query.run_row(run).status == "finished"
    query.close()


def test_the_database_of_another_program_is_left_alone(store, make, heard):
    store.mkdir()
    other = sqlite3.connect(store / "skribe.db")
    other.execute("CREATE TABLE theirs (a)")
    other.commit()
    other.close()
    before = (store / "skribe.db").read_bytes()
    with Journal(store, make.process) as journal:
        write_run(journal, make)
        assert "another program" in heard()[0]
    assert (store / "skribe.db").read_bytes() == before


@pytest.mark.parametrize("how", ["file", "folder", "replaced"])
def test_the_database_is_deleted_meanwhile(how, store, tmp_path, make, heard):
    with Journal(store, make.process) as journal:
        write_run(journal, make, "gone")
        open_run = make.start("open meanwhile")
        journal.write(open_run)
        if how == "folder":
            shutil.rmtree(store)
        else:
            (store / "skribe.db").unlink()
        if how == "replaced":
            with Journal(tmp_path / "other", make.process) as other:
                write_run(other, make, "theirs")
            shutil.copy(tmp_path / "other" / "skribe.db", store / "skribe.db")
        journal.write(make.finish(open_run.run))
        after = write_run(journal, make, "after")
        query = Query(store)
        names = set(query.runs_frame()["name"])
        # The run that was open got its start again.
        assert names == {"open meanwhile", "after"} | ({"theirs"} if how == "replaced" else set())
        assert query.run_row(after).status == "finished"
        query.close()
    assert heard() == []


def test_the_database_is_overwritten_in_place(store, make, heard):
    with Journal(store, make.process) as journal:
        for _ in range(30):
            write_run(journal, make)
        journal._file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        write_run(journal, make)
        with open(store / "skribe.db", "r+b") as file:
            file.truncate(8192)
        run = write_run(journal, make)
        assert journal.waiting
        assert len(heard()) == 1
        for file in store.glob("skribe.db*"):
            file.unlink()
        wait_for_next_try()
        write_run(journal, make)
        assert not journal.waiting
    query = Query(store)
    assert query.run_row(run).status == "finished"
    query.close()


def test_a_lock_that_is_never_released_costs_one_wait(store, make, heard):
    with Journal(store, make.process, patience=0.3) as journal:
        write_run(journal, make)
        blocker = sqlite3.connect(store / "skribe.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        write_run(journal, make)
        assert time.monotonic() - began < 0.6
        durations = []
        for _ in range(50):
            began = time.monotonic()
            write_run(journal, make)
            durations.append(time.monotonic() - began)
        assert sorted(durations)[25] < 0.005
        assert max(durations) < 0.1
        assert "locked" in heard()[0]
        assert len(heard()) == 1
        blocker.execute("ROLLBACK")
        blocker.close()
        wait_for_next_try()
        write_run(journal, make)
        assert journal.flush(5)
    query = Query(store)
    assert query.count(status="finished") == 53
    query.close()


def test_without_a_temporary_folder_memory_holds_the_records(store, own_temporary_folder, make, heard):
    shutil.rmtree(own_temporary_folder)
    own_temporary_folder.write_text("no folder")
    import tempfile

    tempfile.tempdir = str(own_temporary_folder)
    store.write_text("in the way")
    with Journal(store, make.process) as journal:
        ids = [write_run(journal, make) for _ in range(5)]
        assert "memory" in heard()[0]
        store.unlink()
        wait_for_next_try()
        ids.append(write_run(journal, make))
    query = Query(store)
    assert set(query.runs_frame()["run_id"]) == set(ids)
    query.close()


def test_memory_is_bounded_and_says_what_was_dropped(store, own_temporary_folder, make, heard, monkeypatch):
    monkeypatch.setattr(spool, "MEMORY_LIMIT", 2_000)
    monkeypatch.setattr(spool, "private_folder", lambda: (_ for _ in ()).throw(PermissionError("no")))
    store.write_text("in the way")
    journal = Journal(store, make.process)
    for _ in range(50):
        write_run(journal, make)
    journal.close()
    assert sum("dropped" in line for line in heard()) == 1
    assert "100 records could be written nowhere and are lost" in heard()[-1]


def test_somebody_elses_spool_folder_is_not_used(store, own_temporary_folder, make, tmp_path, heard):
    (tmp_path / "theirs").mkdir()
    spool.spool_folder().symlink_to(tmp_path / "theirs")
    store.write_text("in the way")
    with Journal(store, make.process) as journal:
        write_run(journal, make)
        assert "memory" in heard()[0]
        assert list((tmp_path / "theirs").iterdir()) == []


def test_what_a_closed_journal_left_is_delivered_by_the_next(store, make, query, heard):
    store.write_text("in the way")
    with Journal(store, lambda: make.process("first")) as journal:
        run = write_run(journal, make)
    (file,) = waiting_files()
    assert str(file) in heard()[-1]
    store.unlink()
    with Journal(store, lambda: make.process("second")) as journal:
        other = write_run(journal, make)
    assert waiting_files() == []
    assert query.process(run).token == "first"
    assert query.process(other).token == "second"
    assert query.run_row(run).status == "finished"


def test_a_torn_line_costs_only_itself(store, make, query):
    store.write_text("in the way")
    with Journal(store, make.process) as journal:
        run = write_run(journal, make)
    (file,) = waiting_files()
    with open(file, "ab") as end:
        end.write(b'{"run":"x","params":[["a"')
    store.unlink()
    with Journal(store, make.process) as journal:
        write_run(journal, make)
    assert query.run_row(run).status == "finished"
    assert waiting_files() == []


def test_many_waiting_records_are_delivered_a_little_at_a_time(store, make, query):
    store.write_text("in the way")
    with Journal(store, make.process) as journal:
        ids = [write_run(journal, make, f"r{n}") for n in range(500)]
        store.unlink()
        wait_for_next_try()
        longest = 0.0
        while journal.waiting:
            began = time.monotonic()
            ids.append(write_run(journal, make))
            longest = max(longest, time.monotonic() - began)
    assert longest < 0.5
    frame = query.runs_frame(sort_by="id", ascending=True)
    assert list(frame["run_id"]) == ids


def test_a_signal_handler_that_writes_while_we_write(store, make, query, monkeypatch):
    with Journal(store, make.process) as journal:
        write_run(journal, make)
        inner, outer = make.start("inner"), make.start("outer")
        write = journal._file.rows.write

        def interrupted(changes, *arguments):
            if changes.run == outer.run:
                journal.write(inner)
            write(changes, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(journal._file.rows, "write", interrupted)
            journal.write(outer)
        journal.write(make.finish(inner.run), make.finish(outer.run))
    assert query.count(status="finished") == 3


def test_ctrl_c_while_writing_loses_nothing(store, make, query, monkeypatch):
    with Journal(store, make.process) as journal:
        write_run(journal, make)
        start = make.start("interrupted")

        def interrupt(*_arguments):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(journal._file.rows, "write", interrupt)
            with pytest.raises(KeyboardInterrupt):
                journal.write(start)
        journal.write(Changes(run=start.run, notes=(Note("a", "b"),)))
        assert query.run_row(start.run).name == "interrupted"


def test_reading_a_store_of_a_later_skribe(store, make, query):
    from skribe.errors import StoreTooNew

    with Journal(store, make.process) as journal:
        write_run(journal, make)
    late = sqlite3.connect(store / "skribe.db")
    late.execute("PRAGMA user_version = 999")
    late.close()
    with pytest.raises(StoreTooNew, match="upgrade"):
        query.runs_frame()
    assert issubclass(StoreTooNew, StoreError)
