"""No text of a store acts on the terminal, wherever in the store it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

import skribe
from skribe.cli import showing, tailing
from skribe.cli.exchange import _tell as tell_remarks
from skribe.cli.gc import lines as lines_of_gc
from skribe.cli.text import short
from skribe.records import Artifact, Changes, Dataset, Fact, Model, Note, Warned
from skribe.store.collecting import Collected, Gone
from skribe.store.query import Query
from skribe.views import RunView, SearchView, run_view, search_view
from skribe.views.models import VersionView
from tests.cli.book import Book, call

# Of the sequences that steer a terminal click takes some out of what goes into a pipe, which would hide them here.
EVIL = "\x1b]0;e\x07"


def poisoned(value: Any) -> Any:
    """The same with an escape sequence at the end of every text in it."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, tuple):
        parts = [poisoned(one) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Mapping):
        return {poisoned(key): poisoned(one) for key, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: poisoned(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, SearchView):  # the kind is not shown, and the pictures are not either
            fields |= {"kind": value.kind, "views": value.views}
        return dataclasses.replace(value, **fields)
    return value


@pytest.fixture
def views(book: Book) -> tuple[RunView, SearchView]:
    """A search of which everything is known that `skribe show` tells."""
    run, _ = book.search()
    book.write(
        Changes(
            run=run,
            datasets=(
                Dataset("train", "X", "pandas", (9, 2), "ab", {"columns": [["a", "int"]], "target": {"kind": "n"}}),
            ),
            warnings=(Warned("UserWarning", "no", "x.py", 3),),
            notes=(Note("plots", "no"),),
            facts=(Fact("classes_", "[0]", "ndarray"),),
            artifacts=(Artifact("a.txt", 3, "x"),),
            models=(Model("model", "model.skops", "skops", 3, "sha256:x", "sklearn.svm.SVC"),),
        )
    )
    query = Query(book.folder)
    view, search = run_view(query, run), search_view(query, run)
    query.close()
    assert search is not None
    versions = (VersionView("churn", 1, ("champion",), None),)
    return dataclasses.replace(view, models=(dataclasses.replace(view.models[0], versions=versions),)), search


def test_the_lines_about_a_run(views):
    view, search = poisoned(views[0]), poisoned(views[1])
    for each in (search, None):
        for whole in (False, True):
            assert [line for line in showing.lines(view, each, whole) if "\x1b" in line or "\x07" in line] == []
    said = "\n".join(showing.lines(view, search, True))
    for word in ("UserWarning", "train", "skops", "@champion", "target: kind", "search", "classes_", "a.txt"):
        assert f"{word}\\x1b]" in said, word


def test_the_lines_about_a_search_that_runs(views, book):
    query = Query(book.folder)
    state = tailing.state_of(query, views[0].id)
    query.close()
    evil = tailing.State(poisoned(state.row), poisoned(state.ref), poisoned(state.search), "", state.metrics, (0, 1))
    for line in (*tailing.told(evil), tailing.summary(evil)):
        assert "\x1b" not in line


def test_what_is_deleted_and_short_ids():
    found = Collected([Gone("model", f"a{EVIL}", 3)], [(f"r{EVIL}", f"why{EVIL}")])  # type: ignore[arg-type]
    assert "\x1b" not in "".join(lines_of_gc(found))
    assert short("abc\x1b[m") == "abc\\x1b[m"


def test_what_an_import_has_to_say(capsys):
    tell_remarks("note", [f"run{EVIL}"])
    assert capsys.readouterr().err == "note: run\\x1b]0;e\\x07\n"


def test_a_backend_whose_words_act(book):
    book.run()
    with_words = f"nobody:x{EVIL}"
    book.run(wanted=(with_words,))
    assert "\x1b" not in call("sync", "--dry-run").output


def test_what_python_shows_of_runs_and_comparisons(book):
    one, other = (skribe.get_run(book.run(f"SVC{EVIL}\nsecond" + "x" * 500)) for _ in range(2))
    for shown in (repr(one), repr(skribe.compare(one, other))):
        assert "SVC\\x1b]0;e\\x07 second" in shown
        assert "\x1b" not in shown
        assert "\n" not in shown
        assert len(shown) < 400
