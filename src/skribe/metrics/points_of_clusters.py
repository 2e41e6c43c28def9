"""What there is to draw of a clustering: how large the clusters are, and how well each row lies in its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skribe.guard import attempt, hushed
from skribe.metrics.labels import Array, as_array, encode
from skribe.metrics.points_thinned import Places
from skribe.metrics.rows import count_columns, count_rows, pick, take_rows
from skribe.records import Note

_SIZES = 200
_CLUSTERS = 50
_VALUES = 100
_ROWS = 1000
_FEWEST = 100
_BLOCK = 100
# Seconds per pair of rows, and per value that a pair compares; measured.
_PAIR, _VALUE = 6e-9, 0.4e-9


def cluster_views(X: Any, labels: Any, *, budget: float | None) -> dict[str, Any]:
    """`cluster_sizes` and `silhouette` of a clustering of the rows of `X`, ready for `json.dumps`.

    The silhouette is scikit-learn's, with Euclidean distances, and like there the noise (-1) counts as a cluster. It
    compares every pair of rows, so of more than 1000 rows, or of more than `budget` seconds allow, a seeded sample
    stands for all; `rows` and `of` say so. `absent` says why something is missing.
    """
    found: dict[str, Any] = {}
    notes: list[Note] = []
    with hushed(), np.errstate(all="ignore"):
        attempt("cluster_sizes", notes, _add, found, notes, X, labels, budget)
    if notes:
        found["absent"] = {note.what: note.reason for note in notes}
    return found


def _add(found: dict[str, Any], notes: list[Note], X: Any, labels: Any, budget: float | None) -> None:
    encoded = encode(labels)
    if encoded is None or not encoded.codes.size:
        notes.append(Note("cluster_sizes", "the labels are not one label per row"))
        return
    order = np.argsort(-encoded.counts, kind="stable")[:_SIZES]
    order.sort()
    found["cluster_sizes"] = {
        "labels": encoded.classes[order].tolist(), "counts": encoded.counts[order].tolist(),
        "left_out": len(encoded.classes) - len(order),
    }  # fmt: skip
    attempt("silhouette", notes, _add_silhouette, found, notes, X, encoded.classes, encoded.codes, budget)


def _add_silhouette(
    found: dict[str, Any], notes: list[Note], X: Any, names: Array, codes: NDArray[np.intp], budget: float | None
) -> None:
    n = codes.size
    most = min(n, _ROWS)
    if budget is not None:
        most = min(most, int((max(budget, 0.0) / (_PAIR + _VALUE * count_columns(X))) ** 0.5))
    if count_rows(X) != n:
        notes.append(Note("silhouette", "X and the labels do not have the same number of rows"))
        return
    if most < min(n, _FEWEST):
        notes.append(Note("silhouette", f"computing it would exceed the overhead budget of {budget:.2g} s"))
        return
    if most < n:
        rows = pick(n, most)
        X, codes = take_rows(X, rows), codes[rows]
    there, codes = np.unique(codes, return_inverse=True)
    if not 2 <= len(there) <= most - 1:
        notes.append(Note("silhouette", f"it takes 2 to {most - 1} clusters, and there are {len(there)}"))
        return
    array = as_array(X)
    points = None if array is None else array.astype(np.float64).reshape(len(array), -1)
    if points is None or not np.isfinite(points).all():
        notes.append(Note("silhouette", "X does not hold finite numbers only"))
        return
    values = _silhouettes(points, codes.reshape(-1), len(there))
    clusters = [_cluster(name, values[codes == code]) for code, name in enumerate(names[there].tolist())]
    found["silhouette"] = {
        "mean": float(values.mean()), "rows": most, "of": n, "clusters": clusters[:_CLUSTERS],
        "left_out": max(0, len(clusters) - _CLUSTERS),
    }  # fmt: skip


def _silhouettes(points: Array, codes: NDArray[np.intp], clusters: int) -> Array:
    """How much nearer each row is to its own cluster than to the next, between -1 and 1."""
    # Around their own centre the numbers are small, and the squares lose less.
    points = points - points.mean(axis=0)
    squares = np.einsum("ij,ij->i", points, points)
    member = np.zeros((len(codes), clusters))
    rows = np.arange(len(codes))
    member[rows, codes] = 1.0
    # Some rows at a time, so that their distances stay in the cache of the processor.
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(codes), _BLOCK)]
    means = np.concatenate([_distances(points, squares, block) @ member for block in blocks])
    sizes = np.bincount(codes, minlength=clusters)
    own = means[rows, codes] / np.maximum(sizes[codes] - 1, 1)
    means /= sizes
    means[rows, codes] = np.inf
    other = means.min(axis=1)
    larger = np.maximum(own, other)
    values = np.divide(other - own, larger, out=np.zeros(len(codes)), where=larger > 0)
    values[sizes[codes] == 1] = 0.0
    return np.asarray(values)


def _distances(points: Array, squares: Array, block: slice) -> Array:
    """The distances of the rows of a block from all rows."""
    distances = points[block] @ points.T
    distances *= -2
    distances += squares[block, None]
    distances += squares
    np.maximum(distances, 0, out=distances)
    np.sqrt(distances, out=distances)
    own = np.arange(len(distances))
    distances[own, own + block.start] = 0
    return np.asarray(distances)


def _cluster(name: Any, values: Array) -> dict[str, Any]:
    """The values of one cluster, the best first; of many, some evenly spread and both ends."""
    ordered = np.sort(values)[::-1]
    places: Places = np.arange(len(ordered))
    if len(ordered) > _VALUES:
        places = np.linspace(0, len(ordered) - 1, _VALUES).astype(np.intp)
    return {
        "label": name, "size": len(ordered), "mean": float(ordered.mean()),
        "values": np.round(ordered[places], 4).tolist(),
    }  # fmt: skip
