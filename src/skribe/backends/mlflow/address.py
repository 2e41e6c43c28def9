"""Where MLflow is: what an empty or a relative address means, as MLflow itself would say, and without importing it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from skribe.backends import targets
from skribe.errors import ArgumentError

_WEB = frozenset({"http", "https"})
_DATABASES = frozenset({"sqlite", "postgresql", "mysql", "mssql"})
_FILES = frozenset({"file", "sqlite"})
_HOSTED = frozenset({"databricks", "databricks-uc", "uc"})
_FORMS = "use http://host:5000, sqlite:///mlflow.db, postgresql://…, databricks or a folder"


def resolve(address: str) -> str:
    """The address in full: where MLflow itself would write to if it is empty, and with a path from the root."""
    address = address.strip() or _default()
    scheme = scheme_of(address)
    if scheme in ("", "file"):
        return _folder(address)
    if scheme == "sqlite":
        return _sqlite(address)
    return address


def scheme_of(address: str) -> str:
    """`http`, `sqlite`, `databricks` …; empty for a path."""
    if address in _HOSTED:
        return address
    if os.path.isabs(address) or ("://" not in address and not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", address)):
        return ""
    return address.partition(":")[0].lower().partition("+")[0]


def is_web(address: str) -> bool:
    """Whether the address is one of a server that is spoken to in HTTP."""
    return scheme_of(address) in _WEB


def shown(address: str) -> str:
    """The address without user, password and what a database's address may hold in its query.

    A password may hold anything, so all before the last `@` is left out.
    """
    targets.shown(address)  # what is secret in it is remembered there, and left out of every message
    head, mark, rest = address.partition("://")
    if not mark:
        return address.rpartition("@")[2]
    if rest.startswith("/") and scheme_of(address) in _FILES:
        return f"{head}://{_without_query(rest)}"
    if "@" in rest.partition("?")[2]:
        # The end of a password and the middle of a query look alike: neither is shown.
        return f"{head}://…"
    return f"{head}://{_without_query(rest.rpartition('@')[2])}"


def _without_query(rest: str) -> str:
    return rest.partition("?")[0].partition("#")[0].rstrip("/")


def checked(address: str) -> str:
    """The resolved address; ArgumentError if nothing of MLflow's can be there."""
    full = resolve(address)
    scheme = scheme_of(full)
    if _is_torn(full, scheme):
        raise ArgumentError(
            f"The address {shown(full)!r} cannot be read: in a user, a password and a query, write / ? # @ as"
            " %2F %3F %23 %40."
        )
    if scheme in _WEB:
        try:
            parts = urlsplit(full)
            good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            good = False
        if not good:
            raise ArgumentError(f"{shown(full)!r} is not an address of an MLflow server: {_FORMS}.")
    elif scheme == "sqlite" and full.rpartition("/")[2] in ("", ":memory:"):
        raise ArgumentError(f"{shown(full)!r} names no file; write it as sqlite:///mlflow.db.")
    elif scheme not in _DATABASES | _HOSTED | {"file", ""} and not _is_plugin(scheme):
        raise ArgumentError(f"{shown(full)!r} is not an address that MLflow knows: {_FORMS}.")
    return full.rstrip("/") if scheme in _WEB else full


def _is_torn(address: str, scheme: str) -> bool:
    """Whether a user or a password holds what ends it for MLflow's libraries, or a query what ends a password."""
    rest = address.partition("://")[2]
    if scheme in _WEB:
        return "@" in rest[len(re.split(r"[/?#]", rest, maxsplit=1)[0]) :]
    return scheme in _DATABASES - _FILES and ("@" in rest.partition("?")[2] or rest.count("@") > 1)


def _default() -> str:
    mlflow = sys.modules.get("mlflow")
    # It is not whole while it is being imported.
    asked = getattr(mlflow, "get_tracking_uri", None)
    if asked is not None:
        return str(asked())
    return os.environ.get("MLFLOW_TRACKING_URI", "").strip() or _on_disk()


def _on_disk() -> str:
    """MLflow goes on with a folder `mlruns` that has experiments, and begins with a database otherwise."""
    try:
        with os.scandir("mlruns") as entries:
            for entry in entries:
                if entry.name.isdigit() and os.path.lexists(os.path.join(entry.path, "meta.yaml")):
                    return os.path.abspath("mlruns")
    except OSError:
        pass
    return "sqlite:///mlflow.db"


def _folder(address: str) -> str:
    path = unquote(urlsplit(address).path) if address.startswith("file:") else os.path.expanduser(address)
    return Path(os.path.abspath(path)).as_uri()


def _sqlite(address: str) -> str:
    head, _, rest = address.partition(":///")
    path, mark, query = rest.partition("?")
    if not path or path == ":memory:":
        return address
    path = os.path.abspath(path).replace(os.sep, "/")
    return f"{head}:///{path}{mark}{query}"


def _is_plugin(scheme: str) -> bool:
    from importlib.metadata import entry_points

    return any(point.name == scheme for point in entry_points(group="mlflow.tracking_store"))
