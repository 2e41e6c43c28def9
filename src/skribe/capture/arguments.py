"""What a fit was given: its data, and how many rows they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def data_of(arguments: Mapping[str, Any]) -> tuple[Any, Any]:
    """X and y among the arguments of a fit, as far as their names tell; y also where a fit takes nothing else."""
    X = next((arguments[name] for name in ("X", "x", "data", "features") if name in arguments), None)
    y = next((arguments[name] for name in ("y", "Y", "target", "labels") if name in arguments), None)
    return X, y


def rows_of(X: Any) -> int | None:
    """How many rows X has, if it says so."""
    shape = getattr(X, "shape", None)
    try:
        if shape is not None:
            return int(shape[0])
        return len(X) if isinstance(X, list | tuple) else None
    except (TypeError, IndexError, ValueError):
        return None


def class_balance(labels: Any) -> dict[str, Any]:
    """How often each class occurs, for the description of a data set."""
    shown = {str(name): int(count) for name, count in zip(labels.classes[:100], labels.counts[:100], strict=True)}
    return {"n_classes": len(labels.classes), "class_counts": shown}
