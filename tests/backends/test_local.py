"""The local backend beyond the contract: what only a store can tell, and what it leaves alone."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import skribe
import skribe.backends
from skribe.backends.local import LocalBackend
from skribe.backends.registry import build, resolved
from skribe.backends.targets import Target
from skribe.delivery.merging import merged
from skribe.errors import ArgumentError, Misconfigured, Unreachable
from skribe.records import Changes, new_id
from skribe.store.location import artifacts_of
from skribe.store.outbox import StoreOutbox
from skribe.store.query import Query
from skribe.testing import TestOutbox, a_child, a_run


@pytest.fixture
def source(own_folder: Path) -> Path:
    """A store with a fit, and a search with candidates and a model that is registered."""
    X, y = load_iris(return_X_y=True)
    skribe.autolog(silent=True, registered_model_name="iris")
    try:
        LogisticRegression(max_iter=200).fit(X, y)
        GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
        with skribe.run("by hand") as run:
            run.log_text("hello", "a.txt")
    finally:
        skribe.autolog(disable=True)
    return own_folder / "skribe_runs"


@pytest.fixture
def replica(own_folder: Path) -> Path:
    return own_folder / "replica"


def test_runs_know_that_they_are_there_under_the_same_id(source, replica):
    ship(source, replica)
    runs = [skribe.get_run(run) for run in skribe.runs(children=True)["run_id"]]
    assert len(runs) > 4
    assert all(run.remotes == {str(replica): run.id} for run in runs)


def test_each_run_is_remembered_once(replica, tmp_path):
    backend, outbox = LocalBackend(str(replica)), TestOutbox(tmp_path / "source" / "artifacts")
    backend.open(outbox)
    run = a_run(end=None)
    for one in (run, Changes(run=run.run, tags={"a": "b"}), Changes(run=run.run, tags={"a": "c"})):
        outbox.add(one)
        backend.deliver([one])
    backend.close()
    assert outbox.remotes == {run.run: run.run}
    assert outbox.remembered == 1


@pytest.mark.parametrize("option", ["models", "files"])
def test_options_are_checked_where_they_are_written(option, replica):
    with pytest.raises(ArgumentError, match=f"the backend 'local': the option {option} is True or False, not 'no'"):
        skribe.autolog(backend=skribe.backends.Local(address=str(replica), **{option: "no"}))


def ship(source: Path, replica: Path, **options: bool) -> None:
    """What the shipper does with all of the journal, in two steps."""
    backend = LocalBackend(str(replica), **options)
    outbox = StoreOutbox(source, backend.address)
    entries = [changes for _, changes in outbox.batch(0, 10_000)]
    half = len(entries) // 2
    backend.open(outbox)
    for some in (entries[:half], entries[half:]):
        backend.deliver(merged(some))
    backend.settle()
    backend.close()
    outbox.close()


@contextlib.contextmanager
def both(source: Path, replica: Path):
    with contextlib.closing(Query(source)) as here, contextlib.closing(Query(replica)) as there:
        yield here, there


def files_of(store: Path) -> dict[str, bytes]:
    root = artifacts_of(store)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_replica_is_a_store_with_everything(source, replica):
    ship(source, replica)
    assert skribe.runs(store=replica, children=True).equals(skribe.runs(store=source, children=True))
    assert files_of(replica) == files_of(source)
    with both(source, replica) as (here, there):
        for run in here.runs_frame(children=True)["run_id"]:
            assert there.process(run) == here.process(run)
            assert there.candidates(run) == here.candidates(run)
            assert there.results(run) == here.results(run)
            assert there.models(run) == here.models(run)
            assert there.datasets(run) == here.datasets(run)
        assert [version.run for version in there.versions()] == [version.run for version in here.versions()]
    assert skribe.load_model("models:/iris/1", store=replica).max_iter == 200


def test_delivering_all_of_it_again_changes_nothing(source, replica):
    ship(source, replica)
    with both(source, replica) as (_, there):
        ids = list(there.runs_frame(children=True)["run_id"])
        before = [repr(there.whole(run)) for run in ids]
        ship(source, replica)
        assert [repr(there.whole(run)) for run in ids] == before
        assert [version.version for version in there.versions("iris")] == [1, 2]


def test_a_replica_that_was_emptied_is_filled_again(source, replica):
    backend = LocalBackend(str(replica))
    outbox = StoreOutbox(source, backend.address)
    backend.open(outbox)
    with contextlib.closing(Query(source)) as query:
        run = query.runs_frame(kind="manual")["run_id"].iloc[0]
    backend.deliver([Changes(run=run, tags={"late": "yes"})])
    assert skribe.get_run(run, store=replica).name == "by hand"
    assert skribe.get_run(run, store=replica).artifacts == ["a.txt"]
    outbox.close()


@pytest.mark.parametrize("option", ["models", "files"])
def test_without_models_or_other_files(source, replica, option):
    ship(source, replica, **{option: False})
    kept = {path.partition("/")[2] for path in files_of(replica)}
    assert any(path.startswith("model/") for path in kept) == (option == "files")
    assert ("a.txt" in kept) == (option == "models")
    with both(source, replica) as (here, there):
        for run in here.runs_frame(children=True)["run_id"]:
            recorded = {artifact.path for artifact in there.artifacts(run)}
            assert {path.partition("/")[2] for path in files_of(replica) if path.startswith(run)} == recorded
            assert there.models(run) == (here.models(run) if option == "files" else [])


def test_files_that_are_gone_are_set_aside_and_the_rest_comes(replica, tmp_path):
    outbox = TestOutbox(tmp_path / "files")
    run = a_run()
    file, model = outbox.put_file(run.run, "a.txt", b"a"), outbox.put_model(run.run)
    away = file._replace(path="gone.txt"), model._replace(path="no_model"), file._replace(path="../../evil")
    changes = Changes(run=run.run, start=run.start, artifacts=(file, away[0], away[2]), models=(model, away[1]))
    outbox.add(changes)
    backend = LocalBackend(str(replica))
    backend.open(outbox)
    backend.deliver([changes])
    assert sorted(what for _, what, _ in outbox.aside) == ["../../evil", "gone.txt", "no_model"]
    with contextlib.closing(Query(replica)) as query:
        assert [artifact.path for artifact in query.artifacts(run.run)] == ["a.txt"]
        assert [found.path for found in query.models(run.run)] == ["model"]


def test_the_files_of_erased_runs_go_too(replica, tmp_path):
    outbox = TestOutbox(tmp_path / "files")
    search, inner = a_run(), new_id()
    child = a_child(search.run)
    file = outbox.put_file(child.run, "a.txt", b"a")
    inside = search.start._replace(parent=child.run)
    deeper = Changes(run=inner, start=inside, artifacts=(outbox.put_file(inner, "b", b""),))
    backend = LocalBackend(str(replica))
    backend.open(outbox)
    backend.deliver([search, replace(child, artifacts=(file,)), deeper])
    assert len(files_of(replica)) == 2
    backend.deliver([Changes(run=search.run, erased=(child.run,))])
    assert list(artifacts_of(replica).iterdir()) == []
    with contextlib.closing(Query(replica)) as query:
        assert list(query.runs_frame(children=True)["run_id"]) == [search.run]


def test_a_folder_that_cannot_be_written_is_unreachable_and_the_store_itself_is_a_mistake(source, replica):
    outbox = StoreOutbox(source, "x")
    replica.write_text("a file")
    with pytest.raises(Unreachable, match="must be a folder"):
        LocalBackend(str(replica)).open(outbox)
    replica.unlink()
    backend = LocalBackend(str(replica))
    backend.open(outbox)
    replica.write_text("a file")
    with pytest.raises(Unreachable, match="cannot be written"):
        backend.deliver([a_run()])
    replica.unlink()
    backend.deliver([a_run()])
    with pytest.raises(Misconfigured, match="the store itself"):
        LocalBackend(str(source)).open(outbox)
    outbox.close()


def test_addresses(own_folder, monkeypatch):
    for empty in ("", "  ", "a\0b"):
        with pytest.raises(skribe.ArgumentError, match="local:/path/to/folder"):
            LocalBackend(empty)
    assert resolved(Target.parse("local:share/runs")).address == str(own_folder / "share" / "runs")
    monkeypatch.setenv("HOME", "/home/ada")
    assert LocalBackend.resolve("~/runs") == "/home/ada/runs"
    backend = build(Target("local", str(own_folder / "r"), {"models": False}))
    assert (backend.address, backend.link(new_id())) == (str(own_folder / "r"), None)
    assert not (own_folder / "r").exists()
