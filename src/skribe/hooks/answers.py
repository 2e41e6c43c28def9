"""Which array is whose answer: what fitted models have said is remembered for as long as somebody holds it.

Nothing is kept alive by this. An answer is known by the very object that the model returned; views of it lead back
to it through their `base`, and copies through their content. One that has been written into is no answer any more.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any

# So many answers are remembered, the latest; one that is older is found no more.
_MOST = 50_000
# So many of the latest are compared with an array that may be a copy of one.
_COMPARED = 512
# Fewer rows than this may agree by chance.
_LEAST = 8
_LONGEST_LIST = 1_000_000
# A copy of one of so many columns is known as well.
_COLUMNS = 3


class Answer(weakref.ref[Any]):
    """A weak reference to what a model has said, with who said it, how, and about what."""

    __slots__ = ("X", "about", "columns", "content", "key", "mark", "method", "model", "number")

    key: int
    number: int  # in the order in which they came
    mark: Any  # what the listener knows the model by
    model: Any  # a weak reference to it, or None
    method: str
    X: Any  # a weak reference to the data, or None
    about: str | None  # stands for the content of X
    content: str | None  # stands for the content of what was said
    columns: tuple[str | None, ...]  # and of each column of it

    def is_of_the_same(self, other: Answer) -> bool:
        """Whether both are what one model has said of the same data."""
        if self.number == other.number:
            return True
        if self.method != other.method or self.about is None or self.about != other.about:
            return False
        if self.mark is not None or other.mark is not None:
            return self.mark is other.mark
        return self.model is not None and other.model is not None and self.model() is other.model() is not None

    def data(self) -> Any:
        """What it is about; None if that is gone, or has been written into since."""
        X = None if self.X is None else self.X()
        return X if X is not None and (self.about is None or _content(X) == self.about) else None


class Answers:
    """The answers that are still held by somebody, and the latest of those that are not."""

    def __init__(self) -> None:
        self._known: dict[int, Answer] = {}
        self._latest: deque[Answer] = deque(maxlen=_COMPARED)
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._latest)

    def add(self, said: Any, model: Any, mark: Any, method: str, X: Any) -> None:
        """Remember what a model has said."""
        try:
            answer: Answer = Answer(said, self._gone)
        except TypeError:  # nothing that can be recognized later
            return
        self._count += 1
        answer.key, answer.number, answer.mark, answer.method = id(said), self._count, mark, method
        answer.model, answer.X = _weak(model), _weak(X)
        answer.about, answer.content, answer.columns = _content(X), _content(said), ()
        if _is_array(said) and said.ndim == 2 and said.shape[1] <= _COLUMNS:
            answer.columns = tuple(_content(said[:, k]) for k in range(said.shape[1]))
        known = self._known
        known[answer.key] = answer
        self._latest.append(answer)
        if len(known) > _MOST:
            known.pop(next(iter(known)), None)

    def _gone(self, answer: Any) -> None:
        key = answer.key
        if self._known.get(key) is answer:
            del self._known[key]

    def of(self, value: Any) -> Answer | None:
        """Whose answer this very object is, or is a view of, row by row."""
        seen = value
        for _ in range(6):
            if seen is None:
                return None
            answer = self._known.get(id(seen))
            if answer is not None and answer() is seen:
                unchanged = answer.content is None or answer.content == _content(seen)
                return answer if unchanged and (seen is value or _is_aligned(value, seen)) else None
            seen = _base(seen)
        return None

    def like(self, value: Any) -> Answer | None:
        """Whose answer this is a copy of; None if that is not sure."""
        array = _as_array(value)
        if array is None or array.ndim not in (1, 2) or len(array) < _LEAST or _is_constant(array):
            return None
        content = _content(array if array.ndim == 1 or array.shape[1] > 1 else array.ravel())
        found: Answer | None = None
        for answer in reversed(self._latest) if content is not None else ():
            if content == answer.content or content in answer.columns:
                if found is not None and not found.is_of_the_same(answer):
                    return None
                found = found or answer
        return found


def _content(value: Any) -> str | None:
    from skribe.capture.sample import content_of

    return content_of(value)


def content_as_array(value: Any) -> str | None:
    """What stands for the content of an array, a list or a column."""
    return _content(_as_array(value))


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


def _is_aligned(view: Any, whole: Any) -> bool:
    """Whether the rows of a view are those of the whole, in their order."""
    view = getattr(view, "_values", view)
    if not _is_array(view) or not _is_array(whole) or len(view) != len(whole) or not len(whole):
        return False
    ahead = view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    same_step = view.strides[0] == whole.strides[0] or len(whole) == 1
    inside_a_row = whole.ndim > 1 and 0 <= ahead < abs(whole.strides[0])
    return bool(same_step and (ahead == 0 or inside_a_row))


def column_of(view: Any, whole: Any) -> int | None:
    """Which column of a wider answer is judged; None where all of it is, or the usual one of two."""
    if not _is_array(whole) or whole.ndim != 2 or whole.shape[1] < 2 or getattr(view, "ndim", 1) != 1:
        return None
    values = _as_array(view)
    for k in range(whole.shape[1]):
        if values is not None and len(values) == len(whole) and bool((whole[:, k] == values).all()):
            return None if whole.shape[1] == 2 and k == 1 else k
    return None


def restored(answer: Answer, said: Any) -> Any:
    """What a model of two classes has said, of which only the probabilities of the second are left; or None."""
    column = _as_array(said)
    if answer.method != "predict_proba" or len(answer.columns) != 2 or answer.columns[1] != _content(column):
        return None
    import numpy as np

    return np.column_stack((1 - column, column))


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
