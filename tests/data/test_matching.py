"""Rows and files: matched by as much of the path as both have, and by nothing where names decide nothing."""

from __future__ import annotations

import pytest

from labelaudit.data.matching import match_rows, path_steps


@pytest.mark.parametrize(
    ("asked", "files", "found"),
    [
        pytest.param(["cat/1.png"], ["cat/1.png", "dog/1.png"], ["cat/1.png"], id="whole path"),
        pytest.param(["a.png", "b.png"], ["x/a.png", "y/b.png"], ["x/a.png", "y/b.png"], id="unique names"),
        pytest.param(
            ["./x//a.png", "x\\b.png"], ["x/a.png", "x/b.png"], ["x/a.png", "x/b.png"], id="spelled otherwise"
        ),
        pytest.param(["C:\\me\\data\\cat\\1.JPG"], ["cat/1.jpg"], ["cat/1.jpg"], id="a Windows path"),
        pytest.param(["/content/data/cat/1.png"], ["cat/1.png", "dog/1.png"], ["cat/1.png"], id="a foreign prefix"),
        pytest.param(["mine/train/1.png"], ["train/1.png", "test/1.png"], ["train/1.png"], id="the root's own name"),
        pytest.param(
            ["ISIC_1", "ISIC_2"], ["p1/ISIC_1.jpg", "p2/ISIC_2.jpg"], ["p1/ISIC_1.jpg", "p2/ISIC_2.jpg"], id="ids"
        ),
        pytest.param(["7", "10"], ["0007.png", "0010.png"], ["0007.png", "0010.png"], id="leading zeros"),
        pytest.param(["/data/upload/1/3f2a8b1c-a.jpg"], ["x/a.jpg"], ["x/a.jpg"], id="an upload's prefix"),
        pytest.param(["https://x.org/p/a%20b.jpg?w=9"], ["a b.jpg"], ["a b.jpg"], id="an address"),
        pytest.param(["/data/local-files/?d=cat/1.jpg"], ["cat/1.jpg"], ["cat/1.jpg"], id="a served file"),
        pytest.param(["\u00e9.png"], ["e\u0301.png"], ["e\u0301.png"], id="accents"),
        pytest.param(
            ["a/\u00e9.png", "a/e\u0301.png", "d/a/\u00e9.png"],
            ["a/e\u0301.png", "a/\u00e9.png"],
            ["a/\u00e9.png", "a/e\u0301.png", None],
            id="accents of two files",
        ),
        pytest.param(["cat/1.png"], ["train/cat/1.png", "cat/1.png"], ["cat/1.png"], id="whole before part"),
        pytest.param(
            ["train/7.png", "train/8.png"], ["train/8.png", "test/7.png"], [None, "train/8.png"], id="other folder"
        ),
        pytest.param(
            ["7.png", "8.png"], ["train/8.png", "test/7.png", "test/8.png"], [None, None], id="names say nothing"
        ),
        pytest.param(["1.png"], ["cat/1.png", "dog/1.png"], [None], id="two files fit"),
        pytest.param(["a.jpg"], ["a.png", "b.jpg"], [None], id="another ending"),
        pytest.param(["a.dcm", "b.dcm"], ["a.png", "b.png"], ["a.png", "b.png"], id="converted images"),
        pytest.param(["a.dcm", "a.png"], ["a.png"], [None, "a.png"], id="one of two converted"),
        pytest.param(["a", "a.jpg"], ["a.jpg"], [None, "a.jpg"], id="two rows, one file"),
        pytest.param(["1", "01"], ["001.png"], [None, None], id="two numbers, one file"),
        pytest.param(["", " "], ["a.png"], [None, None], id="empty cells"),
        pytest.param(["../x/a.png"], ["x/a.png"], ["x/a.png"], id="above"),
        pytest.param(["http://[x/a.png", "9" * 5000], ["a.png"], ["a.png", None], id="damaged cells"),
        pytest.param(
            ["1.png"] * 2 + ["/d/b/2.png"], ["a/1.png", "b/1.png", "b/2.png"], [None, None, "b/2.png"], id="again"
        ),
    ],
)
def test_rows_find_their_files(asked: list[str], files: list[str], found: list[str | None]) -> None:
    assert list(match_rows(asked, files).files) == found


def test_rows_of_one_split_name_no_file_of_another() -> None:
    assert match_rows(["train/7.png"], ["7.png"], root="test").files == (None,)
    assert match_rows(["validation/7.png"], ["7.png"], root="val").files == ("7.png",)
    assert match_rows(["train/7.png"], ["7.png"], root="pictures").files == ("7.png",)


@pytest.mark.parametrize(
    ("table", "root", "file", "found"),
    [
        ("train", "test", "7.png", None),
        ("train", "data", "test/7.png", None),
        ("train_labels", "data", "train_images/7.png", "train_images/7.png"),
        ("trainval", "data", "val/7.png", "val/7.png"),
        ("labels", "test", "7.png", "7.png"),
        ("train", "pictures", "7.png", "7.png"),
    ],
)
def test_a_table_of_one_split_names_no_file_of_another(table: str, root: str, file: str, found: str | None) -> None:
    assert match_rows(["7.png"], [file], root=root, table=table).files == (found,)


def test_what_matched_is_told_in_one_line() -> None:
    match = match_rows(["a", "b", "x", "1.png"], ["a.jpg", "b.jpg", "c.jpg", "p/1.png", "q/1.png"])
    assert match.doubts == {3: ("p/1.png", "q/1.png")}
    assert match.describe(5) == (
        "2 of 4 rows match a file (2 by name without ending), 1 match none, 1 fit several files or names that several "
        "folders have; 3 files have no row"
    )


def test_paths_of_every_system() -> None:
    assert path_steps("D:/a/b.png") == ("a", "b.png")
    assert path_steps("s3://bucket/a/b.png") == ("a", "b.png")
    assert path_steps("file:///a/b%20c.png") == ("a", "b c.png")
    assert path_steps("") == ()


def test_the_order_of_rows_and_files_does_not_matter() -> None:
    asked, files = ["1", "02", "cat/3.png", "9.png"], ["cat/1.png", "cat/2.png", "cat/3.png", "a/9.png", "b/9.png"]
    forwards = dict(zip(asked, match_rows(asked, files).files, strict=True))
    backwards = dict(zip(asked[::-1], match_rows(asked[::-1], files[::-1]).files, strict=True))
    assert forwards == backwards


def test_names_with_signs_written_as_numbers_find_their_files() -> None:
    match = match_rows(["a/my%20cat.jpg", "100%.jpg"], ["a/my cat.jpg", "100%.jpg"])
    assert match.files == ("a/my cat.jpg", "100%.jpg")
    assert match.ways == {"by name, but for signs written as %20": 1, "by their whole path": 1}
