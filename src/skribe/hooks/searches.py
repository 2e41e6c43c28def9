"""The tasks of a search, or of a cross-validation, told one by one as their results arrive.

scikit-learn gives all its tasks to one `Parallel` and looks at the results when the last one is there. Here the same
`Parallel` is asked to yield them as they come, and the list that scikit-learn expects is made of them afterwards. So
that a result can say which task it belongs to, each task is wrapped in a function that travels by value: a worker
that cannot import skribe, on another machine of a Dask cluster, needs nothing of ours to do it.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import itertools
import os
import pickle
import re
import threading
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

from skribe.guard import contain, hushed
from skribe.hooks.context import Scope, name_of
from skribe.hooks.importlib_bootstrap import run_here, travelling
from skribe.records import Outcome, Task, Warned

# Under this name a task carries its scope.
MARK = "_skribe_scope"
# The functions of scikit-learn whose calls are the tasks that matter, one (candidate, split) each or more.
_TASKS = frozenset({
    "_fit_and_score", "_fit_and_predict", "_incremental_fit_estimator", "_permutation_test_score",
})  # fmt: skip
_OUR_FRAME = re.compile(rf'  File "{re.escape(os.path.dirname(__file__))}.*\n(?:    .*\n)*')
# Where tasks go by way of cloudpickle, or go nowhere: what travels by value arrives there.
_BY_VALUE = frozenset({"SequentialBackend", "ThreadingBackend", "LokyBackend", "DaskDistributedBackend"})


class Following:
    """The tasks of one call of `Parallel`, on their way out and back."""

    def __init__(self, scope: Scope, way: Way) -> None:
        self.scope = scope
        self.name = uuid.uuid4().hex  # a worker on another machine may have our process number
        self.way = way
        self.yields = way.yields
        call: Any = scope.call
        self.call = call
        self.keeps = way.tagged and bool(scope.listener.wants_models(call))
        self.first: int = call.tasks
        self.batch: int = call.batches
        call.batches += 1
        self.results: dict[int, Any] = {}
        self.out: list[int] = []  # what was given out and is not back, where results come back in order
        self.given = 0
        following[self.name] = self

    run = run_here

    def close(self) -> None:
        """No more of them will come."""
        self.call.tasks += self.given
        following.pop(self.name, None)

    # -- out

    def outgoing(self, tasks: Iterable[Any]) -> Iterator[Any]:
        """The tasks to be done. Those whose result is known already are left out."""
        for number, task in enumerate(tasks):
            self.given = number + 1
            outcome = self._announce(number, task)
            if outcome is not None:
                self.results[number] = outcome.result
                self._tell(outcome)
                continue
            if self.keeps:
                task[2]["return_estimator"] = 1  # as good as True, and known for ours
            if self.way.tagged:
                wrapper = task[0]
                wrapper.function = functools.partial(_travel, wrapper.function, self.name, number)
            else:
                self.out.append(number)
            yield task

    def _announce(self, number: int, task: Any) -> Outcome | None:
        function, args, kwargs = task
        known = Task(self.first + number, function.function.__name__, args, kwargs, self.batch)
        return contain("a task of a search", self.scope.listener.dispatch, self.call, known)

    # -- in this process

    def scope_of(self, number: int) -> Scope:
        """The scope for a task that is done here."""
        return self.scope.of_task(self.first + number)

    def done(self, number: int, result: Any, began: float, warned: list[Warned] | None) -> Any:
        """It has been done. What is to be handed to joblib."""
        worker = threading.get_ident()
        if self.yields:
            return number, result, began, time.time(), worker, warned, None, None
        model = self._clean(result)
        self.results[number] = result
        told = Outcome(self.first + number, result, began, time.time(), worker, tuple(warned or ()), model=model)
        self._tell(told)
        return result

    # -- back

    def take(self, back: Any) -> None:
        """A result has come back."""
        if not self.way.tagged:
            number = self.out.pop(0)
            model = self._clean(back)
            self.results[number] = back
            self._tell(Outcome(self.first + number, back, model=model))
            return
        number, result, began, ended, worker, warned, inner, sent = back
        model = self._clean(result)
        if sent is not None:
            model = contain("the model of a task", pickle.loads, sent)
        self.results[number] = result
        seen = None if warned is None else tuple(Warned(*one) for one in warned)
        held = None if inner is None else contain("a search inside a task", pickle.loads, inner)
        self._tell(Outcome(self.first + number, result, began, ended, worker, seen, held, model=model))

    def take_all(self, results: list[Any]) -> None:
        """All results have come back at once. Those of tasks that were done here have been told already."""
        if not self.way.tagged:
            for back in results:
                self.take(back)

    def lose(self, error: BaseException) -> None:
        """A task has raised in another process; the exception says which."""
        number = getattr(error, "__dict__", {}).pop("_skribe_task", None)
        if number is not None:
            self.broke(number, error)

    def broke(self, number: int, error: BaseException) -> None:
        """A task has raised, and with it the call."""
        contain("a task that failed", self.scope.listener.break_off, self.call, self.first + number, error)

    def _clean(self, result: Any) -> Any:
        """The result as scikit-learn is to have it; the model that was asked for beside it comes back."""
        if not isinstance(result, dict):
            return None
        # scikit-learn shows the traceback of a failed fit to the user: without the frames that are ours.
        if result.get("fit_error"):
            result["fit_error"] = _OUR_FRAME.sub("", result["fit_error"])
        model = result.pop("estimator", None) if self.keeps else None
        return None if result.get("fit_error") else model

    def _tell(self, outcome: Outcome) -> None:
        contain("the result of a task", self.scope.listener.arrive, self.call, outcome)

    def in_order(self) -> list[Any]:
        """All results, in the order of the tasks."""
        return [self.results[number] for number in range(self.given)]

    @contextlib.contextmanager
    def yielding(self, parallel: Any) -> Iterator[None]:
        """Let a `Parallel` hand over its results as they come, for the length of one call."""
        before = parallel.return_as, parallel.return_generator, parallel.return_ordered
        ordered = not self.way.tagged
        parallel.return_as = "generator" if ordered else "generator_unordered"
        parallel.return_generator, parallel.return_ordered = True, ordered
        try:
            yield
        finally:
            parallel.return_as, parallel.return_generator, parallel.return_ordered = before


# By name, because what travels must not carry an object of ours. A name that means nothing here is of another process.
following: weakref.WeakValueDictionary[str, Following] = weakref.WeakValueDictionary()
# Its module is one that cannot be imported from: that is what makes cloudpickle send the function itself.
_travel = FunctionType(travelling.__code__, {"__builtins__": builtins, "__name__": "__main__"}, "travelling")
_travel.__module__ = "__main__"


class Way(NamedTuple):
    """How results come back from a `Parallel`."""

    yields: bool  # one by one, from a generator; else in a list
    tagged: bool  # each task carries its number there and back


def marked_tasks(tasks: Iterable[Any], scope: Scope) -> Iterator[Any]:
    """The same tasks, each of which will run inside this scope, wherever it runs."""
    name = name_of(scope)
    for task in tasks:
        attributes = getattr(task[0], "__dict__", None) if type(task) is tuple and task else None
        if attributes is not None and type(task[0]).__name__ == "_FuncWrapper":
            attributes[MARK] = name
        yield task


def prepare(parallel: Any, tasks: Iterable[Any], scope: Scope) -> tuple[Iterable[Any], Following | None]:
    """The tasks as they are to be given out; and who follows them, if they are those of a search."""
    marked = marked_tasks(tasks, scope)
    if not scope.follows or getattr(parallel, "return_as", "list") != "list":
        return marked, None
    head = list(itertools.islice(marked, 1))
    marked = itertools.chain(head, marked)
    if not head or not _is_ours(head[0], scope):
        return marked, None
    with hushed():
        way = contain("the way of a search's results", _way_of, parallel)
    if way is None:
        return marked, None
    each = Following(scope, way)
    return each.outgoing(marked), each


def _is_ours(task: Any, scope: Scope) -> bool:
    if type(task) is not tuple or len(task) != 3:
        return False
    wrapper, _, kwargs = task
    function = getattr(wrapper, "function", None)
    if type(wrapper).__name__ != "_FuncWrapper" or getattr(function, "__name__", None) not in _TASKS:
        return False
    if not str(getattr(function, "__module__", None)).startswith("sklearn.model_selection."):
        return False
    by_search = scope.call is not None and not scope.call.function
    return not by_search or {"candidate_progress", "split_progress"} <= kwargs.keys()


def _way_of(parallel: Any) -> Way | None:
    backend = parallel._backend
    try:
        alone = backend.effective_n_jobs(parallel.n_jobs) == 1
    except Exception:  # noqa: BLE001 - joblib will say it itself
        return None
    if alone:
        return Way(yields=False, tagged=True)
    tagged = type(backend).__name__ in _BY_VALUE
    if tagged and type(backend).__name__ == "LokyBackend":
        from joblib.externals.loky.backend.reduction import get_loky_pickler_name

        tagged = get_loky_pickler_name() == "cloudpickle"
    known = all(hasattr(parallel, name) for name in ("return_generator", "return_ordered", "return_as"))
    if not known or not getattr(backend, "supports_return_generator", False):
        # joblib before 1.3, and multiprocessing: the results come all together.
        return Way(yields=False, tagged=False)
    return Way(yields=True, tagged=tagged)
