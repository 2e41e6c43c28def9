"""What a piece of Python code is, wherever it is found: a release that has a number, or the user's own code.

Installed code is known by its name and the version that it was installed in. The user's own code has no version;
it is known by what the interpreter would execute, without the lines, file names and docstrings that change nothing.
"""

from __future__ import annotations

import builtins
import dis
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
import xxhash

from skribe.capture.writes import is_harmless, only_written, writes_files_only

PYTHON: Final = f"{sys.implementation.cache_tag} {'.'.join(map(str, sys.version_info[:3]))}"
_INTERACTIVE: Final = frozenset({"__main__", "__mp_main__"})
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_STDLIB: Final = tuple(os.path.join(os.path.realpath(sysconfig.get_path(key)), "") for key in ("stdlib", "platstdlib"))
# The instructions that name an attribute or a module. Any other that has a name is taken to read a global, also one
# that a later Python may bring: to look at too much costs time, to overlook something costs a wrong number.
_READS_ATTRIBUTE: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_NAMES_NO_GLOBAL: Final = _READS_ATTRIBUTE | {
    "STORE_ATTR", "DELETE_ATTR", "LOAD_SUPER_ATTR", "IMPORT_NAME", "IMPORT_FROM",
}  # fmt: skip
# What a class body in 3.13 writes down about itself: lines and names, the latter in an order of the process's own.
_ABOUT_ITSELF: Final = frozenset({"__firstlineno__", "__static_attributes__", "__doc__"})
_KEPT: Final = 4096
# Where CPython says that a function has a docstring (from 3.13 on).
_HAS_DOCSTRING: Final = 0x4000000
# Through these, code reaches what is not written in it.
_UNSEEN: Final = tuple(map(id, (eval, exec, globals, __import__, open, input, builtins, importlib)))
_UNSEEN_NAMES: Final = (
    {"import_module"},
    {"__builtins__"},
    {"sys", "modules"},
    {"__globals__"},
    {"f_globals"},
    {"__subclasses__"},
)
# What Python or a first pickling adds to a class, and what does not change how it acts.
_NOT_THE_CLASS: Final = _ABOUT_ITSELF | {
    "__module__", "__dict__", "__weakref__", "__qualname__", "__slotnames__", "_abc_impl", "__orig_bases__",
    "__parameters__",
}  # fmt: skip


class Unsure(Exception):  # noqa: N818 - reads as what skribe is
    """The value has no identity to rely on; `reason` says in one line what cannot be identified, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Anatomy(NamedTuple):
    """What there is to know of a code object, all code inside of it included."""

    digest: bytes
    reads: tuple[str, ...]
    """The names that may be globals."""
    names: frozenset[str]
    """All names: globals, attributes, modules."""
    escaping: frozenset[str]
    """The names whose value is used in another way than by reading an attribute of it."""
    imports: tuple[tuple[int, str], ...]
    """The modules that it imports when it runs, each with the level of a relative import."""


_dissected: dict[int, tuple[CodeType, Anatomy]] = {}


def dissect(code: CodeType) -> Anatomy:
    """The anatomy of a code object. It is looked at once, since code does not change."""
    known = _dissected.get(id(code))
    if known is not None and known[0] is code:
        return known[1]
    anatomy = _dissect(code)
    if len(_dissected) >= _KEPT:
        _dissected.clear()
    _dissected[id(code)] = (code, anatomy)
    return anatomy


def _dissect(code: CodeType) -> Anatomy:
    body: list[str] = []
    reads: set[str] = set()
    escaping: set[str] = set()
    imports: list[tuple[int, str]] = []
    constants: list[Any] = []
    open_name = ""  # the name whose value the instruction at hand finds on the stack
    for instruction in dis.get_instructions(code):
        operation, value = instruction.opname, instruction.argval
        if operation == "EXTENDED_ARG":
            continue
        if open_name and operation not in _READS_ATTRIBUTE:
            escaping.add(open_name)
        open_name = ""
        if instruction.opcode in dis.hasconst:
            # By value, never by its place: a docstring takes a place, and nothing else. Not by `argval` either, which
            # is the place again for the names of keyword arguments.
            constants.append(code.co_consts[instruction.arg or 0])
            body.append(f"{operation} {_constant(constants[-1])}")
            continue
        if instruction.opcode in dis.hasname:
            if operation == "IMPORT_NAME":
                imports.append((constants[-2], value))
            elif operation not in _NAMES_NO_GLOBAL:
                reads.add(value)
            if operation == "STORE_NAME" and value in _ABOUT_ITSELF:
                body.pop()
            elif operation == "STORE_NAME" and value == "__module__":
                reads.discard("__name__")  # A class body begins by noting where it is.
            open_name = value
        body.append(f"{operation} {instruction.arg}")
    names = set(code.co_names)
    for inner in (dissect(constant) for constant in code.co_consts if isinstance(constant, CodeType)):
        reads.update(inner.reads)
        names |= inner.names
        escaping |= inner.escaping
        imports += inner.imports
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & ~_HAS_DOCSTRING)
    variables = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    text = f"{PYTHON};{counts};{variables};{code.co_exceptiontable!r};{body}"
    digest = xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass"))
    return Anatomy(digest, tuple(sorted(reads)), frozenset(names), frozenset(escaping), tuple(sorted(set(imports))))


def _constant(value: Any) -> str:
    """A constant as a text that no other constant has."""
    kind = type(value)
    if kind is CodeType:
        return f"code {dissect(value).digest.hex()}"
    if kind is int:
        return hex(value)
    if kind is tuple:
        return f"({','.join(map(_constant, value))})"
    if kind is frozenset:
        return f"{{{','.join(sorted(map(_constant, value)))}}}"
    return repr(value)


_COMPILED: Final = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType)
_homes: dict[str, str | None] = {}
_versions: dict[str, str] = {}


def home(module: Any, loaded: bool = True) -> str | None:
    """The release that a module, given by name, belongs to: "python …" or "sklearn 1.9.1"; None for user's own code.

    Raises `Unsure` for an installed module of which no version can be found. Code that is about to import a module
    says `loaded=False`: the module need not be there yet.
    """
    if not isinstance(module, str) or module in _INTERACTIVE:
        return None
    if module not in sys.modules:
        return None if loaded else _home(module)
    if module not in _homes:
        _homes[module] = _home(module)
    return _homes[module]


def _home(module: str) -> str | None:
    top = module.partition(".")[0]
    origin = _origin(module, top)
    if origin in {"built-in", "frozen"}:
        return PYTHON if top in sys.stdlib_module_names else None
    if origin is None:
        return None
    if not _INSTALLED.isdisjoint(os.path.normpath(origin).split(os.sep)):
        return f"{top} {_version(top)}"
    return PYTHON if os.path.realpath(origin).startswith(_STDLIB) else None


def _origin(module: str, top: str) -> str | None:
    """The file of a module, which need not be loaded for it; "built-in" or "frozen" where Python has it inside."""
    found = sys.modules.get(module)
    if isinstance(found, ModuleType):
        # Not by `getattr`: a lazy module would load itself.
        inside = ModuleType.__getattribute__(found, "__dict__")
        origin = getattr(inside.get("__spec__"), "origin", None) or inside.get("__file__")
        return origin if isinstance(origin, str) else None
    try:
        spec: importlib.machinery.ModuleSpec | None = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec is not None else None


def _version(top: str) -> str:
    if top not in _versions:
        version = getattr(sys.modules.get(top), "__version__", None)
        if not isinstance(version, str):
            try:
                version = importlib.metadata.version(top)
            except (importlib.metadata.PackageNotFoundError, ValueError):
                raise Unsure(f"no version of the installed package {top!r} can be found") from None
        _versions[top] = version
    return _versions[top]


_TYPES: Final = {id(value): name for name, value in vars(types).items() if isinstance(value, type)}


def installed_name(value: Any, module: Any, qualname: Any) -> str | None:
    """Module, name and release of a thing that is installed and found under that very name; None if it is not."""
    where = home(module)
    if where is None or not isinstance(qualname, str):
        return None
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = unhooked(getattr(found, part, None))
    if found is value:
        return f"{module}:{qualname}:{where}"
    # The types of Python's own constants and functions have names that lead nowhere.
    return f"types:{_TYPES[id(value)]}:{where}" if id(value) in _TYPES else None


_HOOKS = ("Hook", "Asked", "Scored")


def unhooked(value: Any) -> Any:
    """What stands behind a hook of skribe's, which passes for a function in every respect but its type."""
    while (kind := type(value)).__name__ in _HOOKS and _is_ours(kind):
        value = value.original
    return value


def _is_ours(kind: type) -> bool:
    # Not `kind.__module__`: that answers with the hooked function's. Where it was written shows in its methods.
    return any(
        str(getattr(vars(each).get("__init__"), "__module__", "")).startswith("skribe.") for each in kind.__mro__
    )


def text_of(value: str) -> bytes:
    """A text, framed: no two sequences of framed texts are the same bytes."""
    encoded = value.encode("utf-8", "surrogatepass")
    return b"s%d;%b" % (len(encoded), encoded)


_EMPTY: Final = object()


def _inside(cell: CellType) -> Any:
    """What a cell of a closure holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


class CodeWalk:
    """One way through a value and all that belongs to it; here, through what is code.

    Functions and classes may lead back to themselves. Each gets a number when it is met, and is that number from
    then on.
    """

    def __init__(self, cloned: bool) -> None:
        self.cloned = cloned
        self.in_code = False
        self.trail: list[str] = []  # where we are; where we were, once something has been raised
        self.on_the_way: set[Any] = set()
        self.known: dict[int, tuple[int, Any]] = {}  # functions and classes by id: their number, and what keeps them

    def feed(self, value: Any) -> bytes:
        """The bytes that stand for the value, and that no other content gives."""
        raise NotImplementedError

    def _all(self, tag: bytes, parts: Iterable[Any]) -> bytes:
        fed = [self.feed(part) for part in parts]
        return b"%b%d;%b" % (tag, len(fed), b"".join(fed))

    def _named(self, tag: bytes, parts: dict[str, Any]) -> bytes:
        """Feed things that have a name, by name."""
        fed = [b"%b%d;" % (tag, len(parts))]
        for name in sorted(parts):
            self.trail.append(name)
            fed += (text_of(name), self.feed(parts[name]))
            self.trail.pop()
        return b"".join(fed)

    def _as_it_is(self, feeder: Callable[[], bytes], in_code: bool = False) -> bytes:
        """Feed what `clone` leaves as it is; in code, whatever has been written there has its place there."""
        before = self.cloned, self.in_code
        self.cloned, self.in_code = False, self.in_code or in_code
        fed = feeder()
        self.cloned, self.in_code = before
        return fed

    def _installed(self, value: Any, module: Any, qualname: Any) -> bytes | None:
        name = installed_name(value, module, qualname)
        return b"g" + text_of(name) if name is not None else None

    def _remember(self, value: Any) -> None:
        self.known[id(value)] = (len(self.known), value)

    def _refuse_lambda(self, qualname: str) -> None:
        if not self.in_code and qualname.endswith("<lambda>"):
            raise Unsure("a lambda has no stable identity")

    def _function(self, value: FunctionType) -> bytes:
        name = self._installed(value, value.__module__, value.__qualname__)
        if name is not None and home(value.__globals__.get("__name__")) is not None:
            return name
        self._refuse_lambda(value.__qualname__)
        self._remember(value)
        return self._as_it_is(lambda: self._by_code(value), in_code=True)

    def _by_code(self, value: FunctionType) -> bytes:
        anatomy = dissect(value.__code__)
        cells = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=True))
        for name in only_written(value) & cells.keys():
            if is_harmless(_inside(cells[name])):
                del cells[name]
        return b"".join((
            b"code", anatomy.digest, text_of(value.__name__),
            self.feed(value.__defaults__), self.feed(value.__kwdefaults__),
            self._named(b"c", cells), self._named(b"v", vars(value)),
            self._globals(value, anatomy), self._imports(value, anatomy),
        ))  # fmt: skip

    def _cell(self, value: CellType) -> bytes:
        inside = _inside(value)
        return b"empty" if inside is _EMPTY else self.feed(inside)

    def _globals(self, function: Any, anatomy: Anatomy) -> bytes:
        for names in _UNSEEN_NAMES:
            if names <= anatomy.names:
                raise Unsure(
                    f"what {function.__qualname__} reaches by {'.'.join(sorted(names)[::-1])} is not seen in it"
                )
        fed = [b"globals"]
        written = only_written(function)
        for name in anatomy.reads:
            if name == "open" and type(function) is FunctionType and writes_files_only(function):
                continue
            if name in written and is_harmless(function.__globals__.get(name)):
                continue
            for scope in (function.__globals__, function.__builtins__):
                if name in scope:
                    self.trail.append(name)
                    fed += (text_of(name), self._part(name, scope[name], anatomy))
                    self.trail.pop()
                    break
        return b"".join(fed) + b"."

    def _part(self, name: str, value: Any, anatomy: Anatomy) -> bytes:
        """Feed a thing that code names; of a module of the user's own, no more than the code can reach in it."""
        if id(value) in _UNSEEN:
            raise Unsure("what it reaches is not seen in the code")
        if type(value) is not ModuleType or home(value.__name__) is not None:
            return self.feed(value)
        step = (id(value), id(anatomy))
        if step in self.on_the_way:
            return b"^"
        if name in anatomy.escaping or "__dict__" in anatomy.names:
            raise Unsure("a module of your own, used in a way that does not show what is used of it")
        self.on_the_way.add(step)
        inside = vars(value)
        fed = [b"module"]
        for attribute in sorted(anatomy.names | {"__getattr__"}):
            if attribute in inside:
                self.trail.append(attribute)
                fed += (text_of(attribute), self._part(attribute, inside[attribute], anatomy))
                self.trail.pop()
        self.on_the_way.discard(step)
        return b"".join(fed) + b"."

    def _imports(self, function: FunctionType, anatomy: Anatomy) -> bytes:
        fed = [b"imports"]
        for level, name in anatomy.imports:
            package = str(function.__globals__.get("__package__") or "")
            full = importlib.util.resolve_name("." * level + name, package) if level else name
            where = home(full, loaded=False)
            if where is None or full.partition(".")[0] == "importlib":
                raise Unsure(f"{function.__qualname__} imports {full!r} when it runs")
            fed.append(text_of(f"{full}:{where}"))
        return b"".join(fed) + b"."

    def _module(self, value: ModuleType) -> bytes:
        if value is np.random and self.cloned:
            return self.feed(None)  # scikit-learn takes both for the global random state.
        where = home(value.__name__)
        if where is None:
            raise Unsure(f"{value.__name__!r} is a module of your own")
        return b"m" + text_of(f"{value.__name__}:{where}")

    def _class(self, value: type) -> bytes:
        name = self._installed(value, value.__module__, value.__qualname__)
        if name is not None:
            return name
        if home(value.__module__) is not None:
            raise Unsure(f"the class {value.__qualname__} is not found where it says it is")
        self._remember(value)
        return self._as_it_is(lambda: self._by_attributes(value), in_code=True)

    def _by_attributes(self, value: type) -> bytes:
        attributes = {name: part for name, part in vars(value).items() if name not in _NOT_THE_CLASS}
        if any(type(part) in _COMPILED and part.__objclass__ is value for part in attributes.values()):
            raise Unsure(f"{value.__qualname__} is compiled code of your own")
        head = self._all(b"class", (value.__name__, type(value), *value.__bases__))
        return head + self._named(b"a", attributes)

    def _slot(self, value: Any) -> bytes:
        return self._all(b"slot", (value.__name__, value.__objclass__))
