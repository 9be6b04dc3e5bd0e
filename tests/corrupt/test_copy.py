"""`labelaudit corrupt`: a whole copy with the noise asked for, its truth, and nothing done to the source."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from pictures import photo
from PIL import Image
from typer.testing import CliRunner

from labelaudit.cli import app
from labelaudit.corrupt.copy import NOISES, Corrupted, corrupt
from labelaudit.data.images import decode
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.machine import Machine

CLASSES = ("cat", "dog", "fox", "owl")


def write_images(folder: Path, per_class: int = 10, classes: tuple[str, ...] = CLASSES, first: int = 0) -> Path:
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(per_class):
            seed = first + number * per_class + index
            Image.fromarray(photo(seed, 12, 10)).save(folder / name / f"{seed:03}.png")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_images(tmp_path / "source")


def truth(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def check(made: Corrupted, folder: Path, source: Path) -> None:
    """The truth names every file once, under the class whose folder it is in, with the pixels it came with."""
    rows = truth(folder)
    assert sorted(row["path"] for row in rows) == sorted(set(contents(folder)) - {"truth.csv"})
    originals = {p.stem: p for p in source.rglob("*.png")}
    for row in rows:
        assert row["path"].split("/")[0] == row["given_label"]
        origin = originals[Path(row["path"]).stem[:3]]
        assert origin.parent.name == (row["true_label"] or row["given_label"])
        if row["true_label"]:
            assert (folder / row["path"]).read_bytes() == origin.read_bytes()
    assert sum(row["given_label"] != row["true_label"] for row in rows) == made.wrong
    assert len(rows) == made.samples == 40
    listing = open_source(folder)  # what a scan of the copy sees
    assert dict(zip(listing.ids, listing.labels, strict=True)) == {row["path"]: row["given_label"] for row in rows}


@pytest.mark.parametrize("noise", [name for name in NOISES if name != "openset"])
def test_every_noise_makes_a_whole_copy_the_same_way_twice_and_leaves_the_source(
    noise: str, source: Path, tmp_path: Path
) -> None:
    before = contents(source)
    made = corrupt(source, tmp_path / "one", noise=noise, rate=0.3, seed=4)
    corrupt(source, tmp_path / "two", noise=noise, rate=0.3, seed=4)
    corrupt(source, tmp_path / "three", noise=noise, rate=0.3, seed=5)
    check(made, tmp_path / "one", source)
    assert contents(source) == before
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert (tmp_path / "one" / "truth.csv").read_bytes() != (tmp_path / "three" / "truth.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "source", "three", "two"]
    assert 0 < made.wrong < 24
    if noise in ("symmetric", "pair", "asymmetric"):
        assert made.rate == pytest.approx(0.3)
    if noise == "uniform":
        assert made.rate <= 0.3


def test_uniform_may_keep_the_class_and_symmetric_may_not(source: Path, tmp_path: Path) -> None:
    assert corrupt(source, tmp_path / "all", noise="symmetric", rate=1.0).rate == 1.0
    assert corrupt(source, tmp_path / "some", noise="uniform", rate=1.0).rate == pytest.approx(0.75, abs=0.2)
    assert corrupt(source, tmp_path / "none", noise="uniform", rate=0.0).rate == 0.0


def test_asymmetric_follows_its_map(source: Path, tmp_path: Path) -> None:
    made = corrupt(source, tmp_path / "out", noise="asymmetric", rate=0.5, mapping={"cat": "dog", "fox": "dog"})
    moved = [(row["true_label"], row["given_label"]) for row in truth(tmp_path / "out")]
    wrong = [pair for pair in moved if pair[0] != pair[1]]
    assert sorted(set(wrong)) == [("cat", "dog"), ("fox", "dog")]
    assert len(wrong) == made.wrong == 10
    with pytest.raises(OptionError, match="did you mean 'dog'"):
        corrupt(source, tmp_path / "bad", noise="asymmetric", rate=0.5, mapping={"cat": "dgo"})
    with pytest.raises(OptionError, match="`map` is for asymmetric noise, not pair"):
        corrupt(source, tmp_path / "bad", noise="pair", rate=0.5, mapping={"cat": "dog"})
    with pytest.raises(OptionError, match="`map` cat=cat: a class becomes another one; leave it out"):
        corrupt(source, tmp_path / "bad", noise="asymmetric", rate=0.5, mapping={"dog": "cat", "cat": "cat"})
    assert not (tmp_path / "bad").exists()


def test_annotators_have_a_strength_and_a_rate_of_their_own(source: Path, tmp_path: Path) -> None:
    rates = {
        strength: corrupt(source, tmp_path / strength, noise="annotator", strength=strength).rate
        for strength in ("careful", "usual", "hasty")
    }
    assert rates == {"careful": 3 / 40, "usual": 7 / 40, "hasty": 16 / 40}
    assert corrupt(source, tmp_path / "told", noise="annotator", rate=0.1, strength="hasty").rate == 0.1
    with pytest.raises(OptionError, match="`strength` is for annotator noise, not pair"):
        corrupt(source, tmp_path / "bad", noise="pair", rate=0.1, strength="hasty")
    with pytest.raises(OptionError, match="pair noise needs `rate`"):
        corrupt(source, tmp_path / "bad", noise="pair")
    with pytest.raises(OptionError, match="did you mean 'hasty'"):
        corrupt(source, tmp_path / "bad", noise="annotator", strength="hast")


def test_open_set_noise_replaces_images_and_keeps_labels(source: Path, tmp_path: Path) -> None:
    outside = write_images(tmp_path / "outside", classes=("car", "cat"), first=500)
    (outside / "car" / "broken.png").write_bytes(b"no image")
    made = corrupt(source, tmp_path / "out", noise="openset", rate=0.2, outside=outside, seed=1)
    check(made, tmp_path / "out", source)
    assert made.wrong == 8
    cars = {path.read_bytes() for path in (outside / "car").glob("5*.png")}
    replaced = [row["path"] for row in truth(tmp_path / "out") if not row["true_label"]]
    taken = {(tmp_path / "out" / path).read_bytes() for path in replaced}
    assert len(taken) == 8
    assert taken <= cars  # never the outside cats: they have a class
    for path in replaced:
        decode((tmp_path / "out" / path).read_bytes())
    with pytest.raises(DataError, match="has 10 usable images of no class, 20 are needed"):
        corrupt(source, tmp_path / "more", noise="openset", rate=0.5, outside=outside)
    with pytest.raises(OptionError, match="needs `outside`"):
        corrupt(source, tmp_path / "more", noise="openset", rate=0.5)
    with pytest.raises(OptionError, match="takes no `outside`"):
        corrupt(source, tmp_path / "more", noise="pair", rate=0.5, outside=outside)
    assert not (tmp_path / "more").exists()


def test_images_are_hard_links_and_copies_where_that_fails(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = corrupt(source, tmp_path / "linked", noise="pair", rate=0.1)
    assert made.how == {"hard link": 40}

    def refuse(*args: object, **options: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    made = corrupt(source, tmp_path / "copied", noise="pair", rate=0.1)
    assert made.how == {"copy": 40}
    assert contents(tmp_path / "linked") == contents(tmp_path / "copied")


def test_it_never_writes_into_over_or_around_anything(source: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    for place, error, message in (
        (source, OptionError, "is the data"),
        (source / "new", OptionError, "lies inside the data"),
        (tmp_path, OptionError, "holds the data"),
        (taken, RunError, "exists already"),
        (taken / "mine.txt", RunError, "exists already"),
    ):
        with pytest.raises(error, match=message):
            corrupt(source, place, noise="pair", rate=0.1)
    assert contents(taken) == {"mine.txt": b"mine"}
    (tmp_path / "empty").mkdir()
    corrupt(source, tmp_path / "empty", noise="pair", rate=0.1)
    assert len(contents(tmp_path / "empty")) == 41


def test_what_is_interrupted_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int | None) -> None:
        if stage == "images":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corrupt(source, tmp_path / "deep" / "out", noise="pair", rate=0.1, machine=Machine(progress=stop))
    assert list((tmp_path / "deep").iterdir()) == []


def test_arrays_become_files_and_unusable_samples_are_counted(tmp_path: Path) -> None:
    images = np.stack([photo(seed, 12, 10) for seed in range(20)])
    np.savez(tmp_path / "data.npz", images=images, labels=np.arange(20) % 2)
    made = corrupt(tmp_path / "data.npz", tmp_path / "out", noise="symmetric", rate=0.25)
    assert made.wrong == 5
    assert made.how == {"copy": 20}
    files = set(contents(tmp_path / "out")) - {"truth.csv"}
    assert {row["path"] for row in truth(tmp_path / "out")} == files
    assert all(decode((tmp_path / "out" / name).read_bytes()).shape == (10, 12, 3) for name in files)
    broken = write_images(tmp_path / "broken", per_class=2)
    (broken / "cat" / "bad.png").write_bytes(b"no image")
    assert corrupt(broken, tmp_path / "rest", noise="pair", rate=0.5).left_out == 1


def test_the_command_names_the_noise_and_prints_the_realised_rate(source: Path, tmp_path: Path) -> None:
    run = CliRunner()
    out = tmp_path / "out"
    asked = ["corrupt", str(source), "-o", str(out), "--noise", "uniform", "--rate", "0.5"]
    shown = run.invoke(app, asked)
    assert shown.exit_code == 0, shown.stderr
    wrong = sum(row["given_label"] != row["true_label"] for row in truth(out))
    assert f"{wrong} of 40 labels are wrong: a realised rate of {wrong / 40:.2%}." in shown.stdout
    assert "its own included" in shown.stdout
    again = run.invoke(app, asked)
    assert again.exit_code == 2
    assert again.stdout == ""
    assert "exists already" in again.stderr
    mapped = [*asked[:3], str(tmp_path / "mapped"), "--noise", "asymmetric", "--rate", "0.5", "--map", "cat=dog"]
    assert "cat becomes dog" in run.invoke(app, mapped).stdout
    assert "write CLASS=CLASS" in run.invoke(app, [*mapped, "--map", "cat"]).stderr
    assert run.invoke(app, [*asked[:3], str(tmp_path / "q"), *asked[4:], "-q"]).stdout == ""
