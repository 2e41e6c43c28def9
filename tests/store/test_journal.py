"""What is written is there, whole, in order, once."""

from __future__ import annotations

import math
import random
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from skribe.records import Changes, Dataset, End, Metric, Note, Param, new_id
from skribe.store.journal import Journal
from skribe.store.query import Query


def test_everything_comes_back(journal, query, make):
    start = make.start("first")
    everything = make.everything(start.run)
    journal.write(start)
    assert query.run_row(start.run).status == "running"
    journal.write(everything)
    row = query.run_row(start.run)
    assert (row.name, row.kind, row.status, row.experiment) == ("first", "fit", "failed", "e")
    assert (row.start, row.end, row.wall, row.cpu) == (start.start.time, *everything.end[1:4])
    assert row.error == everything.end.failure
    assert query.params(row) == sorted(everything.params)
    assert query.facts(row) == list(everything.facts)
    assert query.tags(row) == everything.tags
    assert query.notes(row) == list(everything.notes)
    assert query.warnings(row) == list(everything.warnings)
    assert query.datasets(row) == list(everything.datasets)
    assert query.artifacts(row) == list(everything.artifacts)
    assert query.metrics(row) == [everything.metrics[0], everything.metrics[2]]
    assert query.history(row, "loss") == list(everything.metrics[1:])
    assert query.process(row) == make.process()


def test_it_is_on_disk_when_write_returns(journal, store, make):
    start = make.start()
    journal.write(start, make.finish(start.run))
    other = sqlite3.connect(store / "skribe.db")
    assert other.execute("SELECT status, seconds FROM runs").fetchall() == [("finished", 1.5)]
    assert other.execute("SELECT key, value FROM metrics ORDER BY key").fetchall() == [("acc", 0.5), ("f1", None)]
    assert other.execute("SELECT run_name, value FROM tags").fetchall() == [("r", "Ada")]
    other.close()
    assert (store / ".gitignore").read_text() == "*\n"


def test_writing_the_same_twice_leaves_one(journal, query, store, make):
    start = make.start()
    for _ in range(3):
        journal.write(start, make.everything(start.run))
    connection = sqlite3.connect(store / "skribe.db")
    counts = {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("run", "param", "metric", "point", "tag", "fact", "note", "warning", "dataset", "artifact")
    }
    connection.close()
    once = dict.fromkeys(counts, 1) | {"param": 3, "metric": 2, "point": 2, "tag": 2}
    assert counts == once


def test_a_replay_of_a_whole_run_changes_nothing(journal, query, make):
    start = make.start()
    story = [
        start,
        Changes(run=start.run, metrics=(Metric("loss", 3.0, None, 1.0),)),
        Changes(run=start.run, metrics=(Metric("loss", 2.0, None, 2.0),)),
        Changes(run=start.run, tags={"a": "1"}),
        Changes(run=start.run, tags={"a": "2"}),
        make.finish(start.run),
    ]
    journal.write(*story)
    seen = [query.metrics(start.run), query.history(start.run, "loss"), query.tags(start.run)]
    journal.write(*story)
    again = [query.metrics(start.run), query.history(start.run, "loss"), query.tags(start.run)]
    assert repr(again) == repr(seen)
    assert [point.value for point in query.history(start.run, "loss")] == [3.0, 2.0]


def test_a_param_is_never_overwritten(journal, query, make):
    start = make.start()
    journal.write(start, Changes(run=start.run, params=(Param("C", "1.0", "float"),)))
    journal.write(Changes(run=start.run, params=(Param("C", "2.0", "float"), Param("D", "1", "int"))))
    journal.write(Changes(run=start.run, params=(Param("D", "1", "int"), Param("D", "2", "int"))))
    assert [(p.key, p.value) for p in query.params(start.run)] == [("C", "1.0"), ("D", "1")]
    first, second = query.notes(start.run)
    assert first.what == "params.C"
    assert "'1.0'" in first.reason
    assert "'2.0'" in first.reason
    assert second.what == "params.D"


def test_tags_and_ends_may_come_again_and_runs_be_renamed(journal, query, make):
    start = make.start()
    journal.write(start, Changes(run=start.run, tags={"a": "1", "b": "1"}, end=End("finished", 5.0, 1.0)))
    journal.write(Changes(run=start.run, name="better", tags={"a": "2"}, end=End("finished", 9.0, 2.0)))
    row = query.run_row(start.run)
    assert (row.name, row.end, row.wall) == ("better", 9.0, 2.0)
    assert query.tags(row) == {"a": "2", "b": "1"}


def test_numbers_survive(journal, query, make):
    start = make.start()
    values = {
        "nan": math.nan,
        "inf": math.inf,
        "minus": -math.inf,
        "tiny": 5e-324,
        "third": 1 / 3,
        "np": np.float64(2),
    }
    journal.write(start, Changes(run=start.run, metrics=tuple(Metric(k, v) for k, v in values.items())))
    found = {metric.key: metric.value for metric in query.metrics(start.run)}
    assert math.isnan(found.pop("nan"))
    assert found == {key: value for key, value in values.items() if key != "nan"}


def test_what_sqlite_cannot_hold_is_stored_as_well_as_it_can(journal, query, make):
    start = make.start("lone \ud800")
    odd = Changes(
        run=start.run,
        params=(Param("p", "\udcff", "str"), Param("good", "1", "int")),
        metrics=(Metric("m", 1.0, step=2**80),),
        datasets=(Dataset("training", None, "numpy", None, None, {"a": np.int64(3), ("t",): 1}),),
    )
    journal.write(start, odd, Changes(run=start.run, tags={"after": "all"}))
    assert query.run_row(start.run).name == "lone \\ud800"
    assert [p.value for p in query.params(start.run)] == ["1", "\\udcff"]
    assert query.metrics(start.run)[0].step == 2**63 - 1
    assert query.tags(start.run) == {"after": "all"}
    assert not journal.waiting


def test_a_run_whose_start_was_lost_is_kept_and_its_start_may_come_late(journal, query, make):
    start = make.start("late")
    journal.write(make.finish(start.run))
    assert query.run_row(start.run).status == "finished"
    assert query.notes(start.run)[0].what == "start"
    journal.write(start)
    row = query.run_row(start.run)
    assert (row.name, row.status, row.experiment, row.start) == ("late", "finished", "e", start.start.time)
    assert query.notes(start.run) == []


def test_a_parent_that_comes_after_its_child(journal, query, make):
    parent = make.start("parent")
    child = make.start("child", parent=parent.run)
    journal.write(child)
    journal.write(parent)
    assert query.run_row(child.run).parent == parent.run
    assert query.run_row(parent.run).name == "parent"
    assert [row.name for row in query.children(parent.run)] == ["child"]


def test_from_many_threads(journal, query, make):
    def work(n: int) -> None:
        for m in range(20):
            start = make.start(f"{n}.{m}")
            journal.write(start)
            journal.write(make.finish(start.run))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert query.count(status="finished") == 120
    assert sorted(seq for seq, _ in query.read_changes()) == list(range(1, 241))


def test_the_global_random_streams_stand_still(journal, store, make):
    before = random.getstate(), np.random.get_state()[1].tolist()
    start = make.start()
    journal.write(start)
    blocker = sqlite3.connect(store / "skribe.db", isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    threading.Timer(0.05, lambda: blocker.execute("COMMIT")).start()
    journal.write(make.finish(start.run))
    blocker.close()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_a_process_that_cannot_be_asked_costs_no_record(store, query, make, strict_guard):
    def fails():
        raise RuntimeError("no process")

    with Journal(store, fails) as journal:
        start = make.start()
        journal.write(start, make.finish(start.run))
    assert query.run_row(start.run).status == "finished"
    assert query.process(start.run) is None
    assert [str(error) for _, error in strict_guard] == ["no process"]
    strict_guard.clear()


def test_a_record_that_nothing_can_hold_is_reported_and_the_others_are_written(journal, query, make, strict_guard):
    start = make.start()
    bad = Changes(run=start.run, params=(None,))  # type: ignore[arg-type]
    journal.write(start, bad, make.finish(start.run))
    assert query.run_row(start.run).status == "finished"
    assert len(strict_guard) == 1
    strict_guard.clear()


def test_many_points_and_rows(journal, query, make):
    start = make.start()
    points = tuple(Metric("loss", 1 / (n + 1), n, float(n)) for n in range(1000))
    journal.write(start, Changes(run=start.run, metrics=points))
    for n in range(1000, 1100):
        journal.write(Changes(run=start.run, metrics=(Metric("loss", 1 / (n + 1), n, float(n)),)))
    history = query.history(start.run, "loss")
    assert [point.step for point in history] == list(range(1100))
    assert query.metrics(start.run) == [history[-1]]


def test_the_store_is_created_at_the_first_write_only(store, make):
    with Journal(store, make.process) as journal:
        assert not store.exists()
        journal.write()
        assert not store.exists()
        journal.write(make.start())
        assert store.exists()


def test_a_write_is_fast_enough(journal, make):
    """A tenth of what it takes on this machine would be missed; ten times as much would be noticed."""
    starts = [make.start() for _ in range(200)]
    journal.write(make.start())
    began = time.perf_counter()
    for start in starts:
        journal.write(start)
        journal.write(make.finish(start.run))
    assert (time.perf_counter() - began) / 200 < 0.005


@pytest.mark.parametrize("count", [1, 7, 8, 9, 31, 32, 33, 77])
def test_any_number_of_rows(journal, query, make, count):
    start = make.start()
    params = tuple(Param(f"p{n:03}", str(n), "int") for n in range(count))
    journal.write(start, Changes(run=start.run, params=params))
    assert query.params(start.run) == list(params)


def test_two_journals_of_one_process(store: Path, make, query: Query):
    with Journal(store, make.process) as one, Journal(store, make.process) as other:
        ids = [new_id() for _ in range(10)]
        for n, run in enumerate(ids):
            (one, other)[n % 2].write(make.start(run=run))
            (other, one)[n % 2].write(Changes(run=run, notes=(Note("a", "b"),), end=End("finished", 1.0)))
    assert query.count(status="finished") == 10
