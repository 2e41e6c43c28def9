"""Where runs go besides the local store: the protocol that a backend keeps to, our own backends, and how to name one.

    skribe.autolog(backend="mlflow:http://localhost:5000")
    skribe.autolog(backend=skribe.backends.MLflow(address="http://localhost:5000", plots=False))

docs/backends.md has more of it.
"""

from __future__ import annotations

from skribe.backends.protocol import Backend, Capabilities, Outbox
from skribe.backends.targets import Local, MLflow, Target, WandB
from skribe.errors import (
    BackendError,
    BackendInvalid,
    BackendMissing,
    Misconfigured,
    Refused,
    Unreachable,
)

__all__ = [
    "Backend",
    "BackendError",
    "BackendInvalid",
    "BackendMissing",
    "Capabilities",
    "Local",
    "MLflow",
    "Misconfigured",
    "Outbox",
    "Refused",
    "Target",
    "Unreachable",
    "WandB",
]
