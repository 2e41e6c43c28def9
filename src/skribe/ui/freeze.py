"""The same pages as files: to send to someone, to keep, or to put on any web server. They need none, and no skribe."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skribe.errors import NotFound, SkribeError, StoreError
from skribe.store.artifacts import ArtifactStore
from skribe.store.location import database_of
from skribe.store.query import Query
from skribe.ui.harmless import Unfrozen, frozen_bytes
from skribe.views.plain import as_plain

LIMIT = 1000
_ROWS = 5000  # of the table of runs, with all that is inside of them
_COLUMNS = 300
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Frozen:
    """What was written, and what was not, in sentences."""

    target: Path
    pages: int
    size: int  # bytes
    left_out: tuple[str, ...]


def freeze(
    folder: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    experiment: str | None = None,
    where: str | None = None,
    limit: int = LIMIT,
    runs: Sequence[str] = (),
    compare: Sequence[str] = (),
    artifacts: bool = True,
    models: bool = False,
) -> Frozen:
    """Write the pages of a store into the folder `target`, to be opened from there: `index.html` is the first.

    experiment, where: only such runs; what is inside of them comes along.
    limit:     the newest so many.
    runs:      only these, by id; `experiment`, `where` and `limit` do not apply to them.
    compare:   the ids of the runs that the page Compare shows.
    artifacts: with the files of the runs.
    models:    with the files of the models, too.

    The folder must be new, empty, or written by `freeze` before: then its pages are replaced.
    """
    from skribe.ui.serve import require
    from skribe.ui.target import put_in_place, ready

    require()
    source, place = Path(os.path.abspath(folder)), Path(os.path.realpath(target))
    if not database_of(source).is_file():
        raise NotFound(f"{source} holds no store, so there is nothing to freeze.")
    ready(place, source)
    query = Query(source)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as beside:
            freezer = _Freezer(query, Path(beside), artifacts, models)
            freezer.write(experiment, where, limit, runs, compare)
            put_in_place(Path(beside), place)
    except OSError as error:
        raise StoreError(f"the pages could not be written to {place}: {error.strerror or error}") from error
    finally:
        query.close()
    return Frozen(place, freezer.pages, freezer.size, tuple(freezer.left_out))


@dataclass(slots=True)
class _Freezer:
    query: Query
    place: Path
    artifacts: bool
    models: bool
    pages: int = 0
    size: int = 0
    at: float = field(default_factory=time.time)
    left_out: list[str] = field(default_factory=list)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)  # of each frozen run
    files_left: dict[str, int] = field(default_factory=dict)  # why, and how many

    def write(
        self, experiment: str | None, where: str | None, limit: int, runs: Sequence[str], compare: Sequence[str]
    ) -> None:
        """All of it."""
        columns, keys = self._columns(experiment, where)
        self._choose(experiment, where, limit, runs, columns)
        compared = list(dict.fromkeys(self.query.run_row(one).id for one in compare))
        for missing in [one for one in compared if one not in self.rows]:
            self._add_named(missing, columns)
        self._static()
        self._lists(experiment, columns, keys)
        for run_id in list(self.rows):
            self._run(run_id)
        self._compare(compared)
        self._models()
        for why, count in self.files_left.items():
            self.left_out.append(f"{count} {'file' if count == 1 else 'files'}: {why}")
        self.left_out.append("the trash, and whatever changes something")

    # -- which runs

    def _columns(self, experiment: str | None, where: str | None) -> tuple[list[str], dict[str, Any]]:
        from skribe.ui.answers import keys_answer

        keys = keys_answer(self.query, experiment, where)
        found = [f"{group}.{one['key']}" for group in ("metrics", "params", "tags") for one in keys[group]]
        if len(found) > _COLUMNS:
            self.left_out.append(f"{len(found) - _COLUMNS} columns of the table of runs; each run's own page has them")
        return list(dict.fromkeys([*keys["default"], *found]))[:_COLUMNS], keys

    def _choose(
        self, experiment: str | None, where: str | None, limit: int, named: Sequence[str], columns: Sequence[str]
    ) -> None:
        if named:
            for one in dict.fromkeys(named):
                self._add_named(one, columns)
        else:
            most = max(0, min(limit, _ROWS))
            page = self.query.runs_page(experiment, where, limit=most, columns=tuple(columns))
            for row in page.rows:
                self.rows[row.id] = as_plain(row)
            if page.total > len(page.rows):
                self.left_out.append(f"{page.total - len(page.rows)} older runs (limit={most})")
        self._add_children(list(self.rows), columns)

    def _add_named(self, run: str, columns: Sequence[str]) -> None:
        row = self.query.run_row(run)
        page = self.query.runs_page(None, f'id == "{row.id}"', children=True, limit=1, columns=tuple(columns))
        if not page.rows:
            raise NotFound(f"run {row.id} is in the trash; restore it before you freeze it")
        self.rows[row.id] = as_plain(page.rows[0])

    def _add_children(self, parents: Sequence[str], columns: Sequence[str]) -> None:
        """What is inside of the runs, level by level, as far as there is room."""
        left = 0
        for _ in range(_DEEPEST):
            below: list[str] = []
            for parent in parents:
                if not self.rows[parent].get("children"):
                    continue
                room = max(0, _ROWS - len(self.rows))
                page = self.query.runs_page(parent=parent, limit=max(1, room), columns=tuple(columns))
                kept = page.rows[:room]
                left += page.total - len(kept)
                for row in kept:
                    self.rows[row.id] = as_plain(row)
                    below.append(row.id)
            parents = below
        if left:
            self.left_out.append(f"{left} runs inside of others, beyond {_ROWS} in all")

    # -- pages

    def _page(self, path: str, template: str, title: str, kind: str, context: dict[str, Any]) -> None:
        from skribe.ui.links import frozen
        from skribe.ui.render import Page, render

        root = "../" * path.count("/")
        # The folder's own name only: where it lies on this machine is nobody's business.
        store = self.query.folder.name
        page = Page(title, kind, store, root, frozen=True, readonly=True, frozen_at=self.at)
        text = render(template, page, frozen(root, self.rows), **context)
        self._write(path, text.encode())
        self.pages += 1

    def _write(self, path: str, body: bytes) -> None:
        place = self.place / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
        self.size += len(body)

    def _lists(self, experiment: str | None, columns: Sequence[str], keys: dict[str, Any]) -> None:
        from skribe.ui import contents

        rows = list(self.rows.values())
        home = contents.home(self.query)
        there = {row["experiment"] for row in rows}
        home["experiments"] = [row for row in home["experiments"] if row["name"] in there]
        tops = [row for row in rows if not row.get("parent") or row["parent"] not in self.rows]
        for each in home["experiments"]:
            each["runs"] = sum(row["experiment"] == each["name"] for row in tops)
            if each["best"] is not None and each["best"]["run"] not in self.rows:
                each["best"] = None
        home["recent"] = tops[:10]
        home["counts"] = {
            **home["counts"],
            "experiments": len(home["experiments"]),
            "runs": len(tops),
            "running": sum(row["status"] == "running" for row in tops),
            "models": len(self._names()),
        }
        self._page("index.html", "home.html", "Experiments", "home", home)
        first = {"seq": 0, "total": len(rows), "offset": 0, "columns": list(columns), "rows": rows}
        asked = {"experiment": experiment, "where": None, "sort": None, "ascending": False, "columns": keys["default"]}
        names = [row["name"] for row in home["experiments"]]
        data = {"seq": 0, "runs": first, "keys": keys, "experiments": names, "asked": asked, "error": None}
        context = {"experiment": experiment, "data": data}
        self._page("runs.html", "runs.html", experiment or "Runs", "runs", context)

    def _run(self, run_id: str) -> None:
        from skribe.ui import contents

        try:
            view, context = contents.run(self.query, run_id)
        except NotFound:
            self.left_out.append(f"run {run_id[-8:]}: it was deleted meanwhile")
            del self.rows[run_id]
            return
        kept = tuple(one for one in view.artifacts if self._file(run_id, one.path, view.models))
        view = replace(view, artifacts=kept)
        context["run"], context["data"] = view, {**context["data"], "run": view}
        search = context["search"]
        if search is not None:
            # A link to a run that has no page would lead nowhere.
            children = tuple(child if child in self.rows else None for child in search.children)
            search = replace(search, children=children)
            context["search"] = context["data"]["search"] = search
        self._page(f"runs/{run_id}.html", "run.html", f"{view.name} {view.short_id}", "run", context)

    def _compare(self, ids: Sequence[str]) -> None:
        from skribe.ui import contents

        try:
            context = contents.compare(self.query, ids)
        except SkribeError as error:
            context = {"compared": None, "problem": str(error), "data": {}}
        if not ids:
            context["problem"] = "No comparison was frozen: `skribe freeze --compare ID --compare ID` adds one."
        self._page("compare.html", "compare.html", "Compare", "compare", context)

    def _models(self) -> None:
        from skribe.ui import contents
        from skribe.ui.links import model_file

        names = self._names()
        context = contents.models(self.query)
        rows = [row for row in context["models"] if row["name"] in names]
        links = {name: f"model/{model_file(name)}" for name in names}
        data = {**context["data"], "models": rows, "model_links": links}
        self._page("models.html", "models.html", "Models", "models", {"models": rows, "data": data})
        for name in names:
            shown = contents.model(self.query, name)
            shown["model"]["deleted_versions"] = []
            shown["data"]["model_links"] = {each: f"../{link}" for each, link in links.items()}
            self._page(f"model/{model_file(name)}", "model.html", name, "model", shown)

    def _names(self) -> list[str]:
        """The registered models that have a version from one of the frozen runs."""
        return sorted({version.name for version in self.query.versions() if version.run in self.rows})

    # -- files

    def _static(self) -> None:
        from skribe.ui.links import STATIC

        for place in sorted(STATIC.rglob("*")):
            if place.is_file():
                self._write(f"static/{place.relative_to(STATIC).as_posix()}", place.read_bytes())

    def _file(self, run_id: str, path: str, models: Sequence[Any]) -> bool:
        """Copy a file of the run, so that nothing in it runs by itself. Whether it is there now."""
        if not self.artifacts:
            return self._left("left out as asked (artifacts=False)")
        if not self.models and any(path.startswith(f"{model.path}/") for model in models):
            return self._left("of models (models=True takes them along)")
        try:
            source = ArtifactStore(self.query.folder).path(run_id, path)
            if not source.is_file():
                return self._left("no longer in the store")
            body = frozen_bytes(source, path)
        except Unfrozen as why:
            return self._left(str(why))
        except (SkribeError, OSError):
            return self._left("no longer in the store")
        to = f"runs/{run_id}/files/{path}"
        if body is not None:
            self._write(to, body)
        else:
            place = self.place / to
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
            self.size += place.stat().st_size
        return True

    def _left(self, why: str) -> bool:
        self.files_left[why] = self.files_left.get(why, 0) + 1
        return False
