"""What can go wrong between here and MLflow, in the words of the protocol.

A server's answer, a broken connection and an exception of MLflow's own all end as one of four: `Unreachable` and
`Misconfigured`, which the shipper knows; `Denied`, which is about one request alone; or nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any, Final

from skribe.backends.targets import without_secrets
from skribe.errors import BackendError, Misconfigured, Unreachable

ABSENT: Final = "RESOURCE_DOES_NOT_EXIST"
EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
INVALID: Final = "INVALID_PARAMETER_VALUE"
NO_SUCH_PAGE: Final = "ENDPOINT_NOT_FOUND"

_NOT_NOW: Final = frozenset({408, 425, 429})
_CODES_OF_USER: Final = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"})
_CODES_OF_REQUEST: Final = frozenset(
    {
        ABSENT,
        EXISTS,
        INVALID,
        NO_SUCH_PAGE,
        "BAD_REQUEST",
        "INVALID_STATE",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "NOT_IMPLEMENTED",
        "FEATURE_DISABLED",
        "MALFORMED_REQUEST",
        "RESOURCE_CONFLICT",
    }
)
_LOGIN: Final = (
    "the user name, password or token: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or"
    " MLFLOW_TRACKING_TOKEN"
)
_CERTIFICATE: Final = (
    "has a certificate that is not trusted here: name the file of its authority in MLFLOW_TRACKING_SERVER_CERT_PATH"
)
_LONGEST: Final = 300
# SQLite, PostgreSQL, MySQL and SQL Server, each in its own words.
_THERE_ALREADY: Final = re.compile(r"IntegrityError|UNIQUE constraint|duplicate key|Duplicate entry", re.IGNORECASE)


class Denied(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """The server has understood one request, and will not do it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{plain(message)} ({code})" if message else code)
        self.code = code
        self.message = message

    @property
    def is_there_already(self) -> bool:
        """Whether the server's database has such a row already, which its server did not look for or saw too late."""
        return _THERE_ALREADY.search(self.message) is not None


def plain(text: object) -> str:
    """One line that can be put into a sentence: without secrets, without a full stop, and not too long."""
    line = without_secrets(" ".join(str(text).split())).rstrip(". ")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def check(response: Any, where: str) -> None:
    """Raise what the status of an HTTP answer means; return if it is a good one."""
    status = int(response.status_code)
    if status < 300:
        return
    body = parsed(response)
    if status == 407:
        raise Misconfigured(f"The proxy on the way to MLflow at {where} asks for a user and a password")
    if status in (401, 403):
        raise Misconfigured(f"The MLflow server at {where} refuses {_LOGIN}")
    if status in _NOT_NOW or (status >= 500 and status != 501):
        said = f": {plain(body['message'])}" if body and body.get("message") else ""
        raise Unreachable(f"The MLflow server at {where} answers with status {status}{said}", wait_of(response))
    if status < 400:
        raise Unreachable(f"The MLflow server at {where} sends us elsewhere (status {status})")
    if body is not None and "error_code" in body:
        raise Denied(str(body["error_code"]), str(body.get("message", "")))
    raise Denied(NO_SUCH_PAGE if status in (404, 405) else f"status {status}", "")


def parsed(response: Any) -> dict[str, Any] | None:
    """The JSON object in an answer; None if it holds anything else."""
    with contextlib.suppress(ValueError):
        body = json.loads(response.text)
        return body if isinstance(body, dict) else None
    return None


def wait_of(response: Any) -> float | None:
    """The seconds that the answer asks to wait."""
    text = response.headers.get("Retry-After")
    if not text:
        return None
    if re.fullmatch(r"\s*\d+(\.\d*)?\s*", text):
        return float(text)
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    return None


def meaning(error: Exception, where: str) -> Exception:
    """What an exception that came out of MLflow means."""
    if isinstance(error, (BackendError, Denied)):
        return error
    causes = tuple(_causes(error))
    names = {each.__name__ for cause in causes for each in type(cause).__mro__}
    said = " ".join(map(str, causes))
    if "CERTIFICATE_VERIFY_FAILED" in said or "SSLCertVerificationError" in names:
        return Misconfigured(f"The MLflow server at {where} {_CERTIFICATE}")
    if names & {"InvalidURL", "InvalidSchema", "MissingSchema", "InvalidUrlException", "LocationParseError"}:
        return Misconfigured(f"{where} is not an address of an MLflow server")
    if names & {"RequestException", "HTTPError", "OperationalError", "InterfaceError", "TimeoutError", "URLError"}:
        return Unreachable(f"MLflow at {where} cannot be reached: {_shortest(causes)}")
    if "MlflowException" in names:
        return _of_mlflow(error, where)
    if isinstance(error, PermissionError):
        return Misconfigured(f"MLflow at {where} may not be written to: {plain(error)}")
    if isinstance(error, (OSError, ConnectionError)):
        return Unreachable(f"MLflow at {where} cannot be reached: {plain(error)}")
    if isinstance(error, (ValueError, OverflowError)):
        return Denied(INVALID, str(error))  # what cannot be put into a request, such as half a character
    if isinstance(error, ImportError):
        return Misconfigured(f"MLflow at {where} needs a package that is not installed here: {plain(error)}")
    return error


def _of_mlflow(error: Exception, where: str) -> Exception:
    code, message = str(getattr(error, "error_code", "")), str(getattr(error, "message", error))
    if "out-of-date database schema" in message:
        return Misconfigured(f"The database of MLflow at {where} is of another version: run `mlflow db upgrade`")
    if "MLFLOW_ALLOW_FILE_STORE" in message:
        return Misconfigured(
            f"This version of MLflow writes to the folder {where} only if MLFLOW_ALLOW_FILE_STORE=true is set;"
            " a database is the better choice: sqlite:///mlflow.db"
        )
    if code in _CODES_OF_USER:
        return Misconfigured(f"MLflow at {where} refuses {_LOGIN}")
    if code in _CODES_OF_REQUEST:
        return Denied(code, message)
    return Unreachable(f"MLflow at {where} has an error of its own: {plain(message)}")


def _causes(error: BaseException | None) -> Any:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        # What `requests` wraps is an argument of it, and not always its cause.
        inside = [each for each in (*one.args, getattr(one, "reason", None)) if isinstance(each, BaseException)]
        waiting += [one.__cause__, one.__context__, *inside]


_REASONS: Final = (
    ("NameResolutionError", "its name is not known here"),
    ("gaierror", "its name is not known here"),
    # urllib3 counts every connection that failed as one that came too late, so the others are asked first.
    ("ConnectionRefusedError", "the connection was refused"),
    ("ProxyError", "the proxy does not let us through"),
    ("SSLError", "no secure connection came about"),
    ("ConnectionResetError", "the connection was cut"),
    ("RemoteDisconnected", "the connection was cut"),
    ("ProtocolError", "the connection was cut"),
    ("ChunkedEncodingError", "the connection was cut"),
    ("ReadTimeoutError", "it did not answer in time"),
    ("ReadTimeout", "it did not answer in time"),
    ("ConnectTimeoutError", "no connection came about in time"),
    ("Timeout", "it did not answer in time"),
)


def _shortest(causes: tuple[BaseException, ...]) -> str:
    names = {each.__name__ for cause in causes for each in type(cause).__mro__}
    for name, words in _REASONS:
        if name in names:
            return words
    return plain(causes[0])
