"""Real processes: killed, forked, many at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import skribe


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], stdout=subprocess.PIPE, text=True
    )


SLOW = """
    import time, skribe
    skribe.autolog(silent=True)
    from sklearn.base import BaseEstimator
    from sklearn.naive_bayes import GaussianNB
    class Slow(BaseEstimator):
        def __init__(self, a=1): self.a = a
        def fit(self, X, y=None):
            print("inside", flush=True)
            time.sleep(60)
    for _ in range(3):
        GaussianNB().fit([[0.], [1.]], [0, 1])
    Slow(a=2).fit([[0], [1]])
"""


@pytest.mark.newest_only
@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, "killed"), (signal.SIGINT, "killed")])
def test_a_process_that_dies_in_a_fit_leaves_all_that_had_finished(number, status):
    process = start(SLOW)
    assert process.stdout.readline() == "inside\n"
    running = skribe.last_run()
    assert (running.name, running.status) == ("Slow", "running")
    process.send_signal(number)
    process.communicate(timeout=30)
    run = skribe.last_run()
    assert (run.name, run.status) == ("Slow", status)
    assert run.params == {"a": 2}
    assert run.datasets[0].shape == (2, 1)
    assert list(skribe.runs(where="status == 'finished'")["name"]) == ["GaussianNB"] * 3
    assert len(skribe.runs(status="killed")) == 1


LOOP = """
    import skribe
    skribe.autolog(silent=True)
    from sklearn.naive_bayes import GaussianNB
    while True:
        GaussianNB().fit([[0.], [1.]], [0, 1])
        print("done", flush=True)
"""


def test_every_fit_that_has_returned_survives_kill_9():
    process = start(LOOP)
    for _ in range(20):
        process.stdout.readline()
    process.kill()
    # Not `communicate`, which passes over what `readline` has read ahead.
    returned = 20 + process.stdout.read().count("done")
    process.communicate(timeout=30)
    finished = len(skribe.runs(status="finished"))
    assert returned <= finished <= returned + 1


MANY = """
    import sys, skribe
    skribe.autolog(silent=True, experiment=sys.argv[1])
    from sklearn.dummy import DummyClassifier
    for i in range(100):
        DummyClassifier(random_state=i).fit([[0], [1]], [0, 1])
"""


@pytest.mark.newest_only
def test_four_processes_write_at_once():
    processes = [start(MANY, f"writer {number}") for number in range(4)]
    for process in processes:
        process.communicate(timeout=240)
        assert process.returncode == 0
    table = skribe.runs()
    assert len(table) == 400
    assert set(table["status"]) == {"finished"}
    assert (table.groupby("experiment")["params.random_state"].nunique() == 100).all()


FORK = """
    import os, skribe
    skribe.autolog(silent=True)
    from sklearn.naive_bayes import GaussianNB
    from sklearn.dummy import DummyClassifier
    GaussianNB().fit([[0.], [1.]], [0, 1])
    child = os.fork()
    DummyClassifier(random_state=int(child == 0)).fit([[0], [1]], [0, 1])
    if child:
        assert os.waitpid(child, 0)[1] == 0
    GaussianNB().fit([[0.], [1.]], [0, 1])
"""


@pytest.mark.newest_only
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_forked_child_both_record():
    process = start(FORK)
    process.communicate(timeout=60)
    assert process.returncode == 0
    table = skribe.runs()
    assert len(table) == 5
    assert set(table["status"]) == {"finished"}
    assert sorted(table["params.random_state"].dropna()) == [0, 1]


@pytest.mark.newest_only
def test_a_reader_sees_whole_runs_while_others_write():
    process = start(LOOP)
    try:
        process.stdout.readline()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            table = skribe.runs(status="finished")
            assert table["metrics.training_accuracy_score"].notna().all()
            assert table["params.var_smoothing"].notna().all()
    finally:
        process.kill()
        process.communicate()
    assert len(table) > 10


@pytest.mark.newest_only
@pytest.mark.parametrize("changed", [False, True])
def test_the_state_of_the_repository_is_known(own_folder, changed):
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@here"]
    (own_folder / "train.py").write_text(
        "import skribe\nskribe.autolog(silent=True)\n"
        "from sklearn.naive_bayes import GaussianNB\nGaussianNB().fit([[0.], [1.]], [0, 1])\n"
    )
    for arguments in (["init", "-q", "-b", "trunk"], ["add", "train.py"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=own_folder, check=True)
    if changed:
        (own_folder / "train.py").write_text((own_folder / "train.py").read_text() + "# changed\n")
    subprocess.run([sys.executable, "train.py"], cwd=own_folder, check=True)
    environment = skribe.last_run().environment
    assert environment["git_dirty"] is changed
    assert environment["git_branch"] == "trunk"
    assert len(environment["git_commit"]) == 40
    assert environment["source"].endswith("train.py")
    assert environment["packages"]["scikit-learn"]


def test_a_process_that_reads_and_writes_ends_without_a_word():
    code = """
        import threading, skribe
        skribe.autolog(silent=True)
        from sklearn.naive_bayes import GaussianNB
        GaussianNB().fit([[0.], [1.]], [0, 1])
        kept = skribe.last_run(), skribe.runs()
        threading.Thread(target=skribe.runs).start()
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
