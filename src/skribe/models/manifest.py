"""The file `MLmodel`: written as MLflow reads it, without a YAML library.

Every scalar is written as JSON writes it, which YAML reads the same; so a file of ours can be read back without a
YAML library, too. Whatever else is found is left to PyYAML.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from skribe.errors import ModelRefused

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# YAML counts these as line ends, or as characters that no file may hold.
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LINE: Final = re.compile(r'( *)([A-Za-z_][A-Za-z0-9_]*|"(?:[^"\\]|\\.)*"):(?: (.+))?\Z')


def to_yaml(content: Mapping[str, Any], indent: str = "") -> str:
    """The text of a mapping of texts, numbers, truth values, None, and more such mappings and lists of those."""
    lines: list[str] = []
    for key, value in content.items():
        start = f"{indent}{_key(str(key))}:"
        if isinstance(value, Mapping) and value:
            lines.append(f"{start}\n{to_yaml(value, indent + '  ')}")
        else:
            lines.append(f"{start} {_flow(value)}\n")
    return "".join(lines)


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value)


def _text(value: str) -> str:
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # Without a point, YAML takes 1e-05 for a text.
    return text if "." in text else text.replace("e", ".0e")


def _key(key: str) -> str:
    return key if _PLAIN_KEY.match(key) and key.lower() not in _WORDS else _text(key)


def from_yaml(text: str) -> dict[str, Any]:
    """What a file `MLmodel` says; `ModelRefused` if it cannot be read."""
    try:
        return _read_ours(text)
    except ValueError:
        pass  # Written by somebody else.
    try:
        import yaml
    except ImportError:
        raise ModelRefused("this MLmodel file was not written by skribe; to read it, pip install pyyaml") from None
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ModelRefused(f"the MLmodel file is no YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise ModelRefused("the MLmodel file holds no mapping")
    return content


def _read_ours(text: str) -> dict[str, Any]:
    """Read the part of YAML that we write, and nothing beyond it."""
    content: dict[str, Any] = {}
    levels: list[dict[str, Any]] = [content]
    opened = False
    for line in text.split("\n"):
        if not line:
            continue
        found = _LINE.match(line)
        if found is None:
            raise ValueError(line)
        depth, odd = divmod(len(found[1]), 2)
        if odd or depth >= len(levels) or (opened and depth != len(levels) - 1):
            raise ValueError(line)
        del levels[depth + 1 :]
        key = json.loads(found[2]) if found[2].startswith('"') else found[2]
        if key in levels[-1]:
            raise ValueError(line)
        opened = found[3] is None
        levels[-1][key] = {} if opened else json.loads(found[3])
        if opened:
            levels.append(levels[-1][key])
    if opened:
        raise ValueError(text)
    return content
