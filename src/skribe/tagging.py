"""A tag that is put on a run by somebody who waits for the answer."""

from __future__ import annotations

from pathlib import Path

from skribe.errors import StoreError
from skribe.records import Changes
from skribe.session import journal_of
from skribe.store.names import check_text
from skribe.store.query import Query


def set_tag(folder: Path, run: str, key: str, value: str) -> str:
    """Put a tag on the run; one of the same key is replaced. The id of the run."""
    check_text("a tag's name", key, empty=False)
    check_text("a tag", value)
    query = Query(folder)
    try:
        found = query.run_row(run).id
        journal_of(folder).write(Changes(run=found, tags={key: value}))
        # The journal keeps what it cannot write for later. Who waits for an answer must hear of it.
        if query.tags(found).get(key) != value:
            raise StoreError(f"{folder} cannot be written to just now; the tag waits until it can.")
    finally:
        query.close()
    return found
