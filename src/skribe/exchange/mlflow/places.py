"""Where the artifacts of MLflow's runs are on this machine, also when the folders have been moved."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from skribe.exchange.layout import BLOCK

# Folders in which MLflow keeps artifacts, as it names them itself.
_ROOTS = ("mlruns", "mlartifacts")


class Places:
    """Finds artifacts of a source. `base` is the folder beside which they are looked for."""

    def __init__(self, source: Path, is_database: bool) -> None:
        self._base = source.parent
        self._roots = [self._base / name for name in _ROOTS] if is_database else [source]

    def find(self, address: str, owner: str) -> Path | None:
        """The folder on this disk that the address means; None if it is elsewhere. It is that of `owner`, a run's or
        a model's id: an address that leads to anything else is not believed.
        """
        parts = urlsplit(address) if "://" in address or address.startswith("mlflow-artifacts:") else None
        if parts is not None and parts.scheme not in ("file", "mlflow-artifacts"):
            return None
        path = PurePosixPath(unquote(parts.path) if parts is not None else address.replace("\\", "/"))
        if path.name != "artifacts" or path.parent.name != owner or ".." in path.parts:
            return None
        for candidate in self._candidates(path, parts is not None and parts.scheme == "mlflow-artifacts"):
            if candidate.is_dir():
                return candidate
        return None

    def _candidates(self, path: PurePosixPath, served: bool) -> Iterator[Path]:
        # What lies beside the source comes first: a copy of everything is read as what it is.
        for root in self._roots:
            # experiment/run/artifacts, and experiment/models/model/artifacts
            for length in (3, 4):
                yield root.joinpath(*[part for part in path.parts[-length:] if part != "/"])
        if not served:
            yield Path(path) if path.is_absolute() else self._base / path


def is_elsewhere(address: str) -> str:
    """Where the artifacts are, as it may be shown: without user, password and the rest of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if parts.scheme else address


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file in the folder by its path in it, with forward slashes; links that lead out of it are left out."""
    root = folder.resolve()
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(here) / name
            if file.resolve().is_relative_to(root) and file.is_file():
                yield file.relative_to(folder).as_posix(), file


def digest_of(file: Path) -> tuple[int, str]:
    """The file's size, and `sha256:` with its digest."""
    digest, size = hashlib.sha256(), 0
    with open(file, "rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
            size += len(block)
    return size, f"sha256:{digest.hexdigest()}"
