"""The W&B backend keeps to the contract, in offline mode."""

from __future__ import annotations

import pytest
from tests.backends.wandb_files import runs_in, seen_of

from skribe.backends.wandb import WandBBackend
from skribe.testing import BackendContract

pytest.importorskip("wandb")
pytestmark = pytest.mark.thirdparty


@pytest.fixture(autouse=True)
def own_wandb(tmp_path, monkeypatch):
    for name in ("DATA", "CACHE", "CONFIG", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "wandb-own" / name.lower()))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")


class TestWandB(BackendContract):
    many = 40

    def make(self, folder):
        return WandBBackend("team/contract", mode="offline", folder=folder)

    def seen(self, folder):
        return {run.record.run_id: seen_of(run) for run in runs_in(folder)}

    def count(self, folder):
        return len(runs_in(folder))
