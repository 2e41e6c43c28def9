"""What there is to see: of a run, of a search, of runs beside each other. Terminal, notebook and page show the same.

All of it is read from the store, and is plain data: texts, numbers, lists and dicts that JSON can hold.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skribe.views.compared import ComparisonView as ComparisonView
    from skribe.views.compared import comparison as comparison
    from skribe.views.pictures import curve_of as curve_of
    from skribe.views.pictures import drawn_file as drawn_file
    from skribe.views.pictures import picture_files as picture_files
    from skribe.views.pictures import picture_of as picture_of
    from skribe.views.pictures import search_views as search_views
    from skribe.views.pictures import view_of as view_of
    from skribe.views.plain import as_plain as as_plain
    from skribe.views.run import RunView as RunView
    from skribe.views.run import run_view as run_view
    from skribe.views.search import SearchView as SearchView
    from skribe.views.search import search_view as search_view

_HOMES = {
    "ComparisonView": "compared",
    "comparison": "compared",
    "curve_of": "pictures",
    "drawn_file": "pictures",
    "picture_files": "pictures",
    "picture_of": "pictures",
    "search_views": "pictures",
    "view_of": "pictures",
    "as_plain": "plain",
    "RunView": "run",
    "run_view": "run",
    "SearchView": "search",
    "search_view": "search",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'skribe.views' has no attribute {name!r}")
    return getattr(import_module(f"skribe.views.{_HOMES[name]}"), name)
