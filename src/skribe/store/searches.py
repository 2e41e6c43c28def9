"""Reading what a search tried, and what came of it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from skribe.records import Candidate, Result
from skribe.store.migrations import knows

RESULT = "candidate, split, began, fit_time, score_time, worker, body, key, reused"


def candidates_of(connection: sqlite3.Connection, number: int) -> list[Candidate]:
    """What the run with this number tried, in its order."""
    if not knows(connection, 2):
        return []
    sql = "SELECT number, child, name, params, iteration, resources FROM candidate WHERE run = ? ORDER BY number"
    return [
        Candidate(place, child, name, {k: tuple(v) for k, v in json.loads(params).items()}, *rest)
        for place, child, name, params, *rest in connection.execute(sql, (number,))
    ]


def results_of(connection: sqlite3.Connection, number: int) -> list[Result]:
    """What each (candidate, split) of the run with this number gave, as far as it has come."""
    if not knows(connection, 2):
        return []
    sql = f"SELECT {RESULT} FROM result WHERE run = ? ORDER BY candidate, split"
    return [result_of(*row) for row in connection.execute(sql, (number,))]


def result_of(candidate: int, split: int, began: float, fit: Any, score: Any, worker: int, *rest: Any) -> Result:
    """A result from its row."""
    body, key, reused = rest
    return Result(candidate, split, began, fit, score, worker, json.loads(body), key, reused)


def how_far(connection: sqlite3.Connection, number: int) -> tuple[int, int]:
    """How many candidates the run with this number has so far, and how many results."""
    if not knows(connection, 2):
        return 0, 0
    sql = "SELECT (SELECT count(*) FROM candidate WHERE run = ?1), (SELECT count(*) FROM result WHERE run = ?1)"
    candidates, results = connection.execute(sql, (number,)).fetchone()
    return int(candidates), int(results)
