"""The process that `background` starts: it says where it serves, and ends when nobody holds its standard input."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import threading
import time

from skribe.errors import SkribeError
from skribe.ui.serve import allowed, bind, run, url_of

_HOST = "127.0.0.1"
_NICE = 5  # fits go first


def main(folder: str, embeddable: bool) -> None:
    """Serve until the parent ends."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICE)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    threading.Thread(target=_end_at_end_of_input, daemon=True).start()
    try:
        bound, _ = bind(_HOST, 0)
    except SkribeError as error:
        _say({"error": str(error)})
        return
    with contextlib.closing(bound):
        # Other accounts of this machine reach the port as well. Only who is told this can ask for anything, and it is
        # told through a pipe: arguments can be read by all.
        prefix = secrets.token_urlsafe(32)
        _say({"url": f"{url_of(_HOST, bound.getsockname()[1])}{prefix}/"})
        run(folder, bound, allowed(_HOST), embeddable=embeddable, prefix=prefix)


def _say(what: dict[str, str]) -> None:
    print(json.dumps(what), flush=True)


def _end_at_end_of_input() -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(0, 4096):
            pass
    os._exit(0)


def _end_with(parent: int) -> None:
    """A child that our parent forked would hold the input open for longer than the parent lives."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], "--embeddable" in sys.argv[2:])
