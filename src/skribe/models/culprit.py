"""Finding the part of a model that cannot be written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from skribe.guard import pass_on, reason_of
from skribe.models.pickling import Nowhere, write

_SECONDS: Final = 1.0
_TRIES: Final = 300
_DEPTH: Final = 12
_PLAIN: Final = (str, bytes, int, float, complex, bool, type(None))


def culprit_of(estimator: Any, kind: str) -> tuple[str | None, str | None]:
    """Where in the estimator the part is that cannot be written, and what it raises; None where it cannot be told."""
    search = _Search(kind)
    path, reason, value = "", None, estimator
    seen: set[int] = {id(estimator)}
    for _ in range(_DEPTH):
        for step, part in _parts(value):
            if id(part) in seen or isinstance(part, _PLAIN):
                continue
            seen.add(id(part))
            found = search.trouble_with(part)
            if found is not None:
                path, reason, value = path + step, found, part
                break
        else:
            break
    return path.lstrip(".") or None, reason


class _Search:
    """A bounded number of attempts."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._tries = 0
        self._until = time.monotonic() + _SECONDS

    def trouble_with(self, part: Any) -> str | None:
        if self._tries >= _TRIES or time.monotonic() > self._until:
            return None
        self._tries += 1
        try:
            write(part, Nowhere(), self._kind)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - the user's objects may raise anything when they are asked
            pass_on(error)
            return reason_of(error)
        return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value is made of, each part with how it is reached."""
    if isinstance(value, dict):
        for key, part in list(value.items()):
            yield f"[{key!r}]" + _kind_of(part), part
    elif isinstance(value, (list, tuple, set, frozenset)):
        for number, part in enumerate(list(value)):
            if isinstance(part, tuple) and len(part) >= 2 and isinstance(part[0], str):
                # The steps of pipelines and their like have names.
                for inner in part[1:]:
                    yield f"[{part[0]!r}]" + _kind_of(inner), inner
            else:
                yield f"[{number}]" + _kind_of(part), part
    else:
        try:
            attributes = dict(vars(value))
        except Exception:  # noqa: BLE001 - an object may hide its attributes, or have none
            return
        for name, part in attributes.items():
            yield f".{name}" + _kind_of(part), part


def _kind_of(part: Any) -> str:
    return f" ({type(part).__name__})" if hasattr(part, "__dict__") and hasattr(part, "get_params") else ""
