"""What the servers need to answer: the same questions to skribe's and to MLflow's."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks import fill_store
from benchmarks.page_servers import Answer, Client, Server, mlflow_page, skribe_page
from benchmarks.page_stores import Stores
from benchmarks.page_table import NOTHING, Row, size, spread

Ask = Callable[[Client], Answer]
METRIC = "training_metric_03_score"
SEARCH = "/ajax-api/2.0/mlflow/runs/search"
_COUNT = "how many runs there are"  # MLflow cannot say it
_PAGE = 100
_LIMIT = 15.0  # seconds after which an answer is not waited for any longer
_SLOW = 3_000.0  # milliseconds: what takes so long is asked three times only
# The columns that the page of skribe's shows by itself are these many; MLflow's server always sends all there are.
_SHOWN = (
    *(f"metrics.training_metric_{n:02}_score" for n in range(3)),
    *(f"params.clf__parameter_{n}" for n in range(30, 34)),
)
_WORDS = ("Forest", "SVC", "Hist", "Logistic", "Random", "Class", "Regress", "Grad", "Boost", "Gradient")
_ALL = (
    *(f"metrics.training_metric_{n:02}_score" for n in range(20)),
    *(f"params.clf__parameter_{n:02}" for n in range(38)),
    *("params.clf__max_depth", "params.C"),
    *(f"tags.tag_{n}" for n in range(5)),
)


@dataclass(frozen=True, slots=True)
class Question:
    """The same question in both languages; with another number it is another question of the same kind."""

    name: str
    skribe: Callable[[int], dict[str, Any]]
    mlflow: Callable[[int], dict[str, Any]] = lambda _n: {}


def questions(runs: int) -> list[Question]:
    """What a reader of the table of runs asks for.

    skribe's server remembers what it has worked out until the store changes. So each question is another one each
    time, except where its name says that it is the same.
    """
    deep = runs * 9 // 10
    return [
        Question("first page, by start, the same again", lambda _n: {}),
        Question("the same with all 65 columns, again", lambda _n: {"column": _ALL}),
        Question("by a metric", lambda n: {"sort": _metric(n)}, lambda n: _by(_metric(n))),
        Question("by a metric, the same again", lambda _n: {"sort": _metric(3)}, lambda _n: _by(_metric(3))),
        Question("by a parameter (MLflow: as text)", lambda n: {"sort": _param(n)}, lambda n: _by(_param(n))),
        Question(
            "where a metric is high (10 %)",
            lambda n: {"where": f"{_metric(3)} > {0.9 + n / 1000}"},
            lambda n: {"filter": f"{_metric(3)} > {0.9 + n / 1000}"},
        ),
        Question(
            "where a metric is very high (0.01 %)",
            lambda n: {"where": f"{_metric(3)} > {0.9999 + n / 1e6}"},
            lambda n: {"filter": f"{_metric(3)} > {0.9999 + n / 1e6}"},
        ),
        Question(
            "where a parameter is a number (1 %)",
            lambda n: {"where": f"params.clf__parameter_20 == {n}"},
            lambda n: {"filter": f"params.clf__parameter_20 = '{n}'"},
        ),
        Question(
            "where the name has a word",
            lambda n: {"where": f'"{_WORDS[n % len(_WORDS)]}" in name'},
            lambda n: {"filter": f"attributes.run_name LIKE '%{_WORDS[n % len(_WORDS)]}%'"},
        ),
        Question(
            "where a metric and a parameter are, by another metric",
            lambda n: {"where": f"{_metric(4)} > 0.{n + 1} and params.C == 10", "sort": _metric(5)},
            lambda n: {"filter": f"{_metric(4)} > 0.{n + 1} and params.C = '10'", **_by(_metric(5))},
        ),
        Question("10th page and on, by a metric", *_at(9 * _PAGE)),
        Question(f"from run {deep:,} on, by a metric", *_at(deep)),
        Question(_COUNT, lambda n: {"limit": 1, "column": (), "experiment": f"experiment {n % 5}"}),
    ]


def _metric(n: int) -> str:
    return f"metrics.training_metric_{n % 20:02}_score"


def _param(n: int) -> str:
    return f"params.clf__parameter_{20 + n % 18}"


def _by(key: str) -> dict[str, Any]:
    return {"order_by": [f"{key} DESC"]}


def _at(offset: int) -> tuple[Callable[[int], dict[str, Any]], Callable[[int], dict[str, Any]]]:
    """The page that begins after so many runs, and the pages after it."""

    def token(n: int) -> str:
        # MLflow's own pages begin at such a token, which says how many runs to leave out.
        return base64.b64encode(json.dumps({"offset": offset + n * _PAGE}).encode()).decode()

    return (
        lambda n: {"sort": _metric(6), "offset": offset + n * _PAGE},
        lambda n: {**_by(_metric(6)), "page_token": token(n)},
    )


class Asked:
    """A server that is asked, started when it is needed: one that hangs in a question is ended."""

    def __init__(self, start: Callable[[], AbstractContextManager[Server]]) -> None:
        self._start = start
        self._open = contextlib.ExitStack()
        self._server: Server | None = None
        self.hopeless: set[str] = set()  # the orders in which it did not answer in time

    def client(self) -> Client:
        if self._server is None:
            self._server = self._open.enter_context(self._start())
            self._server.client.patience(_LIMIT)
        return self._server.client

    def times(self, ask: Callable[[int], Ask], rounds: int) -> tuple[list[float], Answer | None]:
        """The milliseconds of the first answer and of the others, and the last one; None if it took too long."""
        try:
            first = answer = ask(0)(self.client())
            found = [first.ms]
            for n in range(1, 1 + (min(rounds, 2) if first.ms > _SLOW else rounds)):
                answer = ask(n)(self.client())
                found.append(answer.ms)
        except TimeoutError:
            self.close()
            return [], None
        return found, answer

    def close(self) -> None:
        self._server = None
        self._open.close()


def server_rows(stores: Stores, rounds: int) -> Iterator[Row]:
    """A row for each question, skribe's server and MLflow's over both databases, asked in turn."""
    asked = {
        "skribe": Asked(lambda: skribe_page(Path(stores.skribe))),
        "mlflow": Asked(lambda: mlflow_page(Path(stores.mlflow), quiet=True)),
        "analyzed": Asked(lambda: mlflow_page(Path(stores.analyzed), quiet=True)),
    }
    try:
        for question in questions(stores.runs):
            yield question.name, *(_cell(one, name, question, stores, rounds) for name, one in asked.items())
        yield from _other_rows(asked, stores, rounds)
    finally:
        for one in asked.values():
            one.close()


def _cell(one: Asked, name: str, question: Question, stores: Stores, rounds: int) -> str:
    if name == "skribe":
        found, answer = one.times(lambda n: in_skribe(question.skribe(n)), rounds)
    elif question.name == _COUNT:
        return NOTHING
    else:
        order = str(question.mlflow(0).get("order_by", "")).partition(".")[0]
        if order in one.hopeless:
            return "not asked again"
        found, answer = one.times(lambda n: in_mlflow(question.mlflow(n), stores.experiments), rounds)
        if answer is None:
            one.hopeless.add(order)
    if answer is None:
        return f"not in {_LIMIT:.0f} s"
    return f"{spread(found[1:], found[0])}; {size(len(answer.body))}"


def in_skribe(wanted: dict[str, Any]) -> Ask:
    """The question as skribe's page asks it."""
    path = "/api/runs?" + urlencode({"limit": _PAGE, "column": _SHOWN, **wanted}, doseq=True)
    return lambda client: client.ask(path)


def in_mlflow(wanted: dict[str, Any], experiments: tuple[str, ...]) -> Ask:
    """The question as MLflow's page asks it."""
    first = {"order_by": ["attributes.start_time DESC"], "run_view_type": "ACTIVE_ONLY"}
    question = {"experiment_ids": experiments, "max_results": _PAGE, **first, **wanted}
    return lambda client: client.ask(SEARCH, question)


def _other_rows(asked: dict[str, Asked], stores: Stores, rounds: int) -> Iterator[Row]:
    yield "keys of parameters, metrics and tags", _plain(asked["skribe"], "/api/keys", rounds)
    yield "the first page, as HTML with its rows", _plain(asked["skribe"], "/runs", rounds)
    yield "the experiments, as HTML", _plain(asked["skribe"], "/", rounds)
    yield "a run, as HTML", _plain(asked["skribe"], f"/runs/{stores.fit}", rounds)
    yield (
        "by start, each time after one more run was written",
        _while_written(asked["skribe"], _writer(stores), in_skribe({}), rounds),
    )
    yield (
        "by a metric, likewise",
        _while_written(asked["skribe"], _writer(stores), in_skribe({"sort": f"metrics.{METRIC}"}), rounds),
        NOTHING,
        _while_written(
            asked["analyzed"],
            lambda client: _log_to_mlflow(client, stores.experiments[0]),
            in_mlflow({"order_by": [f"metrics.{METRIC} DESC"]}, stores.experiments),
            rounds,
        ),
    )


def _plain(one: Asked, path: str, rounds: int) -> str:
    found, answer = one.times(lambda _n: lambda client: client.ask(path), rounds)
    return NOTHING if answer is None else f"{spread(found[1:], found[0])}; {size(len(answer.body))}"


def _while_written(one: Asked, write: Callable[[Client], None], ask: Ask, rounds: int) -> str:
    found = []
    for _ in range(rounds):
        write(one.client())
        found.append(ask(one.client()).ms)
    return spread(found)


def _writer(stores: Stores) -> Callable[[Client], None]:
    from skribe.store.journal import Journal

    def write(_client: Client) -> None:
        journal = Journal(stores.skribe, fill_store.process)
        journal.write(*next(fill_store.runs(1, seed=random.randrange(2**30), metrics=20)))
        journal.close()

    return write


def _log_to_mlflow(client: Client, experiment: str) -> None:
    now = int(time.time() * 1000)
    created = client.ask("/api/2.0/mlflow/runs/create", {"experiment_id": experiment, "start_time": now}).json()
    run = created["run"]["info"]["run_id"]
    metrics = [
        {"key": f"training_metric_{n:02}_score", "value": random.random(), "timestamp": now, "step": 0}
        for n in range(20)
    ]
    client.ask("/api/2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": metrics})


def _started(start: Callable[[], AbstractContextManager[Server]], ask: Ask) -> tuple[float, float, float]:
    """Milliseconds to the first answer and to the first runs, and the megabytes that the server then has."""
    with start() as server:
        for _ in range(20):
            # MLflow's workers are ended, and started again, when a question keeps them busy for five seconds.
            with contextlib.suppress(ConnectionError):
                ask(server.client)
                break
        return server.start_ms, (time.perf_counter() - server.began) * 1e3, server.memory()


def start_rows(stores: Stores, rounds: int = 3) -> Iterator[Row]:
    """How long a reader waits after the command, as it is typed."""
    starts: list[tuple[str, Callable[[], AbstractContextManager[Server]], Ask]] = [
        ("skribe", lambda: skribe_page(Path(stores.skribe)), in_skribe({})),
        ("mlflow", lambda: mlflow_page(Path(stores.mlflow), quiet=False), in_mlflow({}, stores.experiments)),
    ]
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name, *_ in starts}
    for _ in range(rounds):
        for name, start, ask in starts:
            found[name].append(_started(start, ask))
    columns = [list(zip(*found[name], strict=True)) for name, *_ in starts]
    yield "from the command to the first page (`/`)", *(spread(each[0]) for each in columns)
    yield "from the command to the first 100 runs", *(spread(each[1]) for each in columns)
    yield "memory then", *(f"{max(each[2]):.0f} MB" for each in columns)


def server_notes() -> list[str]:
    """What has to be known to read the table."""
    return [
        "Each time other values are asked for, except where it says the same again. "
        "Median and highest of the answers after the first, which is told apart, and the size of the answer: "
        f"{_PAGE} runs. skribe's has {len(_SHOWN)} columns where nothing else is said, as its page asks for them, and "
        "MLflow's always everything; MLflow runs with one worker, as the questions come one by one. What had no "
        f"answer in {_LIMIT:.0f} s was given up."
    ]
