"""Models of real processes: streams that end or are killed, and what the real MLflow does with the folders."""

from __future__ import annotations

import copy
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier

import skribe
from skribe.session import query_of

X, y = load_iris(return_X_y=True)


@pytest.fixture
def _on():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


# --- streams -----------------------------------------------------------------------------------------------------


# So many features that a step takes less time than writing the model, which is therefore not done for each step.
WIDE = sp.random(30, 2**17, density=1e-4, format="csr", random_state=0)


def learn(model, steps, data=X, target=y):
    for _ in range(steps):
        model.partial_fit(data, target, classes=[0, 1, 2])
    return skribe.last_run()


def learn_wide(model):
    """Steps whose models are written now and then, until there is one that is not written yet."""
    steps = 20
    run = learn(model, steps, WIDE, y[::5])
    while query_of(run.folder).model(run.id, "model").step == steps - 1:
        learn(model, 1, WIDE, y[::5])
        steps += 1
        assert steps < 1000
    return run


def on_disk(run):
    """The model as another process would find it, and the step that the store says it is of."""
    code = f"""
        import json, skribe
        from skribe.store.query import Query
        run = skribe.get_run("{run.id}")
        kept = Query(run.folder).model(run.id, "model")
        model = run.model()
        print(json.dumps([model.t_, kept.step]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen, step = json.loads(done.stdout)
    return seen, step


@pytest.mark.usefixtures("_on")
def test_a_stream_gives_its_current_model():
    model = SGDClassifier(random_state=0)
    run = learn(model, 200)
    assert len(run.history("training_accuracy_score")) == 200
    assert run.models == ["model"]
    assert run.model().t_ == model.t_ == 200 * len(X) + 1
    assert np.array_equal(run.model().decision_function(X), model.decision_function(X))


@pytest.mark.usefixtures("_on")
def test_the_model_on_disk_is_of_the_step_that_is_told():
    model = SGDClassifier(random_state=0)
    run = learn_wide(model)
    seen, step = on_disk(run)
    assert (seen - 1) / WIDE.shape[0] == step + 1
    skribe.flush()
    seen, step = on_disk(run)
    assert (seen - 1) / WIDE.shape[0] == step + 1
    assert seen == model.t_


@pytest.mark.usefixtures("_on")
@pytest.mark.parametrize(
    "end",
    [
        "another fit",
        "switched off",
        "other settings",
        "copied",
    ],
)
def test_the_last_step_is_kept_however_a_stream_ends(end):
    model = SGDClassifier(random_state=0)
    run = learn_wide(model)
    seen = model.t_
    if end == "another fit":
        model.fit(X, y)
    elif end == "switched off":
        skribe.autolog(disable=True)
    elif end == "other settings":
        skribe.autolog(silent=True, store="elsewhere", log_models=False)
    else:
        copy.deepcopy(model).partial_fit(WIDE, y[::5])
    assert run.model().t_ == seen


@pytest.mark.usefixtures("_on")
@pytest.mark.parametrize("change", [lambda m: m.coef_.fill(0), lambda m: m.set_params(alpha=3.0)])
def test_what_the_user_changes_after_a_step_is_not_in_the_model(change):
    model = SGDClassifier(random_state=0)
    run = learn_wide(model)
    change(model)
    kept = run.model()
    assert kept.coef_.any()
    assert kept.alpha == 0.0001


@pytest.mark.usefixtures("_on")
def test_models_that_are_written_later_are_counted_by_keep_models():
    skribe.autolog(silent=True, keep_models="1 B")
    model = SGDClassifier(random_state=0)
    run = learn_wide(model)
    last = learn(SGDClassifier(), 1)
    skribe.flush()
    assert len(run.models) + len(last.models) == 1


STREAM = """
    import sys, skribe
    skribe.autolog(silent=True)
    import scipy.sparse as sp
    from sklearn.linear_model import SGDClassifier
    X, y = sp.random(30, 2**15, density=1e-4, format="csr", random_state=0), [0, 1, 2] * 10
    model = SGDClassifier(random_state=0)
    for step in range(int(sys.argv[1])):
        model.partial_fit(X, y, classes=[0, 1, 2])
        print(step, flush=True)
"""


def start(code, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.newest_only
def test_at_the_end_of_a_process_the_last_step_is_on_disk():
    process = start(STREAM, "60")
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert skribe.last_run().model().t_ == 60 * 30 + 1


@pytest.mark.newest_only
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_stream_that_is_killed_leaves_a_model_that_loads():
    for lines in (3, 40, 90):
        process = start(STREAM, "100000")
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        run = skribe.last_run()
        assert run.model().t_ > 30


TORN = """
    import os, skribe
    from skribe.store.artifacts import ArtifactStore
    skribe.autolog(silent=True)
    from sklearn.naive_bayes import GaussianNB
    put, left = ArtifactStore.put_folder, [2]
    def put_and_die(self, run, path, fill):
        found = put(self, run, path, fill)
        left[0] -= 1
        if not left[0]:
            os._exit(9)
        return found
    ArtifactStore.put_folder = put_and_die
    model = GaussianNB()
    for _ in range(1000):
        model.partial_fit([[0.], [1.]], [0, 1], classes=[0, 1])
"""


@pytest.mark.newest_only
def test_a_process_that_dies_between_folder_and_record_leaves_a_model_that_loads():
    process = start(TORN)
    process.communicate(timeout=60)
    assert process.returncode == 9
    assert skribe.last_run().model().class_count_.sum() >= 2


@pytest.mark.usefixtures("_on")
def test_of_a_stream_that_is_thrown_away_the_model_is_that_of_the_step_it_says():
    model = SGDClassifier(random_state=0)
    run = learn_wide(model)
    rows = WIDE.shape[0]
    del model
    gc.collect()
    (kept,) = query_of(run.folder).models(run.id)
    assert run.model().t_ == 1 + (kept.step + 1) * rows


@pytest.mark.newest_only
def test_the_model_of_a_stream_loads_while_another_process_goes_on():
    process = start(STREAM, "100000")
    try:
        for _ in range(3):
            process.stdout.readline()
        run = skribe.last_run()
        until, loaded = time.monotonic() + 5, 0
        while time.monotonic() < until:
            assert run.model().t_ > 30
            loaded += 1
        assert loaded > 10
    finally:
        process.kill()
        process.communicate()


def _in_a_child():
    global kept_alive
    kept_alive = SGDClassifier(random_state=0)
    learn_wide(kept_alive)
    skribe.last_run().set_tag("seen", kept_alive.t_)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.usefixtures("_on")
def test_a_stream_in_a_process_of_multiprocessing_keeps_its_last_step():
    child = multiprocessing.get_context("fork").Process(target=_in_a_child)
    child.start()
    child.join()
    run = skribe.get_run(skribe.runs().run_id[0])
    assert str(run.model().t_) == run.tags["seen"]


# --- the real MLflow ---------------------------------------------------------------------------------------------

TRAIN = """
    import json, sys
    import numpy as np, pandas as pd, polars as pl, scipy.sparse as sp
    from sklearn.datasets import load_iris
    from sklearn.decomposition import PCA
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from shop.steps import Doubles
    import skribe
    skribe.autolog(silent=True, log_input_examples=True)
    X, y = load_iris(return_X_y=True)
    frame = load_iris(as_frame=True).data
    words = np.array(["setosa", "versicolor", "virginica"])[y]
    mixed = pd.DataFrame({"place": ["a", "b", "c"] * 50, "age": np.arange(150), "tall": X[:, 0] > 5.8})
    encode = make_column_transformer((OneHotEncoder(), ["place"]), remainder="passthrough")
    line = LogisticRegression(max_iter=1000)
    cases = {
        "numpy": (line, X, y), "words": (line, frame, words), "sparse": (line, sp.csr_matrix(X), y),
        "polars": (line, pl.from_pandas(frame), y), "pipeline": (make_pipeline(StandardScaler(), line), frame, y),
        "search": (GridSearchCV(RandomForestClassifier(5, random_state=0), {"max_depth": [1, 3]}, cv=2), frame, words),
        "mixed": (make_pipeline(encode, RandomForestClassifier(5, random_state=0)), mixed, words),
        "transformer": (PCA(2), frame, None), "own": (make_pipeline(Doubles(), Ridge()), X, y),
    }
    said = {}
    for name, (model, data, target) in cases.items():
        fitted = model.fit(data, target)
        run = skribe.last_run()
        first = data[:5]
        given = first.to_pandas() if name == "polars" else first
        answer = fitted.predict(first) if hasattr(fitted, "predict") else fitted.transform(first)
        pd.to_pickle(given, f"given-{name}.pkl")
        said[name] = [run.id, str(run.artifact_path("model/MLmodel").parent), np.asarray(answer).tolist()]
    json.dump(said, open("said.json", "w"))
"""
CHECK = """
    import json
    import mlflow, mlflow.pyfunc, mlflow.sklearn, numpy as np, pandas as pd
    from mlflow.models import validate_serving_input
    from mlflow.models.utils import load_serving_example
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    problems = []
    def check(name, what, got, expected):
        got = np.asarray(got.values if hasattr(got, "values") else got)
        same = np.allclose(got, expected, rtol=1e-5) if got.dtype.kind == "f" else got.tolist() == expected
        if not same:
            problems.append(f"{name} {what}: {got!r} instead of {expected!r}")
    for name, (run, path, expected) in json.load(open("said.json")).items():
        given = pd.read_pickle(f"given-{name}.pkl")
        try:
            model = mlflow.sklearn.load_model(path)
            check(name, "load", (model.predict if hasattr(model, "predict") else model.transform)(given), expected)
            served = mlflow.pyfunc.load_model(path)
            assert served.metadata.signature is not None
            check(name, "pyfunc", served.predict(given), expected)
            check(name, "serving", validate_serving_input(path, load_serving_example(path)), expected)
            version = mlflow.register_model(path, name).version
            loaded = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
            check(name, "registered", loaded.predict(given), expected)
            if name == "mixed":
                try:
                    served.predict(given.drop(columns="age"))
                    problems.append("a missing column passes")
                except mlflow.exceptions.MlflowException:
                    pass
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__}: {error}")
    print(json.dumps(problems))
"""
STEPS = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
class Doubles(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_ = 2
        return self
    def transform(self, X):
        return np.asarray(X) * self.n_
"""


@pytest.mark.thirdparty
@pytest.mark.slow
def test_mlflow_takes_what_autolog_has_written(own_folder: Path):
    pytest.importorskip("mlflow")
    pytest.importorskip("polars")
    project = own_folder / "project"
    (project / "shop").mkdir(parents=True)
    (project / "shop" / "__init__.py").write_text("")
    (project / "shop" / "steps.py").write_text(STEPS)
    (project / "train.py").write_text(textwrap.dedent(TRAIN))
    subprocess.run([sys.executable, "train.py"], cwd=project, check=True)
    elsewhere = own_folder / "elsewhere"
    elsewhere.mkdir()
    for path in (project / "said.json", *project.glob("given-*.pkl")):
        path.rename(elsewhere / path.name)
    command = [sys.executable, "-c", textwrap.dedent(CHECK)]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == []
    for name, (run, _, _) in json.loads((elsewhere / "said.json").read_text()).items():
        assert skribe.get_run(run).models, name
        # MLflow has changed nothing in the store.
        if name != "own":
            skribe.load_model(f"runs:/{run}/model")
