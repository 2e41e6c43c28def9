"""The views of a search: pure functions from its table to lists and dicts that JSON can hold.

Numbers that are not finite are None. Candidates go by their row in the table.
"""

from __future__ import annotations

from typing import Any

from skribe.plots.advice import advice
from skribe.plots.course import progress, rungs, score_against_time, timeline
from skribe.plots.curves import heat_maps, validation_curves
from skribe.plots.remarks import Advice
from skribe.plots.table import SearchTable


def views(table: SearchTable) -> dict[str, Any]:
    """Every view under the name of its function; the advice as dicts."""
    told: dict[str, Any] = {
        function.__name__: function(table)
        for function in (validation_curves, heat_maps, score_against_time, progress, timeline, rungs)
    }
    told["advice"] = [
        {**remark._asdict(), "params": list(remark.params), "candidates": list(remark.candidates)}
        for remark in advice(table)
    ]
    return told


__all__ = ["Advice", "advice", "heat_maps", "progress", "rungs", "score_against_time", "timeline", "validation_curves"]
__all__ += ["views"]
