"""A run as the user holds it: everything that was written down about it, and a pen to add to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skribe.display.card import Card
from skribe.display.diagram import estimator_html
from skribe.display.harmless import one_line
from skribe.display.markdown import card_markdown, card_text
from skribe.display.page import card_html
from skribe.display.text import headline
from skribe.errors import NotFound
from skribe.pen import Pen
from skribe.records import Dataset, Note, Warned
from skribe.session import query_of, settle
from skribe.store.admin import Admin
from skribe.store.query import RunRow
from skribe.store.values import decode
from skribe.words import seconds

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class Run(Pen):
    """One run. Each attribute is read from the store when it is asked for, so it is true as of now."""

    def __init__(self, folder: Path, run_id: str) -> None:
        super().__init__(folder, run_id)
        self._query = query_of(folder)

    # --- reading ----------------------------------------------------------------------------------------------

    @property
    def short_id(self) -> str:
        """The last eight digits: enough to name the run wherever an id is asked for."""
        return self.id[-8:]

    @property
    def folder(self) -> Path:
        """The store that the run is in."""
        return self._folder

    @property
    def name(self) -> str:
        return self._row.name

    @property
    def kind(self) -> str:
        """`fit`, `search`, `candidate`, `cv`, `fold`, `stream` or `manual`."""
        return self._row.kind

    @property
    def status(self) -> str:
        """`running`, `finished`, `failed` or `killed`."""
        return self._row.status

    @property
    def error(self) -> str | None:
        """The traceback of the exception that ended the run."""
        failure = self._row.error
        return None if failure is None else failure.traceback or f"{failure.type}: {failure.message}"

    @property
    def experiment(self) -> str:
        return self._row.experiment

    @property
    def parent(self) -> Run | None:
        parent = self._row.parent
        return None if parent is None else Run(self._folder, parent)

    @property
    def children(self) -> list[Run]:
        return [Run(self._folder, row.id) for row in self._query.children(self.id)]

    @property
    def start(self) -> datetime:
        return datetime.fromtimestamp(self._row.start, UTC)

    @property
    def end(self) -> datetime | None:
        end = self._row.end
        return None if end is None else datetime.fromtimestamp(end, UTC)

    @property
    def wall(self) -> float | None:
        """The seconds that the user's call took, without skribe's."""
        return self._row.wall

    @property
    def cpu(self) -> float | None:
        """The process's processor seconds during the call; None if other fits ran beside it."""
        return self._row.cpu

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, as the plain values that they were, or as text that describes an object."""
        return {param.key: _value(param.value, param.type) for param in self._query.params(self.id)}

    @property
    def changed_params(self) -> dict[str, Any]:
        """Those parameters that differ from the defaults of their class, with those logged by hand."""
        from skribe.views.run import by_hand

        params = (p for p in self._query.params(self.id) if p.is_default is False or by_hand(p))
        return {param.key: _value(param.value, param.type) for param in params}

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric."""
        return {metric.key: metric.value for metric in self._query.metrics(self.id)}

    def history(self, key: str) -> pandas.DataFrame:
        """A metric's values by step: columns `step`, `value`, `time`."""
        import pandas as pd

        points = self._query.history(self.id, key)
        frame = pd.DataFrame([point[1:] for point in points], columns=["value", "step", "time"])
        frame["time"] = pd.to_datetime(frame["time"], unit="s", utc=True)
        return frame[["step", "value", "time"]]

    @property
    def tags(self) -> dict[str, str]:
        return self._query.tags(self.id)

    @property
    def facts(self) -> dict[str, Any]:
        """What the fitted estimator knows: `n_iter_`, `classes_`, the shape of `coef_` …"""
        return {fact.key: _value(fact.value, fact.type) for fact in self._query.facts(self.id)}

    @property
    def notes(self) -> list[Note]:
        """What is absent or needs a word, and why; also what a backend would not take."""
        refused = [
            Note(f"delivery to {refusal.backend}", reason)
            for refusal in self._query.refusals(run=self.id)
            for reason in refusal.reasons.splitlines()
        ]
        return [*self._query.notes(self.id), *refused]

    @property
    def warnings(self) -> list[Warned]:
        """The warnings raised during the run."""
        return self._query.warnings(self.id)

    @property
    def datasets(self) -> list[Dataset]:
        """The data sets: kind, shape, schema, fingerprint. No rows."""
        return self._query.datasets(self.id)

    @property
    def environment(self) -> dict[str, Any]:
        """Python, packages, platform, git and script of the process that made the run."""
        process = self._query.process(self.id)
        return {} if process is None else {**process.environment, "source": process.source}

    @property
    def artifacts(self) -> list[str]:
        """The paths of the run's files, for `artifact_path`."""
        return [artifact.path for artifact in self._query.artifacts(self.id)]

    def artifact_path(self, name: str) -> Path:
        """Where an artifact lies on this machine. One of `pictures` is drawn, the first time it is asked for."""
        from skribe.views import drawn_file

        return drawn_file(self._query, self._artifacts, self.id, name) or self._artifacts.path(self.id, name)

    @property
    def remotes(self) -> dict[str, str]:
        """The id that the run has in each backend that it was delivered to. `get_run` finds it by that, too."""
        return self._query.remotes(self.id)

    def estimator_html(self) -> str:
        """The estimator's diagram as HTML, drawn now from the recorded parameters."""
        row = self._row
        return estimator_html(row.estimator_name or row.name, self._query.params(self.id))

    # --- searches and cross-validations -----------------------------------------------------------------------

    @property
    def best(self) -> Run | None:
        """The child that the search chose; while it runs, the best one so far."""
        best = self.tags.get("best_run")
        return None if best is None else Run(self._folder, best)

    def results(self) -> pandas.DataFrame:
        """What each (candidate, split) gave, as far as it has come: also of a search that runs, or was killed."""
        from skribe.sweeps.reading import results_frame

        return results_frame(self._query, self.id)

    def advice(self) -> list[str]:
        """What the results of a search suggest: a best value at the edge of its range, and the like."""
        from skribe.plots.advice import advice
        from skribe.sweeps.reading import table_of

        said = [note.reason for note in self.notes if note.what == "advice"]
        if said or self.kind != "search" or self.status in ("running", "killed"):
            return said  # of half a search nothing is certain
        return [one.text for one in advice(table_of(self._query, self.id))]

    def views(self) -> dict[str, Any]:
        """A search as data to draw: `validation_curves`, `heat_maps`, `score_against_time` and others."""
        from skribe.views import search_views

        return search_views(self._query, self.id)

    # --- models, tables and pictures --------------------------------------------------------------------------

    def model(self, name: str = "model", *, trusted: bool | Iterable[str] = False) -> Any:
        """The fitted estimator, as it was when `fit` returned; of a search also `"best_estimator"`.

        What is not in the form in which it was written is refused. `trusted` is for models in the format skops that
        hold types of your own: their names, or True.
        """
        from skribe.loading import from_run

        return from_run(self._folder, self.id, name, trusted)

    @property
    def models(self) -> list[str]:
        """The names of the models that are kept of the run, for `model`."""
        settle()
        return [model.path for model in self._query.models(self.id)]

    @property
    def tables(self) -> list[tuple[str, str]]:
        """What there is beside numbers: the name and the data of each curve, matrix and report."""
        return self._query.table_names(self.id)

    def table(self, name: str, data: str | None = None) -> pandas.DataFrame | str:
        """What a function of `sklearn.metrics` gave that is more than a number, such as
        `"classification_report_X_test"`; a report that is a text comes as a text."""
        from skribe.display.frames import frame_of

        return frame_of(self.view(name, data))

    def view(self, name: str, data: str | None = None) -> Any:
        """The data of a picture, as JSON holds them; by itself those of the training data, or the only ones."""
        from skribe.views import view_of

        return view_of(self._query, self.id, name, data)

    def plot(self, name: str, *params: str, data: str | None = None) -> Figure:
        """A picture, drawn now from what was recorded; needs matplotlib.

        Of a fit: `"confusion_matrix"`, `"roc"`, `"precision_recall"`, `"calibration"`, `"class_report"`,
        `"residuals"`, `"predicted_vs_actual"`, `"qq"`, `"silhouette"`, `"cluster_sizes"`, `"explained_variance"`,
        `"feature_importance"`, `"history"`. `data` names the data set: `"training"`, or `"X_test"` if that was scored.

        Of a search: `"validation_curve"` with a parameter, `"heat_map"` with a pair of them, or the first there is;
        `"score_against_time"`, `"progress"`, `"timeline"` and, for a halving search, `"rungs"`.
        """
        from skribe.plots.draw import draw, title_of

        chosen, view = self.picture(name, *params, data=data)
        return draw(name, view, title=title_of(name, f"{self.name} {self.short_id}{chosen}"))

    def picture(self, name: str, *params: str, data: str | None = None) -> tuple[str, Any]:
        """What `plot` draws: a word on which it is, and its data."""
        from skribe.views import picture_of

        return picture_of(self._query, self.id, name, params, data)

    @property
    def pictures(self) -> list[str]:
        """The file names of the pictures that can be drawn, for `artifact_path`: `training_roc_curve.png` …"""
        from skribe.views import picture_files

        return picture_files(self._query, self.id)

    def frame(self) -> pandas.DataFrame:
        """The run as the one row that it is in `skribe.runs()`."""
        return self._query.runs_frame(where=f'id == "{self.id}"', children=True)

    def delete(self) -> None:
        """Put the run and its children into the trash."""
        Admin(self._folder).delete_run(self.id)

    def restore(self) -> None:
        """Take the run and its children out of the trash."""
        Admin(self._folder).restore_run(self.id)

    # --- showing ----------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        try:
            row = self._row
        except NotFound:
            return f"<Run {self.short_id} · no longer in the store>"
        head = f"Run {one_line(row.name, 80)} {self.short_id} · {row.kind} · {row.status} · {seconds(row.wall)}"
        said = one_line(headline(self.metrics), 120)
        return f"<{head}{' · ' + said if said else ''}>"

    def __str__(self) -> str:
        return card_text(self._card())

    def _repr_html_(self) -> str:
        return card_html(self._card())

    def _repr_markdown_(self) -> str:
        return card_markdown(self._card())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002 - IPython's call
        # Both at once, from one reading of the store; IPython chooses among them.
        card = self._card()
        return {"text/html": card_html(card), "text/markdown": card_markdown(card), "text/plain": repr(self)}

    def _card(self) -> Card:
        from skribe.views.cards import gone, run_card

        settle()
        try:
            return run_card(self._query, self.id)
        except NotFound:
            return gone(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and (self.id, self._folder) == (other.id, other._folder)

    def __hash__(self) -> int:
        return hash(self.id)

    # --- inside -----------------------------------------------------------------------------------------------

    @property
    def _row(self) -> RunRow:
        return self._query.run_row(self.id)


def _value(text: str, kind: str) -> Any:
    return json.loads(text) if kind == "json" else decode(text, kind)
