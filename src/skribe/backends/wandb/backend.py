"""Weights & Biases: each run of skribe is a run there, under the same id."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from glob import escape
from pathlib import Path
from typing import Any

from skribe.backends.options import check_switches
from skribe.backends.protocol import Capabilities, Outbox
from skribe.backends.wandb.charts import Picture, pictures_of
from skribe.backends.wandb.content import Layout, points_of
from skribe.backends.wandb.place import place_of, resolve
from skribe.backends.wandb.trouble import LOGIN, check_reachable, explained, quiet
from skribe.backends.wandb.writing import Delivery, settings_of, write
from skribe.errors import BackendError, BackendMissing, Misconfigured
from skribe.records import Changes

_PATIENCE = 10.0  # seconds for the server to answer at all
# W&B keeps its runs in one of these, in its folder.
_OWN_FOLDERS = ("wandb", ".wandb")
_GROUPED = frozenset({"search", "cv", "manual"})


class WandBBackend:
    """Sends runs to a project of Weights & Biases, or writes them down for `wandb sync` in offline mode.

    The address is `project`, `entity/project`, or empty: WANDB_ENTITY and WANDB_PROJECT, else the project "skribe".
    A run is sent when it has ended; afterwards only what is new.

    Offline, a run that is delivered again is written again as a whole, and replaces its earlier folder: two folders
    of one run would have its history twice. Online, see `Layout`.
    """

    def __init__(
        self,
        address: str = "",
        *,
        models: bool = True,
        plots: bool = True,
        mode: str | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        if importlib.util.find_spec("wandb") is None:
            raise BackendMissing("the backend 'wandb' needs the package wandb: pip install \"skribe[wandb]\"")
        check_switches("wandb", models=models, plots=plots)
        self._place = place_of(address, mode, folder)
        self._models, self._plots = models, plots
        self._outbox: Outbox | None = None
        self._groups: dict[str, str | None] = {}
        self._links: dict[str, str] = {}

    @staticmethod
    def resolve(address: str) -> str:
        """The address that is meant here: with the entity and the project of the environment, if it has none."""
        return resolve(address)

    @property
    def address(self) -> str:
        return self._place.text

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(live=False, erases=False, runs_at_once=20)

    def open(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._groups.clear()
        if self._place.offline:
            try:
                self._place.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Misconfigured(f"W&B's folder {self._place.folder} cannot be made: {error}") from error
            return
        import wandb

        # Without this W&B would ask for a key on the terminal, and a user who has a run of his own is logged in.
        if wandb.run is None:
            check_reachable(self._place.server or "https://api.wandb.ai", _PATIENCE)
            wandb.setup()  # first, because it says anew what may be printed
            with explained(self.address), quiet(wandb):
                known = wandb.login(prompt=False, verify=True)
            if not known:
                raise Misconfigured(f"there is no API key for W&B here. {LOGIN}")

    def deliver(self, changes: Sequence[Changes]) -> None:
        if self._outbox is None:
            raise BackendError("the W&B backend is not open; call open(outbox) before deliver.")
        for one in changes:
            whole = self._outbox.whole(one.run) or one
            with explained(self.address):
                if self._place.offline:
                    self._write_again(whole)
                else:
                    self._send(whole, one)

    def settle(self) -> None:
        """Each run is complete when `deliver` returns."""

    def close(self) -> None:
        self._outbox = None

    def link(self, run: str) -> str | None:
        """The run's page; None offline, and of a run sent by another process if W&B has chosen the entity."""
        if self._place.offline:
            return None
        if run in self._links or self._place.entity is None:
            return self._links.get(run)
        # A server of one's own has its pages at the address of its API.
        site = self._place.server or "https://wandb.ai"
        return f"{site}/{self._place.entity}/{self._place.project}/runs/{run}"

    # --- the two ways ------------------------------------------------------------------------------------------

    def _write_again(self, whole: Changes) -> None:
        self._remove_folders("offline-run", whole.run)
        points, pictures = points_of(whole), self._pictures(whole)
        layout = Layout().trying(len(points), bool(pictures))
        rows = list(zip(layout.rows(), points, strict=True))
        self._write(whole, Delivery(rows, pictures, layout.charts_row, whole.artifacts, whole.models))
        assert self._outbox is not None
        if self._outbox.remote(whole.run) is None:
            self._outbox.remember({whole.run: self._place.id_of(whole.run)})

    def _send(self, whole: Changes, new: Changes) -> None:
        assert self._outbox is not None
        points, pictures = points_of(whole), self._pictures(whole)
        before, there = Layout.read(self._outbox.remote(whole.run)), self._place.id_of(whole.run)
        pictures = [picture for picture in pictures if picture.digest not in before.charts]
        layout = before.trying(len(points), bool(pictures))
        self._outbox.remember({whole.run: layout.write(there)})
        rows = list(zip(layout.rows(), points, strict=False))[before.arrived :]
        try:
            url = self._write(whole, Delivery(rows, pictures, layout.charts_row, new.artifacts, new.models))
        finally:
            # What has arrived is there, and what has not is sent again from the local store.
            self._remove_folders("run", whole.run)
        done = layout.done(len(points), (picture.digest for picture in pictures))
        self._outbox.remember({whole.run: done.write(there)})
        if url:
            self._links[whole.run] = url

    def _pictures(self, whole: Changes) -> list[Picture]:
        assert self._outbox is not None
        return pictures_of(whole, self._outbox.folder(whole.run)) if self._plots else []

    def _write(self, whole: Changes, delivery: Delivery) -> str | None:
        assert self._outbox is not None
        place = self._place
        where: dict[str, Any] = {
            "entity": place.entity,
            "project": place.project,
            "dir": str(place.folder),
            "mode": "offline" if place.offline else "online",
            "group": self._group_of(whole),
            "settings": settings_of(_PATIENCE),
        }
        return write(whole, delivery if self._models else delivery._replace(models=()), where, self._outbox)

    def _remove_folders(self, kind: str, run: str) -> None:
        for own in _OWN_FOLDERS:
            for old in Path(self._place.folder, own).glob(f"{kind}-*-{escape(run)}"):
                shutil.rmtree(old, ignore_errors=True)

    def _group_of(self, whole: Changes) -> str | None:
        """A search, a cross-validation or a run by hand is one group with all that is inside of it."""
        start = whole.start
        if start is None:
            return None
        if start.parent is not None:
            return self._group_of_parent(start.parent)
        return f"{start.name} {whole.run[-8:]}"[:128] if start.kind in _GROUPED else None

    def _group_of_parent(self, parent: str) -> str | None:
        assert self._outbox is not None
        if parent not in self._groups:
            whole = self._outbox.whole(parent)
            # A fit that has runs inside of it is a group too; as a run of its own it does not know that.
            name = None if whole is None else self._group_of(whole)
            fallback = None if whole is None or whole.start is None else f"{whole.start.name} {parent[-8:]}"[:128]
            self._groups[parent] = name or fallback
        return self._groups[parent]
