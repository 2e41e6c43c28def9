"""A run as a small piece of HTML for notebooks: escaped, without scripts, themed by the notebook's own colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from skribe.display.text import number
from skribe.words import seconds, shorten

_STYLE = (
    "<style>.skribe-run{font:13px/1.5 system-ui,sans-serif;color:inherit}"
    ".skribe-run h4{margin:0 0 .3em;font-size:1.05em}"
    ".skribe-run small{opacity:.7;font-weight:normal}"
    ".skribe-run .skribe-tables{display:flex;flex-wrap:wrap;gap:1.5em}"
    ".skribe-run table{border-collapse:collapse;color:inherit;background:none}"
    ".skribe-run table{width:auto}.skribe-run caption{text-align:left;opacity:.7;padding:.2em 0;white-space:nowrap}"
    ".skribe-run td{padding:.1em .8em .1em 0;text-align:left;border:none}"
    ".skribe-run pre{white-space:pre-wrap;opacity:.9}</style>"
)


def run_html(
    title: str,
    short_id: str,
    status: str,
    wall: float | None,
    tables: Mapping[str, Iterable[tuple[str, object]]],
    error: str | None = None,
) -> str:
    """The head of a run, and a table for each group of facts."""
    head = f"{escape(title)} <small>{escape(short_id)} · {escape(status)} · {seconds(wall)}</small>"
    body = "".join(_table(caption, rows) for caption, rows in tables.items())
    trouble = f"<pre>{escape(_end_of(error))}</pre>" if error else ""
    return f'{_STYLE}<div class="skribe-run"><h4>{head}</h4>{trouble}<div class="skribe-tables">{body}</div></div>'


def _end_of(error: str, lines: int = 12) -> str:
    """The last lines of a traceback, where the message is."""
    told = error.rstrip().splitlines()
    return "\n".join(["…", *told[-lines:]] if len(told) > lines else told)


def _table(caption: str, rows: Iterable[tuple[str, object]], most: int = 40) -> str:
    rows = list(rows)
    if not rows:
        return ""
    cells = "".join(f"<tr><td>{escape(key)}</td><td>{escape(_shown(value))}</td></tr>" for key, value in rows[:most])
    if len(rows) > most:
        cells += f'<tr><td colspan="2"><small>and {len(rows) - most} more</small></td></tr>'
    return f"<table><caption>{escape(caption)}</caption><tbody>{cells}</tbody></table>"


def _shown(value: object) -> str:
    return number(value) if isinstance(value, float) else shorten(value, 120)
