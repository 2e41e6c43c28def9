"""Artifacts are written whole, below their run's folder, and nowhere else."""

from __future__ import annotations

import os

import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skribe.errors import ArgumentError, NotFound, StoreError
from skribe.store.artifacts import ArtifactStore, confined

RUN = "01a1fc23-d4e4-7000-b7ca-45a069d1745e"


@pytest.fixture
def artifacts(store):
    return ArtifactStore(store)


def test_bytes_and_files(artifacts, store, tmp_path):
    one = artifacts.put_bytes(RUN, "model/MLmodel", b"abc")
    assert one == ("model/MLmodel", 3, xxhash.xxh3_128_hexdigest(b"abc"))
    data = os.urandom(3_000_000)
    (tmp_path / "source").write_bytes(data)
    two = artifacts.put_file(RUN, "größe/日本.bin", tmp_path / "source")
    assert two == ("größe/日本.bin", len(data), xxhash.xxh3_128_hexdigest(data))
    assert artifacts.list(RUN) == ["größe/日本.bin", "model/MLmodel"]
    assert artifacts.list(RUN, "model") == ["model/MLmodel"]
    assert artifacts.list("another") == []
    with artifacts.open(RUN, "model/MLmodel") as file:
        assert file.read() == b"abc"
    assert artifacts.path(RUN, "größe/日本.bin").read_bytes() == data
    assert artifacts.path(RUN) == store / "artifacts" / RUN
    assert (store / ".gitignore").exists()
    artifacts.put_bytes(RUN, "model/MLmodel", b"")
    assert artifacts.path(RUN, "model/MLmodel").read_bytes() == b""
    artifacts.remove(RUN)
    assert artifacts.list(RUN) == []


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "/etc/passwd", "../a", "a/../../b", "a/..", "a\\..\\..\\b", "\\\\server\\share", "\\a"),
        *("C:\\a", "c:a", "a\0b", "a/.skribe-1-2.part", "\ud800"),
    ],
)
def test_paths_that_lead_out_are_refused(artifacts, store, path):
    for put in (lambda: artifacts.put_bytes(RUN, path, b""), lambda: artifacts.open(RUN, path or "..")):
        with pytest.raises(ArgumentError):
            put()
    assert not store.exists()


@pytest.mark.parametrize("run", ["", "..", "a/b", ".hidden", "x" * 99])
def test_run_ids_that_lead_out_are_refused(artifacts, run):
    with pytest.raises(ArgumentError):
        artifacts.put_bytes(run, "a", b"")


def test_a_link_that_leads_out_is_refused(artifacts, store, tmp_path):
    artifacts.put_bytes(RUN, "a", b"")
    (store / "artifacts" / RUN / "out").symlink_to(tmp_path)
    with pytest.raises(ArgumentError, match="leads out"):
        artifacts.put_bytes(RUN, "out/b", b"")
    with pytest.raises(ArgumentError, match="leads out"):
        artifacts.list(RUN, "out")
    (tmp_path / "secret").write_text("s")
    with pytest.raises(ArgumentError, match="leads out"):
        artifacts.open(RUN, "out/secret")
    assert not (tmp_path / "b").exists()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=20) | st.text("./\\:ab\0C", max_size=12))
def test_whatever_is_accepted_stays_inside(text, tmp_path):
    try:
        path = confined(text)
    except ArgumentError:
        return
    root = os.path.realpath(tmp_path)
    assert os.path.normpath(os.path.join(root, path)).startswith(root + os.sep)


def test_what_is_missing(artifacts, tmp_path):
    artifacts.put_bytes(RUN, "model/MLmodel", b"")
    with pytest.raises(NotFound, match="model/MLmodel"):
        artifacts.open(RUN, "model/mlmodel2")
    with pytest.raises(NotFound, match="folder"):
        artifacts.open(RUN, "model")
    with pytest.raises(NotFound, match="no file"):
        artifacts.put_file(RUN, "a", tmp_path / "nothing")


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(artifacts, monkeypatch):
    artifacts.put_bytes(RUN, "a", b"old")

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StoreError, match="No space left"):
            artifacts.put_bytes(RUN, "a", b"new")
    assert artifacts.path(RUN, "a").read_bytes() == b"old"
    assert [path.name for path in artifacts.path(RUN).iterdir()] == ["a"]


def test_a_file_where_a_folder_is_needed(artifacts):
    artifacts.put_bytes(RUN, "a", b"")
    with pytest.raises(StoreError):
        artifacts.put_bytes(RUN, "a/b", b"")
