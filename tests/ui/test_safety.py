"""Who is answered, and what an answer lets a browser do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skribe.ui.kinds import is_inert, media_type, wraps
from skribe.ui.links import live
from tests.ui.conftest import FILES, PNG, change

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DELETE = {"do": "delete_run", "id": "nonsense"}  # 404 if it comes through
EVERYWHERE = ["/", "/runs", "/api/seq", "/static/app.js", "/nonsense", "/api/nonsense", "/runs/nonsense"]


def address(run: str, path: str) -> str:
    return "/" + live("")("artifact", id=run, path=path)


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "evil.example", "evil.example:5555", "127.0.0.1.evil.example", "localhost.evil", "", "[bad", "192.0.2.1",
            "127.0.0.1:evil", "localhost:-1",
        ],
    )  # fmt: skip
    def test_a_name_that_is_not_ours_is_turned_away(self, page, host):
        for path in ["/", "/api/runs", "/static/app.js"]:
            answer = page.get(path, headers={"host": host})
            assert answer.status_code == 421, path
            assert "host" in answer.text

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "localhost.", "[::1]", "[::1]:5555"])
    def test_our_own_names_are_known(self, page, host):
        assert page.get("/api/seq", headers={"host": host}).status_code == 200

    def test_further_names_and_a_port(self, recorded, browse):
        page = browse(recorded.folder, hosts=["Runs.example"], port=80)
        assert page.get("/api/seq", headers={"host": "runs.example:80"}).status_code == 200
        assert page.get("/api/seq", headers={"host": "runs.example"}).status_code == 200
        assert page.get("/api/seq", headers={"host": "runs.example:81"}).status_code == 421
        assert page.get("/api/seq", headers={"host": "127.0.0.1:80"}).status_code == 421


class TestOrigin:
    def test_a_change_comes_from_the_page_itself(self, page):
        assert change(page, DELETE).status_code == 404

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
    def test_a_change_from_elsewhere_is_refused(self, page, site):
        assert change(page, DELETE, **{"sec-fetch-site": site}).status_code == 403

    def test_an_old_browser_says_its_origin(self, recorded, browse):
        page = browse(recorded.folder)
        del page.headers["sec-fetch-site"]
        assert change(page, DELETE).status_code == 403
        assert change(page, DELETE, origin="http://127.0.0.1:5555").status_code == 404
        for origin in ["http://127.0.0.1:8888", "http://evil.example", "null", ""]:
            assert change(page, DELETE, origin=origin).status_code == 403, origin

    def test_a_change_needs_what_a_form_cannot_send(self, page):
        assert page.post("/api/do", json=DELETE).status_code == 403
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]:
            assert change(page, DELETE, **{"content-type": kind}).status_code == 403, kind
        assert change(page, DELETE, **{"content-type": "application/json; charset=utf-8"}).status_code == 404

    def test_a_change_is_short(self, page):
        assert change(page, {**DELETE, "more": "x" * 1_000_000}).status_code == 413
        assert change(page, {**DELETE, "more": "x" * 900_000}).status_code == 404

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_no_other_site_reads(self, page, recorded, site):
        for path in ["/api/runs", "/", "/static/app.js", address(recorded.hostile, "plot.png")]:
            assert page.get(path, headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}).status_code == 403
        asked = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
        assert page.get("/api/runs", headers=asked).status_code == 403

    def test_a_link_from_elsewhere_is_followed(self, page):
        asked = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        assert page.get("/runs", headers=asked).status_code == 200

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
    def test_other_methods(self, page, method):
        assert page.request(method, "/api/do").status_code == 405
        assert page.request(method, "/").status_code == 405

    def test_only_one_address_takes_changes(self, page):
        for path in ["/", "/runs", "/api/runs"]:
            assert page.post(path, json={}, headers={"x-skribe": "1"}).status_code == 405
        assert page.get("/api/do").status_code == 405


TOKEN = "s3cret-" + "x" * 20


@pytest.fixture(scope="module")
def locked_once(recorded, browse):
    return browse(recorded.folder, token=TOKEN)


@pytest.fixture
def locked(locked_once):
    locked_once.cookies.clear()
    return locked_once


class TestToken:
    def test_without_it_nothing_is_answered(self, locked, recorded):
        for path in ["/", "/runs", "/api/runs", "/nonsense", f"/runs/{recorded.fit}"]:
            assert locked.get(path).status_code == 401, path
        assert locked.get(address(recorded.hostile, "static/plot.png")).status_code == 401
        assert change(locked, DELETE).status_code == 401
        assert TOKEN not in locked.get("/").text

    @pytest.mark.parametrize("wrong", ["", "s3cret", TOKEN + "x", TOKEN[:-1], "ü"])
    def test_a_wrong_one_is_none(self, locked, wrong):
        assert locked.get("/", params={"token": wrong}).status_code == 401
        assert locked.get("/", headers={"cookie": f"skribe={wrong!a}"}).status_code == 401

    def test_it_is_compared_in_a_time_that_tells_nothing(self, locked, monkeypatch):
        compared = []
        monkeypatch.setattr("hmac.compare_digest", lambda *both: compared.append(both))
        assert locked.get("/", params={"token": TOKEN}).status_code == 401
        assert (TOKEN.encode(), TOKEN.encode()) in compared

    def test_it_goes_into_a_cookie_and_out_of_the_address(self, locked):
        first = locked.get("/runs", params={"token": TOKEN, "where": "x == 'ü'"}, follow_redirects=False)
        assert first.status_code == 303
        assert first.headers["location"] == "./runs?where=x+%3D%3D+%27%C3%BC%27"
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert first.headers["cache-control"] == "no-store"
        assert locked.get("/api/runs").status_code == 200
        assert change(locked, DELETE).status_code == 404

    def test_the_first_page(self, locked):
        assert locked.get("/", params={"token": TOKEN}, follow_redirects=False).headers["location"] == "./"

    def test_two_servers_of_one_host_have_cookies_of_their_own(self, locked, recorded, browse):
        other = browse(recorded.folder, token="another")
        first = locked.get("/", params={"token": TOKEN}, follow_redirects=False).headers["set-cookie"]
        second = other.get("/", params={"token": "another"}, follow_redirects=False).headers["set-cookie"]
        assert first.partition("=")[0] != second.partition("=")[0]

    def test_a_token_does_not_open_to_another_name(self, locked):
        answer = locked.get("/", params={"token": TOKEN}, headers={"host": "evil.example"}, follow_redirects=False)
        assert answer.status_code == 421
        assert "set-cookie" not in answer.headers

    def test_where_the_store_is_is_not_told(self, locked, recorded):
        for answer in [
            locked.get("/"),
            locked.get("/", headers={"host": "evil.example"}),
            locked.get("/", headers={"sec-fetch-site": "cross-site"}),
            locked.get("/static/nonsense"),
            locked.post("/"),
            change(locked, DELETE),
        ]:
            assert answer.status_code >= 400
            assert recorded.folder.parent.name not in answer.text
            assert recorded.folder.name not in answer.text
        page = locked.get("/nonsense", params={"token": TOKEN})
        assert str(recorded.folder) in page.text

    def test_what_is_no_secret_needs_none(self, locked):
        assert locked.get("/static/app.js").status_code == 200


class TestHeaders:
    @pytest.mark.parametrize("path", EVERYWHERE)
    def test_every_answer_says_what_it_may(self, page, path):
        for answer in [page.get(path), page.get(path, headers={"host": "evil.example"}), page.post(path)]:
            assert answer.headers["content-security-policy"] == PAGE_POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert "access-control-allow-origin" not in answer.headers

    def test_a_notebook_may_show_it_only_if_that_was_asked_for(self, recorded, browse):
        page = browse(recorded.folder, embeddable=True)
        policy = page.get("/").headers["content-security-policy"]
        framed = "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* vscode-webview:"
        assert policy == PAGE_POLICY.replace("frame-ancestors 'none'", framed)
        assert "http:" not in page.get("/").headers["content-security-policy"].replace(framed, "")


PREFIX = "p" * 43


class TestHidden:
    """What only who has the address can find."""

    def test_there_is_nothing_elsewhere(self, recorded, browse):
        page = browse(recorded.folder, prefix=PREFIX)
        for path in [
            "/", "/runs", "/api/seq", "/static/app.js", f"/{PREFIX}", f"/{PREFIX[:-1]}/", f"//{PREFIX}/",
            f"/{PREFIX}x/", f"/x/{PREFIX}/", "/%70" + PREFIX[1:],
        ]:  # fmt: skip
            answer = page.get(path)
            assert answer.status_code == 404, path
            assert recorded.folder.name not in answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert change(page, DELETE).status_code == 404

    def test_everything_is_below_it(self, recorded, browse):
        page = browse(recorded.folder, prefix=PREFIX)
        for path in ["/", "/runs", "/api/seq", "/static/app.js", f"/runs/{recorded.fit}"]:
            assert page.get(f"/{PREFIX}{path}").status_code == 200, path
        assert 'data-root="../"' in page.get(f"/{PREFIX}/runs/{recorded.fit}").text
        assert 'data-root=""' in page.get(f"/{PREFIX}/runs").text
        assert page.post(f"/{PREFIX}/api/do", json=DELETE, headers={"x-skribe": "1"}).status_code == 404

    def test_it_takes_nothing_away_from_the_other_rules(self, recorded, browse):
        page = browse(recorded.folder, prefix=PREFIX)
        assert page.get(f"/{PREFIX}/", headers={"host": "evil.example"}).status_code == 421
        elsewhere = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        assert page.get(f"/{PREFIX}/api/runs", headers=elsewhere).status_code == 403


class TestReadOnly:
    def test_no_change_comes_through(self, shop, browse):
        page = browse(shop.folder, readonly=True)
        answer = change(page, {"do": "delete_run", "id": shop.fit})
        assert answer.status_code == 403
        assert "read-only" in answer.json()["error"]["message"]
        assert shop.query.run_row(shop.fit).deleted is None
        assert 'data-readonly="true"' in page.get("/runs").text

    @pytest.mark.parametrize("readonly", [True, False])
    def test_no_picture_is_drawn_into_the_store(self, shop, browse, readonly):
        before = sorted(shop.folder.rglob("*"))
        page = browse(shop.folder, readonly=readonly)
        drawn = f"/runs/{shop.fit}/files/training_confusion_matrix.png?download"
        answer = page.get(drawn)
        assert answer.content.startswith(b"\x89PNG")
        disposition = "attachment; filename*=utf-8''training_confusion_matrix.png"
        assert answer.headers["content-disposition"] == disposition
        assert "sandbox" in answer.headers["content-security-policy"]
        assert [path for path in sorted(shop.folder.rglob("*")) if "skribe.db" not in path.name] == [
            path for path in before if "skribe.db" not in path.name
        ]
        assert page.get(drawn.removesuffix("?download")).status_code == 404


class TestFiles:
    def get(self, page, recorded, path, **args):
        return page.get(address(recorded.hostile, path), params=args)

    def test_a_picture_is_shown(self, page, recorded):
        answer = self.get(page, recorded, "plot.png")
        assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
        assert answer.headers["content-disposition"].startswith("inline")

    def test_a_text_is_shown_as_a_text(self, page, recorded):
        for path in ["notes.txt", "a name with spaces & ü#?.csv"]:
            answer = self.get(page, recorded, path)
            assert answer.content == FILES[path]
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"

    @pytest.mark.parametrize("path", ["report.html", "deep/er/drawing.svg"])
    def test_what_could_act_is_shown_in_a_sandbox(self, page, recorded, path):
        answer = self.get(page, recorded, path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
        assert "allow-" not in policy
        assert policy.endswith("frame-ancestors 'self'")
        assert answer.content == FILES[path]

    @pytest.mark.parametrize("path", ["page.xhtml", "data.bin", "model.pkl"])
    def test_everything_else_is_saved(self, page, recorded, path):
        answer = self.get(page, recorded, path)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"

    def test_everything_can_be_saved(self, page, recorded):
        answer = self.get(page, recorded, "report.html", download="1")
        assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''report.html"
        assert answer.headers["content-type"] == "application/octet-stream"

    @pytest.mark.parametrize(
        "path",
        [
            "../outside.txt", "..%2foutside.txt", "%2e%2e/%2e%2e/outside.txt", "deep/../../../outside.txt",
            "deep%2f..%2f..%2foutside.txt", "..%5coutside.txt", "%2fetc%2fpasswd", "/etc/passwd", "//etc/passwd",
            "C:%5cWindows", "plot.png%00.txt", "%00", "", "deep", "deep/", "link.txt", "unknown.txt",
            "%ff%fe", "x" * 5000,
        ],
    )  # fmt: skip
    def test_no_way_leads_out_of_what_the_run_has(self, recorded, browse, path):
        page = browse(recorded.folder)
        answer = page.get(f"/runs/{recorded.hostile}/files/{path}")
        assert answer.status_code in (400, 404), answer.text
        assert "secret" not in answer.text
        assert "root:" not in answer.text

    def test_a_pipe_is_not_waited_for(self, shop, browse):
        place = shop.folder / "artifacts" / shop.hostile / "data.bin"
        place.unlink()
        os.mkfifo(place)
        assert browse(shop.folder).get(f"/runs/{shop.hostile}/files/data.bin").status_code == 404

    def test_a_file_that_is_gone(self, shop, browse):
        (shop.folder / "artifacts" / shop.hostile / "data.bin").unlink()
        assert browse(shop.folder).get(f"/runs/{shop.hostile}/files/data.bin").status_code == 404

    def test_another_run_or_none(self, page, recorded):
        assert page.get(f"/runs/{recorded.fit}/files/notes.txt").status_code == 404
        assert page.get("/runs/..%2f/files/notes.txt").status_code == 404
        assert page.get("/static/../../skribe/ui/app.py").status_code == 404
        assert page.get("/static/..%2f..%2fapp.py").status_code == 404
        assert page.get("/static/%2fetc%2fpasswd").status_code == 404

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("a.PNG", "image/png"),
            ("MLmodel", "text/plain"),
            ("png", None),
            ("a.png.exe", None),
            ("a.js", None),
            ("x", None),
        ],
    )
    def test_the_name_says_how_it_is_shown(self, name, kind):
        assert media_type(name) == kind

    def test_what_acts_is_known_by_its_name(self):
        assert not any(
            map(is_inert, ["a.html", "b/a.HTM", "a.svg", "a.xhtml", "a.xml", "html", "a.html.txt", "a.php8"])
        )
        assert all(map(is_inert, ["a.png", "b.html/a.txt", "html.txt", "a.TAR.GZ", "a.pdf"]))
        assert all(map(wraps, ["a.html", "b/a.HTM", "v1.2.svg"]))
        assert not any(map(wraps, ["a.png", "a.xhtml", "a.php.html", "a.svg.html"]))


LOOK_AT_EVERYTHING = """
import sys
from pathlib import Path
unpickled = []
sys.addaudithook(lambda event, args: unpickled.append(args) if event == "pickle.find_class" else None)
folder, hostile, fit = sys.argv[1:]
import warnings
warnings.simplefilter("ignore")
from starlette.testclient import TestClient
from skribe.ui.app import make_app
with TestClient(make_app(folder), base_url="http://127.0.0.1") as page:
    for path in ["/", "/runs", "/models", "/trash", "/api/runs", "/api/keys"]:
        page.get(path)
    early = {"numpy", "pandas", "sklearn", "matplotlib", "joblib", "cloudpickle"} & set(sys.modules)
    for path in [f"/runs/{fit}", f"/runs/{hostile}", f"/compare?run={fit}&run={hostile}", "/model?name=iris"]:
        assert page.get(path).status_code == 200, path
    assert page.get(f"/runs/{hostile}/files/model.pkl").status_code == 200
    assert page.get(f"/runs/{fit}/files/model/model.pkl").status_code == 200
late = {"pandas", "sklearn", "matplotlib", "joblib", "cloudpickle", "skops"} & set(sys.modules)
print(early, late, unpickled)
"""


def test_nothing_is_ever_unpickled_and_little_is_imported(recorded):
    """A stored model may be anything. It is sent, and never opened as one."""
    command = [sys.executable, "-c", LOOK_AT_EVERYTHING, str(recorded.folder), recorded.hostile, recorded.fit]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.stdout.strip() == "set() set() []", found.stdout + found.stderr
    assert not (Path(recorded.folder) / "exploded").exists()
