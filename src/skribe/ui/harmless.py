"""Files of runs that a browser would execute, made into files that it only shows.

The server says with each of them that nothing in it may run. Files in a folder have no server to say so: here it is
in the file.
"""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

from skribe.ui.kinds import is_hidden, is_inert, is_looked_into, media_type, wraps

_LARGEST = 20_000_000
_SHUT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


class Unfrozen(Exception):  # noqa: N818 - it is a reason, not a fault
    """Why a file is left out."""


def frozen_bytes(source: Path, path: str) -> bytes | None:
    """What is to be written in place of the file; None if it can be copied as it is. Unfrozen: it has no such form."""
    if is_hidden(path):
        raise Unfrozen("whose name begins with a dot")
    if is_inert(path):
        if is_looked_into(path) and _begins_as_a_page(source):
            raise Unfrozen("that begin as a page does, and whose name says something else")
        return None
    if not wraps(path):
        raise Unfrozen("of a kind that a browser or a web server might execute")
    if source.stat().st_size > _LARGEST:
        raise Unfrozen(f"pages of more than {_LARGEST // 1_000_000} MB")
    body = source.read_bytes()
    return _picture(body) if media_type(path) == "image/svg+xml" else _page(body)


def _begins_as_a_page(source: Path) -> bool:
    with source.open("rb") as file:
        return file.read(2048).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _page(body: bytes) -> bytes:
    """The page in a frame in which no script runs, and which cannot lead away."""
    inner = html.escape(body.decode("utf-8", "replace"), quote=True)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy"'
        f' content="{_SHUT}"><title>A file of a run</title><style>html,body,iframe{{margin:0;border:0;width:100%;'
        f'height:100%;display:block}}</style></head><body><iframe sandbox title="The file" srcdoc="{inner}"></iframe>'
        "</body></html>\n"
    ).encode()


def _picture(body: bytes) -> bytes:
    """The picture as a picture inside of a picture, where no script runs."""
    head = body[:4096].decode("utf-8", "replace")
    tag = re.search(r"<svg\b[^>]*>", head, re.IGNORECASE)
    sizes = dict(
        re.findall(r'\b(width|height|viewBox)\s*=\s*["\']\s*([-\d.eE\s,]+?)(?:pt|px)?\s*["\']', tag[0] if tag else "")
    )
    box = re.split(r"[\s,]+", sizes.get("viewBox", "").strip())
    width, height = (sizes.get("width"), sizes.get("height"))
    if len(box) == 4:
        width, height = width or box[2], height or box[3]
    frame = f'width="{_decimal(width, 640)}" height="{_decimal(height, 480)}"'
    data = base64.b64encode(body).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>'
        f'<image {frame} href="data:image/svg+xml;base64,{data}"/></svg>\n'
    ).encode()


def _decimal(text: str | None, otherwise: int) -> str:
    try:
        value = float(text or "")
    except ValueError:
        return str(otherwise)
    return f"{value:g}" if 0 < value < 1e5 else str(otherwise)
