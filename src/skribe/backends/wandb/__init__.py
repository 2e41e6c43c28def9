"""Weights & Biases as a replica. Importing this does not import wandb."""

from __future__ import annotations

from skribe.backends.wandb.backend import WandBBackend

__all__ = ["WandBBackend"]
