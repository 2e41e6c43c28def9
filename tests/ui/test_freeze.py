"""The pages as files."""

from __future__ import annotations

import json
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from skribe.errors import ArgumentError, NotFound
from skribe.records import Changes, Start, new_id
from skribe.session import journal_of
from skribe.store.artifacts import ArtifactStore
from skribe.ui.freeze import Frozen, freeze
from skribe.ui.target import MARK
from tests.ui.conftest import FILES, settled


@pytest.fixture(scope="module")
def frozen(recorded, tmp_path_factory) -> Frozen:
    target = tmp_path_factory.mktemp("frozen") / "site"
    return freeze(recorded.folder, target, compare=[recorded.fit, recorded.search[-8:]])


class Links(HTMLParser):
    """Where a page leads, and what it would run."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts: list[str | None] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.links += [told[name] for name in ("href", "src") if told.get(name)]
        self.handlers += [name for name in told if name.startswith("on") or name == "style"]
        if tag == "script" and told.get("type") != "application/json":
            self.scripts.append(told.get("src"))


def read(page: Path) -> Links:
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


def carried(page: Path) -> dict[str, object]:
    return json.loads(page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0])


def pages_of(frozen: Frozen) -> list[Path]:
    return [path for path in frozen.target.rglob("*.html") if "files" not in path.parts]


def test_what_is_there(frozen, recorded):
    names = {path.relative_to(frozen.target).as_posix() for path in pages_of(frozen)}
    assert names >= {"index.html", "runs.html", "compare.html", "models.html", f"runs/{recorded.fit}.html"}
    assert len([name for name in names if name.startswith("runs/")]) == 7  # four, and three candidates
    assert len([name for name in names if name.startswith("model/")]) == 1
    assert frozen.pages == len(names)
    everything = [path for path in frozen.target.rglob("*") if path.is_file() and path.name != MARK]
    assert frozen.size == sum(path.stat().st_size for path in everything)
    assert not list(frozen.target.parent.glob(".*"))


def test_every_link_leads_to_a_file(frozen):
    for page in pages_of(frozen):
        for link in read(page).links:
            parts = urlsplit(link)
            assert not parts.scheme, (page.name, link)
            assert not link.startswith("/"), (page.name, link)
            if parts.path:
                there = (page.parent / unquote(parts.path)).resolve()
                assert there.is_file(), (page.name, link)
                assert there.is_relative_to(frozen.target)


def test_no_page_needs_a_server_or_runs_what_is_not_ours(frozen):
    for page in pages_of(frozen):
        found = read(page)
        assert found.handlers == [], page.name
        assert all(script and "static/" in script for script in found.scripts), page.name
        assert 'data-frozen="true"' in page.read_text(encoding="utf-8")


def test_the_table_carries_every_run_with_its_cells(frozen, recorded):
    told = carried(frozen.target / "runs.html")["runs"]
    assert told["total"] == len(told["rows"]) == 7
    place = told["columns"].index("params.C")
    assert {row["id"]: row["cells"][place] for row in told["rows"]}[recorded.fit] == 0.5


def test_a_run_carries_what_is_drawn(frozen, recorded):
    told = carried(frozen.target / "runs" / f"{recorded.search}.html")
    assert len(told["search"]["names"]) == 3
    assert all((frozen.target / "runs" / f"{child}.html").is_file() for child in told["search"]["children"])


def test_the_comparison_that_was_asked_for(frozen, recorded):
    told = carried(frozen.target / "compare.html")
    assert [run["id"] for run in told["compared"]["runs"]] == [recorded.fit, recorded.search]


def test_scripts_find_the_models(frozen):
    (link,) = carried(frozen.target / "models.html")["model_links"].values()
    assert (frozen.target / link).is_file()


def test_where_the_store_was_is_not_told(frozen, recorded):
    for page in pages_of(frozen):
        text = page.read_text(encoding="utf-8")
        assert str(recorded.folder.parent) not in text, page.name
        assert str(frozen.target.parent) not in text, page.name


def test_files_are_there_as_they_were(frozen, recorded):
    place = frozen.target / "runs" / recorded.hostile / "files"
    for path in ("plot.png", "notes.txt", "data.bin", "a name with spaces & ü#?.csv"):
        assert (place / path).read_bytes() == FILES[path]
    assert (place / "model.pkl").is_file()  # a file that the user has logged, not a model of skribe's
    assert not (place / "link.txt").exists()
    assert not (place / "unknown.txt").exists()


def test_what_could_act_cannot(frozen, recorded):
    place = frozen.target / "runs" / recorded.hostile / "files"
    page = (place / "report.html").read_text(encoding="utf-8")
    assert read(place / "report.html").scripts == []
    assert '<iframe sandbox title="The file" srcdoc="&lt;h1&gt;Report' in page
    assert "content=\"default-src 'none'" in page
    drawing = (place / "deep/er/drawing.svg").read_text(encoding="utf-8")
    assert "<script" not in drawing
    assert 'width="9" height="5" href="data:image/svg+xml;base64,' in drawing
    assert not (place / "page.xhtml").exists()


def test_what_is_left_out_is_said(frozen):
    said = "\n".join(frozen.left_out)
    assert "of models (models=True" in said
    assert "1 file: of a kind that a browser or a web server might execute" in said
    assert "1 file: no longer in the store" in said  # the one that led out of it


def test_models_come_along_if_they_are_asked_for(recorded, tmp_path):
    done = freeze(recorded.folder, tmp_path / "site", runs=[recorded.fit], models=True)
    kept = recorded.folder / "artifacts" / recorded.fit / "model"
    place = done.target / "runs" / recorded.fit / "files/model"
    assert {path.name for path in place.iterdir()} == {path.name for path in kept.iterdir()} > {"model.pkl"}
    assert len(list((done.target / "runs").glob("*.html"))) == 1
    without = freeze(recorded.folder, tmp_path / "site", runs=[recorded.fit], artifacts=False)
    assert not (without.target / "runs" / recorded.fit).exists()


def test_only_some_runs(recorded, tmp_path):
    done = freeze(recorded.folder, tmp_path / "site", where="kind == 'fit'", limit=1)
    assert [path.stem for path in (done.target / "runs").glob("*.html")] == [recorded.failed]
    assert any("1 older run" in said for said in done.left_out)
    done = freeze(recorded.folder, tmp_path / "site", experiment="iris", where="kind == 'search'")
    assert len(carried(done.target / "runs.html")["runs"]["rows"]) == 4


def test_again_replaces_ours_and_leaves_yours(recorded, tmp_path):
    target = tmp_path / "deep" / "site"
    freeze(recorded.folder, target)
    (target / "CNAME").write_text("mine")
    (target / "runs" / "mine.txt").write_text("mine")
    freeze(recorded.folder, target, runs=[recorded.fit])
    left = sorted(path.name for path in (target / "runs").iterdir())
    assert left == sorted([f"{recorded.fit}.html", "mine.txt"])
    assert (target / "CNAME").read_text() == "mine"


def test_only_ours_is_replaced(recorded, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for target in ("there", "file"):
        with pytest.raises(ArgumentError, match=re.escape(str(tmp_path / target))):
            freeze(recorded.folder, tmp_path / target)
    for target in (recorded.folder, recorded.folder.parent, recorded.folder / "site"):
        with pytest.raises(ArgumentError, match="store's own"):
            freeze(recorded.folder, target)
    assert (tmp_path / "there" / "thesis.tex").read_text() == "mine"


def test_a_mark_that_is_forged_deletes_nothing_outside(recorded, tmp_path):
    target = tmp_path / "site"
    target.mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    told = {"files": ["../mine.txt", str(tmp_path / "mine.txt"), "a/../../mine.txt", 3]}
    (target / MARK).write_text(json.dumps(told))
    freeze(recorded.folder, target, runs=[recorded.fit])
    assert (tmp_path / "mine.txt").exists()


def test_half_of_it_is_never_there(recorded, tmp_path):
    with pytest.raises(NotFound):
        freeze(recorded.folder, tmp_path / "site", runs=[recorded.fit, "nonsense"])
    assert list(tmp_path.iterdir()) == []


ACTING = [
    "feed.rss", "feed.atom", "drawing.svgz", "schema.xsd", "bind.xbl", "sheet.xslt", "page.php", "page.PHP7",
    "run.cgi", "run.pl", "web.config", ".user.ini", ".htaccess", ".hidden/notes.txt", "deep/.env.txt", "php.ini",
    "desktop.ini", "page.php.txt", "page.html.bak", "page.html.txt", "page.asp;.txt", "drawing.svg.csv",
    "page.php.html", "README", "page.html.", "page.unknown", "script.js", "begins.yaml", "begins.bin",
]  # fmt: skip
INERT = [
    "weights.npz", "rows.parquet", "all.tar.gz", "settings.yaml", "words.md", "model.v1.2.joblib", "php.txt",
    "MLmodel", "a.b.json",
]  # fmt: skip


def test_only_what_nothing_executes_is_copied(shop, tmp_path):
    run, artifacts = new_id(), ArtifactStore(shop.folder)
    bodies = dict.fromkeys(ACTING, b"<?php echo 1 ?><script>alert(1)</script>") | dict.fromkeys(INERT, b"\0\1")
    kept = tuple(artifacts.put_bytes(run, path, body) for path, body in bodies.items())
    start = Start("files", "files", "manual", time.time())
    journal_of(shop.folder).write(Changes(run=run, start=start, artifacts=kept))
    settled(shop.folder)
    done = freeze(shop.folder, tmp_path / "site", runs=[run])
    place = done.target / "runs" / run / "files"
    assert {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()} == set(INERT)
    shown = carried(done.target / "runs" / f"{run}.html")["run"]["artifacts"]
    assert {one["path"] for one in shown} == set(INERT)
    said = "\n".join(done.left_out)
    assert "files: whose name begins with a dot" in said
    assert "2 files: that begin as a page does" in said
    assert "files: of a kind that a browser or a web server might execute" in said


def test_no_link_inside_of_the_folder_leads_out_of_it(recorded, tmp_path):
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    freeze(recorded.folder, target)
    (elsewhere / "files").mkdir(parents=True)
    for folder in (target / "runs", target / "model"):
        shutil.rmtree(folder)
    (target / "runs").symlink_to(elsewhere)
    mine = elsewhere / f"{recorded.failed}.html"
    mine.write_text("mine")
    with pytest.raises(ArgumentError, match="runs is a link"):
        freeze(recorded.folder, target, runs=[recorded.fit])
    assert mine.read_text() == "mine"
    assert len(list(elsewhere.iterdir())) == 2
    # A link in place of a file is replaced, and what it leads to stays as it was.
    (target / "runs").unlink()
    (target / "runs").mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    (target / "runs.html").unlink()
    (target / "runs.html").symlink_to(tmp_path / "mine.txt")
    freeze(recorded.folder, target, runs=[recorded.fit])
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not (target / "runs.html").is_symlink()


def test_the_store_is_known_by_another_way_too(recorded, tmp_path):
    (tmp_path / "way").symlink_to(recorded.folder.parent)
    for target in (tmp_path / "way" / "skribe_runs" / "site", tmp_path / "way"):
        with pytest.raises(ArgumentError, match="store's own"):
            freeze(recorded.folder, target)
    with pytest.raises(ArgumentError, match="store's own"):
        freeze(tmp_path / "way" / "skribe_runs", recorded.folder / "site")
    assert not (recorded.folder / "site").exists()


def test_no_store(tmp_path):
    with pytest.raises(NotFound, match="no store"):
        freeze(tmp_path / "nothing", tmp_path / "site")
    assert not (tmp_path / "site").exists()
