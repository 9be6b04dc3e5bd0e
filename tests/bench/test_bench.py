"""`labelaudit bench`: presets that fit what they name, runs that are kept and never made twice, an honest table."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from labelaudit.bench import (
    Arm,
    Finished,
    Preset,
    Run,
    coverage,
    figures,
    narrow,
    run_preset,
    tables,
)
from labelaudit.bench import runs as record
from labelaudit.bench.datasets import open_dataset
from labelaudit.bench.presets import get_preset, get_presets, list_presets, list_tables
from labelaudit.bench.presets.gaussian import increment_over_penalty
from labelaudit.bench.readings import best_accuracy, chosen_accuracy, detection, last_accuracy
from labelaudit.bench.running import draw
from labelaudit.cli import app
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.methods import configure, get_method
from labelaudit.models.run import train
from labelaudit.networks import network_names
from labelaudit.regularizers import configure_all

PRESETS = {preset.name: preset for preset in list_presets()}
SIZES = {"mnist": 60_000, "cifar10": 50_000, "cifar100": 50_000, "digits": 1397}


def write_dataset(folder: Path, side: int, train: int = 14, test: int = 10, classes: int = 10) -> Path:
    """Classes of squares that differ in brightness, in train and test folders."""
    generator = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for label in range(classes):
            place = folder / split / str(label)
            place.mkdir(parents=True)
            for index in range(count):
                pixels = np.clip(generator.normal(250 / classes * label, 8, (side, side)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the datasets in it, by name."""
    root = tmp_path_factory.mktemp("data")
    write_dataset(root / "mnist", 28)
    write_dataset(root / "cifar10", 32)
    write_dataset(root / "cifar100", 32, train=2, test=1, classes=100)
    return root


def made(preset: Preset, arm: Arm, seed: int, values: dict[str, float | None], **changed: Any) -> Run:
    """A run that nobody made."""
    about: dict[str, Any] = {
        "preset": preset.name,
        "arm": arm.name,
        "seed": seed,
        "device": "cpu",
        "epochs": arm.epochs,
        "samples": preset.setting.samples,
        "cut": None,
        "whole": True,
        "definition": record.definition_of(preset, arm),
        "data": "d",
        "values": values,
        "noise": 0.5,
        "seconds": 10.0,
        "core_seconds": 8.0,
        "busy": 0.1,
        "machine": "one core",
        "versions": {"torch": "2.0"},
        "date": "2026-11-21",
    }
    return Run(**{**about, **changed})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_what_there_is(name: str) -> None:
    preset = PRESETS[name]
    setting = preset.setting
    assert setting.samples + setting.valid <= SIZES[setting.dataset]
    assert all(preset.cost(device).seconds > 0 for device in ("cpu", "cuda"))
    assert preset.differs
    assert preset.paper
    assert len({arm.name for arm in preset.arms}) == len(preset.arms)
    assert {row for order in preset.orders for row in order} <= set(preset.rows())
    for arm in preset.arms:
        assert arm.network in network_names(pixels=not setting.features)
        assert configure_all(arm.regularizers).keys() == arm.regularizers.keys()
        for epochs in (4, arm.epochs):
            method = configure(get_method(arm.method), arm.options_for(epochs))
            method.check_epochs(epochs)
            assert method.recipe("pixels").rate(0) == arm.options_for(epochs)["lr"]
        assert arm.readings


def test_the_issue_s_numbers_are_the_papers() -> None:
    def paper(preset: str) -> dict[str, float | None]:
        return {row: reading.paper for row, (_, reading) in PRESETS[preset].rows().items()}

    assert paper("limit-mnist-50")["CE: test accuracy"] == 71.8
    assert paper("limit-mnist-50")["LIMIT_L: test accuracy"] == 88.2
    assert list(paper("limit-mnist-80").values())[-2:] == [93.9, None]
    assert paper("limit-mnist-89-48k")["MAE: test accuracy"] == 17.6
    assert paper("limit-cifar10-60")["LIMIT_G+init: test accuracy"] == 81.9
    assert paper("crust-cifar100-asym-40")["INCV: best test accuracy of any epoch"] == 50.7
    assert paper("sln-cifar10-open")["Co-T: test accuracy"] == 85.21
    assert paper("spectral-cifar10-70")["l2 + Jacobian: squared Jacobian norm"] == 19
    assert paper("spectral-cifar100-flip-30")["l2 + SN: test accuracy"] == 63.5
    assert list(paper("limit-mnist-detection").values()) == [0.9987]
    assert list(paper("spectral-mnist-flip").values()) == [91.64, 95.66]
    assert list(paper("sln-cifar10-symmetric").values())[:4] == [53.16, 80.0, 84.71, 87.0]
    assert paper("spectral-cifar10-30")["l2: test accuracy"] == 83.57
    assert paper("spectral-cifar10-30")["l2 + SN: test accuracy"] == 85.35
    assert paper("limit-cifar10-pair")["LIMIT_G: AUROC of limit_residual"] == 0.911


def test_a_shorter_run_keeps_its_proportions() -> None:
    arm = get_preset("crust-cifar10-50").arms[0]
    full, short = arm.options_for(120), arm.options_for(12)
    assert (full["warmup"], full["schedule"]) == (5, "80,100")
    assert (short["warmup"], short["schedule"]) == (1, "8,10")


def kinds() -> dict[str, Preset]:
    """Every kind of arm and setting of the presets once, with the smallest network that can take its place."""
    found: dict[tuple[object, ...], Preset] = {}
    for preset in PRESETS.values():
        setting = preset.setting
        for arm in preset.arms:
            kind = (arm.method, *arm.regularizers, *arm.spans, [one.name for one in arm.readings] != [""])
            found.setdefault((*kind, setting.features), replace(preset, arms=(arm,)))
        found.setdefault((setting.dataset, setting.sees_images, setting.outside), replace(preset, arms=preset.arms[:1]))
    return {f"{preset.name}: {preset.arms[0].name}": preset for preset in found.values()}


KINDS = kinds()


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_preset_runs_on_a_slice(name: str, data: Path, tmp_path: Path) -> None:
    """The networks of the presets have tests of their own; here a small one takes their place."""
    preset = KINDS[name]
    if not preset.setting.features:
        preset = replace(preset, arms=tuple(replace(arm, network="cnn") for arm in preset.arms))
    runs = run_preset(preset, data=data, runs=tmp_path / "runs.jsonl", seeds=[0], epochs=2, samples=100)
    assert not any((tmp_path / "unfinished").iterdir())
    assert [run.arm for run in runs] == [arm.name for arm in preset.arms]
    for run, arm in zip(runs, preset.arms, strict=True):
        assert not run.whole
        assert (run.samples, run.epochs) == (100, 2)
        assert list(run.values) == [reading.name for reading in arm.readings]
        assert all(value is None or math.isfinite(value) for value in run.values.values())
        assert any(value is not None for value in run.values.values())
    assert record.read(tmp_path / "runs.jsonl") == runs


def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    preset, runs, told = get_preset("digits"), tmp_path / "runs.jsonl", list[tuple[str, bool]]()
    small = replace(preset, arms=preset.arms[:3])
    first = run_preset(small, data=None, runs=runs, seeds=[0], epochs=1, samples=100)
    lines = runs.read_text(encoding="utf-8").splitlines(keepends=True)
    runs.write_text("".join(lines[:2]) + lines[2][:50], encoding="utf-8")  # torn by a crash

    def tell(run: Run, known: bool) -> None:
        told.append((run.arm, known))

    again = run_preset(small, data=None, runs=runs, seeds=[0], epochs=1, samples=100, told=tell)
    assert told == [("ce", True), ("crust", True), ("limit", False)]
    assert [run.values for run in again] == [run.values for run in first]  # same seed, same values
    other = replace(small, arms=(replace(small.arms[0], options={**small.arms[0].options, "lr": 0.01}),))
    told.clear()
    run_preset(other, data=None, runs=runs, seeds=[0], epochs=1, samples=100, told=tell)
    assert told == [("ce", False)]  # another definition is another run


def test_an_interrupted_run_keeps_what_is_finished(tmp_path: Path) -> None:
    runs = tmp_path / "runs.jsonl"

    def stop(stage: str, done: int, total: int | None) -> None:
        if "crust" in stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_preset(get_preset("digits"), data=None, runs=runs, seeds=[0], epochs=1, samples=100, progress=stop)
    assert [run.arm for run in record.read(runs)] == ["ce"]


def test_an_arm_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = get_preset("digits")
    preset = replace(whole, arms=whole.arms[:1])
    (arm,) = preset.arms
    preset = replace(preset, arms=(replace(arm, series=("train_loss",)),))
    (plain,) = run_preset(preset, data=None, runs=tmp_path / "a" / "runs.jsonl", seeds=[0], epochs=3, samples=100)
    epochs = list[int]()

    def stop(stage: str, done: int, total: int | None) -> None:
        epochs.append(done)
        if epochs == [1, 2]:
            raise KeyboardInterrupt

    runs = tmp_path / "b" / "runs.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_preset(preset, data=None, runs=runs, seeds=[0], epochs=3, samples=100, progress=stop)
    assert record.read(runs) == ()
    (again,) = run_preset(preset, data=None, runs=runs, seeds=[0], epochs=3, samples=100, progress=stop)
    assert epochs == [1, 2, 3]
    assert again.values == plain.values
    assert again.series == plain.series
    assert len(again.series["train_loss"]) == 3


def test_cells_are_found_by_arm_noise_and_size() -> None:
    table = get_presets("limit-mnist")
    (one,) = narrow(table, arms=["MAE", "LIMIT_L"], noise=[0.5], n=[1000])
    assert (one.name, [arm.name for arm in one.arms]) == ("limit-mnist-50", ["MAE", "LIMIT_L"])
    assert len(narrow(table, noise=[0.5])) == 3
    assert narrow(table) == table
    with pytest.raises(OptionError, match="--arm LIMIT is not in this table: it has CE, CE"):
        narrow(table, arms=["LIMIT"])
    with pytest.raises(OptionError, match="no cell of this table"):
        narrow(table, noise=[0.89], n=[1000])


def test_a_plan_takes_what_fits_and_is_not_measured_yet() -> None:
    presets = get_presets("limit-mnist")
    everything = coverage.plan(presets, [], budget=1e9, device="cpu", seeds=1)
    assert len(everything) == sum(len(preset.arms) for preset in presets)
    first = coverage.plan(presets, [], budget=120, device="cpu", seeds=1)
    assert 0 < len(first) < len(everything)
    assert sum(item.seconds for item in first) <= 120
    run = made(first[0].preset, first[0].arm, 0, {"test accuracy": 50.0})
    assert first[0] not in coverage.plan(presets, [run], budget=120, device="cpu", seeds=1)
    (covered,) = [one for one in coverage.cover(list_tables(), [run]) if one.table.name == "limit-mnist"]
    assert (covered.cells, covered.measured) == (110, 1)


def test_dependent_and_open_set_noise_are_planted(data: Path) -> None:
    strangers = open_dataset("cifar100", data)
    assert strangers.classes == 100
    dataset = open_dataset("cifar10", data)
    drawn = draw(dataset, replace(get_preset("sln-cifar10-dependent").setting, samples=100), 0)
    assert float((drawn.given != drawn.true).mean()) == pytest.approx(0.4)
    open_ = draw(dataset, replace(get_preset("sln-cifar10-open").setting, samples=100), 0, strangers=strangers)
    assert float((open_.true == -1).mean()) == pytest.approx(0.4)
    kept = draw(dataset, replace(get_preset("sln-cifar10-open").setting, samples=100), 0)
    replaced = (open_.x != kept.x).any((1, 2, 3))
    assert np.array_equal(replaced, open_.true == -1)
    assert np.array_equal(open_.given, kept.true)


def test_a_damaged_record_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text('{"preset": "digits"}\n', encoding="utf-8")
    with pytest.raises(RunError, match="line 1"):
        record.read(path)


def test_a_torn_line_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    path, preset = tmp_path / "runs.jsonl", get_preset("digits")
    run = made(preset, preset.arms[0], 0, {"test accuracy": 1.0})
    record.append(path, run)
    path.write_text(path.read_text(encoding="utf-8") + '{"preset": "dig', encoding="utf-8")
    record.append(path, replace(run, seed=1))
    assert [found.seed for found in record.read(path)] == [0, 1]


def test_noise_and_splits_are_the_setting_s(data: Path) -> None:
    dataset = open_dataset("mnist", data)
    assert (len(dataset.train.labels), len(dataset.test.labels)) == (140, 100)
    setting = replace(get_preset("limit-mnist-50").setting, samples=80, valid=20)
    drawn, other = draw(dataset, setting, 0), draw(dataset, setting, 1)
    assert drawn.x.shape == (80, 28, 28, 1)
    assert 0.3 < float((drawn.given != drawn.true).mean()) < 0.7
    assert drawn.valid is not None
    clean = draw(dataset, replace(setting, valid_noisy=False), 0).valid
    assert clean is not None
    assert np.array_equal(drawn.valid[0], clean[0])
    assert 0.2 < float((drawn.valid[1] != clean[1]).mean()) < 0.8
    assert not np.array_equal(drawn.true, other.true)
    brightness = np.round((drawn.x.mean((1, 2, 3)) - 2) / 25).astype(int)  # rows and images belong together
    assert float((np.abs(brightness - drawn.true) <= 1).mean()) == 1.0


def test_datasets_are_found_by_name_or_as_they_are(data: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    alone = open_dataset("mnist", data / "mnist")
    assert alone.fingerprint == open_dataset("mnist", data).fingerprint
    for split in ("train", "test"):
        rows = [
            ({"bytes": path.read_bytes(), "path": None}, int(path.parent.name))
            for path in sorted((data / "mnist" / split).rglob("*.png"))
        ]
        table = pa.table({"image": [image for image, _ in rows], "label": [label for _, label in rows]})
        pq.write_table(table, tmp_path / f"mnist-{split}.parquet")
        pq.write_table(table, tmp_path / f"other-{split}.parquet")
    found = open_dataset("mnist", tmp_path)
    assert found.fingerprint == alone.fingerprint
    rows_ = np.array([100, 3, 57])
    assert np.array_equal(found.test.take(rows_ // 2), alone.test.take(rows_ // 2))


def test_what_is_no_such_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--data"):
        open_dataset("cifar10", None)
    half = write_dataset(tmp_path / "a", 28, test=1)
    shutil.rmtree(half / "test")
    with pytest.raises(DataError, match="no test split"):
        open_dataset("mnist", half)
    nine = write_dataset(tmp_path / "b", 28, 1, 1)
    for split in ("train", "test"):
        shutil.rmtree(nine / split / "9")
    with pytest.raises(DataError, match="9 classes"):
        open_dataset("mnist", nine)
    with pytest.raises(OptionError, match="--samples 50"):
        run_preset(get_preset("digits"), data=None, runs=tmp_path / "runs.jsonl", samples=50)


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
    assert chosen_accuracy().read(run) == pytest.approx(65)
    assert best_accuracy().read(run) == pytest.approx(80)
    assert last_accuracy().read(run) == pytest.approx(75)
    assert last_accuracy(view="network").read(run) == pytest.approx(40)


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
    trained = train(x, labels, 3, network="linear", epochs=30, test=(x, labels), options={"lr": 0.01})
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


def test_list_says_what_covers_what_and_what_nothing_covers(tmp_path: Path) -> None:
    here = ["-o", str(tmp_path / "RESULTS.md")]
    found = CliRunner().invoke(app, ["bench", "--list", *here])
    assert found.exit_code == 0
    for table in list_tables():
        assert table.name in found.stdout
        assert not table.missing or f"Not in {table.name}: " in found.stdout
    cells = sum(table.cells for table in list_tables())
    assert f"{cells} numbers of the papers have a preset, 0 of them were measured." in found.stdout
    listed = json.loads(CliRunner().invoke(app, ["bench", "--list", "--json", *here]).stdout)
    presets = [one for table in listed for one in table["presets"]]
    assert {one["preset"] for one in presets} == {*PRESETS}
    assert all(cost["known"] for one in presets for cost in one["seconds_a_seed"].values())
    assert sum(value is not None for one in presets for value in one["rows"].values()) == cells


def test_the_command_plans_within_a_budget(tmp_path: Path) -> None:
    output = str(tmp_path / "RESULTS.md")
    arguments = ["bench", "digits", "--plan", "--budget", "30s", "--epochs", "1", "--samples", "100", "-o", output]
    found = CliRunner().invoke(app, [*arguments, "--seeds", "1", "--arm", "ce", "--json"])
    assert found.exit_code == 0, found.output
    assert {row["row"].partition(":")[0] for row in json.loads(found.stdout)} == {"ce"}


def test_the_command_writes_its_table_and_says_where(tmp_path: Path) -> None:
    output = tmp_path / "out" / "RESULTS.md"
    arguments = ["bench", "digits", "--seeds", "1", "--epochs", "1", "--samples", "100", "-o", str(output)]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "ce: test accuracy" in first.stdout
    assert "A slice" in first.stdout
    assert "| digits | limit: AUROC |" in output.read_text(encoding="utf-8")
    again = CliRunner().invoke(app, [*arguments, "--json"])
    assert "(known)" in again.stderr
    rows = json.loads(again.stdout)
    assert rows[0]["slice"] is True
    assert list(rows[0]["values"]) == ["0"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bench"], "name a table or a preset"),
        (["bench", "limit-mnist", "--noise", "0.3"], "--noise 0.3 is not in this table: it has 0.0, 0.5, 0.8, 0.89"),
        (["bench", "--plan", "--budget", "soon"], "give a time such as 8m"),
        (["bench", "digit"], "did you mean 'digits'"),
        (["bench", "sln-mnist"], "--data"),
        (["bench", "digits", "-o", "."], "name the Markdown file"),
    ],
)
def test_what_cannot_be_run_is_one_line(arguments: list[str], said: str) -> None:
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


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


def test_fanos_curve_is_the_bound() -> None:
    assert figures.draw_fano().count("<polyline") == 4
