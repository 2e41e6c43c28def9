"""Every estimator of scikit-learn goes into its folder and comes back in a fresh process, in every format."""

from __future__ import annotations

import pickle
import subprocess
import sys
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances
from tests.promise.all_estimators import data_for

from skribe import models

# skops itself has no way to write it.
NOT_IN_SKOPS = {"Birch"}
# They want other arguments than the common ones.
OTHERS = {"LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer", "SparseCoder"}
READER = """
import pickle, sys, warnings
from pathlib import Path
from skribe import models
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "Class .* is deprecated", FutureWarning)  # scikit-learn's own word on old classes
root = Path(sys.argv[1])
wrong = []
for number, (name, saved) in enumerate(pickle.loads((root / "saved.pkl").read_bytes())):
    X, answers = pickle.loads((root / f"{name}.answers").read_bytes())
    expected = {file.name: file.digest for file in saved.files}
    try:
        model = models.load(root / f"{name}-{saved.format}", format=saved.format, file=saved.file, expected=expected)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for method, answer in answers.items():
                if pickle.dumps(getattr(model, method)(X)) != answer:
                    wrong.append(f"{name} in {saved.format}: {method} differs")
    except Exception as error:
        wrong.append(f"{name} in {saved.format}: {type(error).__name__}: {error}")
print("\\n".join(wrong))
"""


def fitted() -> Iterator[tuple[BaseEstimator, Any]]:
    for name, cls in all_estimators():
        if name in OTHERS:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if name == "FrozenEstimator":
                    estimator = cls(DummyClassifier().fit([[0], [1]], [0, 1]))
                else:
                    estimator = next(iter(_construct_instances(cls)))
            except unittest.SkipTest:
                continue
            X, y = data_for(estimator)
            estimator.fit(X, y)
        yield estimator, X


def answers_of(estimator: Any, X: Any) -> dict[str, bytes]:
    """What the fitted estimator says, of all that it says the same when it is asked twice."""
    found = {}
    for method in ("predict", "predict_proba", "decision_function", "transform", "score_samples"):
        if not hasattr(estimator, method):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = pickle.dumps(estimator)
            try:
                answer = pickle.dumps(getattr(estimator, method)(X))
            except ValueError:
                continue  # It cannot say this of such data, before or after.
            again = pickle.dumps(getattr(pickle.loads(before), method)(X))
        if answer == again:
            found[method] = answer
    return found


@pytest.mark.slow
def test_every_estimator_comes_back_in_a_fresh_process(tmp_path: Path) -> None:
    saved, notes = [], []
    for estimator, X in fitted():
        name = type(estimator).__name__
        (tmp_path / f"{name}.answers").write_bytes(pickle.dumps((X, answers_of(estimator, X))))
        for kind in models.FORMATS:
            if kind == "skops" and name in NOT_IN_SKOPS:
                continue
            folder = tmp_path / f"{name}-{kind}"
            folder.mkdir()
            one = models.save(folder, estimator, format=kind)
            notes += one.notes
            saved.append((name, one))
    assert len(saved) > 4 * 190
    assert notes == []
    (tmp_path / "saved.pkl").write_bytes(pickle.dumps(saved))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path)], cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", sorted(NOT_IN_SKOPS))
def test_what_skops_cannot_write_is_said(name: str, tmp_path: Path) -> None:
    cls = dict(all_estimators())[name]
    estimator = cls(n_clusters=2).fit([[0.0], [1.0], [2.0], [3.0]])
    with pytest.raises(models.NotSaved, match=r"Birch|root_|prev_leaf_"):
        models.save(tmp_path, estimator, format="skops")
    assert list(tmp_path.iterdir()) == []
