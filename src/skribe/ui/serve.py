"""Starting the page: in the foreground for `skribe ui`, beside a notebook for `skribe.show()`."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from skribe.errors import ArgumentError, SkribeError

if TYPE_CHECKING:
    from skribe.ui.beside import Background

PORT = 5555
_LOCAL = "127.0.0.1"
_PATIENCE = 1  # seconds that open answers have when the server ends


def serve(
    folder: str | os.PathLike[str],
    *,
    host: str = _LOCAL,
    port: int | None = None,
    readonly: bool = False,
    token: str | None = None,
    open_browser: bool = True,
    embeddable: bool = False,
    hosts: Sequence[str] = (),
) -> None:
    """Serve the page until Ctrl-C.

    host:  who can reach it: this machine only, unless another address of this machine is named. Then a token is
           needed, which is made here and printed once, in the address.
    port:  5555 if it is free, or any that is.
    token: what every visitor must know, also those on this machine.
    hosts: further names by which browsers come here, such as that of a proxy.
    """
    require()
    from skribe.ui.safety import is_loopback

    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ArgumentError(
            "token= must be a text without blanks, of ASCII characters; leave it out where none is needed (--token and"
            " SKRIBE_TOKEN likewise)."
        )
    if not is_loopback(host) and not token:
        token = secrets.token_urlsafe(32)
    bound, said = bind(host, port)
    with contextlib.closing(bound):
        url = url_of(host, bound.getsockname()[1], token)
        print(f"skribe: {url}{said} (Ctrl-C ends it)", file=sys.stderr, flush=True)
        if open_browser:
            _open_soon(url)
        run(folder, bound, allowed(host, hosts), readonly=readonly, token=token, embeddable=embeddable)


def require() -> None:
    """SkribeError, with the command that installs it, if something that the page needs is missing."""
    try:
        import jinja2
        import starlette
        import uvicorn
    except ImportError as error:
        missing = error.name or "a package"
        raise SkribeError(f'The page needs {missing}, which is not installed: pip install "skribe[ui]"') from None
    del jinja2, starlette, uvicorn


def run(folder: str | os.PathLike[str], bound: socket.socket, hosts: Sequence[str], **options: Any) -> None:
    """Answer on this socket until the process is told to end. Ctrl-C is the usual end, and no error."""
    import uvicorn

    from skribe.ui.app import make_app

    config = uvicorn.Config(
        make_app(folder, hosts=hosts, **options),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=_PATIENCE,
    )

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Who still waits gets no answer, and nobody who ends the server wants to read of each.
            logging.getLogger("uvicorn.error").disabled = True
            await super().shutdown(sockets)

    with contextlib.suppress(KeyboardInterrupt):
        Server(config).run(sockets=[bound])


def bind(host: str, port: int | None) -> tuple[socket.socket, str]:
    """A socket that listens, and a word on the port where it is not the usual one."""
    if port is not None:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
            raise ArgumentError(f"port={port!r} must be a number from 0 to 65535; 0 takes any free one.")
        return _bound(host, port), ""
    try:
        return _bound(host, PORT), ""
    except PortTaken:
        return _bound(host, 0), f" (port {PORT} is taken)"


class PortTaken(SkribeError):  # noqa: N818 - as the others in skribe.errors
    """Another program listens at this port."""


def _bound(host: str, port: int) -> socket.socket:
    name = host.removeprefix("[").removesuffix("]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise SkribeError(f"There is no host {host!r} on this machine; 127.0.0.1 is the usual one.") from None
    found = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            # A port whose last server has just ended can be had again at once. On Windows this would mean to share it.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except OSError as error:
        found.close()
        raise _why_not(error, host, port) from None
    found.set_inheritable(False)
    return found


def _why_not(error: OSError, host: str, port: int) -> SkribeError:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(
            f"Port {port} of {host} is in use, perhaps by another `skribe ui`. Choose another one, or leave --port out"
            " to take one that is free."
        )
    if error.errno == errno.EACCES:
        return SkribeError(f"Port {port} needs special rights; choose one above 1023.")
    return SkribeError(f"Nothing can listen at {host}, port {port}: {error.strerror or error}.")


def allowed(host: str, more: Sequence[str] = ()) -> tuple[str, ...]:
    """The names by which a browser may call a server that was started at this host."""
    from skribe.ui.safety import ANY_ADDRESS, LOCAL_HOSTS, is_loopback, with_brackets

    named = with_brackets([one for one in (host, *more) if one])
    if is_loopback(host):
        return (*LOCAL_HOSTS, *named)
    # Whoever comes from elsewhere uses an address of this machine, or its name. Its name with a domain is not asked
    # for, because where no name server answers that takes many seconds.
    name = socket.gethostname().lower()
    return (*LOCAL_HOSTS, *named, ANY_ADDRESS, name, f"{name.partition('.')[0]}.local")


def url_of(host: str, port: int, token: str | None = None) -> str:
    """The address to open."""
    name = host.removeprefix("[").removesuffix("]")
    if name in ("0.0.0.0", "", "::"):
        # It listens at all addresses; by its name the others find it.
        name = socket.gethostname()
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def _open_soon(url: str) -> None:
    def open_it() -> None:
        import webbrowser

        with contextlib.suppress(Exception):
            webbrowser.open(url)

    # The socket listens already: a browser that is quicker than the server waits for it.
    threading.Thread(target=open_it, daemon=True).start()


def background(folder: str | os.PathLike[str], *, embeddable: bool = True) -> Background:
    """The page of this store, served by a process of its own; the same one for every call."""
    from skribe.ui.beside import background as start

    return start(Path(os.path.abspath(folder)), embeddable)
