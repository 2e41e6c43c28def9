"""Run the notebooks again and keep what they show: `python notebooks/refresh.py [NAME.ipynb ...]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

HERE = Path(__file__).parent


def refresh(path: Path) -> None:
    """Run one of them in an empty folder. No name of a folder of this machine is kept."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}})
        client.execute()
        text = nbformat.writes(notebook).replace(folder, "~/project").replace(sys.prefix, "~/venv")
    shown = nbformat.reads(text, as_version=4)
    for cell in shown.cells:
        cell.metadata.pop("execution", None)
    shown.metadata.get("language_info", {}).pop("version", None)
    nbformat.write(shown, path)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(path.name for path in HERE.glob("*.ipynb")):
        refresh(HERE / name)
