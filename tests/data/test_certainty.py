"""What looks like labels and is none stops in one line: no image gets a label that its owner did not give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data.built import PIXEL, Files, build, counts_of, labels_of, pictures

from labelaudit.data.images import encode
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError


def table(column: str, *values: str) -> Files:
    """Eight images and a table that says ``values`` of them in turn."""
    rows = "".join(f"{row}.png,{values[row % len(values)]}\n" for row in range(8))
    return {**{f"images/{row}.png": PIXEL for row in range(8)}, "train.csv": f"image,{column}\n{rows}"}


def two_tables(first: str, second: str, *, shared: int, column: str = "label") -> Files:
    """Ten images; two tables label the first and the last of them, ``shared`` images by both, the second in another
    ``column`` if told."""
    half = 5 + shared // 2
    rows = [f"{row}.png" for row in range(10)]
    tables = {"train.csv": (first, rows[:half]), "val.csv": (second, rows[10 - half :])}
    texts = {
        name: f"image,{'label' if name[0] == 't' else column}\n"
        + "".join(f"{row},{labels[int(row[0]) % 2]}\n" for row in named)
        for name, (labels, named) in tables.items()
    }
    return {**{f"images/{row}": PIXEL for row in rows}, **texts}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {
                f"{shop}/{kind}/{shop}_{n}.png": PIXEL
                for shop in ("amazon", "dslr")
                for kind in ("bike", "mug")
                for n in (0, 1)
            },
            "at either of two levels",
        ),
        ({f"{stack}_slice_{n}.png": PIXEL for stack in ("PA", "PB") for n in (1, 2, 3)}, "without labels"),
        ({f"cam{side}_{n}.png": PIXEL for side in ("North", "South") for n in range(4)}, "without labels"),
        (two_tables("ab", "ba", shared=8), "exchange the names of classes"),
        (two_tables("ab", "ab", shared=2, column="class"), "have only 2 images in common"),
        (table("status", "ok", "failed"), "no column that looks like labels"),
        (table("mask", *(f"{row}_mask.png" for row in range(8))), "no column that looks like labels"),
        (table("camera", "north", "south"), "no column that looks like labels"),
        (table("price", *map(str, range(10, 18))), "no column that looks like labels"),
        (table("ClassId,EncodedPixels", "1,1 5", "2,7 3"), "holds shapes in column 'EncodedPixels'"),
        (table("class,x1,y1", "cat,1,2", "dog,3,4") | {"train.csv": "image,class\n" + "".join(
            f"{n % 4}.png,{'cat' if n < 4 else 'dog'}\n" for n in range(8))}, "4 of 4 images several labels"),
        (table("healthy,rust,scab", "1,0,-1", "0,1,1"), "marks of 1 and -1 in 3 columns"),
        (table("region_count,region_id", "1,0"), "no column that looks like labels"),
        ({**{f"img/{n}.jpg": PIXEL for n in range(6)}, "list_eval_partition.txt": "".join(
            f"{n}.jpg {n % 2}\n" for n in range(6))}, "without labels"),
        ({"train/1.jpg": PIXEL, "test/1.jpg": PIXEL, "l.csv": "file,label\n1.jpg,a\n"}, "fit several files"),
        ({f"{n}_{word}.png": PIXEL for n in range(4) for word in ("cat", "dog")}, r"`label_from` name:'\\d\+"),
        ({"images/1.jpg": PIXEL, "labels.mat": b"MATLAB 5.0"}, "'labels.mat' is not read: save it as a CSV"),
        ({"images/1.jpg": PIXEL, "labels.pkl": b"\x80\4"}, "'labels.pkl' is not read: save it as a CSV"),
        ({"fer/fer2013.csv": "emotion,pixels\n"}, "give that file as DATA"),
    ],
    ids=["domains", "stacks", "cameras", "exchanged", "shared", "status", "masks", "camera", "numbers", "shapes",
         "boxes", "signs", "regions", "partition", "doubts", "positions", "matlab", "pickle", "pixels"],
)  # fmt: skip
def test_what_is_no_label_stops(tmp_path: Path, files: Files, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        open_source(build(tmp_path / "data", files))
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_table_that_exchange_their_classes_are_asked_about(tmp_path: Path) -> None:
    images: Files = {f"{name}/{name}{n}.png": PIXEL for name in ("cat", "dog") for n in range(4)}
    rows = "".join(f"{path},{'dog' if path.startswith('cat') else 'cat'}\n" for path in images)
    with pytest.raises(DataError, match="exchange the names of classes, such as 'cat'"):
        open_source(build(tmp_path / "data", {**images, "labels.csv": f"file,label\n{rows}"}))


def test_masks_beside_their_images_are_not_images_of_the_class(tmp_path: Path) -> None:
    names = ("benign (1).png", "benign (1)_mask.png", "benign (1)_mask_1.png", "benign (2).png", "benign (2)_mask.png")
    files: Files = {f"{kind}/{name}": PIXEL for kind in ("benign", "malignant") for name in names}
    listing = open_source(build(tmp_path / "data", files))
    assert counts_of(listing) == {"benign": 2, "malignant": 2}
    assert "Passed over 6 images that are masks of others beside them." in listing.notes
    assert not listing.findings


@pytest.mark.parametrize(("colours", "read"), [(2, 6), (256, 12)])
def test_flat_images_that_share_the_name_of_a_photograph_are_its_masks(tmp_path: Path, colours: int, read: int) -> None:
    rng = np.random.default_rng(0)
    files: Files = {}
    for n in range(6):
        files[f"{'ab'[n % 2]}/{n}.bmp"] = encode(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        files[f"{'ab'[n % 2]}/{n}.png"] = encode(
            (rng.integers(0, colours, (16, 16)) * (255 // (colours - 1))).astype(np.uint8)
        )
    listing = open_source(build(tmp_path, files))
    assert len(listing.ids) == read
    assert all(path.endswith(".bmp") for path in listing.ids) == (read == 6)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (pictures("hazy", "clear"), "'clear' and 'hazy' have 6 file names in common"),
        (pictures("A/train", "A/val", "B/train", "B/val"), "'A' and 'B' have 12 file names in common"),
        (pictures("infrared7", "visible7", names=("bern_x", "oslo", "rome-a", "wien")), "4 file names in common"),
        (pictures("cat", "dog", "cat_aug"), "'cat_aug' may be a class of its own or belong to 'cat'"),
        (pictures("class_1", "class_2", "class_1 (copy)"), "belong to 'class_1'"),
        (pictures("2008", "2010"), "'2008', '2010'.* may be dates .* `label_from` top"),
        (pictures("03.05.2021", "04.05.2021"), "may be dates"),
        (pictures("DCIM/100CANON", "DCIM/101CANON"), "may be dates"),
        (
            pictures(*(f"{sky}/{day}/{kind}" for sky in ("Wet", "Dry") for day in ("2012-12-12", "2013-01-01")
                       for kind in ("Empty", "Occupied"))),
            r"`label_from` 'level 3' \(2 classes: Empty, Occupied",
        ),
    ],
    ids=["words", "pix2pix", "names", "augmented", "copy", "years", "days", "cameras", "levels"],
)  # fmt: skip
def test_folders_that_look_like_classes_stop(tmp_path: Path, files: Files, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        open_source(build(tmp_path / "data", files))
    assert "\n" not in str(caught.value)
    assert open_source(tmp_path / "data", label_from="parent").labels


@pytest.mark.parametrize("cell", ["cat|dog", "cat;dog", "cat, dog", "cat dog", "cat+dog"])
def test_several_labels_in_a_cell_stop(tmp_path: Path, cell: str) -> None:
    build(tmp_path, table("label", "cat", "dog", f'"{cell}"', "bird"))
    with pytest.raises(DataError, match=r"several labels in a cell of 'label'.* `label_column` label"):
        open_source(tmp_path)
    assert counts_of(open_source(tmp_path, label_column="label"))[cell] == 2


@pytest.mark.parametrize("sign", ["|", ";"])
def test_several_labels_stop_where_each_combination_comes_once(tmp_path: Path, sign: str) -> None:
    build(tmp_path, table("label", f"Mass{sign}Nodule", "Effusion", f"Edema{sign}Hernia", "Fibrosis"))
    with pytest.raises(DataError, match="several labels in a cell of 'label'"):
        open_source(tmp_path)


def test_words_in_a_column_of_tags_are_several_labels(tmp_path: Path) -> None:
    build(tmp_path, table("tags", "haze primary", "clear primary road", "cloudy haze"))
    with pytest.raises(DataError, match="several labels in a cell of 'tags'"):
        open_source(tmp_path)


def test_a_taxonomy_is_one_label_a_cell(tmp_path: Path) -> None:
    build(tmp_path, table("label", "Aves|Turdus", "Aves|Parus", "Mammalia|Lynx", "Insecta|Apis"))
    assert len(counts_of(open_source(tmp_path))) == 4


def test_lists_in_a_column_of_labels_stop(tmp_path: Path) -> None:
    build(tmp_path, table("label", "['cat']", "\"['cat', 'dog']\"", "['dog']", "['dog']"))
    with pytest.raises(DataError, match=r"lists in column 'label', such as '\['cat', 'dog'\]'.* `label_column` label"):
        open_source(tmp_path)
    assert counts_of(open_source(tmp_path, label_column="label"))["['dog']"] == 4


def test_addresses_of_images_are_not_fetched(tmp_path: Path) -> None:
    rows = "".join(f"https://x.org/a/{label}/{n}.png,{label}\n" for n in range(3) for label in ("cat", "dog"))
    build(tmp_path, {**pictures("pets/cat", "pets/dog"), "t.csv": f"file,label\n{rows}"})
    with pytest.raises(DataError, match=r"such as 'https://x\.org/a/cat/0\.png', which are not fetched: download"):
        open_source(tmp_path / "t.csv")


def test_a_table_that_says_what_folders_say_brings_its_further_columns(tmp_path: Path) -> None:
    rows = "".join(f"{label}/{n}.png,{label},s{n % 2}\n" for n in range(1, 7) for label in ("cat", "dog"))
    build(tmp_path, {**pictures("cat", "dog"), "labels.csv": f"file,label,scanner\n{rows}"})
    listing = open_source(tmp_path)
    assert set(listing.extra) == {"scanner"}
    assert any("The same labels are in the folder names." in note for note in listing.notes)


def test_names_of_several_words_are_one_label(tmp_path: Path) -> None:
    build(tmp_path, table("label", "polar bear", "brown bear", '"tench, Tinca tinca"', "koala"))
    assert len(counts_of(open_source(tmp_path))) == 4


def test_a_table_is_about_the_folder_of_its_name(tmp_path: Path) -> None:
    files: Files = pictures("A", "B")
    rows = "".join(f"{n}.png,{'xy'[n % 2]}\n" for n in range(1, 7))
    build(tmp_path, {**files, "A.csv": f"image,label\n{rows}"})
    assert labels_of(open_source(tmp_path, format="label-table"))["A/1.png"] == "y"
    (tmp_path / "B.csv").write_text(f"image,label\n{rows.replace('x', 'z')}")
    assert counts_of(open_source(tmp_path, format="label-table")) == {"x": 3, "y": 6, "z": 3}


def test_lists_of_well_known_datasets(tmp_path: Path) -> None:
    rows = "1025794 Boeing 707\n1340192 A320\n0056978 Boeing 707\n"
    aircraft = {f"images/{row.split()[0]}.jpg": PIXEL for row in rows.splitlines()}
    listing = open_source(build(tmp_path / "a", {**aircraft, "images_family.txt": rows}))
    assert counts_of(listing) == {"Boeing 707": 2, "A320": 1}
    clothes = "4\nimage_name  category_label\n" + "".join(f"img/{n}.jpg    {n % 2}\n" for n in range(4))
    listing = open_source(build(tmp_path / "b", {**{f"img/{n}.jpg": PIXEL for n in range(4)}, "list.txt": clothes}))
    assert counts_of(listing) == {"0": 2, "1": 2}
    boxes = "".join(f"val_{n}.JPEG\t{'n01' if n % 2 else 'n02'}\t{n}\t1\t63\t58\n" for n in range(6))
    listing = open_source(build(tmp_path / "c", {**{f"val_{n}.JPEG": PIXEL for n in range(6)}, "val.txt": boxes}))
    assert counts_of(listing) == {"n01": 3, "n02": 3}


def test_folders_that_a_column_of_the_table_explains_are_no_labels(tmp_path: Path) -> None:
    rows = [(f"b{n // 8}/{n}.png", ("cat", "dog", "owl")[n % 3], f"2024-03-0{n // 8 + 1}") for n in range(24)]
    for name, _, _ in rows:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    table = tmp_path / "labels.csv"
    table.write_text("file,label,date\n" + "".join(f"{','.join(row)}\n" for row in rows))
    listing = open_source(tmp_path)
    assert set(listing.labels) == {"cat", "dog", "owl"}
    assert "The folder names say what column 'date' says, and are no labels." in listing.notes


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (pictures("40X", "100X"), "'100X', '40X' may say how or where images were taken"),
        (pictures("siteA", "siteB"), "may say how or where"),
        ({"mask": 6, "no_mask": 6}, "'[^']*mask' may be a class or not, beside 'no_mask'"),
        (pictures("256", "512"), "file names in common"),
        ({f"{when}_{n}.png": PIXEL for when in ("before", "after") for n in range(4)}, "says nowhere for certain"),
        ({f"{kind}_{hue}_{n}.png": PIXEL for kind in ("cat", "dog") for hue in ("red", "blue") for n in range(3)},
         "says nowhere for certain"),
        ({f"{n}.png": PIXEL for n in range(4)} | {"x.csv": "file,label\n0.png,B\u00e4r\n".encode("cp1252")},
         "line 2 is not UTF-8"),
        ({f"{n}.png": PIXEL for n in range(4)} | {"x.json": '{"train": ["0.png", "1.png"], "test": ["2.png"]}'},
         "no column that looks like labels"),
    ],
    ids=["scales", "sites", "one class", "sizes", "pairs", "grid", "encoding", "splits"],
)  # fmt: skip
def test_what_says_something_else_than_a_class_stops(tmp_path: Path, files: Files, words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_source(build(tmp_path / "data", files))


def test_lists_of_paths_by_class_in_json(tmp_path: Path) -> None:
    files: Files = {f"{n}.png": PIXEL for n in range(4)}
    listing = open_source(
        build(tmp_path, {**files, "x.json": '{"cat": ["0.png", "1.png"], "dog": ["2.png", "3.png"]}'})
    )
    assert counts_of(listing) == {"cat": 2, "dog": 2}


def test_ids_that_look_like_the_hash_of_an_upload_are_names(tmp_path: Path) -> None:
    names = [f"0000000{n}-a" for n in range(4)]
    rows = "".join(f"{name},{'xy'[n % 2]}\n" for n, name in enumerate(names))
    build(tmp_path, {**{f"scans/{name}.png": PIXEL for name in names}, "classes.csv": f"patientId,class\n{rows}"})
    assert counts_of(open_source(tmp_path)) == {"x": 2, "y": 2}


def test_classes_in_words_and_in_a_table_are_one(tmp_path: Path) -> None:
    images: Files = {f"{kind}/{kind}{n}.png": PIXEL for kind in ("real", "fake") for n in range(3)}
    rows = "".join(f"{path},{int(path[0] == 'r')},{path[:4]}\n" for path in images)
    listing = open_source(build(tmp_path, {**images, "train.csv": f"path,label,label_str\n{rows}"}))
    assert counts_of(listing) == {"fake": 3, "real": 3}


def test_a_table_without_labels_is_told_what_to_type(tmp_path: Path) -> None:
    files = {"a.png": PIXEL, "b.png": PIXEL}
    with pytest.raises(DataError, match=r"\(split\): name the one that holds them with `label_column`, or"):
        open_source(build(tmp_path / "other", {**files, "l.csv": "filename,split\na.png,train\nb.png,test\n"}))
    (tmp_path / "l.csv").write_text("filename\na.png\nb.png\n")
    with pytest.raises(DataError, match="no column beside its paths: name a table that has labels with `labels`"):
        open_source(tmp_path / "l.csv")


def test_a_table_of_a_few_images_does_not_outweigh_one_of_all(tmp_path: Path) -> None:
    files: Files = {f"{n}.png": PIXEL for n in range(12)}
    rows = "".join(f"{n}.png,{'cat' if n % 2 else 'dog'}\n" for n in range(12))
    build(tmp_path, {**files, "all.csv": f"file,found\n{rows}", "boxes.csv": "file,label\n1.png,owl\n2.png,yak\n"})
    with pytest.raises(DataError, match=r"all\.csv \(2 classes: cat, dog\); or `labels` .*boxes\.csv"):
        open_source(tmp_path)
    build(tmp_path, {"all.csv": f"file,label\n{rows}"})
    assert counts_of(open_source(tmp_path)) == {"cat": 6, "dog": 6}


@pytest.mark.parametrize(("names", "told"), [(("Base11", "Base12"), True), (("class_1", "class_2"), False),
                                             (("P1", "Q2"), False), (("1", "2"), False)])  # fmt: skip
def test_classes_of_one_word_and_numbers_get_a_note(tmp_path: Path, names: tuple[str, str], told: bool) -> None:
    listing = open_source(build(tmp_path, dict.fromkeys(names, 3)))
    assert any("such as 'Base11', which differ in numbers" in note for note in listing.notes) == told


def test_classes_that_a_split_lacks_are_told(tmp_path: Path) -> None:
    splits = {"train": ("cat", "dog", "cow"), "test": ("cat", "owl", "cow")}
    build(tmp_path, {f"{split}/{kind}": 2 for split, kinds in splits.items() for kind in kinds})
    told = "Not every split has every class: 'test' lacks dog, 'train' lacks owl."
    assert told in open_source(tmp_path).notes
    build(tmp_path, {"train/owl": 2, "test/dog": 2})
    assert not [note for note in open_source(tmp_path).notes if "every split" in note]
    build(tmp_path / "b", {"train/Cats": 2, "train/Dogs": 2, "test/cats": 2, "test/dogs": 2})
    assert not [note for note in open_source(tmp_path / "b").notes if "every split" in note], "they are spelled so"


def test_shares_of_classes_are_no_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gives each image a share of 3 classes \(cat, dog, owl\)"):
        open_source(build(tmp_path, table("cat,dog,owl", "7,2,1", "0,1,9", "3,6,1")))


@pytest.mark.parametrize(
    ("ending", "words"), [("mp4", r"take frames out of the \.mp4 files"), ("jxl", r"write the \.jxl files as PNG")]
)
def test_pictures_in_formats_that_are_not_read_are_told_what_to_do(tmp_path: Path, ending: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_source(build(tmp_path, {f"cat/0.{ending}": b"x"}))
