"""What an address of the W&B backend means."""

from __future__ import annotations

import pytest

import skribe
import skribe.backends
from skribe.backends.wandb import WandBBackend
from skribe.backends.wandb.place import place_of, resolve
from skribe.errors import ArgumentError, BackendMissing


def test_without_anything_it_is_the_project_skribe():
    assert resolve("") == "skribe"


def test_the_environment_names_entity_and_project(monkeypatch):
    monkeypatch.setenv("WANDB_ENTITY", "team")
    monkeypatch.setenv("WANDB_PROJECT", "churn")
    assert resolve("") == "team/churn"
    assert resolve("other") == "team/other"
    assert resolve("us/other") == "us/other"


def test_a_server_of_ones_own_is_part_of_the_address_without_its_password(monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "https://me:secret@wandb.example.org/")
    address = resolve("team/churn")
    assert address == "https://wandb.example.org/team/churn"
    assert resolve(address) == address


def test_another_server_than_that_of_the_environment_is_refused():
    with pytest.raises(ArgumentError, match="WANDB_BASE_URL") as caught:
        resolve("https://me:secret@wandb.example.org/team/churn")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["", "churn", "team/churn", " team/churn/ "])
def test_resolving_twice_changes_nothing(address, tmp_path):
    assert resolve(resolve(address)) == resolve(address)
    offline = place_of(address, "offline", tmp_path)
    assert place_of(offline.text, None, None) == offline
    assert resolve(offline.text) == offline.text


def test_offline_is_another_place_than_online(tmp_path, monkeypatch):
    assert place_of("churn", "offline", tmp_path).text == f"offline:{tmp_path}#churn"
    assert place_of("churn", "online", tmp_path).text == "churn"
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "there"))
    assert place_of("churn", None, None).text == f"offline:{tmp_path / 'there'}#churn"


@pytest.mark.parametrize("address", ["a/b/c", "what?", "x" * 129])
def test_what_is_no_project_is_refused(address):
    with pytest.raises(ArgumentError, match="project"):
        resolve(address)


def test_an_unknown_mode_is_refused(monkeypatch):
    for wrong in ("sometimes", "of", "", "dryrun"):
        with pytest.raises(ArgumentError, match=f"backend 'wandb': the option mode is {wrong!r}"):
            place_of("", wrong, None)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with pytest.raises(ArgumentError, match="WANDB_MODE is 'disabled'"):
        place_of("", None, None)


def test_without_the_package_the_command_is_named(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackendMissing, match=r"the backend 'wandb' needs the package wandb: pip install .skribe\[wan"):
        WandBBackend()


@pytest.mark.parametrize("options", [{"models": "no"}, {"plots": 1}, {"folder": 3}, {"mode": "of"}])
def test_options_are_checked_where_they_are_written(options):
    pytest.importorskip("wandb")
    with pytest.raises(ArgumentError, match=f"the backend 'wandb': the option {next(iter(options))} is"):
        skribe.autolog(backend=skribe.backends.WandB(address="team/churn", **options))


def test_the_id_there_is_shown_as_wandb_writes_it(monkeypatch):
    assert place_of("team/churn", "online", None).id_of("r1") == "team/churn/r1"
    assert place_of("churn", "online", None).id_of("r1") == "churn/r1"
    assert place_of("team/a|b", "offline", None).id_of("r1") == "team/r1"
