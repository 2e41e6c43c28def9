"""Reading: ids, tables, trash, and stores that are not there."""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
import pandas as pd
import pytest

from skribe.errors import Ambiguous, ArgumentError, NotFound, QueryError, StoreError
from skribe.records import Changes, Metric, Param
from skribe.store.admin import Admin
from skribe.store.query import Query

A = "01a1fc23-d4e4-7000-b7ca-45a069d1745e"
B = "01a1fc23-d4e4-7001-b7ca-45a0aaaa0001"
C = "02a1fc23-d4e4-7001-b7ca-45a0aaaa0002"


@pytest.fixture
def three(journal, make):
    for n, run in enumerate((A, B, C)):
        journal.write(make.start(f"run {n}", run, 1000.0 + n), make.finish(run, 1000.0 + n))


@pytest.mark.parametrize(
    ("text", "run"),
    [
        *((A, A), (A.upper(), A), (A.replace("-", ""), A), ("02a1", C), (A[:20], A), ("69d1745e", A), ("69d1", A)),
        *(("aaaa0002", C), (" aaaa0001 ", B), (B[:18], B)),
    ],
)
def test_an_id_may_be_short(three, query, text, run):
    assert query.run_row(text).id == run


def test_what_is_not_one_run(three, query):
    with pytest.raises(Ambiguous) as caught:
        query.run_row("01a1fc")
    assert A in str(caught.value)
    assert B in str(caught.value)
    assert "run 1" in str(caught.value)
    assert "1970-01-01 00:16:41" in str(caught.value)
    with pytest.raises(Ambiguous):
        query.run_row("aaaa")
    for text in ("ffff", "aaa", "", "nonsense", "%", A + "0", "01a1fc23_", "\ud800"):
        with pytest.raises(NotFound):
            query.run_row(text)


def test_a_store_that_is_not_there(query, store):
    assert len(query.runs_frame()) == 0
    assert list(query.runs_frame().columns)[:3] == ["run_id", "name", "kind"]
    assert query.experiments() == []
    assert query.last_run_id() is None
    assert list(query.read_changes()) == []
    assert query.count(where="metrics.x > 3") == 0
    with pytest.raises(NotFound, match="no store yet"):
        query.run_row("abcd1234")
    assert not store.exists()


def test_a_store_that_comes_and_goes(query, journal, make, store):
    import shutil

    assert query.count() == 0
    journal.write(make.start())
    assert query.count() == 1
    shutil.rmtree(store)
    assert query.count() == 0
    journal.write(make.start(), make.start())
    assert query.count() == 2


def test_the_frame(journal, query, make):
    first, second, child = make.start("one", moment=1000.0), make.start("two", moment=2000.5), None
    journal.write(first, make.finish(first.run, 1000.0))
    params = (
        Param("C", "10.0", "float"),
        Param("n", "3", "int"),
        Param("deep", "None", "none"),
        Param("fit", "True", "bool"),
        Param("obj", "SVC()", "object"),
    )
    journal.write(second, make.finish(second.run, 2000.5, params=params, tags={}))
    child = make.start("child", parent=second.run)
    journal.write(child)
    frame = query.runs_frame()
    assert list(frame["run_id"]) == [second.run, first.run]
    assert list(frame.columns) == [
        *("run_id", "name", "kind", "status", "experiment", "start", "duration", "parent_id", "estimator"),
        *("metrics.acc", "metrics.f1"),
        *("params.C", "params.deep", "params.fit", "params.kernel", "params.n", "params.obj", "tags.owner"),
    ]
    assert frame["start"][0] == pd.Timestamp("1970-01-01 00:33:20.5", tz="UTC")
    assert list(frame["duration"]) == [1.5, 1.5]
    assert frame["params.C"].dtype == float
    assert list(frame["params.C"]) == [10.0, 1.0]
    assert frame["params.fit"][0] is True
    assert frame["params.n"][0] == 3
    assert np.isnan(frame["metrics.f1"][0])
    assert pd.isna(frame["tags.owner"][0])
    assert frame["tags.owner"][1] == "Ada"
    everything = query.runs_frame(children=True)
    assert len(everything) == 3
    assert set(everything["parent_id"].dropna()) == {second.run}


def test_typed_columns(journal, query, make):
    rows = [
        (Param("i", "1", "int"), Param("b", "True", "bool"), Param("f", "1.5", "float"), Param("m", "1", "int")),
        (Param("i", "2", "int"), Param("b", "False", "bool"), Param("f", "nan", "float"), Param("m", "None", "none")),
        (
            Param("i", str(2**70), "int"),
            Param("b", "True", "bool"),
            Param("f", "inf", "float"),
            Param("m", "a", "str"),
        ),
    ]
    for n, params in enumerate(rows):
        start = make.start(moment=1000.0 + n)
        journal.write(start, Changes(run=start.run, params=params))
    frame = query.runs_frame(sort_by="start", ascending=True)
    assert list(frame["params.i"]) == [1, 2, 2**70]
    assert frame["params.b"].dtype == bool
    assert frame["params.f"].dtype == float
    assert frame["params.f"][2] == np.inf
    assert list(frame["params.m"]) == [1, None, "a"]
    assert query.runs_frame(limit=2, sort_by="start", ascending=True)["params.i"].dtype == np.int64


def test_texts_with_our_own_separator(journal, query, make):
    odd = {"a": "x\x1fy", "b": "", "c\x1fd": "z", "e": "nul\0byte", "f": "\x1f"}
    for tags in (odd, {"a": "plain"}, {"c\x1fd": "a\x1fb"}, {"a": "only\x1fhere", "z": "1"}):
        start = make.start()
        journal.write(
            start, Changes(run=start.run, tags=tags, params=tuple(Param(k, v, "str") for k, v in tags.items()))
        )
    frame = query.runs_frame(sort_by="id", ascending=True)
    assert {key: frame[f"tags.{key}"][0] for key in odd} == odd
    assert {key: frame[f"params.{key}"][0] for key in odd} == odd
    assert frame["tags.a"][1] == "plain"
    assert frame["tags.c\x1fd"][2] == "a\x1fb"
    assert (frame["tags.a"][3], frame["params.z"][3]) == ("only\x1fhere", "1")


def test_choosing_columns(three, query):
    frame = query.runs_frame(columns=["name", "metrics.acc", "params.C", "params.nothing", "tags.*"])
    assert list(frame.columns) == ["name", "metrics.acc", "params.C", "params.nothing", "tags.owner"]
    assert frame["params.nothing"].isna().all()
    assert list(frame["metrics.acc"]) == [0.5] * 3
    many = [f"params.{n}" for n in range(10)] + ["params.C", "metrics.acc"]
    assert list(query.runs_frame(columns=many)["params.C"]) == [1.0] * 3
    with pytest.raises(ArgumentError, match=r"metrics\.X"):
        query.runs_frame(columns=["accuracy"])
    with pytest.raises(ArgumentError, match="list"):
        query.runs_frame(columns="name")


def test_pages_and_order(journal, query, make):
    for n in range(25):
        start = make.start(f"run {n}", moment=1000.0 + n, experiment="even" if n % 2 == 0 else "odd")
        journal.write(start, Changes(run=start.run, metrics=(Metric("m", float(n % 5)),) if n else ()))
    names = list(query.runs_frame()["name"])
    assert names == [f"run {n}" for n in reversed(range(25))]
    pages = [list(query.runs_frame(limit=10, offset=at)["name"]) for at in (0, 10, 20, 30)]
    assert [name for page in pages for name in page] == names
    assert list(query.runs_frame(experiment="odd", limit=2)["name"]) == ["run 23", "run 21"]
    best = query.runs_frame(sort_by="metrics.m")
    assert best["metrics.m"].iloc[0] == 4
    assert best["name"].iloc[-1] == "run 0", "what has no value comes last"
    assert query.runs_frame(sort_by="metrics.m", ascending=True)["name"].iloc[-1] == "run 0"
    assert query.runs_frame(sort_by="name", ascending=True)["name"].iloc[0] == "run 0"
    # Runs that are far apart are looked up one by one.
    few = query.runs_frame(where='name in ("run 0", "run 24")')
    assert list(few["name"]) == ["run 24", "run 0"]
    with pytest.raises(ArgumentError, match="did you mean duration"):
        query.runs_frame(sort_by="durations")
    for wrong in ({"limit": -1}, {"offset": -1}, {"limit": True}, {"limit": 2.5}):
        with pytest.raises(ArgumentError):
            query.runs_frame(**wrong)


def test_kinds_statuses_and_experiments(journal, query, make):
    for kind, status in (("fit", "finished"), ("search", "failed"), ("cv", "finished")):
        start = make.start(kind, kind=kind, experiment=f"about {kind}")
        journal.write(start)
        end = make.finish(start.run)
        journal.write(Changes(run=start.run, end=end.end._replace(status=status)))
    assert list(query.runs_frame(kind="cv")["name"]) == ["cv"]
    assert query.count(kind=["cv", "fit"]) == 2
    assert query.count(status="failed") == 1
    assert query.count(status=()) == 0
    assert {row.name: row.runs for row in query.experiments()} == {"about fit": 1, "about search": 1, "about cv": 1}
    assert query.keys("params") == []


def test_last_run(journal, query, make):
    parent = make.start("parent")
    journal.write(parent, make.start("child", parent=parent.run))
    assert query.last_run_id() == parent.run
    assert query.last_run_id("t") == parent.run
    assert query.last_run_id("another") is None


def test_the_trash(journal, query, store, make):
    admin = Admin(store)
    parent, other = make.start("parent"), make.start("other", experiment="f")
    child = make.start("child", parent=parent.run)
    journal.write(parent, child, other)
    admin.delete_run(child.run[-8:])
    assert query.count(children=True) == 2
    time.sleep(0.002)
    admin.delete_run(parent.run)
    assert list(query.runs_frame(children=True)["name"]) == ["other"]
    assert set(query.runs_frame(children=True, deleted=True)["name"]) == {"parent", "child"}
    assert query.run_row(parent.run).deleted is not None
    assert query.last_run_id() == other.run
    admin.restore_run(parent.run)
    assert query.count(children=True) == 2, "the child went to the trash before, and on its own"
    admin.restore_run(child.run)
    assert query.count(children=True) == 3

    admin.delete_experiment("f")
    assert list(query.runs_frame()["name"]) == ["parent"]
    assert [row.name for row in query.experiments()] == ["e"]
    assert [row.name for row in query.experiments(deleted=True)] == ["f"]
    journal.write(make.start("new", experiment="f"))
    assert query.runs_frame(experiment="f")["name"].tolist() == ["new"]
    with pytest.raises(ArgumentError, match="already"):
        admin.restore_experiment("f")
    admin.rename_experiment("f", "g")
    admin.restore_experiment("f")
    assert query.count() == 3


def test_experiments_by_hand(store, query):
    admin = Admin(store)
    with pytest.raises(NotFound, match="no store"):
        admin.delete_experiment("a")
    admin.create_experiment("a")
    admin.create_experiment("b")
    for wrong in ("a", "", "  ", "\ud800"):
        with pytest.raises(ArgumentError):
            admin.create_experiment(wrong)
    with pytest.raises(ArgumentError):
        admin.rename_experiment("a", "b")
    admin.rename_experiment("a", "a")
    admin.rename_experiment("a", "c")
    assert {row.name for row in query.experiments()} == {"b", "c"}
    admin.delete_experiment("b")
    with pytest.raises(NotFound, match="trash"):
        admin.delete_experiment("b")
    with pytest.raises(NotFound):
        admin.restore_experiment("c")
    with pytest.raises(NotFound):
        admin.delete_run("abcdabcd")


def test_the_changes_come_back_for_a_replica(journal, query, make, store, tmp_path):
    """A second store that is fed from the first, in pieces, holds the same."""
    from skribe.store.journal import Journal

    with Journal(tmp_path / "replica", make.process) as replica:
        cursor = 0
        for n in range(6):
            start = make.start(f"run {n}")
            journal.write(start)
            if n % 2:
                for seq, changes in query.read_changes(cursor, 3):
                    replica.write(changes)
                    cursor = seq
            journal.write(
                make.everything(start.run), Changes(run=start.run, name=f"renamed {n}", tags={"owner": "Bo"})
            )
            journal.write(Changes(run=start.run, metrics=(Metric("acc", float(n)),), end=make.finish("x").end))
        for _, changes in query.read_changes(cursor):
            replica.write(changes)
    other = Query(tmp_path / "replica")
    for run in query.runs_frame()["run_id"]:
        assert other.run_row(run)._replace(num=0) == query.run_row(run)._replace(num=0)
        for what in ("params", "metrics", "tags", "facts", "notes", "warnings", "datasets", "artifacts"):
            assert getattr(other, what)(run) == getattr(query, what)(run), what
        assert other.history(run, "loss") == query.history(run, "loss")
    other.close()


def test_the_changes_are_exact_where_nothing_was_rewritten(journal, query, make):
    start = make.start("exact")
    everything = make.everything(start.run)
    more = Changes(run=start.run, metrics=(Metric("loss", float("nan"), 2, None),))
    journal.write(start)
    journal.write(everything, more)
    found = [changes for _, changes in query.read_changes()]

    def tidy(changes: Changes) -> str:
        """Its text (NaN is not equal to itself), with those parts sorted that the store keeps by key."""
        params, metrics = tuple(sorted(changes.params)), tuple(sorted(changes.metrics, key=repr))
        tags = dict(sorted(changes.tags.items()))
        return repr(dataclasses.replace(changes, params=params, metrics=metrics, tags=tags))

    assert [tidy(changes) for changes in found] == [tidy(changes) for changes in (start, everything, more)]
    assert [seq for seq, _ in query.read_changes(1, 1)] == [2]
    assert list(query.read_changes(3)) == []


def test_threads_and_close(three, query):
    seen = []

    def read() -> None:
        seen.extend(len(query.runs_frame()) for _ in range(20))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [3] * 80
    query.close()
    assert len(query.runs_frame()) == 3


def test_a_run_that_is_no_longer_there(three, query, store):
    row = query.run_row(A)
    for file in store.glob("skribe.db*"):
        file.unlink()
    with pytest.raises(NotFound):
        query.params(row)


def test_damage_is_an_error_of_ours(three, journal, query, store):
    journal.close()
    assert query.count() == 3
    query.close()
    data = bytearray((store / "skribe.db").read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    (store / "skribe.db").write_bytes(bytes(data))
    with pytest.raises(StoreError):
        query.runs_frame()


def test_a_missing_key_is_an_error_only_where_it_empties_the_result(three, query):
    with pytest.raises(QueryError, match=r"did you mean metrics\.acc"):
        query.runs_frame(where="metrics.ac > 0.1")
    assert query.count(where="metrics.nothing is None") == 3


def test_a_whole_run_has_what_was_replaced_in_its_order(journal, query, make):
    start = make.start()
    journal.write(start)
    values = [3.0, 1.0, 2.0, 5.0]
    journal.write(Changes(run=start.run, metrics=tuple(Metric("m", value, None, 7.0) for value in values)))
    assert [metric.value for metric in query.whole(start.run).metrics] == values
    parts = [changes for _, changes in query.read_changes()]
    assert [metric.value for changes in parts for metric in changes.metrics] == values
