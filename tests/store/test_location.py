"""Where the store is found, and what is said where it cannot be."""

from __future__ import annotations

import os
import subprocess

import pytest

from skribe.errors import StoreDamaged, StoreError, StoreTooNew
from skribe.store.connection import open_writer
from skribe.store.location import check_location, find_store


def test_the_argument_comes_first(tmp_path, monkeypatch):
    assert find_store(tmp_path / "mine") == tmp_path / "mine"
    assert find_store("relative/one") == tmp_path / "relative" / "one"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_store("~/runs") == tmp_path / "runs"
    assert find_store(os.fsencode(str(tmp_path)).decode()) == tmp_path


def test_then_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("SKRIBE_STORE", str(tmp_path / "variable"))
    assert find_store() == tmp_path / "variable"
    monkeypatch.setenv("SKRIBE_STORE", "")
    assert find_store() == tmp_path / "skribe_runs"


def test_then_the_nearest_store_then_git_then_here(tmp_path, monkeypatch):
    monkeypatch.delenv("SKRIBE_STORE")
    deep = tmp_path / "project" / "package" / "notebooks"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert find_store() == deep / "skribe_runs"
    (tmp_path / "project" / ".git").write_text("gitdir: elsewhere")
    assert find_store() == tmp_path / "project" / "skribe_runs"
    (tmp_path / "project" / "package" / "skribe_runs").mkdir()
    assert find_store() == tmp_path / "project" / "skribe_runs", "an empty folder is no store"
    open_writer(tmp_path / "project" / "package" / "skribe_runs").close()
    assert find_store() == tmp_path / "project" / "package" / "skribe_runs"
    assert not (deep / "skribe_runs").exists(), "looking creates nothing"


@pytest.mark.parametrize("wrong", ["", "a\0b", 3, b"bytes"])
def test_what_is_not_a_folders_name(wrong):
    with pytest.raises(StoreError):
        find_store(wrong)


def test_a_working_directory_that_is_gone(tmp_path, monkeypatch):
    monkeypatch.delenv("SKRIBE_STORE")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(StoreError):
        find_store()
    monkeypatch.chdir(tmp_path)


def test_a_good_place_is_left_untouched(tmp_path):
    check_location(tmp_path / "new" / "store")
    assert list(tmp_path.glob("new*")) == []
    open_writer(tmp_path / "old").close()
    check_location(tmp_path / "old")


def test_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="must be a folder"):
        check_location(tmp_path / "file")
    with pytest.raises(StoreError, match="is not a folder"):
        check_location(tmp_path / "file" / "below")


def test_a_folder_in_place_of_the_database(tmp_path):
    (tmp_path / "skribe.db").mkdir()
    with pytest.raises(StoreError, match="database file"):
        check_location(tmp_path)


def test_no_permission(tmp_path):
    folder = tmp_path / "frozen"
    folder.mkdir()
    if os.geteuid() == 0:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip("root needs a read-only mount for this, and may not make one")
    else:
        folder.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="no permission"):
            check_location(folder / "store")
        with pytest.raises(StoreError, match="no permission"):
            check_location(folder)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(folder)], check=True)


def test_not_ours_and_too_new(tmp_path):
    (tmp_path / "skribe.db").write_bytes(b"x" * 5000)
    with pytest.raises(StoreDamaged):
        check_location(tmp_path)
    connection = open_writer(tmp_path / "late")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreTooNew):
        check_location(tmp_path / "late")
