"""The boundary that keeps skribe's own trouble away from the user's code.

Two things can go wrong while a fit is written down. *Our* code can fail: `contain` stops that, says so once, and
the fit goes on. *The user's* code can refuse a question that we ask of it (a `get_params` that raises, a `predict`
that needs more memory): `attempt` turns that into a `Note`, the reason that is kept beside the run where the value
would have been. Both let Ctrl-C through, and whatever a signal handler of the user's raises.

While we ask, nothing may be heard: `hushed` makes the calling thread's warnings disappear without a trace.
"""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from skribe.records import Note

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("skribe")
# Whoever wants to know what was swallowed adds a function here; our test suite does, and fails on anything.
observers: list[Callable[[str, Exception], None]] = []
_said: set[tuple[str, str]] = set()
_saying = threading.Lock()


def say_once(cause: str, message: str) -> None:
    """Warn the user, on the `skribe` logger, once per cause for the life of the process."""
    with _saying:
        if (cause, "") in _said:
            return
        _said.add((cause, ""))
    logger.warning(message)


def forget(cause: str) -> None:
    """The cause is gone: should it come back, it is worth another word."""
    with _saying:
        _said.discard((cause, ""))


def swallow(what: str, error: Exception) -> None:
    """Report an error of ours that the user's code must not feel."""
    for observer in observers:
        observer(what, error)
    with _saying:
        key = (what, type(error).__qualname__)
        if key in _said:
            return
        _said.add(key)
    logger.warning(
        "Continuing without %s: %s: %s. Your code is not affected; please report this to skribe.",
        what,
        type(error).__qualname__,
        error,
        exc_info=logger.isEnabledFor(logging.DEBUG),
    )


def contain(what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Call our own `function`; if it fails, report that and return None."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        pass_on(error)
        swallow(what, error)
        return None


def attempt(what: str, notes: list[Note], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Ask the user's objects something; if they refuse, note `what` is absent and why, and return None."""
    try:
        return function(*args, **kwargs)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        # Also `sys.exit()` and a test's `fail()`: the user's program has not come to that line, only we have.
        pass_on(error)
        notes.append(Note(what, reason_of(error)))
        return None


def pass_on(error: BaseException) -> None:
    """Raise it again if a signal handler of the user's raised it, a time-out: it was meant for the user's code."""
    trace = error.__traceback__
    if trace is None or threading.current_thread() is not threading.main_thread():
        return
    handlers = {
        getattr(handler, "__code__", None)
        for number in signal.valid_signals()
        if callable(handler := signal.getsignal(number))
    } - {None}
    while trace is not None and handlers:
        if trace.tb_frame.f_code in handlers:
            raise error
        trace = trace.tb_next


def reason_of(error: BaseException) -> str:
    """One line that says why: the error's type and the first line of its message."""
    try:
        text = str(error).strip()
    except Exception:
        text = "(its message cannot be shown)"
    first = text.splitlines()[0] if text else ""
    return f"{type(error).__qualname__}: {first}" if first else type(error).__qualname__


class _Here:
    """Stands where a warning filter has its pattern, and matches every text of the hushed threads.

    scikit-learn hands the filters on to the workers of its parallel loops, by their `pattern` or pickled; what
    arrives there matches nothing.
    """

    pattern = "(?!)"

    def __init__(self) -> None:
        self.threads: dict[int, int] = {}

    def match(self, _text: str) -> bool:
        return threading.get_ident() in self.threads

    def __reduce__(self) -> tuple[Any, ...]:
        return re.compile, (self.pattern,)


_here = _Here()
hushed_threads = _here.threads  # the threads whose warnings are being kept from the user, and how often over
_FILTER: Any = ("ignore", _here, Warning, None, 0)
_hushing = threading.Lock()


def is_hushed() -> bool:
    """Whether this thread's warnings are being kept from the user just now."""
    return threading.get_ident() in _here.threads


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Let no warning of this thread be shown, or counted as shown.

    `warnings.catch_warnings` would do neither: it acts on every thread, and it makes Python forget which warnings
    the user has already seen. This puts one filter in front, in place, that applies to the hushed threads only.
    """
    me = threading.get_ident()
    before = _here.threads.get(me, 0)
    filters = warnings.filters
    try:
        with _hushing:
            _here.threads[me] = before + 1
            filters.insert(0, _FILTER)  # type: ignore[attr-defined]
        yield
    finally:
        with _hushing:
            if before:
                _here.threads[me] = before
            else:
                _here.threads.pop(me, None)
            with contextlib.suppress(ValueError):
                filters.remove(_FILTER)  # type: ignore[attr-defined]
