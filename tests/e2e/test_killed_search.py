"""Searches in processes of their own: looked at while they run, killed at any moment, and taken up again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import skribe

pytestmark = pytest.mark.newest_only  # what joblib and the journal do in processes that die
SEARCH = """
    import json, os, sys, time
    import numpy as np
    import skribe
    settings = json.loads(sys.argv[1])
    skribe.autolog(silent=True, resume=settings["resume"])
    from sklearn.base import BaseEstimator
    from sklearn.model_selection import GridSearchCV, KFold

    class Logs(BaseEstimator):
        def __init__(self, i=0, seconds=0.0, log=""):
            self.i, self.seconds, self.log = i, seconds, log

        def fit(self, X, y=None):
            time.sleep(self.seconds)
            return self

        def score(self, X, y=None):
            split = int(X[0, 0]) // 10
            file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, f"{self.i} {split} {time.time()}\\n".encode())
            os.close(file)
            return (self.i * 7919 + split * 104729) % 1000 / 1000

    X = np.arange(30.0)[:, None]
    search = GridSearchCV(
        Logs(seconds=settings["seconds"], log=settings["log"]), {"i": list(range(settings["candidates"]))},
        cv=KFold(3), refit=False, n_jobs=settings["n_jobs"],
    )
    try:
        search.fit(X)
    except KeyboardInterrupt:
        sys.exit(3)
    print(json.dumps([list(search.cv_results_[f"split{split}_test_score"]) for split in range(3)]))
"""


def expected(candidate: int, split: int) -> float:
    return (candidate * 7919 + split * 104729) % 1000 / 1000


class Search:
    """A process that searches, with its workers in a group of their own: these outlive it when it is killed."""

    def __init__(self, folder: Path, **settings: object) -> None:
        # The file that is noted in is a parameter of the estimator, so it is the same file for all of a test.
        self.log = folder / "finished"
        self.before = len(self.lines())
        settings = {"candidates": 400, "seconds": 0.0, "n_jobs": 1, "resume": False, **settings, "log": str(self.log)}
        # Files and no pipes, because the workers hold on to them.
        self.said = folder / f"out_{time.monotonic_ns()}", folder / f"err_{time.monotonic_ns()}"
        with self.said[0].open("w") as out, self.said[1].open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(SEARCH), json.dumps(settings)],
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def finished(self) -> dict[tuple[int, int], float]:
        """What this process and its workers have finished, and when."""
        cells = [line.split() for line in self.lines()[self.before :]]
        return {(int(i), int(split)): float(moment) for i, split, moment in cells}

    def wait_for(self, count: int) -> None:
        until = time.monotonic() + 60
        while len(self.lines()) < self.before + count:
            assert self.process.poll() is None, self.said[1].read_text()
            assert time.monotonic() < until
            time.sleep(0.002)

    def stop(self, number: int) -> float:
        moment = time.time()
        self.process.send_signal(number)
        self.process.wait(timeout=60)
        return moment

    def result(self) -> list[list[float]]:
        code = self.process.wait(timeout=100)
        assert (code, self.said[1].read_text()) == (0, "")
        return json.loads(self.said[0].read_text())

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def search(own_folder):
    made = []

    def begin(**settings):
        made.append(Search(own_folder, **settings))
        return made[-1]

    yield begin
    for each in made:
        each.end()


def kept(run):
    """What can be read of the splits: by candidate and split, and when each was over."""
    frame = run.results()
    ended = frame["began"].map(lambda moment: moment.timestamp()) + frame["fit_time"] + frame["score_time"]
    places = list(zip(frame["params.i"].astype(int), frame["split"], strict=True))
    for (i, split), score in zip(places, frame["test_score"], strict=True):
        assert score == expected(i, split)
    return dict(zip(places, ended, strict=True))


def in_children(run):
    """The same as far as the child runs have it."""
    found = set()
    for child in run.children:
        points = child.history("split_test_score")
        for split, score in zip(points["step"], points["value"], strict=True):
            assert score == expected(child.params["i"], split)
            found.add((child.params["i"], split))
        if child.status == "finished":
            assert list(points["step"]) == [0, 1, 2]
            assert child.metrics["mean_test_score"] == np.mean(points["value"])
    return found


def assert_children_are_close_behind(run, results):
    last = max(results.values())
    missing = results.keys() - in_children(run)
    assert all(last - results[place] < 0.1 for place in missing), (len(missing), len(results))


@pytest.mark.parametrize("trial", range(2))
@pytest.mark.parametrize("seconds", [0.0, 0.03])
def test_kill_9_at_any_moment_leaves_all_that_was_finished(search, trial, seconds):
    going = search(seconds=seconds)
    going.wait_for(1)
    time.sleep(random.Random(f"{trial} {seconds}").uniform(0.01, 0.5))
    going.stop(signal.SIGKILL)
    run = skribe.last_run()
    assert run.status == "killed"
    results, finished = kept(run), going.finished()
    missing = finished.keys() - results.keys()
    # At most the one whose score was noted by itself, and had not come back.
    assert len(missing) <= 1, (missing, len(finished))
    assert results.keys() <= finished.keys()
    assert_children_are_close_behind(run, results)
    assert {child.status for child in run.children} <= {"finished", "killed"}
    assert run.start < run.end
    assert abs(run.end.timestamp() - max(results.values())) < 0.2
    best = max((child for child in run.children if child.status == "finished"), key=_mean, default=None)
    assert run.best is None or _mean(run.best) == _mean(best)


def _mean(child):
    return child.metrics["mean_test_score"]


def test_kill_9_with_workers(search):
    going = search(seconds=0.25, n_jobs=2)
    going.wait_for(5)
    moment = going.stop(signal.SIGKILL)
    run = skribe.last_run()
    assert run.status == "killed"
    results = kept(run)
    finished = {place: when for place, when in going.finished().items() if when < moment}
    # What was finished a moment ago may still be on its way from the worker.
    assert {place for place, when in finished.items() if when < moment - 0.15} <= results.keys()
    assert len(finished.keys() - results.keys()) <= 2
    assert_children_are_close_behind(run, results)
    assert {child.status for child in run.children} <= {"finished", "killed"}


def test_quick_tasks_of_killed_workers(search):
    """joblib sends quick tasks in batches, whose results come together; what has come is there, and is right."""
    going = search(seconds=0.001, n_jobs=2, candidates=600)
    going.wait_for(200)
    going.stop(signal.SIGKILL)
    run = skribe.last_run()
    assert run.status == "killed"
    results = kept(run)
    assert results
    assert results.keys() <= going.finished().keys()
    assert_children_are_close_behind(run, results)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_likewise(search, n_jobs):
    going = search(seconds=0.05, n_jobs=n_jobs)
    going.wait_for(7)
    time.sleep(0.02)
    moment = going.stop(signal.SIGINT)
    assert going.process.returncode == 3
    run = skribe.last_run()
    assert run.status == "killed"
    assert "KeyboardInterrupt" in run.error
    results = kept(run)
    finished = {place: when for place, when in going.finished().items() if when < moment}
    assert len(finished.keys() - results.keys()) <= (0 if n_jobs == 1 else 8)
    # Nothing lags behind: the process has had the time to write it.
    assert in_children(run) == results.keys()
    assert "running" not in {child.status for child in run.children}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_after_a_kill_only_the_missing_fits_are_made(search, n_jobs):
    settings = {"seconds": 0.02, "candidates": 15}
    going = search(**settings)
    going.wait_for(12)
    going.stop(signal.SIGKILL)
    killed = skribe.last_run()
    there = kept(killed).keys()
    again = search(**settings, n_jobs=n_jobs, resume=True)
    assert again.result() == [[expected(i, split) for i in range(15)] for split in range(3)]
    everything = {(i, split) for i in range(15) for split in range(3)}
    assert again.finished().keys() == everything - there
    run = skribe.last_run()
    assert run.status == "finished"
    assert kept(run).keys() == everything == in_children(run)
    frame = run.results()
    taken = frame[frame["reused"].notna()]
    assert set(zip(taken["candidate"], taken["split"], strict=True)) == there
    assert set(taken["reused"]) == {killed.id}
    assert [note.reason for note in run.notes if note.what == "resume"] == [
        f"{len(there)} of 45 results are taken from run {killed.short_id}"
    ]
    assert killed.status == "killed"


def test_a_search_that_is_resumed_and_killed_again_goes_on_from_both(search):
    settings = {"seconds": 0.02, "candidates": 12, "resume": True}
    for count in (6, 6):
        going = search(**settings)
        going.wait_for(count)
        going.stop(signal.SIGKILL)
    last = search(**settings)
    assert last.result() == [[expected(i, split) for i in range(12)] for split in range(3)]
    # Each of the two kills may have cost the split that was in flight.
    assert 36 <= len(last.lines()) <= 36 + 2
    assert len(kept(skribe.last_run())) == 36


def test_another_process_sees_how_far_it_has_come(search):
    going = search(seconds=0.05, candidates=30)
    going.wait_for(4)
    run = skribe.last_run()
    assert (run.kind, run.status) == ("search", "running")
    assert run.facts["n_fits"] == 90
    seen = 0
    until = time.monotonic() + 30
    while seen < 3:
        assert time.monotonic() < until
        finished = len(going.finished())
        results = kept(run)
        assert len(results) >= finished - 1
        complete = {child.name: child for child in run.children if child.status == "finished"}
        if len(complete) > seen:
            seen = len(complete)
            means = {name: child.metrics["mean_test_score"] for name, child in complete.items()}
            best = run.best
            assert best in run.children
            # The search goes on while we read, and the best one only gets better.
            assert best.metrics["mean_test_score"] >= max(means.values())
            assert run.metrics["best_score_so_far"] >= max(means.values())
            for name, mean in means.items():
                i = int(name.removeprefix("i="))
                assert mean == np.mean([expected(i, split) for split in range(3)])
        time.sleep(0.02)
    assert run.status == "running"
    partial = [child for child in run.children if child.status == "running"]
    assert len(partial) <= 1
    assert run.views()["progress"]
