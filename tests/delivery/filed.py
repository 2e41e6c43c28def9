"""A backend for tests: it keeps runs as JSON files in a folder, and does what a file `mode` in it says."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from skribe.backends import Capabilities, Misconfigured, Refused, Unreachable


class Filed:
    def __init__(self, address="", *, live=True, note=""):
        self.address = address
        self.folder = Path(address.split("@")[-1])
        self.capabilities = Capabilities(live=live, erases=True, runs_at_once=7)

    def open(self, outbox):
        self.outbox = outbox
        self.folder.mkdir(parents=True, exist_ok=True)
        self._obey("open")

    def _obey(self, where):
        try:
            mode = (self.folder / "mode").read_text()
        except OSError:
            return ""
        if mode == "down" or mode == f"down in {where}":
            raise Unreachable("it is down at http://me:secret@host/")
        if mode == "misconfigured":
            raise Misconfigured("it wants another password")
        if mode == "hangs":
            time.sleep(3600)
        if mode == "broken":
            raise ZeroDivisionError("broken")
        return mode

    def deliver(self, changes):
        mode = self._obey("deliver")
        with open(self.folder / "calls", "a") as file:
            file.write(f"{os.getpid()} {' '.join(each.run for each in changes)}\n")
        if mode == "prints":
            print("x" * 200_000, flush=True)
            print("y" * 200_000, flush=True, file=sys.stderr)
        for each in changes:
            if mode == "slow":
                time.sleep(0.05)
            self._keep(each, mode)
        if mode == "dies":
            os._exit(9)
        if mode == "unreachable afterwards":
            raise Unreachable("the answer was lost")

    def _keep(self, changes, mode):
        path = self.folder / f"{changes.run}.json"
        known = json.loads(path.read_text()) if path.exists() else None
        name = known["name"] if known else changes.start and changes.start.name
        if mode == f"has no answer for {name}":
            raise Unreachable("it answers 500")
        if known is None:
            assert changes.start is not None, "a run that was never begun"
            if mode == f"refuses {changes.start.name}":
                raise Refused("it may not have this name")
            if mode == f"stumbles over {changes.start.name}":
                raise ValueError("odd")
            parent = changes.start.parent
            assert parent is None or not self.capabilities.live or (self.folder / f"{parent}.json").exists()
            known = {
                "name": changes.start.name,
                "parent": parent,
                "params": {},
                "metrics": [],
                "tags": {},
                "status": "running",
            }
        known["params"].update({param.key: param.value for param in changes.params})
        for metric in changes.metrics:
            if list(metric) not in known["metrics"]:
                known["metrics"].append(list(metric))
        known["tags"].update(changes.tags)
        if changes.end is not None:
            known["status"] = changes.end.status
        for run in changes.erased:
            (self.folder / f"{run}.json").unlink(missing_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(known))
        os.replace(beside, path)

    def settle(self):
        self._obey("settle")

    def close(self):
        pass

    def link(self, run):
        return None
