"""What a reader of the two pages waits for, measured in the browser: until rows are seen, what came over the wire,
and how long the page stands still while it is used.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

CHROMIUM = "/usr/bin/chromium"
_VIEW = {"width": 1400, "height": 900}
_QUIET = 1.0  # seconds without a request, after which a page counts as loaded
# Runs before any script of the page. It notes when the wanted element is first in view with something in it and has
# been painted: a frame is painted when the next one begins. It watches how far frames are apart, and when something
# was last drawn on a canvas.
_WATCH = """
(() => {
  const seen = window.__bench = { shown: null, gaps: null, drawn: null };
  const painters = [[CanvasRenderingContext2D, ["stroke", "fill", "drawImage"]]];
  for (const name of ["WebGLRenderingContext", "WebGL2RenderingContext"]) {
    if (window[name]) painters.push([window[name], ["drawArrays", "drawElements"]]);
  }
  for (const [kind, names] of painters) {
    for (const name of names) {
      const draw = kind.prototype[name];
      kind.prototype[name] = function (...given) { seen.drawn = performance.now(); return draw.apply(this, given); };
    }
  }
  const isThere = (wanted) => {
    for (const element of document.querySelectorAll(wanted)) {
      const box = element.getBoundingClientRect();
      const drawn = element.tagName === "CANVAS" || element.textContent.trim() !== "";
      if (box.height > 0 && box.width > 0 && drawn) return true;
    }
    return false;
  };
  const look = () => {
    if (seen.wanted && isThere(seen.wanted)) {
      requestAnimationFrame(() => { seen.shown = performance.now(); });
      return;
    }
    requestAnimationFrame(look);
  };
  seen.until = (wanted) => { seen.shown = null; seen.wanted = wanted; look(); };
  seen.frames = () => {
    seen.gaps = [];
    let last = performance.now();
    const next = (now) => {
      if (seen.gaps === null) return;
      seen.gaps.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame((now) => { last = now; requestAnimationFrame(next); });
  };
  seen.end = () => { const gaps = seen.gaps; seen.gaps = null; return gaps; };
})();
"""


@dataclass(slots=True)
class Traffic:
    """What one page has asked for."""

    requests: int = 0
    elsewhere: set[str] = field(default_factory=set)  # hosts other than this machine
    encoded: int = 0  # bytes over the wire, with headers
    decoded: int = 0
    last: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """One opening of a page. Times are milliseconds from the navigation; None is: not within the time."""

    painted: float | None  # the first text or picture
    shown: float | None  # what was wanted
    drawn: float | None  # the last stroke on a canvas
    traffic: Traffic


class Page:
    """A tab with an empty cache."""

    def __init__(self, tab: Any, traffic: Traffic) -> None:
        self.tab = tab
        self._traffic = traffic

    def open(self, url: str, patience: float = 60.0) -> Load:
        """Open the page, until what is wanted is there, and until nothing more is asked for."""
        self.tab.goto("about:blank")
        self._begin_again()
        with contextlib.suppress(_timeout()):
            self.tab.goto(url, wait_until="commit", timeout=patience * 1e3)
            self.tab.wait_for_function("() => window.__bench.shown !== null", polling=50, timeout=patience * 1e3)
        self._settle()
        paint = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0] ?? null"
        painted, shown, drawn = self.tab.evaluate(f"() => [{paint}, window.__bench.shown, window.__bench.drawn]")
        return Load(painted, shown, drawn, replace(self._traffic, elsewhere=set(self._traffic.elsewhere)))

    def until(self, act: str, wanted: str, patience: float = 60.0) -> float | None:
        """Milliseconds from `act`, a piece of JavaScript, until `wanted` shows something."""
        with contextlib.suppress(_timeout()):
            watch = f"window.__bench.until({json.dumps(wanted)})"
            began: float = self.tab.evaluate(f"() => {{ const now = performance.now(); {act}; {watch}; return now; }}")
            self.tab.wait_for_function("() => window.__bench.shown !== null", polling=20, timeout=patience * 1e3)
            shown: float = self.tab.evaluate("() => window.__bench.shown")
            return shown - began
        return None

    @contextlib.contextmanager
    def frames(self) -> Iterator[list[float]]:
        """The milliseconds between the frames that were drawn meanwhile."""
        gaps: list[float] = []
        self.tab.evaluate("() => window.__bench.frames()")
        yield gaps
        gaps += self.tab.evaluate("() => window.__bench.end()")

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 120) -> None:
        """Press the mouse, move it evenly for about two seconds, let go."""
        mouse = self.tab.mouse
        mouse.move(*start)
        mouse.down()
        for step in range(1, steps + 1):
            at = step / steps
            mouse.move(start[0] + (end[0] - start[0]) * at, start[1] + (end[1] - start[1]) * at)
            time.sleep(0.012)
        mouse.up()

    def wheel(self, seconds: float, by: int = 400) -> None:
        """Turn the wheel without rest."""
        until = time.monotonic() + seconds
        self.tab.mouse.move(_VIEW["width"] / 2, _VIEW["height"] / 2)
        while time.monotonic() < until:
            self.tab.mouse.wheel(0, by)
            time.sleep(0.016)

    def _begin_again(self) -> None:
        fresh = Traffic()
        for name in Traffic.__slots__:
            setattr(self._traffic, name, getattr(fresh, name))

    def _settle(self, most: float = 10.0) -> None:
        until = time.monotonic() + most
        while time.monotonic() < until and time.monotonic() - self._traffic.last < _QUIET:
            self.tab.wait_for_timeout(100)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield found
        finally:
            found.close()


@contextlib.contextmanager
def cold_page(chromium: Any, wanted: str) -> Iterator[Page]:
    """A tab of a browser that has never been here, which waits for what the selector `wanted` finds."""
    context = chromium.new_context(viewport=_VIEW)
    tab = context.new_page()
    tab.add_init_script(f"{_WATCH}\nif (location.protocol !== 'about:') window.__bench.until({json.dumps(wanted)});")
    traffic = Traffic()
    session = context.new_cdp_session(tab)
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda event: _asked(traffic, event["request"]["url"]))
    session.on("Network.dataReceived", lambda event: _add(traffic, decoded=event["dataLength"]))
    session.on("Network.loadingFinished", lambda event: _add(traffic, encoded=int(event["encodedDataLength"])))
    try:
        yield Page(tab, traffic)
    finally:
        context.close()


def _asked(traffic: Traffic, url: str) -> None:
    if not url.startswith("http"):
        return
    host = url.split("/")[2]
    traffic.requests += 1
    traffic.last = time.monotonic()
    if host.rpartition(":")[0] != "127.0.0.1":
        traffic.elsewhere.add(host)


def _add(traffic: Traffic, encoded: int = 0, decoded: int = 0) -> None:
    traffic.encoded += encoded
    traffic.decoded += decoded
    traffic.last = time.monotonic()


def _timeout() -> type[Exception]:
    from playwright.sync_api import TimeoutError as Timeout

    found: type[Exception] = Timeout
    return found
