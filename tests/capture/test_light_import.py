"""Importing the package is cheap: neither scikit-learn nor pandas comes with it."""

from __future__ import annotations

import subprocess
import sys


def test_imports_nothing_heavy() -> None:
    code = (
        "import sys, skribe.capture as capture; capture.fingerprint([1, 'a']); capture.describe_value({'a': 1});"
        "heavy = ('sklearn', 'pandas', 'scipy', 'polars', 'pyarrow', 'psutil');"
        "print([name for name in heavy if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
