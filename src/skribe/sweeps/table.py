"""`cv_results_` as the file `cv_results.csv`: a row for each candidate, a column for each key."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from skribe.capture.secrets import HIDDEN, is_secret
from skribe.capture.values import describe_value

_PLAIN = (str, int, float, bool)


def csv_of(results: Mapping[str, Any]) -> bytes:
    """The table as pandas would write it: what is missing is empty, an object is its text."""
    texts: dict[int, str] = {}
    columns = [_column(key, _values(column), texts) for key, column in results.items()]
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(results)
    writer.writerows(zip(*columns, strict=True))
    return file.getvalue().encode("utf-8", "backslashreplace")


def _column(key: str, values: list[Any], texts: dict[int, str]) -> list[Any]:
    if key.startswith("param_") and is_secret(key.removeprefix("param_")):
        return [HIDDEN] * len(values)
    return [_cell(value, texts) for value in values]


def _values(column: Any) -> list[Any]:
    # A masked array gives None for what is masked.
    values: list[Any] = column.tolist() if hasattr(column, "tolist") else list(column)
    return values


def _cell(value: Any, texts: dict[int, str]) -> Any:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, _PLAIN):
        return value
    if type(value) is dict:
        return "{" + ", ".join(f"{key!r}: {_inside(key, one, texts)}" for key, one in value.items()) + "}"
    return _text(value, texts)


def _inside(key: Any, value: Any, texts: dict[int, str]) -> str:
    if is_secret(str(key)):
        return HIDDEN
    return repr(value) if value is None or type(value) in _PLAIN else _text(value, texts)


def _text(value: Any, texts: dict[int, str]) -> str:
    # The same few objects come again and again, and each takes long to describe.
    key = id(value)
    if key not in texts:
        texts[key] = describe_value(value)[0]
    return texts[key]
