"""A W&B server that is away, in trouble, or does not know the key: said as what it is, and within bounds."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import urllib.parse

import pytest

from skribe.backends.wandb.trouble import check_reachable, explained
from skribe.errors import Misconfigured, Unreachable

wandb = pytest.importorskip("wandb")
pytestmark = pytest.mark.thirdparty

KEY = "0123456789" * 4
# In a process of its own: what W&B knows of an account stays with the process.
OPEN = """
import sys, pathlib
from skribe.backends.wandb import WandBBackend
from skribe.testing import TestOutbox, a_run
backend = WandBBackend("team/churn", mode="online", folder=sys.argv[1])
try:
    backend.open(TestOutbox(pathlib.Path(sys.argv[1])))
except Exception as error:
    print(type(error).__name__, error)
else:
    print("open")
"""


@pytest.fixture
def server():
    """Answers everything with its `code`."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            code = self.server.codes.get(self.command, 200)
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b'{"errors": [{"message": "user is not logged in"}]}')

        do_HEAD = do_POST = do_GET

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    made.codes = {}
    thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def address(server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def opened(folder, monkeypatch, url: str, key: str | None) -> str:
    monkeypatch.setenv("WANDB_BASE_URL", url)
    if key is not None:
        monkeypatch.setenv("WANDB_API_KEY", key)
    done = subprocess.run([sys.executable, "-c", OPEN, str(folder)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_a_key_that_is_not_accepted(server, tmp_path, monkeypatch):
    server.codes["POST"] = 401
    said = opened(tmp_path, monkeypatch, address(server), KEY)
    assert said.startswith("Misconfigured W&B does not accept the API key")
    assert "wandb login" in said
    assert KEY not in said


def test_no_key_at_all(server, tmp_path, monkeypatch):
    said = opened(tmp_path, monkeypatch, address(server), None)
    assert said.startswith("Misconfigured there is no API key")
    assert "WANDB_API_KEY" in said


def test_nobody_answers():
    with pytest.raises(Unreachable, match="cannot be reached"):
        check_reachable("http://127.0.0.1:9", 2.0)


def test_a_server_that_is_silent_is_not_waited_for_long():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="cannot be reached"):
        check_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)


@pytest.mark.parametrize(("code", "reachable"), [(200, True), (404, True), (405, True), (500, False), (503, False)])
def test_any_answer_but_a_fault_will_do(server, code, reachable):
    server.codes["HEAD"] = code
    if reachable:
        check_reachable(address(server), 2.0)
    else:
        with pytest.raises(Unreachable, match=str(code)):
            check_reachable(address(server), 2.0)


def test_no_message_holds_a_password(server):
    server.codes["HEAD"] = 500
    url = urllib.parse.urlsplit(address(server))
    with pytest.raises(Unreachable) as caught:
        check_reachable(f"http://me:secret@{url.netloc}", 2.0)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (wandb.errors.AuthenticationError("bad key"), Misconfigured),
        (wandb.errors.UsageError("No API key configured. Use `wandb login` to log in."), Misconfigured),
        (wandb.errors.CommError("returned error 401: no"), Misconfigured),
        (wandb.errors.CommError("returned error 403: permission denied"), Misconfigured),
        (wandb.errors.CommError("returned error 404: project not found"), Misconfigured),
        (wandb.errors.CommError("Post: dial tcp 127.0.0.1:9: connect: connection refused"), Unreachable),
        (wandb.errors.CommError("returned error 502"), Unreachable),
        (TimeoutError("Timed out finishing run."), Unreachable),
        (ValueError("anything else"), ValueError),
    ],
)
def test_what_wandb_raises_is_told_apart(raised, told):
    with pytest.raises(told), explained("team/churn"):
        raise raised
