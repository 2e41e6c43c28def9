"""What is written of a model, and what is said when it cannot be."""

from __future__ import annotations

import hashlib
import io
import pickle
import random
import re
import subprocess
import sys
import textwrap
import threading
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skribe import models
from skribe.errors import ArgumentError
from skribe.models import files


class Keeps(BaseEstimator):
    """An estimator that keeps whatever it is given."""

    def __init__(self, part=None):
        self.part = part

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def transform(self, X):
        return X


@pytest.mark.parametrize("kind", models.FORMATS)
def test_every_file_is_listed_with_its_size_and_digest(kind, model, folder):
    X, _ = load_iris(return_X_y=True)
    saved = models.save(folder, model, format=kind, example=models.example_of(X))
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == sorted(file.name for file in saved.files)
    for name, size, digest in saved.files:
        content = (folder / name).read_bytes()
        assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (size, digest)
    assert saved.digest == {file.name: file.digest for file in saved.files}[saved.file]
    assert (saved.file, saved.format) == (files_of(kind), kind)


def files_of(kind):
    return {"skops": "model.skops", "joblib": "model.joblib"}.get(kind, "model.pkl")


@pytest.mark.parametrize("kind", models.FORMATS)
def test_it_comes_back(kind, model, folder, load):
    X, _ = load_iris(return_X_y=True)
    again = load(models.save(folder, model, format=kind))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_joblib_itself_reads_the_joblib_format(model, folder):
    import joblib

    models.save(folder, model, format="joblib")
    np.testing.assert_array_equal(joblib.load(folder / "model.joblib").coef_, model.coef_)


def test_the_model_and_the_world_stay_as_they_were(folder, model):
    model.part = [lambda: 1]
    before, numbers, draws = dict(vars(model)), np.random.get_state()[1].tolist(), random.getstate()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        models.save(folder, model)
    assert said == []
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())
    assert np.random.get_state()[1].tolist() == numbers
    assert random.getstate() == draws


def test_warnings_of_the_model_are_not_heard(folder):
    class Grumbles(Keeps):
        def __getstate__(self):
            warnings.warn("not again", UserWarning, stacklevel=1)
            return super().__getstate__()

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        models.save(folder, Grumbles())
    assert said == []


def test_the_state_is_asked_for_once(folder):
    asked = []

    class Counts(Keeps):
        def __getstate__(self):
            asked.append(1)
            return {"part": len(asked)}

    # In the pickle the class goes by value, and the list with it: what is asked later is asked of another.
    models.save(folder, Counts())
    assert asked == [1]


class Refuses:
    def __reduce__(self):
        raise SystemExit("no")


class Endless:  # its parts never end
    def __reduce__(self):
        return Endless, (Endless(),)


class Exhausts:
    def __reduce__(self):
        raise MemoryError


def an_open_file():
    return open(__file__, encoding="utf-8")


def deep():
    found = []
    for _ in range(100_000):
        found = [found]
    return found


BAD = {
    "lock": (threading.Lock, "part"),
    "generator": (lambda: (n for n in ()), "part"),
    "socket": (lambda: __import__("socket").socket(), "part"),
    "file": (an_open_file, "part"),
    "buffered": (lambda: open(__file__, "rb"), "part"),  # noqa: SIM115
    "exit": (Refuses, "part"),
    "endless": (Endless, "part"),
    "memory": (Exhausts, None),
    "deep": (deep, "part"),
    "frame": (sys._getframe, "part"),
}


@pytest.mark.parametrize("kind", ["cloudpickle", "pickle", "joblib"])
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_written_is_named(name, kind, folder):
    made, culprit = BAD[name]
    part = made()
    try:
        with pytest.raises(models.NotSaved) as raised:
            models.save(folder, Keeps(part), format=kind)
    finally:
        if hasattr(part, "close"):
            part.close()
    found = raised.value.culprit
    assert found == culprit if culprit is None else found is not None and found.startswith(culprit)
    assert raised.value.reason
    assert list(folder.iterdir()) == []


def test_the_step_and_the_attribute_are_named(folder):
    pipeline = make_pipeline(StandardScaler(), Keeps(), LogisticRegression())
    pipeline.named_steps["keeps"].inner_ = {"here": [1, threading.Lock()]}
    with pytest.raises(models.NotSaved) as raised:
        models.save(folder, pipeline)
    assert raised.value.culprit == "steps['keeps'] (Keeps).inner_['here'][1]"
    assert "lock" in raised.value.reason


def test_a_lambda_is_a_matter_of_the_format(folder, load):
    model = FunctionTransformer(lambda X: X + 1).fit([[1.0]])
    saved = models.save(folder, model)
    assert load(saved).transform(np.array([[1.0]])).tolist() == [[2.0]]
    for kind in ("pickle", "joblib", "skops"):
        other = folder / kind
        other.mkdir()
        with pytest.raises(models.NotSaved, match="func"):
            models.save(other, model, format=kind)
        assert list(other.iterdir()) == []


def test_ctrl_c_passes_through(folder):
    class Interrupted(Keeps):
        def __getstate__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.save(folder, Interrupted())
    assert list(folder.iterdir()) == []


def test_the_limit_ends_it_early(folder):
    model = Keeps([np.arange(1 << 18) for _ in range(16)])
    size = len(pickle.dumps(model, 5))
    with pytest.raises(models.TooLarge, match=re.escape("4,194,304")):
        models.save(folder, model, limit=4 << 20)
    assert list(folder.iterdir()) == []
    assert models.save(folder, model, limit=size + 1000).size <= size + 1000
    assert not [thread for thread in threading.enumerate() if thread.name == "skribe-hash"]


@pytest.mark.parametrize("size", [1, 1 << 16, (2 << 20) + 1, 20 << 20])
def test_the_digest_is_right_in_a_thread_too(size, tmp_path):
    sink = files.Sink(tmp_path / "it")
    data = random.Random(size).randbytes(size)
    try:
        for start in range(0, size, 300_001):
            sink.write(data[start : start + 300_001])
        changing = bytearray(b"then")
        sink.write(changing)
        changing[:] = b"now!"
        digest = sink.digest()
    finally:
        sink.close()
    assert (tmp_path / "it").read_bytes() == data + b"then"
    assert digest == f"sha256:{hashlib.sha256(data + b'then').hexdigest()}"


def test_what_waits_to_be_hashed_is_bounded(tmp_path, monkeypatch):
    run, go = files._Hasher._run, threading.Event()

    def late(self):
        go.wait(30)
        run(self)

    monkeypatch.setattr(files._Hasher, "_run", late)
    sink = files.Sink(tmp_path / "it")
    threading.Timer(0.3, go.set).start()
    try:
        for _ in range(20):
            sink.write(bytes(1 << 20))
        assert go.is_set(), "20 MB were taken before any of it was hashed"
    finally:
        go.set()
        sink.close()


def test_a_full_disk_is_no_fault_of_the_model(folder, model, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write_all", full)
    with pytest.raises(OSError, match="No space"):
        models.save(folder, model)


def test_no_second_copy_is_made_of_a_large_model(folder):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 5))
    forest = RandomForestRegressor(20, random_state=0).fit(X, X[:, 0])
    models.save(folder, forest)
    for path in folder.iterdir():
        path.unlink()
    tracemalloc.start()
    try:
        saved = models.save(folder, forest)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert saved.size > 32 << 20
    assert peak < 16 << 20


def test_an_unknown_format_is_an_argument_error(folder, model):
    with pytest.raises(ArgumentError, match="'skops'"):
        models.save(folder, model, format="onnx")


def test_skops_is_asked_for_by_name(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match=re.escape('pip install "skribe[skops]"')):
        models.check_format("skops")
    models.check_format("joblib")


def test_metadata_has_its_place(folder, model):
    import yaml

    models.save(folder, model, metadata={"run_id": "0199", "utc_time_created": "2026-01-01", "seen": 3})
    told = yaml.safe_load((folder / "MLmodel").read_text())
    assert (told["run_id"], told["utc_time_created"], told["metadata"]) == ("0199", "2026-01-01", {"seen": 3})
    assert told["skribe"]["format"] == 1


def test_an_open_text_file_does_not_get_into_the_model(folder, tmp_path):
    (tmp_path / "secret.txt").write_text("a secret")
    with open(tmp_path / "secret.txt", encoding="utf-8") as opened, pytest.raises(models.NotSaved, match="open file"):
        models.save(folder, Keeps(opened))


def test_text_in_memory_is_no_open_file(folder, load):
    assert load(models.save(folder, Keeps(io.StringIO("it")))).part.read() == "it"


def test_global_variables_that_go_along_are_named_and_secrets_do_not_go(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from sklearn.preprocessing import FunctionTransformer
        from skribe import models
        limit, api_token = 3, "hunter2"
        def clipped(X): return X.clip(max=limit)
        def asks(X): return X if api_token else None
        root = Path(sys.argv[1])
        for name in ("one", "two"): (root / name).mkdir()
        saved = models.save(root / "one", FunctionTransformer(clipped), is_secret=lambda name: "token" in name)
        print(*[note.reason for note in saved.notes])
        try:
            models.save(root / "two", FunctionTransformer(asks), is_secret=lambda name: "token" in name)
        except models.NotSaved as error:
            print(error.reason)
        assert not list((root / "two").iterdir())
    """
    code = textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert "global variables that its functions use: limit" in done.stdout
    assert "api_token, which holds a secret" in done.stdout
