"""In IPython: classes typed into cells, and what cells show."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("IPython")

pytestmark = pytest.mark.newest_only  # of IPython
CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def cell(text):
    result = shell.run_cell(text)
    result.raise_error()
    return result.result
cell("import skribe; skribe.autolog(silent=True)")
cell('''
from sklearn.base import BaseEstimator
class Derived(BaseEstimator):
    def fit(self, X, y=None):
        return self
Derived().fit([[1]])
''')
assert cell("skribe.last_run().name") == "Derived"
cell('''
class Plain:
    def get_params(self, deep=True):
        return {"a": 1}
    def fit(self, X, y=None):
        return self
''')
cell("Plain().fit([[1]])")
assert cell("skribe.last_run().name") == "Plain"
assert "skribe-run" in shell.display_formatter.format(cell("skribe.last_run()"))[0]["text/html"]
before = len(shell.events.callbacks["post_run_cell"])
cell("skribe.autolog(disable=True)")
assert len(shell.events.callbacks["post_run_cell"]) == before - 1
assert cell("type(vars(Plain)['fit']).__name__") == "function"
"""


def test_classes_of_cells_are_heard(own_folder):
    (own_folder / "cells.py").write_text(CELLS)
    done = subprocess.run([sys.executable, "cells.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
