"""The page as a process: how it starts, where it listens, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from skribe.cli.ui import command
from skribe.errors import ArgumentError, SkribeError
from skribe.ui import serve as serving
from skribe.ui.beside import background
from skribe.ui.safety import is_loopback

START = "import sys; from skribe.ui.serve import serve; serve(sys.argv[1], open_browser=False, {more})"
# The page is there in about half a second; what else runs on this machine may take its share of the processor.
SOON = 20.0


@contextmanager
def started(folder, more: str = "", first: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and the line that it has printed."""
    command = [sys.executable, "-c", first + START.format(more=more), str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        yield process, line
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def address_in(line: str) -> str:
    return re.search(r"http://\S+", line)[0]


def test_it_says_where_it_is_answers_and_ends_quietly(recorded):
    with started(recorded.folder, "port=0") as (process, line):
        assert re.fullmatch(r"skribe: http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)\n", line)
        answer = httpx.get(address_in(line), timeout=SOON)
        assert answer.status_code == 200
        assert "server" not in answer.headers
        httpx.get(address_in(line) + "nonsense")
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON) == 0
        assert process.stderr.read() == ""


def test_nothing_heavy_is_loaded_until_the_first_page(recorded):
    script = (
        "import sys; from skribe.ui.serve import bind, require; require(); import skribe.ui.app as app;"
        f" app.make_app({str(recorded.folder)!r});"
        " heavy = {'numpy', 'pandas', 'sklearn', 'matplotlib', 'joblib', 'cloudpickle', 'scipy'};"
        " print(heavy & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_a_port_in_use_is_named():
    taken, _ = serving.bind("127.0.0.1", 0)
    with closing(taken):
        port = taken.getsockname()[1]
        with pytest.raises(SkribeError, match=f"Port {port} .* in use.*another"):
            serving.bind("127.0.0.1", port)


def test_the_usual_port_or_any(monkeypatch):
    taken, _ = serving.bind("127.0.0.1", 0)
    with closing(taken):
        monkeypatch.setattr(serving, "PORT", taken.getsockname()[1])
        other, said = serving.bind("127.0.0.1", None)
        other.close()
        assert said == f" (port {serving.PORT} is taken)"
    free, said = serving.bind("127.0.0.1", None)
    assert (free.getsockname()[1], said) == (serving.PORT, "")
    free.close()


@pytest.mark.parametrize("port", [-1, 65536, "5555", True, 1.5])
def test_a_port_that_is_none(port):
    with pytest.raises(ArgumentError, match="65535"):
        serving.bind("127.0.0.1", port)


def test_a_host_that_is_none():
    with pytest.raises(SkribeError, match="no host"):
        serving.bind("no such host", 0)
    with pytest.raises(SkribeError, match=r"192\.0\.2\.1"):
        serving.bind("192.0.2.1", 0)


def test_elsewhere_it_needs_a_token(recorded):
    with started(recorded.folder, "port=0, host='0.0.0.0'") as (_, line):
        port = int(re.search(r":(\d+)/", line)[1])
        token = re.search(r"\?token=(\S{40,})", line)[1]
        there = f"http://127.0.0.1:{port}/"
        assert httpx.get(there, timeout=SOON).status_code == 401
        with httpx.Client(follow_redirects=True) as browser:
            answer = browser.get(there, params={"token": token})
            assert (answer.status_code, str(answer.url)) == (200, there)
            assert browser.get(f"{there}runs").status_code == 200
            assert httpx.get(there, headers={"host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("token", ["", " ", "two words", "Grüße", "a\nb"])
def test_a_token_that_is_none(tmp_path, token):
    with pytest.raises(ArgumentError, match="token"):
        serving.serve(tmp_path, token=token, port=0, open_browser=False)


def test_a_token_from_the_environment(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(serving, "serve", lambda folder, **options: seen.append(options["token"]))
    call = CliRunner().invoke
    assert call(command, ["--store", str(tmp_path)]).exit_code == 0
    for value in ("from-there", ""):
        monkeypatch.setenv("SKRIBE_TOKEN", value)
        assert call(command, ["--store", str(tmp_path)]).exit_code == 0
    assert call(command, ["--store", str(tmp_path), "--token", "named"]).exit_code == 0
    # An empty one is handed on, and refused there: nobody means to open the page to all.
    assert seen == [None, "from-there", "", "named"]


@pytest.mark.parametrize("wait", ["a change that never ends", "a page that takes long"])
def test_ctrl_c_is_quiet_while_somebody_waits(recorded, wait):
    slow = (
        "import threading, time; from skribe.ui import pages, contents; before = contents.home;"
        " contents.home = lambda query: time.sleep(3) or before(query); "
    )
    with started(recorded.folder, "port=0", slow) as (process, line):
        port = int(re.search(r":(\d+)/", line)[1])
        with socket.create_connection(("127.0.0.1", port), SOON) as waiting:
            if wait.startswith("a change"):
                head = "POST /api/do HTTP/1.1\r\nhost: 127.0.0.1\r\nsec-fetch-site: same-origin\r\nx-skribe: 1\r\n"
                head += 'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"do":'
            else:
                head = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
            waiting.sendall(head.encode())
            assert httpx.get(f"http://127.0.0.1:{port}/api/seq", timeout=SOON).status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(SOON) == 0
        assert process.stderr.read() == ""


def test_who_can_reach_it():
    assert all(map(is_loopback, ["127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.1.2", "example.com", ""]))
    assert "*.*.*.*" not in serving.allowed("127.0.0.1")
    assert "proxy.example" in serving.allowed("127.0.0.1", ["Proxy.example"])
    assert "[fe80::1]" in serving.allowed("fe80::1")


def test_addresses():
    assert serving.url_of("::1", 80) == "http://[::1]:80/"
    assert serving.url_of("0.0.0.0", 80, "a b") == f"http://{socket.gethostname()}:80/?token=a%20b"


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "jinja2"])
def test_what_is_missing_is_named_with_the_command(monkeypatch, tmp_path, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        SkribeError, match=re.escape(f'needs {package}, which is not installed: pip install "skribe[ui]"')
    ):
        serving.serve(tmp_path)
    with pytest.raises(SkribeError, match="pip install"):
        serving.background(tmp_path)


class TestBeside:
    def test_one_for_each_store_that_can_be_shown_in_a_frame(self, recorded, tmp_path):
        first = serving.background(recorded.folder)
        try:
            assert serving.background(str(recorded.folder)) is first
            assert first.alive
            answer = httpx.get(first.url, timeout=SOON)
            assert answer.status_code == 200
            # Nobody else on this machine can guess where it is, or read it in the list of processes.
            found = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)([\w-]{43})/", first.url)
            assert httpx.get(found[1], timeout=SOON).status_code == 404
            for secret in ("cmdline", "environ"):
                assert found[2].encode() not in Path(f"/proc/{first._process.pid}/{secret}").read_bytes()
            assert "vscode-webview:" in answer.headers["content-security-policy"]
            os.kill(first._process.pid, signal.SIGKILL)
            first._process.wait()
            second = serving.background(recorded.folder)
            assert second is not first
            assert httpx.get(second.url, timeout=SOON).status_code == 200
        finally:
            first.stop()
            second.stop()
        assert not second.alive
        assert "ended" in repr(second)
        second.stop()

    def test_it_ends_with_the_process_that_it_serves(self, recorded):
        script = (
            "import sys, time; from skribe.ui.serve import background; page = background(sys.argv[1]);"
            " print(page.url, page._process.pid, flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", script, str(recorded.folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as notebook:
            url, pid = notebook.stdout.readline().split()
            assert httpx.get(url, timeout=SOON).status_code == 200
            notebook.kill()
        deadline = time.monotonic() + SOON
        while is_there(int(pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not is_there(int(pid))

    def test_one_that_cannot_start_says_why(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(SkribeError, match="could not be started"):
            background(tmp_path, True)


def is_there(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not yet buried does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_command_without_the_extra_says_what_to_install(tmp_path):
    """In a process of its own: here everything is imported."""
    code = "import sys; sys.modules['starlette'] = None; from skribe.cli import main; main(['ui', '--no-browser'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'The page needs starlette, which is not installed: pip install "skribe[ui]"' in done.stderr
    assert "Traceback" not in done.stderr
