"""`labelaudit inspect`: what is printed, as text and as JSON, and what stops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import call
from data.built import PIXEL, build


def test_what_was_recognised_is_printed(tmp_path: Path) -> None:
    build(tmp_path / "d", {"Dataset/0": 2, "Dataset/1": 3, "Examples": 1, "README.md": "", "logo.png": PIXEL})
    done = call("inspect", tmp_path / "d")
    assert done.code == 0
    for line in (
        "Recognised: class folders (2 classes).",
        "Labels: folder names below 'Dataset/'.",
        "5 images of 2 classes:",
        "  1  3",
        "  Dataset/0/0.png  ->  0",
        "Passed over 1 image in 'Examples/': beside the data.",
        "1 unlabelled, the first: logo.png (it lies in no class folder)",
    ):
        assert line in done.out.splitlines()


def test_rows_that_match_are_counted_in_json(tmp_path: Path) -> None:
    build(tmp_path / "d", {"img/a.jpg": PIXEL, "img/b.jpg": PIXEL, "t.csv": "image,label,site\na,x,1\nb,y,2\nc,y,3\n"})
    told = json.loads(call("inspect", tmp_path / "d", "--json").out)
    assert told["labels"] == "column 'label' of t.csv"
    assert told["classes"] == {"x": 1, "y": 1}
    assert told["notes"] == ["t.csv: 2 of 3 rows match a file (2 by name without ending), 1 match none."]
    assert told["findings"] == {"missing": 1}
    assert told["columns"] == ["site"]


def test_images_without_a_label_are_counted(tmp_path: Path) -> None:
    build(tmp_path / "d", {"img/a.jpg": PIXEL, "img/b.jpg": PIXEL, "t.csv": "image,label\na,x\nb,\n"})
    assert "1 unlabelled, the first: img/b.jpg (it has no label)" in call("inspect", tmp_path / "d").out
    assert json.loads(call("inspect", tmp_path / "d", "--json").out)["findings"] == {"unlabelled": 1}


def test_candidates_are_what_can_be_typed(tmp_path: Path) -> None:
    build(tmp_path / "d", {"A/cat": 1, "A/dog": 1, "B/cat": 1, "B/dog": 1})
    done = call("inspect", tmp_path / "d")
    assert done.code == 2
    assert "--label-from 'level 2' (2 classes: cat, dog)" in done.err
    assert call("inspect", tmp_path / "d", "--label-from", "level 2").code == 0
    assert "unknown format" in call("inspect", tmp_path / "d", "--format", "nope").err
    assert "--bands '1,2' must be three numbers" in call("inspect", tmp_path / "d", "--bands", "1,2").err


def test_classes_come_in_the_stated_order(tmp_path: Path) -> None:
    build(tmp_path / "d", {"a": 1, "b": 2, "c": 3})
    (tmp_path / "names.txt").write_text("c\na\n")
    told = json.loads(call("inspect", tmp_path / "d", "--json", "--classes", tmp_path / "names.txt").out)
    assert list(told["classes"].items()) == [("c", 3), ("a", 1)]
    assert told["findings"] == {"unknown_class": 2}
    assert "names 'a' twice" in call("inspect", tmp_path / "d", "--classes", "a,a").err


def test_names_cannot_steer_the_terminal(tmp_path: Path) -> None:
    build(tmp_path / "d", {"cat\x1b[31m": 1, "dog": 1})
    assert "\x1b" not in call("inspect", tmp_path / "d").out


def test_one_folder_of_images_is_asked_about(tmp_path: Path) -> None:
    build(tmp_path / "d", {"photos_of_birds": 3})
    done = call("inspect", tmp_path / "d")
    assert (done.code, done.out) == (2, "")
    assert "one folder of images only" in done.err
    build(tmp_path / "d", {"t.csv": "label\na\nb\na\n"})
    assert (
        "Its table may hold labels: 't.csv' has 3 rows: add a column with the path"
        in call("inspect", tmp_path / "d").err
    )
    assert "3 images of 1 class:" in call("inspect", tmp_path / "d", "--label-from", "parent").out


def test_home_is_found_behind_an_equals_sign_and_in_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "d", {"a.png": PIXEL, "b.png": PIXEL, "t.csv": "file,label\na.png,cat\nb.png,dog\n"})
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "cat  1" in call("inspect", "~/d").out
    assert "cat  1" in call("inspect", tmp_path / "d", "--labels=~/d/t.csv").out
    assert "name:'~/x'" in call("inspect", "~/d", "--label-from=name:~/x").err


def test_long_names_of_classes_lose_their_middle(tmp_path: Path) -> None:
    build(tmp_path / "d", {f"{'a' * 100}{kind}{'b' * 100}": 1 for kind in "xy"})
    shown = call("inspect", tmp_path / "d").out
    assert shown.count(f"\n  {'a' * 29}…{'b' * 29}  1") == 2


def test_files_that_are_no_images_are_said(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"
    build(tmp_path / "d", {f"{kind}/{n}.jpg": pointer for kind in ("cat", "dog") for n in range(3)})
    done = call("inspect", tmp_path / "d")
    assert done.code == 2
    assert "'cat/0.jpg': a Git LFS pointer, not the image itself: run `git lfs pull`" in done.err
    (tmp_path / "d/cat/0.jpg").write_bytes(PIXEL)
    assert "No image: 'cat/1.jpg': a Git LFS pointer" in call("inspect", tmp_path / "d").out


def test_the_next_command_reads_the_dataset_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    build(tmp_path / "d", {"cat": 1, "dog": 1})
    (tmp_path / "my labels.csv").write_text("file,kind\ncat/0.png,x\ndog/0.png,y\n")
    assert call("inspect", "d").out.splitlines()[-1] == "Next: labelaudit scan d"
    said = ["--labels", "my labels.csv", "--label-column", "kind", "--ignore-metadata"]
    asked = "--labels 'my labels.csv' --label-column kind --ignore-metadata"
    assert call("inspect", "d", *said).out.splitlines()[-1] == f"Next: labelaudit scan d {asked}"
    assert call("inspect", "d", "--label-from", "level 1").out.endswith("scan d --label-from 'level 1'\n")
    monkeypatch.chdir(tmp_path / "d")
    assert call("inspect", ".").out.splitlines()[-1] == "Next: labelaudit scan . -o ../labelaudit-run"
    assert "choose a folder outside with -o, such as ../labelaudit-run" in call("scan", ".").err
