"""The registry: versions that never change their meaning, and words around them."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from skribe.errors import ArgumentError, NotFound
from skribe.records import Changes, Registration
from skribe.store.admin import Admin
from skribe.store.artifacts import ArtifactStore
from skribe.store.registry import Registry


@pytest.fixture
def registry(store):
    return Registry(store)


@pytest.fixture
def three(journal, registry, make):
    """Three versions of iris; the runs that they come from."""
    runs = [make.kept(journal) for _ in range(3)]
    for run in runs:
        registry.register("iris", run)
    return runs


# --- versions ------------------------------------------------------------------------------------------------


def test_versions_lead_back_to_their_runs(registry, query, three):
    found = query.versions("iris")
    assert [(row.name, row.version, row.run, row.path) for row in found] == [
        ("iris", n + 1, run, "model") for n, run in enumerate(three)
    ]
    assert {row.stage for row in found} == {"None"}
    assert registry.register("iris", three[0][-8:], description="first") == query.versions("iris")[0]
    assert query.versions("iris")[0].description == "first"
    assert len(query.versions()) == 3
    other = registry.register("Ünï.code – 花", three[0])
    assert (other.name, other.version) == ("Ünï.code – 花", 1)
    assert query.registered_names() == ["iris", "Ünï.code – 花"]


def test_what_is_meant(registry, query, three):
    registry.set_alias("iris", "champion", 2)
    registry.set_stage("iris", 1, "production")
    registry.set_stage("iris", 2, "PRODUCTION")
    registry.set_stage("iris", 3, "Staging")
    registry.set_alias("iris", "production", 1)
    for which, version in (
        *((1, 1), ("2", 2), ("v3", 3), ("latest", 3), ("Latest", 3), ("champion", 2), ("@champion", 2)),
        *(("Production", 2), ("@production", 1), ("staging", 3)),
    ):
        assert query.resolve("iris", which).version == version, which
    assert query.resolve("iris").version == 3


def test_what_is_not_there_is_said_with_what_is(registry, query, three):
    registry.set_alias("iris", "champion", 2)
    registry.set_stage("iris", 1, "Production")
    with pytest.raises(NotFound, match="no registered model 'irsi'; did you mean 'iris'"):
        query.resolve("irsi")
    with pytest.raises(NotFound, match=r"no version 7; .*versions: 1, 2, 3; stages: Production: 1"):
        query.resolve("iris", 7)
    with pytest.raises(NotFound, match="no alias 'champoin'; did you mean 'champion'"):
        query.resolve("iris", "@champoin")
    with pytest.raises(NotFound, match="no version in the stage Archived"):
        query.resolve("iris", "archived")
    for wrong in ("\ud800", "'; DROP TABLE run", "%"):
        with pytest.raises(NotFound):
            query.resolve(wrong)
        with pytest.raises(NotFound):
            query.resolve("iris", wrong)


def test_numbers_are_never_given_twice(journal, registry, query, make, three):
    assert registry.delete_version("iris", "latest") == 3
    assert [row.version for row in query.versions("iris")] == [1, 2]
    assert [row.version for row in query.versions("iris", deleted=True)] == [3]
    assert registry.register("iris", make.kept(journal)).version == 4
    registry.delete("iris")
    assert query.registered_names() == []
    assert registry.register("iris", make.kept(journal)).version == 5
    with pytest.raises(ArgumentError, match="already"):
        registry.restore("iris")
    registry.rename("iris", "flowers")
    registry.restore("iris")
    assert [row.version for row in query.versions("iris")] == [1, 2, 4]
    assert [row.version for row in query.versions("flowers")] == [5]
    registry.delete("flowers")
    registry.rename("iris", "flowers")
    assert registry.register("flowers", make.kept(journal)).version == 6


def test_a_deleted_version_comes_back_without_its_aliases(registry, query, three):
    registry.set_alias("iris", "champion", 1)
    registry.set_tag("iris", "k", "v", 1)
    registry.delete_version("iris", "@champion")
    with pytest.raises(NotFound, match="no alias"):
        query.resolve("iris", "@champion")
    with pytest.raises(NotFound, match="no deleted version 2"):
        registry.restore_version("iris", 2)
    back = registry.restore_version("iris", 1)
    assert (back.version, back.aliases, back.tags) == (1, (), {"k": "v"})


def test_only_a_model_that_is_there_is_registered(store, journal, registry, query, make):
    start = make.start()
    journal.write(start)
    with pytest.raises(NotFound, match="no model 'model'"):
        registry.register("iris", start.run)
    with pytest.raises(NotFound, match="no run"):
        registry.register("iris", "ffffffff")
    run = make.kept(journal)
    with pytest.raises(NotFound, match="did you mean 'model'"):
        registry.register("iris", run, "modell")
    Admin(store).delete_run(run)
    with pytest.raises(ArgumentError, match="in the trash"):
        registry.register("iris", run)
    Admin(store).restore_run(run)
    shutil.rmtree(store / "artifacts" / run / "model")
    with pytest.raises(NotFound, match="no artifact"):
        registry.register("iris", run)
    assert query.registered_names() == []


def test_a_store_that_is_not_there(registry, store):
    with pytest.raises(NotFound):
        registry.register("iris", "abcd1234")
    with pytest.raises(NotFound):
        registry.rename("iris", "x")
    assert not store.exists()


def test_a_stream_is_registered_as_a_copy(store, journal, registry, query, make):
    start = make.start(kind="stream")
    journal.write(start)

    def step(text: bytes) -> None:
        ArtifactStore(store).put_folder(start.run, "model", lambda folder: (folder / "model.pkl").write_bytes(text))
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        journal.write(Changes(run=start.run, models=(make.model(step=len(text), digest=digest, size=len(text)),)))

    def content(version: int) -> bytes:
        row = query.resolve("iris rouge", version)
        assert query.model(row.run, row.path).digest == row.digest
        return ArtifactStore(store).path(row.run, f"{row.path}/model.pkl").read_bytes()

    step(b"one")
    first = registry.register("iris rouge", start.run)
    assert first.path.startswith("registered/iris_rouge-")
    assert registry.register("iris rouge", start.run) == first
    step(b"three")
    second = registry.register("iris rouge", start.run)
    step(b"seventh")
    assert (first.version, second.version) == (1, 2)
    assert (content(1), content(2)) == (b"one", b"three")
    assert registry.register("other", start.run, first.path).path == first.path
    assert [model.path for model in query.models(start.run)] == ["model", *sorted((first.path, second.path))]


def test_a_copy_is_never_of_two_steps(store, journal, registry, query, make, monkeypatch):
    start = make.start(kind="stream")
    journal.write(start)

    def step(text: str) -> None:
        def fill(folder):
            for name in ("model.pkl", "MLmodel"):
                (folder / name).write_text(text)

        ArtifactStore(store).put_folder(start.run, "model", fill)
        journal.write(Changes(run=start.run, models=(make.model(step=1),)))

    copytree, copies = shutil.copytree, []

    def slow(source, target, **options):
        copies.append(copytree(source, target, **options))
        if len(copies) == 1:
            step("two")
            (target / "MLmodel").write_text("two")

    step("one")
    monkeypatch.setattr(shutil, "copytree", slow)
    row = registry.register("iris", start.run)
    place = ArtifactStore(store).path(row.run, row.path)
    assert {(place / name).read_text() for name in ("model.pkl", "MLmodel")} == {"two"}
    assert row.digest == f"sha256:{hashlib.sha256(b'two').hexdigest()}"


def test_two_processes_at_once_get_different_numbers(script, journal, query, make):
    runs = [make.kept(journal) for _ in range(24)]
    processes = [
        script(
            """
            from pathlib import Path
            from skribe.store.registry import Registry
            print([Registry(Path(store)).register("iris", run).version for run in sys.argv[2:]])
            """,
            *runs[n::3],
        )
        for n in range(3)
    ]
    given = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        given += json.loads(out)
    assert sorted(given) == list(range(1, 25))
    assert sorted(row.run for row in query.versions("iris")) == sorted(runs)


def test_a_registration_of_a_fit_goes_on_counting(journal, registry, query, make, three):
    make.kept(journal, registered=(Registration("iris", "model"),))
    assert query.resolve("iris").version == 4


# --- words ---------------------------------------------------------------------------------------------------


def test_aliases_move(registry, query, three):
    assert registry.set_alias("iris", "champion", 1).aliases == ("champion",)
    assert registry.set_alias("iris", "champion", "latest").version == 3
    registry.set_alias("iris", "älter", "@champion")
    assert query.registered("iris").aliases == {"champion": 3, "älter": 3}
    assert query.versions("iris")[2].aliases == ("champion", "älter")
    assert query.versions("iris")[0].aliases == ()
    registry.delete_alias("iris", "champion")
    with pytest.raises(NotFound, match="no alias 'champion'"):
        registry.delete_alias("iris", "champion")
    assert query.registered("iris").aliases == {"älter": 3}


def test_descriptions_and_tags(registry, query, three):
    registry.describe("iris", "flowers\nin two lines")
    registry.describe("iris", "the first", 1)
    registry.set_tag("iris", "owner", "Ada")
    registry.set_tag("iris", "owner", 3)
    registry.set_tag("iris", "checked", "yes", "latest")
    found = query.registered("iris")
    assert (found.description, found.tags) == ("flowers\nin two lines", {"owner": "3"})
    assert [(row.description, row.tags) for row in query.versions("iris")] == [
        *(("the first", {}), (None, {}), (None, {"checked": "yes"}))
    ]
    registry.delete_tag("iris", "owner")
    registry.delete_tag("iris", "checked", 3)
    for version in (None, 3):
        with pytest.raises(NotFound, match="no tag 'owner'"):
            registry.delete_tag("iris", "owner", version)
    for wrong in ("", "  ", 3, None, "\ud800"):
        with pytest.raises(ArgumentError):
            registry.set_tag("iris", wrong, "v")
    with pytest.raises(ArgumentError, match="surrogate"):
        registry.describe("iris", "\ud800")


def test_stages_are_those_of_mlflow(registry, query, three):
    for stage in ("staging", "PRODUCTION", "Archived", None, "none"):
        registry.set_stage("iris", 1, stage)
    assert registry.set_stage("iris", 1, "Staging").stage == "Staging"
    with pytest.raises(ArgumentError, match="None, Staging, Production, Archived"):
        registry.set_stage("iris", 1, "prod")


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a@b", "a:b", "a\nb", "a\0", " a", "a ", "x" * 300, "\ud800", 3, None]
)
def test_bad_names_are_refused(registry, query, journal, make, three, name):
    run = make.kept(journal)
    with pytest.raises(ArgumentError, match="cannot be the name of a registered model"):
        registry.register(name, run)
    with pytest.raises(ArgumentError, match="cannot be the name of a registered model"):
        registry.rename("iris", name)
    assert query.registered_names() == ["iris"]


@pytest.mark.parametrize(
    "alias", ["", "3", "v3", "V12", "latest", "LATEST", "a/b", "a@b", "a:b", "a\n", "\ud800", None]
)
def test_bad_aliases_are_refused(registry, query, three, alias):
    with pytest.raises(ArgumentError, match="cannot be an alias"):
        registry.set_alias("iris", alias, 1)
    assert query.registered("iris").aliases == {}


def test_names_that_are_taken(registry, query, three):
    registry.register("other", three[0])
    with pytest.raises(ArgumentError, match="already a registered model 'other'"):
        registry.rename("iris", "other")
    registry.rename("iris", "iris")
    registry.rename("iris", "Iris")
    assert query.registered_names() == ["Iris", "other"]
    with pytest.raises(NotFound, match="was deleted"):
        registry.restore("iris")
