"""How a file of a run may be shown: by its name, never by what somebody has claimed or by its content."""

from __future__ import annotations

import re
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
_TEXTS = frozenset(
    {"txt", "log", "md", "rst", "csv", "tsv", "json", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "cfg", "conf"}
    | {"py", "r", "sql", "sh", "tex", "diff", "patch", "ipynb"}
)
_BARE_TEXTS = frozenset({"mlmodel", "license", "readme", "dockerfile", "makefile", "requirements"})
# Programs keep data in these, and neither a browser nor a web server makes anything of them.
_INERT = frozenset(
    {"bin", "dat", "npy", "npz", "parquet", "feather", "arrow", "h5", "hdf5", "nc", "mat", "rds", "xlsx", "db"}
    | {
        "sqlite",
        "zip",
        "gz",
        "tgz",
        "bz2",
        "xz",
        "zst",
        "7z",
        "tar",
        "pkl",
        "pickle",
        "joblib",
        "skops",
        "cloudpickle",
        "onnx",
    }
    | {"pt", "pth", "ckpt", "safetensors", "keras", "pb", "tflite", "ubj", "cbm", "model", "msgpack"}
)
# Browsers or web servers act on these, some of them wherever in the name they stand: `page.php.txt`.
_ACTING = frozenset(
    {"html", "htm", "xhtml", "xht", "shtml", "shtm", "stm", "mhtml", "mht", "hta", "htc", "xml", "xsl", "xslt", "xsd"}
    | {"xbl", "xul", "rss", "atom", "rdf", "svg", "svgz", "js", "mjs", "wasm", "swf", "jar", "phtml", "phar", "pht"}
    | {"cgi", "fcgi", "pl", "asp", "aspx", "ashx", "asmx", "jsp", "jspx", "cfm", "config", "htaccess", "htpasswd"}
)
# Their names end harmlessly, and a server or a file manager reads them as settings.
_SETTINGS = frozenset({"php.ini", "desktop.ini"})
# Every web server knows these. Of others it says nothing, and the browser looks whether they begin as a page does.
_KNOWN = frozenset({"txt", "csv", "json", "pdf", *_IMAGES})


def media_type(path: str) -> str | None:
    """The type under which a browser may show the file; None: it is to be saved."""
    ending = _ending(path)
    if ending in _TEXTS or PurePosixPath(path).name.lower() in _BARE_TEXTS:
        return "text/plain"
    if ending == "pdf":
        return "application/pdf"
    return _IMAGES.get(ending) or _ACTIVE.get(ending)


def is_inert(path: str) -> bool:
    """Whether a file of this name can lie in any folder, also a web server's, and nothing in it is executed."""
    name = PurePosixPath(path).name.lower()
    if name == "mlmodel":
        return True  # without it a kept model cannot be loaded
    words = [word.strip() for word in re.split("[.:;]", name)][1:]
    if not words or name in _SETTINGS or any(word in _ACTING or word.startswith("php") for word in words):
        return False
    return words[-1] in _INERT | _TEXTS | _KNOWN


def is_hidden(path: str) -> bool:
    """Whether the name begins with a dot, or that of a folder that it is in."""
    return any(part.startswith(".") for part in PurePosixPath(path).parts)


def is_looked_into(path: str) -> bool:
    """Whether a browser may tell by its first bytes what is in such a file."""
    return _ending(path) not in _KNOWN


def wraps(path: str) -> bool:
    """Whether it is a page or a drawing, and nothing in the name says anything else."""
    words = PurePosixPath(path).name.lower().split(".")
    return words[-1] in _ACTIVE and is_inert(".".join([*words[:-1], "txt"]))


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix.lower().removeprefix(".")
