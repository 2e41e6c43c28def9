"""What changes the store: `delete`, `restore`, `tag`, `rename`, `register`, `models …`."""

from __future__ import annotations

import json

import pytest

from skribe.records import Model
from skribe.store.artifacts import ArtifactStore
from skribe.store.query import Query
from tests.cli.book import call


def ids(*options):
    return {row["id"] for row in json.loads(call("runs", "--json", *options).stdout)}


def with_model(book, *paths):
    """A run with models of these paths."""
    models = tuple(Model(path, "model.pkl", "pickle", 1, f"sha256:{path}", "sklearn.svm.SVC") for path in paths)
    run = book.run(models=models)
    for path in paths:
        ArtifactStore(book.folder).put_folder(run, path, lambda folder: (folder / "model.pkl").write_bytes(b"x"))
    return run


def test_into_the_trash_and_out_again(book):
    run, other = book.run("one"), book.run("two")
    dry = call("delete", run[-8:], "--dry-run")
    assert f"{run[-8:]}  one" in dry.stdout
    assert "Would put 1 run" in dry.stdout
    unasked = call("delete", run)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.stderr
    assert ids() == {run, other}, "nothing was done"
    assert call("delete", run, "ffffffff", "--yes").exit_code == 1
    assert ids() == {run, other}, "one wrong id, and nothing is done"
    assert call("delete", run[-8:], run, "--yes").stdout == "Put 1 run into the trash.\n"
    assert (ids(), ids("--deleted")) == ({other}, {run})
    assert "in the trash" in call("show", run).stdout
    assert "is back" in call("restore", run[-8:]).stdout
    assert "was not in the trash" in call("restore", run[-8:]).stdout
    assert ids() == {run, other}


def test_asking(book, monkeypatch):
    from skribe.cli import asking

    run = book.run("one")
    monkeypatch.setattr(asking.sys, "stdin", Terminal("n\n"))
    assert not asking.confirmed("Really?", yes=False)
    monkeypatch.setattr(asking.sys, "stdin", Terminal("y\n"))
    assert asking.confirmed("Really?", yes=False)
    assert ids() == {run}


class Terminal:
    """A stdin at which somebody sits, and gives this answer."""

    def __init__(self, answer):
        self.answer = answer

    def isatty(self):
        return True

    def readline(self):
        return self.answer


def test_an_experiment_goes_with_its_runs(book):
    run = book.run("one", experiment="first")
    assert "Would put the experiment first with 1 run" in call("delete", "-e", "first", "--dry-run").stdout
    assert call("delete", "--experiment", "first", "--yes").exit_code == 0
    assert json.loads(call("experiments", "--deleted", "--json").stdout)[0]["name"] == "first"
    assert call("restore", "--experiment", "first").exit_code == 0
    assert ids() == {run}
    assert call("delete", "--experiment", "frist", "--yes").exit_code == 1
    assert call("delete", "--yes").exit_code == 2
    assert call("delete", run, "-e", "first", "--yes").exit_code == 2


def test_tags(book):
    run = book.run(tags={"old": "1", "kept": "x"})
    assert call("tag", "last", "stage=a=b", "new=", "--delete", "old").exit_code == 0
    with_tags = Query(book.folder)
    assert with_tags.tags(run) == {"stage": "a=b", "new": "", "kept": "x"}
    with_tags.close()
    for wrong, code in (((), 2), (("word",), 2), (("=x",), 2), (("--delete", "none"), 1)):
        assert call("tag", run, *wrong).exit_code == code, wrong


def test_register_and_what_is_done_with_versions(book):
    run = with_model(book, "best_estimator", "model")
    done = call("register", run[-8:], "iris", "--alias", "champion", "--description", "the first")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"iris 1, @champion: the model model of run {run[-8:]}")
    assert call("register", run, "iris", "--path", "best_estimator").stdout.startswith("iris 2:")
    shown = json.loads(call("models", "show", "iris", "--json").stdout)
    assert shown["aliases"] == {"champion": 1}
    assert [(v["version"], v["path"]) for v in shown["versions"]] == [(2, "best_estimator"), (1, "model")]
    assert "the first" in call("models", "show", "iris").stdout
    assert call("models", "alias", "iris", "champion", "2").stdout == "models:/iris@champion is version 2.\n"
    assert call("models", "alias", "iris", "champion").exit_code == 2
    assert "Would delete iris 2 (@champion)" in call("models", "delete", "iris", "champion", "--dry-run").stdout
    assert call("models", "delete", "iris", "2").exit_code == 2
    assert call("models", "delete", "iris", "2", "--yes").exit_code == 0
    assert [row["version"] for row in json.loads(call("models", "--json").stdout)] == [1]
    assert [row["version"] for row in json.loads(call("models", "--deleted", "--json").stdout)] == [2]
    assert call("models", "restore", "iris", "2").stdout == "iris 2 is back.\n"
    assert call("models", "alias", "iris", "champion", "latest").exit_code == 0
    assert call("models", "alias", "iris", "champion", "--delete").exit_code == 0
    assert call("models", "delete", "iris", "--yes").stdout == "Deleted iris with 2 versions.\n"
    assert call("models", "show", "iris").exit_code == 1
    assert call("models", "restore", "iris").exit_code == 0
    assert "iris" in call("models", "--md").stdout
    assert "iris" in call("models", "--csv").stdout


def test_a_store_can_be_named_before_or_after_the_verb_of_models(book):
    with_model(book, "model")
    call("register", "last", "iris")
    environment = {"SKRIBE_STORE": "nowhere"}
    for arguments in (("--store", book.folder, "show", "iris"), ("show", "iris", "--store", book.folder)):
        assert call("models", *arguments, env=environment).exit_code == 0
    assert call("models", "show", "iris", env=environment).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("iris",), "several models: add --path"),
        (("iris", "--path", "nope"), "has no model 'nope'"),
        (("iris", "--path", "one", "--alias", "1"), "1"),
    ],
)
def test_register_says_what_is_wrong(book, arguments, words):
    with_model(book, "one", "two")
    done = call("register", "last", *arguments)
    assert done.exit_code in (1, 2)
    assert words in done.stderr
    assert call("models", "--json").stdout == "[]\n"
