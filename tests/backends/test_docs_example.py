"""The backend in docs/backends.md is a whole one, and keeps to the contract."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import skribe.backends
from skribe.backends.registry import checked
from skribe.testing import Sender, TestOutbox, a_run

TEXT = (Path(__file__).parent.parent.parent / "docs" / "backends.md").read_text(encoding="utf-8")
BACKEND, CONTRACT = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
_names: dict[str, object] = {"__name__": __name__}
exec(compile(BACKEND, "docs/backends.md", "exec"), _names)
exec(compile(CONTRACT, "docs/backends.md", "exec"), _names)
JSONLines, TestJSONLines = _names["JSONLines"], _names["TestJSONLines"]


def test_it_is_short_enough_to_be_read():
    assert BACKEND.count("\n") < 60


def test_the_registry_takes_it(tmp_path):
    assert checked(JSONLines(tmp_path / "runs.jsonl"), "the example")


def test_a_damaged_disk_is_told_as_unreachable(tmp_path):
    backend = JSONLines(tmp_path / "not there" / "runs.jsonl")
    outbox = TestOutbox(tmp_path)
    backend.open(outbox)
    with pytest.raises(skribe.backends.Unreachable, match="cannot be written"):
        Sender(backend, outbox).send(a_run())


def test_every_option_of_our_backends_is_in_the_table():
    for kind in (skribe.backends.MLflow, skribe.backends.WandB, skribe.backends.Local):
        (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{kind.backend}` |")]
        for field in fields(kind):
            assert field.name == "address" or f"`{field.name}`" in row, (kind, field.name)
