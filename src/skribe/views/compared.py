"""Several runs beside each other: what differs, whether they saw the same data, and what the folds say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skribe.errors import ArgumentError
from skribe.store.query import Query
from skribe.views.pairs import Paired, paired
from skribe.views.run import ParamView, RunView, run_view
from skribe.words import better

# More cannot be read beside each other.
MOST = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity of all the runs: a cell for each, None where a run has it not."""

    key: str
    cells: tuple[str | None, ...]
    values: tuple[Any, ...]  # the same as JSON can hold them, for sorting and drawing
    differs: bool
    best: int | None = None  # of a metric whose direction is known: the run that has the best value


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together: parameters, metrics, data, environment, packages, code, tags."""

    title: str
    rows: tuple[Row, ...]

    @property
    def differing(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.differs)


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """What is shown of several runs. Cells are in the order of `runs`."""

    runs: tuple[RunView, ...]
    labels: tuple[str, ...]  # what each is called in a picture
    sections: tuple[Section, ...]
    same_data: bool | None  # None: it is not known of all
    data_said: str  # the same in words
    paired: tuple[Paired, ...]  # for runs scored on the same folds, each against the best
    paired_said: str  # why there is no such test, if there is none
    pictures: tuple[tuple[str, str], ...]  # name and data of those that at least two of the runs have
    curves: tuple[str, ...]  # metrics with steps that at least two of the runs have


def comparison(query: Query, runs: Sequence[str]) -> ComparisonView:
    """Two runs or more, by their ids or the beginnings of them."""
    views = tuple(run_view(query, run) for run in dict.fromkeys(query.run_row(run).id for run in runs))
    if len(views) < 2:
        raise ArgumentError("a comparison takes two different runs or more.")
    if len(views) > MOST:
        raise ArgumentError(f"{len(views)} runs are too many to compare; choose {MOST} at most.")
    same, said = _same_data(views)
    tests, why = paired(query, views)
    return ComparisonView(
        runs=views,
        labels=tuple(f"{view.name} {view.short_id}" for view in views),
        sections=tuple(section for section in _sections(views) if section.rows),
        same_data=same,
        data_said=said,
        paired=tests,
        paired_said=why,
        pictures=_shared(views, lambda view: view.pictures),
        curves=_shared(views, lambda view: view.curves),
    )


def _sections(views: Sequence[RunView]) -> list[Section]:
    return [
        Section("run", _rows([_about(view) for view in views])),
        Section("parameters", _params(views)),
        Section("metrics", _metrics(views)),
        Section("data", _rows([_data(view) for view in views])),
        Section("environment", _rows([_environment(view) for view in views])),
        Section("packages", _rows([dict(view.environment.get("packages") or {}) for view in views])),
        Section("tags", _rows([{k: v for k, v in view.tags.items() if k != "best_run"} for view in views])),
    ]


def _about(view: RunView) -> dict[str, Any]:
    return {
        "name": view.name,
        "experiment": view.experiment,
        "estimator": view.estimator_class,
        "kind": view.kind,
        "status": view.status,
        "source": view.source,
    }


def _params(views: Sequence[RunView]) -> tuple[Row, ...]:
    """The parameters. A default that only some of the estimators have is no difference that anybody made."""
    changed = {param.key for view in views for param in view.params if param.changed}
    rows = _rows([_told_once(view) for view in views])
    return tuple(
        row if row.key in changed else replace(row, differs=len({c for c in row.cells if c is not None}) > 1)
        for row in rows
    )


def _told_once(view: RunView) -> dict[str, Any]:
    """The steps of a pipeline are told by their own parameters; as a whole they would tell the same again."""
    above = {key[:at] for key in (param.key for param in view.params) for at in _cuts(key)}
    return {param.key: param.text for param in view.params if param.key not in above and not _is_steps(param)}


def _is_steps(param: ParamView) -> bool:
    return param.key.rpartition("__")[2] == "steps" and param.text.startswith("[(")


def _cuts(key: str) -> list[int]:
    """Where a name of a parameter ends that holds others."""
    return [at for at in range(1, len(key) - 2) if key.startswith("__", at)]


def _metrics(views: Sequence[RunView]) -> tuple[Row, ...]:
    keys = dict.fromkeys(metric.key for view in views for metric in view.metrics)
    scored = {tuple(p.text for p in view.params if p.key in ("scoring", "refit")) for view in views}
    found = [{metric.key: metric for metric in view.metrics} for view in views]
    rows = []
    for key in keys:
        cells = [metrics.get(key) for metrics in found]
        values = tuple(None if cell is None else cell.value for cell in cells)
        texts = tuple(None if cell is None else cell.text for cell in cells)
        # The best by one scorer is not better than the best by another.
        comparable = len(scored) == 1 or not key.startswith("best_")
        rows.append(Row(key, texts, values, len(set(values)) > 1, _best(key, values) if comparable else None))
    return tuple(rows)


def _best(key: str, values: Sequence[float | str | None]) -> int | None:
    """Which run is the best by this metric; None if that is not known, or if two of them are."""
    way = better(key)
    known = [value for value in values if isinstance(value, (int, float))]
    if way is None or len(known) < 2:
        return None
    best = max(known) if way > 0 else min(known)
    return values.index(best) if known.count(best) == 1 else None


def _data(view: RunView) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for one in view.datasets:
        name = one.name or one.role
        told[f"{name}: shape"] = None if one.shape is None else " × ".join(map(str, one.shape))
        told[f"{name}: fingerprint"] = one.fingerprint
        told[f"{name}: kind"] = one.kind
        told[f"{name}: columns"] = ", ".join(column for column, _ in one.columns) or None
    return told


def _environment(view: RunView) -> dict[str, Any]:
    return {key: value for key, value in view.environment.items() if not isinstance(value, (Mapping, list))}


def _rows(told: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    rows = []
    for key in dict.fromkeys(key for each in told for key in each):
        values = tuple(each.get(key) for each in told)
        cells = tuple(None if value is None else str(value) for value in values)
        rows.append(Row(key, cells, cells, len(set(cells)) > 1))
    return tuple(row for row in rows if any(cell is not None for cell in row.cells))


def _same_data(views: Sequence[RunView]) -> tuple[bool | None, str]:
    """Whether all were trained on the same data, as far as fingerprints tell."""
    prints = [next((one.fingerprint for one in view.datasets if one.role == "train"), None) for view in views]
    known = {one for one in prints if one is not None}
    if len(known) > 1:
        return False, "These runs were trained on different data: their scores do not compare directly."
    if None in prints:
        return None, "Whether these runs were trained on the same data is not known of all of them."
    return True, "All were trained on the same data."


def _shared(views: Sequence[RunView], of: Callable[[RunView], Sequence[Any]]) -> tuple[Any, ...]:
    """What two of them have, or more."""
    counts: dict[Any, int] = {}
    for view in views:
        for one in of(view):
            counts[one] = counts.get(one, 0) + 1
    return tuple(one for one, count in counts.items() if count > 1)
