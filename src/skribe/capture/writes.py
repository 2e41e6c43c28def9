"""What a function only writes to: a list that counts its calls, a log that it appends to, the lock around that.

Of a plain list, dictionary, number, lock or file that a function writes to and never reads, what comes out of it does
not depend. That it does so is seen in its source alone, and where there is no source nothing is taken to be so. What
the object is counts as much: an `append` of the user's own may do anything.
"""

from __future__ import annotations

import ast
import collections
import inspect
import io
import textwrap
import threading
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Final

from skribe.guard import attempt

_WRITES: Final = frozenset({"append", "appendleft", "add", "extend", "update", "insert", "write", "put"})
_WRITE_MODES: Final = frozenset(mode + more for mode in "awx" for more in ("", "b", "t"))
# Of these exact types it is known that writing to them does nothing else.
_HARMLESS: Final = frozenset({
    list, dict, set, int, float, collections.deque, collections.Counter, collections.defaultdict, io.TextIOWrapper,
    io.BufferedWriter, type(threading.Lock()), type(threading.RLock()),
})  # fmt: skip
_KEPT: Final = 1024
_known: dict[int, tuple[CodeType, frozenset[str]]] = {}


def only_written(function: FunctionType) -> frozenset[str]:
    """The names outside of the function that it writes to and never reads."""
    code = function.__code__
    known = _known.get(id(code))
    if known is None or known[0] is not code:
        if len(_known) >= _KEPT:
            _known.clear()
        known = _known[id(code)] = code, attempt("source", [], _only_written, function) or frozenset()
    return known[1]


def is_harmless(value: object) -> bool:
    """Whether writing to this object changes nothing but the object."""
    return type(value) in _HARMLESS


def writes_files_only(function: FunctionType) -> bool:
    """Whether every `open` in the function says in so many words that it opens a file to write."""
    return bool(attempt("source", [], _writes_files_only, function))


def _writes_files_only(function: FunctionType) -> bool:
    tree = _tree_of(function)
    opened = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "open"]
    writing = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open" and _writes(node)
    ]
    return 0 < len(opened) == len(writing)


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return len(modes) == 1 and isinstance(modes[0], ast.Constant) and modes[0].value in _WRITE_MODES


def _tree_of(function: FunctionType) -> ast.AST:
    """The function's source, if it is that: a file may have changed since, or another may be under its name."""
    source, code = textwrap.dedent(inspect.getsource(function)), function.__code__
    free = [name for name in code.co_freevars if name != "__class__"]
    inside = textwrap.indent(source, "  ")
    if "__class__" in code.co_freevars:
        inside = textwrap.indent(f"class It:\n{inside}", "  ")
    tree = ast.parse(f"def around():\n  {' = '.join([*free, 'None'])}\n{inside}")
    if not any(_is_alike(found, code) for found in _codes_in(compile(tree, "it", "exec"))):
        raise ValueError("this is not the source of the function")
    return tree.body[0]


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes_in(constant)


def _is_alike(found: CodeType, code: CodeType) -> bool:
    return (found.co_name, found.co_names, found.co_varnames, found.co_freevars) == (
        code.co_name, code.co_names, code.co_varnames, code.co_freevars,
    )  # fmt: skip


def _only_written(function: FunctionType) -> frozenset[str]:
    tree = _tree_of(function)
    written: set[str] = set()
    harmless: set[int] = set()
    for name in _written_in(tree):
        written.add(name.id)
        harmless.add(id(name))
    read = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in harmless
    }
    return frozenset(written - read)


def _written_in(tree: ast.AST) -> Iterator[ast.Name]:
    """The places where a name stands for something that is written to, or held as a lock."""
    for node in ast.walk(tree):
        match node:
            # calls.append(1)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name() as name, attr=attribute))):
                if attribute in _WRITES:
                    yield name
            # count[0] += 1, seen[key] = value
            case ast.Subscript(value=ast.Name() as name, ctx=ast.Store()):
                yield name
            # global count; count += 1
            case ast.AugAssign(target=ast.Name() as name):
                yield name
            # with lock:
            case ast.withitem(context_expr=ast.Name() as name, optional_vars=None):
                yield name
