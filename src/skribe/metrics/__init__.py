"""The metrics of a fitted estimator on its training data: exactly scikit-learn's values, at a fraction of the cost.

`evaluate` asks the estimator each question once, within a budget of seconds, and derives every metric from the
answers. `encode` is the encoding of labels that it shares with the summary of the data.
"""

from skribe.metrics.evaluate import evaluate
from skribe.metrics.labels import Labels, encode
from skribe.metrics.report import Evaluation, Predictions
from skribe.metrics.untouched import has_foreign_code

__all__ = ["Evaluation", "Labels", "Predictions", "encode", "evaluate", "has_foreign_code"]
