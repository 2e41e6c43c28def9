"""Which project of which W&B server is meant, or which folder when nothing is to be sent."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from skribe.backends.targets import without_secrets
from skribe.errors import ArgumentError

DEFAULT_PROJECT = "skribe"
_DEFAULT_SERVER = "https://api.wandb.ai"
_NOT_IN_A_NAME = re.compile(r"[/\\#?%:\r\n]")
_LONGEST = 128
_MODES = ("online", "offline")
_OFFLINE = "offline:"
_NONE = "To send nothing, name no backend."


class Place(NamedTuple):
    """Where runs go."""

    entity: str | None  # None: the default of whoever is logged in
    project: str
    server: str | None  # None: the public one
    folder: Path  # in which W&B keeps files of its own
    offline: bool

    @property
    def text(self) -> str:
        """As it is shown. It can be given as an address again, and means the same."""
        project = f"{self.entity}/{self.project}" if self.entity else self.project
        if self.offline:
            return f"{_OFFLINE}{self.folder}#{project}"
        return f"{self.server}/{project}" if self.server else project

    def id_of(self, run: str) -> str:
        """Where a run is, as W&B itself writes it: entity/project/id, with as much of it as is known."""
        names = (self.entity, self.project, run)
        # Of what is remembered, what stands before this sign is shown.
        return "/".join(name for name in names if name and "|" not in name)


def place_of(address: str, mode: str | None, folder: str | os.PathLike[str] | None) -> Place:
    """The place that is meant. Raises ArgumentError."""
    if mode is not None and mode not in _MODES:
        raise ArgumentError(f"the backend 'wandb': the option mode is {mode!r}; write 'online' or 'offline'. {_NONE}")
    if folder is not None and not isinstance(folder, (str, os.PathLike)):
        raise ArgumentError(f"the backend 'wandb': the option folder is the path of a folder, not {folder!r}.")
    told = os.fspath(folder) if folder is not None else os.environ.get("WANDB_DIR") or "."
    if address.startswith(_OFFLINE):
        told, _, address = address.removeprefix(_OFFLINE).rpartition("#")
        mode = "offline"
    chosen = mode or os.environ.get("WANDB_MODE") or "online"
    if chosen == "dryrun":
        chosen = "offline"
    elif chosen in ("run", "shared"):
        chosen = "online"
    if chosen not in _MODES:
        raise ArgumentError(
            f"the backend 'wandb': the environment variable WANDB_MODE is {chosen!r}; write 'online' or 'offline'."
            f" {_NONE}"
        )
    server = _server()
    entity, project = _names(address, server)
    return Place(entity, project, server, Path(os.path.abspath(told)), chosen == "offline")


def resolve(address: str) -> str:
    """The address with what the environment adds: server, entity and project. Raises ArgumentError."""
    if address.startswith(_OFFLINE):
        return address
    return place_of(address, "online", None).text


def _server() -> str | None:
    told = without_secrets(os.environ.get("WANDB_BASE_URL", "")).rstrip("/")
    return None if told in ("", _DEFAULT_SERVER) else told


def _names(address: str, server: str | None) -> tuple[str | None, str]:
    text = without_secrets(address.strip())
    if text.startswith(("http://", "https://")):
        base = server or _DEFAULT_SERVER
        if text != base and not text.startswith(base + "/"):
            raise ArgumentError(
                f"the backend 'wandb': {text!r} is not on the server that W&B uses here, {base}. Set the environment"
                " variable WANDB_BASE_URL to the server, or write entity/project."
            )
        text = text[len(base) :]
    parts = [part for part in text.strip("/").split("/") if part]
    if len(parts) > 2:
        raise ArgumentError(f"the backend 'wandb': {text!r} is no project; write 'project' or 'entity/project'.")
    project = parts[-1] if parts else os.environ.get("WANDB_PROJECT") or DEFAULT_PROJECT
    entity = parts[0] if len(parts) == 2 else os.environ.get("WANDB_ENTITY") or None
    if _NOT_IN_A_NAME.search(project) or len(project) > _LONGEST:
        raise ArgumentError(
            f"the backend 'wandb': {project!r} cannot be the name of a project; W&B allows up to {_LONGEST}"
            r" characters, without / \ # ? % : and line ends."
        )
    return entity, project
