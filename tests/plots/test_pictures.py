"""The plots of one model and of several runs, of ordinary and of strange data, with nothing global touched."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import warnings

import numpy as np
import pytest

from skribe.capture.fitted_views import fitted_views
from skribe.errors import ArgumentError
from skribe.metrics import Evaluation, Predictions
from skribe.metrics.points import curves_of
from skribe.metrics.points_of_clusters import cluster_views
from skribe.plots.draw import DRAWABLE, VIEWS, draw, draw_compared, file_name, name_of, picture

# An old matplotlib with a new pyparsing is told of renamed methods, in every picture and by no fault of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated - use .*:DeprecationWarning")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    matplotlib = pytest.importorskip("matplotlib")

NAMES = DRAWABLE[len(VIEWS) :]
ODD = ["$x_1$ $^", "שלום עולם", "日本語 & <b>", "", "None", "a name that is far too long to stand anywhere at all"]


def of_classes(count: int, rows: int = 200, labels: list[str] | None = None, weighted: bool = False) -> dict:
    rng = np.random.default_rng(count)
    true = np.arange(rows) % count
    score = rng.random((rows, count)) + np.eye(count)[true]
    score /= score.sum(axis=1, keepdims=True)
    classes = np.arange(count) if labels is None else np.array(labels, dtype=object)
    weight = rng.random(rows) if weighted else None
    task = "binary" if count == 2 else "multiclass"
    given = Predictions(true, score.argmax(axis=1), score, classes, weight)
    return curves_of(Evaluation((), (), task, rows, given))


def of_labels(labels: int) -> dict:
    rng = np.random.default_rng(labels)
    true, score = rng.integers(0, 2, (100, labels)), rng.random((100, labels))
    return curves_of(Evaluation((), (), "multilabel", 100, Predictions(true, (score > 0.5) * 1, score, None, None)))


def of_values(rows: int, outputs: int = 1, scale: float = 1.0) -> dict:
    true, noise = np.random.default_rng(rows).standard_t(2, (2, rows, outputs)) * scale
    return curves_of(Evaluation((), (), "regression", rows, Predictions(true, true + noise, None, None, None)))


def of_clusters(clusters: int, rows: int = 300) -> dict:
    rng = np.random.default_rng(clusters)
    labels = np.arange(rows) % clusters - 1
    return cluster_views(rng.normal(size=(rows, 2)) + labels[:, None], labels, budget=None)


class Model:
    pass


def of_weights(features: int, series: int, names: list[str] | None = None) -> dict:
    model = Model()
    rng = np.random.default_rng(features)
    model.coef_ = rng.normal(size=(series, features))
    model.explained_variance_ratio_ = np.sort(rng.dirichlet(np.ones(features)))[::-1]
    return fitted_views(model, names)


def of_steps(*values: list[float | None]) -> dict:
    names = ["loss", "validation $loss$", *map(str, range(30))]
    return {"history": {"series": [
        {"name": names[number], "steps": list(range(len(one))), "values": one} for number, one in enumerate(values)
    ]}}  # fmt: skip


DATA = {
    "two classes": lambda: of_classes(2),
    "weights": lambda: of_classes(3, weighted=True),
    "odd labels": lambda: of_classes(6, labels=ODD),
    "twenty classes": lambda: of_classes(20, rows=600, labels=[f"a rather long class name {n}" for n in range(20)]),
    "many classes": lambda: of_classes(32, rows=900),
    "two rows": lambda: of_classes(2, rows=2),
    "labels": lambda: of_labels(4),
    "values": lambda: of_values(400),
    "many values": lambda: of_values(5000, scale=1e-7),
    "one value": lambda: of_values(1),
    "outputs": lambda: of_values(50, outputs=3),
    "clusters": lambda: of_clusters(4),
    "many clusters": lambda: of_clusters(60),
    "two clusters": lambda: of_clusters(2, rows=3),
    "weights of features": lambda: of_weights(30, 1),
    "odd features": lambda: of_weights(6, 3, ODD),
    "one feature": lambda: of_weights(1, 1),
    "features and classes": lambda: of_weights(500, 10),
    "steps": lambda: of_steps([1.0, 0.1, 0.001], [1.0, 0.5, 0.2]),
    "one step": lambda: of_steps([3.0]),
    "gaps": lambda: of_steps([1.0, None, 0.0, -1.0], [None, None], *([[1.0, 2.0]] * 25)),
}


# Many of something ask the same of matplotlib as a few; that our own arithmetic stands it need be seen once.
MANY = ("twenty classes", "many classes", "many values", "many clusters", "features and classes", "gaps")
CASES = [pytest.param(name, marks=pytest.mark.newest_only) if name in MANY else name for name in DATA]


def shown(name: str) -> dict:
    return {plot: view for plot, view in DATA[name]().items() if plot != "absent"}


@pytest.mark.parametrize("name", CASES)
def test_everything_can_be_drawn_large_and_small_and_compared(name: str) -> None:
    views = shown(name)
    assert views
    for plot, view in views.items():
        file = io.BytesIO()
        draw(plot, view).savefig(file, dpi=40)
        assert file.tell() > 500
        # The rest is laid out and drawn as for a file, which is half of the work.
        more = [
            draw(plot, view, title="$a title$ that is much too long " * 4, size=(3.4, 2.1)),
            draw_compared(plot, [("run $1$", view), ("a run with quite a long name 12345678", view)]),
        ]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # `savefig`, above, must not say it
            for figure in more:
                figure.draw_without_rendering()


def test_every_plot_is_among_them_and_empty_ones_say_so() -> None:
    assert {plot for name in DATA for plot in shown(name)} == set(NAMES)
    for plot in NAMES:
        for figure in (draw(plot, {}), draw_compared(plot, [("a", {})]), draw_compared(plot, [])):
            assert "Nothing to show yet." in [text.get_text() for axes in figure.axes for text in axes.texts]
            assert picture(figure)


def texts(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def lines(axes) -> list[list[float]]:
    return [np.asarray(line.get_ydata()).tolist() for line in axes.lines]


def entries(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_curves_and_areas_are_those_of_the_data() -> None:
    views = of_classes(3)
    (axes,) = draw("roc", views["roc"]).axes
    for curve in views["roc"]["curves"]:
        assert curve["tpr"] in lines(axes)
    assert any(f"AUC {views['roc']['curves'][0]['auc']:.3f}" in name for name in entries(axes))
    assert entries(axes)[-1] == "chance"
    (axes,) = draw("precision_recall", views["precision_recall"]).axes
    assert views["precision_recall"]["curves"][1]["precision"] in lines(axes)
    upper, lower = draw("calibration", views["calibration"]).axes
    known = [value for value in views["calibration"]["curves"][0]["observed"] if value is not None]
    assert known in lines(upper)
    assert lower.patches[0].get_data().values.tolist() == views["calibration"]["curves"][0]["counts"]


def test_a_confusion_matrix_says_counts_and_shares() -> None:
    view = {"labels": ["no", "yes"], "counts": [[30, 10], [0, 5]]}
    figure = draw("confusion_matrix", view)
    assert texts(figure) == ["30\n75%", "10\n25%", "0\n0%", "5\n100%"]
    assert figure.axes[0].images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["no", "yes"]
    changed = {"labels": ["no", "yes", "new"], "counts": [[40, 0, 0], [0, 5, 0], [0, 0, 1]]}
    first, second, change = draw_compared("confusion_matrix", [("a", view), ("b", changed)]).axes
    assert first.images[0].get_array().shape == second.images[0].get_array().shape == (3, 3)
    assert change.images[0].get_array()[0].tolist() == [25.0, -25.0, 0.0]


def test_weights_show_their_sign_by_side_and_colour() -> None:
    model = Model()
    model.coef_ = np.array([[3.0, -2.0, 1.0]])
    view = fitted_views(model, ["a", "b", "c"])["feature_importance"]
    (axes,) = draw("feature_importance", view).axes
    bars = axes.patches
    assert [bar.get_width() for bar in bars] == [3.0, -2.0, 1.0]
    assert bars[0].get_facecolor() == bars[2].get_facecolor() != bars[1].get_facecolor()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "c"]


def test_values_that_span_decades_are_logarithmic() -> None:
    assert draw("history", of_steps([1.0, 1e-4])["history"]).axes[0].get_yscale() == "log"
    assert draw("history", of_steps([1.0, 0.5])["history"]).axes[0].get_yscale() == "linear"
    assert draw("history", of_steps([1.0, -1e-4])["history"]).axes[0].get_yscale() == "linear"


def test_compared_clouds_have_the_same_axes_and_lines_the_names_of_the_runs() -> None:
    pair = [("small", of_values(50)), ("large", of_values(60, scale=100))]
    for plot in ("residuals", "predicted_vs_actual", "qq"):
        first, second = draw_compared(plot, [(name, views[plot]) for name, views in pair]).axes
        assert first.get_xlim() == second.get_xlim()
        assert first.get_ylim() == second.get_ylim()
        assert [axes.get_title(loc="left") for axes in (first, second)] == ["small", "large"]
    two = of_classes(2)["roc"]
    (axes,) = draw_compared("roc", [("one", two), ("other", of_classes(3)["roc"])]).axes
    assert entries(axes)[0].startswith("one (AUC")
    assert entries(axes)[1].startswith("other, macro average")


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize("plot", ["roc", "confusion_matrix", "calibration"])
def test_the_same_data_give_the_same_file(kind: str, plot: str) -> None:
    view = of_classes(3)[plot]
    first, second = (picture(draw(plot, view), kind) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG" if kind == "png" else b"<?xml")
    if kind == "svg":
        import xml.etree.ElementTree as tree

        parsed = tree.fromstring(first)
        named = {node.get("id") for node in parsed.iter()}
        links = [value for node in parsed.iter() for key, value in node.items() if key.endswith("href")]
        used = {link[1:] for link in links if link.startswith("#")}
        assert used <= named, "a reference leads nowhere"
        assert picture(draw(plot, of_classes(3, rows=150)[plot]), kind) != first


def test_files_are_called_as_mlflow_calls_them_and_lead_back() -> None:
    assert file_name("roc", "training") == "training_roc_curve.png"
    assert file_name("precision_recall", "training") == "training_precision_recall_curve.png"
    assert file_name("confusion_matrix", "X_test") == "X_test_confusion_matrix.png"
    for name in DRAWABLE:
        for data in ("training", "X_test", "roc", "my_roc_curve"):
            assert name_of(file_name(name, data)) == (name, data)
    assert name_of("training_qq.svg") == ("qq", "training")
    for other in (
        "roc_curve.png",
        "_roc_curve.png",
        "training_roc_curve.pdf",
        "training_roc_curve",
        "notes.txt",
        "x.png",
    ):
        assert name_of(other) is None


def test_what_is_no_plot_is_refused() -> None:
    for wrong in (lambda: draw("pie", {}), lambda: draw_compared("rungs", []), lambda: file_name("pie", "training")):
        with pytest.raises(ArgumentError, match="is not a plot; use one of"):
            wrong()
    with pytest.raises(ArgumentError, match="format='pdf' is not one of png, svg"):
        picture(draw("roc", {}), "pdf")


def test_a_notebook_shows_it_and_an_ordinary_savefig_is_silent() -> None:
    figure = draw("roc", of_classes(6, labels=ODD)["roc"])
    assert figure._repr_png_().startswith(b"\x89PNG")
    figure.savefig(io.BytesIO(), format="svg")


def test_drawing_leaves_nothing_behind() -> None:
    code = """
import json, sys
from skribe.plots.draw import draw, draw_compared, picture
assert "matplotlib" not in sys.modules
import matplotlib
settings = lambda: {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}
before = settings()
for name, view in json.load(sys.stdin).items():
    picture(draw(name, view), "png")
    picture(draw_compared(name, [("a", view), ("b", view)]), "svg")
assert "matplotlib.pyplot" not in sys.modules
assert settings() == before
assert "skribe_signed" not in matplotlib.colormaps
"""
    import json

    body = json.dumps(shown("weights") | shown("values") | shown("weights of features"))
    flags = ["-W", "error", "-W", "ignore::DeprecationWarning"]
    subprocess.run([sys.executable, *flags, "-c", code], input=body, text=True, check=True, timeout=120)


def test_figures_are_given_back() -> None:
    view = of_classes(2)["roc"]
    before = sum(type(one).__name__ == "Picture" for one in gc.get_objects())
    for _ in range(3):
        picture(draw("roc", view))
    gc.collect()
    assert sum(type(one).__name__ == "Picture" for one in gc.get_objects()) <= before + 1
