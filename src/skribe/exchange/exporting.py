"""`export_runs`: an archive for another store, or a table for other tools."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from skribe.errors import ArgumentError
from skribe.exchange import lines, tables
from skribe.exchange.choosing import chosen, store_of
from skribe.exchange.packing import Packer, in_place_of
from skribe.store.query import Query

Step = Callable[[int, int], None]
FORMATS = ("zip", "parquet", "csv", "jsonl")
_ENDINGS = {"zip": "zip", "parquet": "parquet", "pq": "parquet", "csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}


class Exported(NamedTuple):
    """What was written."""

    paths: tuple[Path, ...]  # none if it went to a stream
    format: str
    runs: int
    files: int  # of the runs, in an archive
    size: int  # bytes of these
    left_out: tuple[str, ...]  # files that could not be taken along, and why


def export_runs(
    target: str | os.PathLike[str] | IO[bytes],
    *,
    store: str | os.PathLike[str] | None = None,
    format: str | None = None,  # noqa: A002 - what everybody calls it
    experiment: str | None = None,
    where: str | None = None,
    runs: Sequence[str] = (),
    children: bool = True,
    history: bool = False,
    models: bool = True,
    step: Step | None = None,
) -> Exported:
    """Write runs to a file, whole or not at all.

    target:     the file, or a binary stream for "csv" and "jsonl". What is there is replaced.
    store:      the store to read, instead of the one that is found from here.
    format:     "zip", an archive with everything, which `import_runs` reads; "parquet" or "csv", one row per run;
                "jsonl", one object per run with everything but its files. Without it, as the target's name ends.
    experiment, where: only these runs, as in `skribe.runs()`.
    runs:       only the runs with these ids.
    children:   also the runs inside of them. An archive has the runs around them in any case.
    history:    for "parquet" and "csv": a second file `<name>.history.<ending>` with every value of every metric.
    models:     for "zip": with the models.
    step:       called with (done, total) as it goes on.
    """
    stream = None if isinstance(target, (str, os.PathLike)) else target
    path = None if isinstance(target, (str, os.PathLike)) is False else _file(target)  # type: ignore[arg-type]
    kind = _format_of(path, format)
    if stream is not None and (kind not in ("csv", "jsonl") or history):
        raise ArgumentError("only csv and jsonl without a history can be written to a stream; name a file")
    if history and kind not in ("csv", "parquet"):
        raise ArgumentError(f"history=True is for csv and parquet; {kind} has every value of every metric anyway")
    if kind == "parquet":
        tables.check_pyarrow()
    tell: Step = step or (lambda _done, _total: None)
    with contextlib.closing(Query(store_of(store))) as query:
        ids = chosen(query, experiment=experiment, where=where, runs=runs, children=children, parents=kind == "zip")
        if stream is not None:
            _write_rows(kind, query, ids, stream, tell)
            return Exported((), kind, len(ids), 0, 0, ())
        assert path is not None
        if kind == "zip":
            packed = Packer(query, ids, models=models, step=tell).write(path)
            return Exported((path,), kind, packed.runs, packed.files, packed.size, tuple(packed.left_out))
        return Exported(_write_files(kind, query, ids, path, history, tell), kind, len(ids), 0, 0, ())


def _write_files(
    kind: str, query: Query, ids: Sequence[str], path: Path, history: bool, step: Step
) -> tuple[Path, ...]:
    second = path.with_name(f"{path.stem}.history{path.suffix or '.' + kind}")
    with contextlib.ExitStack() as stack:
        if history:
            file = stack.enter_context(_open(stack.enter_context(in_place_of(second))))
            write = tables.history_parquet if kind == "parquet" else tables.history_csv
            write(query, ids, file, step)
            file.flush()
        with in_place_of(path) as beside, _open(beside) as file:
            _write_rows(kind, query, ids, file, step)
    return (path, second) if history else (path,)


def _write_rows(kind: str, query: Query, ids: Sequence[str], file: IO[bytes], step: Step) -> None:
    if kind == "jsonl":
        for line in lines.lines_of(query, ids, step):
            file.write(line)
    elif kind == "csv":
        tables.write_csv(tables.frame_of(query, ids), file)
    else:
        tables.write_parquet(tables.frame_of(query, ids), file)


def _open(path: Path) -> IO[bytes]:
    return open(path, "xb")


def _file(target: str | os.PathLike[str]) -> Path:
    path = Path(os.fspath(target)).expanduser().absolute()
    if not path.parent.is_dir():
        raise ArgumentError(f"there is no folder {path.parent}; make it, or write to another one")
    return path


def _format_of(path: Path | None, given: str | None) -> str:
    if given is not None:
        if given not in FORMATS:
            raise ArgumentError(f"format={given!r} is not known; it is one of {', '.join(FORMATS)}")
        return given
    found = _ENDINGS.get(path.suffix.lower().removeprefix(".")) if path is not None else None
    if found is None:
        what = "a stream" if path is None else f"{path.name!r}"
        raise ArgumentError(f"{what} does not tell the format: give format=, one of {', '.join(FORMATS)}")
    return found
