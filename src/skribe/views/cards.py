"""A run in little room, as notebooks show it: what was set, what came out, what went wrong, a few small pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from skribe.display.card import Block, Card, Picture, Pictures, Said, Table, Traceback, folded, opened
from skribe.display.sketch import sketch
from skribe.store.query import Query
from skribe.views.pictures import picture_of, view_of
from skribe.views.run import RunView, run_view
from skribe.words import count, seconds

_MOST = 4
# What says most comes first; of each the data that the model had not seen, if there are such.
_ORDER = (
    "confusion_matrix", "roc", "predicted_vs_actual", "residuals", "history", "feature_importance", "cluster_sizes",
    "precision_recall",
)  # fmt: skip
# Curves that say something else than how the training went.
_BESIDE = frozenset({"fit_seconds", "rows_seen", "best_score_so_far", "permutation_score"})


def run_card(query: Query, run: str) -> Card:
    """The card of the run with this id; of a search and of a cross-validation with its candidates."""
    from skribe.views.cards_of_searches import search_blocks

    view = run_view(query, run)
    # A search that was the first fit of a run by hand is in that run.
    searched = search_blocks(query, view) if view.kind in ("search", "cv", "manual") else None
    blocks: list[Block] = []
    if view.error is not None:
        told = view.error.traceback or f"{view.error.type}: {view.error.message}"
        blocks.append(Traceback(told))
    if searched is not None:
        blocks += searched.blocks
    elif view.advice:
        blocks.append(Said(view.advice))
    tables = _front(view, searched is not None)
    blocks += [block for block in tables if isinstance(block, Table) and not block.folded]
    pictures = [*([] if searched is None else searched.pictures), *_pictures(query, view)][:_MOST]
    if pictures:
        blocks.append(Pictures(tuple(pictures)))
    blocks += [block for block in tables if isinstance(block, Table) and block.folded]
    return Card(view.name, view.short_id, view.status, _facts(view), view.headline, (*blocks, *_back(view)))


def gone(run: str) -> Card:
    """The card of a run that was erased."""
    return Card("run", run[-8:], "no longer in the store", (), "", ())


def _facts(view: RunView) -> tuple[str, ...]:
    took = seconds(time.time() - view.start) + " so far" if view.status == "running" else seconds(view.wall)
    deleted = () if view.deleted is None else ("in the trash",)
    return (view.kind, *(() if view.wall is None and view.status != "running" else (took,)), view.experiment, *deleted)


def _front(view: RunView, searched: bool) -> list[Block]:
    """What is seen at once; what there is more of each is folded."""
    changed = [(param.key, param.text) for param in view.params if param.changed]
    metrics = [(metric.key, metric.text) for metric in view.metrics]
    data = [
        (
            one.name or one.role,
            "" if one.shape is None else " × ".join(map(str, one.shape)),
            "" if one.fingerprint is None else one.fingerprint[:8],
        )
        for one in view.datasets
    ]
    inside = () if searched else view.children
    children = [(child.name, child.short_id, child.status, child.headline) for child in inside]
    return [
        *opened("parameters that are not defaults", changed),
        *opened("metrics", metrics),
        *opened("data: shape and fingerprint", data, 4),
        *([Table("runs inside", children[:10], total=view.n_children)] if children else []),
    ]


def _back(view: RunView) -> Iterator[Block]:
    """What is folded."""
    warned = [
        (category.rpartition(".")[2], message, where if times == 1 else f"{where}, {times} times")
        for category, message, where, times in view.warnings
    ]
    yield from folded("warnings", warned)
    yield from folded("notes", view.notes)
    yield from folded("all parameters", [(param.key, param.text) for param in view.params])
    yield from folded("fitted", view.facts)
    yield from folded("tags", [(key, value) for key, value in view.tags.items() if key != "best_run"])
    yield from folded("models", [(model.path, model.format) for model in view.models if model.removed is None])
    yield from folded("files", [(one.path, count(one.size, "byte")) for one in view.artifacts])
    yield from folded("about", [(key, value) for key, value in _about(view).items() if value])


def _about(view: RunView) -> dict[str, str]:
    return {
        "id": view.id,
        "estimator": view.estimator_class or "",
        "inside": "" if view.parent is None else f"{view.parent.name} {view.parent.short_id}",
        "best run": "" if view.best is None else f"{view.best.name} {view.best.short_id}",
        "began": f"{datetime.fromtimestamp(view.start, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "processor": "" if view.cpu is None else seconds(view.cpu),
        "source": view.source or "",
        **{f"in {backend}": remote for backend, remote in view.remotes.items()},
    }


def _pictures(query: Query, view: RunView) -> Iterator[Picture]:
    """Each is drawn when it is asked for, and not before."""
    seen = dict(view.pictures)
    best = {name: data for name, data in view.pictures if data == "training"} | {
        name: data for name, data in view.pictures if data != "training"
    }
    curves = [key for key in view.curves if key not in _BESIDE and not key.startswith("split_")]
    for name in _ORDER:
        made = None
        if name == "history" and curves:
            made = sketch(name, picture_of(query, view.id, name, (curves[0],), None)[1])
        elif name in seen:
            made = sketch(name, view_of(query, view.id, name, best[name]), best[name])
        if made is not None:
            yield made
