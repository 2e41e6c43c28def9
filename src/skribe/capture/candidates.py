"""What a search tries: each candidate's name, and all its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from skribe.capture.defaults import MISSING, defaults_of, same
from skribe.capture.params import parameters
from skribe.capture.values import describe_value, storable
from skribe.guard import attempt, hushed
from skribe.records import Param, ValueType

_NAME = 200
_VALUE = 40
_UNKNOWN: Any = object()


class Template:
    """The parameters of a search's estimator, over which each candidate's own are laid."""

    def __init__(self, estimator: Any, params: Iterable[Param]) -> None:
        self._params = {param.key: param for param in params}
        with hushed():
            values = attempt("params", [], lambda: estimator.get_params(deep=True))
        self._owners: dict[str, type] = {"": type(estimator)}
        for key, value in (values if isinstance(values, Mapping) else {}).items():
            if hasattr(type(value), "get_params"):
                self._owners[key] = type(value)

    def filled(self, chosen: Mapping[str, Any]) -> tuple[Param, ...]:
        """All parameters of the candidate for which these were chosen, as `set_params` would leave them."""
        params, owners = self._params, self._owners
        if any(hasattr(type(value), "get_params") or key in owners for key, value in chosen.items()):
            params, owners = dict(params), dict(owners)
            # The estimators first: what is chosen inside of them is set on the new ones.
            for key in sorted(chosen, key=lambda key: key.count("__")):
                _replace(params, owners, key, chosen[key])
        filled = dict(params)
        for key, value in chosen.items():
            filled[key] = self._param(key, value, owners)
        return tuple(filled.values())

    def _param(self, key: str, value: Any, owners: Mapping[str, type]) -> Param:
        prefix, _, own = key.rpartition("__")
        text, kind = describe_value(value, key)
        owner = owners.get(prefix)
        default = _UNKNOWN if owner is None else defaults_of(owner).get(own, _UNKNOWN)
        if default is _UNKNOWN:
            return Param(storable(key), text, kind, None)
        return Param(storable(key), text, kind, False if default is MISSING else same(value, default))


def _replace(params: dict[str, Param], owners: dict[str, type], key: str, value: Any) -> None:
    """Take out what belonged to the estimator that was here, and put in what belongs to the new one."""
    below = f"{key}__"
    if key in owners or hasattr(type(value), "get_params"):
        for old in [name for name in params if name.startswith(below)]:
            del params[old]
        for old in [name for name in owners if name == key or name.startswith(below)]:
            del owners[old]
    if hasattr(type(value), "get_params"):
        owners[key] = type(value)
        for param in parameters(value)[0]:
            params[below + param.key] = param._replace(key=below + param.key)


def described(chosen: Mapping[str, Any]) -> dict[str, tuple[str, ValueType]]:
    """What was chosen, as text with the type that gives the value back."""
    return {storable(str(key)): describe_value(value, str(key)) for key, value in chosen.items()}


def name_of(texts: Mapping[str, tuple[str, ValueType]], constant: frozenset[str] = frozenset()) -> str:
    """`C=10, kernel=rbf`: what was chosen, without the parameters that are the same for every candidate."""
    shown = [key for key in texts if key not in constant] or list(texts)
    name = ", ".join(f"{key}={_spoken(*texts[key])}" for key in shown)
    return _short(name, _NAME) or "defaults"


def constants_of(search: Any) -> frozenset[str]:
    """The parameters to which a search gives one value only, as far as its own settings tell."""
    held = vars(search)
    grids = held.get("param_grid", held.get("param_distributions"))
    grids = [grids] if isinstance(grids, Mapping) else grids
    if not isinstance(grids, list | tuple) or not all(isinstance(grid, Mapping) for grid in grids) or not grids:
        return frozenset()
    same_in_all = set(grids[0])
    for grid in grids:
        same_in_all &= {key for key, values in grid.items() if _is_one(values)}
    if len(grids) > 1:
        same_in_all = {
            key for key in same_in_all if all(describe_value(g[key]) == describe_value(grids[0][key]) for g in grids)
        }
    return frozenset(map(str, same_in_all))


def _is_one(values: Any) -> bool:
    return isinstance(values, list | tuple) and len(values) == 1


def _spoken(text: str, kind: ValueType) -> str:
    """The value for reading: not all digits of a number that was drawn at random."""
    return f"{float(text):.6g}" if kind == "float" and len(text) > 10 else _short(text, _VALUE)


def _short(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
