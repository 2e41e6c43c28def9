"""What the pages and the API answer."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time

import pytest

from skribe.errors import StoreError
from skribe.records import Changes, Metric, Start, new_id
from skribe.session import journal_of
from skribe.store.location import database_of
from skribe.store.query import Query
from tests.ui.conftest import HOSTILE, change, settled

PAGES = ["/", "/runs", "/compare", "/models", "/model?name=iris", "/trash"]


def embedded(text: str) -> dict[str, object]:
    """The JSON that a page carries."""
    return json.loads(text.partition('id="data">')[2].partition("</script>")[0])


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_a_page_is_there(self, page, path):
        answer = page.get(path)
        assert answer.status_code == 200, answer.text[:500]
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.text.startswith("<!doctype html>")

    @pytest.mark.parametrize("which", ["fit", "search", "hostile", "failed"])
    def test_a_run_has_a_page(self, page, recorded, which):
        run = getattr(recorded, which)
        answer = page.get(f"/runs/{run}")
        assert answer.status_code == 200
        told = embedded(answer.text)
        assert told["run"]["id"] == run
        assert (told["search"] is not None) == (which == "search")

    def test_a_short_id_is_enough(self, page, recorded):
        assert embedded(page.get(f"/runs/{recorded.fit[-8:]}").text)["run"]["id"] == recorded.fit

    def test_a_fit_carries_what_is_drawn(self, page, recorded):
        told = embedded(page.get(f"/runs/{recorded.fit}").text)
        assert "confusion_matrix|training" in told["pictures"]

    def test_a_curve_comes_with_the_page(self, page, recorded):
        told = embedded(page.get(f"/runs/{recorded.failed}").text)
        assert told["curves"]["loss"]["steps"] == [1, 2, 3, 4, 5]

    def test_the_table_comes_with_its_first_rows(self, page):
        told = embedded(page.get("/runs").text)
        assert told["runs"]["total"] == 4
        assert len(told["runs"]["rows"]) == 4
        assert told["runs"]["columns"] == told["keys"]["default"]

    def test_the_address_of_the_table_names_all_of_its_columns(self, page):
        answer = page.get("/runs", params={"column": ["status", "params.C", "start"], "sort": "params.C"})
        assert answer.status_code == 200
        assert embedded(answer.text)["runs"]["columns"] == ["params.C"]

    def test_runs_beside_each_other(self, page, recorded):
        answer = page.get("/compare", params={"run": [recorded.fit, recorded.search]})
        assert answer.status_code == 200
        assert [run["id"] for run in embedded(answer.text)["compared"]["runs"]] == [recorded.fit, recorded.search]

    def test_links_are_relative_to_the_root(self, page, recorded):
        assert 'data-root=""' in page.get("/runs").text
        assert 'data-root="../"' in page.get(f"/runs/{recorded.fit}").text
        assert "http://127.0.0.1" not in page.get("/runs").text

    def test_nothing_hostile_comes_through(self, page, recorded):
        for path in [*PAGES, f"/runs/{recorded.hostile}", f"/compare?run={recorded.fit}&run={recorded.hostile}"]:
            text = page.get(path).text
            assert "<script>alert" not in text, path
            assert "<img src=x" not in text, path
            assert " 49 " not in text, path

    def test_what_is_hostile_arrives_as_it_was(self, page, recorded):
        told = embedded(page.get(f"/runs/{recorded.hostile}").text)
        assert told["run"]["name"] == HOSTILE.encode("utf-8", "backslashreplace").decode()


class TestApi:
    def test_runs(self, page, recorded):
        answer = page.get("/api/runs", params={"column": ["params.C", "metrics.best_cv_score"], "limit": 2}).json()
        assert answer["columns"] == ["params.C", "metrics.best_cv_score"]
        assert (answer["total"], answer["offset"], len(answer["rows"])) == (4, 0, 2)
        assert set(answer["rows"][0]) >= {"id", "name", "kind", "status", "start", "children", "of_child", "cells"}

    def test_sorted_and_filtered(self, page, recorded):
        args = {"where": "params.C == 0.5", "column": "params.C", "sort": "params.C", "ascending": "1"}
        rows = page.get("/api/runs", params=args).json()["rows"]
        assert [(row["id"], row["cells"]) for row in rows] == [(recorded.fit, [0.5])]

    def test_the_children_of_one_run(self, page, recorded):
        answer = page.get("/api/runs", params={"parent": recorded.search}).json()
        assert answer["total"] == 3
        assert {row["parent"] for row in answer["rows"]} == {recorded.search}

    def test_a_number_that_is_none_is_null(self, page, recorded):
        args = {"where": "kind == 'manual'", "column": ["metrics.nan", "metrics.inf"]}
        answer = page.get("/api/runs", params=args)
        assert answer.json()["rows"][0]["cells"] == [None, None]
        assert "NaN" not in answer.text

    def test_keys(self, page):
        answer = page.get("/api/keys", params={"experiment": "iris"}).json()
        assert {"key": "C", "count": 1, "varies": False, "chosen": 1} in answer["params"]
        assert answer["default"][0] == "metrics.best_cv_score"

    def test_a_query_that_does_not_parse_is_pointed_at(self, page):
        answer = page.get("/api/runs", params={"where": "metrics.x > > 1"})
        assert answer.status_code == 400
        assert answer.json()["error"]["at"] == 12
        assert "\n" not in answer.json()["error"]["message"]
        shown = page.get("/runs", params={"where": "metrics.x > > 1"})
        assert shown.status_code == 400
        assert embedded(shown.text)["error"]["at"] == 12

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/api/runs?limit=-1", 400),
            ("/api/runs?limit=5000", 400),
            ("/api/runs?offset=99999999999999999999999", 400),
            ("/api/runs?sort=nonsense", 400),
            ("/api/runs?kind=nonsense", 400),
            ("/api/run", 400),
            ("/api/run?id=nonsense", 404),
            ("/api/search?id={fit}", 404),
            ("/api/picture?id={fit}&name=nonsense", 400),
            ("/api/nonsense", 404),
            ("/runs/nonsense", 404),
            ("/runs/", 404),
            ("/model?name=nonsense", 404),
            ("/model", 400),
            ("/compare?run={fit}&run=nonsense", 404),
            ("/static/nonsense.js", 404),
            ("/nonsense", 404),
        ],
    )
    def test_what_is_wrong_says_what_to_do(self, page, recorded, path, code):
        answer = page.get(path.format(fit=recorded.fit))
        assert answer.status_code == code
        if path.startswith("/api"):
            assert answer.json()["error"]["message"]
        else:
            assert answer.text.startswith("<!doctype html>")

    def test_a_search_that_is_known(self, page, recorded):
        first = page.get("/api/search", params={"id": recorded.search}).json()
        assert len(first["names"]) == 3
        again = page.get("/api/search", params={"id": recorded.search, "known": first["stamp"]}).json()
        assert again["unchanged"] is True
        assert "names" in page.get("/api/search", params={"id": recorded.search, "known": "other"}).json()

    def test_the_data_of_a_picture_and_of_a_curve(self, page, recorded):
        args = {"id": recorded.fit, "name": "confusion_matrix", "data": "training"}
        assert page.get("/api/picture", params=args).json()["view"]
        curve = page.get("/api/curve", params={"id": recorded.failed, "key": "loss"}).json()
        assert curve["values"][0] == 1.0

    def test_a_run_and_a_comparison(self, page, recorded):
        assert page.get("/api/run", params={"id": recorded.fit}).json()["name"] == "LogisticRegression"
        both = {"run": [recorded.fit, recorded.search]}
        assert len(page.get("/api/compare", params=both).json()["runs"]) == 2
        assert page.get("/api/compare", params={"run": recorded.fit}).status_code == 400
        args = {**both, "name": "confusion_matrix", "data": "training"}
        assert page.get("/api/compared_picture", params=args).json()["pictures"]

    def test_that_something_is_new(self, shop, browse):
        page = browse(shop.folder)
        before = page.get("/api/seq").json()["seq"]
        journal_of(shop.folder).write(Changes(run=new_id(), start=Start("e", "r", "fit", time.time())))
        assert page.get("/api/seq").json()["seq"] > before
        assert page.get("/api/runs").json()["total"] == 5


class TestChanges:
    @pytest.fixture
    def live(self, shop, browse):
        return browse(shop.folder)

    def done(self, page, what):
        answer = change(page, what)
        assert answer.status_code == 200, answer.text
        assert answer.json()["done"].endswith(".")
        return answer.json()["done"]

    def test_a_run_goes_and_comes_back(self, live, shop):
        self.done(live, {"do": "delete_run", "id": shop.search})
        assert live.get("/api/runs").json()["total"] == 3
        assert shop.search in live.get("/trash").text
        self.done(live, {"do": "restore_run", "id": shop.search})
        assert live.get("/api/runs").json()["total"] == 4

    def test_tags_of_a_run(self, live, shop):
        self.done(live, {"do": "set_tag", "id": shop.fit[-8:], "key": "owner", "value": "Ada"})
        assert shop.query.tags(shop.fit)["owner"] == "Ada"
        self.done(live, {"do": "delete_tag", "id": shop.fit, "key": "owner"})
        assert "owner" not in shop.query.tags(shop.fit)
        assert change(live, {"do": "delete_tag", "id": shop.fit, "key": "owner"}).status_code == 404

    def test_experiments(self, live, shop):
        self.done(live, {"do": "rename_experiment", "name": "iris", "new": "flowers"})
        self.done(live, {"do": "delete_experiment", "name": "flowers"})
        assert [row.name for row in shop.query.experiments(deleted=True)] == ["flowers"]
        self.done(live, {"do": "restore_experiment", "name": "flowers"})
        assert "flowers" in [row.name for row in shop.query.experiments()]

    def test_models(self, live, shop):
        said = self.done(live, {"do": "register", "id": shop.search, "path": "best_estimator", "name": "iris"})
        assert "version 2" in said
        self.done(live, {"do": "set_alias", "name": "iris", "alias": "champion", "version": 2})
        self.done(live, {"do": "describe_model", "name": "iris", "text": "words"})
        self.done(live, {"do": "describe_model", "name": "iris", "text": "better", "version": "2"})
        self.done(live, {"do": "tag_model", "name": "iris", "key": "k", "value": "v"})
        self.done(live, {"do": "tag_model", "name": "iris", "key": "k", "value": "v", "version": 2})
        self.done(live, {"do": "set_stage", "name": "iris", "version": 2, "stage": "Production"})
        found = shop.query.resolve("iris", "@champion")
        assert (found.version, found.description, found.stage, found.tags) == (2, "better", "Production", {"k": "v"})
        assert shop.query.registered("iris").description == "words"
        self.done(live, {"do": "untag_model", "name": "iris", "key": "k"})
        self.done(live, {"do": "delete_alias", "name": "iris", "alias": "champion"})
        assert shop.query.registered("iris").aliases == {}

    def test_models_go_and_come_back(self, live, shop):
        self.done(live, {"do": "delete_version", "name": "iris", "version": 1})
        assert shop.query.versions("iris") == []
        self.done(live, {"do": "restore_version", "name": "iris", "version": 1})
        self.done(live, {"do": "rename_model", "name": "iris", "new": "flower"})
        self.done(live, {"do": "delete_model", "name": "flower"})
        assert "flower" in live.get("/trash").text
        self.done(live, {"do": "restore_model", "name": "flower"})
        assert shop.query.registered_names() == ["flower"]

    @pytest.mark.parametrize(
        ("what", "code"),
        [
            ([], 400),
            ({}, 400),
            ({"do": "nonsense"}, 400),
            ({"do": ["delete_run"]}, 400),
            ({"do": "delete_run"}, 400),
            ({"do": "delete_run", "id": 3}, 400),
            ({"do": "delete_run", "id": "nonsense"}, 404),
            ({"do": "rename_experiment", "name": "iris", "new": " "}, 400),
            ({"do": "set_alias", "name": "iris", "alias": "1", "version": 1}, 400),
            ({"do": "set_alias", "name": "iris", "alias": "x", "version": 9}, 404),
            ({"do": "set_alias", "name": "iris", "alias": "x", "version": True}, 400),
            ({"do": "set_alias", "name": "iris", "alias": "x", "version": 10**30}, 400),
            ({"do": "set_stage", "name": "iris", "version": 1, "stage": "nonsense"}, 400),
            ({"do": "set_tag", "id": "x", "key": " ", "value": "v"}, 400),
            ({"do": "rename_experiment", "name": "\udc80", "new": "x"}, 404),
            ({"do": "delete_experiment", "name": "\udc80"}, 404),
            ({"do": "restore_experiment", "name": "\udc80"}, 404),
        ],
    )
    def test_what_cannot_be_done(self, page, what, code):
        answer = change(page, what)
        assert answer.status_code == code
        assert answer.json()["error"]["message"]

    def test_a_text_that_cannot_be_stored_is_never_a_fault_of_ours(self, live):
        from skribe.ui.acts import _ACTS

        for act in _ACTS:
            for fields in [("id", "name"), ("key", "text", "alias", "value", "new", "stage", "path")]:
                what = {"do": act, "id": "x", "name": "iris", "version": 1, "new": "n", "key": "k", "value": "v"}
                what |= {"alias": "a", "text": "t", "stage": "s", "path": "p"} | dict.fromkeys(fields, "\udc80")
                assert change(live, what).status_code in (200, 400, 404), what

    def test_a_tag_for_which_the_store_is_locked_waits(self, shop, browse):
        page = browse(shop.folder)
        writer = sqlite3.connect(database_of(shop.folder), isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        try:
            answer = change(page, {"do": "set_tag", "id": shop.fit, "key": "owner", "value": "Ada"})
        finally:
            writer.close()
        assert answer.status_code == 202
        assert answer.json()["done"] == (
            "The tag “owner” is kept, and is written as soon as the store can be written to."
        )
        settled(shop.folder)
        assert shop.query.tags(shop.fit)["owner"] == "Ada"

    def test_what_is_no_json(self, page):
        headers = {"x-skribe": "1", "content-type": "application/json"}
        assert page.post("/api/do", content=b"{", headers=headers).status_code == 400
        assert page.post("/api/do", content=b"[" * 100_000, headers=headers).status_code == 400


class TestStores:
    def test_one_that_is_not_there_is_empty(self, tmp_path, browse):
        page = browse(tmp_path / "nothing")
        for path in ["/", "/runs", "/compare", "/models", "/trash"]:
            assert page.get(path).status_code == 200, path
        assert page.get("/api/runs").json()["rows"] == []
        assert page.get("/api/runs?where=metrics.x>1").json()["total"] == 0
        assert not (tmp_path / "nothing").exists()
        assert "autolog" in page.get("/").text

    def test_one_that_comes_while_it_is_looked_at(self, tmp_path, browse, recorded):
        page = browse(tmp_path / "later")
        assert page.get("/api/runs").json()["total"] == 0
        shutil.copytree(recorded.folder, tmp_path / "later", symlinks=True)
        assert page.get("/api/runs").json()["total"] == 4

    def test_one_of_a_later_skribe(self, shop, browse):
        with sqlite3.connect(database_of(shop.folder)) as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
        page = browse(shop.folder)
        answer = page.get("/")
        assert answer.status_code == 503
        assert "pip install -U skribe" in answer.text
        assert page.get("/api/runs").status_code == 503
        assert change(page, {"do": "delete_run", "id": shop.fit}).status_code == 503

    def test_a_damaged_one(self, tmp_path, browse):
        database_of(tmp_path).write_bytes(b"nonsense" * 1000)
        page = browse(tmp_path)
        for path in ["/", "/runs", "/api/runs", "/api/seq"]:
            assert page.get(path).status_code == 503, path
        assert database_of(tmp_path).read_bytes() == b"nonsense" * 1000

    def test_one_that_breaks_after_the_table_was_sent(self, shop, browse, monkeypatch):
        page = browse(shop.folder)

        def broken(self: Query, names: object) -> None:
            raise StoreError("it cannot be read")

        monkeypatch.setattr(Query, "warm_columns", broken)
        assert page.get("/runs").status_code == 200

    def test_one_that_is_being_written(self, shop, browse):
        page = browse(shop.folder)
        writer = sqlite3.connect(database_of(shop.folder), isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE run SET name = 'half'")
        try:
            assert page.get("/runs").status_code == 200
            assert "half" not in page.get("/api/runs").text
        finally:
            writer.close()

    def test_a_run_that_is_deleted_for_good_while_it_is_looked_at(self, shop, browse):
        page = browse(shop.folder)
        assert page.get(f"/runs/{shop.fit}").status_code == 200
        with sqlite3.connect(database_of(shop.folder)) as connection:
            connection.execute("DELETE FROM run WHERE id = ?", (shop.fit,))
        connection.close()
        assert page.get(f"/runs/{shop.fit}").status_code == 404
        assert page.get(f"/api/run?id={shop.fit}").status_code == 404

    def test_a_run_in_the_trash_is_still_shown(self, shop, browse):
        page = browse(shop.folder)
        change(page, {"do": "delete_run", "id": shop.fit})
        assert page.get(f"/runs/{shop.fit}").status_code == 200

    def test_many_at_once(self, recorded, browse):
        from concurrent.futures import ThreadPoolExecutor

        page = browse(recorded.folder)
        with ThreadPoolExecutor(8) as pool:
            codes = pool.map(lambda _: page.get("/api/runs").status_code, range(40))
        assert set(codes) == {200}


class TestSending:
    def test_texts_are_packed(self, page):
        assert page.get("/runs").headers["content-encoding"] == "gzip"
        plain = page.get("/runs", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert "content-encoding" not in page.get("/api/seq").headers

    def test_pages_are_not_kept(self, page):
        for path in ["/", "/api/runs", "/nonsense"]:
            assert page.get(path).headers["cache-control"] == "no-store"

    def test_our_own_files_are_kept_for_ever_under_their_stamp(self, page):
        text = page.get("/runs").text
        address = "static/app.js?v=" + text.partition("static/app.js?v=")[2].partition('"')[0]
        assert "immutable" in page.get(f"/{address}").headers["cache-control"]
        other = page.get("/static/app.js?v=other")
        assert other.headers["cache-control"] == "no-cache"
        assert other.headers["content-type"].startswith("text/javascript")
        again = page.get("/static/app.js", headers={"if-none-match": other.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_a_failure_of_ours_is_told_and_logged(self, recorded, browse, caplog, monkeypatch):
        monkeypatch.setattr(Query, "last_seq", lambda self: 1 / 0)
        answer = browse(recorded.folder).get("/api/seq")
        assert answer.status_code == 500
        assert "ZeroDivisionError" in answer.json()["error"]["message"]
        assert "ZeroDivisionError" in caplog.text
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_metric_with_a_strange_key_can_be_a_column(shop, browse):
    journal_of(shop.folder).write(Changes(run=shop.fit, metrics=(Metric("a.b c", 2.0),)))
    args = {"column": "metrics.a.b c", "sort": "metrics.a.b c"}
    assert browse(shop.folder).get("/api/runs", params=args).json()["rows"][0]["cells"] == [2.0]
