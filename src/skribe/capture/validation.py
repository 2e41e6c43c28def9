"""What a cross-validation was told: the settings of the function, and how the rows are divided."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from skribe.capture.defaults import same
from skribe.capture.hashing import module_if_loaded
from skribe.capture.values import describe_value
from skribe.records import Fact, Param

_NOT_SETTINGS = frozenset({"estimator", "X", "y", "groups", "fit_params", "params"})


def settings_of(function: str, arguments: Mapping[str, Any]) -> tuple[Param, ...]:
    """The settings of `cross_validate` and the like, as `cv.scoring`: apart from the estimator's own parameters."""
    defaults = _defaults_of(function)
    return tuple(
        Param(f"cv.{key}", *describe_value(value, key), same(value, defaults[key]) if key in defaults else None)
        for key, value in arguments.items()
        if key not in _NOT_SETTINGS
    )


@functools.cache
def _defaults_of(function: str) -> Mapping[str, Any]:
    found = getattr(module_if_loaded("sklearn.model_selection._validation"), function, None)
    if found is None:
        return MappingProxyType({})
    parameters = inspect.signature(found).parameters.values()
    return MappingProxyType({p.name: p.default for p in parameters if p.default is not p.empty})


def splitter_of(arguments: Mapping[str, Any], stratifies: bool) -> Fact:
    """How the rows are divided, also where that is left to scikit-learn."""
    cv = arguments.get("cv")
    if cv is None or (isinstance(cv, int) and not isinstance(cv, bool)):
        name = "StratifiedKFold" if stratifies else "KFold"
        return Fact("splitter", f"{name}(n_splits={5 if cv is None else cv}, shuffle=False)", "str")
    if hasattr(cv, "split"):
        return Fact("splitter", describe_value(cv)[0], "str")
    return Fact("splitter", "splits that were given one by one", "str")
