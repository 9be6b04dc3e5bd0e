"""Names of numbered classes, from a file beside the data: taken where they surely are those of the classes."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from data.built import build, counts_of, labels_of
from layouts_met import Files, P, idx

from labelaudit.data.class_names import use_names
from labelaudit.data.ingest import ingest
from labelaudit.data.sources import open_source

NUMBERED: Files = {"0": 1, "1": 2, "2": 3}
NAMES = {"0": "cat", "1": "dog", "2": "owl"}
SAID: dict[str, str] = {
    "classes.txt": "cat\ndog\nowl\n",
    "obj.names": "cat\ndog\nowl\n",
    "labels.txt": "0 cat\n1 dog\n2 owl\n",
    "label_map.json": json.dumps(NAMES),
    "label_num_to_disease_map.json": json.dumps(NAMES),
    "cat_to_name.json": json.dumps(dict(reversed(NAMES.items()))),
    "class_indices.json": json.dumps({"owl": 2, "cat": 0, "dog": 1}),
    "class_names.json": json.dumps(["cat", "dog", "owl"]),
    "labels.json": json.dumps({"model_type": "vit", "id2label": NAMES}),
    "categories.json": json.dumps({"categories": [{"id": int(key), "name": name} for key, name in NAMES.items()]}),
    "signnames.csv": "ClassId,SignName\n0,cat\n1,dog\n2,owl\n",
    "data.yaml": "train: ../train/images\nnc: 3\nnames: ['cat', 'dog', 'owl']\n",
    "dataset.yaml": "names:\n  0: cat\n  1: dog\n  2: owl\n",
    "train/classes.txt": "cat\ndog\nowl\n",
}


@pytest.mark.parametrize("file", SAID)
def test_a_file_beside_the_data_names_numbered_classes(file: str, tmp_path: Path) -> None:
    listing = open_source(build(tmp_path, {**NUMBERED, file: SAID[file]}))
    assert counts_of(listing) == {"cat": 1, "dog": 2, "owl": 3}
    assert listing.codes == {"cat": "0", "dog": "1", "owl": "2"}
    assert listing.origin == f"folder names, called as in '{file}'"
    assert any(f"called as in '{file}': 0 is 'cat'" in note for note in listing.notes)


BOMB = "a0: &a0 [x, y]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
BOMB += "names: {0: *a39, 1: *a38, 2: *a37}\n"

NOT_SAID: dict[str, Files] = {
    "too few names": {"classes.txt": "cat\ndog\n"},
    "too many names": {"classes.txt": "cat\ndog\nowl\nyak\n"},
    "numbers that begin elsewhere": {"label_map.json": json.dumps({"1": "cat", "2": "dog", "3": "owl"})},
    "superclasses": {"label_map.json": json.dumps({"0": "pet", "1": "pet", "2": "bird"})},
    "texts": {"classes.txt": f"cat\ndog\n{'owl ' * 500}\n"},
    "weights": {"class_weights.json": json.dumps({"0": 0.5, "1": 1.5, "2": 1})},
    "a file called otherwise": {"notes.txt": "cat\ndog\nowl\n"},
    "names of images": {"names.txt": "a.jpg\nb.jpg\nc.jpg\n"},
    "two files that differ": {"classes.txt": "cat\ndog\nowl\n", "names.txt": "dog\ncat\nowl\n"},
    "damage": {"label_map.json": '{"0": ', "names.yaml": "names: [", "classes.txt": b"\xff\xfe\0", "index.json": "[]"},
    "lines that stand for gigabytes": {"data.yaml": BOMB},
    "examples": {"docs/classes.txt": "cat\ndog\nowl\n"},
}


@pytest.mark.parametrize("why", NOT_SAID)
def test_numbers_stay_where_a_file_may_mean_others(why: str, tmp_path: Path) -> None:
    listing = open_source(build(tmp_path, NUMBERED | NOT_SAID[why]))
    assert counts_of(listing) == {"0": 1, "1": 2, "2": 3}
    assert not listing.codes
    assert ("name the classes differently" in "".join(listing.notes)) == (why == "two files that differ")


def test_what_is_named_as_a_part_is_called_by_a_file_beside_it_and_another_folder_is_not(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    build(root, {f"{folder}/{n}": 1 for folder in ("images/train", "digits") for n in (0, 1)})
    build(root, {"classes.txt": "cat\ndog\n"})
    assert counts_of(open_source(root / "images" / "train")) == {"cat": 1, "dog": 1}
    assert counts_of(open_source(root / "digits")) == {"0": 1, "1": 1}


def test_a_class_that_is_a_word_stays_beside_numbers_that_have_names(tmp_path: Path) -> None:
    build(tmp_path, {**NUMBERED, "unknown": 1, "classes.txt": "cat\ndog\nowl\n"})
    listing = open_source(tmp_path)
    assert counts_of(listing) == {"cat": 1, "dog": 2, "owl": 3, "unknown": 1}
    assert listing.codes == {"cat": "0", "dog": "1", "owl": "2"}
    build(tmp_path, {"cat": 1})  # which may or may not be class 0
    assert "0" in counts_of(open_source(tmp_path))


def test_classes_count_from_one_and_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = "".join(f"{name}\n" for name in "zyxwvutsrqp")
    build(tmp_path, {**{str(number): 1 for number in range(1, 12)}, "classes.txt": names})
    samples, _ = ingest(open_source(tmp_path))
    assert samples.classes == tuple("zyxwvutsrqp")
    assert samples.written() == [str(number) for number in (1, 10, 11, *range(2, 10))]


def test_a_class_without_images_is_no_obstacle_where_numbers_begin_and_end_alike(tmp_path: Path) -> None:
    listing = open_source(build(tmp_path, {"0": 1, "2": 1, "label_map.json": json.dumps(NAMES)}))
    assert counts_of(listing) == {"cat": 1, "owl": 1}


def test_stated_numbers_stay_and_stated_names_are_found(tmp_path: Path) -> None:
    build(tmp_path, {**NUMBERED, "classes.txt": "cat\ndog\nowl\n"})
    assert open_source(tmp_path, classes=("2", "1", "0")).classes == ("2", "1", "0")
    assert open_source(tmp_path, classes=("owl", "dog", "cat")).classes == ("owl", "dog", "cat")


def test_ids_of_wordnet_are_known_among_many(tmp_path: Path) -> None:
    lines = "n01440764 tench, Tinca tinca\nn02012849 crane\nn03126707 crane\nn01443537 goldfish\n"
    folders: Files = {f"ILSVRC/train/{name}": 1 for name in ("n01440764", "n02012849", "n03126707")}
    listing = open_source(build(tmp_path, {**folders, "LOC_synset_mapping.txt": lines}))
    assert counts_of(listing) == {"tench": 1, "crane (n02012849)": 1, "crane (n03126707)": 1}
    index = {"0": ["n01440764", "tench"], "1": ["n02012849", "crane"], "2": ["n03126707", "crane"]}
    build(tmp_path, {"LOC_synset_mapping.txt": "", "imagenet_class_index.json": json.dumps(index)})
    assert "tench" in counts_of(open_source(tmp_path))


def test_emnist_names_signs_by_their_numbers(tmp_path: Path) -> None:
    files: Files = {
        "emnist-letters-train-images-idx3-ubyte": idx(2, 2, 2, values=bytes(8)),
        "emnist-letters-train-labels-idx1-ubyte": idx(2, values=b"\1\2"),
        "emnist-letters-mapping.txt": "1 65 97\n2 66 98\n",
        "emnist-digits-mapping.txt": "0 48\n1 49\n",
    }
    listing = open_source(build(tmp_path, files))
    assert counts_of(listing) == {"Aa": 1, "Bb": 1}


def test_a_table_is_called_by_the_file_beside_it_and_that_is_no_table_of_labels(tmp_path: Path) -> None:
    rows = "image_id,label\n" + "".join(f"{n}.jpg,{n % 3}\n" for n in range(6))
    files: Files = {f"train_images/{n}.jpg": P for n in range(6)}
    build(tmp_path, {**files, "train.csv": rows, "label_num_to_disease_map.json": json.dumps(NAMES)})
    assert labels_of(open_source(tmp_path))["train_images/4.jpg"] == "dog"
    listing = open_source(tmp_path / "train_images", labels=tmp_path / "train.csv")
    assert labels_of(listing)["4.jpg"] == "dog"


def test_shards_are_called_by_a_file_beside_them(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "train-000000.tar", "w") as tar:
        for n in range(4):
            for ending, data in (("png", P), ("cls", str(n % 2).encode())):
                entry = tarfile.TarInfo(f"{n:04}.{ending}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    (tmp_path / "classes.txt").write_text("cat\ndog\n", encoding="utf-8")
    assert counts_of(open_source(tmp_path)) == {"cat": 2, "dog": 2}


def test_later_data_without_the_file_are_called_alike(tmp_path: Path) -> None:
    later = open_source(build(tmp_path, {"1": 1, "2": 1, "3": 1}))
    called = use_names(later, {"cat": "0", "dog": "1", "owl": "2"})
    assert counts_of(called) == {"dog": 1, "owl": 1, "3": 1}
    assert use_names(later, {}) is later


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            {"cat": 2, "dog": 1, "classes.txt": "cat\nowl\n"},
            "'classes.txt' does not name class dog, which 1 image has.",
        ),
        (
            {**NUMBERED, "classes.txt": "cat\ndog\n"},
            "'classes.txt' does not name class 2, so classes keep their numbers.",
        ),
        (
            {
                **{f"{n}.png": P for n in range(4)},
                "t.csv": "file,label,label_name\n0.png,0,cat\n1.png,1,dog\n2.png,0,cat\n3.png,1,dog\n",
                "label_map.json": json.dumps({"0": "dog", "1": "cat"}),
            },
            "'label_map.json' calls 0 'dog', and the table 'cat': the table counts.",
        ),
    ],
)
def test_a_file_of_names_that_contradicts_the_data_is_told(tmp_path: Path, files: Files, note: str) -> None:
    assert note in open_source(build(tmp_path, files)).notes


def test_files_that_name_the_classes_of_a_split_each_leave_none_out(tmp_path: Path) -> None:
    lists: Files = {"train_classes.txt": "cat\ndog\n", "test_classes.txt": "bus\ncar\n"}
    listing = open_source(build(tmp_path, {"cat": 2, "dog": 2, "bus": 2, "car": 2, **lists}))
    assert not [note for note in listing.notes if "does not name" in note]


def test_a_file_that_names_the_classes_in_another_spelling_or_more_of_them_is_not_told(tmp_path: Path) -> None:
    build(tmp_path, {"polar_bear": 2, "dog": 1, "classes.txt": "Polar bear\ndog\nowl\n"})
    assert not [note for note in open_source(tmp_path).notes if "classes.txt" in note]
