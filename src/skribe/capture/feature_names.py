"""The names of a model's features behind the steps of its pipeline, where scikit-learn alone has a say in them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# These pass on each column as it comes.
_ONE_TO_ONE = frozenset({
    "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "Normalizer", "TfidfTransformer",
    "PowerTransformer", "QuantileTransformer", "OrdinalEncoder", "Binarizer",
})  # fmt: skip
_VECTORIZERS = frozenset({"CountVectorizer", "TfidfVectorizer"})
# Asking this one computes the importances of the model inside it.
_COSTLY = frozenset({"SelectFromModel"})
# Functions under these names would be called for the answer.
_CALLED = ("feature_names_out", "verbose_feature_names_out", "feature_name_combiner")
# Seconds, measured: for a step, for each name that it gives, and for a word of a vocabulary.
_STEP, _NAME, _WORD = 6e-5, 1e-6, 6e-8
_DEPTH = 4


def names_of(
    final: Any,
    before: Iterable[Any],
    given: Sequence[str] | None,
    count: int,
    places: NDArray[np.intp],
    deadline: float,
) -> list[str] | None:
    """The names of the features at these places, of `count`; None if they cannot be known safely and in time.

    `given` are the columns that the first of the steps `before` the model got.
    """
    own = vars(final).get("feature_names_in_")
    if own is not None and len(own) == count:
        return [str(own[place]) for place in places]
    steps = [step for step in before if step is not None and not isinstance(step, str)]
    renaming = [step for step in steps if not (_is_from_sklearn(step) and type(step).__name__ in _ONE_TO_ONE)]
    if len(renaming) == 1 and renaming[0] is steps[0] and type(renaming[0]).__name__ in _VECTORIZERS:
        return _words(renaming[0], count, places, deadline)
    if not renaming:
        first = vars(steps[0]).get("feature_names_in_") if steps and given is None else None
        names = given if first is None else first
        return [str(names[place]) for place in places] if names is not None and len(names) == count else None
    if (_STEP + _NAME * count) * len(renaming) > deadline - time.perf_counter() or not all(map(_is_plain, steps)):
        return None
    told: Any = None if given is None else np.asarray([str(name) for name in given], dtype=object)
    for step in steps:
        told = step.get_feature_names_out(told)
    return [str(told[place]) for place in places] if len(told) == count else None


def _words(vectorizer: Any, count: int, places: NDArray[np.intp], deadline: float) -> list[str] | None:
    """The words of a text model: only those that are shown, for a vocabulary may have a million of them."""
    words = vars(vectorizer).get("vocabulary_")
    late = _WORD * count > deadline - time.perf_counter()
    if not _is_from_sklearn(vectorizer) or late or type(words) is not dict or len(words) != count:
        return None
    wanted = set(places.tolist())
    found = {place: str(word) for word, place in words.items() if place in wanted}
    return [found[place] for place in places.tolist()]


def _is_from_sklearn(part: Any) -> bool:
    return type(part).__module__.partition(".")[0] == "sklearn"


def _is_plain(part: Any, depth: int = 0) -> bool:
    """Whether all that will be asked for names is scikit-learn's own."""
    if part is None or isinstance(part, str):
        return True
    if depth > _DEPTH or not _is_from_sklearn(part) or type(part).__name__ in _COSTLY:
        return False
    held = vars(part)
    if any(callable(held.get(name)) for name in _CALLED):
        return False
    return all(_is_plain(inner, depth + 1) for value in held.values() for inner in _parts(value))


def _parts(value: Any) -> list[Any]:
    """The estimators in an attribute: itself, or those in the pairs and triples of pipelines and unions."""
    if isinstance(value, (list, tuple)):
        return [part for item in value[:100] for part in _parts(item)]
    return [value] if hasattr(type(value), "get_params") else []
