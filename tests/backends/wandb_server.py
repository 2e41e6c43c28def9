"""A W&B server as small as can be: it takes runs, their history and their files, and says how far a run has come.

It is written from what W&B's client asks. Models are not taken.
"""

from __future__ import annotations

import gzip
import http.server
import json
import re
import threading
from collections import defaultdict
from typing import Any

ENTITY, PROJECT = "team", "churn"


class Bucket:
    """What the server has of one run."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}  # what the last UpsertBucket said
        self.history: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.exit_code: int | None = None

    @property
    def config(self) -> dict[str, Any]:
        told = json.loads(self.told.get("config") or "{}")
        return {key: value["value"] for key, value in told.items()}


class Server(http.server.ThreadingHTTPServer):
    """On loopback. With `refuses`, an HTTP status, it takes no run."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.runs: defaultdict[str, Bucket] = defaultdict(Bucket)
        self.refuses: int | None = None
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no trouble."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def answer(self, operation: str, query: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        """The data that a GraphQL query asks for; None if it is not known here."""
        if operation == "Viewer":
            teams = {"edges": [{"node": {"id": "t", "name": ENTITY}}]}
            viewer = {"id": "u", "entity": ENTITY, "username": "me", "email": "", "flags": "{}", "teams": teams}
            return {"viewer": viewer}
        if operation == "RunResumeStatus":
            return {"model": self._resume(variables["name"])}
        if operation == "UpsertBucket":
            known = variables["name"] in self.runs
            self.runs[variables["name"]].told |= {key: value for key, value in variables.items() if value is not None}
            return {"upsertBucket": {"bucket": self._bucket(variables["name"]), "inserted": not known}}
        if operation == "CreateRunFiles":
            run = variables.get("run") or variables.get("runName")
            files = [{"name": name, "uploadUrl": f"{self.url}/put/{run}/{name}"} for name in variables["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        return None

    def take_stream(self, run: str, told: dict[str, Any]) -> None:
        bucket = self.runs[run]
        for name, part in told.get("files", {}).items():
            lines = [json.loads(line) for line in part["content"]]
            if name == "wandb-history.jsonl":
                bucket.history[part["offset"] :] = lines
            elif name == "wandb-summary.json":
                bucket.summary = lines[-1]
        if told.get("complete"):
            bucket.exit_code = told.get("exitcode")

    def _resume(self, run: str) -> dict[str, Any] | None:
        if run not in self.runs:
            return {"id": "p", "name": PROJECT, "entity": {"id": "e", "name": ENTITY}, "bucket": None}
        return {"id": "p", "name": PROJECT, "entity": {"id": "e", "name": ENTITY}, "bucket": self._bucket(run)}

    def _bucket(self, run: str) -> dict[str, Any]:
        bucket = self.runs[run]
        telemetry = json.dumps({"t": bucket.config.get("_wandb", {}).get("t", {})})
        tail = json.dumps([json.dumps(row) for row in bucket.history[-1:]])
        return {
            "id": f"b-{run}", "name": run, "displayName": bucket.told.get("displayName"), "sweepName": None,
            "description": "", "notes": "", "tags": [], "groupName": bucket.told.get("groupName"), "jobType": "fit",
            "historyLineCount": len(bucket.history), "logLineCount": 0, "eventsLineCount": 0,
            "historyTail": tail, "eventsTail": "[]", "summaryMetrics": json.dumps(bucket.summary),
            "config": bucket.told.get("config") or "{}", "wandbConfig": telemetry, "files": {"edges": []},
            "project": {"id": "p", "name": PROJECT, "entity": {"id": "e", "name": ENTITY}},
        }  # fmt: skip


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._body()
        if self.path.endswith("/graphql"):
            asked = json.loads(body)
            found = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
            operation = asked.get("operationName") or (found[1] if found else "")
            data = self.server.answer(operation, asked["query"], asked.get("variables") or {})
            if self.server.refuses is not None and operation != "Viewer":
                self._say({"data": None, "errors": [{"message": "no"}]}, self.server.refuses)
            elif data is None:
                self._say({"data": None, "errors": [{"message": f"what is {operation}?"}]})
            else:
                self._say({"data": data})
        elif found := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
            self.server.take_stream(found[1], json.loads(body))
            self._say({"exitcode": None, "limits": {}})
        else:
            self._say({})

    def do_PUT(self) -> None:
        _, _, run, name = self.path.split("/", 3)
        self.server.runs[run].files[name] = self._body()
        self._say({})

    def do_HEAD(self) -> None:
        self._say({})

    do_GET = do_HEAD

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def _say(self, told: Any, code: int = 200) -> None:
        text = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass
