"""The W&B backend keeps to the contract when it sends, to a small server that answers like W&B's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.backends.wandb_files import number
from tests.backends.wandb_server import ENTITY, PROJECT, Bucket, Server

from skribe.backends.wandb import WandBBackend
from skribe.errors import Misconfigured, Unreachable
from skribe.records import Changes
from skribe.testing import BackendContract, Seen, Sender, TestOutbox, a_child, a_run, a_search
from skribe.testing.samples import curve, merged_metrics, tables_of_a_classifier

wandb = pytest.importorskip("wandb")
pytestmark = pytest.mark.thirdparty


@pytest.fixture(scope="module")
def module_server(tmp_path_factory):
    """A server, and a W&B in this process that knows it: its address is read once, when W&B is set up."""
    own = tmp_path_factory.mktemp("wandb-own")
    server = Server()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CACHE", "CONFIG", "ARTIFACT"):
            patch.setenv(f"WANDB_{name}_DIR", str(own / name.lower()))
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        patch.setenv("WANDB_BASE_URL", server.url)
        patch.setenv("WANDB_API_KEY", "0123456789" * 4)
        wandb.teardown()
        yield server
        wandb.teardown()
    server.stop()


@pytest.fixture
def server(module_server):
    module_server.runs.clear()
    return module_server


def seen_of(bucket: Bucket) -> Seen:
    own = bucket.config["skribe"]
    history: dict[str, list[tuple[int, float]]] = {}
    for row in bucket.history:
        for key, value in row.items():
            if not key.startswith("_") and key != "skribe/step" and not isinstance(value, dict):
                history.setdefault(key, []).append((row["skribe/step"], number(value)))
    words = ("NaN", "Infinity", "-Infinity")
    return Seen(
        name=bucket.told["displayName"],
        status=own["status"],
        parent=own["parent"] or "",
        params={key: str(value) for key, value in bucket.config.items() if key not in ("skribe", "_wandb")},
        metrics={
            key: number(value)
            for key, value in bucket.summary.items()
            if not key.startswith("_") and (isinstance(value, int | float) or value in words)
        },
        tags=own["tags"],
        history=history,
    )


class TestWandBOnline(BackendContract):
    many = 8

    @pytest.fixture(autouse=True)
    def with_server(self, server):
        self.server = server

    def make(self, folder):
        return WandBBackend(f"{ENTITY}/{PROJECT}", mode="online", folder=folder / "wandb-files", models=False)

    def seen(self, folder):
        return {run: seen_of(bucket) for run, bucket in self.server.runs.items()}

    def count(self, folder):
        return len(self.server.runs)


@pytest.fixture
def sender(server, tmp_path):
    backend = WandBBackend(f"{ENTITY}/{PROJECT}", mode="online", folder=tmp_path / "here", models=False)
    outbox = TestOutbox(tmp_path / "outbox")
    backend.open(outbox)
    return Sender(backend, outbox)


def test_charts_and_curves_that_come_later_are_added_once(sender, server):
    first = merged_metrics(replace(a_run(), tables=tables_of_a_classifier()), curve("loss", [0.9, 0.8]))
    sender.send(first)
    sender.send(Changes(run=first.run, metrics=curve("loss", [0.7], 2)))
    sender.backend.deliver(sender.last)
    bucket = server.runs[first.run]
    assert [(row["_step"], row.get("loss")) for row in bucket.history] == [(0, 0.9), (1, 0.8), (2, None), (3, 0.7)]
    assert {"roc/training_table", "confusion_matrix/training_table"} <= set(bucket.history[2])


def test_files_arrive_and_nothing_is_left_in_the_folder(sender, server, tmp_path):
    run = a_run()
    file = sender.outbox.put_file(run.run, "reports/notes.txt", b"hello")
    sender.send(replace(run, artifacts=(file,)))
    assert server.runs[run.run].files["skribe/reports/notes.txt"] == b"hello"
    assert server.runs[run.run].exit_code == 0
    assert list((tmp_path / "here").rglob("run-*")) == []


def test_a_candidate_is_in_the_group_of_its_search_also_if_it_comes_first(sender, server):
    search = a_search()
    child = a_child(search.run)
    sender.outbox.add(search)
    sender.outbox.add(child)
    sender.backend.deliver([child])
    sender.backend.deliver([search])
    groups = {server.runs[run].told["groupName"] for run in (search.run, child.run)}
    assert groups == {f"GridSearchCV {search.run[-8:]}"}


def test_nothing_is_printed_and_the_link_is_the_runs_page(sender, server, capfd):
    run = a_run()
    sender.send(run)
    assert sender.backend.link(run.run) == f"{server.url}/{ENTITY}/{PROJECT}/runs/{run.run}"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("code", "told"), [(403, Misconfigured), (400, Unreachable)])
def test_a_server_that_does_not_take_runs_any_more(sender, server, code, told, monkeypatch):
    monkeypatch.setattr(server, "refuses", code)
    with pytest.raises(told):
        sender.send(a_run())
    monkeypatch.setattr(server, "refuses", None)
    sender.backend.deliver(sender.last)
    assert len(server.runs) == 1
