"""One case in one mode, in a process that does nothing else; prints what it measured as a line of JSON."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys

from benchmarks import backends, cases, models, searches  # noqa: F401 - the others register their cases


def main() -> None:
    case, mode = sys.argv[1:3]
    logging.disable(logging.WARNING)
    with contextlib.redirect_stderr(io.StringIO()):
        found = cases.CASES[case](mode)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
