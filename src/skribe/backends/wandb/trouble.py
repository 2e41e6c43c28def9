"""What W&B raises, as what the shipper understands: later, never before somebody acts, or not at all."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skribe.backends.targets import without_secrets
from skribe.errors import Misconfigured, Unreachable
from skribe.guard import reason_of

_NOT_ALLOWED = re.compile(r"\b(401|403)\b|permission denied|unauthori[sz]ed|not logged in|no api key", re.IGNORECASE)
_NOT_THERE = re.compile(r"\b404\b|(entity|project|team).{0,80}not found", re.IGNORECASE)
LOGIN = "Run `wandb login`, or set the environment variable WANDB_API_KEY."


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what W&B raises in the block into `Unreachable` or `Misconfigured`; anything else passes."""
    import wandb

    try:
        yield
    except wandb.errors.AuthenticationError as error:
        raise Misconfigured(f"W&B does not accept the API key for {place}: {_said(error)}. {LOGIN}") from error
    except (wandb.errors.CommError, wandb.errors.UsageError) as error:
        said = _said(error)
        if _NOT_ALLOWED.search(said):
            raise Misconfigured(f"W&B does not let you write to {place}: {said}. {LOGIN}") from error
        if _NOT_THERE.search(said):
            raise Misconfigured(f"W&B does not know {place}: {said}. Name a project that is yours.") from error
        raise Unreachable(f"W&B does not take runs for {place} now: {said}") from error
    except (TimeoutError, ConnectionError) as error:
        raise Unreachable(f"W&B does not answer in time for {place}: {_said(error)}") from error


def check_reachable(url: str, seconds: float) -> None:
    """Raise `Unreachable` unless something answers there, whatever it says.

    W&B's own check of an API key says the same of a wrong key and of a server that is away.
    """
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=seconds):
            return
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500:
            raise Unreachable(f"W&B's server {without_secrets(url)} is in trouble: {error.code}") from None
    except (TimeoutError, urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(f"W&B's server {without_secrets(url)} cannot be reached: {reason}") from None


@contextmanager
def quiet(wandb: Any) -> Iterator[None]:
    """Keep what W&B prints of a login from the terminal; for a run its settings do that."""
    term = wandb.errors.term
    before = getattr(term, "_silent", None)
    if before is None:
        yield
        return
    term._silent = True
    try:
        yield
    finally:
        term._silent = before


def _said(error: Exception) -> str:
    return without_secrets(reason_of(error).partition(": ")[2] or reason_of(error)).rstrip(".")[:300]
