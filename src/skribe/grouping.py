"""An experiment as the user holds it: a name for runs that belong together."""

from __future__ import annotations

import difflib
from pathlib import Path

from skribe.errors import NotFound
from skribe.session import query_of
from skribe.settings import checked_text
from skribe.store.admin import Admin


class Experiment:
    """One experiment of a store."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = name

    def rename(self, name: str) -> None:
        """Give it another name, which no other experiment has."""
        Admin(self._folder).rename_experiment(self.name, checked_text("rename(name)", name))
        self.name = name

    def delete(self) -> None:
        """Put it into the trash, with its runs."""
        Admin(self._folder).delete_experiment(self.name)

    def restore(self) -> None:
        """Take it out of the trash, with its runs."""
        Admin(self._folder).restore_experiment(self.name)

    def __repr__(self) -> str:
        return f"<Experiment {self.name!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and (self.name, self._folder) == (other.name, other._folder)

    def __hash__(self) -> int:
        return hash(self.name)


def found(folder: Path, name: str, create: bool) -> Experiment:
    """The experiment of this name; NotFound, with near names, if there is none and none is to be made."""
    names = [known.name for deleted in (False, True) for known in listed(folder, deleted)]
    if name not in names:
        if not create:
            near = difflib.get_close_matches(name, names, 2)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise NotFound(f"there is no experiment {name!r} in {folder}{hint} To make it: create=True.")
        Admin(folder).create_experiment(name)
    return Experiment(folder, name)


def listed(folder: Path, deleted: bool) -> list[Experiment]:
    """The experiments of a store, or those in its trash."""
    return [Experiment(folder, row.name) for row in query_of(folder).experiments(deleted)]
