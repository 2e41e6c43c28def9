"""Files, as they are sent: those of runs behind bars, our own to be kept for ever."""

from __future__ import annotations

import contextlib
import gzip
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from skribe.errors import ArgumentError, NotFound
from skribe.store.artifacts import confined
from skribe.ui.kinds import media_type
from skribe.ui.links import STATIC, static_stamp
from skribe.ui.site import Site

_SHORTEST = 1000  # fewer bytes are not worth packing
_STATIC_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


def run_file(site: Site, request: Request) -> Response:
    """A file of a run: shown where that is safe, saved otherwise."""
    path, saved = request.path_params["path"], "download" in request.query_params
    row = site.query.run_row(request.path_params["id"])
    place = _known(site, row.id, path)
    if place is None and saved:
        return _drawn(site, row.id, path)
    if place is None:
        raise _none(row.id, path)
    kind = media_type(path)
    shown = kind is not None and not saved
    headers = {
        "content-security-policy": site.rules.policy(of_file=True, kind=kind),
        "content-disposition": _disposition("inline" if shown else "attachment", place.name),
        "cache-control": "private, no-cache",
    }
    return FileResponse(place, headers=headers, media_type=kind if shown else "application/octet-stream")


def _known(site: Site, run: str, path: str) -> Path | None:
    """Where a file is that the store knows of this run. Nothing else in the folder is anybody's business."""
    clean = confined(path)
    if all(artifact.path != clean for artifact in site.query.artifacts(run)):
        return None
    place = site.artifacts.path(run, clean)
    # A pipe or a device would be waited for without end.
    return place if place.is_file() else None


def _drawn(site: Site, run: str, name: str) -> Response:
    """A picture, drawn from the data of the run. The store is only read."""
    if "/" in name:
        raise _none(run, name)
    if find_spec("matplotlib") is None:
        raise ArgumentError('Pictures are drawn by matplotlib: pip install "skribe[plots]"')
    from skribe.views.pictures import drawn_bytes

    body = drawn_bytes(site.query, run, name)
    if body is None:
        raise _none(run, name)
    headers = {
        "content-security-policy": site.rules.policy(of_file=True),
        "content-disposition": _disposition("attachment", name),
        "cache-control": "private, no-cache",
    }
    return Response(body, headers=headers, media_type="application/octet-stream")


def _none(run: str, path: str) -> NotFound:
    return NotFound(f"run {run[-8:]} has no file {path[:300]!r}")


def _disposition(how: str, name: str) -> str:
    return f"{how}; filename*=utf-8''{quote(name, safe='', errors='replace')}"


def static_file(_site: Site, request: Request) -> Response:
    """A file of the package: kept for ever where the address changes with it, asked about otherwise."""
    name = request.path_params["name"]
    with contextlib.suppress(OSError, ValueError):
        place = (STATIC / name).resolve()
        if place.is_relative_to(STATIC.resolve()) and place.is_file():
            return _static(place, name, request)
    raise NotFound(f"there is no static file {name[:300]!r}")


def _static(place: Path, name: str, request: Request) -> Response:
    stamp = static_stamp(name)
    body, packed = _packed(place, stamp)
    forever = request.query_params.get("v") == stamp
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if forever else "no-cache",
        "etag": f'"{stamp}"',
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    if len(packed) < len(body) and _takes_gzip(request):
        body, headers["content-encoding"] = packed, "gzip"
    return Response(body, headers=headers, media_type=_STATIC_TYPES.get(place.suffix, "text/plain"))


@lru_cache(maxsize=64)
def _packed(place: Path, _stamp: str) -> tuple[bytes, bytes]:
    body = place.read_bytes()
    return body, gzip.compress(body, 6, mtime=0)


def text_answer(request: Request, text: str, media: str, code: int = 200) -> Response:
    """A page or JSON, packed where the browser takes that."""
    body = text.encode()
    headers = {"vary": "accept-encoding"}
    if len(body) >= _SHORTEST and _takes_gzip(request):
        body, headers["content-encoding"] = gzip.compress(body, 4, mtime=0), "gzip"
    return Response(body, code, headers, media)


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")
