"""What is written down of the scores that the user asks for after a fit, and with which run."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.dummy import DummyClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
    roc_auc_score,
    roc_curve,
    silhouette_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
    train_test_split,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import skribe

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


@pytest.fixture(autouse=True)
def on():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def fitted(model=None):
    model = (model or GaussianNB()).fit(X_train, y_train)
    return model, skribe.last_run()


def scores(run):
    """What has come to the run after its fit."""
    return {key: value for key, value in run.metrics.items() if not key.startswith("training_")}


def test_a_models_own_score_is_written_with_its_run():
    model, run = fitted()
    value = model.score(X_test, y_test)
    assert scores(run) == {"GaussianNB_score_X_test": value}
    (data,) = [data for data in run.datasets if data.role == "eval"]
    assert (data.name, data.shape) == ("X_test", X_test.shape)
    assert data.details["X_fingerprint"]


def test_functions_of_metrics_know_whose_predictions_they_judge():
    model, run = fitted()
    p = model.predict(X_test)
    proba = model.predict_proba(X_test)
    told = {
        "accuracy_score_X_test": accuracy_score(y_test, p),
        "roc_auc_score_X_test": roc_auc_score(y_test, proba[:, 1]),
        "log_loss_X_test": log_loss(y_test, proba),
        "f1_score_X_test": f1_score(y_test, p),
    }
    assert scores(run) == told


def test_the_order_of_calls_makes_no_difference():
    model, run = fitted()
    p = model.predict(X_test)
    first = f1_score(y_test, p, average="macro"), f1_score(y_test, p), f1_score(y_test, p, pos_label=0)
    again = f1_score(y_test, p, pos_label=0), f1_score(y_test, p), f1_score(y_test, p, average="macro")
    assert first == again[::-1]
    keys = ("f1_score-average.macro_X_test", "f1_score_X_test", "f1_score-pos_label.0_X_test")
    assert scores(run) == dict(zip(keys, first, strict=True))


def test_a_default_that_is_written_out_is_the_same_quantity():
    model, run = fitted()
    p = model.predict(X_test)
    f1_score(y_test, p, average="binary", pos_label=1)
    assert list(scores(run)) == ["f1_score_X_test"]


@pytest.mark.parametrize(
    "copy",
    [np.copy, list, np.ndarray.tolist, pd.Series, lambda p: p[:], lambda p: p.reshape(-1, 1).ravel(), np.asarray],
)
def test_copies_and_views_lead_back_to_the_prediction(copy):
    model, run = fitted()
    accuracy_score(y_test, copy(model.predict(X_test)))
    p = model.predict(X_test)
    accuracy_score(y_test, copy(p))
    assert list(scores(run)) == ["accuracy_score_X_test"]


def test_two_models_compared_with_each_other_are_no_score_of_either():
    one, its_run = fitted()
    p = one.predict(X_test)
    other, other_run = fitted(DecisionTreeClassifier(random_state=0))
    q = other.predict(X_test)
    accuracy_score(p, q)
    cohen_kappa_score(p, q)
    assert scores(its_run) == scores(other_run) == {}


def test_two_regressors_compared_by_copies_are_no_score_either():
    data, target = load_diabetes(return_X_y=True)
    one = Ridge(1).fit(data, target)
    first = skribe.last_run()
    other = Ridge(5).fit(data, target)
    p = one.predict(data)
    mean_squared_error(p.copy(), other.predict(data))
    assert scores(first) == scores(skribe.last_run()) == {}


def test_equal_predictions_of_two_models_are_not_confused_by_a_copy():
    constant_rows = np.zeros((20, 2))
    target = np.arange(20) % 2
    one, other = DecisionTreeClassifier().fit(X_train, y_train), DecisionTreeClassifier().fit(X_train, y_train)
    del constant_rows, target
    p, q = one.predict(X_train), other.predict(X_train)
    assert (p == q).all()
    accuracy_score(y_train, list(p))
    assert all("accuracy_score_X_train" not in skribe.get_run(run).metrics for run in skribe.runs().run_id)
    accuracy_score(y_train, q)
    assert "accuracy_score_X_train" in skribe.last_run().metrics


def test_scorers_record_the_function_that_they_are_made_of():
    def my_own(y_true, y_pred):
        return float((y_true == y_pred).sum())

    model, run = fitted()
    told = {
        "f1_score-average.macro_X_test": get_scorer("f1_macro")(model, X_test, y_test),
        "mean_squared_error_X_test": -make_scorer(mean_squared_error, greater_is_better=False)(model, X_test, y_test),
        "roc_auc_score_X_test": get_scorer("roc_auc")(model, X_test, y_test),
        "my_own_X_test": make_scorer(my_own)(model, X_test, y_test),
    }
    assert scores(run) == told


def test_a_scorer_of_an_error_gives_the_error_under_its_name():
    data, target = load_diabetes(return_X_y=True)
    model = Ridge().fit(data, target)
    get_scorer("neg_mean_squared_error")(model, data, target)
    assert scores(skribe.last_run()) == {"mean_squared_error_data": mean_squared_error(target, model.predict(data))}


def test_what_is_more_than_a_number_is_a_table():
    model, run = fitted()
    p = model.predict(X_test)
    table = confusion_matrix(y_test, p)
    text = classification_report(y_test, p)
    report = classification_report(y_test, p, output_dict=True)
    parts = precision_recall_fscore_support(y_test, p)
    curve = roc_curve(y_test, model.predict_proba(X_test)[:, 1])
    assert (run.table("confusion_matrix_X_test").to_numpy() == table).all()
    assert run.table("classification_report_X_test") == text
    found = run.table("classification_report-output_dict.True_X_test")
    assert found.loc["macro avg", "f1-score"] == report["macro avg"]["f1-score"]
    assert list(run.table("precision_recall_fscore_support_X_test")["recall"]) == list(parts[1])
    assert list(run.table("roc_curve_X_test").columns) == ["fpr", "tpr", "thresholds"]
    assert run.table("roc_curve_X_test")["tpr"].iloc[-1] == curve[1][-1]
    assert scores(run) == {}


def test_a_helper_function_of_the_users_gets_the_outer_name():
    def evaluate(model, features, target):
        return f1_score(target, model.predict(features))

    model, run = fitted()
    evaluate(model, X_test, y_test)
    assert list(scores(run)) == ["f1_score_X_test"]


def test_data_without_a_name_go_by_the_targets_name():
    model, run = fitted()
    accuracy_score(y_test, model.predict(X_test + 0))
    accuracy_score(y_test + 0, model.predict(X_test * 1.0))
    assert list(scores(run)) == ["accuracy_score_unknown_dataset", "accuracy_score_y_test"]


def test_other_data_of_the_same_name_get_a_number_and_the_same_data_do_not():
    model, run = fitted()
    all_rows = X_test.copy(), y_test
    for data, target in (all_rows, (X_test[:50].copy(), y_test[:50]), all_rows):
        model.score(data, target)
    assert list(scores(run)) == ["GaussianNB_score_data", "GaussianNB_score_data-2"]
    assert run.metrics["GaussianNB_score_data-2"] == accuracy_score(y_test[:50], model.predict(X_test[:50]))


def test_data_that_were_written_over_are_other_data():
    model, run = fitted()
    data = X_test.copy()
    model.score(data, y_test)
    data *= 2
    model.score(data, y_test)
    assert "GaussianNB_score_data-2" in scores(run)


def test_the_training_data_are_recognized():
    model, run = fitted()
    model.score(X_train, y_train)
    assert len(run.datasets) == 1
    assert scores(run) == {"GaussianNB_score_X_train": run.metrics["training_accuracy_score"]}
    assert not [note for note in run.notes if note.what == "X_train"]


def test_rows_that_the_model_was_trained_on_are_counted():
    model, run = fitted()
    mixed = np.vstack([X_test[:30], X_train[:12]])
    target = np.concatenate([y_test[:30], y_train[:12]])
    model.score(mixed, target)
    (note,) = [note for note in run.notes if note.what == "mixed"]
    assert note.reason == "12 of its 42 rows are also rows of the training data"
    model.score(X_test, y_test)
    assert not [note for note in run.notes if note.what == "X_test"]


def test_rows_are_compared_between_frames_and_arrays():
    model = GaussianNB().fit(pd.DataFrame(X_train), y_train)
    frame = pd.DataFrame(X_train[:20])
    model.score(frame, y_train[:20])
    (note,) = [note for note in skribe.last_run().notes if note.what == "frame"]
    assert note.reason.startswith("20 of its 20 rows")


def test_a_search_its_best_estimator_and_a_pipeline_score_for_their_run():
    search = GridSearchCV(make_pipeline(StandardScaler(), GaussianNB()), {"gaussiannb__var_smoothing": [1e-9, 1e-3]})
    search.fit(X_train, y_train)
    run = skribe.last_run()
    search.score(X_test, y_test)
    accuracy_score(y_test, search.best_estimator_.predict(X_test))
    roc_auc_score(y_test, search.predict_proba(X_test)[:, 1])
    assert {"GridSearchCV_score_X_test", "accuracy_score_X_test", "roc_auc_score_X_test"} <= run.metrics.keys()


def test_a_tuned_threshold_scores_for_its_run():
    model, run = fitted(TunedThresholdClassifierCV(LogisticRegression(max_iter=5000), cv=2))
    told = {
        "TunedThresholdClassifierCV_score_X_test": model.score(X_test, y_test),
        "f1_score_X_test": f1_score(y_test, model.predict(X_test)),
    }
    assert told.items() <= run.metrics.items()


def test_a_clone_is_another_model():
    model, run = fitted()
    twin = clone(model)
    twin.fit(X_train[:100], y_train[:100])
    other = skribe.last_run()
    twin.score(X_test, y_test)
    assert scores(run) == {}
    assert list(scores(other)) == ["GaussianNB_score_X_test"]


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.mark.parametrize("way", [through_joblib, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_that_came_from_a_file_is_known_again(way):
    model, run = fitted()
    way(model).score(X_test, y_test)
    accuracy_score(y_test, way(model).predict(X_test))
    assert list(scores(run)) == ["GaussianNB_score_X_test", "accuracy_score_X_test"]


def test_a_model_loaded_in_another_process_scores_for_its_run(own_folder):
    model, run = fitted()
    model.score(X_test, y_test)
    code = f"""
        import skribe
        from sklearn.datasets import load_breast_cancer
        from sklearn.metrics import f1_score
        from sklearn.model_selection import train_test_split
        X, y = load_breast_cancer(return_X_y=True)
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
        skribe.autolog(silent=True)
        model = skribe.load_model("runs:/{run.id}/model")
        model.score(X_test, y_test)
        f1_score(y_test, model.predict(X_test))
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True, cwd=own_folder)
    assert list(scores(run)) == ["GaussianNB_score_X_test", "f1_score_X_test"]
    assert len(json.loads(run.artifact_path("metric_info.json").read_text())) == 2
    assert len([data for data in run.datasets if data.name == "X_test"]) == 1


def test_a_model_that_was_fitted_again_unseen_does_not_score_for_its_old_run():
    model, run = fitted()
    with skribe.suppress():
        model.fit(X_train[:50], y_train[:50])
    model.score(X_test, y_test)
    assert scores(run) == {}
    assert "changed" in next(note.reason for note in run.notes if note.what == "scores")


def test_predictions_from_before_a_second_fit_belong_to_the_first():
    model, run = fitted()
    p = model.predict(X_test)
    model.fit(X_train[:50], y_train[:50])
    value = accuracy_score(y_test, p)
    assert scores(run) == {"accuracy_score_X_test": value}
    assert scores(skribe.last_run()) == {}


def test_predictions_outlive_their_model():
    p = GaussianNB().fit(X_train, y_train).predict(X_test)
    value = accuracy_score(y_test, p)
    assert scores(skribe.last_run()) == {"accuracy_score_X_test": value}


def test_nothing_is_recorded_inside_a_cross_validation_or_by_scikit_learn_itself():
    model, run = fitted()
    before = len(skribe.runs(children=True))
    cross_val_score(model, X_test, y_test, cv=2, scoring=make_scorer(f1_score))
    permutation_importance(model, X_test, y_test, n_repeats=2)
    permutation_importance(model, X_test, y_test, n_repeats=2, scoring="f1")
    assert scores(run) == {}
    assert len(skribe.runs(children=True)) == before + 3


def test_suppress_and_the_switch_keep_scores_out():
    model, run = fitted()
    with skribe.suppress():
        model.score(X_test, y_test)
        accuracy_score(y_test, model.predict(X_test))
    skribe.autolog(silent=True, log_post_training_metrics=False)
    model.score(X_test, y_test)
    assert scores(run) == {}


def test_a_part_of_a_prediction_is_no_score_of_the_whole():
    model, run = fitted()
    p = model.predict(X_test)
    accuracy_score(y_test[:50], p[:50])
    assert scores(run) == {}


def test_clusters_are_judged_by_their_labels():
    model = KMeans(3, n_init=1, random_state=0)
    labels = model.fit_predict(X_test)
    run = skribe.last_run()
    value = silhouette_score(X_test, labels)
    assert run.metrics["silhouette_score_X_test"] == value
    accuracy_score(y_test, model.labels_)
    assert {"silhouette_score_X_test", "accuracy_score_X_test"} <= scores(run).keys()


def test_the_labels_of_a_plain_fit_are_its_predictions():
    model = KMeans(2, n_init=1, random_state=0).fit(X_test)
    value = silhouette_score(X_test, model.labels_)
    assert scores(skribe.last_run())["silhouette_score_X_test"] == value


def test_the_calls_are_kept_as_mlflow_keeps_them():
    model, run = fitted()
    p = model.predict(X_test)
    f1_score(y_test, p, average="macro")
    model.score(X_test, y_test)
    assert json.loads(run.artifact_path("metric_info.json").read_text()) == {
        "f1_score-average.macro_X_test": "f1_score(y_true=y_test, y_pred=p, average='macro')",
        "GaussianNB_score_X_test": "GaussianNB.score(X=X_test, y=y_test)",
    }


def test_held_out_predictions_get_pictures_of_their_own():
    model, run = fitted()
    accuracy_score(y_test, model.predict(X_test))
    roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    names = {name for name, data in run.tables if data == "X_test"}
    assert {"confusion_matrix", "class_report", "roc", "precision_recall", "calibration"} <= names
    counts = run.view("confusion_matrix", "X_test")["counts"]
    assert counts == confusion_matrix(y_test, model.predict(X_test)).tolist()


def test_held_out_targets_may_lack_a_class_or_have_a_new_one():
    model = GaussianNB().fit(X_train[:, :3], np.array(["a", "b", "c"])[np.arange(len(X_train)) % 3])
    run = skribe.last_run()
    for name, classes in (("fewer", ["a", "c"]), ("more", ["a", "b", "c", "d"])):
        target = np.array(classes)[np.arange(len(X_test)) % len(classes)]
        data = {"fewer": X_test[:, :3] + 0, "more": X_test[:, :3] + 1}[name]
        accuracy_score(target, model.predict(data))
        table = run.view("confusion_matrix", run.datasets[-1].name)
        said = model.predict(data)
        labels = sorted({*target, *said})
        assert table["labels"] == labels
        assert table["counts"] == confusion_matrix(target, said, labels=labels).tolist()


def test_a_single_row_leaves_nothing():
    model, run = fitted()
    before = run.metrics, run.tables, run.datasets
    for row in X_test[:20]:
        model.predict(row[None])
        model.predict_proba(row[None])
    assert (run.metrics, run.tables, run.datasets) == before


def test_a_stream_goes_on_scoring_for_its_run():
    model = SGDClassifier(random_state=0)
    for part in range(3):
        model.partial_fit(X_train[part::3], y_train[part::3], classes=[0, 1])
        accuracy_score(y_test, model.predict(X_test))
    run = skribe.last_run()
    assert len(run.history("accuracy_score_X_test")) == 3


class Lucky(ClassifierMixin, BaseEstimator):
    """A class of the user's, whose score is made in a way of its own."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.resize(self.classes_, len(X))

    def score(self, X, y):
        return 2 * accuracy_score(y, self.predict(X))


def test_a_class_of_the_users_has_its_own_score_and_no_other():
    model, run = fitted(Lucky())
    value = model.score(X_test, y_test)
    assert scores(run) == {"Lucky_score_X_test": value}


def test_an_error_of_a_metric_is_the_users_and_leaves_nothing():
    model, run = fitted()
    with pytest.raises(ValueError, match="inconsistent"):
        accuracy_score(y_test[:-1], model.predict(X_test))
    with pytest.raises(ValueError):
        model.score(X_test[:, :2], y_test)
    assert scores(run) == {}


def test_functions_keep_their_identity_and_pickle():
    function = sklearn.metrics.f1_score
    assert pickle.loads(pickle.dumps(function)) is function
    scorer = make_scorer(f1_score)
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy._score_func is f1_score
    skribe.autolog(disable=True)
    assert sklearn.metrics.f1_score is function


METRICS = {
    "accuracy_score": {}, "balanced_accuracy_score": {}, "f1_score": {"average": "macro", "zero_division": 0},
    "precision_score": {"average": "weighted", "zero_division": 0}, "recall_score": {"average": "micro"},
    "matthews_corrcoef": {}, "cohen_kappa_score": {}, "hamming_loss": {}, "zero_one_loss": {"normalize": False},
    "jaccard_score": {"average": "macro", "zero_division": 0},
    "fbeta_score": {"beta": 0.5, "average": "macro", "zero_division": 0},
}  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(METRICS)), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_no_recorded_metric_differs_from_scikit_learns_own(names, seed):
    rng = np.random.default_rng(seed)
    data, target = rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    model = DummyClassifier(strategy="prior").fit(data, target) if seed % 5 == 0 else GaussianNB().fit(data, target)
    run = skribe.last_run()
    held = rng.normal(size=(20, 3))
    held_target = rng.integers(0, 3, 20)
    p = model.predict(held)
    for name in names:
        getattr(sklearn.metrics, name)(held_target, p, **METRICS[name])
    with skribe.suppress():
        said = model.predict(held)
        true = {name: getattr(sklearn.metrics, name)(held_target, said, **METRICS[name]) for name in names}
    found = {key.partition("-")[0].removesuffix("_held"): value for key, value in scores(run).items()}
    assert found == true
    run.delete()


def test_r2_of_a_regressor_through_a_pipeline():
    data, target = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), Ridge()).fit(data, target)
    run = skribe.last_run()
    value = r2_score(target, model.predict(data))
    assert scores(run)["r2_score_data"] == value == model.score(data, target)


# --- what a hostile reader has found ---------------------------------------------------------------------------------


class Strange:
    """A prediction that is no array."""

    def __init__(self, shape):
        self._shape = shape

    @property
    def shape(self):
        if isinstance(self._shape, Exception):
            raise self._shape
        return self._shape


@pytest.mark.parametrize("shape", [(object(), 2), lambda: (3,), RuntimeError("not yet"), None, 3])
def test_whatever_predict_gives_is_given(shape):
    class Odd(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return Strange(shape)

    with skribe.suppress():
        model = Odd().fit(X_train, y_train)
    assert isinstance(model.predict(X_test), Strange)


def test_a_property_that_scores_the_model_does_not_lock_up():
    class Asks(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.arange(len(X)) % 2

        @property
        def classes_(self):
            assert self.score(X_test, y_test) > 0
            return np.array([0, 1])

    model = Asks().fit(X_train, y_train)
    run = skribe.last_run()
    model.score(X_test, y_test)
    assert list(scores(run)) == ["Asks_score_X_test"]


def test_a_functions_variables_are_let_go():
    import weakref

    def use(model):
        data = X_test + 0.0
        gone = weakref.ref(data)
        p = model.predict(data)
        accuracy_score(y_test, p)
        del data, p
        return gone() is None

    model, _ = fitted()
    assert use(model)


def test_other_targets_are_another_data_set():
    target = np.arange(len(y_train)) % 3
    model = GaussianNB().fit(X_train, target)
    run = skribe.last_run()
    proba = model.predict_proba(X_test)
    held = np.arange(len(y_test)) % 3
    told = [roc_auc_score(held == k, proba[:, k]) for k in range(3)]
    assert sorted(scores(run).values()) == sorted(told)
    assert len(scores(run)) == 3


def test_predictions_that_were_written_into_are_nobodys():
    model, run = fitted()
    other, its_run = fitted(LogisticRegression(max_iter=5000))
    p = model.predict_proba(X_test)
    p += other.predict_proba(X_test)
    roc_auc_score(y_test, p[:, 1])
    q = model.predict(X_test)
    accuracy_score(y_test, q[::-1])
    assert scores(run) == scores(its_run) == {}


def test_frames_that_were_written_over_are_other_data():
    model = GaussianNB().fit(pd.DataFrame(X_train), y_train)
    run = skribe.last_run()
    frame = pd.DataFrame(X_test.copy())
    first = model.score(frame, y_test)
    frame.loc[:] = 0.0
    second = model.score(frame, y_test)
    assert scores(run) == {"GaussianNB_score_frame": first, "GaussianNB_score_frame-2": second}


def test_columns_of_two_models_predictions_are_no_score():
    one, run = fitted()
    other, its_run = fitted(DecisionTreeClassifier(max_depth=1))
    said = pd.DataFrame({"a": one.predict(X_test), "b": other.predict(X_test)})
    accuracy_score(said["a"], said["b"])
    assert scores(run) == scores(its_run) == {}


def test_a_score_is_drawn_from_the_models_own_answers():
    class Compares(GaussianNB):
        def score(self, X, y):
            return super().score(X, y) - DummyClassifier().fit(X_train, y_train).score(X, y)

    model = Compares().fit(X_train, y_train)
    run = skribe.last_run()
    model.score(X_test, y_test)
    table = run.view("confusion_matrix", "X_test")["counts"]
    assert table == confusion_matrix(y_test, model.predict(X_test)).tolist()


def test_another_matrix_that_is_judged_is_named():
    scaled = StandardScaler().fit_transform(X_test)
    model = KMeans(2, n_init=1, random_state=0).fit(scaled)
    reduced = scaled[:, :2].copy()
    value = silhouette_score(reduced, model.labels_)
    assert scores(skribe.last_run()) == {"silhouette_score_reduced": value}


def test_copies_of_one_model_share_what_was_scored():
    model, run = fitted()
    for number, twin in enumerate((run.model(), pickle.loads(pickle.dumps(model)), model)):
        held = X_test + number
        twin.score(held, y_test)
    assert set(scores(run)) == {"GaussianNB_score_held", "GaussianNB_score_held-2", "GaussianNB_score_held-3"}
    assert len(json.loads(run.artifact_path("metric_info.json").read_text())) == 3


def test_data_that_are_gone_do_not_fall_together():
    model, run = fitted()
    told = [accuracy_score(y_test, model.predict(X_test + shift)) for shift in (0.01, 100, 500)]
    assert list(scores(run).values()) == told


def test_scorers_of_different_functions_have_different_keys():
    import functools

    from sklearn.metrics import fbeta_score

    model, run = fitted()
    for beta in (0.5, 2):
        make_scorer(functools.partial(fbeta_score, beta=beta))(model, X_test, y_test)
    make_scorer(lambda y_true, y_pred: float(np.sum(y_true == y_pred)))(model, X_test, y_test)
    make_scorer(lambda y_true, y_pred: float(np.sum(y_true != y_pred)))(model, X_test, y_test)
    assert {"fbeta_score-beta.0.5_X_test", "fbeta_score-beta.2_X_test"} <= scores(run).keys()
    assert len(scores(run)) == 4


def test_what_a_users_score_gives_beside_numbers_is_not_kept():
    class Tells(GaussianNB):
        def score(self, X, y):
            return {"rows": X.tolist()}

    model = Tells().fit(X_train, y_train)
    run = skribe.last_run()
    model.score(X_test, y_test)
    assert not [name for name, data in run.tables if "score" in name]


def test_rows_of_the_users_are_not_in_the_calls():
    model, run = fitted()
    accuracy_score(y_test, model.predict(X_test), sample_weight=[101.25, *np.ones(len(y_test) - 1)])
    assert "101.25" not in run.artifact_path("metric_info.json").read_text()


def test_models_of_text_are_told_apart():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [f"word{i} other{i % 7} more{i % 3} rest{i // 2}" for i in range(600)]
    target = np.arange(600) % 2
    one = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100)).fit(texts, target)
    run = skribe.last_run()
    make_pipeline(TfidfVectorizer(), LogisticRegression(C=1e-4)).fit(texts, target)
    value = pickle.loads(pickle.dumps(one)).score(texts, target)
    assert scores(run) == {"Pipeline_score_texts": value, **scores(run)}
    assert "Pipeline_score_texts" in run.metrics
    assert "Pipeline_score_texts" not in skribe.last_run().metrics


def test_large_whole_numbers_are_not_taken_for_each_other():
    ids = np.arange(2**60, 2**60 + 400).reshape(-1, 1)
    model = DecisionTreeClassifier().fit(ids[:200], np.arange(200) % 2)
    later = ids[200:]
    model.score(later, np.arange(200) % 2)
    assert not [note for note in skribe.last_run().notes if note.what == "later"]
