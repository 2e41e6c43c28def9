"""`score`: what the estimator's own `score` method gives, without another pass where that can be known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from skribe.guard import reason_of
from skribe.metrics.inference import Replay, Responses
from skribe.metrics.report import Sheet
from skribe.metrics.task import is_exactly, is_pipeline, is_search

# The last four define `score` only to accept X=None, and pass on to the mixin.
_STANDARD = {
    "ClassifierMixin": "accuracy",
    "RegressorMixin": "r2",
    "MultiOutputClassifier": "subset",
    "KNeighborsClassifier": "accuracy",
    "RadiusNeighborsClassifier": "accuracy",
    "DummyClassifier": "accuracy",
    "DummyRegressor": "r2",
}
_SCORERS = ("_Scorer", "_PredictScorer", "_ProbaScorer", "_ThresholdScorer")


class Rule(NamedTuple):
    """How an estimator's `score` comes about."""

    how: str  # "accuracy", "r2", "subset", "scorer", "callable", "own" or "none"
    weighted: bool = True
    scorer: Any = None
    estimator: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What has been computed already: a standard score by name, and the labels as `predict` would give them."""

    standard: Callable[[str, Any], float | None]
    labels: Callable[[], Any]


def rule_of(estimator: Any) -> Rule:
    """How this estimator's `score` comes about. Exact classes only: a subclass's own `score` is its own."""
    if "score" in getattr(estimator, "__dict__", {}):
        return Rule("own")
    if is_pipeline(estimator) and estimator.steps:
        last = estimator.steps[-1][1]
        return Rule("none") if last is None or isinstance(last, str) else rule_of(last)
    if is_search(estimator):
        return _of_search(estimator)
    if is_exactly(estimator, {"SelfTrainingClassifier"}) and not _routing():
        return rule_of(estimator.estimator_)._replace(weighted=False)
    if is_exactly(estimator, {"LogisticRegressionCV"}) and not _routing():
        scorer = estimator._get_scorer()
        known = is_exactly(scorer, set(_SCORERS))
        return Rule("scorer", scorer=scorer, estimator=estimator) if known else Rule("callable")
    # By the name the function was defined under: a hook that wraps it keeps the name, wherever it is put.
    method = getattr(type(estimator), "score", None)
    name = _STANDARD.get(str(getattr(method, "__qualname__", "")).removesuffix(".score"))
    if name is None or not str(getattr(method, "__module__", "")).startswith("sklearn."):
        return Rule("own")
    return Rule(name, weighted=name != "subset")


def _of_search(search: Any) -> Rule:
    best = getattr(search, "best_estimator_", None)
    scorer = getattr(search, "scorer_", None)
    if best is None or scorer is None:
        return Rule("none")
    if _routing():
        return Rule("own")
    several = scorer if isinstance(scorer, dict) else getattr(scorer, "_scorers", None)
    if isinstance(several, dict):
        scorer = several.get(search.refit) if isinstance(search.refit, str) else None
        if scorer is None:
            return Rule("none")
    if is_exactly(scorer, {"_PassthroughScorer"}):
        return rule_of(best)._replace(weighted=False)
    if is_exactly(scorer, set(_SCORERS)):
        return Rule("scorer", weighted=False, scorer=scorer, estimator=best)
    return Rule("callable")


def _routing() -> bool:
    from sklearn import get_config

    return bool(get_config().get("enable_metadata_routing", False))


def write(
    sheet: Sheet, estimator: Any, responses: Responses, y: Any, weight: Any, known: Known, permitted: bool
) -> None:
    """Write `score` on the sheet; `permitted` says whether the budget allows one more pass."""
    if not responses.offers("score"):
        return
    rule = rule_of(estimator)
    used = weight if rule.weighted else None
    if rule.how in ("accuracy", "r2", "subset"):
        value = known.standard(rule.how, used)
        if value is not None:
            sheet.add("score", value)
    elif rule.how == "scorer":
        extra = {} if used is None else {"sample_weight": used}
        replay = Replay(responses, known.labels, permitted)
        sheet.ask("score", rule.scorer, replay, responses.X, y, **extra)
    elif rule.how == "callable":
        sheet.absent("score", "its scorer is a function of yours, which is not called for a record's sake")
    elif rule.how != "none":
        sheet.absent("score", "its own score method would need another pass over the training data")


def first_pass(sheet: Sheet, responses: Responses, *arguments: Any) -> float | None:
    """Write `score` of an estimator of which nothing else has been asked."""
    try:
        value = float(responses.estimator.score(responses.X, *arguments))
    except Exception as error:  # noqa: BLE001 - the user's own method: its reason is the reason
        sheet.absent("score", reason_of(error))
        return None
    sheet.add("score", value)
    return value
