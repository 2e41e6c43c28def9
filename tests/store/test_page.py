"""Pages of the table of runs, compared with sorting in Python; and what is remembered is never out of date."""

from __future__ import annotations

import math
import re
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from skribe.errors import ArgumentError, QueryError
from skribe.records import Changes, End, Fact, Metric, Param, ProcessInfo, Start, new_id
from skribe.store import page
from skribe.store.admin import Admin
from skribe.store.erasing import purge
from skribe.store.journal import Journal
from skribe.store.query import Query, RunsPage
from skribe.store.values import number_of

MANY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Made:
    """A run as the test knows it."""

    id: str
    place: int
    name: str
    experiment: str
    start: float
    parent: Made | None = None
    duration: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    children: list[Made] = field(default_factory=list)

    def typed(self, key: str) -> tuple[str, float | None]:
        """The text, and the number, by which a parameter is sorted."""
        value = self.params[key]
        kind = {type(None): "none", bool: "bool", int: "int", float: "float", str: "str"}[type(value)]
        return str(value), number_of(str(value), kind)


def process() -> ProcessInfo:
    return ProcessInfo("t", "nowhere", "", 1, "", {}, None)


def params_of(values: dict[str, Any]) -> tuple[Param, ...]:
    kinds = {type(None): "none", bool: "bool", int: "int", float: "float", str: "str"}
    return tuple(Param(key, str(value), kinds[type(value)]) for key, value in values.items())


def record(run: Made) -> Changes:
    start = Start(run.experiment, run.name, "fit", run.start, None if run.parent is None else run.parent.id)
    end = None if run.duration is None else End("finished", run.start + run.duration, run.duration, 1.0)
    metrics = tuple(Metric(key, value) for key, value in run.metrics.items())
    facts = tuple(Fact(each.key, each.value, each.type) for each in params_of(run.params))
    return Changes(
        run=run.id, start=start, params=params_of(run.params), metrics=metrics, tags=run.tags, facts=facts, end=end
    )


values = st.sampled_from(
    [None, True, False, 0, 1, 2, 10, -3, 2**70, 0.5, 1.0, float("nan"), float("inf"), "a", "ä", "B"]
)
numbers = st.sampled_from([0.0, 0.25, 0.5, 1.0, -1.0, float("nan"), float("inf")])
one_run = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Random forest", "forest", "SVC", "Ä"]),
        "experiment": st.sampled_from(["one", "two"]),
        "start": st.sampled_from([1000.0, 1001.0, 1002.5]),
        "duration": st.sampled_from([None, 0.0, 1.5, 2.0]),
        "params": st.dictionaries(st.sampled_from(["C", "n"]), values, max_size=2),
        "metrics": st.dictionaries(st.sampled_from(["acc", "f1"]), numbers, max_size=2),
        "tags": st.dictionaries(st.sampled_from(["owner"]), st.sampled_from(["Ada", "", "bob"]), max_size=1),
    }
)
stores = st.lists(st.tuples(one_run, st.sampled_from(["top", "top", "child"]), st.booleans()), max_size=14)
SORTS = (
    *(None, "start", "name", "duration", "experiment", "id", "parent_id"),
    *("metrics.acc", "metrics.f1", "params.C", "params.n", "tags.owner", "facts.C"),
)
FILTERS: tuple[tuple[str | None, Any], ...] = (
    (None, lambda run: True),
    ("metrics.acc > 0.3", lambda run: run.metrics.get("acc", math.nan) > 0.3),
    ('"forest" in name', lambda run: "forest" in run.name),
    ("params.C == 1", lambda run: run.params.get("C") in (1, 1.0) and run.params.get("C") is not None),
    ("params.n is None", lambda run: run.params.get("n") is None),
    ("tags.owner == 'Ada' or duration > 1", lambda run: run.tags.get("owner") == "Ada" or (run.duration or 0) > 1),
    ("not (metrics.acc >= metrics.f1)", lambda run: not at_least(run.metrics.get("acc"), run.metrics.get("f1"))),
    ("status == 'running'", lambda run: run.duration is None),
)  # fmt: skip


def at_least(left: float | None, right: float | None) -> bool:
    return left is not None and right is not None and left >= right


def write(folder: Path, drawn: list[Any]) -> list[Made]:
    """A store with these runs; some of them in the trash."""
    made: list[Made] = []
    with Journal(folder, process) as journal:
        for place, (fields, where, _) in enumerate(drawn):
            tops = [run for run in made if run.parent is None]
            parent = tops[place % len(tops)] if where == "child" and tops else None
            run = Made(new_id(), place, parent=parent, **fields)
            if parent is not None:
                run.experiment = parent.experiment
                parent.children.append(run)
            made.append(run)
            journal.write(record(run))
    for run, (_, _, trash) in zip(made, drawn, strict=True):
        if trash and run.place % 3 == 0 and not run.deleted:
            Admin(folder).delete_run(run.id)
            for each in (run, *run.children):
                each.deleted = True
    return made


def best(run: Made, key: str, ascending: bool) -> tuple[float | None, bool]:
    """By which value a run is sorted, and whether that is a child's."""
    if key in run.metrics:
        own = run.metrics[key]
        return (None if own != own else own), False
    found = [c.metrics[key] for c in run.children if key in c.metrics and c.deleted == run.deleted]
    found = [value for value in found if value == value]
    return ((min if ascending else max)(found), True) if found else (None, False)


def expected(runs: list[Made], sort_by: str | None, ascending: bool) -> list[Made]:
    """The same order, in Python: one stable sort after another, the least important first."""
    group, _, key = (sort_by or "").partition(".")
    runs = sorted(runs, key=lambda run: (run.start, run.place), reverse=not (ascending and sort_by is None))
    if group == "metrics":
        return in_order(runs, [lambda run: best(run, key, ascending)[0]], ascending)
    if group in ("params", "facts"):
        there = [run for run in runs if key in run.params]
        texts = [run for run in there if run.typed(key)[1] is None]
        there = in_order([run for run in there if run not in texts], [lambda run: run.typed(key)[1]], ascending)
        return (
            there
            + in_order(texts, [lambda run: run.typed(key)[0]], ascending)
            + [run for run in runs if key not in run.params]
        )
    if group == "tags":
        return in_order(runs, [lambda run: run.tags.get(key)], ascending)
    if sort_by is None:
        return runs
    fields = {"parent_id": lambda run: None if run.parent is None else run.parent.place}
    return in_order(runs, [fields.get(sort_by, lambda run: getattr(run, str(sort_by)))], ascending)


def in_order(runs: list[Made], keys: list[Any], ascending: bool) -> list[Made]:
    for key in reversed(keys):
        # Also a reversed sort keeps the order of what is equal.
        there = sorted((run for run in runs if key(run) is not None), key=key, reverse=not ascending)
        runs = there + [run for run in runs if key(run) is None]
    return runs


def ids(found: RunsPage) -> list[str]:
    return [row.id for row in found.rows]


@MANY
@given(
    drawn=stores,
    sort_by=st.sampled_from(SORTS),
    ascending=st.booleans(),
    chosen=st.sampled_from(FILTERS),
    scope=st.sampled_from(["top", "all", "inside", "trash", "experiment"]),
    step=st.integers(1, 4),
    head=st.sampled_from([0, 1, 3, 500]),
)
def test_a_page_is_a_slice_of_what_python_sorts(
    tmp_path_factory, monkeypatch, drawn, sort_by, ascending, chosen, scope, step, head
):
    monkeypatch.setattr(page, "_HEAD", head)
    folder = tmp_path_factory.mktemp("page") / "store"
    made = write(folder, drawn)
    where, fits = chosen
    parent = next((run for run in made if run.children), None)
    arguments: dict[str, Any] = {"where": where, "sort_by": sort_by, "ascending": ascending}
    runs = [run for run in made if run.deleted == (scope == "trash")]
    if scope == "inside" and parent is not None:
        arguments["parent"] = parent.id[-8:]
        runs = [run for run in runs if run.parent is parent]
    elif scope == "experiment":
        arguments["experiment"] = "one"
        runs = [run for run in runs if run.parent is None and run.experiment == "one"]
    elif scope == "all":
        arguments["children"] = True
    else:
        arguments["deleted"] = scope == "trash"
        runs = [run for run in runs if run.parent is None]
    wanted = expected([run for run in runs if fits(run)], sort_by, ascending)
    query = Query(folder)
    for at in [*range(0, len(made) + step, step), 0]:
        try:
            found = query.runs_page(limit=step, offset=at, columns=["metrics.acc", "params.C"], **arguments)
        except (ArgumentError, QueryError) as error:
            missing = re.search(r"no run has \w+\.(\w+)", str(error))
            there = {key for run in made for group in (run.params, run.metrics, run.tags) for key in group}
            event("a key that no run has")
            assert missing is not None and missing[1] not in there, str(error)  # noqa: PT017, PT018 - may or may not be
            continue
        assert (found.total, ids(found)) == (len(wanted), [run.id for run in wanted[at : at + step]])
        for row, run in zip(found.rows, wanted[at : at + step], strict=True):
            check(row, run, sort_by, ascending)
    query.close()


def check(row: Any, run: Made, sort_by: str | None, ascending: bool) -> None:
    assert (row.name, row.experiment, row.start, row.duration) == (run.name, run.experiment, run.start, run.duration)
    assert row.parent == (None if run.parent is None else run.parent.id)
    assert row.children == sum(child.deleted == run.deleted for child in run.children)
    by_child = (sort_by or "").startswith("metrics.") and best(run, str(sort_by)[8:], ascending)[1]
    assert row.of_child == by_child
    for cell, value in zip(row.cells, (run.metrics.get("acc"), run.params.get("C")), strict=True):
        assert type(cell) is type(value)
        assert cell == value or (value != value and cell != cell)


FEW = 4


@MANY
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(
                ["run", "child", "metric", "tag", "untag", "delete", "restore", "rename", "purge", "late"]
            ),
            st.integers(0, 9),
            one_run,
        ),
        min_size=2,
        max_size=10,
    ),
    sort_by=st.sampled_from(["metrics.acc", "params.C", "tags.owner", "facts.C", "experiment", None]),
    where=st.sampled_from([None, "params.C == 1 or metrics.acc > 0", "tags.owner != 'Ada'", "facts.n is None"]),
)
def test_what_is_remembered_is_never_out_of_date(tmp_path_factory, monkeypatch, steps, sort_by, where):
    """One reader that goes on looking sees what one sees that looks for the first time."""
    monkeypatch.setattr(page, "_HEAD", FEW)
    folder = tmp_path_factory.mktemp("page") / "store"
    asked = {"sort_by": sort_by, "where": where, "columns": ["params.C", "metrics.acc", "tags.owner"], "limit": FEW}
    old = Query(folder)
    first = {"C": 1, "n": 2}
    known = [Made(new_id(), 0, "first", "one", 1000.0, params=first, metrics={"acc": 0.5}, tags={"owner": "Ada"})]
    with Journal(folder, process) as journal:
        journal.write(record(known[0]))
        for place, (what, which, fields) in enumerate(steps, 1):
            answer(old, **asked)
            run = known[which % len(known)]
            change(folder, journal, known, run, what, Made(new_id(), place, **fields))
            fresh = Query(folder)
            for offset in (0, FEW):
                assert answer(old, offset=offset, **asked) == answer(fresh, offset=offset, **asked)
            assert repr(old.key_counts("params")) == repr(fresh.key_counts("params"))
            fresh.close()
    old.close()


def answer(query: Query, **asked: Any) -> str:
    """What is answered, or that the key that is asked for is nowhere."""
    try:
        return repr(query.runs_page(**asked))
    except (ArgumentError, QueryError) as error:
        return str(error)


def change(folder: Path, journal: Journal, known: list[Made], run: Made, what: str, new: Made) -> None:
    database = sqlite3.connect(folder / "skribe.db", isolation_level=None)
    with_rows = "SELECT id FROM run WHERE id = ?"
    exists = database.execute(with_rows, (run.id,)).fetchone() is not None
    match what:
        case "run":
            journal.write(record(new))
            known.append(new)
        case "child" if exists:
            new.parent = run
            journal.write(record(new))
        case "metric":
            journal.write(Changes(run=run.id, metrics=tuple(Metric(k, v) for k, v in new.metrics.items())))
        case "tag":
            journal.write(Changes(run=run.id, tags=new.tags))
        case "late":
            journal.write(Changes(run=run.id, params=params_of({"C": 1}), facts=(Fact("C", str(new.start), "float"),)))
        case "untag":
            # Nothing in the journal tells of this.
            database.execute("DELETE FROM tag")
        case "delete" if exists:
            Admin(folder).delete_run(run.id)
        case "restore" if exists:
            Admin(folder).restore_run(run.id)
        case "rename":
            database.execute("UPDATE experiment SET name = name || '!' WHERE id = 1")
        case "purge" if run is not known[0]:
            # The highest number is given to the next run.
            database.execute("BEGIN")
            purge(database.execute, [run.id], 0.0)
            database.execute("COMMIT")
            known.remove(run)
    database.close()
