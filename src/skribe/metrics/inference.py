"""What an estimator says about its training rows: each question asked once, and none that another answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from skribe.guard import pass_on, reason_of
from skribe.metrics.labels import Array
from skribe.metrics.rows import take_rows
from skribe.metrics.task import inner, is_exactly
from skribe.metrics.untouched import quiet

# Their `predict` is, in their own source, the arg-max over the columns of `predict_proba`.
_ARGMAX = frozenset(
    {
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "RandomForestClassifier",
        "ExtraTreesClassifier",
        "BaggingClassifier",
        "CalibratedClassifierCV",
        "LabelPropagation",
        "LabelSpreading",
    }
)
# Their `predict` takes the highest decision value, of which the probabilities are a rising function. Rounding may
# make equal what was not, so rows whose two best columns nearly agree are asked about again.
_MONOTONE = frozenset(
    {
        "LogisticRegression",
        "LogisticRegressionCV",
        "GaussianNB",
        "MultinomialNB",
        "ComplementNB",
        "BernoulliNB",
        "CategoricalNB",
        "LinearDiscriminantAnalysis",
        "QuadraticDiscriminantAnalysis",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "AdaBoostClassifier",
        "MLPClassifier",
    }
)
_NEAR = 1e-6
# So close, the rounding of a product may depend on which rows are asked about together: only a full pass is sure.
_TOO_NEAR = 1e-12


class Refused(Exception):  # noqa: N818 - reads as what happened
    """The estimator did not answer, and why."""


class Responses:
    """The answers of one estimator for `X`, each method called at most once."""

    def __init__(self, estimator: Any, X: Any, rows: int) -> None:
        self.estimator = quiet(estimator)
        self.X = X
        self.rows = rows
        self.seconds = 0.0
        self.asked: dict[str, Any] = {}
        self.refused: dict[str, str] = {}

    def offers(self, method: str) -> bool:
        """Whether the estimator has the method (which may depend on its parameters)."""
        try:
            return callable(getattr(self.estimator, method, None))
        except Exception:  # noqa: BLE001 - a property of the user's that raises: it has no such method for us
            return False

    def ask(self, method: str) -> Any:
        """What the method returns for all rows; raises `Refused`, the second time as well."""
        if method in self.refused:
            raise Refused(self.refused[method])
        if method not in self.asked:
            start = time.perf_counter()
            try:
                answer = getattr(self.estimator, method)(self.X)
                if method != "score":
                    self._check(method, answer)
                self.asked[method] = answer
            except (KeyboardInterrupt, GeneratorExit):
                raise
            except BaseException as error:  # also a `sys.exit()` or a test's `fail()` in the user's own method
                pass_on(error)
                text = str(error) if isinstance(error, Refused) else reason_of(error)
                self.refused[method] = text
                raise Refused(text) from error
            finally:
                self.seconds += time.perf_counter() - start
        return self.asked[method]

    def _check(self, method: str, answer: Any) -> None:
        parts = answer if isinstance(answer, list) and method == "predict_proba" else [answer]
        for part in parts:
            shape = getattr(part, "shape", None)
            rows = shape[0] if shape else len(part)
            if rows != self.rows:
                raise Refused(f"{method} gave {rows} values for {self.rows} rows")


def rule_of(estimator: Any) -> str | None:
    """How the labels follow from the probabilities: "argmax", "monotone", or None where they need not."""
    final = inner(estimator)
    if any("predict" in getattr(e, "__dict__", {}) for e in (estimator, final)):
        return None
    if getattr(final, "n_outputs_", 1) != 1 and not is_exactly(final, {"MLPClassifier"}):
        return None
    if is_exactly(final, {"StackingClassifier"}):
        encoder = getattr(final, "_label_encoder", None)
        return None if encoder is None or isinstance(encoder, list) else rule_of(final.final_estimator_)
    if is_exactly(final, _ARGMAX) or _is_plain_knn(final):
        return "argmax"
    if is_exactly(final, {"VotingClassifier"}) and final.voting == "soft":
        return "argmax"
    return "monotone" if is_exactly(final, _MONOTONE) else None


def _is_plain_knn(final: Any) -> bool:
    # Unweighted votes are whole numbers, so the mode and the arg-max agree. With "brute" the two methods may
    # take different routes to the neighbours, and break ties between distances differently.
    if not is_exactly(final, {"KNeighborsClassifier"}) or getattr(final, "outputs_2d_", True):
        return False
    return bool(final.weights == "uniform") and getattr(final, "_fit_method", "brute") in ("kd_tree", "ball_tree")


def codes_from(responses: Responses, proba: Array, rule: str, columns: int) -> Array | None:
    """What `predict` would say, as column numbers; None where the probabilities do not tell it."""
    if proba.ndim != 2 or proba.shape[1] != columns or columns < 2:
        return None
    if rule == "argmax":
        return np.asarray(proba.argmax(axis=1) if columns > 2 else (proba[:, 1] > proba[:, 0]).astype(np.intp))
    codes, gap = _best(proba)
    if not gap.min() >= _NEAR:
        return _ask_again(responses, codes, gap)
    return codes


def _best(proba: Array) -> tuple[Array, Array]:
    """The best column of each row, and by how much it beats the second."""
    if proba.shape[1] == 2:
        difference = proba[:, 1] - proba[:, 0]
        return (difference > 0).astype(np.intp), np.abs(difference)
    if proba.shape[1] > 32 or proba.shape[0] < 1000:
        codes = proba.argmax(axis=1)
        two = np.partition(proba, -2, axis=1)[:, -2:]
        return codes, two[:, 1] - two[:, 0]
    # Column by column is several times faster than row by row where the rows are short.
    columns = np.ascontiguousarray(proba.T)
    best, second = columns[0].copy(), np.full(len(proba), -np.inf)
    codes = np.zeros(len(proba), dtype=np.intp)
    for k, column in enumerate(columns[1:], start=1):
        codes[column > best] = k
        np.maximum(second, np.minimum(best, column), out=second)
        np.maximum(best, column, out=best)
    return codes, best - second


def _ask_again(responses: Responses, codes: Array, gap: Array) -> Array | None:
    unsure = np.flatnonzero(~(gap >= _NEAR))
    if unsure.size * 20 > responses.rows or not np.all(gap[unsure] > _TOO_NEAR):
        return None
    start = time.perf_counter()
    try:
        again = np.asarray(responses.estimator.predict(take_rows(responses.X, unsure)))
    except Exception:  # noqa: BLE001 - then the full pass says why
        return None
    finally:
        responses.seconds += time.perf_counter() - start
    classes = np.asarray(responses.estimator.classes_)
    where = {label: code for code, label in enumerate(classes.tolist())}
    if again.shape != unsure.shape or any(label not in where for label in again.tolist()):
        return None
    codes[unsure] = [where[label] for label in again.tolist()]
    return codes


class Replay:
    """The estimator as a scorer sees it, except that what has been asked about `X` is not asked again."""

    def __init__(self, responses: Responses, labels: Callable[[], Any], permitted: bool) -> None:
        self._responses = responses
        self._labels = labels
        self._permitted = permitted

    def __getattr__(self, name: str) -> Any:
        responses = self._responses
        if name not in ("predict", "predict_proba", "decision_function"):
            return getattr(responses.estimator, name)
        method = getattr(responses.estimator, name)

        def answer(X: Any) -> Any:
            if X is not responses.X:
                return method(X)
            if name in responses.asked:
                return responses.asked[name]
            if name == "predict" and (known := self._labels()) is not None:
                return known
            if not self._permitted:
                raise Refused(f"its scorer needs {name}, which the overhead budget does not allow")
            return responses.ask(name)

        answer.__name__ = name
        return answer
