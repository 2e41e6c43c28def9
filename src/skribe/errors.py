"""Every error that skribe raises on purpose.

    SkribeError
    ├── ArgumentError    a wrong argument: what was wrong, and what to write instead   (ValueError)
    ├── QueryError       a `where=` that does not parse; points at the place           (ValueError)
    ├── NoActiveRun      a `log_*` call where no run is open                           (RuntimeError)
    ├── NotFound         an id, a name or an experiment that matches nothing           (LookupError)
    ├── Ambiguous        a short id that matches several runs                          (LookupError)
    ├── StoreError       the store cannot be read or written
    │   ├── StoreDamaged     the file is there and is not a skribe store
    │   └── StoreTooNew      written by a later skribe
    ├── ModelError       a kept model cannot be loaded
    │   ├── ModelRefused     loading it could execute code that nobody has vouched for
    │   ├── ModelAltered     a file of it is missing, or is not the one that was written
    │   ├── ModelTooNew      written by a later skribe
    │   └── ModelUnreadable  not in its format, or something that it needs is missing here
    └── BackendError     something about a remote backend
        ├── BackendMissing   a package that it needs is not installed               (ImportError)
        ├── BackendInvalid   a plugin does not keep to the protocol                 (TypeError)
        ├── Unreachable      it does not answer now; it is asked again later
        ├── Misconfigured    it will not answer before something is changed: credentials, an address
        └── Refused          it will never take this record

They are raised where the user called skribe. A failure while recording is never raised: see `skribe.guard`.
"""

from __future__ import annotations


class SkribeError(Exception):
    """The root of the tree: `except skribe.SkribeError` catches whatever skribe raises on purpose."""


class ArgumentError(SkribeError, ValueError):
    """An argument is wrong. The message says which one, and what to write instead."""


class QueryError(SkribeError, ValueError):
    """A `where=` expression does not parse. The message shows it, with a mark under the place."""


class NoActiveRun(SkribeError, RuntimeError):
    """Something was to be logged, and no run is open here."""


class NotFound(SkribeError, LookupError):
    """Nothing in the store has this id or name."""


class Ambiguous(SkribeError, LookupError):
    """A short id matches more than one run. The message lists them."""


class StoreError(SkribeError):
    """The store cannot be read or written. The message says which file, and how to mend it."""


class StoreDamaged(StoreError):
    """The file is there, and it is not a store that skribe can read."""


class StoreTooNew(StoreError):
    """The store was written by a later version of skribe."""


class ModelError(SkribeError):
    """A kept model cannot be loaded."""


class ModelRefused(ModelError):
    """Loading the model could execute code that nobody has vouched for. The message names it, and how to vouch."""


class ModelAltered(ModelError):
    """A file of the model is missing, or is not the one that was written. The message names it."""


class ModelTooNew(ModelError):
    """The model was written by a later version of skribe."""


class ModelUnreadable(ModelError):
    """The model cannot be built here: its file is not in its format, or something that it needs is missing."""


class BackendError(SkribeError):
    """Something about a backend to which runs are sent. Fits go on, and the local store has everything."""


class BackendMissing(BackendError, ImportError):
    """The backend needs a package that is not installed. The message has the command that installs it."""


class BackendInvalid(BackendError, TypeError):
    """A plugin or an object is not a backend. The message names it, and the method or argument that is wrong."""


class Unreachable(BackendError):
    """The backend does not answer now, or not properly. What was to be delivered waits, and is tried again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after  # the seconds that the backend has asked for


class Misconfigured(BackendError):
    """The backend answers, and will not take anything before somebody changes what the message names."""


class Refused(BackendError):
    """The backend will never take this. The record stays in the local store."""
