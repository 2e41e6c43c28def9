"""The search that the page is measured on, recorded by skribe: `SKRIBE_STORE=... python -m benchmarks.page_search`.

Ten thousand candidates over three folds. The search is a real one; only its model takes no time, because its score
follows from its parameters.
"""

from __future__ import annotations

import math
import random
import sys
import warnings
from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin

EXPERIMENT, CANDIDATES, FOLDS = "a wide search", 10_000, 3


class Landscape(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model whose score is a hill over its parameters, with some noise."""

    def __init__(
        self,
        learning_rate: float = 0.1,
        depth: int = 3,
        leaves: int = 31,
        l2: float = 1.0,
        subsample: float = 1.0,
        loss: str = "log_loss",
    ) -> None:
        self.learning_rate = learning_rate
        self.depth = depth
        self.leaves = leaves
        self.l2 = l2
        self.subsample = subsample
        self.loss = loss

    def fit(self, X: Any, y: Any) -> Landscape:
        self.classes_ = [0, 1]
        return self

    def predict(self, X: Any) -> list[int]:
        return [0] * len(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        hill = math.exp(-((math.log10(self.learning_rate) + 1.3) ** 2) - ((self.depth - 6) / 5) ** 2)
        hill += 0.2 * self.subsample - 0.02 * abs(math.log10(self.l2)) + (0.05 if self.loss == "log_loss" else 0)
        return 0.5 + 0.35 * hill + random.gauss(0, 0.01)


def search() -> Any:
    """The search, not yet fitted."""
    from scipy.stats import loguniform, uniform
    from sklearn.model_selection import RandomizedSearchCV

    space = {
        "learning_rate": loguniform(1e-4, 1),
        "depth": list(range(2, 17)),
        "leaves": [7, 15, 31, 63, 127],
        "l2": loguniform(1e-6, 100),
        "subsample": uniform(0.3, 0.7),
        "loss": ["log_loss", "exponential"],
    }
    return RandomizedSearchCV(Landscape(), space, n_iter=CANDIDATES, cv=FOLDS, random_state=0)


def main() -> None:
    """Run it, and print the id of its run."""
    import numpy as np

    import skribe

    warnings.simplefilter("ignore")
    random.seed(0)
    skribe.autolog(experiment=EXPERIMENT, silent=True)
    search().fit(np.zeros((60, 4)), np.arange(60) % 2)
    skribe.flush()
    run = skribe.last_run()
    print(run.id if run is not None else sys.exit("the search was not recorded"))


if __name__ == "__main__":
    main()
