"""What MLflow has written comes over: from a real database and a real folder, which stay as they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import skribe
from skribe.errors import BackendMissing
from skribe.exchange import import_runs
from skribe.exchange.mlflow.importing import _each_once, _Found
from skribe.exchange.mlflow.places import Places
from skribe.exchange.mlflow.translating import local_id, own_id, type_of

pytestmark = pytest.mark.thirdparty

SCRIPT = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow, mlflow.sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("iris")
X, y = load_iris(return_X_y=True, as_frame=True)
mlflow.sklearn.autolog(log_models=False, silent=True)
with mlflow.start_run(run_name="one", tags={"team": "fraud"}) as run:
    model = LogisticRegression(max_iter=300).fit(X, y)
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metric("odd", float("nan"))
    mlflow.log_params({"word": "007", "flag": "True"})
    mlflow.log_text("hello", "notes/hello.txt")
    how = {"pip_requirements": ["scikit-learn"], "serialization_format": "cloudpickle"}
    mlflow.sklearn.log_model(model, name="model", **how)
GridSearchCV(LogisticRegression(max_iter=300), {"C": [0.1, 1]}, cv=2).fit(X, y)
mlflow.sklearn.autolog(disable=True)
with mlflow.start_run(run_name="to be deleted") as gone:
    pass
mlflow.MlflowClient().delete_run(gone.info.run_id)
try:
    with mlflow.start_run(run_name="bad"):
        raise ValueError
except ValueError:
    pass
open_run = mlflow.MlflowClient().create_run("0", run_name="goes on")
print(run.info.run_id)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """MLflow's database and MLflow's folder, each with the id of the run `one` in it."""
    pytest.importorskip("mlflow", reason="needs the 'thirdparty' extra")
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "make.py").write_text(SCRIPT)
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    processes = {}
    for kind, name, address in (
        ("database", "mlflow.db", f"sqlite:///{folder / 'a' / 'mlflow.db'}"),
        ("folder", "mlruns", str(folder / "b" / "mlruns")),
    ):
        home = folder / ("a" if kind == "database" else "b")
        home.mkdir()
        command = [sys.executable, str(folder / "make.py"), address]
        processes[kind] = (
            home / name,
            subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True),
        )
    found = {}
    for kind, (source, process) in processes.items():
        out, _ = process.communicate(timeout=200)
        assert process.returncode == 0
        found[kind] = (source, out.split()[-1])
    return found


@pytest.fixture(params=["database", "folder"])
def source(request: pytest.FixtureRequest, made: dict[str, tuple[Path, str]]) -> SimpleNamespace:
    path, run = made[request.param]
    return SimpleNamespace(path=path, run=run, kind=request.param)


def state_of(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    } | {str(path.relative_to(folder)): ("folder", 0) for path in folder.rglob("*") if path.is_dir()}


def one(source: SimpleNamespace) -> skribe.Run:
    found = skribe.runs(where=f"tags['mlflow.run_id'] == '{source.run}'", store="here")
    return skribe.get_run(found["run_id"].iloc[0], store="here")


def test_runs_come_over(source):
    before, environment = state_of(source.path.parent), dict(os.environ)
    come = import_runs(source.path, store="here")
    assert (come.new, come.known) == (6, 0)
    assert state_of(source.path.parent) == before
    assert dict(os.environ) == environment
    table = skribe.runs(children=True, store="here").set_index("name")
    run = one(source)
    assert (run.name, run.kind, run.status, run.experiment) == ("one", "fit", "finished", "iris")
    assert run.params["C"] == 1.0
    assert (run.params["word"], run.params["flag"], run.params["class_weight"]) == ("007", True, None)
    assert run.metrics["loss"] == 1 / 3
    assert list(run.history("loss")["step"]) == [0, 1, 2]
    assert list(run.history("loss")["value"]) == [1.0, 0.5, 1 / 3]
    assert run.metrics["odd"] != run.metrics["odd"]
    assert 0.9 < run.metrics["training_accuracy_score"] <= 1
    assert run.tags["team"] == "fraud"
    assert run.tags["mlflow.run_id"] == source.run
    assert "mlflow.log-model.history" not in run.tags
    assert "notes/hello.txt" in run.artifacts
    assert table.loc["bad", "status"] == "failed"
    assert table.loc["goes on", "status"] == "running"
    assert table.loc["goes on", "experiment"] == "default"
    assert "to be deleted" not in table.index
    search = skribe.get_run(skribe.runs(kind="search", store="here")["run_id"].iloc[0], store="here")
    assert [child.kind for child in search.children] == ["candidate", "candidate"]
    assert "cv_results.csv" in search.artifacts


def test_values_are_those_that_mlflow_tells(source):
    import_runs(source.path, store="here")
    code = (
        "import sys, json, mlflow; run = mlflow.MlflowClient(sys.argv[1]).get_run(sys.argv[2]);"
        "print(json.dumps([run.data.params, run.data.metrics, run.info.start_time, run.info.end_time]))"
    )
    address = f"sqlite:///{source.path}" if source.kind == "database" else str(source.path)
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, address, source.run],
        capture_output=True, text=True, check=True, env={**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"},
    )  # fmt: skip
    import json

    params, metrics, start, end = json.loads(told.stdout.splitlines()[-1])
    run = one(source)
    assert {key: str(value) for key, value in run.params.items()} == params
    assert {key: value for key, value in run.metrics.items() if key != "odd"} == {
        key: value for key, value in metrics.items() if key != "odd"
    }
    assert run.start.timestamp() == pytest.approx(start / 1000, abs=1e-6)
    assert run.end.timestamp() == pytest.approx(end / 1000, abs=1e-6)


def test_models_load_when_they_are_trusted(source):
    import_runs(source.path, store="here")
    run = one(source)
    with pytest.raises(skribe.ModelRefused, match=r"from MLflow, or .* run\.model\(trusted=True\) or load_model"):
        run.model()
    assert run.model(trusted=True).max_iter == 300
    model = skribe.load_model(f"runs:/{run.id}/model", store="here", trusted=True)
    assert model.max_iter == 300
    assert model.classes_.tolist() == [0, 1, 2]


def test_importing_twice_changes_nothing_and_the_deleted_come_when_they_are_wanted(source):
    import_runs(source.path, store="here")
    shutil.copytree("here", "before")
    again = import_runs(source.path, store="here")
    assert (again.new, again.completed, again.known, again.files) == (0, 0, 6, 0)
    assert (skribe.runs(store="here", children=True).equals(skribe.runs(store="before", children=True))) is True
    assert import_runs(source.path, store="here", deleted=True, dry_run=True).new == 1
    assert import_runs(source.path, store="here", deleted=True).new == 1


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store, and the database of MLflow's to which its runs were delivered."""
    pytest.importorskip("mlflow", reason="needs the 'thirdparty' extra")
    folder = tmp_path_factory.mktemp("sent")
    environment = {**os.environ, "SKRIBE_STORE": str(folder / "store"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    code = (
        "import skribe; from sklearn.datasets import load_iris; from sklearn.model_selection import GridSearchCV\n"
        "from sklearn.linear_model import LogisticRegression\n"
        f"skribe.autolog(backend='mlflow:sqlite:///{folder / 'mlflow.db'}', silent=True)\n"
        "GridSearchCV(LogisticRegression(max_iter=300), {'C': [0.1, 1]}, cv=2).fit(*load_iris(return_X_y=True))\n"
        "assert skribe.flush(120)\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=folder, env=environment, check=True)
    return folder / "store", folder / "mlflow.db"


def test_runs_that_skribe_had_sent_are_known(sent):
    store, database = sent
    shutil.copytree(store, "here")
    come = import_runs(database, store="here")
    assert (come.new, come.completed, come.known, come.files) == (0, 0, 3, 0)
    assert skribe.runs(store="here", children=True).equals(skribe.runs(store=store, children=True))


def test_a_store_that_was_lost_comes_back_under_its_ids(sent):
    store, database = sent
    assert import_runs(database, store="here").new == 3
    columns = ["run_id", "name", "kind", "status", "experiment", "parent_id"]
    ours, back = (skribe.runs(store=one, children=True)[columns] for one in (store, "here"))
    assert back.sort_values("run_id").to_dict("list") == ours.sort_values("run_id").to_dict("list")
    again = import_runs(database, store="here")
    assert (again.new, again.completed, again.known) == (0, 0, 3)


def test_a_copied_tag_does_not_make_two_runs_one():
    def found(run_id: str, start: int) -> _Found:
        return _Found(run_id, "e", start, None, "01a2b3c4-0000-7000-8000-000000000000")

    first, then = _each_once([found("b" * 32, 2_000), found("a" * 32, 1_000)])
    assert (first.run_id, first.here) == ("a" * 32, "01a2b3c4-0000-7000-8000-000000000000")
    assert then.here == local_id("b" * 32, 2_000)
    assert own_id({"skribe.run_id": "../../etc"}) is None


def test_a_source_that_was_moved_keeps_its_files(source, own_folder):
    shutil.copytree(source.path.parent, "moved")
    hidden = source.path.parent.with_name(f"{source.path.parent.name}-hidden")
    source.path.parent.rename(hidden)
    try:
        import_runs(Path("moved") / source.path.name, store="here")
        run = one(source)
        assert "notes/hello.txt" in run.artifacts
        assert skribe.load_model(f"runs:/{run.id}/model", store="here", trusted=True).max_iter == 300
    finally:
        hidden.rename(source.path.parent)


def test_an_older_database_is_brought_up_to_date_in_a_copy(made, own_folder):
    source, _ = made["database"]
    shutil.copyfile(source, "old.db")
    code = (
        "import sys; from mlflow.store.db.utils import create_sqlalchemy_engine, _get_alembic_config;"
        "from alembic import command; engine = create_sqlalchemy_engine('sqlite:///old.db');"
        "config = _get_alembic_config('sqlite:///old.db'); connection = engine.connect();"
        "config.attributes['connection'] = connection; command.downgrade(config, '-1'); connection.commit()"
    )
    down = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    if down.returncode:
        pytest.skip("this version of MLflow cannot make an older schema")
    before = Path("old.db").read_bytes()
    assert before != source.read_bytes()
    assert import_runs("old.db", store="here").new == 6
    assert Path("old.db").read_bytes() == before


def test_models_of_mlflow_2_lie_among_the_artifacts(made, own_folder):
    """There a model is a folder of the run's own, and nothing else tells of it."""
    source, run = made["folder"]
    shutil.copytree(source, "mlruns")
    home = next(Path("mlruns").glob(f"*/{run}"))
    shutil.rmtree(home / "outputs")
    model = next(Path("mlruns").glob("*/models/*/artifacts/MLmodel")).parent
    shutil.copytree(model, home / "artifacts" / "deep" / "classifier")
    import_runs("mlruns", store="here")
    found = skribe.runs(where=f"tags['mlflow.run_id'] == '{run}'", store="here")["run_id"].iloc[0]
    assert skribe.load_model(f"runs:/{found}/deep/classifier", store="here", trusted=True).max_iter == 300


def test_what_is_not_mlflows_is_refused(made, own_folder):
    Path("empty").mkdir()
    with pytest.raises(skribe.ArgumentError, match="holds no experiments"):
        import_runs("empty", store="here")
    folder, _ = made["folder"]
    with pytest.raises(skribe.ArgumentError, match=r"did you mean .*mlruns"):
        import_runs(folder.parent, store="here")
    skribe.experiment("e", create=True, store="mine")
    with pytest.raises(skribe.ArgumentError, match="is a store"):
        import_runs("mine", store="here")
    with pytest.raises(skribe.ArgumentError, match="not one of MLflow's"):
        import_runs("mine/skribe.db", store="here")
    assert not Path("here").exists()


def test_without_mlflow_the_command_that_installs_it_is_told(made, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendMissing, match=r'pip install "skribe\[mlflow\]"'):
        import_runs(made["database"][0], store="here")


# -- the parts


def test_ids_are_always_the_same_and_sort_by_their_start():
    first, then = local_id("a" * 32, 1_000), local_id("b" * 32, 2_000)
    assert first == local_id("a" * 32, 1_000) != local_id("c" * 32, 1_000)
    assert first < then
    assert len(first) == 36
    assert first[14] == "7"


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("None", "none"), ("True", "bool"), ("3", "int"), ("-3", "int"), ("007", "str"), ("1.5", "float"),
        ("1e-05", "float"), ("nan", "float"), ("-inf", "float"), ("1_000", "str"), ("", "str"), ("٣", "str"),
        ("infinity", "str"), ("0x10", "str"), ("1.", "float"), ("l2", "str"),
    ],
)  # fmt: skip
def test_texts_become_values(text, type_):
    assert type_of(text) == type_


def test_only_folders_of_the_run_itself_are_believed(own_folder):
    secret = own_folder / "ssh"
    (secret / "artifacts").mkdir(parents=True)
    places = Places(own_folder / "mlflow.db", True)
    assert places.find(str(secret / "artifacts"), "ssh") == secret / "artifacts"
    assert places.find(str(secret / "artifacts"), "abc") is None
    assert places.find(str(secret), "ssh") is None
    assert places.find(f"{own_folder}/x/../ssh/artifacts", "ssh") is None
    assert places.find("s3://user:secret@bucket/1/ssh/artifacts", "ssh") is None
    (own_folder / "mlartifacts" / "1" / "abc" / "artifacts").mkdir(parents=True)
    assert places.find("mlflow-artifacts:/1/abc/artifacts", "abc") is not None
