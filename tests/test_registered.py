"""Loading models by all their names, what is refused, and the registry as a user holds it."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

import skribe
from skribe.cli import main

pytestmark = pytest.mark.newest_only  # names and files; that models load is seen in test_modelled.py
X, y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def on():
    skribe.autolog(silent=True)
    yield
    skribe.autolog(disable=True)


def tree(depth=2, **settings):
    if settings:
        skribe.autolog(silent=True, **settings)
    DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X, y)
    return skribe.last_run()


def folder_of(run, name="model"):
    return run.folder / "artifacts" / run.id / name


# --- what a model is called --------------------------------------------------------------------------------------


def test_every_form_of_a_name_leads_to_the_model():
    GridSearchCV(DecisionTreeClassifier(), {"max_depth": [3]}, cv=2).fit(X, y)
    search = skribe.last_run()
    run = tree()
    version = skribe.register(run, "iris")
    version.stage = "staging"
    skribe.registered_model("iris").set_alias("champion", 1)
    for uri in (
        f"runs:/{run.id}/model", f"runs:/{run.id}", f"runs:/{run.id[:-3]}/model", f"runs:/{run.short_id}/model",
        "models:/iris/1", "models:/iris@champion", "models:/iris/latest", "models:/iris/Staging",
        folder_of(run), str(folder_of(run)), folder_of(run).as_uri(), os.path.relpath(folder_of(run)),
    ):  # fmt: skip
        assert skribe.load_model(uri).max_depth == 2, uri
    assert skribe.load_model(f"runs:/{search.id}/best_estimator").max_depth == 3
    assert skribe.load_model(f"runs:/{search.id}/model").best_params_ == {"max_depth": 3}


@pytest.mark.parametrize(
    ("uri", "error", "words"),
    [
        ("runs:/", skribe.ArgumentError, "runs:/"),
        ("runs:/ffffffff/model", skribe.NotFound, "ffffffff"),
        ("runs:/{run}/other", skribe.NotFound, "other"),
        ("runs:/{run}/../x", skribe.ArgumentError, r"\.\."),
        ("models:/iris", skribe.ArgumentError, "latest"),
        ("models:/iris/7", skribe.NotFound, "7"),
        ("models:/iris@nobody", skribe.NotFound, "nobody"),
        ("models:/iris/champion", skribe.ArgumentError, "@champion"),
        ("models:/iris/Production", skribe.NotFound, "Production"),
        ("models:/irsi/1", skribe.NotFound, "did you mean 'iris'"),
        ("s3://bucket/model", skribe.ArgumentError, "folder"),
        ("nowhere", skribe.NotFound, "nowhere"),
        ("", skribe.ArgumentError, "empty"),
        (7, skribe.ArgumentError, "7"),
    ],
)
def test_a_wrong_name_is_an_error_that_says_so(uri, error, words):
    run = tree()
    skribe.register(run, "iris")
    with pytest.raises(error, match=words):
        skribe.load_model(uri.format(run=run.id) if isinstance(uri, str) else uri)


@pytest.mark.parametrize("trusted", ["all", [3]])
def test_trusted_is_checked(trusted):
    run = tree()
    with pytest.raises(skribe.ArgumentError, match="trusted"):
        skribe.load_model(f"runs:/{run.id}", trusted=trusted)


def test_another_process_in_another_folder_loads_it(own_folder, tmp_path_factory):
    run = tree(registered_model_name="iris")
    code = f"""
        import os, skribe
        store = {str(own_folder / "skribe_runs")!r}
        os.environ.pop("SKRIBE_STORE", None)
        for uri in ("runs:/{run.short_id}/model", "models:/iris/1"):
            assert skribe.load_model(uri, store=store).max_depth == 2
            try:
                skribe.load_model(uri)
            except skribe.NotFound:
                pass
            else:
                raise AssertionError(uri)
            os.environ["SKRIBE_STORE"] = store
            assert skribe.load_model(uri).max_depth == 2
            assert skribe.get_run("{run.id}").model().max_depth == 2
            del os.environ["SKRIBE_STORE"]
        assert skribe.registered_model("iris", store=store).version().run.id == "{run.id}"
    """
    subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True, cwd=tmp_path_factory.mktemp("other")
    )


def test_models_load_while_skribe_is_off():
    run = tree(registered_model_name="iris")
    skribe.autolog(disable=True)
    assert skribe.load_model("models:/iris/latest").max_depth == 2
    assert run.model().max_depth == 2
    assert skribe.load_model(f"runs:/{run.id}/model").score(X, y) > 0.9
    assert "DecisionTreeClassifier_score_X" not in run.metrics


# --- what is not as it was written -------------------------------------------------------------------------------


class Hostile:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def cut(content, _made):
    return content[:-1]


def one_byte(content, _made):
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def hostile(_content, made):
    return pickle.dumps(Hostile(made))


@pytest.mark.parametrize("change", [cut, one_byte, hostile])
@pytest.mark.parametrize("name", ["model.pkl", "MLmodel"])
def test_an_altered_file_is_refused_whatever_it_is_called_by(name, change, tmp_path):
    run = tree(registered_model_name="iris")
    made = tmp_path / "made"
    path = folder_of(run) / name
    path.write_bytes(change(path.read_bytes(), made))
    for uri in (f"runs:/{run.id}/model", "models:/iris/1", folder_of(run)):
        for trusted in (False, True):
            with pytest.raises(skribe.ModelAltered, match=name):
                skribe.load_model(uri, trusted=trusted)
    with pytest.raises(skribe.ModelAltered, match=name):
        run.model()
    assert not made.exists()


def test_a_folder_from_elsewhere_is_refused_unless_it_is_trusted(tmp_path):
    run = tree()
    copied = shutil.copytree(folder_of(run), tmp_path / "copied")
    with pytest.raises(skribe.ModelRefused, match="trusted=True"):
        skribe.load_model(copied)
    assert skribe.load_model(copied, trusted=True).max_depth == 2


def test_a_copy_inside_the_store_that_is_no_model_of_a_run_is_from_elsewhere():
    run = tree()
    copied = shutil.copytree(folder_of(run), folder_of(run, "copied"))
    with pytest.raises(skribe.ModelRefused, match="trusted=True"):
        skribe.load_model(copied)
    with pytest.raises(skribe.NotFound):
        skribe.load_model(f"runs:/{run.id}/copied")


PROJECT = """
    import sys, skribe
    sys.path.insert(0, "lib")
    from shop.steps import Doubles
    skribe.autolog(silent=True)
    from sklearn.pipeline import make_pipeline
    from sklearn.naive_bayes import GaussianNB
    make_pipeline(Doubles(), GaussianNB()).fit([[0.], [1.]], [0, 1])
"""
STEPS = """
from sklearn.base import BaseEstimator, TransformerMixin
class Doubles(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_ = 2
        return self
    def transform(self, X):
        return [[2 * value for value in row] for row in X]
"""


def test_code_beside_a_model_is_checked_as_the_model_is(own_folder, tmp_path_factory):
    shop = own_folder / "lib" / "shop"
    shop.mkdir(parents=True)
    (shop / "__init__.py").write_text("")
    (shop / "steps.py").write_text(STEPS)
    subprocess.run([sys.executable, "-c", textwrap.dedent(PROJECT)], check=True)
    run = skribe.last_run()
    (code,) = [path for path in run.artifacts if path.endswith("steps.py")]
    load = [sys.executable, "-c", f"import skribe; print(skribe.load_model('runs:/{run.id}').predict([[1.]]))"]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(load, capture_output=True, text=True, cwd=elsewhere)
    assert done.stdout == "[1]\n", done.stderr
    place = run.artifact_path(code)
    place.write_text("open('made', 'w')\n" + place.read_text())
    done = subprocess.run(load, capture_output=True, text=True, cwd=elsewhere)
    assert "ModelAltered" in done.stderr
    assert "steps.py" in done.stderr
    assert not (elsewhere / "made").exists()


class Mine(GaussianNB):
    """A type that is on nobody's list."""


def test_a_skops_model_with_a_type_of_ones_own_needs_it_named():
    pytest.importorskip("skops")
    skribe.autolog(silent=True, serialization_format="skops")
    Mine().fit(X, y)
    run = skribe.last_run()
    name = f"{Mine.__module__}.Mine"
    with pytest.raises(skribe.ModelRefused, match=re.escape(name)):
        run.model()
    assert type(run.model(trusted=[name])) is Mine
    assert type(skribe.load_model(f"runs:/{run.id}", trusted=[name])) is Mine


# --- the registry ------------------------------------------------------------------------------------------------


def test_each_fit_is_the_next_version_and_leads_to_its_run():
    runs = [tree(depth, registered_model_name="iris") for depth in (1, 2, 3)]
    versions = skribe.registered_model("iris").versions
    assert [version.version for version in versions] == [1, 2, 3]
    assert [version.run for version in versions] == runs
    assert [version.load().max_depth for version in versions] == [1, 2, 3]
    assert [skribe.load_model(version.uri).max_depth for version in versions] == [1, 2, 3]


def test_a_run_is_registered_by_its_id():
    run = tree()
    assert skribe.register(run.short_id, "iris").run == skribe.register(run.id, "iris").run == run
    with pytest.raises(skribe.ArgumentError, match="give a run or its id"):
        skribe.register("nobody", "iris")


def test_a_search_is_one_version_also_with_its_candidates_models():
    skribe.autolog(silent=True, registered_model_name="iris", log_models="candidates")
    GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2).fit(X, y)
    (version,) = skribe.registered_model("iris").versions
    assert version.run == skribe.last_run()
    assert version.load().best_params_


@pytest.mark.parametrize("inside", ["cross-validation", "meta-estimator"])
def test_what_is_fitted_inside_is_no_version(inside):
    skribe.autolog(silent=True, registered_model_name="iris", log_models="candidates")
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2)
    if inside == "cross-validation":
        cross_validate(search, X, y, cv=2)
        with pytest.raises(skribe.NotFound):
            skribe.registered_model("iris")
    else:
        CalibratedClassifierCV(search, cv=2).fit(X, y)
        (version,) = skribe.registered_model("iris").versions
        assert version.run.name == "CalibratedClassifierCV"


def test_what_is_fitted_in_a_run_by_hand_are_versions_of_their_runs():
    skribe.autolog(silent=True, registered_model_name="iris")
    with skribe.run("by hand") as run:
        GaussianNB().fit(X, y)
        DecisionTreeClassifier().fit(X, y)
    first, second = skribe.registered_model("iris").versions
    assert (first.run, second.run) == (run, run.children[0])
    assert isinstance(first.load(), GaussianNB)


def test_the_model_of_a_stream_is_a_version_too_or_the_run_says_why_not():
    skribe.autolog(silent=True, registered_model_name="iris")
    SGDClassifier().partial_fit(X, y, classes=[0, 1, 2])
    assert skribe.registered_models() or [note for note in skribe.last_run().notes if "regist" in note.reason]


def test_a_run_a_uri_and_a_version_can_be_registered():
    run = tree()
    first = skribe.register(run, "one", description="the first")
    assert (first.version, first.description, first.run, first.aliases) == (1, "the first", run, ())
    second = skribe.register(f"runs:/{run.short_id}/model", "two")
    third = skribe.register(second, "three")
    fourth = skribe.register("models:/three/1", "four")
    assert second.run == third.run == fourth.run == run
    assert [model.name for model in skribe.registered_models()] == ["four", "one", "three", "two"]
    assert skribe.register(run, "one") == first, "the same model is not registered twice"


@pytest.mark.parametrize("name", ["a/b", "a@b", "", "a:b", 3])
def test_a_name_that_could_not_be_read_is_refused(name):
    run = tree()
    with pytest.raises(skribe.ArgumentError):
        skribe.register(run, name)
    with pytest.raises(skribe.ArgumentError):
        skribe.autolog(registered_model_name=name)
    assert skribe.registered_models() == []


@pytest.mark.parametrize("name", ["größe.v2", "a b", "模型", "1", "latest"])
def test_a_name_may_have_dots_spaces_and_any_letters(name):
    run = tree(registered_model_name=name)
    assert skribe.load_model(f"models:/{name}/1").max_depth == 2
    assert skribe.registered_model(name).version().run == run


def test_what_cannot_be_registered_is_said():
    run = tree(log_models=False)
    with pytest.raises(skribe.NotFound, match="model"):
        skribe.register(run, "iris")
    with pytest.raises(skribe.ArgumentError, match="models of runs"):
        skribe.register("some/folder", "iris")
    with pytest.raises(skribe.ArgumentError):
        skribe.register(GaussianNB(), "iris")
    gone = tree(log_models=True)
    gone.delete()
    with pytest.raises(skribe.SkribeError, match="trash"):
        skribe.register(gone, "iris")


def test_aliases_stages_tags_and_words():
    for depth in (1, 2):
        tree(depth, registered_model_name="iris")
    model = skribe.registered_model("iris")
    model.set_alias("champion", 1)
    assert skribe.load_model("models:/iris@champion").max_depth == 1
    model.set_alias("champion", "latest")
    assert (model.aliases, model.version("@champion").version) == ({"champion": 2}, 2)
    model.delete_alias("champion")
    assert model.aliases == {}
    first, second = model.versions
    first.stage = second.stage = "Production"
    assert (first.stage, model.version("production").version) == ("Production", 2)
    first.stage = None
    assert first.stage == "None"
    model.description, first.description = "flowers", "small"
    model.set_tag("team", "risk")
    first.set_tag("checked", True)
    assert (model.description, first.description, model.tags, first.tags) == (
        "flowers", "small", {"team": "risk"}, {"checked": "True"},
    )  # fmt: skip
    model.delete_tag("team")
    first.delete_tag("checked")
    assert model.tags == first.tags == {}
    for wrong in (lambda: model.set_alias("latest", 1), lambda: model.set_alias("v3", 1)):
        with pytest.raises(skribe.ArgumentError):
            wrong()
    with pytest.raises(skribe.ArgumentError, match="Staging"):
        first.stage = "live"
    with pytest.raises(skribe.NotFound):
        model.set_alias("challenger", 9)


def test_renaming_deleting_and_restoring():
    for depth in (1, 2):
        tree(depth, registered_model_name="iris")
    model = skribe.registered_model("iris")
    model.set_alias("champion", 2)
    model.rename("flowers")
    assert model.name == "flowers"
    assert skribe.load_model("models:/flowers@champion").max_depth == 2
    with pytest.raises(skribe.NotFound):
        skribe.load_model("models:/iris/1")
    second = model.version(2)
    second.delete()
    assert [version.version for version in model.versions] == [1]
    with pytest.raises(skribe.NotFound):
        skribe.load_model("models:/flowers@champion")
    assert skribe.register(tree(3, registered_model_name=None), "flowers").version == 3, "a number is not used again"
    second.restore()
    assert [version.version for version in model.versions] == [1, 2, 3]
    model.delete()
    assert skribe.registered_models() == []
    model.restore()
    assert model.version().load().max_depth == 3


def test_a_registered_stream_stays_what_it_was():
    model = SGDClassifier(random_state=0)
    model.partial_fit(X, y, classes=[0, 1, 2])
    run = skribe.last_run()
    early = model.decision_function(X)
    version = skribe.register(run, "stream")
    for _ in range(5):
        model.partial_fit(X, y)
    later = skribe.register(run, "stream")
    assert (later.version, later.run) == (2, run)
    assert np.array_equal(version.load().decision_function(X), early)
    assert np.array_equal(later.load().decision_function(X), model.decision_function(X))


# --- the command line, after real fits ---------------------------------------------------------------------------


def call(*arguments):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_models_are_listed_with_their_run_and_score():
    run = tree(registered_model_name="iris")
    skribe.registered_model("iris").set_alias("champion", 1)
    line = call("models").splitlines()[1]
    assert line.split()[:4] == ["iris", "1", "champion", run.short_id]
    assert "accuracy" in line


def test_gc_after_runs_were_deleted_leaves_what_is_registered():
    plain, registered = tree(1), tree(2)
    skribe.register(registered, "iris")
    for run in (plain, registered):
        run.delete()
    before = sorted(Path(plain.folder).rglob("*"))
    told = call("gc", "--empty-trash", "--dry-run")
    assert plain.id in told
    assert "the registered model iris 1 needs it" in told
    assert [path for path in sorted(Path(plain.folder).rglob("*")) if path in before] == before
    call("gc", "--empty-trash", "--yes")
    assert not folder_of(plain).exists()
    assert skribe.load_model("models:/iris/1").max_depth == 2
    assert call("gc", "--dry-run").startswith("Nothing to delete.")


def test_the_model_of_a_deleted_run_can_be_had_again_until_gc():
    run = tree()
    run.delete()
    call("gc")
    run.restore()
    assert run.model().max_depth == 2


@pytest.mark.parametrize(
    "keep", [0, {"best": 0, "by": "training_accuracy_score"}, "0 B", "best 1 by lowest fit_cost, 1 B"]
)
def test_registered_models_survive_keep_models(keep):
    first = tree(1, registered_model_name="iris", keep_models=keep)
    tree(2, keep_models=keep)
    last = tree(3, keep_models=keep)
    call("gc", "--keep-models", "0 B", "--yes")
    assert skribe.load_model("models:/iris/1").max_depth == 1
    assert first.models == ["model"]
    assert last.models == []
