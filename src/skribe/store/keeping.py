"""Which models are kept: what `keep_models=` and `skribe gc --keep-models` accept, and what it does.

Only the files of a model are removed; its row stays and says when. Registered versions are always kept.
"""

from __future__ import annotations

import functools
import itertools
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skribe.errors import ArgumentError
from skribe.store.migrations import knows
from skribe.store.query import Query
from skribe.store.removing import KeptFiles, Remover, live_versions
from skribe.words import is_lowest

FORMS = """
  "20 GB", or a number of bytes                          all models of the store together; the oldest go first
  {"best": 3, "by": "accuracy_score_X_test"}             of each experiment the best by a metric
  {"best": 3, "by": "my_cost", "lowest": True}           where a low value is good and the name does not say so
  {"best": 3, "by": "best_cv_score", "total": "20 GB"}   both
  "best 3 by accuracy_score_X_test", "best 3 by lowest my_cost", "best 3 by best_cv_score, 20 GB"   the same as text
  None                                                   all"""
_UNITS = {"": 1, "b": 1, "bytes": 1} | {
    prefix + unit: base**power
    for power, prefix in enumerate("kmgt", start=1)
    for unit, base in (("b", 1000), ("ib", 1024), ("", 1000))
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Za-z]*)", re.ASCII)
_BEST = re.compile(r"best\s+([0-9]+)\s+by\s+(lowest\s+|highest\s+)?([^\s,][^,]*)", re.IGNORECASE)
_KEPT = (
    "SELECT m.run, r.id, m.path, m.size, coalesce(j.time, 0.0) FROM model m JOIN run r ON r.num = m.run"
    " JOIN experiment e ON e.id = r.experiment LEFT JOIN journal j ON j.seq = m.seq WHERE m.removed IS NULL"
)
_FEW = 100_000  # whoever writes a smaller number does not mean bytes
_KEYS = ("best", "by", "lowest", "total")


@dataclass(frozen=True, slots=True)
class Keep:
    """How many models are kept: the `best` of each experiment `by` a metric, and `total` bytes of all."""

    best: int | None = None
    by: str | None = None
    lowest: bool = False
    total: int | None = None


def parse_keep(value: object) -> Keep | None:
    """What is meant; None keeps all. ArgumentError, which shows the forms, if it cannot be understood."""
    if value is None or isinstance(value, Keep):
        return value
    if isinstance(value, Mapping):
        return _from_mapping(value)
    if isinstance(value, str):
        return _from_text(value)
    if type(value) is int and 0 < value < _FEW:
        raise _wrong(value, f"by itself {value} would be bytes, not models; if you mean so few, write '{value} B'")
    return Keep(total=_bytes(value, value))


def apply(folder: Path, keep: Keep, *, experiment: str, just_written: str | None = None) -> list[KeptFiles]:
    """Remove the files of models beyond the cap: of this experiment by its metric, of all by its total. Which.

    The run that was just written stays, unless others are better. A run without the metric is not compared.
    """

    def choose(connection: sqlite3.Connection) -> list[KeptFiles]:
        return beyond(connection, keep, experiment, just_written)

    if not _reader(folder).ask(choose):
        return []
    return Remover(folder).remove(choose)


def beyond(
    connection: sqlite3.Connection, keep: Keep, experiment: str | None = None, just_written: str | None = None
) -> list[KeptFiles]:
    """The models beyond the cap, without those that registered versions need; of all experiments if none is named."""
    if not knows(connection, 3):
        return []
    found: list[KeptFiles] = []
    if keep.best is not None:
        for number in _losers(connection, keep, experiment):
            found += [KeptFiles(*row) for row in connection.execute(f"{_KEPT} AND m.run = ?", (number,))]
        if found:
            needed = live_versions(connection)
            found = [model for model in found if (model.run, model.path) not in needed]
    return found if keep.total is None else found + _beyond_total(connection, keep.total, found, just_written)


def _losers(connection: sqlite3.Connection, keep: Keep, experiment: str | None) -> list[int]:
    """The numbers of the runs that are not among the best of their experiment. Of equal ones the older is better."""
    rows = connection.execute(
        f"SELECT r.experiment, r.num FROM (SELECT DISTINCT run FROM model WHERE removed IS NULL) m"
        " JOIN run r ON r.num = m.run JOIN experiment e ON e.id = r.experiment"
        " JOIN metric ON metric.run = r.num AND metric.key = ?1"
        " WHERE r.deleted IS NULL AND e.deleted IS NULL AND (?2 IS NULL OR e.name = ?2)"
        f" ORDER BY r.experiment, metric.value IS NULL, metric.value {'ASC' if keep.lowest else 'DESC'}, r.num",
        (keep.by, experiment),
    ).fetchall()
    return [
        number
        for _, group in itertools.groupby(rows, key=lambda row: row[0])
        for _, number in itertools.islice(group, keep.best, None)
    ]


def _beyond_total(
    connection: sqlite3.Connection, total: int, found: list[KeptFiles], just_written: str | None
) -> list[KeptFiles]:
    """What must go besides those that were found already, so that all together take no more than this."""
    (held,) = connection.execute("SELECT coalesce(sum(size), 0) FROM model WHERE removed IS NULL").fetchone()
    held -= sum(model.size for model in found)
    more: list[KeptFiles] = []
    if held <= total:
        return more
    needed = live_versions(connection)
    # What is in the trash goes first, then the oldest.
    oldest = connection.execute(f"{_KEPT} ORDER BY r.deleted IS NULL AND e.deleted IS NULL, r.start, r.num, m.path")
    for model in itertools.starmap(KeptFiles, oldest.fetchall()):
        if held <= total:
            break
        if model in found or model.run == just_written or (model.run, model.path) in needed:
            continue
        more.append(model)
        held -= model.size
    return more


@functools.lru_cache(maxsize=1)
def _reader(folder: Path) -> Query:
    # Opening the store takes longer than the question, which is asked after every fit.
    return Query(folder)


def _from_mapping(value: Mapping[Any, Any]) -> Keep:
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        raise _wrong(value, f"{unknown[0]!r} is not one of {', '.join(_KEYS)}")
    best, by, lowest, total = (value.get(key) for key in _KEYS)
    if best is None and by is None and lowest is None and total is None:
        raise _wrong(value, "it says nothing")
    if (best is None) != (by is None):
        raise _wrong(value, "`best` and `by` go together")
    if best is None and lowest is not None:
        raise _wrong(value, "`lowest` is about `by`, which is not there")
    if best is not None and (isinstance(best, bool) or not isinstance(best, int) or best < 0):
        raise _wrong(value, f"`best` must be a whole number from 0 on, not {best!r}")
    if by is not None and (not isinstance(by, str) or not by.strip()):
        raise _wrong(value, f"`by` must be the key of a metric, not {by!r}")
    if lowest is not None and not isinstance(lowest, bool):
        raise _wrong(value, f"`lowest` must be True or False, not {lowest!r}")
    if lowest is None:
        lowest = isinstance(by, str) and is_lowest(by)
    return Keep(best, by, lowest, None if total is None else _bytes(total, value))


def _from_text(value: str) -> Keep:
    fields: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        found = _BEST.fullmatch(part)
        if found is not None and "best" not in fields:
            fields |= {"best": int(found[1]), "by": found[3].strip()}
            if found[2]:
                fields["lowest"] = found[2].strip().lower() == "lowest"
        elif found is None and "total" not in fields:
            fields["total"] = _bytes(part, value)
        else:
            raise _wrong(value, "it says the same twice")
    if not fields:
        raise _wrong(value, "it says nothing")
    return _from_mapping(fields)


def _bytes(size: object, whole: object) -> int:
    if isinstance(size, str):
        found = _SIZE.fullmatch(size.strip())
        factor = None if found is None else _UNITS.get(found[2].lower())
        if found is None or factor is None:
            raise _wrong(whole, f"{size!r} is not a size")
        return int(float(found[1]) * factor)
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise _wrong(whole, f"{size!r} is not a number of bytes")
    return size


def _wrong(value: object, problem: str) -> ArgumentError:
    return ArgumentError(f"keep_models={value!r} cannot be understood: {problem}. What can be written:{FORMS}")
