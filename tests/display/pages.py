"""What a piece of HTML that was made of anybody's texts may hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser

TAGS = {
    "style", "div", "b", "bdi", "code", "span", "table", "caption", "thead", "tbody", "tr", "th", "td", "details",
    "summary", "p", "br", "pre", "figure", "figcaption", "svg", "title", "path", "text", "g", "a",
}  # fmt: skip
ATTRIBUTES = {
    "class", "style", "colspan", "role", "xmlns", "width", "height", "viewbox", "fill", "stroke", "stroke-width",
    "stroke-dasharray", "opacity", "d", "x", "y", "text-anchor", "transform", "font-size", "font-family",
}  # fmt: skip


class Page(HTMLParser):
    """Reads a page, and fails on whatever it should not hold."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS, tag
        self.tags.append(tag)
        for name, value in attributes:
            assert name in ATTRIBUTES or name.startswith("aria-"), name
            if name == "style":
                assert "url" not in (value or "")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment


def has_acting_characters(text: str) -> bool:
    """Whether there is a character that does something instead of being read."""
    return (
        re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
        is not None
    )
