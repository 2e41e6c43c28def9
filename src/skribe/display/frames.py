"""Results that are more than a number, as the user holds them: a DataFrame, or the text that they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skribe.errors import ArgumentError

if TYPE_CHECKING:
    import pandas


def frame_of(body: Mapping[str, Any]) -> pandas.DataFrame | str:
    """A recorded result of a function of `sklearn.metrics`."""
    import pandas as pd

    if "text" in body:
        return str(body["text"])
    if "report" in body:
        rows = {
            key: value if isinstance(value, Mapping) else {"value": value} for key, value in body["report"].items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")
    if "columns" in body:
        columns = {
            name: pd.Series(values if isinstance(values, list) else [values])
            for name, values in body["columns"].items()
        }
        return pd.DataFrame(columns)
    if "values" in body:
        values = body["values"]
        if len(body["shape"]) > 2:
            flat = {number: pd.DataFrame(part) for number, part in enumerate(values)}
            return pd.concat(flat)
        return pd.DataFrame(values)
    raise ArgumentError("this is the data of a picture: view() gives it, plot() draws it.")
