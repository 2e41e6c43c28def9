"""Telling credentials from parameters, so that none of them is ever written down."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

HIDDEN = "***"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = frozenset({
    "password", "passwd", "pwd", "passphrase", "secret", "secrets", "apikey", "accesskey", "privatekey",
    "credential", "credentials", "auth", "authorization", "bearer",
})  # fmt: skip
_SECRET_KEYS = frozenset({"api", "access", "private", "secret", "encryption", "account", "signing"})
# `max_token` and `eos_token` are parameters of text models; `hf_token` opens an account.
_HARMLESS_TOKENS = frozenset({
    "eos", "bos", "unk", "pad", "sep", "cls", "mask", "oov", "start", "end", "stop", "special", "next", "per",
    "n", "max", "min", "num", "by", "each", "every", "single", "first", "last", "default", "empty", "missing",
})  # fmt: skip

# Every repetition is bounded, or a long list of addresses would take for ever. The user part may be empty
# (`redis://:password@host`); `//host:8080/a@b` is a port and a path.
_URL = re.compile(r"(://[^\s/:@'\"]*):(?!\d{1,5}[/?#])([^\s@]{0,256}(?:@[^\s/@'\"]{0,256}(?=@)){0,16})@")
_NAMED = re.compile(
    r"""(['"]?)(\b[A-Za-z_][\w-]{0,60})\1(\s*[=:]\s*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,()\[\]{}]+)"""
)


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether a parameter of this name holds a credential; of `clf__api_key` the last part decides."""
    last = name.rpartition("__")[2] or name
    words = [word.lower() for word in _WORDS.findall(last)]
    if not words:
        return False
    if not _SECRET.isdisjoint(words):
        return True
    if any(first in _SECRET_KEYS and second in {"key", "keys"} for first, second in pairwise(words)):
        return True
    return words[-1] == "token" and (len(words) == 1 or words[-2] not in _HARMLESS_TOKENS)


def scrub(text: str) -> str:
    """The text with the passwords of URLs hidden: `postgresql://me:***@host/db`."""
    if "://" in text and "@" in text:
        return _URL.sub(rf"\1:{HIDDEN}@", text)
    return text


def scrub_repr(text: str) -> str:
    """As `scrub`, for the repr of an unknown object: `Client(api_key='***')` as well."""
    return _NAMED.sub(_hide, scrub(text))


def _hide(match: re.Match[str]) -> str:
    quote, name, between, value = match.groups()
    if value == "None" or not is_secret(name):
        return match.group()
    return f"{quote}{name}{quote}{between}{HIDDEN!r}"
