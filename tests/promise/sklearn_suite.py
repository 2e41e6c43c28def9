"""Run scikit-learn's own installed tests with autolog on; what fails there must fail without it too.

python tests/promise/sklearn_suite.py [quick | full | MODULE ...]
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

QUICK = ["sklearn.tests.test_pipeline", "sklearn.ensemble.tests.test_voting", "sklearn.tests.test_calibration"]
FULL = [
    "sklearn.tests.test_pipeline",
    "sklearn.model_selection",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.tests.test_common",
    "sklearn.tests.test_base",
    "sklearn.tests.test_metaestimators",
    "sklearn.tests.test_metaestimators_metadata_routing",
    "sklearn.utils.tests.test_parallel",
    "sklearn.utils.tests.test_set_output",
]
PLUGIN = """
import pytest, skribe
def pytest_configure(config):
    skribe.autolog(silent=True, overhead=0.1)
def pytest_unconfigure(config):
    skribe.autolog(disable=True)
"""


def failures(modules: list[str], folder: Path, plugin: bool) -> tuple[set[str], str]:
    """The tests that fail or break, and pytest's closing line."""
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--no-header", "-p", "no:cacheprovider"]
    command += ["-p", "no:randomly", "-c", os.devnull, "--rootdir", str(folder), "-n", "2", "--tb=no"]
    command += ["-p", "autolog_plugin"] if plugin else []
    paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # more than one for each core wait for one another
    env = threads | os.environ | {"PYTHONPATH": paths, "SKRIBE_STORE": str(folder / "store")}
    done = subprocess.run(
        [*command, "--pyargs", *modules], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    failed = {match[1] for match in re.finditer(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)}
    closing = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-2000:]
    return failed, closing


def main(arguments: list[str]) -> int:
    modules = {"quick": QUICK, "full": FULL, "": QUICK}.get(" ".join(arguments), arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "autolog_plugin.py").write_text(PLUGIN)
        with_it, said = failures(modules, folder, plugin=True)
        print(f"with autolog:    {said}", flush=True)
        without = set[str]()
        if with_it:
            without, said = failures(modules, folder, plugin=False)
            print(f"without autolog: {said}")
    new = sorted(with_it - without)
    for test in new:
        print(f"fails only with autolog: {test}")
    print("nothing fails with autolog that does not fail without it" if not new else f"{len(new)} new failures")
    return 1 if new or "passed" not in said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
