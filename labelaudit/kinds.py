"""The kinds of findings: the facts about each that formats, rules and commands share.

Left out: findings themselves (`labelaudit.types.Finding`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Kind:
    """The facts about one kind of finding."""

    group: Literal["label", "pair", "file", "entry", "row", "image", "dataset"]
    """label: a suspect · pair: two images disagree · file: one cannot be decoded · entry: it is there and no sample ·
    row: a table or tree names it wrongly · image: it is odd or like another · dataset: of no single image."""
    code: str
    """Its identifier in SARIF, which never changes."""
    meaning: str
    is_error: bool = False
    """Whether an open one is an error in SARIF, and not a warning."""
    rule: str = ""
    """The rule of `check` that it breaks."""


KINDS: Mapping[str, Kind] = {
    "suspect": Kind("label", "LA001", "The label is probably wrong"),
    "conflict": Kind("pair", "LA101", "The same image carries different labels", True, "no-conflicts"),
    "near_duplicate": Kind("pair", "LA102", "Nearly the same image carries another label", False, "no-conflicts"),
    "leak": Kind("pair", "LA103", "The same or nearly the same image is in two splits", True, "no-leaks"),
    "missing": Kind("row", "LA201", "The image does not exist", True, "no-unreadable"),
    "unreadable": Kind("file", "LA202", "The image cannot be read", True, "no-unreadable"),
    "truncated": Kind("file", "LA203", "The image file is cut off", True, "no-unreadable"),
    "empty": Kind("file", "LA204", "The image file is empty", True, "no-unreadable"),
    "oversized": Kind("file", "LA205", "The image is too large to be decoded", True, "no-unreadable"),
    "unlabelled": Kind("entry", "LA301", "The image has no label"),
    "duplicate_row": Kind("row", "LA302", "The label table names the image twice"),
    "link_loop": Kind("row", "LA303", "A link leads back to itself"),
    "bad_name": Kind("entry", "LA304", "The file name cannot be used"),
    "unknown_class": Kind("row", "LA305", "The label is not a class of the audited dataset"),
    "same_scene": Kind("image", "LA104", "A picture of the same scene seems to be in another split"),
    "shortcut": Kind("dataset", "LA401", "Something beside the picture tells the class", False, "no-shortcuts"),
    "uniform": Kind("image", "LA306", "All pixels of the image are alike"),
}
"""Suspects and every kind of finding: the kinds that an ignore can be restricted to."""


def kinds_of(*groups: str) -> tuple[str, ...]:
    """The kinds of findings in ``groups``, in the order of `KINDS`."""
    return tuple(name for name, kind in KINDS.items() if kind.group in groups)


TWO_LABELS: Mapping[str, str] = {"conflict": "the same bytes as", "near_duplicate": "nearly the same image as"}
"""Kinds of findings about an image under two labels, and what it is beside its partner."""


def tell_two_labels(kind: str, label: str, partner: str, other: str) -> str:
    """The detail of a finding of `TWO_LABELS` about an image of this ``label`` whose ``partner`` has the ``other`` one.

    >>> tell_two_labels("conflict", "cat", "b.png", "dog")
    "labelled 'cat', but the same bytes as 'b.png', labelled 'dog'"
    """
    return f"labelled '{label}', but {TWO_LABELS[kind]} '{partner}', labelled '{other}'"
