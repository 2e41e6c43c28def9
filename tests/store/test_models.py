"""Tables and models in the store: in and out, twice, through the spool and to a replica."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skribe.capture.environment import process_info
from skribe.errors import NotFound
from skribe.records import Changes, End, Registration, Table, new_id
from skribe.store.admin import Admin
from skribe.store.journal import Journal
from skribe.store.query import Query
from skribe.store.registry import Registry

MOMENT = 1_790_000_000.0


def table(name: str = "roc", data: str = "training", **body: object) -> Table:
    return Table(name, data, body)


@pytest.fixture
def run(journal, make):
    start = make.start()
    journal.write(start)
    return start.run


# --- in and out ----------------------------------------------------------------------------------------------


def test_in_and_out(journal, query, make, run):
    tables = (table(fpr=[0.0, 0.1 + 0.2], n={"a": None}), table("roc", "X_test"), table("matrix", rows=[[1, 2]]))
    models = (make.model(), make.model("best_estimator", state=None, step=7, format="skops"))
    journal.write(Changes(run=run, tables=tables, models=models))
    assert query.tables(run) == sorted(tables, key=lambda each: each[:2])
    assert query.table_names(run) == [("matrix", "training"), ("roc", "X_test"), ("roc", "training")]
    assert query.table(run, "roc", "training") == tables[0]
    assert query.table(run, "roc", "validation") is None
    assert query.table(run, "\ud800", "training") is None
    assert query.models(run) == [models[1], models[0]]
    assert query.model(run) == models[0]
    assert query.model(query.run_row(run), "best_estimator") == models[1]
    with pytest.raises(NotFound, match="did you mean 'best_estimator'"):
        query.model(run, "best_estimators")


def test_nan_and_numpy_in_a_table(journal, query, run):
    import numpy as np

    journal.write(Changes(run=run, tables=(table(auc=math.nan, fpr=np.array([0.5, math.inf]), n=np.int64(3)),)))
    (found,) = query.tables(run)
    assert math.isnan(found.body["auc"])
    assert found.body["fpr"] == [0.5, math.inf]
    assert found.body["n"] == 3


def test_the_newest_wins(journal, query, make, run):
    for n in range(2):
        journal.write(Changes(run=run, tables=(table(n=n),), models=(make.model(step=n, digest=f"sha256:{n}"),)))
    assert query.tables(run) == [table(n=1)]
    assert query.model(run).step == 1
    journal.write(Changes(run=run, tables=(table(n=2), table(n=3)), models=(make.model(step=2), make.model(step=3))))
    assert query.tables(run) == [table(n=3)]
    assert query.models(run) == [make.model(step=3)]


def test_many_at_once(journal, query, run):
    tables = tuple(table("roc", f"{n:03}", n=n) for n in range(70))
    journal.write(Changes(run=run, tables=tables))
    assert tuple(query.tables(run)) == tables


def test_what_cannot_be_stored_as_it_is_is_stored_as_it_can(journal, query, make, run):
    journal.write(Changes(run=run, tables=(table(title="\ud800"),), models=(make.model(size=2**70, state="\ud800"),)))
    assert query.tables(run)[0].body["title"] == "\\ud800"
    assert query.model(run).size == 2**63 - 1
    assert query.run_of_state("\\ud800") == run


def test_a_run_is_found_by_the_state_of_its_model_the_newest_first(store, journal, query, make):
    assert query.run_of_state("s") is None
    runs = [make.kept(journal) for _ in range(3)]
    assert query.run_of_state("s") == runs[2]
    assert query.run_of_state("other") is None
    Admin(store).delete_run(runs[2])
    assert query.run_of_state("s") == runs[1]
    database = sqlite3.connect(store / "skribe.db")
    plan = database.execute("EXPLAIN QUERY PLAN SELECT run FROM model WHERE state = 's' ORDER BY run DESC").fetchall()
    database.close()
    assert "model_state" in plan[0][-1]
    assert len(plan) == 1, "the index gives the order too"


# --- registered with the run ---------------------------------------------------------------------------------


def test_a_model_is_registered_in_the_transaction_of_its_run(journal, query, make):
    runs = [make.kept(journal, registered=(Registration("iris", "model"),)) for _ in range(2)]
    assert query.registered_names() == ["iris"]
    assert [(row.version, row.run, row.path, row.digest) for row in query.versions("iris")] == [
        (n + 1, run, "model", f"sha256:{run}") for n, run in enumerate(runs)
    ]
    assert query.resolve("iris").version == 2
    assert query.versions_of_run(runs[0]) == query.versions("iris")[:1]


def test_the_same_record_twice_is_one_version(store, journal, query, make, run):
    changes = Changes(run=run, models=(make.model(),), registered=(Registration("iris", "model"),))
    for _ in range(3):
        journal.write(changes)
    assert len(query.versions("iris")) == 1
    Registry(store).delete_version("iris", 1)
    journal.write(changes)
    assert query.versions("iris") == []
    Registry(store).delete("iris")
    journal.write(changes)
    assert query.registered_names() == []


def test_what_cannot_be_registered_becomes_a_note(journal, query, make, run):
    wrong = (Registration("iris", "nothing"), Registration("a/b", "model"), Registration("good", "model"))
    journal.write(Changes(run=run, models=(make.model(),), registered=wrong))
    notes = {note.what: note.reason for note in query.notes(run)}
    assert "no model 'nothing'" in notes["registered.iris"]
    assert "not allowed" in notes["registered.a/b"]
    assert query.registered_names() == ["good"]


def test_the_version_of_a_stream_follows_it(journal, query, make, run):
    for n in range(3):
        model = make.model(step=n, digest=f"sha256:{n}")
        asked = (Registration("iris", "model"),) if n != 1 else ()
        journal.write(Changes(run=run, models=(model,), registered=asked))
        assert [(row.version, row.digest) for row in query.versions("iris")] == [(1, f"sha256:{n}")]


# --- the spool, the feed, and deletion -----------------------------------------------------------------------


def test_they_wait_while_the_store_is_locked(store, query, make):
    with Journal(store, make.process, patience=0.01) as journal:
        start = make.start()
        journal.write(start)
        lock = sqlite3.connect(store / "skribe.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        registered = (Registration("iris", "model"),)
        journal.write(Changes(run=start.run, tables=(table(n=1),), models=(make.model(),), registered=registered))
        assert query.tables(start.run) == []
        lock.execute("ROLLBACK")
        lock.close()
        assert journal.flush()
        assert query.tables(start.run) == [table(n=1)]
        assert query.models(start.run) == [make.model()]
        assert query.resolve("iris").run == start.run


def test_a_replica_gets_them(store, tmp_path, journal, query, make):
    start = make.start()
    journal.write(start)
    original = replace(make.everything(start.run), registered=(Registration("iris", "model"),))
    journal.write(original)
    fed = [changes for _, changes in query.read_changes()]
    assert (fed[1].tables, fed[1].models, fed[1].registered) == (
        original.tables,
        original.models,
        original.registered,
    )
    with Journal(tmp_path / "replica", make.process) as other:
        other.write(*fed)
        other.write(*fed)
    replica = Query(tmp_path / "replica")
    assert replica.tables(start.run) == query.tables(start.run)
    assert replica.models(start.run) == query.models(start.run)
    assert len(replica.versions("iris")) == 1
    replica.close()


def test_a_replica_hears_of_what_is_registered_by_hand(store, journal, query, make):
    run = make.kept(journal)
    before = query.last_seq()
    Registry(store).register("iris", run)
    Registry(store).register("iris", run)
    assert list(query.read_changes(before)) == [
        (before + 1, Changes(run=run, registered=(Registration("iris", "model"),)))
    ]
    journal.write(make.start())
    assert query.last_seq() == before + 2


def test_children_that_are_erased_take_theirs_along_unless_registered(store, journal, query, make, run):
    children = [new_id(), new_id()]
    for child in children:
        make_child = make.start("child", run=child, parent=run)
        journal.write(make_child, Changes(run=child, tables=(table(),), models=(make.model(),)))
    journal.write(Changes(run=children[1], registered=(Registration("iris", "model"),)))
    journal.write(Changes(run=run, erased=tuple(children)))
    assert [child.id for child in query.children(run)] == children[1:]
    assert query.resolve("iris").run == children[1]
    database = sqlite3.connect(store / "skribe.db")
    for name in ("table_data", "model"):
        assert database.execute(f"SELECT count(*) FROM {name}").fetchone() == (1,)
    database.close()


def test_a_table_is_a_sign_of_life(output, query):
    run, moment = output(
        """
        journal = Journal(store, process_info)
        run = started()
        journal.write(run)
        time.sleep(0.1)
        print(run.run, time.time(), flush=True)
        journal.write(Changes(run=run.run, tables=(Table("roc", "training", {}),)))
        """
    ).split()
    assert query.run_row(run).status == "killed"
    assert query.run_row(run).end >= float(moment)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = st.text("ab ", min_size=1, max_size=3).filter(lambda text: text == text.strip() and text)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    written=st.lists(
        st.tuples(
            st.lists(st.builds(table, texts, texts, n=st.integers(-9, 9)), max_size=3),
            st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 3)), max_size=2),
            st.lists(st.builds(Registration, names, st.sampled_from(["a", "b"])), max_size=2),
        ),
        max_size=5,
    )
)
def test_whatever_is_written_twice_is_as_once_and_a_replica_has_the_same(tmp_path_factory, make, written):
    folder = tmp_path_factory.mktemp("stores")
    start = make.start()
    with Journal(folder / "once", process_info) as once, Journal(folder / "twice", process_info) as twice:
        once.write(start)
        twice.write(start)
        for tables, models, registered in written:
            changes = Changes(
                run=start.run,
                tables=tuple(tables),
                models=tuple(make.model(path, digest=f"sha256:{n}") for path, n in models),
                registered=tuple(registered),
            )
            once.write(changes)
            twice.write(changes)
            twice.write(changes)
    found = []
    for name in ("once", "twice"):
        query = Query(folder / name)
        versions = [row[:6] for row in query.versions()]
        found.append((query.tables(start.run), query.models(start.run), versions))
        with Journal(folder / f"{name}2", process_info) as replica:
            replica.write(*(changes for _, changes in query.read_changes()))
        copy = Query(folder / f"{name}2")
        assert copy.tables(start.run) == query.tables(start.run)
        assert copy.models(start.run) == query.models(start.run)
        copy.close()
        query.close()
    assert found[0] == found[1]


def test_an_end_alone_leaves_them(journal, query, make, run):
    journal.write(Changes(run=run, tables=(table(n=1),), models=(make.model(),)))
    journal.write(Changes(run=run, end=End("finished", MOMENT)))
    assert query.tables(run) == [table(n=1)]
    assert query.models(run) == [make.model()]
