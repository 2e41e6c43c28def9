"""From what the user wrote to a backend: found by name, checked against the protocol, with its options.

Names are those of the entry-point group `skribe.backends`; each leads to a class, which is called with the address and
the options. A class may have, besides the protocol:

    resolve(address) -> str            what an empty or relative address means here and now
    ambient() -> Mapping[str, str]     tags for a run that begins in this thread, from what surrounds it
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from skribe.backends.protocol import Backend
from skribe.backends.targets import Target, _Options, without_secrets
from skribe.errors import ArgumentError, BackendError, BackendInvalid

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "skribe.backends"
# Our own are found also where skribe is used without having been installed.
_OURS = {
    "local": "skribe.backends.local:LocalBackend",
    "memory": "skribe.backends.memory:MemoryBackend",
    "mlflow": "skribe.backends.mlflow:MLflowBackend",
    "wandb": "skribe.backends.wandb:WandBBackend",
}
_METHODS = {"open": 1, "deliver": 1, "settle": 0, "close": 0, "link": 1}  # with how many arguments each is called
_VALUES = ("address", "capabilities")


def names() -> list[str]:
    """The names of all backends that are installed."""
    return sorted(_OURS.keys() | _plugins().keys())


def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def targets_of(value: object) -> list[Target | Backend]:
    """What `backend=` names: targets, and backends that were passed as objects. Raises ArgumentError."""
    if value is None:
        return []
    if isinstance(value, str):
        return [Target.parse(value)]
    if isinstance(value, Target):
        return [value]
    if isinstance(value, _Options):
        return [value.target()]
    if isinstance(value, Iterable) and not isinstance(value, Mapping | bytes) and not hasattr(value, "deliver"):
        return [one for part in value for one in targets_of(part)]
    return [checked(value, "autolog(backend=...)")]


def resolved(target: Target) -> Target:
    """The same with the address that is meant here and now."""
    resolve = getattr(factory_of(target.name), "resolve", None)
    return target if resolve is None else replace(target, address=resolve(target.address))


def build(target: Target) -> Backend:
    """A backend for this target. Raises ArgumentError, BackendMissing or BackendInvalid."""
    factory = factory_of(target.name)
    options = dict(target.options or {})
    _check_options(target, factory, options)
    try:
        made = factory(target.address, **options)
    except (ArgumentError, BackendError):
        raise
    except Exception as error:
        reason = without_secrets(f"{type(error).__name__}: {error}")
        raise BackendInvalid(f"the backend {target.name!r} could not be made for {target}: {reason}") from error
    return checked(made, f"the backend {target.name!r}")


def factory_of(name: str) -> Any:
    """The class behind a name. Raises ArgumentError if there is none."""
    if name in _OURS:
        module, _, attribute = _OURS[name].partition(":")
        return getattr(import_module(module), attribute)
    point = _plugins().get(name)
    if point is None:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names())}."
        raise ArgumentError(f"there is no backend {name!r}; {hint}")
    try:
        return point.load()
    except Exception as error:
        raise BackendInvalid(
            f"the backend {name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
        ) from error


def checked(backend: Any, who: str) -> Backend:
    """The same, if it keeps to the protocol. BackendInvalid names what does not."""
    if inspect.isclass(backend):
        raise BackendInvalid(
            f"{who}: this is the class {backend.__name__}; write {backend.__name__}(...) for an object."
        )
    kind = f"{type(backend).__module__}.{type(backend).__qualname__}"
    for name, count in _METHODS.items():
        method = getattr(backend, name, None)
        if not callable(method):
            raise BackendInvalid(f"{who} ({kind}) has no method {name}(); see skribe.backends.Backend.")
        _check_call(f"{who} ({kind}): {name}()", method, count)
    for name in _VALUES:
        if not hasattr(backend, name):
            raise BackendInvalid(f"{who} ({kind}) has no attribute {name}; see skribe.backends.Backend.")
    address = backend.address
    if not isinstance(address, str) or not address.strip() or "\n" in address:
        raise BackendInvalid(f"{who} ({kind}): address must be one line of text, not {address!r}.")
    if not hasattr(backend.capabilities, "runs_at_once"):
        raise BackendInvalid(
            f"{who} ({kind}): capabilities must be a skribe.backends.Capabilities, not {backend.capabilities!r}."
        )
    found: Backend = backend
    return found


def _check_call(where: str, method: Callable[..., Any], count: int) -> None:
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*(None for _ in range(count)))
    except TypeError as error:
        raise BackendInvalid(f"{where} is called with {count} arguments, and cannot be: {error}.") from None


def _check_options(target: Target, factory: Any, options: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return
    parameters = list(signature.parameters.values())
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
        return
    known = [each.name for each in parameters[1:]]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its options are: {', '.join(known) or 'none'}."
            raise ArgumentError(f"the backend {target.name!r} has no option {name!r}; {hint}")
