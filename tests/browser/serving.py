"""The page served for a browser: by the command in a process of its own, or by a thread of the test."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from skribe.ui.app import make_app
from skribe.ui.serve import bind


class Command:
    """`skribe ui`, in a process of its own. It answers as soon as this is made."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        words = ["ui", "--no-browser", "--port", str(port), "--store", str(folder)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import skribe.cli as cli; cli.main()", *words], stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        assert found, said + self.process.stderr.read()
        self.url, self.port = found[0], int(found[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def in_thread(folder: Path, *, readonly: bool = False) -> Iterator[str]:
    """The address at which a thread serves this store. It is there at once, and gone when the block ends."""
    bound, _ = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        make_app(folder, readonly=readonly), log_level="warning", access_log=False, ws="none", lifespan="on",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.005)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)
        bound.close()
        assert not thread.is_alive()
