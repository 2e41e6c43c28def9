"""Run the cases, each mode in a process of its own, and print a table.

python -m benchmarks                 every case, MLflow's slowest ones left out
python -m benchmarks --slow          those too
python -m benchmarks small nested    some cases
python -m benchmarks --rounds 1      once instead of three times; the table shows medians
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks import backends, cases, models, searches  # noqa: F401 - the others register their cases

MODES = ("plain", "skribe", "mlflow", "mlflow without models")


def measure(case: str, mode: str) -> dict[str, float] | None:
    """What one child process measured, or None if it could not."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "SKRIBE_STORE": os.path.join(folder, "skribe_runs"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONPATH": os.getcwd(),
            "PYTHONWARNINGS": "ignore",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", case, mode],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            found: dict[str, float] = json.loads(line)
            return found
    print(f"  {case} / {mode} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return None


def table(case: str, modes: list[str], rounds: int) -> None:
    """One case: a row per measured quantity, a column per mode, the ratio to plain, the difference to plain."""
    results: dict[str, dict[str, list[float]]] = {mode: {} for mode in modes}
    for _ in range(rounds):
        for mode in modes:  # interleaved, so that a slow minute of the machine is shared by all
            for name, value in (measure(case, mode) or {}).items():
                results[mode].setdefault(name, []).append(value)
    print(f"\n## {case}: {cases.CASES[case].__doc__.splitlines()[0]}\n")  # type: ignore[union-attr]
    print("| | " + " | ".join(modes) + " |")
    print("|---|" + "---|" * len(modes))
    fullest_first = sorted(modes, key=lambda mode: -len(results[mode]))
    names = list(dict.fromkeys(name for mode in fullest_first for name in results[mode]))
    for name in names:
        medians = {mode: statistics.median(values[name]) for mode, values in results.items() if name in values}
        print(f"| {name} | " + " | ".join(_cell(name, mode, medians) for mode in modes) + " |", flush=True)


def _cell(name: str, mode: str, medians: dict[str, float]) -> str:
    if mode not in medians:
        return "-"
    value, plain = medians[mode], medians.get("plain")
    text = f"{value:,.4g}"
    if mode != "plain" and plain and name.endswith((" ms", " us")):
        text += f" ({value - plain:+,.3g}; {value / plain:.3g}x)"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("cases", nargs="*", default=list(cases.CASES), choices=[*cases.CASES, []])
    parser.add_argument("--slow", action="store_true", help="with MLflow where it takes minutes")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    chosen: list[Any] = arguments.cases or list(cases.CASES)
    for case in chosen:
        modes = list(getattr(cases.CASES[case], "modes", MODES))
        if not arguments.slow:
            modes = [mode for mode in modes if mode not in getattr(cases.CASES[case], "slow", ())]
        table(case, modes, min(arguments.rounds, getattr(cases.CASES[case], "rounds", None) or arguments.rounds))


if __name__ == "__main__":
    main()
