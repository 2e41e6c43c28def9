"""Artifacts are written whole, below their run's folder, and nowhere else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

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


# --- whole folders -------------------------------------------------------------------------------------------


def writing(text: str):
    def fill(folder: Path) -> str:
        (folder / "code").mkdir()
        (folder / "MLmodel").write_text(text)
        return text

    return fill


def names(place: Path) -> list[str]:
    return sorted(entry.name for entry in place.iterdir())


def test_a_folder_is_put_and_put_again(artifacts, store):
    place = store / "artifacts" / RUN
    for text in ("one", "two", "three"):
        assert artifacts.put_folder(RUN, "model", writing(text)) == text
        assert (place / "model" / "MLmodel").read_text() == text
        assert names(place) == ["model"]
    artifacts.put_folder(RUN, "registered/größe 3", writing("deep"))
    assert artifacts.list(RUN) == ["model/MLmodel", "registered/größe 3/MLmodel"]
    assert (store / ".gitignore").exists()


def test_a_folder_takes_the_place_of_a_file_and_of_a_link(artifacts, store, tmp_path):
    artifacts.put_bytes(RUN, "model", b"file")
    artifacts.put_folder(RUN, "model", writing("new"))
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "mine").write_text("mine")
    (store / "artifacts" / RUN / "other").symlink_to(tmp_path / "away")
    artifacts.put_folder(RUN, "other", writing("new"))
    assert names(store / "artifacts" / RUN) == ["model", "other"]
    assert not (store / "artifacts" / RUN / "other").is_symlink()
    assert names(tmp_path / "away") == ["mine"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_what_cannot_be_filled_leaves_nothing(artifacts, store, error):
    artifacts.put_folder(RUN, "model", writing("old"))

    def fill(folder):
        writing("half")(folder)
        raise error("no")

    with pytest.raises(StoreError if error is OSError else error, match="no"):
        artifacts.put_folder(RUN, "model", fill)
    assert names(store / "artifacts" / RUN) == ["model"]
    assert (store / "artifacts" / RUN / "model" / "MLmodel").read_text() == "old"


def test_a_replacement_that_fails_puts_the_old_folder_back(artifacts, store, monkeypatch):
    artifacts.put_folder(RUN, "model", writing("old"))
    rename, renamed = os.rename, []

    def third_time_not(source, target):
        renamed.append(source)
        if len(renamed) == 3:
            raise OSError(28, "No space left on device")
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", third_time_not)
        with pytest.raises(StoreError, match="No space left"):
            artifacts.put_folder(RUN, "model", writing("new"))
    assert len(renamed) == 4
    assert names(store / "artifacts" / RUN) == ["model"]
    assert (store / "artifacts" / RUN / "model" / "MLmodel").read_text() == "old"


@pytest.mark.parametrize("path", ["", "..", "../a", "/etc", "a/../../b", "C:\\a", "a\0", ".skribe-1-2.part/a"])
def test_a_folder_cannot_lead_out(artifacts, store, path):
    with pytest.raises(ArgumentError):
        artifacts.put_folder(RUN, path, writing("x"))
    assert not store.exists()


def test_a_folder_behind_a_link_that_leads_out_is_refused(artifacts, store, tmp_path):
    artifacts.put_bytes(RUN, "a", b"")
    (tmp_path / "away").mkdir()
    (store / "artifacts" / RUN / "out").symlink_to(tmp_path / "away")
    with pytest.raises(ArgumentError, match="leads out"):
        artifacts.put_folder(RUN, "out/deeper/model", writing("x"))
    assert names(tmp_path / "away") == []


def test_kill_9_leaves_the_old_folder_whole_and_a_part_that_is_not_listed(artifacts, store, script):
    artifacts.put_folder(RUN, "model", writing("old"))
    process = script(
        """
        from skribe.store.artifacts import ArtifactStore
        def fill(folder):
            (folder / "MLmodel").write_text("half")
            print("now", flush=True)
            time.sleep(60)
        ArtifactStore(store).put_folder(sys.argv[2], "model", fill)
        """,
        RUN,
    )
    assert process.stdout.readline() == "now\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert artifacts.list(RUN) == ["model/MLmodel"]
    assert artifacts.path(RUN, "model/MLmodel").read_text() == "old"
    assert len(names(store / "artifacts" / RUN)) == 2
    assert artifacts.put_folder(RUN, "model", writing("new")) == "new"
