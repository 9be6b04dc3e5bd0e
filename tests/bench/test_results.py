"""Results of `labelaudit bench`: what is read from a run, the table and the figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_records import made
from sklearn.metrics import roc_auc_score

from labelaudit.bench import figures, tables
from labelaudit.bench import runs as record
from labelaudit.bench.preset import Finished
from labelaudit.bench.presets import get_preset
from labelaudit.bench.presets.gaussian import increment_over_penalty
from labelaudit.bench.readings import best_accuracy, chosen_accuracy, detection, last_accuracy, squared_jacobian
from labelaudit.bench.running import run_preset
from labelaudit.bench.superclasses import SUPERCLASSES, next_in_superclass
from labelaudit.errors import OptionError, RunError
from labelaudit.models.run import train
from labelaudit.training.settings import ModelSettings


class _Trained:
    def __init__(self, curves: Sequence[dict[str, float]]) -> None:
        self.curves = curves


def test_which_epoch_is_read() -> None:
    curves = [
        {"valid_accuracy": 0.5, "test_accuracy": 0.6, "test_accuracy_network": 0.1},
        {"valid_accuracy": 0.7, "test_accuracy": 0.65, "test_accuracy_network": 0.2},
        {"valid_accuracy": 0.7, "test_accuracy": 0.8, "test_accuracy_network": 0.3},
        {"valid_accuracy": 0.6, "test_accuracy": 0.75, "test_accuracy_network": 0.4},
    ]
    none: Any = np.zeros(0)
    trained: Any = _Trained(curves)
    run = Finished(trained=trained, wrong=none, x=none, given=none, test_x=none, test_y=none, seed=0)
    assert best_accuracy().read(run) == pytest.approx(80)
    assert last_accuracy().read(run) == pytest.approx(75)
    assert last_accuracy(view="network").read(run) == pytest.approx(40)


def test_the_chosen_epoch_is_the_best_on_validation_and_alone_meets_the_test_samples() -> None:
    """What the reading of the kept model says is what curves of every epoch say of the chosen one."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 240)
    x = (generator.normal(size=(240, 4)) + np.eye(3, 4)[labels]).astype(np.float32)
    given, valid, test = labels[:80], (x[80:160], labels[80:160]), (x[160:], labels[160:])
    settings = ModelSettings(network="mlp", epochs=12, options={"lr": 0.05})
    rows = train(settings, x[:80], given, 3, test=test, valid=valid).curves
    best = max(rows, key=lambda row: row["valid_accuracy"])
    assert len({row["test_accuracy"] for row in rows}) > 1  # so that another epoch would show
    kept = train(replace(settings, keep="best"), x[:80], given, 3, valid=valid)
    run = Finished(trained=kept, wrong=given < 0, x=x, given=given, test_x=test[0], test_y=test[1], seed=0)
    assert chosen_accuracy().read(run) == pytest.approx(100 * best["test_accuracy"])
    assert chosen_accuracy().chosen
    assert not last_accuracy().chosen


def test_jacobians_are_of_the_samples_that_are_asked_for() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 90)
    x = (generator.normal(size=(90, 4)) + np.eye(3, 4)[labels]).astype(np.float32)
    trained = train(ModelSettings(network="mlp", epochs=5, options={"lr": 0.05}), x, labels, 3)
    run = Finished(trained=trained, wrong=labels < 0, x=x, given=labels, test_x=x + 3, test_y=labels, seed=0)
    same = replace(run, test_x=x)
    found = squared_jacobian(training=True).read(run)
    assert found == pytest.approx(squared_jacobian().read(same))
    assert found != pytest.approx(squared_jacobian().read(run), rel=1e-3)


def test_detection_is_read_from_the_suspicion_or_a_column() -> None:
    generator = np.random.default_rng(0)
    wrong, scores = generator.random(200) < 0.3, generator.integers(0, 20, 200).astype(float)
    none: Any = np.zeros(0)
    trained: Any = _Trained([])
    trained.suspicion, trained.last = scores, {"loss": -scores}
    run = Finished(trained=trained, wrong=wrong, x=none, given=none, test_x=none, test_y=none, seed=0)
    assert detection().read(run) == pytest.approx(roc_auc_score(wrong, scores))
    assert detection(column="loss").read(run) == pytest.approx(roc_auc_score(wrong, -scores))
    assert math.isnan(detection().read(replace(run, wrong=np.ones(200, dtype=bool))))


def test_the_noise_s_effect_is_the_regulariser_s_where_the_theorem_holds() -> None:
    """A linear network has no curvature but the softmax's: both sides agree for logits that move little."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 300)
    x = (generator.normal(size=(300, 4)) + np.eye(3, 4)[labels]).astype(np.float32)
    trained = train(ModelSettings(network="linear", epochs=30, options={"lr": 0.01}), x, labels, 3, test=(x, labels))
    run = Finished(trained=trained, wrong=labels < 0, x=x, given=labels, test_x=x, test_y=labels, seed=0)
    assert increment_over_penalty(run) == pytest.approx(1, abs=0.1)


def test_the_table_is_means_and_deviations_beside_the_paper() -> None:
    preset = get_preset("limit-mnist-50")
    ce, limit = preset.arms[0], preset.arms[-1]
    runs = [made(preset, ce, seed, {"test accuracy": 60.0 + seed}) for seed in range(3)]
    runs += [made(preset, limit, seed, {"test accuracy": 88.0 + 2 * seed}, busy=3.0) for seed in range(3)]
    (group,) = tables.rows_of(preset, runs)
    assert group[0].cells() == (
        *("CE: test accuracy", "71.8", "61.0 ± 1.0", "-10.8", "3", "1,000", str(ce.epochs), "10", "8", "one core"),
    )
    assert group[1].cells()[2:4] == ("90.0 ± 2.0", "+1.8")
    assert group[1].cells()[-3] == "10 (busy)"
    (order,) = tables.orders_of(preset, group)
    assert order == "LIMIT_L: test accuracy > CE: test accuracy holds: +29.0, in 3 of 3 seeds"
    worse = [replace(run, values={"test accuracy": 50.0}) if run.arm == limit.name else run for run in runs]
    (order,) = tables.orders_of(preset, tables.rows_of(preset, worse)[0])
    assert "does not hold: -11.0, in 0 of 3 seeds" in order


def test_a_slice_is_a_group_of_its_own_and_old_definitions_leave_the_table() -> None:
    preset = get_preset("limit-mnist-50")
    ce = preset.arms[0]
    runs = [
        made(preset, ce, 0, {"test accuracy": 10.0}, whole=False, cut=100, samples=100),
        made(preset, ce, 0, {"test accuracy": 20.0}),
        made(preset, ce, 1, {"test accuracy": 90.0}, definition="old"),
    ]
    whole, part = tables.rows_of(preset, runs)
    assert whole[0].ours == "20.0"
    assert part[0].cells()[5] == "100 (slice)"
    assert "the slice" in tables.section([preset], runs)


def test_the_share_of_wrong_labels_is_that_of_all_seeds() -> None:
    preset = get_preset("limit-mnist-50")
    runs = [made(preset, preset.arms[0], seed, {"test accuracy": 20.0}, noise=seed / 10 + 0.4) for seed in (0, 1)]
    assert "; 45.0% of the labels are wrong." in tables.section([preset], runs)


def test_arms_of_different_lengths_are_compared_in_a_slice_too() -> None:
    preset = get_preset("limit-mnist-50")
    values = {"test accuracy": 50.0}
    cut = [made(preset, arm, 0, values, whole=False, cut=100, samples=100) for arm in preset.arms]
    short = [made(preset, arm, 0, values, whole=False, epochs=2) for arm in preset.arms]
    assert [len(group) for group in tables.rows_of(preset, cut + short)] == [len(preset.arms)] * 2


def test_only_the_section_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n\nmine\n", encoding="utf-8")
    tables.write_section(path, "one")
    path.write_text(path.read_text(encoding="utf-8") + "\n## After\n", encoding="utf-8")
    tables.write_section(path, "two")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Results\n\nmine\n")
    assert text.endswith("\n## After\n")
    assert "two" in text
    assert "one" not in text
    tables.write_section(path, "two")
    assert path.read_text(encoding="utf-8") == text
    unclosed = text.replace("<!-- /bench -->", "")
    path.write_text(unclosed, encoding="utf-8")
    with pytest.raises(RunError, match="without <!-- /bench --> after it: add that where the table ends"):
        tables.write_section(path, "three")
    assert path.read_text(encoding="utf-8") == unclosed


def test_rows_in_the_papers_order_correlate_with_it() -> None:
    preset = get_preset("limit-cifar10-60")
    numbers = [reading.paper or 0.0 for _, reading in preset.rows().values()]
    for factor, said in ((0.5, "1.00"), (-1.0, "-1.00")):
        runs = [
            made(preset, arm, 0, {"test accuracy": factor * number}, whole=True)
            for arm, number in zip(preset.arms, numbers, strict=True)
        ]
        (group,) = tables.rows_of(preset, runs)
        assert tables.agreement_of(group) == f"Ranks of 8 rows, ours and the paper's, correlate by {said}"
    assert tables.agreement_of(group[:3]) == ""


def test_figures_are_drawn_from_what_the_arms_kept(tmp_path: Path) -> None:
    preset = get_preset("crust-figure-50")
    series = {"chosen_clean": [None, 0.5, 0.7], "test_accuracy": [0.1, 0.2, 0.3]}
    runs = [made(preset, arm, seed, {}, series=series) for arm in preset.arms for seed in (0, 1)]
    drawn = figures.draw_series(preset, runs)
    assert [*drawn] == ["crust-figure-50-chosen-clean.svg", "crust-figure-50-test-accuracy.svg"]
    assert all(name in drawn["crust-figure-50-chosen-clean.svg"] for name in ("30%", "50%", "70%"))
    assert figures.draw_series(preset, []) == {}
    assert figures.draw_series(get_preset("digits"), runs) == {}
    record.append(tmp_path / "results" / "bench.jsonl", runs[0])


def test_a_curve_that_is_read_once_goes_into_a_figure_of_its_own(tmp_path: Path) -> None:
    preset = get_preset("digits")
    arm = next(arm for arm in preset.arms if arm.name == "limit")
    kept = ("reliability", "distance_right", "distance_wrong", "gradient_wrong")
    preset = replace(preset, arms=(replace(arm, series=kept),))
    (run,) = run_preset(preset, data=None, runs=tmp_path / "r.jsonl", seeds=[0], epochs=2, samples=200)
    right, wrong, _ = (run.series[name] for name in kept[1:])
    assert sum(value or 0 for value in right) == pytest.approx(1, abs=1e-4)
    assert sum(value or 0 for value in wrong) == pytest.approx(1, abs=1e-4)
    accuracy = [value for value in run.series["reliability"] if value is not None]
    assert accuracy
    assert all(0 <= value <= 1 for value in accuracy)
    drawn = figures.draw_series(preset, [replace(run, whole=True)])
    assert {*drawn} == {"digits-reliability.svg", "digits-distance.svg", "digits-gradient.svg"}
    assert all(f"limit, {of} labels" in drawn["digits-distance.svg"] for of in ("right", "wrong"))
    assert "confidence" in drawn["digits-reliability.svg"]


def test_classes_are_exchanged_within_their_superclass() -> None:
    labels = np.arange(100).repeat(4)
    made = next_in_superclass(labels, 100, 0.5, generator=np.random.default_rng(0))
    assert made.rate == 0.5
    of = np.array(SUPERCLASSES)
    assert np.array_equal(of[made.labels], of[labels])
    assert np.bincount(of).tolist() == [5] * 20
    assert {of[3], of[42], of[43], of[88], of[97]} == {8}, "bear, leopard, lion, tiger and wolf are large carnivores"
    with pytest.raises(OptionError, match="CIFAR-100's 100 classes, not of 10"):
        next_in_superclass(labels % 10, 10, 0.5, generator=np.random.default_rng(0))


def test_fanos_curve_is_the_bound() -> None:
    assert figures.draw_fano().count("<polyline") == 4
