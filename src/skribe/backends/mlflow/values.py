"""Records as MLflow takes them: keys that it allows, values that fit, times in milliseconds."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from skribe.backends.mlflow.ambient import KERNEL, PREFIX
from skribe.records import Changes, Dataset, Failure, Metric, Start

KEY: Final = 250
VALUE_OF_PARAM: Final = 6000
OLD_VALUE_OF_PARAM: Final = 500
VALUE_OF_TAG: Final = 5000
_NOT_ALLOWED: Final = re.compile(r"[^/\w.\- ]")
STATUS: Final = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}

# numpy's and pandas' types as MLflow's schemas call them.
_TYPES: Final = (
    ("bool", "boolean"),
    ("int64", "long"),
    ("uint64", "long"),
    ("uint32", "long"),
    ("int", "integer"),
    ("uint", "integer"),
    ("float64", "double"),
    ("float", "float"),
    ("datetime", "datetime"),
    ("str", "string"),
    ("object", "string"),
    ("category", "string"),
)


def allowed(key: str) -> str:
    """The key, or one that MLflow takes and no other key becomes: what it forbids replaced, and a mark of the rest."""
    clean = _NOT_ALLOWED.sub("_", key)
    if posixpath.normpath(clean) != clean or clean.startswith(("..", "/")) or clean == ".":
        clean = clean.replace("/", "_").strip(".") or "_"
    if clean == key and len(key) <= KEY:
        return key
    return f"{clean[: KEY - 9]}_{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:8]}"


def shortened(text: str, most: int) -> str:
    """The text as it is, or its beginning and three points."""
    return text if len(text) <= most else text[: most - 3] + "..."


def milliseconds(seconds: float) -> int:
    """A time as MLflow has it."""
    return max(0, round(seconds * 1000))


def points(metrics: Iterable[Metric], otherwise: int) -> list[tuple[str, float, int, int]]:
    """Key, value, time and step of each; of what was replaced at one moment the last stays the latest."""
    found = []
    last: dict[tuple[str, int], int] = {}
    for metric in metrics:
        key, step = allowed(metric.key), metric.step or 0
        when = otherwise if metric.time is None else milliseconds(metric.time)
        # MLflow takes the greatest value of several with the same time and step.
        when = last[key, step] = max(when, last.get((key, step), -1) + 1)
        found.append((key, float(metric.value), when, step))
    return found


def tags_of(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags as they are handed on: without those that are a word to this backend."""
    return {
        allowed(key): shortened(str(value), VALUE_OF_TAG) for key, value in tags.items() if not key.startswith(PREFIX)
    }


def first_tags(run: str, start: Start, batch: str, source: str, parent: str) -> dict[str, str]:
    """What a run of ours has from its first moment, as MLflow's autologging sets it."""
    tags = {
        **_origin(source),
        "skribe.run_id": run,
        "skribe.kind": start.kind,
        "skribe.batch": batch,
    }
    if start.kind != "manual":
        tags["mlflow.autologging"] = "sklearn"
    if parent:
        tags["mlflow.parentRunId"] = parent
    if start.estimator_name:
        tags["estimator_name"] = start.estimator_name
    if start.estimator_class:
        tags["estimator_class"] = start.estimator_class
    return tags


def _origin(source: str) -> dict[str, str]:
    """Whose code it was, and which."""
    import getpass

    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "unknown"
    return {
        "mlflow.user": user,
        "mlflow.source.name": source or "<unknown>",
        # The kernel stands for a notebook whose name it does not know.
        "mlflow.source.type": "NOTEBOOK" if source.endswith((".ipynb", KERNEL)) else "LOCAL",
    }


def failure_tags(failure: Failure | None) -> dict[str, str]:
    """Why the run ended, where people look for it. Of a long traceback the end says most."""
    if failure is None:
        return {}
    text = failure.traceback
    return {
        "skribe.error": shortened(f"{failure.type}: {failure.message}", VALUE_OF_TAG),
        "skribe.traceback": text if len(text) <= VALUE_OF_TAG else "..." + text[-(VALUE_OF_TAG - 3) :],
    }


def about(whole: Changes) -> bytes | None:
    """The file skribe.json: what MLflow has no place for. None if there is nothing to say."""
    content: dict[str, Any] = {
        "facts": {fact.key: _loaded(fact.value, fact.type) for fact in whole.facts},
        "notes": [note._asdict() for note in whole.notes],
        "warnings": [warned._asdict() for warned in whole.warnings],
    }
    content = {key: value for key, value in content.items() if value}
    if not content:
        return None
    return json.dumps({"run": whole.run, **content}, indent=1, ensure_ascii=False, default=str).encode()


def _loaded(value: str, kind: str) -> Any:
    if kind in ("json", "int", "float"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def dataset_fields(dataset: Dataset, source: str = "") -> dict[str, str]:
    """Name, digest, schema, profile and source of a data set, as MLflow's own data sets describe themselves."""
    details = dict(dataset.details)
    columns = details.get("columns") or ()
    rows = dataset.shape[0] if dataset.shape else None
    size = 1
    for length in dataset.shape or ():
        size *= length
    profile: dict[str, Any] = {
        "num_rows": rows,
        "num_elements": size if dataset.shape else None,
        "kind": dataset.kind,
        "shape": list(dataset.shape) if dataset.shape else None,
        **{key: details[key] for key in ("missing", "memory_bytes", "dtype", "target") if key in details},
    }
    fields = {
        "name": shortened(dataset.name or "dataset", 500),
        "digest": (dataset.fingerprint or _digest_of(dataset))[:36],
        "source_type": "code",
        "source": json.dumps({"tags": _origin(source)}),
        "profile": json.dumps({key: value for key, value in profile.items() if value is not None}, default=str),
    }
    if columns:
        schema = [
            {"type": _type(str(pair[1])), "name": str(pair[0]), "required": True}
            for pair in columns
            if isinstance(pair, (list, tuple)) and len(pair) >= 2
        ]
        fields["schema"] = json.dumps({"mlflow_colspec": schema})
    elif dataset.shape:
        spec = {"dtype": str(details.get("dtype", "object")), "shape": [-1, *dataset.shape[1:]]}
        fields["schema"] = json.dumps(
            {"mlflow_tensorspec": {"features": json.dumps([_tensor(spec)]), "targets": None}}
        )
    if len(fields.get("schema", "")) > 1_000_000:
        del fields["schema"]
    return fields


def _tensor(spec: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": spec}


def _type(dtype: str) -> str:
    lower = dtype.lower()
    return next((name for start, name in _TYPES if lower.startswith(start)), "string")


def _digest_of(dataset: Dataset) -> str:
    return hashlib.sha256(repr((dataset.kind, dataset.shape, sorted(dataset.details))).encode()).hexdigest()[:8]
