"""Outlier detection, densities, decompositions, and whatever else has a score of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from skribe.metrics import budget as budgets
from skribe.metrics import scores
from skribe.metrics.inference import Refused, Responses
from skribe.metrics.labels import as_array
from skribe.metrics.report import Predictions
from skribe.metrics.rows import count_columns
from skribe.metrics.supervised import Case
from skribe.metrics.task import inner, is_exactly

_FITTED = (
    ("reconstruction_err_", "reconstruction_error"),
    ("reconstruction_error_", "reconstruction_error"),
    ("stress_", "stress"),
    ("kl_divergence_", "kl_divergence"),
)
# Inverting the covariance costs about this much per cubed column.
_CUBE = 5e-10


def outliers(case: Case) -> Predictions | None:
    """Evaluate an outlier detector: which share of its training rows it calls outliers."""
    final = inner(case.estimator)
    factors, offset = getattr(final, "negative_outlier_factor_", None), getattr(final, "offset_", None)
    if factors is not None and offset is not None and np.size(factors) == case.rows:
        case.sheet.add("outlier_fraction", np.mean(np.asarray(factors) < offset))
        case.sheet.add("score_samples_mean", np.mean(factors))
        return None
    # For these, predict is "decision below zero", and the decision is the score of the row minus the offset.
    by_score = is_exactly(final, {"IsolationForest", "EllipticEnvelope"}) and "predict" not in vars(final)
    asking = Responses(case.estimator, case.X, case.rows)
    method = "score_samples" if by_score and asking.offers("score_samples") else "predict"
    if not asking.offers(method):
        case.sheet.remark("it neither predicts nor keeps what it found about its training rows")
        return None
    responses = case.settle(None, [method], 10.0)
    try:
        answer = as_array(responses.ask(method))
    except Refused as refusal:
        case.sheet.remark(str(refusal))
        return None
    if answer is None or answer.ndim != 1:
        case.sheet.remark(f"{method} gave something else than one value per row")
        return None
    if method == "predict":
        case.sheet.add("outlier_fraction", np.mean(answer == -1))
        return Predictions(None, answer, None, None, None)
    below = answer - np.asarray(offset) < 0
    case.sheet.add("outlier_fraction", np.mean(below))
    case.sheet.add("score_samples_mean", np.mean(answer))
    return Predictions(None, np.where(below, -1, 1), answer, None, None)


def density(case: Case) -> Predictions | None:
    """Evaluate a density: the likelihood of the training rows, as its own `score` gives it."""
    final = inner(case.estimator)
    value = _own_score(case)
    if value is not None and is_exactly(final, {"GaussianMixture"}) and case.estimator is final:
        free, fit = final._n_parameters(), -2 * value * case.rows
        case.sheet.add("bic", fit + free * np.log(case.rows))
        case.sheet.add("aic", fit + 2 * free)
    return None


def decomposition(case: Case) -> Predictions | None:
    """Evaluate a decomposition or an embedding, by what it kept from its fit."""
    final = inner(case.estimator)
    ratios = getattr(final, "explained_variance_ratio_", None)
    if ratios is not None:
        case.sheet.add("explained_variance_ratio", np.sum(ratios))
    for attribute, name in _FITTED:
        value = getattr(final, attribute, None)
        if value is not None and np.ndim(value) == 0:
            case.sheet.add(name, value)
    if is_exactly(final, {"Isomap"}):
        _isomap(case, final)
    if not is_exactly(final, {"KernelPCA"}):
        _own_score(case)
    return None


def _isomap(case: Case, final: Any) -> None:
    # It centres the matrix of all distances between rows.
    if case.budget is not None and case.rows > budgets.SMALL and 3e-8 * case.rows**2 > case.budget:
        case.sheet.absent("reconstruction_error", "computing it would exceed the overhead budget")
    else:
        case.sheet.ask("reconstruction_error", final.reconstruction_error)


def other(case: Case) -> Predictions | None:
    """Transformers and the like: nothing but a score, if they have one."""
    _own_score(case)
    return None


def _own_score(case: Case) -> float | None:
    """`score`, in one pass over the rows that the budget allows; nothing where there is no such method."""
    responses = Responses(case.estimator, case.X, case.rows)
    if not responses.offers("score"):
        return None
    final = inner(case.estimator)
    rule = "scorer" if scores.rule_of(case.estimator).how in ("scorer", "callable") else "own"
    width = count_columns(case.X)
    inverts = is_exactly(final, {"PCA", "FactorAnalysis"})
    if inverts and case.budget is not None and _CUBE * width**3 > case.budget:
        reason = f"inverting a covariance of {width} columns would exceed the overhead budget"
        case.sheet.absent("score", reason)
        return None
    needs_y = rule == "scorer" or (case.true is not None and _takes_y(final))
    arguments: tuple[Any, ...] = (case.y,) if needs_y else ()
    if arguments and case.budget is not None and case.rows > budgets.SMALL:
        case.sheet.absent("score", "its own score method would need a pass over the training data")
        return None
    if not arguments:
        try:
            responses = case.settle(None, ["score"], 0.0)
        except Refused as refusal:
            case.sheet.absent("score", str(refusal))
            return None
        except Exception as error:  # noqa: BLE001 - its score refuses a few rows as it would refuse all
            case.sheet.absent("score", str(error))
            return None
    return scores.first_pass(case.sheet, responses, *arguments)


def _takes_y(final: Any) -> bool:
    return not type(final).__module__.startswith("sklearn.")
