"""A server in front of the server: it counts what comes, and does to it what networks do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Fault = Callable[["Request"], "Answer | str | None"]


class Request:
    def __init__(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        self.method, self.path, self.body, self.headers = method, path, body, headers
        self.name = f"{method} {urlsplit(path).path.removeprefix('/api/2.0/')}"


class Answer:
    def __init__(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.status, self.body, self.headers = status, body, headers or {}


class Proxy:
    """`fault` is asked for every request: an Answer is given instead of the server's; "cut" passes it on and cuts the
    connection; "twice" passes it on twice; "late" passes it on a second time after a while; None passes it on."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).netloc
        self.seen: list[str] = []
        self.log: list[tuple[Request, Answer | str | None]] = []
        self.fault: Fault | None = None
        self.later: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        self.seen, self.log, self.fault, self.later = [], [], None, []

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def control(self) -> list[str]:
        return [name for name in self.seen if "mlflow-artifacts" not in name]

    def files(self) -> list[str]:
        return [name for name in self.seen if "mlflow-artifacts" in name]

    def about(self, *words: str) -> list[str]:
        """The requests in which one of the words is, with what was done to them."""
        return [
            f"{request.name}: {fault.status if isinstance(fault, Answer) else fault or 'passed on'}"
            for request, fault in self.log
            if any(word in request.path or word.encode() in request.body for word in words)
        ]

    def _pass_on(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(self.target, timeout=60)
        try:
            connection.request(request.method, request.path, request.body or None, request.headers)
            response = connection.getresponse()
            kept = {k: v for k, v in response.getheaders() if k.lower() in ("content-type", "content-encoding")}
            return Answer(response.status, response.read(), kept)
        finally:
            connection.close()

    def _answer(self, request: Request) -> Answer | None:
        with self._lock:
            self.seen.append(request.name)
            fault = self.fault(request) if self.fault is not None else None
            self.log.append((request, fault))
        if isinstance(fault, Answer):
            return fault
        if fault == "twice":
            self._pass_on(request)
        answer = self._pass_on(request)
        if fault == "late":
            again = threading.Thread(target=lambda: (time.sleep(0.3), self._pass_on(request)))
            again.start()
            self.later.append(again)
        return None if fault == "cut" else answer

    def _handler(proxy) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                dropped = ("host", "connection", "transfer-encoding", "accept-encoding")
                headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
                answer = proxy._answer(Request(self.command, self.path, body, headers))
                if answer is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *args: object) -> None:
                pass

        return Handler
