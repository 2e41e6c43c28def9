"""The one place with global state: whether skribe is on, with which settings, and which stores are open."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skribe.capture.environment import process_info
from skribe.capture.git import GitState, head_of
from skribe.display.text import run_line
from skribe.errors import StoreError
from skribe.guard import contain
from skribe.records import ProcessInfo
from skribe.settings import Settings
from skribe.store.journal import Journal
from skribe.store.location import FOLDER, VARIABLE, check_location, database_of, find_store

if TYPE_CHECKING:  # loaded when they are needed: whoever only fits never reads, and the other way round
    from skribe.delivery.deliveries import Deliveries
    from skribe.hooks import Installation
    from skribe.progress import Painter, Progress
    from skribe.recorder import Recorder
    from skribe.recording import Finished
    from skribe.scored import Memory
    from skribe.store.query import Query
    from skribe.sweeps.sweep import Find

_lock = threading.RLock()
_journals: dict[Path, Journal] = {}
_queries: dict[Path, Query] = {}
_on: Session | None = None
_captured: Settings | None = None  # inside of `capture_runs`: whose store and backends are meant, whatever is said
_painter: Painter | None = None
_temporary: Path | None = None
_last: dict[Path, str] = {}  # the last top-level run that this process made, by store


class Session:
    """Autologging, switched on."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        from skribe.hooks import Installation
        from skribe.recorder import Recorder
        from skribe.recording import Around

        self.settings = settings
        self.folder = folder
        self.git = contain("the state of the repository", _ask_git) or GitState()
        self._asks_git = not self.git.is_over
        self.deliveries = _deliveries(settings, folder, None)
        around = Around(
            self._announce,
            show_progress,
            find_result,
            last_search,
            recall,
            surroundings,
            wanted_backends,
            mind_deliveries,
        )
        self.recorder: Recorder = Recorder(settings, folder, journal_of(folder).write, around)
        self.installation: Installation = Installation(self.recorder)

    def change(self, settings: Settings, folder: Path) -> None:
        """Other settings from the next fit on; a fit that runs ends under those it began with."""
        self.deliveries = _deliveries(settings, folder, self.deliveries)
        self.settings, self.folder = settings, folder
        self.recorder.configure(settings, folder, journal_of(folder).write)
        self.installation.refresh()

    def close(self) -> None:
        self.recorder.settle()
        self.installation.remove()
        self.ask_git(patience=0.05)
        if self.deliveries is not None:
            contain("leaving the backends", self.deliveries.give_up)

    def ask_git(self, patience: float = 0.0) -> None:
        """Once git has said whether the code differs from its commit, add that to what is known of this process."""
        until = time.monotonic() + patience
        while self._asks_git:
            if self.git.is_over:
                self._asks_git = False
                journal_of(self.folder).renew_process()
            elif time.monotonic() >= until:
                break
            else:
                time.sleep(0.002)

    def _announce(self, finished: Finished) -> None:
        remember(finished.folder, finished.run)
        contain("the state of the repository", self.ask_git)
        look_after_deliveries(finished.folder)
        metrics = {metric.key: metric.value for metric in finished.metrics}
        if not finished.silent:
            contain(
                "the line about a run",
                _say, finished.name, finished.run, finished.status, finished.seconds, lambda: metrics,
            )  # fmt: skip


def find_result(folder: Path, run: str, key: str) -> Find | None:
    """The result that a search other than this one has left under this key."""
    from skribe.sweeps.sweep import Find

    found = query_of(folder).finished_result(key, run)
    return None if found is None else Find(*found)


def last_search(folder: Path, run: str, fact: str) -> tuple[str, str] | None:
    """The search before this one of the same kind of estimator, and what it was made of."""
    return query_of(folder).fact_of_the_run_before(run, fact)


def recall(folder: Path, state: str | None, run: str | None) -> Memory | None:
    """What a store knows of a model, by what it has learnt or by its run."""
    from skribe.scored import remembered

    query = query_of(folder)
    found = run if state is None else query.run_of_state(state)
    return None if found is None else remembered(folder, found, query.run_row(found).experiment, query.datasets(found))


def link_model(model: Any, folder: Path, run: str) -> None:
    """The model has been loaded: while skribe is on, its scores belong to that run."""
    if _on is not None:
        _on.recorder.scoreboard.loaded(model, run, folder, journal_of(folder).write)


def settle() -> None:
    """Write what has been put off: the models of streams that are still going on."""
    if _on is not None:
        _on.recorder.settle()


def _deliveries(settings: Settings, folder: Path, before: Deliveries | None) -> Deliveries | None:
    """What is delivered from now on. What goes on as before is left alone."""
    if before is not None:
        if before.is_for(folder, settings.backend):
            return before
        contain("leaving the backends", before.give_up)
    if not settings.backend:
        return None
    from skribe.delivery.deliveries import Deliveries

    return Deliveries(folder, settings.backend)


def surroundings() -> Mapping[str, str]:
    """Tags for a top-level run that begins here, for the backends it is going to."""
    session = _on
    if session is None or session.deliveries is None:
        return {}
    from skribe.delivery.deliveries import surroundings as ask

    return contain("what surrounds a run", ask, session.deliveries.chosen) or {}


def mind_deliveries(folder: Path) -> None:
    """Records of this store are being written: see to it that somebody delivers them."""
    session = _on
    if session is not None and session.deliveries is not None and session.deliveries.folder == folder:
        contain("starting the delivery", session.deliveries.tend)


def wanted_backends(folder: Path) -> tuple[str, ...]:
    """The backends that a top-level run of this store, which begins now, is to be delivered to."""
    session = _on
    if session is None or session.deliveries is None or session.deliveries.folder != folder:
        return ()
    return session.deliveries.keys


def look_after_deliveries(folder: Path) -> None:
    """A top-level run of this store has ended: wait for its delivery if the user wants that, and say what is wrong."""
    session = _on
    if session is None or session.deliveries is None or session.deliveries.folder != folder:
        return
    if session.settings.wait:
        contain("waiting for the delivery", session.deliveries.wait_after_run, session.settings.wait)
    contain("news of the delivery", session.deliveries.look)


def show_progress(progress: Progress) -> None:
    """Show how far a search has come, where somebody sees it."""
    global _painter
    if _painter is None:
        from skribe.progress import Painter

        _painter = Painter()
    _painter.show(progress)


def say(name: str, run: str, status: str, seconds: float, metrics: Callable[[], Mapping[str, float]]) -> None:
    """The line at the end of a top-level run, unless the user wants none."""
    if not current_settings().silent:
        contain("the line about a run", _say, name, run, status, seconds, metrics)


def _say(name: str, run: str, status: str, seconds: float, metrics: Callable[[], Mapping[str, float]]) -> None:
    # A notebook paints what comes from stderr as if it were a mistake.
    stream = sys.stdout if _in_notebook() else sys.stderr
    if stream is None:  # a program without a console
        return
    line = run_line(name, run[-8:], status, seconds, metrics())
    shown = sys.modules.get("skribe.progress")  # who has started a page has loaded it
    if shown is not None:
        folder = next((folder for folder, last in list(_last.items()) if last == run), None)
        if shown.links.tell(line, run, folder):
            return
    try:
        print(line, file=stream)
    except (OSError, ValueError):  # closed, or a pipe that nobody reads any more
        pass


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:  # which is the case in most programs, and quickly told
        return False
    from skribe.progress import in_notebook

    return in_notebook()


def switch_on(settings: Settings) -> None:
    """Record from now on. When it is on already, only the settings change."""
    global _on
    if _captured is not None:
        settings = replace(settings, store=_captured.store, backend=_captured.backend)
    folder = _memory() if any(one.ephemeral for one in settings.backend) else find_store(settings.store)
    if settings.store is not None or os.environ.get(VARIABLE):
        check_location(folder)
    with _lock:
        if _on is None:
            _on = Session(settings, folder)
            atexit.register(_farewell)
        else:
            _on.change(settings, folder)


def _memory() -> Path:
    """A store that goes with this process."""
    global _temporary
    if _temporary is None:
        import tempfile

        _temporary = Path(tempfile.mkdtemp(prefix="skribe-memory-"))
        atexit.register(_forget, os.getpid(), _temporary)
    return _temporary / FOLDER


def _forget(pid: int, folder: Path) -> None:
    # A forked child may go on after its parent, or end before it.
    if pid == os.getpid():
        import shutil

        for journal in _journals.values():
            journal.close()
        shutil.rmtree(folder, ignore_errors=True)


def switch_off() -> None:
    """Restore everything that was changed, and let go of the stores."""
    global _on
    with _lock:
        session = _on
        if session is not None:
            atexit.unregister(_farewell)
            session.close()
        _on = None
        for journal in list(_journals.values()):
            journal.close()
        _journals.clear()


def _ask_git() -> GitState:
    # Outside of a repository, or where the working directory is gone, there is nothing to ask.
    try:
        here = os.getcwd()
    except OSError:
        return GitState()
    return GitState.start_dirty_check(here) if head_of(here) != (None, None) else GitState()


def _farewell() -> None:
    """The process ends: git may have answered just now. The journals say good-bye by themselves."""
    session = _on
    if session is not None:
        with contextlib.suppress(Exception):
            session.recorder.settle()
            session.ask_git(patience=0.05)
            if session.deliveries is not None:
                session.deliveries.farewell()


def current_settings() -> Settings:
    """The settings in force, or the defaults when skribe is off."""
    session = _on
    return Settings() if session is None else session.settings


def current_folder(store: str | os.PathLike[str] | None = None) -> Path:
    """The store that is meant: the one named, else the one that is written to, else the one found from here."""
    session = _on
    if store is None and session is not None:
        return session.folder
    return find_store(_captured.store if store is None and _captured is not None else store)


def folder_to_read(store: str | os.PathLike[str] | None) -> Path:
    """The same for reading: a store that was named and is not there is a mistake."""
    folder = current_folder(store)
    if store is not None and not database_of(folder).is_file():
        inside = folder / FOLDER
        hint = f"; did you mean {inside}?" if database_of(inside).is_file() else ""
        raise StoreError(f"there is no store in {folder}{hint}")
    return folder


def journal_of(folder: Path) -> Journal:
    """The one journal of this process for a store."""
    with _lock:
        journal = _journals.get(folder)
        if journal is None:
            journal = _journals[folder] = Journal(folder, _process)
        return journal


def _process() -> ProcessInfo:
    """What is known of this process, with the answer of git if there is one yet."""
    known, session = process_info(), _on
    if session is None or (dirty := session.git.result()) is None:
        return known
    return known._replace(environment={**known.environment, "git_dirty": dirty})


def query_of(folder: Path) -> Query:
    """The one reader of this process for a store. It can be used while skribe is off."""
    from skribe.store.query import Query

    with _lock:
        if not _queries:
            atexit.register(_stop_reading)
        query = _queries.get(folder)
        if query is None:
            query = _queries[folder] = Query(folder)
        return query


def _stop_reading() -> None:
    for query in list(_queries.values()):
        query.close()


def remember(folder: Path, run: str) -> None:
    """This is the last top-level run now."""
    _last[folder] = run


def last_run_here(folder: Path) -> str | None:
    """The id of the last top-level run that this process made in a store."""
    return _last.get(folder)


def flush(timeout: float | None) -> bool:
    """Write what was put off, and deliver what waits, to the stores and to the backends; whether nothing is left."""
    settle()
    with _lock:
        journals = list(_journals.values())
    until = None if timeout is None else time.monotonic() + timeout
    delivered = [journal.flush() if timeout is None else journal.flush(timeout) for journal in journals]
    session = _on
    if session is not None and session.deliveries is not None:
        left = None if until is None else max(0.0, until - time.monotonic())
        delivered.append(contain("waiting for the delivery", session.deliveries.wait, left) or False)
    return all(delivered)
