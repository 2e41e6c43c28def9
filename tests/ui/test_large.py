"""Pages of runs that hold very much: they come soon, and stay small."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from skribe.records import Changes, End, Metric, Param, Start, new_id
from skribe.session import journal_of
from skribe.store.query import Query
from skribe.ui import contents
from skribe.views import curve_of, picture_of
from skribe.views.pictures import curves_of
from tests.ui.conftest import settled

STEPS = 30_000
CURVES = 60
TEXT = "".join(chr(97 + n % 26) for n in range(100_000))


def embedded(text: str) -> dict[str, object]:
    return json.loads(text.partition('id="data">')[2].partition("</script>")[0])


def long_run(folder, **more: object) -> str:
    run = new_id()
    start, end = Start("big", "big", "manual", time.time()), End("finished", time.time(), 0.1, 0.1)
    journal_of(folder).write(Changes(run=run, start=start, end=end, **more))
    return run


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A store with a long curve, one with very many curves, and two with long texts."""
    folder = tmp_path_factory.mktemp("large") / "skribe_runs"
    loss = [1.0 / (step + 1) for step in range(STEPS)]
    loss[12_345], loss[23_456], loss[777] = 99.0, -99.0, float("nan")
    curve = long_run(folder, metrics=tuple(Metric("loss", value, step) for step, value in enumerate(loss)))
    many = tuple(Metric(f"m{n:03}", n + step, step) for n in range(CURVES) for step in range(3))
    curves = [long_run(folder, metrics=many) for _ in range(2)]
    params = tuple(Param(f"p{n}", TEXT, "str") for n in range(50))
    texts = [long_run(folder, params=params, tags={"story": TEXT}) for _ in range(2)]
    settled(folder)
    return folder, curve, curves, texts


class TestCurves:
    def test_a_long_one_is_thinned_to_what_can_be_seen(self, big, browse):
        folder, run, *_ = big
        answer = browse(folder).get(f"/runs/{run}")
        drawn = embedded(answer.text)["curves"]["loss"]
        assert 500 < len(drawn["steps"]) <= 1000
        assert len(drawn["values"]) == len(drawn["steps"])
        assert drawn["of"] == STEPS - 1  # one is no number
        # What stands out is still there, and so are both ends, in their order.
        assert dict(zip(drawn["steps"], drawn["values"], strict=True)).items() >= {12_345: 99.0, 23_456: -99.0}.items()
        assert (drawn["steps"][0], drawn["steps"][-1]) == (0, STEPS - 1)
        assert drawn["steps"] == sorted(set(drawn["steps"]))

    def test_a_short_one_is_whole(self, big):
        folder, _, (run, _), _ = big
        query = Query(folder)
        assert curve_of(query, run, "m007") == {"name": "m007", "steps": [0, 1, 2], "values": [7.0, 8.0, 9.0]}
        assert list(curves_of(query, run, ["m007", "m001"])) == ["m007", "m001"]
        assert len(picture_of(query, run, "history", (), None)[1]["series"]) == CURVES
        query.close()

    def test_many_are_asked_for_once(self, big, monkeypatch):
        folder, _, (run, other), _ = big
        asked: list[str] = []
        metrics = Query.metrics
        monkeypatch.setattr(Query, "metrics", lambda self, of: asked.append("") or metrics(self, of))
        query = Query(folder)
        _, context = contents.run(query, run)
        assert list(context["data"]["curves"]) == [f"m{n:03}" for n in range(40)]
        assert (context["curves_left"], context["data"]["curves_left"]) == (CURVES - 40, CURVES - 40)
        context = contents.compare(query, [run, other])
        assert len(context["data"]["curves"]) == 30
        assert len(asked) < 10
        query.close()


class TestTexts:
    def test_the_page_of_a_run_stays_small(self, big, browse):
        folder, *_, (run, _) = big
        page = browse(folder)
        text = page.get(f"/runs/{run}").text
        assert len(text) < 500_000
        (param, *_) = embedded(text)["run"]["params"]
        assert param["text"].startswith(TEXT[:1000])
        cut, _, said = param["text"].rpartition("… ")
        assert said == f"{100_000 - len(cut):,} more characters".replace(",", " ")
        assert "more characters" in embedded(text)["run"]["tags"]["story"]

    def test_so_does_a_comparison(self, big, browse):
        folder, *_, (run, other) = big
        text = browse(folder).get("/compare", params={"run": [run, other]}).text
        assert len(text) < 500_000
        assert "more characters" in text

    def test_the_whole_can_be_asked_for(self, big, browse):
        folder, *_, (run, other) = big
        page = browse(folder)
        short = page.get("/api/run", params={"id": run}).json()
        whole = page.get("/api/run", params={"id": run, "whole": "1"}).json()
        assert len(short["params"][0]["text"]) < 5000
        assert whole["params"][0]["text"] == whole["tags"]["story"] == TEXT
        both = {"run": [run, other]}
        assert len(page.get("/api/compare", params=both).text) < 500_000
        assert TEXT in page.get("/api/compare", params={**both, "whole": "1"}).text


def test_a_search_that_many_ask_for_at_once_is_drawn_up_once(shop, browse, monkeypatch):
    from skribe.views import search

    drawn, view = [], search.search_view

    def slow(*args: object) -> object:
        drawn.append(threading.get_ident())
        time.sleep(0.2)
        return view(*args)

    monkeypatch.setattr(search, "search_view", slow)
    page = browse(shop.folder)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: page.get("/api/search", params={"id": shop.search}).json(), range(16)))
    assert all(answer == answers[0] for answer in answers)
    assert len(drawn) == 1
