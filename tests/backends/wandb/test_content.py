"""What W&B is told of a run, as plain values."""

from __future__ import annotations

from dataclasses import replace

from skribe.backends.wandb.content import (
    Layout,
    config_of,
    exit_code_of,
    key_of,
    name_of,
    notes_of,
    points_of,
    summary_of,
    tags_of,
)
from skribe.records import Metric, Param
from skribe.testing import a_run
from skribe.testing.samples import an_end


def test_parameters_keep_their_types():
    run = a_run(params={"C": 0.5, "n": 3, "flag": False, "none": None, "name": "l2"})
    run = replace(run, params=(*run.params, Param("grid", '{"C": [1, 2]}', "json"), Param("step", "PCA()", "object")))
    config = config_of(run)
    assert {key: config[key] for key in ("C", "n", "flag", "none", "name")} == {
        "C": 0.5, "n": 3, "flag": False, "none": None, "name": "l2",
    }  # fmt: skip
    assert config["grid"] == {"C": [1, 2]}
    assert config["step"] == "PCA()"


def test_a_number_that_json_cannot_hold_stays_text():
    run = replace(a_run(), params=(Param("missing_values", "nan", "float"),))
    assert config_of(run)["missing_values"] == "nan"


def test_what_is_no_parameter_is_under_skribe():
    own = config_of(a_run(kind="search", experiment="exp"))["skribe"]
    assert (own["experiment"], own["kind"], own["status"], own["wall"]) == ("exp", "search", "finished", 1.25)
    assert own["facts"] == {"n_iter_": 12}
    assert own["datasets"][0]["fingerprint"] == "0011aabb"


def test_a_parameter_called_skribe_is_not_lost():
    config = config_of(replace(a_run(), params=(Param("skribe", "yes", "str"),)))
    assert config["skribe/skribe"] == "yes"
    assert config["skribe"]["kind"] == "fit"


def test_the_summary_has_the_last_value_and_keys_that_wandb_needs_move():
    run = replace(
        a_run(), metrics=(Metric("loss", 0.5, 0), Metric("loss", 0.25, 1), Metric("_step", 7.0), Metric("", 1.0))
    )
    assert summary_of(run) == {"loss": 0.25, "skribe/_step": 7.0, "skribe/nameless": 1.0}
    assert [(point.key, point.step, point.value) for point in points_of(run)] == [("loss", 0, 0.5), ("loss", 1, 0.25)]
    assert key_of("acc") == "acc"


def test_a_point_has_its_time():
    (point,) = points_of(replace(a_run(), metrics=(Metric("loss", 0.5, 3, 1_760_000_000.5),)))
    assert point.row() == {"skribe/step": 3, "loss": 0.5, "_timestamp": 1_760_000_000.5}


def test_tags_that_are_too_long_stay_in_the_config():
    run = replace(a_run(), tags={"team": "risk", "why": "x" * 100, "odd": "a\nb"})
    assert tags_of(run) == ("team=risk",)
    assert config_of(run)["skribe"]["tags"]["why"] == "x" * 100


def test_the_notes_say_how_it_failed_and_what_is_absent():
    notes = notes_of(a_run(end="failed"))
    assert "ValueError: Input X contains NaN." in notes
    assert "training_roc_auc: it gives no probabilities" in notes
    assert "ConvergenceWarning: lbfgs failed to converge" in notes


def test_names_and_exit_codes():
    assert name_of(replace(a_run(), name="x" * 200)) == "x" * 128
    codes = [exit_code_of(replace(a_run(), end=an_end(status))) for status in ("finished", "failed", "killed")]
    assert codes == [0, 1, 255]


class TestLayout:
    def test_it_is_remembered_behind_the_id_and_read_in_its_first_form(self):
        layout = Layout().trying(3, charts=True).done(3, ["a"])
        written = layout.write("team/churn/r1")
        assert written.partition("|")[0] == "team/churn/r1"
        assert Layout.read(written) == Layout.read(layout.write()) == layout
        assert Layout.read(written.partition("|")[2]) == layout
        assert Layout.read("team/churn/r1") == Layout()

    """A point that comes again gets the row that it had."""

    def test_the_first_time(self):
        layout = Layout.read(None).trying(3, charts=True)
        assert (layout.rows(), layout.charts_row) == ([0, 1, 2], 3)

    def test_what_is_new_goes_after_what_has_arrived(self):
        before = Layout.read(Layout().trying(3, charts=True).done(3, ["a"]).write())
        layout = before.trying(5, charts=False)
        assert layout.rows() == [0, 1, 2, 4, 5]
        assert (layout.arrived, layout.charts, layout.charts_row) == (3, {"a"}, 6)

    def test_what_has_arrived_comes_again_in_vain(self):
        before = Layout().trying(3, charts=True).done(3, ["a"])
        assert before.trying(3, charts=False) == before

    def test_after_a_crash_points_have_the_rows_that_they_had(self):
        tried = Layout().trying(3, charts=True)
        again = Layout.read(tried.write()).trying(5, charts=True)
        assert again.rows()[:3] == tried.rows()
        assert again.rows()[3:] == [4, 5]
        assert again.charts_row == 6

    def test_charts_alone_get_a_row_of_their_own(self):
        layout = Layout().trying(2, charts=False).done(2, []).trying(2, charts=True)
        assert layout.charts_row == 3
        assert layout.rows() == [0, 1]
