"""Which array is whose answer: what fitted models have said is remembered for as long as somebody holds it.

Nothing is kept alive by this. An answer is known by the very object that the model returned; views of it lead back
to it through their `base`, and copies through their content.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any

# So many answers are remembered, the latest; one that is older is found no more.
_MOST = 50_000
# So many of the latest are compared with an array that may be a copy of one.
_COMPARED = 256
# Fewer rows than this may agree by chance.
_LEAST = 8
_LONGEST_LIST = 1_000_000


class Answer(weakref.ref[Any]):
    """A weak reference to what a model has said, with who said it, how, and about what."""

    __slots__ = ("X", "key", "mark", "method", "model")

    key: int
    mark: Any  # what the listener knows the model by
    model: Any  # a weak reference to it, or None
    method: str
    X: Any  # a weak reference to the data, or None

    def is_of_the_same(self, other: Answer | None) -> bool:
        """Whether both are what one model has said of the same data."""
        if other is None or self.method != other.method or not _is_one(self.X, other.X):
            return False
        if self.mark is not None or other.mark is not None:
            return self.mark is other.mark
        return _is_one(self.model, other.model)


class Answers:
    """The answers that are still held by somebody."""

    def __init__(self) -> None:
        self._known: dict[int, Answer] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, said: Any, model: Any, mark: Any, method: str, X: Any) -> None:
        """Remember what a model has said."""
        try:
            answer: Answer = Answer(said, self._gone)
        except TypeError:  # nothing that can be recognized later
            return
        answer.key, answer.mark, answer.method = id(said), mark, method
        answer.model, answer.X = _weak(model), _weak(X)
        known = self._known
        known[answer.key] = answer
        if len(known) > _MOST:
            known.pop(next(iter(known)), None)

    def _gone(self, answer: Any) -> None:
        key = answer.key
        if self._known.get(key) is answer:
            del self._known[key]

    def of(self, value: Any) -> Answer | None:
        """Whose answer this very object is, or is a view of."""
        for _ in range(6):
            if value is None:
                return None
            answer = self._known.get(id(value))
            if answer is not None and answer() is value:
                return answer
            value = _base(value)
        return None

    def like(self, value: Any) -> Answer | None:
        """Whose answer this is a copy of; None if that is not sure."""
        array = _as_array(value)
        if array is None or array.ndim not in (1, 2) or len(array) < _LEAST or _is_constant(array):
            return None
        found: Answer | None = None
        for answer in itertools.islice(reversed(list(self._known.values())), _COMPARED):
            said = answer()
            if said is None or not _is_copy(array, said):
                continue
            if found is not None and not found.is_of_the_same(answer):
                return None
            found = found or answer
        return found


def _weak(value: Any) -> Any:
    try:
        return weakref.ref(value)
    except TypeError:
        return None


def _is_array(value: Any) -> bool:
    return any(cls.__name__ == "ndarray" and cls.__module__ == "numpy" for cls in type(value).__mro__)


def _base(value: Any) -> Any:
    """What this is a view of, or what a table's column is made of."""
    if _is_array(value):
        return value.base
    if type(value).__module__.partition(".")[0] == "pandas" and getattr(value, "ndim", 0) == 1:
        return getattr(value, "_values", None)
    return None


def _as_array(value: Any) -> Any:
    if _is_array(value):
        return value
    if isinstance(value, list | tuple):
        return None if len(value) > _LONGEST_LIST else _converted(value)
    return _converted(value) if hasattr(value, "__array__") and not hasattr(value, "tocsr") else None


def _converted(value: Any) -> Any:
    import numpy as np  # which is loaded: something has been predicted

    try:
        return np.asarray(value)
    except (ValueError, TypeError):
        return None


def _is_constant(array: Any) -> bool:
    try:
        return bool((array == array[:1]).all())
    except (TypeError, ValueError):
        return True


def _is_copy(array: Any, said: Any) -> bool:
    """Whether the array has the content of what was said, or of a column of it."""
    import numpy as np

    if not isinstance(said, np.ndarray) or not said.ndim or len(said) != len(array):
        return False
    if said.shape == array.shape:
        return bool(np.array_equal(said, array))
    if array.ndim == 1 and said.ndim == 2 and said.shape[1] <= 100:
        return any(np.array_equal(said[:, k], array) for k in range(said.shape[1]))
    return False


def _is_one(one: Any, other: Any) -> bool:
    """Whether two weak references lead to the same living object."""
    return one is not None and other is not None and one() is not None and one() is other()
