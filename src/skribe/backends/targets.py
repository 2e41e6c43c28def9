"""Where runs are to be sent: a backend's name, an address, and options. A value that can be handed to other processes.

A user writes `"mlflow:http://host:5000"`, or one of the classes below where an option is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from skribe.errors import ArgumentError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
# Up to the last `@`: a password may hold an `@` or a slash that nobody has quoted.
_USER = re.compile(r"(?<=//)\S*@")
_QUERY = re.compile(r"(://[^\s?]*)\?[^\s'\"]*=[^\s'\"]*")
_TELLING = 4  # a shorter password is a part of too many words


@dataclass(frozen=True, slots=True)
class Target:
    """A backend by name. `options` are the keyword arguments of its class."""

    name: str
    address: str = ""
    options: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        """As it may be shown: without the user and the password of an address, and what a query may hold."""
        return f"{self.name}:{shown(self.address)}" if self.address else self.name

    def __repr__(self) -> str:
        return f"Target({str(self)!r})"

    @classmethod
    def parse(cls, text: str) -> Target:
        """From "name" or "name:address". Raises ArgumentError."""
        name, _, address = text.strip().partition(":")
        if not _NAME.fullmatch(name):
            raise ArgumentError(
                f"{shown(text)!r} does not name a backend; write its name, or name and address, such as"
                " 'mlflow' or 'mlflow:http://localhost:5000'."
            )
        _remember_secrets(address)
        return cls(name, address)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of one of our own backends, typed."""

    backend: ClassVar[str]

    def target(self) -> Target:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        address = given.pop("address") or ""
        return Target(self.backend, address, given)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.target())!r})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MLflow(_Options):
    """An MLflow tracking server, database or folder. Without an address, the one that MLflow itself would use."""

    backend: ClassVar[str] = "mlflow"
    address: str | None = None  # http://…, sqlite:///…, a folder, databricks
    models: bool = True  # upload the models
    plots: bool | str = True  # draw the pictures that MLflow has, and upload them; "all": every picture
    files: bool = True  # upload the other files of a run
    timeout: float = 20.0  # how many seconds one request may take


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WandB(_Options):
    """Weights & Biases. The address is a project, or entity/project."""

    backend: ClassVar[str] = "wandb"
    address: str | None = None
    models: bool = True  # upload the models as artifacts
    plots: bool = True  # confusion matrix, ROC and precision-recall as W&B's own charts
    mode: str | None = None  # online or offline; None: what WANDB_MODE says
    folder: str | None = None  # where W&B keeps its own files; None: what WANDB_DIR says


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Local(_Options):
    """Another local store: a folder that receives a copy of everything, such as one on a shared disk."""

    backend: ClassVar[str] = "local"
    address: str | None = None
    models: bool = True  # copy the models
    files: bool = True  # copy the other files


def shown(address: str) -> str:
    """The address without user and password, and without its query."""
    scheme, mark, rest = address.partition("://")
    if not mark:
        return without_secrets(address)
    _remember_secrets(address)
    clean = rest.rpartition("@")[2] if _has_user(rest) else rest
    return f"{scheme}{mark}{clean}".partition("?")[0].partition("#")[0]


def without_secrets(text: str) -> str:
    """The text with the users, passwords and queries of all addresses taken out."""
    for secret in _secrets:
        text = text.replace(secret, "")
    return _QUERY.sub(r"\1", _USER.sub("", text))


_secrets: set[str] = set()  # users and passwords, as they were written in addresses of this process


def _has_user(rest: str) -> bool:
    """Whether what comes after `://` may begin with a user. Where that is not certain, nothing is shown of it."""
    return "@" in rest and not rest.startswith("/")


def _remember_secrets(address: str) -> None:
    """A text that names this address may have spaces and what not in its password."""
    _, mark, rest = address.partition("://")
    if mark and _has_user(rest):
        user = rest.rpartition("@")[0]
        password = user.partition(":")[2]
        _secrets.update({f"{user}@", password} if len(password) >= _TELLING else {f"{user}@"})
