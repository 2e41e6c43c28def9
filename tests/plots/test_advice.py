"""Advice: said where it is true, and not where it is not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from skribe.plots.search import advice
from tests.plots.tables import from_search, large, table

NOISE = np.array([-0.02, 0.0, 0.01, 0.01, 0.0])


def grid(**axes):
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def along(values, means, noise=NOISE, **rest):
    """A search along one parameter with these means; the splits differ in the same way for all candidates."""
    return table([{"C": value} for value in values], np.array(means)[:, None] + noise, **rest)


def kinds(made):
    return [remark.kind for remark in advice(made)]


def test_the_best_value_at_the_upper_edge():
    (remark,) = advice(along([1, 10, 100], [0.5, 0.6, 0.7]))
    assert remark == (
        "edge",
        "C: the best value, 100, is the largest that was tried; try larger ones.",
        ("C",),
        (2,),
    )


def test_the_best_value_at_the_lower_edge():
    (remark,) = advice(along([0.01, 0.1, 1.0], [0.7, 0.6, 0.5]))
    assert remark.text == "C: the best value, 0.01, is the smallest that was tried; try smaller ones."


@pytest.mark.parametrize(
    ("values", "means"),
    [
        ([1, 10, 100], [0.5, 0.7, 0.6]),  # in the middle
        ([1, 10], [0.5, 0.7]),  # two values have no middle
        (["a", "b", "c"], [0.5, 0.6, 0.7]),  # no order
        ([0.0, 0.5, 1.0], [0.5, 0.6, 0.7]),  # a part of one is at most one
        ([0, 1, 2], [0.7, 0.6, 0.5]),  # nothing is below zero
        ([1, 2, 3], [0.7, 0.6, 0.5]),  # nor is a depth below one
        ([1, 10, None], [0.5, 0.6, 0.7]),  # None is no number
    ],
)
def test_no_edge(values, means):
    assert "edge" not in kinds(along(values, means))


def test_an_edge_that_the_scores_do_not_depend_on_is_none():
    scores = np.array([[0.5, 0.5, 0.5], [0.70, 0.71, 0.69], [0.71, 0.70, 0.70]])
    made = table([{"C": value} for value in (1, 10, 100)], scores)
    assert made.leader() == 2
    assert advice(made) == []
    # The same gap on every split is no noise.
    assert kinds(along([1, 10, 100], [0.5, 0.69, 0.70])) == ["edge"]


def test_of_many_sampled_values_those_near_the_end_are_at_the_edge():
    values = np.geomspace(0.001, 1000, 101).tolist()
    means = np.linspace(0.5, 0.7, 101)
    means[99] = 0.8
    (remark,) = advice(along(values, means))
    assert remark.text == "C: the best value, 871, is almost the largest that was tried (1000); try larger ones."
    means[99], means[97] = 0.6, 0.8
    assert advice(along(values, means)) == []


def test_in_halving_the_edge_is_that_of_all_that_was_tried():
    params = [{"C": value} for value in (1, 10, 100, 1000, 10, 100)]
    means = np.array([0.5, 0.6, 0.6, 0.55, 0.65, 0.75])[:, None] + NOISE
    rest = {"iteration": np.array([0, 0, 0, 0, 1, 1]), "resources": np.array([9, 9, 9, 9, 27, 27])}
    assert "edge" not in kinds(table(params, means, **rest))
    params[3] = {"C": 0.1}
    assert kinds(table(params, means, **rest)) == ["edge"]
    # Those away from the edge have dropped out: that they were worse is what the iterations have shown.
    later = {key: np.append(numbers, numbers[-1] * 3) for key, numbers in rest.items()}
    last = table([*params, {"C": 100}], np.vstack([means, means[-1:]]), **later)
    assert kinds(last) == ["edge"]


def test_where_all_others_failed_the_edge_shows_nothing():
    assert "edge" not in kinds(along([1, 10, 100], [np.nan, np.nan, 0.7], fit=[1, 1, 1]))


def test_a_parameter_without_effect():
    params = grid(C=[1, 10, 100], fit_intercept=[True, False])
    scores = np.array([0.5, 0.501, 0.7, 0.699, 0.6, 0.6])[:, None] + NOISE
    (remark,) = advice(table(params, scores))
    assert (remark.kind, remark.params) == ("no_effect", ("fit_intercept",))
    assert "by at most 0.001, which is within the noise between the splits (0.0055)" in remark.text
    # One slice in which it matters is enough.
    scores[0] += 0.02
    assert advice(table(params, scores)) == []


def test_equal_scores_are_said_to_be_equal():
    (remark,) = advice(table(grid(a=[1, 2, 3]), np.full((3, 4), 0.5)))
    assert remark.text == "a made no difference: all its values gave the same scores."


@pytest.mark.parametrize("scores", [[0.5], [[0.5], [0.5]]])
def test_one_candidate_or_one_split_shows_no_effect(scores):
    assert advice(table(grid(a=list(range(len(scores)))), scores)) == []


def test_a_few_chance_neighbours_of_a_random_search_show_no_effect():
    random = np.random.default_rng(0)
    params = [{"C": float(value), "k": "ab"[n % 2]} for n, value in enumerate(random.random(40))]
    params[1]["C"] = params[0]["C"]
    assert "no_effect" not in kinds(table(params, random.normal(0.5, 0.1, (40, 5))))


def test_a_faster_candidate_that_is_as_good():
    made = along(["a", "b", "c"], [0.700, 0.697, 0.5], fit=[3.0, 0.05, 0.001], score=[0.2, 0.01, 0.001])
    (remark,) = advice(made)
    assert remark.candidates == (1, 0)
    assert remark.text == (
        "C=b is as good within one standard error and faster: it scores 0.697 in 60 ms per split; "
        "the best, C=a, scores 0.7 ± 0.0055 in 3.2 s."
    )


@pytest.mark.parametrize("times", [[1.0, 0.6, 0.1], [0.0015, 0.0006, 0.0001], [np.nan, 0.1, 0.1], [1.0, np.nan, 0.1]])
def test_no_faster_candidate(times):
    assert "faster" not in kinds(along(["a", "b", "c"], [0.700, 0.697, 0.5], fit=times))


def test_in_halving_a_candidate_with_less_data_is_not_faster():
    rest = {"iteration": np.array([0, 1, 1]), "resources": np.array([9, 27, 27])}
    assert "faster" not in kinds(along(["a", "b", "c"], [0.7, 0.7, 0.5], fit=[0.1, 1, 1], best=1, **rest))


@pytest.mark.filterwarnings("ignore")
def test_what_the_failures_of_a_real_search_share():
    X, y = load_breast_cancer(return_X_y=True)
    space = {"penalty": ["l1", "l2"], "solver": ["lbfgs", "liblinear"], "C": [0.01, 0.1]}
    search = GridSearchCV(LogisticRegression(max_iter=20), space, cv=3).fit(X[::4], y[::4])
    remark = advice(from_search(search))[0]
    assert remark.text == (
        "2 of 8 candidates failed: all 2 failures have penalty=l1 with solver=lbfgs, and no success has both."
    )
    assert remark.params == ("penalty", "solver")
    assert all(search.cv_results_["params"][row]["penalty"] == "l1" for row in remark.candidates)


def failing(params, fails, **rest):
    scores = np.linspace(0.5, 0.9, len(params))[:, None] + NOISE
    scores[[fails(one) for one in params]] = np.nan
    return advice(table(params, scores, fit=np.ones(len(params)), **rest))[0].text


def test_what_failures_share():
    params = grid(penalty=["l1", "l2", "none"], C=[1, 2, 3, 4])
    assert failing(params, lambda one: one["penalty"] == "l1") == (
        "4 of 12 candidates failed: all 4 failures have penalty=l1, and no success has it."
    )
    assert "have penalty=l1 or l2, and no" in failing(params, lambda one: one["penalty"] != "none")
    told = failing(params, lambda one: one["penalty"] == "l1" and one["C"] < 4)
    assert told.endswith("all 3 failures have penalty=l1, as have 1 that did not fail.")
    assert failing(params, lambda one: one == params[5]) == "1 of 12 candidates failed: penalty=l2, C=2."
    assert failing(params, lambda one: True) == "Every candidate failed."
    scattered = failing(params, lambda one: (one["penalty"], one["C"]) in {("l1", 1), ("l2", 2)})
    assert scattered == "2 of 12 candidates failed."
    # Values that come once, as in a random search, explain nothing.
    drawn = [{"C": number + 0.25} for number in range(9)]
    assert failing(drawn, lambda one: one["C"] in (2.25, 5.25)) == "2 of 9 candidates failed."


def test_what_a_stopped_search_never_reached_has_not_failed():
    scores, fit = [[0.5, 0.5], [0.6, np.nan], [np.nan] * 2], [[1, 1], [1, np.nan], [np.nan] * 2]
    params = grid(p=["a", "b", "c"])
    assert "failed" not in kinds(table(params, scores, fit=fit))
    over = [remark for remark in advice(table(params, scores, fit=fit, best=0)) if remark.kind == "failed"]
    assert [remark.candidates for remark in over] == [(2,), (1,)]
    assert over[1].text.startswith("1 of 3 candidates failed in some of their splits")


def test_what_decides_about_failure_is_not_without_effect():
    params = grid(solver=["a", "b"], penalty=["x", "y"])
    scores = np.array([0.5, 0.7, 0.5, 0.7])[:, None] + NOISE
    assert [remark.params for remark in advice(table(params, scores))] == [("solver",)]
    scores[0] = np.nan
    more = [*params, {"solver": "a", "penalty": "x", "z": 1}]
    made = table(more, np.vstack([scores, scores[:1]]), fit=np.ones(5))
    assert kinds(made) == ["failed"]


def test_a_tree_that_overfits():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(200, 5)), random.integers(0, 2, 200)
    space = {"max_depth": [20, 30]}
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), space, return_train_score=True).fit(X, y)
    (remark,) = [remark for remark in advice(from_search(search)) if remark.kind == "overfit"]
    score = f"{search.best_score_:.4g}"
    assert remark.text == (
        f"The best candidate may overfit: it scores 1 on what it was trained on, and {score} on what it was not."
    )
    search.set_params(return_train_score=False).fit(X, y)
    assert "overfit" not in kinds(from_search(search))


@pytest.mark.parametrize(
    ("test", "train", "said"),
    [
        (0.90, 0.94, False),  # the gap is too small
        (0.80, 0.90, True),
        (-2.0, -1.5, False),  # an error: a quarter less is not enough
        (-2.0, -0.5, True),
    ],
)
def test_the_gap_is_measured_by_the_scale_of_the_score(test, train, said):
    scores = test + np.array([[0.0, 0.01, -0.01]])
    assert ("overfit" in kinds(table([{"C": 1}], scores, train=np.full((1, 3), train)))) is said


def test_a_gap_within_the_noise_is_no_overfitting():
    assert kinds(table([{"C": 1}], [[0.5, 0.9, 0.9]], train=[[0.95, 0.95, 0.95]])) == []


@pytest.mark.parametrize("score", [np.inf, -np.inf, np.nan])
def test_scores_that_are_no_numbers_give_no_advice(score):
    assert advice(table(grid(a=[1, 2, 3]), np.full((3, 4), score))) == []


def test_nothing_is_said_of_an_empty_search():
    assert advice(table([], np.zeros((0, 5)))) == []


def test_of_ten_thousand_candidates_none_is_lost():
    made = large()
    made.test["score"][3] = np.nan
    failures = [remark for remark in advice(made) if remark.kind == "failed"]
    assert failures[0].text.startswith("1 of 10000 candidates failed: p0=")
