"""The page as an application: which address answers what, and what happens when it cannot."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from skribe.errors import SkribeError
from skribe.store.artifacts import ArtifactStore
from skribe.store.query import Query
from skribe.ui import acts, api, files, pages
from skribe.ui.plain import as_json
from skribe.ui.problems import Problem, problem_of, problem_of_status
from skribe.ui.safety import LOCAL_HOSTS, Guarded, Hidden, Rules, Turned
from skribe.ui.site import Site

logger = logging.getLogger("skribe")
Answering = Callable[[Site, Request], Any]
# Each thread keeps a connection with a cache of its own, and more would only wait for each other.
_THREADS = 8
_PAGES: dict[str, Answering] = {
    "/": pages.home,
    "/runs": pages.runs,
    "/runs/{id}": pages.run,
    "/runs/{id}/files/{path:path}": files.run_file,
    "/compare": pages.compare,
    "/models": pages.models,
    "/model": pages.model,
    "/trash": pages.trash,
    "/static/{name:path}": files.static_file,
}
_API: dict[str, Answering] = {
    "/api/seq": api.seq,
    "/api/runs": api.runs,
    "/api/keys": api.keys,
    "/api/run": api.run,
    "/api/search": api.search,
    "/api/picture": api.picture,
    "/api/curve": api.curve,
    "/api/compare": api.compare,
    "/api/compared_picture": api.compared_picture,
}


def make_app(
    folder: str | os.PathLike[str],
    *,
    readonly: bool = False,
    token: str | None = None,
    hosts: Sequence[str] = LOCAL_HOSTS,
    port: int | None = None,
    embeddable: bool = False,
    prefix: str | None = None,
) -> Starlette:
    """The page of one store, whether or not the store is there yet.

    readonly:   nothing can be changed.
    token:      only who has it is answered.
    hosts:      the names, without a port, by which a browser may call the server.
    port:       with it the browser must also have come to this port.
    embeddable: notebooks on this machine may show the page in a frame.
    prefix:     everything is below `/prefix/`, and nothing is anywhere else: a secret that is part of the address.
    """
    place = Path(os.path.abspath(folder))
    rules = Rules(tuple(host.lower() for host in hosts), port, token, embeddable)
    site = Site(place, Query(place), ArtifactStore(place), rules, readonly)

    async def refuse(request: Request, turned: Turned) -> Response:
        told = Problem(turned.code, "This is not answered", turned.detail, turned.todo)
        # Who it is has not been found out, or is the wrong one.
        return await run_in_threadpool(_say, replace(site, named=False), request, told)

    async def missing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        told = problem_of_status(error.status_code, request.scope["path"])
        return await run_in_threadpool(_say, site, request, told)

    routes = [Route(path, _answered(site, answer)) for path, answer in _PAGES.items()]
    routes += [Route(path, _answered(site, _as_json(answer))) for path, answer in _API.items()]
    routes.append(Route("/api/do", _doing(site), methods=["POST"]))
    hidden = [] if prefix is None else [Middleware(Hidden, prefix=prefix, rules=rules)]
    app = Starlette(
        routes=routes,
        middleware=[*hidden, Middleware(Guarded, rules=rules, refuse=refuse)],
        exception_handlers={HTTPException: missing},
        lifespan=_lifespan(site),
    )
    # It would answer with an address of its own making, which behind a proxy is another one.
    app.router.redirect_slashes = False
    return app


def _lifespan(site: Site) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        yield
        site.query.close()

    return lifespan


def _answered(site: Site, answer: Answering) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        try:
            found: Response = answer(site, request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader is told
            return _failed(site, request, error)
        return found

    return endpoint


def _as_json(answer: Answering) -> Answering:
    def endpoint(site: Site, request: Request) -> Response:
        return files.text_answer(request, as_json(answer(site, request)), "application/json")

    return endpoint


def _doing(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Changes: the one address that takes a POST."""

    def change(request: Request, fields: Any) -> Response:
        try:
            done = acts.do(site.folder, fields)
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader is told
            return _failed(site, request, error)
        code = 202 if isinstance(done, acts.Waiting) else 200
        return files.text_answer(request, as_json({"done": done}), "application/json", code)

    async def endpoint(request: Request) -> Response:
        if site.readonly:
            said = "Nothing can be changed here: the page was started with --read-only."
            return _say(site, request, Problem(403, "Read-only", said, "Start it without --read-only to change runs."))
        try:
            fields = await api.fields_of(request)
        except api.TooLong:
            told = Problem(413, "Too long", f"A change takes at most {acts.LONGEST} bytes.", "Write less.")
            return _say(site, request, told)
        except SkribeError as error:
            return _failed(site, request, error)
        return await run_in_threadpool(change, request, fields)

    return endpoint


def _failed(site: Site, request: Request, error: Exception) -> Response:
    told = problem_of(error)
    if told.code == 500:
        logger.error("The page %r has failed", request.scope["path"], exc_info=error)
    return _say(site, request, told)


def _say(site: Site, request: Request, told: Problem) -> Response:
    """The problem: as JSON to scripts, as a page to people."""
    if request.scope["path"].startswith("/api/"):
        body = {"error": {"message": told.detail, "at": told.at, "todo": told.todo}}
        return files.text_answer(request, as_json(body), "application/json", told.code)
    if request.scope["path"].startswith("/static/"):
        site = replace(site, named=False)  # nobody needs a token for these
    try:
        return pages.problem(site, request, told)
    except Exception:
        logger.exception("The page that says what is wrong has failed")
        return files.text_answer(
            request, f"{told.headline}\n\n{told.detail}\n\n{told.todo}\n", "text/plain", told.code
        )
