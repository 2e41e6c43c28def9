"""`fingerprint` of frames and columns: pandas, polars, Arrow."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skribe.capture import fingerprint


def is_print(text: str | None) -> bool:
    return text is not None and len(text) == 32


def series() -> list[Any]:
    categories = pd.CategoricalDtype(["a", "b", "c"])
    return [
        pd.Series([1, 2, 3]),
        pd.Series([1.0, 2, 3]),
        pd.Series([1.0, 2, 3], dtype="f4"),
        pd.Series([1, 2, 3], name="x"),
        pd.Series([1, 2, 3], index=[1, 2, 3]),
        pd.Series([1, 2, 3], index=pd.RangeIndex(1, 4)),
        pd.Series([1, 2, 3], index=pd.RangeIndex(0, 6, 2)),
        pd.Series([1, 2, 3], index=list("abc")),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1, 0, 3], dtype="Int64"),
        pd.Series([True, False, True]),
        pd.Series([True, False, True], dtype="boolean"),
        pd.Series([True, None, True], dtype="boolean"),
        pd.Series(["a", "b", "d"]),
        pd.Series(["a", "b", "c"], dtype=object),
        pd.Series(["a", "b", None], dtype=object),
        pd.Series(["a", "b", np.nan], dtype=object),
        pd.Series(["ab", "", "c"], dtype=object),
        pd.Series(["a", "b", "c"], dtype="string[python]"),
        pd.Series(["a", "b", None], dtype="string[python]"),
        pd.Series(["a", "b", "c"], dtype="category"),
        pd.Series(["a", "b", "a"], dtype="category"),
        pd.Series(["a", "b", "a"], dtype=categories),
        pd.Series(["a", "b", "a"], dtype=pd.CategoricalDtype(["a", "b", "c"], ordered=True)),
        pd.Series([1, 2, 1], dtype="category"),
        pd.Series(pd.date_range("2020", periods=3)),
        pd.Series(pd.date_range("2020", periods=3, tz="UTC")),
        pd.Series(pd.date_range("2020", periods=3, tz="Europe/Paris")),
        pd.Series(pd.date_range("2021", periods=3)),
        pd.Series(pd.timedelta_range("1D", periods=3)),
        pd.Series(pd.period_range("2020", periods=3, freq="D")),
        pd.Series(pd.period_range("2020", periods=3, freq="M")),
        pd.Series(pd.interval_range(0, 3)),
        pd.Series(pd.interval_range(0, 3, closed="left")),
        pd.Series(pd.arrays.SparseArray([0, 0, 1])),
        pd.Series(pd.arrays.SparseArray([0, 1, 0])),
        pd.Series([[1], [2, 3], {4}]),
        pd.Series([1 + 2j, 2, 3]),
        pd.Series([], dtype=float),
        pd.Series([], dtype=object),
    ]


def test_every_kind_of_column_is_told_apart_and_copies_are_not() -> None:
    prints = [fingerprint(one) for one in series()]
    assert all(map(is_print, prints))
    assert len(set(prints)) == len(prints)
    assert [fingerprint(one) for one in series()] == prints
    assert [fingerprint(one.copy()) for one in series()] == prints
    assert len({fingerprint(one.to_frame("c")) for one in series()}) == len(prints) - 1  # The name "x" is gone.


def test_slices_count_their_own_rows() -> None:
    for one in series():
        if len(one) == 3:
            part = one.iloc[1:]
            again = part.copy()
            assert fingerprint(part) == fingerprint(again) != fingerprint(one)
            assert fingerprint(part.to_frame("c")) == fingerprint(again.to_frame("c"))


def test_what_lies_under_the_mask_does_not_count() -> None:
    mask = np.array([False, True, False])
    one, two = (pd.arrays.IntegerArray(np.array([1, hidden, 3]), mask.copy()) for hidden in (7, 9))
    assert fingerprint(pd.Series(one)) == fingerprint(pd.Series(two))


frames = st.tuples(
    st.integers(1, 40), st.integers(1, 8), st.sampled_from(["f8", "i4", "?"]), st.integers(0, 2**32 - 1)
)


@given(frames, st.data())
def test_the_layout_of_a_frame_does_not_matter_but_every_value_does(frame: Any, data: Any) -> None:
    rows, width, dtype, seed = frame
    values = np.random.default_rng(seed).integers(0, 100, (rows, width)).astype(dtype)
    names = [f"c{i}" for i in range(width)]
    built = pd.DataFrame(values, columns=names)
    first = fingerprint(built)
    assert is_print(first)
    assert fingerprint(built.copy()) == first
    assert fingerprint(pd.DataFrame(np.asfortranarray(values), columns=names)) == first
    scattered = pd.DataFrame({"c0": values[:, 0]})
    for position in range(1, width):
        scattered[names[position]] = values[:, position]
    assert fingerprint(scattered) == first
    assert fingerprint(pd.concat([built, built])[::2][:0]) != first
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, width - 1))
    changed = values.copy()
    changed[row, column] = not changed[row, column] if dtype == "?" else changed[row, column] + 1
    assert fingerprint(pd.DataFrame(changed, columns=names)) != first
    assert fingerprint(built.rename(columns={names[column]: "other"})) != first


def test_large_frames_in_every_layout() -> None:
    values = np.random.default_rng(0).normal(size=(9000, 30))
    by_row, by_column = pd.DataFrame(values, copy=False), pd.DataFrame(np.asfortranarray(values), copy=False)
    assert fingerprint(by_row) == fingerprint(by_column)
    assert fingerprint(by_row.iloc[::3]) == fingerprint(by_column.iloc[::3].copy())
    mixed = by_row.assign(text="x")
    assert fingerprint(mixed) == fingerprint(by_column.assign(text="x"))
    mixed.iloc[-1, -2] += 1
    assert fingerprint(mixed) != fingerprint(by_column.assign(text="x"))


def test_names_order_index_and_types_of_a_frame() -> None:
    base = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    others = [
        base[["b", "a"]],
        base.rename(columns={"a": "A"}),
        base.rename(columns={"a": "b", "b": "a"}),
        base.set_axis([0, 1], axis=1),
        base.set_axis(["0", "1"], axis=1),
        base.set_axis(["a", "a"], axis=1),
        base.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), axis=1),
        base.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]), axis=1),
        base.rename_axis(columns="name"),
        base.rename_axis(index="name"),
        base.set_axis([1, 0]),
        base.set_axis(["x", "y"]),
        base.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        base.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("b", 3)])),
        base.iloc[::-1],
        base.iloc[:1],
        base.iloc[:0],
        base.astype({"a": float}),
        base.astype(float),
        base.assign(c="x"),
        base.assign(a=["x", "y"]),
        pd.DataFrame(),
        pd.DataFrame(index=[0, 1]),
        pd.DataFrame([[1]], columns=pd.Index(["é\ud800"], dtype=object)),
    ]
    prints = [fingerprint(frame) for frame in [base, *others]]
    assert all(map(is_print, prints))
    assert len(set(prints)) == len(prints)
    assert fingerprint(base.iloc[::-1].iloc[::-1].reset_index(drop=True)) == prints[0]


def test_indexes() -> None:
    indexes = [
        pd.Index([1, 2]), pd.Index(["a", "b"]), pd.RangeIndex(2), pd.date_range("2020", periods=2), pd.Index([1.0, 2]),
        pd.MultiIndex.from_product([[1, 2], ["a", "b"]]), pd.CategoricalIndex(["a", "b"]), pd.interval_range(0, 2),
    ]  # fmt: skip
    assert len({fingerprint(index) for index in indexes}) == len(indexes)
    many = pd.MultiIndex.from_product([range(3), range(3)])
    assert fingerprint(many[:3]) == fingerprint(pd.MultiIndex.from_tuples(list(many[:3])))


def test_a_frame_is_left_as_it_is() -> None:
    frame = pd.DataFrame({"a": [1.0, 2], "b": ["x", "y"]})
    frame["c"] = 1
    blocks = len(frame._mgr.blocks)
    fingerprint(frame)
    assert len(frame._mgr.blocks) == blocks


def columns() -> list[pl.Series]:
    return [
        pl.Series("a", [1, 2, 3]),
        pl.Series("b", [1, 2, 3]),
        pl.Series("a", [1, 2, 3], dtype=pl.Int32),
        pl.Series("a", [1.0, 2, 3]),
        pl.Series("a", [1, None, 3]),
        pl.Series("a", [1, 0, 3], dtype=pl.UInt8),
        pl.Series("a", [1.0, None, float("nan")]),
        pl.Series("a", [True, None, False]),
        pl.Series("a", [True, True, False]),
        pl.Series("a", ["x", "y", "zz"]),
        pl.Series("a", ["x", "yz", "z"]),
        pl.Series("a", ["x", None, "z"]),
        pl.Series("a", ["x", "", "z"]),
        pl.Series("a", ["x", "y", "zz"], dtype=pl.Categorical),
        pl.Series("a", ["x", "y", "zz"], dtype=pl.Enum(["x", "y", "zz"])),
        pl.Series("a", ["2020-01-01", "2020-01-02", "2020-01-03"]).str.to_date(),
        pl.Series("a", ["1.5", "2.5", "3.5"]).cast(pl.Decimal(10, 2)),
        pl.Series("a", [[1], [2, 3], None]),
        pl.Series("a", [{"x": 1}, {"x": 2}, {"x": 3}]),
        pl.Series("a", [b"1", b"2", None]),
        pl.Series("a", [None, None, None]),
    ]


def test_polars_columns() -> None:
    prints = [fingerprint(one) for one in columns()]
    assert all(map(is_print, prints))
    assert len(set(prints)) == len(prints)
    for one, found in zip(columns(), prints, strict=True):
        chunked = pl.concat([one[:1], one[1:]], rechunk=False)
        assert fingerprint(chunked) == found
        assert fingerprint(one[1:]) == fingerprint(one.clone()[1:]) != found
        assert is_print(fingerprint(one.to_frame()))


def test_polars_frames() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert fingerprint(frame) == fingerprint(frame.clone())
    others = [frame.select("b", "a"), frame.rename({"a": "c"}), frame[::-1], frame[:0], frame.with_columns(c=1)]
    assert len({fingerprint(one) for one in (frame, *others)}) == 6
    assert fingerprint(frame.lazy()) is None


@given(st.lists(st.none() | st.text(max_size=5), max_size=12), st.integers(0, 12))
@settings(max_examples=50)
def test_polars_texts(items: list[str | None], cut: int) -> None:
    one = pl.Series("a", items, dtype=pl.String)
    if 0 < cut < len(items):
        assert fingerprint(pl.concat([one[:cut], one[cut:]], rechunk=False)) == fingerprint(one)
    assert fingerprint(pl.Series("a", [*items, ""], dtype=pl.String)) != fingerprint(one)
    assert fingerprint(pl.Series("a", [*items, None], dtype=pl.String)) != fingerprint(
        pl.Series("a", [*items, ""], dtype=pl.String)
    )


@pytest.fixture
def pa() -> Any:
    return pytest.importorskip("pyarrow", exc_type=ImportError)


def test_arrow_arrays_however_they_are_cut(pa: Any) -> None:
    lists: list[tuple[list[Any], Any]] = [
        ([1, 2, 3, 4], None), ([1, None, 3, 4], None), ([1, 0, 3, 4], None), ([1.0, 2, 3, 4], None),
        ([1, 2, 3, 4], pa.int32()), ([True, None, False, True], None), ([True, False, False, True], None),
        (["a", "bb", "", "c"], None), (["a", "bb", None, "c"], None), (["ab", "b", "", "c"], None),
        ([b"a", b"bb", b"", None], None), (["a", "bb", "", "c"], pa.large_string()), ([[1], None, [2, 3], []], None),
        ([{"x": 1}, {"x": 2}, None, {"x": 3}], None), ([None] * 4, None),
        (["a", "b", "a", None], pa.dictionary(pa.int8(), pa.string())),
    ]  # fmt: skip
    prints = set()
    for items, kind in lists:
        whole = pa.array(items, kind)
        found = fingerprint(pa.chunked_array([whole]))
        assert is_print(found)
        assert fingerprint(pa.chunked_array([whole.slice(0, 1), whole.slice(1)])) == found, items
        kind = whole.type
        assert fingerprint(pa.chunked_array([pa.array(items[:3], kind), pa.array(items[3:], kind)])) == found, items
        assert fingerprint(whole.slice(1, 2)) == fingerprint(pa.array(items[1:3], kind)), items
        prints.add(fingerprint(whole))
    assert len(prints) == len(lists)


def test_what_lies_under_an_arrow_gap_does_not_count(pa: Any) -> None:
    gaps = pa.py_buffer(bytes([0b101]))

    def numbers(hidden: int) -> Any:
        content = pa.py_buffer(np.array([1, hidden, 3], "i8"))
        return pa.Array.from_buffers(pa.int64(), 3, [gaps, content])

    def texts(hidden: bytes) -> Any:
        offsets = pa.py_buffer(np.array([0, 1, 1 + len(hidden), 2 + len(hidden)], "i4"))
        return pa.Array.from_buffers(pa.string(), 3, [gaps, offsets, pa.py_buffer(b"a" + hidden + b"c")])

    assert fingerprint(numbers(7)) == fingerprint(numbers(9)) == fingerprint(pa.array([1, None, 3]))
    assert fingerprint(texts(b"xx")) == fingerprint(texts(b"y")) == fingerprint(pa.array(["a", None, "c"]))


def test_arrow_tables(pa: Any) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    found = fingerprint(table)
    assert is_print(found)
    assert fingerprint(pa.concat_tables([table.slice(0, 1), table.slice(1)])) == found
    assert fingerprint(table.to_batches()[0]) == found
    assert fingerprint(table.rename_columns(["a", "c"])) != found
    assert fingerprint(table.select(["b", "a"])) != found


def test_pandas_columns_that_arrow_keeps(pa: Any) -> None:
    for kind in ("string[pyarrow]", "large_string[pyarrow]"):
        one = pd.Series(["a", None, "bc", "d"] * 3, dtype=kind)
        assert is_print(fingerprint(one))
        part = one.iloc[2:7].reset_index(drop=True)
        assert fingerprint(part) == fingerprint(pd.Series(part.tolist(), dtype=kind))
        assert fingerprint(one.iloc[:2]) != fingerprint(one.iloc[2:4].reset_index(drop=True))
    numbers = pd.Series([1, None, 3], dtype="int64[pyarrow]")
    assert fingerprint(numbers) == fingerprint(numbers.copy()) != fingerprint(numbers.fillna(0))


ELSEWHERE = """
import numpy as np, pandas as pd, polars as pl
from skribe.capture import fingerprint
frame = pd.DataFrame({"a": ["x", "é", None], "b": pd.Categorical(["p", "q", "p"]), "c": [{"x", "y"}, 1, "z"]})
print(fingerprint(frame), fingerprint(pl.DataFrame({"a": ["x", None]})))
"""


def test_another_process_gives_the_same() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1
    assert all(map(is_print, outputs.pop().split()))
