"""What lies between here and the server: certificates, proxies, clocks, and MLflow's own way of running a project."""

from __future__ import annotations

import datetime
import http.client
import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import skribe
from skribe.backends.mlflow import MLflowBackend
from skribe.errors import Misconfigured

from .conftest import MARKS, written
from .proxy import Answer, Proxy

pytestmark = MARKS
X, Y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]


@pytest.fixture
def certificate(tmp_path) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    import ipaddress

    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def encrypted(proxy, certificate) -> str:
    """The server behind TLS."""
    front = Proxy(proxy.address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    front._server.socket = context.wrap_socket(front._server.socket, server_side=True)
    yield front.address.replace("http:", "https:")
    front.close()


def test_a_certificate_that_does_not_verify_is_said_with_what_to_do(encrypted, outbox):
    host = urlsplit(encrypted).netloc
    backend = MLflowBackend(f"https://me:secret@{host}")
    with pytest.raises(Misconfigured, match="MLFLOW_TRACKING_SERVER_CERT_PATH") as caught:
        backend.open(outbox)
    assert host in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_certificate_that_is_named_is_trusted(encrypted, certificate, outbox, on, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    fit_one()
    backend = MLflowBackend(encrypted)
    backend.open(outbox)
    backend.deliver(written())
    assert len(outbox.remotes) == 1
    assert outbox.aside == []


class Forward(BaseHTTPRequestHandler):
    """A proxy as companies have them: it is asked for whole addresses."""

    asked: list[str]

    def handle_any(self) -> None:
        self.asked.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        there = urlsplit(self.path)
        connection = http.client.HTTPConnection("127.0.0.1", there.port)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("accept-encoding", "host")}
        connection.request(self.command, f"{there.path}?{there.query}", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def log_message(self, *args: object) -> None:
        pass


def test_a_proxy_is_used(proxy, outbox, on, monkeypatch):
    handler = type("Handler", (Forward,), {"asked": []})
    forward = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=forward.serve_forever, daemon=True).start()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{forward.server_port}")
    monkeypatch.setenv("no_proxy", "")
    fit_one()
    try:
        port = urlsplit(proxy.address).port
        backend = MLflowBackend(f"http://tracking.example:{port}")
        backend.open(outbox)
        backend.deliver(written())
    finally:
        forward.shutdown()
        forward.server_close()
    assert len(outbox.remotes) == 1
    assert all(path.startswith(f"http://tracking.example:{port}/") for path in handler.asked)


def test_a_server_whose_clock_is_wrong_changes_no_time(proxy, outbox, on):
    late = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 3600))
    seen = []

    def fault(request):
        if not seen and "runs/create" in request.path:
            seen.append(request.path)
            return Answer(503, b"", {"Date": late, "Retry-After": late})
        return None

    fit_one()
    backend = MLflowBackend(proxy.address)
    backend.open(outbox)
    proxy.fault = fault
    with pytest.raises(skribe.SkribeError) as caught:
        backend.deliver(written())
    assert caught.value.retry_after in (None, 0.0)
    backend.deliver(written())
    import mlflow

    run = mlflow.MlflowClient(proxy.address).get_run(next(iter(outbox.remotes.values())).partition("|")[0])
    assert abs(run.info.start_time - skribe.last_run().start.timestamp() * 1000) <= 1


PROJECT = """
name: example
entry_points:
  main:
    parameters:
      C: {type: float, default: 1.0}
    command: "PYTHON train.py {C}"
"""
TRAIN = """
import sys
import skribe
from sklearn.linear_model import LogisticRegression
skribe.autolog(backend="mlflow", silent=True)
X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
LogisticRegression(C=float(sys.argv[1])).fit(X, y)
LogisticRegression(C=7.0).fit(X, y)
assert skribe.flush(60)
print("local", skribe.last_run().id)
"""


@pytest.mark.slow
def test_an_mlproject_logs_into_its_run(proxy, tmp_path):
    import mlflow

    project = tmp_path / "project"
    project.mkdir()
    (project / "MLproject").write_text(PROJECT.replace("PYTHON", sys.executable))
    (project / "train.py").write_text(TRAIN)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": proxy.address, "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-m", "mlflow", "run", str(project), "--env-manager", "local", "-P", "C=0.25"]
    done = subprocess.run(
        [*command, "--experiment-name", "projects"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    client = mlflow.MlflowClient(proxy.address)
    experiment = client.get_experiment_by_name("projects")
    runs = {run.data.params.get("C"): run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"0.25", "7.0"}
    main, second = runs["0.25"], runs["7.0"]
    assert main.data.tags["mlflow.source.type"] == "PROJECT"
    assert "training_accuracy_score" in main.data.metrics
    assert main.info.status == "FINISHED"
    assert second.data.tags["mlflow.parentRunId"] == main.info.run_id


def fit_one() -> None:
    from sklearn.dummy import DummyClassifier

    DummyClassifier().fit(X, Y)
