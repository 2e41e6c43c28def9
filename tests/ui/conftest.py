"""A store as real fits have filled it, made once, and the page of it."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skribe.records import Artifact, Changes, End, Metric, Param, Start, new_id
from skribe.session import journal_of
from skribe.store.artifacts import ArtifactStore
from skribe.store.location import database_of
from skribe.store.query import Query

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that it would rather have another client
    from starlette.testclient import TestClient

# Every one of these would be seen if it were not escaped, or not confined.
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\u2028\x01\udc80 {{ 7*7 }}"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
FILES = {
    "plot.png": PNG,
    "notes.txt": "Grüße\n".encode(),
    "report.html": b"<h1>Report</h1><script>document.title='ran'</script>",
    "deep/er/drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 5"><script>alert()</script></svg>',
    "page.xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "a name with spaces & ü#?.csv": b"a,b\n1,2\n",
    "paper.pdf": b"%PDF-1.4\n",
    "data.bin": b"\0\1\2",
}


@dataclasses.dataclass(frozen=True)
class Shop:
    """The store, and the runs in it."""

    folder: Path
    fit: str
    search: str
    hostile: str
    failed: str

    @property
    def query(self) -> Query:
        return Query(self.folder)


class Bomb:
    """Whoever unpickles it leaves a file behind."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.place, "w")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A fit, a search with its candidates, a failed run, and one whose every field is an attack. Not to be changed."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    import skribe

    folder = tmp_path_factory.mktemp("page") / "skribe_runs"
    X, y = load_iris(return_X_y=True)
    skribe.autolog(store=folder, experiment="iris", silent=True)
    try:
        LogisticRegression(C=0.5, max_iter=200).fit(X, y)
        fit = skribe.last_run().id
        GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(X, y)
        search = skribe.last_run().id
        skribe.flush()
    finally:
        skribe.autolog(disable=True)
    query = Query(folder)
    assert len(query.candidates(search)) == 3
    register(folder, fit)
    hostile, failed = attack(folder), fail(folder)
    query.close()
    settled(folder)
    return Shop(folder, fit, search, hostile, failed)


def register(folder: Path, run: str) -> None:
    from skribe.store.registry import Registry

    registry = Registry(folder)
    registry.register("iris", run, description="The first one")
    registry.set_alias("iris", "champion", 1)
    registry.set_tag("iris", "owner", "Ada")


def attack(folder: Path) -> str:
    """A run with hostile names and values, and with files of every kind."""
    run, artifacts = new_id(), ArtifactStore(folder)
    kept = [artifacts.put_bytes(run, path, body) for path, body in FILES.items()]
    kept.append(artifacts.put_bytes(run, "model.pkl", pickle.dumps(Bomb(str(folder / "exploded")))))
    # Known to the store, and a way out of the run's folder.
    outside = folder.parent / "outside.txt"
    outside.write_text("secret")
    (artifacts.path(run) / "link.txt").symlink_to(outside)
    kept.append(Artifact("link.txt", 6, "0"))
    (artifacts.path(run) / "unknown.txt").write_text("the store does not know me")
    journal_of(folder).write(
        Changes(
            run=run,
            start=Start(HOSTILE, HOSTILE, "manual", time.time(), estimator_name=HOSTILE),
            params=(Param(HOSTILE, HOSTILE, "str"), Param("long", "x" * 100_000, "str")),
            metrics=(Metric("nan", float("nan")), Metric("inf", float("inf")), Metric(HOSTILE, 1.0)),
            tags={HOSTILE: HOSTILE},
            artifacts=tuple(kept),
            end=End("finished", time.time(), 0.1, 0.1),
        )
    )
    return run


def fail(folder: Path) -> str:
    from skribe.records import Failure

    run = new_id()
    failure = Failure("ValueError", "it <b>broke</b>", "Traceback …\nValueError: it <b>broke</b>")
    journal_of(folder).write(
        Changes(
            run=run,
            start=Start("iris", "broken", "fit", time.time()),
            metrics=tuple(Metric("loss", 1.0 / step, step, time.time()) for step in range(1, 6)),
            end=End("failed", time.time(), 0.1, None, failure),
        )
    )
    return run


def settled(folder: Path) -> None:
    """Nothing of this process holds the store open."""
    journal_of(folder).close()
    assert database_of(folder).exists()


@pytest.fixture
def shop(recorded: Shop, tmp_path: Path) -> Shop:
    """A copy of the store, to be changed."""
    folder = tmp_path / "skribe_runs"
    shutil.copytree(recorded.folder, folder, symlinks=True)
    return dataclasses.replace(recorded, folder=folder)


@pytest.fixture(scope="session")
def browse() -> Iterator[Callable[..., TestClient]]:
    """A browser on this machine that looks at a store: `browse(folder, **options of make_app)`."""
    from skribe.ui.app import make_app

    opened: list[TestClient] = []

    def look(folder: Path, **options: object) -> TestClient:
        client = TestClient(
            make_app(folder, **options), base_url="http://127.0.0.1:5555", headers={"sec-fetch-site": "same-origin"}
        )
        client.__enter__()
        opened.append(client)
        return client

    yield look
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture(scope="session")
def page(recorded: Shop, browse: Callable[..., TestClient]) -> TestClient:
    """The page of the store that nobody changes."""
    return browse(recorded.folder)


def change(client: TestClient, what: dict[str, object], **headers: str) -> object:
    """Ask for a change as the page does."""
    sent = {"x-skribe": "1", "content-type": "application/json", **headers}
    return client.post("/api/do", content=json.dumps(what), headers=sent)
