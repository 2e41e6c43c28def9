"""By which name the user's code calls a value, found in the frames that are running."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

_LIBRARY = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
# Frames of these modules only pass a call on: who made it is above them.
_PASS_ON = frozenset({
    "sklearn.metrics._scorer", "sklearn.utils._param_validation", "sklearn.utils._available_if",
})  # fmt: skip
# So many frames are looked at, and so many variables in each.
_DEEP, _WIDE = 30, 20_000
# Before Python 3.13 the variables of a function are shown as a copy that stays with its frame.
_SNAPSHOTS = sys.version_info < (3, 13)
_users: dict[CodeType, bool] = {}


def caller_of(frame: FrameType | None) -> FrameType | None:
    """The frame from which a function of scikit-learn was called; None if scikit-learn itself did it."""
    while frame is not None and frame.f_globals.get("__name__") in _PASS_ON:
        frame = frame.f_back
    if frame is None or str(frame.f_globals.get("__name__", "")).startswith("sklearn."):
        return None
    return frame


def names_of(values: tuple[Any, ...], frame: FrameType | None) -> list[str | None]:
    """The name of each value in the outermost frame of the user's that has one; None for a value without."""
    found: list[str | None] = [None] * len(values)
    wanted = {id(value): place for place, value in enumerate(values) if value is not None}
    modules: list[dict[str, Any]] = []
    for _ in range(_DEEP):
        if frame is None or not wanted or not _is_the_users(frame.f_code):
            break
        if all(frame.f_globals is not known for known in modules):
            modules.append(frame.f_globals)
        if frame.f_code.co_name == "<module>":
            break
        held = frame.f_locals
        _look(held, wanted, found)
        if _SNAPSHOTS and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            held.clear()  # a copy, which would keep all of it alive until the function is over
        frame = frame.f_back
    for held in modules:
        _look(held, wanted, found)
    return found


def _look(held: Mapping[str, Any], wanted: Mapping[int, int], found: list[str | None]) -> None:
    seen = set()
    if len(held) > _WIDE:
        return
    for name, value in list(held.items()):
        place = wanted.get(id(value))
        if place is not None and place not in seen and not name.startswith(("_", ".")):
            found[place] = name
            seen.add(place)


def _is_the_users(code: CodeType) -> bool:
    known = _users.get(code)
    if known is None:
        if len(_users) > 10_000:
            _users.clear()
        known = _users[code] = _is_outside_of_libraries(code.co_filename)
    return known


def _is_outside_of_libraries(filename: str) -> bool:
    if filename.startswith("<"):  # typed in, or made by `exec`; Python's own frozen modules are no user's
        return not filename.startswith("<frozen")
    if any(part in filename for part in _PACKAGES):
        return False
    return not os.path.realpath(filename).startswith(_LIBRARY)
