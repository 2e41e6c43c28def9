"""Completion from the store: runs, experiments, metrics, models. It is quick, and gives nothing where it cannot."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from skribe.store.query import Query

_MOST = 60


def _of_store(ctx: click.Context, words: Callable[[Query], Iterable[tuple[str, str]]]) -> list[CompletionItem]:
    """What the store offers. Whatever is wrong with it, a shell must not hear of it while somebody types."""
    try:
        from skribe.cli.text import literal, visible
        from skribe.store.location import find_store
        from skribe.store.query import Query

        with contextlib.closing(Query(find_store(ctx.params.get("store")))) as query:
            found = [(word, told) for word, told in words(query) if visible(word) == word]
            return [CompletionItem(word, help=literal(told, 60) or None) for word, told in found[:_MOST]]
    except Exception:  # noqa: BLE001 - whatever is wrong, nothing is offered
        return []


def runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest runs by their short ids, or by whole ones where somebody has begun with that."""

    def words(query: Query) -> Iterable[tuple[str, str]]:
        if "last".startswith(incomplete):
            yield "last", "the newest run"
        for line in query.runs_page(children=bool(incomplete), limit=2000 if incomplete else _MOST).rows:
            word = line.id if len(incomplete) > 8 else line.id[-8:]
            if word.startswith(incomplete):
                yield word, line.name

    return _of_store(ctx, words)


def experiments(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The experiments, the one used last first; those in the trash for `restore`."""
    trash = ctx.command.name == "restore"
    return _of_store(
        ctx,
        lambda query: (
            (row.name, f"{row.runs} runs") for row in query.experiments(trash) if row.name.startswith(incomplete)
        ),
    )


def metrics(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The metrics that are in use."""
    return _of_store(ctx, lambda query: ((key, "") for key in query.keys("metrics") if key.startswith(incomplete)))


def columns(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The columns of `skribe runs`; of a list with commas the last."""
    from skribe.cli.columns import FIXED

    before, comma, begun = incomplete.rpartition(",")

    def words(query: Query) -> Iterable[tuple[str, str]]:
        names = [*FIXED, *(f"{group}.{key}" for group in ("metrics", "params", "tags") for key in query.keys(group))]
        return ((f"{before}{comma}{name}", "") for name in names if name.startswith(begun))

    return _of_store(ctx, words)


def models(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The registered names."""
    return _of_store(
        ctx, lambda query: ((name, "") for name in query.registered_names() if name.startswith(incomplete))
    )
