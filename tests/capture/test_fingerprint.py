"""`fingerprint`: any difference in content changes it, equal content never does, in this process or another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skribe.capture import fingerprint
from skribe.capture.hashing import CHUNK_BYTES

DTYPES = ["f8", "f4", "f2", "i8", "i4", "u1", "?", "c16", "S3", "U3", "M8[ns]", "m8[s]", ">f8", ">i4"]


def is_print(text: str | None) -> bool:
    return text is not None and len(text) == 32 and not set(text) - set("0123456789abcdef")


@given(hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(max_dims=3, max_side=4)), st.data())
def test_equal_arrays_are_equal_and_one_changed_byte_is_seen(array: Any, data: Any) -> None:
    first = fingerprint(array)
    assert is_print(first)
    assert fingerprint(array.copy()) == first
    other = array.copy()
    raw = other.view(np.uint8) if other.ndim else other
    place = data.draw(st.integers(0, raw.size - 1))
    raw.flat[place] ^= data.draw(st.sampled_from([1, 128]))
    assert fingerprint(other) != first


@given(hnp.arrays("i4", hnp.array_shapes(min_dims=2, max_dims=3, max_side=5)), st.data())
def test_strides_do_not_matter(array: Any, data: Any) -> None:
    steps = tuple(slice(None, None, data.draw(st.sampled_from([1, 2, -1]))) for _ in array.shape)
    view = array[steps]
    assume(not (view.flags.f_contiguous and not view.flags.c_contiguous))
    assert fingerprint(view) == fingerprint(np.ascontiguousarray(view))


def test_large_strided_arrays_are_read_in_pieces() -> None:
    base = np.arange(3 * CHUNK_BYTES // 8 * 2, dtype=float)
    assert fingerprint(base[::2]) == fingerprint(base[::2].copy())
    wide = base.reshape(2, -1)[:, ::3]
    assert fingerprint(wide) == fingerprint(np.ascontiguousarray(wide))
    turned = np.moveaxis(base[: 48 * 64 * 64].reshape(48, 64, 64), 0, 1)
    assert fingerprint(turned) == fingerprint(np.ascontiguousarray(turned))
    changed = wide.copy()
    changed[-1, -1] += 1
    assert fingerprint(changed) != fingerprint(wide)


def test_shape_dtype_and_order_are_seen() -> None:
    zeros = [
        np.zeros(6), np.zeros((6, 1)), np.zeros((1, 6)), np.zeros((2, 3)), np.zeros((3, 2)), np.zeros(6, "i8"),
        np.zeros(6, ">f8"), np.zeros(12, "f4"), np.zeros(0), np.zeros((0, 3)), np.zeros((0, 4)), np.zeros(()),
        np.zeros(6, "M8[s]"), np.zeros(6, "M8[ms]"), np.zeros(6, "m8[s]"), np.zeros(6, "S8"), np.zeros(6, "U2"),
        np.zeros(6, "V8"), np.asfortranarray(np.zeros((2, 3))), np.zeros(6, "O"), np.zeros(6, "f8,f8"),
    ]  # fmt: skip
    prints = [fingerprint(array) for array in zeros]
    assert all(map(is_print, prints))
    assert len(set(prints)) == len(zeros)


def test_other_kinds_of_array(tmp_path: Any) -> None:
    base = np.arange(6.0).reshape(2, 3)
    mapped = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=(2, 3))
    mapped[:] = base
    assert fingerprint(mapped) == fingerprint(base)
    masked = np.ma.array(base, mask=base > 3)
    assert fingerprint(masked) == fingerprint(masked.copy()) != fingerprint(base)
    assert fingerprint(np.ma.array(base)) == fingerprint(np.ma.array(base, mask=np.zeros((2, 3), bool)))
    fields = np.zeros(3, [("a", "i1"), ("b", "f8"), ("c", "O")])
    padded = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    same = padded.copy()
    same.view(np.uint8)[1] = 7  # a byte between the fields
    assert fingerprint(padded) == fingerprint(same)
    before = fingerprint(fields)
    fields["c"][2] = "x"
    assert is_print(before)
    assert fingerprint(fields) != before
    assert fingerprint(np.array([1.0, 2], np.longdouble)) == fingerprint(np.array([1.0, 2], np.longdouble))


objects = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(max_size=4)


@given(st.lists(objects | st.lists(objects, max_size=2) | st.sets(st.integers(), max_size=3), max_size=6), st.data())
def test_lists_and_object_arrays(items: list[Any], data: Any) -> None:
    array = np.empty(len(items), object)
    array[:] = items
    for value in (items, tuple(items), array, {"k": items}):
        first = fingerprint(value)
        assert is_print(first)
        copied = _copied(value)
        assert fingerprint(copied) == first
    if items:
        place = data.draw(st.integers(0, len(items) - 1))
        changed = list(items)
        changed[place] = ("another", place)
        assert fingerprint(changed) != fingerprint(items)
    assert fingerprint([*items, None]) != fingerprint(items)


def _copied(value: Any) -> Any:
    """Equal content in objects of its own: no string, list or number shared."""
    if isinstance(value, dict):
        return {_copied(key): _copied(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        copied = np.empty(value.shape, object)
        copied[:] = [_copied(item) for item in value]
        return copied
    if isinstance(value, (list, tuple, set)):
        return type(value)([_copied(item) for item in value])
    if isinstance(value, str):
        return "".join([*value])
    return value


def test_lists_are_told_apart() -> None:
    values: list[Any] = [
        [], (), {}, set(), [[]], [[], []], [0], [0.0], [False], [None], ["0"], [b"0"], (0,), {0}, {0: 0}, range(1),
        [[0], [0]], [[0, 0]], [(0,), (0,)], {0: [0]}, [-0.0], [np.float64(0)], [np.int64(0)], [{}], [{0}], [range(1)],
        "", "0", b"0", [1, 2, [3]], [1, [2, 3]], [[1], [2, 3]], [[1, 2], [3]], ["ab", "c"], ["a", "bc"],
        [np.zeros(2)], [np.zeros(2), np.zeros(2)], frozenset({0}), {"a": 1, "b": 2}, {"a": 2, "b": 1},
        {"b": 2, "a": 1}, range(0, 10, 2), range(0, 10, 3), bytearray(b"0"),
    ]  # fmt: skip
    prints = [fingerprint(value) for value in values]
    assert all(map(is_print, prints))
    unalike = {prints[i] for i in range(len(values)) if not isinstance(values[i], frozenset)}
    assert len(unalike) == len(values) - 1


def test_one_object_twice_is_two_equal_objects() -> None:
    word = "".join(["ab", "c"])
    assert fingerprint([word, word]) == fingerprint([word, "".join(["a", "bc"])])
    row = [1, "x", {1}]
    assert fingerprint([row, row]) == fingerprint([row, [1, "x", {1}]])


def test_what_has_no_content_has_no_fingerprint() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    iterator = iter([1, 2])
    generator = (i for i in [1, 2])
    values = [None, object(), iterator, generator, cyclic, [lambda: 1], [object(), iter("a")], len, sys, 5]
    assert [fingerprint(value) for value in values[:-1] if value is not values[6]] == [None] * (len(values) - 2)
    assert list(iterator) == [1, 2]
    assert list(generator) == [1, 2]
    array = np.array([open, lambda: 1], object)
    assert fingerprint(array) is None


def test_an_object_that_refuses_has_no_fingerprint() -> None:
    class Refuses:
        def __reduce_ex__(self, protocol: Any) -> Any:
            raise ValueError("no")

    assert fingerprint([Refuses()]) is None
    assert fingerprint(np.array([Refuses()], object)) is None


FORMS = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_sparse(form: str, kind: Callable[..., Any]) -> None:
    dense = np.array([[0.0, 1, 0, 0], [2, 0, 0, 3], [0, 0, 0, 0], [0, 4, 0, 0]])
    first = fingerprint(kind(dense).asformat(form))
    assert is_print(first)
    assert fingerprint(kind(dense.copy()).asformat(form)) == first
    for place, value in (((1, 0), 5), ((2, 2), 5), ((0, 1), 0)):
        changed = dense.copy()
        changed[place] = value
        assert fingerprint(kind(changed).asformat(form)) != first
    assert fingerprint(kind(dense.astype("f4")).asformat(form)) != first
    wider = np.hstack([dense, np.zeros((4, 4))])
    assert fingerprint(kind(wider).asformat(form)) != first


def test_sparse_formats_differ_and_are_left_alone() -> None:
    matrix = scipy.sparse.random(20, 20, 0.3, format="csr", random_state=0)
    before = dict(vars(matrix))
    assert len({fingerprint(matrix.asformat(form)) for form in FORMS}) == len(FORMS)
    assert vars(matrix).keys() == before.keys()


def test_an_array_that_only_looks_like_one() -> None:
    class Wrapped:
        def __init__(self) -> None:
            self.array = np.arange(3)

        @property
        def __array_interface__(self) -> Any:
            return self.array.__array_interface__

    assert is_print(fingerprint(Wrapped()))

    class Lazy:
        def __array__(self, *args: Any) -> Any:
            raise AssertionError("this would compute or read everything")

    assert fingerprint(Lazy()) is None


ELSEWHERE = """
import numpy as np
from skribe.capture import fingerprint
items = ["a", "é", 1, None, 2.5, {"x", "y", "z"}, frozenset({"p", "q"}), {"k": {"x", "y", "z"}}]
array = np.empty(len(items), object); array[:] = items
print(fingerprint(items), fingerprint(array), fingerprint(set("abcdefg")), fingerprint(np.arange(9.0)))
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
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
    (output,) = outputs
    assert all(map(is_print, output.split()))
    assert output.split()[-1] == fingerprint(np.arange(9.0))
