"""What searches leave in the store beside runs: their candidates, and the result of each split."""

from __future__ import annotations

import gzip
import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skribe.errors import NotFound
from skribe.records import Candidate, Changes, End, Metric, Note, Result, new_id
from skribe.store import codec
from skribe.store.admin import Admin
from skribe.store.connection import open_writer
from skribe.store.journal import Journal
from skribe.store.migrations import LATEST

MOMENT = 1_790_000_000.0


def candidate(number: int = 0, run: str | None = None, **more: Any) -> Candidate:
    fields = {"name": f"C={number}", "params": {"C": (str(number), "int"), "kernel": ("rbf", "str")}, **more}
    return Candidate(number, run, **fields)


def result(number: int = 0, split: int = 0, **more: Any) -> Result:
    fields = {"began": MOMENT, "fit_time": 0.5, "score_time": 0.25, "worker": 0, "body": {"test": 0.75}, **more}
    return Result(number, split, **fields)


def of(run: str, *results: Result, candidates: tuple[Candidate, ...] = ()) -> Changes:
    return Changes(run=run, candidates=candidates, results=results)


@pytest.fixture
def search(journal, make):
    start = make.start("search", kind="search")
    journal.write(start)
    return start.run


# --- in and out ----------------------------------------------------------------------------------------------


def test_in_and_out(journal, query, search):
    children = [candidate(0, new_id()), candidate(1, None, iteration=2, resources=50.0)]
    whole = {"test": {"acc": 0.5, "f1": 0.1 + 0.2}, "train": 1.0, "n_test": 3, "error": "Traceback\n…", "x": None}
    results = [
        result(0, 0, body=whole, key="ab" * 16, reused=new_id()),
        result(0, 1, fit_time=None, score_time=None, worker=3),
        result(1, 0, body={"test": math.inf}),
    ]
    journal.write(of(search, *reversed(results), candidates=tuple(reversed(children))))
    assert query.candidates(search) == children
    assert query.results(search) == results
    assert query.results(query.run_row(search)) == results


def test_nan_comes_back(journal, query, search):
    journal.write(of(search, result(body={"test": math.nan, "train": {"a": -math.inf}})))
    (found,) = query.results(search)
    assert math.isnan(found.body["test"])
    assert found.body["train"] == {"a": -math.inf}


def test_runs_without_any(journal, query, make):
    start = make.start()
    journal.write(start)
    assert query.candidates(start.run) == []
    assert query.results(start.run) == []


def test_writing_twice_leaves_one(journal, query, search):
    for _ in range(2):
        journal.write(of(search, result(), candidates=(candidate(),)))
    assert len(query.results(search)) == len(query.candidates(search)) == 1
    journal.write(of(search, result(body={"test": 1.0}), candidates=(candidate(name="other"),)))
    assert query.results(search)[0].body == {"test": 1.0}
    assert query.candidates(search)[0].name == "other"


def test_many_at_once(journal, query, search):
    results = [result(number, split) for number in range(70) for split in range(3)]
    journal.write(of(search, *results, candidates=tuple(candidate(number) for number in range(70))))
    assert query.results(search) == results
    assert len(query.candidates(search)) == 70


def test_results_alone_need_no_journal_number(journal, query, search):
    before = query.last_seq()
    journal.write(of(search, result(0), candidates=(candidate(0),)))
    journal.write(of(search, result(1)), of(search, result(2)))
    assert query.last_seq() == before
    assert len(query.results(search)) == 3
    journal.write(Changes(run=search, results=(result(3),), metrics=(Metric("best", 1.0, None, MOMENT),)))
    assert query.last_seq() == before + 1
    journal.write(of(search, result(4)), Changes(run=search, notes=(Note("a", "b"),)), of(search, result(5)))
    assert query.last_seq() == before + 2
    assert len(query.results(search)) == 6
    assert [changes.run for _, changes in query.read_changes(before)] == [search, search]


def test_results_of_a_run_that_this_process_does_not_know(store, journal, query, make, search):
    journal.close()
    with Journal(store, make.process) as other:
        other.write(of(search, result()))
        other.write(of(new_id(), result()))
    assert len(query.results(search)) == 1
    assert query.count() == 2


# --- found again ---------------------------------------------------------------------------------------------


def test_a_result_is_found_by_its_key_the_newest_first(journal, query, make):
    runs = []
    for value in (0.1, 0.2):
        start = make.start(kind="search")
        journal.write(start)
        journal.write(of(start.run, result(body={"test": value}, key="k"), result(1, key=None)))
        runs.append(start.run)
    assert query.finished_result("other") is None
    found = query.finished_result("k")
    assert (found[0], found[1].body) == (runs[1], {"test": 0.2})


def test_what_is_in_the_trash_is_not_found(store, journal, query, make):
    parent, start = make.start(), make.start(kind="search")
    journal.write(parent, make.start("search", start.run, kind="search", parent=parent.run))
    journal.write(of(start.run, result(key="k")))
    admin = Admin(store)
    admin.delete_run(parent.run)
    assert query.finished_result("k") is None
    admin.restore_run(parent.run)
    assert query.finished_result("k") is not None
    admin.delete_experiment("e")
    assert query.finished_result("k") is None
    admin.restore_experiment("e")
    assert query.finished_result("k") is not None


# --- erased --------------------------------------------------------------------------------------------------


def test_erased_children_go_with_all_that_is_inside_of_them(store, journal, query, make, search):
    kept, lost = make.start("kept", parent=search), make.start("lost", parent=search)
    inside = make.start("inside", kind="search", parent=lost.run)
    deeper = make.start("deeper", parent=inside.run)
    journal.write(kept, lost, inside, deeper)
    journal.write(
        of(search, result(0), result(1), candidates=(candidate(0, kept.run), candidate(1, lost.run))),
        of(inside.run, result(0), candidates=(candidate(0, deeper.run),)),
    )
    journal.write(*(make.everything(each.run) for each in (kept, lost, inside, deeper)))
    journal.write(Changes(run=search, erased=(lost.run,), end=End("finished", MOMENT + 1)))
    assert [row.name for row in query.children(search)] == ["kept"]
    assert query.count(children=True) == 2
    # What they have been is still told by the search itself.
    assert [one.run for one in query.candidates(search)] == [kept.run, None]
    assert len(query.results(search)) == 2
    assert query.metrics(kept.run)
    database = sqlite3.connect(store / "skribe.db")
    runs = {number for (number,) in database.execute("SELECT num FROM run")}
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = {row[1] for row in database.execute(f'PRAGMA table_info("{table}")')}
        if "run" in columns and table != "erasure":  # which says what went
            assert {number for (number,) in database.execute(f"SELECT run FROM {table}")} <= runs, table
    database.close()
    # The numbers that were remembered are forgotten: what is written next is nobody else's.
    journal.write(Changes(run=kept.run, metrics=(Metric("later", 1.0),)))
    assert "later" in {metric.key for metric in query.metrics(kept.run)}


def test_only_children_of_that_run_can_be_erased(journal, query, make, search):
    stranger, cousin = make.start("stranger"), make.start("cousin", parent=search)
    journal.write(stranger, cousin)
    journal.write(Changes(run=stranger.run, erased=(cousin.run, stranger.run, new_id())))
    assert query.count(children=True) == 3


def test_a_thousand_are_erased_at_once(journal, query, make, search):
    children = [make.start(f"c{number}", parent=search) for number in range(1000)]
    journal.write(*children)
    journal.write(Changes(run=search, erased=tuple(child.run for child in children[1:])))
    assert [row.name for row in query.children(search)] == ["c0"]


# --- the end of a killed search ------------------------------------------------------------------------------


def test_a_killed_search_ends_with_its_last_result(journal, query, make, monkeypatch):
    monkeypatch.setattr("skribe.capture.environment.is_alive", lambda *process: False)
    start = make.start(kind="search")
    journal.write(start)
    journal.write(of(start.run, result(0, 0, began=MOMENT + 3e8, body={"test": 1.0, "ended": MOMENT + 3e8 + 0.75})))
    row = query.run_row(start.run)
    assert row.status == "killed"
    assert row.end == MOMENT + 3e8 + 0.75


# --- waiting records -----------------------------------------------------------------------------------------

texts = st.text(max_size=12)
numbers = st.floats(allow_nan=True, allow_infinity=True)
maybe_text = st.none() | texts
kinds = st.sampled_from(["none", "bool", "int", "float", "str", "json", "object", "redacted"])
scores = numbers | st.dictionaries(texts, numbers, max_size=2)
candidates = st.builds(
    Candidate,
    st.integers(0, 2**40),
    maybe_text,
    texts,
    st.dictionaries(texts, st.tuples(texts, kinds), max_size=3),
    st.none() | st.integers(0, 99),
    st.none() | numbers,
)
results = st.builds(
    Result,
    st.integers(0, 2**40),
    st.integers(0, 99),
    numbers,
    st.none() | numbers,
    st.none() | numbers,
    st.integers(0, 99),
    st.dictionaries(texts, scores | texts | st.none(), max_size=3),
    maybe_text,
    maybe_text,
)
changes = st.builds(
    Changes,
    run=texts,
    candidates=st.lists(candidates, max_size=2).map(tuple),
    results=st.lists(results, max_size=2).map(tuple),
    erased=st.lists(texts, max_size=3).map(tuple),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes)
def test_the_codec_is_exact_for_results(original):
    back = codec.decode(codec.encode(original))
    assert repr(back.results) == repr(original.results)
    assert back.erased == original.erased
    assert [type(one) for one in back.candidates] == [Candidate] * len(original.candidates)
    for one, before in zip(back.candidates, original.candidates, strict=True):
        params = {key: tuple(text) for key, text in one.params.items()}
        assert repr(one._replace(params=params)) == repr(before)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes)
def test_the_sound_form_is_stored(original):
    back = codec.sound(original)
    codec.encode(back).decode("utf-8")
    assert len(back.results) == len(original.results)
    assert len(back.candidates) == len(original.candidates)


def test_what_cannot_be_stored_as_it_is_is_stored_as_it_can(journal, query, search):
    journal.write(of(search, result(body={"error": "\ud800 bad"}), candidates=(candidate(name="a\ud800"),)))
    assert query.candidates(search)[0].name == "a\\ud800"
    assert "bad" in query.results(search)[0].body["error"]


def test_results_wait_while_the_store_is_locked(store, query, make):
    with Journal(store, make.process, patience=0.01) as journal:
        start = make.start(kind="search")
        journal.write(start)
        lock = sqlite3.connect(store / "skribe.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        journal.write(of(start.run, result(0), candidates=(candidate(0),)))
        journal.write(of(start.run, result(1), candidates=(candidate(1),)))
        assert query.results(start.run) == []
        lock.execute("ROLLBACK")
        lock.close()
        assert journal.flush()
        assert len(query.results(start.run)) == 2
        assert query.candidates(start.run) == [candidate(0), candidate(1)]


# --- a store from before -------------------------------------------------------------------------------------


FILES = Path(__file__).parent / "files"
OLD_RUN = "01a1fc23-d4e4-7000-b7ca-45a069d1745e"
OLD_SEARCH = "01a1fc23-d4e5-7000-8b1a-5f0b0e6a7c11"


def old_store(store: Path, number: int = 1) -> str:
    """A file as it was written when its schema was the latest, with a run in it."""
    store.mkdir()
    (store / "skribe.db").write_bytes(gzip.decompress((FILES / f"schema_{number}.db.gz").read_bytes()))
    return OLD_RUN


def test_there_is_a_file_of_every_released_schema():
    assert sorted(file.name for file in FILES.iterdir()) == [f"schema_{n}.db.gz" for n in range(1, LATEST)]


def test_an_old_store_is_read_as_it_is(store, query):
    run = old_store(store)
    assert query.run_row(run).name == "old"
    assert query.results(run) == []
    assert query.candidates(run) == []
    assert query.finished_result("k") is None
    assert len(query.runs_frame()) == 1
    database = sqlite3.connect(store / "skribe.db")
    assert database.execute("PRAGMA user_version").fetchone() == (1,)
    database.close()


def test_an_old_store_is_raised_by_the_first_who_writes(store, query, make):
    run = old_store(store)
    assert query.results(run) == []  # a reader that was there before
    with Journal(store, make.process) as journal:
        start = make.start(kind="search")
        journal.write(start)
        journal.write(of(start.run, result(key="k"), candidates=(candidate(),)))
    assert query.results(start.run) == [result(key="k")]
    assert query.finished_result("k")[0] == start.run
    assert query.run_row(run).status == "finished"
    database = sqlite3.connect(store / "skribe.db")
    assert database.execute("PRAGMA user_version").fetchone() == (LATEST,)
    numbers = [number for (number,) in database.execute("SELECT number FROM migration ORDER BY number")]
    assert numbers == list(range(1, LATEST + 1))
    database.close()


@pytest.mark.parametrize("number", range(1, LATEST))
def test_a_raised_store_is_as_a_new_one(store, tmp_path, number):
    def tables(folder):
        database = sqlite3.connect(folder / "skribe.db")
        found = set(database.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
        database.close()
        return found

    old_store(store, number)
    open_writer(store).close()
    open_writer(tmp_path / "new").close()
    assert tables(store) == tables(tmp_path / "new")


def test_a_store_from_before_models_is_read_as_it_is(store, query):
    run = old_store(store, 2)
    assert query.results(OLD_SEARCH)[0].key == "k"
    assert query.run_row(run).status == "finished"
    assert query.tables(run) == query.table_names(run) == query.models(run) == []
    assert query.table(run, "roc", "training") is None
    assert query.run_of_state("s") is None
    assert query.registered_names() == query.versions() == query.versions_of_run(run) == []
    with pytest.raises(NotFound, match="no registered model 'iris'; there are no registered models"):
        query.resolve("iris")
    with pytest.raises(NotFound, match="has no model 'model'; there are no models of the run"):
        query.model(run)
    assert [changes.run for _, changes in query.read_changes()] == [run, run, OLD_SEARCH, OLD_SEARCH]
    with pytest.raises(NotFound):
        query.tables("nothing")
