"""`skribe demo`: a classifier, a regressor, a pipeline and a small grid search, and what was written down of them."""

from __future__ import annotations

import click

import skribe
from skribe.words import seconds

COLUMNS = ("name", "kind", "status", "duration")
SCORES = ("metrics.training_accuracy_score", "metrics.training_r2_score", "metrics.best_cv_score")


def play(store: str | None) -> None:
    """Train, then print where the records are and the table of runs."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    click.echo("Four fits, with `skribe.autolog()` on. skribe says a line about each:\n", err=True)
    skribe.autolog(store=store, experiment="demo")
    try:
        LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
        RandomForestRegressor(n_estimators=50, random_state=0).fit(*load_diabetes(return_X_y=True))
        X, y = load_breast_cancer(return_X_y=True)
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        grid = {"svc__C": [0.1, 1, 10], "svc__kernel": ["rbf", "linear"]}
        GridSearchCV(make_pipeline(StandardScaler(), SVC()), grid, cv=3).fit(X, y)
        table = skribe.runs(experiment="demo", limit=4)
        last = skribe.last_run()
    finally:
        skribe.autolog(disable=True)

    shown = table[["run_id", *COLUMNS, *SCORES]].assign(run_id=table["run_id"].str[-8:])
    shown["duration"] = shown["duration"].map(seconds)
    shown.columns = [str(name).removeprefix("metrics.").removeprefix("training_") for name in shown]
    click.echo("\nWhat `skribe.runs()` has, some columns of it:\n")
    with pd.option_context("display.width", 120, "display.max_columns", 12):
        click.echo(shown.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep=""))
    click.echo("\nAnd `print(skribe.last_run())`:\n")
    click.echo(str(last))
    click.echo(f"\nThe records are in {last.folder}")
    click.echo("In Python: `import skribe`, then `skribe.runs()`, `skribe.last_run()`, `skribe.get_run(ID)`.")
