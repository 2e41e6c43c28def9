"""The documents say what is true: their examples run, and nothing public is missing from them."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skribe
from skribe.description import _RECORDED

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
KEYS = (ROOT / "docs" / "what-is-recorded.md").read_text(encoding="utf-8")


def test_the_readmes_examples_run_one_after_the_other(own_folder):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 5
    (own_folder / "readme.py").write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "readme.py"], cwd=own_folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("skribe: ")] == []
    assert done.stderr.count("skribe: Pipeline") == 5
    assert (own_folder / "skribe_runs" / "skribe.db").is_file()


def test_the_readmes_examples_are_well_typed(own_folder):
    api = pytest.importorskip("mypy.api", reason="needs the 'lint' extra")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (own_folder / "readme.py").write_text("\n".join(blocks), encoding="utf-8")
    # With the settings and the memory of `make lint`, which has looked at the types of numpy and pandas already.
    settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    said, errors, status = api.run([*settings, str(own_folder / "readme.py")])
    # scikit-learn has no types of its own; all that is checked is how our names are used.
    assert [line for line in said.splitlines() if "untyped" not in line and "error" in line] == [], errors
    assert status in (0, 1)


def test_every_argument_of_autolog_is_in_the_readme():
    names = inspect.signature(skribe.autolog).parameters
    missing = [name for name in names if name != "mlflow" and f"`{name}=" not in README]
    assert missing == []


def test_every_public_verb_is_in_the_readme_or_the_changelog():
    text = README + (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    aliases = {"log_params", "log_metrics", "set_tag", "set_tags", "log_artifact", "log_figure", "log_dict"}
    missing = [name for name in skribe.__all__ if name[0].islower() and name not in text and name not in aliases]
    assert missing == []


@pytest.mark.parametrize("kind", list(_RECORDED))
def test_every_key_that_describe_promises_is_documented(kind):
    assert [key for key in _RECORDED[kind] if f"`{key}`" not in KEYS] == []


def test_the_makefile_has_what_the_readme_names():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make ([a-z-]+)", README):
        assert f"\n{target}:" in makefile, target
