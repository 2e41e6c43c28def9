"""Cards as HTML, Markdown and text, of whatever texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skribe.display.card import Bar, Card, Cell, Picture, Pictures, Said, Table, Traceback, folded, opened
from skribe.display.harmless import one_line, squeezed, visible
from skribe.display.markdown import card_markdown, card_text, plain
from skribe.display.page import card_html, end_of
from tests.display.pages import Page, has_acting_characters

pytestmark = pytest.mark.newest_only
ODD = ["<script>alert(1)</script>", "<!-- ", "]]>", "</style>", "</pre><img src=x onerror=alert(1)>", '"><b>', "&lt;",
       "a|b", "`x`", "[x](javascript:alert(1))", "$x$", "\x1b[31mred", "\u202egnp.exe", "\ud800", "x" * 5000, "\x00",
       "", "שלום", "line\nline", "- item", "1. item", "__init__", "**", "https://example.org"]  # fmt: skip
texts = st.sampled_from(ODD) | st.text(st.characters(), max_size=40)
cells = texts | st.builds(Cell, texts, st.booleans(), st.just(""))
tables = st.builds(
    Table, texts, st.lists(st.lists(cells, min_size=1, max_size=3), min_size=1, max_size=4),
    st.lists(texts, max_size=4).map(tuple), st.booleans(), st.integers(0, 10**9),
)  # fmt: skip
blocks = (
    tables
    | st.builds(Said, st.lists(texts, max_size=4).map(tuple), texts)
    | st.builds(Traceback, st.lists(texts, max_size=5).map("\n".join))
    | st.builds(Bar, st.floats(0, 2), texts)
)
cards = st.builds(
    Card, texts, texts, texts | st.sampled_from(["finished", "running", "failed", "killed"]),
    st.lists(texts, max_size=3).map(tuple), texts, st.lists(blocks, max_size=4).map(tuple),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(cards)
def test_whatever_the_texts_are(card):
    html = card_html(card)
    assert len(html.encode()) < 60_000
    page = Page(html)
    assert not has_acting_characters(page.text)
    told = card_markdown(card)
    assert len(told.encode()) < 20_000
    outside = "\n".join(line for line in told.splitlines() if not line.startswith("    "))
    assert "<" not in outside
    assert not has_acting_characters(told)
    for line in outside.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
    assert not has_acting_characters(card_text(card))


def test_a_table_of_markdown_has_as_many_cells_in_each_row():
    card = Card("t", "i", "s", (), "", (Table("c", [["a|b", "c`|`d"], ["e"]], ("x", "y|z")),))
    lines = [line for line in card_markdown(card).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {3}
    assert plain("a|b`c<d>&[e]", 40) == "a&#124;b&#96;c&lt;d&gt;&amp;&#91;e&#93;"
    assert plain("training_accuracy_score", 40) == "training_accuracy_score"


def test_too_much_is_left_out_and_that_is_said():
    rows = [(f"key {number} " + "&" * 110, "<" * 200) for number in range(500)]
    card = Card("t", "i", "finished", (), "", tuple(Table(f"table {n}", rows, folded=n > 2) for n in range(20)))
    html = card_html(card)
    assert 20_000 < len(html.encode()) < 60_000
    assert "More is recorded than fits here" in html
    assert re.search(r"and \d+ more", html)
    few = Card("t", "i", "finished", (), "", (Table("table", rows[:3]),))
    assert "More is recorded" not in card_html(few)


def test_nothing_in_a_card_is_named_or_fetched():
    picture = Pictures((Picture("caption", "<svg></svg>"),))
    html = card_html(Card("t", "i", "finished", ("fact",), "said", (picture, Said(("one",)))))
    assert " id=" not in html
    assert "http" not in html
    assert "<svg></svg>" in html


def test_open_tables_stand_beside_each_other_and_folded_ones_below():
    few, many = [("a", "1")], [(f"k{n}", str(n)) for n in range(30)]
    html = card_html(Card("t", "i", "finished", (), "", (*opened("one", few), *folded("two", many))))
    assert html.count("<details>") == 1
    assert "two (30)" in html
    first, rest = opened("metrics", many)
    assert (len(first.rows), len(rest.rows), rest.folded) == (12, 18, True)
    assert rest.caption == "18 more metrics"
    assert opened("nothing", []) == folded("nothing", []) == []


def test_the_best_cell_is_marked():
    card = Card("t", "i", "s", (), "", (Table("c", [["a", Cell("1"), Cell("2", True)]], ("", "x", "y")),))
    assert '<td class="skribe-best">2</td>' in card_html(card)
    assert "**2**" in card_markdown(card)
    assert "2*" in card_text(card)


def test_the_end_of_an_error_is_shown():
    error = "\n".join(f"line {number}" for number in range(100)) + "\nValueError: " + "x" * 2000
    told = end_of(error)
    assert told.startswith("…\nline")
    assert "ValueError: xxx" in told
    assert len(told) < 1000
    assert end_of("short") == "short"


def test_texts():
    assert visible("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"
    assert one_line("a\n  b\tc", 40) == "a b c"
    assert one_line("x" * 10**7, 5) == "xxxx…"
    assert squeezed("training_of_the_first_step", 11) == "train…_step"
    assert squeezed("ab", 2) == "ab"
