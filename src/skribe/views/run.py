"""One run, as it is shown: everything that was written down of it, in the order in which people ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skribe.display.text import headline, number
from skribe.records import Metric, Param
from skribe.store.query import Query, RunRow
from skribe.store.values import plain_value
from skribe.views.models import ModelView, models_of

# Children are listed to this number; a search has its own table of them.
_CHILDREN = 500
_OWN_TAGS = frozenset({"estimator_name", "estimator_class"})


@dataclass(frozen=True, slots=True)
class RunRef:
    """Another run, named."""

    id: str
    name: str
    kind: str
    status: str
    start: float
    wall: float | None
    headline: str

    @property
    def short_id(self) -> str:
        return self.id[-8:]


@dataclass(frozen=True, slots=True)
class ParamView:
    """A parameter: the value as JSON can hold it, and as text."""

    key: str
    value: Any
    text: str
    changed: bool  # it is no default: set by the user, logged by hand, or chosen by a search


@dataclass(frozen=True, slots=True)
class MetricView:
    """The last value of a metric, as a text if it is not finite. One with steps has a curve, for `Query.history`."""

    key: str
    value: float | str
    text: str
    steps: int | None


@dataclass(frozen=True, slots=True)
class ErrorView:
    """The exception that ended the run."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A data set: what is known of it without a row."""

    role: str
    name: str | None
    kind: str
    shape: tuple[int, ...] | None
    fingerprint: str | None
    columns: tuple[tuple[str, str], ...]  # name and type; of a wide table the first
    n_columns: int | None
    target: Mapping[str, Any]  # kind, dtype, classes …
    facts: tuple[tuple[str, str], ...]  # whatever else is known: memory, missing values …


@dataclass(frozen=True, slots=True)
class ArtifactView:
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class RunView:
    """What is shown of a run."""

    id: str
    name: str
    kind: str
    status: str
    experiment: str
    estimator: str | None
    estimator_class: str | None
    start: float
    end: float | None
    wall: float | None
    cpu: float | None
    deleted: float | None
    headline: str
    error: ErrorView | None
    parent: RunRef | None
    children: tuple[RunRef, ...]  # the oldest first, up to 500
    n_children: int
    best: RunRef | None  # the child that a search chose, or the best so far
    params: tuple[ParamView, ...]  # what is no default first
    metrics: tuple[MetricView, ...]  # the user's own first
    tags: Mapping[str, str]
    facts: tuple[tuple[str, str], ...]
    datasets: tuple[DatasetView, ...]
    warnings: tuple[tuple[str, str, str, int], ...]  # category, message, where, how often
    notes: tuple[tuple[str, str], ...]  # what is absent or needs a word, and why
    advice: tuple[str, ...]  # what the results of a search suggest: a best value at the edge of its range …
    models: tuple[ModelView, ...]
    artifacts: tuple[ArtifactView, ...]
    pictures: tuple[tuple[str, str], ...]  # name and data of what can be drawn, for `picture_of`
    tables: tuple[tuple[str, str], ...]  # the same of what is shown as a table
    curves: tuple[str, ...]  # the metrics that have steps
    environment: Mapping[str, Any]
    source: str | None
    remotes: Mapping[str, str]

    @property
    def short_id(self) -> str:
        return self.id[-8:]


def run_view(query: Query, run: str) -> RunView:
    """The run with this id, or the beginning of it. NotFound if there is none."""
    from skribe.plots.draw import DRAWABLE

    row = query.run_row(run)
    children = query.children(row)
    metrics, tags, tables = query.metrics(row), query.tags(row), query.table_names(row)
    process = query.process(row)
    best = tags.get("best_run")
    failure = row.error
    return RunView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        status=row.status,
        experiment=row.experiment,
        estimator=row.estimator_name,
        estimator_class=row.estimator_class,
        start=row.start,
        end=row.end,
        wall=row.wall,
        cpu=row.cpu,
        deleted=row.deleted,
        headline=_said(metrics),
        error=None if failure is None else ErrorView(failure.type, failure.message, failure.traceback),
        parent=None if row.parent is None else ref_of(query, query.run_row(row.parent)),
        children=refs_of(query, children[:_CHILDREN]),
        n_children=len(children),
        best=next((ref_of(query, child) for child in children if child.id == best), None),
        params=params_of(query, row),
        metrics=metrics_of(metrics),
        tags={key: value for key, value in tags.items() if key not in _OWN_TAGS},
        facts=tuple(
            sorted(((f.key, f.value) for f in query.facts(row) if f.key != "identity"), key=lambda f: rank(f[0]))
        ),
        datasets=datasets_of(query, row),
        warnings=tuple((w.category, w.message, f"{w.filename}:{w.line}", w.times) for w in query.warnings(row)),
        notes=notes_of(query, row),
        advice=tuple(note.reason for note in query.notes(row) if note.what == "advice"),
        models=models_of(query, row),
        artifacts=tuple(ArtifactView(a.path, a.size) for a in query.artifacts(row)),
        pictures=tuple(table for table in tables if table[0] in DRAWABLE),
        tables=tuple(table for table in tables if table[0] not in DRAWABLE),
        curves=tuple(m.key for m in metrics if m.step is not None and not (row.kind == "cv" and _is_of_split(m))),
        environment={} if process is None else process.environment,
        source=None if process is None else process.source,
        remotes=query.remotes(row),
    )


def ref_of(query: Query, row: RunRow) -> RunRef:
    """A run in a few words."""
    return RunRef(row.id, row.name, row.kind, row.status, row.start, row.wall, _said(query.metrics(row)))


def refs_of(query: Query, rows: Sequence[RunRow]) -> tuple[RunRef, ...]:
    """Several runs in a few words, read at once."""
    metrics = query.metrics_of([row.num for row in rows])
    return tuple(
        RunRef(row.id, row.name, row.kind, row.status, row.start, row.wall, headline(metrics.get(row.num, {})))
        for row in rows
    )


def params_of(query: Query, run: str | RunRow) -> tuple[ParamView, ...]:
    """The parameters, those that are no default first."""
    shown = [
        ParamView(param.key, plain_value(param.value, param.type), param.value, _changed(param))
        for param in query.params(run)
    ]
    return tuple(sorted(shown, key=lambda param: (not param.changed, *rank(param.key))))


def metrics_of(metrics: list[Metric]) -> tuple[MetricView, ...]:
    """The metrics, the user's own first. What one split gave last is no metric of the run."""
    shown = [
        MetricView(metric.key, plain_value(repr(metric.value), "float"), number(metric.value), metric.step)
        for metric in metrics
        if not _is_of_split(metric)
    ]
    return tuple(sorted(shown, key=lambda metric: rank(metric.key)))


def datasets_of(query: Query, row: RunRow) -> tuple[DatasetView, ...]:
    """The data sets, without a row of them. The data of a candidate are those of its search."""
    shown = []
    for one in query.datasets(row.parent if row.kind == "candidate" and row.parent is not None else row):
        told = dict(one.details)
        columns = tuple((str(name), str(kind)) for name, kind in told.pop("columns", ()) or ())
        target = told.pop("target", None)
        told.pop("identity", None)
        width = told.pop("n_columns", None)
        facts = tuple((key, str(value)) for key, value in told.items() if value is not None)
        shown.append(
            DatasetView(one.role, one.name, one.kind, one.shape, one.fingerprint, columns, width, target or {}, facts)
        )
    return tuple(shown)


def notes_of(query: Query, row: RunRow) -> tuple[tuple[str, str], ...]:
    """What is absent, and why; also what a backend would not take. The advice is told apart."""
    told = [(note.what, note.reason) for note in query.notes(row) if note.what != "advice"]
    told += [
        (f"delivery to {refusal.backend}", reason)
        for refusal in query.refusals(run=row.id)
        for reason in refusal.reasons.splitlines()
    ]
    return tuple(told)


def rank(key: str) -> tuple[bool, bool, bool, str]:
    """The user's own first and what a search chose; the shapes of what was fitted last."""
    chosen = key.startswith("best_") and not key.startswith("best_estimator_")
    return not chosen, key.startswith("training_"), key.startswith("best_estimator_") or "." in key, key


def by_hand(param: Param) -> bool:
    """Logged by the user, or what a search chose: plain values that no class has a default for."""
    if param.key.startswith("best_"):
        return True
    return param.is_default is None and "__" not in param.key and param.type != "object"


def _is_of_split(metric: Metric) -> bool:
    return metric.step is not None and metric.key.startswith("split_")


def _changed(param: Param) -> bool:
    return param.is_default is False or by_hand(param)


def _said(metrics: list[Metric]) -> str:
    return headline({metric.key: metric.value for metric in metrics})
