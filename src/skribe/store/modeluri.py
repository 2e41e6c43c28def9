"""The words by which people name a model: `runs:/…`, `models:/…`, or a path."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from skribe.errors import ArgumentError
from skribe.store.artifacts import confined
from skribe.store.names import LATEST, check_alias, check_name, number_in, stage_named

FORMS = """
  runs:/<run id or its beginning>           the model of a run
  runs:/<run id or its beginning>/<path>    another model of it, such as best_estimator
  models:/<name>/<version number>           a version of a registered model
  models:/<name>@<alias>                    the version with this alias
  models:/<name>/latest                     the highest version
  models:/<name>/<stage>                    the highest version in Staging, Production or Archived
  a path                                    a folder that holds a model"""
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class RunModel(NamedTuple):
    """A model of a run; `run` is its id or the beginning of it."""

    run: str
    path: str


class RegisteredModel(NamedTuple):
    """A version of a registered model; `which` is as `Query.resolve` takes it."""

    name: str
    which: int | str


class PathModel(NamedTuple):
    """A folder on this machine."""

    path: Path


def parse(uri: str | os.PathLike[str]) -> RunModel | RegisteredModel | PathModel:
    """What is meant. ArgumentError, which shows the accepted forms, if that cannot be told."""
    if not isinstance(uri, str):
        try:
            return PathModel(Path(uri))
        except TypeError:
            raise _wrong(uri, "it is neither a text nor a path") from None
    if not uri.strip():
        raise _wrong(uri, "it is empty")
    if "\0" in uri:
        raise _wrong(uri, "it contains the NUL character")
    if uri.startswith("runs:"):
        return _run_model(uri)
    if uri.startswith("models:"):
        return _registered_model(uri)
    if uri.startswith("file:/"):
        return PathModel(Path(url2pathname(urlsplit(uri).path)))
    if _ELSEWHERE.match(uri):
        raise _wrong(uri, "models are loaded from the store or from a folder only")
    return PathModel(Path(uri))


def _run_model(uri: str) -> RunModel:
    run, _, path = _after_scheme(uri, "runs:/").partition("/")
    try:
        return RunModel(run, confined(path.rstrip("/") or "model"))
    except ArgumentError as error:
        raise _wrong(uri, str(error)) from None


def _registered_model(uri: str) -> RegisteredModel:
    rest = _after_scheme(uri, "models:/").rstrip("/")
    try:
        if "@" in rest:
            name, _, alias = rest.partition("@")
            return RegisteredModel(check_name(name), f"@{check_alias(alias)}")
        name, slash, which = rest.partition("/")
        check_name(name)
    except ArgumentError as error:
        raise _wrong(uri, str(error)) from None
    if not slash:
        raise _wrong(uri, f"it does not say which version of {name!r}; the newest is models:/{name}/latest")
    if which.lower() == LATEST:
        return RegisteredModel(name, LATEST)
    found = number_in(which) or stage_named(which)
    if found is None:
        raise _wrong(uri, f"{which!r} is no version number and no stage; an alias is written models:/{name}@{which}")
    return RegisteredModel(name, found)


def _after_scheme(uri: str, scheme: str) -> str:
    rest = uri.removeprefix(scheme)
    if rest == uri or not rest or rest.startswith("/"):
        raise _wrong(uri, f"after {scheme} comes {'the id of a run' if scheme == 'runs:/' else 'a name'}")
    return rest


def _wrong(uri: object, problem: str) -> ArgumentError:
    return ArgumentError(f"{uri!r} does not name a model: {problem}. What can be written:{FORMS}")
