"""Class folders: splits, links, names, and what is passed over."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from built import PIXEL, build, labels_of
from planted import kinds, plant, write

from labelaudit.data.images import ImageError
from labelaudit.data.listing import MAX_BYTES, Files
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

# --- folders ---------------------------------------------------------------------------------------------------


def test_class_folders(tmp_path: Path) -> None:
    plant(tmp_path, "dog/b.JPG", "cat/deep/er/a.png", "cat/z.webp", "3/x.bmp")
    listing = open_source(tmp_path)
    assert listing.ids == ("3/x.bmp", "cat/z.webp", "cat/deep/er/a.png", "dog/b.JPG")
    assert listing.labels == ("3", "cat", "cat", "dog")
    assert listing.splits is None
    assert list(listing.rows) == [0, 1, 2, 3]
    assert listing.total == 4
    assert listing.images is not None
    assert listing.images.encoded(2) == PIXEL


def test_split_level_above_the_classes(tmp_path: Path) -> None:
    plant(tmp_path, "Train/cat/1.png", "Train/dog/1.png", "val/cat/2.png", "test/dog/9.png", "val/stray.png")
    listing = open_source(str(tmp_path))
    assert labels_of(listing) == {
        "Train/cat/1.png": "cat",
        "Train/dog/1.png": "dog",
        "test/dog/9.png": "dog",
        "val/cat/2.png": "cat",
    }
    assert listing.splits == ("Train", "Train", "test", "val")
    assert kinds(listing) == {"val/stray.png": "unlabelled"}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    plant(tmp_path, "train/1.png", "bus/2.png", "car/2.png", "ship/2.png", "plane/2.png")
    assert open_source(tmp_path).labels == ("bus", "car", "plane", "ship", "train")


def test_splits_beside_something_else_are_not_guessed_at(tmp_path: Path) -> None:
    plant(tmp_path, "train/cat/1.png", "test/cat/1.png", "extra/1.png")
    with pytest.raises(DataError, match=r"beside 'extra'\. Say which"):
        open_source(tmp_path)


def test_splits_without_classes(tmp_path: Path) -> None:
    plant(tmp_path, "train/1.png", "test/1.png")
    with pytest.raises(DataError, match="they lie in no class folders"):
        open_source(tmp_path)


def test_hidden_and_foreign_files_are_skipped_and_counted(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/1.png", "a/.DS_Store", "a/._1.png", ".git/x.png", "__MACOSX/a/1.png")
    plant(tmp_path, "a/Thumbs.db", "README.txt", "b/notes.txt", "loose.png")
    write(tmp_path / "b" / "noending", "text")
    listing = open_source(tmp_path)
    assert labels_of(listing) == {"a/1.png": "a", "b/1.png": "b"}
    assert listing.skipped == {"without an ending": 1, ".db": 1, ".txt": 2}
    assert listing.junk == {"__MACOSX": 1, ".git": 1}
    assert kinds(listing) == {"loose.png": "unlabelled"}


def test_links_are_followed_once_and_loops_are_findings(tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", "1.png", "inner/2.png")
    data = plant(tmp_path / "data", "cat/1.png", "dog/1.png")
    (data / "fox").symlink_to(outside, target_is_directory=True)
    (data / "cat" / "up").symlink_to(data, target_is_directory=True)
    (data / "dog" / "peer").symlink_to(data / "cat", target_is_directory=True)
    (data / "cat" / "file.png").symlink_to(data / "dog" / "1.png")
    (data / "cat" / "gone.png").symlink_to(data / "nowhere.png")
    (data / "owl").symlink_to(data / "nowhere", target_is_directory=True)
    (data / "self").symlink_to(data / "self")
    listing = open_source(data)
    assert listing.ids == ("cat/1.png", "cat/file.png", "dog/1.png", "fox/1.png", "fox/inner/2.png")
    assert kinds(listing) == {
        "cat/gone.png": "missing",
        "cat/up": "link_loop",
        "dog/peer": "link_loop",
        "owl": "missing",
        "self": "missing",
    }


def test_folders_linking_to_each_other_end(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(12)]
    plant(tmp_path, *(f"{name}/1.png" for name in names))
    for name in names:
        for other in names:
            (tmp_path / name / f"to_{other}").symlink_to(tmp_path / other, target_is_directory=True)
    listing = open_source(tmp_path)
    assert len(listing.ids) == 12
    assert len(listing.findings) == 144


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf8_are_findings(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/1.png")
    bad = os.fsencode(tmp_path) + b"/a/caf\xe9.png"
    Path(os.fsdecode(bad)).write_bytes(PIXEL)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/kl\xe4sse")).mkdir()
    listing = open_source(tmp_path)
    assert listing.ids == ("a/1.png", "b/1.png")
    assert kinds(listing) == {"a/caf\\xe9.png": "bad_name", "kl\\xe4sse": "bad_name"}
    for finding in listing.findings:
        finding.path.encode("utf-8")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_a_finding_and_is_never_read(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/1.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    os.mkfifo(tmp_path / "log.txt")
    with (tmp_path / "long.txt").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert kinds(open_source(tmp_path)) == {"a/pipe.png": "unreadable"}
    with pytest.raises(ImageError, match="not a regular file"):
        Files(tmp_path, ["a/pipe.png"]).encoded(0)


def test_a_folder_named_like_an_image(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png", "b/x.png/2.png")
    assert open_source(tmp_path).ids == ("a/1.png", "b/x.png/2.png")
    with pytest.raises(OSError, match="directory"):
        Files(tmp_path, ["b/x.png"]).encoded(0)


def test_a_folder_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "a/1.png", "b/1.png", "locked/1.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = open_source(tmp_path)
    assert listing.ids == ("a/1.png", "b/1.png")
    assert "Permission denied" in listing.findings[0].detail


def test_pointers_of_dvc_say_how_to_fetch_the_images(tmp_path: Path) -> None:
    build(tmp_path, {"data/images.dvc": "outs:\n- path: images\n"})
    with pytest.raises(DataError, match=r"no images in .*: run `dvc pull` if they are kept by DVC$"):
        open_source(tmp_path / "data")
    with pytest.raises(DataError, match=r"pointer of DVC: run `dvc pull` and give the folder '.*/images'$"):
        open_source(tmp_path / "data" / "images.dvc")


def test_nothing_to_audit_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path / "missing")
    with pytest.raises(DataError, match=r"no images in .*`labels`"):
        open_source(tmp_path)
    plant(tmp_path, "cat/1.mp4", "cat/2.mp4", "cat/3.txt")
    with pytest.raises(DataError, match=r"left out: 2 \.mp4, 1 \.txt"):
        open_source(tmp_path)
    plant(tmp_path, "1.png", "2.png")
    with pytest.raises(DataError, match=r"holds 2 images without labels: they lie in no class folders"):
        open_source(tmp_path)
    with pytest.raises(DataError, match="one image"):
        open_source(tmp_path / "1.png")
    with pytest.raises(DataError, match="not a readable tar file"):
        open_source(plant(tmp_path, "x.tar") / "x.tar")
    with pytest.raises(DataError, match="not a kind of dataset"):
        open_source(plant(tmp_path, "x.pdf") / "x.pdf")
    with pytest.raises(DataError, match="no table for `label_column`"):
        open_source(tmp_path, label_column="label")
    plant(tmp_path / "classes", "cat/1.png", "dog/1.png")
    with pytest.raises(DataError, match="no table for `annotator`: give one with `labels` FILE"):
        open_source(tmp_path / "classes", annotator=("who",))
    with pytest.raises(DataError, match="give DATA"):
        open_source(None)


def test_labels_option_is_checked(tmp_path: Path) -> None:
    plant(tmp_path, "a/1.png")
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path, labels=tmp_path / "no.csv")
    with pytest.raises(DataError, match="is a folder"):
        open_source(tmp_path, labels=tmp_path / "a")
    np.save(tmp_path / "y.npy", np.array([0]))
    with pytest.raises(DataError, match="names no files"):
        open_source(tmp_path, labels=tmp_path / "y.npy")
    table = write(tmp_path / "t.csv", "path,label\na,b\n")
    with pytest.raises(DataError, match="holds labels itself"):
        open_source(table, labels=table)


def test_an_ending_that_says_nothing_leaves_it_to_the_content(tmp_path: Path) -> None:
    names = ("1.jpg?w=300", "2.jpg_large", "1.2.840.113619.301", "4.png")
    files = {f"{label}/{name}": PIXEL for label in ("cat", "dog") for name in names}
    build(tmp_path, {**files, "cat/5.png~": PIXEL, "cat/6.bak": PIXEL, "cat/notes.1": b"text"})
    listing = open_source(tmp_path)
    assert {*listing.ids} == {*files}
    assert listing.skipped == {".1": 1, ".bak": 1, ".png~": 1}


def test_images_under_another_ending_are_told_what_to_do(tmp_path: Path) -> None:
    build(tmp_path, {f"faces/subject0{n}.glasses": PIXEL for n in range(3)} | {"readme.txt": "x"})
    with pytest.raises(DataError, match=r"'faces/subject00\.glasses' is an image by its content: .* ending '\.pnm'"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.npy", "b.npy"], "as one .npz, or give it as DATA with its labels as `labels` FILE"),
        (["mnist-train.tfrecord-00000-of-00001"], "tfrecord-00000-of-00001' is not read"),
        (["train_X.bin", "train_y.bin"], "train_X.bin' is not read"),
    ],
)
def test_files_that_may_hold_images_are_named(names: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        open_source(build(tmp_path, {f"d/{name}": b"x" for name in names}))


def test_images_of_splits_that_are_zipped_in_themselves_are_no_classes(tmp_path: Path) -> None:
    build(tmp_path, {"cars_train/cars_train": 2, "cars_test/cars_test": 2, "devkit/annos.mat": b"x"})
    with pytest.raises(DataError, match=r"4 images without labels: .* 'devkit/annos\.mat' is not read"):
        open_source(tmp_path)
    build(tmp_path, {"labels.csv.gz": b"x"})
    (tmp_path / "devkit/annos.mat").unlink()
    with pytest.raises(DataError, match=r"'labels\.csv\.gz' is not read"):
        open_source(tmp_path)


def test_images_that_are_there_twice_get_a_note(tmp_path: Path) -> None:
    files: dict[str, int | str | bytes] = {f"{label}/{n}.png": PIXEL for label in ("cat", "dog") for n in range(3)}
    build(tmp_path, files | {name.replace("png", "jpg"): PIXEL for name in files if "2" not in name})
    assert any("8 images have another of the same name beside them" in note for note in open_source(tmp_path).notes)


def test_splits_are_told_where_one_has_no_word_for_it(tmp_path: Path) -> None:
    build(tmp_path, {f"{part}/{name}": 1 for part in ("rps", "rps_test") for name in ("rock", "paper")})
    assert set(open_source(tmp_path).splits or ()) == {"rps", "test"}


@pytest.mark.parametrize("names", [("week 1", "week 2"), ("Day_01", "Day_02"), ("March", "April")])
def test_times_are_no_classes_unless_a_person_says_so(tmp_path: Path, names: tuple[str, str]) -> None:
    build(tmp_path / "flat", dict.fromkeys(names, 2))
    with pytest.raises(DataError, match="may be dates and no classes"):
        open_source(tmp_path / "flat")
    assert set(open_source(tmp_path / "flat", label_from="top").labels) == {*names}
    build(tmp_path / "deep", {f"{name}/{kind}": 2 for name in names for kind in ("cat", "dog")})
    assert set(open_source(tmp_path / "deep").labels) == {"cat", "dog"}


def test_folders_that_nobody_named_are_asked_about_and_those_of_programs_passed_over(tmp_path: Path) -> None:
    build(tmp_path, {"cat": 3, "dog": 3, "Previews.lrdata": 3})
    listing = open_source(tmp_path)
    assert set(listing.labels) == {"cat", "dog"}
    assert listing.junk == {"Previews.lrdata": 3}
    build(tmp_path, {"Neuer Ordner (2)": 2})
    with pytest.raises(DataError, match=r"holds 'Neuer Ordner \(2\)' beside 'cat', 'dog'\. Say which"):
        open_source(tmp_path)
