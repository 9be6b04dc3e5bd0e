"""Tables as people fill them in: corrected labels beside the first ones, gaps, folders in a column, several tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from data.built import PIXEL, build, counts_of, labels_of

from labelaudit.data.listing import Listing
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

NAMES = [f"{n}.png" for n in range(8)]
WORDS = ["cat", "dog"] * 4


def open_table(folder: Path, header: str, *columns: list[str]) -> Listing:
    """Eight images and a table of them: their names, then ``columns``."""
    rows = "".join(",".join(row) + "\n" for row in zip(NAMES, *columns, strict=True))
    return open_source(build(folder, {**{f"images/{name}": PIXEL for name in NAMES}, "t.csv": f"{header}\n{rows}"}))


def other(labels: list[str], *rows: int) -> list[str]:
    """The ``labels`` with those of ``rows`` exchanged."""
    return [labels[(n + 1) % 2] if n in rows else label for n, label in enumerate(labels)]


def notes_on(listing: Listing, words: str) -> list[str]:
    return [note for note in listing.notes if words in note]


@pytest.mark.parametrize(
    ("header", "labels", "column", "unlike"),
    [
        ("file,label,true_label", WORDS, other(WORDS, 3), "1 row"),
        ("file,label,prediction", WORDS, other(WORDS, 3, 4), "2 rows"),
        ("file,label,true_label", ["0", "1"] * 4, other(["0", "1"] * 4, 3), "1 row"),
    ],
)
def test_a_column_of_the_same_classes_that_says_otherwise_is_told(
    tmp_path: Path, header: str, labels: list[str], column: list[str], unlike: str
) -> None:
    listing = open_table(tmp_path, header, labels, column)
    assert list(listing.labels) == labels
    name = header.rpartition(",")[2]
    (note,) = notes_on(listing, "has the same classes")
    assert note == (
        f"Column '{name}' of t.csv has the same classes and says otherwise in {unlike}: "
        f"`label_column` {name} reads it instead."
    )


@pytest.mark.parametrize(
    ("name", "labels"), [("correction", WORDS), ("new_label", WORDS), ("corrected_label", ["0", "1"] * 4)]
)
def test_a_column_that_is_filled_where_labels_were_corrected_is_told_and_not_offered(
    tmp_path: Path, name: str, labels: list[str]
) -> None:
    changed = [label if row in (2, 3) else "" for row, label in enumerate(other(labels, 2, 3))]
    listing = open_table(tmp_path, f"file,label,{name}", labels, changed)
    assert list(listing.labels) == labels
    (note,) = notes_on(listing, "has the same classes")
    assert note == (
        f"Column '{name}' of t.csv has the same classes and says otherwise in 2 rows, with no label in the others. "
        "If it corrects labels, write them in their column: it is not read."
    )


@pytest.mark.parametrize(
    ("header", "labels", "column"),
    [
        ("file,label,true_label", WORDS, WORDS),
        ("file,label,checked_label", WORDS, ["cat", "dog", "", "", "", "", "", ""]),
        ("file,label,part", ["0", "1"] * 4, ["1", "", "", "", "", "", "", ""]),
        ("file,label,breed_name", WORDS, ["cat", "cow"] * 4),
        ("file,label,flipped", ["0", "1"] * 4, ["1", "1"] * 4),
        ("file,label,super_class", ["0", "1", "2", "3"] * 2, ["0", "0", "1", "1"] * 2),
    ],
)
def test_columns_that_say_something_else_are_not_told(
    tmp_path: Path, header: str, labels: list[str], column: list[str]
) -> None:
    assert not notes_on(open_table(tmp_path, header, labels, column), "has the same classes")


def test_a_column_that_denies_labels_is_told(tmp_path: Path) -> None:
    listing = open_table(tmp_path / "a", "file,label,Confidence", WORDS, ["1", "1", "0", "1", "1", "0", "1", "1"])
    assert notes_on(listing, "Column 'Confidence' of t.csv is 0 or false in 2 rows, whose labels are read")
    shares = open_table(tmp_path / "b", "file,label,confidence", WORDS, ["0", "1", "0.5", "1", "1", "0.2", "1", "1"])
    assert not notes_on(shares, "confidence")


@pytest.mark.parametrize(("name", "rest"), [("is_valid", "train"), ("is_test", "train"), ("is_train", "test")])
def test_a_column_of_marks_says_the_split_but_denies_labels_where_most_are_valid(
    tmp_path: Path, name: str, rest: str
) -> None:
    listing = open_table(tmp_path / "a", f"file,label,{name}", WORDS, ["True", "False", "False", "False"] * 2)
    assert listing.splits == ((name.removeprefix("is_"), rest, rest, rest) * 2)
    assert not notes_on(listing, "is 0 or false")
    most = open_table(tmp_path / "b", f"file,label,{name}", WORDS, ["1", "1", "1", "0"] * 2)
    assert (most.splits is None) == bool(notes_on(most, "is 0 or false in 2 rows")) == (name == "is_valid")


def test_labels_above_empty_cells_may_be_merged_cells(tmp_path: Path) -> None:
    merged = open_table(tmp_path / "a", "file,label", ["cat", "", "", "", "dog", "", "", ""])
    assert notes_on(merged, "6 rows of t.csv have no label, each below one that has. If an empty cell means the one")
    tested = open_table(tmp_path / "b", "file,label", ["cat", "dog", "cat", "", "", "", "", ""])
    assert not notes_on(tested, "have no label")


def test_words_of_people_for_no_label_are_told(tmp_path: Path) -> None:
    listing = open_table(tmp_path, "file,label", ["cat", "dog", "-", "TBD", "unknown", "#REF!", "cat", "dog"])
    assert notes_on(listing, "'#REF!' (1 row), '-' (1 row), 'TBD' (1 row), 'unknown' (1 row)")


@pytest.mark.parametrize(("column", "folders"), [("folder", ("left", "right")), ("split", ("train", "test"))])
def test_a_column_of_folders_says_which_of_two_files_of_a_name_is_meant(
    tmp_path: Path, column: str, folders: tuple[str, str]
) -> None:
    paths = [f"{folder}/{n}.png" for folder in folders for n in range(4)]
    rows = [
        (path.rpartition("/")[2], path.partition("/")[0], "cat" if n < 3 else "dog") for n, path in enumerate(paths)
    ]
    text = f"file,{column},label\n" + "".join(",".join(row) + "\n" for row in rows)
    listing = open_source(build(tmp_path / "in", {**dict.fromkeys(paths, PIXEL), "t.csv": text}))
    assert labels_of(listing) == {path: "cat" if n < 3 else "dog" for n, path in enumerate(paths)}
    build(tmp_path, {**{f"out/{path}": PIXEL for path in paths}, "t.csv": text})
    assert labels_of(open_source(tmp_path / "out", labels=tmp_path / "t.csv")) == labels_of(listing)


def test_tables_that_complete_each_other_are_read_as_one(tmp_path: Path) -> None:
    rows = [f"{name},{label}\n" for name, label in zip(NAMES, WORDS, strict=True)]
    tables = {"a.csv": rows[:5], "b.csv": rows[3:]}
    texts = {name: "file,label\n" + "".join(part) for name, part in tables.items()}
    listing = open_source(build(tmp_path, {**dict.fromkeys(NAMES, PIXEL), **texts}))
    assert counts_of(listing) == {"cat": 4, "dog": 4}
    build(tmp_path, {"b.csv": "file,label\n" + "".join(rows[4:]) + "3.png,cat\n"})
    with pytest.raises(DataError, match=r"two sources of labels that"):
        open_source(tmp_path)


def test_rows_with_addresses_are_told_how_to_be_read(tmp_path: Path) -> None:
    rows = "".join(f"https://x.org/up/{name}?w=1,{label}\n" for name, label in zip(NAMES, WORDS, strict=True))
    build(tmp_path, {**{f"images/{name}": PIXEL for name in NAMES}, "t.csv": f"url,label\n{rows}"})
    with pytest.raises(DataError, match=r"'https://x.org/up/0.png\?w=1' is not 'images/0.png'. If they are the same"):
        open_source(tmp_path)


def test_results_of_a_scan_are_no_source_of_labels_beside_another(tmp_path: Path) -> None:
    """The columns of results were context for the next scan, which bore out what the last one had said, and put the
    images in the order of suspects."""
    paths = [f"{word}/{name}" for word, name in zip(WORDS, NAMES, strict=True)]
    rows = "".join(f"{8 - n},{path},{path[:3]},cow,{n == 3},sure,0.5,lab {n % 2}\n" for n, path in enumerate(paths))
    header = "rank,path,given_label,predicted_label,is_label_issue,tier,label_score,site"
    build(tmp_path, {**dict.fromkeys(paths, PIXEL), "RUN/samples.csv": f"{header}\n{rows}"})
    listing = open_source(tmp_path)
    assert (listing.origin, list(listing.ids), listing.extra) == ("folder names", sorted(paths), {})
    asked = open_source(tmp_path, labels=tmp_path / "RUN" / "samples.csv")
    assert asked.origin == "column 'given_label' of samples.csv"
    assert list(asked.extra) == ["site"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels-baseline.json", '{"kind": "labelaudit baseline", "suspects": [%s]}'),
        ("gate.jsonl", "%s"),
        ("verdicts.csv", "path,digest,given_label,verdict\nx/cat/0.png,0a,cat,suggested"),
    ],
)
def test_what_this_tool_wrote_about_some_images_is_no_source_of_labels(tmp_path: Path, name: str, text: str) -> None:
    """A baseline above two datasets was their table: 52 of 1,009 images were judged."""
    entry = '{"path": "x/cat/0.png", "digest": "0a", "given_label": "cat", "suggested_label": "dog"}'
    paths = [f"{part}/{word}/{image}" for part in "xy" for word, image in zip(WORDS, NAMES, strict=True)]
    folder = build(tmp_path, {**dict.fromkeys(paths, PIXEL), name: text.replace("%s", entry)})
    with pytest.raises(DataError, match="labels may be at either of two levels"):
        open_source(folder)


def test_columns_without_a_name_and_a_cell_are_none(tmp_path: Path) -> None:
    listing = open_table(tmp_path, "file,label,,", WORDS, [""] * 8, ["", "seen", *[""] * 6])
    assert [*listing.extra] == ["unnamed 3"]
