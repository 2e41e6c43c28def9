"""Writing a fitted estimator into a folder that skribe and MLflow can load it from."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from skribe.guard import attempt, hushed, pass_on, reason_of
from skribe.models.code import Code, code_of, project_of
from skribe.models.culprit import culprit_of
from skribe.models.errors import NotSaved, TooLarge
from skribe.models.example import Example
from skribe.models.files import File, Sink, write_file
from skribe.models.formats import FILES, IN_MLFLOW, check_format
from skribe.models.manifest import to_yaml
from skribe.models.pickling import References, write
from skribe.models.requirements import files_of, pinned, requirements_of
from skribe.models.signature import Signature
from skribe.records import Note

NUMBER: Final = 1  # of the layout that is written here; a later one gets the next number
# The version of MLflow whose layout this is.
_LAYOUT: Final = "3.17.2"
_AT_TOP: Final = frozenset({"artifact_path", "model_id", "model_uuid", "run_id", "utc_time_created"})
_TRANSFORMER: Final = "skribe_transformer"
# MLflow's own loader answers nothing but `predict`. It is asked for the model, and the model to transform.
_TRANSFORMER_CODE: Final = b'''"""Lets MLflow serve a model that transforms and does not predict."""

import mlflow.sklearn


class Transformer:
    def __init__(self, model):
        self.model = model

    def get_raw_model(self):
        return self.model

    def predict(self, data, params=None):
        result = self.model.transform(data)
        return result.toarray() if hasattr(result, "toarray") else result


def _load_pyfunc(path):
    return Transformer(mlflow.sklearn._load_pyfunc(path).get_raw_model())
'''


class Saved(NamedTuple):
    """A model that was written."""

    files: tuple[File, ...]
    file: str
    format: str
    size: int
    digest: str
    requirements: tuple[str, ...]
    notes: tuple[Note, ...]


def save(
    folder: Path,
    estimator: Any,
    *,
    format: str = "cloudpickle",  # noqa: A002 - the name that the setting has everywhere
    signature: Signature | None = None,
    example: Example | None = None,
    limit: int | None = None,
    metadata: Mapping[str, Any] | None = None,
    project: Path | None = None,
    is_secret: Callable[[str], bool] = lambda _name: False,
) -> Saved:
    """Write the estimator and all that describes it into an empty folder.

    Raises `NotSaved` if the estimator cannot be written, and `TooLarge` as soon as its file exceeds `limit` bytes;
    the folder is empty again then. `metadata` goes into the file `MLmodel`. The user's own modules that the model
    needs are saved with it if they lie in the `project`, by default the repository or folder of the process. A
    model whose code takes along a global variable of a name that `is_secret` is not saved.
    """
    check_format(format)
    try:
        saved, variables = _save(Path(folder), estimator, format, signature, example, limit, metadata or {}, project)
        if secret := next(filter(is_secret, variables), None):
            raise NotSaved(f"its code takes along the global variable {secret}, which holds a secret by its name")
        return saved
    except BaseException:
        _empty(folder)
        raise


def _save(
    folder: Path,
    estimator: Any,
    kind: str,
    signature: Signature | None,
    example: Example | None,
    limit: int | None,
    metadata: Mapping[str, Any],
    project: Path | None,
) -> tuple[Saved, list[str]]:
    model, references = _write_model(folder, estimator, kind, limit)
    if lost := next((name for name in _untrusted(references) if not _can_be_found(name)), None):
        raise NotSaved(f"a {lost} cannot be built again from a skops file", _culprit_of_type(estimator, lost))
    code = code_of(references.modules, project or project_of(os.getcwd()))
    files = [model, *_write_code(folder, code)]
    predicts = not _only_transforms(estimator)
    if not predicts:
        files.append(_write_below(folder, f"code/{_TRANSFORMER}.py", _TRANSFORMER_CODE))
    requirements = requirements_of(code.installed, kind)
    texts = files_of(requirements)
    files.append(write_file(folder, "requirements.txt", texts.requirements))
    files.append(write_file(folder, "python_env.yaml", texts.python_env))
    files.append(write_file(folder, "conda.yaml", texts.conda))
    if example is not None:
        files.append(write_file(folder, "input_example.json", example.data.encode()))
        files.append(write_file(folder, "serving_input_example.json", example.serving.encode()))
    content = _manifest(estimator, kind, files, signature, example, predicts, metadata, references)
    files.append(write_file(folder, "MLmodel", to_yaml(content).encode()))
    notes = (*code.notes, *_notes(references, kind))
    saved = Saved(tuple(files), model.name, kind, model.size, model.digest, requirements, notes)
    return saved, sorted(references.variables) if kind == "cloudpickle" else []


def _only_transforms(estimator: Any) -> bool:
    try:
        with hushed():
            return not hasattr(estimator, "predict") and hasattr(estimator, "transform")
    except Exception:  # noqa: BLE001 - what an attribute costs or raises is up to the user's class
        return False


def _write_model(folder: Path, estimator: Any, kind: str, limit: int | None) -> tuple[File, References]:
    sink = Sink(folder / FILES[kind], limit)
    try:
        references = write(estimator, sink, kind)
        return File(FILES[kind], sink.size, sink.digest()), references
    except (KeyboardInterrupt, GeneratorExit, TooLarge):
        raise
    except BaseException as error:  # The user's objects may raise anything when they are asked.
        pass_on(error)
        if error is sink.trouble:
            raise
        reason = error.reason if isinstance(error, NotSaved) else reason_of(error)
        # Where memory has run out, looking for the part would run out of it again.
        culprit, told = (None, None) if isinstance(error, MemoryError) else _culprit(estimator, kind, reason)
        raise NotSaved(told or reason, culprit) from error
    finally:
        sink.close()


_culprits: dict[tuple[Any, ...], tuple[str | None, str | None]] = {}


def _culprit(estimator: Any, kind: str, reason: str) -> tuple[str | None, str | None]:
    """As `culprit_of`, looked for once for each make of estimator and reason: it takes up to a second."""
    parts = attempt("parts", [], lambda: list(estimator.get_params().items())) or ()
    made = tuple((name, f"{type(part).__module__}.{type(part).__qualname__}") for name, part in parts)
    cls = type(estimator)
    key = f"{cls.__module__}.{cls.__qualname__}", made, kind, reason
    if key not in _culprits:
        if len(_culprits) > 200:
            _culprits.clear()
        _culprits[key] = culprit_of(estimator, kind)
    return _culprits[key]


def _write_code(folder: Path, code: Code) -> list[File]:
    written = []
    for name, path in code.files:
        with open(path, "rb") as file:
            written.append(_write_below(folder, f"code/{name}", file.read()))
    return written


def _write_below(folder: Path, name: str, content: bytes) -> File:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    return write_file(folder, name, content)


def _notes(references: References, kind: str) -> list[Note]:
    notes = []
    if kind != "cloudpickle" and references.interactive:
        names = ", ".join(sorted(references.interactive))
        notes.append(
            Note("model code", f"{names} is defined in __main__: in the format {kind} the model loads only in there")
        )
    if kind == "cloudpickle" and references.variables:
        names = ", ".join(sorted(references.variables))
        notes.append(Note("model code", f"the model holds the global variables that its functions use: {names}"))
    if named := _untrusted(references):
        notes.append(Note("model types", f"to load the model, name trusted={named!r}"))
    return notes


def _can_be_found(name: str) -> bool:
    """Whether a type is found under its name, as skops will look for it."""
    module, _, attribute = name.rpartition(".")
    return hasattr(sys.modules.get(module), attribute)


def _culprit_of_type(estimator: Any, name: str) -> str | None:
    """Which attribute of which step is of this type."""
    steps = getattr(estimator, "steps", None) or [(type(estimator).__name__, estimator)]
    for step, part in steps:
        for attribute, value in (getattr(part, "__dict__", None) or {}).items():
            if f"{type(value).__module__}.{type(value).__qualname__}" == name:
                return f"{step}.{attribute}"
    return None


def _untrusted(references: References) -> list[str]:
    """The types of a skops file that are not on our list."""
    if not references.types:
        return []
    from skribe.models.audit import asks_for

    return asks_for(references.types)


def _empty(folder: Path) -> None:
    for place, inner, names in os.walk(folder, topdown=False):
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(place, name))
        for name in inner:
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(place, name))


def _manifest(
    estimator: Any,
    kind: str,
    files: list[File],
    signature: Signature | None,
    example: Example | None,
    predicts: bool,
    metadata: Mapping[str, Any],
    references: References,
) -> dict[str, Any]:
    import skribe

    # MLflow asks the file itself what to trust: what our own reader trusts anyway, and no type of the user's.
    trusted = sorted(references.types - set(_untrusted(references)))
    code = "code" if any(file.name.startswith("code/") for file in files) else None
    content: dict[str, Any] = {
        "flavors": {
            "python_function": {
                "code": code,
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.sklearn" if predicts else _TRANSFORMER,
                "model_path": FILES[kind],
                "predict_fn": "predict",
                "python_version": platform.python_version(),
            },
            "sklearn": {
                "code": code,
                "pickled_model": FILES[kind],
                "serialization_format": IN_MLFLOW[kind],
                "sklearn_version": (pinned("sklearn") or "").partition("==")[2],
                "skops_trusted_types": trusted or None,
            },
        },
        "mlflow_version": _LAYOUT,
        "model_size_bytes": sum(file.size for file in files),
        "model_uuid": uuid.uuid4().hex,
        "utc_time_created": _now(),
        "skribe": {
            "format": NUMBER,
            "skribe_version": skribe.__version__,
            "estimator_class": f"{type(estimator).__module__}.{type(estimator).__qualname__}",
            "serialization_format": kind,
        },
    }
    if signature is not None:
        content["signature"] = {"inputs": signature.inputs, "outputs": signature.outputs, "params": None}
    if example is not None:
        content["saved_input_example_info"] = example.info
    content.update((key, value) for key, value in metadata.items() if key in _AT_TOP)
    if rest := {key: value for key, value in metadata.items() if key not in _AT_TOP}:
        content["metadata"] = rest
    return content


def _now() -> str:
    now = time.time()
    year, month, day, hour, minute, second = time.gmtime(now)[:6]
    return f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{int(now % 1 * 1e6):06}"
