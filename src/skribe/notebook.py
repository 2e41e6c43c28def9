"""skribe inside of a notebook: the page in a frame, and the magic `%skribe`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from skribe import api, session
from skribe.comparison import Comparison
from skribe.errors import ArgumentError
from skribe.grouping import Experiment
from skribe.handle import Run
from skribe.progress import in_notebook, page_runs
from skribe.words import better

_HEIGHTS = range(100, 5001)
_HELP = """\
%skribe                          the newest runs
%skribe runs [WHERE]             a table of the runs, such as: %skribe runs metrics.best_cv_score > 0.9
%skribe run [ID]                 one run: the last one, unless an id is named
%skribe best EXPERIMENT METRIC   the best run of an experiment by a metric
%skribe compare ID ID ...        runs beside each other
%skribe show [ID]                the page, inside of the notebook
%%skribe NAME                    the cell as one run of this name\
"""


def show(
    what: Run | Comparison | Experiment | str | None = None,
    *,
    height: int = 720,
    store: str | os.PathLike[str] | None = None,
) -> None:
    """Open the page of the store: inside of a notebook in a frame, elsewhere in the browser.

    what:   a run, or its id; a comparison; an experiment. Nothing: the experiments of the store.
    height: of the frame, in pixels.

    The page is served by a process of its own on this machine, which ends with this one. It can be reached from this
    machine only: for a notebook on another one, docs/notebook.md says what to do.
    """
    if isinstance(height, bool) or not isinstance(height, int) or height not in _HEIGHTS:
        raise ArgumentError(f"show(height={height!r}): a number of pixels from {_HEIGHTS[0]} to {_HEIGHTS[-1]}.")
    folder, kind, args = _meant(what, store)
    from skribe.ui.links import live
    from skribe.ui.serve import background

    root = background(folder).url
    page_runs(folder, root)
    url = live(root)(kind, **args)
    if in_notebook():
        _in_frame(url, height)
    else:
        _in_browser(url)


def _meant(what: Any, store: Any) -> tuple[Path, str, dict[str, Any]]:
    """The store, which page of it, and what that page is about."""
    if isinstance(what, str):
        what = api.get_run(what, store=store)
    match what:
        case None:
            return session.folder_to_read(store), "home", {}
        case Run():
            return what.folder, "run", {"id": what.id}
        case Comparison():
            folders = {run.folder for run in what.runs}
            if len(folders) > 1:
                raise ArgumentError("show(): these runs are in different stores; a page shows one store.")
            return folders.pop(), "compare", {"ids": [run.id for run in what.runs]}
        case Experiment():
            return session.folder_to_read(store), "runs", {"experiment": what.name}
    raise ArgumentError(f"show() takes a run or its id, a comparison or an experiment, not {type(what).__name__}.")


def _in_frame(url: str, height: int) -> None:
    from IPython.display import display

    link = f'<a href="{escape(url)}" target="_blank" rel="noopener">{escape(url)}</a>'
    said = f"{link}{escape(_if_remote(url))}"
    frame = (
        f'<iframe src="{escape(url)}" width="100%" height="{height}" title="skribe" '
        'style="border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:4px"></iframe>'
        f'<div style="font:12px/1.6 system-ui,sans-serif;opacity:.8">{said}</div>'
    )
    display({"text/html": frame, "text/plain": f"skribe: {url}"}, raw=True)


def _if_remote(url: str) -> str:
    """What to do if the browser is on another machine than this kernel, where that is likely."""
    signs = ("JUPYTERHUB_SERVICE_PREFIX", "SSH_CONNECTION", "CODESPACES", "COLAB_RELEASE_TAG", "REMOTE_CONTAINERS")
    if not any(os.environ.get(sign) for sign in signs):
        return ""
    port = urlsplit(url).port
    return (
        f" · The page is on the kernel's machine. If the frame stays empty, forward port {port} to yours: "
        f"ssh -L {port}:127.0.0.1:{port} …"
    )


def _in_browser(url: str) -> None:
    import webbrowser

    print(f"skribe: {url} (as long as this process runs)", file=sys.stderr, flush=True)
    webbrowser.open(url)


# --- %load_ext skribe -----------------------------------------------------------------------------------------------


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext skribe` gives the magic `%skribe`. It records nothing: that is `skribe.autolog()`."""
    shell.register_magic_function(Magic(shell), "line_cell", "skribe")


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext skribe` takes it back."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("skribe", None)


class Magic:
    """`%skribe ...` and `%%skribe NAME`."""

    # What IPython's help shows.
    __doc__ = _HELP
    __name__ = "skribe"

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, line: str, cell: str | None = None) -> Any:
        if cell is not None:
            return self._cell(line.strip(), cell)
        word, _, rest = line.strip().partition(" ")
        verbs: dict[str, Callable[[str], Any]] = {
            "": lambda _: api.runs(limit=10),
            "runs": lambda where: api.runs(where=where or None),
            "run": lambda run: api.get_run(run) if run else api.last_run(),
            "best": lambda words: self._best(_words(words)),
            "compare": lambda words: api.compare(*_words(words)),
            "show": lambda run: show(run or None),
        }
        if word not in verbs:
            print(_HELP)
            return None
        return verbs[word](rest.strip())

    def _best(self, words: list[str]) -> Run:
        if len(words) != 2:
            raise ArgumentError("%skribe best takes an experiment and a metric: %skribe best default best_cv_score")
        experiment, metric = words
        # A metric whose name does not say which way is good is taken for a score.
        frame = api.runs(
            experiment,
            where=f"metrics[{metric!r}] is not None",
            sort_by=f"metrics.{metric}",
            ascending=better(metric) == -1,
            limit=1,
            columns=["run_id"],
        )
        if frame.empty:
            raise ArgumentError(f"no run of the experiment {experiment!r} has the metric {metric!r}.")
        return api.get_run(str(frame["run_id"].iloc[0]))

    def _cell(self, name: str, cell: str) -> Any:
        """Run the cell inside of `skribe.run(name)`; what it raises ends the run, and is shown once."""
        import ast

        shell = self._shell
        body = ast.parse(shell.transform_cell(cell))
        last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
        file = shell.compile.cache(cell)
        with api.run(name or None):
            exec(shell.compile(body, file, "exec"), shell.user_ns)
            if isinstance(last, ast.Expr):
                return eval(shell.compile(ast.Expression(last.value), file, "eval"), shell.user_ns)
        return None


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ArgumentError(f"%skribe: {text!r} cannot be read: {error}.") from None
