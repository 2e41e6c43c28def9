"""skribe: one line, and every scikit-learn fit is written down."""

__version__ = "0.1.0"
