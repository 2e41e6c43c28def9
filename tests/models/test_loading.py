"""What is looked at before a model is built, and what is refused."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

import skribe.errors
from skribe import models
from skribe.errors import ArgumentError, NotFound, SkribeError


class Hostile:
    """Whoever builds its pickle makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.fixture
def saved(folder, model):
    return models.save(folder, model)


def digests(saved):
    return {file.name: file.digest for file in saved.files}


@pytest.mark.parametrize("name", ["model.pkl", "MLmodel"])
@pytest.mark.parametrize("how", ["cut", "changed", "hostile", "gone"])
def test_an_altered_file_is_named_and_not_used(name, how, folder, saved, load, tmp_path):
    path, made = folder / name, tmp_path / "made"
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {"cut": content[:-20], "changed": b"\x80" + content, "hostile": pickle.dumps(Hostile(made))}[how]
        )
    with pytest.raises(skribe.errors.ModelAltered, match=name):
        load(saved)
    assert not made.exists()


def test_a_pickle_of_unknown_origin_is_refused(folder, saved, model, tmp_path):
    made = tmp_path / "made"
    (folder / "model.pkl").write_bytes(pickle.dumps(Hostile(made)))
    for trusted in (False, ["sklearn.linear_model._logistic.LogisticRegression"], []):
        with pytest.raises(skribe.errors.ModelRefused, match="trusted=True"):
            models.load_path(folder, trusted=trusted)
    assert not made.exists()
    models.save(shutil.copytree(folder, tmp_path / "own", ignore=lambda *_: os.listdir(folder)), model)
    assert models.load_path(tmp_path / "own", trusted=True).C == 1.0


@pytest.mark.parametrize("name", ["../model.pkl", "/etc/hostname", "code/../../model.pkl", "."])
def test_a_path_does_not_lead_out_of_the_folder(name, folder, saved, tmp_path):
    made = tmp_path / "made"
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Hostile(made)))
    told = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(told.replace("model.pkl", name))
    with pytest.raises(skribe.errors.ModelRefused, match="leads out"):
        models.load_path(folder, trusted=True)
    assert not made.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_does_not_lead_out_of_the_folder(folder, saved, load, tmp_path):
    (folder / "model.pkl").rename(tmp_path / "model.pkl")
    (folder / "model.pkl").symlink_to(tmp_path / "model.pkl")
    with pytest.raises(skribe.errors.ModelRefused, match="leads out"):
        load(saved)


def test_a_folder_that_is_itself_reached_through_a_link_is_fine(folder, saved, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    again = models.load(tmp_path / "link", format=saved.format, file=saved.file, expected=digests(saved))
    assert isinstance(again, LogisticRegression)


def test_a_newer_number_is_said(folder, saved):
    told = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(told.replace("  format: 1\n", "  format: 2\n"))
    for load in (
        lambda: models.load_path(folder, trusted=True),
        lambda: models.load(folder, format="cloudpickle", file="model.pkl", expected=None, trusted=True),
    ):
        with pytest.raises(skribe.errors.ModelTooNew, match="number 2; this skribe reads 1"):
            load()


def test_an_unknown_format_is_refused(folder, saved):
    told = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(told.replace('serialization_format: "cloudpickle"', "serialization_format: onnx"))
    with pytest.raises(skribe.errors.ModelRefused, match="'onnx' is not known"):
        models.load_path(folder, trusted=True)


@pytest.mark.parametrize(
    "content",
    ["", "[1, 2]", "{", "flavors: 3", "flavors:\n  sklearn: {}\n", "flavors:\n  sklearn:\n    a: !!python/x 1\n"],
)
def test_a_manifest_that_says_nothing_is_refused(content, folder, saved):
    (folder / "MLmodel").write_text(content)
    with pytest.raises(skribe.errors.ModelRefused):
        models.load_path(folder, trusted=True)


def test_no_manifest_is_not_found(folder):
    with pytest.raises(NotFound, match="MLmodel"):
        models.load_path(folder, trusted=True)


def test_a_folder_that_mlflow_might_have_written_is_read(folder, model):
    (folder / "lower").mkdir()
    (folder / "lower" / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "MLmodel").write_text("flavors:\n  sklearn:\n    pickled_model: lower/model.pkl\n    code:\n")
    assert models.load_path(folder, trusted=True).C == 1.0


@pytest.mark.parametrize("content", [b"", b"\x80\x05", b"no pickle at all", pickle.dumps(1)[:-1]])
def test_a_file_that_is_no_model_is_one_clear_error(content, folder, saved):
    (folder / "model.pkl").write_bytes(content)
    with pytest.raises(skribe.errors.ModelUnreadable, match=r"model\.pkl") as raised:
        models.load_path(folder, trusted=True)
    assert isinstance(raised.value, SkribeError)


def test_a_missing_module_is_one_clear_error(folder):
    (folder / "model.pkl").write_bytes(b"cno_such_module\nThing\n.")
    (folder / "MLmodel").write_text("flavors:\n  sklearn:\n    pickled_model: model.pkl\n")
    with pytest.raises(skribe.errors.ModelUnreadable, match="no_such_module"):
        models.load_path(folder, trusted=True)


def test_one_name_is_not_taken_for_its_letters(folder, saved):
    with pytest.raises(ArgumentError, match="trusted="):
        models.load_path(folder, trusted="numpy.mean")


def test_another_scikit_learn_is_said_by_scikit_learn(folder, saved):
    import sklearn

    content = (folder / "model.pkl").read_bytes()
    version = sklearn.__version__.encode()
    (folder / "model.pkl").write_bytes(content.replace(version, b"0" + version[1:]))
    with pytest.warns(InconsistentVersionWarning):
        models.load_path(folder, trusted=True)


def test_skops_of_unknown_origin_is_audited(folder, model):
    X, y = load_iris(return_X_y=True)
    models.save(folder, model, format="skops")
    np.testing.assert_array_equal(models.load_path(folder).coef_, model.coef_)
    other = folder.parent / "forest"
    other.mkdir()
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    saved = models.save(other, forest, format="skops")
    assert saved.notes == ()
    with pytest.raises(skribe.errors.ModelRefused, match=r"sklearn\.tree\._tree\.Tree") as raised:
        models.load_path(other)
    assert "trusted=['sklearn.tree._tree.Tree']" in str(raised.value)
    for trusted in (True, ["sklearn.tree._tree.Tree"]):
        again = models.load_path(other, trusted=trusted)
        np.testing.assert_array_equal(again.predict_proba(X), forest.predict_proba(X))
    expected = digests(saved)
    assert models.load(other, format="skops", file=saved.file, expected=expected).n_classes_ == 3


def test_skops_refuses_the_users_own_even_from_this_store(folder, load):
    model = FunctionTransformer(os.path.basename)
    saved = models.save(folder, model, format="skops")
    assert "posixpath.basename" in saved.notes[0].reason
    with pytest.raises(skribe.errors.ModelRefused, match=r"posixpath\.basename"):
        load(saved)
    assert load(saved, trusted=["posixpath.basename"]).func is os.path.basename


def test_nothing_of_ours_is_needed_to_read_it(folder, saved):
    code = f"import pickle; print(type(pickle.load(open({str(folder / 'model.pkl')!r}, 'rb'))).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.home())
    assert done.stdout.strip() == "LogisticRegression"


def test_the_manifest_of_ours_is_read_without_yaml(folder, saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert models.load_path(folder, trusted=True).C == 1.0
    (folder / "MLmodel").write_text("flavors: {sklearn: {pickled_model: model.pkl}, other: [1]}\n")
    with pytest.raises(skribe.errors.ModelRefused, match="pip install pyyaml"):
        models.load_path(folder, trusted=True)
