"""How good fitted models are: their `score`, scorers, and the functions of `sklearn.metrics`, told as `Score`s.

A function of metrics sees arrays only. Which model they come from is known by the answers that `Asked` hooks have
remembered. Nothing is told of calls that scikit-learn makes for its own ends.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NamedTuple

from skribe.guard import contain
from skribe.hooks.answers import Answer, Answers
from skribe.hooks.cells import cell_of, exchange
from skribe.hooks.importlib_bootstrap import Hook, Scored, judged
from skribe.hooks.names import caller_of, names_of
from skribe.hooks.wrapping import Patches
from skribe.records import Score

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Function = Callable[..., Any]

METRICS = "sklearn.metrics"
_SCORERS = "sklearn.metrics._scorer"
# The first two arguments of the functions that judge: what is true, and what a model has said.
_TRUE = ("y_true", "labels_true", "y1", "X")
_SAID = ("y_pred", "y_score", "y_prob", "y_proba", "probas_pred", "pred_decision", "labels_pred", "y2", "labels")
# What other names the second argument has had, and may still be given by.
_ALIASES = ("y_pred", "y_score", "y_prob", "y_proba", "probas_pred", "y_decision")
_SYMMETRIC = ("y1",)
_signatures: dict[Function, inspect.Signature] = {}


class _Told(NamedTuple):
    """What is told of a score, before the user's names for it are known."""

    metric: str
    value: Any
    mark: Any
    model: Any
    X: Any
    y: Any
    answers: Mapping[str, Any]
    options: Mapping[str, Any]
    said: Any = None
    parameters: tuple[str, ...] = ("y_true", "y_pred")


class Scores:
    """What the hooks on predictions and metrics tell, until the listener has gone."""

    def __init__(self, calls: Any) -> None:
        self._calls = calls
        self.answers = Answers()

    # -- a model has answered

    def answered(self, hook: Hook, args: Args, kwargs: Kwargs, said: Any) -> None:
        """Remember whose answer this is. A single row is no answer that a metric could be made of."""
        listener = self._calls.listener
        if listener is None or not listener.hears_scores:
            return
        shape = getattr(said, "shape", None)
        if shape is None:
            if type(said) is not list or not said or not hasattr(said[0], "shape"):
                return
        elif not shape or shape[0] < 2:
            return
        contain("an answer", self.remember, hook.original.__name__, args[1], _first(args[2:], kwargs), said)

    def remember(self, method: str, model: Any, X: Any, said: Any) -> None:
        """Remember an answer, and that a list's parts are answers."""
        mark = self._calls.listener.mark_of(model)
        for part in said if type(said) is list else (said,):
            self.answers.add(part, model, mark, method, X)

    # -- somebody judges

    def scored(self, hook: Hook, instance: Any, args: Args, kwargs: Kwargs, value: Any, box: list[Any]) -> None:
        """A model's own `score`, or a scorer, has given a value."""
        if self._hears():
            of = self._of_model if hook.original.__name__ == "score" else self._of_scorer
            contain("a score", self._tell, sys._getframe(2), of, instance, args, kwargs, value, box)

    def judged(self, function: Function, args: Args, kwargs: Kwargs, value: Any) -> None:
        """A function of `sklearn.metrics` has given a value."""
        if self.answers and self._hears():
            contain("a metric", self._tell, sys._getframe(2), self._of_function, function, args, kwargs, value)

    def _hears(self) -> bool:
        listener = self._calls.listener
        return listener is not None and listener.hears_scores

    def _tell(self, frame: FrameType, of: Callable[..., _Told | None], *call: Any) -> None:
        caller = caller_of(frame)
        told = None if caller is None else of(*call)
        if told is None:
            return
        names = names_of((told.X, told.y, told.said), caller)
        self._calls.listener.scored(
            Score(
                told.metric,
                told.value,
                told.mark,
                told.model,
                told.X,
                told.y,
                (names[0], names[1]),
                told.answers,
                told.options,
                _written(told, *names),
            )
        )

    def _of_model(self, model: Any, args: Args, kwargs: Kwargs, value: Any, box: list[Any]) -> _Told:
        y = args[1] if len(args) > 1 else kwargs.get("y", kwargs.get("Y"))
        options = {key: given for key, given in kwargs.items() if key not in ("X", "y", "Y") and given is not None}
        if len(args) > 2 and args[2] is not None:
            options["sample_weight"] = args[2]
        answers = {method: said for _, method, said in box}
        mark = self._calls.listener.mark_of(model)
        return _Told("score", value, mark, model, _first(args, kwargs), y, answers, options)

    def _of_scorer(self, scorer: Any, args: Args, kwargs: Kwargs, value: Any, box: list[Any]) -> _Told | None:
        if len(args) < 2:
            return None
        model, X = args[:2]
        y = args[2] if len(args) > 2 else kwargs.get("y_true")
        given = {**getattr(scorer, "_kwargs", {}), **{key: each for key, each in kwargs.items() if key != "y_true"}}
        if len(args) > 3:
            given["sample_weight"] = args[3]
        function = scorer._score_func
        options = _beyond_defaults(function, {key: each for key, each in given.items() if each is not None})
        # A scorer turns an error round so that more is better; the metric is what its name says.
        value = -value if getattr(scorer, "_sign", 1) < 0 else value
        answers = {method: said for asked, method, said in box if asked is model}
        mark = self._calls.listener.mark_of(model)
        return _Told(
            getattr(function, "__name__", type(function).__name__), value, mark, model, X, y, answers, options
        )

    def _of_function(self, function: Function, args: Args, kwargs: Kwargs, value: Any) -> _Told | None:
        signature = _signature(function)
        given = signature.bind(*args, **kwargs).arguments
        names = tuple(signature.parameters)[:2]
        true, said = given.pop(names[0], None), given.pop(names[1], None)
        if said is None or isinstance(said, str):
            alias = next((name for name in _ALIASES if hasattr(given.get(name), "__len__")), None)
            said = None if alias is None else given.pop(alias)
        answer = self._source(true, said, names[0])
        whole = None if answer is None else answer()
        if answer is None or whole is None or _length(said) != len(whole):
            return None  # a part of what was said is about a part of the data, and nobody knows which
        options = _beyond_defaults(function, given)
        model = None if answer.model is None else answer.model()
        X = None if answer.X is None else answer.X()
        y = None if names[0] == "X" else true
        return _Told(
            function.__name__, value, answer.mark, model, X, y, {answer.method: whole}, options, said, names
        )  # fmt: skip

    def _source(self, true: Any, said: Any, first: str) -> Answer | None:
        """Whose answer is judged; None where nobody's, or where two models are compared with each other."""
        answer, other = self.answers.of(said), self.answers.of(true)
        if first in _SYMMETRIC and answer is None and other is not None:
            answer, other = other, None
        if other is not None:
            return None
        answer = answer or self.answers.like(said)
        if answer is not None and _is_continuous(true):
            other = self.answers.like(true)
        return None if other is not None and not other.is_of_the_same(answer) else answer


def _length(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    return int(shape[0]) if shape else len(value) if hasattr(value, "__len__") else None


def _is_continuous(value: Any) -> bool:
    """Whether equal values cannot be an accident."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return kind == "f" and bool(((value % 1) != 0).any())


def _first(args: Args, kwargs: Kwargs) -> Any:
    return args[0] if args else kwargs.get("X")


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    known = _signatures.get(function)
    if known is None:
        known = _signatures[function] = inspect.signature(function)
    return known


def _beyond_defaults(function: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options that are not what the function takes by itself."""
    try:
        parameters = _signature(function).parameters
    except (TypeError, ValueError):
        return dict(options)
    return {
        key: value
        for key, value in options.items()
        if key not in parameters or not _is_plainly(value, parameters[key].default)
    }


def _is_plainly(value: Any, default: Any) -> bool:
    if value is default:
        return True
    return type(value) is type(default) and type(value) in (bool, int, float, str, tuple) and bool(value == default)


def _written(told: _Told, X: str | None, y: str | None, said: str | None) -> str:
    """The call as it could be written: `f1_score(y_true=y_test, y_pred=p, average='macro')`."""
    kind = type(told.model).__name__ if told.model is not None else "model"
    metric, (first, second) = told.metric, told.parameters
    if metric == "score":
        metric, parts = f"{kind}.score", [f"X={X or '…'}", *([f"y={y or '…'}"] if told.y is not None else [])]
    else:
        asked = f"{kind}.{next(iter(told.answers), 'predict')}({X or '…'})"
        parts = [f"{first}={(X if first == 'X' else y) or '…'}", f"{second}={said or asked}"]
    return f"{metric}({', '.join([*parts, *(f'{key}={_brief(value)}' for key, value in told.options.items())])})"


def _brief(value: Any) -> str:
    if hasattr(value, "shape") or callable(value):
        return "…"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def hook_metrics(patches: Patches, relay: Any) -> None:
    """Have the functions of `sklearn.metrics` that judge predictions, and its scorers, told to the relay."""
    module = sys.modules[METRICS]
    for name in module.__all__:
        function = getattr(module, name, None)
        cell = cell_of(function)
        if cell is not None and _judges(cell.cell_contents):
            exchange(patches, cell, judged(cell.cell_contents, relay))
    base = getattr(sys.modules.get(_SCORERS), "_BaseScorer", None)
    call = vars(base).get("__call__") if base is not None else None
    if inspect.isfunction(call):
        patches.replace(base, "__call__", Scored(call, call, relay))


def _judges(function: Any) -> bool:
    try:
        names = list(_signature(function).parameters)[:2]
    except (TypeError, ValueError):
        return False
    return len(names) == 2 and names[0] in _TRUE and names[1] in _SAID
