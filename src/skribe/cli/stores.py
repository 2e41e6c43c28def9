"""The store that a command reads, and the runs that are named in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from skribe.errors import NotFound, StoreError
from skribe.store.location import FOLDER, database_of, find_store
from skribe.store.query import Query

LAST = "last"


def there(store: str | None) -> Path:
    """The folder of a store that is there. StoreError that says what to do if there is none."""
    folder = find_store(store)
    if database_of(folder).is_file():
        return folder
    inside = folder / FOLDER
    if database_of(inside).is_file():
        raise StoreError(f"there is no store in {folder}; did you mean --store {inside}?")
    if store is not None:
        raise StoreError(f"there is no store in {folder}")
    raise StoreError(
        f"there is no store here yet: {folder}. The first fit after `skribe.autolog()` makes it; --store and"
        " SKRIBE_STORE name another one, and `skribe demo` fills one."
    )


@contextlib.contextmanager
def opened(store: str | None) -> Iterator[Query]:
    """A reader of the store."""
    with contextlib.closing(Query(there(store))) as query:
        yield query


def run_id(query: Query, text: str) -> str:
    """The whole id of a run: from the beginning of it, from its last eight digits, or `last`."""
    if text == LAST:
        found = query.last_run_id()
        if found is None:
            raise NotFound(f"there is no run in {query.folder} yet")
        return found
    return query.run_row(text).id
