"""The addresses of pages: relative ones, so that they work below any prefix, behind any proxy, and from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

STATIC = Path(__file__).parent / "static"
Links = Callable[..., str]


def live(root: str) -> Links:
    """The addresses of the served pages, as seen from a page whose root is `root`: empty, or `../`."""

    def url(kind: str, **args: Any) -> str:
        match kind:
            case "home":
                return root or "."
            case "run":
                return f"{root}runs/{_segment(args['id'])}"
            case "compare":
                return f"{root}compare{_query([('run', one) for one in args.get('ids', ())])}"
            case "artifact":
                return f"{root}runs/{_segment(args['id'])}/files/{quote(str(args['path']), safe='/')}"
            case "static":
                return f"{root}static/{quote(args['name'])}?v={static_stamp(args['name'])}"
            case "api":
                path = args.pop("path")
                return f"{root}api/{quote(path)}{_query(args.items())}"
            case "runs" | "models" | "model" | "trash":
                return f"{root}{kind}{_query(args.items())}"
        raise ValueError(f"there is no page of the kind {kind!r}")

    return url


def frozen(root: str, runs: Collection[str]) -> Links:
    """The addresses inside a frozen folder. A run that is not among `runs` has no page; the list is shown instead."""

    def url(kind: str, **args: Any) -> str:
        match kind:
            case "home":
                return f"{root}index.html"
            case "run":
                return f"{root}runs/{_segment(args['id'])}.html" if args["id"] in runs else f"{root}runs.html"
            case "artifact":
                return f"{root}runs/{_segment(args['id'])}/files/{quote(str(args['path']), safe='/')}"
            case "static":
                return f"{root}static/{quote(args['name'])}"
            case "model":
                return f"{root}model/{model_file(args['name'])}"
            case "runs":
                return f"{root}runs.html{_query(args.items())}"
            case "compare" | "models":
                return f"{root}{kind}.html"
            case "trash" | "api":
                return "#"  # neither is frozen
        raise ValueError(f"there is no page of the kind {kind!r}")

    return url


def model_file(name: str) -> str:
    """The frozen page of a registered model: any name, also one that no file could have."""
    return hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:16] + ".html"


def static_stamp(name: str) -> str:
    """Changes with the file, so that a browser may keep what it got under it for ever."""
    try:
        found = (STATIC / name).stat()
    except OSError:
        return "0"
    return f"{found.st_mtime_ns ^ found.st_size:x}"


def _segment(text: Any) -> str:
    return quote(str(text), safe="")


def _query(pairs: Any) -> str:
    told = [(key, value) for key, value in pairs if value is not None]
    return "?" + urlencode(told, doseq=True, errors="backslashreplace") if told else ""
