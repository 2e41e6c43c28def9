"""How good fitted models are: their `score`, scorers, and the functions of `sklearn.metrics`, told as `Score`s.

A function of metrics sees arrays only. Which model they come from is known by the answers that `Asked` hooks have
remembered. Nothing is told of calls that scikit-learn makes for its own ends.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NamedTuple

from skribe.guard import attempt, contain
from skribe.hooks.answers import Answer, Answers, column_of, content_as_array, restored
from skribe.hooks.cells import cell_of, exchange
from skribe.hooks.context import asking
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
# Functions of the user's come and go.
_signatures: weakref.WeakKeyDictionary[Any, inspect.Signature] = weakref.WeakKeyDictionary()
# So many targets are remembered: what has been one is not taken for another model's prediction.
_TARGETS = 256


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
    about: str | None = None  # stands for X, where X is gone
    parameters: tuple[str, ...] = ("y_true", "y_pred")


class Scores:
    """What the hooks on predictions and metrics tell, until the listener has gone."""

    def __init__(self, calls: Any) -> None:
        self._calls = calls
        self.answers = Answers()
        self._targets: deque[str | None] = deque(maxlen=_TARGETS)

    # -- a model has answered

    def answered(self, hook: Hook, args: Args, kwargs: Kwargs, said: Any) -> None:
        """Remember whose answer this is. A single row is no answer that a metric could be made of."""
        cls = type(said)
        if cls.__name__ == "ndarray" and cls.__module__ == "numpy" and said.ndim and len(said) < 2:
            return  # as quickly as can be: somebody may serve this model
        if self._hears():
            contain("an answer", self._answered, hook.original.__name__, args, kwargs, said, sys._getframe(2))

    def _answered(self, method: str, args: Args, kwargs: Kwargs, said: Any, frame: FrameType) -> None:
        first = said[0] if type(said) is list and said else said
        shape = attempt("a shape", [], getattr, first, "shape", None)
        if type(shape) is not tuple or not shape or type(shape[0]) is not int or shape[0] < 2:
            return
        # In a thread of its own an ensemble asks its members, and nobody outside has asked them anything.
        if not str(frame.f_globals.get("__name__", "")).startswith(("sklearn.", "joblib.")):
            self.remember(method, args[1], _first(args[2:], kwargs), said)

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
        token = asking.set(())  # what the user's objects do because we look at them is nothing that the user asked
        try:
            self._tell_of(frame, of, *call)
        finally:
            asking.reset(token)

    def _tell_of(self, frame: FrameType, of: Callable[..., _Told | None], *call: Any) -> None:
        caller = caller_of(frame)
        told = None if caller is None else of(*call)
        if told is None:
            return
        names = names_of((told.X, told.y, told.said), caller)
        score = Score(
            told.metric,
            told.value,
            told.mark,
            told.model,
            told.X,
            told.about,
            told.y,
            (names[0], names[1]),
            told.answers,
            told.options,
            _written(told, *names),
        )
        self._calls.listener.scored(score)

    def _of_model(self, model: Any, args: Args, kwargs: Kwargs, value: Any, box: list[Any]) -> _Told:
        y = args[1] if len(args) > 1 else kwargs.get("y", kwargs.get("Y"))
        options = {key: given for key, given in kwargs.items() if key not in ("X", "y", "Y") and given is not None}
        if len(args) > 2 and args[2] is not None:
            options["sample_weight"] = args[2]
        speakers = _speakers_of(model)
        answers = {method: said for asked, method, said in box if any(asked is each for each in speakers)}
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
        while isinstance(function, functools.partial):
            given = {**function.keywords, **given}
            function = function.func
        options = _beyond_defaults(function, {key: each for key, each in given.items() if each is not None})
        # A scorer turns an error round so that more is better; the metric is what its name says.
        value = -value if getattr(scorer, "_sign", 1) < 0 else value
        answers = {method: said for asked, method, said in box if asked is model}
        mark = self._calls.listener.mark_of(model)
        return _Told(_name_of(function), value, mark, model, X, y, answers, options)

    def _of_function(self, function: Function, args: Args, kwargs: Kwargs, value: Any) -> _Told | None:
        signature = _signature(function)
        given = signature.bind(*args, **kwargs).arguments
        names = tuple(signature.parameters)[:2]
        true, said = given.pop(names[0], None), given.pop(names[1], None)
        if said is None or isinstance(said, str):
            alias = next((name for name in _ALIASES if hasattr(given.get(name), "__len__")), None)
            said = None if alias is None else given.pop(alias)
        answer = self._source(true, said, names[0])
        if answer is None or _length(said) != _length(true):
            return None
        whole = answer()
        if whole is None:
            whole = restored(answer, said)
        if whole is not None and _length(said) != _length(whole):
            return None  # a part of what was said is about a part of the data, and nobody knows which
        options = _beyond_defaults(function, given)
        column = None if whole is None else column_of(said, whole)
        if column is not None:
            options["column"] = column
        # Where the first argument is a table, that is what is judged, whatever the labels were made of.
        X, y = (true, None) if names[0] == "X" else (answer.data(), true)
        about = None if names[0] == "X" else answer.about or f"answer {answer.number}"
        answers = {} if whole is None or column is not None else {answer.method: whole}
        model = None if answer.model is None else answer.model()
        return _Told(function.__name__, value, answer.mark, model, X, y, answers, options, said, about, names)

    def _source(self, true: Any, said: Any, first: str) -> Answer | None:
        """Whose answer is judged; None where nobody's, or where two models are compared with each other."""
        answers = self.answers
        answer = answers.of(said)
        if first in _SYMMETRIC and answer is None and answers.of(true) is not None:
            true, answer = said, answers.of(true)
        answer = answer or answers.like(said)
        if answer is None or first == "X":
            return answer
        if answers.of(true) is not None:
            return None
        content = content_as_array(true)
        if content not in self._targets:
            other = answers.like(true)
            if other is not None and not other.is_of_the_same(answer):
                return None
            self._targets.append(content)
        return answer


def _speakers_of(model: Any) -> list[Any]:
    """The model, and the part of a pipeline or a search that answers for it."""
    found = [model]
    for _ in range(8):
        held = getattr(found[-1], "__dict__", {})
        steps = held.get("steps")
        inner = held.get("best_estimator_")
        if inner is None and type(steps) is list and steps and type(steps[-1]) is tuple:
            inner = steps[-1][-1]
        if inner is None or isinstance(inner, str):
            break
        found.append(inner)
    return found


def _name_of(function: Any) -> str:
    name = str(getattr(function, "__name__", type(function).__name__))
    if name != "<lambda>":
        return name
    # One lambda is told from another by what it does.
    return f"lambda.{zlib.crc32(function.__code__.co_code + repr(function.__code__.co_consts).encode()):08x}"


def _length(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    if type(shape) is tuple and shape:
        return int(shape[0])
    return len(value) if hasattr(value, "__len__") else None


def _first(args: Args, kwargs: Kwargs) -> Any:
    return args[0] if args else kwargs.get("X")


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        known = _signatures.get(function)
    except TypeError:  # it cannot be a key
        return inspect.signature(function)
    if known is None:
        known = inspect.signature(function)
        with contextlib.suppress(TypeError):
            _signatures[function] = known
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
        if not (key == "pos_label" and value is None)  # no class is the positive one: the average says all
        and (key not in parameters or not _is_plainly(value, parameters[key].default))
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
    if hasattr(value, "shape") or callable(value) or (hasattr(value, "__len__") and len(value) > 40):
        return "…"
    if isinstance(value, list | tuple | set | dict) and (len(value) > 8 or any(isinstance(v, float) for v in value)):
        return "…"  # it could be made of the user's data
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
