"""What is being written lies beside its place under a name of its own, and is renamed when it is whole.

The name tells which process is writing. While a folder is replaced, the old one lies beside it under a name that
also tells where it belongs: a process may die before the new one is in place.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil

_PART = re.compile(r"\.skribe-(?P<pid>[0-9]+)-[0-9a-f]{12}(-was-(?P<was>.+))?\.part", re.DOTALL)


def new_name() -> str:
    """A name for something that this process is writing."""
    return f".skribe-{os.getpid()}-{os.urandom(6).hex()}.part"


def is_part(name: str) -> bool:
    """Whether something of this name is not, or no longer, in its place."""
    return name.startswith(".skribe-") and name.endswith(".part")


def put_in_place(beside: str, target: str) -> None:
    """Rename the folder `beside` to `target`; what is there makes way, and is removed when the new one is in place."""
    try:
        os.rename(beside, target)
    except OSError:
        if not os.path.lexists(target):
            raise
    else:
        return
    aside = put_aside(target)
    try:
        os.rename(beside, target)
    except BaseException:
        os.rename(aside, target)
        raise
    remove(aside)


def put_aside(target: str) -> str:
    """Rename what is there, so that `bring_back` finds where it belongs. Its new path."""
    parent, name = os.path.split(target)
    aside = os.path.join(parent, f"{new_name().removesuffix('.part')}-was-{name}.part")
    os.rename(target, aside)
    return aside


def made_way(part: str) -> bool:
    """Whether this made way for something that never came."""
    parent, name = os.path.split(part)
    found = _PART.fullmatch(name)
    return found is not None and bool(found["was"]) and not os.path.lexists(os.path.join(parent, found["was"]))


def bring_back(part: str) -> None:
    """Put back what made way for something that never came."""
    found = _PART.fullmatch(os.path.basename(part))
    if made_way(part) and found is not None:
        os.rename(part, os.path.join(os.path.dirname(part), found["was"]))


def writer_of(name: str) -> int | None:
    """The number of the process that was writing something of this name; None if it is no such name."""
    found = _PART.fullmatch(name)
    return None if found is None else int(found["pid"])


def remove(path: str) -> None:
    """Delete a folder with all that is in it, or a file or a link; what cannot be deleted stays."""
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
