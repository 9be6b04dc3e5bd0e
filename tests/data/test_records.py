"""Labels in JSON in the shapes that programs and labelling tools give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from data.built import PIXEL, build, counts_of, labels_of
from layouts_met import Files

from labelaudit.data.listing import Listing
from labelaudit.data.records import parse_document
from labelaudit.data.sources import open_source
from labelaudit.data.table import parse_table
from labelaudit.errors import DataError

NAMES = ("a.png", "b.png", "c.png", "d.png")
LABELS = ("cat", "dog", "cat", "dog")
IMAGES: Files = dict.fromkeys(NAMES, PIXEL)
PAIRS = tuple(zip(NAMES, LABELS, strict=True))


def open_with(folder: Path, file: str, document: Any, **how: Any) -> Listing:
    """Four images beside a file of JSON, or of JSON Lines where it is called so."""
    lines = file.endswith(("l", "manifest"))
    text = "".join(f"{json.dumps(one)}\n" for one in document) if lines else json.dumps(document)
    return open_source(build(folder, {**IMAGES, file: text}), **how)


@pytest.mark.parametrize(
    "document",
    [
        [{"file": name, "label": [label]} for name, label in PAIRS],
        [{"file": name, "size": 1, "labels": [{"answer": {"categories": [{"name": label}]}}]} for name, label in PAIRS],
        {"file": list(NAMES), "label": list(LABELS)},
        {"file": dict(enumerate(NAMES)), "label": dict(enumerate(LABELS))},
        {"train": [{"file": "a.png", "label": "cat"}, {"file": "b.png", "label": "dog"}],
         "test": [{"file": "c.png", "label": "cat"}, {"file": "d.png", "label": "dog"}]},
    ],
    ids=["lists of one", "records in lists of one", "columns", "columns by row", "splits"],
)  # fmt: skip
def test_shapes_of_documents(document: Any, tmp_path: Path) -> None:
    listing = open_with(tmp_path, "x.json", document)
    assert labels_of(listing) == dict(PAIRS)
    assert (listing.splits is not None) == ("train" in document)


def test_a_longer_list_anywhere_keeps_all_of_its_column_lists(tmp_path: Path) -> None:
    records = [{"file": name, "label": [label]} for name, label in PAIRS]
    records[0]["label"] = ["cat", "dog"]
    with pytest.raises(DataError, match=r"lists in column 'label', such as '\[\"cat\", \"dog\"\]'"):
        open_with(tmp_path, "x.json", records)
    boxes = [{"file": "a.png", "boxes": [{"label": "cat"}]}, {"file": "b.png", "boxes": [{"label": "dog"}] * 2}]
    assert set(parse_document("x.json", json.dumps(boxes))[0][1]) == {"file", "boxes"}


def test_numbers_that_are_none_are_no_label_and_records_of_thousands_of_fields_are_refused(tmp_path: Path) -> None:
    records = [{"file": name, "label": float("nan") if name == "a.png" else 1} for name in NAMES]
    records[1]["label"] = "\ud83d"  # half of a picture sign
    assert open_with(tmp_path, "x.json", records).labels == (None, "\\ud83d", "1", "1")
    with pytest.raises(DataError, match=r"fields of its own, 4,001 in all"):
        parse_table("x.json", json.dumps([{"file": "a", f"k{n}": 1} for n in range(4000)]).encode())


def test_boxes_that_are_alone_in_their_image_get_a_note(tmp_path: Path) -> None:
    records = [{"file": name, "objects": [{"bbox": [1, 2, 3, 4], "label": label}]} for name, label in PAIRS]
    listing = open_with(tmp_path, "x.json", records)
    assert labels_of(listing) == dict(PAIRS)
    assert any("boxes of x.json (objects.bbox) are not looked at" in note for note in listing.notes)


def test_rejected_answers_of_prodigy_are_no_labels(tmp_path: Path) -> None:
    answers = ("accept", "accept", "reject", "ignore")
    tasks: list[dict[str, Any]] = [
        {"image": name, "label": label, "answer": answer, "_input_hash": 1}
        for (name, label), answer in zip(PAIRS, answers, strict=True)
    ]
    listing = open_with(tmp_path, "done.jsonl", tasks)
    assert labels_of(listing) == {"a.png": "cat", "b.png": "dog", "c.png": None, "d.png": None}
    with pytest.raises(DataError, match="no accepted answer"):
        open_with(tmp_path, "done.jsonl", [{**task, "answer": "reject"} for task in tasks])


def test_choices_of_prodigy_and_images_that_stand_in_the_task(tmp_path: Path) -> None:
    asked = {"answer": "accept", "_input_hash": 1, "options": [{"id": "cat"}, {"id": "dog"}]}
    images = ({"image": "a.png"}, {"image": "data:image/png;base64,AA", "path": "/x/b.png"}, {"image": "c.png"})
    chosen = (["cat"], ["dog"], [])
    tasks = [{**asked, **image, "accept": accept} for image, accept in zip(images, chosen, strict=True)]
    assert counts_of(open_with(tmp_path, "done.jsonl", tasks)) == {"cat": 1, "dog": 1, None: 1}
    tasks = [{**asked, "image": name, "accept": ["cat", "dog"] if name == "a.png" else ["cat"]} for name in NAMES]
    tasks[1]["accept"] = ["dog"]
    with pytest.raises(DataError, match=r"several labels in a cell of 'label', such as 'cat\|dog'"):
        open_with(tmp_path, "done.jsonl", tasks)


def test_questions_of_label_studio_have_a_column_each(tmp_path: Path) -> None:
    def task(name: str, **answers: list[str]) -> dict[str, Any]:
        results = [{"from_name": asked, "value": {"choices": given}} for asked, given in answers.items()]
        return {"data": {"image": name}, "annotations": [{"completed_by": 1, "result": results}]}

    two = [task(name, animal=[label], coat=["in" if label == "cat" else "out"]) for name, label in PAIRS]
    two[0] = task("a.png", animal=["cat"], coat=["out"])
    with pytest.raises(DataError, match="labels in any of animal, coat: name the column"):
        open_with(tmp_path, "x.json", two)
    assert labels_of(open_with(tmp_path, "x.json", two, label_column="coat"))["c.png"] == "in"
    several = [task(name, animal=[label]) for name, label in PAIRS]
    several[0] = task("a.png", animal=["cat", "dog"])
    with pytest.raises(DataError, match=r"several labels in a cell of 'label', such as 'cat\|dog'"):
        open_with(tmp_path, "x.json", several)


def test_a_manifest_of_sagemaker_is_read_under_the_name_that_it_has(tmp_path: Path) -> None:
    rows = [
        {"source-ref": f"s3://bucket/{name}", "pets": int(label == "dog"), "pets-metadata": {"class-name": label}}
        for name, label in PAIRS
    ]
    listing = open_with(tmp_path, "manifests/output/output.manifest", rows)
    assert labels_of(listing) == dict(PAIRS)


def test_rows_of_another_folder_are_told_with_what_to_type(tmp_path: Path) -> None:
    rows = "".join(f"gs://bucket/pets/{name},{label}\n" for name, label in PAIRS)
    build(tmp_path, {**{f"images/{name}": PIXEL for name in NAMES}, "all.csv": rows})
    with pytest.raises(DataError, match=r"'gs://bucket/pets/a.png' is not 'images/a.png'\. .* give '.*/images' with"):
        open_source(tmp_path)
    assert labels_of(open_source(tmp_path / "images", labels=tmp_path / "all.csv")) == dict(PAIRS)


def test_a_label_of_minus_one_among_numbers_gets_a_note(tmp_path: Path) -> None:
    rows = "a.png,0\nb.png,1\nc.png,-1\nd.png,1\n"
    listing = open_source(build(tmp_path, {**IMAGES, "l.csv": f"file,label\n{rows}"}))
    assert any("may mean that there is none, but are read as classes: '-1' (1 row)" in note for note in listing.notes)
    listing = open_source(build(tmp_path, {"l.csv": f"file,label\n{rows.replace(',0', ',1')}"}))
    assert not any("-1" in note for note in listing.notes)


def test_text_in_some_records_and_an_object_of_it_in_others_are_one_column(tmp_path: Path) -> None:
    """Label Studio writes one choice as text and several as an object of a list: these were left out without a word."""
    records = [{"image": name, "choice": label} for name, label in PAIRS]
    mixed = [*records[:3], records[3] | {"choice": {"choices": ["dog"]}}]
    assert labels_of(open_with(tmp_path / "a", "x.json", mixed)) == dict(PAIRS)
    several = [*records[:3], records[3] | {"choice": {"choices": ["cat", "dog"]}}]
    with pytest.raises(DataError, match="lists in column 'choice'"):
        open_with(tmp_path / "b", "x.json", several)


def test_exports_of_via_hold_a_class_in_the_attributes_of_a_file(tmp_path: Path) -> None:
    def file(name: str, told: Any) -> dict[str, Any]:
        return {"filename": name, "size": 9, "regions": [], "file_attributes": {"kind": told}}

    for place, told in (("radio", lambda label: label), ("checkbox", lambda label: {label: True})):
        files = {f"{name}9": file(name, told(label)) for name, label in PAIRS}
        project = {"_via_settings": {}, "_via_img_metadata": files, "_via_attributes": {"region": {}, "file": {}}}
        assert labels_of(open_with(tmp_path / place, "x.json", files)) == dict(PAIRS)
        assert labels_of(open_with(tmp_path / f"{place} project", "x.json", project)) == dict(PAIRS)
    head = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
    rows = [f'{name},9,"{{""kind"":""{label}""}}",0,0,"{{}}","{{}}"\n' for name, label in PAIRS]
    assert labels_of(open_source(build(tmp_path / "csv", {**IMAGES, "via.csv": head + "".join(rows)}))) == dict(PAIRS)


@pytest.mark.parametrize("cell", ['"[""{}""]"', "['{}']"])
def test_lists_of_one_label_in_a_csv_are_that_label(cell: str, tmp_path: Path) -> None:
    rows = [f"{name},{cell.format(label)}\n" for name, label in PAIRS]
    listing = open_source(build(tmp_path, {**IMAGES, "l.csv": "file,labels\n" + "".join(rows)}))
    assert labels_of(listing) == dict(PAIRS)


def test_a_taxonomy_of_label_studio_is_a_class_and_predictions_are_none(tmp_path: Path) -> None:
    def task(name: str, label: str, where: str) -> dict[str, Any]:
        result = [{"from_name": "kind", "type": "taxonomy", "value": {"taxonomy": [["animal", label]]}}]
        return {"data": {"image": name}, "annotations": [], "predictions": [], where: [{"result": result}]}

    found = open_with(tmp_path / "a", "x.json", [task(*pair, "annotations") for pair in PAIRS])
    assert labels_of(found) == {name: f"animal > {label}" for name, label in PAIRS}
    with pytest.raises(DataError, match="holds predictions of models and no annotations"):
        open_with(tmp_path / "b", "x.json", [task(*pair, "predictions") for pair in PAIRS])


def test_an_attribute_of_the_only_tag_of_cvat_is_the_class(tmp_path: Path) -> None:
    tag = '<tag label="animal"><attribute name="kind">{}</attribute></tag>'
    images = "".join(f'<image name="{name}">{tag.format(label)}</image>' for name, label in PAIRS)
    listing = open_source(build(tmp_path, {**IMAGES, "annotations.xml": f"<annotations>{images}</annotations>"}))
    assert labels_of(listing) == dict(PAIRS)


def test_classifications_of_encord(tmp_path: Path) -> None:
    def row(name: str, **answers: str) -> dict[str, Any]:
        told = [{"classificationHash": f"{question}-{name}"} for question in answers]
        known = {
            f"{question}-{name}": {"classifications": [{"name": question, "answers": [{"name": label}]}]}
            for question, label in answers.items()
        }
        unit = {"data_title": name, "labels": {"objects": [], "classifications": told}}
        return {"data_hash": "h", "data_units": {"h": unit}, "classification_answers": known}

    assert labels_of(open_with(tmp_path / "a", "x.json", [row(name, kind=label) for name, label in PAIRS])) == dict(
        PAIRS
    )
    with pytest.raises(DataError, match="no classification of a whole image"):
        open_with(tmp_path / "b", "x.json", [row(name) for name, _ in PAIRS])
    two = [row(name, kind=label, light="day" if name < "b.png" else "night") for name, label in PAIRS]
    assert labels_of(open_with(tmp_path / "c", "x.json", two, label_column="kind")) == dict(PAIRS)
