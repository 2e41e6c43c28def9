"""Which task is which: the candidate and the split, or the fold, the size, the value, that a task stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from skribe.capture.candidates import constants_of, described, name_of
from skribe.guard import hushed
from skribe.records import Call, Kind, Task, ValueType


class Place(NamedTuple):
    """Where a task belongs."""

    part: int  # which candidate, fold, size or value
    split: int
    name: str
    chosen: Mapping[str, Any]  # what was chosen for this part
    texts: Mapping[str, tuple[str, ValueType]]  # the same, described
    splits: int | None  # how many tasks the part has; None: it is not known before the end
    iteration: int | None = None
    resources: float | None = None


class Layout(Protocol):
    """How one kind of call is divided."""

    kind: Kind  # of the child runs

    def place(self, task: Task) -> Place | None:
        """Where the task belongs; None if it has no place of its own."""
        ...

    def total(self) -> int | None:
        """How many tasks there are, as far as it is known."""
        ...


class Candidates:
    """A search: `_fit_and_score` says itself which candidate and which split it is."""

    kind: Kind = "candidate"

    def __init__(self, search: Any) -> None:
        self._search = search
        self._constant = constants_of(search)
        self._batch = -1
        self._before = 0  # candidates of earlier batches
        self._in_batch = 0
        self._total = 0
        self._halving: tuple[int | None, float | None] = None, None
        self._last: Place | None = None

    def place(self, task: Task) -> Place:
        candidate, candidates = task.kwargs["candidate_progress"]
        split, splits = task.kwargs["split_progress"]
        if task.batch != self._batch:
            self._batch, self._before = task.batch, self._before + self._in_batch
            self._in_batch = candidates
            self._total += candidates * splits
            self._halving = _halving_of(self._search)
        part = self._before + candidate
        if self._last is not None and self._last.part == part:
            return self._last._replace(split=split)
        chosen = task.kwargs["parameters"] or {}
        with hushed():
            texts = described(chosen)
        name = name_of(texts, self._constant)
        if self._halving[0] is not None:
            name = f"{name}, iter={self._halving[0]}"
        self._last = Place(part, split, name, chosen, texts, splits, *self._halving)
        return self._last

    def total(self) -> int | None:
        return self._total


def _halving_of(search: Any) -> tuple[int | None, float | None]:
    """The iteration that a halving search is in, counted as in `cv_results_`, and what it gives to a candidate."""
    given = vars(search).get("n_resources_")
    return (len(given) - 1, given[-1]) if isinstance(given, list) and given else (None, None)


class Folds:
    """`cross_validate`, `cross_val_score`, `cross_val_predict`: a child for each fold."""

    kind: Kind = "fold"

    def __init__(self, call: Call) -> None:
        cv = call.arguments.get("cv")
        self._total = 5 if cv is None else cv if isinstance(cv, int) and not isinstance(cv, bool) else None

    def place(self, task: Task) -> Place:
        return Place(task.number, task.number, f"fold {task.number}", {}, {}, 1)

    def total(self) -> int | None:
        return self._total


class Sizes:
    """`learning_curve`: a child for each size of the training set."""

    kind: Kind = "candidate"

    def __init__(self) -> None:
        self._parts: dict[int, int] = {}
        self._seen: dict[int, int] = {}

    def place(self, task: Task) -> Place:
        if task.function == "_incremental_fit_estimator":  # all sizes of one split
            return Place(-1, task.number, "", {}, {}, None)
        size = len(task.kwargs["train"])
        split = self._seen[size] = self._seen.get(size, -1) + 1
        return self.of_size(size, split)

    def of_size(self, size: int, split: int) -> Place:
        """The place of one size in one split."""
        chosen = {"train_size": size}
        part = self._parts.setdefault(size, len(self._parts))
        return Place(part, split, f"train_size={size}", chosen, described(chosen), None)

    def total(self) -> int | None:
        return None


class Values:
    """`validation_curve`: a child for each value of the parameter; scikit-learn goes split by split."""

    kind: Kind = "candidate"

    def __init__(self, call: Call) -> None:
        self._values = len(call.arguments["param_range"])

    def place(self, task: Task) -> Place:
        split, part = divmod(task.number, self._values)
        chosen = task.kwargs["parameters"]
        texts = described(chosen)
        return Place(part, split, name_of(texts), chosen, texts, None)

    def total(self) -> int | None:
        return None


class Permutations:
    """`permutation_test_score`: each task is a whole cross-validation on shuffled targets, and no part of its own."""

    kind: Kind = "fold"

    def __init__(self, call: Call) -> None:
        self._total: int = call.arguments["n_permutations"]

    def place(self, task: Task) -> None:  # noqa: ARG002 - as the others
        return None

    def total(self) -> int | None:
        return self._total


def layout_of(call: Call) -> Layout:
    """How this call is divided."""
    if not call.function:
        return Candidates(call.estimator)
    match call.method:
        case "learning_curve":
            return Sizes()
        case "validation_curve":
            return Values(call)
        case "permutation_test_score":
            return Permutations(call)
    return Folds(call)
