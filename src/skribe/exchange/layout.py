"""What is in an archive, and under which names.

    manifest.json      the format's number, how much there is, and the digest of each of the next four
    runs.jsonl         one run per line, whole, each after the run that it is inside of
    processes.jsonl    the processes that wrote them, with their environments, and which runs each wrote
    registered.jsonl   registered names with their versions, as far as these are models of the runs
    files.jsonl        every file: its run, path, size and SHA-256
    files/<run>/…      the files

Whoever writes another layout raises `FORMAT` and keeps a reader for each number that was released.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from skribe.errors import StoreDamaged, StoreTooNew

FORMAT = 1
MANIFEST = "manifest.json"
RUNS = "runs.jsonl"
PROCESSES = "processes.jsonl"
REGISTERED = "registered.jsonl"
FILES = "files.jsonl"
PARTS = (RUNS, PROCESSES, REGISTERED, FILES)
BELOW = "files/"
RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BLOCK = 1 << 20
# No line of an honest archive is longer, and no manifest larger.
LONGEST_LINE = 1 << 29
LARGEST_MANIFEST = 1 << 20


class Part(NamedTuple):
    """Something in the archive, with what its content must be."""

    name: str
    size: int
    sha256: str


class Manifest(NamedTuple):
    """What an archive says that it holds."""

    runs: int
    files: int
    size: int  # bytes of all the files
    parts: dict[str, Part]


class Member(NamedTuple):
    """A file of a run."""

    run: str
    path: str  # below the run's folder
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name in the archive."""
        return f"{BELOW}{self.run}/{self.path}"


def manifest_text(manifest: Manifest) -> bytes:
    """The manifest as it is written."""
    parts = {part.name: {"size": part.size, "sha256": part.sha256} for part in manifest.parts.values()}
    told = {
        "what": "skribe archive",
        "format": FORMAT,
        "runs": manifest.runs,
        "files": manifest.files,
        "size": manifest.size,
        "parts": parts,
    }
    return json.dumps(told, indent=1).encode()


def read_manifest(raw: bytes, called: str) -> Manifest:
    """The manifest. StoreTooNew or StoreDamaged if it is none that this version reads; `called` names the archive."""
    try:
        told = json.loads(raw)
        if told["what"] != "skribe archive":
            raise ValueError("it is about something else")
        number = whole(told["format"])
        if number > FORMAT:
            raise StoreTooNew(f"{called} has the format number {number}; this skribe reads {FORMAT}: update skribe")
        parts = {name: Part(name, whole(told["parts"][name]["size"]), told["parts"][name]["sha256"]) for name in PARTS}
        return Manifest(whole(told["runs"]), whole(told["files"]), whole(told["size"]), parts)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreDamaged(f"{called} is no archive of skribe's: its {MANIFEST} cannot be read ({error!r})") from None


def whole(number: Any) -> int:
    """A number of things; ValueError if it is none."""
    if type(number) is not int or not 0 <= number < 2**63:
        raise ValueError(f"{number!r} is no number of things")
    return number
