"""The user's own modules that a model needs, and the files that they are made of."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from skribe.models.requirements import is_installed, top_of
from skribe.records import Note

_INTERACTIVE: Final = frozenset({"__main__", "__mp_main__"})
_MOST_FILES: Final = 500  # of one module
_MOST_TOGETHER: Final = 1000
_MOST_BYTES: Final = 2 << 20
_NO_CODE: Final = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages", "mlruns"})


class Code(NamedTuple):
    """What a model needs beside its file."""

    installed: frozenset[str]  # top-level modules that have to be installed
    files: tuple[tuple[str, str], ...]  # own files: the name below `code/`, and where they are now
    notes: tuple[Note, ...]


def project_of(folder: str) -> Path:
    """The project that a folder is part of: the root of its git repository, or the folder itself."""
    return _project(os.path.abspath(folder))


@functools.lru_cache(maxsize=16)
def _project(folder: str) -> Path:
    path = Path(folder)
    return next((place for place in (path, *path.parents) if (place / ".git").exists()), path)


@functools.lru_cache(maxsize=256)
def _only_installed(modules: frozenset[str], project: Path) -> frozenset[str] | None:
    """The top-level modules, if every one of them is installed."""
    tops = frozenset(map(top_of, modules - _INTERACTIVE))
    return tops if all(is_installed(top, project) for top in tops) else None


def code_of(modules: Iterable[str], project: Path) -> Code:
    """Divide what a model refers to into what is installed and what is the user's own, and list the files of that."""
    modules = frozenset(modules)
    tops = _only_installed(modules, project)
    if tops is not None:
        return Code(tops, (), ())
    installed, own = _reached(modules, project)
    files: list[tuple[str, str]] = []
    notes: list[Note] = []
    for top in sorted(own):
        found, reason = _files_of(top, project)
        if reason is None and len(files) + len(found) > _MOST_TOGETHER:
            found, reason = [], f"would make it more than {_MOST_TOGETHER} files"
        files += found
        if reason is None:
            said = f"the model needs your module {top!r}; it is saved in the folder code/"
        else:
            said = f"the model needs your module {top!r}, which {reason}: it loads only where {top!r} can be imported"
        notes.append(Note("model code", said))
    return Code(frozenset(installed), tuple(files), tuple(notes))


def _reached(modules: Iterable[str], project: Path) -> tuple[set[str], set[str]]:
    """The top-level modules, installed ones and own ones, that are reached through the code of own modules."""
    installed: set[str] = set()
    own: set[str] = set()
    looked_at: set[str] = set()
    waiting = [name for name in modules if name not in _INTERACTIVE]
    while waiting:
        name = waiting.pop()
        if name in looked_at:
            continue
        looked_at.add(name)
        top = top_of(name)
        if top in installed or (top not in own and is_installed(top, project)):
            installed.add(top)
            continue
        own.add(top)
        waiting += [top, *_named_in(sys.modules.get(name))]
    return installed, own


def _named_in(module: Any) -> Iterator[str]:
    """The modules that the names in a module lead to."""
    if not isinstance(module, ModuleType):
        return
    for value in list(vars(module).values()):
        kind = type(value)
        if kind is ModuleType:
            yield value.__name__
        elif issubclass(kind, type) or kind in (FunctionType, BuiltinFunctionType):
            found = getattr(value, "__module__", None)
            if isinstance(found, str) and found in sys.modules and found not in _INTERACTIVE:
                yield found


def _files_of(top: str, project: Path) -> tuple[list[tuple[str, str]], str | None]:
    """The files of one module or package, or why they are not saved."""
    found: list[tuple[str, str]] = []
    module = sys.modules[top]
    file = getattr(module, "__file__", None)
    roots = [os.path.dirname(file)] if isinstance(file, str) else [str(place) for place in module.__path__]
    is_package = not isinstance(file, str) or os.path.basename(file) == "__init__.py"
    place = os.path.realpath(roots[0] if is_package or file is None else file)
    if not Path(place).is_relative_to(os.path.realpath(project)):
        return [], "lies outside of the project"
    if not is_package and file is not None:
        found = [(f"{top}.py", file)] if file.endswith(".py") and os.access(file, os.R_OK) else []
        return found, None if found else "is no file of Python code that can be read"
    size = 0
    for root in roots:
        for path in _python_files(root):
            size += os.path.getsize(path)
            found.append((f"{top}/{Path(path).relative_to(root).as_posix()}", path))
            if len(found) > _MOST_FILES or size > _MOST_BYTES:
                return [], f"has more than {_MOST_FILES} files or {_MOST_BYTES >> 20} MB of code"
    return found, None if found else "has no files of Python code that can be read"


def _python_files(root: str) -> Iterator[str]:
    """The Python files below a folder, without what is no code of the project's."""
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(
            name
            for name in inner
            if name not in _NO_CODE
            and not name.startswith(".")
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".py") and os.path.isfile(path) and os.access(path, os.R_OK):
                yield path
