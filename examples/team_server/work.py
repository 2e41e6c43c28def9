"""What runs on a machine of the team. Two lines are about skribe: `autolog`, and `flush` before the end.

A member fits models whenever it is told to, by a number on its standard input; the cluster makes one sweep with Dask.
All the rest is scikit-learn as ever.
"""

from __future__ import annotations

import sys
from typing import Any

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skribe

EXPERIMENT = "team"
PATIENCE = 120.0


def data() -> tuple[Any, Any, Any, Any]:
    """The same for everybody: training and test data."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    return X_train, X_test, y_train, y_test


def say(word: str) -> None:
    """Tell whoever watches."""
    print(word, flush=True)


def write_down(name: str, server: str, pictures: bool) -> None:
    """From now on every fit is recorded here, and delivered to the server of the team."""
    skribe.autolog(
        backend=f"mlflow:{server}",
        experiment=EXPERIMENT,
        extra_tags={"machine": name},
        log_plots=pictures,
        silent=True,
    )


def member() -> None:
    """Fit as many models as each line of the standard input says."""
    X_train, X_test, y_train, y_test = data()
    fitted = 0
    say("ready")
    for line in sys.stdin:
        if not line.strip().isdecimal():
            say("flushed" if skribe.flush(timeout=PATIENCE) else "pending")
            continue
        for _ in range(int(line)):
            fitted += 1
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01 * fitted, max_iter=500))
            model.fit(X_train, y_train)
            model.score(X_test, y_test)
        say("done")


def cluster() -> None:
    """Sweep over as many candidates as the first line of the standard input says."""
    from distributed import Client, LocalCluster

    X_train, X_test, y_train, y_test = data()
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as dask,  # type: ignore[no-untyped-call]
        Client(dask),  # type: ignore[no-untyped-call]
    ):
        say("ready")
        wanted = int(sys.stdin.readline())
        grid = {"max_depth": list(range(2, 2 + wanted))}
        search = GridSearchCV(RandomForestClassifier(n_estimators=60, random_state=0), grid, cv=3)
        with joblib.parallel_backend("dask"):
            search.fit(X_train, y_train)
        search.score(X_test, y_test)
    say("done")
    sys.stdin.readline()
    say("flushed" if skribe.flush(timeout=PATIENCE) else "pending")


if __name__ == "__main__":
    what, who, where, pictures = sys.argv[1:]
    write_down(who, where, bool(pictures))
    {"member": member, "cluster": cluster}[what]()
