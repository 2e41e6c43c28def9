"""The pictures that fits and scores leave behind, as a user meets them: which, with what in them, and how drawn."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the import below possible
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
    silhouette_score,
)
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import skribe

BINARY = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
NUMBERS = load_diabetes(return_X_y=True)
LABELS = make_multilabel_classification(100, random_state=0)
TABLES = {"confusion_matrix", "class_report"}
CURVES = {"roc", "precision_recall"}
SCORES = TABLES | CURVES | {"calibration"}
VALUES = {"residuals", "predicted_vs_actual", "qq"}
WEIGHTS = {"feature_importance"}


@pytest.fixture(autouse=True)
def on():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def fitted(model, data=BINARY):
    return model.fit(*data), skribe.last_run()


def names(run, data="training"):
    return {name for name, of in run.tables if of == data}


# --- which there are ---------------------------------------------------------------------------------------------

KINDS = {
    "probabilities": (GaussianNB(), BINARY, SCORES),
    "several classes": (GaussianNB(), IRIS, SCORES),
    "scores": (LinearSVC(dual=False), BINARY, TABLES | CURVES | WEIGHTS),
    "labels only": (DecisionTreeClassifier(random_state=0), LABELS, SCORES - {"confusion_matrix"} | WEIGHTS),
    "regressor": (Ridge(), NUMBERS, VALUES | WEIGHTS),
    "two outputs": (LinearRegression(), (NUMBERS[0], np.c_[NUMBERS[1], NUMBERS[1]]), VALUES | WEIGHTS),
    "boosting": (GradientBoostingRegressor(n_estimators=4), NUMBERS, VALUES | WEIGHTS),
    "clusterer": (KMeans(3, n_init=1, random_state=0), (IRIS[0],), {"cluster_sizes", "silhouette"}),
    "noise": (DBSCAN(), (IRIS[0],), {"cluster_sizes", "silhouette"}),
    "decomposition": (PCA(2), (IRIS[0],), {"explained_variance"}),
    "pipeline": (
        make_pipeline(StandardScaler(), PCA(2), LogisticRegression()), IRIS, SCORES | WEIGHTS | {"explained_variance"},
    ),
    "search": (GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2), IRIS, SCORES | WEIGHTS),
    "outliers": (IsolationForest(n_estimators=5), (IRIS[0],), set()),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_of_estimator_has_its_pictures_and_all_can_be_drawn(kind):
    model, data, expected = KINDS[kind]
    _, run = fitted(model, data)
    assert names(run) == expected
    assert len(run.tables) == len([name for name in run.pictures if name.startswith("training_")]) == len(expected)
    for name in expected:
        assert run.plot(name).axes, name
        assert run.plot(name, data="training").axes, name


@pytest.mark.parametrize(
    "kind", ["probabilities", "several classes", "scores", "labels only", "regressor", "pipeline"]
)
def test_held_out_data_have_theirs(kind):
    model, (X, y), expected = KINDS[kind]
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model, run = fitted(model, (X_train, y_train))
    model.score(X_test, y_test)
    there = names(run, "X_test")
    assert there, "a score has pictures of the answers that it was made from"
    assert there <= expected - WEIGHTS - {"explained_variance"}
    for name in there:
        assert run.plot(name, data="X_test").axes, name


def test_what_is_absent_says_why():
    _, run = fitted(LinearSVC(dual=False))
    assert [note.reason for note in run.notes if note.what == "plots.calibration"] == [
        "the scores are not probabilities"
    ]


def test_curves_that_are_absent_say_why_too():
    _, run = fitted(Perceptron(), IRIS)
    assert {"roc", "precision_recall"} <= names(run) | {note.what.removeprefix("plots.") for note in run.notes}


def test_the_views_of_a_search_can_be_drawn():
    _, run = fitted(GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3], "min_samples_leaf": [1, 5]}, cv=2))
    for name in ("validation_curve", "heat_map", "score_against_time", "progress", "timeline"):
        assert run.plot(name).axes, name
    assert run.plot("validation_curve", "max_depth").axes
    _, halving = fitted(HalvingGridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3]}, cv=2))
    assert halving.plot("rungs").axes


def test_the_loss_by_iteration_can_be_drawn():
    _, run = fitted(MLPClassifier((3,), max_iter=300, random_state=0, tol=0.1), IRIS)
    assert run.plot("history").axes


def test_no_pictures_where_none_are_wanted():
    skribe.autolog(silent=True, log_plots=False)
    model, run = fitted(GaussianNB())
    model.score(*BINARY)
    assert run.tables == []
    assert run.pictures == []
    with pytest.raises(skribe.ArgumentError, match="there are none"):
        run.plot("roc")


# --- what is in them ---------------------------------------------------------------------------------------------


def test_the_numbers_of_two_classes_are_scikit_learns():
    X, y = BINARY
    model, run = fitted(GaussianNB())
    with skribe.suppress():
        said, proba = model.predict(X), model.predict_proba(X)[:, 1]
    assert run.view("confusion_matrix")["counts"] == confusion_matrix(y, said).tolist()
    report = run.view("class_report")
    parts = precision_recall_fscore_support(y, said)
    for name, part in zip(("precision", "recall", "f1", "support"), parts, strict=True):
        assert report[name] == part.tolist()
    (roc,), (pr,) = run.view("roc")["curves"], run.view("precision_recall")["curves"]
    assert roc["auc"] == roc_auc_score(y, proba)
    # Older versions of scikit-learn add the same numbers up in another order.
    assert pr["average_precision"] == pytest.approx(average_precision_score(y, proba), rel=1e-14)
    drawn = np.sum(np.diff(roc["fpr"]) * (np.array(roc["tpr"][1:]) + roc["tpr"][:-1]) / 2)
    assert drawn == pytest.approx(roc["auc"], abs=1e-3)
    (calibration,) = run.view("calibration")["curves"]
    observed, predicted = calibration_curve(y, proba, n_bins=10)
    assert calibration["observed"] == pytest.approx(observed, abs=1e-5)
    assert calibration["predicted"] == pytest.approx(predicted, abs=1e-5)


def test_the_numbers_of_several_classes_are_scikit_learns():
    X = IRIS[0]
    y = np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]
    model, run = fitted(GaussianNB(), (X, y))
    with skribe.suppress():
        said, proba = model.predict(X), model.predict_proba(X)
    matrix = run.view("confusion_matrix")
    assert (matrix["labels"], matrix["counts"]) == (list(model.classes_), confusion_matrix(y, said).tolist())
    found = {curve["class"]: curve for curve in run.view("roc")["curves"] if "class" in curve}
    for number, label in enumerate(model.classes_):
        assert found[label]["auc"] == roc_auc_score(y == label, proba[:, number])


def test_the_numbers_of_values_and_of_clusters_are_scikit_learns():
    X, y = NUMBERS
    model, run = fitted(Ridge(), NUMBERS)
    with skribe.suppress():
        said = model.predict(X)
    (output,) = run.view("residuals")["outputs"]
    assert output["rows"] == len(y)
    assert sorted(output["predicted"]) == pytest.approx(sorted(said), abs=1e-2)
    weights = run.view("feature_importance")
    by_name = dict(zip(weights["features"], weights["series"][0]["values"], strict=True))
    assert [by_name[f"x{number}"] for number in range(10)] == pytest.approx(list(model.coef_), rel=1e-4)
    clusters, run = fitted(KMeans(3, n_init=1, random_state=0), (X,))
    assert run.view("cluster_sizes")["counts"] == np.bincount(clusters.labels_).tolist()
    assert run.view("silhouette")["mean"] == pytest.approx(silhouette_score(X, clusters.labels_))
    pca, run = fitted(PCA(3), (X,))
    assert run.view("explained_variance")["ratios"] == pytest.approx(list(pca.explained_variance_ratio_), abs=1e-5)


def test_importances_go_by_the_names_of_the_columns():
    frame = load_iris(as_frame=True).data
    model, run = fitted(RandomForestClassifier(5, random_state=0), (frame, IRIS[1]))
    view = run.view("feature_importance")
    assert view["named"]
    order = np.argsort(-model.feature_importances_)
    assert view["features"] == [frame.columns[number] for number in order]


def test_the_data_of_a_picture_are_no_table_and_it_is_said_what_gives_them():
    _, run = fitted(GaussianNB())
    with pytest.raises(skribe.ArgumentError, match=r"view\(\) gives it"):
        run.table("confusion_matrix", "training")


# --- at which cost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("around", [lambda model: model, lambda model: make_pipeline(StandardScaler(), model)])
def test_the_training_data_are_predicted_once(around, monkeypatch):
    rows, original = [], GaussianNB._joint_log_likelihood

    def counted(self, X):
        rows.append(len(X))
        return original(self, X)

    monkeypatch.setattr(GaussianNB, "_joint_log_likelihood", counted)
    skribe.autolog(silent=True, log_input_examples=True)
    _, run = fitted(around(GaussianNB()))
    assert names(run) == SCORES
    assert "training_roc_auc" in run.metrics
    assert run.models == ["model"]
    assert [count for count in rows if count > 5] == [len(BINARY[0])]


def test_fitting_and_scoring_imports_no_matplotlib_and_drawing_no_pyplot():
    code = """
        import sys, skribe
        skribe.autolog(silent=True)
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score
        X, y = [[0.], [1.], [2.], [3.]], [0, 0, 1, 1]
        model = LogisticRegression().fit(X, y)
        roc_auc_score(y, model.predict_proba(X)[:, 1])
        model.score(X, y)
        run = skribe.last_run()
        assert "training_roc_curve.png" in run.pictures
        assert "matplotlib" not in sys.modules
        import matplotlib
        # Not through its own `__getitem__`, which chooses a backend when it is asked for one.
        before = {key: dict.__getitem__(matplotlib.rcParams, key) for key in matplotlib.rcParams}
        run.plot("roc"), run.artifact_path("training_roc_curve.png")
        assert "matplotlib.pyplot" not in sys.modules
        assert all(dict.__getitem__(matplotlib.rcParams, key) is value for key, value in before.items())
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True)


def test_without_matplotlib_only_the_drawing_is_missing():
    code = """
        import sys, skribe
        class Blocked:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "matplotlib":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Blocked())
        skribe.autolog(silent=True)
        from sklearn.naive_bayes import GaussianNB
        X, y = [[0.], [1.], [2.], [3.]], [0, 0, 1, 1]
        runs = []
        for _ in range(2):
            GaussianNB().fit(X, y).score(X, y)
            runs.append(skribe.last_run())
        run = runs[0]
        assert run.view("roc")["curves"] and run.pictures and run.model().predict(X).tolist() == y
        comparison = skribe.compare(*runs)
        assert len(comparison.metrics)
        for draw in (
            lambda: run.plot("roc"), lambda: run.plot("history"), lambda: comparison.plot("roc"),
            lambda: run.artifact_path("training_roc_curve.png"),
        ):
            try:
                draw()
            except skribe.ArgumentError as error:
                if "history" not in str(error):
                    assert 'pip install "skribe[plots]"' in str(error), error
            else:
                raise AssertionError("drawn")
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True)


# --- as files ----------------------------------------------------------------------------------------------------


def test_a_picture_is_a_file_that_is_drawn_once():
    model, run = fitted(GaussianNB())
    model.score(*BINARY)
    assert {"training_confusion_matrix.png", "training_roc_curve.png", "training_precision_recall_curve.png"} <= set(
        run.pictures
    )
    for name in run.pictures:
        path = run.artifact_path(name)
        assert path.name == name
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
    before = run.artifact_path("training_roc_curve.png").stat()
    after = run.artifact_path("training_roc_curve.png").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    svg = run.artifact_path("training_roc_curve.svg").read_text()
    assert svg.startswith("<?xml")
    assert "</svg>" in svg
    for wrong in ("X_train_roc_curve.png", "training_roc_curve.pdf", "training_residuals.png"):
        with pytest.raises(skribe.NotFound, match=re.escape(wrong)):
            run.artifact_path(wrong)


def test_a_file_of_the_users_own_goes_before_a_picture():
    _, run = fitted(GaussianNB())
    run.log_text("mine", "training_roc_curve.svg")
    assert run.artifact_path("training_roc_curve.svg").read_text() == "mine"


def test_pictures_of_a_stream_are_of_its_last_step():
    model = GaussianNB()
    X, y = BINARY
    paths = []
    for part in (slice(0, 200), slice(200, 500)):
        model.partial_fit(X[part], y[part], classes=[0, 1])
        run = skribe.last_run()
        counts = run.view("confusion_matrix")["counts"]
        with skribe.suppress():
            assert counts == confusion_matrix(y[part], model.predict(X[part])).tolist()
        paths.append(run.artifact_path("training_confusion_matrix.png").read_bytes())
    assert paths[0] != paths[1]


# --- several runs ------------------------------------------------------------------------------------------------


def test_runs_are_compared():
    _, one = fitted(DecisionTreeClassifier(max_depth=1, random_state=0))
    _, other = fitted(DecisionTreeClassifier(max_depth=2, random_state=0))
    both = skribe.compare(one, other.short_id)
    assert both.runs == [one, other]
    assert both.params.to_dict("index") == {"max_depth": {one.short_id: 1, other.short_id: 2}}
    accuracy = both.metrics.loc["training_accuracy_score"]
    assert dict(accuracy) == {run.short_id: run.metrics["training_accuracy_score"] for run in (one, other)}
    for name in names(one):
        figure = both.plot(name)
        assert figure.axes, name
    texts = {text.get_text() for text in both.plot("roc").findobj(lambda part: hasattr(part, "get_text"))}
    assert all(any(run.short_id in text for text in texts) for run in (one, other))


def test_runs_of_different_kinds_are_compared_as_far_as_they_go():
    _, one = fitted(GaussianNB())
    _, other = fitted(Ridge(), NUMBERS)
    both = skribe.compare(one, other)
    assert {"alpha", "var_smoothing"} <= set(both.params.index)
    assert pd.isna(both.metrics.loc["training_r2_score", one.short_id])
    with pytest.raises(skribe.ArgumentError, match="roc"):
        both.plot("roc")


def test_histories_are_compared():
    runs = [fitted(MLPClassifier((size,), max_iter=300, random_state=0, tol=0.1), IRIS)[1] for size in (2, 3)]
    assert skribe.compare(*runs).plot("history").axes


def test_a_comparison_takes_two_runs():
    _, run = fitted(GaussianNB())
    for runs in ((), (run,)):
        with pytest.raises(skribe.ArgumentError, match="two runs"):
            skribe.compare(*runs)
    with pytest.raises(skribe.NotFound):
        skribe.compare(run, "ffffffff")


# --- wrong words -------------------------------------------------------------------------------------------------


def test_wrong_names_say_what_there_is():
    model, run = fitted(GaussianNB())
    model.score(*BINARY)
    wrong = {
        "there are calibration, class_report": lambda: run.plot("rok"),
        "not there of 'X_test', but of": lambda: run.plot("roc", data="X_test"),
        "takes no parameters": lambda: run.plot("roc", "X_test"),
        "no such picture or table": lambda: run.plot("residuals"),
        "is no search": lambda: run.plot("heat_map"),
        "no metric of this run has steps": lambda: run.plot("history"),
        "has no such picture": lambda: run.view("nothing"),
    }
    for words, call in wrong.items():
        with pytest.raises(skribe.ArgumentError, match=words):
            call()


def test_wrong_names_of_a_search_say_so():
    _, run = fitted(GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2))
    for call in (
        lambda: run.plot("validation_curve", "no_such"), lambda: run.plot("timeline", data="training"),
        lambda: run.plot("rungs", "max_depth"), lambda: run.plot("history", "no_such"),
    ):  # fmt: skip
        with pytest.raises(skribe.ArgumentError):
            call()
