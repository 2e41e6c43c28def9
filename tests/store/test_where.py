"""The language of `where=`, compared with Python itself."""

from __future__ import annotations

import contextlib
import operator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skribe.errors import QueryError
from skribe.records import Changes, Fact, Metric, Param
from skribe.store.journal import Journal
from skribe.store.query import Query
from skribe.store.where import compile_where

RUNS = [
    {"name": "Random Forest", "C": 1.0, "n": 3, "deep": None, "kernel": "rbf", "acc": 0.9, "owner": "Ada"},
    {"name": "forest 2", "C": 10.0, "n": 10, "deep": 5, "kernel": "linear", "acc": 0.95},
    {"name": "ÄÖÜ", "C": 0.1, "flag": True, "acc": 0.5, "owner": "it's"},
    {"name": "seed", "n": 2**53 + 1, "flag": False, "big": 2**70},
    {"name": "nothing"},
]
TYPES = {float: "float", int: "int", bool: "bool", str: "str", type(None): "none"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory):
    from skribe.records import ProcessInfo, Start, new_id

    folder: Path = tmp_path_factory.mktemp("where") / "store"
    with Journal(folder, lambda: ProcessInfo("t", "nowhere", "", 1, "", {}, None)) as journal:
        for n, run in enumerate(RUNS):
            run_id = new_id()
            start = Start("e1" if n < 3 else "e2", run["name"], "fit", 1_767_225_600.0 + 86_400 * n)
            params = [
                Param(k, str(run[k]), TYPES[type(run[k])])
                for k in ("C", "n", "deep", "kernel", "flag", "big")
                if k in run
            ]
            metrics = (Metric("acc", run["acc"]), Metric("a b", float("nan"))) if "acc" in run else ()
            tags = {"owner": run["owner"]} if "owner" in run else {}
            facts = (Fact("n_iter_", str(n), "int"),)
            journal.write(
                Changes(run=run_id, start=start, params=tuple(params), metrics=metrics, tags=tags, facts=facts)
            )
    query = Query(folder)
    yield query
    query.close()


def names(query: Query, where: str) -> list[str]:
    return list(query.runs_frame(where=where, sort_by="start", ascending=True, columns=["name"])["name"])


ALL = [run["name"] for run in RUNS]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("metrics.acc > 0.9", ["forest 2"]),
        ("metrics.acc >= 0.9 and params.C in (1, 10)", ["Random Forest", "forest 2"]),
        ("0.6 < metrics.acc < 0.92", ["Random Forest"]),
        ("0.92 > metrics.acc", ["Random Forest", "ÄÖÜ"]),
        ('"forest" in name.lower()', ["Random Forest", "forest 2"]),
        ('"äö" in name.lower()', ["ÄÖÜ"]),
        ('"forest" in name', ["forest 2"]),
        ('"forest" not in name', ["Random Forest", "ÄÖÜ", "seed", "nothing"]),
        ('name.startswith("for") or name.endswith("Forest")', ["Random Forest", "forest 2"]),
        ('params.kernel == "rbf"', ["Random Forest"]),
        ('params["kernel"] != "rbf"', ["forest 2", "ÄÖÜ", "seed", "nothing"]),
        ('params.kernel in ["rbf", "linear"]', ["Random Forest", "forest 2"]),
        ("params.deep is None", ["Random Forest", "ÄÖÜ", "seed", "nothing"]),
        ("params.deep is not None", ["forest 2"]),
        ("params.deep != None", ["forest 2"]),
        ("params.deep in (None, 4)", ["Random Forest", "ÄÖÜ", "seed", "nothing"]),
        ("params.flag == True", ["ÄÖÜ"]),
        ("params.flag == False", ["seed"]),
        ("params.n == 9007199254740993", ["seed"]),
        ("params.n == 9007199254740992", []),
        (f"params.big == {2**70}", ["seed"]),
        (f"params.big > {2**69}", ["seed"]),
        (f"params.big == {2**70 + 1}", []),
        ("params.n > -1.5", ["Random Forest", "forest 2", "seed"]),
        ("not params.n > 3", ["Random Forest", "ÄÖÜ", "nothing"]),
        ('tags.owner == "it\'s"', ["ÄÖÜ"]),
        ("tags.owner is None", ["forest 2", "seed", "nothing"]),
        ("facts.n_iter_ >= 3", ["seed", "nothing"]),
        ('metrics["a b"] > 0', []),
        ('experiment == "e2" and status == "running"', ["seed", "nothing"]),
        ('kind == "fit"', ALL),
        ('start >= "2026-01-04"', ["seed", "nothing"]),
        ('start < "2026-01-01 00:00:01"', ["Random Forest"]),
        ('start < "2026-01-01T01:00:01+01:00"', ["Random Forest"]),
        ("duration is None", ALL),
        ("end is not None", []),
        ("estimator is None", ALL),
        ("params.n > params.C", ["Random Forest"]),
        ("params.n == params.C", ["forest 2"]),
        ("name != name", []),
        ("  name == 'seed'  ", ["seed"]),
        ("name == 'seed' or\n name == 'nothing'", ["seed", "nothing"]),
        ("name in ()", []),
        ("name not in ()", ALL),
        ("True", ALL),
        ("name == 'nothing; DROP TABLE run; --'", []),
        ("name == '\"'", []),
        ("metrics.acc == 1e999", []),
        ("params.C == '10.0'", ["forest 2"]),
    ],
)
def test_finds(filled, where, found):
    assert names(filled, where) == found
    assert filled.count(where=where) == len(found)


@pytest.mark.parametrize(
    ("where", "problem", "mark"),
    [
        ("metrics.acc = 3", "did you mean ==", "="),
        ("name == 'a' & name == 'b'", "", "'a' &"),
        ("(name == 'a') & (name == 'b')", "write `and`", "(name"),
        ("name == 'a' AND name == 'b'", "lower case", "AND"),
        ("name <> 'a'", "write !=", "<>"),
        ("names == 'a'", "did you mean name", "names"),
        ("metric.acc > 1", "did you mean metrics", "metric."),
        ("params.lambda > 1", 'params["lambda"]', "lambda"),
        ("params > 1", "needs a key", "params"),
        ("params.C", "comparison is missing", "params.C"),
        ("status.x == 1", "has no parts", "status.x"),
        ("metrics.acc > 'high'", "is a number", "'high'"),
        ("name > 3", "quotes", "3"),
        ("name is 'a'", "write ==", "'a'"),
        ("metrics.acc < None", "no order", "None"),
        ("'a' == 'b'", "must be a field", "'a'"),
        ("'a' in metrics.acc", "is a number", "metrics.acc"),
        ("3 in name", "only text", "3"),
        ("name in 'abc'", "needs a list", "'abc'"),
        ("name == open('/etc/passwd')", "", "open"),
        ("__import__('os').system('true') == 1", "", "__import__"),
        ("name.__class__ == 'a'", "has no parts", "name"),
        ("name.format('x') == 'a'", "can be called", "name"),
        ("[x for x in name]", "not a condition", "[x"),
        ("lambda: 1", "", "lambda"),
        ("metrics[0] > 1", "in quotes", "0"),
        ("metrics.acc > f'{name}'", "can stand here", "f'"),
        ("start > 'yesterday'", "2026-01-31", "'yesterday'"),
        ("ä == 1", "no field", "ä"),
        ("name == 'ä' and acc > 1", "no field", "acc"),
        ("", "empty", ""),
        ("   ", "empty", ""),
        ("name ==", "cannot be read", ""),
        ("metrics.x > 0.9 nd kind == 'fit'", "cannot be read", "nd"),
        ("a b", "cannot be read", "b"),
        ("  name == 'x' andd", "cannot be read", "andd"),
        ("(metrics.x > 0.9 nd kind == 'fit') and name == 'x'", "cannot be read", "nd"),
        ("name in ('a', 'b') kind == 'fit'", "cannot be read", "kind"),
        ("not name 'a'", "cannot be read", "'a'"),
        ("name == 'a' 'b' or or", "cannot be read", "or"),
        ("name == 'a", "cannot be read", ""),
        ("name == '\ud800'", "surrogate", ""),
        ("name == 'a\0'", "", ""),
    ],
)
def test_refuses_and_points_at_the_place(where, problem, mark):
    with pytest.raises(QueryError) as caught:
        compile_where(where)
    first, text, caret, allowed = str(caught.value).split("\n")
    assert problem in first
    assert allowed.startswith("Allowed: params.X")
    at = caret.index("^")
    assert text[at:].startswith(mark.replace("\0", "?")) or not mark, f"{text}\n{caret}"


@pytest.mark.parametrize(
    "where",
    [
        "(" * 500 + "name == 'a'" + ")" * 500,
        "not " * 5000 + "name == 'a'",
        " or ".join(["name == 'a'"] * 1500),
        "name == '" + "x" * 30_000 + "'",
        "name == 'a' and (" * 150 + "name == 'b'" + ")" * 150,
    ],
)
def test_too_much_is_an_error_of_ours(filled, where):
    with contextlib.suppress(QueryError):
        names(filled, where)


def test_not_text():
    with pytest.raises(QueryError, match="must be text"):
        compile_where(3)  # type: ignore[arg-type]


OPS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
numeric = st.sampled_from(["params.C", "params.n", "metrics.acc"])
constants = st.sampled_from([0, 1, 3, 10, 0.1, 0.9, 0.95, 1.0, -1, 2**53, 2**53 + 1])
atoms = st.tuples(numeric, st.sampled_from(sorted(OPS)), constants)
trees = st.recursive(
    atoms,
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)


def written(tree) -> str:
    if tree[0] == "not":
        return f"not ({written(tree[1])})"
    if tree[0] in ("and", "or"):
        return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"
    return f"{tree[0]} {tree[1]} {tree[2]!r}"


def value(tree, run) -> bool:
    if tree[0] == "not":
        return not value(tree[1], run)
    if tree[0] == "and":
        return value(tree[1], run) and value(tree[2], run)
    if tree[0] == "or":
        return value(tree[1], run) or value(tree[2], run)
    mine = run.get(tree[0].split(".")[1])
    if mine is None:
        return tree[1] == "!="
    return OPS[tree[1]](mine, tree[2])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees)
def test_means_what_python_means(filled, tree):
    assert names(filled, written(tree)) == [run["name"] for run in RUNS if value(tree, run)]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40) | st.text("namestricp.CACC()[]<>=!'\" 0123,andortifl&|\\#;:{}", max_size=40))
def test_any_text_is_answered_or_refused(filled, text):
    with contextlib.suppress(QueryError):
        names(filled, text)
