"""What a search tries: each candidate's name, and all its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from skribe.capture.defaults import MISSING, defaults_of, same
from skribe.capture.params import parameters
from skribe.capture.values import describe_value, storable
from skribe.capture.writer import Writer
from skribe.guard import attempt, hushed
from skribe.records import Param, ValueType
from skribe.words import shorten

_NAME = 200
_VALUE = 40
_UNKNOWN: Any = object()


class Template:
    """The parameters of a search's estimator, over which each candidate's own are laid."""

    def __init__(self, estimator: Any, params: Iterable[Param]) -> None:
        self._base = _Layers(type(estimator), {param.key: param for param in params})
        with hushed():
            values = attempt("params", [], lambda: estimator.get_params(deep=True))
        for key, value in (values if isinstance(values, Mapping) else {}).items():
            self._base.values[key] = value
            if hasattr(type(value), "get_params"):
                self._base.owners[key] = type(value)

    def filled(self, chosen: Mapping[str, Any]) -> tuple[Param, ...]:
        """All parameters of the candidate for which these were chosen, as `set_params` would leave them."""
        layers = self._base
        if any("__" in key or _has_parts(value) or key in layers.owners for key, value in chosen.items()):
            layers = layers.copy()
            # The estimators first: what is chosen inside of them is set on the new ones.
            for key in sorted(chosen, key=lambda key: key.count("__")):
                layers.put(key, chosen[key])
            layers.rewrite(chosen)
            return tuple(layers.params.values())
        filled = dict(layers.params)
        for key, value in chosen.items():
            filled[key] = layers.param(key, value)
        return tuple(filled.values())


def _has_parts(value: Any) -> bool:
    """Whether it is an estimator, or a list of named ones such as a pipeline's steps."""
    return hasattr(type(value), "get_params") or (
        type(value) is list and any(type(item) is tuple and hasattr(type(item[1]), "get_params") for item in value)
    )


class _Layers:
    """Parameters by key, with the objects that they are and the classes of those that have parameters themselves."""

    def __init__(self, owner: type, params: dict[str, Param]) -> None:
        self.params = params
        self.values: dict[str, Any] = {}
        self.owners: dict[str, type] = {"": owner}
        self._replaced: dict[str, Any] = {}  # what was there before, by key

    def copy(self) -> _Layers:
        twin = _Layers(self.owners[""], dict(self.params))
        twin.values, twin.owners = dict(self.values), dict(self.owners)
        return twin

    def param(self, key: str, value: Any) -> Param:
        """One of them, described."""
        prefix, _, own = key.rpartition("__")
        text, kind = describe_value(value, key)
        owner = self.owners.get(prefix)
        default = _UNKNOWN if owner is None else defaults_of(owner).get(own, _UNKNOWN)
        if default is _UNKNOWN:
            return Param(storable(key), text, kind, None)
        return Param(storable(key), text, kind, False if default is MISSING else same(value, default))

    def put(self, key: str, value: Any) -> None:
        """Set it, and exchange what belonged to the estimator that was here for what belongs to the new one."""
        if key in self.owners or hasattr(type(value), "get_params"):
            self._replaced[key] = self.values.get(key)
            self._drop(key)
        if _has_parts(value) and type(value) is list:
            prefix = key.rpartition("__")[0]
            before = self.values.get(key)
            for name in [item[0] for item in before if type(item) is tuple] if type(before) is list else ():
                self._drop(_join(prefix, name))
                self.params.pop(_join(prefix, name), None)
            for item in value:
                if type(item) is tuple:
                    self.put(_join(prefix, item[0]), item[1])
        self.values[key] = value
        self.params[key] = self.param(key, value)
        if hasattr(type(value), "get_params"):
            self.owners[key] = type(value)
            self._take_in(key, value)

    def _take_in(self, key: str, value: Any) -> None:
        for param in parameters(value)[0]:
            self.params[_join(key, param.key)] = param._replace(key=_join(key, param.key))
        with hushed():
            inside = attempt("params", [], lambda: value.get_params(deep=True))
        for name, part in (inside if isinstance(inside, Mapping) else {}).items():
            self.values[_join(key, name)] = part
            if hasattr(type(part), "get_params"):
                self.owners[_join(key, name)] = type(part)

    def _drop(self, key: str) -> None:
        below = f"{key}__"
        for table in (self.params, self.values, self.owners):
            for old in [name for name in table if name.startswith(below)]:
                del table[old]
        self.owners.pop(key, None)

    def rewrite(self, chosen: Iterable[str]) -> None:
        """Write anew the texts of whatever holds something that was chosen, the innermost first."""
        writer = Writer()
        holders = {key for name in chosen for key in _above(name) if key in self.owners}
        holders.update(key for key in chosen if key in self._replaced)
        for holder in sorted(holders, key=lambda key: -key.count("__")):
            value = self.values[holder]
            if holder in self.owners:
                text = writer.call(self.owners[holder].__qualname__, self._changed(holder))
            else:
                text = writer.write(value)
            for known in (value, self._replaced.get(holder)):
                if hasattr(type(known), "get_params"):
                    writer.take(known, text)
            if holder in self.owners:
                self.params[holder] = self.params[holder]._replace(value=storable(text))
            self._rewrite_lists(holder.rpartition("__")[0], writer, chosen)

    def _rewrite_lists(self, prefix: str, writer: Writer, chosen: Iterable[str]) -> None:
        """The lists of named parts that stand beside a part: a pipeline's `steps`."""
        for name in _LISTS:
            key = _join(prefix, name)
            if key in self.params and key not in chosen and type(self.values.get(key)) is list:
                self.params[key] = self.params[key]._replace(value=storable(writer.write(self.values[key])))

    def _changed(self, holder: str) -> dict[str, Any]:
        """The parameters of an estimator that are not its defaults."""
        defaults = defaults_of(self.owners[holder])
        below = f"{holder}__"
        own = {key[len(below) :]: value for key, value in self.values.items() if key.startswith(below)}
        names = {name for name in own if "__" not in name and (name in defaults or not _is_part(name, own))}
        return {
            name: own[name] for name in sorted(names) if name not in defaults or not same(own[name], defaults[name])
        }


_LISTS = ("steps", "transformers", "transformer_list", "estimators")


def _is_part(name: str, own: Mapping[str, Any]) -> bool:
    """Whether a name is that of a part in a list, which `get_params` shows beside the parameters."""
    lists = (own[key] for key in _LISTS if type(own.get(key)) is list)
    return any(type(item) is tuple and item[0] == name for items in lists for item in items)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}__{name}" if prefix else str(name)


def _above(key: str) -> Iterator[str]:
    """`a__b__c` is inside of `a__b`, and that inside of `a`."""
    while "__" in key:
        key = key.rpartition("__")[0]
        yield key


def described(chosen: Mapping[str, Any]) -> dict[str, tuple[str, ValueType]]:
    """What was chosen, as text with the type that gives the value back."""
    return {storable(str(key)): describe_value(value, str(key)) for key, value in chosen.items()}


def name_of(texts: Mapping[str, tuple[str, ValueType]], constant: frozenset[str] = frozenset()) -> str:
    """`C=10, kernel=rbf`: what was chosen, without the parameters that are the same for every candidate."""
    shown = [key for key in texts if key not in constant] or list(texts)
    name = ", ".join(f"{key}={_spoken(*texts[key])}" for key in shown)
    return shorten(name, _NAME) or "defaults"


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
    return f"{float(text):.6g}" if kind == "float" and len(text) > 10 else shorten(text, _VALUE)
