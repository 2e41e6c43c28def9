"""One remark on a search."""

from __future__ import annotations

from typing import NamedTuple


class Advice(NamedTuple):
    """A remark: its kind, what it says, and the parameters and candidates that it is about.

    Kinds are `failed`, `edge`, `no_effect`, `faster` (the faster candidate, then the best) and `overfit`.
    """

    kind: str
    text: str
    params: tuple[str, ...]
    candidates: tuple[int, ...]
