"""The process beside the user's that delivers: the server's client is imported here, and waits for the server here.

It is told what to do by one line of JSON on its standard input, hears through it that somebody waits (a byte) and
that the user's process is gone (its end), and says by lines of JSON what the user should know.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from skribe.delivery.loop import DRAIN, Delivery

_NICE = 10


class _Pipe:
    """Where we are told something, as signals."""

    def __init__(self, told: int) -> None:
        self._told = told
        self._called = threading.Event()
        self._gone = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(self._told, 4096):
                self._called.set()
        self._gone = True
        self._called.set()
        # A backend that hangs must not keep this process for ever.
        time.sleep(DRAIN + 10)
        os._exit(1)

    def wait(self, seconds: float) -> bool:
        called = self._called.wait(seconds)
        self._called.clear()
        return called

    def gone(self) -> bool:
        return self._gone


def main() -> None:
    """Deliver as told by the line on the standard input."""
    # Ctrl-C goes to all processes of a terminal, and is meant for the user's: it ends, and then this one does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICE)
    # What a backend prints or asks for is nobody's.
    told, news = os.dup(0), os.dup(1)
    os.set_blocking(news, False)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)

    def report(what: dict[str, Any]) -> None:
        # A parent that does not read has its pipe full, or is gone: it is told another way, by the store.
        with contextlib.suppress(OSError):
            os.write(news, json.dumps(what).encode() + b"\n")

    try:
        _deliver(_read_line(told), _Pipe(told), report)
    except Exception as error:  # noqa: BLE001 - nobody else would say it
        report({"trouble": f"delivery has stopped: {type(error).__name__}: {error}"})


def _read_line(told: int) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(told, 1)
        if not piece:
            sys.exit(0)
        line += piece
    found: dict[str, Any] = json.loads(line)
    return found


def _deliver(told: dict[str, Any], pipe: _Pipe, report: Any) -> None:
    from skribe.backends.registry import build
    from skribe.backends.targets import Target
    from skribe.delivery.locking import DeliveryLock
    from skribe.delivery.shipper import Shipper

    folder = Path(told["folder"])
    target = Target(told["name"], told["address"], told["options"])
    shipper = Shipper(folder, told["key"], build(target), told["first"], told["kept"])
    lock = DeliveryLock(folder, told["key"])
    try:
        Delivery(shipper, lock, pipe, report).run()
    finally:
        shipper.close()
        lock.release()
