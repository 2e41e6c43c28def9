"""Who may ask, and what every answer says to the browser.

The page is for the person in front of this machine. Other web pages in the same browser are not: they may send
requests here (CSRF), and with a name of theirs that suddenly means 127.0.0.1 they could even read the answers (DNS
rebinding). So the `Host` must be a name of ours, and whatever comes from another site is turned away.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
ANY_ADDRESS = "*.*.*.*"  # any host that is written as a number: no name can be made to mean it
_NOTEBOOKS = "'self' http://localhost:* http://127.0.0.1:* vscode-webview:"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'"
)
# What a run has brought along: nothing of it may run, load or send anything.
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
# The browser's own viewer would not come up in a sandbox.
_PDF = "default-src 'none'; object-src 'self'; plugin-types application/pdf; style-src 'unsafe-inline'; img-src data:"
_TOKEN = "token"
Refuse = Callable[[Request, "Turned"], Awaitable[Response]]


class Turned(Exception):  # noqa: N818 - it is an answer, not a fault
    """A request that is not answered: the status, what is wrong, and what to do."""

    def __init__(self, code: int, detail: str, todo: str) -> None:
        super().__init__(detail)
        self.code, self.detail, self.todo = code, detail, todo


@dataclass(frozen=True, slots=True)
class Rules:
    """Whom one server answers."""

    hosts: tuple[str, ...] = LOCAL_HOSTS
    port: int | None = None
    token: str | None = None
    embeddable: bool = False

    def policy(self, of_file: bool = False, kind: str | None = None) -> str:
        """The Content-Security-Policy of a page, or of a run's file of this media type."""
        ancestors = _NOTEBOOKS if self.embeddable else "'self'" if of_file else "'none'"
        base = _POLICY
        if of_file:
            base = _PDF if kind == "application/pdf" else _SANDBOX
        return f"{base}; frame-ancestors {ancestors}"

    @property
    def cookie(self) -> str:
        """The name of the cookie. Cookies are shared by all ports of a host, and each server has its own token."""
        return f"skribe-{hashlib.sha256((self.token or '').encode()).hexdigest()[:12]}"


class Guarded:
    """The app, behind its door."""

    def __init__(self, app: ASGIApp, rules: Rules, refuse: Refuse) -> None:
        self.app, self.rules, self.refuse = app, rules, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there is no web socket here

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                _say_what_is_allowed(MutableHeaders(scope=message), self.rules)
            await send(message)

        headers = Headers(scope=scope)
        answer: ASGIApp | None
        try:
            check_host(headers, self.rules)
            check_origin(scope, headers)
            answer = check_token(scope, headers, self.rules)
        except Turned as turned:
            answer = await self.refuse(Request(scope), turned)
        await (answer or self.app)(scope, receive, send_on)


class Hidden:
    """The app below a prefix that nobody can guess. Whoever does not know it finds nothing."""

    def __init__(self, app: ASGIApp, prefix: str, rules: Rules) -> None:
        self.app, self.rules, self.prefix = app, rules, f"/{prefix}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        raw = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
        length = len(self.prefix)
        if not hmac.compare_digest(raw[:length], self.prefix) or raw[length : length + 1] != b"/":
            answer = Response(status_code=404)
            _say_what_is_allowed(answer.headers, self.rules)
            await answer(scope, receive, send)
            return
        # The prefix is plain ASCII, so it is as long in the path that has been decoded.
        inside = {**scope, "path": scope["path"][length:], "raw_path": raw[length:]}
        await self.app(inside, receive, send)


def check_host(headers: Headers, rules: Rules) -> None:
    """Turn away who has come here by a name that is not ours."""
    asked = headers.get("host", "")
    name, port = _parted(asked)
    right_port = port == "" or (port.isascii() and port.isdigit() and rules.port in (None, int(port[:9])))
    known = name in rules.hosts or (ANY_ADDRESS in rules.hosts and _is_address(name))
    if not known or not right_port or len(headers.getlist("host")) != 1:
        raise Turned(
            421,
            f"This server does not answer to the host {asked[:200]!r}.",
            "Open the address that was printed when it was started. Behind a proxy, name the host that the proxy"
            " passes on: see “Behind a proxy” in docs/page.md.",
        )


def check_token(scope: Scope, headers: Headers, rules: Rules) -> Response | None:
    """Turn away who has no token. Who brings it in the address gets a cookie, and an address without it."""
    if rules.token is None or scope["path"].startswith("/static/"):
        return None
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = [value for key, value in pairs if key == _TOKEN]
    if given and scope["method"] in ("GET", "HEAD") and _same(given[-1], rules.token):
        rest = urlencode([pair for pair in pairs if pair[0] != _TOKEN])
        # Relative, because a proxy may have put a prefix in front.
        here = "./" + scope["path"].rpartition("/")[2]
        answer = RedirectResponse(f"{here}?{rest}" if rest else here, status_code=303)
        answer.headers["cache-control"] = "no-store"
        answer.set_cookie(rules.cookie, rules.token, path="/", httponly=True, samesite="strict")
        return answer
    cookies = cookie_parser(headers.get("cookie", ""))
    if not _same(cookies.get(rules.cookie, ""), rules.token):
        raise Turned(
            401,
            "This server answers only to who has its token.",
            "Open the whole address that was printed when it was started; it ends with ?token=…",
        )
    return None


def check_origin(scope: Scope, headers: Headers) -> None:
    """Turn away what another web page has sent. Following a link from there to a page of ours is all right."""
    site = headers.get("sec-fetch-site")
    if scope["method"] in ("GET", "HEAD"):
        followed = headers.get("sec-fetch-mode") == "navigate" and not scope["path"].startswith("/api/")
        if site in ("cross-site", "same-site") and not followed:
            _turn_away()
        return
    if scope["method"] != "POST":
        raise Turned(405, f"There is nothing here for {scope['method']}.", "Only GET and POST are answered.")
    if site is not None and site != "same-origin":
        _turn_away()
    if site is None and urlsplit(headers.get("origin", "")).netloc.lower() != headers.get("host", "").lower():
        _turn_away()
    if (
        headers.get("x-skribe") is None
        or headers.get("content-type", "").partition(";")[0].strip() != "application/json"
    ):
        raise Turned(403, "A change needs the header X-Skribe, and JSON.", "Make the change on the page itself.")


def _turn_away() -> NoReturn:
    raise Turned(403, "This came from another web page.", "Open this page in a tab of its own, and do it there.")


def _say_what_is_allowed(headers: MutableHeaders, rules: Rules) -> None:
    headers.setdefault("content-security-policy", rules.policy())
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-opener-policy"] = "same-origin"
    headers["cross-origin-resource-policy"] = "same-origin"
    headers.setdefault("cache-control", "no-store")


def _parted(host: str) -> tuple[str, str]:
    """Name and port; the name of an IPv6 address keeps its brackets."""
    head, colon, port = host.rpartition(":")
    if not colon or "]" in port:
        head, port = host, ""
    return head.lower().removesuffix("."), port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server at this host."""
    name = host.removeprefix("[").removesuffix("]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _same(given: str, token: str) -> bool:
    # Takes as long for a token that is nearly right as for any other.
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def with_brackets(hosts: Sequence[str]) -> tuple[str, ...]:
    """The hosts as a `Host` header has them."""
    return tuple(f"[{host}]" if ":" in host and not host.startswith("[") else host.lower() for host in hosts)
