"""A run of MLflow's in our words: pure, from its entities to records."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, cast, get_args

from skribe.exchange.layout import RUN_ID
from skribe.records import Dataset, End, Kind, Metric, Param, Start, Status, ValueType

RUN_ID_TAG = "mlflow.run_id"
_OWN_ID_TAG, _OWN_KIND_TAG = "skribe.run_id", "skribe.kind"
_PARENT = "mlflow.parentRunId"
# What MLflow and skribe call the experiment that nobody has named.
_DEFAULT, _DEFAULT_HERE = "Default", "default"
# Told elsewhere in our records, or of no use beyond MLflow.
_NOT_TAGS = frozenset({_PARENT, "mlflow.runName", "mlflow.log-model.history"})
_STATUS: dict[str, Status] = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}
_ROLES = {"train": "training", "training": "training", "eval": "test", "test": "test", "validation": "test"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.ASCII)
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,300})", re.ASCII)
_MOST_TEXT = 100_000


def local_id(run_id: str, start: int) -> str:
    """The id that a run of MLflow's has here: always the same, and sorting by its start like ours."""
    tail = int.from_bytes(hashlib.sha256(f"mlflow:{run_id}".encode()).digest()[:10], "big")
    moment = min(max(int(start), 0), (1 << 48) - 1)
    bits = (moment << 80) | (0x7 << 76) | ((tail >> 62 & 0xFFF) << 64) | (0b10 << 62) | (tail & ((1 << 62) - 1))
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def own_id(tags: Mapping[str, str]) -> str | None:
    """The id here of a run that skribe itself has sent to MLflow; None of any other."""
    told = tags.get(_OWN_ID_TAG, "")
    return told if RUN_ID.fullmatch(told) else None


def parent_of(tags: Mapping[str, str]) -> str | None:
    """MLflow's id of the run that this one is inside of."""
    return tags.get(_PARENT)


def start_of(run: Any, experiment: str, parent: str | None, parent_kind: str | None) -> Start:
    """The start. `parent` is the parent's id here."""
    tags = run.data.tags
    moment = (run.info.start_time or 0) / 1000
    name = text(run.info.run_name or tags.get("mlflow.runName") or run.info.run_id[:8])
    kind = kind_of(run, parent_kind)
    words = (tags.get("estimator_name"), tags.get("estimator_class"))
    where = _DEFAULT_HERE if experiment == _DEFAULT else text(experiment)
    return Start(where, name, kind, moment, parent, *(None if word is None else text(word) for word in words))


def kind_of(run: Any, parent_kind: str | None) -> Kind:
    """What kind of run it was, as far as MLflow tells, or as skribe has told it."""
    for kind in get_args(Kind):
        if own_id(run.data.tags) is not None and run.data.tags.get(_OWN_KIND_TAG) == kind:
            return cast("Kind", kind)
    if "best_cv_score" in run.data.metrics or any(key.startswith("best_") for key in run.data.params):
        return "search"
    if parent_kind == "search":
        return "candidate"
    return "fit" if "estimator_name" in run.data.tags else "manual"


def end_of(run: Any) -> End | None:
    """The end; None of a run that goes on."""
    status = _STATUS.get(run.info.status)
    if status is None:
        return None
    start = run.info.start_time or 0
    end = run.info.end_time if run.info.end_time is not None else start
    return End(status, end / 1000, max(0.0, (end - start) / 1000))


def params_of(run: Any) -> tuple[Param, ...]:
    """The parameters. MLflow keeps texts: what reads as a value of Python is one again."""
    return tuple(Param(text(key), text(value), type_of(value)) for key, value in sorted(run.data.params.items()))


def type_of(value: str) -> ValueType:
    """The type of which this is the text."""
    if value == "None":
        return "none"
    if value in ("True", "False"):
        return "bool"
    if _WHOLE.fullmatch(value):
        return "int"
    return "float" if _NUMBER.fullmatch(value) and not value.lstrip("+-").isdigit() else "str"


def metrics_of(histories: Iterable[Iterable[Any]]) -> tuple[Metric, ...]:
    """All values of all metrics, so that the last one of each is the one that MLflow shows.

    MLflow's step is 0 for who has given none.
    """
    found = []
    for history in histories:
        points = sorted(history, key=lambda point: (point.step, point.timestamp, _orderly(point.value)))
        stepped = any(point.step for point in points)
        for point in points:
            step = int(point.step) if stepped else None
            found.append(Metric(text(point.key), float(point.value), step, point.timestamp / 1000))
    return tuple(dict.fromkeys(found))


def tags_of(run: Any) -> dict[str, str]:
    """The tags, and MLflow's id of the run."""
    tags = {text(key): text(value) for key, value in run.data.tags.items() if key not in _NOT_TAGS}
    return {**tags, RUN_ID_TAG: run.info.run_id}


def datasets_of(run: Any) -> tuple[Dataset, ...]:
    """The data sets. Where they came from stays behind: it can be an address with a password."""
    found = []
    for given in run.inputs.dataset_inputs if run.inputs is not None else ():
        context = {tag.key: tag.value for tag in given.tags}.get("mlflow.data.context", "")
        data = given.dataset
        profile = _json(data.profile)
        details = {"schema": _json(data.schema), "profile": profile, "digest": data.digest, "source": data.source_type}
        known = {key: value for key, value in details.items() if value is not None}
        role = _ROLES.get(context, text(context) or "training")
        print_ = None if data.digest is None else f"mlflow:{text(data.digest)}"
        found.append(Dataset(role, text(data.name), "mlflow", _shape(profile), print_, known))
    return tuple(found)


def text(value: object) -> str:
    """The text as a store can hold it."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _shape(profile: Any) -> tuple[int, ...] | None:
    if not isinstance(profile, dict):
        return None
    by_part: defaultdict[str, Any] = defaultdict(lambda: None, profile)
    shape = by_part["features_shape"] or by_part["shape"]
    if isinstance(shape, dict):
        shape = next(iter(shape.values()), None)
    if isinstance(shape, list) and all(isinstance(each, int) for each in shape):
        return tuple(shape)
    rows, elements = by_part["num_rows"], by_part["num_elements"]
    if isinstance(rows, int) and isinstance(elements, int) and rows > 0 and elements % rows == 0:
        return (rows, elements // rows)
    return (rows,) if isinstance(rows, int) else None


def _json(raw: str | None) -> Any:
    if not raw:
        return None
    try:
        return json.loads(text(raw))
    except (ValueError, RecursionError):
        return text(raw)[:_MOST_TEXT]


def _orderly(value: float) -> float:
    return -math.inf if math.isnan(value) else value
