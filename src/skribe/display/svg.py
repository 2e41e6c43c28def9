"""A sheet for small pictures: inline SVG in the colours of the page that it stands on.

There are no ids in it, so two pictures on one page never get in each other's way; no script, no style sheet, no font.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from skribe.display.harmless import squeezed

WIDTH, HEIGHT = 234, 168
# No picture is larger; one that would be is left out.
LARGEST = 8_000
# Hues that can be told apart, also by most who do not see all colours. Pages that know better set --skribe-0 to 5.
_HUES = ("#3b7dd8", "#d9822b", "#2f9e63", "#9a5fd0", "#d1495b", "#1d9aaa")
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 8, 32


def hue(number: int) -> str:
    """A colour, for a style."""
    number %= len(_HUES)
    return f"var(--skribe-{number},{_HUES[number]})"


def short(value: float) -> str:
    """A number on an axis."""
    if not math.isfinite(value):
        return str(value)
    if value and (abs(value) >= 1e5 or abs(value) < 1e-3):
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.4g}"


def at(value: float) -> str:
    """A coordinate."""
    return f"{value:.1f}".removesuffix(".0")


class Sheet:
    """Marks are added one after the other; `done` is the picture."""

    def __init__(self, title: str, width: float = WIDTH, height: float = HEIGHT) -> None:
        self.width, self.height = width, height
        self._title = escape(squeezed(title, 160))
        self._marks: list[str] = []

    def add(self, mark: str) -> None:
        """A mark that is SVG already."""
        self._marks.append(mark)

    def text(
        self, x: float, y: float, text: object, *, width: int = 12, anchor: str = "start", faint: bool = False
    ) -> None:
        """A text of at most `width` characters."""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        tone = ' opacity=".7"' if faint else ""
        self.add(f'<text x="{at(x)}" y="{at(y)}"{place}{tone}>{escape(squeezed(text, width))}</text>')

    def texts(self, texts: Iterable[tuple[float, float, str]], size: float = 10.5) -> None:
        """Many short texts, each with its middle and its base line."""
        marks = "".join(f'<text x="{at(x)}" y="{at(y)}">{escape(text)}</text>' for x, y, text in texts)
        self.add(f'<g text-anchor="middle" font-size="{size:.3g}">{marks}</g>')

    def upwards(self, x: float, y: float, text: object) -> None:
        """What an axis on the left is called."""
        turned = f'transform="translate({at(x)} {at(y)})rotate(-90)" text-anchor="middle" opacity=".7"'
        self.add(f"<text {turned}>{escape(squeezed(text, 22))}</text>")

    def rule(self, x1: float, y1: float, x2: float, y2: float, opacity: float = 0.35, dashed: bool = False) -> None:
        """A straight line in the colour of the text."""
        dash = ' stroke-dasharray="3 3"' if dashed else ""
        path = f"M{at(x1)} {at(y1)}L{at(x2)} {at(y2)}"
        self.add(f'<path d="{path}" stroke="currentColor" fill="none" opacity="{opacity:.2g}"{dash}/>')

    def line(
        self, points: Sequence[tuple[float, float]], number: int = 0, width: float = 1.6, opacity: float = 1
    ) -> None:
        """A line through these points."""
        if points:
            path = "M" + "L".join(f"{at(x)} {at(y)}" for x, y in points)
            tone = "" if opacity == 1 else f";opacity:{opacity:.2g}"
            self.add(f'<path d="{path}" style="stroke:{hue(number)};fill:none;stroke-width:{width:g}{tone}"/>')

    def area(self, points: Sequence[tuple[float, float]], number: int = 0, opacity: float = 0.2) -> None:
        """The surface inside of these points."""
        if points:
            path = "M" + "L".join(f"{at(x)} {at(y)}" for x, y in points) + "z"
            self.add(f'<path d="{path}" style="fill:{hue(number)};opacity:{opacity:.2g}"/>')

    def dots(
        self, points: Iterable[tuple[float, float]], number: int = 0, size: float = 4, opacity: float = 0.55
    ) -> None:
        """A dot at each of these points."""
        # A line without length and with round ends is a dot, and takes the least room.
        path = "".join(f"M{at(x)} {at(y)}h0" for x, y in points)
        if path:
            style = f"stroke:{hue(number)};stroke-width:{size:g};stroke-linecap:round;opacity:{opacity:.2g}"
            self.add(f'<path d="{path}" style="{style}"/>')

    def boxes(self, boxes: Iterable[tuple[float, float, float, float]], opacity: float, number: int = 0) -> None:
        """Filled boxes: left, top, width and height."""
        path = "".join(f"M{at(x)} {at(y)}h{at(w)}v{at(h)}h{at(-w)}z" for x, y, w, h in boxes)
        if path:
            self.add(f'<path d="{path}" style="fill:{hue(number)};opacity:{opacity:.2g}"/>')

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """An empty box, to mark something."""
        path = f"M{at(x)} {at(y)}h{at(width)}v{at(height)}h{at(-width)}z"
        self.add(f'<path d="{path}" stroke="currentColor" stroke-width="1.5" fill="none"/>')

    def done(self) -> str:
        """The picture; empty if it would be too large."""
        size = f'width="{at(self.width)}" height="{at(self.height)}" viewBox="0 0 {at(self.width)} {at(self.height)}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{self._title}"'
        head += ' fill="currentColor" font-size="10.5" font-family="system-ui,sans-serif">'
        whole = f"{head}<title>{self._title}</title>{''.join(self._marks)}</svg>"
        return whole if len(whole.encode()) <= LARGEST else ""


class Axis:
    """Numbers along one side of a sheet, from `low` to `high`."""

    def __init__(
        self, values: Iterable[float], begin: float, end: float, *, log: bool = False, margin: float = 0.04
    ) -> None:
        known = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        self.log = log
        low, high = (self._laid(min(known)), self._laid(max(known))) if known else (0.0, 1.0)
        # Halves: the difference of two huge numbers is no number.
        span = high / 2 - low / 2
        if span <= 0:
            span, low, high = 0.5, low - 0.5, high + 0.5
        pad = 2 * span * margin
        self._low, self._span = low - pad, 2 * span + 2 * pad
        if not math.isfinite(self._span) or self._low == low - 0.5 == low:
            self._low, self._span = low, max(abs(low), 1.0)
        self._begin, self._end = begin, end
        self._shown = (low, high)

    def _laid(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def of(self, value: float) -> float:
        """Where a number lies."""
        share = (self._laid(value) - self._low) / self._span
        return self._begin + min(1.0, max(0.0, share)) * (self._end - self._begin)

    def ticks(self) -> list[float]:
        """Three to six round numbers between the ends."""
        low, high = self._shown
        if self.log and high - low >= 1:
            decades = max(1, math.ceil((high - low) / 4))
            return [10.0**power for power in range(math.ceil(low), math.floor(high) + 1, decades)]
        if self.log:
            return [10.0**low, 10.0**high]
        span = high - low
        if not math.isfinite(span) or span <= 0:
            return [low]
        power = 10.0 ** math.floor(math.log10(span))
        step = next(s for s in (power / 5, power / 2, power, 2 * power, 10 * power) if span / s <= 5)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [number * step for number in range(first, min(last, first + 6) + 1)]


class Plot:
    """A sheet with two axes, their ticks and what they are called."""

    def __init__(
        self,
        title: str,
        x: Iterable[float],
        y: Iterable[float],
        names: tuple[str, str],
        *,
        log: bool = False,
        margin: float = 0.04,
    ) -> None:
        self.sheet = Sheet(title)
        self.x = Axis(x, _LEFT, WIDTH - _RIGHT, log=log, margin=margin)
        self.y = Axis(y, HEIGHT - _BOTTOM, _TOP, margin=margin)
        self.sheet.rule(_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM)
        self.sheet.rule(_LEFT, _TOP, _LEFT, HEIGHT - _BOTTOM)
        for tick in self.y.ticks():
            self.sheet.text(_LEFT - 4, self.y.of(tick) + 3.5, short(tick), anchor="end", faint=True)
        self.sheet.text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 4, names[0], width=34, anchor="middle", faint=True)
        self.sheet.upwards(9, (_TOP + HEIGHT - _BOTTOM) / 2, names[1])

    def ticks(self, labels: Sequence[tuple[float, str]] | None = None) -> None:
        """The numbers below; or these labels, each beside its number."""
        told = [(tick, short(tick)) for tick in self.x.ticks()] if labels is None else list(labels)
        most = max(1, int((WIDTH - _LEFT) / (6.5 * max((len(text) for _, text in told), default=1) + 6)))
        for place, text in told[:: -(-len(told) // most) or 1]:
            self.sheet.text(self.x.of(place), HEIGHT - _BOTTOM + 12, text, width=10, anchor="middle", faint=True)

    def places(self, x: Sequence[float | None], y: Sequence[float | None]) -> list[tuple[float, float]]:
        """Where these pairs lie; those without a number are left out."""
        return [
            (self.x.of(a), self.y.of(b))
            for a, b in zip(x, y, strict=False)
            if a is not None and b is not None and math.isfinite(a) and math.isfinite(b) and (a > 0 or not self.x.log)
        ]

    def done(self) -> str:
        return self.sheet.done()


def thinned(points: Sequence[tuple[float, float]], most: int = 150) -> list[tuple[float, float]]:
    """Some of many points, evenly, with the last one."""
    step = -(-len(points) // most)
    if step <= 1:
        return list(points)
    kept = list(points[::step])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
