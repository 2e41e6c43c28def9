"""One store as one server shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from skribe.store.artifacts import ArtifactStore
from skribe.store.query import Query
from skribe.ui.links import Links, live
from skribe.ui.render import Page
from skribe.ui.safety import Rules


@dataclass(frozen=True, slots=True)
class Site:
    """The store, how it is read, and whom the server answers."""

    folder: Path
    query: Query  # each thread has a connection of its own in it
    artifacts: ArtifactStore
    rules: Rules
    readonly: bool
    named: bool = True  # the pages say where the store is

    def page(self, request: Request, title: str, kind: str) -> tuple[Page, Links]:
        """What the templates know of the page at the address of this request."""
        root = root_of(request)
        return Page(title, kind, str(self.folder) if self.named else "", root, readonly=self.readonly), live(root)


def root_of(request: Request) -> str:
    """The way from the page of this request back to the first one, as the browser counts."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    path = raw.partition(b"?")[0].decode("latin-1").removeprefix(request.scope.get("root_path", ""))
    return "../" * max(0, path.count("/") - 1)
