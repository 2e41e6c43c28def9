"""Small pictures of one fit, drawn from what was recorded: enough to see whether the large ones are worth a look."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from skribe.display.card import Picture
from skribe.display.harmless import squeezed
from skribe.display.svg import HEIGHT, WIDTH, Plot, Sheet, at, hue, short, thinned
from skribe.display.text import number

View = Mapping[str, Any]

# Beyond these a matrix has no room for its counts, and then none for its cells.
_COUNTED, _SHADED = 10, 16
_BARS = 8


def sketch(name: str, view: View, data: str = "") -> Picture | None:
    """The picture of this name in small; None if there is no such one, or nothing to draw."""
    make = _MAKERS.get(name)
    return None if make is None else make(view, f" · {data}" if data and data != "training" else "")


def _confusion_matrix(view: View, of: str) -> Picture | None:
    labels, counts = view.get("labels") or [], view.get("counts") or []
    size = len(labels)
    if not 2 <= size <= _SHADED:
        return None
    title = f"Confusion matrix{of}"
    left, top = 62.0, 14.0
    # Whole numbers take the least room in the picture's text.
    width, height = float(min(44, (WIDTH - left - 4) // size)), float(min(44, (HEIGHT - 34) // size))
    sheet = Sheet(f"{title}: rows are true, columns predicted, {size} classes")
    by_shade: dict[int, list[tuple[float, float, float, float]]] = {}
    for row, line in enumerate(counts):
        whole = sum(line)
        for column, value in enumerate(line):
            shade = max(round(10 * value / whole), 1) if value and whole else 0
            by_shade.setdefault(shade, []).append((left + column * width, top + row * height, width - 1, height - 1))
    sheet.boxes([(left, top, width * size - 1, height * size - 1)], 0.05)
    for shade, boxes in by_shade.items():
        if shade:
            sheet.boxes(boxes, 0.05 * shade)
    if size <= _COUNTED:
        _labels_and_counts(sheet, labels, counts, (left, top, width, height))
    sheet.text(left + width * size / 2, top + height * size + 12, "predicted", anchor="middle", faint=True)
    sheet.upwards(11, top + height * size / 2, "true")
    return _picture(title, sheet.done())


def _labels_and_counts(
    sheet: Sheet, labels: Sequence[Any], counts: Sequence[Sequence[float]], place: tuple[float, float, float, float]
) -> None:
    left, top, width, height = place
    counted: list[tuple[float, float, str]] = []
    for index, label in enumerate(labels):
        middle = top + (index + 0.5) * height + 3.5
        sheet.text(left - 4, middle, label, width=7, anchor="end", faint=True)
        sheet.text(
            left + (index + 0.5) * width, top - 3, label, width=max(1, int(width / 6)), anchor="middle", faint=True
        )
        # Of many classes only what is there: the zeros would hide it.
        counted += [
            (left + (column + 0.5) * width, middle, _count(value))
            for column, value in enumerate(counts[index])
            if value or len(labels) <= 4
        ]
    longest = max((len(text) for _, _, text in counted), default=1)
    sheet.texts(counted, min(10.5, max(6.5, 1.75 * width / longest)))


def _count(value: float) -> str:
    if value >= 1e12:
        return f"{value:.0e}"
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    return f"{value / 1e3:.3g}k" if value >= 1e4 else number(float(f"{value:.4g}"))


def _roc(view: View, of: str) -> Picture | None:
    return roc_of([("", view)], f"ROC{of}")


def _precision_recall(view: View, of: str) -> Picture | None:
    curves = view.get("curves") or []
    plot = Plot(f"Precision and recall{of}", (0, 1), (0, 1), ("recall", "precision"), margin=0)
    plot.ticks()
    main = _main(curves, "micro")
    for curve in curves[:12]:
        bold = curve is main
        plot.sheet.line(
            thinned(plot.places(curve["recall"], curve["precision"]), 120 if bold else 40),
            0,
            1.8 if bold else 1,
            1 if bold else 0.35,
        )
    told = "" if main is None else f" · AP {number(main['average_precision'])}"
    return _picture(f"Precision and recall{of}{told}", plot.done()) if curves else None


def roc_of(runs: Sequence[tuple[str, View]], title: str = "ROC") -> Picture | None:
    """The ROC curves of one run, or the main ones of several over each other."""
    alone = len(runs) == 1
    names = [
        f"{label} {number(main['auc'])}" for label, view in runs if (main := _main(view.get("curves") or [], "macro"))
    ]
    if not names:
        return None
    plot = Plot(
        f"{title}: area {', '.join(names)}", (0, 1), (0, 1), ("false positive rate", "true positive rate"), margin=0
    )
    plot.ticks()
    plot.sheet.rule(plot.x.of(0), plot.y.of(0), plot.x.of(1), plot.y.of(1), dashed=True)
    for place, (label, view) in enumerate(runs):
        curves = view.get("curves") or []
        main = _main(curves, "macro")
        if main is None:
            continue
        for curve in curves[:12] if alone else ():
            if curve is not main:
                plot.sheet.line(thinned(plot.places(curve["fpr"], curve["tpr"]), 40), 0, 1, 0.35)
        plot.sheet.line(thinned(plot.places(main["fpr"], main["tpr"]), 120 if alone else 60), place, 1.8)
        if not alone and place < 6:
            y = HEIGHT - 40 - 13 * (min(len(runs), 6) - 1 - place)
            plot.sheet.dots([(112, y - 3.5)], place, 6, 1)
            plot.sheet.text(119, y, f"{squeezed(label, 14)} {main['auc']:.3f}", width=22)
    if alone:
        title += f" · area {names[0].strip()}"
    return _picture(title, plot.done())


def _main(curves: Sequence[View], average: str) -> View | None:
    """The curve that speaks for all: the only one, or the average."""
    if len(curves) == 1:
        return curves[0]
    return next((curve for curve in curves if curve.get("average") == average), curves[0] if curves else None)


def _predicted_vs_actual(view: View, of: str) -> Picture | None:
    if not view.get("outputs"):
        return None
    out = view["outputs"][0]
    both = [*out["predicted"], *out["actual"]]
    plot = Plot(f"Predicted against actual{of}", both, both, ("actual", "predicted"))
    plot.ticks()
    low, high = min(both), max(both)
    plot.sheet.rule(plot.x.of(low), plot.y.of(low), plot.x.of(high), plot.y.of(high), dashed=True)
    plot.sheet.dots(thinned(plot.places(out["actual"], out["predicted"]), 250))
    return _picture(f"Predicted against actual{of}", plot.done())


def _residuals(view: View, of: str) -> Picture | None:
    if not view.get("outputs"):
        return None
    out = view["outputs"][0]
    plot = Plot(f"Residuals{of}", out["predicted"], [*out["residual"], 0.0], ("predicted", "true − predicted"))
    plot.ticks()
    plot.sheet.rule(48, plot.y.of(0), WIDTH - 10, plot.y.of(0), dashed=True)
    plot.sheet.dots(thinned(plot.places(out["predicted"], out["residual"]), 250))
    return _picture(f"Residuals{of}", plot.done())


def _feature_importance(view: View, of: str) -> Picture | None:
    series, features = view.get("series") or [], view.get("features") or []
    if not series:
        return None
    # Of several classes the mean of what a feature weighs in each.
    columns = zip(*(one["values"] for one in series), strict=False)
    weights = [column[0] if len(series) == 1 else sum(map(abs, column)) / len(column) for column in columns]
    shown = list(zip(features, weights, strict=False))[:_BARS]
    most = max((abs(weight) for _, weight in shown), default=0.0)
    kind = "Coefficients" if view.get("kind") == "coefficients" else "Importances"
    sheet = Sheet(f"{kind}{of}: " + ", ".join(str(name) for name, _ in shown[:3]))
    step = (HEIGHT - 10) / _BARS
    for row, (name, weight) in enumerate(shown):
        y = 6 + row * step
        length = 92 * abs(weight) / most if most else 0.0
        sheet.text(96, y + step / 2 + 3, name, width=15, anchor="end")
        # Negative weights have another colour, and their sign beside them.
        sheet.boxes([(102, y + 2, max(length, 0.8), step - 5)], 0.75, 1 if weight < 0 else 0)
        sheet.text(106 + length, y + step / 2 + 3, short(float(f"{weight:.2g}")), faint=True)
    return _picture(f"{kind}{of}", sheet.done())


def _history(view: View, of: str) -> Picture | None:
    series = [one for one in view.get("series") or [] if len(one["values"]) > 1][:3]
    if not series:
        return None
    names = ", ".join(str(one["name"]) for one in series)
    plot = Plot(f"{names} by step{of}", _all(series, "steps"), _all(series, "values"), ("step", names))
    plot.ticks()
    for place, one in enumerate(series):
        plot.sheet.line(thinned(plot.places(one["steps"], one["values"])), place)
    return _picture(f"{names} · {len(series[0]['values'])} steps", plot.done())


def _cluster_sizes(view: View, of: str) -> Picture | None:
    labels, counts = (view.get("labels") or [])[:_BARS], (view.get("counts") or [])[:_BARS]
    most = max(counts, default=0)
    if not most:
        return None
    sheet = Sheet(f"Cluster sizes{of}")
    step = (HEIGHT - 10) / _BARS
    for row, (label, count) in enumerate(zip(labels, counts, strict=False)):
        y = 6 + row * step
        sheet.text(46, y + step / 2 + 3, label, width=7, anchor="end")
        sheet.boxes([(52, y + 2, 150 * count / most, step - 5)], 0.75)
        sheet.text(56 + 150 * count / most, y + step / 2 + 3, _count(count), faint=True)
    return _picture(f"Cluster sizes{of}", sheet.done())


def spark(values: Sequence[float | None], width: int = 120, height: int = 18) -> str:
    """A line without axes, in the middle of a text; empty with fewer than two numbers."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    span = (high / 2 - low / 2) or 1.0
    points = [
        (2 + (width - 4) * place / (len(known) - 1), height - 3 - (height - 6) * (value / 2 - low / 2) / span)
        for place, value in enumerate(known)
    ]
    path = "M" + "L".join(f"{at(x)} {at(y)}" for x, y in thinned(points, 60))
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="best so far" '
        f'style="vertical-align:middle"><path d="{path}" style="stroke:{hue(0)};fill:none;stroke-width:1.5"/></svg>'
    )


def folds(scores: Sequence[float | None], low: float, high: float, mean: float | None) -> str:
    """The scores of the splits as dots on one short line, with their mean, for the row of a table."""
    width, height = 92, 14
    span = (high / 2 - low / 2) or 1.0

    def place(value: float) -> float:
        return 5 + (width - 10) * (value / 2 - low / 2) / span

    known = [value for value in scores if value is not None and math.isfinite(value)][:60]
    dots = "".join(f"M{at(place(value))} 7h0" for value in known)
    line = "" if mean is None else f'<path d="M{at(place(mean))} 2v10" stroke="currentColor" opacity=".8"/>'
    told = ", ".join(short(value) for value in known[:20])
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{told}">'
        f'<path d="M4 7h{width - 8}" stroke="currentColor" opacity=".2"/>{line}'
        f'<path d="{dots}" style="stroke:{hue(0)};stroke-width:5;stroke-linecap:round;opacity:.6"/></svg>'
    )


def _all(series: Sequence[View], key: str) -> list[float]:
    return [value for one in series for value in one[key] if value is not None]


def _picture(caption: str, svg: str) -> Picture | None:
    return Picture(caption, svg) if svg else None


_MAKERS: Mapping[str, Callable[[View, str], Picture | None]] = {
    "confusion_matrix": _confusion_matrix,
    "roc": _roc,
    "precision_recall": _precision_recall,
    "predicted_vs_actual": _predicted_vs_actual,
    "residuals": _residuals,
    "feature_importance": _feature_importance,
    "history": _history,
    "cluster_sizes": _cluster_sizes,
}
# What says most comes first.
SKETCHED = tuple(_MAKERS)
