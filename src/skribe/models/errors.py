"""What can be wrong with a model that is to be written. What can be wrong with one that is read: `skribe.errors`."""

from __future__ import annotations


class NotSaved(Exception):  # noqa: N818 - reads as what became of the model
    """The model cannot be written. `reason` says why; `culprit` is the part of it that is to blame, if one is."""

    def __init__(self, reason: str, culprit: str | None = None) -> None:
        super().__init__(f"{culprit}: {reason}" if culprit else reason)
        self.reason = reason
        self.culprit = culprit


class TooLarge(NotSaved):
    """The model is larger than it may be."""
