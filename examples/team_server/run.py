"""A team on one MLflow server: two members and a Dask cluster write to it at once, and it fails in the middle.

`python examples/team_server/run.py` starts everything on this machine, in a temporary folder, checks that nothing is
missing and nothing is there twice, and stops it all again. README.md beside it says more.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from check import Result, Server, check
from machines import Machine
from servers import MLflowServer, NotStarted, postgres, tail

PATIENCE = 180.0
BEGAN = time.monotonic()


def say(text: str) -> None:
    """One line, with the time since the beginning."""
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


class Size(NamedTuple):
    """How much is done."""

    fits: int  # of each member, in each of its turns
    candidates: int  # of the sweep
    pictures: bool  # drawn for each run, which takes longer than all the rest


class Outage(NamedTuple):
    """When the server was away."""

    began: float
    ended: float

    def runs_of(self, machine: Machine) -> int:
        """How many runs the machine began meanwhile."""
        begun = machine.runs()["start"].map(lambda moment: moment.timestamp())
        return int(((begun > self.began) & (begun < self.ended)).sum())


class Team(NamedTuple):
    """Two members, a cluster, the server of all three, and somebody who looks at it."""

    anna: Machine
    ben: Machine
    dask: Machine
    server: MLflowServer
    colleague: Server

    @property
    def machines(self) -> tuple[Machine, ...]:
        return self.anna, self.ben, self.dask


def play(folder: Path, size: Size, stack: contextlib.ExitStack, stay: bool) -> bool:
    """The whole story. Whether all is as it should be."""
    team = started(folder, size, stack)
    for member in (team.anna, team.ben):
        member.tell(str(size.fits))
    team.dask.tell(str(size.candidates))
    outage = server_lost(team, size)
    pending = caught_up(team, size)
    result = check(team.colleague, {machine.name: machine.store for machine in team.machines})
    result.wrong.extend(pending)
    good = report(team.machines, outage, result)
    if stay:
        print(f"\n  Everything is at {team.server.address} until you press Enter.", flush=True)
        sys.stdin.readline()
    return good


def started(folder: Path, size: Size, stack: contextlib.ExitStack) -> Team:
    """Everybody is there. What is started here, `stack` stops."""
    database, access = stack.enter_context(postgres(folder / "postgres"))
    say(f"PostgreSQL is ready: {database}")
    server = MLflowServer(folder / "mlflow", database, access)
    stack.callback(server.stop)
    server.launch()
    machines: list[Machine] = []
    for role, name in (("member", "anna"), ("member", "ben"), ("cluster", "dask")):
        machines.append(Machine(role, name, folder / name, server.address, size.pictures))
        stack.callback(machines[-1].stop)
    anna, ben, dask = machines
    team = Team(anna, ben, dask, server, Server(server.address))
    server.wait()
    for machine in machines:
        machine.hear("ready")
    say(f"The MLflow server is ready: {server.address}; so are anna, ben, and a Dask cluster of two workers")
    return team


def server_lost(team: Team, size: Size) -> Outage:
    """The server fails while runs arrive; nobody stops; one leaves. Then it is started again."""
    members = team.anna, team.ben
    wait_for(
        lambda: team.dask.count() > 1 and {"anna", "ben"} <= team.colleague.machines(), "the first runs to arrive"
    )
    for member in members:
        member.hear("done")
    began = time.time()
    team.server.crash()
    say("The MLflow server was killed while runs were arriving. Everybody goes on")
    for member in members:
        member.tell(str(size.fits))
    for member in members:
        member.hear("done")
    team.ben.finish()
    say("ben has switched off the computer, with runs that have not arrived. skribe told ben:")
    print("".join(f"            {line}\n" for line in tail(team.ben.log, 1)), end="")
    team.server.launch()
    team.server.wait()
    outage = Outage(began, time.time())
    say(f"The MLflow server is back, after {outage.ended - outage.began:.0f} s")
    return outage


def caught_up(team: Team, size: Size) -> list[str]:
    """Everything is delivered: by `skribe.flush()` at the end of a program, else by `skribe sync`. What was not."""
    team.anna.tell(str(size.fits))
    for machine in (team.anna, team.dask):
        machine.hear("done")
        machine.tell("flush")
    pending = [team.ben]
    for machine in (team.anna, team.dask):
        arrived = machine.hear("flushed", "pending") == "flushed"
        say(
            f"`skribe.flush()` at {machine.name}: " + ("everything has arrived" if arrived else "something is pending")
        )
        if machine.finish() or not arrived:
            pending.append(machine)
    wrong = []
    for machine in pending:
        code, words = machine.sync()
        say(f"`skribe sync` at {machine.name}: {words}")
        if code:
            wrong.append(f"`skribe sync` at {machine.name} ended with exit code {code}")
    return wrong


def check_packages() -> None:
    """NotStarted if a Python package is missing, which would otherwise be noticed late."""
    needed = {"mlflow": "mlflow", "psycopg2": "psycopg2-binary", "distributed": "distributed"}
    missing = [package for module, package in needed.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise NotStarted(f"This example needs {' and '.join(missing)}: pip install {' '.join(missing)}")


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Until `true()`."""
    until = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > until:
            raise NotStarted(f"Waited too long for {what}.")
        time.sleep(0.2)


def report(machines: Sequence[Machine], outage: Outage, result: Result) -> bool:
    """The table, and what was checked."""
    rows: list[tuple[Any, ...]] = [
        (machine.name, machine.count(), outage.runs_of(machine), f"{machine.ended - machine.began:.1f}")
        for machine in machines
    ]
    total, meanwhile = (sum(row[column] for row in rows) for column in (1, 2))
    rows.insert(0, ("machine", "runs", "begun in the outage", "seconds"))
    rows.append(("together", total, meanwhile, f"{time.monotonic() - BEGAN:.1f}"))
    print()
    for name, *numbers in rows:
        print(f"  {name:10}" + "".join(f"{number!s:>21}" for number in numbers))
    print()
    for line in result.wrong:
        print(f"  WRONG    {line}")
    for line in result.looked_at if not result.wrong else ():
        print(f"  checked  {line}")
    return not result.wrong


@contextlib.contextmanager
def temporary_folder(keep: bool) -> Iterator[Path]:
    """A folder for all of it. PostgreSQL, as another user, must be able to reach its own below it."""
    folder = Path(tempfile.mkdtemp(prefix="skribe-team-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        if keep:
            print(f"\n  Everything was kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Exit code 0 if nothing is missing, and 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer fits and candidates, and no pictures")
    parser.add_argument(
        "--stay", action="store_true", help="at the end, leave the server open to a browser for a while"
    )
    parser.add_argument("--keep", action="store_true", help="do not delete the folder with stores, logs and files")
    asked = parser.parse_args()
    size = Size(4, 6, False) if asked.quick else Size(8, 20, True)

    def interrupted(number: int, _frame: object) -> None:
        # Stopping everything must not be interrupted in turn.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    os.environ.update(MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false", MLFLOW_DISABLE_TELEMETRY="true")
    try:
        check_packages()
        with temporary_folder(asked.keep) as folder, contextlib.ExitStack() as stack:
            return 0 if play(folder, size, stack, asked.stay) else 1
    except NotStarted as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
