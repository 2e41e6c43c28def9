"""Delivery by real processes, which are killed for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import skribe
from skribe import session
from skribe.store.query import Query
from tests.delivery.conftest import until

FIT = """
import sys, time
import numpy as np
from sklearn.dummy import DummyClassifier
X, y = np.zeros((20, 2)), np.arange(20) % 2
def fit(times=1):
    for _ in range(times):
        DummyClassifier().fit(X, y)
"""


SYNC = [sys.executable, "-c", "from skribe.cli import main; main()", "sync"]


def ended(process, seconds=60):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def helpers(store) -> list[int]:
    """The processes that deliver from this store."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                line = file.read()
            if (
                "skribe delivers runs" in line
                and "/bin/sh" not in line
                and os.readlink(f"/proc/{pid}/cwd") == str(store.parent)
            ):
                found.append(int(pid))
        except OSError:
            continue
    return found


def statuses(place):
    return [run["status"] for run in place.runs.values()]


def test_a_script_delivers_before_it_ends(script, place):
    code, out, err = ended(script(f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(5)"))
    assert (code, out, err) == (0, "", "")
    assert statuses(place) == ["finished"] * 5
    assert all("training_accuracy_score" in {m[0] for m in run["metrics"]} for run in place.runs.values())


def test_the_helper_goes_with_its_work(script, place, store):
    ended(script(f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(2)"))
    until(lambda: not helpers(store), 15)


def test_after_kill_9_the_helper_finishes_the_work(script, place, store):
    process = script(
        f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(30)\nprint('x', flush=True)\ntime.sleep(60)"
    )
    place.mode("slow")
    process.stdout.readline()
    process.kill()
    ended(process)
    until(lambda: len(place.runs) == 30 and set(statuses(place)) == {"finished"})
    assert Query(store).pending(place.name, Query(store).positions()[place.name].seq)[0] == 0


def test_kill_9_of_the_helper_in_mid_shipment_loses_and_doubles_nothing(script, place, store):
    place.mode("slow")
    process = script(
        f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(40)\nprint('x', flush=True)\n"
        "sys.stdin.readline()\nfit(5)\nprint(skribe.flush(20))\n",
        stdin=subprocess.PIPE,
    )
    until(lambda: len(place.calls) >= 2)
    for pid in helpers(store):
        os.kill(pid, signal.SIGKILL)
    place.mode("")
    process.stdin.write("go on\n")
    process.stdin.flush()
    code, out, err = ended(process)
    assert (code, out.split(), err) == (0, ["x", "True"], "")
    assert statuses(place) == ["finished"] * 45
    for run in place.runs.values():
        keys = [metric[0] for metric in run["metrics"]]
        assert len(keys) == len(set(keys))


def test_an_outage_is_said_once_and_delays_nothing(script, place, store):
    place.mode("down")
    began = time.monotonic()
    process = script(
        f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\n"
        "for n in range(30):\n    began = time.perf_counter(); fit(); took = time.perf_counter() - began\n"
        "    assert took < 2, took\n    time.sleep(0.05)\n"
        "print(skribe.flush())\n",
    )
    code, out, err = ended(process)
    assert (code, out.strip()) == (0, "False")
    first, *rest = err.strip().splitlines()
    assert "it is down at http://host/" in first
    assert "Continuing locally" in first
    assert "secret" not in err
    assert len(rest) == 1
    assert "30 runs have not arrived" in rest[0]
    assert "skribe sync" in rest[0]
    assert time.monotonic() - began < 30
    assert place.runs == {}
    assert len(skribe.runs()) == 30

    until(lambda: not helpers(store))
    place.mode("")
    done = subprocess.run(SYNC, capture_output=True, text=True, check=True)
    assert "30 runs delivered" in done.stdout
    assert statuses(place) == ["finished"] * 30


def test_a_backend_that_hangs_delays_nothing_but_the_end(script, place, store):
    place.mode("hangs")
    process = script(
        f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\n"
        "began = time.perf_counter(); fit(20); print(time.perf_counter() - began)"
    )
    began = time.monotonic()
    code, out, err = ended(process)
    assert code == 0
    assert float(out) < 5
    assert "20 runs have not arrived" in err
    assert time.monotonic() - began < 20
    for pid in helpers(store):
        os.kill(pid, signal.SIGKILL)


def test_the_next_process_delivers_what_the_last_one_could_not(script, place):
    place.mode("down")
    ended(script(f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(3)"))
    place.mode("")
    ended(script(f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(1)"))
    assert statuses(place) == ["finished"] * 4


def test_what_was_there_before_the_backend_is_delivered_only_when_asked_for(script, place):
    ended(script(f"{FIT}\nskribe.autolog(silent=True)\nfit(3)"))
    ended(script(f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(1)"))
    assert len(place.runs) == 1
    dry = subprocess.run([*SYNC, "--dry-run"], capture_output=True, text=True, check=True).stdout
    assert "nothing waits" in dry
    assert "3 runs recorded without this backend: --all delivers them too" in dry
    subprocess.run([*SYNC, "--all"], check=True, capture_output=True)
    assert statuses(place) == ["finished"] * 4


@pytest.mark.slow
def test_several_processes_on_one_store_ship_nothing_twice(script, place, store):
    text = f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(25)\nprint(skribe.flush(30))"
    processes = [script(text) for _ in range(4)]
    for process in processes:
        code, out, err = ended(process)
        assert (code, out.strip(), err) == (0, "True", "")
    assert statuses(place) == ["finished"] * 100
    by_run = {}
    for pid, *runs in place.calls:
        for run in runs:
            by_run.setdefault(run, []).append(pid)
    # Twice at most: once for its beginning and once for its end.
    assert max(map(len, by_run.values())) <= 2
    assert Query(store).pending(place.name, Query(store).positions()[place.name].seq)[0] == 0


def test_forked_children_are_delivered_by_their_parents_helper(script, place):
    process = script(
        f"{FIT}\nimport os\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(1)\n"
        "for _ in range(2):\n    if os.fork() == 0:\n        fit(2)\n        os._exit(0)\n"
        "for _ in range(2):\n    os.wait()\nprint(skribe.flush(20))"
    )
    code, out, err = ended(process)
    assert (code, out.strip(), err) == (0, "True", "")
    assert statuses(place) == ["finished"] * 5


def test_wait_makes_every_fit_wait(script, place):
    process = script(
        f"{FIT}\nimport os\nskribe.autolog(backend={place.name!r}, silent=True, wait=True)\n"
        f"for n in range(3):\n    fit()\n"
        f"    print(sum(name.endswith('json') for name in os.listdir({str(place.folder)!r})))"
    )
    assert ended(process) == (0, "1\n2\n3\n", "")


def test_waiting_is_bounded_and_not_repeated_during_an_outage(script, place):
    place.mode("hangs")
    process = script(
        f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True, wait=0.5)\n"
        "began = time.perf_counter(); fit(); print(time.perf_counter() - began)"
    )
    code, out, _err = ended(process)
    assert code == 0
    assert 0.4 < float(out) < 4


def test_a_run_by_hand_is_delivered_too(script, place):
    code, _out, err = ended(
        script(
            f"skribe.autolog(backend={place.name!r}, silent=True)\n"
            "with skribe.run('by hand') as run:\n    run.log_metric('loss', 0.5, step=3)"
        )
    )
    assert (code, err) == (0, "")
    (run,) = place.runs.values()
    assert (run["name"], run["status"]) == ("by hand", "finished")
    assert run["metrics"][0][:3] == ["loss", 0.5, 3]


def test_two_backends_at_once_each_at_its_own_pace(script, place, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mode").write_text("down")
    process = script(
        f"{FIT}\nskribe.autolog(backend=[{place.name!r}, 'filed:{other}'], silent=True)\nfit(3)\nprint(skribe.flush())"
    )
    code, out, err = ended(process)
    assert (code, out.strip()) == (0, "False")
    assert statuses(place) == ["finished"] * 3
    assert f"filed:{other}" in err
    assert place.name not in err


def test_an_object_of_the_users_is_fed_by_a_thread(script, place):
    process = script(
        f"{FIT}\nfrom filed_for_tests import Filed\n"
        f"skribe.autolog(backend=Filed({str(place.folder)!r}), silent=True)\nfit(3)"
    )
    assert ended(process) == (0, "", "")
    assert statuses(place) == ["finished"] * 3


def test_memory_leaves_nothing_on_the_disk(script, store, tmp_path):
    process = script(
        f"{FIT}\nskribe.autolog(backend='memory', silent=True)\nfit(2)\nprint(len(skribe.runs()))\n"
        "from skribe.session import current_folder; print(current_folder())\n"
    )
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    count, path = out.split()
    assert count == "2"
    assert not os.path.exists(path)
    assert not store.exists()


def test_a_process_that_has_delivered_everything_ends_at_once(script, place):
    process = script(
        f"{FIT}\nimport atexit\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(1)\nskribe.flush()\n"
        "began = time.perf_counter()\natexit._run_exitfuncs()\n"
        "print(time.perf_counter() - began)"
    )
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    assert float(out) < 0.5


def test_disabling_leaves_delivery_to_the_helper(script, place):
    process = script(
        f"{FIT}\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(3)\nskribe.autolog(disable=True)\nfit(3)"
    )
    assert ended(process)[0] == 0
    until(lambda: statuses(place) == ["finished"] * 3)


def test_a_program_that_waits_for_all_its_children_waits_for_its_own(script, place):
    process = script(
        f"{FIT}\nimport os\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(1)\n"
        "if os.fork() == 0:\n    os._exit(7)\nfound = []\n"
        "try:\n    while True:\n        found.append(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "except ChildProcessError:\n    print(sorted(found) in ([7], [0, 7]))"
    )
    assert ended(process, 20) == (0, "True\n", "")


def test_fits_of_forked_workers_alone_are_delivered(script, place):
    process = script(
        f"{FIT}\nimport multiprocessing\nskribe.autolog(backend={place.name!r}, silent=True)\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n    pool.map(fit, [1, 1, 1, 1])\n"
    )
    code, _out, err = ended(process)
    assert (code, err) == (0, "")
    assert statuses(place) == ["finished"] * 4


def test_a_daemon_that_closes_what_is_open_keeps_its_own_files(script, place, tmp_path):
    process = script(
        f"{FIT}\nimport os\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(1)\n"
        "if os.fork() == 0:\n    os.closerange(3, 256)\n"
        "    files = [open(f'mine{n}', 'w') for n in range(12)]\n"
        "    for file in files:\n        file.write('important')\n"
        "    fit(1)\n    skribe.flush(20)\n    sys.exit()\nos.wait()"
    )
    assert ended(process)[0] == 0
    assert [(tmp_path / f"mine{n}").read_text() for n in range(12)] == ["important"] * 12
    until(lambda: statuses(place) == ["finished"] * 2)


def test_a_file_that_lies_where_the_user_works_is_not_taken_for_pythons(script, place, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "json.py").write_text("open('executed', 'w').close()")
    process = script(
        f"{FIT}\nimport os\nos.chdir('elsewhere')\nskribe.autolog(backend={place.name!r}, silent=True)\nfit(1)"
    )
    assert ended(process) == (0, "", "")
    assert statuses(place) == ["finished"]
    assert not (tmp_path / "elsewhere" / "executed").exists()


def test_odd_surroundings_do_no_harm(script, place):
    """A path that is no text, warnings that are errors, a backend that prints."""
    place.mode("prints")
    process = script(
        f"{FIT}\nimport pathlib\nsys.path.append(pathlib.Path('/nowhere'))\n"
        f"skribe.autolog(backend={place.name!r}, silent=True)\nfit(3)\nprint(skribe.flush(20))",
        env={"PYTHONWARNINGS": "error"},
    )
    assert ended(process) == (0, "True\n", "")
    assert statuses(place) == ["finished"] * 3


def test_what_is_recorded_without_a_backend_stays_here(script, place, tmp_path):
    other = f"filed:{tmp_path / 'other'}"
    process = script(
        f"{FIT}\nfor backend in ({place.name!r}, {other!r}, None, {place.name!r}):\n"
        "    skribe.autolog(backend=backend, silent=True, extra_tags={'for': str(backend)})\n    fit(1)\n"
        "    skribe.flush(20)\n"
    )
    assert ended(process)[0] == 0
    assert [run["tags"]["for"] for run in place.runs.values()] == [place.name] * 2
    assert len(list((tmp_path / "other").glob("*.json"))) == 1


def test_a_corrected_password_is_used_from_then_on(place):
    folder = place.folder
    skribe.autolog(backend=f"filed:http://me:wrong@{folder}", silent=True)
    try:
        first = session._on.deliveries
        skribe.autolog(backend=f"filed:http://me:wrong@{folder}", silent=True)
        assert session._on.deliveries is first
        skribe.autolog(backend=f"filed:http://me:right@{folder}", silent=True)
        assert session._on.deliveries is not first
    finally:
        skribe.autolog(disable=True)


def test_memory_and_another_backend_exclude_each_other(place):
    with pytest.raises(skribe.ArgumentError, match="name one of the two"):
        skribe.autolog(backend=["memory", place.name])


def test_a_process_that_records_nothing_starts_nothing_and_waits_for_nothing(script, place, store):
    ended(script(f"{FIT}\nskribe.autolog(silent=True)\nfit(3)"))
    process = script(
        f"import time, atexit\nskribe.autolog(backend={place.name!r}, silent=True)\nprint(skribe.flush())\n"
        "began = time.perf_counter()\natexit._run_exitfuncs()\nprint(time.perf_counter() - began < 1)"
    )
    assert ended(process) == (0, "True\nTrue\n", "")
    assert place.calls == []
    assert Query(store).backends() == set()
    assert helpers(store) == []
