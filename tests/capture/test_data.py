"""`dataset`: what is told of a data set, that it is right, plain JSON, and never raises."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_iris

from skribe.capture import dataset, fingerprint
from skribe.capture.missing import missing_count
from skribe.records import Dataset

nan = float("nan")


def of(X: Any, y: Any = None, **keywords: Any) -> Dataset:
    found = dataset(X, y, **keywords)
    json.dumps(found.details, allow_nan=False).encode("utf-8")
    return found


def test_an_array_and_its_target() -> None:
    X, y = load_iris(return_X_y=True)
    found = of(X, y, name="iris", target_summary={"0": np.int64(50), "rest": 100, "share": np.float32("nan")})
    assert found.role == "train"
    assert found.name == "iris"
    assert found.kind == "numpy.ndarray"
    assert found.shape == (150, 4)
    details = dict(found.details)
    assert details.pop("X_fingerprint") == fingerprint(X)
    assert details.pop("y_fingerprint") == fingerprint(y)
    assert found.fingerprint not in (None, fingerprint(X), fingerprint(y))
    assert details == {
        "dtype": "float64",
        "memory_bytes": 4800,
        "missing": 0,
        "target": {
            "kind": "numpy.ndarray",
            "shape": [150],
            "dtype": str(y.dtype),
            "missing": 0,
            "summary": {"0": 50, "rest": 100, "share": None},
        },
    }


def test_without_a_target_the_fingerprint_is_that_of_the_data() -> None:
    X = np.arange(6.0).reshape(3, 2)
    assert of(X).fingerprint == fingerprint(X)
    y = np.arange(3)
    assert of(X, y).fingerprint != of(X, y[::-1]).fingerprint
    assert of(X, None).fingerprint != of(None, X).fingerprint


def test_a_continuous_target() -> None:
    summary = of(np.zeros((4, 1)), np.array([1.0, 2, 3, 4])).details["target"]["summary"]
    assert summary == pytest.approx({"min": 1.0, "max": 4.0, "mean": 2.5, "std": np.std([1, 2, 3, 4])})
    assert of([[1]], [0.5]).details["target"]["summary"]["mean"] == 0.5
    assert of(np.zeros((2, 1)), np.array([1.0, nan])).details["target"]["summary"]["mean"] is None
    assert "summary" not in of(np.zeros((2, 1)), np.array([1, 0])).details["target"]
    assert "summary" not in of(np.zeros((2, 1)), np.array(["a", "b"])).details["target"]
    huge = of(np.zeros((2, 1)), np.array([1e308, 1e308])).details["target"]["summary"]
    assert huge["max"] == 1e308
    assert huge["mean"] is None


def test_a_frame() -> None:
    frame = pd.DataFrame({"n": [1.0, nan], "t": ["x", None], "c": pd.Categorical(["p", None])})
    found = of(frame, frame["n"])
    assert found.kind == "pandas.DataFrame"
    assert found.details["n_columns"] == 3
    assert found.details["columns"][0] == ["n", "float64"]
    assert found.details["columns"][2] == ["c", "category"]
    assert found.details["missing"] == 3
    assert found.details["memory_bytes"] > 0
    assert found.details["target"]["kind"] == "pandas.Series"
    assert found.details["target"]["missing"] == 1


def test_columns_of_every_name() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4, 5]], columns=["é\0", "é\0", 7, ("a", 1), None])
    names = [name for name, _ in of(frame).details["columns"]]
    assert names == ["é\\x00", "é\\x00", "7", "('a', 1)", "None"]
    deep = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    assert [name for name, _ in of(deep).details["columns"]] == ["('a', 1)", "('b', 2)"]
    lone = pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object))
    assert of(lone).details["columns"] == [["\\ud800", "int64"]]


def test_many_columns_are_counted_and_not_all_listed() -> None:
    frame = pd.DataFrame(np.zeros((2, 1000)))
    details = of(frame).details
    assert details["n_columns"] == 1000
    assert len(details["columns"]) == 200
    other = frame.rename(columns={999: "last"})
    assert of(other).details["columns_fingerprint"] != details["columns_fingerprint"]
    assert "columns_fingerprint" not in of(frame.iloc[:, :200]).details


@pytest.mark.parametrize(
    ("data", "kind", "shape", "missing"),
    [
        ([[1, 2], [3, 4]], "list", (2, 2), 0),
        ([[1, 2], [3]], "list", (2,), 0),
        ([[1.0, nan], [None, 4]], "list", (2, 2), 2),
        (["a", "b", None], "list", (3,), 1),
        ([np.zeros(3), np.zeros(3)], "list", (2, 3), None),
        ([], "list", (0,), 0),
        ([[]], "list", (1, 0), 0),
        (((1, 2), (3, 4)), "tuple", (2, 2), 0),
        (range(3), "range", (3,), None),
        (np.zeros((0, 3)), "numpy.ndarray", (0, 3), 0),
        (np.zeros((2, 2, 2)), "numpy.ndarray", (2, 2, 2), 0),
        (np.array(["a", "b"]), "numpy.ndarray", (2,), 0),
        (np.array(["a", None, nan], object), "numpy.ndarray", (3,), 2),
        (np.array(["2020", "NaT"], "M8[D]"), "numpy.ndarray", (2,), 1),
        (np.array([1 + 1j, nan]), "numpy.ndarray", (2,), 1),
        (np.array([np.inf, -np.inf, nan]), "numpy.ndarray", (3,), 1),
        (np.array([3e38, 3e38], "f4"), "numpy.ndarray", (2,), 0),
        (np.zeros(2, "i4,f8"), "numpy.ndarray", (2,), None),
        (scipy.sparse.csr_matrix([[0, nan], [1, 0]]), "scipy.sparse.csr_matrix", (2, 2), 1),
        (scipy.sparse.csr_array([[0, 2.0], [1, 0]]), "scipy.sparse.csr_array", (2, 2), 0),
        (scipy.sparse.lil_matrix([[0, nan]]), "scipy.sparse.lil_matrix", (1, 2), 1),
        (scipy.sparse.dok_matrix(np.array([[0, nan]])), "scipy.sparse.dok_matrix", (1, 2), 1),
        (pd.Series([1, None], dtype="Int64"), "pandas.Series", (2,), 1),
        (pd.Series(["a", None]), "pandas.Series", (2,), 1),
        (pd.Series([1, None, 3], dtype="category"), "pandas.Series", (3,), 1),
        (pd.DataFrame({"t": pd.to_datetime(["2020", None])}), "pandas.DataFrame", (2, 1), 1),
        (pd.DataFrame({"t": pd.to_datetime(["2020", None]).tz_localize("UTC")}), "pandas.DataFrame", (2, 1), 1),
        (pd.DataFrame({"s": pd.arrays.SparseArray([0.0, nan, 1])}), "pandas.DataFrame", (3, 1), 1),
        (pd.DataFrame({"schema": [1], "format": [2], "nnz": [3], "dtype": [4]}), "pandas.DataFrame", (1, 4), 0),
        (pd.DataFrame(), "pandas.DataFrame", (0, 0), 0),
        (pl.DataFrame({"a": [1.0, None, nan], "b": ["x", None, "z"]}), "polars.DataFrame", (3, 2), 3),
        (pl.Series("a", [1, None]), "polars.Series", (2,), 1),
        ({"a": [1]}, "dict", None, None),
        (None, "NoneType", None, None),
    ],
)
def test_kinds_shapes_and_gaps(data: Any, kind: str, shape: Any, missing: int | None) -> None:
    found = of(data)
    assert found.kind == kind
    assert found.shape == shape
    assert found.details.get("missing") == missing
    assert found.fingerprint == fingerprint(data)
    assert "notes" not in found.details


def test_arrow() -> None:
    pa = pytest.importorskip("pyarrow", exc_type=ImportError)
    table = pa.table({"a": [1.0, None, nan], "b": ["x", None, "z"]})
    found = of(table, table["a"])
    assert found.kind == "pyarrow.Table"
    assert found.shape == (3, 2)
    assert found.details["missing"] == 3
    assert found.details["columns"] == [["a", "double"], ["b", "string"]]
    assert found.details["target"]["kind"] == "pyarrow.ChunkedArray"
    assert of(pd.Series(["a", None], dtype="string[pyarrow]")).details["missing"] == 1
    assert of(pd.Series([1.5, None], dtype="double[pyarrow]")).details["missing"] == 1


@given(hnp.arrays("f8", hnp.array_shapes(max_dims=3), elements=st.floats(width=64)))
def test_gaps_of_any_array(array: Any) -> None:
    assert missing_count(array) == int(np.isnan(array).sum())
    assert missing_count(np.asfortranarray(array)[::2]) == int(np.isnan(array[::2]).sum())


def test_what_fails_is_absent_and_says_why() -> None:
    class Odd:
        @property
        def shape(self) -> Any:
            raise RuntimeError("I have no shape")

        @property
        def nbytes(self) -> Any:
            raise RuntimeError("nor a size\ud800")

        @property
        def columns(self) -> Any:
            raise RuntimeError("nor columns")

    found = of(Odd(), Odd())
    assert found.shape is None
    assert found.fingerprint is None
    notes = found.details["notes"]
    assert "I have no shape" in notes["shape"]
    assert "nor a size" in notes["memory_bytes"]
    assert "X_fingerprint" in notes
    assert "y_fingerprint" in notes


def test_lazy_frames_are_not_collected() -> None:
    def never(frame: Any) -> Any:
        raise AssertionError("collected")

    lazy = pl.LazyFrame({"a": [1]}).map_batches(never, schema={"a": pl.Int64})
    found = of(lazy)
    assert found.kind == "polars.LazyFrame"
    assert found.fingerprint is None


def test_generators_are_not_consumed() -> None:
    rows = (row for row in [[1], [2]])
    assert of(rows).fingerprint is None
    assert list(rows) == [[1], [2]]


@pytest.mark.parametrize("turn", [np.ascontiguousarray, np.asfortranarray, lambda X: X[::2], lambda X: X[:, ::2]])
@pytest.mark.parametrize("wrap", [lambda X: X, pd.DataFrame])
def test_no_copy_of_the_data_is_made(turn: Any, wrap: Any) -> None:
    X = np.random.default_rng(0).normal(size=(40_000, 20))
    X[5, 5] = nan
    data = wrap(turn(X))
    dataset(data)
    tracemalloc.start()
    dataset(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4


def test_a_wide_frame_costs_little_more_than_its_names() -> None:
    frame = pd.DataFrame(np.zeros((10, 40_000)))
    dataset(frame)
    tracemalloc.start()
    dataset(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
