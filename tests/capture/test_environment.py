"""`process_info`, `is_alive`, and what git is asked."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest

from skribe.capture import GitState, environment, git, is_alive, process_info, start_dirty_check
from skribe.capture.git import head_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
with_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_known", None)


@pytest.mark.usefixtures("fresh")
def test_who_and_where() -> None:
    info = process_info()
    assert info.pid == os.getpid()
    assert info.host
    assert info.token
    assert process_info() is info
    found = info.environment
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["implementation"] == "CPython"
    import numpy
    import sklearn

    assert found["packages"]["scikit-learn"] == sklearn.__version__
    assert found["packages"]["numpy"] == numpy.__version__
    assert "os" not in found["packages"]
    json.dumps(found, allow_nan=False)
    assert is_alive(info.host, info.boot, info.pid, info.started) is True


@pytest.mark.usefixtures("fresh")
def test_only_thread_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setattr(sys, "argv", ["train.py", "--password", "s3cret"])
    info = process_info()
    assert info.environment["threads"]["OMP_NUM_THREADS"] == "3"
    assert "s3cret" not in repr(info)


@pytest.mark.usefixtures("fresh")
def test_versions_are_read_without_asking_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    class Touchy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    monkeypatch.setitem(sys.modules, "touchy", Touchy("touchy"))
    monkeypatch.setitem(sys.modules, "not_a_module", object())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "pytest_timeout", types.ModuleType("pytest_timeout"))
    packages = process_info().environment["packages"]
    assert "touchy" not in packages
    assert "pytest_timeout" in packages  # It has no __version__: the folder of the installed package tells.


@linux
def test_another_process_is_told_from_ours() -> None:
    info = process_info()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        started = environment._started(child.pid)
        assert is_alive(info.host, info.boot, child.pid, started) is True
        assert is_alive(info.host, info.boot, child.pid, "1") is False  # The number was given to another process.
        assert is_alive(info.host, info.boot, child.pid, "") is None
        child.kill()
        deadline = time.monotonic() + 10
        while is_alive(info.host, info.boot, child.pid, started) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert is_alive(info.host, info.boot, child.pid, started) is False  # A zombie, until it is waited for.
    finally:
        child.kill()
        child.communicate()
    assert is_alive(info.host, info.boot, child.pid, started) is False


@linux
def test_elsewhere_cannot_be_known() -> None:
    info = process_info()
    machine, boot, namespace = info.boot.split("/")
    assert is_alive("elsewhere", info.boot, info.pid, info.started) is None
    assert is_alive(info.host, f"{machine}/{boot}/pid:[1]", info.pid, info.started) is None
    assert is_alive(info.host, f"other/{boot}x/{namespace}", info.pid, info.started) is None
    assert is_alive(info.host, "", info.pid, info.started) is None
    after_reboot = is_alive(info.host, f"{machine}/another/{namespace}", info.pid, info.started)
    assert after_reboot is (False if machine else None)


@linux
def test_a_fork_is_another_process() -> None:
    code = (
        "import os; from skribe.capture import process_info; a = process_info(); r, w = os.pipe()\n"
        "if os.fork() == 0: os.write(w, process_info().token.encode()); os._exit(0)\n"
        "os.wait(); b = os.read(r, 99).decode(); assert a.token != b and a.token == process_info().token"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SOURCE = "from skribe.capture import process_info; print(process_info().source)"


def test_where_the_code_is(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SOURCE)

    def source(*arguments: str, stdin: str = "") -> str:
        command = [sys.executable, *arguments, "--token=s3cret"]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout.strip()

    assert source(str(script)) == str(script)
    assert source("-c", SOURCE) == "-c"
    assert source("-", stdin=SOURCE) == "<stdin>"


@pytest.mark.usefixtures("fresh")
def test_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    main.get_ipython = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # other tests may have it loaded
    assert process_info().source == "<ipython>"
    monkeypatch.setattr(environment, "_known", None)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/work.ipynb")
    assert process_info().source == "/home/me/work.ipynb"
    monkeypatch.setattr(environment, "_known", None)
    main.__vsc_ipynb_file__ = "/home/me/code.ipynb"  # type: ignore[attr-defined]
    assert process_info().source == "/home/me/code.ipynb"


@pytest.mark.usefixtures("fresh")
def test_without_proc_or_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_LINUX", False)
    monkeypatch.setitem(sys.modules, "psutil", None)
    info = process_info()
    assert (info.boot, info.started) == ("", "")
    assert info.token
    assert is_alive(info.host, info.boot, info.pid, info.started) is None


@pytest.mark.usefixtures("fresh")
def test_it_is_quick() -> None:
    began = time.perf_counter()
    process_info()
    assert time.perf_counter() - began < 0.05  # 3 ms, with room for a busy machine.


def run(*command: str, cwd: Path) -> str:
    quiet = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    return subprocess.run(
        ["git", *command], cwd=cwd, env=quiet, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    place.mkdir()
    run("init", "-q", "-b", "trunk", cwd=place)
    (place / "a.txt").write_text("a")
    run("add", "a.txt", cwd=place)
    run("commit", "-q", "-m", "one", cwd=place)
    return place


@with_git
def test_commit_and_branch(repository: Path, tmp_path: Path) -> None:
    commit = run("rev-parse", "HEAD", cwd=repository)
    below = repository / "deep" / "down"
    below.mkdir(parents=True)
    assert head_of(below) == (commit, "trunk")
    run("pack-refs", "--all", cwd=repository)
    assert not (repository / ".git/refs/heads/trunk").exists()
    assert head_of(repository) == (commit, "trunk")
    run("worktree", "add", "-q", "-b", "feature/one", str(tmp_path / "tree"), cwd=repository)
    assert head_of(tmp_path / "tree") == (commit, "feature/one")
    run("checkout", "-q", "--detach", cwd=repository)
    assert head_of(repository) == (commit, None)


@with_git
def test_no_commit_and_no_repository(tmp_path: Path) -> None:
    assert head_of("/") == (None, None)
    place = tmp_path / "new"
    place.mkdir()
    run("init", "-q", "-b", "main", cwd=place)
    assert head_of(place) == (None, "main")
    (place / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert head_of(place) == (None, None)
    (place / ".git" / "HEAD").write_text("ref: refs/heads/a\n")
    (place / ".git" / "refs/heads/a").write_text("ref: refs/heads/a\n")
    assert head_of(place) == (None, "a")


def answer(state: GitState) -> bool | None:
    deadline = time.monotonic() + 20
    while state._child is not None and time.monotonic() < deadline:
        state.result()
        time.sleep(0.005)
    return state.result()


@with_git
def test_whether_files_have_changed(repository: Path) -> None:
    began = time.perf_counter()
    state = start_dirty_check(repository)
    assert isinstance(state, GitState)
    state.result()
    assert time.perf_counter() - began < 1
    assert answer(state) is False
    (repository / "a.txt").write_text("b")
    assert answer(start_dirty_check(repository)) is True
    assert answer(start_dirty_check(str(repository / "nowhere"))) is None


@with_git
def test_outside_a_repository_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert answer(start_dirty_check(tmp_path)) is None


def test_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert start_dirty_check(".").result() is None
    assert GitState().result() is None


@with_git
@linux
def test_nothing_is_left_behind(repository: Path) -> None:
    def children() -> set[str]:
        return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())

    before = children()
    for _ in range(3):
        start_dirty_check(repository)
        gc.collect()
    assert git._abandoned or children() <= before
    deadline = time.monotonic() + 20
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.01)
        git._reap()
    assert children() <= before
    assert git._abandoned == []


@with_git
@linux
def test_an_answer_that_somebody_else_has_taken_is_unknown(repository: Path) -> None:
    state = start_dirty_check(repository)
    assert isinstance(state._child, int)
    os.waitpid(state._child, 0)
    assert state.result() is None
