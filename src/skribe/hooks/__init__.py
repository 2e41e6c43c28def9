"""The only code that changes other people's classes. It emits `Call`s and knows nothing of what becomes of them."""

from __future__ import annotations

import sys
from types import ModuleType

from skribe.hooks.calls import Calls, Listener
from skribe.hooks.context import entered, open_run
from skribe.hooks.estimators import (
    Estimators,
    hook_ducks_of,
    hook_loaded_ducks,
    hook_scikit_learn,
    may_hold_ducks,
)
from skribe.hooks.imports import watch, watch_notebook
from skribe.hooks.scoring import METRICS, hook_metrics
from skribe.hooks.threads import hook_parallel, hook_threads
from skribe.hooks.validation import MODULE as VALIDATION
from skribe.hooks.validation import hook_validation
from skribe.hooks.warned import hook_warnings
from skribe.hooks.wrapping import Patches

__all__ = ["Installation", "Listener", "entered", "open_run"]


class Installation:
    """All hooks, set. A failure half-way takes back what was done and raises; `remove` takes back everything."""

    def __init__(self, listener: Listener) -> None:
        self._calls = Calls(listener)
        self._estimators = Estimators(self._calls)
        self._patches = Patches()
        self._scikit_learn = False
        try:
            self._install()
        except BaseException:
            self.remove()
            raise

    def _install(self) -> None:
        if "sklearn.base" in sys.modules:
            self._hook_scikit_learn()
        hook_loaded_ducks(self._estimators)
        hook_threads(self._patches)
        hook_warnings(self._patches)
        watch(self._patches, self._wanted, self._imported)
        watch_notebook(self._patches, self.refresh)

    def refresh(self) -> None:
        """Look again for estimators that could not announce themselves."""
        hook_loaded_ducks(self._estimators)

    def remove(self) -> None:
        """Restore every attribute to the object that it was. A hook that others have built upon does nothing."""
        self._calls.listener = None
        self._patches.undo()
        self._estimators.release()

    def _hook_scikit_learn(self) -> None:
        if not self._scikit_learn:
            self._scikit_learn = True
            hook_scikit_learn(self._patches, self._estimators)
            if "sklearn.utils.parallel" in sys.modules:
                hook_parallel(self._patches)
            if VALIDATION in sys.modules:
                hook_validation(self._patches, self._calls)
            # While the package is still being imported its functions are not all there; then its end is awaited.
            if not _is_being_imported(METRICS):
                hook_metrics(self._patches, self._calls)

    def _wanted(self, name: str) -> bool:
        return name in ("sklearn.base", "sklearn.utils.parallel", VALIDATION, METRICS) or may_hold_ducks(name)

    def _imported(self, module: ModuleType) -> None:
        if module.__name__ == "sklearn.base":
            self._hook_scikit_learn()
        elif module.__name__ == "sklearn.utils.parallel":
            if self._scikit_learn:
                hook_parallel(self._patches)
        elif module.__name__ == VALIDATION:
            if self._scikit_learn:
                hook_validation(self._patches, self._calls)
        elif module.__name__ == METRICS:
            if self._scikit_learn:
                hook_metrics(self._patches, self._calls)
        else:
            hook_ducks_of(self._estimators, module)


def _is_being_imported(name: str) -> bool:
    """Whether a module is not there yet, or not all of it."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return spec is None or bool(getattr(spec, "_initializing", False))
