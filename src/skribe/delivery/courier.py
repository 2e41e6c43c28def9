"""Whoever carries the records of one store to one backend, beside the user's code."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final, Protocol

from skribe.backends.protocol import Backend
from skribe.backends.targets import Target
from skribe.delivery.locking import DeliveryLock
from skribe.delivery.loop import deliver
from skribe.delivery.shipper import Shipper

# The process that is started ends at once, and leaves one that is nobody's child: a program that waits for all of its
# children waits for its own.
_START: Final = (
    "# skribe delivers runs\n"
    "import os, sys; hasattr(os, 'fork') and os.fork() and os._exit(0);"
    " import json; sys.path[:] = json.loads(sys.argv[1]); from skribe.delivery.helper import main; main()"
)
_GOODBYE: Final = 1.0


class Carrier(Protocol):
    """What delivers. All of it is quick."""

    def call(self) -> None:
        """Somebody waits: deliver now, also after trouble."""

    def news(self) -> list[dict[str, Any]]:
        """What has happened since this was asked last."""

    def alive(self) -> bool:
        """Whether it still delivers."""

    def leave(self) -> None:
        """Nothing more will be written by us."""


class Process:
    """A process of its own, which outlives ours for as long as it has something to deliver, a minute at most."""

    def __init__(self, folder: Path, key: str, target: Target, first: int | None) -> None:
        told = {
            "folder": str(folder),
            "key": key,
            "name": target.name,
            "address": target.address,
            "options": dict(target.options or {}),
            "first": first,
        }
        line = json.dumps(told).encode() + b"\n"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            # Ctrl-C in a terminal is meant for the user's process alone.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        os.set_blocking(self._out.fileno(), False)
        self._rest, self._ended = b"", False
        self._kept: list[dict[str, Any]] = []
        with contextlib.suppress(OSError):
            self._in.write(line)
            os.set_blocking(self._in.fileno(), False)

    def call(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._in.write(b".")

    def news(self) -> list[dict[str, Any]]:
        found, self._kept = self._kept + self._read(), []
        return found

    def _read(self) -> list[dict[str, Any]]:
        with contextlib.suppress(OSError, ValueError):
            while piece := self._out.read(65536):
                self._rest += piece
            self._ended = piece == b""  # None is silence
        *lines, self._rest = self._rest.split(b"\n")
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def alive(self) -> bool:
        self._process.poll()
        self._kept += self._read()
        return not self._ended

    def leave(self) -> None:
        for stream in (self._in, self._out):
            with contextlib.suppress(OSError):
                stream.close()
        if self._process.poll() is None:
            # It is about to end; Python would warn of a child that it has not seen the end of.
            self._process.returncode = 0


class Thread:
    """A thread of ours, for a backend that was passed as an object and lives in this process only."""

    def __init__(self, folder: Path, key: str, backend: Backend, first: int | None) -> None:
        self._shipper = Shipper(folder, key, backend, first)
        self._lock = DeliveryLock(folder, key)
        self._called = threading.Event()
        self._gone = False
        self._news: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._run, name=f"skribe to {key}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            deliver(self._shipper, self._lock, self, self._news.append)
        except Exception as error:  # noqa: BLE001 - nobody else would say it
            self._news.append({"trouble": f"delivery has stopped: {type(error).__name__}: {error}", "ends": True})
        finally:
            self._shipper.close()
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        called = self._called.wait(seconds)
        self._called.clear()
        return called

    def gone(self) -> bool:
        return self._gone

    def call(self) -> None:
        self._called.set()

    def news(self) -> list[dict[str, Any]]:
        found, self._news[:] = list(self._news), []
        return found

    def alive(self) -> bool:
        return self._thread.is_alive()

    def leave(self) -> None:
        self._gone = True
        self._called.set()
        self._thread.join(_GOODBYE)


class Courier:
    """One store's way to one backend: opened with the first record, watched, and hurried when somebody waits."""

    def __init__(self, folder: Path, key: str, backend: Backend, target: Target | None, first: int) -> None:
        self.folder, self.key = folder, key
        self._backend, self._target, self._first = backend, target, first
        self._carrier: Carrier | None = None
        self._pid = os.getpid()
        self._restarts = 0

    def mind(self) -> None:
        """See to it that somebody delivers."""
        if self._pid != os.getpid():
            return  # a forked child: its parent's carrier reads the same store
        if self._carrier is None:
            self._carrier = self._start()
        elif not self._carrier.alive() and self._restarts < 1:
            self._restarts += 1
            self._carrier = Thread(self.folder, self.key, self._backend, self._first)

    def _start(self) -> Carrier:
        if self._target is not None and sys.executable:
            with contextlib.suppress(OSError, ValueError):
                return Process(self.folder, self.key, self._target, self._first)
        return Thread(self.folder, self.key, self._backend, self._first)

    @property
    def is_ours(self) -> bool:
        """Whether it was started, and by this process."""
        return self._carrier is not None and self._pid == os.getpid()

    def news(self) -> list[dict[str, Any]]:
        """What has happened since this was asked last."""
        return self._carrier.news() if self._carrier is not None and self._pid == os.getpid() else []

    def call(self) -> None:
        """Somebody waits."""
        self.mind()
        if self._carrier is not None and self._pid == os.getpid():
            self._carrier.call()

    def leave(self) -> None:
        """Nothing more will be written."""
        carrier, self._carrier = self._carrier, None
        if carrier is not None and self._pid == os.getpid():
            carrier.leave()
