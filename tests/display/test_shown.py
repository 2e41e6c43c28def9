"""Runs, searches and comparisons as a notebook shows them, from a real store."""

from __future__ import annotations

import time

import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.svm import SVC

import skribe
from skribe.records import Changes, End, Metric, Param, Start, new_id
from skribe.session import journal_of
from skribe.store.location import find_store
from tests.display.pages import Page

pytestmark = pytest.mark.newest_only
X, y = load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(autouse=True)
def _on():
    skribe.autolog(silent=True, log_models=False)
    yield
    skribe.autolog(disable=True)


def bundle(shown) -> dict[str, str]:
    """What a notebook keeps of it; checked as every output must be."""
    told = shown._repr_mimebundle_()
    html = told["text/html"]
    assert html == shown._repr_html_()
    assert told["text/markdown"] == shown._repr_markdown_()
    assert len(html.encode()) < 60_000
    assert len(told["text/markdown"].encode()) < 20_000
    told["seen"] = Page(html).text
    return told


def test_a_fit():
    model = LogisticRegression(C=0.5, max_iter=500).fit(X, y)
    model.score(X, y)
    run = skribe.last_run()
    told = bundle(run)
    for word in ("LogisticRegression", run.short_id, "● finished", "max_iter", "training_accuracy_score", "150 × 4"):
        assert word in told["seen"], word
    assert told["text/html"].count("<svg") == 4
    assert run.datasets[0].fingerprint[:8] in told["seen"]
    assert "| max_iter | 500 |" in told["text/markdown"]
    assert "max_iter  500" in str(run)
    assert told["text/plain"] == repr(run)


def test_a_regression_and_a_curve():
    LinearRegression().fit(*load_diabetes(return_X_y=True))
    told = bundle(skribe.last_run())
    assert "Predicted against actual" in told["seen"]
    assert "Residuals" in told["seen"]
    with skribe.run("by hand") as run:
        for step in range(5):
            skribe.log_metric("loss", 1 / (step + 1), step=step)
        DummyClassifier().fit(X, y)
        DummyClassifier().fit(X, y)
    told = bundle(run)
    assert "loss · 5 steps" in told["seen"]
    assert "runs inside" in told["seen"]


def test_a_run_that_failed():
    with pytest.raises(ValueError, match="C"):
        SVC(C=-1).fit(X, y)
    told = bundle(skribe.last_run())
    assert "● failed" in told["seen"]
    assert "must be a float in the range" in told["seen"]
    assert "must be a float in the range" in told["text/markdown"]
    assert "must be a float in the range" in str(skribe.last_run())


def test_a_search():
    with pytest.warns(FitFailedWarning), pytest.warns(UserWarning, match="non-finite"):
        GridSearchCV(SVC(), {"C": [0.1, 1, 10, -1], "gamma": [0.1, 1]}, cv=3).fit(X, y)
    run = skribe.last_run()
    told = bundle(run)
    assert "best candidates of 8" in told["seen"]
    assert "6 fits of 24 failed." in told["seen"]
    assert "score by C and gamma" in told["seen"]
    assert "score by candidate" in told["seen"]
    assert 'aria-label="0.' in told["text/html"], "the splits of a candidate as dots"
    assert "**1.**" in told["text/markdown"]
    assert str(run).count("±") >= 6


def test_a_search_along_one_parameter_and_a_cross_validation():
    GridSearchCV(SVC(), {"C": [0.1, 1, 10]}, cv=3).fit(X, y)
    assert "score by C" in bundle(skribe.last_run())["seen"]
    cross_validate(SVC(), X, y, cv=3)
    told = bundle(skribe.last_run())
    assert "fold 2" in told["seen"]
    assert "best candidates" not in told["seen"]


def test_a_search_that_is_running():
    class Looks(DummyClassifier):
        def fit(self, X, y):
            run = skribe.active_run()
            while run.parent is not None:
                run = run.parent
            if self.random_state == 3:
                seen.append(Page(run._repr_html_()).text)
            return super().fit(X, y)

    seen: list[str] = []
    GridSearchCV(Looks(), {"random_state": [1, 2, 3]}, cv=2, refit=False).fit(X, y)
    assert "● running" in seen[0]
    assert "4 of 6 fits" in seen[0]
    assert "so far" in seen[0]


def test_a_search_inside_of_a_run_by_hand():
    with skribe.run("mine") as run:
        GridSearchCV(DummyClassifier(), {"random_state": [1, 2, 3]}, cv=2).fit(X, y)
    assert run.kind == "manual"
    told = bundle(run)
    assert "best candidates of 3" in told["seen"]
    assert "runs inside" not in told["seen"]


def test_a_comparison():
    runs = []
    for C in (0.1, 10.0):
        LogisticRegression(C=C, max_iter=500).fit(X, y)
        runs.append(skribe.last_run())
    shown = skribe.compare(*runs)
    told = bundle(shown)
    assert "All were trained on the same data." in told["seen"]
    assert "max_iter" not in told["seen"], "only what differs"
    assert "ROC" in told["seen"]
    assert "skribe-best" in told["text/html"]
    assert "All were trained on the same data." in str(shown)
    LogisticRegression(C=1.0).fit(X[:100], y[:100])
    assert "different data" in bundle(skribe.compare(runs[0], skribe.last_run()))["seen"]
    same = skribe.compare(runs[0], runs[0])
    assert same._repr_mimebundle_() == {"text/plain": repr(same)}
    assert same._repr_html_() is same._repr_markdown_() is None
    assert str(same) == repr(same)


def test_runs_of_two_stores(tmp_path):
    DummyClassifier().fit(X, y)
    here = skribe.last_run()
    skribe.autolog(silent=True, store=tmp_path / "other")
    DummyClassifier().fit(X, y)
    assert skribe.compare(here, skribe.last_run())._repr_html_() is None


def test_a_hostile_run_of_any_size():
    folder, run = find_store(None), new_id()
    long = "<img src=x onerror=alert(1)>" * 4000
    params = tuple(Param(f"<b>{number}\u202e", long if number < 40 else "&" * 50, "str") for number in range(10_000))
    metrics = tuple(Metric(f"<script>{number}", float(number), None, time.time()) for number in range(1000))
    start = Start("<i>|`", "</style><script>alert(1)</script>", "manual", time.time(), None)
    end = End("finished", time.time(), 1.0, 1.0, None)
    journal_of(folder).write(
        Changes(run=run, start=start, params=params, metrics=metrics, tags={"<u>": long}, end=end)
    )
    told = bundle(skribe.get_run(run))
    assert "alert(1)" in told["seen"]
    assert (
        "more parameters that are not defaults" in told["seen"] or "And more" in told["seen"] or "More" in told["seen"]
    )


def test_a_run_that_is_gone():
    DummyClassifier().fit(X, y)
    run = skribe.last_run()
    run.delete()
    assert "in the trash" in bundle(run)["seen"]
    missing = type(run)(run.folder, new_id())
    assert "no longer in the store" in repr(missing)
    assert "no longer in the store" in bundle(missing)["seen"]


def test_a_table_of_runs_is_a_plain_data_frame():
    import pandas as pd

    DummyClassifier().fit(X, y)
    frame = skribe.runs()
    assert type(frame) is pd.DataFrame
    assert "DummyClassifier" in frame._repr_html_()


def test_the_pictures_of_a_search_and_of_a_training_are_files_too():
    GridSearchCV(SVC(), {"C": [0.1, 1], "gamma": [0.1, 1]}, cv=2).fit(X, y)
    run = skribe.last_run()
    mine = [name for name in run.pictures if "training" not in name]
    assert mine == ["validation_curve.png", "heat_map.png", "score_against_time.png", "progress.png", "timeline.png"]
    for name in mine:
        assert run.artifact_path(name).read_bytes().startswith(b"\x89PNG\r\n")
    with pytest.raises(skribe.NotFound):
        run.artifact_path("rungs.png")
    with skribe.run("curve") as curve:
        for step in range(3):
            skribe.log_metric("loss", 1.0, step=step)
    assert curve.pictures == ["history.png"]
    assert curve.artifact_path("history.svg").read_text().startswith("<?xml")
    with skribe.run("none") as none:
        pass
    assert none.pictures == []
