"""Registered names in an archive: the versions keep their numbers where these are free."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from skribe.errors import ArgumentError
from skribe.store.codec import json_text
from skribe.store.keptrows import append_version
from skribe.store.names import check_alias, check_name, check_stage, check_text
from skribe.store.query import Query

Execute = Callable[..., Any]


def registered_lines(query: Query, runs: set[str]) -> Iterator[bytes]:
    """A line for each registered name that has versions among the models of these runs."""
    for name in query.registered_names():
        versions = [version for version in query.versions(name) if version.run in runs]
        if not versions:
            continue
        about = query.registered(name)
        told = {
            "name": name,
            "description": about.description,
            "tags": about.tags,
            "versions": [
                {
                    "version": version.version,
                    "run": version.run,
                    "path": version.path,
                    "digest": version.digest,
                    "stage": version.stage,
                    "description": version.description,
                    "created": version.created,
                    "aliases": version.aliases,
                    "tags": version.tags,
                }
                for version in versions
            ],
        }
        yield json_text(told).encode()


def checked(told: Any) -> dict[str, Any]:
    """The line, if it is one that `registered_lines` could have written; else ValueError."""
    try:
        check_name(told["name"])
        _check_words(told)
        for version in told["versions"]:
            _check_words(version)
            check_stage(version["stage"])
            for alias in version["aliases"]:
                check_alias(alias)
            for key in ("run", "path", "digest"):
                check_text(key, version[key])
            if type(version["version"]) is not int or not 0 < version["version"] < 2**53:
                raise ValueError(f"{version['version']!r} is not the number of a version")
            if not isinstance(version["created"], (int, float)) or not 0 <= version["created"] < 1e11:
                raise ValueError(f"{version['created']!r} is no moment")
    except ArgumentError as error:
        raise ValueError(str(error)) from None
    return dict(told)


def _check_words(told: Any) -> None:
    if told["description"] is not None:
        check_text("a description", told["description"])
    for key, value in told["tags"].items():
        check_text("a tag's name", key, empty=False)
        check_text("a tag", value)


def register(execute: Execute, told: dict[str, Any]) -> list[str]:
    """Write what a line tells into the registry, as far as it is not there. What comes back says what is different.

    The caller has begun a transaction, and the runs are there. Numbers, aliases and words that are here stay.
    """
    name, remarks = told["name"], []
    number = _registered(execute, told)
    for version in told["versions"]:
        place = (version["run"], version["path"], version["digest"])
        kept = execute(
            "SELECT r.num FROM model m JOIN run r ON r.num = m.run WHERE r.id = ? AND m.path = ? AND m.digest = ?"
            " AND m.removed IS NULL",
            place,
        ).fetchone()
        if kept is None:
            remarks.append(f"version {version['version']} of {name!r} was left out: its model is another one here")
            continue
        there = execute(
            "SELECT version, deleted FROM version WHERE registered = ? AND run = ? AND path = ? AND digest = ?"
            " ORDER BY deleted IS NOT NULL, version DESC",
            (number, *place),
        ).fetchone()
        if there is None:
            found = _append(execute, number, kept[0], name, version)
            if found != version["version"]:
                remarks.append(f"version {version['version']} of {name!r} is version {found} here")
        elif there[1] is not None:
            continue  # somebody has deleted it here
        else:
            found = int(there[0])
        _write_words(execute, number, found, version)
    return remarks


def _registered(execute: Execute, told: dict[str, Any]) -> int:
    row = execute("SELECT id FROM registered WHERE name = ? AND deleted IS NULL", (told["name"],)).fetchone()
    if row is None:
        (last,) = execute("SELECT coalesce(max(last), 0) FROM registered WHERE name = ?", (told["name"],)).fetchone()
        sql = "INSERT INTO registered (name, description, last, created) VALUES (?, ?, ?, ?)"
        number = execute(sql, (told["name"], told["description"], last, time.time())).lastrowid
    else:
        number = row[0]
        sql = "UPDATE registered SET description = ? WHERE id = ? AND description IS NULL"
        execute(sql, (told["description"], number))
    for tag in told["tags"].items():
        execute("INSERT OR IGNORE INTO registered_tag VALUES (?, ?, ?)", (number, *tag))
    return int(number)


def _append(execute: Execute, number: int, run: int, name: str, version: dict[str, Any]) -> int:
    """Add the version, under its own number if that was never given here."""
    wanted = version["version"]
    (last,) = execute("SELECT last FROM registered WHERE id = ?", (number,)).fetchone()
    taken = execute(
        "SELECT 1 FROM version v JOIN registered g ON g.id = v.registered WHERE g.name = ? AND v.version = ?",
        (name, wanted),
    ).fetchone()
    if taken is None:
        execute("UPDATE registered SET last = ? WHERE id = ?", (wanted - 1, number))
    journal = execute("INSERT INTO journal (run, time) VALUES (?, ?)", (run, time.time()))
    _, found = append_version(
        execute, name, version["run"], version["path"], version["digest"], int(journal.lastrowid)
    )
    execute("UPDATE registered SET last = max(last, ?) WHERE id = ?", (last, number))
    execute(
        "UPDATE version SET stage = ?, created = ? WHERE registered = ? AND version = ?",
        (check_stage(version["stage"]), version["created"], number, found),
    )
    return found


def _write_words(execute: Execute, number: int, found: int, version: dict[str, Any]) -> None:
    execute(
        "UPDATE version SET description = ? WHERE registered = ? AND version = ? AND description IS NULL",
        (version["description"], number, found),
    )
    for alias in version["aliases"]:
        execute("INSERT OR IGNORE INTO alias VALUES (?, ?, ?)", (number, alias, found))
    for key, value in version["tags"].items():
        execute("INSERT OR IGNORE INTO version_tag VALUES (?, ?, ?, ?)", (number, found, key, value))
