"""The page docs/schema.md, written from the comments in the schema itself.

`python -m skribe.store.describe > docs/schema.md` writes it again.
"""

from __future__ import annotations

import re
import sqlite3
import sys

from skribe.store.migrations import LATEST, migrate

_HEAD = """# The store's schema

Generated from the schema's own comments by `python -m skribe.store.describe`; do not edit by hand.
Schema number {number}.

The store is one SQLite file, `skribe_runs/skribe.db`. Read it with any SQLite tool while skribe writes:

```sh
sqlite3 -readonly skribe_runs/skribe.db "SELECT name, status, seconds FROM runs ORDER BY start DESC LIMIT 10"
```

The views (`runs`, `params`, `metrics`, `history`, `tags`) are made for reading and stay; the tables may be extended by
later versions, under numbered migrations. A run that is still `running` in the file although its process is dead
was killed: skribe's own commands show it so, and the next writer writes it down.
"""


def markdown() -> str:
    """The page, from a database that has been through every migration."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(connection, "memory")
        found = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
        ).fetchall()
        columns = {
            name: [row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')]
            for kind, name, _, _ in found
            if kind == "view"
        }
    finally:
        connection.close()
    page = [_HEAD.format(number=LATEST), "## Views", ""]
    for kind, name, _, sql in found:
        if kind == "view":
            listed = ", ".join(f"`{column}`" for column in columns[name])
            page += [f"### {name}", "", _purpose(sql), "", f"Columns: {listed}.", ""]
    page += ["## Tables", ""]
    for kind, name, _, sql in found:
        if kind == "table" and not name.startswith("sqlite_"):
            indexes = [row[3] for row in found if row[0] == "index" and row[2] == name]
            page += _table(name, sql, indexes)
    return "\n".join(page).rstrip() + "\n"


def _table(name: str, sql: str, indexes: list[str]) -> list[str]:
    lines = [f"### {name}", "", _purpose(sql), "", "| column | type | meaning |", "|---|---|---|"]
    for column, type_, comment in re.findall(r'^    "?(\w+)"? ([A-Z][^-\n]*?),? *-- (.*)$', sql, re.MULTILINE):
        lines.append(f"| `{column}` | {type_.strip().rstrip(',')} | {comment.strip()} |")
    key = re.search(r"^    PRIMARY KEY (\(.*\))$", sql, re.MULTILINE)
    if key:
        lines += ["", f"Primary key: {key.group(1)}."]
    for index in indexes:
        lines += ["", f"Index: `{index.split(' ON ', 1)[1]}`" + (", unique." if "UNIQUE" in index else ".")]
    return [*lines, ""]


def _purpose(sql: str) -> str:
    found = re.search(r"^ *-- (.*)$", sql, re.MULTILINE)
    return found.group(1).strip() if found else ""


if __name__ == "__main__":
    sys.stdout.write(markdown())
