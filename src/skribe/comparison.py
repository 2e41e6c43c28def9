"""Several runs beside each other."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from skribe.display.card import Card
from skribe.display.harmless import one_line
from skribe.display.markdown import card_markdown, card_text
from skribe.display.page import card_html
from skribe.errors import ArgumentError, NotFound
from skribe.handle import Run
from skribe.session import query_of, settle

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class Comparison:
    """Runs to be compared."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = list(runs)

    @property
    def params(self) -> pandas.DataFrame:
        """The parameters in which the runs differ: a row per parameter, a column per run."""
        return self._table({run: run.params for run in self.runs}, differing=True)

    @property
    def metrics(self) -> pandas.DataFrame:
        """The metrics: a row per metric, a column per run."""
        return self._table({run: run.metrics for run in self.runs}, differing=False)

    def plot(self, name: str, data: str | None = None) -> Figure:
        """One picture of all the runs: `"roc"`, `"confusion_matrix"`, `"history"` … as `Run.plot` takes them."""
        from skribe.plots.draw import draw_compared

        views = [(f"{run.name} {run.short_id}", run.picture(name, data=data)[1]) for run in self.runs]
        return draw_compared(name, views)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(f'{one_line(run.name, 80)} {run.short_id}' for run in self.runs)}>"

    def __str__(self) -> str:
        card = self._card()
        return repr(self) if card is None else card_text(card)

    def _repr_html_(self) -> str | None:
        card = self._card()
        return None if card is None else card_html(card)

    def _repr_markdown_(self) -> str | None:
        card = self._card()
        return None if card is None else card_markdown(card)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002 - IPython's call
        card = self._card()
        if card is None:
            return {"text/plain": repr(self)}
        return {"text/html": card_html(card), "text/markdown": card_markdown(card), "text/plain": repr(self)}

    def _card(self) -> Card | None:
        """None for runs of several stores, for the same run twice, and if one of them is gone."""
        from skribe.views.cards_compared import comparison_card

        folders = {run.folder for run in self.runs}
        if len(folders) > 1:
            return None
        settle()
        with contextlib.suppress(ArgumentError, NotFound):
            return comparison_card(query_of(folders.pop()), [run.id for run in self.runs])
        return None

    def _table(self, values: dict[Run, dict[str, Any]], differing: bool) -> pandas.DataFrame:
        import pandas as pd

        columns = {run.short_id: pd.Series(values[run], dtype=object) for run in self.runs}
        frame = pd.DataFrame(columns)
        if differing:
            texts = frame.map(lambda value: repr(value))
            frame = frame[texts.nunique(axis=1) > 1]
        return frame.sort_index().infer_objects()


def compared(runs: Sequence[Any], by_id: Any) -> Comparison:
    """The runs themselves, or those with these ids."""
    if len(runs) < 2:
        raise ArgumentError("compare() takes two runs or more, or their ids.")
    return Comparison([run if isinstance(run, Run) else by_id(run) for run in runs])
