"""`Changes` as one line of JSON and back, exactly: the form in which records wait while the store cannot be written.

Only what is there is written. NaN and the infinities use Python's JSON tokens; text is UTF-8 in which a lone
surrogate passes as itself, because escaped it could melt together with its neighbour.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from skribe.records import (
    Artifact,
    Candidate,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Metric,
    Model,
    Note,
    Param,
    ProcessInfo,
    Registration,
    Result,
    Start,
    Table,
    Warned,
)

_MAX_TEXT = 100_000_000
_INT64 = 2**63
_SURROGATE = re.compile("[\ud800-\udfff]")
_LISTS: dict[str, Any] = {
    "params": Param,
    "metrics": Metric,
    "facts": Fact,
    "notes": Note,
    "warnings": Warned,
    "artifacts": Artifact,
    "candidates": Candidate,
    "results": Result,
    "tables": Table,
    "models": Model,
    "registered": Registration,
}


def encode(changes: Changes) -> bytes:
    """The line, without its line end. Raises what `json` raises if a data set's details are not JSON."""
    fields: dict[str, Any] = {"run": changes.run}
    for name in ("start", "name", "end"):
        value = getattr(changes, name)
        if value is not None:
            fields[name] = value
    for name in (*_LISTS, "datasets"):
        value = getattr(changes, name)
        if value:
            fields[name] = value
    if changes.tags:
        fields["tags"] = dict(changes.tags)
    for name in ("erased", "wanted"):
        if getattr(changes, name):
            fields[name] = getattr(changes, name)
    return _dump(fields)


def decode(line: bytes) -> Changes:
    """The `Changes` that `encode` was given. Raises ValueError or TypeError if this is no such line."""
    fields: dict[str, Any] = json.loads(line.decode("utf-8", "surrogatepass"))
    if not isinstance(fields, dict):
        raise ValueError("not a record")
    for name, kind in _LISTS.items():
        if name in fields:
            fields[name] = tuple(kind(*values) for values in fields[name])
    if "start" in fields:
        fields["start"] = Start(*fields["start"])
    if "end" in fields:
        status, time, wall, cpu, failure, *began = fields["end"]
        fields["end"] = End(status, time, wall, cpu, None if failure is None else Failure(*failure), *began)
    if "datasets" in fields:
        fields["datasets"] = tuple(
            Dataset(role, name, kind, None if shape is None else tuple(shape), fingerprint, details)
            for role, name, kind, shape, fingerprint, details in fields["datasets"]
        )
    for name in ("erased", "wanted"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return Changes(**fields)


def encode_process(process: ProcessInfo) -> bytes:
    """The process, in the same form."""
    return _dump({"process": process._replace(environment=dict(process.environment))})


def decode_process(line: bytes) -> ProcessInfo:
    """The process that `encode_process` was given."""
    return ProcessInfo(*json.loads(line.decode("utf-8", "surrogatepass"))["process"])


def json_text(value: Any) -> str:
    """JSON for a column of the store, of whatever the caller put into its details."""
    return _encode(value)


def _dump(fields: dict[str, Any]) -> bytes:
    return json_text(fields).encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    """What `json` does not know: NumPy's scalars and arrays become Python's, mappings dicts, the rest its text."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    convert = getattr(value, "tolist", None)
    return convert() if callable(convert) else str(value)


# One encoder for all: `json.dumps` would make a new one for each value.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode


def sound(changes: Changes) -> Changes:
    """The same as far as the database can hold it: lone surrogates escaped, over-long texts cut, types as promised.

    Only for records that the database has refused.
    """
    return Changes(
        run=_text(changes.run),
        start=None if changes.start is None else Start(*map(_cell, changes.start)),
        name=None if changes.name is None else _text(changes.name),
        params=tuple(
            Param(_text(p.key), _text(p.value), _text(p.type), p.is_default)  # type: ignore[arg-type]
            for p in changes.params
        ),
        metrics=tuple(Metric(_text(m.key), float(m.value), *map(_cell, m[2:])) for m in changes.metrics),
        tags={_text(key): _text(value) for key, value in changes.tags.items()},
        facts=tuple(Fact(_text(fact.key), _text(fact.value), fact.type) for fact in changes.facts),
        notes=tuple(Note(*map(_text, note)) for note in changes.notes),
        warnings=tuple(Warned(*map(_cell, warned)) for warned in changes.warnings),
        datasets=tuple(_sound_dataset(dataset) for dataset in changes.datasets),
        artifacts=tuple(Artifact(*map(_cell, artifact)) for artifact in changes.artifacts),
        candidates=tuple(
            c._replace(name=_text(c.name), params=_sound_json(c.params), resources=_cell(c.resources))
            for c in changes.candidates
        ),
        results=tuple(r._replace(body=_sound_json(r.body)) for r in changes.results),
        tables=tuple(Table(_text(t.name), _text(t.data), _sound_json(t.body)) for t in changes.tables),
        models=tuple(Model(*map(_cell, model)) for model in changes.models),
        registered=tuple(Registration(*map(_text, one)) for one in changes.registered),
        erased=changes.erased,
        wanted=changes.wanted,
        end=None if changes.end is None else _sound_end(changes.end),
    )


def _sound_dataset(dataset: Dataset) -> Dataset:
    return dataset._replace(
        role=_text(dataset.role),
        name=_cell(dataset.name),
        kind=_text(dataset.kind),
        fingerprint=_cell(dataset.fingerprint),
        details=_sound_json(dataset.details),
    )


def _sound_json(value: Any) -> Any:
    try:
        # Escaped twice: once would bring the surrogate back when the JSON is read.
        return json.loads(_SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", json_text(value)))
    except (ValueError, TypeError, RecursionError) as error:
        return {"lost": f"the details are not JSON: {_text(error)}"}


def _sound_end(end: End) -> End:
    failure = None if end.failure is None else Failure(*map(_text, end.failure))
    return end._replace(time=_cell(end.time), wall=_cell(end.wall), cpu=_cell(end.cpu), failure=failure)


def _text(value: object) -> str:
    return str(value)[:_MAX_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, float):
        return None if value is None else float(value)
    if isinstance(value, bool):
        return value
    if hasattr(value, "__index__"):
        return max(-_INT64, min(int(value), _INT64 - 1))
    return _text(value)
