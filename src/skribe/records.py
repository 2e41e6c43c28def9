"""What is written down: small immutable records, and `Changes`, the unit in which they are written.

Everything that skribe knows about a run reaches the store as a sequence of `Changes`, each written in one
transaction under one journal number. A remote backend is fed the same sequence in the same order.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["fit", "search", "candidate", "cv", "fold", "stream", "manual"]
Status = Literal["running", "finished", "failed", "killed"]
ValueType = Literal["none", "bool", "int", "float", "str", "json", "object", "redacted"]


class Param(NamedTuple):
    """A parameter, as MLflow would write it (`str(value)`) with the type that gives the value back."""

    key: str
    value: str
    type: ValueType
    is_default: bool | None = None


class Fact(NamedTuple):
    """Something a fitted estimator knows about itself: `n_iter_`, `classes_`, the shape of `coef_`."""

    key: str
    value: str
    type: ValueType


class Metric(NamedTuple):
    """A number; with a step it is one point of a curve."""

    key: str
    value: float
    step: int | None = None
    time: float | None = None


class Note(NamedTuple):
    """Something that is absent, or that needs a word, and why."""

    what: str
    reason: str


class Warned(NamedTuple):
    """A warning raised while the run was open."""

    category: str
    message: str
    filename: str
    line: int
    times: int = 1


def counted(warned: Iterable[Warned]) -> tuple[Warned, ...]:
    """The same warnings, each once, with how often it came."""
    counts: dict[Warned, int] = {}
    for one in warned:
        counts[one] = counts.get(one, 0) + 1
    return tuple(one._replace(times=count) for one, count in counts.items())


class Dataset(NamedTuple):
    """What a data set looked like. It holds no rows."""

    role: str
    name: str | None
    kind: str
    shape: tuple[int, ...] | None
    fingerprint: str | None
    details: Mapping[str, Any]


class Artifact(NamedTuple):
    """A file of the run, below the store's artifact folder."""

    path: str
    size: int
    digest: str  # xxh3 of 128 bits; where content may be executed, `sha256:` and that


class Table(NamedTuple):
    """What is more than one number: a curve, a matrix, a report. It is drawn when somebody looks."""

    name: str  # roc, confusion_matrix, classification_report …
    data: str  # the data that it is about: training, or the name of a data set such as X_test
    body: Mapping[str, Any]  # as JSON can hold it


class Model(NamedTuple):
    """A fitted model that is kept in a folder of the run, in MLflow's layout."""

    path: str  # the folder below the run's: model, best_estimator
    file: str  # the model file in it
    format: str  # cloudpickle, pickle, joblib, skops
    size: int  # bytes of the model file
    digest: str  # `sha256:` and that of the model file
    estimator_class: str
    state: str | None = None  # equal for equal fitted attributes, so that the model is known again without its file
    step: int | None = None  # of a stream: the step after which it was written
    seal: str | None = None  # shows who has written it


class Registration(NamedTuple):
    """A model of the run becomes the next version of a registered name."""

    name: str
    path: str  # as in `Model.path`


class Candidate(NamedTuple):
    """One setting that a search tries, or one part of a cross-validation. It belongs to the run of the search."""

    number: int
    run: str | None  # the child run that it has, if it has one
    name: str
    params: Mapping[str, tuple[str, ValueType]]  # only what was chosen for it
    iteration: int | None = None
    resources: float | None = None


class Result(NamedTuple):
    """What one (candidate, split) gave, by itself and as soon as it is known."""

    candidate: int
    split: int
    began: float
    fit_time: float | None
    score_time: float | None
    worker: int
    body: Mapping[str, Any]  # test, train: a number, or one for each scorer; n_test, n_train; error; warnings
    key: str | None = None  # equal keys: the same task, whose result need not be computed again
    reused: str | None = None  # the run from which it was taken instead of being computed


class Failure(NamedTuple):
    """The exception that ended a run."""

    type: str
    message: str
    traceback: str


class Start(NamedTuple):
    """A run begins."""

    experiment: str
    name: str
    kind: Kind
    time: float
    parent: str | None = None
    estimator_name: str | None = None
    estimator_class: str | None = None


class End(NamedTuple):
    """A run's status from here on; the seconds are those of the user's call alone, without ours."""

    status: Status
    time: float
    wall: float | None = None
    cpu: float | None = None
    failure: Failure | None = None
    began: float | None = None  # the run began earlier than its start says


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one moment adds to one run. `start` comes first and once; `end` may come again (a stream goes on)."""

    run: str
    start: Start | None = None
    name: str | None = None
    params: tuple[Param, ...] = ()
    metrics: tuple[Metric, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    notes: tuple[Note, ...] = ()
    warnings: tuple[Warned, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    results: tuple[Result, ...] = ()
    tables: tuple[Table, ...] = ()
    models: tuple[Model, ...] = ()
    registered: tuple[Registration, ...] = ()
    erased: tuple[str, ...] = ()  # children that are not to be kept, with all that is inside of them
    wanted: tuple[str, ...] = ()  # the backends that the run, and what is inside of it, is to be delivered to
    end: End | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the tasks of a search or of a cross-validation add to its run when it is over."""

    params: tuple[Param, ...] = ()
    metrics: tuple[Metric, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    notes: tuple[Note, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    erased: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One call that is worth a run, as the hooks saw it: all that they tell the recorder.

    Usually it is the outermost call of a fit method; it may be a search inside another call, or a function such as
    `cross_validate`.
    """

    method: str
    estimator: Any
    arguments: Mapping[str, Any]
    function: bool = False  # a function that fits estimators, not a method of one
    inside: Any = None  # the run by hand that is open around the call, as `skribe.recorder` made it
    within: Call | None = None  # the call that this one is a part of
    task: int | None = None  # and the task of it, as in `Task.number`
    task_began: float | None = None
    tasks: int = 0  # how many tasks the call has given out, and in how many batches
    batches: int = 0
    started: float = 0.0
    wall: float = 0.0
    cpu: float | None = None
    members: list[tuple[int, str, float]] | None = None  # id, class name and seconds of each fit directly inside
    warned: list[Warned] = field(default_factory=list)
    opens: bool = False  # the cross-validations inside are runs of their own
    heard: list[tuple[int, float]] | None = None  # columns and mean score of each cross-validation inside
    result: Any = None
    error: BaseException | None = None
    record: Any = None  # the recorder's own, from `begin` to `end`


class Task(NamedTuple):
    """One of the tasks into which a search or a cross-validation is divided, before it is done."""

    number: int  # from 0, through all of the call
    function: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    batch: int = 0  # tasks that were given out together: a halving search's iterations


class Outcome(NamedTuple):
    """What a task gave. The times are those of its worker; they are None where nobody was there to take them."""

    number: int
    result: Any
    began: float | None = None
    ended: float | None = None
    worker: Any = None  # whatever tells one worker from another
    warned: tuple[Warned, ...] | None = None  # None: it could not be seen
    inner: Mapping[str, Any] | None = None  # what a search found that ran inside the task, in another process
    reused: str | None = None  # the run that it was taken from instead of being computed
    model: Any = None  # what was fitted, where the listener wants it


class Score(NamedTuple):
    """The user has asked how good a fitted model is, and has been told."""

    metric: str  # accuracy_score; `score` where the model was asked by itself
    value: Any
    mark: Any  # what the listener knows the model by; None if it has not seen the model
    model: Any  # None if it is gone
    X: Any  # what the model was asked about; None if it is gone
    about: str | None  # then this stands for it
    y: Any
    names: tuple[str | None, str | None]  # what the user calls X and y
    answers: Mapping[str, Any]  # what the model has said: method and answer
    options: Mapping[str, Any]  # the arguments beside the data that are not the defaults
    call: str  # as it could be written


class ProcessInfo(NamedTuple):
    """The process that writes, so that others can tell whether it still lives, and what it ran on."""

    token: str
    host: str
    boot: str
    pid: int
    started: str
    environment: Mapping[str, Any]
    source: str | None


_last_id: tuple[int, int] = (0, 0)
_id_lock = threading.Lock()


def new_id() -> str:
    """A UUID of version 7: sorts by time, also within one millisecond of one process.

    The random bits are the operating system's: neither `random` nor `numpy.random` is touched.
    """
    global _last_id
    with _id_lock:
        now, count = time.time_ns() // 1_000_000, 0
        if now <= _last_id[0]:
            now, count = _last_id[0], _last_id[1] + 1
            if count > 0xFFF:
                now, count = now + 1, 0
        _last_id = (now, count)
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    digits = f"{(now << 80) | (0x7 << 76) | (count << 64) | (0b10 << 62) | tail:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
