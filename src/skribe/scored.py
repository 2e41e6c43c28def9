"""A `Score` becomes records of the run that the model is from: metric, data set, curves, and what needs a word."""

from __future__ import annotations

import json
import math
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skribe.capture import dataset
from skribe.capture.fingerprint import fingerprint
from skribe.capture.rowprints import row_prints, shared_rows
from skribe.capture.sample import content_of
from skribe.capture.state import names_in, state_of
from skribe.guard import contain, hushed
from skribe.linked import Board, Identity, Link, Links
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
    datasets: Mapping[str, list[Identity]]
    calls: Mapping[str, str]


Recall = Callable[[Path, str | None, str | None], Memory | None]


class Scoreboard:
    """Writes down how good models are, each with the run that it is from."""

    def __init__(self, recall: Recall) -> None:
        self._links = Links()
        self._recall = recall  # finds a run by what its model has learnt, or by its id
        self._seen: dict[tuple[str, str | None], Dataset] = {}
        self._boards: weakref.WeakValueDictionary[str, Board] = weakref.WeakValueDictionary()

    def configure(self, settings: Settings, folder: Path, write: Callable[..., None]) -> None:
        """Where the scores of models are looked up and written that no fit of this process has made."""
        self._settings, self._folder, self._write = settings, folder, write

    # -- which model is from which run

    def mark_of(self, model: Any) -> Link | None:
        """The run of a model; one that came from a file is looked up, once."""
        return self._links.of(model) if self._links.knows(model) else self._remembered(model)

    def fitted(self, estimator: Any, record: Record) -> None:
        """This run has made this model."""
        board = self._boards.setdefault(record.run, Board())
        link = Link(record.run, record.folder, record.write, record.settings, record.experiment, board=board)
        link.learn(estimator, record.X, record.fingerprint, record.state)
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
        board = self._boards.get(memory.run)
        if board is None:
            board = self._boards[memory.run] = Board()
            board.datasets.update({name: list(known) for name, known in memory.datasets.items()})
            board.calls.update(memory.calls)
        return Link(
            memory.run, folder, write, self._settings, memory.experiment, trained_on=memory.trained_on, board=board
        )

    def scored(self, score: Score) -> None:
        with hushed():
            link = self._link_of(score)
            if link is not None:
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
        board, number = link.board, _number(score.value)
        if number is None and not hasattr(sys.modules.get("sklearn.metrics"), score.metric):
            return  # what a function of the user's gives may be made of the user's data
        if len(board.calls) >= _MOST:
            if _first_time(link, "many"):
                reason = f"more than {_MOST} different scores; the others are not written down"
                link.write(Changes(run=link.run, notes=(Note("scores", reason),)))
            return
        described, identity = self._described(score)
        is_training = link.trained_on is not None and described.details.get("X_fingerprint") == link.trained_on
        with board.lock:
            name, is_new = _numbered(board, next((name for name in score.names if name), _UNKNOWN), identity)
            key = f"{metric_of(score)}_{name}"
            artifacts = _noted(link, key, score.call)
        tables = [] if number is not None else [Table(key, name, table_of_result(score.metric, score.value))]
        details = {**described.details, "identity": list(identity)}
        link.write(
            Changes(
                run=link.run,
                metrics=() if number is None else (Metric(key, number, None, time.time()),),
                datasets=(described._replace(name=name, details=details),) if is_new and not is_training else (),
                tables=(*tables, *self._curves(link, score, name)),
                notes=_leak(link, score, name) if is_new and not is_training else (),
                artifacts=artifacts,
            )
        )
        if link.settings.keep_models is not None and link.settings.keep_models.by == key:
            make_room(link.settings, link.folder, link.experiment, link.run)

    def _described(self, score: Score) -> tuple[Dataset, Identity]:
        """The scored data, and what tells them from others: what stands for X and for the targets."""
        X, y = score.X, score.y
        of_X, of_y = content_of(X), None if y is None else content_of(np.asarray(y))
        known = None if of_X is None else self._seen.get((of_X, of_y))
        if known is None:
            known = dataset(y, role="eval") if X is None else dataset(X, y, role="eval")
            if of_X is not None:
                if len(self._seen) > 256:
                    self._seen.clear()
                self._seen[of_X, of_y] = known
        return known, (str(of_X or known.details.get("X_fingerprint") if X is not None else score.about), of_y)

    @staticmethod
    def _curves(link: Link, score: Score, name: str) -> list[Table]:
        """The pictures of the answers beside the targets, once for each way of asking about each data set."""
        y, drawn = score.y, link.board.drawn
        if not link.settings.log_plots or y is None or score.model is None or "sample_weight" in score.options:
            return []
        fresh = {
            method: said
            for method, said in score.answers.items()
            if (name, method) not in drawn and method in ("predict", "predict_proba", "decision_function")
        }
        if not fresh or not hasattr(y, "__len__") or len(y) > _ROWS:
            return []
        from skribe.metrics.heldout import evaluation_of
        from skribe.metrics.points import curves_of

        drawn.update((name, method) for method in fresh)
        found = evaluation_of(score.model, y, fresh)
        if found is None:
            return []
        curves = contain("the curves of a score", curves_of, found, pos_label=link.settings.pos_label) or {}
        return [Table(picture, name, body) for picture, body in curves.items() if picture != "absent"]


def _leak(link: Link, score: Score, name: str) -> tuple[Note, ...]:
    """How many of the scored rows the model has been trained on."""
    shape = getattr(score.X, "shape", None)
    if not shape or shape[0] > _ROWS:
        return ()
    trained = link.training_rows(_ROWS)
    rows = None if trained is None else row_prints(score.X)
    shared = None if trained is None or rows is None else shared_rows(rows, trained)
    if not shared or rows is None:
        return ()
    return (Note(name, f"{shared} of its {len(rows.prints)} rows are also rows of the training data"),)


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


def _numbered(board: Board, name: str, identity: Identity) -> tuple[str, bool]:
    """The name of the data set in this run, and whether it is new there: other data of the same name get a number."""
    known = board.datasets.setdefault(name, [])
    X, y = identity
    for place, (other_X, other_y) in enumerate(known):
        if other_X == X and (y == other_y or y is None or other_y is None):
            known[place] = X, y if other_y is None else other_y
            return (name if place == 0 else f"{name}-{place + 1}"), False
    known.append(identity)
    return (name if len(known) == 1 else f"{name}-{len(known)}"), True


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
    calls = link.board.calls
    if calls.get(key) == call:
        return ()
    store = ArtifactStore(link.folder)
    calls.update({other: text for other, text in _calls_in(store, link.run).items() if other not in calls})
    calls[key] = call
    body = json.dumps(calls, indent=2, ensure_ascii=False).encode("utf-8", "replace")
    kept = contain("the calls of metrics", store.put_bytes, link.run, INFO, body)
    return () if kept is None else (kept,)


def _calls_in(store: ArtifactStore, run: str) -> dict[str, str]:
    """What is in the file now: another process may have scored the same model."""
    try:
        calls = json.loads(store.path(run, INFO).read_text(encoding="utf-8"))
    except Exception:  # noqa: BLE001 - there is none yet, or it cannot be read
        return {}
    return calls if isinstance(calls, dict) else {}


def remembered(folder: Path, run: str, experiment: str, described: Iterable[Dataset]) -> Memory:
    """What a run's model has been trained and scored on before, and by which calls."""
    names: dict[str, list[Identity]] = {}
    trained_on = None
    for each in described:
        if each.name is None:
            trained_on = each.details.get("X_fingerprint") if each.role == "train" else trained_on
            continue
        base, _, number = each.name.rpartition("-")
        name = base if number.isdigit() and base in names else each.name
        X, y = each.details.get("identity") or (each.details.get("X_fingerprint"), None)
        names.setdefault(name, []).append((str(X), y))
    return Memory(run, experiment, trained_on, names, _calls_in(ArtifactStore(folder), run))
