"""Runs on the server: created once, found again, filled in as few requests as the server's limits allow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from skribe.backends.mlflow.client import Client, P, T
from skribe.backends.mlflow.trouble import ABSENT, EXISTS, NO_SUCH_PAGE, Denied
from skribe.backends.mlflow.values import OLD_VALUE_OF_PARAM, VALUE_OF_PARAM, shortened
from skribe.errors import Unreachable

_METRICS, _PARAMS, _TAGS, _TOGETHER = 1000, 100, 100, 1000
_PAGE = 1000
_TRIES = 4


class Entry(NamedTuple):
    """A parameter, a tag, or a point of a metric, on its way."""

    kind: str  # param, tag, metric
    key: str
    value: Any
    time: int = 0
    step: int = 0
    model: str | None = None
    dataset: tuple[str, str] | None = None


class Gone(Exception):  # noqa: N818 - a fact about a run, not an error
    """The run is in the trash of the server, or removed."""


class Runs:
    """The runs of one MLflow."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._experiments: dict[str, str] = {}

    def _ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask for what every MLflow has. Where there is no such page, something else answers in its place for now."""
        try:
            return self._client.ask(question, *args, **kwargs)
        except Denied as denied:
            if denied.code != NO_SUCH_PAGE:
                raise
            raise Unreachable(f"What answers at {self._client.where} is no MLflow server: {denied}") from None

    # -- experiments

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name: created if there is none, and taken out of the trash."""
        if name not in self._experiments:
            self._experiments[name] = self._find(name) or self._create(name)
        return self._experiments[name]

    def _find(self, name: str) -> str | None:
        store = self._client.tracking
        try:
            found = self._ask(store.get_experiment_by_name, name)
        except Denied as denied:
            if denied.code != ABSENT:
                raise
            return None
        if found is None:
            return None
        if found.lifecycle_stage != "active":
            self._ask(store.restore_experiment, found.experiment_id)
        return str(found.experiment_id)

    def _create(self, name: str) -> str:
        try:
            return str(self._ask(self._client.tracking.create_experiment, name, None, None))
        except Denied as denied:
            # Somebody else was faster, or the answer to our own request was lost.
            found = self._find(name) if denied.code == EXISTS else None
            if found is None:
                raise
            return found

    def forget_experiments(self) -> None:
        """Ask the server again: an experiment may have been deleted meanwhile."""
        self._experiments.clear()

    # -- runs

    def create(self, experiment: str, name: str, start: int, tags: Mapping[str, str]) -> Any:
        """A new run."""
        from mlflow.entities import RunTag

        listed = [RunTag(key, value) for key, value in tags.items()]
        user = tags.get("mlflow.user", "")
        return self._ask(self._client.tracking.create_run, experiment, user, start, listed, name)

    def get(self, run: str) -> Any | None:
        """The run with what it holds; None if there is none of this id."""
        try:
            return self._ask(self._client.tracking.get_run, run)
        except Denied as denied:
            if denied.code not in (ABSENT, "INVALID_PARAMETER_VALUE"):
                raise
            return None

    def tagged(self, experiments: Iterable[str], tag: str, value: str) -> list[Any]:
        """The runs that have this tag and are not in the trash, oldest first."""
        from mlflow.entities import ViewType

        where, token, found = f"tags.`{tag}` = '{value}'", None, []
        listed = sorted(set(experiments))
        while listed:
            # The same for every store: the public `search_runs` gives one page, too.
            page = self._ask(
                self._client.tracking.search_runs,
                listed,
                where,
                ViewType.ACTIVE_ONLY,
                _PAGE,
                ["attributes.start_time ASC"],
                token,
            )
            found += list(page)
            token = page.token
            if not token:
                break
        return found

    def end(self, run: str, status: str, time: int, name: str | None) -> None:
        """The run's status, end and name."""
        from mlflow.entities import RunStatus

        self._ask(self._client.tracking.update_run_info, run, RunStatus.from_string(status), time, name)

    def tag(self, run: str, key: str, value: str) -> None:
        """Set one tag of the run."""
        from mlflow.entities import RunTag

        self._ask(self._client.tracking.set_tag, run, RunTag(key, value))

    def log_inputs(self, run: str, inputs: list[Any]) -> None:
        """Write what went into the run."""
        for _ in range(_TRIES - 1):
            try:
                self._client.ask(self._client.tracking.log_inputs, run, inputs)
            except Denied as denied:
                # Two runs bring the same data set at the same moment, and the server makes it for both: the other
                # one's is there now, and will be found.
                if not denied.is_there_already:
                    raise
            else:
                return
        self._client.ask(self._client.tracking.log_inputs, run, inputs)

    def delete(self, run: str) -> None:
        """Put the run into the trash of the server, if it is not there already."""
        try:
            self._ask(self._client.tracking.delete_run, run)
        except Denied:
            state = self.get(run)
            if state is not None and state.info.lifecycle_stage == "active":
                raise

    # -- what is in a run

    def log(self, run: str, entries: list[Entry], refuse: Callable[[str, str], None]) -> None:
        """Write the entries. What the server refuses is named to `refuse`, and the others are written all the same.

        Raises Gone if the run is not there any more.
        """
        for batch in _batches(entries):
            try:
                self._send(run, batch)
            except Denied as denied:
                self._without_culprits(run, batch, denied, refuse)

    def _without_culprits(
        self, run: str, batch: list[Entry], denied: Denied, refuse: Callable[[str, str], None]
    ) -> None:
        state = self.get(run)
        if state is None or state.info.lifecycle_stage != "active":
            raise Gone from denied
        if denied.is_there_already and any(entry.model is not None for entry in batch):
            batch = self._without_models(batch)
        there = state.data.params
        kept = []
        for entry in batch:
            if entry.kind == "param" and there.get(entry.key, entry.value) != entry.value:
                before = shortened(there[entry.key], 80)
                refuse(f"param {entry.key}", f"MLflow keeps the first value of a parameter, which is {before!r}")
            else:
                kept.append(entry)
        self._halve(run, kept, refuse)

    def _halve(self, run: str, entries: list[Entry], refuse: Callable[[str, str], None]) -> None:
        """Send them all, or each half by itself, until what is refused stands alone."""
        if not entries:
            return
        try:
            self._send(run, entries)
        except Denied as again:
            if len(entries) > 1:
                middle = len(entries) // 2
                self._halve(run, entries[:middle], refuse)
                self._halve(run, entries[middle:], refuse)
                return
            entry = entries[0]
            if again.is_there_already and entry.model is not None:
                # The model has this point. Whether the run has it too the server finds out by itself.
                self._halve(run, [entry._replace(model=None, dataset=None)], refuse)
                return
            # Servers before 2.8 take 500 characters.
            if entry.kind == "param" and len(entry.value) > OLD_VALUE_OF_PARAM:
                self._halve(run, [entry._replace(value=shortened(entry.value, OLD_VALUE_OF_PARAM))], refuse)
                return
            refuse(f"{entry.kind} {entry.key}", str(again))

    def _without_models(self, batch: list[Entry]) -> list[Entry]:
        """The entries, those that their model has got already no longer tied to it."""
        there: set[tuple[str | None, str, int, int]] = set()
        for model in {entry.model for entry in batch if entry.model is not None}:
            with contextlib.suppress(Denied):
                found = self._client.ask(self._client.tracking.get_logged_model, model)
                there |= {(model, point.key, point.timestamp, point.step) for point in found.metrics or ()}
        return [
            entry._replace(model=None, dataset=None)
            if (entry.model, entry.key, entry.time, entry.step) in there
            else entry
            for entry in batch
        ]

    def _send(self, run: str, entries: list[Entry]) -> None:
        from mlflow.entities import Param, RunTag

        metrics = [_metric(entry, run) for entry in entries if entry.kind == "metric"]
        params = [Param(e.key, shortened(e.value, VALUE_OF_PARAM)) for e in entries if e.kind == "param"]
        tags = [RunTag(entry.key, entry.value) for entry in entries if entry.kind == "tag"]
        self._ask(self._client.tracking.log_batch, run, metrics, params, tags)


def _metric(entry: Entry, run: str) -> Any:
    from mlflow.entities import Metric

    if entry.model is None:
        return Metric(entry.key, entry.value, entry.time, entry.step)
    name, digest = entry.dataset or (None, None)
    return Metric(
        entry.key,
        entry.value,
        entry.time,
        entry.step,
        model_id=entry.model,
        dataset_name=name,
        dataset_digest=digest,
        run_id=run,
    )


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The entries in as few batches as the server takes."""
    limits = {"metric": _METRICS, "param": _PARAMS, "tag": _TAGS}
    open_batches: list[tuple[dict[str, int], list[Entry]]] = []
    for entry in entries:
        for counts, batch in open_batches:
            if counts[entry.kind] < limits[entry.kind] and len(batch) < _TOGETHER:
                break
        else:
            counts, batch = dict.fromkeys(limits, 0), []
            open_batches.append((counts, batch))
        counts[entry.kind] += 1
        batch.append(entry)
    yield from (batch for _, batch in open_batches)
