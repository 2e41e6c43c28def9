"""How a file of a run may be shown: by its name, never by what somebody has claimed or by its content."""

from __future__ import annotations

from pathlib import PurePosixPath

_IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "bmp": "image/bmp",
}
# A browser runs what is in these. They are shown in a sandbox only.
_ACTIVE = {"html": "text/html", "htm": "text/html", "svg": "image/svg+xml"}
# These as well; they are saved only.
_ALSO_ACTIVE = frozenset({"xhtml", "xht", "xml", "mhtml", "mht", "shtml"})
_TEXTS = frozenset(
    {"txt", "log", "md", "rst", "csv", "tsv", "json", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "cfg", "conf"}
    | {"py", "r", "sql", "sh", "tex", "diff", "patch", "ipynb"}
)
_BARE_TEXTS = frozenset({"mlmodel", "license", "readme", "dockerfile", "makefile", "requirements"})
# A browser runs what is in these as well; they are saved only.
_ALSO_ACTIVE = frozenset({"xhtml", "xht", "xml", "mhtml", "mht", "shtml"})


def media_type(path: str) -> str | None:
    """The type under which a browser may show the file; None: it is to be saved."""
    ending = _ending(path)
    if ending in _TEXTS or PurePosixPath(path).name.lower() in _BARE_TEXTS:
        return "text/plain"
    if ending == "pdf":
        return "application/pdf"
    return _IMAGES.get(ending) or _ACTIVE.get(ending)


def is_active(path: str) -> bool:
    """Whether a browser that opens the file would run what is in it."""
    return _ending(path) in _ACTIVE or _ending(path) in _ALSO_ACTIVE


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix.lower().removeprefix(".")
