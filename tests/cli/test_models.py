"""`skribe models` and `skribe gc`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from skribe.cli import main
from skribe.cli.gc import size
from skribe.records import Changes, End, Metric, Model, ProcessInfo, Registration, Start, new_id
from skribe.store.admin import Admin
from skribe.store.artifacts import ArtifactStore
from skribe.store.journal import Journal
from skribe.store.registry import Registry


@pytest.fixture
def store(own_folder: Path) -> Path:
    return own_folder / "skribe_runs"


def write(store: Path, score: float, name: str | None = None) -> str:
    """A run with a model of 1000 bytes; its id."""
    run = new_id()
    ArtifactStore(store).put_folder(run, "model", lambda folder: (folder / "model.pkl").write_bytes(b"x" * 1000))
    with Journal(store, lambda: ProcessInfo("t", "nowhere", "boot", 1, "1", {}, None)) as journal:
        journal.write(
            Changes(
                run=run,
                start=Start("e", "r", "fit", time.time()),
                metrics=(Metric("training_accuracy_score", score, None, 1.0),),
                models=(Model("model", "model.pkl", "pickle", 1000, f"sha256:{run}", "sklearn.svm.SVC"),),
                registered=() if name is None else (Registration(name, "model"),),
                end=End("finished", time.time()),
            )
        )
    return run


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_models_are_listed(store):
    runs = [write(store, 0.5 + n / 10, "iris") for n in range(2)]
    registry = Registry(store)
    registry.set_alias("iris", "champion", 1)
    registry.set_stage("iris", 2, "staging")
    registry.register("größe", runs[0])
    registry.delete_version("größe", 1)
    done = call("models")
    assert done.exit_code == 0
    head, second, first, unused = done.stdout.splitlines()
    assert head.split() == ["name", "version", "aliases", "stage", "run", "created", "metric"]
    assert second.split()[:4] == ["iris", "2", "Staging", runs[1][-8:]]
    assert first.split()[:4] == ["iris", "1", "champion", runs[0][-8:]]
    assert first.endswith("accuracy_score 0.5")
    assert unused == "größe  (no version)"
    elsewhere = call("models", "--store", "elsewhere")
    assert elsewhere.exit_code == 1
    assert "there is no store in" in elsewhere.stderr


def test_no_models_are_registered(store):
    write(store, 0.5)
    done = call("models")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("No models are registered.")


def test_gc_says_what_it_deletes(store):
    runs = [write(store, n / 10, "iris" if n == 0 else None) for n in range(3)]
    assert call("gc").stdout == "Nothing to delete.\n"
    done = call("gc", "--keep-models", "best 1 by training_accuracy_score", "--dry-run")
    assert done.stdout == (f"model beyond the cap        1 kB  {runs[1]}/model\nWould delete 1 thing, 1 kB.\n"), (
        "a registered one stays"
    )
    unasked = call("gc", "--keep-models", "best 1 by training_accuracy_score")
    assert unasked.exit_code == 2
    assert f"{runs[1]}/model" in unasked.stderr
    assert "add --yes" in unasked.stderr
    assert (store / "artifacts" / runs[1] / "model").exists()
    sure = call("gc", "--keep-models", "best 1 by training_accuracy_score", "--yes")
    assert sure.stdout.endswith("Deleted 1 thing, 1 kB.\n")
    assert not (store / "artifacts" / runs[1] / "model").exists()
    assert (store / "artifacts" / runs[0] / "model").exists()


def test_gc_empties_the_trash_when_asked(store):
    runs = [write(store, 0.5, name) for name in (None, "iris")]
    for run in runs:
        Admin(store).delete_run(run)
    assert call("gc", "--empty-trash", "1").stdout == "Nothing to delete.\n"
    rows = json.loads(call("gc", "--empty-trash", "--dry-run", "--json").stdout)
    assert [(row["what"], row["path"], row["deleted"]) for row in rows] == [
        ("run in the trash", runs[0], False),
        ("kept in the trash", runs[1], False),
    ]
    done = call("gc", "--empty-trash", "--yes", "--store", str(store))
    assert runs[0] in done.stdout
    assert f"kept in the trash                 {runs[1]}: the registered model iris 1 needs it" in done.stdout
    assert (store / "artifacts" / runs[1]).exists()
    assert not (store / "artifacts" / runs[0]).exists()


def test_gc_with_wrong_words(store):
    done = call("gc")
    assert done.exit_code == 1
    assert "holds no store" in done.stderr
    write(store, 0.5)
    done = call("gc", "--keep-models", "some")
    assert done.exit_code == 2
    assert "'some' is not a size" in done.stderr
    assert "Traceback" not in done.stderr
    assert call("gc", "--empty-trash", "-1").exit_code == 2


def test_sizes_are_short():
    assert [size(n) for n in (0, 999, 1000, 123456, 999_600, 20e9, 5e15)] == [
        *("0 B", "999 B", "1 kB", "123 kB", "1 MB", "20 GB", "5000 TB")
    ]
