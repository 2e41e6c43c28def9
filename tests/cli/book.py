"""Stores for the tests of the terminal, written in a moment: what fits would have written, without fitting."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from skribe.cli import main
from skribe.records import (
    Candidate,
    Changes,
    Dataset,
    End,
    Fact,
    Failure,
    Metric,
    Note,
    Param,
    ProcessInfo,
    Start,
    new_id,
)
from skribe.records import Result as SplitResult
from skribe.store.journal import Journal

HOSTILE = "evil \x1b[31mred\x1b[0m [bold]bold[/bold] \u202egnorw | pipe 你好世界 مرحبا\nsecond \x9b2J line"


def call(*arguments: object, **more: Any) -> Result:
    """The command as a script calls it."""
    return CliRunner().invoke(main, [str(each) for each in arguments], **more)


class Book:
    """Writes runs into one store."""

    def __init__(self, folder: Path, process: ProcessInfo | None = None) -> None:
        self.folder = folder
        self.process = process or ProcessInfo("t", "nowhere", "boot", 1, "1", {"python": "3.12"}, "train.py")

    def write(self, *changes: Changes) -> None:
        with Journal(self.folder, lambda: self.process) as journal:
            journal.write(*changes)

    def run(
        self,
        name: str = "SVC",
        *,
        experiment: str = "churn",
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, Any] | None = None,
        status: Any = "finished",
        ago: float = 100.0,
        data: str = "aaaa",
        **more: Any,
    ) -> str:
        """A fit, and its id."""
        run, start = new_id(), time.time() - ago
        failure = (
            Failure("ValueError", "no \x1b[2J luck", "Traceback …\nValueError: no luck")
            if status == "failed"
            else None
        )
        end = None if status == "running" else End(status, start + 1, 1.25, 1.0, failure)
        changes = Changes(
            run=run,
            start=Start(
                experiment, name, more.pop("kind", "fit"), start, more.pop("parent", None), "SVC", "sklearn.svm.SVC"
            ),
            params=(
                *(Param(key, str(value), type(value).__name__, False) for key, value in (params or {}).items()),
                Param("tol", "0.001", "float", True),
            ),
            metrics=tuple(Metric(key, value, None, start) for key, value in (metrics or {}).items()),
            datasets=(Dataset("train", "X", "numpy", (100, 4), data, {}),),
            end=end,
            **more,
        )
        self.write(changes)
        return run

    def search(self, done: int = 6, *, status: Any = "finished", failing: bool = False) -> tuple[str, list[str]]:
        """A search over six candidates on three splits, of which so many are done; its id and its children's."""
        run, start = new_id(), time.time() - 50
        children = [new_id() for _ in range(6)]
        candidates = tuple(
            Candidate(n, children[n] if n < done else None, f"C={n}", {"C": (str(n), "int"), "kernel": ("rbf", "str")})
            for n in range(6)
        )
        results = tuple(
            SplitResult(
                n, split, start + n, 0.5, 0.1, 0,
                {"test": float("nan"), "error": "Traceback\nValueError: \x1b[31mno"}
                if failing and n == 1
                else {"test": 0.7 + n / 100 + split / 1000},
            )
            for n in range(done)
            for split in range(3)
        )  # fmt: skip
        finished = status == "finished"
        best = (Metric("best_cv_score", 0.751, None, start),) if finished else ()
        facts = (Fact("n_fits", "18", "int"), *((Fact("best_index_", "5", "int"),) if finished else ()))
        self.write(
            Changes(
                run=run,
                start=Start("churn", "GridSearchCV", "search", start, None, "GridSearchCV", "GridSearchCV"),
                candidates=candidates,
                results=results,
                facts=facts,
                metrics=best,
                notes=(Note("advice", "The best C is at the edge of its range."),) if finished else (),
                end=End(status, start + 9, 9.0, 9.0) if status != "running" else None,
            ),
            *(
                Changes(
                    run=child,
                    start=Start("churn", f"C={n}", "candidate", start + n, run),
                    metrics=(Metric("mean_test_score", 0.7 + n / 100, None, start),),
                    end=End("finished", start + n + 1, 0.6),
                )
                for n, child in enumerate(children[:done])
            ),
        )
        return run, children
