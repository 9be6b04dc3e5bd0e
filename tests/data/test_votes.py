"""Rows and columns of several annotators are votes on one image, and not contradictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.data.votes import VOTES
from labelaudit.errors import DataError

LONG = "file,label,annotator\na,cat,ann\na,cat,bob\na,dog,eve\nb,dog,ann\nb,dog,bob\nb,cat,eve\nc,cat,ann\n"
RATERS = "file,Rater 1,Rater 2,Rater 3\na,cat,cat,dog\nb,dog,dog,\nc,cat,,\n"
WIDE = "file,first,second,third\na,cat,cat,dog\nb,dog,dog,\nc,cat,,\n"


@pytest.mark.parametrize(
    ("text", "annotator"), [(LONG, None), (LONG, ["annotator"]), (RATERS, None), (WIDE, ["first", "second", "third"])]
)
def test_an_image_is_one_sample_with_all_its_votes(tmp_path: Path, text: str, annotator: list[str] | None) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(text)
    listing = open_source(Source(data=None, labels=table, annotator=annotator))
    assert listing.ids == ("a", "b", "c")
    assert listing.labels == ("cat", "dog", "cat")
    assert listing.findings == ()
    votes = [json.loads(cell) for cell in listing.extra[VOTES]]
    assert list(votes[0].values()) == ["cat", "cat", "dog"]
    assert votes[2] == {next(iter(votes[0])): "cat"}
    assert "annotators, who disagree on" in "".join(listing.notes)


def test_columns_that_say_the_same_may_be_several_people(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(WIDE)
    with pytest.raises(DataError, match="or each of them with `annotator` if they are several people's labels"):
        open_source(Source(data=None, labels=table))
    table.write_text("file,beak,colour\na,long,red\nb,short,blue\nc,long,blue\n")
    with pytest.raises(DataError, match=r"in any of beak, colour: name the column, such as `label_column` 'beak'$"):
        open_source(Source(data=None, labels=table))


def test_rows_that_contradict_each_other_without_a_name_stay_findings(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,label,batch\na,cat,1\na,dog,1\nb,dog,1\n")
    listing = open_source(Source(data=None, labels=table))
    assert [finding.kind for finding in listing.findings] == ["conflict"]
    assert VOTES not in listing.extra


@pytest.mark.parametrize(
    ("head", "said"), [("by_whom", "`annotator` by_whom"), ("", "`annotator` COLUMN"), ("observer", None)]
)
def test_votes_whose_column_has_another_name_are_offered_to_be_counted(
    tmp_path: Path, head: str, said: str | None
) -> None:
    table = tmp_path / "labels.csv"
    rows = [line.split(",") for line in LONG.replace("annotator", head).splitlines()]
    rows += [[image, "cat", who] for image in "de" for who in ("ann", "bob")]
    rows = [["kind", *rows[0]], *([row[1][0], *row] for row in rows[1:])]  # another name of each class, and nobody's
    table.write_text("".join(",".join(row if head else row[:3]) + "\n" for row in rows))
    listing = open_source(Source(data=None, labels=table))
    if said is None:
        assert listing.labels == ("cat", "dog", "cat", "cat", "cat")
        return
    assert VOTES not in listing.extra
    (note,) = [note for note in listing.notes if "`annotator`" in note]
    assert note.startswith("2 images are left out because their rows disagree")
    assert said in note


def test_one_label_an_image_is_no_vote(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,label,annotator\na,cat,ann\nb,dog,ann\nc,cat,bob\n")
    for asked in (None, ["annotator"]):
        assert open_source(Source(data=None, labels=table, annotator=asked)).extra == {
            "annotator": ("ann", "ann", "bob")
        }
    with pytest.raises(DataError, match="`annotator`"):
        open_source(Source(data=None, labels=table, annotator=["rater"]))


def test_several_labels_of_one_annotator_for_one_image_are_no_vote_and_told(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    rows = [f"{image},{'cat' if image < 'e' else 'dog'},{who}" for image in "abcdefgh" for who in ("ann", "bob")]
    table.write_text("\n".join(["file,label,annotator", *rows, "a,dog,ann", "b,cat,ann"]))
    listing = open_source(Source(data=None, labels=table))
    votes = dict(zip(listing.ids, map(json.loads, listing.extra[VOTES]), strict=True))
    assert votes["a"] == {"bob": "cat"}
    assert votes["b"] == {"ann": "cat", "bob": "cat"}
    told = "1 vote is left out because one person gave one image several labels: 'ann' called 'a' 'cat' and 'dog'."
    assert told in listing.notes
    assert not listing.findings
