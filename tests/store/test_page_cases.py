"""Pages of the table of runs: what is worth an example of its own; test_page.py compares them with Python."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from skribe.errors import ArgumentError, NotFound, QueryError
from skribe.records import Changes, Fact, Metric, Param
from skribe.store import page
from skribe.store.admin import Admin
from skribe.store.columns import Columns
from skribe.store.query import RunsPage
from skribe.store.where import compile_where


def test_other_processes_write_between_two_pages(query, journal, make, output):
    for n in range(5):
        start = make.start(f"run {n}", moment=1000.0 + n)
        journal.write(start, make.finish(start.run, metrics=(Metric("acc", n / 10),)))
    before = query.runs_page(sort_by="metrics.acc", limit=2)
    assert [row.name for row in before.rows] == ["run 4", "run 3"]
    output("""
        with Journal(store, process_info) as journal:
            run = started("theirs")
            journal.write(run, ended(run.run))
    """)
    after = query.runs_page(sort_by="metrics.acc", limit=2, offset=2, columns=["metrics.acc"])
    assert after.total == before.total + 1
    assert [row.name for row in after.rows] == ["run 3", "run 2"]
    assert query.runs_page(sort_by="metrics.acc", limit=1).rows[0].name == "theirs"


def test_scrolling_beyond_the_beginning(query, journal, make, monkeypatch):
    monkeypatch.setattr(page, "_HEAD", 10)
    for n in range(25):
        start = make.start(f"run {n:02}", moment=1000.0 + n)
        journal.write(start, make.finish(start.run, metrics=(Metric("acc", n % 5),)))
    wanted = [f"run {n:02}" for n in sorted(range(25), key=lambda n: (n % 5, n), reverse=True)]
    for offset in (0, 5, 10, 20, 0, 25):
        found = query.runs_page(sort_by="metrics.acc", limit=5, offset=offset)
        assert (found.total, [row.name for row in found.rows]) == (25, wanted[offset : offset + 5])
    journal.write(make.start())
    assert query.runs_page(sort_by="metrics.acc", limit=5).total == 26


@pytest.fixture
def tree(journal, make):
    """`own` has the metric itself, `search` has it through its children, `nan` has it as NaN, `none` has it not."""
    runs = {}

    def add(name, parent=None, **metrics):
        start = make.start(name, parent=None if parent is None else runs[parent], moment=1000.0 + len(runs))
        runs[name] = start.run
        found = tuple(Metric(key, value) for key, value in metrics.items())
        journal.write(start, make.finish(start.run, metrics=(*found, Metric("f1", 1.0))))

    add("own", m=0.5)
    add("search")
    add("low", "search", m=0.1)
    add("high", "search", m=0.9)
    add("nan", m=float("nan"))
    add("better", "nan", m=5.0)
    add("none")
    return runs


def test_a_run_without_the_metric_stands_where_its_best_child_does(tree, query, store):
    found = query.runs_page(sort_by="metrics.m", columns=["metrics.m"])
    assert [(row.name, row.of_child) for row in found.rows] == [
        *(("search", True), ("own", False), ("none", False), ("nan", False)),
    ]
    assert found.rows[0].cells == (None,)
    assert math.isnan(found.rows[3].cells[0])
    ascending = query.runs_page(sort_by="metrics.m", ascending=True)
    assert [row.name for row in ascending.rows] == ["search", "own", "none", "nan"]
    inside = query.runs_page(parent=tree["search"], sort_by="metrics.m")
    assert (inside.total, [row.name for row in inside.rows]) == (2, ["high", "low"])
    assert {row.parent for row in inside.rows} == {tree["search"]}
    assert query.runs_page(parent=tree["search"], where="metrics.m > 0.5").total == 1
    Admin(store).delete_run(tree["high"])
    after = query.runs_page(sort_by="metrics.m")
    assert [(row.name, row.children) for row in after.rows[:2]] == [("own", 0), ("search", 1)]
    with pytest.raises(NotFound):
        query.runs_page(parent="ffffffff")


def test_keys_that_were_chosen_to_break_something(journal, query, make):
    odd = ["a'b", 'a"b', "a.b.c", "a;b--", "ä ö", "?", "{x}", "\0", "\u202e", "%s", "key", "value", "x" * 10_000]
    for n in range(3):
        start = make.start(f"run {n}", moment=1000.0 + n)
        journal.write(
            start,
            Changes(
                run=start.run,
                params=tuple(Param(key, str(n), "int") for key in odd),
                metrics=tuple(Metric(key, n / 2) for key in odd),
                tags=dict.fromkeys(odd, f"<b>{n}'\""),
                facts=tuple(Fact(key, str(n), "int") for key in odd),
            ),
        )
    for key in odd:
        for group, value in (("params", 2), ("metrics", 1.0), ("tags", "<b>2'\""), ("facts", 2)):
            found = query.runs_page(sort_by=f"{group}.{key}", limit=1, columns=[f"{group}.{key}", "params.?"])
            assert found.rows[0].cells == (value, 2)
            assert found.rows[0].name == "run 2"
        if key.isprintable() and len(key) < 100:
            assert query.runs_page(where=f"params[{key!r}] == 1 and '?' not in tags[{key!r}]").total == 1
    assert [found.key for found in query.key_counts("metrics")] == sorted(odd)
    assert query.runs_page(columns=["tags.\ud800", "params.nobody's"]).rows[0].cells == (None, None)


def test_key_counts(tree, query, journal, make):
    counts = {found.key: (found.count, found.varies) for found in query.key_counts("metrics")}
    assert counts == {"f1": (4, False), "m": (2, True)}
    start = make.start(experiment="other")
    journal.write(start, make.finish(start.run, params=(Param("C", "10.0", "float"), Param("kernel", "rbf", "str"))))
    params = {found.key: (found.count, found.varies) for found in query.key_counts("params")}
    assert params == {"C": (5, True), "kernel": (5, False)}
    assert query.key_counts("params", "other") == [("C", 1, False, 1), ("kernel", 1, False, 1)]
    assert query.key_counts("tags", where="params.C == 1") == [("owner", 4, False, 4)]
    assert query.key_counts("params", newest=1) == [("C", 1, False, 1), ("kernel", 1, False, 1)]
    assert query.key_counts("params", "nowhere") == []


def test_the_parameters_that_somebody_chose(query, journal, make):
    """Those are what a table of runs begins with: not what is always there, and no objects."""
    start = make.start()
    params = [
        Param("C", "2", "int", False),
        Param("tol", "0.1", "float", True),
        Param("by_hand", "7", "int"),
        Param("svc__C", "1", "int"),
        Param("steps", "[...]", "object", False),
    ]
    journal.write(start, make.finish(start.run, params=tuple(params)))
    chosen = {found.key: found.chosen for found in query.key_counts("params")}
    assert chosen == {"C": 1, "by_hand": 1, "steps": 0, "svc__C": 0, "tol": 0}


def test_there_are_no_keys_of_artifacts(query):
    with pytest.raises(ArgumentError, match="params, metrics, tags"):
        query.key_counts("artifacts")


def test_what_is_wrong_is_said(tree, query):
    query.runs_page()
    known = query._desk._columns
    for wrong in (
        *({"limit": -1}, {"offset": 1.5}, {"sort_by": "durations"}, {"sort_by": "metrics."}, {"kind": "fits"}),
        *({"columns": "name"}, {"columns": ["name"]}, {"columns": ["metrics."]}, {"status": "done"}),
    ):
        with pytest.raises(ArgumentError):
            query.runs_page(**wrong)
    for ask in (query.runs_page, query.runs_frame):
        with pytest.raises(ArgumentError, match=r"no run has metrics\.f2; did you mean metrics\.f1"):
            ask(sort_by="metrics.f2")
        with pytest.raises(ArgumentError, match=r"no run has params\.c\b"):
            ask(sort_by="params.c", where="name == 'own'")
        with pytest.raises(QueryError, match=r"no run has params\.c\b"):
            ask(where="params.c == 1")
        with pytest.raises(QueryError, match="did you mean =="):
            ask(where="params.C = 1")
    # These have it not, others do.
    assert query.runs_page(sort_by="metrics.m", where="name == 'none'").total == 1
    assert len(query.runs_frame(sort_by="metrics.m", where="name == 'none'")) == 1
    assert len(query.runs_frame(sort_by="metrics.m", offset=3)) == 1
    # And it goes on after an error, with what it knew.
    assert query.runs_page(sort_by="metrics.m").total == 4
    assert query._desk._columns is known


def test_a_store_that_is_not_there_or_comes_and_goes(query, journal, make, store):
    import shutil

    assert query.runs_page(sort_by="metrics.acc", where="params.C == 1") == (0, [])
    assert query.key_counts("params") == []
    start = make.start()
    journal.write(start, make.finish(start.run))
    assert query.runs_page(sort_by="metrics.acc").total == 1
    shutil.rmtree(store)
    assert query.runs_page(sort_by="metrics.acc").total == 0
    journal.write(make.start(), make.start())
    assert query.runs_page().total >= 2
    query.close()
    assert query.runs_page(limit=1).total >= 2


def test_one_query_for_many_threads_and_a_forked_child(tree, query):
    wanted = query.runs_page(sort_by="metrics.m", columns=["params.C"])
    known = query._desk._columns
    found: list[RunsPage] = []
    threads = [
        threading.Thread(target=lambda: found.append(query.runs_page(sort_by="metrics.m", columns=["params.C"])))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repr(found) == repr([wanted] * 8)
    assert query._desk._columns is known, "each of them would work out the same"
    if hasattr(os, "fork") and (child := os.fork()) == 0:
        os._exit(0 if repr(query.runs_page(sort_by="metrics.m", columns=["params.C"])) == repr(wanted) else 1)
    if hasattr(os, "fork"):
        assert os.waitpid(child, 0)[1] == 0
    assert repr(query.runs_page(sort_by="metrics.m", columns=["params.C"])) == repr(wanted)


def test_more_columns_than_are_kept(journal, query, make):
    for n in range(3):
        start = make.start(f"run {n}", moment=1000.0 + n)
        params = tuple(Param(f"p{key}", str(n * key), "int") for key in range(40))
        journal.write(start, Changes(run=start.run, params=params))
    for key in range(1, 40):
        assert query.runs_page(sort_by=f"params.p{key}", limit=1).rows[0].name == "run 2"
    every = " and ".join(f"params.p{key} == {key}" for key in range(40))
    assert [row.name for row in query.runs_page(where=every).rows] == ["run 1"]
    query.warm_columns(["params.p1", "params.p2"])
    assert query.runs_page(sort_by="params.p1", ascending=True).rows[0].name == "run 0"


def test_every_lookup_of_a_condition_goes_through_a_column():
    """Otherwise it would be right, and slow."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    from skribe.store.migrations import migrate

    migrate(database, "memory")
    columns = Columns(database)
    condition = compile_where(
        "params.C == 1 and metrics.acc > 0.5 and tags.a.startswith('x') and facts.n is None and params.C in (1, True)"
        " and 'a' in params.x.lower() and metrics.acc < metrics.f1 and name == '?'"
    )
    through = columns.through(condition)
    for table in ("param", "metric", "tag", "fact"):
        assert f"FROM {table} " in condition.sql
        assert f"FROM {table} " not in through.sql
    assert through.sql.count("?") == len(through.parameters)
    assert through.parameters == (1, 0.5, 1, "x", 1, 1, "a", "?")
    database.close()


def test_no_pandas_is_imported_for_a_page(tree, store):
    code = (
        "import sys; from skribe.store.query import Query; query = Query(sys.argv[1]);"
        " assert query.runs_page(sort_by='metrics.m', where='params.C == 1', columns=['params.C']).total == 4;"
        " assert query.key_counts('params');"
        " heavy = {'pandas', 'numpy', 'sklearn', 'scipy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, str(store)], check=True, timeout=60)
