"""skribe inside of a notebook: the page in a frame, and the magic `%skribe`."""

from __future__ import annotations

import ast
import inspect
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
from skribe.progress import Page, in_notebook, page_runs
from skribe.words import better

_HEIGHTS = range(100, 5001)
# A notebook that is saved keeps the frame, and nobody answers at its address any more.
_LATER = "This page was served by the kernel of the notebook; if nothing is shown, run the cell again."
_LAST = "last"
_HELP = """\
%skribe                          the newest runs
%skribe runs [WHERE]             a table of the runs, such as: %skribe runs metrics.best_cv_score > 0.9
%skribe run [ID]                 one run: the last one (`last`), unless an id is named
%skribe best EXPERIMENT METRIC   the best run of an experiment by a metric
%skribe compare ID ID ...        runs beside each other
%skribe show [ID]                the page, inside of the notebook
%%skribe NAME                    the cell as one run of this name; without await
A semicolon at the end: nothing is shown.\
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

    server = background(folder)
    page_runs(folder, Page(server.url, lambda: server.alive))
    url = live(server.url)(kind, **args)
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
    said = f"{link} · {_LATER}{escape(_if_remote(url))}"
    frame = (
        f'<iframe src="{escape(url)}" width="100%" height="{height}" title="skribe" '
        'style="border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:4px"></iframe>'
        f'<div style="font:12px/1.6 system-ui,sans-serif;opacity:.8">{said}</div>'
    )
    display({"text/html": frame, "text/plain": f"skribe: {url} · {_LATER}"}, raw=True)


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
        asked = line.strip()
        quiet, asked = asked.endswith(";"), asked.rstrip("; \t")
        word, rest = [*asked.split(None, 1), "", ""][:2]
        verbs: dict[str, Callable[[str], Any]] = {
            "": lambda _: api.runs(limit=10),
            "runs": lambda where: api.runs(where=where or None),
            "run": lambda run: _run(run or _LAST),
            "best": lambda words: self._best(_words(words)),
            "compare": lambda words: api.compare(*map(_run, _words(words))),
            "show": lambda run: show(_run(run) if run else None),
        }
        if word not in verbs:
            print(f"%skribe does not know {word!r}. This is what it knows:\n\n{_HELP}")
            return None
        given = verbs[word](rest)
        return None if quiet else given

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
        shell = self._shell
        source = shell.transform_cell(cell)
        body = ast.parse(source)
        # What cannot be compiled makes no run.
        if compile(body, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True).co_flags & inspect.CO_COROUTINE:
            raise ArgumentError(
                "%%skribe cannot run a cell that awaits something. Without the magic it is one run, too: begin it"
                f" with `with skribe.run({repr(name) if name else ''}):` and indent the rest."
            )
        last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
        file = shell.compile.cache(cell)
        with api.run(name or None):
            exec(shell.compile(body, file, "exec"), shell.user_ns)
            if isinstance(last, ast.Expr):
                value = eval(shell.compile(ast.Expression(last.value), file, "eval"), shell.user_ns)
                return None if _is_silenced(source, last) else value
        return None


def _is_silenced(source: str, last: ast.Expr) -> bool:
    """Whether a semicolon comes after the last expression: then a notebook shows nothing."""
    first, *more = source.splitlines()[(last.end_lineno or 1) - 1 :]
    after = [first.encode()[last.end_col_offset :].decode(), *more]
    return "".join(line.partition("#")[0] for line in after).rstrip().endswith(";")


def _run(text: str) -> Run:
    return api.last_run() if text == _LAST else api.get_run(text)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ArgumentError(f"%skribe: {text!r} cannot be read: {error}.") from None
