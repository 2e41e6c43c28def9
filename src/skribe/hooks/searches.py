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
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any

from skribe.guard import contain
from skribe.hooks.context import Scope
from skribe.hooks.importlib_bootstrap import in_task, travelling
from skribe.records import Outcome, Task, Warned

# The functions of scikit-learn whose calls are the tasks that matter, one (candidate, split) each or more.
_TASKS = frozenset({
    "_fit_and_score", "_fit_and_predict", "_incremental_fit_estimator", "_permutation_test_score",
})  # fmt: skip
# Where tasks go by way of cloudpickle, or go nowhere: what travels by value arrives there.
_BY_VALUE = frozenset({"SequentialBackend", "ThreadingBackend", "LokyBackend", "DaskDistributedBackend"})


class Following:
    """The tasks of one call of `Parallel`, on their way out and back."""

    def __init__(self, scope: Scope, tagged: bool) -> None:
        self.scope = scope
        self.name = f"{os.getpid()}-{next(_numbers)}"
        self.tagged = tagged
        call: Any = scope.call
        self.call = call
        self.first: int = call.tasks
        self.results: dict[int, Any] = {}
        self.out: list[int] = []  # what was given out and is not back, where results come back in order
        self.given = 0

    def outgoing(self, tasks: Iterable[Any], batch: int) -> Iterator[Any]:
        """The tasks to be done. Those whose result is known already are left out."""
        for number, task in enumerate(tasks):
            self.given = number + 1
            outcome = self._announce(number, task, batch)
            if outcome is not None:
                self.results[number] = outcome.result
                self._tell(outcome)
                continue
            if self.tagged:
                wrapper = task[0]
                wrapper.function = functools.partial(_travel, wrapper.function, self.name, number)
            else:
                self.out.append(number)
            yield task

    def _announce(self, number: int, task: Any, batch: int) -> Outcome | None:
        function, args, kwargs = task
        known = Task(self.first + number, function.function.__name__, args, kwargs, batch)
        return contain("a task of a search", self.scope.listener.dispatch, self.call, known)

    def take(self, back: Any) -> None:
        """A result has come back."""
        if not self.tagged:
            number = self.out.pop(0)
            self.results[number] = back
            self._tell(Outcome(self.first + number, back))
            return
        number, result, began, ended, worker, warned, inner = back
        self.results[number] = result
        seen = None if warned is None else tuple(Warned(*one) for one in warned)
        self._tell(Outcome(self.first + number, result, began, ended, worker, seen, inner))

    def lose(self, error: BaseException) -> None:
        """A task has raised in another process; the exception says which."""
        number = error.__dict__.pop("_skribe_task", None)
        if number is not None:
            self._broke(number, error)

    def _broke(self, number: int, error: BaseException) -> None:
        contain("a task that failed", self.scope.listener.break_off, self.call, self.first + number, error)

    def _tell(self, outcome: Outcome) -> None:
        contain("the result of a task", self.scope.listener.arrive, self.call, outcome)

    def run(self, function: Callable[..., Any], number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do a task in this very process, in a scope of its own."""
        scope = self.scope.of_task(self.first + number)
        warned = scope.warned
        began = time.time()
        try:
            result = in_task(scope, function, args, kwargs)
        except BaseException as error:
            self._broke(number, error)
            raise
        finally:
            scope.close()
        return number, result, began, time.time(), threading.get_ident(), warned, None

    def in_order(self) -> list[Any]:
        """All results, in the order of the tasks."""
        return [self.results[number] for number in range(self.given)]


_numbers = itertools.count()
# By name, because what travels must not carry an object of ours. A name that means nothing here is of another process.
following: weakref.WeakValueDictionary[str, Following] = weakref.WeakValueDictionary()
# Its module is one that cannot be imported from: that is what makes cloudpickle send the function itself.
_travel = FunctionType(travelling.__code__, {"__builtins__": builtins, "__name__": "__main__"}, "travelling")
_travel.__module__ = "__main__"


def follow(original: Callable[..., Any], parallel: Any, tasks: Iterable[Any], scope: Scope) -> Any:
    """What `parallel(tasks)` returns; meanwhile the listener is told of each result as it comes."""
    tasks = iter(tasks)
    head = list(itertools.islice(tasks, 1))
    tasks = itertools.chain(head, tasks)
    if not head or not _is_ours(head[0]):
        return original(parallel, tasks)
    how = contain("the way of a search's results", _way_of, parallel)
    if how is None:
        return original(parallel, tasks)
    kind, tagged = how
    each = Following(scope, tagged)
    batch, each.call.batches = each.call.batches, each.call.batches + 1
    following[each.name] = each
    try:
        if kind == "list":
            for result in original(parallel, each.outgoing(tasks, batch)):
                each.take(result)
        else:
            _as_they_come(original, parallel, each, each.outgoing(tasks, batch), ordered=not tagged)
    finally:
        each.call.tasks += each.given
        following.pop(each.name, None)
    return each.in_order()


def _is_ours(task: Any) -> bool:
    wrapper = task[0]
    function = getattr(wrapper, "function", None)
    return (
        type(wrapper).__name__ == "_FuncWrapper"
        and getattr(function, "__name__", None) in _TASKS
        and str(getattr(function, "__module__", None)).startswith("sklearn.model_selection.")
    )


def _way_of(parallel: Any) -> tuple[str, bool]:
    """How results come back from this `Parallel`, and whether each task can carry its number there and back."""
    backend = parallel._backend
    alone = backend.effective_n_jobs(parallel.n_jobs) == 1
    tagged = alone or type(backend).__name__ in _BY_VALUE
    if tagged and not alone and type(backend).__name__ == "LokyBackend":
        from joblib.externals.loky.backend.reduction import get_loky_pickler_name

        tagged = get_loky_pickler_name() == "cloudpickle"
    yields = all(hasattr(parallel, name) for name in ("return_generator", "return_ordered", "return_as"))
    if not yields or not (alone or getattr(backend, "supports_return_generator", False)):
        # joblib before 1.3, and multiprocessing: the results come all together.
        return "list", alone
    return "yield", tagged


def _as_they_come(
    original: Callable[..., Any], parallel: Any, each: Following, tasks: Iterator[Any], *, ordered: bool
) -> None:
    with _yielding(parallel, ordered):
        results = original(parallel, tasks)
        while True:
            try:
                back = next(results)
            except StopIteration:
                return
            except BaseException as error:
                each.lose(error)
                raise
            try:
                each.take(back)
            except BaseException as error:
                # Ctrl-C while we were writing: joblib is to learn of it as if it had come while it waited.
                results.throw(error)
                raise


@contextlib.contextmanager
def _yielding(parallel: Any, ordered: bool) -> Iterator[None]:
    before = parallel.return_as, parallel.return_generator, parallel.return_ordered
    parallel.return_as = "generator" if ordered else "generator_unordered"
    parallel.return_generator, parallel.return_ordered = True, ordered
    try:
        yield
    finally:
        parallel.return_as, parallel.return_generator, parallel.return_ordered = before
