"""The contract of a backend as tests: every promise of `skribe.backends.Backend`, for any backend.

An author inherits `BackendContract` in a test module and says how his backend is made and how it is read back.
Everything is tried with records like those of real runs; the backend sees what it would see in a shipper's hands.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from skribe.backends.protocol import Backend, Capabilities
from skribe.records import Changes, Metric, Param, new_id
from skribe.testing.expected import Seen, check_seen, may_stand_for
from skribe.testing.outbox import Crash, Sender, TestOutbox
from skribe.testing.samples import (
    a_child,
    a_run,
    a_search,
    an_end,
    curve,
    merged_metrics,
    tables_of_a_classifier,
)

_SECRET = re.compile(r"//[^/@\s]*:[^/@\s]*@")
_HEAVY = ("mlflow", "wandb", "matplotlib", "pyarrow", "pandas", "sklearn", "requests", "boto3", "torch")
# No delivery of two runs has reason to remember more often than this.
_CRASHES = 12

ODD_TEXTS: Mapping[str, str] = {
    "umlauts": "Grüße aus Köln, 東京, 🦊",
    "controls": "a\x01b\x1b[31m\ttab\nline\r\n",
    "empty": "",
    "blank": "   ",
    "quotes": "'\"`; DROP TABLE runs; --",
    "long": "x" * 70_000,
    "brackets": "{'a': [1, 2]}",
}
ODD_KEYS = ("with space", "slash/in/it", "dots.in.it", "Größe", "a" * 300, "colon:", "_step", "step", "name", "")
ODD_NUMBERS: Mapping[str, float] = {
    "nan": float("nan"), "inf": float("inf"), "minus_inf": float("-inf"), "tiny": 5e-324, "huge": 1.7e308, "zero": 0.0,
}  # fmt: skip


class BackendContract:
    """Inherit this in a test module; the name of the subclass begins with `Test`."""

    many = 300  # how many runs "many runs" are; fewer for a backend whose runs take long

    def make(self, folder: Path) -> Backend:
        """A new instance for the place that this folder stands for. Called again it is what a new process makes."""
        raise NotImplementedError(f"{type(self).__name__} needs a method make(self, folder)")

    def seen(self, folder: Path) -> Mapping[str, Seen]:
        """What can be read back from that place, by skribe's id of the run."""
        raise NotImplementedError(f"{type(self).__name__} needs a method seen(self, folder)")

    def count(self, folder: Path) -> int | None:  # noqa: ARG002 - for those who override it
        """How many runs are at that place, those included that `seen` would not tell apart; None if nobody knows."""
        return None

    # --- what it is ----------------------------------------------------------------------------------------------

    def test_it_has_everything_that_a_backend_has(self, tmp_path: Path) -> None:
        backend = self.make(tmp_path)
        assert isinstance(backend, Backend)
        assert isinstance(backend.capabilities, Capabilities)
        assert backend.capabilities.runs_at_once >= 1

    def test_the_constructor_is_quick(self, tmp_path: Path) -> None:
        self.make(tmp_path)
        began = time.perf_counter()
        self.make(tmp_path)
        assert time.perf_counter() - began < 0.5, (
            "the constructor is called where the user waits; `open` may take long"
        )

    def test_importing_it_imports_nothing_heavy(self, tmp_path: Path) -> None:
        # A class that is defined in a test, or in a notebook, cannot be imported by another process.
        module = type(self.make(tmp_path)).__module__
        code = (
            f"import sys, importlib\ntry: importlib.import_module({module!r})\nexcept ImportError: sys.exit()\n"
            f"print([name for name in {_HEAVY!r} if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() in ("", "[]"), f"importing {module} imports {done.stdout.strip()}"

    def test_the_address_is_stable_and_holds_no_secret(self, tmp_path: Path) -> None:
        address = self.make(tmp_path).address
        assert address
        assert address == self.make(tmp_path).address
        assert not _SECRET.search(address), "the address has a user and a password in it"

    # --- open, settle, close -------------------------------------------------------------------------------------

    def test_close_never_raises(self, tmp_path: Path) -> None:
        backend = self.make(tmp_path)
        backend.close()
        backend.open(self._outbox(tmp_path))
        backend.close()
        backend.close()

    def test_it_can_be_opened_again(self, tmp_path: Path) -> None:
        outbox = self._outbox(tmp_path)
        backend = self.make(tmp_path)
        backend.open(outbox)
        backend.open(outbox)
        backend.close()
        one, other = a_run(), a_run()
        backend.open(outbox)
        sender = Sender(backend, outbox)
        sender.send(one)
        backend.close()
        backend.open(outbox)
        sender.send(other)
        backend.close()
        check_seen(self.seen(tmp_path), one, other)

    def test_settle_may_be_called_at_any_time(self, tmp_path: Path) -> None:
        with _Opened(self, tmp_path) as sender:
            sender.backend.settle()
            run = a_run()
            sender.send(run)
            sender.backend.settle()
            sender.backend.settle()
        check_seen(self.seen(tmp_path), run)

    def test_nothing_to_deliver_is_no_trouble(self, tmp_path: Path) -> None:
        with _Opened(self, tmp_path) as sender:
            sender.backend.deliver([])

    def test_a_link_is_an_address_or_nothing(self, tmp_path: Path) -> None:
        with _Opened(self, tmp_path) as sender:
            run = a_run()
            sender.send(run)
            link = sender.backend.link(run.run)
            assert link is None or re.match(r"https?://|file:", link)
            assert link is None or not _SECRET.search(link)
            sender.backend.link(new_id())  # of a run that it has never seen: anything but an error

    # --- runs ----------------------------------------------------------------------------------------------------

    def test_a_run_all_in_one(self, tmp_path: Path) -> None:
        run = a_run()
        self._ship(tmp_path, run)
        check_seen(self.seen(tmp_path), run)

    def test_a_run_that_begins_and_ends_later(self, tmp_path: Path) -> None:
        run = a_run(end=None)
        end = Changes(run=run.run, metrics=(Metric("late", 0.5),), name="renamed", end=an_end())
        outbox = self._ship(tmp_path, run, end)
        self._check(tmp_path, outbox, run.run)

    def test_a_run_that_goes_on_can_be_seen(self, tmp_path: Path) -> None:
        with _Opened(self, tmp_path) as sender:
            run = a_run(end=None)
            sender.send(run)
            sender.backend.settle()
            if sender.backend.capabilities.live:
                check_seen(self.seen(tmp_path), run)

    def test_a_failed_run_and_a_killed_one(self, tmp_path: Path) -> None:
        failed, killed = a_run(end="failed"), a_run(end="killed")
        self._ship(tmp_path, failed, killed)
        check_seen(self.seen(tmp_path), failed, killed)

    def test_a_stream_goes_on_after_its_end(self, tmp_path: Path) -> None:
        first = merged_metrics(a_run(kind="stream"), curve("loss", [0.9, 0.8]))
        later = [
            Changes(run=first.run, metrics=curve("loss", [0.7 - step / 10], step), end=an_end(later=step + 5.0))
            for step in (2, 3)
        ]
        outbox = self._ship(tmp_path, first, *later)
        self._check(tmp_path, outbox, first.run)

    def test_scores_and_tags_that_come_after_the_end(self, tmp_path: Path) -> None:
        run = a_run()
        scored = Changes(run=run.run, metrics=(Metric("accuracy_score_X_test", 0.91),), tags={"team": "fraud"})
        again = Changes(run=run.run, metrics=(Metric("accuracy_score_X_test", 0.92),), name="the good one")
        outbox = self._ship(tmp_path, run, scored, again)
        self._check(tmp_path, outbox, run.run)

    def test_curves_in_several_deliveries(self, tmp_path: Path) -> None:
        run = merged_metrics(a_run(end=None), curve("loss", [0.9, 0.8, 0.7]))
        more = Changes(run=run.run, metrics=(*curve("loss", [0.6, 0.5], 3), *curve("valid", [0.4, 0.3, 0.2])))
        last = Changes(run=run.run, metrics=curve("valid", [0.1], 3), end=an_end())
        outbox = self._ship(tmp_path, run, more, last)
        self._check(tmp_path, outbox, run.run)

    def test_a_search_and_its_candidates(self, tmp_path: Path) -> None:
        search = a_search()
        children = [a_child(search.run, number) for number in range(4)]
        self._ship(tmp_path, search, *children, together=True)
        check_seen(self.seen(tmp_path), search, *children)

    def test_children_that_come_later(self, tmp_path: Path) -> None:
        search = a_search(end=None)
        children = [a_child(search.run, number) for number in range(2)]
        outbox = self._ship(tmp_path, search, *children, Changes(run=search.run, end=an_end()))
        self._check(tmp_path, outbox, search.run, *(child.run for child in children))

    def test_children_that_are_erased(self, tmp_path: Path) -> None:
        search = a_search(end=None)
        kept, *erased = [a_child(search.run, number) for number in range(3)]
        gone = Changes(run=search.run, erased=tuple(child.run for child in erased), end=an_end())
        with _Opened(self, tmp_path) as sender:
            sender.send(search, kept, *erased)
            sender.send(gone)
            sender.backend.deliver(sender.last)
            erases = sender.backend.capabilities.erases
        self._check(tmp_path, sender.outbox, search.run, kept.run)
        if erases:
            assert not set(self.seen(tmp_path)) & {child.run for child in erased}

    def test_many_runs(self, tmp_path: Path) -> None:
        search = a_search()
        children = [a_child(search.run, number) for number in range(self.many - 1)]
        self._ship(tmp_path, search, *children, together=True)
        check_seen(self.seen(tmp_path), search, *children)

    def test_many_metrics_and_parameters(self, tmp_path: Path) -> None:
        run = a_run(
            params={f"step{number}__alpha": number for number in range(300)},
            metrics={f"metric_{number}": number / 7 for number in range(1500)},
        )
        self._ship(tmp_path, run)
        check_seen(self.seen(tmp_path), run)

    # --- again, and again after a crash --------------------------------------------------------------------------

    def test_the_same_delivery_twice_is_as_once(self, tmp_path: Path) -> None:
        run = merged_metrics(a_run(), curve("loss", [0.9, 0.8, 0.7]))
        with _Opened(self, tmp_path) as sender:
            sender.send(run)
            sender.backend.deliver(sender.last)
            sender.backend.deliver(sender.last)
        check_seen(self.seen(tmp_path), run)
        self._check_count(tmp_path, 1)

    def test_a_crash_before_the_delivery_is_acknowledged(self, tmp_path: Path) -> None:
        run = merged_metrics(a_run(), curve("loss", [0.9, 0.8, 0.7]))
        with _Opened(self, tmp_path) as sender:
            sender.send(run)
        with _Opened(self, tmp_path, sender.outbox) as after:
            after.backend.deliver(sender.last)
        check_seen(self.seen(tmp_path), run)
        self._check_count(tmp_path, 1)

    def test_what_came_before_comes_again_with_what_came_later(self, tmp_path: Path) -> None:
        first = merged_metrics(a_run(), curve("loss", [0.9, 0.8]))
        later = Changes(
            run=first.run, metrics=(*curve("loss", [0.7, 0.6], 2), *curve("valid", [0.5])), tags={"more": "yes"}
        )
        with _Opened(self, tmp_path) as sender:
            sender.send(first)
        sender.outbox.add(later)
        with _Opened(self, tmp_path, sender.outbox) as after:
            after.backend.deliver([sender.outbox.known[first.run]])
        self._check(tmp_path, sender.outbox, first.run)

    def test_a_crash_in_the_middle_of_a_delivery(self, tmp_path: Path) -> None:
        for call in range(1, _CRASHES + 1):
            search = merged_metrics(a_search(), curve("best_score_so_far", [0.5, 0.6, 0.7]))
            child = a_child(search.run)
            outbox = self._outbox(tmp_path, crash_at=call)
            crashed = self._deliver_until_crash(tmp_path, outbox, (search, child))
            outbox.crash_at = None
            with _Opened(self, tmp_path, outbox) as after:
                after.backend.deliver([search, child])
            check_seen(self.seen(tmp_path), search, child)
            self._check_count(tmp_path, 2 * call)
            if not crashed:
                break

    # --- odd values ----------------------------------------------------------------------------------------------

    def test_odd_texts_do_not_hurt_the_rest(self, tmp_path: Path) -> None:
        run = a_run()
        odd = tuple(Param(f"odd_{name}", text, "str") for name, text in ODD_TEXTS.items())
        changes = replace(run, params=(*run.params, *odd), tags={**run.tags, **ODD_TEXTS})
        with_name = replace(a_run(name="Grüße 🦊 'x' \"y\" <b>"), tags={"": "empty key", "a" * 400: "long key"})
        self._ship(tmp_path, changes, with_name)
        check_seen(self.seen(tmp_path), run)
        assert with_name.run in self.seen(tmp_path)

    def test_odd_keys_do_not_hurt_the_rest(self, tmp_path: Path) -> None:
        run = a_run()
        params = tuple(Param(key, "1", "int") for key in ODD_KEYS)
        metrics = tuple(Metric(key, 1.5) for key in ODD_KEYS) + tuple(Metric(key, 2.5, 3, 1.0) for key in ODD_KEYS[:4])
        self._ship(tmp_path, replace(run, params=(*run.params, *params), metrics=(*run.metrics, *metrics)))
        check_seen(self.seen(tmp_path), run)

    def test_no_number_becomes_another(self, tmp_path: Path) -> None:
        run = a_run()
        odd = tuple(Metric(f"odd_{key}", value) for key, value in ODD_NUMBERS.items())
        points = tuple(Metric("odd_curve", value, step, 1.0) for step, value in enumerate(ODD_NUMBERS.values()))
        self._ship(tmp_path, replace(run, metrics=(*run.metrics, *odd, *points)))
        check_seen(self.seen(tmp_path), run)
        seen = self.seen(tmp_path)[run.run]
        for key, value in ODD_NUMBERS.items():
            found = None if seen.metrics is None else seen.metrics.get(f"odd_{key}")
            assert may_stand_for(found, value), f"{value} came back as {found}"
        for step, value in [] if seen.history is None else seen.history.get("odd_curve", ()):
            assert may_stand_for(value, [*ODD_NUMBERS.values()][step]), f"step {step} came back as {value}"

    def test_files_models_and_tables(self, tmp_path: Path) -> None:
        with _Opened(self, tmp_path) as sender:
            run = a_run()
            file = sender.outbox.put_file(run.run, "reports/notes.txt", b"hello")
            model = sender.outbox.put_model(run.run)
            full = replace(run, artifacts=(file,), models=(model,), tables=tables_of_a_classifier())
            sender.send(full)
            sender.backend.deliver(sender.last)
        check_seen(self.seen(tmp_path), run)
        files = self.seen(tmp_path)[run.run].files
        assert files is None or {"reports/notes.txt", "model/model.pkl", "model/MLmodel"} <= set(files)

    def test_a_file_that_is_gone_does_not_hurt_the_rest(self, tmp_path: Path) -> None:
        with _Opened(self, tmp_path) as sender:
            run, other = a_run(), a_run()
            file = sender.outbox.put_file(run.run, "notes.txt", b"hello")
            model = sender.outbox.put_model(run.run)
            (sender.outbox.folder(run.run) / "notes.txt").unlink()
            for left in (sender.outbox.folder(run.run) / "model").iterdir():
                left.unlink()
            sender.send(replace(run, artifacts=(file,), models=(model,)), other)
        check_seen(self.seen(tmp_path), run, other)

    # --- helpers -------------------------------------------------------------------------------------------------

    def _outbox(self, folder: Path, crash_at: int | None = None) -> TestOutbox:
        return TestOutbox(folder / f"outbox-{new_id()}", crash_at=crash_at)

    def _ship(self, folder: Path, *changes: Changes, together: bool = False) -> TestOutbox:
        """Deliver these one after the other, or all in one call, and let the backend finish."""
        with _Opened(self, folder) as sender:
            for some in [changes] if together else [(one,) for one in changes]:
                sender.send(*some)
            sender.backend.settle()
        return sender.outbox

    def _check(self, folder: Path, outbox: TestOutbox, *runs: str) -> None:
        """What is seen of these runs is everything that the outbox knows of them."""
        check_seen(self.seen(folder), *(outbox.known[run] for run in runs))

    def _check_count(self, folder: Path, wanted: int) -> None:
        """There are this many runs at the place: none is there twice."""
        found = [len(self.seen(folder)), self.count(folder)]
        assert found in ([wanted, wanted], [wanted, None]), f"there are {max(filter(None, found))} runs, not {wanted}"

    def _deliver_until_crash(self, folder: Path, outbox: TestOutbox, changes: tuple[Changes, ...]) -> bool:
        with _Opened(self, folder, outbox) as sender:
            for one in changes:
                outbox.add(one)
            try:
                sender.backend.deliver(changes)
            except Crash:
                return True
        return False


class _Opened:
    """A new instance of the backend, open for the length of a block."""

    def __init__(self, contract: BackendContract, folder: Path, outbox: TestOutbox | None = None) -> None:
        self._backend = contract.make(folder)
        self._outbox = outbox or contract._outbox(folder)

    def __enter__(self) -> Sender:
        self._backend.open(self._outbox)
        return Sender(self._backend, self._outbox)

    def __exit__(self, *_: object) -> None:
        self._backend.close()
