"""Whoever carries the records of one store to one backend, beside the user's code."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from skribe.backends.protocol import Backend
from skribe.backends.targets import Target
from skribe.delivery.locking import DeliveryLock
from skribe.delivery.loop import Delivery
from skribe.delivery.shipper import Shipper
from skribe.guard import say_once
from skribe.settings import DELIVERS

_START: Final = (
    "# skribe delivers runs\n"
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from skribe.delivery.helper import main; main()"
)
# A shell starts the helper and ends: the helper is nobody's child, and a program that waits for all of its children
# waits for its own. What a shell puts into the background reads nothing unless it is told to.
_DETACHED: Final = ("/bin/sh", "-c", 'exec 3<&0; "$0" "$@" <&3 3<&- &')
_GOODBYE: Final = 1.0
_STARTS: Final = 4
_BETWEEN_STARTS: Final = 5.0


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


class _End:
    """Our end of a pipe: a number, which is only used while it is still the same pipe, in the process that made it.

    A program that becomes a daemon closes whatever is open, and gets the same numbers again for files of its own.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        found = os.fstat(number)
        self._identity = found.st_dev, found.st_ino
        self._pid = os.getpid()

    @property
    def is_there(self) -> bool:
        """Whether the number is still that of the pipe."""
        try:
            found = os.fstat(self.number)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    @property
    def is_ours(self) -> bool:
        """Whether the pipe is there, and it is for this process to use."""
        return self._pid == os.getpid() and self.is_there

    def close(self) -> None:
        """Let go of it."""
        if self.is_ours:
            os.close(self.number)


class Process:
    """A process of its own, which outlives ours for as long as it has something to deliver, a minute at most."""

    def __init__(self, folder: Path, key: str, target: Target, kept: Mapping[str, Any], first: int | None) -> None:
        told = {
            "folder": str(folder),
            "key": key,
            "name": target.name,
            "address": target.address,
            "options": dict(target.options or {}),
            "kept": dict(kept),
            "first": first,
        }
        line = json.dumps(told).encode() + b"\n"
        # `-P`: no file that lies where the user works is taken for one of Python's.
        paths = json.dumps([os.fspath(path) for path in sys.path if isinstance(path, (str, os.PathLike))])
        command = (sys.executable, "-P", "-W", "ignore", "-c", _START, paths)
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONWARNINGS"} | {DELIVERS: "1"}
        their_in, our_in = os.pipe()
        our_out, their_out = os.pipe()
        self._in, self._out = _End(our_in), _End(our_out)
        try:
            started = subprocess.Popen(
                (*_DETACHED, *command) if os.name == "posix" else command,
                stdin=their_in, stdout=their_out, stderr=subprocess.DEVNULL, env=environment,
                # Ctrl-C in a terminal is meant for the user's process alone.
                start_new_session=True,
            )  # fmt: skip
            if os.name == "posix":
                started.wait()
            else:
                self._started = started
        except BaseException:
            self.leave()
            raise
        finally:
            os.close(their_in)
            os.close(their_out)
        self._rest = b""
        os.write(our_in, line)
        os.set_blocking(our_in, False)
        os.set_blocking(our_out, False)

    def call(self) -> None:
        if self._in.is_ours:
            with contextlib.suppress(OSError):
                os.write(self._in.number, b".")

    def news(self) -> list[dict[str, Any]]:
        if self._out.is_ours:
            with contextlib.suppress(OSError):
                while piece := os.read(self._out.number, 65536):
                    self._rest += piece
        *lines, self._rest = self._rest.split(b"\n")
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def alive(self) -> bool:
        if not self._out.is_there:
            return False
        if os.name != "posix":
            return self._started.poll() is None
        poll = select.poll()
        poll.register(self._out.number, select.POLLIN)
        return not any(event & (select.POLLHUP | select.POLLNVAL) for _, event in poll.poll(0))

    def leave(self) -> None:
        self._in.close()
        self._out.close()


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
            Delivery(self._shipper, self._lock, self, self._news.append).run()
        except Exception as error:  # noqa: BLE001 - nobody else would say it
            self._news.append({"trouble": f"delivery has stopped: {type(error).__name__}: {error}"})
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

    def __init__(
        self,
        folder: Path,
        key: str,
        backend: Backend,
        target: Target | None,
        kept: Mapping[str, Any],
        first: int,
    ) -> None:
        self.folder, self.key = folder, key
        self.outlives = target is not None  # whether delivery goes on when our process has ended
        self._backend, self._target, self._kept, self._first = backend, target, kept, first
        self._carrier: Carrier | None = None
        self._starts, self._started = 0, 0.0
        self._starting = threading.Lock()
        self._pid = os.getpid()

    def mind(self) -> None:
        """See to it that somebody delivers."""
        if self._pid != os.getpid():
            # A forked child. What its parent has started reads the same store, for as long as it lives.
            self._pid, self._starts, self._starting = os.getpid(), 0, threading.Lock()
        if self._carrier is not None and self._carrier.alive():
            return
        if not self._starting.acquire(blocking=False):
            return
        try:
            now = time.monotonic()
            if self._starts >= _STARTS or (self._starts > 1 and now < self._started + _BETWEEN_STARTS):
                return
            self._starts, self._started = self._starts + 1, now
            if self._carrier is not None:
                self._carrier.leave()
            self._carrier = self._start()
        finally:
            self._starting.release()

    def _start(self) -> Carrier | None:
        if self._target is None:
            return Thread(self.folder, self.key, self._backend, self._first)
        # The program of a frozen application is no Python. A thread would import the client beside the user's fits.
        if sys.executable and not getattr(sys, "frozen", False):
            try:
                return Process(self.folder, self.key, self._target, self._kept, self._first)
            except (OSError, ValueError, TypeError) as error:
                reason = f"{type(error).__name__}: {error}"
        else:
            reason = "there is no Python to run it"
        say_once(
            f"delivery to {self.key} cannot start",
            f"skribe cannot start the process that delivers to {self.key} ({reason}). Your code goes on as usual; all"
            f" is in {self.folder}, and `skribe sync` delivers it.",
        )
        return None

    def news(self) -> list[dict[str, Any]]:
        """What has happened since this was asked last."""
        return [] if self._carrier is None else self._carrier.news()

    def call(self) -> None:
        """Somebody waits."""
        self.mind()
        if self._carrier is not None:
            self._carrier.call()

    def leave(self) -> None:
        """Nothing more will be written."""
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            carrier.leave()
