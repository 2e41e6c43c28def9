"""The budget: what does not fit is evaluated on a seeded sample, and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier

from skribe.metrics import budget, clustering, encode, evaluate, inference
from skribe.metrics.rows import pick, take_rows


class Clock:
    """Time as the tests have it pass, so that a busy machine does not matter. Looking at it takes a microsecond."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1e-6
        return self.now

    def sleep(self, seconds):
        self.now += seconds


CLOCK = Clock()


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(CLOCK, "now", 0.0)
    for module in (budget, inference, clustering):
        monkeypatch.setattr(module, "time", CLOCK)


class Slow(ClassifierMixin, BaseEstimator):
    """Takes a fixed time per row and call."""

    def __init__(self, row=0.0, call=0.0):
        self.row, self.call = row, call
        self.classes_ = np.array([0, 1])

    def predict(self, X):
        self.seen = [*getattr(self, "seen", []), len(X)]
        CLOCK.sleep(self.call + self.row * len(X))
        return (np.asarray(X)[:, 0] > 0).astype(int)


@pytest.fixture
def rows():
    X = np.random.default_rng(0).normal(size=(20_000, 3))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def _notes(evaluation):
    return [note.reason for note in evaluation.notes if note.what == "training_metrics"]


def _value(evaluation, name):
    return {m.key: m.value for m in evaluation.metrics}[name]


def test_one_slow_moment_leaves_no_row_out(monkeypatch):
    """A probe that was interrupted once does not decide; the same probe again does."""
    X, y = make_classification(5000, 5, random_state=0)
    model = KNeighborsClassifier(1).fit(X[:20], y[:20])
    measure, calls = budget._Probing._measure, []

    def interrupted(self, size):
        calls.append(size)
        return measure(self, size) + (0.04 if len(calls) == 1 else 0.0)

    monkeypatch.setattr(budget._Probing, "_measure", interrupted)
    assert evaluate(model, X, y, budget=0.05).rows == 5000
    assert calls[:2] in ([2, 2], [2, 20])


def test_a_slow_model_is_sampled_within_the_budget(rows):
    X, y = rows
    evaluation = evaluate(Slow(row=1e-4), X, y, budget=0.2)  # all rows: 2 s
    assert CLOCK.now < 0.2
    assert 500 < evaluation.rows < 2_000
    assert _value(evaluation, "training_metrics.rows") == evaluation.rows
    (note,) = _notes(evaluation)
    assert note.startswith(f"a seeded sample of {evaluation.rows} of 20000 rows: evaluating all would take about 2 s")
    assert note.endswith("s, the overhead budget is 0.2 s")


def test_a_sampled_value_is_the_one_of_the_sample(rows):
    X, y = rows
    evaluation = evaluate(Slow(row=1e-4), X, y, budget=0.1)
    chosen = pick(len(y), evaluation.rows)
    expected = ((X[chosen, 0] > 0) == y[chosen]).mean()
    assert _value(evaluation, "training_accuracy_score") == pytest.approx(expected, abs=1e-12)
    assert _value(evaluation, "training_score") == pytest.approx(expected, abs=1e-12)
    assert np.array_equal(evaluation.predictions.y_true, y[chosen])


def test_even_a_probe_that_is_too_slow_gives_its_rows(rows):
    X, y = rows
    evaluation = evaluate(Slow(row=2e-3), X, y, budget=0.02)
    assert evaluation.rows == 20  # which take 40 ms: more than allowed, and not much more
    assert _notes(evaluation)


def test_a_fixed_cost_is_not_taken_for_a_cost_per_row(rows):
    X, y = rows
    evaluation = evaluate(Slow(call=5e-3), X, y, budget=0.1)
    assert evaluation.rows == 20_000
    assert not _notes(evaluation)


def test_without_a_budget_every_row_is_evaluated_in_one_call(rows):
    X, y = rows
    model = Slow()
    evaluation = evaluate(model, X, y)
    assert evaluation.rows == 20_000
    assert not hasattr(model, "seen")


def test_a_cheap_model_needs_no_probe(rows, monkeypatch):
    X, y = rows
    model = LogisticRegression().fit(X, y)
    calls = []
    original = LogisticRegression.predict_proba
    monkeypatch.setattr(LogisticRegression, "predict_proba", lambda self, X: calls.append(len(X)) or original(self, X))
    assert evaluate(model, X, y, budget=0.5).rows == 20_000
    assert calls == [20_000]


def test_small_data_are_never_sampled():
    X = np.random.default_rng(0).normal(size=(500, 3))
    model = KNeighborsClassifier().fit(X, X[:, 0] > 0)
    assert evaluate(model, X, X[:, 0] > 0, budget=1e-6).rows == 500


def test_a_probe_that_raises_is_a_note(rows):
    X, y = rows

    class Broken(Slow):
        def predict(self, X):
            raise RuntimeError("no memory")

    evaluation = evaluate(Broken(), X, y, budget=0.1)
    assert not evaluation.metrics
    assert _notes(evaluation) == ["RuntimeError: no memory"]


def test_a_regressor_is_sampled_with_its_weights(rows):
    X, y = rows

    class SlowNumbers(RegressorMixin, BaseEstimator):
        def predict(self, X):
            CLOCK.sleep(1e-4 * len(X))
            return X[:, 0]

    weight = np.linspace(1, 2, len(y))
    evaluation = evaluate(SlowNumbers(), X, X[:, 1], weight=weight, budget=0.1)
    chosen = pick(len(y), evaluation.rows)
    error = (X[chosen, 0] - X[chosen, 1]) ** 2
    expected = np.average(error, weights=weight[chosen])
    assert _value(evaluation, "training_mean_squared_error") == pytest.approx(expected, rel=1e-12)


def test_labels_encoded_before_are_sampled_too(rows):
    X, y = rows
    names = np.array(["no", "yes"])[y]
    model = KNeighborsClassifier().fit(X, names)
    evaluation = evaluate(model, X, names, budget=1e-6, labels=encode(names))
    chosen = pick(len(y), evaluation.rows)
    assert 20 <= evaluation.rows < 20_000
    expected = (model.predict(X[chosen]) == names[chosen]).mean()
    assert _value(evaluation, "training_accuracy_score") == pytest.approx(expected, abs=1e-12)


def _arrow():
    return pytest.importorskip("pyarrow", exc_type=ImportError)


CONTAINERS = {
    "numpy": lambda X: X,
    "list": lambda X: X.tolist(),
    "pandas": lambda X: pd.DataFrame(X, columns=list("abc")),
    "polars": lambda X: pl.DataFrame(X, schema=list("abc")),
    "pyarrow": lambda X: _arrow().table({name: X[:, k] for k, name in enumerate("abc")}),
    **{
        f"{name}_{kind}": (lambda cls: lambda X: cls(X))(getattr(sp, f"{name}_{kind}"))
        for name in ("csr", "csc", "coo", "lil", "dok", "bsr")
        for kind in ("matrix", "array")
    },
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_rows_are_taken_from_any_container(container):
    X = np.random.default_rng(0).integers(0, 3, (50, 3)).astype(float)
    held = CONTAINERS[container](X)
    rows = pick(50, 7)
    taken = take_rows(held, rows)
    assert type(taken) is type(held) or sp.issparse(taken)
    if container == "pyarrow":
        taken = np.column_stack([column.to_numpy() for column in taken.columns])
    assert np.array_equal(taken.toarray() if sp.issparse(taken) else np.asarray(taken), X[rows])


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_model_is_evaluated_on_any_container(container, reference, monkeypatch):
    monkeypatch.setattr(budget, "_ALWAYS", 0.0)
    X, y = make_classification(1500, 3, n_redundant=0, random_state=0)
    held = CONTAINERS[container](X)
    model = KNeighborsClassifier(weights="distance")
    try:
        model.fit(held, y)
    except (TypeError, ValueError) as error:
        pytest.skip(f"scikit-learn does not take it: {error}")
    expected = reference.classifier(y, model.predict(held), model.predict_proba(held), None, [0, 1])
    reference.check(evaluate(model, held, y), expected)
    assert evaluate(model, held, y, budget=1e-6).rows < 1500


def test_rows_are_chosen_alike_each_time_and_sorted():
    rows = pick(10_000, 100)
    assert np.array_equal(rows, pick(10_000, 100))
    assert np.all(np.diff(rows) > 0)


def test_a_model_too_slow_for_any_sample_is_not_evaluated(rows):
    X, y = rows
    evaluation = evaluate(Slow(row=0.02), X, y, budget=0.02)
    assert CLOCK.now < 0.1
    assert not evaluation.metrics
    assert "20 rows alone would take about 0.4" in _notes(evaluation)[0]


def test_an_interrupted_probe_does_not_make_the_rest_look_cheap(rows):
    X, y = rows

    class Interrupted(Slow):
        def predict(self, X):
            CLOCK.sleep(2e-3 if len(X) == 2 else 0)
            return super().predict(X)

    evaluation = evaluate(Interrupted(row=1e-4), X, y, budget=0.2)  # the first 2 rows cost as much as 20
    assert CLOCK.now < 0.25
    assert 500 < evaluation.rows < 2_000


def test_a_silhouette_of_many_rows_is_sampled():
    X = np.random.default_rng(0).normal(size=(6_000, 3))
    model = KMeans(4, n_init=1, random_state=0).fit(X)
    evaluation = evaluate(model, X, None, budget=0.5)
    reasons = {note.what: note.reason for note in evaluation.notes}
    assert "sample of 2000 of 6000 rows" in reasons["training_silhouette_score"]
    expected = silhouette_score(X, model.labels_)
    assert _value(evaluation, "training_silhouette_score") == pytest.approx(expected, abs=0.02)
    without = evaluate(model, X, None, budget=1e-6)
    assert "training_silhouette_score" not in {metric.key for metric in without.metrics}
