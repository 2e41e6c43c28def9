"""Small pictures: well-formed, light, named for those who do not see them, and of any numbers."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skribe.display.sketch import SKETCHED, folds, roc_of, sketch, spark
from skribe.display.sketch_of_searches import course, heat_map, validation_curve
from skribe.display.svg import LARGEST, Axis, Sheet, short
from tests.display.pages import Page, has_acting_characters

pytestmark = pytest.mark.newest_only
numbers = st.floats(allow_nan=False, allow_infinity=False)
labels = st.text(max_size=20) | st.integers() | st.sampled_from(["<b>", "\u202e", "x" * 300, "a&b"])


def checked(picture):
    """The picture, if there is one, is XML with a name, not too large, and with marks inside of its borders."""
    if picture is None:
        return None
    assert len(picture.svg.encode()) <= LARGEST
    root = ET.fromstring(picture.svg)
    assert root.get("aria-label")
    assert root[0].text == root.get("aria-label")
    assert not has_acting_characters(picture.svg)
    Page(picture.svg)
    assert "nan" not in picture.svg.replace(root.get("aria-label"), "")
    return picture.svg


def texts(svg):
    return [mark.text for mark in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_the_numbers_are(data):
    length = data.draw(st.integers(1, 30))
    row = st.lists(numbers, min_size=length, max_size=length)
    counts = st.lists(st.lists(st.floats(0, 1e9), min_size=length, max_size=length), min_size=length, max_size=length)
    names = data.draw(st.lists(labels, min_size=length, max_size=length))
    one, other = data.draw(row), data.draw(row)
    checked(sketch("confusion_matrix", {"labels": names, "counts": data.draw(counts)}))
    checked(sketch("predicted_vs_actual", {"outputs": [{"predicted": one, "actual": other}]}))
    checked(sketch("residuals", {"outputs": [{"predicted": one, "residual": other}]}))
    checked(sketch("feature_importance", {"features": names, "series": [{"name": None, "values": one}]}))
    checked(sketch("history", {"series": [{"name": names[0], "steps": list(range(length)), "values": one}]}))
    scores = data.draw(st.lists(st.none() | numbers, min_size=length, max_size=length))
    ends = min(one), max(one)
    Page(folds(scores, *ends, None))
    Page(spark(scores))
    checked(course({"metric": "score", "score": scores, "best_so_far": scores}))


@pytest.mark.parametrize("classes", [2, 5, 10, 16])
def test_a_confusion_matrix_has_its_counts(classes):
    counts = [[1000 + row if row == column else row for column in range(classes)] for row in range(classes)]
    view = {"labels": [f"class {n}" for n in range(classes)], "counts": counts}
    svg = checked(sketch("confusion_matrix", view, "X_test"))
    assert ("1001" in texts(svg)) == (classes <= 10)
    assert sketch("confusion_matrix", view, "X_test").caption == "Confusion matrix · X_test"
    assert sketch("confusion_matrix", {"labels": list(range(17)), "counts": [[1] * 17] * 17}) is None


def test_roc_curves():
    curve = {"class": 1, "auc": 0.9, "fpr": [0, 0.2, 1], "tpr": [0, 0.8, 1]}
    picture = sketch("roc", {"curves": [curve]})
    assert picture.caption == "ROC · area 0.9"
    assert "M48 136L83.2 " in checked(picture), "the curve begins in the corner"
    many = {"curves": [{**curve, "auc": 0.5}, {**curve, "average": "macro", "auc": 0.7}]}
    assert sketch("roc", many).caption == "ROC · area 0.7"
    svg = checked(roc_of([("one", {"curves": [curve]}), ("two", many), ("none", {})]))
    assert "one 0.900" in texts(svg)
    assert "two 0.700" in texts(svg)
    assert roc_of([("none", {"curves": []})]) is None
    assert sketch("precision_recall", {"curves": []}) is None


def test_thousands_of_points_are_thinned():
    row = [float(n) for n in range(500)]
    for name, other in (("residuals", "residual"), ("predicted_vs_actual", "actual")):
        assert checked(sketch(name, {"outputs": [{"predicted": row, other: row}]}))
    assert checked(sketch("history", {"series": [{"name": "loss", "steps": row * 20, "values": row * 20}]}))
    assert checked(course({"metric": "m", "score": row * 20, "best_so_far": row * 20}))


def test_importances_show_the_sign():
    view = {"kind": "coefficients", "features": ["a", "b"], "series": [{"name": 1, "values": [-2.0, 1.0]}]}
    svg = checked(sketch("feature_importance", view))
    assert "-2" in texts(svg)
    assert svg.count("--skribe-1") == 1


def test_what_there_is_nothing_of_has_no_picture():
    for name in SKETCHED:
        assert sketch(name, {}) is None
    assert sketch("timeline", {}) is None
    assert spark([1.0]) == ""
    assert course({"metric": "m", "score": [1.0, None], "best_so_far": [1.0, 1.0]}) is None


def curve_view(x, mean, axis="log"):
    one = {"x": x, "mean": mean, "std": [0.1] * len(x), "folds": [[m, m] for m in mean]}
    return {"parameter": "C", "metric": "score", "axis": axis, "kind": "curve", "slices": [one, one]}


def test_a_validation_curve():
    svg = checked(validation_curve(curve_view([0.1, 1, 10], [0.2, None, 0.9])))
    assert {"0.1", "1", "10", "C", "score"} <= set(texts(svg))
    svg = checked(validation_curve(curve_view(["a", None, True], [0.2, 0.3, 0.9], "categorical")))
    assert {"a", "None", "True"} <= set(texts(svg))
    assert validation_curve(curve_view([1], [0.5])) is None


def test_a_heat_map_marks_the_best_cell():
    side = {"parameter": "C", "axis": "log", "values": [1, 10, 100]}
    view = {
        "x": side,
        "y": {**side, "parameter": "gamma", "values": [0.123456, 2.0]},
        "metric": "score",
        "best": [1, 2],
    }
    view["mean"] = [[0.1, None, 0.3], [0.4, 0.5, 0.9]]
    svg = checked(heat_map(view))
    assert {".9", ".1", "0.12", "gamma"} <= set(texts(svg))
    assert svg.count('stroke-width="1.5"') == 1
    assert heat_map({**view, "mean": [[None] * 3] * 2}) is None


@given(st.lists(numbers, min_size=1, max_size=5), st.booleans())
def test_axes(values, log):
    axis = Axis(values, 10.0, 20.0, log=log)
    for value in values:
        if value > 0 or not log:
            assert 10.0 <= axis.of(value) <= 20.0
    assert len(axis.ticks()) <= 8
    assert all(math.isfinite(tick) for tick in axis.ticks())


def test_numbers_on_axes():
    assert [short(n) for n in (0.0, 0.00001, 123456.0, 0.25, -3.0)] == ["0", "1e-5", "1.2e5", "0.25", "-3"]


def test_a_picture_that_would_be_too_large_is_none():
    sheet = Sheet("large")
    for _ in range(500):
        sheet.text(1, 1, "a text that is long")
    assert sheet.done() == ""
