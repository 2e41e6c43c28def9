"""Estimator, parameters, data and surroundings, turned into facts. Nothing here writes anything anywhere.

What is asked of an estimator may fail, and then becomes a note; nothing here raises because of what a user's object
does. Importing this package imports neither scikit-learn nor pandas.
"""

from skribe.capture.data import dataset
from skribe.capture.environment import GitState, is_alive, process_info, start_dirty_check
from skribe.capture.fingerprint import fingerprint
from skribe.capture.fitted import curves, facts
from skribe.capture.params import parameters, seeds
from skribe.capture.roles import display_name, role_of
from skribe.capture.values import describe_value

__all__ = [
    "GitState",
    "curves",
    "dataset",
    "describe_value",
    "display_name",
    "facts",
    "fingerprint",
    "is_alive",
    "parameters",
    "process_info",
    "role_of",
    "seeds",
    "start_dirty_check",
]
