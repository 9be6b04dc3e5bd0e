"""Facts beside the label: the table's columns and the folders; what tells of votes is none."""

from __future__ import annotations

from audits import make_samples

from labelaudit.data.facts import list_facts
from labelaudit.data.votes import OF_VOTES


def test_columns_and_folders_are_facts_and_votes_are_not() -> None:
    ids = ("lab/cat/a.png", "lab/b.png", "c.png")
    columns = {"scanner": ("A", "A", "B"), next(iter(OF_VOTES)): ("1", "2", "3")}
    samples = make_samples(ids=ids, labels=[0, 1, 0], digests=("1", "2", "3"), extra=columns)
    assert list_facts(samples) == {
        "column 'scanner'": ("A", "A", "B"),
        "folder level 1": ["lab", "lab", ""],
        "folder level 2": ["cat", "", ""],
    }


def test_names_without_folders_have_no_levels() -> None:
    assert list_facts(make_samples(ids=("a.png", "b.png", "c.png"), labels=[0, 1, 0], digests=("1", "2", "3"))) == {}
