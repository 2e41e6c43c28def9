"""A `Score` becomes records of the run that the model is from: metric, data set, curves, and what needs a word."""

from __future__ import annotations

import json
import math
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skribe.capture import dataset
from skribe.capture.fingerprint import fingerprint
from skribe.capture.rowprints import row_prints, shared_rows
from skribe.capture.state import names_in, state_of
from skribe.guard import contain, hushed
from skribe.linked import Link, Links
from skribe.metrics.results import table_of_result
from skribe.modelled import make_room
from skribe.recording import Record
from skribe.records import Artifact, Changes, Dataset, Metric, Note, Score, Table
from skribe.settings import Settings
from skribe.store.artifacts import ArtifactStore

INFO = "metric_info.json"
_UNKNOWN = "unknown_dataset"
# So many different scores of one model are written down by themselves.
_MOST = 1000
# Of larger data neither curves are made nor rows compared while the user waits.
_ROWS = 200_000


class Memory(NamedTuple):
    """What a store knows of a model that another process has fitted."""

    run: str
    experiment: str
    trained_on: str | None
    datasets: Mapping[str, list[str]]
    calls: Mapping[str, str]


Recall = Callable[[Path, str | None, str | None], Memory | None]


class _Seen(NamedTuple):
    """A data set that has been described, for as long as the object lives."""

    X: Any
    y: Any
    sample: str | None
    described: Dataset


class Scoreboard:
    """Writes down how good models are, each with the run that it is from."""

    def __init__(self, recall: Recall) -> None:
        self._links = Links()
        self._recall = recall  # finds a run by what its model has learnt, or by its id
        self._seen: dict[int, _Seen] = {}

    def configure(self, settings: Settings, folder: Path, write: Callable[..., None]) -> None:
        """Where the scores of models are looked up and written that no fit of this process has made."""
        self._settings, self._folder, self._write = settings, folder, write

    # -- which model is from which run

    def mark_of(self, model: Any) -> Link | None:
        """The run of a model; one that came from a file is looked up, once."""
        return self._links.of(model) if self._links.knows(model) else self._remembered(model)

    def fitted(self, estimator: Any, record: Record) -> None:
        """This run has made this model."""
        link = Link(record.run, record.folder, record.write, record.settings, record.experiment)
        link.learn(estimator, record.X, record.fingerprint)
        self._links.put(estimator, link)
        best = vars(estimator).get("best_estimator_") if record.kind == "search" else None
        if best is not None:
            self._links.put(best, link.twin(best))

    def loaded(self, model: Any, run: str, folder: Path, write: Callable[..., None]) -> None:
        """This model has come out of a store: its scores belong to that run."""
        memory = self._recall(folder, None, run)
        if memory is not None:
            link = self._linked_again(memory, folder, write)
            link.names = names_in(model)
            link.state = state_of(model, link.names)
            self._links.put(model, link)

    def _linked_again(self, memory: Memory, folder: Path, write: Callable[..., None]) -> Link:
        link = Link(memory.run, folder, write, self._settings, memory.experiment, trained_on=memory.trained_on)
        link.board.datasets.update({name: list(prints) for name, prints in memory.datasets.items()})
        link.board.calls.update(memory.calls)
        return link

    def scored(self, score: Score) -> None:
        with hushed():
            link = self._link_of(score)
            if link is None:
                return
            with link.board.lock:
                self._add(link, score)

    # -- whose score it is

    def _link_of(self, score: Score) -> Link | None:
        model: Any = score.model
        link: Link | None = score.mark
        if link is None or model is None or self._links.of(model) is not link:
            return link
        if not link.holds_for(model):
            reason = "the model has been changed since it was fitted, so its scores are not those of this run"
            if _first_time(link, "changed"):
                link.write(Changes(run=link.run, notes=(Note("scores", reason),)))
            return None
        return link

    def _remembered(self, model: Any) -> Link | None:
        with hushed():
            state = state_of(model)
        memory = None if state is None else self._recall(self._folder, state, None)
        link = None if memory is None else self._linked_again(memory, self._folder, self._write)
        self._links.put(model, link)
        return link

    # -- what is written

    def _add(self, link: Link, score: Score) -> None:
        described = self._described(score)
        first_name = next((name for name in score.names if name), _UNKNOWN)
        name, is_new = _numbered(link, first_name, described)
        key = f"{metric_of(score)}_{name}"
        if key not in link.board.calls and len(link.board.calls) >= _MOST:
            if _first_time(link, "many"):
                reason = f"more than {_MOST} different scores; the others are not written down"
                link.write(Changes(run=link.run, notes=(Note("scores", reason),)))
            return
        number = _number(score.value)
        tables = [] if number is not None else [Table(key, name, table_of_result(score.metric, score.value))]
        tables += self._curves(link, score, name)
        notes = self._leak(link, score, described, name) if is_new else ()
        is_described = not is_new or _is_training(link, described)
        link.write(
            Changes(
                run=link.run,
                metrics=() if number is None else (Metric(key, number, None, time.time()),),
                datasets=() if is_described else (described._replace(name=name),),
                tables=tuple(tables),
                notes=notes,
                artifacts=_noted(link, key, score.call),
            )
        )
        if link.settings.keep_models is not None and link.settings.keep_models.by == key:
            make_room(link.settings, link.folder, link.experiment, link.run)

    def _described(self, score: Score) -> Dataset:
        """The scored data: described once for as long as both objects live and look the same."""
        X, y = score.X, score.y
        key, sample = id(X if X is not None else y), _sample(X if X is not None else y)
        seen = self._seen.get(key)
        if seen is not None and seen.X() is X and (y is None or seen.y() is y) and seen.sample == sample:
            return seen.described
        described = dataset(X if X is not None else y, None if X is None else y, role="eval")
        try:
            held_X = weakref.ref(X, lambda _gone: self._seen.pop(key, None))
            held_y = _nothing if y is None else weakref.ref(y)
        except TypeError:
            return described
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[key] = _Seen(held_X, held_y, sample, described)
        return described

    @staticmethod
    def _curves(link: Link, score: Score, name: str) -> list[Table]:
        """The pictures of the answers beside the targets, once for each way of asking about each data set."""
        if not link.settings.log_plots or score.y is None or score.model is None:
            return []
        fresh = {
            method: said
            for method, said in score.answers.items()
            if (name, method) not in link.board.drawn and method in ("predict", "predict_proba", "decision_function")
        }
        if not fresh or not hasattr(score.y, "__len__") or len(score.y) > _ROWS:
            return []
        from skribe.metrics.heldout import evaluation_of
        from skribe.metrics.points import curves_of

        link.board.drawn.update((name, method) for method in fresh)
        weight = score.options.get("sample_weight")
        found = evaluation_of(score.model, score.y, fresh, weight)
        if found is None:
            return []
        curves = contain("the curves of a score", curves_of, found, pos_label=link.settings.pos_label) or {}
        return [Table(picture, name, body) for picture, body in curves.items() if picture != "absent"]

    @staticmethod
    def _leak(link: Link, score: Score, described: Dataset, name: str) -> tuple[Note, ...]:
        """How many of the scored rows the model has been trained on."""
        X = score.X
        if X is None or _is_training(link, described):
            return ()
        trained = link.training_rows()
        rows = None if trained is None else row_prints(X)
        shared = None if trained is None or rows is None else shared_rows(rows, trained)
        if not shared or rows is None:
            return ()
        total = len(rows.prints)
        return (Note(name, f"{shared} of its {total} rows are also rows of the training data"),)


def _nothing() -> None:
    return None


def metric_of(score: Score) -> str:
    """The first part of the key: MLflow's name, and the options that make it another quantity."""
    head = f"{type(score.model).__name__}_score" if score.metric == "score" else score.metric
    return head + "".join(f"-{key}.{_short(value)}" for key, value in sorted(score.options.items()))


def _short(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        text = str(value)
        if len(text) <= 24 and text.replace("_", "").replace(".", "").replace("-", "").isalnum():
            return text
    return (fingerprint(value) or fingerprint(repr(value)) or "other")[:6]


def _numbered(link: Link, name: str, described: Dataset) -> tuple[str, bool]:
    """The name of the data set in this run, and whether it is new there: other data of the same name get a number."""
    print_ = str(described.details.get("X_fingerprint") or described.fingerprint)
    known = link.board.datasets.setdefault(name, [])
    is_new = print_ not in known
    if is_new:
        known.append(print_)
    place = known.index(print_)
    return (name if place == 0 else f"{name}-{place + 1}"), is_new


def _is_training(link: Link, described: Dataset) -> bool:
    return link.trained_on is not None and described.details.get("X_fingerprint") == link.trained_on


def _number(value: Any) -> float | None:
    if isinstance(value, bool | int | float | np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return number if math.isfinite(number) or math.isnan(number) else None
    return None


def _first_time(link: Link, what: str) -> bool:
    if what in link.board.said:
        return False
    link.board.said.add(what)
    return True


def _noted(link: Link, key: str, call: str) -> tuple[Artifact, ...]:
    """The calls behind the metrics as a file, in MLflow's form; written again where there is a new one."""
    if link.board.calls.get(key) == call:
        return ()
    link.board.calls[key] = call
    body = json.dumps(link.board.calls, indent=2, ensure_ascii=False).encode("utf-8", "replace")
    kept = contain("the calls of metrics", ArtifactStore(link.folder).put_bytes, link.run, INFO, body)
    return () if kept is None else (kept,)


def _sample(value: Any) -> str | None:
    """A few of the values, to see whether an array has been written over."""
    if not isinstance(value, np.ndarray) or value.dtype.hasobject or not value.size:
        return str(getattr(value, "shape", None))
    some = value if value.size <= 4096 else value.flat[:: value.size // 2048]
    return fingerprint(np.ascontiguousarray(some))


def remembered(folder: Path, run: str, experiment: str, described: Iterable[Dataset]) -> Memory:
    """What a run's model has been trained and scored on before, and by which calls."""
    names: dict[str, list[str]] = {}
    trained_on = None
    for each in described:
        print_ = each.details.get("X_fingerprint") or each.fingerprint
        if each.name is None:
            trained_on = print_ if each.role == "train" else trained_on
            continue
        base, _, number = each.name.rpartition("-")
        name = base if number.isdigit() and base in names else each.name
        names.setdefault(name, []).append(str(print_))
    try:
        calls = json.loads(ArtifactStore(folder).path(run, INFO).read_text(encoding="utf-8"))
    except Exception:  # noqa: BLE001 - there is none yet, or it cannot be read
        calls = {}
    return Memory(run, experiment, trained_on, names, calls if isinstance(calls, dict) else {})
