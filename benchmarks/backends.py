"""Backends: what a fit waits for when its records also go to an MLflow server, and how soon the server has them.

MLflow is measured with a server that is up. Without one its autologger was measured at 247 s for each fit, so that
nobody has to wait for that here.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.cases import case, resident, timed, times
from benchmarks.searches import cancer
from benchmarks.servers import counting_proxy, ended_runs, mlflow_server, nobody, silence

UP, NOBODY, SILENT = "skribe, server up", "skribe, nobody listens", "skribe, no answer"
PLACES = ("plain", "skribe", UP, NOBODY, SILENT, "mlflow")
_SETTLED = 2.5  # seconds after which the process that delivers has tidied up behind what it has delivered


def use_one_thread() -> None:
    """Before numpy is imported: threads of a fit would compete with the server for the cores."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@contextlib.contextmanager
def place(mode: str) -> Iterator[str | None]:
    """Where the records of this mode go besides the local store."""
    there = {UP: mlflow_server, "mlflow": mlflow_server, NOBODY: nobody, SILENT: silence}.get(mode)
    if there is None:
        yield None
        return
    with there() as address:
        yield address


def switch_on(mode: str, address: str | None, models: bool = True) -> None:
    if mode.startswith("skribe"):
        import skribe

        backend = None if address is None else f"mlflow:{address}"
        skribe.autolog(backend=backend, log_models=models, max_tuning_runs=None)
    elif mode.startswith("mlflow"):
        import mlflow
        import mlflow.sklearn

        mlflow.set_tracking_uri(address)
        mlflow.set_experiment("benchmark")
        mlflow.sklearn.autolog(log_models=models, max_tuning_runs=None)


def switch_off(mode: str) -> None:
    if mode.startswith("skribe"):
        import skribe

        skribe.autolog(disable=True)


def arrive(mode: str, timeout: float | None = None) -> bool:
    """Wait until the server has everything, or so long: whether one `flush` was enough."""
    if not mode.startswith("skribe"):
        return True
    import skribe

    enough = skribe.flush(timeout)
    if not enough and mode == UP and not skribe.flush(600):
        raise RuntimeError("the server is up, and not everything has arrived")
    return enough


def see_children_end() -> None:
    """What delivers goes on beside the case, in a folder that is about to be deleted."""
    until = time.monotonic() + 30
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)


@case(modes=PLACES)
def remote_fits(mode: str) -> dict[str, float]:
    """logistic regression on breast cancer while the records also go to a server: 30 fits in a row, 30 with pauses

    The pauses give what delivers the time to do it between two fits, and during the next ones. With MLflow a fit
    takes seconds: four in a row and four with pauses show what it costs.
    """
    use_one_thread()
    from sklearn.linear_model import LogisticRegression

    X, y = cancer()
    number, warm = (4, 1) if mode == "mlflow" else (30, 5)

    def fit() -> object:
        return LogisticRegression().fit(X, y)  # what `fit` is by then: a bound method would be that of before

    fit()
    with place(mode) as address:
        switch_on(mode, address)
        first = timed(fit)
        times(fit, warm)
        arrive(mode, None if mode == UP else 3)
        row = times(fit, number)
        arrive(mode, None if mode == UP else 0)
        spaced = []
        for _ in range(number):
            time.sleep(0.1)
            spaced.append(timed(fit))
        arrive(mode, None if mode == UP else 0)
        switch_off(mode)
    see_children_end()
    return {
        "first fit ms": first,
        "in a row: a fit ms": statistics.median(row),
        "in a row: the longest ms": max(row),
        "one every 100 ms: a fit ms": statistics.median(spaced),
        "one every 100 ms: the longest ms": max(spaced),
    }


def fits(number: int) -> Callable[[], object]:
    """So many fits of a logistic regression on breast cancer."""
    from sklearn.linear_model import LogisticRegression

    X, y = cancer()
    return lambda: times(lambda: LogisticRegression().fit(X, y), number)


def search(candidates: int) -> Callable[[], object]:
    """A search of so many candidates on two folds."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    X, y = cancer()
    grid = GridSearchCV(LogisticRegression(), {"C": np.logspace(-3, 2, candidates).tolist()}, cv=2)
    return lambda: grid.fit(X, y)


@case(modes=(UP, "mlflow"), rounds=1)
def shipping(mode: str) -> dict[str, float]:
    """seconds until an MLflow server has everything, and until the user's code goes on"""
    use_one_thread()
    found: dict[str, float] = {}
    works = (
        ("100 fits without models", fits(100), False, 100),
        ("20 fits with models", fits(20), True, 20),
        ("search of 200 x 2 without models", search(200), False, 201),
    )
    with mlflow_server() as address:
        for name, work, models, runs in works:
            switch_on(mode, address, models)
            fits(1)()  # what is imported and started once is measured in process_end
            arrive(mode)
            before, began = ended_runs(address), time.perf_counter()
            work()
            found[f"{name}: the code goes on after s"] = time.perf_counter() - began
            enough = arrive(mode)
            found[f"{name}: the server has all after s"] = time.perf_counter() - began
            if mode == UP:
                found[f"{name}: flush() gave up (1) or waited for all (0)"] = not enough
            if (there := ended_runs(address) - before) != runs:
                raise RuntimeError(f"{name}: {there} runs have ended on the server, and not {runs}")
        switch_off(mode)
    see_children_end()
    return found


@case(modes=(UP, "mlflow"), rounds=1)
def requests(mode: str) -> dict[str, float]:
    """HTTP requests: of a fit by itself, of each of ten in a row, and of each candidate of a search of 40 x 2"""
    use_one_thread()
    found: dict[str, float] = {}
    works = (
        ("a fit with models", fits(1), True, 1),
        ("each of 10 fits with models", fits(10), True, 10),
        ("a fit without models", fits(1), False, 1),
        ("each of 10 fits without models", fits(10), False, 10),
        ("each of 40 candidates, without models", search(40), False, 40),
    )
    with mlflow_server() as server, counting_proxy(server) as proxy:
        for name, work, models, parts in works:
            switch_on(mode, proxy.address, models)
            fits(1)()
            arrive(mode)
            time.sleep(_SETTLED)
            proxy.reset()
            work()
            arrive(mode)
            time.sleep(_SETTLED)
            files = ["/mlflow-artifacts/" in request for request in proxy.seen()]
            found[f"{name}: control"] = files.count(False) / parts
            found[f"{name}: files"] = files.count(True) / parts
        switch_off(mode)
    see_children_end()
    return found


@case(modes=PLACES)
def process_end(mode: str) -> dict[str, float]:
    """a user's process: switching on with a backend named, and its end, delivered or right after its only fit"""
    use_one_thread()
    with place(mode) as address:
        if mode != "mlflow":
            _script(mode, address, 1, "hurry")  # so that the next one reads no file for the first time
        began, end = _script(mode, address, 1, "hurry")
        found = {f"autolog() {name}": value for name, value in began.items()}
        found["end right after a single fit ms"] = end
        if mode not in (NOBODY, SILENT, "mlflow"):  # MLflow has sent everything when a fit returns
            ends = [_script(mode, address, 3, "arrive")[1] for _ in range(3)]
            found["end when all has arrived ms"] = statistics.median(ends)
    time.sleep(1)  # where nobody answered, what delivers ends now
    return found


_SCRIPT = "import sys; from benchmarks.backends import script; script(*sys.argv[1:])"


def _script(mode: str, address: str | None, fits: int, then: str) -> tuple[dict[str, float], float]:
    """What a user's process says, and the milliseconds from its last line to its end."""
    store = Path.cwd() / f"store-{time.monotonic_ns()}"
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, mode, address or "", str(fits), then],
        env=os.environ | {"SKRIBE_STORE": str(store)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    ended = time.perf_counter()  # the same clock for all processes
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures, (ended - figures.pop("last line")) * 1e3


def script(mode: str, address: str, number: str, then: str) -> None:
    """The user's process: it fits, prints its figures, and ends."""
    from sklearn.linear_model import LogisticRegression

    X, y = cancer()
    LogisticRegression().fit(X, y)
    before, modules = resident(), set(sys.modules)
    spent = timed(lambda: switch_on(mode, address or None))
    figures: dict[str, Any] = {"and its imports ms": spent}
    if mode != "plain":
        again = times(lambda: switch_on(mode, address or None), 5)
        figures["again ms"] = statistics.median(again)
    times(lambda: LogisticRegression().fit(X, y), int(number))
    if then == "arrive":
        arrive(mode)
    figures["and fits: MB more"] = resident() - before
    figures["and fits: modules of mlflow imported"] = sum(
        name.partition(".")[0] == "mlflow" for name in set(sys.modules) - modules
    )
    print(json.dumps(figures | {"last line": time.perf_counter()}), flush=True)
