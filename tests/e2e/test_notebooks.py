"""The notebooks of this repository, executed as a reader would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.newest_only  # of Jupyter and of our own pages
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def outputs_of(cell: Any, kind: str) -> list[str]:
    return [output.get("data", {}).get(kind, "") for output in cell.get("outputs", []) if "data" in output]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning")
def test_every_cell_runs(path, own_folder):
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(own_folder)}})
    client.execute()
    said = "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
    )
    assert [line for line in said.splitlines() if line and not line.startswith("skribe: ")] == []
    shown = json.dumps(notebook)
    assert "image/png" in shown, "a figure that is drawn is shown"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning")
def test_a_long_search_shows_a_bar_that_is_updated(own_folder):
    given = """
import time
import skribe
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV

class Slow(DummyClassifier):
    def fit(self, X, y):
        time.sleep(0.15)
        return super().fit(X, y)
"""
    search = """
skribe.autolog({arguments})
GridSearchCV(Slow(), {{"random_state": [1, 2, 3, 4, 5, 6]}}, cv=2).fit([[0.0]] * 8, [0, 1] * 4);
"""
    sources = [given, search.format(arguments=""), search.format(arguments="silent=True")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(own_folder)}}).execute()
    for cell, bars in zip(notebook.cells[1:], (1, 0), strict=True):
        shown = [text for text in outputs_of(cell, "text/html") if "progressbar" in text]
        assert len(shown) == bars
        assert all('aria-valuenow="12"' in text for text in shown), "one display, updated to the end"
