"""Drawing: figures of every view, with nothing global touched."""

from __future__ import annotations

import builtins
import subprocess
import sys
import warnings
from itertools import product

import numpy as np
import pytest

from skribe.errors import ArgumentError
from skribe.plots.draw import VIEWS, draw
from skribe.plots.search import views
from tests.plots.tables import large, table

# An old matplotlib with a new pyparsing is told of renamed methods, in every picture and by no fault of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated - use .*:DeprecationWarning")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    pytest.importorskip("matplotlib")


def searched(halving=False):
    """A search over a number, a text and a flag, with times, one failure and one terrible score."""
    axes = {"model__C": [0.01, 0.1, 1, 10, 1000], "kernel": ["rbf", "a name that is far too long for a tick"]}
    params = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    random = np.random.default_rng(0)
    scores = random.normal(0.8, 0.03, (10, 4))
    scores[2], scores[5] = np.nan, -4000.0
    rest = {}
    if halving:
        params = params[:6] + params[3:5] + params[3:5]
        rest = {"iteration": np.repeat([0, 1], [6, 4]), "resources": np.repeat([20, 60], [6, 4])}
    fit = random.lognormal(-3, 1, (10, 4))
    began, worker = 1.7e9 + np.arange(40.0).reshape(10, 4) / 40, np.arange(40).reshape(10, 4) % 3
    return table(
        params, scores, fit=fit, score=fit / 3, began=began, worker=worker, train=scores + 0.05, best=7, **rest
    )


def drawable(told):
    """Every single view with the name that `draw` knows it by."""
    yield from (("validation_curve", curve) for curve in told["validation_curves"])
    yield from (("heat_map", one) for one in told["heat_maps"]["maps"])
    yield from ((name, told[name]) for name in VIEWS[2:])


MIXED = [{"p": value, "q": n % 3} for n, value in enumerate([1, True, None, "x", 2.5, "1", 1e-300, 1e300, False])]
TABLES = {
    "grid": lambda: searched(),
    "halving": lambda: searched(halving=True),
    "empty": lambda: table([], np.zeros((0, 3))),
    "one": lambda: table([{"p": 1}], [0.5], fit=[0.0], began=[1.7e9]),
    "failed": lambda: table([{"p": 1, "q": 2}, {"p": 2, "q": 1}], [np.nan, np.nan], fit=[1, 1]),
    "infinite": lambda: table([{"p": n, "q": n % 2} for n in range(4)], [np.inf, -np.inf, 0.5, 0.6], fit=[1, 2, 3, 4]),
    "equal": lambda: table([{"p": n, "q": n % 2} for n in range(9)], [0.5] * 9, fit=[1] * 9, began=[1.7e9] * 9),
    "mixed": lambda: table(MIXED, np.linspace(0, 1, 9), fit=np.ones(9), began=np.arange(9)),
    "dollars": lambda: table(
        [{"a$_$": f"$x{n}_$ $^", "b": n % 2} for n in range(4)], np.arange(4.0), fit=[4, 3, 2, 1]
    ),
    "random": lambda: large(candidates=60, parameters=4),
    "large": lambda: large(candidates=2000),
}


# Many points ask the same of matplotlib as a few; that our own arithmetic stands them need be seen once.
MANY = ("equal", "random", "large")
CASES = [pytest.param(name, marks=pytest.mark.newest_only) if name in MANY else name for name in TABLES]


@pytest.mark.parametrize("name", CASES)
def test_every_view_of_every_search_can_be_drawn(name, tmp_path):
    drawn = 0
    for number, (view_name, view) in enumerate(drawable(views(TABLES[name]()))):
        path = tmp_path / f"{number}.png"
        draw(view_name, view).savefig(path, dpi=40)
        assert path.stat().st_size > 500
        drawn += 1
    assert drawn >= 4


def test_a_curve_shows_its_scale_its_folds_and_the_best():
    told = views(searched())
    curve = next(one for one in told["validation_curves"] if one["parameter"] == "model__C")
    figure = draw("validation_curve", curve, title="mine", size=(5, 3))
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "model__C", "score")
    assert (axes.get_title(loc="left"), figure.get_size_inches().tolist()) == ("mine", [5.0, 3.0])
    first = curve["slices"][0]
    lines = [line.get_ydata().tolist() for line in axes.lines]
    assert first["mean"] in lines
    assert first["train_mean"] in lines
    dots = np.concatenate([group.get_offsets()[:, 1] for group in axes.collections if len(group.get_offsets())])
    assert set(np.ravel(first["folds"])) <= set(dots)
    best = first["mean"][first["candidate"].index(7)]
    assert best in dots
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "best candidate" in names
    # The terrible score does not squeeze the others, and is not kept back.
    assert axes.get_ylim()[0] > 0
    assert any("below, the lowest at -4e+03" in text.get_text() for text in axes.texts)


def test_a_heat_map_shows_its_cells_and_marks_the_best():
    (one,) = views(searched())["heat_maps"]["maps"]
    axes = draw("heat_map", one).axes[0]
    shown = axes.images[0].get_array()
    assert np.array_equal(np.ma.filled(shown, np.nan), np.array(one["mean"], dtype=float), equal_nan=True)
    (frame,) = axes.patches
    row, column = one["best"]
    assert frame.get_xy() == (column - 0.5, row - 0.5)
    assert axes.get_xticklabels()[4].get_text() == "1000"
    assert f"{one['mean'][row][column]:.4g}"[:4] in [text.get_text()[:4] for text in axes.texts]


def test_the_rungs_show_every_candidate_that_went_on():
    told = views(searched(halving=True))["rungs"]
    axes = draw("rungs", told).axes[0]
    assert len(axes.lines) == sum(len(rung["survivors"]) for rung in told["rungs"]) == 2
    assert [text.get_text() for text in axes.get_xticklabels()] == ["20\n(6)", "60\n(4)"]


def test_the_timeline_has_a_box_for_each_split():
    axes = draw("timeline", views(searched())["timeline"]).axes[0]
    assert len(axes.collections[0].get_paths()) == 40
    assert [text.get_text() for text in axes.get_yticklabels()] == ["unknown worker", "worker 1", "worker 2"]


def test_an_unknown_view_is_refused_with_the_names_of_all():
    with pytest.raises(ArgumentError, match="name='pie' is not a plot; use one of validation_curve, heat_map"):
        draw("pie", {})


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib" or "plots.pictures" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "skribe.plots.canvas", raising=False)
    package = sys.modules["skribe.plots"]
    for name in ("pictures", "pictures_of_course", "canvas"):
        monkeypatch.delattr(package, name, raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ArgumentError, match=r'pip install "skribe\[plots\]"'):
        draw("rungs", {"rungs": []})


def test_drawing_touches_nothing_global_and_the_data_need_no_matplotlib():
    code = """
import sys
from skribe.plots import search
from skribe.plots.draw import draw
assert not {"matplotlib", "pandas", "sklearn"} & set(sys.modules), sorted(sys.modules)
import matplotlib
# To read the backend is to choose one.
settings = lambda: {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}
before = settings()
draw("rungs", {"metric": "score", "best": None, "rungs": []}).savefig("x.png")
assert "matplotlib.pyplot" not in sys.modules
assert settings() == before
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code], check=True, timeout=120
    )
