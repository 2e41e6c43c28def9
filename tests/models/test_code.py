"""The user's own modules go with the model, and the model loads where they are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SAVE = """
import json, sys
from pathlib import Path
from skribe import models
{imports}
folder = Path({folder!r})
saved = models.save(folder, {model}, format={format!r})
json.dump({{
    "format": saved.format, "file": saved.file, "notes": [note.reason for note in saved.notes],
    "requirements": saved.requirements, "expected": {{file.name: file.digest for file in saved.files}},
}}, sys.stdout)
"""
LOAD = """
import json, sys
from pathlib import Path
from skribe import models
before = list(sys.path)
told = json.loads(sys.stdin.read())
model = models.load(Path({folder!r}), format=told["format"], file=told["file"], expected=told["expected"])
assert sys.path == before
{then}
"""


def run(code: str, cwd: Path, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=cwd, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a package, a module that it uses, and things that are no part of it."""
    root = tmp_path / "project"
    for name, text in {
        "shop/__init__.py": "",
        "shop/steps.py": (
            "import helpers, click, xxhash\n"
            "class Adds:\n"
            "    def fit(self, X, y=None):\n        return self\n"
            "    def predict(self, X):\n        from shop.late import more\n        return helpers.one(X) + more\n"
        ),
        "shop/late.py": "more = 10\n",
        "shop/data.csv": "1\n",
        "shop/.hidden/x.py": "",
        "shop/env/pyvenv.cfg": "",
        "shop/env/lib.py": "",
        "helpers.py": "def one(X):\n    return [x + 1 for x in X][0]\n",
        "unrelated.py": "raise SystemExit\n",
        ".git/HEAD": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def saved(project: Path, folder: Path, imports: str, model: str, kind: str = "cloudpickle") -> dict[str, Any]:
    code = SAVE.format(folder=str(folder), imports=imports, model=model, format=kind)
    found: dict[str, Any] = json.loads(run(code, project))
    return found


def loaded(told: dict[str, Any], folder: Path, then: str) -> str:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    return run(LOAD.format(folder=str(folder), then=then), elsewhere, json.dumps(told)).strip()


@pytest.mark.parametrize("kind", ["cloudpickle", "pickle", "joblib"])
def test_a_package_of_the_project_goes_with_the_model(kind, project, folder):
    told = saved(project, folder, "from shop.steps import Adds", "Adds()", kind)
    code = sorted(name for name in told["expected"] if name.startswith("code/"))
    assert code == ["code/helpers.py", "code/shop/__init__.py", "code/shop/late.py", "code/shop/steps.py"]
    assert [reason.split("'")[1] for reason in told["notes"]] == ["helpers", "shop"]
    assert {"click", "xxhash", "scikit-learn"} <= {text.partition("==")[0] for text in told["requirements"]}
    assert loaded(told, folder, "print(model.predict([1]), 'helpers' in sys.path)") == "12 False"
    assert not list(folder.rglob("__pycache__"))


def test_what_the_process_has_imported_already_stays(project, folder):
    told = saved(project, folder, "from shop.steps import Adds", "Adds()")
    then = "print(model.predict([1]), helpers.mine)"
    before = "import types; helpers = sys.modules['helpers'] = types.ModuleType('helpers')\n"
    before += "helpers.one, helpers.mine = (lambda X: 100), True\n"
    code = LOAD.replace("before = list", before + "before = list")
    elsewhere = folder.parent
    out = run(code.format(folder=str(folder), then=then), elsewhere, json.dumps(told))
    assert out.split() == ["110", "True"]


def test_a_name_at_the_top_is_not_left_behind(project, folder):
    (project / "apart.py").write_text("")
    told = saved(project, folder, "import shop.steps, apart\nmodel = shop.steps.Adds(); model.part = apart", "model")
    assert "code/apart.py" in told["expected"]
    then = "del sys.modules['apart']\ntry:\n    import apart\nexcept ImportError:\n    print('gone')"
    assert loaded(told, folder, then) == "gone"


@pytest.mark.parametrize("name", ["code/shop/steps.py", "code/helpers.py"])
def test_altered_code_is_not_executed(name, project, folder):
    told = saved(project, folder, "from shop.steps import Adds", "Adds()")
    (folder / name).write_text("raise SystemExit('executed')")
    then = "raise SystemExit('loaded')"
    code = LOAD.format(folder=str(folder), then=then)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder.parent,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"ModelAltered: '{name}'" in done.stderr
    assert "executed" not in done.stderr.splitlines()[-1]


def test_planted_code_is_not_found(project, folder):
    told = saved(project, folder, "from shop.steps import Adds", "Adds()")
    (folder / "code" / "click.py").write_text("raise SystemExit('executed')")
    (folder / "code" / "shop" / "xxhash.py").write_text("raise SystemExit('executed')")
    assert loaded(told, folder, "print(model.predict([1]))") == "12"


def test_a_module_outside_of_the_project_is_named_only(project, folder, tmp_path):
    (tmp_path / "outside.py").write_text("class Thing:\n    def transform(self, X):\n        return X\n")
    told = saved(project, folder, f"sys.path.append({str(tmp_path)!r})\nfrom outside import Thing", "Thing()")
    assert "'outside', which lies outside of the project" in told["notes"][0]
    assert [name for name in told["expected"] if "outside" in name] == []


def test_a_package_that_is_too_large_is_named_only(project, folder):
    (project / "shop" / "big.py").write_bytes(b"#" * (3 << 20))
    told = saved(project, folder, "from shop.steps import Adds", "Adds()")
    assert "'shop', which has more than" in " ".join(told["notes"])
    assert [name for name in told["expected"] if name.startswith("code/")] == ["code/helpers.py"]


CLASS_OF_MAIN = """
import numpy
class Mine:
    def predict(self, X):
        import xxhash
        return numpy.asarray(X) * 2
"""


def test_a_class_of_main_goes_by_value(project, folder):
    told = saved(project, folder, CLASS_OF_MAIN, "Mine()")
    assert told["notes"] == []
    assert {"xxhash", "numpy", "cloudpickle"} <= {text.partition("==")[0] for text in told["requirements"]}
    assert loaded(told, folder, "print(model.predict([1]))") == "[2]"


def test_a_class_of_main_is_tied_to_main_in_a_plain_pickle(project, folder):
    told = saved(project, folder, CLASS_OF_MAIN, "Mine()", "pickle")
    assert "Mine is defined in __main__" in told["notes"][0]


def test_a_folder_without_an_init_is_a_package(project, folder):
    (project / "bare").mkdir()
    (project / "bare" / "it.py").write_text("class It:\n    def predict(self, X):\n        return 7\n")
    told = saved(project, folder, "from bare.it import It", "It()")
    assert loaded(told, folder, "print(model.predict([1]))") == "7"


def test_a_model_that_was_loaded_is_saved_again_with_its_code(project, folder):
    told = saved(project, folder, "from shop.steps import Adds", "Adds()")
    again = folder.parent / "again"
    again.mkdir()
    then = (
        f"again = models.save(Path({str(again)!r}), model, project=Path({str(folder.parent)!r}))\n"
        "print(sorted(f.name for f in again.files if f.name.startswith('code')))"
    )
    assert loaded(told, folder, then) == str(sorted(name for name in told["expected"] if name.startswith("code/")))


def test_requirements_name_the_release_that_brings_a_module():
    from importlib.metadata import version

    from skribe.models import requirements

    for top, name in {
        "sklearn": "scikit-learn",
        "yaml": "PyYAML",
        "_pytest": "pytest",
        "xdist": "pytest-xdist",
    }.items():
        __import__(top)
        assert requirements.pinned.__wrapped__(top) == f"{name}=={version(name)}"
    assert requirements.pinned.__wrapped__("no_such_module") is None
    assert requirements.requirements_of(frozenset({"pytest", "os", "pandas"}), "pickle") == tuple(
        f"{name}=={version(name)}" for name in ("numpy", "pandas", "scikit-learn")
    )


def test_nothing_heavy_is_imported():
    code = (
        "import sys, skribe.models; from skribe.models import save, load, signature_of;"
        "heavy = ('sklearn', 'pandas', 'scipy', 'polars', 'cloudpickle', 'joblib', 'yaml', 'skops', 'mlflow');"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run(code, Path(os.curdir)).strip() == "[]"
