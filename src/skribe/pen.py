"""The pen: what a run can be given by hand."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skribe.capture.values import describe_value
from skribe.errors import ArgumentError
from skribe.modelled import make_room
from skribe.records import Artifact, Changes, Metric, Param
from skribe.session import current_settings, journal_of, query_of
from skribe.settings import checked_text
from skribe.store.admin import Admin
from skribe.store.artifacts import ArtifactStore


class Pen:
    """Adds to one run."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self._folder = folder
        self.id = run_id

    def log_param(self, key: str, value: Any) -> None:
        """Write down a parameter. The first value of a key stays."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Write down several parameters."""
        checked = _mapping("log_params", params)
        self._write(params=tuple(Param(key, *describe_value(value, key)) for key, value in checked.items()))

    def log_metric(self, key: str, value: float, step: int | None = None) -> None:
        """Write down a number; with a step it is a point of a curve."""
        self.log_metrics({key: value}, step)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write down several numbers."""
        if step is not None and (isinstance(step, bool) or not hasattr(step, "__index__")):
            raise ArgumentError(f"step={step!r}: a whole number, such as the number of the iteration, or None.")
        place, now = None if step is None else int(step), time.time()
        checked = _mapping("log_metrics", metrics)
        self._write(metrics=tuple(Metric(key, _number(key, value), place, now) for key, value in checked.items()))
        settings = current_settings()
        if settings.keep_models is not None and settings.keep_models.by in checked:
            make_room(settings, self._folder, query_of(self._folder).run_row(self.id).experiment, self.id)

    def set_tag(self, key: str, value: Any) -> None:
        """Put a tag on the run; a tag of the same key is replaced."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Put several tags on the run."""
        self._write(tags={key: str(value) for key, value in _mapping("set_tags", tags).items()})

    def delete_tag(self, key: str) -> None:
        """Take a tag off the run. NotFound if it has none of this key."""
        Admin(self._folder).delete_tag(self.id, key)

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Copy a file, or all files of a folder, to the run."""
        source = Path(path)
        if not source.exists():
            raise ArgumentError(f"log_artifact: there is no file or folder {str(source)!r}.")
        base = name or source.name
        files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
        self._keep(
            self._artifacts.put_file(self.id, base if file is source else f"{base}/{file.relative_to(source)}", file)
            for file in files
        )

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as a file of the run."""
        if not isinstance(text, str):
            raise ArgumentError(f"log_text takes a text, not {type(text).__name__}; log_dict takes dictionaries.")
        self._keep([self._artifacts.put_bytes(self.id, name, text.encode("utf-8", "surrogatepass"))])

    def log_dict(self, obj: Any, name: str) -> None:
        """Keep a dictionary or a list as a JSON file of the run."""
        try:
            text = json.dumps(obj, indent=2, ensure_ascii=False, default=_plain)
        except (TypeError, ValueError, RecursionError) as error:
            raise ArgumentError(f"log_dict: this cannot be written as JSON: {error}.") from None
        self.log_text(text, name)

    def log_figure(self, figure: Any, name: str) -> None:
        """Keep a figure as a file of the run; the ending of `name` says how: `.png`, `.svg`, `.pdf`, `.html`."""
        import io

        kind = Path(name).suffix.lower().lstrip(".")
        buffer = io.BytesIO()
        if kind == "html" and hasattr(figure, "to_html"):
            buffer.write(str(figure.to_html()).encode())
        elif hasattr(figure, "savefig") and kind:
            figure.savefig(buffer, format=kind)
        elif hasattr(figure, "to_image") and kind:
            buffer.write(figure.to_image(format=kind))
        else:
            raise ArgumentError(
                f"log_figure takes a matplotlib or plotly figure and a name with an ending such as 'roc.png', "
                f"not {type(figure).__name__} and {name!r}."
            )
        self._keep([self._artifacts.put_bytes(self.id, name, buffer.getvalue())])

    @property
    def _artifacts(self) -> ArtifactStore:
        return ArtifactStore(self._folder)

    def _write(self, **content: Any) -> None:
        journal_of(self._folder).write(Changes(run=self.id, **content))

    def _keep(self, artifacts: Any) -> None:
        kept: tuple[Artifact, ...] = tuple(artifacts)
        self._write(artifacts=kept)


def _mapping(verb: str, values: object) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise ArgumentError(f"{verb} takes a dictionary, not {type(values).__name__}.")
    for key in values:
        checked_text(f"a key given to {verb}", key)
    return values


def _number(key: str, value: Any) -> float:
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise ArgumentError(f"the metric {key!r} must be a number, not {value!r} ({type(value).__name__}).")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"the metric {key!r} must be a number, not {value!r}: {error}.") from None


def _plain(value: Any) -> Any:
    # numpy's numbers and arrays, and what behaves like them.
    return value.tolist() if hasattr(value, "tolist") else str(value)
