"""Whether a record that somebody else has written has the form that it must have, before any of it is stored."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from skribe.errors import ArgumentError
from skribe.exchange.layout import RUN_ID
from skribe.records import Changes, ProcessInfo
from skribe.store import codec
from skribe.store.artifacts import confined

_INT64 = 2**63
# Between these a date can be shown.
_EARLIEST, _LATEST = -1e10, 1e11


def check(changes: Changes) -> Changes:
    """The same; ValueError that says what is wrong with it."""
    for name, hint in _hints(Changes).items():
        _fits(getattr(changes, name), hint, name)
    # What the database cannot hold: text that is no text.
    codec.encode(changes).decode("utf-8")
    if changes.start is None:
        raise ValueError("a run without a start")
    for run in (changes.run, changes.start.parent, *(candidate.run for candidate in changes.candidates)):
        if run is not None and not RUN_ID.fullmatch(run):
            raise ValueError(f"{run!r} is not the id of a run")
    for path in (*(artifact.path for artifact in changes.artifacts), *(model.path for model in changes.models)):
        check_path(path)
    for moment in (changes.start.time, 0 if changes.end is None else changes.end.time):
        if not _EARLIEST < moment < _LATEST:
            raise ValueError(f"{moment!r} is no moment")
    if changes.erased or changes.wanted or changes.name is not None:
        raise ValueError("it is more than a run")
    return changes


def check_process(process: ProcessInfo) -> ProcessInfo:
    """The same; ValueError that says what is wrong with it."""
    _fits(process, ProcessInfo, "process")
    codec.encode_process(process).decode("utf-8")
    return process


def check_path(path: str) -> str:
    """The path of a file of a run; ValueError if it could lead elsewhere."""
    try:
        clean = confined(path)
    except ArgumentError as error:
        raise ValueError(str(error)) from None
    if clean != path:
        raise ValueError(f"the path {path!r} must be written {clean!r}")
    return path


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _fits(value: Any, hint: Any, where: str) -> None:
    """Raise ValueError unless the value is what the annotation says, as far as JSON can say it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return
    if origin in (typing.Union, types.UnionType):
        _fits_one(value, inner, where)
    elif origin is typing.Literal:
        _must(type(value) is str and value in inner, value, where)
    elif origin is tuple:
        _must(isinstance(value, (tuple, list)), value, where)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        _must(len(kinds) == len(value), value, where)
        for each, kind in zip(value, kinds, strict=True):
            _fits(each, kind, where)
    elif origin is not None and issubclass(origin, Mapping):
        _must(isinstance(value, Mapping), value, where)
        for key, each in value.items():
            _fits(key, inner[0], where)
            _fits(each, inner[1], f"{where}.{key}")
    elif hasattr(hint, "_fields"):
        _must(type(value) is hint, value, where)
        for name, kind in _hints(hint).items():
            _fits(getattr(value, name), kind, f"{where}.{name}")
    elif hint is float:
        _must(type(value) is float or (type(value) is int and abs(value) < _INT64), value, where)
    elif hint is int:
        _must(type(value) is int and -_INT64 <= value < _INT64, value, where)
    else:
        _must(type(value) is hint, value, where)


def _fits_one(value: Any, kinds: tuple[Any, ...], where: str) -> None:
    for kind in kinds:
        if kind is type(None):
            if value is None:
                return
            continue
        try:
            _fits(value, kind, where)
        except ValueError:
            continue
        return
    _must(False, value, where)


def _must(fits: bool, value: Any, where: str) -> None:
    if not fits:
        raise ValueError(f"{where} cannot be {str(value)[:60]!r}")
