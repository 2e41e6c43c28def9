"""A few rows of the training data, kept beside the model if the user wants that."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

import numpy as np

from skribe.models.signature import is_sparse, loaded


class Example(NamedTuple):
    """The first rows as the two texts that MLflow keeps of them, and its word for what they were."""

    type: str
    data: str
    serving: str

    @property
    def info(self) -> dict[str, str]:
        """What `MLmodel` says about the example."""
        info = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}
        if self.type == "dataframe":
            info["pandas_orient"] = "split"
        return {**info, "type": self.type}


def example_of(X: Any, rows: int = 5) -> Example | None:
    """The first rows, copied; None if they cannot be written as JSON."""
    try:
        return _example(X, rows)
    except Exception:  # noqa: BLE001 - whatever a container answers, an example is worth no trouble
        return None


def _example(X: Any, rows: int) -> Example | None:
    if isinstance(X, np.ndarray):
        return _of_array(_plain(X[:rows]))
    if (pandas := loaded("pandas")) is not None:
        if isinstance(X, pandas.DataFrame):
            head = X.iloc[:rows]
            return _of_table(list(head.columns), [list(row) for row in head.itertuples(index=False, name=None)])
        if isinstance(X, pandas.Series):
            return _of_array(X.iloc[:rows].tolist())
    if (polars := loaded("polars")) is not None:
        if isinstance(X, polars.DataFrame):
            return _of_table(X.columns, [list(row) for row in X.head(rows).rows()])
        if isinstance(X, polars.Series):
            return _of_array(X.head(rows).to_list())
    if is_sparse(X):
        return _of_sparse(X, rows)
    if isinstance(X, (list, tuple)) and X and not isinstance(X[0], dict):
        return _of_array([_plain(row) for row in X[:rows]])
    return None


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _of_array(rows: list[Any]) -> Example:
    return Example("ndarray", _json(rows), _json({"inputs": rows}))


def _of_table(columns: list[Any], rows: list[list[Any]]) -> Example:
    table = {"columns": [_plain(column) for column in columns], "data": rows}
    return Example("dataframe", _json(table), _json({"dataframe_split": table}))


def _of_sparse(X: Any, rows: int) -> Example:
    head = X.tocsr()[:rows]
    parts = {name: getattr(head, name).tolist() for name in ("data", "indices", "indptr")}
    data = _json({**parts, "shape": list(head.shape)})
    return Example("sparse_matrix_csr", data, _json({"inputs": head.toarray().tolist()}))


def _json(value: Any) -> str:
    return json.dumps(_strict(value), ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Any:
    """The same with nothing that JSON does not have; what is missing becomes null."""
    if isinstance(value, dict):
        return {key: _strict(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(part) for part in value]
    value = _plain(value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")
    return value.isoformat()
