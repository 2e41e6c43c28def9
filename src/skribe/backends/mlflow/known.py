"""What is remembered of a run: its id on the server, and how far the things went that must not happen twice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from skribe.backends.protocol import Outbox

_SEPARATOR = "|"
_MOST = 5000


@dataclass(slots=True)
class Known:
    """One run as the server has it. An id that is empty means that it was about to be created."""

    id: str = ""
    experiment: str = ""  # the id of the experiment there
    batch: str = ""  # the mark of the attempt to create it
    place: str = ""  # the root of its artifacts
    kind: str = ""
    began: int = 0  # milliseconds
    source: str = ""
    adopted: bool = False  # it is the user's own run: never ended, renamed or deleted by us
    gone: bool = False  # it is in the trash there, or was refused: nothing more is sent
    nests: bool = False  # it has runs inside
    models: dict[str, list[str]] = field(default_factory=dict)  # path: id, place of the files, what has been done
    best: str = ""  # the child that is the best, by its id here, for as long as it is not there
    versions: dict[str, str] = field(default_factory=dict)  # registered name and path: version

    def text(self) -> str:
        """As it is remembered: the id first, and by itself for whoever wants no more."""
        rest = {key: value for key, value in asdict(self).items() if value and key != "id"}
        return f"{self.id}{_SEPARATOR}{json.dumps(rest, separators=(',', ':'), sort_keys=True)}"

    @classmethod
    def parse(cls, text: str) -> Known:
        """From what was remembered."""
        head, _, tail = text.partition(_SEPARATOR)
        names = {each.name for each in fields(cls)}
        rest: dict[str, Any] = json.loads(tail) if tail else {}
        return cls(id=head, **{key: value for key, value in rest.items() if key in names})


def run_id_of(remote: str) -> str:
    """MLflow's id of a run, from what this backend has remembered of it; empty if it has none yet."""
    return remote.partition(_SEPARATOR)[0]


class Memory:
    """What the outbox remembers, read once, and written together."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._known: dict[str, Known] = {}
        self._written: dict[str, str] = {}

    def get(self, run: str) -> Known | None:
        """What is known of a run; None if nothing was ever sent of it."""
        if run not in self._known:
            text = self.outbox.remote(run)
            if text is None:
                return None
            self._known[run], self._written[run] = Known.parse(text), text
        return self._known[run]

    def new(self, run: str) -> Known:
        """A run that is about to be created."""
        known = self._known[run] = Known()
        return known

    def save(self, runs: Iterable[str] | None = None) -> None:
        """Have on disk what has changed since it was written last."""
        texts = {run: self._known[run].text() for run in (self._known if runs is None else runs) if run in self._known}
        changed = {run: text for run, text in texts.items() if self._written.get(run) != text}
        if changed:
            self.outbox.remember(changed)
            self._written.update(changed)

    def forget(self) -> None:
        """Let go of what is on disk anyway, when it has become much."""
        if len(self._known) > _MOST:
            self._known.clear()
            self._written.clear()
