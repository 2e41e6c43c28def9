"""`gc` deletes what nothing leads to any more, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skribe.errors import ArgumentError, NotFound
from skribe.records import Changes, Metric, Registration, new_id
from skribe.store import collecting, parts
from skribe.store.admin import Admin
from skribe.store.artifacts import ArtifactStore
from skribe.store.collecting import collect
from skribe.store.journal import Journal
from skribe.store.keeping import Keep
from skribe.store.query import Query
from skribe.store.registry import Registry


@pytest.fixture
def later(monkeypatch):
    """Everything is old enough."""
    monkeypatch.setattr(collecting, "_YOUNG", -1.0)


@pytest.fixture
def run(journal, make):
    return make.kept(journal)


def whats(found) -> list[tuple[str, str]]:
    return [(gone.what, gone.path) for gone in found.gone]


def rows_of(store, table: str) -> int:
    database = sqlite3.connect(store / "skribe.db")
    count = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    database.close()
    return int(count)


def test_files_without_a_run(store, journal, query, make, run, later, monkeypatch):
    lost = new_id()
    ArtifactStore(store).put_bytes(lost, "deep/file", b"12345")
    for place in ("deep/file", "deep", ""):
        # As a copy has it, whose content is old.
        os.utime(store / "artifacts" / lost / place, (0, 0))
    monkeypatch.setattr(collecting, "_YOUNG", 3600.0)
    assert collect(store).gone == [], "a running process may be about to write its row"
    monkeypatch.setattr(collecting, "_YOUNG", -1.0)
    found = collect(store, dry_run=True)
    assert whats(found) == [("files without a run", lost)]
    assert found.size == 5
    assert (store / "artifacts" / lost / "deep" / "file").exists()
    assert collect(store).gone == found.gone
    assert not (store / "artifacts" / lost).exists()
    assert collect(store).gone == []
    assert (store / "artifacts" / run / "model" / "model.pkl").exists()


def test_files_whose_records_wait_in_a_spool_stay(store, query, make, later):
    with Journal(store, make.process, patience=0.01) as journal:
        journal.write(make.start())
        lock = sqlite3.connect(store / "skribe.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        run = make.kept(journal)
        assert collect(store).gone == []
        lock.execute("ROLLBACK")
        lock.close()
        assert journal.flush()
        assert query.model(run)


def test_children_that_were_erased(store, journal, query, make, run, later):
    child = make.start(parent=run)
    journal.write(child)
    ArtifactStore(store).put_folder(child.run, "model", lambda folder: (folder / "m").touch())
    journal.write(Changes(run=run, erased=(child.run,)))
    assert whats(collect(store)) == [("files without a run", child.run)]


def test_what_is_not_skribes_stays(store, journal, query, run, later, tmp_path):
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "mine").touch()
    artifacts = store / "artifacts"
    (artifacts / "notes").mkdir()
    (artifacts / "file").touch()
    (artifacts / new_id()).symlink_to(tmp_path / "away")
    for pid in (999_999_999, 10**30):
        (artifacts / run / f".skribe-{pid}-0123456789ab.part").symlink_to(tmp_path / "away")
    lost = artifacts / new_id()
    lost.mkdir()
    (lost / "link").symlink_to(tmp_path / "away")
    before, inside = sorted(os.listdir(artifacts)), sorted(os.listdir(artifacts / run))
    assert whats(collect(store)) == [("files without a run", lost.name)]
    assert sorted(os.listdir(artifacts)) == sorted(set(before) - {lost.name})
    assert sorted(os.listdir(artifacts / run)) == inside
    assert os.listdir(tmp_path / "away") == ["mine"]


def test_unfinished_files_of_dead_processes(store, journal, query, script, run, later):
    process = script(
        """
        from skribe.store.artifacts import ArtifactStore
        def fill(folder):
            (folder / "half").write_text("half")
            print("now", flush=True)
            time.sleep(60)
        ArtifactStore(store).put_folder(sys.argv[2], "model", fill)
        """,
        run,
    )
    assert process.stdout.readline() == "now\n"
    assert collect(store).gone == [], "it is being written"
    process.send_signal(signal.SIGKILL)
    process.wait()
    ((what, path),) = whats(collect(store))
    assert (what, path.startswith(f"{run}/.skribe-{process.pid}-")) == ("unfinished file", True)
    assert os.listdir(store / "artifacts" / run) == ["model"]
    assert os.listdir(store / "artifacts" / run / "model") == ["model.pkl"]


def test_an_old_folder_whose_new_one_never_came_goes_back(store, journal, query, output, run, later):
    output(
        """
        from skribe.store import artifacts, parts
        rename, times = os.rename, []
        def die(source, target):
            times.append(source)
            if len(times) == 3:
                os._exit(0)
            rename(source, target)
        os.rename = die
        artifacts.ArtifactStore(store).put_folder(sys.argv[2], "model", lambda folder: (folder / "new").touch())
        """,
        run,
    )
    place = store / "artifacts" / run
    assert not (place / "model").exists()
    assert len(os.listdir(place)) == 2
    assert [what for what, _ in whats(collect(store))] == ["unfinished file"]
    assert os.listdir(place) == ["model"]
    assert os.listdir(place / "model") == ["model.pkl"]


def test_removed_models_that_were_not_deleted(store, journal, query, make, run, later):
    collect(store, keep=Keep(total=0))
    (store / "artifacts" / run / "model").mkdir()
    assert whats(collect(store)) == [("removed model", f"{run}/model")]


def test_copies_that_were_never_registered(store, journal, query, make, later):
    run = make.start(kind="stream").run
    journal.write(make.start(kind="stream", run=run))
    ArtifactStore(store).put_folder(run, "model", lambda folder: (folder / "model.pkl").write_bytes(b"1"))
    journal.write(Changes(run=run, models=(make.model(),)))
    path = Registry(store).register("iris", run).path
    shutil.copytree(store / "artifacts" / run / path, store / "artifacts" / run / "registered" / "lost")
    assert whats(collect(store)) == [("removed model", f"{run}/registered/lost")]
    assert query.resolve("iris").path == path


def test_the_cap_holds_for_every_experiment(store, journal, query, make):
    runs = [
        make.kept(journal, size=n + 1, metrics=(Metric("acc", n / 10, None, 1.0),), run=new_id()) for n in range(3)
    ]
    found = collect(store, keep=Keep(1, "acc"), dry_run=True)
    assert len(query.models(runs[0])) == 1
    assert collect(store, keep=Keep(1, "acc")).gone == found.gone
    assert sorted(whats(found)) == sorted(("model beyond the cap", f"{run}/model") for run in runs[:2])
    assert found.size == 3
    assert [len(query.models(run)) for run in runs] == [0, 0, 1]


# --- the trash -----------------------------------------------------------------------------------------------


def test_the_trash_is_emptied_only_when_asked(store, journal, query, make, run, later):
    child, other = make.start(parent=run).run, make.kept(journal)
    journal.write(make.start(parent=run, run=child), make.everything(child))
    ArtifactStore(store).put_bytes(child, "a", b"1")
    Admin(store).delete_run(run)
    assert collect(store).gone == []
    assert collect(store, empty_trash=1).gone == []
    found = collect(store, empty_trash=0, dry_run=True)
    assert query.run_row(run).deleted
    assert collect(store, empty_trash=0).gone == found.gone
    assert sorted(whats(found)) == sorted(("run in the trash", each) for each in (run, child))
    assert found.size == 11
    assert os.listdir(store / "artifacts") == [other]
    for table in ("run", "param", "model", "metric", "tag"):
        assert rows_of(store, table) == {"run": 1, "param": 2, "model": 1, "metric": 2, "tag": 1}[table], table
    for table in ("point", "note", "warning", "dataset", "artifact", "table_data", "fact"):
        assert rows_of(store, table) == 0, table
    assert rows_of(store, "journal") == 2
    with pytest.raises(NotFound):
        query.run_row(run)
    assert collect(store, empty_trash=0).gone == []


def test_a_registered_version_keeps_its_run(store, journal, query, make, later):
    parent = make.start(kind="search").run
    journal.write(make.start(kind="search", run=parent))
    child = new_id()
    make.kept(journal, run=child)
    sibling = make.start(parent=parent).run
    journal.write(make.start(run=sibling, parent=parent))
    inside = make.start(parent=parent).run
    journal.write(make.start(run=inside, parent=parent), Changes(run=inside, models=(make.model(),)))
    ArtifactStore(store).put_folder(inside, "model", lambda folder: (folder / "model.pkl").touch())
    Registry(store).register("iris", inside)
    for run in (parent, child):
        Admin(store).delete_run(run)
    found = collect(store, empty_trash=0)
    assert whats(found) == [("run in the trash", child)]
    assert found.kept == [(parent, "the registered model iris 1 needs it")]
    assert query.resolve("iris").run == inside
    assert query.model(inside)
    Admin(store).restore_run(parent)
    assert len(query.children(parent)) == 2


def test_a_deleted_name_comes_back_without_the_versions_that_lost_their_runs(store, journal, query, make, run):
    registry = Registry(store)
    for each in (run, make.kept(journal)):
        registry.register("iris", each)
    registry.delete("iris")
    Admin(store).delete_run(run)
    collect(store, empty_trash=0)
    registry.restore("iris")
    assert [row.version for row in query.versions("iris")] == [2]
    with pytest.raises(NotFound, match="its model was removed"):
        registry.restore_version("iris", 1)


def test_running_runs_and_live_children_keep_what_they_are_in(store, query, make, later):
    from skribe.capture.environment import process_info

    with Journal(store, process_info) as journal:
        running, parent = make.start().run, make.kept(journal)
        journal.write(make.start(run=running))
        child = make.start(parent=parent).run
        journal.write(make.start(run=child, parent=parent), make.finish(child))
        for run in (running, parent):
            Admin(store).delete_run(run)
        Admin(store).restore_run(child)
        found = collect(store, empty_trash=0)
    assert found.gone == []
    assert sorted(found.kept) == sorted(
        [(running, "it is still running"), (parent, "a run inside it is not in the trash")]
    )


def test_an_experiment_in_the_trash(store, journal, query, make, run, later):
    Admin(store).delete_experiment("e")
    assert whats(collect(store, empty_trash=0)) == [("run in the trash", run)]
    assert query.experiments(deleted=True) == []
    journal.write(make.start())
    assert query.count() == 1


def test_a_writer_that_remembers_a_deleted_run_does_not_write_into_another(store, journal, query, make, run):
    """The number of the deleted run is free, and the next run gets it."""
    Admin(store).delete_run(run)
    collect(store, empty_trash=0)
    with Journal(store, make.process) as other:
        new = make.start("new")
        other.write(new)
    journal.write(Changes(run=run, metrics=(Metric("late", 1.0, None, 1.0),)))
    assert query.metrics(new.run) == []
    assert query.run_row(new.run).name == "new"


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf")])
def test_wrong_days(store, journal, run, days):
    with pytest.raises(ArgumentError, match="days"):
        collect(store, empty_trash=days)


def test_no_store(store):
    with pytest.raises(NotFound, match="holds no store"):
        collect(store)
    assert not store.exists()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    runs=st.lists(
        st.tuples(st.none() | st.integers(0, 4), st.booleans(), st.booleans(), st.sampled_from([None, 0.1, 0.2])),
        max_size=6,
    ),
    cap=st.none() | st.builds(Keep, best=st.integers(0, 2), by=st.just("acc"), total=st.none() | st.integers(0, 40)),
    empty=st.booleans(),
)
def test_gc_never_removes_a_live_thing(tmp_path_factory, make, runs, cap, empty):
    store = tmp_path_factory.mktemp("s") / "store"
    ids: list[str] = []
    artifacts = ArtifactStore(store)
    with Journal(store, make.process) as journal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(collecting, "_YOUNG", -1.0)
        journal.write(make.start())
        for parent, _, name, value in runs:
            start = make.start(parent=ids[parent % len(ids)] if parent is not None and ids else None)
            journal.write(start, Changes(run=start.run, models=(make.model(),)))
            artifacts.put_folder(start.run, "model", lambda folder: (folder / "model.pkl").touch())
            artifacts.put_bytes(start.run, "plot.png", b"1")
            metrics = () if value is None else (Metric("acc", value, None, 1.0),)
            asked = (Registration("iris", "model"),) if name else ()
            journal.write(make.finish(start.run, metrics=metrics, registered=asked))
            ids.append(start.run)
        for run, (_, trashed, *_) in zip(ids, runs, strict=True):
            if trashed:
                Admin(store).delete_run(run)
        query = Query(store)
        live = {run for run in ids if query.run_row(run).deleted is None}
        found = collect(store, keep=cap, empty_trash=0.0 if empty else None)
        for run in ids:
            named = any(row.run == run for row in query.versions())
            if run in live or named or not empty:
                assert query.run_row(run)
                assert artifacts.list(run, "plot.png") == [] or artifacts.path(run, "plot.png").exists()
                assert artifacts.path(run, "plot.png").exists()
            if named or (cap is None and (run in live or not empty)):
                assert query.model(run)
                assert artifacts.path(run, "model/model.pkl").exists()
        for row in query.versions():
            assert query.run_row(row.run)
        assert collect(store, keep=cap, empty_trash=0.0 if empty else None).gone == []
        query.close()
    assert all(not parts.is_part(gone.path) for gone in found.gone)


def test_drawn_pictures_go_with_their_run(store, journal, make, run, later):
    for name in (run, new_id(), "0123456789abcdef"):
        (store / "drawn" / name / "digest").mkdir(parents=True)
        (store / "drawn" / name / "digest" / "history.png").write_bytes(b"picture")
    elsewhere = store.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    (store / "drawn" / "linked").symlink_to(elsewhere)
    collect(store, dry_run=True)
    assert len(list((store / "drawn").iterdir())) == 4
    collect(store)
    assert {path.name for path in (store / "drawn").iterdir()} == {run, "linked"}
    Admin(store).delete_run(run)
    collect(store)
    assert (store / "drawn" / run).exists()
    collect(store, empty_trash=0)
    assert not (store / "drawn" / run).exists()
    assert (elsewhere / "mine").exists()
