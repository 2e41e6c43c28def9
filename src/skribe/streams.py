"""The calls of `partial_fit` on one object, which are one run: a step per call."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skribe.guard import contain
from skribe.records import Call, Metric, Param


@dataclass(slots=True)
class Stream:
    """How far an object has come by `partial_fit`, and where that is written."""

    pid: int
    run: str = ""
    params: tuple[Param, ...] = ()
    write: Callable[..., None] = print
    folder: Path = Path()
    steps: int = 0
    rows: int = 0
    wall: float = 0.0
    cpu: float | None = 0.0
    beside: Any = None  # what is written beside its model
    kept_at: float = 0.0  # when its model was last written, and how long that took
    cost: float = 0.0
    kept_step: int = -1  # after which step it was
    unsaved: Callable[[], None] | None = None  # writes the model, if it has gone on since

    def begin(self, run: str, params: tuple[Param, ...], write: Callable[..., None], folder: Path) -> None:
        """The first call: this is its run."""
        self.run, self.params, self.write, self.folder = run, params, write, folder

    def settle(self) -> None:
        """Write the model, if it has gone on since it was written."""
        if self.unsaved is not None and self.pid == os.getpid():
            contain("the model of a stream", self.unsaved)

    def step(self, found: list[Metric], call: Call, rows: int | None) -> list[Metric]:
        """Count the call, and give its metrics the number of the call as their step."""
        step, self.steps = self.steps, self.steps + 1
        self.wall += call.wall
        self.cpu = None if self.cpu is None or call.cpu is None else self.cpu + call.cpu
        stepped = [metric._replace(step=step) for metric in found if metric.step is None]
        stepped.append(Metric("fit_seconds", call.wall, step))
        if rows is not None:
            self.rows += rows
            stepped.append(Metric("rows_seen", self.rows, step))
        return stepped


class Streams:
    """The streams of the objects that are still there. Nothing is written on the objects themselves."""

    def __init__(self) -> None:
        self._streams: dict[int, tuple[weakref.ref[Any], Stream]] = {}
        self._lock = threading.RLock()

    def of(self, estimator: Any) -> Stream:
        """The stream of this object, a new one if it has none yet."""
        key = id(estimator)
        with self._lock:
            _settle_children_too(self)
            held = self._streams.get(key)
            # A forked child's object is another one, which goes its own way from here.
            if held is not None and held[0]() is estimator and held[1].pid == os.getpid():
                return held[1]
            stream = Stream(os.getpid())
            try:
                reference = weakref.ref(estimator, lambda _gone: self._drop(key, stream))
            except TypeError:  # `__slots__`: it cannot be known again, so each call is a run
                return stream
            self._streams[key] = reference, stream
            return stream

    def settle(self) -> None:
        """Write the models of all streams that have gone on since theirs was written."""
        with self._lock:
            streams = [stream for _, stream in self._streams.values()]
        for stream in streams:
            stream.settle()

    def forget(self, estimator: Any) -> None:
        """The object was fitted anew: its next `partial_fit` begins another run."""
        if self._streams:
            with self._lock:
                held = self._streams.pop(id(estimator), None)
            if held is not None and held[0]() is estimator:
                held[1].settle()

    def _drop(self, key: int, stream: Stream) -> None:
        with self._lock:
            held = self._streams.get(key)
            if held is not None and held[1] is stream:
                del self._streams[key]


_told: set[int] = set()


def _settle_children_too(streams: Streams) -> None:
    """A process that `multiprocessing` has started ends without `atexit`; it has a list of its own."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None and os.getpid() not in _told:
        from multiprocessing import util

        _told.add(os.getpid())
        util.Finalize(None, streams.settle, exitpriority=10)
