"""What went wrong, and what to do next, as a page and as JSON say it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from skribe.errors import (
    Ambiguous,
    ArgumentError,
    NotFound,
    QueryError,
    SkribeError,
    StoreDamaged,
    StoreError,
    StoreTooNew,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is not what was asked for."""

    code: int
    headline: str
    detail: str
    todo: str
    at: int | None = None  # the column of a query at which it stops making sense


def problem_of(error: Exception) -> Problem:
    """What the reader is told of an error."""
    detail = str(error)
    match error:
        case QueryError():
            said, at = place_in(error)
            return Problem(400, "This search cannot be understood", said, "Change the search, or clear it.", at)
        case NotFound():
            return Problem(
                404, "There is nothing here", detail, "It may have been deleted since: look into the list of runs."
            )
        case Ambiguous():
            return Problem(409, "This means more than one run", detail, "Use more digits of the id.")
        case StoreTooNew():
            return Problem(
                503, "This store is newer than skribe", detail, "Install the latest skribe: pip install -U skribe"
            )
        case StoreDamaged():
            return Problem(
                503,
                "The store cannot be read",
                detail,
                "Nothing was changed. Check that the folder is the right one, or move the file away: skribe then"
                " begins a new store.",
            )
        case StoreError():
            return Problem(503, "The store cannot be used just now", detail, "Try again in a moment: reload the page.")
        case ArgumentError() | SkribeError():
            return Problem(400, "This cannot be done", detail, "Go back, change what was asked for, and try again.")
    return Problem(
        500,
        "The page has failed",
        f"{type(error).__qualname__}: {detail}" if detail else type(error).__qualname__,
        "Your runs are not affected. The terminal of `skribe ui` has the details; please report them to skribe.",
    )


def problem_of_status(code: int, path: str) -> Problem:
    """What the reader is told where no page answers."""
    if code == 404:
        return Problem(404, "There is no such page", f"Nothing is at {path[:300]}.", "Go to the list of experiments.")
    phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else "Error"
    return Problem(code, phrase, f"{path[:300]} does not answer to this.", "Go to the list of experiments.")


def place_in(error: QueryError) -> tuple[str, int | None]:
    """What is wrong with a `where=`, and at which column; None if its message has no mark."""
    lines = str(error).split("\n")
    said = lines[0].removeprefix("where=: ")
    for line in lines[2:3]:
        if line.strip() == "^":
            return said, len(line) - len("  ^")
    return said, None
