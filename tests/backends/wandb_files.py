"""Reads what W&B has written down offline: the records of a `.wandb` file, and a run as they add up to one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skribe.backends.wandb.log import records
from skribe.testing import Seen


@dataclass
class WrittenRun:
    """A run as `wandb sync` would send it."""

    folder: Path
    record: Any = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[Any] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    exit_code: int | None = None

    def points(self) -> dict[str, list[tuple[int, float]]]:
        found: dict[str, list[tuple[int, float]]] = {}
        for row in self.history:
            for key, value in row.items():
                if not key.startswith("_") and key != "skribe/step" and not isinstance(value, dict):
                    found.setdefault(key, []).append((row["skribe/step"], number(value)))
        return found


def runs_in(folder: Path) -> list[WrittenRun]:
    """The runs in W&B's folder, one for each file."""
    return [read_run(path) for path in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]


def read_run(path: Path) -> WrittenRun:
    from wandb.proto import wandb_internal_pb2 as pb

    run = WrittenRun(path.parent)
    for data in records(path):
        record = pb.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run.record = record.run
            apply(run.config, record.run.config.update)
        elif kind == "config":
            apply(run.config, record.config.update)
        elif kind == "summary":
            apply(run.summary, record.summary.update)
        elif kind == "history":
            row: dict[str, Any] = {}
            apply(row, record.history.item)
            run.history.append(row)
        elif kind == "artifact":
            run.artifacts.append(record.artifact)
        elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
            run.artifacts.append(record.request.log_artifact.artifact)
        elif kind == "files":
            run.files += [one.path for one in record.files.files]
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def apply(into: dict[str, Any], items: Any) -> None:
    for item in items:
        *outer, last = list(item.nested_key) or [item.key]
        place = into
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = json.loads(item.value_json)


def number(value: Any) -> float:
    """What W&B writes of a number that JSON has no word for."""
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return words[value] if isinstance(value, str) else float(value)


def seen_of(run: WrittenRun) -> Seen:
    own = run.config["skribe"]
    params = {key: str(value) for key, value in run.config.items() if key not in ("skribe", "_wandb")}
    metrics = {
        key: number(value)
        for key, value in run.summary.items()
        if not key.startswith("_") and (not isinstance(value, str) or value in ("NaN", "Infinity", "-Infinity"))
        if value is not None and not isinstance(value, dict)
    }
    files = [path.removeprefix("skribe/") for path in run.files if path.startswith("skribe/")]
    for artifact in run.artifacts:
        if artifact.type == "model":
            name = artifact.name[: -len(own["run"]) - 1]
            files += [f"{name}/{entry.path}" for entry in artifact.manifest.contents]
    return Seen(
        name=run.record.display_name,
        status=own["status"],
        parent=own["parent"] or "",
        params=params,
        metrics=metrics,
        tags=own["tags"],
        history=run.points(),
        files=files,
    )
