"""MLflow: everything that is recorded, on a tracking server, where `mlflow.sklearn.autolog` would have put it."""

from __future__ import annotations

from skribe.backends.mlflow.backend import MLflowBackend
from skribe.backends.mlflow.known import run_id_of

__all__ = ["MLflowBackend", "run_id_of"]
