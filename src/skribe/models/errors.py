"""What can be wrong with a model that is written or read."""

from __future__ import annotations

from skribe.errors import SkribeError


class ModelRefused(SkribeError):  # noqa: N818 - reads as what became of it
    """Loading the model could execute code that nobody has vouched for. The message names it, and how to vouch."""


class ModelAltered(SkribeError):  # noqa: N818 - reads as what became of it
    """A file of the model is missing, or is not the one that was written. The message names it."""


class ModelTooNew(SkribeError):  # noqa: N818 - reads as what became of it
    """The model was written by a later version of skribe."""


class ModelUnreadable(SkribeError):  # noqa: N818 - reads as what became of it
    """The model cannot be built here: its file is not in its format, or something that it needs is missing."""


class NotSaved(Exception):  # noqa: N818 - reads as what became of the model
    """The model cannot be written. `reason` says why; `culprit` is the part of it that is to blame, if one is."""

    def __init__(self, reason: str, culprit: str | None = None) -> None:
        super().__init__(f"{culprit}: {reason}" if culprit else reason)
        self.reason = reason
        self.culprit = culprit


class TooLarge(NotSaved):
    """The model is larger than it may be."""
