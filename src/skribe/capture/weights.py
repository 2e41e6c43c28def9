"""Which sample weights a fit really used, and by what name they came."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

_NAME = "sample_weight"


def weights_of(estimator: Any, arguments: Mapping[str, Any]) -> tuple[Any, str | None]:
    """The weights with which `estimator` was trained and the argument that held them, or (None, None).

    A Pipeline is trained with the weights of its last step: `clf__sample_weight`, or `sample_weight` when metadata
    routing is on and the step asks for it, under whatever alias. A search hands its arguments to its estimator.
    """
    wanted = [name for name in arguments if _NAME in name or name not in ("X", "y")]
    if not wanted:
        return None, None
    return _of(estimator, {name: name for name in wanted}, arguments)


def _of(estimator: Any, names: Mapping[str, str], arguments: Mapping[str, Any]) -> tuple[Any, str | None]:
    """`names` maps what this estimator was given to the argument of the outermost call that holds it."""
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        return _of_pipeline(steps[-1], names, arguments)
    inner = getattr(estimator, "estimator", None)
    if inner is not None and _is_search(estimator):
        return _of(inner, names if not _routing() else _routed(inner, names), arguments)
    name = names.get(_NAME)
    if name is None or arguments[name] is None:
        return None, None
    return arguments[name], name


def _of_pipeline(
    step: tuple[str, Any], names: Mapping[str, str], arguments: Mapping[str, Any]
) -> tuple[Any, str | None]:
    label, estimator = step
    if _routing():
        return _of(estimator, _routed(estimator, names), arguments)
    start = f"{label}__"
    inside = {name[len(start) :]: origin for name, origin in names.items() if name.startswith(start)}
    return _of(estimator, inside, arguments)


def _routed(estimator: Any, names: Mapping[str, str]) -> Mapping[str, str]:
    """What of `names` metadata routing gives to `estimator.fit`, under the names that its `fit` knows."""
    if hasattr(estimator, "steps") or _is_search(estimator):
        return names  # a router: it passes things on, and its own parts are asked in turn
    request = getattr(estimator, "get_metadata_routing", None)
    if request is None:
        return {}
    fit = getattr(request(), "fit", None)
    if fit is None:
        return names  # a router: it passes things on to parts that it knows
    routed = {}
    for prop, alias in fit.requests.items():
        source = prop if alias is True else alias
        if isinstance(source, str) and source in names:
            routed[prop] = names[source]
    return routed


def _routing() -> bool:
    return bool(sys.modules["sklearn"].get_config().get("enable_metadata_routing"))


def _is_search(estimator: Any) -> bool:
    search = sys.modules.get("sklearn.model_selection._search")
    return search is not None and isinstance(estimator, search.BaseSearchCV)
