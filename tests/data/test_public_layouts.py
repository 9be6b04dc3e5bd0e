"""Layouts of public datasets, as their downloads are, built small."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from data.built import PIXEL, build, counts_of, labels_of, numbered, table
from layouts_met import Files

from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, OptionError

P = PIXEL


def test_characters_of_several_alphabets_are_classes_by_both_names(tmp_path: Path) -> None:
    files: Files = {f"set/{place}/character0{n}": 2 for place in ("Greek", "Latin") for n in (1, 2)}
    build(tmp_path, files)
    with pytest.raises(DataError, match=r"'level 2-3' .4 classes: Greek/character01, Greek/character02"):
        open_source(tmp_path)
    both = counts_of(open_source(tmp_path, label_from="level 2-3"))
    assert both == {f"{place}/character0{n}": 2 for place in ("Greek", "Latin") for n in (1, 2)}
    with pytest.raises(OptionError, match="'level 3-2' must be parent, top"):
        open_source(tmp_path, label_from="level 3-2")


def test_names_of_splits_are_no_part_of_a_class(tmp_path: Path) -> None:
    build(tmp_path, {f"{thing}/{part}/{kind}": 1 for thing in "ab" for part in ("train", "test") for kind in "xy"})
    with pytest.raises(DataError) as refusal:
        open_source(tmp_path)
    assert not re.search("level 1-2|level 2-3", str(refusal.value))


def test_the_level_of_classes_is_offered_beside_folders_to_scan_and_names(tmp_path: Path) -> None:
    kinds = {"colon": ("colon_aca", "colon_n"), "lung": ("lung_aca", "lung_n", "lung_scc")}
    files: Files = {
        f"set/{part}_image_sets/{kind}/{kind.replace('_', '')}{n}.jpeg": P
        for part, own in kinds.items()
        for kind in own
        for n in range(1, 5)
    }
    with pytest.raises(DataError, match=r"`label_from` 'level 3' .5 classes: colon_aca"):
        open_source(build(tmp_path, files))


@pytest.mark.parametrize(
    ("name", "text", "classes"),
    [
        ("categories_places.txt", "/a/airfield 0\n/b/bakery/shop 1\n", {"/a/airfield", "/b/bakery/shop"}),
        ("category.txt", "id\tname\n0\trice\n1\teels on rice\n", {"rice", "eels on rice"}),
        ("class_list.txt", "Boeing 707\nBoeing 737\n", {"Boeing 707", "Boeing 737"}),
    ],
)
def test_files_that_name_classes_are_read_either_way_round(
    name: str, text: str, classes: set[str], tmp_path: Path
) -> None:
    assert {*counts_of(open_source(build(tmp_path, {"0": 2, "1": 2, name: text})))} == classes


def test_ids_of_seven_digits_have_names(tmp_path: Path) -> None:
    names = {"1355868": "Lactuca virosa", "1355932": "Pelargonium"}
    build(tmp_path, {**dict.fromkeys(names, 2), "species_names.json": json.dumps(names)})
    assert {*counts_of(open_source(tmp_path))} == {*names.values()}


def test_a_table_of_labels_names_no_classes_by_its_images(tmp_path: Path) -> None:
    first = table("Image name,grade", [f"IDRiD_{n:03d},{n % 3}" for n in range(9)])
    last = table("Image name,grade", [f"IDRiD_{n:03d},{n % 3}" for n in range(9, 12)])
    files: Files = {f"images/IDRiD_{n:03d}.jpg": P for n in range(12)}
    build(tmp_path, {**files, "Training Labels.csv": first, "Testing Labels.csv": last})
    assert {*counts_of(open_source(tmp_path))} == {"0", "1", "2"}


def test_lists_joined_by_ids_that_are_no_numbers(tmp_path: Path) -> None:
    files: Files = {f"images/{817 + n % 2:04d}/{n}f.jpg": P for n in range(6)}
    places = [path.removeprefix("images/") for path in files]
    build(tmp_path, {
        **files,
        "images.txt": "".join(f"{n}ab-c {path}\n" for n, path in enumerate(places)),
        "image_class_labels.txt": "".join(f"{n}ab-c {817 + n % 2}\n" for n in range(6)),
        "train_test_split.txt": "".join(f"{n}ab-c {n // 3}\n" for n in range(6)),
        "classes.txt": "0 Birds\n817 Western Grebe\n818 Clark's Grebe\n",
    })  # fmt: skip
    listing = open_source(tmp_path)
    assert (counts_of(listing), listing.splits) == (
        {"Western Grebe": 3, "Clark's Grebe": 3},
        ("test",) * 3 + ("train",) * 3,
    )


def test_a_path_with_commas_in_a_list(tmp_path: Path) -> None:
    files: Files = {f"images/{n}/{1000 + n},{n % 3}.jpg": P for n in range(6)}
    build(tmp_path, {**files, "noisy_label_kv.txt": "".join(f"{path} {i % 2}\n" for i, path in enumerate(files))})
    assert counts_of(open_source(tmp_path, labels=tmp_path / "noisy_label_kv.txt")) == {"0": 3, "1": 3}


def test_places_and_sequences_of_camera_traps_are_further_columns(tmp_path: Path) -> None:
    images = [
        {"id": f"u{n}", "file_name": f"{n}.jpg", "location": str(30 + n % 2), "seq_id": f"s{n // 2}", "width": 9}
        for n in range(6)
    ]
    document = {
        "images": images,
        "annotations": [{"image_id": one["id"], "category_id": n % 3 % 2} for n, one in enumerate(images)],
        "categories": [{"id": 0, "name": "empty"}, {"id": 1, "name": "bobcat"}],
    }
    listing = open_source(build(tmp_path, {**numbered("images", 6), "cct.json": json.dumps(document)}))
    assert {*listing.extra} == {"location", "seq_id"}


def test_a_column_that_names_files_comes_before_addresses(tmp_path: Path) -> None:
    rows = [f"{n},https://x.org/{n + 70}/medium.jpg,{('Sus scrofa', 'Lutra lutra')[n % 2]},4.2{n}" for n in range(12)]
    build(tmp_path, {**numbered("photos", 12), "t.csv": table("id,image_url,scientific_name,latitude", rows)})
    listing = open_source(tmp_path)
    assert labels_of(listing)["photos/3.jpg"] == "Lutra lutra"


def test_ids_places_and_columns_of_one_number_are_no_shares(tmp_path: Path) -> None:
    rows = [f"{n}.jpg,{70000 + n % 5},{48 - n},{(48, 49)[n % 2]}{n},2500" for n in range(12)]
    build(tmp_path, {**numbered("a", 12), "t.csv": table("file,patient_id,age,kind,row_height", rows)})
    with pytest.raises(DataError) as refusal:
        open_source(tmp_path)
    assert "share" not in str(refusal.value)


def test_the_name_and_the_value_of_an_answer_are_one(tmp_path: Path) -> None:
    answers = [("cat", "dog")[n % 2] for n in range(6)]
    lines = [
        {
            "data_row": {"external_id": f"{n}.jpg", "row_data": f"https://x.org/{n}f3-{n}.jpg"},
            "projects": {"p": {"labels": [{"annotations": {"radio_answer": {"name": one, "value": one}}}]}},
        }
        for n, one in enumerate(answers)
    ]
    build(tmp_path, {**numbered("images", 6), "export.ndjson": "\n".join(map(json.dumps, lines))})
    assert counts_of(open_source(tmp_path)) == {"cat": 3, "dog": 3}


def test_ids_of_open_images_have_names_and_denied_labels_are_no_votes(tmp_path: Path) -> None:
    rows = [f"{n:016x},verification,/m/0{n % 2}k07,1" for n in range(8)]
    rows += [f"{n:016x},verification,/m/0zz,0" for n in range(3)]
    files: Files = {f"train/{n:016x}.jpg": P for n in range(8)}
    names = "/m/00k07,Tortoise\n/m/01k07,Cat\n/m/0zz,Dog\n"
    listing = open_source(
        build(
            tmp_path,
            {**files, "labels.csv": table("ImageID,Source,LabelName,Confidence", rows), "class-names.csv": names},
        )
    )
    assert {*counts_of(listing)} == {"Tortoise", "Cat"}
    notes = " ".join(listing.notes)
    assert "Column 'Confidence' of labels.csv is 0 or false in 3 rows" in notes
    assert "`annotator` Confidence" not in notes


def test_rows_may_name_the_recording_of_a_spectrogram(tmp_path: Path) -> None:
    rows = [f"{n}-A.wav,{n % 5},{('dog', 'rain')[n % 2]}" for n in range(8)]
    files: Files = {f"spectrograms/{n}-A.png": P for n in range(8)}
    listing = open_source(build(tmp_path, {**files, "meta/esc.csv": table("filename,fold,category", rows)}))
    assert counts_of(listing) == {"dog": 4, "rain": 4}


SHAPES: dict[str, object] = {
    "pairs": [[f"{n}.jpg", "ab"[n % 2]] for n in range(6)],
    "an object in an object": {"version": 1, "files": {"data": {f"{n}.jpg": "ab"[n % 2] for n in range(6)}}},
    "classes beside images": {
        "classes": [{"id": n, "name": one} for n, one in enumerate("xy")],
        "images": [{"image_name": f"{n}.jpg", "tags": ["ab"[n % 2]], "labels": []} for n in range(6)],
    },
    "paths by class and split": {
        "train": {"a": ["0.jpg", "2.jpg"], "b": ["1.jpg", "3.jpg"]},
        "test": {"a": ["4.jpg"], "b": ["5.jpg"]},
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_json_beside_one_folder_of_images(shape: str, tmp_path: Path) -> None:
    listing = open_source(build(tmp_path, {**numbered("pets", 6), "export.json": json.dumps(SHAPES[shape])}))
    assert counts_of(listing) == {"a": 3, "b": 3}
    assert listing.splits == (("train",) * 4 + ("test",) * 2 if "split" in shape else None)


def test_tables_with_an_id_in_common_are_one_where_neither_labels_images(tmp_path: Path) -> None:
    kinds = [("Vulpes vulpes", "Sus scrofa")[n % 2] for n in range(8)]
    media = [f"m{n},d{n // 4},media/d{n // 4}/{n}.jpg" for n in range(8)]
    seen = [f"o{n},m{n},animal,{kind}" for n, kind in enumerate(kinds)]
    files: Files = {f"media/d{n // 4}/{n}.jpg": P for n in range(8)}
    build(tmp_path, {
        **files,
        "media.csv": table("mediaID,deploymentID,filePath", media),
        "observations.csv": table("observationID,mediaID,observationType,scientificName", seen),
        "deployments.csv": table("deploymentID,habitat", ["d0,wood", "d1,field"]),
    })  # fmt: skip
    listing = open_source(tmp_path)
    assert counts_of(listing) == {"Vulpes vulpes": 4, "Sus scrofa": 4}
    assert listing.extra["habitat"] == ("wood",) * 4 + ("field",) * 4


def test_images_labels_and_classes_in_tables_of_their_own(tmp_path: Path) -> None:
    build(tmp_path, {
        **numbered("images", 8),
        "images.csv": table("image_id,path", [f"{n + 100},images/{n}.jpg" for n in range(8)]),
        "labels.csv": table("label_id,image_id,class_id", [f"{n},{n + 100},{n % 2 + 1}" for n in range(8)]),
        "classes.csv": table("class_id,name", ["1,cat", "2,dog"]),
    })  # fmt: skip
    assert counts_of(open_source(tmp_path)) == {"cat": 4, "dog": 4}


def test_events_of_several_images_are_no_labels(tmp_path: Path) -> None:
    places = [f"S1/{n}.jpg" for n in range(9)]
    events = [f"ASG{n // 3:03d},{place}" for n, place in enumerate(places)]
    kinds = ["ASG000,zebra", "ASG001,lion", "ASG002,zebra"]
    build(tmp_path, {
        **dict.fromkeys(places, P),
        "all_images.csv": table("CaptureEventID,URL_Info", events),
        "gold.csv": table("CaptureEventID,Species", kinds),
    })  # fmt: skip
    assert counts_of(open_source(tmp_path)) == {"zebra": 6, "lion": 3}


def test_tables_that_are_both_only_numbered_are_not_joined(tmp_path: Path) -> None:
    build(tmp_path, {
        **numbered("images", 8),
        "images.csv": table("id,file", [f"{n},{n}.jpg" for n in range(8)]),
        "users.csv": table("id,city", [f"{n},{'AB'[n % 2]}" for n in range(8)]),
    })  # fmt: skip
    with pytest.raises(DataError):
        open_source(tmp_path)


def test_images_that_no_split_was_given(tmp_path: Path) -> None:
    rows = [f"{('TRAIN', 'UNASSIGNED')[n % 2]},gs://b/images/{n}.jpg,{'ab'[n // 4]}" for n in range(8)]
    build(tmp_path, {**numbered("images", 8), "all_data.csv": table(rows[0], rows[1:])})
    assert counts_of(open_source(tmp_path)) == {"a": 4, "b": 4}


LIFECLEF = "<Image><ObservationId>{0}</ObservationId><ClassId>{1}</ClassId><Species>S {1}</Species></Image>"


@pytest.mark.parametrize(
    ("ending", "text", "labels"),
    [
        ("cls", "{1}", {"0", "1"}),
        ("txt", "{1} cats\n", {"0 cats", "1 cats"}),
        ("xml", LIFECLEF, {"S 0", "S 1"}),
    ],
)
def test_a_file_of_one_label_beside_each_image(ending: str, text: str, labels: set[str], tmp_path: Path) -> None:
    files: Files = {f"a/{n}.{ending}": text.format(n, n % 2) for n in range(8)}
    listing = open_source(build(tmp_path, {**numbered("a", 8), **files}))
    assert ({*counts_of(listing)}, listing.skipped) == (labels, {})


@pytest.mark.parametrize(
    "text", ["0 .5 .5 .1 .{0}", "a photo of {1} {0}", "<annotation><object><name>cat</name></object></annotation>"]
)
def test_boxes_and_captions_beside_images_are_no_labels(text: str, tmp_path: Path) -> None:
    ending = "xml" if text.startswith("<") else "txt"
    files: Files = {f"{kind}/{n}.{ending}": text.format(n, kind) for kind in ("cat", "dog") for n in range(4)}
    listing = open_source(build(tmp_path, {**numbered("cat", 4), **numbered("dog", 4), **files}))
    assert (listing.origin, listing.extra) == ("folder names", {})


def test_paths_of_folders_tell_folders_of_one_name_apart(tmp_path: Path) -> None:
    places = [f"train/patient{n}/study{part}/" for n in range(4) for part in (1, 2)]
    files: Files = {f"{place}image1.png": P for place in places}
    rows = "".join(f"set/{place},{n // 3 % 2}\n" for n, place in enumerate(places))
    build(tmp_path, {**files, "train_labeled_studies.csv": rows})
    listing = open_source(tmp_path, labels=tmp_path / "train_labeled_studies.csv")
    assert labels_of(listing) == {f"{place}image1.png": str(n // 3 % 2) for n, place in enumerate(places)}


def test_tables_of_folds_beside_one_of_all_stop_nothing(tmp_path: Path) -> None:
    rows = [f"data/{n}.png,{n % 2},{'AB'[n % 2]},{n % 3}" for n in range(12)]
    head = "path,symbol_id,latex,user_id"
    folds = {
        f"task/fold-{k}/{part}.csv": table(head, [f"../../{row}" for n, row in enumerate(rows) if (n % 3 == k) == test])
        for k in (0, 1)
        for part, test in (("train", False), ("test", True))
    }
    build(tmp_path, {**{f"data/{n}.png": P for n in range(12)}, "labels.csv": table(head, rows), **folds})
    listing = open_source(tmp_path)
    assert (counts_of(listing), listing.splits) == ({"A": 6, "B": 6}, None)


def test_lists_of_the_splits_of_a_list_of_all_are_splits(tmp_path: Path) -> None:
    rows = [f"{n + 1} {n // 3 % 2} chair/{n}.jpg" for n in range(12)]
    head, files = "image_id class_id path", numbered("chair", 12)
    build(tmp_path, {**files, "info.txt": table(head, rows)})
    build(tmp_path, {"train.txt": table(head, rows[:6]), "test.txt": table(head, rows[6:])})
    assert open_source(tmp_path).splits == ("train",) * 6 + ("test",) * 6


def test_lines_of_several_words_are_no_list_of_labels_alone(tmp_path: Path) -> None:
    lines = "alpha beta\n" * 4
    with pytest.raises(DataError) as refusal:
        open_source(build(tmp_path, {**numbered("val", 8), "notes.txt": lines}))
    assert "has a line for each image" not in str(refusal.value)
