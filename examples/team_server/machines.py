"""The machines of the team: here processes, each with a store of its own, that share nothing but the MLflow server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import skribe
from servers import NotStarted, end, environment, tail

WORK = Path(__file__).with_name("work.py")
PATIENCE = 180.0


class Machine:
    """A machine with what runs on it: `ready` when it could begin."""

    def __init__(self, role: str, name: str, folder: Path, server: str, pictures: bool) -> None:
        self.name, self.role = name, role
        self.store = folder / "skribe_runs"
        self.log = folder / "log"
        self.began = self.ended = 0.0
        folder.mkdir()
        with self.log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(WORK), role, name, server, "pictures" if pictures else ""],
                cwd=folder,
                env=environment(SKRIBE_STORE=str(self.store), TMPDIR=str(folder)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def tell(self, word: str) -> None:
        """One line to its standard input."""
        assert self._process.stdin is not None
        self.began = self.began or time.time()
        with contextlib.suppress(BrokenPipeError):  # `hear` says why
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()

    def hear(self, *wanted: str) -> str:
        """The next line that it says. NotStarted, with the end of its log, if it is none of these."""
        assert self._process.stdout is not None
        clock = threading.Timer(PATIENCE, self.stop)
        clock.start()
        try:
            said = self._process.stdout.readline().strip()
        finally:
            clock.cancel()
        if said not in wanted:
            raise NotStarted("\n".join([f"{self.name} said {said!r} instead of {wanted}:", *tail(self.log)]))
        self.ended = time.time()
        return said

    def finish(self) -> int:
        """Nothing more will be asked of it: it ends as any Python program does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(PATIENCE)

    def stop(self) -> None:
        """End it, if it runs."""
        end(self._process, patience=2.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def runs(self) -> Any:
        """What its store has by now, a row for each run."""
        return skribe.runs(store=self.store, children=True)

    def count(self) -> int:
        """How many runs its store has by now."""
        return len(self.runs()) if self.store.exists() else 0

    def sync(self) -> tuple[int, str]:
        """`skribe sync`, as one would type it there: its exit code and what it says."""
        program = os.path.join(os.path.dirname(sys.executable), "skribe")
        done = subprocess.run(
            [program, "sync", f"--store={self.store}"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.returncode, (done.stdout or done.stderr).strip()
