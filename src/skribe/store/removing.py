"""The files of models are removed: first the store says so, then they are deleted."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from skribe.store import parts
from skribe.store.artifacts import ArtifactStore
from skribe.store.changing import Changing

# A model that is being written again lies in its place a moment before the store knows of it.
_MOMENT = 60.0


class KeptFiles(NamedTuple):
    """A model whose files are there: the run's number and id, the model's folder, its bytes, when it was written."""

    number: int
    run: str
    path: str
    size: int
    written: float


def live_versions(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Run and path of each model that a registered version needs."""
    return set(
        connection.execute(
            "SELECT v.run, v.path FROM version v JOIN registered g ON g.id = v.registered"
            " WHERE v.deleted IS NULL AND g.deleted IS NULL"
        ).fetchall()
    )


def removable(folder: Path, chosen: Iterable[KeptFiles]) -> list[KeptFiles]:
    """Those of them that are not being written again just now, and whose folder is no link to somewhere else."""
    artifacts = ArtifactStore(folder)
    return [
        model
        for model in chosen
        if not artifacts.is_linked(model.run, model.path) and not _is_in_flight(artifacts, model)
    ]


class Remover(Changing):
    """Removes the files of models from one store."""

    def remove(self, choose: Callable[[sqlite3.Connection], list[KeptFiles]]) -> list[KeptFiles]:
        """Remove those that `choose` finds, which is asked inside the transaction. What was removed."""
        artifacts = ArtifactStore(self.folder)
        aside: list[str] = []
        try:
            with self._writing() as connection:
                chosen = removable(self.folder, choose(connection))
                now = time.time()
                for model in chosen:
                    connection.execute(
                        "UPDATE model SET removed = ? WHERE run = ? AND path = ?", (now, model.number, model.path)
                    )
                    # Nobody can put another folder in this place now that would be deleted instead.
                    taken = artifacts.take_away(model.run, model.path)
                    aside += [] if taken is None else [taken]
        except BaseException:
            for part in aside:
                parts.bring_back(part)
            raise
        for part in aside:
            parts.remove(part)
        return chosen


def _is_in_flight(artifacts: ArtifactStore, model: KeptFiles) -> bool:
    try:
        changed = os.lstat(artifacts.place(model.run, model.path)).st_mtime
    except OSError:
        return False
    return changed > model.written and time.time() - changed < _MOMENT
