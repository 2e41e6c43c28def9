"""Which names a registered model, its aliases and its stages may have: `models:/name/3` must stay readable."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from skribe.errors import ArgumentError

STAGES = ("None", "Staging", "Production", "Archived")
LATEST = "latest"
_LONGEST = 250
_VERSION = re.compile(r"v?[0-9]+", re.IGNORECASE | re.ASCII)


def name_problem(name: object) -> str | None:
    """Why this cannot be the name of a registered model; None if it can."""
    if not isinstance(name, str) or not name.strip():
        return "it is empty"
    if any(sign in name for sign in "/@:"):
        return "`/`, `@` and `:` are not allowed, because models:/name/3 and models:/name@alias could not be read"
    return _text_problem(name)


def check_name(name: object) -> str:
    """The name; ArgumentError if no registered model can have it."""
    problem = name_problem(name)
    if problem:
        raise ArgumentError(f"{name!r} cannot be the name of a registered model: {problem}")
    return str(name)


def check_alias(alias: object) -> str:
    """The alias; ArgumentError if it could be taken for something else."""
    problem = None
    if not isinstance(alias, str) or not alias.strip():
        problem = "it is empty"
    elif any(sign in alias for sign in "/@:"):
        problem = "`/`, `@` and `:` are not allowed, because models:/name@alias could not be read"
    elif alias.lower() == LATEST:
        problem = "`latest` is always the highest version"
    elif _VERSION.fullmatch(alias):
        problem = "it would be taken for a version number"
    else:
        problem = _text_problem(alias)
    if problem:
        raise ArgumentError(f"{alias!r} cannot be an alias: {problem}")
    return str(alias)


def stage_named(text: str) -> str | None:
    """The stage as it is written, whatever the case; None if there is no such stage."""
    return next((stage for stage in STAGES if stage.lower() == text.lower()), None)


def check_stage(stage: object) -> str:
    """The stage as it is written; ArgumentError if there is no such stage."""
    found = stage_named("None" if stage is None else str(stage))
    if found is None:
        raise ArgumentError(f"there is no stage {stage!r}; the stages are {', '.join(STAGES)}")
    return found


def check_text(what: str, text: object, *, empty: bool = True) -> str:
    """The text; ArgumentError if the store cannot hold it. `what` names it in the message."""
    if not isinstance(text, str) or not (text.strip() or empty):
        raise ArgumentError(f"{what} must be a text{'' if empty else ' that is not empty'}, not {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{what} {text!r} cannot be stored: it has a lone surrogate") from None
    return text


def number_in(text: str) -> int | None:
    """The version number in `3` or `v3`; None if it is neither."""
    return int(text.lower().removeprefix("v")) if _VERSION.fullmatch(text) and len(text) < 19 else None


def among(what: str, wanted: str, there: Iterable[str]) -> str:
    """For the end of a message: what there is instead, and what may have been meant."""
    names = list(there)
    if not names:
        return f"; there are no {what}"
    close = difflib.get_close_matches(wanted, names, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ";"
    more = ", …" if len(names) > 10 else ""
    return f"{meant} {what}: {', '.join(names[:10])}{more}"


def _text_problem(text: str) -> str | None:
    if len(text) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    if any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in text):
        return "it has control characters"
    if text != text.strip():
        return "it begins or ends with a space"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it has a lone surrogate"
    return None
