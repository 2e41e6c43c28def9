"""The signature tells the types that went in and came out, in MLflow's words."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skribe import models
from skribe.models.signature import of_dtype


def inputs(X):
    found = models.signature_of(X, None)
    return None if found is None else json.loads(found.inputs)


def tensor(dtype, *shape):
    return [{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]}}]


def column(kind, name):
    return {"type": kind, "name": name, "required": True}


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (np.zeros((3, 2)), tensor("float64", 2)),
        (np.zeros((3, 2), "f4"), tensor("float32", 2)),
        (np.array(["a", "bc"]), tensor("str")),
        (np.array(["a", None], dtype=object), tensor("object")),
        (sp.csr_matrix(np.eye(3)), tensor("float64", 3)),
        (sp.coo_array(np.eye(3, dtype="f4")), tensor("float32", 3)),
        ([[1.5, 2], [3, 4]], tensor("float64", 2)),
        (["one", "two"], tensor("str")),
        ([1, 2], tensor("int64")),
        (pd.Series([1.0, 2.0], name="y"), tensor("float64")),
        (pd.Series(["a", "b"], dtype=object), tensor("object")),
        (pd.DataFrame(np.zeros((2, 3))), tensor("float64", 3)),
        ([{"a": 1}], None),
        ([], None),
        (None, None),
        (object(), None),
        (np.zeros(2, [("a", "f8")]), None),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None),
    ],
)
def test_what_went_in(X, expected):
    assert inputs(X) == expected


def test_each_column_of_a_frame_has_its_type():
    frame = pd.DataFrame({
        "long": [1, 2], "int": np.array([1, 2], "i4"), "double": [0.5, None], "bool": [True, False],
        "text": pd.Series(["a", None], dtype=object), "bytes": [b"a", b"b"], "time": pd.to_datetime(["2020", "2021"]),
        "category": pd.Categorical(["a", "b"]), "nullable": pd.array([1, None], "Int64"), "mixed": [1, "a"],
        "huge": np.array([1, 2], "u8"), "string": pd.array(["a", None], "string"),
    })  # fmt: skip
    kinds = {one["name"]: one["type"] for one in inputs(frame)}
    assert kinds == {
        "long": "long", "int": "integer", "double": "double", "bool": "boolean", "text": "string", "bytes": "binary",
        "time": "datetime", "category": "any", "nullable": "any", "mixed": "any", "huge": "any", "string": "string",
    }  # fmt: skip


def test_columns_that_have_no_text_for_a_name_have_none():
    found = inputs(pd.DataFrame({0: [1.0], 1: ["a"]}))
    assert [set(one) for one in found] == [{"type", "required"}, {"type", "required"}]


def test_polars_columns_have_their_types():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1], "b": [0.5], "c": ["x"], "d": [True], "e": [[1]]}).with_columns(
        f=pl.lit("x", pl.Categorical)
    )
    assert [one["type"] for one in inputs(frame)] == ["long", "double", "string", "boolean", "any", "string"]
    assert inputs(pl.Series([0.5])) == tensor("float64")


def test_what_comes_out_is_told_beside_it():
    found = models.signature_of(np.zeros((2, 2)), np.array(["yes", "no"]))
    assert json.loads(found.outputs) == tensor("str")


class Liar:
    shape = (1, 1)

    @property
    def dtype(self):
        raise KeyError("no")

    tocsr = None


def test_a_container_that_raises_has_no_signature_and_no_example():
    Liar.__module__ = "scipy.sparse.mine"
    assert models.signature_of(Liar(), None) is None
    assert models.example_of(Liar()) is None


@given(hnp.array_dtypes() | hnp.scalar_dtypes(), st.integers(0, 3))
def test_mlflow_can_parse_any_numpy_type(dtype, width):
    found = inputs(np.zeros((2, width), dtype=dtype))
    for one in found or []:
        np.dtype(one["tensor-spec"]["dtype"])
        assert one["tensor-spec"]["shape"][1:2] == [width]
    known = {None, "integer", "long", "float", "double", "boolean", "datetime"}
    assert of_dtype(np.dtype(dtype)) in known


def test_an_example_is_a_copy_of_the_first_rows():
    X = np.arange(20.0).reshape(10, 2)
    X[1, 0] = np.nan
    example = models.example_of(X)
    X[:] = 7
    rows = [[0, 1], [None, 3], [4, 5], [6, 7], [8, 9]]
    assert json.loads(example.data) == rows
    assert json.loads(example.serving) == {"inputs": rows}
    assert example.info["type"] == "ndarray"


def test_an_example_of_a_frame_is_one_for_mlflow():
    frame = pd.DataFrame({
        "a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2020", None]), "d": [b"1", b"2"],
        "e": pd.array([1, None], "Int64"), "f": [np.inf, 0.5],
    })  # fmt: skip
    example = models.example_of(frame)
    table = json.loads(example.data)
    assert table["columns"] == list("abcdef")
    assert table["data"] == [[1, "x", "2020-01-01T00:00:00", "MQ==\n", 1, None], [2, None, None, "Mg==\n", None, 0.5]]
    assert json.loads(example.serving) == {"dataframe_split": table}
    assert example.info["pandas_orient"] == "split"


def test_an_example_of_a_sparse_matrix_is_served_dense():
    example = models.example_of(sp.coo_array(np.eye(3)), rows=2)
    assert json.loads(example.serving) == {"inputs": [[1, 0, 0], [0, 1, 0]]}
    assert json.loads(example.data)["shape"] == [2, 3]


@pytest.mark.parametrize("X", [[{"a": 1}], None, object(), pd.DataFrame({"a": [object()]}), np.array([{1}])])
def test_what_is_no_json_has_no_example(X):
    assert models.example_of(X) is None
