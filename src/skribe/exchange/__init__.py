"""Runs leave a store and come into one: archives that hold everything, tables for other tools, and MLflow's stores.

export_runs("runs.zip")        everything of the runs, with their files, for another store
export_runs("runs.parquet")    one row per run
import_runs("runs.zip")        an archive, or what MLflow has written
"""

from __future__ import annotations

from skribe.exchange.exporting import Exported, export_runs
from skribe.exchange.importing import Imported, import_runs

__all__ = ["Exported", "Imported", "export_runs", "import_runs"]
