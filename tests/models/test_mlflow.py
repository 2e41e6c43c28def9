"""The real MLflow loads, checks, registers and serves the folders that are written here without it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skribe import models

pytestmark = [pytest.mark.thirdparty, pytest.mark.slow]
CHECK = """
import json, sys, warnings
from pathlib import Path
import mlflow, mlflow.pyfunc, mlflow.sklearn
from mlflow.models import Model, validate_serving_input
from mlflow.models.utils import load_serving_example
root = Path(sys.argv[1])
mlflow.set_tracking_uri(f"sqlite:///{root}/mlflow.db")
said = {}
for folder in sorted((root / "models").iterdir()):
    path = str(folder)
    mlflow.sklearn.load_model(path)
    example = Model.load(path).load_input_example(path)
    answer = mlflow.pyfunc.load_model(path).predict(example)
    served = validate_serving_input(path, load_serving_example(path))
    if folder.name.startswith(("numpy-", "search-", "of-main")):  # it copies a folder, whatever is in it
        version = mlflow.register_model(path, folder.name.replace("-", "_")).version
        mlflow.sklearn.load_model(f"models:/{folder.name.replace('-', '_')}/{version}")
    said[folder.name] = [answer.tolist(), served.tolist()]
Path(root / "said.json").write_text(json.dumps(said))
"""


class Mine(BaseEstimator):
    """A class of the project's own."""

    def fit(self, X, y=None):
        self.mean_ = float(np.mean(X))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def of_main() -> Any:
    """An estimator whose class no other process can import."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("import numpy\nclass Of:\n    def predict(self, X):\n        return numpy.asarray(X)[:, 0]\n", names)
    return names["Of"]()


def cases() -> dict[str, tuple[Any, Any, Any]]:
    X, y = load_iris(return_X_y=True)
    frame, names = load_iris(as_frame=True).data, load_iris().target_names[y]
    texts, words = ["one two", "three four five", "two three"] * 20, np.array(["x", "y", "z"] * 20)
    mixed = pd.DataFrame({
        "a": [1, 2, 3] * 20, "b": ["u", "v", "w"] * 20, "c": [0.5, 1.5, np.nan] * 20,
        "d": pd.Categorical(["p", "q", "r"] * 20), "e": [True, False, True] * 20,
    })  # fmt: skip
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["b", "d"]), remainder="passthrough")
    read = make_pipeline(TfidfVectorizer(), LogisticRegression())
    line, logistic = LinearRegression(), LogisticRegression(max_iter=1000)
    found: dict[str, tuple[Any, Any, Any]] = {
        "numpy": (logistic, X, y),
        "labels": (logistic, X, names),
        "object-labels": (logistic, X, names.astype(object)),
        "pandas": (line, frame, y),
        "numbered": (line, pd.DataFrame(X), y),
        "float32": (line, X.astype("f4"), y),
        "lists": (line, X.tolist(), y),
        "csr": (logistic, sp.csr_matrix(X), y),
        "coo": (line, sp.coo_array(X), y),
        "transformer": (StandardScaler(), X, None),
        "sparse-transformer": (OneHotEncoder(handle_unknown="ignore"), mixed[["b"]], None),
        "texts": (read, texts, words),
        "texts-series": (read, pd.Series(texts), words),
        "pipeline": (make_pipeline(encode, HistGradientBoostingClassifier(max_iter=3)), mixed, words),
        "search": (GridSearchCV(logistic, {"C": [1, 2]}, cv=3), frame, y),
        "mine": (Mine(), X, y),
    }
    try:
        import polars
    except ImportError:
        return found
    return {**found, "polars": (line, polars.from_pandas(frame), y)}


def answer_of(model: Any, X: Any) -> Any:
    first = X.tocsr()[:5] if sp.issparse(X) else X[:5]
    answer = model.predict(first) if hasattr(model, "predict") else model.transform(first)
    return answer.toarray() if sp.issparse(answer) else answer


def test_mlflow_takes_them_as_they_are(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    expected = {}
    for name, (model, X, y) in cases().items():
        model.fit(X, y)
        answer = answer_of(model, X)
        for kind in models.FORMATS:
            if name == "mine" and kind == "skops":
                continue  # skops builds no class of the user's own unless it is told to.
            folder = tmp_path / "models" / f"{name}-{kind}"
            folder.mkdir(parents=True)
            project = Path(__file__).parents[2]
            signature, example = models.signature_of(X, answer), models.example_of(X)
            assert signature is not None, name
            models.save(folder, model, format=kind, signature=signature, example=example, project=project)
            expected[folder.name] = answer.tolist()
    folder = tmp_path / "models" / "of-main"
    folder.mkdir()
    X = np.ones((3, 2))
    models.save(folder, of_main(), signature=models.signature_of(X, X[:, 0]), example=models.example_of(X))
    expected["of-main"] = [1.0, 1.0, 1.0]
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "mismatch" not in done.stderr
    said = json.loads((tmp_path / "said.json").read_text())
    assert said.keys() == expected.keys()
    for name, answer in expected.items():
        for given in said[name]:
            if isinstance(np.ravel(answer)[0], np.floating):
                # MLflow lays the numbers out in another order, which changes the last bit of a sum.
                np.testing.assert_allclose(given, answer, rtol=1e-5, err_msg=name)
            else:
                assert given == answer, name


@pytest.mark.skipif(sys.platform == "win32", reason="the server is stopped by a signal to its group")
def test_mlflow_serves_a_model(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(X, np.array(["s", "v", "w"])[y])
    folder = tmp_path / "model"
    folder.mkdir()
    models.save(folder, model, signature=models.signature_of(X, model.predict(X[:2])), example=models.example_of(X))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with open(tmp_path / "log", "wb") as log:
        server = subprocess.Popen(
            [*command, "-p", str(port), "-h", "127.0.0.1", "-w", "1"], cwd=tmp_path, stdout=log, stderr=log,
            env={**os.environ, "PATH": path}, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for(f"http://127.0.0.1:{port}/ping", server, tmp_path / "log")
            body = (folder / "serving_input_example.json").read_bytes()
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert json.loads(answer.read()) == {"predictions": model.predict(X[:5]).tolist()}
        finally:
            os.killpg(server.pid, 15)
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(log.read_text()[-2000:])
