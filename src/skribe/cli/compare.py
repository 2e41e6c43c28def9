"""`skribe compare`: runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from skribe.cli.options import run_argument, shapes, store_option

if TYPE_CHECKING:
    from skribe.views import ComparisonView


@click.command()
@run_argument("runs", several=True)
@click.option("--all", "whole", is_flag=True, help="Also what is the same in all runs.")
@store_option
@shapes
def command(runs: Sequence[str], whole: bool, store: str | None, shape: str | None) -> None:
    """Put runs beside each other: parameters, metrics, data, environment, code; only what differs.

    \b
      skribe compare 4f1c22ab 90d3aa01
      skribe compare last 90d3aa01 --all
      skribe compare 4f1c22ab 90d3aa01 --md >> report.md

    Of a metric whose direction is known the best value stands out. That runs saw different data is told on stderr.
    """
    from skribe.cli.output import tell
    from skribe.cli.stores import opened, run_id
    from skribe.cli.text import literal
    from skribe.views import comparison

    if len(runs) < 2:
        raise click.UsageError("a comparison takes two runs or more: skribe compare A B")
    with opened(store) as query:
        view = comparison(query, [run_id(query, run) for run in runs])
    if shape == "json":
        from skribe.cli.output import write

        write(_json(view, whole))
    elif shape is None:
        _tables(view, whole)
    else:
        _flat(view, whole, shape)
    if view.same_data is False:
        tell(f"Warning: {literal(view.data_said, 300)}")


def _chosen(view: ComparisonView, whole: bool) -> list[tuple[str, Sequence[Any]]]:
    """The sections with their rows, without those that say nothing, unless all are asked for."""
    shown = [(section.title, section.rows if whole else section.differing) for section in view.sections]
    return [(title, rows) for title, rows in shown if rows]


def _json(view: ComparisonView, whole: bool) -> str:
    from skribe.cli.output import json_text
    from skribe.cli.show import as_data

    keys = ("id", "name", "experiment", "kind", "status", "start", "wall", "headline")
    runs = [as_data(run) for run in view.runs]
    sections = [
        {
            "title": title,
            "rows": [
                {"key": row.key, "values": list(row.values), "differs": row.differs, "best": row.best} for row in rows
            ],
        }
        for title, rows in _chosen(view, whole)
    ]
    return json_text(
        {
            "runs": [{key: run[key] for key in keys} for run in runs],
            "same_data": view.same_data,
            "data_said": view.data_said,
            "sections": sections,
            "paired": [as_data(test) for test in view.paired],
            "paired_said": view.paired_said,
        }
    )


def _flat(view: ComparisonView, whole: bool, shape: str) -> None:
    from skribe.cli.output import Column, emit

    columns = [Column("section", "section"), Column("key", "key")]
    columns += [Column(run.id, label, most=400) for run, label in zip(view.runs, _titles(view), strict=True)]
    rows: list[list[Any]] = []
    for title, found in _chosen(view, whole):
        rows += [[title, row.key, *(row.values if shape == "csv" else row.cells)] for row in found]
    emit(shape, columns, rows)


def _titles(view: ComparisonView) -> list[str]:
    from skribe.cli.text import literal

    return [literal(label, 60) for label in view.labels]


def _tables(view: ComparisonView, whole: bool) -> None:
    from skribe.cli.layout import wide
    from skribe.cli.output import paint, width, write
    from skribe.cli.text import literal
    from skribe.words import count

    room = width()
    found = _chosen(view, whole)
    keys = [literal(row.key, 120) for _, rows in found for row in rows]
    key_width = max([12, *map(wide, keys)])
    cells = [literal(cell) for _, rows in found for row in rows for cell in row.cells]
    share = min(60, max([8, *map(wide, cells), *(wide(literal(run.name)) for run in view.runs)]))
    if room is not None:
        key_width = min(key_width, max(14, room // 3))
        share = min(share, max(8, (room - key_width) // len(view.runs) - 2))
    told = _heads(view, key_width, share)
    for title, rows in found:
        told += ["", paint(title, bold=True, fg="blue")]
        for row in rows:
            told.append(_row(row, key_width, share))
    hidden = sum(len(section.rows) for section in view.sections) - sum(len(rows) for _, rows in found)
    if hidden:
        told += ["", paint(f"{count(hidden, 'row')} the same in all runs, or a default: --all", dim=True)]
    colour = {"fg": "yellow"} if view.same_data is False else {"dim": True}
    told += ["", paint(literal(view.data_said, 300), **colour)]
    told += [literal(test.said, 600) for test in view.paired]
    if view.paired_said:
        told.append(paint(literal(view.paired_said, 600), dim=True))
    write("\n".join(told))


def _heads(view: ComparisonView, key_width: int, share: int) -> list[str]:
    """The names of the runs, and their ids, over the columns."""
    from skribe.cli.output import paint
    from skribe.cli.text import literal, short

    lead = " " * (key_width + 2)
    names = [literal(run.name, 120) for run in view.runs]
    return [
        lead + "  ".join(paint(_fitted(name, share), bold=True) for name in names).rstrip(),
        lead + "  ".join(paint(_fitted(short(run.id), share), fg="yellow") for run in view.runs).rstrip(),
    ]


def _row(row: Any, key_width: int, share: int) -> str:
    from skribe.cli.layout import cut, wide
    from skribe.cli.output import paint
    from skribe.cli.text import literal

    key = cut(literal(row.key, 120), key_width, end=True)
    cells = []
    for place, cell in enumerate(row.cells):
        text = _fitted("–" if cell is None else literal(cell), share)
        if row.best == place:
            text = paint(text, fg="green", bold=True)
        elif cell is None or not row.differs:
            text = paint(text, dim=True)
        cells.append(text)
    return f"{key}{' ' * (key_width - wide(key))}  {'  '.join(cells)}".rstrip()


def _fitted(text: str, share: int) -> str:
    """A text in exactly so many cells; what is too long loses its middle, as ends often differ."""
    from skribe.cli.layout import cut, wide

    if wide(text) > share:
        end = (share - 1) // 2
        text = cut(text, share - end) + cut(text, end + 1, end=True).removeprefix("…") if end > 2 else cut(text, share)
    return text + " " * (share - wide(text))
