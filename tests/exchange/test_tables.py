"""Runs as CSV, Parquet and lines of JSON: what other tools read is what the store holds."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path

import pandas as pd
import pytest

import skribe
from skribe.exchange import export_runs
from skribe.records import Changes, End, Failure, Metric, Param, Start, new_id
from skribe.store.journal import Journal
from tests.exchange.conftest import reading

FIRST = ["id", "name", "kind", "status", "experiment", "parent", "start", "end", "seconds", "error"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_row_per_run(filled, ending):
    done = export_runs(f"runs.{ending}", store=filled)
    assert (done.runs, done.format, [path.name for path in done.paths]) == (6, ending, [f"runs.{ending}"])
    table = pd.read_csv("runs.csv") if ending == "csv" else pd.read_parquet("runs.parquet")
    assert list(table.columns)[:10] == FIRST
    with reading(filled) as query:
        for row in table.to_dict("records"):
            told = query.run_row(row["id"])
            assert (row["name"], row["kind"], row["status"], row["experiment"]) == (
                told.name, told.kind, told.status, told.experiment,
            )  # fmt: skip
            assert row["parent"] == told.parent or told.parent is None
            assert pd.Timestamp(row["start"]).timestamp() == pytest.approx(told.start, abs=1e-6)
            assert pd.Timestamp(row["end"]).timestamp() == pytest.approx(told.end, abs=1e-6)
            assert row["seconds"] == pytest.approx(told.wall)
            assert (told.error is None) == pd.isna(row["error"])
            for metric in query.metrics(told):
                assert row[f"metrics.{metric.key}"] == metric.value or math.isnan(metric.value)
            for key, value in query.tags(told).items():
                assert str(row[f"tags.{key}"]).lower() == value.lower()
            for param in query.params(told):
                if param.value != "None":
                    shown = row[f"params.{param.key}"]
                    assert str(shown) == param.value or float(shown) == float(param.value)
    failed = table[table["status"] == "failed"]["error"].iloc[0]
    assert failed.startswith("ValueError: ")
    assert sorted(table["id"]) == sorted(skribe.runs(children=True, store=filled)["run_id"])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_history_is_a_second_table(filled, ending):
    done = export_runs(f"runs.{ending}", store=filled, experiment="other", history=True)
    assert [path.name for path in done.paths] == [f"runs.{ending}", f"runs.history.{ending}"]
    table = pd.read_csv("runs.history.csv") if ending == "csv" else pd.read_parquet("runs.history.parquet")
    assert list(table.columns) == ["run", "key", "step", "time", "value"]
    loss = table[table["key"] == "loss"]
    assert list(loss["step"]) == [0, 1, 2]
    assert list(loss["value"]) == [1.0, 0.5, 1 / 3]
    assert list(table[table["key"] == "score"]["value"]) == [0.1, 0.2]
    assert table[table["key"] == "score"]["step"].isna().all()
    assert pd.isna(table[table["key"] == "odd"]["value"]).all()
    assert pd.to_datetime(table["time"]).notna().all()


def test_a_line_per_run_has_everything(filled):
    assert export_runs("runs.jsonl", store=filled).runs == 6

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    lines = Path("runs.jsonl").read_text(encoding="utf-8").splitlines()
    found = {one["name"]: one for one in (json.loads(line, parse_constant=no_constant) for line in lines)}
    by_hand = found["by hand"]
    assert by_hand["params"] == {"depth": 3, "name": "Größe"}
    assert by_hand["tags"]["owner"] == 'Ada, "A"\nL'
    assert by_hand["metrics"] == {"loss": 1 / 3, "odd": "NaN", "score": 0.2}
    assert [point["value"] for point in by_hand["history"]["loss"]] == [1.0, 0.5, 1 / 3]
    assert [point["value"] for point in by_hand["history"]["score"]] == [0.1, 0.2]
    assert [artifact["path"] for artifact in by_hand["artifacts"]] == ["notes/hello.txt"]
    search = next(one for name, one in found.items() if name.startswith("GridSearchCV"))
    assert search["registered"] == [{"name": "iris", "path": "model"}]
    assert {model["path"] for model in search["models"]} == {"model", "best_estimator"}
    assert [candidate["params"] for candidate in search["candidates"]] == [{"C": 0.1}, {"C": 1.0}]
    assert len(search["results"]) == 4
    failed = next(one for one in map(json.loads, lines) if one["status"] == "failed")
    assert failed["error"]["type"] == "ValueError"
    assert "Traceback" in failed["error"]["traceback"]
    assert search["datasets"][0]["shape"] == [150, 4]


def test_one_column_with_values_of_several_types(store):
    values = [("1", "int"), ("auto", "str"), ("True", "bool"), ("None", "none"), ("9" * 30, "int")]
    with Journal(store, lambda: None) as journal:
        for number, (value, kind) in enumerate(values):
            params = (Param("mixed", value, kind), Param("flag", "True" if number else "False", "bool"))
            start, end = Start("e", "r", "fit", 1.79e9 + number), End("failed", 1.8e9, 1.0, 1.0, Failure("E", "", "T"))
            metrics = (Metric("inf", math.inf), Metric("step", 1.0, 2**62, None))
            journal.write(Changes(run=new_id(), start=start, params=params, metrics=metrics, end=end))
    export_runs("runs.parquet", store=store, history=True)
    table = pd.read_parquet("runs.parquet")
    assert list(table["params.mixed"][[0, 1, 2, 4]]) == ["1", "auto", "True", "9" * 30]
    assert pd.isna(table["params.mixed"][3])
    assert list(table["params.flag"]) == [False, True, True, True, True]
    assert table["error"].tolist() == ["E"] * 5
    assert set(table["metrics.inf"]) == {math.inf}
    assert pd.read_parquet("runs.history.parquet")["step"].max() == 2**62


def test_a_stream_takes_csv_and_lines(filled):
    for kind in ("csv", "jsonl"):
        stream = io.BytesIO()
        assert export_runs(stream, store=filled, format=kind).paths == ()
        assert stream.getvalue().count(b"\n") >= 6
    for wrong in ({"format": "zip"}, {"format": "parquet"}, {"format": "csv", "history": True}):
        with pytest.raises(skribe.ArgumentError, match="stream"):
            export_runs(io.BytesIO(), store=filled, **wrong)


def test_wrong_words(filled, own_folder, monkeypatch):
    with pytest.raises(skribe.ArgumentError, match="does not tell the format"):
        export_runs("runs.xlsx", store=filled)
    with pytest.raises(skribe.ArgumentError, match="one of zip, parquet, csv, jsonl"):
        export_runs("runs.csv", store=filled, format="excel")
    with pytest.raises(skribe.ArgumentError, match="history"):
        export_runs("runs.zip", store=filled, history=True)
    with pytest.raises(skribe.ArgumentError, match="there is no folder"):
        export_runs("nowhere/runs.csv", store=filled)
    with pytest.raises(skribe.ArgumentError, match="is a folder"):
        export_runs(".", store=filled, format="csv")
    with pytest.raises(skribe.ArgumentError, match="list of ids"):
        export_runs("runs.csv", store=filled, runs="0123abcd")
    with pytest.raises(skribe.StoreError, match="there is no store in"):
        export_runs("runs.csv", store="elsewhere")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(skribe.ArgumentError, match=r"pip install .skribe\[parquet\]"):
        export_runs("runs.parquet", store=filled)
    assert sorted(path.name for path in own_folder.iterdir()) == ["skribe_runs"]
