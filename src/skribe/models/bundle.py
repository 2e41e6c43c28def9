"""Importing the modules that lie beside a model, from contents that have been checked.

A module that the process has imported already stays what it is, and is used: the code of a running program is not
exchanged under it. Of the others, a model's own code comes first while the model is built; afterwards it is found
only from inside itself, by packages of its own. Nothing is put on `sys.path`, nothing is written beside the code,
and compiled files that lie there are not looked at.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from skribe.guard import say_once

_importing = threading.local()


class _Source(importlib.abc.InspectLoader):
    """Loads modules from the texts that lie beside a model."""

    def __init__(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        self.folder = folder
        self.contents = contents

    def place_of(self, name: str) -> tuple[str, bool] | None:
        """The file of a module, and whether the module is a package."""
        path = name.replace(".", "/")
        if f"{path}/__init__.py" in self.contents:
            return f"{path}/__init__.py", True
        if f"{path}.py" in self.contents:
            return f"{path}.py", False
        # A folder without an __init__.py is a package that holds nothing itself.
        return (path, True) if any(file.startswith(f"{path}/") for file in self.contents) else None

    def spec_of(self, name: str) -> importlib.machinery.ModuleSpec | None:
        place = self.place_of(name)
        if place is None:
            return None
        file, is_package = place
        origin = str(self.folder / file) if file in self.contents else None
        spec = importlib.machinery.ModuleSpec(name, self, origin=origin, is_package=is_package)
        spec.has_location = origin is not None
        return spec

    def is_package(self, fullname: str) -> bool:
        place = self.place_of(fullname)
        return place is not None and place[1]

    def get_source(self, fullname: str) -> str | None:
        place = self.place_of(fullname)
        if place is None:
            raise ImportError(f"no module {fullname!r} beside the model", name=fullname)
        return importlib.util.decode_source(self.contents.get(place[0], b""))

    def get_code(self, fullname: str) -> CodeType:
        place = self.place_of(fullname)
        if place is None:
            raise ImportError(f"no module {fullname!r} beside the model", name=fullname)
        return self.source_to_code(self.contents.get(place[0], b""), str(self.folder / place[0]))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what a model brings: all of it while the model is built, and later what its own packages import."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        parent = fullname.rpartition(".")[0]
        if parent:
            loader = getattr(getattr(sys.modules.get(parent), "__spec__", None), "loader", None)
            return loader.spec_of(fullname) if isinstance(loader, _Source) else None
        source: _Source | None = getattr(_importing, "source", None)
        return source.spec_of(fullname) if source is not None else None


_finder = _Finder()


@contextlib.contextmanager
def importable(folder: Path, contents: Mapping[str, bytes]) -> Iterator[None]:
    """Let this thread import the modules that a model brings along, given by name and content."""
    if not contents:
        yield
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _say_what_differs(contents)
    before: Any = getattr(_importing, "source", None)
    _importing.source = _Source(folder, contents)
    try:
        yield
    finally:
        _importing.source = before


def _say_what_differs(contents: Mapping[str, bytes]) -> None:
    for file, content in contents.items():
        name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec is None or not spec.origin:
            continue
        if isinstance(spec.loader, _Source):
            now = spec.loader.contents.get(file)
        else:
            try:
                now = Path(spec.origin).read_bytes()
            except OSError:
                continue
        if now != content:
            say_once(
                f"code of {name}",
                f"The module {name!r} that this process has imported is not the one that the model was saved with; "
                "the imported one is used. In a new process the model uses its own.",
            )
