"""Presets of `labelaudit bench`: what they name exists, their numbers are the papers', their data is planted right."""

from __future__ import annotations

import functools
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import labelaudit.models.run
from labelaudit.bench import Preset, narrow, run_preset
from labelaudit.bench import runs as record
from labelaudit.bench.datasets import BenchmarkDataset, open_dataset
from labelaudit.bench.presets import get_preset, get_presets, list_presets, list_tables
from labelaudit.bench.running import draw
from labelaudit.cli import app
from labelaudit.errors import DataError, OptionError
from labelaudit.methods import configure, get_method
from labelaudit.networks import network_names
from labelaudit.regularizers import configure_all
from labelaudit.training.settings import ModelSettings

PRESETS = {preset.name: preset for preset in list_presets()}


Opener = Callable[[str, Path | None], BenchmarkDataset]

SIZES = {"mnist": 60_000, "cifar10": 50_000, "cifar100": 50_000, "svhn": 73_257, "digits": 1397}


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
    write_dataset(root / "svhn", 32)
    return root


@pytest.fixture(scope="module")
def opened() -> Opener:
    """`open_dataset` that opens a dataset once: recognising its folders takes longer than a slice."""
    return functools.cache(open_dataset)


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
        assert arm.network in network_names(pixels=not (setting.features or setting.backbone))
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
            if not preset.name.endswith("miniature"):
                found.setdefault((*kind, setting.features), replace(preset, arms=(arm,)))
        source = (setting.dataset, setting.sees_images, setting.outside, setting.backbone)
        found.setdefault(source, replace(preset, arms=preset.arms[:1]))
    return {f"{preset.name}: {preset.arms[0].name}": preset for preset in found.values()}


KINDS = kinds()


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_preset_runs_on_a_slice(
    name: str, data: Path, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The networks of the presets have tests of their own; here a small one takes their place."""
    monkeypatch.setattr("labelaudit.bench.running.open_dataset", opened)
    preset = KINDS[name]
    if not (preset.setting.features or preset.setting.backbone):
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


@pytest.mark.parametrize(("name", "arm"), [("limit-mnist-50", "FW"), ("sln-cifar10-symmetric", "Co-T from SLN")])
def test_an_arm_begins_with_the_models_of_the_run_it_comes_after(
    name: str, arm: str, data: Path, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelaudit.bench.running.open_dataset", opened)
    begun: list[ModelSettings] = []
    whole = labelaudit.models.run.train

    def watched(settings: ModelSettings, *given: Any, **rest: Any) -> object:
        begun.append(settings)
        return whole(settings, *given, **rest)

    monkeypatch.setattr("labelaudit.models.run.train", watched)
    preset = get_preset(name)
    one = next(own for own in preset.arms if own.name == arm)
    assert one.after is not None
    small = replace(one, network="cnn")
    preset = replace(preset, arms=(small,))
    record_ = tmp_path / "runs.jsonl"
    (run,) = run_preset(preset, data=data, runs=record_, seeds=[0], epochs=2, samples=100)
    *before, last = begun
    networks = 2 if arm.startswith("Co-T") else 1
    assert [first.method for first in before] == ["sln" if networks == 2 else "ce"] * networks
    assert [first.seed for first in before] == [0, 1000][:networks]
    assert {first.keep for first in before} == {"best" if preset.setting.valid else "last"}
    assert last.method == one.method
    models = last.init if isinstance(last.init, tuple) else (last.init,)
    assert [str(model).rpartition("/")[2] for model in models] == ["0", "1"][:networks]
    assert not any((tmp_path / "unfinished").iterdir())
    assert run.definition != record.definition_of(preset, replace(small, after=None))


def test_cells_are_found_by_arm_noise_and_size() -> None:
    table = get_presets("limit-mnist")
    (one,) = narrow(table, arms=["MAE", "LIMIT_L"], noise=[0.5], n=[1000])
    assert (one.name, [arm.name for arm in one.arms]) == ("limit-mnist-50", ["MAE", "LIMIT_L"])
    assert len(narrow(table, noise=[0.5])) == 3
    assert narrow(table) == table
    with pytest.raises(OptionError, match="`arm` LIMIT is not in this table: it has CE, CE"):
        narrow(table, arms=["LIMIT"])
    with pytest.raises(OptionError, match="no cell of this table"):
        narrow(table, noise=[0.89], n=[1000])


def test_dependent_and_open_set_noise_are_planted(data: Path, opened: Opener) -> None:
    strangers = opened("cifar100", data)
    assert strangers.classes == 100
    dataset = opened("cifar10", data)
    drawn = draw(dataset, replace(get_preset("sln-cifar10-dependent").setting, samples=100), 0)
    assert float((drawn.given != drawn.true).mean()) == pytest.approx(0.4)
    open_ = draw(dataset, replace(get_preset("sln-cifar10-open").setting, samples=100), 0, strangers=strangers)
    assert float((open_.true == -1).mean()) == pytest.approx(0.4)
    kept = draw(dataset, replace(get_preset("sln-cifar10-open").setting, samples=100), 0)
    replaced = (open_.x != kept.x).any((1, 2, 3))
    assert np.array_equal(replaced, open_.true == -1)
    assert np.array_equal(open_.given, kept.true)


def test_noise_and_splits_are_the_setting_s(data: Path, opened: Opener) -> None:
    dataset = opened("mnist", data)
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


def test_datasets_are_found_by_name_or_as_they_are(data: Path, opened: Opener, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    alone = open_dataset("mnist", data / "mnist")
    assert alone.fingerprint == opened("mnist", data).fingerprint
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
    with pytest.raises(OptionError, match="`data`"):
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
    (tmp_path / "c").mkdir()
    half.rename(tmp_path / "c" / "mnist")
    with pytest.raises(DataError, match="holds MNIST and no SVHN: put it there too, as a folder svhn"):
        open_dataset("svhn", tmp_path / "c")
    with pytest.raises(OptionError, match="`samples` 50"):
        run_preset(get_preset("digits"), data=None, runs=tmp_path / "runs.jsonl", samples=50)


def test_list_says_what_covers_what_and_what_nothing_covers(tmp_path: Path) -> None:
    here = ["-o", str(tmp_path / "RESULTS.md")]
    found = CliRunner().invoke(app, ["bench", "--list", *here])
    assert found.exit_code == 0
    for table in list_tables():
        assert table.name in found.stdout
        assert not table.missing or f"Not in {table.name}: " in found.stdout
    cells, small = (sum(one.cells for one in list_tables() if one.miniature == kind) for kind in (False, True))
    assert f"Measured: 0 of the {cells} numbers of the papers that have a preset; in miniature," in found.stdout
    assert f"where only orders compare, 0 of {small}." in found.stdout
    listed = json.loads(CliRunner().invoke(app, ["bench", "--list", "--json", *here]).stdout)
    presets = [one for table in listed for one in table["presets"]]
    assert {one["preset"] for one in presets} == {*PRESETS}
    assert all(cost["known"] for one in presets for cost in one["seconds_a_seed"].values())
    assert sum(value is not None for one in presets for value in one["rows"].values()) == cells + small


def test_list_with_a_name_lists_the_table_of_that_name_and_refuses_what_is_none(tmp_path: Path) -> None:
    here = ["-o", str(tmp_path / "RESULTS.md")]
    for name in ("limit-mnist", "limit-mnist-50"):
        listed = json.loads(CliRunner().invoke(app, ["bench", name, "--list", "--json", *here]).stdout)
        assert [one["table"] for one in listed] == ["limit-mnist"]
    for name, said in (("nothing", "unknown table or preset 'nothing'"), ("waves", "unknown table or preset 'waves'")):
        found = CliRunner().invoke(app, ["bench", name, "--list", *here])
        assert found.exit_code == 2
        assert said in found.stderr
    assert not any(tmp_path.iterdir())


def test_a_miniature_has_every_cifar10_arm_of_its_paper_but_open_set_noise() -> None:
    for whole, small in (("sln-cifar10-symmetric", 12), ("limit-cifar10-60", 8), ("spectral-cifar10-50", 11)):
        preset, shrunk = get_preset(whole), get_preset(f"{whole}-miniature")
        assert [arm.name for arm in shrunk.arms] == [arm.name for arm in preset.arms]
        assert len(shrunk.arms) == small
        assert shrunk.setting.plant is preset.setting.plant
        assert shrunk.orders == preset.orders
        assert shrunk.miniature
        assert not preset.miniature
        for arm, own in zip(preset.arms, shrunk.arms, strict=True):
            assert (arm.method, arm.spans, arm.decay) == (own.method, own.spans, own.decay)
            assert {**arm.options, "lr": 0} == {**own.options, "lr": 0}
            assert [reading.name for reading in arm.readings] == [reading.name for reading in own.readings]
    late = get_preset("spectral-cifar10-50-miniature").arms[-1]
    assert late.regularizers["jacobian"]["start"] == 10
    assert "sln-cifar10-open-miniature" not in PRESETS


def test_a_plan_for_a_gpu_can_be_made_without_one(tmp_path: Path) -> None:
    here = ["-o", str(tmp_path / "RESULTS.md"), "--plan", "--budget", "30m", "--device", "cuda"]
    found = CliRunner().invoke(app, ["bench", "spectral-cifar10-uniform", *here, "--list"])
    assert found.exit_code == 0, found.stderr
    assert "runs on one GPU" in found.stdout
    listed = json.loads(CliRunner().invoke(app, ["bench", *here, "--list", "--json"]).stdout)
    assert listed
    assert sum(one["seconds"] for one in listed) <= 30 * 60 + len(listed)
    assert PRESETS[listed[0]["preset"]].device == "cuda"
    assert not any(tmp_path.iterdir())
