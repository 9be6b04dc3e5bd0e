"""The sample images agree with their truth, and the script makes them again."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "sample_data"


def read_truth() -> list[dict[str, str]]:
    with (FOLDER / "truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load_script(name: str) -> ModuleType:
    """A script beside the data, without running it."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[name] = script
    spec.loader.exec_module(script)
    return script


def test_truth_lists_exactly_the_images_in_their_folders() -> None:
    truth = read_truth()
    assert list(truth[0]) == ["path", "given_label", "true_label"]
    found = sorted(path.relative_to(FOLDER / "digits").as_posix() for path in (FOLDER / "digits").rglob("*.png"))
    assert [row["path"] for row in truth] == found
    assert all(row["path"].split("/")[0] == row["given_label"] for row in truth)


def test_about_five_percent_are_wrong_and_spread_over_the_classes() -> None:
    truth = read_truth()
    wrong = [row for row in truth if row["given_label"] != row["true_label"]]
    assert len(truth) == 1797
    assert len(wrong) / len(truth) == pytest.approx(0.05, abs=0.001)
    assert len({row["true_label"] for row in wrong}) == 10
    assert len({(row["given_label"], row["true_label"]) for row in wrong}) > 45


def test_the_fruit_is_what_its_script_draws() -> None:
    from PIL import Image

    script = load_script("make_fruit")
    with (FOLDER / "fruit-truth.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    found = sorted(path.relative_to(FOLDER / "fruit").as_posix() for path in (FOLDER / "fruit").rglob("*.jpg"))
    assert [row["path"] for row in truth] == found
    assert sum(row["given_label"] != row["true_label"] for row in truth) == 22
    assert all(row["given_label"] in (row["true_label"], script.FRUIT[row["true_label"]].look_alike) for row in truth)
    drawn = script.draw(script.FRUIT["plum"], "plum", np.random.default_rng([script.SEED, 4 * script.PER_CLASS]))
    likeness = []
    for row in truth:
        if row["true_label"] == "plum":
            with Image.open(FOLDER / "fruit" / row["path"]) as kept:
                likeness.append(np.abs(np.asarray(kept, dtype=float) - drawn).mean())
    assert min(likeness) < 3, "JPEG changes little"


def test_sample_data_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 2_000_000


def test_the_script_makes_the_same_images_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    load_script("make_digits").make(tmp_path)
    assert (tmp_path / "truth.csv").read_bytes() == (FOLDER / "truth.csv").read_bytes()
    assert "90 wrong labels" in capsys.readouterr().out
    for row in read_truth()[::100]:
        with Image.open(tmp_path / "digits" / row["path"]) as made, Image.open(FOLDER / "digits" / row["path"]) as kept:
            assert made.mode == kept.mode == "L"
            np.testing.assert_array_equal(np.asarray(made), np.asarray(kept))
