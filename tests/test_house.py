"""The layers of the house: imports point down only, and never sideways between the packages of one floor."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import skribe

HOUSE = Path(skribe.__file__).parent
FLOORS = {
    0: ("records", "settings", "errors", "guard", "words"),
    1: ("capture", "metrics", "models", "plots", "display"),
    2: ("store", "progress"),
    3: ("hooks", "backends"),
    4: ("sweeps", "exchange", "delivery"),
    5: ("openrun", "streams", "pictured", "modelled", "linked", "scored", "validated", "recording", "recorder"),
    6: ("session", "views"),
    7: ("pen", "tagging", "loading", "handle", "registered", "comparison", "grouping", "description", "api"),
    8: ("ui", "testing"),
    9: ("cli", "notebook"),
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}
OWNERS = {
    "sqlite3": "store",
    "click": "cli",
    "rich": "cli",
    "starlette": "ui",
    "uvicorn": "ui",
    "jinja2": "ui",
    "xxhash": "capture store sweeps",
    "matplotlib": "plots handle comparison",
    "mlflow": "backends exchange",
    "wandb": "backends",
    "pytest": "testing",
    "skops": "models",
    "cloudpickle": "models hooks",
}
FILES = sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            found.add(node.module)
            if node.module == "skribe":
                found |= {f"skribe.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_point_down(path):
    here = room(path)
    assert here in FLOOR_OF, f"{here} is on no floor: give it one in this test and in the map"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "skribe" or len(parts) == 1 or parts[1] == here or parts[1] not in FLOOR_OF:
            continue
        there = parts[1]
        below = FLOOR_OF[there] < FLOOR_OF[here]
        beside = FLOOR_OF[there] == FLOOR_OF[here] and not (HOUSE / there).is_dir()
        assert below or beside, f"{here} (floor {FLOOR_OF[here]}) imports {there} (floor {FLOOR_OF[there]})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_each_library_has_one_home(path):
    for name in imports(path):
        homes = OWNERS.get(name.split(".")[0])
        assert homes is None or room(path) in homes.split(), f"{name} belongs to {homes}"


def test_only_the_hooks_know_the_bootstrap_trick():
    """The frames that Python does not count are those of one file; its name must keep both words."""
    name = str(HOUSE / "hooks" / "importlib_bootstrap.py")
    assert "importlib" in name
    assert "_bootstrap" in name


def test_files_can_be_held_in_the_head():
    long = {str(path.relative_to(HOUSE)): count for path in FILES if (count := path.read_text().count("\n")) > 420}
    assert long == {}
