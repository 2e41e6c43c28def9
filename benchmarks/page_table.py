"""How what was measured is written down: tables in Markdown, line by line as they come."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

NOTHING = "-"
Row = Sequence[str]


def table(title: str, head: Sequence[str], rows: Iterable[Row], notes: Sequence[str] = ()) -> None:
    """Print a table while its rows are measured, and the notes below it."""
    print(f"\n## {title}\n")
    print(f"| | {' | '.join(head)} |")
    print("|---|" + "---|" * len(head), flush=True)
    for name, *cells in rows:
        cells += [NOTHING] * (len(head) - len(cells))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    for note in notes:
        print(f"\n{note}", flush=True)


def ms(value: float | None) -> str:
    """Milliseconds, in as many digits as mean something; seconds from ten on."""
    if value is None:
        return NOTHING
    if value >= 10_000:
        return f"{value / 1e3:,.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def spread(values: Sequence[float], first: float | None = None) -> str:
    """The median, the highest, and what was seen before them."""
    if not values:
        return NOTHING
    text = f"{ms(statistics.median(values))}, max {ms(max(values))}"
    return text if first is None else f"{text}, first {ms(first)}"


def size(count: float | None) -> str:
    """Bytes, as people read them."""
    if count is None:
        return NOTHING
    if count >= 999_500:
        return f"{count / 1e6:,.2f} MB"
    return f"{count / 1e3:.0f} kB" if count >= 10_000 else f"{count / 1e3:.1f} kB"
