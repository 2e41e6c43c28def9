"""What git knows about the user's code: the commit and the branch, read from its files, and whether it has changed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

_COMMAND = ("--no-optional-locks", "diff", "--quiet", "HEAD", "--")
_LINKS = 5


def head_of(path: str | os.PathLike[str]) -> tuple[str | None, str | None]:
    """The commit and the branch that are checked out around `path`; (None, None) outside a repository.

    No program is started. The branch is None for a detached HEAD, the commit is None before the first one.
    """
    try:
        directory = _git_directory(Path(path))
        if directory is None:
            return None, None
        return _head(directory)
    except (OSError, ValueError, RuntimeError):
        return None, None  # No permission, or not git's own files: as good as no repository.


def _git_directory(path: Path) -> Path | None:
    path = path.resolve()
    for place in (path, *path.parents):
        entry = place / ".git"
        if entry.is_dir():
            return entry
        if entry.is_file():  # A worktree or a submodule: a file that says where.
            text = entry.read_text(encoding="utf-8").strip()
            return (place / text[len("gitdir:") :].strip()).resolve() if text.startswith("gitdir:") else None
    return None


def _head(directory: Path) -> tuple[str | None, str | None]:
    text = (directory / "HEAD").read_text(encoding="utf-8").strip()
    if not text.startswith("ref:"):
        return _commit(text), None
    reference = text[len("ref:") :].strip()
    if reference.endswith("/.invalid"):  # The reftable format keeps its HEAD elsewhere.
        return None, None
    common = directory
    with contextlib.suppress(FileNotFoundError):
        common = (directory / (directory / "commondir").read_text(encoding="utf-8").strip()).resolve()
    return _lookup(directory, common, reference), reference.removeprefix("refs/heads/")


def _lookup(directory: Path, common: Path, reference: str) -> str | None:
    for _ in range(_LINKS):
        text = None
        for place in dict.fromkeys((directory, common)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                text = (place / reference).read_text(encoding="utf-8").strip()
                break
        if text is None:
            return _packed(common, reference)
        if not text.startswith("ref:"):
            return _commit(text)
        reference = text[len("ref:") :].strip()
    return None


def _packed(common: Path, reference: str) -> str | None:
    with contextlib.suppress(FileNotFoundError), open(common / "packed-refs", encoding="utf-8") as lines:
        for line in lines:
            commit, _, name = line.rstrip("\n").partition(" ")
            if name == reference:
                return _commit(commit)
    return None


def _commit(text: str) -> str | None:
    return text if len(text) in (40, 64) and all(digit in "0123456789abcdef" for digit in text) else None


class GitState:
    """A question to git that is being answered: has any file changed since the commit?"""

    def __init__(self, child: int | subprocess.Popen[bytes] | None = None) -> None:
        self._child = child
        self._answer: bool | None = None

    @classmethod
    def start_dirty_check(cls, path: str | os.PathLike[str]) -> GitState:
        """Ask git, in a process of its own, whether the repository around `path` differs from its commit."""
        _reap()
        try:
            return cls(_spawn(("git", "-C", os.fspath(path), *_COMMAND)))
        except (OSError, ValueError):
            return cls()  # There is no git here.

    def result(self) -> bool | None:
        """True or False once git has answered; None before, and where it cannot tell. Never waits."""
        if self._child is not None:
            ended, status = _poll(self._child)
            if ended:
                self._child = None
                self._answer = {0: False, 1: True}.get(status) if status is not None else None
        return self._answer

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for, because git has answered or was not asked."""
        self.result()
        return self._child is None

    def __del__(self) -> None:
        child = getattr(self, "_child", None)
        if child is not None and not _poll(child)[0]:
            _abandoned.append(child)


# Nobody asks for these any more; they are collected when the next question is put, so that no zombie stays.
_abandoned: list[int | subprocess.Popen[bytes]] = []


start_dirty_check = GitState.start_dirty_check


def _spawn(command: tuple[str, ...]) -> int | subprocess.Popen[bytes]:
    null = subprocess.DEVNULL
    if sys.platform == "win32":
        return subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
    # Not Popen: where something else has collected the child, it reports a success that nobody has seen.
    actions = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=actions)


def _poll(child: int | subprocess.Popen[bytes]) -> tuple[bool, int | None]:
    """Whether the child has ended, and its exit code if that is known."""
    if not isinstance(child, int):
        return child.poll() is not None, child.returncode
    if sys.platform == "win32":
        return True, None
    try:
        pid, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return True, None
    return pid != 0, os.waitstatus_to_exitcode(status) if pid else None


def _reap() -> None:
    _abandoned[:] = [child for child in _abandoned if not _poll(child)[0]]
