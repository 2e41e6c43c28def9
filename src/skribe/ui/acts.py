"""What can be changed from the page. Each change answers with the sentence that says what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skribe.errors import ArgumentError, StoreError
from skribe.store.admin import Admin
from skribe.store.registry import Registry
from skribe.store.values import storable

Act = Callable[[Path, "Given"], str]
LONGEST = 1_000_000  # bytes of a request


class Waiting(str):
    """What will be done, and has not been done yet."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What came with the request."""

    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise ArgumentError(f"{self.fields['do']} needs {name!r}, a text.")
        return value

    def number(self, name: str) -> int:
        """A whole number that must be there."""
        value = self.fields.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:20])
        if isinstance(value, bool) or not isinstance(value, int) or not isinstance(storable(value), int):
            raise ArgumentError(f"{self.fields['do']} needs {name!r}, a whole number.")
        return value

    def version(self) -> int | None:
        """The version that is meant, where it may be left out."""
        return None if self.fields.get("version") in (None, "") else self.number("version")


def do(folder: Path, fields: Any) -> str:
    """Do what was asked for. ArgumentError if it is not understood, or NotFound and others from the store."""
    if not isinstance(fields, dict) or not isinstance(fields.get("do"), str):
        raise ArgumentError('A change is an object such as {"do": "delete_run", "id": "…"}.')
    act = _ACTS.get(fields["do"])
    if act is None:
        raise ArgumentError(f"There is no change {fields['do'][:100]!r}: use one of {', '.join(_ACTS)}.")
    return act(folder, Given(fields))


# -- runs and experiments


def _delete_run(folder: Path, given: Given) -> str:
    run = Admin(folder).delete_run(given.text("id"))
    return f"Run {run[-8:]} is in the trash."


def _restore_run(folder: Path, given: Given) -> str:
    run = Admin(folder).restore_run(given.text("id"))
    return f"Run {run[-8:]} is back."


def _set_tag(folder: Path, given: Given) -> str:
    from skribe.tagging import set_tag

    try:
        run = set_tag(folder, given.text("id"), given.text("key"), given.text("value"))
    except StoreError as error:
        if type(error) is not StoreError or error.__cause__ is not None:
            raise  # the store cannot even be read
        return Waiting(
            f"The tag {_short(given.text('key'))} is kept, and is written as soon as the store can be written to."
        )
    return f"Run {run[-8:]} has the tag {_short(given.text('key'))}."


def _delete_tag(folder: Path, given: Given) -> str:
    run = Admin(folder).delete_tag(given.text("id"), given.text("key"))
    return f"Run {run[-8:]} no longer has the tag {_short(given.text('key'))}."


def _rename_experiment(folder: Path, given: Given) -> str:
    Admin(folder).rename_experiment(given.text("name"), given.text("new"))
    return f"{_short(given.text('name'))} is now called {_short(given.text('new'))}."


def _delete_experiment(folder: Path, given: Given) -> str:
    Admin(folder).delete_experiment(given.text("name"))
    return f"The experiment {_short(given.text('name'))} is in the trash."


def _restore_experiment(folder: Path, given: Given) -> str:
    Admin(folder).restore_experiment(given.text("name"))
    return f"The experiment {_short(given.text('name'))} is back."


# -- models


def _register(folder: Path, given: Given) -> str:
    path = given.text("path") if given.fields.get("path") is not None else "model"
    row = Registry(folder).register(given.text("name"), given.text("id"), path)
    return f"It is version {row.version} of {_short(row.name)}."


def _describe_model(folder: Path, given: Given) -> str:
    Registry(folder).describe(given.text("name"), given.text("text"), given.version())
    return f"The description of {_meant(given)} is saved."


def _tag_model(folder: Path, given: Given) -> str:
    Registry(folder).set_tag(given.text("name"), given.text("key"), given.text("value"), given.version())
    return f"{_meant(given)} has the tag {_short(given.text('key'))}."


def _untag_model(folder: Path, given: Given) -> str:
    Registry(folder).delete_tag(given.text("name"), given.text("key"), given.version())
    return f"{_meant(given)} no longer has the tag {_short(given.text('key'))}."


def _set_alias(folder: Path, given: Given) -> str:
    row = Registry(folder).set_alias(given.text("name"), given.text("alias"), given.number("version"))
    return f"@{_short(given.text('alias'))} now means version {row.version} of {_short(row.name)}."


def _delete_alias(folder: Path, given: Given) -> str:
    Registry(folder).delete_alias(given.text("name"), given.text("alias"))
    return f"{_short(given.text('name'))} no longer has the alias @{_short(given.text('alias'))}."


def _set_stage(folder: Path, given: Given) -> str:
    stage = given.fields.get("stage")
    row = Registry(folder).set_stage(
        given.text("name"), given.number("version"), given.text("stage") if stage else None
    )
    return f"Version {row.version} of {_short(row.name)} is in the stage {row.stage}."


def _rename_model(folder: Path, given: Given) -> str:
    Registry(folder).rename(given.text("name"), given.text("new"))
    return f"{_short(given.text('name'))} is now called {_short(given.text('new'))}."


def _delete_model(folder: Path, given: Given) -> str:
    Registry(folder).delete(given.text("name"))
    return f"The model {_short(given.text('name'))} is in the trash."


def _restore_model(folder: Path, given: Given) -> str:
    Registry(folder).restore(given.text("name"))
    return f"The model {_short(given.text('name'))} is back."


def _delete_version(folder: Path, given: Given) -> str:
    number = Registry(folder).delete_version(given.text("name"), given.number("version"))
    return f"Version {number} of {_short(given.text('name'))} is in the trash."


def _restore_version(folder: Path, given: Given) -> str:
    row = Registry(folder).restore_version(given.text("name"), given.number("version"))
    return f"Version {row.version} of {_short(row.name)} is back."


_ACTS: Mapping[str, Act] = {
    "delete_run": _delete_run,
    "restore_run": _restore_run,
    "set_tag": _set_tag,
    "delete_tag": _delete_tag,
    "rename_experiment": _rename_experiment,
    "delete_experiment": _delete_experiment,
    "restore_experiment": _restore_experiment,
    "register": _register,
    "describe_model": _describe_model,
    "tag_model": _tag_model,
    "untag_model": _untag_model,
    "set_alias": _set_alias,
    "delete_alias": _delete_alias,
    "set_stage": _set_stage,
    "rename_model": _rename_model,
    "delete_model": _delete_model,
    "restore_model": _restore_model,
    "delete_version": _delete_version,
    "restore_version": _restore_version,
}


def _meant(given: Given) -> str:
    version, name = given.version(), _short(given.text("name"))
    return name if version is None else f"version {version} of {name}"


def _short(text: str) -> str:
    """A name as it can stand in a sentence."""
    text = " ".join(text.split())
    return f"“{text if len(text) <= 60 else text[:59] + '…'}”"
