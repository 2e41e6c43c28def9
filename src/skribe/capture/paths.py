"""What a fitted estimator that searches inside has chosen, and along which path.

`LassoCV`, `RFECV`, `LogisticRegressionCV` and their like try many values of one parameter while they fit, and keep
how each of them did. Only what stands in the instance's own dictionary is read. What has not the shape that
scikit-learn gives it is left out whole: half a path, or one at the wrong values, would be worse than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skribe.capture.values import describe_value, storable
from skribe.guard import attempt, hushed
from skribe.records import Fact, Metric, Note

Array = NDArray[Any]

_POINTS = 1000
_NAMES = 200
_DEPTH = 10
# Which of so many features were selected is worth no wait: sorting their scores takes milliseconds.
_FEATURES = 100_000


def paths(estimator: Any) -> tuple[tuple[Fact, ...], tuple[Metric, ...], tuple[Note, ...]]:
    """What a search inside the estimator has chosen (facts) and tried (metrics, one step for each value tried).

    Looked into are the steps of a pipeline and the best estimator of a search; facts carry their names as a prefix,
    as in `fitted.facts`, and metrics those of all steps but the last. It never raises.
    """
    found = _Found()
    attempt("paths", found.notes, _collect, estimator, found, "", "", 0)
    return tuple(found.facts), tuple(found.metrics), tuple(found.notes)


@dataclass(slots=True)
class _Found:
    facts: list[Fact] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Part:
    """One estimator, by its own attributes, and where to write down what it tells."""

    estimator: Any
    held: Mapping[str, Any]
    names: frozenset[str]
    found: _Found
    prefix: str
    curve: str

    def fact(self, name: str, value: Any) -> None:
        self.found.facts.append(Fact(storable(self.prefix + name), *describe_value(value, name)))

    def note(self, name: str, reason: str) -> None:
        self.found.notes.append(Note(storable(self.prefix + name), reason))

    def path(self, columns: Mapping[str, Array], chosen: Iterable[int], steps: Array | None = None) -> None:
        """Write columns of equal length down as curves; a point where nothing was measured (nan) is left out.

        Their names say that they are a path: its last point is not what was chosen.
        """
        first, size = next(iter(columns)), len(next(iter(columns.values())))
        shown = _thinned(size, chosen)
        if len(shown) < size:
            self.note(first, f"{len(shown)} of {size} points, at even distances, and what was chosen")
        for name, column in columns.items():
            key = storable(f"{self.curve}{_PATH}{name.removeprefix(_PATH)}")
            for point in shown:
                value = float(column[point])
                if not np.isnan(value):
                    self.found.metrics.append(Metric(key, value, point if steps is None else int(steps[point])))


_PATH = "path_"


def _thinned(size: int, chosen: Iterable[int]) -> list[int]:
    if size <= _POINTS:
        return list(range(size))
    kept = set(chosen)
    even = np.linspace(0, size - 1, max(_POINTS - len(kept), 2)).round().astype(int)
    return sorted(kept.union(even.tolist()))


def _collect(estimator: Any, found: _Found, prefix: str, curve: str, depth: int) -> None:
    if depth > _DEPTH or estimator is None or isinstance(estimator, str):
        return
    # By the names of scikit-learn's own classes: this asks for no module that may not be loaded.
    names = frozenset(cls.__name__ for cls in type(estimator).__mro__ if str(cls.__module__).startswith("sklearn."))
    if not names:
        return
    held = attempt("attributes", [], object.__getattribute__, estimator, "__dict__") or {}
    if "Pipeline" in names:
        steps = held.get("steps")
        pairs = [step for step in steps if isinstance(step, tuple) and len(step) == 2] if type(steps) is list else []
        for number, (name, step) in enumerate(pairs, start=1):
            inside = curve if number == len(pairs) else f"{curve}{name}."
            _collect(step, found, f"{prefix}{name}.", inside, depth + 1)
    elif "BaseSearchCV" in names:
        _collect(held.get("best_estimator_"), found, f"{prefix}best_estimator_.", curve, depth + 1)
    else:
        part = _Part(estimator, held, names, found, prefix, curve)
        for name in [name for name in _READERS if name in names]:
            # A score that is infinite has no deviation, which numpy would say aloud.
            with hushed(), np.errstate(all="ignore"):
                attempt(f"{prefix}{name} path", found.notes, _READERS[name], part)


def _numbers(value: Any, *dimensions: int) -> Array | None:
    """The value, if it is an array of numbers with one of these numbers of dimensions."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.ndim in dimensions and value.size:
        return value
    return None


def _equal(values: Array, value: Any) -> list[int]:
    """Where the value, or one of several, stands; nowhere if it is no number."""
    if not isinstance(value, (int, float, np.number, np.ndarray)) or np.asarray(value).dtype.kind not in "biuf":
        return []
    found: list[int] = np.flatnonzero(np.isin(values, value)).tolist()
    return found


def _columns(results: Any, sources: Mapping[str, str]) -> dict[str, Array] | None:
    """Those columns of a `cv_results_`, under our names; None unless all are there and of one length."""
    if not isinstance(results, dict):
        return None
    found = {name: _numbers(results.get(source), 1) for name, source in sources.items()}
    columns = {name: column for name, column in found.items() if column is not None}
    if len(columns) < len(found) or len({len(column) for column in columns.values()}) > 1:
        return None
    return columns


def _elimination(part: _Part) -> None:
    """RFECV: a step is a number of features."""
    sources = {"mean_test_score": "mean_test_score", "std_test_score": "std_test_score", "steps": "n_features"}
    columns = _columns(part.held.get("cv_results_"), sources)
    if columns is None:
        return
    steps = columns.pop("steps")
    if chosen := _equal(steps, part.held.get("n_features_")):
        part.path(columns, chosen, steps)


def _logistic(part: _Part) -> None:
    """LogisticRegressionCV: the scores of each fold, at each C and l1 ratio, for each class or all together."""
    Cs, scores = _numbers(np.asarray(part.held.get("Cs_")), 1), _fold_scores(part)
    if Cs is None or scores is None or scores.shape[-1] != len(Cs):
        return
    ratio = _chosen_ratio(part, scores.shape[2])
    if ratio is None:
        part.note("mean_test_score", "more than one l1 ratio was chosen, or a mean of them: no single path led there")
        return
    scores = scores[:, :, ratio]
    # As a rule the classes share their scores; only one-versus-rest gives each its own, and chooses for each.
    by_fold = scores[0] if (scores == scores[0]).all() else scores.mean(axis=0)
    columns = {"mean_test_score": by_fold.mean(axis=0), "std_test_score": by_fold.std(axis=0), "path_C": Cs}
    part.path(columns, _equal(Cs, part.held.get("C_")))


def _fold_scores(part: _Part) -> Array | None:
    """(classes, folds, l1 ratios, Cs) from either form in which `scores_` is kept."""
    scores = part.held.get("scores_")
    if not isinstance(scores, dict):
        # `use_legacy_attributes=False`: (folds, l1 ratios, Cs) of all classes together.
        together = _numbers(scores, 3)
        return None if together is None else together[np.newaxis]
    found = [_numbers(values, 2, 3) for values in scores.values()]
    arrays = [values for values in found if values is not None]
    if not arrays or len(arrays) < len(found) or len({values.shape for values in arrays}) > 1:
        return None
    stacked = np.stack(arrays)
    return stacked[:, :, np.newaxis] if stacked.ndim == 3 else np.swapaxes(stacked, 2, 3)


def _chosen_ratio(part: _Part, number: int) -> int | None:
    if number == 1:
        return 0
    ratios = _numbers(part.held.get("l1_ratios_"), 1)
    chosen = np.unique(np.asarray(part.held.get("l1_ratio_"), dtype=float))
    if ratios is None or len(ratios) != number or chosen.size != 1:
        return None
    return next(iter(_equal(ratios, chosen)), None)


def _descent(part: _Part) -> None:
    """LassoCV and its like: the error of each fold, at each alpha, and with a list of l1 ratios at each of them."""
    ratios = part.held.get("l1_ratio")
    number = len(ratios) if isinstance(ratios, (list, tuple, np.ndarray)) else 1
    # scikit-learn squeezes the array: with a single fold or alpha nobody can tell what its axes are.
    errors = _numbers(part.held.get("mse_path_"), 2 if number == 1 else 3)
    alphas = _numbers(part.held.get("alphas_"), 1, 2)
    if errors is None or alphas is None:
        return
    if number > 1:
        row = next(iter(_equal(np.asarray(ratios), part.held.get("l1_ratio_"))), None)
        if row is None or len(errors) != number:
            return
        errors = errors[row]
        if alphas.ndim == 2 and len(alphas) == number:
            alphas = alphas[row]
    _errors(part, errors, alphas)


def _angle(part: _Part) -> None:
    """LarsCV and LassoLarsCV: their `alphas_` are the final model's, those that were tried stand elsewhere."""
    _errors(part, part.held.get("mse_path_"), part.held.get("cv_alphas_"))


def _errors(part: _Part, errors: Any, alphas: Any) -> None:
    errors, alphas = _numbers(errors, 2), _numbers(alphas, 1)
    if errors is None or alphas is None or len(errors) != len(alphas):
        return
    mean = errors.mean(axis=1)
    chosen = int(np.argmin(mean))
    if chosen in _equal(alphas, part.held.get("alpha_")):
        part.path({"mean_mse": mean, "std_mse": errors.std(axis=1), "path_alpha": alphas}, [chosen])


def _criterion(part: _Part) -> None:
    values, alphas = _numbers(part.held.get("criterion_"), 1), _numbers(part.held.get("alphas_"), 1)
    if values is None or alphas is None or len(values) != len(alphas):
        return
    chosen = int(np.argmin(values))
    if chosen in _equal(alphas, part.held.get("alpha_")):
        part.path({"criterion": values, "path_alpha": alphas}, [chosen])


def _covariance(part: _Part) -> None:
    sources = {"mean_test_score": "mean_test_score", "std_test_score": "std_test_score", "path_alpha": "alphas"}
    columns = _columns(part.held.get("cv_results_"), sources)
    if columns is not None and (chosen := _equal(columns["path_alpha"], part.held.get("alpha_"))):
        part.path(columns, chosen)


def _ridge(part: _Part) -> None:
    """RidgeCV: with `store_cv_results` and no scorer the squared error of each row, left out, at each alpha."""
    results, best = _numbers(part.held.get("cv_results_"), 2, 3), part.held.get("best_score_")
    if results is None or part.held.get("scoring") is not None or not isinstance(best, (float, np.floating)):
        # With a scorer, scikit-learn keeps predictions there, which have no mean worth telling; and with an alpha
        # for each target there is no path that they have in common.
        return
    tried = _numbers(np.atleast_1d(np.asarray(part.held.get("alphas"))), 1)
    if tried is None or len(tried) != results.shape[-1]:
        return
    mean = results.mean(axis=tuple(range(results.ndim - 1)))
    chosen = int(np.argmin(mean))
    if np.isclose(mean[chosen], -float(best), rtol=1e-5) and chosen in _equal(tried, part.held.get("alpha_")):
        part.path({"mean_mse": mean, "path_alpha": tried}, [chosen])


def _threshold(part: _Part) -> None:
    sources = {"objective_score": "scores", "path_threshold": "thresholds"}
    columns = _columns(part.held.get("cv_results_"), sources)
    if columns is not None and (chosen := _equal(columns["path_threshold"], part.held.get("best_threshold_"))):
        part.path(columns, chosen)


def _stacking(part: _Part) -> None:
    members = part.held.get("named_estimators_")
    if isinstance(members, dict) and len(members) <= _NAMES:
        part.fact("estimators_in_use", [str(name) for name, member in members.items() if not isinstance(member, str)])


def _selection(part: _Part) -> None:
    """Any feature selector: which features, by name where it was given names."""
    mask = _mask(part)
    if mask is None or mask.dtype.kind != "b" or mask.ndim != 1:
        return
    part.fact("n_selected_features", int(mask.sum()))
    if mask.sum() > _NAMES:
        return
    chosen, names = np.flatnonzero(mask), part.held.get("feature_names_in_")
    if isinstance(names, np.ndarray) and names.shape == mask.shape:
        part.fact("selected_features", [str(name) for name in names[chosen].tolist()])
    else:
        part.fact("selected_features", chosen.tolist())


def _mask(part: _Part) -> Array | None:
    if part.names & {"RFE", "SequentialFeatureSelector"}:
        support = part.held.get("support_")
        return support if isinstance(support, np.ndarray) else None
    kind = type(part.estimator)
    asking: Callable[[Any], Any] = kind._get_support_mask
    if not str(getattr(asking, "__module__", "")).startswith("sklearn."):
        part.note("selected_features", f"{kind.__qualname__} finds them with code of its own, which is not run")
        return None
    if "SelectFromModel" in part.names:
        return _by_coefficients(part, asking)
    scores = [part.held.get(name) for name in ("scores_", "variances_")]
    size = max((score.size for score in scores if isinstance(score, np.ndarray)), default=0)
    if size > _FEATURES:
        part.note("selected_features", f"sorting the scores of {size} features would take too long")
        return None
    return np.asarray(asking(part.estimator)) if size else None


def _by_coefficients(part: _Part, asking: Callable[[Any], Any]) -> Array | None:
    """SelectFromModel: with coefficients at hand. The importances of a forest are computed whenever they are read."""
    inner = part.held.get("estimator_")
    coefficients = getattr(inner, "__dict__", {}).get("coef_")
    known = isinstance(coefficients, np.ndarray) and coefficients.size <= 10 * _FEATURES
    own = type(inner).__module__.startswith("sklearn.")
    if inner is None:
        return None
    if not (known and own and part.held.get("importance_getter") == "auto"):
        part.note("selected_features", f"the importances of {type(inner).__qualname__} would have to be computed")
        return None
    limit = getattr(type(part.estimator), "threshold_", None)
    if isinstance(limit, property) and str(getattr(limit.fget, "__module__", "")).startswith("sklearn."):
        part.fact("threshold_", float(part.estimator.threshold_))
    return np.asarray(asking(part.estimator))


_READERS: Mapping[str, Callable[[_Part], None]] = {
    "RFECV": _elimination,
    "LogisticRegressionCV": _logistic,
    "LinearModelCV": _descent,
    "LarsCV": _angle,
    "LassoLarsIC": _criterion,
    "GraphicalLassoCV": _covariance,
    "_BaseRidgeCV": _ridge,
    "TunedThresholdClassifierCV": _threshold,
    "_BaseStacking": _stacking,
    "SelectorMixin": _selection,
}


def is_sequential_selector(estimator: Any) -> bool:
    """Whether it tries one feature after the other, and forgets the scores: they are to be heard while it does."""
    return any(cls.__name__ == "SequentialFeatureSelector" for cls in type(estimator).__mro__)


def path_of_scores(heard: Iterable[tuple[int, float]]) -> tuple[Metric, ...]:
    """The best mean score for each number of features, from the cross-validations that a selector made."""
    best: dict[int, float] = {}
    for columns, score in heard:
        if score == score:
            best[columns] = max(score, best.get(columns, score))
    return tuple(Metric(f"{_PATH}mean_test_score", best[columns], columns) for columns in sorted(best))
