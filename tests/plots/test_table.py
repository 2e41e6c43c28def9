"""The table: its statistics, its columns, and who leads."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skribe.errors import ArgumentError
from skribe.plots.table import error_of, mean_of, plain, plain_numbers, std_of
from tests.plots.tables import from_search, table

ROWS = npst.arrays(
    float,
    npst.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6),
    elements=st.floats(allow_nan=True, allow_infinity=True),
)


def test_statistics_are_those_of_cv_results():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.01, 1.0, 100.0]}).fit(X, y)
    made = from_search(search)
    assert np.array_equal(made.mean(), search.cv_results_["mean_test_score"])
    assert np.allclose(made.std(), search.cv_results_["std_test_score"], rtol=1e-12, atol=0)
    assert np.allclose(made.standard_error(), made.scores().std(axis=1, ddof=1) / np.sqrt(5))
    assert made.leader() == search.best_index_


@given(ROWS)
def test_statistics_leave_nan_out_and_never_warn(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean, std, error = mean_of(rows), std_of(rows), error_of(rows)
    for row, row_mean, row_std, row_error in zip(rows, mean, std, error, strict=True):
        known = row[~np.isnan(row)]
        assert np.isnan(row_error) or len(known) >= 2
        if len(known) == 0:
            assert np.isnan(row_mean)
            assert np.isnan(row_std)
        elif (np.abs(known) < 1e100).all():
            assert row_mean == pytest.approx(known.mean(), rel=1e-9, abs=1e-9 * np.abs(known).max())
            assert row_std == pytest.approx(known.std(), rel=1e-6, abs=1e-9 * np.abs(known).max())


def test_numbers_come_first_and_ascending_then_the_rest_as_it_appears():
    values = ["z", 10, None, 2.5, "a", True, -1, "10", False]
    made = table([{"p": value} for value in values], np.zeros(9))
    assert made.distinct("p") == (-1, 2.5, 10, "z", None, "a", True, "10", False)
    assert [made.distinct("p")[code] for code in made.column("p").codes] == values
    assert made.column("p").numbers is None


def test_one_is_one_point_zero_and_not_true():
    made = table([{"p": 1}, {"p": 1.0}, {"p": True}, {"p": "1"}, {"p": np.int64(1)}, {"p": np.True_}], np.zeros(6))
    assert made.column("p").codes.tolist() == [0, 0, 1, 2, 0, 1]
    assert [type(value) for value in made.distinct("p")] == [int, bool, str]


def test_candidates_of_a_list_of_grids_lack_what_others_have():
    params = [{"kernel": "linear", "C": 1}, {"kernel": "rbf", "C": 1, "gamma": 2}, {"C": 2, "gamma": 2, "one": 5}]
    made = table(params, np.zeros(3))
    assert made.searched() == ("kernel", "C", "gamma", "one")
    assert made.varying() == ("kernel", "C")
    assert made.column("gamma").codes.tolist() == [-1, 0, 0]
    assert made.column("gamma").numbers.tolist() == [2.0]


def test_the_resource_of_halving_is_not_a_parameter_that_varies():
    params = [{"n": 10, "d": 1}, {"n": 10, "d": 2}, {"n": 30, "d": 2}]
    halving = table(params, np.zeros(3), iteration=np.array([0, 0, 1]), resources=np.array([10, 10, 30]))
    assert halving.varying() == ("d",)
    assert table(params, np.zeros(3)).varying() == ("n", "d")


def test_a_candidate_stopped_after_an_easy_split_does_not_lead():
    made = table([{"p": 1}, {"p": 2}, {"p": 3}], [[0.9, 0.5], [0.6, 0.7], [0.99, np.nan]])
    assert made.mean()[2] == 0.99
    assert np.isnan(made.fair()[2])
    assert made.leader() == 0
    # A split that no candidate has a score on takes nobody out.
    everywhere = table([{"p": 1}, {"p": 2}], [[0.5, np.nan], [0.6, np.nan]])
    assert everywhere.leader() == 1


def test_only_the_last_iteration_of_halving_can_lead():
    params = [{"p": 1}, {"p": 2}, {"p": 2}]
    halving = table(params, [0.9, 0.8, 0.7], iteration=np.array([0, 0, 1]), resources=np.array([1, 1, 3]))
    assert halving.leader() == 2


def test_nobody_leads_where_nothing_has_a_score():
    assert table([{"p": 1}], [np.nan]).leader() is None
    assert table([{"p": 1}], [np.nan], best=0).leader() is None
    assert table([], np.zeros((0, 3))).leader() is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"best": 2}, "best is 2; there are 2"),
        ({"iteration": np.zeros(3)}, "iteration has 3 entries"),
        ({"worker": np.zeros((2, 2))}, r"worker has shape \(2, 2\)"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(changed, message):
    with pytest.raises(ArgumentError, match=message):
        table([{"p": 1}, {"p": 2}], [0.1, 0.2], **changed)


def test_plain_values_are_what_json_can_hold():
    given_values = [np.float32(0.5), np.int8(3), float("nan"), float("inf"), (1, 2), np.str_("a"), 10**400]
    assert [plain(value) for value in given_values] == [0.5, 3, "nan", "inf", "(1, 2)", "a", str(10**400)]
    assert plain_numbers(np.array([[1.0, np.nan], [-np.inf, 2.0]])) == [[1.0, None], [None, 2.0]]
