"""Inside of a real kernel: the bar, the line with its link, the page in a frame, and the magic."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier

import skribe
from skribe import notebook, progress
from skribe.display.progress import line_html, progress_html
from tests.display.pages import Page

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("starlette")

pytestmark = [
    pytest.mark.newest_only,  # of Jupyter and of our own pages
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning"),
]
SLOW = """
import time
import skribe
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV

class Slow(DummyClassifier):
    def fit(self, X, y):
        time.sleep(0.15)
        if self.random_state == 3:
            raise ValueError("no")
        return super().fit(X, y)

X, y = [[0.0]] * 8, [0, 1] * 4
"""
CELLS = {
    "given": SLOW,
    "loaded": "%load_ext skribe\nDummyClassifier().fit(X, y)\nlen(skribe.runs())",
    "line": "skribe.autolog(log_models=False)\nDummyClassifier().fit(X, y);",
    "bar": 'import warnings\nwarnings.simplefilter("ignore")\n'
    'GridSearchCV(Slow(), {"random_state": [1, 2, 3, 4, 5, 6]}, cv=2).fit(X, y);',
    "silent": "skribe.autolog(silent=True, log_models=False)\n"
    'GridSearchCV(Slow(), {"random_state": [1, 2, 4, 5]}, cv=2).fit(X, y);\n'
    "skribe.autolog(log_models=False)",
    "runs": "%skribe",
    "where": "%skribe runs kind == 'search'",
    "run": "%skribe run",
    "best": "%skribe best default best_cv_score",
    "nothing best": "%skribe best default best_of_all",
    "compare": "ids = ' '.join(skribe.runs(limit=2)['run_id'])\n%skribe compare $ids",
    "last": "%skribe run\tlast",
    "compare last": "one = skribe.runs(limit=2)['run_id'][1]\n%skribe compare $one last",
    "quiet": "%skribe run last;",
    "quiet cell": "%%skribe quiet\nlen([';']) ; # nothing is shown\n",
    "loud cell": "%%skribe loud\nlen([';'])  # ;\n",
    "awaits": "import asyncio\nawait asyncio.sleep(0)\nbefore = len(skribe.runs())",
    "await": "%%skribe awaited\nawait asyncio.sleep(0)\nlen('a')",
    "await inside": "%%skribe inside\nasync def f():\n    await asyncio.sleep(0)\nlen('ab')",
    "after await": "len(skribe.runs()) - before",
    "help": "%skribe what",
    "cell": "%%skribe my name\nmodel = DummyClassifier().fit(X, y)\nmodel.score(X, y)",
    "cell that fails": "%%skribe broken\n1/0",
    "both": "[(name, status) for name, status in zip(*(skribe.runs(limit=2)[c] for c in ('name', 'status')))]",
    "show": "skribe.show()",
    "link": "for _ in range(12):\n    DummyClassifier().fit(X, y)",
    "show run": "skribe.show(skribe.last_run(), height=300)",
    "show several": "skribe.show(skribe.compare(*skribe.runs(limit=2)['run_id']))",
    "show experiment": "skribe.show(skribe.experiment('default'))",
    "answers": "import urllib.request\nfrom skribe.progress import _pages\n((url, _),) = _pages.values()\n"
    "[urllib.request.urlopen(url + path).status for path in ('', 'runs/' + skribe.last_run().id)]",
    "page ended": "from skribe.ui import beside\nbeside._stop_all()\nDummyClassifier().fit(X, y);",
    "stopped": "import _thread, threading\nthreading.Timer(1.7, _thread.interrupt_main).start()\n"
    'GridSearchCV(Slow(), {"random_state": [1, 2, 4, 5, 6, 7, 8, 9]}, cv=2).fit(X, y);',
    "after": "skribe.last_run().status",
    "unloaded": "%unload_ext skribe\n%skribe",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> dict[str, list[Any]]:
    """What each cell shows. One kernel runs them all."""
    folder = tmp_path_factory.mktemp("notebook")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    book = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKRIBE_STORE", str(folder / "skribe_runs"))
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(book, timeout=120, allow_errors=True, resources=resources).execute()
    return {name: cell.outputs for name, cell in zip(CELLS, book.cells, strict=True)}


def shown(outputs: list[Any], kind: str) -> list[str]:
    return [output["data"][kind] for output in outputs if kind in output.get("data", {})]


def said(outputs: list[Any]) -> str:
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def errors(outputs: list[Any]) -> list[str]:
    return [output["ename"] for output in outputs if output["output_type"] == "error"]


def test_loading_it_records_nothing(outputs):
    assert shown(outputs["loaded"], "text/plain") == ["0"]


def test_one_line_after_a_fit(outputs):
    (line,) = outputs["line"]
    assert line["name"] == "stdout", "what comes from stderr is red in a notebook"
    assert re.fullmatch(r"skribe: DummyClassifier [0-9a-f]{8} · .* · training_accuracy_score 0.5\n", line["text"])
    assert shown(outputs["line"], "text/html") == []


def test_the_bar(outputs):
    (html,) = shown(outputs["bar"], "text/html")
    assert 'aria-valuenow="12"' in html, "one output, updated to the end"
    assert "2 failed" in html
    assert "best 0.5" in html
    (text,) = shown(outputs["bar"], "text/plain")
    assert text.startswith("skribe: GridSearchCV(Slow) 12/12 fits")


def test_silent_is_silent(outputs):
    assert outputs["silent"] == []


def test_a_search_that_is_stopped_leaves_the_notebook_tidy(outputs):
    assert errors(outputs["stopped"]) == ["KeyboardInterrupt"]
    (bar,) = shown(outputs["stopped"], "text/plain")
    assert re.match(r"skribe: GridSearchCV\(Slow\) stopped after \d+/16 fits", bar)
    assert "killed" in said(outputs["stopped"])
    assert shown(outputs["after"], "text/plain") == ["'killed'"]


def test_the_magic(outputs):
    assert "GridSearchCV" in shown(outputs["runs"], "text/html")[0]
    assert "DummyClassifier" not in shown(outputs["where"], "text/html")[0]
    for name in ("run", "best"):
        (html,) = shown(outputs[name], "text/html")
        assert "GridSearchCV" in html
        assert "skribe-run" in html
        assert shown(outputs[name], "text/markdown")
    assert errors(outputs["nothing best"]) == ["QueryError"]
    assert "Comparison" in shown(outputs["compare"], "text/html")[0]
    assert "Comparison" in shown(outputs["compare last"], "text/html")[0]
    assert shown(outputs["last"], "text/html") == shown(outputs["run"], "text/html")
    assert outputs["quiet"] == []
    assert said(outputs["help"]).startswith("%skribe does not know 'what'.")
    assert "%skribe best EXPERIMENT METRIC" in said(outputs["help"])
    assert "not found" in said(outputs["unloaded"]) + "".join(map(str, outputs["unloaded"]))


def test_a_cell_as_a_run(outputs):
    assert shown(outputs["cell"], "text/plain") == ["0.5"]
    assert errors(outputs["cell that fails"]) == ["ZeroDivisionError"]
    assert shown(outputs["both"], "text/plain") == ["[('broken', 'failed'), ('my name', 'finished')]"]


def test_a_semicolon_shows_nothing(outputs):
    assert shown(outputs["quiet cell"], "text/plain") == []
    assert shown(outputs["loud cell"], "text/plain") == ["1"]


def test_a_cell_that_awaits_is_refused_and_makes_no_run(outputs):
    assert errors(outputs["awaits"]) == []
    (error,) = outputs["await"]
    assert error["ename"] == "ArgumentError"
    assert "with skribe.run('awaited'):" in error["evalue"]
    assert shown(outputs["await inside"], "text/plain") == ["2"]
    assert shown(outputs["after await"], "text/plain") == ["1"]


def test_after_the_page_has_ended_lines_have_no_link(outputs):
    assert shown(outputs["page ended"], "text/html") == []
    assert said(outputs["page ended"]).startswith("skribe: DummyClassifier")


def test_the_page_in_a_frame(outputs):
    frames = {name: shown(outputs[name], "text/html")[0] for name in outputs if name.startswith("show")}
    address = {name: re.search('<iframe src="([^"]*)"', frame)[1] for name, frame in frames.items()}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/([\w-]+/)?", address["show"])
    assert re.search(r"/runs/[0-9a-f-]{36}$", address["show run"])
    assert 'height="300"' in frames["show run"]
    for kind in ("text/html", "text/plain"):
        assert "served by the kernel of the notebook" in shown(outputs["show"], kind)[0]
    assert address["show several"].count("run=") == 2
    assert address["show experiment"].endswith("runs?experiment=default")
    assert shown(outputs["answers"], "text/plain") == ["[200, 200]"]


def test_where_a_page_runs_the_line_has_a_link(outputs):
    (html,) = shown(outputs["link"], "text/html")
    page = Page(html.replace("href=", "style=").replace("target=", "style=").replace("rel=", "style="))
    assert page.text.count("DummyClassifier") == html.count("/runs/") == 8
    assert "and 4 earlier" in page.text
    assert said(outputs["link"]) == ""
    (text,) = shown(outputs["link"], "text/plain")
    assert text.count("skribe: DummyClassifier") == 8


# --- without a kernel ------------------------------------------------------------------------------------------------


def test_outside_of_a_notebook_the_browser_is_opened(capsys, monkeypatch, own_folder):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    skribe.autolog(silent=True)
    DummyClassifier().fit([[0.0], [1.0]], [0, 1])
    skribe.autolog(disable=True)
    run = skribe.last_run()
    try:
        skribe.show(run.short_id)
        (url,) = opened
        assert url.endswith(f"/runs/{run.id}")
        assert url in capsys.readouterr().err
        assert progress._pages[run.folder].url == url.partition("runs/")[0]
    finally:
        from skribe.ui.serve import background

        background(run.folder).stop()
        progress.page_runs(run.folder, None)


def test_what_cannot_be_shown(tmp_path):
    for wrong in (3, [], object()):
        with pytest.raises(skribe.ArgumentError, match="a run or its id, a comparison or an experiment"):
            skribe.show(wrong)
    for height in (0, True, "100", 10**6):
        with pytest.raises(skribe.ArgumentError, match="pixels"):
            skribe.show(height=height)
    with pytest.raises(skribe.NotFound):
        skribe.show("ffffffff")


def test_without_the_extra_it_says_what_to_install(own_folder):
    script = "import sys; sys.modules['starlette'] = None\nimport skribe\nskribe.show()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert 'SkribeError: The page needs starlette, which is not installed: pip install "skribe[ui]"' in done.stderr


def test_on_another_machine_it_says_how_to_get_there(monkeypatch):
    for sign in (
        "JUPYTERHUB_SERVICE_PREFIX",
        "SSH_CONNECTION",
        "CODESPACES",
        "COLAB_RELEASE_TAG",
        "REMOTE_CONTAINERS",
    ):
        monkeypatch.delenv(sign, raising=False)
    assert notebook._if_remote("http://127.0.0.1:4321/") == ""
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22")
    assert "4321:127.0.0.1:4321" in notebook._if_remote("http://127.0.0.1:4321/")


def test_importing_skribe_loads_none_of_it():
    script = "import sys, skribe; skribe.show; print('IPython' in sys.modules, 'starlette' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_lines_with_links_are_escaped():
    html = line_html([("<b>skribe", 'http://x/"><script>')], 3)
    assert "<b>" not in html
    assert "<script>" not in html
    assert "and 3 earlier" in html


def test_the_curve_of_the_best_so_far():
    far = progress.Progress("r", "Grid", 0.0, 3, 12, 3, 0.9, "C=1", False, 2)
    assert "<svg" in progress_html(far, 1.0, [0.5, 0.7, 0.9])
    assert "<svg" not in progress_html(far, 1.0, [0.9, 0.9])
    assert "2 failed" in progress_html(far, 1.0)


def test_a_painter_follows_each_search_and_forgets_it():
    painter = progress.Painter()
    for done in range(3000):
        painter.show(progress.Progress("r", "Grid", 1e12, done, 3000, done, done / 3000, "C=1"))
    trail = painter._trails["r"]
    assert len(trail) <= progress._TRAIL
    assert (trail[0], trail[-1]) == (0.0, 2999 / 3000)
    assert trail == sorted(trail)
    painter.show(progress.Progress("r", "Grid", 1e12, 3000, 3000, 3000, 1.0, "C=1", True))
    assert painter._trails == {}


def test_our_notebooks_hold_what_their_cells_show():
    books = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
    assert len(books) == 5
    for path in books:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        assert path.stat().st_size < 400_000
        cells = [cell for cell in book.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in cells), path
        assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(root|tmp|work|Users)/", text), path
