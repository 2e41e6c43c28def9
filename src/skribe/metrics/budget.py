"""How many rows the overhead budget allows: guessed where a bound is known, measured on a few rows elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skribe.metrics.inference import Refused
from skribe.metrics.rows import count_columns, pick, take_rows
from skribe.metrics.task import inner, is_exactly, is_pipeline, is_search
from skribe.metrics.untouched import has_foreign_code, quiet

# Fewer rows than this are not worth a thought.
SMALL = 1000
# The first probe shows little more than the fixed part of a call.
_FIRST, _FACTOR, _MOST = 2, 10, 20_000
# How many times as many rows as the last probe had are believed to cost what it says.
_REACH = 50
# Metrics of fewer rows than this say nothing.
_LEAST = 20
# Below this many seconds, however small the budget is, having some metrics is worth it.
_BEARABLE = 0.1
# A fit waits for a few milliseconds in any case: what takes no longer is never left out.
_ALWAYS = 0.005

# Seconds that a member of an ensemble takes to check what it is given, before it looks at a row.
_MEMBER = 0.0003

# Measured on two cores of a server (EPYC); nanoseconds per row.
BINARY, REGRESSION, OUTPUT = 80, 60, 60
PER_CLASS = 25

_LINEAR = frozenset(
    {
        "LinearRegression",
        "Ridge",
        "RidgeCV",
        "Lasso",
        "LassoCV",
        "ElasticNet",
        "ElasticNetCV",
        "SGDRegressor",
        "HuberRegressor",
        "LinearSVR",
        "BayesianRidge",
        "LogisticRegression",
        "LogisticRegressionCV",
        "RidgeClassifier",
        "RidgeClassifierCV",
        "SGDClassifier",
        "Perceptron",
        "LinearSVC",
        "LinearDiscriminantAnalysis",
    }
)
_TREES = frozenset({"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"})
_BAYES = frozenset({"GaussianNB", "MultinomialNB", "ComplementNB", "BernoulliNB"})
_CONSTANT = frozenset({"DummyClassifier", "DummyRegressor"})
_PAIRWISE = (".neighbors", ".svm", ".gaussian_process", ".kernel_", ".semi_supervised", ".manifold", ".cluster")
_SCALING = frozenset(
    {"StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "Normalizer", "SimpleImputer", "Binarizer"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which rows to evaluate (None: all), and the remark that says so when they are not all."""

    rows: NDArray[np.intp] | None = None
    remark: str | None = None
    spent: float = 0.0


def upper_bound(estimator: Any, X: Any, methods: int) -> float | None:
    """Nanoseconds a row of prediction surely costs at most, for classes where that is simple; None elsewhere."""
    final, width = inner(estimator), count_columns(X)
    scaling = _scaling(estimator, width)
    if scaling is None:
        return None
    outputs = _outputs(final)
    if is_exactly(final, _LINEAR):
        each = 300 + 3 * width * outputs + 20 * outputs
    elif is_exactly(final, _TREES):
        each = 1500 + 5 * width + 10 * outputs
    elif is_exactly(final, _BAYES):
        each = 300 + 20 * width * outputs
    elif is_exactly(final, _CONSTANT):
        each = 300
    else:
        return None
    return float((each + scaling) * methods)


def _scaling(estimator: Any, width: int) -> float | None:
    """Nanoseconds a row takes at most on its way through a pipeline that only scales; None for any other."""
    while is_search(estimator):
        estimator = estimator.best_estimator_
    if not is_pipeline(estimator):
        return 0.0
    before = [step for _, step in estimator.steps[:-1] if step is not None and step != "passthrough"]
    simple = all(is_exactly(step, _SCALING) for step in before) and not is_pipeline(estimator.steps[-1][1])
    return (300.0 + 30.0 * width) * len(before) if simple else None


def _members(estimator: Any) -> int:
    """How many estimators are asked one by one, whatever the number of rows. A forest's trees cost next to nothing."""
    final = inner(estimator)
    members = getattr(final, "estimators_", None)
    return 0 if ".ensemble._forest" in type(final).__module__ or not isinstance(members, list) else len(members)


def _is_quick(estimator: Any, X: Any, rows: int) -> bool:
    """Whether so few rows surely take no more than some milliseconds."""
    if has_foreign_code(estimator):
        return False
    # These compare each row with each that they have seen.
    pairwise = any(part in type(inner(estimator)).__module__ for part in _PAIRWISE)
    return not pairwise or rows * rows * count_columns(X) < 20_000_000


def _outputs(estimator: Any) -> int:
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, np.ndarray):
        return max(1, classes.size)
    return max(1, int(getattr(estimator, "n_outputs_", 1) or 1))


def plan(
    estimator: Any,
    X: Any,
    rows: NDArray[np.intp] | int,
    methods: Sequence[str],
    metric_ns: float,
    budget: float | None,
) -> Plan:
    """Decide which of `rows` (numbers, or how many) to evaluate within `budget` seconds.

    Raises `Refused` if even a few rows would take several times the budget.
    """
    total = rows if isinstance(rows, int) else rows.size
    every = None if isinstance(rows, int) else rows
    if budget is None or total <= _LEAST:
        return Plan(every)
    fixed = _MEMBER * _members(estimator) * len(methods)
    if fixed > budget:
        raise Refused(
            f"one question to each of its {_members(estimator)} members would take about {fixed:.2g} s, "
            f"the overhead budget is {budget:.2g} s"
        )
    bound = upper_bound(estimator, X, len(methods))
    if total <= SMALL and (bound is not None or _is_quick(estimator, X, total)):
        return Plan(every)
    if bound is not None and total * (bound + metric_ns) * 1e-9 <= budget:
        return Plan(every)
    return _Probing(quiet(estimator), X, every, total, methods, metric_ns * 1e-9, budget).decide()


def fits(estimator: Any, X: Any, rows: int, method: str, budget: float | None) -> bool:
    """Whether one call of the method for all rows fits in `budget` seconds."""
    if budget is not None and budget <= 0 and rows > SMALL:
        return False
    try:
        return plan(estimator, X, rows, [method], 0.0, budget).rows is None
    except Refused:
        return False


class _Probing:
    """Ask about a few rows, then about more while that is cheap, until the cost of all rows is known."""

    def __init__(
        self,
        estimator: Any,
        X: Any,
        rows: NDArray[np.intp] | None,
        total: int,
        methods: Sequence[str],
        metric: float,
        budget: float,
    ) -> None:
        self.estimator = estimator
        self.X, self.rows, self.total = X, rows, total
        self.methods, self.metric, self.budget = methods, metric, budget
        self.spent = 0.0
        self.doubts = 2

    def decide(self) -> Plan:
        size, before = _FIRST, (0, 0.0)
        least: dict[int, float] = {}
        while True:
            seconds = least[size] = min(self._measure(size), least.get(size, math.inf))
            # Prediction has a fixed part (checks, starting threads), which only two sizes tell from the rest.
            slope = seconds / size
            if before[0]:
                slope = max((seconds - before[1]) / (size - before[0]), 0.03 * slope)
            fixed = max(seconds - slope * size, 0.0)
            left = max(self.budget - self.spent, _ALWAYS)
            # One interrupted call makes a slope of two small probes worthless, so it is not believed far beyond them.
            near = size * _REACH >= self.total
            most = self._cost(self.total, 0.0, seconds / size)
            if most <= left or (near and 1.2 * self._cost(self.total, fixed, slope) <= left):
                return Plan(self.rows, spent=self.spent)
            following = min(size * _FACTOR, self.total, _MOST)
            # After the first probe all of its cost may have been the fixed part: only a second one tells.
            expected = fixed + slope * following if before[0] else seconds
            if following <= size or self.spent + expected > self.budget / (2 if before[0] else 1):
                if self.doubts and seconds <= left:
                    # The machine may have been busy with something else just then: no row is left out on one word.
                    self.doubts -= 1
                    continue
                return self._sample(size, fixed, slope, left)
            before, size = (size, seconds), following

    def _measure(self, size: int) -> float:
        start = time.perf_counter()
        some = take_rows(self.X, self._pick(size))
        for method in self.methods:
            getattr(self.estimator, method)(some)
        seconds = time.perf_counter() - start
        self.spent += seconds
        return seconds

    def _pick(self, size: int) -> NDArray[np.intp]:
        chosen = pick(self.total, size)
        return chosen if self.rows is None else self.rows[chosen]

    def _cost(self, size: int, fixed: float, slope: float) -> float:
        return fixed + size * (slope + self.metric)

    def _sample(self, size: int, fixed: float, slope: float, left: float) -> Plan:
        each = slope + self.metric
        fitting = int((0.8 * left - fixed) / each) if each > 0 else self.total
        number = min(max(min(fitting, size * _REACH), _LEAST), self.total)
        if number > fitting and self._cost(number, fixed, slope) > max(3 * self.budget, _BEARABLE):
            seconds = self._cost(number, fixed, slope)
            words = f"{number} rows alone would take about {seconds:.2g} s, the overhead budget is {self.budget:.2g} s"
            raise Refused(words)
        if number == self.total:
            return Plan(self.rows, spent=self.spent)
        remark = sampled(number, self.total, self._cost(self.total, fixed, slope), self.budget)
        return Plan(self._pick(number), remark, self.spent)


def sampled(number: int, total: int, seconds: float, budget: float) -> str:
    """The words that go with metrics of a part of the rows."""
    return (
        f"a seeded sample of {number} of {total} rows: evaluating all would take about {seconds:.2g} s, "
        f"the overhead budget is {budget:.2g} s"
    )
