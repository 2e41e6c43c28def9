"""`skribe runs`, `show`, `compare`, `best`, `experiments`."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from skribe.capture.environment import process_info
from tests.cli.book import HOSTILE, Book, call

STEERING = ("\x1b", "\x9b", "\u202e")


def filled(book: Book) -> list[str]:
    return [
        book.run("SVC", metrics={"training_accuracy_score": 0.9, "cost": 3.0}, params={"C": 1}, ago=7200),
        book.run("SVC", metrics={"training_accuracy_score": 0.8, "cost": 1.0}, params={"C": 10}, data="bbbb"),
        book.run("tree", experiment="other", metrics={"training_accuracy_score": 0.7}, status="failed"),
    ]


def test_the_table_has_what_says_most(book):
    first, second, third = filled(book)
    done = call("runs")
    assert done.exit_code == 0, done.output
    head, *rows = done.stdout.splitlines()
    assert head.split() == [
        "id",
        "name",
        "experiment",
        "status",
        "age",
        "took",
        "training_accuracy_score",
        "cost",
        "C",
    ]
    assert [row.split()[0] for row in rows] == [run[-8:] for run in (third, second, first)]
    assert rows[0].split()[1:4] == ["tree", "other", "failed"]
    assert rows[2].split()[-6:] == ["2", "h", "1.25", "s", "0.9", "3"] or rows[2].split()[-3:] == ["0.9", "3", "1"]


def test_filters_and_order(book):
    first, second, third = filled(book)

    def ids(*options):
        return [row["id"] for row in json.loads(call("runs", "--json", *options).stdout)]

    assert ids() == [third, second, first]
    assert ids("--experiment", "churn") == [second, first]
    assert ids("--status", "failed", "--status", "killed") == [third]
    assert ids("--where", "params.C > 5") == [second]
    assert ids("--since", "1h") == [third, second]
    assert ids("--since", "1h", "--where", "params.C > 5") == [second]
    assert ids("--sort-by", "metrics.cost", "--ascending", "-e", "churn") == [second, first]
    assert ids("--sort-by", "metrics.cost", "-e", "churn", "--limit", "1") == [first]
    assert ids("--kind", "search") == []
    assert "2 of 3 runs" in call("runs", "--limit", "2").stderr
    assert len(ids("--limit", "0")) == 3


def test_only_changed_has_only_what_differs(book):
    filled(book)
    head, *_ = call("runs", "-e", "churn", "--only-changed").stdout.splitlines()
    assert set(head.split()) == {"id", "C", "training_accuracy_score", "cost"}


def test_json_and_csv_have_everything_and_whole_ids(book):
    run = book.run("SVC", metrics={"nan": math.nan, "cost": 3.0}, params={"C": 1}, tags={"who": "me"})
    (told,) = json.loads(call("runs", "--json").stdout)
    assert told["id"] == run
    assert told["metrics.nan"] is None
    assert (told["metrics.cost"], told["params.C"], told["params.tol"], told["tags.who"]) == (3.0, 1, 0.001, "me")
    assert told["start"].endswith("+00:00")
    (row,) = csv.DictReader(io.StringIO(call("runs", "--csv").stdout))
    assert row["id"] == run
    assert row["params.C"] == "1"
    assert call("runs", "--md").stdout.splitlines()[1].startswith("| --- |")


def test_columns_are_chosen_and_wrong_ones_told(book):
    filled(book)
    head, row, *_ = call("runs", "--columns", "name, metrics.cost,age", "-e", "churn").stdout.splitlines()
    assert head.split() == ["id", "name", "cost", "age"]
    assert row.split()[1:3] == ["SVC", "1"]
    wrong = call("runs", "--columns", "nam")
    assert wrong.exit_code == 2
    assert "did you mean name" in wrong.stderr


def test_nothing_found_is_1_and_a_mistake_is_2(book):
    nothing = call("runs")
    assert nothing.exit_code == 1
    assert "there is no store here yet" in nothing.stderr
    filled(book)
    for options, word in (
        (("-e", "chrun"), "Did you mean 'churn'"),
        (("--status", "running"), "No run is like that"),
        (("--deleted",), "There is no run in the trash"),
    ):
        done = call("runs", *options)
        assert (done.exit_code, done.stdout) == (1, "")
        assert word in done.stderr
    assert call("runs", "--json", "--status", "running").stdout == "[]\n"
    wrong = call("runs", "--where", "params.C >")
    assert wrong.exit_code == 2
    assert "Traceback" not in wrong.output
    assert call("runs", "--since", "yesterday").exit_code == 2
    assert "--sort-by 'cots'" in call("runs", "--sort-by", "cots").stderr
    assert "there is no store in" in call("runs", "--store", "nowhere").stderr


def test_children_are_offered_and_a_search_stands_where_its_best_candidate_does(book):
    _, children = book.search()
    assert "6 inside of runs: add --children" in call("runs", "--kind", "candidate").stderr
    rows = json.loads(call("runs", "--children", "--kind", "candidate", "--json").stdout)
    assert {row["id"] for row in rows} == set(children)
    head, *_ = call("runs", "--children", "--kind", "candidate").stdout.splitlines()
    assert "mean_test_score" in head
    assert "↳ 0.75" in call("runs", "--sort-by", "metrics.mean_test_score").stdout


def test_a_hostile_store_steers_nothing(book):
    run = book.run(
        HOSTILE, experiment=HOSTILE, params={HOSTILE: "x" * 100_000}, metrics={HOSTILE: 1.0}, tags={"t": HOSTILE}
    )
    other = book.run(HOSTILE, experiment=HOSTILE, params={HOSTILE: HOSTILE}, status="failed", data="bbbb")
    for shape in ((), ("--json",), ("--csv",), ("--md",)):
        for command in (
            ("runs",), ("runs", "--only-changed"), ("show", run), ("show", other), ("show", run, "--all"),
            ("compare", run, other), ("experiments",), ("best", HOSTILE, "--metric", HOSTILE, "--max"),
            ("tail", "--once"), ("doctor",),
        ):  # fmt: skip
            if command[-1] == "--all" and shape:
                continue
            done = call(*command, *shape)
            assert done.exception is None or isinstance(done.exception, SystemExit), (command, done.exception)
            assert not any(mark in done.output for mark in STEERING), (command, shape)
            assert max(map(len, done.output.splitlines())) < 3000 or shape in (("--json",), ("--csv",)), command
    assert "[bold]bold[/bold]" in call("runs").stdout
    (row,) = [line for line in call("runs", "--md").stdout.splitlines() if run[-8:] in line]
    assert "\\|" in row
    assert json.loads(call("show", run, "--json").stdout)["name"] == HOSTILE


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_table_fits_its_terminal(book, columns):
    filled(book)
    book.run(HOSTILE, params={"a_very_long_parameter_name__of_a_step": 3, "C": 4}, metrics={"cost": 1 / 3})
    done = call("runs", env={"COLUMNS": str(columns)})
    from skribe.cli.layout import wide

    assert max(wide(line) for line in done.stdout.splitlines()) <= columns
    assert ("had no room" in done.stderr) == (columns < 120)


def test_a_run_that_runs_has_taken_some_time_already(own_folder):
    own = Book(own_folder / "skribe_runs", process_info())
    own.run(status="running", ago=3700)
    own.run()
    for shape in ((), ("--md",)):
        told = call("runs", *shape).stdout
        assert "1 h 1 min…" in told
        assert "1.25 s" in told
    finished, running = json.loads(call("runs", "--json").stdout)
    assert (finished["duration"], running["duration"]) == (1.25, None)


# -- show


def test_show_has_everything_that_people_ask_for(book):
    first, *_, failed = filled(book)
    done = call("show", first[-8:])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"SVC  {first[-8:]}  finished")
    for words in ("C     1", "1 default not shown", "cost", "train X · 100 × 4"):
        assert " ".join(words.split()) in " ".join(done.stdout.split()), words
    assert "tol" not in done.stdout
    assert "tol" in call("show", first, "--all").stdout
    told = call("show", "last").stdout
    assert failed[-8:] in told
    assert "ValueError: no \\x1b[2J luck" in told
    data = json.loads(call("show", first, "--json").stdout)
    assert (data["id"], data["status"]) == (first, "finished")
    assert data["start"].endswith("+00:00")
    rows = list(csv.reader(io.StringIO(call("show", first, "--csv").stdout)))
    assert ["metrics", "cost", "3.0"] in rows
    assert "| metrics | cost | 3 |" in call("show", first, "--md").stdout


def test_show_a_search_with_its_best_candidates_and_advice(book):
    search, children = book.search()
    told = call("show", search).stdout
    assert "6 candidates · 18 of 18 fits" in told
    assert "edge of its range" in told
    assert told.index(children[5][-8:]) < told.index(children[4][-8:])
    assert json.loads(call("show", search, "--json").stdout)["search"]["leader"] == 5


def test_a_killed_search_says_how_far_it_came_and_how_it_goes_on(book):
    killed, _ = book.search(done=4, status="killed")
    words = " ".join(call("show", killed).stdout.split())
    assert "killed after 12 of 18 fits" in words
    assert "skribe.autolog(resume=True), then the same search again" in words
    running, _ = book.search(done=4, status="running")
    assert " ago)\n" in call("show", running).stdout, "how long it takes is not known"
    assert "resume" not in call("show", running).stdout
    finished, _ = book.search()
    assert "resume" not in call("show", finished).stdout


def test_ids_are_short_or_told(book, monkeypatch):
    from skribe.records import Changes, Start

    for end in ("aaaa0001", "aaaa0002"):
        book.write(Changes(run=f"01a1fecd-0000-7000-8000-0000{end}", start=Start("e", "n", "fit", 1.0)))
    ambiguous = call("show", "aaaa")
    assert ambiguous.exit_code == 1
    assert "more than one run's id" in ambiguous.stderr
    assert call("show", "aaaa0002").exit_code == 0
    assert "there is no run 'ffffffff'" in call("show", "ffffffff").stderr


# -- compare


def test_compare_hides_what_is_the_same_and_warns_of_other_data(book):
    first, second, _ = filled(book)
    done = call("compare", first[-8:], second)
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["C", "1", "10"] in lines
    assert ["cost", "3", "1"] in lines
    assert not any(line[:1] == ["tol"] for line in lines)
    assert "different data" in done.stderr
    assert "different data" in done.stdout
    assert any(line.split()[:1] == ["tol"] for line in call("compare", first, second, "--all").stdout.splitlines())
    data = json.loads(call("compare", first, second, "--json").stdout)
    assert data["same_data"] is False
    params = next(section for section in data["sections"] if section["title"] == "parameters")
    assert params["rows"] == [{"key": "C", "values": ["1", "10"], "differs": True, "best": None}]
    rows = list(csv.reader(io.StringIO(call("compare", first, second, "--csv").stdout)))
    assert rows[0] == ["section", "key", first, second]
    assert "| parameters | C | 1 | 10 |" in call("compare", first, second, "--md").stdout
    assert call("compare", first).exit_code == 2
    assert call("compare", first, first).exit_code == 2


# -- best


def test_best_prints_the_id_and_the_value(book):
    first, second, _ = filled(book)
    _, children = book.search()
    done = call("best", "churn", "--metric", "cost", "--min")
    assert done.stdout == f"{second[-8:]}  1  SVC\n"
    assert call("best", "churn", "--metric", "cost", "--max").stdout.startswith(first[-8:])
    assert call("best", "churn", "--metric", "mean_test_score").stdout.split()[:2] == [children[5][-8:], "0.75"]
    by_part = call("best", "churn", "-m", "accuracy", "-n", "2", "--json")
    assert [row["id"] for row in json.loads(by_part.stdout)] == [first, second]
    assert "by training_accuracy_score" in by_part.stderr
    assert call("best", "churn", "-m", "score", "--max").exit_code == 2
    unsure = call("best", "churn", "-m", "cost")
    assert unsure.exit_code in (0, 2)
    for wrong in (("churm", "-m", "cost"), ("churn", "-m", "nothing"), ("other", "-m", "training_accuracy_score")):
        done = call("best", *wrong, "--max")
        assert (done.exit_code, done.stdout) == (1, ""), wrong


def test_best_leaves_out_what_is_no_number(book):
    book.run(metrics={"cost": math.nan})
    good = book.run(metrics={"cost": 2.0})
    assert call("best", "churn", "-m", "cost", "-n", "5", "--max").stdout.split()[0] == good[-8:]
    assert len(call("best", "churn", "-m", "cost", "-n", "5", "--min").stdout.splitlines()) == 1


# -- experiments


def test_experiments(book):
    assert call("experiments").exit_code == 1
    filled(book)
    rows = json.loads(call("experiments", "--json").stdout)
    assert [(row["name"], row["runs"]) for row in rows] == [("other", 1), ("churn", 2)]
    assert call("rename", "other", "third").exit_code == 0
    assert "third" in call("experiments").stdout
    taken = call("rename", "third", "churn")
    assert taken.exit_code == 2
    assert call("experiments", "--deleted").exit_code == 1


def test_parameters_that_vary_are_those_of_the_listed_runs(book):
    for n in range(3):
        parent = book.run("outer", params={"outer": n})
        book.run("inner", kind="candidate", parent=parent, params={"inner": n, "same": 1})
    assert "inner" not in call("runs").stdout
    head, *_ = call("runs", "--children", "--kind", "candidate").stdout.splitlines()
    assert head.split()[-1] == "inner"


def test_a_score_is_never_cut(book):
    book.run("a" * 60, metrics={"training_accuracy_score": 0.123456})
    book.run("b" * 60, metrics={"best_cv_score": 0.987654})
    told = call("runs", env={"COLUMNS": "60"}).stdout
    assert "0.1235" in told
    assert "0.9877" in told
    assert "0.9877 best_cv_score" in call("runs").stdout
