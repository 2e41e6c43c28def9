"""What `skribe doctor` looks at."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import skribe
from skribe.errors import SkribeError
from skribe.store.location import VARIABLE, check_location, database_of, find_store
from skribe.store.query import Query
from skribe.words import count

# The extras that people choose, what they are for, and what must be importable.
EXTRAS = {
    "ui": ("the page: skribe ui", ("starlette", "uvicorn", "jinja2")),
    "plots": ("pictures", ("matplotlib",)),
    "skops": ("models without pickle", ("skops",)),
    "parquet": ("tables in Parquet", ("pyarrow",)),
    "mlflow": ("delivery to MLflow", ("mlflow",)),
    "wandb": ("delivery to Weights & Biases", ("wandb",)),
}
_PREFIXES = ("SKRIBE_", "MLFLOW_", "WANDB_")
_OTHERS = ("NO_COLOR", "XDG_STATE_HOME", "JOBLIB_TEMP_FOLDER")
_SECRET = ("TOKEN", "KEY", "PASS", "SECRET", "CREDENTIAL", "HEADER", "AUTH", "USERNAME", "COOKIE")
_LITTLE, _SCARCE = 2_000_000_000, 200_000_000
_LATE = 86400.0


class Check(NamedTuple):
    """One line: ok, note, warn or problem, and what to do."""

    topic: str
    name: str
    state: str
    said: str
    todo: str = ""


def everything(store: str | None, deep: bool) -> list[Check]:
    """All checks, in the order in which they are shown."""
    return [*_installed(), *_extras(), *_variables(), *_store(store, deep)]


def _installed() -> Iterator[Check]:
    yield Check("installation", "skribe", "ok", f"{skribe.__version__} in {Path(skribe.__file__).parent}")
    yield Check("installation", "python", "ok", f"{sys.version.split()[0]} in {sys.prefix}")
    wanted = next((each for each in _requirements() if each.startswith("scikit-learn")), "")
    bounds = ",".join(sorted(wanted.partition(";")[0].removeprefix("scikit-learn").strip().split(","), reverse=True))
    found = _version("scikit-learn")
    if found is None:
        yield Check("installation", "scikit-learn", "problem", "is not installed", "pip install scikit-learn")
    elif bounds and not _within(found, bounds):
        said = f"{found}; this skribe is made for {bounds}"
        yield Check("installation", "scikit-learn", "warn", said, f'pip install "scikit-learn{bounds}"')
    else:
        yield Check("installation", "scikit-learn", "ok", f"{found} (supported: {bounds})" if bounds else found)


def _requirements() -> list[str]:
    try:
        return requires("skribe") or []
    except PackageNotFoundError:  # used from its source
        return []


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _within(found: str, bounds: str) -> bool:
    """Whether a version is between bounds such as `>=1.6,<1.10`."""
    here = _numbers(found)
    for bound in bounds.split(","):
        sign = bound.strip().rstrip("0123456789.")
        limit = _numbers(bound.strip().removeprefix(sign))
        if (sign == ">=" and here < limit) or (sign == "<" and here >= limit):
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    parts = []
    for part in text.split("."):
        digits = "".join(c for c in part if c.isdigit())
        if not digits or digits != part:
            break
        parts.append(int(digits))
    return tuple(parts)


def _extras() -> Iterator[Check]:
    for extra, (purpose, modules) in EXTRAS.items():
        missing = [name for name in modules if find_spec(name) is None]
        if missing:
            said = f"{purpose}: not installed ({', '.join(missing)})"
            yield Check("extras", extra, "note", said, f'pip install "skribe[{extra}]"')
        else:
            versions = ", ".join(f"{name} {_version(name) or ''}".strip() for name in modules)
            yield Check("extras", extra, "ok", f"{purpose}: {versions}")


def _variables() -> Iterator[Check]:
    from skribe.backends.targets import shown

    for name in sorted(os.environ):
        if name in _OTHERS or name.startswith(_PREFIXES):
            value = os.environ[name]
            secret = any(word in name for word in _SECRET)
            yield Check("environment", name, "note", "is set; its value is not shown" if secret else shown(value))


def _store(store: str | None, deep: bool) -> Iterator[Check]:
    """Where it is, whether it can be read and written, what is in it, and what waits."""
    try:
        folder = find_store(store)
    except SkribeError as error:
        yield Check("store", "path", "problem", str(error))
        return
    yield Check("store", "path", "ok", f"{folder} ({_why(store, folder)})")
    if not database_of(folder).exists():
        if store is not None or os.environ.get(VARIABLE):
            yield Check(
                "store", "database", "warn", "there is none in this folder", "Is the folder right? A fit makes it."
            )
        else:
            yield Check("store", "database", "note", "there is none yet; the first fit makes it")
        yield from _writable(folder)
        yield from _space(folder)
        return
    with contextlib.closing(Query(folder)) as query:
        try:
            yield from _database(query, deep)
        except SkribeError as error:
            yield Check("store", "database", "problem", str(error))
            yield from _space(folder)
            return
        yield from _writable(folder)
        yield from _space(folder)
        yield from _unfinished(query)
        yield from _backends(query)


def _why(store: str | None, folder: Path) -> str:
    if store is not None:
        return "named by --store"
    if os.environ.get(VARIABLE):
        return f"named by {VARIABLE}"
    here = Path.cwd()
    if database_of(folder).is_file():
        return "found here" if folder.parent == here else "found above the working directory"
    return (
        "beside the project's .git" if (folder.parent / ".git").exists() else "the default, in the working directory"
    )


def _database(query: Query, deep: bool) -> Iterator[Check]:
    from skribe.cli.gc import size
    from skribe.store.health import artifacts_size, damage_in, database_size, schema_of

    number, latest = schema_of(query)
    older = "" if number == latest else f"; this skribe writes {latest}, and the next fit raises it"
    yield Check("store", "schema", "ok" if not older else "note", f"{number}{older}")
    files, bytes_ = artifacts_size(query.folder)
    said = f"{size(database_size(query.folder))} database, {size(bytes_)} in {count(files, 'file')} of runs and models"
    yield Check("store", "size", "ok", said)
    top, every, trash = query.count(), query.count(children=True), query.count(children=True, deleted=True)
    words = [count(top, "run"), f"{every - top} inside of them", f"in {count(len(query.experiments()), 'experiment')}"]
    if trash:
        words.append(f"{trash} in the trash")
    yield Check("store", "content", "ok", ", ".join(words))
    if not deep:
        yield Check("store", "integrity", "note", "not checked: --deep reads the whole database")
    elif damage := damage_in(query):
        todo = "Export what can be read (skribe export runs.zip), move the folder away, and import it into a new one."
        yield Check("store", "integrity", "problem", "; ".join(damage), todo)
    else:
        yield Check("store", "integrity", "ok", "SQLite finds nothing wrong in the database")


def _writable(folder: Path) -> Iterator[Check]:
    try:
        check_location(folder)
    except SkribeError as error:
        todo = "Give yourself the right to write there, or name another folder with SKRIBE_STORE."
        yield Check("store", "writing", "problem", str(error), todo)
    else:
        yield Check("store", "writing", "ok", "is allowed")


def _space(folder: Path) -> Iterator[Check]:
    from skribe.cli.gc import size

    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        yield Check("store", "disk", "warn", f"its free space cannot be told: {error.strerror}")
        return
    state = "problem" if free < _SCARCE else "warn" if free < _LITTLE else "ok"
    todo = "" if state == "ok" else "skribe gc --dry-run says what can go; SKRIBE_STORE names a folder elsewhere."
    yield Check("store", "disk", state, f"{size(free)} free", todo)


def _unfinished(query: Query) -> Iterator[Check]:
    from skribe.store.health import spool_files, stale_runs

    if waiting := spool_files(query.folder):
        said = f"{count(len(waiting), 'file')} in {waiting[0].parent}: records that could not be written to the store"
        yield Check("store", "spool", "warn", said, "The next fit that writes to this store brings them in.")
    else:
        yield Check("store", "spool", "ok", "no records wait outside of the store")
    stale = stale_runs(query)
    if stale.runs:
        ids = ", ".join(run[-8:] for run in stale.ids[:5]) + (" …" if stale.runs > 5 else "")
        said = f"{count(stale.runs, 'run')} of processes that died: {ids}; shown as killed"
        yield Check("store", "running", "warn", said, "Nothing to do: the next fit writes it down.")
    else:
        running = query.count(children=True, status="running")
        yield Check("store", "running", "ok", f"{count(running, 'run')} running")


def _backends(query: Query) -> Iterator[Check]:
    from skribe.backends.registry import names

    positions, known = query.positions(), set(names())
    keys = sorted(query.backends())
    if not keys:
        yield Check("delivery", "backends", "ok", "this store is delivered nowhere")
    for key in keys:
        position = positions.get(key)
        waiting = query.pending(key, 0 if position is None else position.seq)[0]
        refused = len(query.refusals(key))
        words = [f"{count(waiting, 'run')} pending" if waiting else "everything is delivered"]
        state, todo = ("warn", "skribe sync") if waiting else ("ok", "")
        if position is not None and position.trouble:
            since = position.since or position.tried or position.updated
            words.append(f"trouble since {datetime.fromtimestamp(since):%Y-%m-%d %H:%M}: {position.trouble}")
            late = waiting and position.tried is not None and position.tried - since > _LATE
            state, todo = "problem" if late else "warn", "See what it says, then: skribe sync"
        if refused:
            words.append(f"{count(refused, 'run')} refused, or not taken whole")
            state, todo = ("warn" if state == "ok" else state), todo or "skribe sync --retry"
        if key.partition(":")[0] not in known:
            words.append("no backend of this name is installed here")
        yield Check("delivery", key, state, "; ".join(words), todo)
