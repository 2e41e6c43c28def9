"""What an archive carries from one store to another: everything, once, and without loss."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import skribe
from skribe.exchange import export_runs, import_runs
from skribe.exchange.landing import Landing
from skribe.records import (
    Artifact,
    Candidate,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Metric,
    Model,
    Note,
    Param,
    ProcessInfo,
    Registration,
    Result,
    Start,
    Table,
    Warned,
    new_id,
)
from skribe.store.artifacts import ArtifactStore
from skribe.store.journal import Journal
from skribe.store.registry import Registry
from tests.exchange.conftest import everything, reading

MOMENT = 1_790_000_000.0


def a_run(run: str | None = None, **more: object) -> Changes:
    fields = {"start": Start("e", "r", "fit", MOMENT), "end": End("finished", MOMENT + 2, 1.0, 1.0)}
    return Changes(run=run or new_id(), **{**fields, **more})


def write(store: Path, *changes: Changes) -> None:
    with Journal(store, lambda: ProcessInfo("t", "nowhere", "boot", 1, "1", {"python": "3"}, "a.py")) as journal:
        journal.write(*changes)


def carried(source: Path, target: Path, **how: object):
    export_runs("runs.zip", store=source, **how)
    return import_runs("runs.zip", store=target)


def test_everything_comes_over_exactly(filled, own_folder):
    before = everything(filled)
    done = export_runs("runs.zip", store=filled)
    assert done.runs == len(before["runs"]) == 6
    assert done.files == len(before["files"])
    come = import_runs("runs.zip", store="other")
    assert (come.new, come.completed, come.known, come.remarks) == (6, 0, 0, ())
    after = everything(Path("other"))
    for part in ("runs", "processes", "files"):
        assert after[part] == before[part]
    registered = before["registered"][0]
    assert after["registered"][0]._replace(created=registered.created) == registered
    assert after["versions"] == before["versions"]
    assert [version.version for version in after["versions"]] == [2]


def test_importing_twice_changes_nothing_and_the_same_runs_make_the_same_archive(filled, own_folder):
    carried(filled, Path("other"))
    before, database = everything(Path("other")), dump(Path("other"))
    again = import_runs("runs.zip", store="other")
    assert (again.new, again.completed, again.known, again.files) == (0, 0, 6, 0)
    assert everything(Path("other")) == before
    assert dump(Path("other")) == database
    export_runs("again.zip", store="other")
    assert Path("again.zip").read_bytes() == Path("runs.zip").read_bytes()


def dump(store: Path) -> list[str]:
    connection = sqlite3.connect(store / "skribe.db")
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_runs_that_began_together_have_one_order_in_every_store(store, own_folder):
    first, then, child = a_run(), a_run(), new_id()
    write(store, then, first, a_run(child, start=Start("e", "c", "fit", MOMENT, first.run)))
    carried(store, Path("other"))
    export_runs("again.zip", store="other")
    assert Path("again.zip").read_bytes() == Path("runs.zip").read_bytes()


def test_a_dry_run_counts_and_writes_nothing(filled, own_folder):
    export_runs("runs.zip", store=filled)
    come = import_runs("runs.zip", store="other", dry_run=True)
    assert come.new == 6
    assert not Path("other").exists()


def test_new_runs_can_go_into_another_experiment(filled, own_folder):
    export_runs("runs.zip", store=filled)
    import_runs("runs.zip", store="other", experiment="from Ada")
    assert set(skribe.runs(store="other", children=True)["experiment"]) == {"from Ada"}


def test_the_runs_around_and_inside_come_along(filled, own_folder):
    candidates = skribe.runs(kind="candidate", children=True, store=filled)["run_id"]
    search = skribe.runs(kind="search", store=filled)["run_id"].iloc[0]
    assert export_runs("one.zip", store=filled, runs=[candidates.iloc[0]], children=False).runs == 2
    import_runs("one.zip", store="other")
    assert skribe.get_run(candidates.iloc[0], store="other").parent.id == search
    assert export_runs("all.zip", store=filled, runs=[search[:13]]).runs == 3
    come = import_runs("all.zip", store="other")
    assert (come.new, come.known) == (1, 2)
    assert export_runs("e.zip", store=filled, experiment="other").runs == 1
    assert export_runs("w.zip", store=filled, where="metrics.best_cv_score > 0").runs == 3
    with pytest.raises(skribe.NotFound, match="no run in"):
        export_runs("none.zip", store=filled, experiment="no such")
    assert not Path("none.zip").exists()


def test_what_is_in_the_trash_stays_there(filled, own_folder):
    search = skribe.runs(kind="search", store=filled)["run_id"].iloc[0]
    skribe.get_run(search, store=filled).delete()
    assert export_runs("runs.zip", store=filled).runs == 3
    with pytest.raises(skribe.ArgumentError, match="in the trash"):
        export_runs("runs.zip", store=filled, runs=[search])


def test_without_models(filled, own_folder):
    carried(filled, Path("other"), models=False)
    run = skribe.runs(kind="fit", status="finished", store="other")["run_id"].iloc[0]
    with reading(Path("other")) as query:
        assert query.models(run) == []
        assert not any(artifact.path.startswith("model/") for artifact in query.artifacts(run))
        assert query.registered_names() == []
        assert ("model", "the runs were exported without models") in query.notes(run)
    with pytest.raises(skribe.NotFound, match="has no model"):
        skribe.load_model(f"runs:/{run}/model", store="other")
    # The whole archive completes what is there.
    come = carried(filled, Path("other"))
    assert come.completed == 2  # the fit and the search keep models
    assert skribe.load_model(f"runs:/{run}/model", store="other").max_iter == 200
    assert everything(Path("other"))["files"] == everything(filled)["files"]


def test_a_model_from_elsewhere_stays_foreign(filled, own_folder, monkeypatch):
    carried(filled, Path("other"))
    run = skribe.runs(kind="fit", status="finished", store="other")["run_id"].iloc[0]
    assert skribe.load_model("models:/iris@champion", store="other").best_params_
    monkeypatch.setenv("SKRIBE_KEY", "somebody else's")
    with pytest.raises(skribe.ModelRefused):
        skribe.load_model(f"runs:/{run}/model", store="other")
    assert skribe.load_model(f"runs:/{run}/model", store="other", trusted=True).max_iter == 200


def test_an_interrupted_import_can_be_repeated(filled, own_folder, monkeypatch):
    export_runs("runs.zip", store=filled)
    put, count = Landing._put, iter(range(100))

    def interrupted(self, changes, files):
        if next(count) == 3:
            raise KeyboardInterrupt
        put(self, changes, files)

    monkeypatch.setattr(Landing, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_runs("runs.zip", store="other")
    monkeypatch.setattr(Landing, "_put", put)
    import_runs("runs.zip", store="other")
    assert everything(Path("other"))["files"] == everything(filled)["files"]
    assert everything(Path("other"))["runs"] == everything(filled)["runs"]
    assert sorted(path.name for path in Path("other").iterdir() if path.is_dir()) == ["artifacts"]


def test_an_export_that_fails_leaves_what_was_there(filled, own_folder, monkeypatch):
    Path("runs.zip").write_bytes(b"old")
    monkeypatch.setattr(ArtifactStore, "open", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        export_runs("runs.zip", store=filled)
    assert Path("runs.zip").read_bytes() == b"old"
    assert [path.name for path in own_folder.iterdir() if path.name.endswith(".part")] == []


def test_a_file_that_went_away_or_leads_out_is_left_out_and_told(store, own_folder):
    run = a_run()
    write(store, run)
    ArtifactStore(store).put_bytes(run.run, "good.txt", b"good")
    (own_folder / "secret").write_text("secret")
    (store / "artifacts" / run.run / "link").symlink_to(own_folder / "secret")
    done = export_runs("runs.zip", store=store)
    assert done.files == 1
    assert "'link'" in done.left_out[0]
    assert not any(
        b"secret" in zipfile.ZipFile("runs.zip").read(name) for name in zipfile.ZipFile("runs.zip").namelist()
    )


def test_a_run_whose_process_died_is_killed_elsewhere_too(store, own_folder):
    run = a_run(end=None)
    dead = ProcessInfo("t", *_dead_process(), {}, None)
    with Journal(store, lambda: dead) as journal:
        journal.write(run)
    assert skribe.get_run(run.run, store=store).status == "killed"
    carried(store, Path("other"))
    with reading(Path("other")) as query:
        assert query.whole(run.run).end.status == "killed"


def _dead_process() -> tuple[str, str, int, str]:
    from skribe.capture.environment import process_info

    here = process_info()
    return here.host, here.boot, 2**22 + 1, "1"


# -- the same run here and there


def test_a_run_that_went_on_there_is_completed_here(store, own_folder):
    first = a_run(end=None, metrics=(Metric("loss", 3.0, 0, MOMENT),), tags={"a": "old", "mine": "1"})
    write(store, first)
    carried(store, Path("other"))
    more = {"metrics": (Metric("loss", 2.0, 1, MOMENT + 1),), "tags": {"a": "new"}, "name": "renamed"}
    write(store, Changes(run=first.run, end=End("finished", MOMENT + 2, 1.0, 1.0), **more))
    come = carried(store, Path("other"))
    assert (come.new, come.completed, come.known) == (0, 1, 0)
    assert everything(Path("other"))["runs"] == everything(store)["runs"]
    assert import_runs("runs.zip", store="other").known == 1


def test_what_is_newer_here_stays_and_what_was_missing_comes(store, own_folder):
    run = a_run(
        metrics=(Metric("acc", 0.5, None, MOMENT), Metric("old", 1.0, None, MOMENT)),
        params=(Param("C", "1.0", "float"), Param("old", "1", "int")),
        tags={"a": "old", "b": "only there"},
        artifacts=(Artifact("f", 3, "x"),),
    )
    write(store, run)
    ArtifactStore(store).put_bytes(run.run, "f", b"old")
    newer = a_run(
        run.run,
        metrics=(Metric("acc", 0.9, None, MOMENT + 9),),
        params=(Param("C", "2.0", "float"),),
        tags={"a": "new"},
        artifacts=(Artifact("f", 3, "y"),),
        end=End("finished", MOMENT + 9, 1.0, 1.0),
    )
    write(Path("other"), newer)
    ArtifactStore("other").put_bytes(run.run, "f", b"new")
    assert carried(store, Path("other")).completed == 1
    with reading(Path("other")) as query:
        assert {metric.key: metric.value for metric in query.metrics(run.run)} == {"acc": 0.9, "old": 1.0}
        assert [point.value for point in query.history(run.run, "acc")] == [0.5, 0.9]
        assert query.tags(run.run) == {"a": "new", "b": "only there"}
        assert [(param.key, param.value) for param in query.params(run.run)] == [("C", "2.0"), ("old", "1")]
        assert [note.what for note in query.notes(run.run)] == ["params.C"]
        assert query.run_row(run.run).end == MOMENT + 9
    assert (Path("other") / "artifacts" / run.run / "f").read_bytes() == b"new"
    before = dump(Path("other"))
    assert import_runs("runs.zip", store="other").known == 1
    assert dump(Path("other")) == before


def test_versions_get_a_free_number_where_theirs_is_taken(filled, own_folder):
    other = Path("other")
    X, y = [[0.0], [1.0], [2.0]], [0, 1, 1]
    skribe.autolog(silent=True, store=other)
    try:
        from sklearn.tree import DecisionTreeClassifier

        DecisionTreeClassifier().fit(X, y)
    finally:
        skribe.autolog(disable=True)
    mine = skribe.last_run(store=other).id
    Registry(other).register("iris", mine)
    Registry(other).register("iris", mine)
    Registry(other).set_alias("iris", "champion", 1)
    assert carried(filled, other).remarks == ()
    with reading(other) as query:
        assert [version.version for version in query.versions("iris")] == [1, 2]
        assert query.registered("iris").aliases == {"champion": 1}
    # 1 is this store's own: the other store's 1 becomes 3.
    Registry(filled).restore_version("iris", 1)
    Registry(filled).set_alias("iris", "oldest", 1)
    assert carried(filled, other).remarks == ("version 1 of 'iris' is version 3 here",)
    assert carried(filled, other).remarks == ()
    with reading(other) as query:
        assert [version.version for version in query.versions("iris")] == [1, 2, 3]
        assert query.resolve("iris", "oldest") == query.resolve("iris", 3)
        assert query.resolve("iris", 3).description == "the first"
    Registry(other).delete_version("iris", 3)
    import_runs("runs.zip", store=other)
    with reading(other) as query:
        assert [version.version for version in query.versions("iris")] == [1, 2]
        assert query.registered("iris").aliases == {"champion": 1}


# -- anything that a store can hold

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(width=64)
steps = st.none() | st.integers(-(2**63), 2**63 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
bodies = st.dictionaries(texts, values, max_size=3)
paths = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?\.txt", fullmatch=True)


def lists(kind, *parts, key=None):
    return st.lists(st.builds(kind, *parts), max_size=4, unique_by=key).map(tuple)


any_changes = st.builds(
    Changes,
    run=st.builds(new_id),
    start=st.builds(Start, texts, texts, st.sampled_from(["fit", "search"]), st.just(MOMENT), st.none(), texts, texts),
    params=lists(Param, texts, texts, st.sampled_from(["str", "int", "json"]), st.booleans(), key=lambda p: p.key),
    metrics=lists(Metric, texts, numbers, steps, st.none() | st.just(MOMENT)),
    tags=st.dictionaries(texts, texts, max_size=3),
    facts=lists(Fact, texts, texts, st.just("str"), key=lambda f: f.key),
    notes=lists(Note, texts, texts, key=lambda n: n),
    warnings=lists(Warned, texts, texts, texts, st.integers(0, 99), key=lambda w: w),
    datasets=lists(Dataset, texts, st.none() | texts, texts, st.just((3, 2)), texts, bodies),
    artifacts=lists(Artifact, paths, st.integers(0, 99), texts, key=lambda a: a.path),
    candidates=lists(
        Candidate, st.integers(0, 9), st.none(), texts, st.just({"C": ("1", "int")}), steps, key=lambda c: c.number
    ),
    results=lists(
        Result,
        st.integers(0, 9),
        st.integers(0, 3),
        st.just(1.5),
        numbers,
        st.none(),
        st.just(0),
        bodies,
        key=lambda r: r[:2],
    ),
    tables=lists(Table, texts, texts, bodies, key=lambda t: t[:2]),
    end=st.none()
    | st.builds(End, st.just("failed"), st.just(MOMENT), numbers, st.none(), st.builds(Failure, texts, texts, texts)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(given=st.lists(any_changes, min_size=1, max_size=3), content=st.binary(max_size=50))
def test_whatever_a_store_holds_comes_over(own_folder, given, content):
    source, target = own_folder / new_id(), own_folder / new_id()
    write(source, *given)
    ArtifactStore(source).put_bytes(given[0].run, "b.bin", content)
    carried(source, target)
    assert everything(target) == everything(source)
    assert import_runs("runs.zip", store=target).known == len(given)


def test_models_and_registrations_without_any_fit(store, own_folder):
    """A stream's model is a version: the record alone says so."""
    run = new_id()
    ArtifactStore(store).put_folder(run, "model", lambda folder: (folder / "model.pkl").write_bytes(b"x"))
    model = Model("model", "model.pkl", "pickle", 1, "sha256:1", "sklearn.svm.SVC", None, 3)
    write(store, a_run(run, models=(model,), registered=(Registration("stream", "model"),)))
    carried(store, Path("other"))
    with reading(Path("other")) as query:
        assert query.models(run) == [model]
        assert query.resolve("stream").run == run
