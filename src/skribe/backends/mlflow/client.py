"""MLflow's own client library, held so that one request is one: our time limit, no retries, errors translated.

Its stores are used, one floor below `MlflowClient`: that one asks the server again for what we know already, and
counts its use for a statistic that is sent elsewhere.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

from skribe.backends.mlflow.address import is_web, shown
from skribe.backends.mlflow.trouble import check, meaning, parsed
from skribe.errors import Unreachable

T = TypeVar("T")
P = ParamSpec("P")

# Beyond that MLflow sends a file in parts, past its server, where the server allows it.
_BIG = 500 << 20
# Bytes in a second that a server may need at least until a file is where it keeps its files.
_SPEED = 1 << 20


class Client:
    """One MLflow: a server, a database or a folder."""

    def __init__(self, address: str, timeout: float) -> None:
        self.address = address
        self.where = shown(address)
        self.timeout = timeout
        self.is_web = is_web(address)
        self._repositories: dict[str, Any] = {}
        self._lock = threading.Lock()

    def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What one call of the library gives; raises what `skribe.backends.mlflow.trouble` knows."""
        try:
            return question(*args, **kwargs)
        except Exception as error:
            meant = meaning(error, self.where)
            if meant is error:
                raise
            raise meant from None

    @cached_property
    def tracking(self) -> Any:
        """The tracking store."""
        return self.ask(self._tracking)

    @cached_property
    def registry(self) -> Any:
        """The store of registered models: MLFLOW_REGISTRY_URI, or the same address."""
        return self.ask(self._registry)

    def _tracking(self) -> Any:
        if self.is_web:
            from mlflow.store.tracking.rest_store import RestStore

            store = RestStore(lambda: _credentials(self.address))

            # Where a request goes is the library's to know; how it is sent is ours.
            def call(api: Any, json_body: str | None = None, endpoint: str | None = None, **_: Any) -> Any:
                usual, method = store._METHOD_TO_INFO[api]
                return self._call(endpoint or usual, method, json_body, api.Response())

            store._call_endpoint = call
            return store
        from mlflow.tracking._tracking_service.utils import _get_store

        return _get_store(self.address, _artifacts_beside(self.address))

    def _registry(self) -> Any:
        address = os.environ.get("MLFLOW_REGISTRY_URI") or self.address
        if not is_web(address):
            from mlflow.tracking._model_registry.utils import _get_store

            return _get_store(address, self.address)
        from mlflow.store.model_registry.rest_store import RestStore

        store = RestStore(lambda: _credentials(address))

        def call(api: Any, json_body: str | None = None, *_: Any, **__: Any) -> Any:
            endpoint, method = store._get_endpoint_from_method(api)
            return self._call(endpoint, method, json_body, store._get_response_from_method(api), address)

        store._call_endpoint = call
        return store

    def _call(self, endpoint: str, method: str, body: str | None, answer: Any, address: str = "") -> Any:
        from mlflow.utils.proto_json_utils import parse_dict

        content = None if body is None else json.loads(body)
        sent = {"params": content} if method == "GET" else {"json": content}
        response = self.send(endpoint, method, address or self.address, **sent)
        found = parsed(response) if response.text.strip() else {}
        if found is None:
            raise Unreachable(f"What answers at {self.where} is no MLflow server: it sends no JSON")
        parse_dict(found, answer)
        return answer

    def send(self, endpoint: str, method: str, address: str, **more: Any) -> Any:
        """One HTTP request, once."""
        from mlflow.utils.rest_utils import http_request

        response = self.ask(
            http_request,
            _credentials(address),
            endpoint,
            method,
            max_retries=0,
            retry_codes=frozenset(),
            raise_on_status=False,
            **{"timeout": self.timeout, **more},
        )
        check(response, self.where)
        return response

    def put(self, place: str, path: str, content: bytes | Path) -> None:
        """Write one file below the root of a run's or a model's artifacts. A file that is there is replaced."""
        if place.startswith("mlflow-artifacts:") and not _is_big(content):
            from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

            full = urlsplit(MlflowArtifactsRepository.resolve_uri(place, self.address))
            root, endpoint = f"{full.scheme}://{full.netloc}", f"{full.path}/{quote(path)}"
            more = {"extra_headers": {"Content-Type": _mime(path)}, "timeout": self.timeout + _size(content) / _SPEED}
            if isinstance(content, bytes):
                self.send(endpoint, "PUT", root, data=content, **more)
            else:
                with open(content, "rb") as file:
                    self.send(endpoint, "PUT", root, data=file, **more)
            return
        folder, _, name = path.rpartition("/")
        if isinstance(content, Path) and content.name == name:
            self.ask(self._repository(place).log_artifact, str(content), folder or None)
            return
        with tempfile.TemporaryDirectory(prefix="skribe-") as own:
            file_here = Path(own, name)
            file_here.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
            self.ask(self._repository(place).log_artifact, str(file_here), folder or None)

    def _repository(self, place: str) -> Any:
        with self._lock:
            if place not in self._repositories:
                from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

                if len(self._repositories) > 100:
                    self._repositories.clear()
                more = {"tracking_uri": self.address} if place.startswith("mlflow-artifacts:") else {}
                self._repositories[place] = self.ask(get_artifact_repository, place, **more)
            return self._repositories[place]


def _credentials(address: str) -> Any:
    """Who we are for this address. An address may hold a user and a password, which go before the environment's."""
    from mlflow.utils.credentials import get_default_host_creds

    return get_default_host_creds(address)


def _artifacts_beside(address: str) -> str | None:
    """Where new experiments of a database in a file keep their artifacts.

    MLflow takes `mlruns` in the current folder. That is the same folder where the address is MLflow's own choice, and
    this process may be in another one.
    """
    if not address.startswith("sqlite"):
        return None
    return str(Path(address.partition(":///")[2].partition("?")[0]).parent / "mlruns")


def _mime(path: str) -> str:
    from mlflow.utils.mime_type_utils import _guess_mime_type

    return str(_guess_mime_type(path.rpartition("/")[2]))


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _is_big(content: bytes | Path) -> bool:
    return isinstance(content, Path) and _size(content) >= _BIG
