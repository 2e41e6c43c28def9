"""What has to be installed where a model is to be loaded.

Nothing is imported for it and nothing is started; what is found out about a package is found out once.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from skribe.models.formats import NEEDED

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
# Packages that are imported by another name than they are installed by, and that are met often.
_KNOWN: Final = {"sklearn": "scikit-learn", "yaml": "PyYAML", "PIL": "pillow", "imblearn": "imbalanced-learn"}
# What runs the tests of a module is no part of what the module does.
_NEVER: Final = frozenset({"pytest", "_pytest", "conftest"})
_ALWAYS: Final = ("sklearn", "numpy")
_HEADER: Final = re.compile(r"(?m)^(Name|Version): (\S+)\s*$")


class Files(NamedTuple):
    """The three files that say what a model needs, each for another tool."""

    requirements: bytes
    python_env: bytes
    conda: bytes


def top_of(module: str) -> str:
    """The name that is imported first on the way to a module."""
    return module.partition(".")[0]


def is_installed(top: str, project: Path) -> bool:
    """Whether a module comes with Python or has been installed: it is no code of the user's own."""
    if top in sys.stdlib_module_names or top in _NEVER:
        return True
    folder = folder_of(sys.modules.get(top))
    if folder is None:
        return True  # Nothing that lies anywhere.
    if not _INSTALLED.isdisjoint(Path(folder).parts):
        return True
    # Installed for development: a release, unless it is just what is being worked on.
    return _editable(top, folder) and not Path(folder).is_relative_to(project)


def folder_of(module: Any) -> str | None:
    """The folder that a top-level module lies in; None if it lies in none."""
    if not isinstance(module, ModuleType):
        return None
    inside = ModuleType.__getattribute__(module, "__dict__")
    file = inside.get("__file__")
    if isinstance(file, str):
        return os.path.dirname(os.path.abspath(file))
    for place in inside.get("__path__") or ():
        return os.path.abspath(str(place))
    return None


@functools.cache
def _editable(top: str, folder: str) -> bool:
    """Whether a distribution of the same name is installed from there for development."""
    found = _named_alike(top)
    if found is None:
        return False
    try:
        told = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    url = str(told.get("url", "")) if told.get("dir_info", {}).get("editable") else ""
    place = unquote(url.removeprefix("file://"))
    return bool(place) and Path(folder).is_relative_to(place)


def _named_alike(top: str) -> Distribution | None:
    import importlib.metadata

    try:
        return importlib.metadata.distribution(_KNOWN.get(top, top))
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


@functools.cache
def pinned(top: str) -> str | None:
    """The requirement, with its version, that brings an installed module; None if none is found."""
    found = _named_alike(top) or _owner(top)
    if found is None:
        return None
    # The head of the file is enough; to parse it as the mail message that it is takes a millisecond.
    text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    told = dict(_HEADER.findall(text.partition("\n\n")[0]))
    if not {"Name", "Version"} <= told.keys():
        return None
    # The label of a build of one's own can be had nowhere.
    return f"{told['Name']}=={told['Version'].partition('+')[0]}"


def _owner(top: str) -> Distribution | None:
    """The distribution that has this module among its files, of those that lie beside it."""
    import importlib.metadata

    folder = folder_of(sys.modules.get(top))
    if folder is None:
        return None
    places = {folder, os.path.dirname(folder)}
    ending = re.compile(rf"(?m)^{re.escape(top)}(/|\.py,|\.[^,/]*\.(so|pyd),)")
    for found in importlib.metadata.distributions(path=[place for place in sorted(places) if os.path.isdir(place)]):
        names = found.read_text("top_level.txt")
        if names is not None and top in names.split():
            return found
        if names is None and ending.search(found.read_text("RECORD") or ""):
            return found
    return None


@functools.lru_cache(maxsize=256)
def requirements_of(tops: frozenset[str], kind: str) -> tuple[str, ...]:
    """The requirements of a model that refers to these top-level modules and is written in this format."""
    needed = {*_ALWAYS, *NEEDED[kind], *tops}
    texts = {pinned(top) for top in needed if top not in sys.stdlib_module_names and top not in _NEVER}
    return tuple(sorted((text for text in texts if text is not None), key=str.lower))


@functools.lru_cache(maxsize=64)
def files_of(requirements: tuple[str, ...]) -> Files:
    """The contents of requirements.txt, python_env.yaml and conda.yaml."""
    python = platform.python_version()
    tools = _items(("pip", "setuptools", "wheel"))
    env = f'python: "{python}"\nbuild_dependencies:\n{tools}dependencies:\n- -r requirements.txt\n'
    conda = (
        f"channels:\n- conda-forge\ndependencies:\n- python={python}\n- pip\n- pip:\n{_items(requirements, '  ')}"
        "name: mlflow-env\n"
    )
    return Files("".join(f"{text}\n" for text in requirements).encode(), env.encode(), conda.encode())


def _items(texts: Iterable[str], indent: str = "") -> str:
    return "".join(f"{indent}- {text}\n" for text in texts)
