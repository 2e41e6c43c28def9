"""Where MLflow is: what an empty or a relative address means, as MLflow itself would say, and without importing it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from skribe.backends.targets import without_secrets
from skribe.errors import ArgumentError

_WEB = frozenset({"http", "https"})
_DATABASES = frozenset({"sqlite", "postgresql", "mysql", "mssql"})
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
    """The address without user, password and what a database's address may hold in its query."""
    clean = without_secrets(address)
    return clean.partition("?")[0].partition("#")[0].rstrip("/") if "://" in clean else clean


def checked(address: str) -> str:
    """The resolved address; ArgumentError if nothing of MLflow's can be there."""
    full = resolve(address)
    scheme = scheme_of(full)
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
