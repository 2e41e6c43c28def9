"""The runs of a skribe store as MLflow would hold them: `python -m benchmarks.mlflow_store SKRIBE.db MLFLOW.db`.

MLflow itself makes the database, and the rows are copied into its tables by SQL: through its client 100 000 runs would
take hours. A run keeps its id, name, times, experiment, parent, parameters, metrics and tags. The data sets stay
behind, so that MLflow has less to read than after a real `mlflow.sklearn.autolog`.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

_ID = "replace(r.id, '-', '')"
_STATUS = "CASE r.status WHEN 'finished' THEN 'FINISHED' WHEN 'failed' THEN 'FAILED' ELSE 'KILLED' END"
_OF_RUNS = f"FROM skribe.run r ORDER BY {_ID}"
_LATEST = (
    "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
    f" SELECT c.key, coalesce(c.value, 0), CAST(1000 * coalesce(c.time, r.start) AS INTEGER),"
    f" coalesce(c.step, 0), c.value IS NULL, {_ID}"
    " FROM skribe.run r CROSS JOIN skribe.metric c ON c.run = r.num"
)
_TAGS = {
    "mlflow.runName": "r.name",
    "mlflow.user": "'benchmark'",
    "mlflow.source.type": "'LOCAL'",
    "mlflow.source.name": "'benchmarks/fill_store.py'",
    "estimator_name": "r.estimator_name",
    "estimator_class": "r.estimator_class",
    "mlflow.parentRunId": "(SELECT replace(p.id, '-', '') FROM skribe.run p WHERE p.num = r.parent)",
}
_COPIES = {
    "experiments": (
        "INSERT OR REPLACE INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
        " last_update_time, workspace)"
        " SELECT id, name, 'mlflow-artifacts:/' || id, 'active', CAST(1000 * created AS INTEGER),"
        " CAST(1000 * created AS INTEGER), 'default'"
        " FROM skribe.experiment UNION SELECT 0, 'Default', 'mlflow-artifacts:/0', 'active', 0, 0, 'default'"
    ),
    "runs": (
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
        " end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
        f" SELECT {_ID}, r.name, 'UNKNOWN', '', '', 'benchmark', {_STATUS}, CAST(1000 * r.start AS INTEGER),"
        " CAST(1000 * r.\"end\" AS INTEGER), '', 'active',"
        f" 'mlflow-artifacts:/' || r.experiment || '/' || {_ID} || '/artifacts', r.experiment {_OF_RUNS}"
    ),
    "params": (
        f"INSERT INTO params (key, value, run_uuid) SELECT c.key, substr(c.value, 1, 6000), {_ID}"
        " FROM skribe.run r CROSS JOIN skribe.param c ON c.run = r.num"
    ),
    "latest_metrics": _LATEST,
    "metrics": _LATEST.replace("latest_metrics", "metrics"),
    "tags": (
        f"INSERT INTO tags (key, value, run_uuid) SELECT c.key, c.value, {_ID}"
        " FROM skribe.run r CROSS JOIN skribe.tag c ON c.run = r.num"
    ),
}


def fill(source: Path, target: Path) -> None:
    """Make the database `target` with all runs of the store whose database is `source`."""
    unfinished = target.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    upgrade = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{unfinished}"]
    subprocess.run(upgrade, env=environment, check=True, capture_output=True)
    connection = sqlite3.connect(f"file:{unfinished}", isolation_level=None, uri=True)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA cache_size = -2000000")
    connection.execute("ATTACH ? AS skribe", (f"file:{source}?mode=ro",))
    connection.execute("BEGIN")
    for table, copy in _COPIES.items():
        began = time.perf_counter()
        count = connection.execute(copy).rowcount
        print(f"{count:9} {table} in {time.perf_counter() - began:.0f} s", flush=True)
    for key, value in _TAGS.items():
        connection.execute(
            f"INSERT OR IGNORE INTO tags (key, value, run_uuid) SELECT ?, {value}, {_ID} FROM skribe.run r"
            f" WHERE {value} IS NOT NULL",
            (key,),
        )
    connection.execute("COMMIT")
    connection.execute("DETACH skribe")
    connection.close()
    unfinished.replace(target)


if __name__ == "__main__":
    fill(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
