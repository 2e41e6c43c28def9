"""The API behind the pages: JSON in, JSON out."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from skribe.errors import ArgumentError
from skribe.ui import acts, answers
from skribe.ui.asking import asked_runs, one, several, yes
from skribe.ui.site import Site


def seq(site: Site, _request: Request) -> Any:
    """The newest journal number: pages ask for it to know that something is new."""
    return {"seq": site.query.last_seq()}


def runs(site: Site, request: Request) -> Any:
    return answers.runs_answer(site.query, asked_runs(request))


def keys(site: Site, request: Request) -> Any:
    asked = asked_runs(request)
    return answers.keys_answer(site.query, asked.experiment, asked.where)


def run(site: Site, request: Request) -> Any:
    return answers.seen_answer(site.query, one(request, "id"), yes(request, "whole"))


def search(site: Site, request: Request) -> Any:
    return answers.search_answer(site.query, one(request, "id"), request.query_params.get("known") or None)


def picture(site: Site, request: Request) -> Any:
    data = request.query_params.get("data") or None
    return answers.picture_answer(
        site.query, one(request, "id"), one(request, "name"), data, several(request, "param")
    )


def curve(site: Site, request: Request) -> Any:
    return answers.curve_answer(site.query, one(request, "id"), one(request, "key"))


def compare(site: Site, request: Request) -> Any:
    return answers.compared_answer(site.query, several(request, "run"), yes(request, "whole"))


def compared_picture(site: Site, request: Request) -> Any:
    data = request.query_params.get("data") or None
    return answers.compared_picture_answer(site.query, one(request, "name"), data, several(request, "run"))


class TooLong(Exception):  # noqa: N818 - it is an answer, not a fault
    """More was sent than any change needs."""


async def fields_of(request: Request) -> Any:
    """What came with a change."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > acts.LONGEST:
                raise TooLong
    except ClientDisconnect:
        raise ArgumentError("The request ended before it was complete.") from None
    try:
        return json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise ArgumentError("What was sent is not JSON.") from None
