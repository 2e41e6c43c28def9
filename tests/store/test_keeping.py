"""How many models are kept, and which."""

from __future__ import annotations

import math
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skribe.errors import ArgumentError, NotFound
from skribe.records import Changes, Metric, Registration
from skribe.store.admin import Admin
from skribe.store.artifacts import ArtifactStore
from skribe.store.journal import Journal
from skribe.store.keeping import Keep, apply, is_lowest, parse_keep
from skribe.store.query import Query
from skribe.store.removing import Remover

ACC = Keep(best=2, by="acc")


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (None, None),
        (Keep(total=3), Keep(total=3)),
        (0, Keep(total=0)),
        (500_000, Keep(total=500_000)),
        ("5000", Keep(total=5_000)),
        ("20 GB", Keep(total=20 * 10**9)),
        (" 1.5gib ", Keep(total=3 * 2**29)),
        ("700 kB", Keep(total=700_000)),
        ("3T", Keep(total=3 * 10**12)),
        ({"total": "1 MB"}, Keep(total=10**6)),
        ({"best": 3, "by": "accuracy_score_X_test"}, Keep(3, "accuracy_score_X_test")),
        ({"best": 0, "by": "training_mean_squared_error"}, Keep(0, "training_mean_squared_error", True)),
        ({"best": 1, "by": "wear", "lowest": True, "total": 9}, Keep(1, "wear", True, 9)),
        ({"best": 1, "by": "log_loss", "lowest": False}, Keep(1, "log_loss")),
        ("best 3 by accuracy_score_X_test", Keep(3, "accuracy_score_X_test")),
        ("Best 3 by lowest wear, 20 GB", Keep(3, "wear", True, 20 * 10**9)),
        ("20 GB, best 3 by highest log_loss", Keep(3, "log_loss", False, 20 * 10**9)),
        ("best 2 by log_loss", Keep(2, "log_loss", True)),
    ],
)
def test_understood(value, meant):
    assert parse_keep(value) == meant


@pytest.mark.parametrize(
    "value",
    [
        *(
            True,
            3,
            -1,
            2.5,
            math.nan,
            "",
            " ",
            ",",
            "many",
            "20 XB",
            "-3 GB",
            "20 GB, 30 GB",
            "best 3",
            "best by acc",
            {},
        ),
        *({"best": 3}, {"by": "acc"}, {"lowest": True}, {"best": -1, "by": "a"}, {"best": True, "by": "a"}),
        *({"best": 3, "by": ""}, {"best": 3, "by": 4}, {"best": 3, "by": "a", "lowest": 1}, {"total": "x"}),
        *({"best": 3, "by": "a", "most": 1}, [3], object, "best 1 by a, best 2 by b"),
    ],
)
def test_refused_with_the_forms(value):
    with pytest.raises(ArgumentError, match="20 GB") as caught:
        parse_keep(value)
    assert '{"best": 3, "by": "accuracy_score_X_test"}' in str(caught.value)


@pytest.mark.parametrize(
    ("metric", "lowest"),
    [
        *(("accuracy_score_X_test", False), ("best_cv_score", False), ("explained_variance_score", False)),
        *(("training_mean_squared_error", True), ("max_error_X_test", True), ("log_loss_X_test", True)),
        *(("mean_poisson_deviance", True), ("inertia", True), ("davies_bouldin_score", True)),
        *(("brier_score_loss", True), ("mean_test_neg_log_loss", False), ("d2_log_loss_score", False)),
        *(("training_mae", True), ("roc_auc", False), ("mean_fit_time", True)),
    ],
)
def test_which_way_is_better(metric, lowest):
    assert is_lowest(metric) is lowest


def with_metric(make, journal, value: float | None, **more) -> str:
    metrics = () if value is None else (Metric("acc", value, None, 1.0),)
    return make.kept(journal, metrics=metrics, **more)


def there(query, runs) -> list[bool]:
    """Whether each run's model is there; the store and the files agree."""
    found = []
    for run in runs:
        kept = bool(query.models(run))
        assert ArtifactStore(query.folder).place(run, "model").exists() is kept
        found.append(kept)
    return found


def test_the_best_stay(store, journal, query, make):
    runs = [with_metric(make, journal, value) for value in (0.5, 0.9, 0.7, math.nan, None, 0.7)]
    gone = apply(store, ACC, experiment="e", just_written=runs[5])
    assert {model.run for model in gone} == {runs[0], runs[3], runs[5]}
    assert there(query, runs) == [False, True, True, False, True, False], "of equal ones the older; unknown ones stay"
    assert apply(store, ACC, experiment="e", just_written=runs[5]) == []
    with pytest.raises(NotFound, match="was removed on 20"):
        query.model(runs[0])
    assert query.models_ever(runs[0])[0].removed == pytest.approx(time.time(), abs=60)
    assert query.run_of_state("s") == runs[5], "it is known again without its file"
    assert os.listdir(store / "artifacts" / runs[0]) == []


def test_the_lowest_stay(store, journal, query, make):
    runs = [with_metric(make, journal, value) for value in (0.5, -math.inf, math.nan, 0.7)]
    apply(store, Keep(2, "acc", lowest=True), experiment="e")
    assert there(query, runs) == [True, True, False, False]


def test_each_experiment_has_its_best(store, journal, query, make):
    runs = [with_metric(make, journal, 0.5) for _ in range(3)]
    journal.write(make.start(experiment="other"))
    assert apply(store, Keep(1, "acc"), experiment="other") == []
    Admin(store).delete_run(runs[0])
    assert [model.run for model in apply(store, Keep(1, "acc"), experiment="e")] == [runs[2]]
    assert there(query, runs) == [True, True, False], "what is in the trash is not compared"


def test_all_together(store, journal, query, make):
    runs = [make.kept(journal, size=100) for _ in range(5)]
    assert apply(store, Keep(total=500), experiment="e") == []
    Admin(store).delete_run(runs[3])
    apply(store, Keep(total=350), experiment="e")
    assert there(query, runs) == [False, True, True, False, True], "first what is in the trash, then the oldest"
    apply(store, Keep(total=0), experiment="e", just_written=runs[1])
    assert there(query, runs) == [False, True, False, False, False]


def test_both_caps(store, journal, query, make):
    runs = [with_metric(make, journal, n / 10, size=100) for n in (1, 5, 4, 3)]
    apply(store, Keep(best=3, by="acc", total=250), experiment="e", just_written=runs[3])
    assert there(query, runs) == [False, False, True, True]


def test_registered_models_stay(store, journal, query, make):
    registered = (Registration("iris", "model"),)
    runs = [with_metric(make, journal, n / 10, size=100, registered=registered if n == 1 else ()) for n in (1, 2, 3)]
    apply(store, Keep(best=0, by="acc", total=0), experiment="e")
    assert there(query, runs) == [True, False, False]
    assert query.resolve("iris").run == runs[0]


def test_a_model_written_again_is_there_again(store, journal, query, make):
    run = make.kept(journal)
    apply(store, Keep(total=0), experiment="e")
    assert there(query, [run]) == [False]
    ArtifactStore(store).put_folder(run, "model", lambda folder: None)
    journal.write(Changes(run=run, models=(make.model(size=1),)))
    assert there(query, [run]) == [True]


def test_a_replica_does_not_hear_of_a_model_that_was_removed(store, journal, query, make):
    run = make.kept(journal)
    assert [len(changes.models) for _, changes in query.read_changes()] == [0, 1]
    apply(store, Keep(total=0), experiment="e")
    assert [(changes.run, changes.models) for _, changes in query.read_changes()] == [(run, ()), (run, ())]


def test_what_is_written_again_just_now_stays(store, journal, query, make):
    run = make.kept(journal)
    time.sleep(0.02)
    ArtifactStore(store).put_folder(run, "model", lambda folder: (folder / "model.pkl").touch())
    assert apply(store, Keep(total=0), experiment="e") == []
    assert there(query, [run]) == [True]
    journal.write(Changes(run=run, models=(make.model(),)))
    assert len(apply(store, Keep(total=0), experiment="e")) == 1


def test_links_are_left_alone(store, journal, query, make, tmp_path):
    run = make.kept(journal)
    place = store / "artifacts" / run
    place.rename(tmp_path / "away")
    place.symlink_to(tmp_path / "away")
    assert apply(store, Keep(total=0), experiment="e") == []
    assert ArtifactStore(store).take_away(run, "model") is None
    assert (tmp_path / "away" / "model" / "model.pkl").exists()
    assert query.models(run)


def test_a_transaction_that_fails_puts_the_files_back(store, journal, query, make, monkeypatch):
    run = make.kept(journal)
    taken = []

    def fail(self, run, path):
        taken.append(original(self, run, path))
        raise MemoryError

    original = ArtifactStore.take_away
    with monkeypatch.context() as patch:
        patch.setattr(ArtifactStore, "take_away", fail)
        with pytest.raises(MemoryError):
            apply(store, Keep(total=0), experiment="e")
    assert query.models(run)
    assert taken


def test_a_store_that_is_not_there(store):
    assert apply(store, Keep(total=0, best=1, by="a"), experiment="e") == []
    assert not store.exists()
    assert Remover(store).folder == store


def test_fast_while_nothing_is_over_the_cap(store, journal, make):
    for n in range(30):
        with_metric(make, journal, n / 30)
    keep, spent = Keep(best=50, by="acc", total=10**9), []
    for _ in range(30):
        began = time.perf_counter()
        assert apply(store, keep, experiment="e") == []
        spent.append(time.perf_counter() - began)
    print(f"{min(spent) * 1e6:.0f} µs")
    assert min(spent) < 0.002


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    models=st.lists(
        st.tuples(st.sampled_from([None, 0.1, 0.2, math.nan]), st.integers(0, 50), st.booleans(), st.booleans()),
        max_size=7,
    ),
    best=st.none() | st.integers(0, 3),
    total=st.none() | st.integers(0, 200),
)
def test_no_cap_takes_what_it_may_not(tmp_path_factory, make, models, best, total):
    store = tmp_path_factory.mktemp("s") / "store"
    keep = Keep(best, None if best is None else "acc", total=total)
    with Journal(store, make.process) as journal:
        runs = [
            with_metric(make, journal, value, size=size, registered=(Registration("n", "model"),) if name else ())
            for value, size, name, _ in models
        ]
        for run, (*_, trashed) in zip(runs, models, strict=True):
            if trashed:
                Admin(store).delete_run(run)
        last = runs[-1] if runs else None
        gone = {model.run for model in apply(store, keep, experiment="e", just_written=last)}
        query = Query(store)
        kept = there(query, runs)
        query.close()
    for run, stays, (value, _, name, trashed) in zip(runs, kept, models, strict=True):
        assert stays is (run not in gone)
        assert stays or not name
        assert stays or total is not None or (value is not None and not trashed)
    if total is None and best is not None:
        ranked = [
            stays for stays, (value, _, name, trashed) in zip(kept, models, strict=True) if value and not trashed
        ]
        assert sum(ranked) >= min(best, len(ranked))
    if total is not None:
        free = [size for stays, run, (_, size, name, _) in zip(kept, runs, models, strict=True) if stays and not name]
        held = sum(size for stays, (_, size, *_) in zip(kept, models, strict=True) if stays)
        assert held <= total or sum(free) <= (models[-1][1] if models else 0)
