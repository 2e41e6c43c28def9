"""A folder for a model, and loading it as the store that wrote it would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skribe import models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    return made


@pytest.fixture
def model() -> LogisticRegression:
    X, y = load_iris(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(X, y)


@pytest.fixture
def load(folder: Path) -> Callable[..., Any]:
    """Load what was saved in the folder, with the digests that were given back then."""

    def loaded(saved: models.Saved, **more: Any) -> Any:
        expected = {file.name: file.digest for file in saved.files}
        return models.load(folder, format=saved.format, file=saved.file, expected=expected, **more)

    return loaded
