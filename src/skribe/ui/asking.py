"""What a request asks for, read from its address."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request

from skribe.errors import ArgumentError
from skribe.store.where import GROUPS
from skribe.ui.answers import PAGE, Asked

_YES = frozenset({"1", "true", "yes"})
_MANY = 200


def asked_runs(request: Request) -> Asked:
    """Which runs, in which order."""
    args = request.query_params
    return Asked(
        experiment=args.get("experiment") or None,
        where=args.get("where") or None,
        kind=tuple(filter(None, args.getlist("kind"))),
        status=tuple(filter(None, args.getlist("status"))),
        sort=args.get("sort") or None,
        ascending=yes(request, "ascending"),
        offset=_number(request, "offset", 0),
        limit=_number(request, "limit", PAGE),
        columns=tuple(several(request, "column")),
        children=yes(request, "children"),
        parent=args.get("parent") or None,
        deleted=yes(request, "deleted"),
    )


def asked_table(request: Request) -> Asked:
    """The same for the page of the table, whose address also names columns that every run has."""
    asked = asked_runs(request)
    return replace(
        asked, columns=tuple(name for name in asked.columns if name.partition(".")[0] in GROUPS and "." in name)
    )


def several(request: Request, name: str) -> list[str]:
    """All the values of this name, each once."""
    found = list(dict.fromkeys(filter(None, request.query_params.getlist(name))))
    if len(found) > _MANY:
        raise ArgumentError(f"{len(found)} times {name}= is too often: {_MANY} at most.")
    return found


def one(request: Request, name: str) -> str:
    """A value that must be there."""
    found = request.query_params.get(name)
    if not found:
        raise ArgumentError(f"the address lacks {name}=")
    return found


def yes(request: Request, name: str) -> bool:
    """Whether the address says so."""
    return request.query_params.get(name, "").lower() in _YES


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name)
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ArgumentError(f"{name}={text[:40]!r} must be a whole number, 0 or more")
    return int(text)
