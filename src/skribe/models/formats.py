"""The formats that a model can be written in."""

from __future__ import annotations

import importlib.util
from typing import Final

from skribe.errors import ArgumentError

FORMATS: Final = ("cloudpickle", "pickle", "joblib", "skops")
FILES: Final = {"cloudpickle": "model.pkl", "pickle": "model.pkl", "joblib": "model.joblib", "skops": "model.skops"}
# What is to be installed where the file is read. What joblib reads here is a plain pickle, in a file that
# `joblib.load` opens too: MLflow opens nothing that holds arrays in joblib's own way.
NEEDED: Final = {"cloudpickle": ("cloudpickle",), "pickle": (), "joblib": ("joblib",), "skops": ("skops",)}
IN_MLFLOW: Final = {"cloudpickle": "cloudpickle", "pickle": "pickle", "joblib": "pickle", "skops": "skops"}


def check_format(name: str) -> None:
    """Raise `ArgumentError` unless models can be written in this format here."""
    if name not in FORMATS:
        known = ", ".join(map(repr, FORMATS))
        raise ArgumentError(f"serialization_format={name!r} is not known; it is one of {known}")
    if name == "skops" and importlib.util.find_spec("skops") is None:
        raise ArgumentError('serialization_format="skops" needs skops: pip install "skribe[skops]"')
