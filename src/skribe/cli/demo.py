"""`skribe demo`: a classifier, a regressor, a pipeline and a small grid search, and what was written down of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skribe.cli.options import store_option

if TYPE_CHECKING:
    from skribe.store.query import Query


@click.command()
@store_option
def command(store: str | None) -> None:
    """Train four small models with skribe on, and show what it wrote down.

    \b
      skribe demo
      skribe demo --store /tmp/demo
    """
    play(store)


def play(store: str | None) -> None:
    """Train, then print where the records are and the table of runs."""
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    import skribe
    from skribe.cli.stores import opened

    click.echo("Four fits, with `skribe.autolog()` on. skribe says a line about each:\n", err=True)
    skribe.autolog(store=store, experiment="demo")
    try:
        LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
        RandomForestRegressor(n_estimators=50, random_state=0).fit(*load_diabetes(return_X_y=True))
        X, y = load_breast_cancer(return_X_y=True)
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
        grid = {"svc__C": [0.1, 1, 10], "svc__kernel": ["rbf", "linear"]}
        GridSearchCV(make_pipeline(StandardScaler(), SVC()), grid, cv=3).fit(X, y)
        last = skribe.last_run()
    finally:
        skribe.autolog(disable=True)

    click.echo("\nWhat `skribe runs` shows of them:\n")
    with opened(str(last.folder)) as query:
        _table(query)
    click.echo("\nAnd `print(skribe.last_run())`:\n")
    click.echo(str(last))
    click.echo(f"\nThe records are in {last.folder}")
    click.echo("In the terminal: `skribe runs`, `skribe show last`, `skribe ui`.")
    click.echo("In Python: `import skribe`, then `skribe.runs()`, `skribe.last_run()`, `skribe.get_run(ID)`.")


def _table(query: Query) -> None:
    from skribe.cli.columns import keys_of, table_of, usual
    from skribe.cli.output import emit

    asked = {"experiment": "demo", "sort_by": None, "limit": 4}
    columns = usual(query, asked)
    keys = keys_of(query, columns, asked)
    columns, rows = table_of(query.runs_page("demo", limit=4, columns=keys).rows, columns, keys)
    emit(None, columns, rows, more="skribe runs --columns A,B")
