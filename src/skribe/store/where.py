"""The language of `where=`: Python's comparisons over a run's fields, turned into SQL. Nothing is ever evaluated.

    metrics.training_accuracy_score > 0.9 and params.C in (1, 10) and "forest" in name.lower()

A field that a run does not have reads as None, which equals nothing but None and is not below or above anything.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import io
import keyword
import tokenize
from dataclasses import dataclass, field
from typing import Any, NoReturn

from skribe import guard
from skribe.errors import QueryError
from skribe.store.values import storable

GROUPS = {"params": "param", "metrics": "metric", "tags": "tag", "facts": "fact"}
_TEXTS = {
    "name": "r.name",
    "kind": "r.kind",
    "status": "{status}",
    "experiment": "e.name",
    "estimator": "r.estimator_name",
    "id": "r.id",
    "parent_id": "(SELECT id FROM run WHERE num = r.parent)",
}
_NUMBERS = {"duration": "r.wall"}
_TIMES = {"start": "r.start", "end": 'r."end"'}
FIELDS = (*_TEXTS, *_NUMBERS, *_TIMES)
_ALLOWED = (
    'Allowed: params.X, metrics.X, tags.X, facts.X (or params["X"]), '
    + ", ".join(FIELDS)
    + "; == != < <= > >=, in, not in, is None; and, or, not; .lower() .upper() .startswith() .endswith()."
)
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "=",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL condition over `run r JOIN experiment e`, its parameters, and the keys it asks about."""

    sql: str
    parameters: tuple[Any, ...]
    keys: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Field:
    """Something of a run: as a number, as text, whether it is there; None where it has no such side."""

    node: ast.AST
    shown: str
    number: str | None
    text: str | None
    parameters: tuple[Any, ...] = ()
    is_time: bool = False
    # A bool parameter compares as 1 or 0, but only with True or False.
    value: str | None = None


@dataclass(slots=True)
class _Compiler:
    text: str
    status: str
    keys: list[tuple[str, str, int]] = field(default_factory=list)

    def fail(self, node: ast.AST | int, problem: str) -> NoReturn:
        raise self.error(node, problem)

    def error(self, node: ast.AST | int, problem: str) -> QueryError:
        at = node if isinstance(node, int) else self.column(node)
        return QueryError(show(self.text, at, problem))

    def column(self, node: ast.AST) -> int:
        # The parser counts bytes; people count characters.
        offset = getattr(node, "col_offset", 0)
        return len(self.text.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore"))

    # -- conditions

    def condition(self, node: ast.AST) -> tuple[str, list[Any]]:
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = [self.condition(value) for value in values]
                word = " AND " if isinstance(op, ast.And) else " OR "
                return f"({word.join(sql for sql, _ in parts)})", [p for _, ps in parts for p in ps]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                sql, parameters = self.condition(operand)
                return f"(NOT {sql})", parameters
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                parts = []
                for sign, right in zip(ops, comparators, strict=True):
                    parts.append(self.compare(left, sign, right, node))
                    left = right
                return f"({' AND '.join(sql for sql, _ in parts)})", [p for _, ps in parts for p in ps]
            case ast.Call(func=ast.Attribute(value=owner, attr=("startswith" | "endswith") as how)):
                return self.begins(node, owner, how)
            case ast.Constant(value=bool() as value):
                return ("1" if value else "0"), []
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                self.fail(node, "write `and` / `or` instead of & and |")
            case ast.UnaryOp(op=ast.Invert()):
                self.fail(node, "write `not` instead of ~")
        if self.is_field(node):
            self.fail(node, f"a comparison is missing here, such as {ast.unparse(node)} == True")
        raise self.error(node, "this is not a condition")

    def compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr, whole: ast.AST) -> tuple[str, list[Any]]:
        if isinstance(op, ast.In | ast.NotIn):
            sql, parameters = self.membership(left, right)
            return (f"(NOT {sql})" if isinstance(op, ast.NotIn) else sql), parameters
        if isinstance(op, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Constant) and right.value is None):
                self.fail(right, "`is` is for None only; write == here")
            sql, parameters = self.absent(self.field(left))
            return (f"(NOT {sql})" if isinstance(op, ast.IsNot) else sql), parameters
        sign = _OPERATORS[type(op)]
        if self.is_field(left) and self.is_field(right):
            return self.two_fields(self.field(left), sign, self.field(right))
        if self.is_field(right):
            return self.with_constant(self.field(right), _MIRRORED[sign], self.constant(left), left)
        if not self.is_field(left):
            self.fail(whole, "one side of a comparison must be a field of the run")
        return self.with_constant(self.field(left), sign, self.constant(right), right)

    def with_constant(self, it: _Field, sign: str, value: Any, node: ast.AST) -> tuple[str, list[Any]]:
        if value is None:
            if sign not in ("=", "!="):
                self.fail(node, "None has no order; write `is None` or `is not None`")
            sql, parameters = self.absent(it)
            return (f"(NOT {sql})" if sign == "!=" else sql), parameters
        if sign == "!=":
            sql, parameters = self.with_constant(it, "=", value, node)
            return f"(NOT {sql})", parameters
        if it.is_time:
            value = self.moment(value, node)
        if isinstance(value, str):
            if it.text is None:
                self.fail(node, f"{it.shown} is a number, and this is text")
            return f"coalesce({it.text} {sign} ?, 0)", [*it.parameters, value]
        if it.number is None:
            self.fail(node, f"{it.shown} is text: put quotes around the value")
        if isinstance(value, bool) and it.value is not None:
            guarded = f"coalesce({it.value.format('type')} = 'bool' AND {it.number} {sign} ?, 0)"
            return guarded, [*it.parameters, *it.parameters, int(value)]
        if isinstance(value, int) and not isinstance(value, bool):
            small = storable(value)
            if sign == "=" and not isinstance(small, int) and it.text is not None:
                return f"coalesce({it.text} = ?, 0)", [*it.parameters, str(value)]
            value = float("inf") if small is None and value > 0 else float("-inf") if small is None else small
        return f"coalesce({it.number} {sign} ?, 0)", [*it.parameters, value]

    def two_fields(self, left: _Field, sign: str, right: _Field) -> tuple[str, list[Any]]:
        if left.number is not None and right.number is not None:
            sides = (left.number, right.number)
        elif left.text is not None and right.text is not None:
            sides = (left.text, right.text)
        else:
            self.fail(right.node, f"{left.shown} and {right.shown} are a text and a number")
        sql = f"coalesce({sides[0]} {'=' if sign == '!=' else sign} {sides[1]}, 0)"
        return (f"(NOT {sql})" if sign == "!=" else sql), [*left.parameters, *right.parameters]

    def absent(self, it: _Field) -> tuple[str, list[Any]]:
        if it.value is None:
            return f"({it.text or it.number} IS NULL)", list(it.parameters)
        # The parameter None is written as text, of its own type.
        return f"(coalesce({it.value.format('type')}, 'none') = 'none')", list(it.parameters)

    def membership(self, left: ast.expr, right: ast.expr) -> tuple[str, list[Any]]:
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            it = self.field(left)
            parts = [self.with_constant(it, "=", self.constant(item), item) for item in right.elts]
            sql = " OR ".join(part for part, _ in parts) or "0"
            return f"({sql})", [p for _, ps in parts for p in ps]
        if not self.is_field(right):
            self.fail(right, "`in` needs a list such as (1, 10), or text in a field")
        value = self.constant(left)
        if not isinstance(value, str):
            self.fail(left, 'only text can be in a field, such as "forest" in name')
        it = self.field(right)
        if it.text is None:
            self.fail(right, f"{it.shown} is a number")
        return f"coalesce(instr({it.text}, ?) > 0, 0)", [*it.parameters, value]

    def begins(self, node: ast.Call, owner: ast.expr, how: str) -> tuple[str, list[Any]]:
        it = self.field(owner)
        if len(node.args) != 1 or node.keywords or it.text is None:
            self.fail(node, f'write {it.shown}.{how}("text") of a field that is text')
        value = self.constant(node.args[0])
        if not isinstance(value, str):
            self.fail(node.args[0], "this must be text")
        cut = f"substr({it.text}, 1, ?)" if how == "startswith" else f"substr({it.text}, -?)"
        if not value:
            return f"({it.text} IS NOT NULL)", list(it.parameters)
        return f"coalesce({cut} = ?, 0)", [*it.parameters, len(value), value]

    # -- the two sides of a comparison

    def is_field(self, node: ast.AST) -> bool:
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name)

    def field(self, node: ast.expr) -> _Field:
        match node:
            case ast.Name(id=name):
                return self.plain(node, name)
            case ast.Call(func=ast.Attribute(value=owner, attr=("lower" | "upper") as how), args=[], keywords=[]):
                it = self.field(owner)
                if it.text is None:
                    self.fail(node, f"{it.shown} is a number and has no .{how}()")
                return _Field(node, f"{it.shown}.{how}()", None, f"py_{how}({it.text})", it.parameters)
            case ast.Call():
                self.fail(node, "only .lower(), .upper(), .startswith() and .endswith() can be called")
        names: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute | ast.Subscript):
            if isinstance(inner, ast.Attribute):
                names.insert(0, inner.attr)
            elif isinstance(inner.slice, ast.Constant) and isinstance(inner.slice.value, str):
                names.insert(0, inner.slice.value)
            else:
                self.fail(inner.slice, 'write the key in quotes, such as params["clf__C"]')
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self.fail(node, "this is not a field of a run")
        if inner.id not in GROUPS:
            if inner.id in FIELDS:
                self.fail(node, f"{inner.id} has no parts")
            raise self.unknown(inner, inner.id)
        return self.keyed(node, inner.id, ".".join(names))

    def keyed(self, node: ast.expr, group: str, key: str) -> _Field:
        table, shown = GROUPS[group], f"{group}.{key}"
        self.keys.append((group, key, self.column(node)))
        scalar = f"(SELECT {{}} FROM {table} WHERE run = r.num AND key = ?)"
        if group == "metrics":
            return _Field(node, shown, scalar.format("value"), None, (key,))
        if group == "tags":
            return _Field(node, shown, None, scalar.format("value"), (key,))
        return _Field(node, shown, scalar.format("number"), scalar.format("value"), (key,), value=scalar)

    def plain(self, node: ast.Name, name: str) -> _Field:
        if name in _TEXTS:
            return _Field(node, name, None, _TEXTS[name].format(status=self.status))
        if name in _NUMBERS:
            return _Field(node, name, _NUMBERS[name], None)
        if name in _TIMES:
            return _Field(node, name, _TIMES[name], None, is_time=True)
        if name in GROUPS:
            self.fail(node, f"{name} needs a key, such as {name}.X")
        raise self.unknown(node, name)

    def unknown(self, node: ast.AST, name: str) -> QueryError:
        near = difflib.get_close_matches(name, [*FIELDS, *GROUPS], 2, 0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        if name == "run_id":
            hint = "; did you mean id?"
        elif not near:
            hint = f"; did you mean metrics.{name}, params.{name} or tags.{name}?"
        return self.error(node, f"there is no field {name!r}{hint}")

    def constant(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                if isinstance(value, str):
                    try:
                        value.encode()
                    except UnicodeEncodeError:
                        self.fail(node, "this text has a lone surrogate")
                return value
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as value)):
                return -value if isinstance(sign, ast.USub) else value
        raise self.error(node, "only a number, a text in quotes, True, False or None can stand here")

    def moment(self, value: Any, node: ast.AST) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        try:
            moment = datetime.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(node, 'a time is written as "2026-01-31" or "2026-01-31 18:00" (UTC)')
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.timestamp()


def compile_where(text: str, status: str = "r.status") -> Condition:
    """The condition as SQL. `status` is the SQL expression for a run's status. Raises QueryError."""
    if not isinstance(text, str):
        raise QueryError(f"where= must be text, not {type(text).__name__}")
    # One line, so that one mark can point at any place.
    text = " ".join(text.splitlines()) if text.splitlines() else text
    compiler = _Compiler(text, status)
    if not text.strip():
        compiler.fail(0, "the condition is empty")
    if len(text) > _LONGEST:
        raise QueryError(f"the condition is longer than {_LONGEST} characters")
    tree = _parse(compiler, text)
    try:
        sql, parameters = compiler.condition(tree)
    except RecursionError:
        raise QueryError("the condition is nested too deeply") from None
    return Condition(sql, tuple(parameters), tuple(compiler.keys))


def _parse(compiler: _Compiler, text: str) -> ast.expr:
    lead = len(text) - len(text.lstrip())
    try:
        with guard.hushed():
            # Blanks in front would count as indentation; inside brackets they do not.
            tree = ast.parse(f"({text[lead:]}\n)", mode="eval").body
    except SyntaxError as error:
        at, problem = _diagnose(text, (error.offset or 1) - 2 + lead if error.lineno == 1 else len(text))
        compiler.fail(at, problem)
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        compiler.fail(0, f"this cannot be read ({guard.reason_of(error)})")
    for node in ast.walk(tree):
        if hasattr(node, "col_offset"):
            node.col_offset += lead - 1
    return tree


_VALUES = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)


def _diagnose(text: str, at: int) -> tuple[int, str]:
    """Where and why the text does not parse: the usual mistakes have their own words."""
    hints: dict[str, str] = {
        "=": "did you mean == ?",
        "&&": "write `and`",
        "||": "write `or`",
        "<>": "write !=",
        "!": "write `not`",
    }
    words: dict[str, str] = {
        "AND": "write `and` in lower case",
        "OR": "write `or` in lower case",
        "NOT": "write `not` in lower case",
        "IN": "write `in` in lower case",
        "LIKE": 'write "text" in field',
        "like": 'write "text" in field',
        "lambda": 'a key that is a Python keyword is written params["lambda"]',
        "class": 'a key that is a Python keyword is written params["class"]',
    }
    try:
        before, ended = "", 0  # `ended`: the kind of the token before, if a value may end with it
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if before + token.string == "<>":
                return token.start[1] - len(before), hints["<>"]
            before = token.string
            if token.string in hints and token.type in (tokenize.OP, tokenize.ERRORTOKEN):
                return token.start[1], hints[token.string]
            if token.string in words and token.type == tokenize.NAME:
                return token.start[1], words[token.string]
            value = token.type in _VALUES and not keyword.iskeyword(token.string)
            if ended and value and not ended == token.type == tokenize.STRING:
                # Python itself would point at the beginning of the brackets that this stands in.
                return token.start[1], "this cannot be read"
            ended = token.type if value or token.string in (")", "]", "True", "False", "None") else 0
    except (tokenize.TokenError, SyntaxError, IndentationError):
        pass
    return max(0, min(at, len(text))), "this cannot be read"


def show(text: str, at: int, problem: str) -> str:
    """The message: what is wrong, the text, a mark under the place, and what is allowed."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return f"where=: {problem}\n  {printable}\n  {' ' * at}^\n{_ALLOWED}"
