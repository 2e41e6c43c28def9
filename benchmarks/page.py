"""skribe's page beside MLflow's, over the same runs: `python -m benchmarks.page`.

python -m benchmarks.page                       all of it
python -m benchmarks.page --only server search  some parts: start, server, browser, search, weight
python -m benchmarks.page --runs 10000          smaller stores
python -m benchmarks.page --fresh               fill the stores anew

The first time both stores are filled, which takes some minutes and 5 GB; they stay in the folder for the next time.
MLflow is measured twice: as it leaves its database, and after `ANALYZE`, which somebody has to know of and to type.
Without it SQLite takes the table of metrics for a small one, and compares every run with every value.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.page_asked import server_notes, server_rows, start_rows
from benchmarks.page_seen import browser_rows, search_rows, weight_rows
from benchmarks.page_stores import Stores, filled
from benchmarks.page_table import table

_BOTH = ("skribe", "MLflow")


def start(stores: Stores, _rounds: int) -> None:
    """From the command to an answer."""
    note = "`skribe ui` and `mlflow ui`, with what they come with. Three starts in turn: median and highest."
    table("Starting", _BOTH, start_rows(stores), [note])


def server(stores: Stores, rounds: int) -> None:
    """What the servers need for an answer."""
    table("At the server", (*_BOTH, "MLflow, after ANALYZE"), server_rows(stores, rounds), server_notes())


def browser(stores: Stores, _rounds: int) -> None:
    """What is seen when, and what it costs to bring it."""
    note = "Three times each in turn, Chromium with an empty cache, MLflow after ANALYZE; times from the navigation."
    table("In the browser", _BOTH, browser_rows(stores), [note])


def search(stores: Stores, rounds: int) -> None:
    """A search of ten thousand candidates."""
    note = (
        "MLflow's page shows no search as one. What comes nearest is its comparison of chosen runs, with the same "
        "kind of picture; the address holds the id of each. Frames are 16.7 ms apart when nothing is in the way."
    )
    table("A search of 10,000 candidates and 3 folds", _BOTH, search_rows(stores, rounds), [note])


def weight(stores: Stores, _rounds: int) -> None:
    """What the page is made of."""
    table("What it weighs", ("skribe",), weight_rows(stores))


PARTS: dict[str, Callable[[Stores, int], None]] = {
    part.__name__: part for part in (start, server, browser, search, weight)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bench-page"), help="where the stores are kept")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7, help="answers to each question, after the first")
    parser.add_argument("--fresh", action="store_true", help="fill the stores anew")
    arguments = parser.parse_args()
    stores = filled(arguments.folder.absolute(), arguments.runs, fresh=arguments.fresh)
    print(
        f"{stores.runs:,} runs of 20 metrics and 40 parameters; MLflow {version('mlflow')}, SQLite "
        f"{sqlite3.sqlite_version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning",
        flush=True,
    )
    for part in arguments.only:
        PARTS[part](stores, arguments.rounds)


if __name__ == "__main__":
    main()
