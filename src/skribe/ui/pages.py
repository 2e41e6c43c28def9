"""The pages, served."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from skribe.errors import ArgumentError, NotFound, SkribeError
from skribe.ui import contents
from skribe.ui.asking import asked_table, one, several
from skribe.ui.files import text_answer
from skribe.ui.problems import Problem, problem_of
from skribe.ui.render import render
from skribe.ui.site import Site


def home(site: Site, request: Request) -> Response:
    return _shown(site, request, "home.html", "Experiments", "home", contents.home(site.query))


def runs(site: Site, request: Request) -> Response:
    asked = asked_table(request)
    context = contents.runs(site.query, asked)
    code = 400 if context["data"]["error"] else 200
    answer = _shown(site, request, "runs.html", asked.experiment or "Runs", "runs", context, code)
    # A click on a column's name comes next, as a rule, and among many runs the first order by one takes a while.
    answer.background = BackgroundTask(_warm, site, context["data"]["runs"]["columns"])
    return answer


def _warm(site: Site, columns: Sequence[str]) -> None:
    # The page has been sent: whoever asks next is told what is wrong with the store.
    with contextlib.suppress(SkribeError, OSError):
        site.query.warm_columns(columns)


def run(site: Site, request: Request) -> Response:
    view, context = contents.run(site.query, request.path_params["id"])
    return _shown(site, request, "run.html", f"{view.name} {view.short_id}", "run", context)


def compare(site: Site, request: Request) -> Response:
    ids, code = several(request, "run"), 200
    try:
        context = contents.compare(site.query, ids)
    except (ArgumentError, NotFound) as error:
        # The page itself says it, where the runs can be chosen anew.
        context, code = {"compared": None, "problem": str(error), "data": {}}, problem_of(error).code
    return _shown(site, request, "compare.html", "Compare", "compare", context, code)


def models(site: Site, request: Request) -> Response:
    return _shown(site, request, "models.html", "Models", "models", contents.models(site.query))


def model(site: Site, request: Request) -> Response:
    name = one(request, "name")
    return _shown(site, request, "model.html", name, "model", contents.model(site.query, name))


def trash(site: Site, request: Request) -> Response:
    return _shown(site, request, "trash.html", "Trash", "trash", contents.trash(site.query))


def problem(site: Site, request: Request, told: Problem) -> Response:
    """The page that says what is wrong and what to do."""
    context = {"code": told.code, "headline": told.headline, "detail": told.detail, "todo": told.todo}
    return _shown(site, request, "error.html", told.headline, "error", context, told.code)


def _shown(
    site: Site, request: Request, template: str, title: str, kind: str, context: dict[str, Any], code: int = 200
) -> Response:
    page, url = site.page(request, title, kind)
    return text_answer(request, render(template, page, url, **context), "text/html", code)
