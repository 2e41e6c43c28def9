"""The notebooks of this repository, executed as a reader would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.newest_only  # of Jupyter and of our own pages
NOTEBOOKS = [
    pytest.param(path, id=path.stem, marks=pytest.mark.thirdparty if "mlflow" in path.stem else ())
    for path in sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
]


def outputs_of(cell: Any, kind: str) -> list[str]:
    return [output["data"][kind] for output in cell.get("outputs", []) if kind in output.get("data", {})]


@pytest.mark.parametrize("path", NOTEBOOKS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning")
def test_every_cell_runs(path, own_folder):
    if "mlflow" in path.stem:
        pytest.importorskip("mlflow")
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
    for cell in notebook.cells:
        if cell.cell_type == "code" and ".plot(" in cell.source:
            assert outputs_of(cell, "image/png"), "a figure that is drawn is shown"
