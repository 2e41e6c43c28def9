"""An experiment as the user holds it: a name for runs that belong together."""

from __future__ import annotations

from pathlib import Path

from skribe.session import query_of
from skribe.settings import checked_text
from skribe.store.admin import Admin


class Experiment:
    """One experiment of a store."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = name

    def ensure(self) -> Experiment:
        """Create it if there is none of this name."""
        if self not in listed(self._folder, deleted=False):
            Admin(self._folder).create_experiment(self.name)
        return self

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


def listed(folder: Path, deleted: bool) -> list[Experiment]:
    """The experiments of a store, or those in its trash."""
    return [Experiment(folder, row.name) for row in query_of(folder).experiments(deleted)]
