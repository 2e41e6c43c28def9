"""The views: what they say of real searches, of searches made by hand, and of whatever hypothesis thinks of."""

from __future__ import annotations

import json
import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skribe.plots.search import heat_maps, progress, rungs, score_against_time, timeline, validation_curves, views
from tests.plots.tables import from_search, large, table

X, y = load_iris(return_X_y=True)


def grid(**axes):
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


@pytest.fixture(scope="module")
def svc():
    space = [
        {"kernel": ["linear"], "C": [0.1, 1, 10]},
        {"kernel": ["rbf"], "C": [0.1, 1, 10], "gamma": [0.01, 0.1, 1.0]},
    ]
    return from_search(GridSearchCV(SVC(), space, return_train_score=True).fit(X, y))


def by_parameter(made):
    return {curve["parameter"]: curve for curve in validation_curves(made)}


def test_a_curve_runs_through_the_best_candidate_first(svc):
    curve = by_parameter(svc)["C"]
    assert (curve["kind"], curve["axis"], curve["left_out"]) == ("curve", "log", 0)
    first = curve["slices"][0]
    assert svc.best in first["candidate"]
    assert [part["through_best"] for part in curve["slices"]] == [True, False, False, False]
    assert first["x"] == [0.1, 1, 10]
    for place, candidate in enumerate(first["candidate"]):
        told = svc.params[candidate]
        assert told["C"] == first["x"][place]
        assert {key: value for key, value in told.items() if key != "C"} == first["fixed"]
        assert first["folds"][place] == svc.scores()[candidate].tolist()
        assert first["train_mean"][place] == pytest.approx(svc.train["score"][candidate].mean())
        assert first["std"][place] == svc.std()[candidate]


def test_the_slices_are_all_there_are(svc):
    told = {tuple(part["candidate"]) for part in by_parameter(svc)["gamma"]["slices"]}
    expected = set()
    for cost in (0.1, 1, 10):
        same = [row for row, params in enumerate(svc.params) if params.get("gamma") and params["C"] == cost]
        expected.add(tuple(same))
    assert told == expected


def test_a_random_search_has_clouds_instead_of_slices():
    space = {"C": loguniform(1e-3, 1e3), "gamma": loguniform(1e-4, 1e1), "kernel": ["rbf", "poly"]}
    made = from_search(RandomizedSearchCV(SVC(), space, n_iter=30, cv=3, random_state=0).fit(X, y))
    curves = by_parameter(made)
    assert {key: (curve["kind"], curve["axis"]) for key, curve in curves.items()} == {
        "C": ("scatter", "log"),
        "gamma": ("scatter", "log"),
        "kernel": ("scatter", "categorical"),
    }
    assert curves["C"]["x"] == [params["C"] for params in made.params]
    assert curves["C"]["mean"] == made.mean().tolist()
    both = next(m for m in heat_maps(made)["maps"] if {m["x"]["parameter"], m["y"]["parameter"]} == {"C", "gamma"})
    assert all(len(both[side]["values"]) == len(both[side]["edges"]) <= 20 for side in "xy")
    for row, line in enumerate(both["candidate"]):
        for column, candidate in enumerate(line):
            if candidate is not None:
                low, high = both["x"]["edges"][column]
                assert low * (1 - 1e-9) <= made.params[candidate][both["x"]["parameter"]] <= high * (1 + 1e-9)
                assert both["mean"][row][column] == made.mean()[candidate]


@pytest.mark.parametrize(
    ("values", "axis"),
    [
        ([0.1, 1, 10], "log"),
        ([1, 2, 99], "linear"),
        ([0, 1, 1000], "linear"),
        (["a", 1, 1000], "categorical"),
        ([True, False], "categorical"),
        (np.linspace(0.001, 1, 50).tolist(), "linear"),
        (np.geomspace(0.001, 1, 50).tolist(), "log"),
    ],
)
def test_the_axis_fits_the_values(values, axis):
    assert by_parameter(table([{"p": value} for value in values], np.zeros(len(values))))["p"]["axis"] == axis


def test_slices_are_capped_to_the_best_and_the_others_counted():
    params = grid(a=list(range(20)), b=["x", "y"])
    made = table(params, np.arange(40.0), best=0)
    curve = by_parameter(made)["b"]
    assert curve["left_out"] == 8
    assert [part["fixed"]["a"] for part in curve["slices"]] == [0, *range(19, 8, -1)]


def test_the_iterations_of_halving_do_not_mix_in_a_slice():
    params = [{"p": 1}, {"p": 2}, {"p": 3}, {"p": 2}, {"p": 3}]
    made = table(params, np.arange(5.0), iteration=np.array([0, 0, 0, 1, 1]), resources=np.array([9, 9, 9, 27, 27]))
    slices = by_parameter(made)["p"]["slices"]
    assert [(part["iteration"], part["candidate"]) for part in slices] == [(1, [3, 4]), (0, [0, 1, 2])]


def test_of_candidates_that_are_the_same_a_slice_holds_the_best():
    made = table([{"p": 1}, {"p": 2}, {"p": 1}, {"p": 2.0}], [0.5, 0.9, 0.7, 0.8])
    (part,) = by_parameter(made)["p"]["slices"]
    assert (part["candidate"], part["x"], part["mean"]) == ([2, 1], [1, 2], [0.7, 0.9])


def test_a_cell_holds_the_best_over_all_others():
    params = grid(a=[1, 2], b=["x", "y", "z"], c=[0, 1, 2])
    scores = np.random.default_rng(0).normal(size=(18, 3))
    made = table([{**one, "fixed": 7} for one in params][:-3], scores[:-3])
    maps = heat_maps(made)
    assert maps["left_out"] == 0
    told = next(one for one in maps["maps"] if (one["x"]["parameter"], one["y"]["parameter"]) == ("a", "b"))
    assert (told["x"]["values"], told["y"]["values"]) == ([1, 2], ["x", "y", "z"])
    for row, b in enumerate("xyz"):
        for column, a in enumerate([1, 2]):
            same = [i for i, one in enumerate(made.params) if (one["a"], one["b"]) == (a, b)]
            best = max(same, key=lambda i: made.mean()[i], default=None)
            assert told["candidate"][row][column] == best
            assert told["mean"][row][column] == (None if best is None else made.mean()[best])
    assert told["mean"][2][1] is None
    leader = made.params[made.leader()]
    assert told["best"] == ["xyz".index(leader["b"]), [1, 2].index(leader["a"])]


def test_pairs_are_capped_to_those_with_the_largest_effect():
    random = np.random.default_rng(0)
    params = [{f"p{key}": int(random.integers(3)) for key in range(8)} for _ in range(400)]
    maps = heat_maps(table(params, [one["p7"] * 10 + one["p6"] for one in params]))
    assert (len(maps["maps"]), maps["left_out"]) == (20, 8)
    assert [maps["maps"][0][side]["parameter"] for side in "xy"] == ["p6", "p7"]
    effects = [one["effect"] for one in maps["maps"]]
    assert effects == sorted(effects, reverse=True)


def test_many_texts_keep_the_best_and_whole_numbers_keep_whole_bins():
    params = [{"t": f"t{number:02}", "n": number} for number in range(60)]
    told = heat_maps(table(params, np.arange(60.0)))["maps"][0]
    assert told["x"]["values"] == [f"t{number}" for number in range(40, 60)]
    assert told["x"]["left_out"] == 40
    assert told["y"]["edges"][0] == [-0.5, 8.5]
    assert told["y"]["values"][0] == 4.0


def test_nobody_beats_the_pareto_front_in_both():
    random = np.random.default_rng(1)
    scores, fit = random.normal(size=(50, 2)), random.random((50, 2))
    told = score_against_time(table([{"p": n} for n in range(50)], scores, fit=fit, score=fit * 0.5))
    assert told["fit_seconds"] == fit.mean(axis=1).tolist()
    seconds, mean = (fit * 1.5).mean(axis=1), scores.mean(axis=1)
    for row, on_front in enumerate(told["pareto"]):
        beaten = (seconds <= seconds[row]) & (mean >= mean[row]) & ((seconds < seconds[row]) | (mean > mean[row]))
        assert on_front == (not beaten.any())


def test_progress_is_in_order_of_completion():
    began = [[100.0, 101.0], [100.5, 109.0], [103.0, 104.0]]
    made = table([{"p": n} for n in range(3)], [0.5, 0.9, 0.7], fit=[[1]] * 3, began=[[100], [109], [104]])
    assert progress(made)["candidate"] == [0, 2, 1]
    made = table([{"p": n} for n in range(3)], [[0.5] * 2, [0.4] * 2, [0.7] * 2], fit=[1, 1, 1], began=began)
    told = progress(made)
    assert told["seconds"] == [2.0, 5.0, 10.0]
    assert told["score"] == [0.5, 0.7, 0.4]
    assert told["best_so_far"] == [0.5, 0.7, 0.7]
    # The second one failed in a split; what is left of it does not compare.
    partly = table([{"p": 1}, {"p": 2}], [[0.5, 0.6], [0.9, np.nan]], fit=[1, 1], began=[0, 1])
    assert progress(partly)["score"] == [0.55, 0.9]
    assert progress(partly)["best_so_far"] == [0.55, 0.55]
    assert progress(table([{"p": 1}], [0.5]))["candidate"] == []


def test_best_so_far_starts_anew_with_each_iteration():
    params = [{"p": 1}, {"p": 2}, {"p": 2}]
    rest = {"iteration": np.array([0, 0, 1]), "resources": np.array([1, 1, 3])}
    told = progress(table(params, [0.9, 0.8, 0.7], fit=[1, 1, 1], began=[0, 1, 2], **rest))
    assert told["best_so_far"] == [0.9, 0.9, 0.7]


def test_the_timeline_has_each_split_with_its_worker():
    began, worker = [[1000.0, 1002.0], [1001.0, np.nan]], [[1, 1], [3, 0]]
    fit = [[1.5, np.nan], [2.0, np.nan]]
    told = timeline(
        table([{"p": 1}, {"p": 2}], np.zeros((2, 2)), fit=fit, score=[0.25, 0.5], began=began, worker=worker)
    )
    assert told == {
        "workers": [
            {"worker": 1, "tasks": [[0, 0, 0.0, 1.75], [0, 1, 2.0, None]]},
            {"worker": 3, "tasks": [[1, 0, 1.0, 2.5]]},
        ],
        "start": 1000.0,
        "seconds": 3.5,
    }


@pytest.mark.parametrize("resource", ["n_samples", "max_leaf_nodes"])
def test_the_rungs_of_halving(resource):
    space = {"max_depth": [1, 2, 3, None], "criterion": ["gini", "entropy"]}
    limit = {} if resource == "n_samples" else {"max_resources": 40, "min_resources": 4}
    search = HalvingGridSearchCV(DecisionTreeClassifier(random_state=0), space, resource=resource, cv=3, **limit)
    search.set_params(random_state=0, factor=2).fit(X, y)
    made = from_search(search)
    assert made.varying() == ("criterion", "max_depth")
    told = rungs(made)["rungs"]
    assert [rung["count"] for rung in told] == search.n_candidates_
    assert [rung["resources"] for rung in told] == search.n_resources_
    for rung, following in zip(told, [*told[1:], None], strict=True):
        assert rung["best_mean"] == made.mean()[rung["candidates"]].max()
        assert len(rung["survivors"]) == (0 if following is None else following["count"])
        for row, after in zip(rung["candidates"], rung["next"], strict=True):
            if after is not None:
                same = {key: value for key, value in made.params[row].items() if key != resource}
                assert same == {key: value for key, value in made.params[after].items() if key != resource}
    assert rungs(table([{"p": 1}], [1.0]))["rungs"] == []


VALUES = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.sampled_from(["a", "b", "None", "1"]),
    st.none(),
    st.booleans(),
)
NUMBERS = st.one_of(st.floats(), st.sampled_from([0.5, 0.5, 0.7, 1.0, np.nan]))
TIMES = st.one_of(st.floats(0, 1e9), st.sampled_from([0.0, 0.5, np.nan]))


@st.composite
def tables(draw):
    candidates, splits = draw(st.integers(0, 30)), draw(st.integers(0, 4))
    keys = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
    pools = {key: draw(st.lists(VALUES, min_size=1, max_size=30)) for key in keys}
    random = draw(st.randoms(use_true_random=False))
    params = [
        {key: random.choice(pool) for key, pool in pools.items() if random.random() < 0.9} for _ in range(candidates)
    ]
    cells = st.lists(NUMBERS, min_size=candidates * splits, max_size=candidates * splits)
    times = st.lists(TIMES, min_size=candidates * splits, max_size=candidates * splits)
    made = (draw(cells), draw(cells), draw(times))
    score, train, fit = (np.array(one, dtype=float).reshape(candidates, splits) for one in made)
    halving = draw(st.booleans())
    rest = {}
    if halving:
        iteration = np.array([random.randrange(3) for _ in params], dtype=int)
        rest = {"iteration": iteration, "resources": 10 * 3**iteration}
    best = draw(st.none() | st.integers(0, candidates - 1)) if candidates else None
    made = table(params, np.zeros(candidates), best=None)
    return type(made)(
        params=made.params, names=made.names, test={"score": score}, train={"score": train}, fit_seconds=fit,
        score_seconds=fit, began=fit, worker=np.ones(score.shape, dtype=int), metric="score", best=best,
        **{"iteration": None, "resources": None, **rest},
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(tables())
def test_any_table_gives_every_view_as_json_without_a_warning(made):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = views(made)
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again == told
    assert {curve["parameter"] for curve in told["validation_curves"]} == set(made.varying())
    for curve in told["validation_curves"]:
        for part in curve.get("slices", []):
            assert len(set(map(repr, part["x"]))) == len(part["x"]) >= 2
    for one in told["heat_maps"]["maps"]:
        assert len(one["mean"]) == len(one["y"]["values"]) <= 20
        assert {len(row) for row in one["mean"]} == {len(one["x"]["values"])}
        assert len(one["x"]["values"]) <= 20


def test_ten_thousand_candidates_are_all_told():
    told = views(large())
    assert len(told["score_against_time"]["candidate"]) == 10_000
    assert sum(len(worker["tasks"]) for worker in told["timeline"]["workers"]) == 50_000
    assert {curve["parameter"]: curve["kind"] for curve in told["validation_curves"]}["depth"] == "scatter"
