"""What people write for a model is understood, or refused with what can be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skribe.errors import ArgumentError
from skribe.store.modeluri import PathModel, RegisteredModel, RunModel, parse
from skribe.store.names import check_alias, check_name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("runs:/745e", RunModel("745e", "model")),
        ("runs:/745e/", RunModel("745e", "model")),
        ("runs:/01a1fc23-d4e4-7000/best_estimator", RunModel("01a1fc23-d4e4-7000", "best_estimator")),
        ("runs:/745e/registered/iris-1/", RunModel("745e", "registered/iris-1")),
        ("models:/iris/3", RegisteredModel("iris", 3)),
        ("models:/iris/v3", RegisteredModel("iris", 3)),
        ("models:/iris@champion", RegisteredModel("iris", "@champion")),
        ("models:/iris/latest", RegisteredModel("iris", "latest")),
        ("models:/iris/LATEST/", RegisteredModel("iris", "latest")),
        ("models:/iris/production", RegisteredModel("iris", "Production")),
        ("models:/größe 3.1/1", RegisteredModel("größe 3.1", 1)),
        ("model", PathModel(Path("model"))),
        ("/a/b/model", PathModel(Path("/a/b/model"))),
        ("C:\\models\\x", PathModel(Path("C:\\models\\x"))),
        ("./models:/x", PathModel(Path("./models:/x"))),
        ("file:///a/b%20c", PathModel(Path("/a/b c"))),
        (Path("a"), PathModel(Path("a"))),
    ],
)  # fmt: skip
def test_understood(text, meant):
    assert parse(text) == meant


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *(("", "empty"), ("  ", "empty"), ("a\0b", "NUL"), (3, "neither"), (None, "neither")),
        *(("runs:/", "id of a run"), ("runs:abc", "id of a run"), ("runs://abc", "id of a run")),
        ("runs:/745e/../../etc", "contains '..'"),
        *(("models:/", "a name"), ("models:iris", "a name"), ("models://iris/1", "a name")),
        *(("models:/iris", "which version"), ("models:/iris@", "empty"), ("models:/@a", "empty")),
        ("models:/iris/champion", "models:/iris@champion"),
        ("models:/iris/3/model", "no version number"),
        ("models:/iris@latest", "always the highest"),
        *(("models:/iris@3", "version number"), ("models:/iris@a@b", "not allowed")),
        *(("s3://bucket/model", "from the store"), ("mlflow-artifacts:/1/model", "from the store")),
    ],
)
def test_refused_with_the_forms(text, problem):
    with pytest.raises(ArgumentError) as caught:
        parse(text)
    message = str(caught.value)
    assert problem in message
    assert "models:/<name>@<alias>" in message
    assert "runs:/<run id" in message


@given(st.text(max_size=12) | st.text("runsmodel:/@.v3", max_size=16))
def test_whatever_is_written_is_understood_or_refused(text):
    for prefix in ("", "runs:/", "models:/"):
        try:
            parse(prefix + text)
        except ArgumentError:
            pass


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=8), st.integers(1, 999))
def test_every_name_and_alias_that_is_allowed_can_be_written(name, alias, version):
    try:
        check_name(name)
    except ArgumentError:
        return
    assert parse(f"models:/{name}/{version}") == RegisteredModel(name, version)
    try:
        check_alias(alias)
    except ArgumentError:
        return
    assert parse(f"models:/{name}@{alias}") == RegisteredModel(name, f"@{alias}")
