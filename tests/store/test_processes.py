"""Many processes, killed processes, forked processes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from skribe.records import Changes, End, Metric
from skribe.store import spool
from skribe.store.journal import Journal

WRITER = """
longest = 0.0
with Journal(store, process_info) as journal:
    for n in range(int(sys.argv[2])):
        began = time.perf_counter()
        run = started(f"{os.getpid()} {n}")
        journal.write(run)
        between = time.perf_counter()
        journal.write(ended(run.run))
        longest = max(longest, between - began, time.perf_counter() - between)
    assert not journal.waiting
print(longest)
"""


def integrity(store: Path) -> str:
    connection = sqlite3.connect(store / "skribe.db")
    found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    return str(found)


def test_eight_writers_lose_nothing(script, store, query):
    """They also create the store together."""
    began = time.monotonic()
    processes = [script(WRITER, 200) for _ in range(8)]
    waits = []
    for process in processes:
        out, err = process.communicate(timeout=80)
        assert process.returncode == 0, err
        assert err == ""
        waits.append(float(out))
    print(f"8 x 200 runs in {time.monotonic() - began:.1f} s, longest wait {max(waits) * 1000:.0f} ms")
    assert query.count(status="finished") == 1600
    assert [seq for seq, _ in query.read_changes()] == list(range(1, 3201))
    assert len(set(query.runs_frame()["name"])) == 1600
    assert max(waits) < 5
    assert integrity(store) == "ok"


def test_kill_9_loses_nothing_that_was_written(script, store, query):
    process = script(
        """
        journal = Journal(store, process_info)
        while True:
            run = started()
            journal.write(run)
            print("+", run.run, flush=True)
            journal.write(ended(run.run))
            print("-", run.run, flush=True)
        """
    )
    lines = [process.stdout.readline() for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    # Not `communicate`, which passes over what `readline` has read ahead.
    lines += process.stdout.read().splitlines(keepends=True)
    said = [line.split() for line in lines if line.endswith("\n")]
    begun = {run for sign, run in said if sign == "+"}
    done = {run for sign, run in said if sign == "-"}
    frame = query.runs_frame().set_index("run_id")
    assert begun <= set(frame.index)
    assert set(frame.loc[sorted(done), "status"]) == {"finished"}
    assert integrity(store) == "ok"


OPEN_RUN = """
journal = Journal(store, process_info)
search = started("search")
journal.write(search)
inside = started("inside", parent=search.run)
journal.write(inside, Changes(run=inside.run, metrics=(Metric("m", 1.0),)))
print(search.run, inside.run, flush=True)
time.sleep(60)
"""


def test_a_killed_process_is_seen_by_readers_and_written_down_by_the_next_writer(script, store, query, make):
    process = script(OPEN_RUN)
    search, inside = process.stdout.readline().split()
    assert query.run_row(search).status == "running"
    assert set(query.runs_frame(children=True)["status"]) == {"running"}
    process.kill()
    process.communicate()
    before = (store / "skribe.db-wal").read_bytes()
    row = query.run_row(inside)
    assert row.status == "killed"
    assert row.end >= row.start
    assert set(query.runs_frame(children=True)["status"]) == {"killed"}
    assert query.count(where='status == "killed"', children=True) == 2
    assert query.count(status="running", children=True) == 0
    assert [child.status for child in query.children(search)] == ["killed"]
    assert (store / "skribe.db-wal").read_bytes() == before, "readers never write"
    seq = query.last_seq()
    with Journal(store, make.process) as journal:
        journal.write(make.start())
    connection = sqlite3.connect(store / "skribe.db")
    written = connection.execute("SELECT status FROM run WHERE id IN (?, ?)", (search, inside)).fetchall()
    connection.close()
    assert written == [("killed",), ("killed",)]
    assert query.run_row(inside).end == row.end
    ends = {changes.run: changes.end for _, changes in query.read_changes(seq) if changes.end}
    assert {run: end.status for run, end in ends.items()} == {search: "killed", inside: "killed"}


def test_runs_of_other_machines_and_of_the_living_are_left_alone(store, query, make, output):
    with Journal(store, lambda: make.process(host="another")) as journal:
        journal.write(make.start("far"))
    living = output(
        "journal = Journal(store, process_info); journal.write(started('short-lived')); print(os.getpid())"
    )
    assert living
    with Journal(store, make.process) as journal:
        journal.write(make.start("near"))
    statuses = dict(zip(query.runs_frame()["name"], query.runs_frame()["status"], strict=True))
    assert statuses == {"far": "running", "near": "running", "short-lived": "killed"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forks_write_through_connections_of_their_own(output, query, store):
    out = output(
        """
        import json, warnings
        journal = Journal(store, process_info)
        query = Query(store)
        first = started("parent")
        journal.write(first)
        assert query.last_run_id() == first.run
        children = []
        for n in range(4):
            pid = os.fork()
            if pid == 0:
                for m in range(25):
                    run = started(f"child {n}.{m}")
                    journal.write(run)
                    journal.write(ended(run.run))
                assert query.last_run_id()
                os._exit(0)
            children.append(pid)
        for m in range(25):
            run = started(f"parent {m}")
            journal.write(run)
            journal.write(ended(run.run))
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        assert codes == [0, 0, 0, 0], codes
        journal.write(ended(first.run))
        journal.close()
        query.close()
        """
    )
    assert out == ""
    assert query.count(status="finished") == 126
    assert integrity(store) == "ok"
    connection = sqlite3.connect(store / "skribe.db")
    assert connection.execute("SELECT count(*) FROM process").fetchone() == (5,)
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_another_thread_writes(output, query):
    output(
        """
        import threading
        journal = Journal(store, process_info)
        stop = threading.Event()
        def work():
            while not stop.is_set():
                run = started("thread")
                journal.write(run)
                journal.write(ended(run.run))
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads: thread.start()
        for n in range(10):
            pid = os.fork()
            if pid == 0:
                run = started("forked")
                journal.write(run)
                journal.write(ended(run.run))
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for thread in threads: thread.join()
        journal.close()
        """
    )
    assert query.count(where='name == "forked" and status == "finished"') == 10
    assert query.count(where='status != "finished"') == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_outlives_its_parent(output, query, store, tmp_path):
    """The child's log must not be removed by somebody who thinks that nobody uses it any more."""
    output(
        """
        journal = Journal(store, process_info)
        journal.write(started("parent"))
        if os.fork() == 0:
            os.setsid()
            for file in (1, 2): os.close(file)
            run = started("child")
            journal.write(run)
            open(sys.argv[2] + ".ready", "w").close()
            while not os.path.exists(sys.argv[2] + ".go"): time.sleep(0.01)
            journal.write(ended(run.run))
            journal.close()
            open(sys.argv[2] + ".done", "w").close()
            os._exit(0)
        journal.close()
        """,
        tmp_path / "sign",
    )
    for _ in range(500):
        if (tmp_path / "sign.ready").exists():
            break
        time.sleep(0.01)
    output("with Journal(store, process_info) as journal: journal.write(started('third'))")
    (tmp_path / "sign.go").touch()
    for _ in range(500):
        if (tmp_path / "sign.done").exists():
            break
        time.sleep(0.01)
    assert query.count(where='name == "child" and status == "finished"') == 1
    assert integrity(store) == "ok"


def test_what_a_dead_process_left_waiting_is_delivered(script, store, query, make):
    store.write_text("in the way")
    process = script(
        """
        import logging; logging.disable()
        journal = Journal(store, process_info)
        run = started("waiting")
        journal.write(run)
        journal.write(ended(run.run))
        print(run.run, flush=True)
        time.sleep(60)
        """
    )
    run = process.stdout.readline().strip()
    store.unlink()
    with Journal(store, make.process) as journal:
        journal.write(make.start())
        assert len(list(spool.spool_folder().glob("*.jsonl"))) == 1, "it still lives, and may deliver itself"
    process.kill()
    process.communicate()
    with Journal(store, make.process) as journal:
        journal.write(make.start())
    assert list(spool.spool_folder().glob("*.jsonl")) == []
    assert query.run_row(run).status == "finished"
    assert query.process(run).pid == process.pid


def test_the_end_of_the_interpreter_delivers_or_says_so(script, store, query):
    store.write_text("in the way")
    process = script(
        """
        journal = Journal(store, process_info)
        run = started()
        journal.write(run)
        if sys.argv[2] == "mended":
            os.unlink(store)
        """,
        "broken",
    )
    err = process.communicate()[1]
    assert process.returncode == 0
    assert len(err.splitlines()) == 2, err
    assert "the next process that writes" in err.splitlines()[1]
    began = time.monotonic()
    process = script(
        "journal = Journal(store, process_info)\njournal.write(started())\nos.unlink(store)",
    )
    err = process.communicate()[1]
    assert len(err.splitlines()) == 1, err
    assert query.count() == 2
    assert time.monotonic() - began < 20


def test_readers_see_whole_transactions_while_others_write(script, store, query):
    """In every transaction two metrics are equal."""
    process = script(
        """
        with Journal(store, process_info) as journal:
            run = started()
            journal.write(run, Changes(run=run.run, metrics=(Metric("a", 0.0), Metric("b", 0.0))))
            print(run.run, flush=True)
            for n in range(1, 2000):
                journal.write(Changes(run=run.run, metrics=(Metric("a", float(n)), Metric("b", float(n)))))
        """
    )
    run = process.stdout.readline().strip()
    seen = set()
    while process.poll() is None:
        a, b = query.metrics(run)
        assert a.value == b.value
        frame = query.runs_frame()
        assert frame["metrics.a"][0] == frame["metrics.b"][0]
        seen.add(a.value)
    process.communicate()
    assert len(seen) > 1
    assert query.metrics(run)[0].value == 1999


def test_a_stream_that_goes_on_after_it_was_taken_for_dead(store, query, make):
    with Journal(store, make.process) as journal:
        start = make.start()
        journal.write(start, Changes(run=start.run, end=End("killed", 5.0)))
        journal.write(Changes(run=start.run, metrics=(Metric("m", 1.0),), end=End("finished", 9.0)))
    assert query.run_row(start.run).status == "finished"
    assert json.dumps(query.run_row(start.run).end) == "9.0"
