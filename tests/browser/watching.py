"""A browser's tab whose every complaint is noted: errors, warnings, refused policies, dialogs, requests elsewhere."""

from __future__ import annotations

import functools
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Frame, Locator, Page, Request

# Set before any script of the page runs: policies that were broken are told by an event, whatever the console says.
_NOTE_POLICIES = """
window.__refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__refused.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""
_COLOURS = """(canvas) => {
  const copy = new OffscreenCanvas(canvas.width || 1, canvas.height || 1);
  const paper = copy.getContext("2d", {willReadFrequently: true});
  paper.drawImage(canvas, 0, 0);
  const {data} = paper.getImageData(0, 0, copy.width, copy.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""
# What the browser says when a policy, or a sandbox, has stopped what a run has brought along.
STOPPED = "Blocked script execution|violates the following Content Security Policy|sandboxed"
SERIOUS = {"serious", "critical"}


class Tab:
    """One tab at one address. `fine()` says whether anything went wrong that was not announced by `expect`."""

    def __init__(self, context: BrowserContext, home: str) -> None:
        self.home = home
        self.complaints: list[str] = []
        self.elsewhere: list[Request] = []
        self.expected: list[str] = []
        context.add_init_script(_NOTE_POLICIES)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        context.on("request", self._requested)
        context.on("dialog", self._dialog)
        self.page: Page = context.new_page()

    # -- what it may not do

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _requested(self, request: Request) -> None:
        local = urlsplit(request.url).scheme in ("data", "blob") or request.url == "about:srcdoc"
        if not local and not request.url.startswith(self.home):
            self.elsewhere.append(request)

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message[:300]}")
        dialog.dismiss()

    def expect(self, pattern: str) -> None:
        """A complaint that fits this pattern is part of the test."""
        self.expected.append(pattern)

    def left(self) -> list[str]:
        """The complaints that nobody has announced."""
        refused = self.page.evaluate("window.__refused || []")
        known = [*self.complaints, *(f"policy: {one}" for one in refused)]
        # What a policy has stopped was never sent.
        known += [f"request elsewhere: {one.url[:300]}" for one in self.elsewhere if one.failure != "csp"]
        return [one for one in known if not any(re.search(pattern, one, re.DOTALL) for pattern in self.expected)]

    # -- what tests do

    def go(self, path: str = "") -> Page:
        """Open a page of the site."""
        self.page.goto(self.home + path)
        return self.page

    def theme(self, name: str) -> None:
        self.page.locator("#theme").select_option(name)

    def columns(self, key: str) -> list[str]:
        """The texts of a column of the table of runs, from the top, by the beginning of its header."""
        heads = self.page.locator(".grid-head .cell").all_inner_texts()
        place = next(n for n, text in enumerate(heads) if text.replace("\n", " ").startswith(key))
        rows = self.page.locator(".grid-body .row:visible")
        return self.page.evaluate(
            "([rows, place]) => rows.filter((row) => row.id).sort((a, b) => a.id.slice(4) - b.id.slice(4))"
            ".map((row) => row.children[place].innerText.trim())",
            [rows.element_handles(), place],
        )

    def until(self, condition: str, argument: Any = None, seconds: float = 15) -> Any:
        """Wait until a function in the page gives something true, and give that.

        Playwright's own would have to evaluate text in the page, which its policy forbids.
        """
        last = time.monotonic() + seconds
        while not (found := self.page.evaluate(condition, argument)):
            assert time.monotonic() < last, f"this has never become true: {condition}"
            self.page.wait_for_timeout(40)
        return found

    def drawn(self, place: Locator, colours: int = 8) -> None:
        """Scroll to a canvas, or to a figure with one, and wait until so many colours are on it."""
        place.scroll_into_view_if_needed()
        canvas = "place.matches('canvas') ? place : place.querySelector('canvas')"
        found = f"(place) => {{ const canvas = {canvas}; return canvas && ({_COLOURS})(canvas) >= {colours}; }}"
        self.until(found, place.element_handle())

    def violations(self, *rules: str) -> list[str]:
        """What axe finds serious; by these rules alone, if some are named.

        The checker is given to the page by the debugger, which no policy of the page can refuse. Of rows that are all
        alike some are enough, and the others are taken away before: it looks at each for milliseconds.
        """
        self.page.evaluate(
            "document.querySelectorAll('tbody, ul, ol, dl, .grid-body').forEach((one) => {"
            " while (one.children.length > 4) one.lastElementChild.remove(); })"
        )
        self.page.evaluate(_axe())
        options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = self.page.evaluate("(options) => axe.run(document, options)", options)
        return [
            f"{one['impact']} {one['id']}: {node['html'][:200]} — {node['failureSummary'][:400]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
            for node in one["nodes"][:3]
        ]


@functools.cache
def _axe() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def frames_attacked(page: Page) -> list[str]:
    """The frames in which an attack has left its mark."""

    def marked(frame: Frame) -> bool:
        return bool(frame.evaluate("window.attacked !== undefined || document.title === 'ran'"))

    return [frame.url for frame in page.frames if marked(frame)]
