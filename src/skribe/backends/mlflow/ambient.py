"""Where a run belongs as MLflow sees it: the run and the experiment that are active where the user calls `fit`.

Asked in the user's thread whenever a top-level run begins, so it reads what is in memory and nothing else. MLflow is
never imported for it: who uses it has it imported.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Final

from skribe.backends.mlflow.address import resolve, shown

# Tags of a local run. The backend reads them, and does not hand them on.
PREFIX: Final = "skribe.mlflow."
RUN: Final = PREFIX + "run_id"
PARENT: Final = PREFIX + "parent_run_id"
EXPERIMENT: Final = PREFIX + "experiment"
EXPERIMENT_ID: Final = PREFIX + "experiment_id"
ADDRESS: Final = PREFIX + "address"  # the MLflow in which these ids mean something
SOURCE: Final = PREFIX + "source"

KERNEL: Final = "ipykernel_launcher.py"  # what runs where the name of a notebook is not known
_IN_EDITOR: Final = "__vsc_ipynb_file__"
_NOTEBOOK: Final = (_IN_EDITOR, "IPYNB_FILE", "JPY_SESSION_NAME")


class _Taken:
    """The runs of MLflow that a run of ours has become a part of, in this process and in those it was forked from."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runs: set[str] = set()

    def take(self, run: str) -> bool:
        """Whether this is the first to ask for it."""
        with self.lock:
            if run in self.runs:
                return False
            self.runs.add(run)
            return True

    def after_fork(self) -> None:
        """What was active in the parent is the parent's: here it can only be a parent of runs."""
        self.lock = threading.Lock()
        active = _active(sys.modules.get("mlflow"))
        self.runs |= {run for run in (active[0], os.environ.get("MLFLOW_RUN_ID", "")) if run}


_taken = _Taken()


def ambient() -> dict[str, str]:
    """The tags that say where a run that begins here and now belongs."""
    mlflow = sys.modules.get("mlflow")
    run, experiment = _active(mlflow)
    run = run or os.environ.get("MLFLOW_RUN_ID", "")
    tags = {SOURCE: _source()}
    if run:
        tags[RUN if _taken.take(run) else PARENT] = run
    if experiment := experiment or _chosen(mlflow) or os.environ.get("MLFLOW_EXPERIMENT_ID", ""):
        tags[EXPERIMENT_ID] = experiment
    elif name := os.environ.get("MLFLOW_EXPERIMENT_NAME", ""):
        tags[EXPERIMENT] = name
    if (run or experiment) and (mlflow is not None or os.environ.get("MLFLOW_TRACKING_URI")):
        tags[ADDRESS] = shown(resolve(""))
    return tags


def _active(mlflow: Any) -> tuple[str, str]:
    """The run that `mlflow.start_run()` has opened in this thread, and its experiment."""
    ask = getattr(mlflow, "active_run", None)
    run = None if ask is None else ask()
    return ("", "") if run is None else (str(run.info.run_id), str(run.info.experiment_id))


def _chosen(mlflow: Any) -> str:
    """What `mlflow.set_experiment()` has chosen in this process."""
    fluent = None if mlflow is None else sys.modules.get("mlflow.tracking.fluent")
    return str(getattr(fluent, "_active_experiment_id", None) or "")


def _source() -> str:
    """The notebook or the script, as `mlflow.source.name` has it."""
    # What a notebook starts, such as a script, has its environment, too.
    notebook = _notebook() if _is_kernel() else None
    if notebook:
        return os.path.basename(notebook)
    return sys.argv[0] if sys.argv and sys.argv[0] else "<console>"


def _is_kernel() -> bool:
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return ask is not None and hasattr(ask(), "kernel")


def _notebook() -> str | None:
    # VS Code leaves the name among the notebook's own variables.
    found = getattr(sys.modules.get("__main__"), _IN_EDITOR, None)
    if isinstance(found, str):
        return found
    return next((named for name in _NOTEBOOK if (named := os.environ.get(name))), None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_taken.after_fork)
