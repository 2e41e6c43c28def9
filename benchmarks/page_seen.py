"""What the two pages are like in the browser, and what they weigh."""

from __future__ import annotations

import json
import os
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks.page_asked import METRIC, SEARCH
from benchmarks.page_browser import Load, Page, browser, cold_page
from benchmarks.page_search import CANDIDATES
from benchmarks.page_servers import Server, mlflow_page, skribe_page
from benchmarks.page_stores import Stores, mlflow_id
from benchmarks.page_table import NOTHING, Row, ms, size, spread

_SKRIBE_ROW = ".grid-body .row:not(.loading) .run-link"
_MLFLOW_ROW = ".ag-row a[href*='/runs/']"
_SKRIBE_LINES, _MLFLOW_LINES = ".parallel-axes", "canvas"
_JUMP = "document.querySelector('#grid').scrollTop = {row} * document.querySelector('.grid-body .row').offsetHeight"
_PATIENCE = 60.0  # seconds for a page that may never be there


@dataclass(frozen=True, slots=True)
class View:
    """The same page of both: its address and a selector of what the reader is waiting for."""

    name: str
    skribe: tuple[str, str]
    mlflow: tuple[str, str]


def views(stores: Stores) -> list[View]:
    """The pages that are opened."""
    one = f"/#/experiments/{stores.fit_experiment}/runs"
    several = "/#/compare-experiments/s?experiments=" + quote(json.dumps(stores.experiments))
    ordered = "?" + urlencode({"orderByKey": f"metrics.`{METRIC}`", "orderByAsc": "false"})
    of_one = "/runs?" + urlencode({"experiment": stores.experiment})
    of_fit = f"{one}/{mlflow_id(stores.fit)}"
    return [
        View("runs of an experiment", (of_one, _SKRIBE_ROW), (one, _MLFLOW_ROW)),
        View("the same, by a metric", (f"{of_one}&sort=metrics.{METRIC}", _SKRIBE_ROW), (one + ordered, _MLFLOW_ROW)),
        View("all runs", ("/runs", _SKRIBE_ROW), (several, _MLFLOW_ROW)),
        View("a run", (f"/runs/{stores.fit}", "#result"), (of_fit, "a[href$='/model-metrics']")),
    ]


def browser_rows(stores: Stores, rounds: int = 3) -> Iterator[Row]:
    """How long until something is seen, and what came over the wire."""
    with skribe_page(Path(stores.skribe)) as skribe, _mlflow(stores) as mlflow, browser() as chromium:
        for view in views(stores):
            pages = ((skribe, *view.skribe), (mlflow, *view.mlflow))
            cold: list[list[Load]] = [[], []]
            warm: list[list[Load]] = [[], []]
            for _ in range(rounds):
                for n, (server, path, wanted) in enumerate(pages):
                    with cold_page(chromium, wanted) as page:
                        cold[n].append(page.open(server.url + path))
                        warm[n].append(page.open(server.url + path))
            yield from _load_rows(view.name, cold, warm)
        yield from _scroll_rows(skribe, mlflow, stores, chromium)


def _mlflow(stores: Stores) -> AbstractContextManager[Server]:
    return mlflow_page(Path(stores.analyzed), quiet=True)


def _load_rows(name: str, cold: Sequence[list[Load]], warm: Sequence[list[Load]]) -> Iterator[Row]:
    def row(what: str, cell: Callable[[list[Load]], str], loads: Sequence[list[Load]] = cold) -> Row:
        return (f"{name}: {what}", *(cell(each) for each in loads))

    yield row("first paint", lambda loads: _median(loads, lambda load: load.painted))
    yield row("seen", lambda loads: _median(loads, _seen))
    yield row("seen, second visit", lambda loads: _median(loads, _seen), warm)
    yield row("over the wire", lambda loads: size(loads[-1].traffic.encoded))
    yield row("unpacked", lambda loads: size(loads[-1].traffic.decoded))
    yield row("over the wire, second visit", lambda loads: size(loads[-1].traffic.encoded), warm)
    yield row("requests, those beyond this machine", _requests)


def _requests(loads: Sequence[Load]) -> str:
    traffic = loads[-1].traffic
    return f"{traffic.requests}, {len(traffic.elsewhere) and ' '.join(sorted(traffic.elsewhere))}"


def _seen(load: Load) -> float | None:
    # What is in the document is in view when it has been painted, and not before.
    return None if load.shown is None else max(load.shown, load.painted or 0.0)


def _median(loads: Sequence[Load], of: Callable[[Load], float | None]) -> str:
    found = [value for load in loads if (value := of(load)) is not None]
    return spread(found) if len(found) == len(loads) else f"not in {_PATIENCE:.0f} s"


def _scroll_rows(skribe: Server, mlflow: Server, stores: Stores, chromium: Any) -> Iterator[Row]:
    of_skribe, of_mlflow = views(stores)[2].skribe, views(stores)[2].mlflow
    wheel: list[str] = []
    jump = NOTHING
    for server, (path, wanted) in ((skribe, of_skribe), (mlflow, of_mlflow)):
        with cold_page(chromium, wanted) as page:
            page.open(server.url + path)
            with page.frames() as gaps:
                page.wheel(3.0)
            wheel.append(_frames(gaps))
            if server is skribe:
                row = stores.runs // 2
                jumps = [page.until(_JUMP.format(row=at), f"#row-{at}:not(.loading) .run-link") for at in _around(row)]
                jump = _or_none(jumps)
    yield "scrolling for 3 s (MLflow: its first 100 rows)", *wheel
    yield "jump into the middle, until its rows are seen", jump, f"{NOTHING} (100 more at each click)"


def _around(row: int) -> list[int]:
    return [row, row // 2, row + row // 2, row // 3, row + row // 3]


def _or_none(values: Sequence[float | None]) -> str:
    found = [value for value in values if value is not None]
    return spread(found) if len(found) == len(values) else f"not in {_PATIENCE:.0f} s"


def _frames(gaps: Sequence[float]) -> str:
    """The longest and the usual time between two frames, and how many took longer than a tenth of a second."""
    if not gaps:
        return NOTHING
    slow = sum(gap > 100 for gap in gaps)
    return f"longest {ms(max(gaps))}, median {ms(statistics.median(gaps))}, {slow} of {len(gaps)} over 100 ms"


def search_rows(stores: Stores, rounds: int) -> Iterator[Row]:
    """The search of ten thousand candidates."""
    with skribe_page(Path(stores.skribe)) as skribe, _mlflow(stores) as mlflow:
        yield from _search_asked(stores, skribe, mlflow, rounds)
        with browser() as chromium:
            yield from _search_seen(stores, skribe, mlflow, chromium)


def _search_asked(stores: Stores, skribe: Server, mlflow: Server, rounds: int) -> Iterator[Row]:
    client, path = skribe.client, f"/api/search?id={stores.search}"
    answers = [client.ask(path) for _ in range(rounds + 1)]
    children = {
        "experiment_ids": [stores.search_experiment],
        "filter": f"tags.mlflow.parentRunId = '{mlflow_id(stores.search)}'",
        "max_results": CANDIDATES,
    }
    there = [mlflow.client.ask(SEARCH, children) for _ in range(2)]
    yield (
        "everything about it, as JSON",
        f"{spread([each.ms for each in answers[1:]], answers[0].ms)}; {size(len(answers[-1].body))}",
        f"{ms(there[1].ms)}, first {ms(there[0].ms)}; {size(len(there[-1].body))} (its child runs)",
    )
    yield "the same, packed", size(len(client.ask(path, zipped=True).body)), NOTHING
    known = quote(answers[-1].json()["stamp"])
    same = [client.ask(f"{path}&known={known}").ms for _ in range(rounds)]
    yield "asking whether there is something new", spread(same)
    pages = [client.ask(f"/runs/{stores.search}") for _ in range(rounds + 1)]
    yield (
        "its page, as HTML with all data",
        f"{spread([each.ms for each in pages[1:]], pages[0].ms)}; {size(len(pages[-1].body))}",
    )


def _search_seen(stores: Stores, skribe: Server, mlflow: Server, chromium: Any) -> Iterator[Row]:
    with cold_page(chromium, _SKRIBE_LINES) as page:
        load = page.open(f"{skribe.url}/runs/{stores.search}", _PATIENCE)
        yield "its page: over the wire", size(load.traffic.encoded)
        yield f"parallel coordinates of {CANDIDATES:,}: begun", ms(_seen(load)), NOTHING
        yield f"parallel coordinates of {CANDIDATES:,}: all lines drawn", _drawn(load), NOTHING
        if load.shown is not None:
            yield f"brushing {CANDIDATES:,}", _brushed(page, _SKRIBE_LINES, (56, 70), -30)
    for count in (100, 1_000, CANDIDATES):
        chosen = {"runs": json.dumps(stores.candidates(count)), "experiments": f'["{stores.search_experiment}"]'}
        with cold_page(chromium, _MLFLOW_LINES) as page:
            load = page.open(f"{mlflow.url}/#/compare-runs?" + urlencode(chosen, quote_via=quote), _PATIENCE)
            asked = f"{load.traffic.requests:,} requests"
            yield f"comparison of {count:,} candidates: drawn", NOTHING, f"{_drawn(load)}, {asked}"
            if load.shown is not None:
                yield f"brushing {count:,}", NOTHING, _brushed(page, ".axis-brush .background", (0, 20), -10)


def _drawn(load: Load) -> str:
    if load.shown is None or load.drawn is None:
        return f"not in {_PATIENCE:.0f} s"
    return ms(max(load.drawn, load.shown))


def _brushed(page: Page, element: str, start: tuple[float, float], from_below: float) -> str:
    """The frames while an axis is brushed from above to below."""
    found = page.tab.locator(element).first
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    x = box["x"] + (start[0] or box["width"] / 2)
    with page.frames() as gaps:
        page.drag((x, box["y"] + start[1]), (x, box["y"] + box["height"] + from_below))
        page.tab.wait_for_timeout(500)
    return _frames(gaps)


def weight_rows(stores: Stores) -> Iterator[Row]:
    """What a page is made of, once: its scripts, its styles and its charts."""
    with skribe_page(Path(stores.skribe)) as server:
        for name, path in (
            ("the table of runs", "/runs"),
            ("a run", f"/runs/{stores.fit}"),
            ("a search", f"/runs/{stores.search}"),
        ):
            plain, packed, files = _static(server, path)
            yield f"static files of {name}", f"{size(plain)}, packed {size(packed)}, {files} files"
    os.environ["SKRIBE_STORE"] = stores.skribe
    import skribe

    for name, run in (("a fit", stores.fit), ("a search", stores.search)):
        shown: str = skribe.get_run(run)._repr_html_()
        yield f"`_repr_html_` of {name}", size(len(shown.encode()))


def _static(server: Server, path: str) -> tuple[int, int, int]:
    """Bytes of what a page links to, plain and packed, and how many files these are."""
    page = server.client.ask(path).body.decode()
    found = dict.fromkeys(re.findall(r'(?:src|href)="([^"]*static/[^"]+)"', page))
    paths = ["/" + link.replace("&amp;", "&").removeprefix("../") for link in found]
    plain = sum(len(server.client.ask(each).body) for each in paths)
    packed = sum(len(server.client.ask(each, zipped=True).body) for each in paths)
    return plain, packed, len(paths)
