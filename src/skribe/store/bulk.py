"""Many rows in few statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Bulk:
    """An INSERT of many rows in few statements.

    Every step of a statement gives up Python's interpreter lock, and beside a busy thread each return can take
    5 ms: `executemany` would pay that per row.
    """

    MOST = 32

    def __init__(self, columns: int, before: str, after: str = "") -> None:
        self._row = "(" + ", ".join("?" * columns) + ")"
        self._before, self._after = before, after
        self._statements: dict[int, str] = {}

    def __call__(self, execute: Callable[..., Any], rows: Sequence[tuple[Any, ...]]) -> None:
        for at in range(0, len(rows), self.MOST):
            some = rows[at : at + self.MOST]
            execute(self._statement(len(some)), [cell for row in some for cell in row])

    def _statement(self, count: int) -> str:
        statement = self._statements.get(count)
        if statement is None:
            rows = ", ".join([self._row] * count)
            statement = self._statements[count] = self._before.format(rows=rows) + self._after
        return statement
