from __future__ import annotations

import importlib
import sys

import pytest

import skribe
from skribe.backends import BackendInvalid, BackendMissing, Capabilities, Local, MLflow, Target
from skribe.backends.registry import build, checked, names, resolved, targets_of
from skribe.backends.targets import without_secrets


class Good:
    address = "somewhere"
    capabilities = Capabilities()

    def open(self, outbox):
        pass

    def deliver(self, changes):
        pass

    def settle(self):
        pass

    def close(self):
        pass

    def link(self, run):
        return None


def without(name):
    return type("Bad", (Good,), {name: None})()


def test_our_own_are_there():
    assert {"local", "memory", "mlflow", "wandb"} <= set(names())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("mlflow", [Target("mlflow")]),
        (" mlflow:http://host:5000/a ", [Target("mlflow", "http://host:5000/a")]),
        ("mlflow:sqlite:///mlflow.db", [Target("mlflow", "sqlite:///mlflow.db")]),
        (["memory", "local:/a"], [Target("memory"), Target("local", "/a")]),
        (("memory", ["local:/a"]), [Target("memory"), Target("local", "/a")]),
        (Target("x", "y", {"z": 1}), [Target("x", "y", {"z": 1})]),
        (Local(address="/a"), [Target("local", "/a", {"models": True, "files": True})]),
    ],
)
def test_what_names_a_backend(value, expected):
    assert targets_of(value) == expected


def test_an_object_is_taken_as_it_is():
    good = Good()
    assert targets_of(good) == [good]
    assert targets_of([good, "memory"]) == [good, Target("memory")]


@pytest.mark.parametrize("text", ["", ":x", "http//", "a b", "//user:pw@host"])
def test_what_names_none(text):
    with pytest.raises(skribe.ArgumentError, match="does not name a backend") as caught:
        targets_of(text)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (3, r"int\) has no method open\(\)"),
        (Good, r"write Good\(...\)"),
        (MLflow, r"write MLflow\(...\)"),
        (without("deliver"), r"Bad\) has no method deliver\(\)"),
        (type("Bad", (Good,), {"deliver": lambda self: None})(), r"deliver\(\) is called with 1 argument"),
        (type("Bad", (Good,), {"settle": lambda self, more: None})(), r"settle\(\) is called with 0 arguments.*more"),
        (type("Bad", (Good,), {"address": ""})(), "address must be one line of text"),
        (type("Bad", (Good,), {"address": 3})(), "address must be one line of text"),
        (type("Bad", (Good,), {"capabilities": None})(), "capabilities must be"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_object_that_is_no_backend(backend, words):
    with pytest.raises(BackendInvalid, match=words):
        checked(backend, "autolog(backend=...)")
    assert checked(Good(), "it")


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a backend `odd` whose module has this text."""

    def install(text: str) -> None:
        info = tmp_path / "odd-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[skribe.backends]\nodd = odd_backend:Odd\n")
        (tmp_path / "odd_backend.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()

    yield install
    sys.modules.pop("odd_backend", None)


GOOD = """
from skribe.backends import Capabilities
class Odd:
    capabilities = Capabilities()
    def __init__(self, address="", *, colour="red"): self.address = address or "here"
    @staticmethod
    def resolve(address): return address or "resolved"
    def open(self, outbox): pass
    def deliver(self, changes): pass
    def settle(self): pass
    def close(self): pass
    def link(self, run): return None
"""


def test_a_plugin_is_found_by_its_name(plugin):
    plugin(GOOD)
    assert "odd" in names()
    assert build(Target("odd", "there", {"colour": "blue"})).address == "there"
    assert resolved(Target("odd")) == Target("odd", "resolved")
    with pytest.raises(skribe.ArgumentError, match=r"'odd' has no option 'color'; did you mean 'colour'\?"):
        build(Target("odd", "", {"color": "blue"}))
    with pytest.raises(skribe.ArgumentError, match="there is no backend 'od'; did you mean 'odd'"):
        build(Target("od"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_module_at_all", r"'odd' \(odd_backend:Odd\) cannot be loaded: ModuleNotFoundError"),
        ("Odd = 3", "could not be made"),
        (GOOD.replace("def close(self)", "def shut(self)"), r"'odd' \(odd_backend.Odd\) has no method close"),
        (GOOD.replace('address or "here"', "1 / 0"), "could not be made for odd.*ZeroDivisionError"),
    ],
)
def test_a_plugin_that_is_no_backend_is_named(plugin, text, words):
    plugin(text)
    with pytest.raises(BackendInvalid, match=words):
        skribe.autolog(backend="odd:http://me:secret@host/x")


def test_a_package_that_is_missing_is_named_with_the_command(monkeypatch):
    from importlib import util

    real = util.find_spec
    monkeypatch.setattr(
        util, "find_spec", lambda name, *more: None if name in ("mlflow", "wandb") else real(name, *more)
    )
    for name in ("mlflow:http://localhost:1", "wandb:project"):
        with pytest.raises(BackendMissing, match=rf'pip install "skribe\[{name.partition(":")[0]}\]"') as caught:
            skribe.autolog(backend=name)
        assert isinstance(caught.value, ImportError)


def test_secrets_are_never_shown():
    target = Target("mlflow", "http://me:secret@host:5000/path?x=1")
    assert str(target) == "mlflow:http://host:5000/path"
    assert "secret" not in repr(target)
    assert "secret" not in repr(MLflow(address="https://me:secret@host"))
    assert without_secrets("a http://u:p@h/ and postgresql://x:y@z/db") == "a http://h/ and postgresql://z/db"
    assert without_secrets("mail me@home") == "mail me@home"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("http://me:p@HUNTER2@host/x", "http://host/x"),
        ("postgresql://me:pa/HUNTER2@host/db?password=HUNTER2", "postgresql://host/db"),
        ("http://me:pa HUNTER2@host", "http://host"),
        ("http://me:12/HUNTER2@host", "http://host"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
    ],
)
def test_odd_passwords_are_not_shown_either(address, public):
    target = Target.parse(f"mlflow:{address}")
    assert str(target) == f"mlflow:{public}"
    if "HUNTER2" in address:
        assert "HUNTER2" not in repr(MLflow(address=address))
        assert "HUNTER2" not in without_secrets(f"cannot reach {address}: it is closed")


def test_a_wrong_name_in_the_environment_is_said_to_be_there(monkeypatch):
    monkeypatch.setenv("SKRIBE_BACKEND", "mlfow:http://me:secret@host")
    with pytest.raises(skribe.ArgumentError, match="SKRIBE_BACKEND: there is no backend 'mlfow'") as caught:
        skribe.autolog()
    assert "secret" not in str(caught.value)
