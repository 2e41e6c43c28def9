"""The skops format: writing it, and looking at what is in a file before anything of it is built."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from skribe.errors import ModelRefused
from skribe.models.pickling import References
from skribe.models.trusted import HARMLESS, OF_OURS


def pack(estimator: Any) -> tuple[bytes, References]:
    """The estimator as the bytes of a skops file, and what they refer to."""
    import skops.io

    content = skops.io.dumps(estimator)
    references = References()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read("schema.json"))
    for module, name in _named(schema):
        if "<" in name:
            raise pickle.PicklingError(f"cannot keep {name} of {module}: it is found by no name")
        references.modules.add(module)
        if module in ("__main__", "__mp_main__"):
            references.interactive.add(name)
    references.types.update(skops.io.get_untrusted_types(data=content))
    return content, references


def _named(node: Any) -> Iterator[tuple[str, str]]:
    """Module and name of all that a schema refers to."""
    if isinstance(node, dict):
        module, name = node.get("__module__"), node.get("__class__")
        if isinstance(module, str) and isinstance(name, str):
            yield module, name
        for value in node.values():
            yield from _named(value)
    elif isinstance(node, list):
        for value in node:
            yield from _named(value)


def asks_for(types: Iterable[str], ours: bool = True) -> list[str]:
    """Those of the types that a caller has to name before a file with them is built."""
    allowed = HARMLESS | OF_OURS if ours else HARMLESS
    return sorted(set(types) - allowed)


def build(file: BinaryIO, name: str, trusted: bool | Iterable[str], ours: bool) -> Any:
    """Build the model of a skops file, if every type in it is on the list that is kept here or among `trusted`."""
    import skops.io

    types = skops.io.get_untrusted_types(data=file.read())
    named = set() if isinstance(trusted, bool) else set(trusted)
    refused = [] if trusted is True else [one for one in asks_for(types, ours) if one not in named]
    if refused:
        listed = ", ".join(refused)
        raise ModelRefused(
            f"{name} holds types that are not known to be harmless: {listed}. "
            f"If you trust whoever wrote it, name them: trusted={refused!r}"
        )
    file.seek(0)
    return skops.io.load(file, trusted=types)
