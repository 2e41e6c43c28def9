"""The seal on a model: it shows that a store's word about its files is the word of this user.

Digests lie in the store beside the files, so whoever hands over a store hands over both. The seal is made with a
key that is in no store: a file of the user's own, or what the environment variable `SKRIBE_KEY` says, where several
users or machines are to load each other's models.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from skribe.guard import say_once
from skribe.models.files import File, write_file

if TYPE_CHECKING:
    from skribe.models.saving import Saved

VARIABLE = "SKRIBE_KEY"
SEAL = "seal.json"


def seal_of(file: str, kind: str, digests: Mapping[str, str]) -> str:
    """The seal on a model of these files."""
    words = json.dumps([file, kind, sorted(digests.items())], separators=(",", ":"))
    return hmac.new(_key(), words.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def is_sealed(seal: str | None, file: str, kind: str, digests: Mapping[str, str]) -> bool:
    """Whether this user has sealed a model of just these files."""
    return seal is not None and hmac.compare_digest(seal_of(file, kind, digests), seal)


def _key() -> bytes:
    text = os.environ.get(VARIABLE)
    return text.encode() if text else _key_in(place())


def place() -> Path:
    """The file of the user's own that holds the key."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    else:
        base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(base) / "skribe" / "key"


@functools.lru_cache(maxsize=8)
def _key_in(path: Path) -> bytes:
    """The key in this file, which is made if it is not there; where it cannot be, one for this process."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{os.getpid()}-{path.name}")
        if not path.exists():
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(os.urandom(32).hex())
            try:
                os.link(beside, path)  # of two processes one is first, and its key is both's
            except FileExistsError:
                pass
            except OSError:
                os.replace(beside, path)
            beside.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        if key := path.read_bytes():
            return key
    say_once(
        f"key:{path}",
        f"skribe cannot keep its key in {path}. Models are sealed for this process only: another one loads them with"
        f" load_model(..., trusted=True), or if both have the same secret text in {VARIABLE}.",
    )
    return os.urandom(32)


def write_seal(folder: Path, run: str, path: str, saved: Saved) -> File:
    """Put the seal into the folder itself, where it may be replaced before the store knows of it."""
    digests = {file.name: file.digest for file in saved.files}
    words = {"run": run, "path": path, "file": saved.file, "format": saved.format, "files": digests}
    seal = seal_of(saved.file, saved.format, {**digests, "run": run, "path": path})
    return write_file(folder, SEAL, json.dumps({**words, "seal": seal}, indent=1).encode())


def sealed_in(folder: Path, run: str, path: str) -> tuple[str, str, dict[str, str]] | None:
    """Model file, format and digests as the folder's own seal shows them; None if this user has not made it."""
    try:
        raw = (folder / SEAL).read_bytes()
        told = json.loads(raw)
        file, kind, digests = (
            str(told["file"]),
            str(told["format"]),
            {str(k): str(v) for k, v in told["files"].items()},
        )
        if not is_sealed(str(told["seal"]), file, kind, {**digests, "run": run, "path": path}):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return file, kind, {**digests, SEAL: f"sha256:{hashlib.sha256(raw).hexdigest()}"}
