"""Active runs and experiments of MLflow: what is seen where `fit` is called, and what the backend makes of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from dataclasses import replace

import mlflow
import pytest
from sklearn.dummy import DummyClassifier

from skribe.backends.mlflow import MLflowBackend, ambient, run_id_of
from skribe.backends.mlflow.address import shown
from skribe.backends.mlflow.trouble import plain
from skribe.backends.mlflow.values import _origin
from skribe.errors import ArgumentError, BackendMissing

from .conftest import MARKS, written

pytestmark = MARKS
X, Y = [[0], [1], [2], [3]], [0, 1, 0, 1]


@pytest.fixture(autouse=True)
def no_mlflow_around(monkeypatch):
    for name in list(os.environ):
        if name.startswith("MLFLOW_") and name != "MLFLOW_DISABLE_TELEMETRY":
            monkeypatch.delenv(name)
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    monkeypatch.setattr(ambient, "_taken", ambient._Taken())


@pytest.fixture
def at_server(server, monkeypatch):
    """The user works with MLflow, too."""
    mlflow.set_tracking_uri(server)
    yield mlflow.MlflowClient(server)
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)


@pytest.fixture
def backend(server, outbox):
    backend = MLflowBackend(server, plots=False, models=False)
    backend.open(outbox)
    return backend


def fitted_here(number=-1):
    """A fit whose run begins here and now."""
    DummyClassifier().fit(X, Y)
    changes = written()[number]
    return replace(changes, tags={**changes.tags, **ambient.ambient()})


def test_nothing_is_active():
    assert set(ambient.ambient()) == {ambient.SOURCE}


def test_the_first_takes_the_active_run_and_others_become_its_children(at_server):
    with mlflow.start_run() as run:
        first, second = ambient.ambient(), ambient.ambient()
    assert first[ambient.RUN] == second[ambient.PARENT] == run.info.run_id
    assert ambient.RUN not in second
    assert first[ambient.EXPERIMENT_ID] == run.info.experiment_id


def test_a_nested_run_is_another_run(at_server):
    with mlflow.start_run(), mlflow.start_run(nested=True) as inner:
        assert ambient.ambient()[ambient.RUN] == inner.info.run_id


def test_only_one_thread_takes_it(monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "a" * 32)
    found = []
    threads = [threading.Thread(target=lambda: found.append(ambient.RUN in ambient.ambient())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False] * 7 + [True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_takes_nothing():
    code = (
        "import os, sys\nfrom skribe.backends.mlflow.ambient import PARENT, RUN, ambient\n"
        "if os.fork() == 0:\n    tags = ambient()\n    os._exit(0 if PARENT in tags and RUN not in tags else 3)\n"
        "child = os.waitstatus_to_exitcode(os.wait()[1])\n"
        "sys.exit(child or (0 if RUN in ambient() else 4))"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "MLFLOW_RUN_ID": "b" * 32}, check=False)
    assert done.returncode == 0


def test_neither_asking_nor_the_constructor_imports_mlflow():
    code = (
        "import sys\nfrom skribe.backends.mlflow import MLflowBackend\n"
        "MLflowBackend('http://localhost:5000')\nMLflowBackend.ambient()\nMLflowBackend.resolve('')\n"
        "sys.exit('mlflow' in sys.modules or 'requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_active_run_is_adopted_and_left_to_its_owner(on, backend, at_server, outbox):
    with mlflow.start_run(run_name="mine") as run:
        mlflow.log_param("strategy", "of the user")
        first = fitted_here()
        backend.deliver([first])
        second = fitted_here()
        backend.deliver([second])
        during = at_server.get_run(run.info.run_id)
        assert during.info.status == "RUNNING"
    adopted = at_server.get_run(run.info.run_id)
    assert adopted.info.run_name == "mine"
    assert adopted.data.params["strategy"] == "of the user"
    assert adopted.data.params["random_state"] == "None"
    assert "training_accuracy_score" in adopted.data.metrics
    assert adopted.data.tags["skribe.run_id"] == first.run
    assert run_id_of(outbox.remotes[first.run]) == run.info.run_id
    child = at_server.get_run(run_id_of(outbox.remotes[second.run]))
    assert child.data.tags["mlflow.parentRunId"] == run.info.run_id
    assert child.info.status == "FINISHED"
    assert [(run, what) for run, what, _ in outbox.aside] == [(first.run, "param strategy")]
    assert not any(key.startswith("skribe.mlflow.") for key in {**adopted.data.tags, **child.data.tags})
    backend.deliver([replace(second, erased=(first.run,))])
    assert at_server.get_run(run.info.run_id).info.lifecycle_stage == "active"


def test_a_run_that_another_process_has_taken_is_not_taken_again(on, backend, at_server, outbox, monkeypatch):
    with mlflow.start_run() as run:
        at_server.set_tag(run.info.run_id, "skribe.run_id", "another")
        changes = fitted_here()
        backend.deliver([changes])
    assert run_id_of(outbox.remotes[changes.run]) != run.info.run_id


def test_ids_of_another_mlflow_mean_nothing(on, backend, server, outbox, tmp_path):
    mlflow.set_tracking_uri(server)
    try:
        with mlflow.start_run() as run:
            changes = fitted_here()
    finally:
        mlflow.set_tracking_uri(None)
    elsewhere = {**changes.tags, ambient.ADDRESS: "http://elsewhere:5000"}
    backend.deliver([replace(changes, tags=elsewhere)])
    assert run_id_of(outbox.remotes[changes.run]) != run.info.run_id


def test_the_experiment_that_is_chosen_counts_where_none_is_named(on, backend, at_server, outbox, monkeypatch):
    chosen = mlflow.set_experiment("chosen here")
    changes = fitted_here()
    backend.deliver([changes])
    named = replace(fitted_here(), start=replace_start(changes, "named by the user"))
    backend.deliver([named])
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    os.environ.pop("MLFLOW_EXPERIMENT_ID")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "by name")
    third = fitted_here()
    backend.deliver([third])
    names = [
        at_server.get_experiment(at_server.get_run(run_id_of(outbox.remotes[c.run])).info.experiment_id).name
        for c in (changes, named, third)
    ]
    assert names == [chosen.name, "named by the user", "by name"]


def replace_start(changes, experiment):
    return changes.start._replace(experiment=experiment)


def test_an_experiment_that_is_not_there_is_replaced_by_the_default(on, backend, at_server, outbox):
    changes = fitted_here()
    backend.deliver([replace(changes, tags={**changes.tags, ambient.EXPERIMENT_ID: "987654"})])
    run = at_server.get_run(run_id_of(outbox.remotes[changes.run]))
    assert at_server.get_experiment(run.info.experiment_id).name == "Default"
    assert run.info.status == "FINISHED"


# -- addresses


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://host:5000", "http://host:5000"),
        ("sqlite:///mlflow.db", "sqlite:///{here}/mlflow.db"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("folder/runs", "file://{here}/folder/runs"),
        ("file:///data/runs", "file:///data/runs"),
        ("postgresql://ada:secret@host/db", "postgresql://ada:secret@host/db"),
        ("databricks", "databricks"),
    ],
)
def test_an_address_is_absolute(given, meant, tmp_path):
    assert MLflowBackend.resolve(given) == meant.format(here=tmp_path)


def test_without_an_address_it_is_where_mlflow_would_go(tmp_path, monkeypatch, request):
    code = (
        "import sys\nfrom skribe.backends.mlflow import MLflowBackend\nalone = MLflowBackend.resolve('')\n"
        "import mlflow\nprint(alone, MLflowBackend.resolve(mlflow.get_tracking_uri()))"
    )

    def said(**env):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, env={**os.environ, **env}
        )
        return done.stdout.split()

    alone, theirs = said()
    assert alone == theirs == f"sqlite:///{tmp_path}/mlflow.db"
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    alone, theirs = said()
    assert alone == theirs == f"file://{tmp_path}/mlruns"
    assert said(MLFLOW_TRACKING_URI="http://there:1") == ["http://there:1"] * 2


def test_what_mlflow_was_told_in_this_process_counts(server):
    mlflow.set_tracking_uri(server)
    try:
        assert MLflowBackend().address == server
    finally:
        mlflow.set_tracking_uri(None)


@pytest.mark.parametrize("address", ["localhost:5000", "http://", "ftp://host", "sqlite:///", "http://host:port"])
def test_nonsense_is_refused_at_once(address):
    with pytest.raises(ArgumentError, match=r"http://host:5000|sqlite:///mlflow\.db"):
        MLflowBackend(address)


@pytest.mark.parametrize(
    ("address", "as_shown"),
    [
        ("postgresql://ada:HUNTER2@host/db?password=HUNTER2", "postgresql://host/db"),
        ("postgresql://ada:pa/HUNTER2@host/db", "postgresql://host/db"),
        ("http://ada:p@HUNTER2@host", "http://host"),
        ("http://ada:pa HUNTER2@host", "http://host"),
        ("https://HUNTER2@host:5000/", "https://host:5000"),
        ("sqlite:////data/me@work/mlflow.db?key=HUNTER2", "sqlite:////data/me@work/mlflow.db"),
        ("/data/me@work/runs", "file:///data/me%40work/runs"),
    ],
)
def test_secrets_are_not_shown(address, as_shown):
    assert MLflowBackend(address).address == as_shown


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:12/HUNTER2@host",
        "http://ada:pa?HUNTER2@host",
        "http://ada:pa#HUNTER2@host",
        "postgresql://ada:pa?HUNTER2@host/db",
        "postgresql://ada:pa@HUNTER2@host/db",
        "postgresql://ada:pa@host/db?password=x@HUNTER2",
        "ada:HUNTER2@host:5000",
        "ftp://ada:HUNTER2@host",
        "http://ada:HUNTER2@host:port",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_secrets(address):
    with pytest.raises(ArgumentError) as caught:
        MLflowBackend(address)
    assert not re.search("HUNTER2|12|pa", shown(address))
    assert "HUNTER2" not in str(caught.value)


@pytest.mark.parametrize("password", ["pa/HUNTER2", "p@HUNTER2", "pa HUNTER2", "HUNTER2"])
def test_an_error_of_a_library_shows_no_secret(password):
    shown(f"http://ada:{password}@host")
    said = plain(f"connection to http://ada:{password}@host/x failed.")
    assert "HUNTER2" not in said
    assert said.endswith("failed")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("timeout", value) for value in (0, -1, float("nan"), float("inf"), "20", None, True)),
        *((name, value) for name in ("models", "files") for value in ("no", 1, None)),
        *(("plots", value) for value in ("no", 1, None, "ALL")),
    ],
)
def test_an_option_that_means_nothing_is_refused(option, value):
    with pytest.raises(ArgumentError, match=f"'mlflow' takes .*{option}="):
        MLflowBackend("http://host:5000", **{option: value})


# -- where the code is

KERNEL = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
code = "import subprocess, sys; from skribe.backends.mlflow.ambient import SOURCE, ambient; "
if len(sys.argv) > 1:
    code += f"__vsc_ipynb_file__ = {sys.argv[1]!r}; "
code += "print(ambient()[SOURCE]); print(subprocess.run([sys.executable, '-c', 'from skribe.backends.mlflow.ambient"
code += " import *; print(ambient()[SOURCE])'], capture_output=True, text=True).stdout)"
def show(message):
    if message["msg_type"] in ("stream", "error"):
        print(message["content"].get("text") or message["content"])
client.execute_interactive(code, output_hook=show, timeout=60)
client.stop_channels()
manager.shutdown_kernel(now=True)
"""


@pytest.mark.parametrize(
    ("editor", "environment", "name"),
    [
        ([], {"JPY_SESSION_NAME": "/work/of jupyter.ipynb"}, "of jupyter.ipynb"),
        (["/work/of code.ipynb"], {}, "of code.ipynb"),
        ([], {}, "ipykernel_launcher.py"),
    ],
)
def test_a_notebook_is_named_where_its_name_is_known(editor, environment, name):
    pytest.importorskip("ipykernel")
    around = {k: v for k, v in os.environ.items() if k not in ("JPY_SESSION_NAME", "IPYNB_FILE", "__vsc_ipynb_file__")}
    command = [sys.executable, "-W", "ignore", "-c", KERNEL, *editor]
    done = subprocess.run(command, capture_output=True, text=True, env={**around, **environment}, check=False)
    # A kernel sends what is printed in one message or in several.
    notebook, script = (line for line in done.stdout.splitlines() if line)
    assert notebook.endswith(name), done.stderr
    assert script == "-c"  # what a notebook starts is no notebook
    assert _origin(notebook)["mlflow.source.type"] == "NOTEBOOK"
    assert _origin(script)["mlflow.source.type"] == "LOCAL"


def test_without_the_package_the_command_is_named(monkeypatch):
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name == "mlflow" else find(name, *more)
    )
    with pytest.raises(BackendMissing, match=r'pip install "skribe\[mlflow\]"'):
        MLflowBackend("http://host:5000")
