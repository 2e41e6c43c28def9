"""A fitted estimator and the folder that it is kept in, in MLflow's layout. What is not asked for is not loaded."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from skribe.models.errors import NotSaved, TooLarge
    from skribe.models.example import Example, example_of
    from skribe.models.files import File
    from skribe.models.formats import FORMATS, check_format
    from skribe.models.loading import load, load_path
    from skribe.models.saving import Saved, save
    from skribe.models.signature import Signature, signature_of

__all__ = [
    "FORMATS",
    "Example",
    "File",
    "NotSaved",
    "Saved",
    "Signature",
    "TooLarge",
    "check_format",
    "example_of",
    "load",
    "load_path",
    "save",
    "signature_of",
]

_HOMES: Final = {
    "errors": ("NotSaved", "TooLarge"),
    "example": ("Example", "example_of"),
    "files": ("File",),
    "formats": ("FORMATS", "check_format"),
    "loading": ("load", "load_path"),
    "saving": ("Saved", "save"),
    "signature": ("Signature", "signature_of"),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
