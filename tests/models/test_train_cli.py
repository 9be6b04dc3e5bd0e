"""``labelaudit train``: from a folder of images to a MODEL folder, cut off and gone on with, and what it refuses."""

from __future__ import annotations

import csv
import json
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call
from PIL import Image
from sklearn.datasets import load_digits

from labelaudit.data.source import Source
from labelaudit.errors import DataError, OptionError
from labelaudit.models import load
from labelaudit.models.dataset import collect
from labelaudit.models.figures import draw_lines, draw_stack
from labelaudit.models.train import train_dataset
from labelaudit.training.settings import ModelSettings

CLASSES = ("eight", "nine", "seven")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 digits in three class folders, every sixth in a wrong one, and the truth."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "digits"
    bunch = load_digits()
    truth = {7: "seven", 8: "eight", 9: "nine"}
    rows = [row for row in range(len(bunch.target)) if bunch.target[row] in truth][:60]
    with (root / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "true_label"))
        for number, row in enumerate(rows):
            true = truth[int(bunch.target[row])]
            given = true if number % 6 else CLASSES[(CLASSES.index(true) + 1) % 3]
            path = folder / given / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((bunch.images[row] * 15.9).astype(np.uint8)).save(path)
            writer.writerow((path.relative_to(folder).as_posix(), true))
    return folder


def ask(data: Path, model: Path, *more: str) -> list[str]:
    quick = ["--method", "sln", "--epochs", "3", "--set", "sln.batch=16", "--valid", "0.2", "--augment", "shift"]
    truth = ["--truth", str(data.parent / "truth.csv"), "--test", str(data)]
    return ["train", str(data), "-o", str(model), *quick, *truth, *more]


def test_a_run_that_is_interrupted_goes_on_to_the_model_of_one_that_is_not(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = call(*ask(data, tmp_path / "whole", "--diagnose"))
    assert whole.code == 0
    assert "epoch 3 of 3: loss " in whole.err
    assert "left" in next(line for line in whole.err.splitlines() if line.startswith("epoch 1 of 3"))
    assert "sln on cnn, 3 epochs over 48 images of 3 classes" in whole.out
    assert "tells wrong from right with an AUROC of" in whole.out
    assert "test images are in the training data too" in whole.out

    def interrupt(row: Any, *_: object) -> str:
        if row["epoch"] == 2:
            raise KeyboardInterrupt
        return ""

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["labelaudit.cli.train"], "describe", interrupt)
        cut = call(*ask(data, tmp_path / "cut"))
    assert cut.code == 130
    assert "the same command with --resume goes on" in cut.err
    again = call(*ask(data, tmp_path / "cut"))
    assert (again.code, "holds an unfinished run: go on with --resume" in again.err) == (2, True)
    resumed = call(*ask(data, tmp_path / "cut", "--resume"))
    assert resumed.code == 0
    assert "epoch 3 of 3" in resumed.err
    assert "epoch 2 of 3" not in resumed.err
    one, two = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert one.read_bytes() == two.read_bytes()
    assert {path.name for path in two.parent.iterdir()} == {
        *("model.safetensors", "model.json", "curves.csv", "losses.svg", "accuracy.svg"),
        *("dissection.csv", "dissection.svg"),
    }

    assert (one.parent / "reliability.svg").read_text().count("<polyline") == 3  # train, valid, test
    about = json.loads((one.parent / "model.json").read_text())
    assert about["settings"]["options"]["sigma"] is None
    assert about["settings"]["classes"] == list(CLASSES)
    assert about["source"]["data"] == data.as_posix()
    assert 0 < about["noise"] < 0.4
    assert about["diagnostics"]["memorisation"]["against"] == "noise rate"
    with (one.parent / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert {"valid_accuracy", "test_accuracy", "clean_loss", "wrong_loss", "memorised"} <= rows[0].keys()
    assert float(rows[-1]["test_accuracy"]) == pytest.approx(about["final"]["test_accuracy"], abs=1e-5)

    images = collect(data).x
    accuracy = float(rows[-1]["test_accuracy"])
    labels = collect(data).samples.labels
    assert (load(one.parent).predict(images).argmax(1) == labels).mean() == pytest.approx(accuracy, abs=1e-5)

    over = call(*ask(data, tmp_path / "whole"))
    assert (over.code, "holds a finished model: choose another folder with -o" in over.err) == (2, True)


def test_a_run_that_is_interrupted_before_it_began_promises_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("labelaudit.models.train.collect", interrupt)
    ended = call(*ask(data, tmp_path / "model"))
    assert (ended.code, ended.err) == (130, "labelaudit: interrupted; nothing was begun yet\n")
    assert not (tmp_path / "model").exists()


def test_options_go_to_the_method_or_the_regulariser_they_name(data: Path, tmp_path: Path) -> None:
    more = ["--epochs", "1", "--regularizer", "mixup", "--set", "mixup.alpha=0.5", "--network", "mlp_2x512", "-q"]
    ended = call("train", str(data), "-o", str(tmp_path / "model"), *more, "--init", str(tmp_path / "none.pth"))
    assert (ended.code, "cannot read weights from" in ended.err) == (2, True)
    ended = call("train", str(data), "-o", str(tmp_path / "other"), *more)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    settings = json.loads((tmp_path / "other" / "model.json").read_text())["settings"]
    assert settings["regularizers"] == {"mixup": {"alpha": 0.5}}
    assert (settings["network"], settings["samples"], settings["shape"]) == ("mlp_2x512", 60, [8, 8, 1])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--method", "slm"], "did you mean 'sln'"),
        (["--set", "gce.q=0.7"], "--set gce.…: this run trains ce; name gce with --method or --regularizer"),
        (["--set", "ce.schedule=soon"], "schedule 'soon'"),
        (["--network", "resnet33"], "did you mean"),
        (["--regularizer", "mixupp"], "did you mean 'mixup'"),
        (["--valid", "1.5"], "--valid 1.5: give a share between 0 and 1"),
        (["--resume"], "holds no unfinished run to resume"),
        (["--truth", "nowhere.csv"], "cannot read nowhere.csv (--truth)"),
        (["--test", "nowhere"], "'nowhere' (--test) does not exist: give a dataset"),
        (["--valid", "nowhere"], "'nowhere' (--valid) does not exist: give a share between 0 and 1, or a dataset"),
        (["--valid", "150%"], "--valid 150%: give a share between 0 and 1"),
        (["--set", "ce.lr=fast"], "ce.lr='fast' is not a number: give a value from 0 to 100"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(
    data: Path, tmp_path: Path, more: list[str], message: str
) -> None:
    ended = call("train", str(data), "-o", str(tmp_path / "model"), *more)
    assert ended.code == 2
    assert message in ended.err
    stages = ("Reading 60 images …", "Reading their pixels …")
    assert len([line for line in ended.err.strip().splitlines() if line not in stages]) == 1
    assert not (tmp_path / "model").exists()


def test_no_folder_but_its_own_is_written_to(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    for place, message in ((tmp_path / "mine", "is not a MODEL folder"), (data / "model", "lies inside the data")):
        ended = call("train", str(data), "-o", str(place))
        assert (ended.code, message in ended.err) == (2, True)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


# what is trained on


def test_copies_of_an_image_are_held_out_together(data: Path, tmp_path: Path) -> None:
    for path in sorted(data.rglob("*.png")):
        for copy in ("a", "b"):
            place = tmp_path / path.parent.name / f"{copy}{path.name}"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(path.read_bytes())
    found = collect(tmp_path, valid=0.25, seed=1)
    assert found.valid is not None
    assert len(found.valid[0]) == pytest.approx(30, abs=3)
    assert len(found.valid[0]) + len(found.x) == 120
    trained = {image.tobytes() for image in found.x}
    assert not trained & {image.tobytes() for image in found.valid[0]}
    assert not found.notes


def test_a_dataset_with_splits_is_trained_on_its_training_split(data: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(data.rglob("*.png"))):
        place = tmp_path / ("train", "train", "val", "test")[number % 4] / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    found = collect(tmp_path)
    assert found.valid is not None
    assert found.test is not None
    assert (len(found.x), len(found.valid[0]), len(found.test[0])) == (30, 15, 15)
    assert found.notes == ("By the dataset's own splits: 30 for train, 15 for valid, 15 for test.",)
    assert collect(tmp_path, test=data).notes[0].startswith("30 test images")


def test_colours_beside_grey_make_all_of_them_colours(data: Path, tmp_path: Path) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((8, 8, 3), (200, 10, 30), np.uint8)).save(tmp_path / name / "x.png")
    found = collect(data, test=tmp_path, image_size=12)
    assert found.test is not None
    assert found.x.shape == (60, 12, 12, 3)
    assert found.test[0].shape == (3, 12, 12, 3)
    (tmp_path / "six").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "six" / "x.png")
    with pytest.raises(DataError, match="test images are of class 'six', which no training image is given"):
        collect(data, test=tmp_path)


def test_a_truth_that_is_not_this_datasets_is_refused(data: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("path,label\n")
    with pytest.raises(DataError, match="has no columns path and true_label"):
        collect(data, truth=truth)
    truth.write_text("path,true_label\nelse.png,nine\n")
    with pytest.raises(DataError, match="does not know 60 of 60 training images, the first is 'eight/"):
        collect(data, truth=truth)
    truth.write_text("path,true_label\na.png,nine\na.png,nine\na.png,eight\n")
    with pytest.raises(DataError, match=r"truth.csv \(`truth`\), line 4: 'a.png' is 'nine' above and 'eight' here"):
        collect(data, truth=truth)
    truth.write_text("path,true_label\na.png\n")
    with pytest.raises(DataError, match=r"line 2: no true_label: write one, or nothing after a comma"):
        collect(data, truth=truth)
    truth.write_text(
        "path,true_label\n" + "".join(f"{p.relative_to(data).as_posix()},ten\n" for p in data.rglob("*.png"))
    )
    with pytest.raises(DataError, match="names no class of the dataset: 'ten' there, eight, nine, seven here"):
        collect(data, truth=truth)
    names = "".join(f"{path.relative_to(data).as_posix()},\n" for path in data.rglob("*.png"))
    truth.write_text("\ufeffpath,true_label\n" + names)  # as spreadsheets begin a table
    found = collect(data, truth=truth).truth
    assert found is not None
    assert set(found.tolist()) == {-1}
    with pytest.raises(OptionError, match=r"`valid` 0\.001 of 60 samples leaves nothing"):
        collect(data, valid=0.001)


def test_files_that_cannot_be_read_are_counted_wherever_they_are(data: Path, tmp_path: Path) -> None:
    for name, broken in (("valid", 1), ("test", 2)):
        for path in sorted(data.rglob("*.png"))[::6]:
            place = tmp_path / name / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
        for number in range(broken):
            (place.parent / f"broken{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    notes = collect(data, valid=tmp_path / "valid", test=tmp_path / "test").notes
    assert "1 valid image cannot be used and is left out." in notes
    assert "2 test images cannot be used and are left out." in notes


def test_pictures_are_svg_with_every_number_in_its_place() -> None:
    lines = draw_lines("A & B", {"one": [0.0, 4.0, float("nan")], "two": [2.0]}, across="epoch", up="nats")
    root = xml.fromstring(lines)
    assert root.find("{*}title").text == "A & B"  # type: ignore[union-attr]
    first, _ = root.findall("{*}polyline")
    (_, low), (_, high) = (map(float, point.split(",")) for point in first.get("points", "").split())
    assert (low, high) == (332.0, 76.0)
    names = {f"a rather long name {i}": [1.0, 2.0] for i in range(4)}
    root = xml.fromstring(draw_stack("Bins", names, across="bin", up="samples"))
    bars = [rect for rect in root.findall("{*}rect") if float(rect.get("height", 0)) > 12 and rect.get("x")]
    assert len(bars) == 8
    heights = [float(bar.get("height", 0)) for bar in bars]
    assert heights[4:] == pytest.approx([2 * height for height in heights[:4]], abs=0.2)
    legend = [text for text in root.findall("{*}text") if (text.text or "").startswith("a rather")]
    assert all(float(text.get("x", 0)) + 6.6 * len(text.text or "") < 640 for text in legend)
    assert len({text.get("y") for text in legend}) == 2


def test_images_in_memory_are_trained_on_as_well(tmp_path: Path) -> None:
    bunch = load_digits(n_class=2)
    pixels = (bunch.images[:40] * 15.9).astype(np.uint8)
    names = [("zero", "one")[number] for number in bunch.target[:40]]
    train_dataset(Source(data=pixels, labels=names), tmp_path / "model", ModelSettings(epochs=1))
    assert load(tmp_path / "model").classes == ("one", "zero")
