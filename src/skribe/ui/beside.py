"""The page beside a notebook: a process of its own, so that no fit waits for it, which ends with the one it serves."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from skribe.errors import SkribeError
from skribe.ui.serve import require

_STARTS_WITHIN = 30.0
_ENDS_WITHIN = 3.0
_lock = threading.RLock()
_running: dict[tuple[Path, bool], Background] = {}


class Background:
    """A server that runs beside this process. It ends with it, or by `stop`."""

    def __init__(self, folder: Path, embeddable: bool) -> None:
        self._pid = os.getpid()
        command = [sys.executable, "-m", "skribe.ui.child", str(folder), *(["--embeddable"] if embeddable else [])]
        # It lives as long as its standard input is open: that also ends when this process is killed.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # an interrupt of the notebook goes to all of its session
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"},
        )
        self.url = self._address()

    def _address(self) -> str:
        """What the child says first: where it is, or why it is nowhere."""
        process = self._process
        assert process.stdout is not None
        timer = threading.Timer(_STARTS_WITHIN, process.kill)
        timer.daemon = True
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if "url" in told:
                self._drain()
                return str(told["url"])
            self._drain()
            self.stop()
            raise SkribeError(told["error"])
        assert process.stderr is not None
        process.kill()
        with process.stderr as errors:
            last = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        self.stop()
        raise SkribeError("The page could not be started" + (f": {last[0]}" if last else " in time; try again."))

    def _drain(self) -> None:
        """Read what the child writes, so that it never waits for us."""
        errors = self._process.stderr
        assert errors is not None

        def read() -> None:
            with errors, contextlib.suppress(OSError, ValueError):
                while errors.read(4096):
                    pass

        threading.Thread(target=read, name="skribe-page", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it still answers. A forked child has no server of its own."""
        return self._pid == os.getpid() and self._process.poll() is None

    def stop(self) -> None:
        """End the server. Nothing happens if it has ended."""
        if self._pid != os.getpid():
            return
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with _lock:
            for key in [key for key, one in _running.items() if one is self]:
                del _running[key]

    def __repr__(self) -> str:
        return f"<skribe page at {self.url}{'' if self.alive else ' (ended)'}>"


def background(folder: Path, embeddable: bool) -> Background:
    """The server of this store, started unless it runs."""
    require()
    with _lock:
        known = _running.get((folder, embeddable))
        if known is not None and known.alive:
            return known
        if not _running:
            atexit.register(_stop_all)
        started = _running[folder, embeddable] = Background(folder, embeddable)
    return started


def _stop_all() -> None:
    for one in list(_running.values()):
        one.stop()
