"""`skribe demo`: a classifier, a regressor, a pipeline and a small grid search, and what was written down of them."""

from __future__ import annotations

import click

import skribe

COLUMNS = ("name", "kind", "status", "duration")


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

    scores = [name for name in ("metrics.training_score", "metrics.best_cv_score") if name in table]
    shown = table[["run_id", *COLUMNS, *scores]].assign(run_id=table["run_id"].str[-8:])
    click.echo()
    with pd.option_context("display.width", 120, "display.max_columns", 12):
        click.echo(shown.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep=""))
    click.echo()
    click.echo(str(last))
    click.echo()
    click.echo(f"The records are in {last.folder}")
    click.echo("Read them with `skribe.runs()`, `skribe.last_run()` and `skribe.get_run(ID)`.")
