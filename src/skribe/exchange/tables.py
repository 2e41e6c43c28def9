"""Runs as tables for other tools: a row per run, and a row per value of a metric, as CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from skribe.errors import ArgumentError
from skribe.exchange.lines import moment
from skribe.store.query import Query

if TYPE_CHECKING:
    import pandas as pd

Step = Callable[[int, int], None]
_FIRST = ("id", "name", "kind", "status", "experiment", "parent", "start", "end", "seconds", "error", "estimator")
_GROUPS = ("params", "metrics", "tags")
_HISTORY = ("run", "key", "step", "time", "value")
# Rows that are written to a Parquet file together.
_ROWS = 50_000


def frame_of(query: Query, runs: Sequence[str]) -> pd.DataFrame:
    """A row for each of the runs, in their order."""
    import pandas as pd

    frame = query.runs_frame(children=True).set_index("run_id", drop=False).loc[list(runs)].reset_index(drop=True)
    frame = frame.rename(columns={"run_id": "id", "parent_id": "parent", "duration": "seconds"})
    times = query.ask(_times)
    ends, errors = [], []
    for run, status in zip(frame["id"], frame["status"], strict=True):
        _, end, type_, message = times[run]
        if end is None and status == "killed":
            end = query.run_row(run).end
        ends.append(end)
        errors.append(None if type_ is None else f"{type_}: {message}" if message else type_)
    frame["start"] = _moments([times[run][0] for run in frame["id"]])
    frame["end"] = _moments(ends)
    frame["error"] = pd.Series(errors, dtype=object)
    # A column of which no run here has the key is of other runs.
    used = [f"{group}.{key}" for group in _GROUPS for key in query.keys(group, runs)]
    return frame[[*_FIRST, *(name for name in used if name in frame.columns)]]


def _times(connection: Any) -> dict[str, tuple[float, float | None, str | None, str | None]]:
    rows = connection.execute('SELECT id, start, "end", error_type, error_message FROM run')
    return {run: tuple(cells) for run, *cells in rows}


def _moments(times: Sequence[float | None]) -> pd.Series:
    """As pandas keeps moments, to the nearest microsecond."""
    import pandas as pd

    return pd.Series([None if time is None else datetime.fromtimestamp(time, UTC) for time in times]).astype(
        "datetime64[us, UTC]"
    )


def write_csv(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """The table as CSV: UTF-8, times in ISO 8601, nothing where there is nothing."""
    import pandas as pd

    shown = frame.copy(deep=False)
    for name in ("start", "end"):
        shown[name] = pd.Series([None if one is pd.NaT else one.isoformat() for one in frame[name]], dtype=object)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    shown.to_csv(text, index=False, lineterminator="\n")
    text.detach()


def write_parquet(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """The table as Parquet. A column whose values have several types is written as text."""
    arrow, parquet = _pyarrow()
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if name in ("start", "end"):
            columns[name] = arrow.array(_present(column), arrow.timestamp("us", tz="UTC"))
        elif column.dtype.kind in "bif":
            columns[name] = arrow.array(column.to_numpy(), from_pandas=True)
        else:
            values, type_ = _of_one_type(_present(column))
            columns[name] = arrow.array(values, type_(arrow))
    parquet.write_table(arrow.table(columns), file)


def _present(column: pd.Series) -> list[Any]:
    return [value if there else None for value, there in zip(column, column.notna(), strict=True)]


def _of_one_type(values: list[Any]) -> tuple[list[Any], Callable[[Any], Any]]:
    """The values, or their texts, and the type that they have."""
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return values, lambda arrow: arrow.bool_()
    if types == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return values, lambda arrow: arrow.int64()
    return [None if value is None else str(value) for value in values], lambda arrow: arrow.string()


def history_csv(query: Query, runs: Sequence[str], file: IO[bytes], step: Step) -> None:
    """Every value of every metric as CSV."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HISTORY)
    for run, key, at, time, value in _history(query, runs, step):
        writer.writerow((run, key, at, moment(time), value))
    text.detach()


def history_parquet(query: Query, runs: Sequence[str], file: IO[bytes], step: Step) -> None:
    """Every value of every metric as Parquet."""
    arrow, parquet = _pyarrow()
    types = (arrow.string(), arrow.string(), arrow.int64(), arrow.timestamp("us", tz="UTC"), arrow.float64())
    schema = arrow.schema(list(zip(_HISTORY, types, strict=True)))
    rows: list[tuple[Any, ...]] = []

    def columns() -> Any:
        return arrow.table([list(column) for column in zip(*rows, strict=True)] or [[]] * 5, schema=schema)

    with parquet.ParquetWriter(file, schema) as writer:
        for run, key, at, time, value in _history(query, runs, step):
            rows.append((run, key, at, None if time is None else datetime.fromtimestamp(time, UTC), value))
            if len(rows) == _ROWS:
                writer.write_table(columns())
                rows.clear()
        if rows:
            writer.write_table(columns())


def _history(query: Query, runs: Sequence[str], step: Step) -> Iterator[tuple[str, str, int | None, Any, float]]:
    for done, run in enumerate(runs):
        step(done, len(runs))
        for metric in query.whole(run).metrics:
            yield run, metric.key, metric.step, metric.time, metric.value
    step(len(runs), len(runs))


def _pyarrow() -> tuple[Any, Any]:
    check_pyarrow()
    import pyarrow
    import pyarrow.parquet

    return pyarrow, pyarrow.parquet


def check_pyarrow() -> None:
    """ArgumentError if no Parquet file can be written here."""
    import importlib.util

    if importlib.util.find_spec("pyarrow") is None:
        raise ArgumentError('Parquet needs pyarrow, which is not installed: pip install "skribe[parquet]"')
