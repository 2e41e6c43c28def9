"""Building a model from a folder, after everything that will be used has been checked."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from skribe.errors import ArgumentError, ModelAltered, ModelRefused, ModelTooNew, ModelUnreadable, NotFound
from skribe.guard import reason_of
from skribe.models.bundle import importable
from skribe.models.formats import FORMATS
from skribe.models.manifest import from_yaml
from skribe.models.saving import NUMBER

_CHUNK: Final = 1 << 20


def load(
    folder: Path,
    *,
    format: str,  # noqa: A002 - the name that the setting has everywhere
    file: str,
    expected: Mapping[str, str] | None,
    trusted: bool | Iterable[str] = False,
) -> Any:
    """Build the model that is in a folder.

    `expected` are the digests of its files as the store wrote them down; a file that is not as it was written is
    an error before anything of it is executed. Without them nobody knows who wrote the files: a pickle is refused
    unless `trusted=True`, a skops file unless all its types are known to be harmless or are named in `trusted`.

    Modules that were saved beside the model can be imported while it is built. A module of the same name that this
    process has imported already is used as it is; nothing is put on `sys.path`.
    """
    if isinstance(trusted, str):
        raise ArgumentError(f"trusted={trusted!r} is one text; write trusted=[{trusted!r}]")
    trusted = trusted if isinstance(trusted, bool) else frozenset(trusted)
    root = Path(os.path.realpath(folder))
    if format not in FORMATS:
        raise ModelRefused(f"the model's format {format!r} is not known; it may be {', '.join(FORMATS)}")
    _check_number(root, expected)
    if format != "skops" and expected is None and trusted is not True:
        raise ModelRefused(
            f"{file} is a pickle that this store did not write; building it can execute any code. "
            "If you trust whoever wrote it, say trusted=True"
        )
    with open(_inside(root, file), "rb") as opened:
        if expected is not None:
            _compare(file, _digest_of(opened), expected)
        # The code of an unknown writer's is executed only for who trusts all of it.
        code = _code_of(root, expected) if expected is not None or trusted is True else {}
        with importable(root / "code", code):
            return _build(opened, format, file, trusted, expected is not None)


def load_path(folder: Path, *, trusted: bool | Iterable[str] = False) -> Any:
    """Build the model of any folder with an `MLmodel` file, MLflow's own included; nobody has vouched for it."""
    folder = Path(folder)
    told = _read_manifest(folder)
    if told is None:
        raise NotFound(f"there is no MLmodel file in {folder}")
    flavors = told.get("flavors")
    flavor = flavors.get("sklearn") if isinstance(flavors, dict) else None
    if not isinstance(flavor, dict) or not isinstance(flavor.get("pickled_model"), str):
        raise ModelRefused(f"the MLmodel file in {folder} names no scikit-learn model")
    kind = flavor.get("serialization_format", "pickle")
    return load(folder, format=str(kind), file=flavor["pickled_model"], expected=None, trusted=trusted)


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    try:
        path = _inside(Path(os.path.realpath(folder)), "MLmodel")
        return from_yaml(path.read_text(encoding="utf-8"))
    except ModelAltered:
        return None
    except UnicodeDecodeError:
        raise ModelRefused(f"the MLmodel file in {folder} is no text") from None


def _check_number(root: Path, expected: Mapping[str, str] | None) -> None:
    """Raise if the folder was written by a later skribe, or its MLmodel is not as it was written."""
    if expected is not None and "MLmodel" in expected:
        with open(_inside(root, "MLmodel"), "rb") as opened:
            _compare("MLmodel", _digest_of(opened), expected)
    told = (_read_manifest(root) or {}).get("skribe")
    number = told.get("format") if isinstance(told, dict) else None
    if number is not None and number != NUMBER:
        raise ModelTooNew(
            f"the model in {root} has the format number {number!r}; this skribe reads {NUMBER}: pip install -U skribe"
        )


def _inside(root: Path, name: str) -> Path:
    """The path of a file of the model's; an error if it leads out of the folder or is not there."""
    path = Path(os.path.realpath(root / name))
    if not path.is_relative_to(root) or path == root:
        raise ModelRefused(f"{name!r} leads out of the model's folder {root}")
    if not path.is_file():
        raise ModelAltered(f"the model's file {name!r} is not in {root}")
    return path


def _digest_of(opened: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := opened.read(_CHUNK):
        digest.update(chunk)
    opened.seek(0)
    return f"sha256:{digest.hexdigest()}"


def _compare(name: str, digest: str, expected: Mapping[str, str]) -> None:
    if name not in expected:
        raise ModelAltered(f"{name!r} lies with the model and was not written with it")
    if digest != expected[name]:
        raise ModelAltered(f"{name!r} of the model is not as it was written: its content has another digest")


def _code_of(root: Path, expected: Mapping[str, str] | None) -> dict[str, bytes]:
    """The model's own modules, by their name below `code/`, as they will be executed."""
    contents: dict[str, bytes] = {}
    names = _python_files(root) if expected is None else [name for name in expected if name.startswith("code/")]
    for name in sorted(names):
        content = _inside(root, name).read_bytes()
        if expected is not None:
            _compare(name, f"sha256:{hashlib.sha256(content).hexdigest()}", expected)
        contents[name.removeprefix("code/")] = content
    return contents


def _python_files(root: Path) -> Iterator[str]:
    for folder, _inner, names in os.walk(root / "code"):
        for name in names:
            if name.endswith(".py"):
                yield (Path(folder) / name).relative_to(root).as_posix()


def _build(opened: BinaryIO, kind: str, name: str, trusted: bool | frozenset[str], ours: bool) -> Any:
    try:
        if kind == "skops":
            from skribe.models import audit

            return audit.build(opened, name, trusted, ours)
        return pickle.load(opened)
    except ModelRefused:
        raise
    except Exception as error:
        raise ModelUnreadable(
            f"the model in {name} cannot be built here: {reason_of(error)}. "
            "Its requirements.txt says what it was written with"
        ) from error
