"""Reading what MLflow has written, through the real MLflow; the source is never changed."""
