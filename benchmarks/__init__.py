"""skribe beside plain scikit-learn and mlflow.sklearn.autolog, on the same work, in one run."""
