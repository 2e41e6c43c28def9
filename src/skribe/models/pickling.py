"""Writing an estimator in one pass, and seeing on the way what its file refers to."""

from __future__ import annotations

import dis
import functools
import io
import pickle
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final, Protocol

import numpy as np

from skribe.guard import hushed

PROTOCOL: Final = 5
_INTERACTIVE: Final = frozenset({"__main__", "__mp_main__"})
_NAMED: Final = (type, FunctionType, BuiltinFunctionType)


class Target(Protocol):
    """Where the bytes go."""

    def write(self, data: Any, /) -> int: ...


class Nowhere:
    """Takes any number of bytes and keeps none."""

    def write(self, data: Any, /) -> int:
        return len(data)


class References:
    """What a written model refers to by name: modules, and what is found only where it was defined."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.interactive: set[str] = set()
        self.variables: set[str] = set()  # global ones that go along with functions by value
        self.types: set[str] = set()  # of skops: the full name of every type in the file
        # The kinds of objects that are nothing to look at, so that each kind is asked about once.
        self.plain: set[type] = set()

    def see(self, value: Any) -> None:
        """Look at one object that the pickler has come to."""
        kind = type(value)
        # By `isinstance`, which a method that skribe has hooked answers as the function that it stands for.
        if issubclass(kind, _NAMED) or isinstance(value, FunctionType):
            self._see_named(value)
        elif kind is ModuleType:
            self.modules.add(value.__name__)
        elif kind is np.ufunc:
            self.modules.update(("numpy", "scipy") if "scipy" in sys.modules else ("numpy",))
        elif issubclass(kind, io.TextIOWrapper):
            # cloudpickle would put what is in the file into the model.
            raise pickle.PicklingError("cannot pickle an open file")
        else:
            self.plain.add(kind)

    def _see_named(self, value: Any) -> None:
        module = getattr(value, "__module__", None)
        if not isinstance(module, str):
            return
        self.modules.add(module)
        if module in _INTERACTIVE:
            self.interactive.add(str(getattr(value, "__qualname__", value)))
            if isinstance(value, FunctionType):
                self.modules.update(imported_in(value.__code__))
                self.variables.update(_variables_in(value.__code__, value.__globals__))


def imported_in(code: CodeType) -> Iterator[str]:
    """The modules that code imports when it runs."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from imported_in(constant)


def _variables_in(code: CodeType, held: dict[str, Any]) -> Iterator[str]:
    """The global variables that code uses, as far as they are neither code nor modules themselves."""
    for name in code.co_names:
        if name in held and not isinstance(held[name], (ModuleType, *_NAMED)):
            yield name
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _variables_in(constant, held)


class _Plain(pickle.Pickler):
    """Python's own pickler, with an eye on what passes."""

    def __init__(self, target: Target, references: References) -> None:
        super().__init__(target, protocol=PROTOCOL)
        self._references = references
        self._plain = references.plain

    def reducer_override(self, value: Any) -> Any:
        if type(value) not in self._plain:
            self._references.see(value)
        return NotImplemented


@functools.cache
def _by_value() -> Any:
    """The pickler of cloudpickle, which takes along what other processes cannot import, with an eye on what passes."""
    import cloudpickle

    class ByValue(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, target: Target, references: References) -> None:
            super().__init__(target, protocol=PROTOCOL)
            self._references = references
            self._plain = references.plain

        def reducer_override(self, value: Any) -> Any:
            if type(value) in self._plain:
                return NotImplemented
            self._references.see(value)
            return super().reducer_override(value)

    return ByValue


def write(estimator: Any, target: Target, kind: str) -> References:
    """Write the estimator in one of the formats and say what it refers to. Whatever the estimator raises is raised."""
    with hushed():
        if kind == "skops":
            from skribe.models import audit

            content, references = audit.pack(estimator)
            target.write(content)
            return references
        references = References()
        pickler = (_by_value() if kind == "cloudpickle" else _Plain)(target, references)
        pickler.dump(estimator)
    return references
