"""What a function only writes to: a list that counts its calls, a log that it appends to.

What comes out of the function does not depend on what is in them, so it need not be the same for the function to be
the same. This is seen in the source alone, and where there is no source nothing is taken to be so.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Final

from skribe.guard import attempt

_WRITES: Final = frozenset({"append", "appendleft", "add", "extend", "update", "insert", "write", "put"})
_WRITE_MODES: Final = frozenset(mode + more for mode in "awx" for more in ("", "b", "t"))
# Names by which a file that was opened would be read.
_READS: Final = frozenset({"read", "readline", "readlines", "load", "loads", "safe_load", "reader", "DictReader"})
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


def writes_files_only(code: CodeType) -> bool:
    """Whether code that opens a file does so to write: it says so, and names nothing that would read."""
    inside = [code, *(constant for constant in code.co_consts if isinstance(constant, CodeType))]
    modes = {constant for one in inside for constant in one.co_consts if isinstance(constant, str)}
    names = {name for one in inside for name in one.co_names}
    return not modes.isdisjoint(_WRITE_MODES) and names.isdisjoint(_READS)


def _only_written(function: FunctionType) -> frozenset[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
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
