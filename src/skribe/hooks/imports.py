"""Being told when a module has been imported, and leaving nothing on it.

A finder at the front of `sys.meta_path` asks the others for the module's loader and lends it a stand-in, which gives
the true loader back before the module's first line runs. The module never sees the stand-in.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from skribe.guard import contain
from skribe.hooks.wrapping import Patches


class Finder:
    """Calls `imported(module)` after each import of a module for which `wanted(name)`."""

    def __init__(self, wanted: Callable[[str], bool], imported: Callable[[ModuleType], None]) -> None:
        self.wanted = wanted
        self.imported = imported

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not self.wanted(name):
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: importlib.machinery.ModuleSpec | None = find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _StandIn(spec.loader, self.imported)  # type: ignore[assignment]
                return spec
        return None


class _StandIn:
    """Loads a module through its true loader, then tells."""

    def __init__(self, loader: Any, imported: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._imported = imported

    def create_module(self, spec: Any) -> ModuleType | None:
        create = getattr(self._loader, "create_module", None)
        if create is None:
            return None
        spec.loader = self._loader
        try:
            module: ModuleType | None = create(spec)
        finally:
            spec.loader = self
        return module

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        contain("a module that was imported", self._imported, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


# Python leaves its own import frames out of tracebacks, by the name of their file. This one is of their kind.
_StandIn.exec_module.__code__ = _StandIn.exec_module.__code__.replace(
    co_filename="<frozen importlib._bootstrap_external>"
)


def watch_notebook(patches: Patches, refresh: Callable[[], None]) -> None:
    """Call `refresh` after each cell of a notebook, for the classes typed into it. Nothing outside of IPython."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return

    def after_cell(*_result: Any) -> None:
        contain("the classes of a cell", refresh)

    shell.events.register("post_run_cell", after_cell)
    patches.call_back(lambda: shell.events.unregister("post_run_cell", after_cell))


def watch(patches: Patches, wanted: Callable[[str], bool], imported: Callable[[ModuleType], None]) -> None:
    """Call `imported` after each import of a wanted module, until the patches are undone."""
    finder = Finder(wanted, imported)
    sys.meta_path.insert(0, finder)
    patches.call_back(lambda: sys.meta_path.remove(finder))
