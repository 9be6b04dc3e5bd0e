"""Shortcuts: what beside the picture tells the class is named, and nothing is where it does not."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from pictures import Listed
from PIL import Image

from labelaudit.context.shortcuts import find_shortcuts
from labelaudit.types import Samples

N = 120
DRAW = np.random.default_rng(4)
LABELS = np.arange(N) % 2


def picture(
    *,
    frame: bool = False,
    kind: str = "PNG",
    size: tuple[int, int] = (24, 24),
    camera: str = "",
    date: str = "2024:03:07 10:00:00",
) -> bytes:
    pixels = DRAW.integers(60, 200, (*size, 3), dtype=np.uint8)
    if frame:
        pixels[[0, 1, -1, -2]] = pixels[:, [0, 1, -1, -2]] = 255
    image, file = Image.fromarray(pixels), io.BytesIO()
    exif = Image.Exif()
    if camera:
        exif[0x0110] = camera
        exif[0x0132] = date
    image.save(file, kind, exif=exif)
    return file.getvalue()


def samples(
    files: Sequence[bytes], extra: Mapping[str, tuple[str, ...]] | None = None, ids: Sequence[str] | None = None
) -> Samples:
    return Samples(
        ids=tuple(ids or [f"{row}.png" for row in range(N)]),
        labels=LABELS,
        classes=("cat", "dog"),
        digests=tuple(map(str, range(N))),
        images=Listed(files),
        extra=extra or {},
    )


PLAIN = [picture() for _ in range(N)]


def test_a_frame_on_one_class_is_a_shortcut() -> None:
    best = find_shortcuts(samples([picture(frame=bool(label)) for label in LABELS]))[0]
    assert best.cue == "the frame"
    assert best.accuracy > 0.95
    assert "The frame alone tells the given class of" in best.note()


@pytest.mark.parametrize(
    ("cue", "one", "other"),
    [
        ("the file format", {"kind": "PNG"}, {"kind": "BMP"}),
        ("the size", {"size": (24, 24)}, {"size": (24, 30)}),
        ("the camera", {"kind": "JPEG", "camera": "Canon"}, {"kind": "JPEG", "camera": "Nikon D"}),
    ],
)
def test_the_kind_of_file_is_a_shortcut(cue: str, one: dict[str, object], other: dict[str, object]) -> None:
    files = [picture(**(one, other)[label]) for label in LABELS]  # type: ignore[arg-type]
    assert cue in {found.cue for found in find_shortcuts(samples(files))}


@pytest.mark.parametrize(("cue", "kind"), [("the frame", {"frame": True}), ("the camera", {"camera": "Nikon D"})])
def test_what_tells_one_class_of_five_from_all_others_is_a_shortcut(cue: str, kind: dict[str, object]) -> None:
    labels = np.arange(N) % 5
    files = [picture(**{"kind": "JPEG", "camera": "Canon", **(kind if label == 2 else {})}) for label in labels]
    found = find_shortcuts(replace(samples(files), labels=labels, classes=tuple("abcde")))
    assert [(one.cue, one.of_one, round(one.gain, 1)) for one in found] == [(cue, "c", 0.2)]
    assert found[0].note().startswith(f"T{cue[1:]} alone tells class 'c' from all others: a model may have")


def test_a_column_and_a_folder_are_shortcuts_and_another_spelling_of_the_class_is_none() -> None:
    source = tuple("AB"[label] for label in LABELS)
    names = ("ca", "dg")
    extra = {
        "scanner": source,
        "class_id": source,
        "note": tuple(("a cat", "a dog")[label] for label in LABELS),
        "annotator_votes": tuple(f'{{"ann": "{label}", "bob": "{label}"}}' for label in LABELS),
        "random": tuple("xyz"[row % 3] for row in range(N)),
    }
    found = find_shortcuts(samples(PLAIN, extra, [f"{names[label]}/{row}.png" for row, label in enumerate(LABELS)]))
    assert {one.cue for one in found} == {"column 'scanner'", "folder level 1"}


def test_of_three_classes_a_source_of_its_own_for_each_is_a_shortcut_and_a_synset_is_none() -> None:
    labels = np.arange(N) % 3
    extra = {name: tuple("ABC"[label] for label in labels) for name in ("scanner_id", "wnid")}
    ids = [f"site{'ABC'[label]}/x{label}/{row}.png" for row, label in enumerate(labels)]
    dataset = replace(samples(PLAIN, extra, ids), labels=labels, classes=("cat", "dog", "owl"))
    assert {one.cue for one in find_shortcuts(dataset)} == {"column 'scanner_id'", "folder level 1"}


def test_a_coarser_class_is_no_shortcut_and_a_source_of_several_classes_is_one() -> None:
    labels = np.arange(N) % 4
    extra = {name: tuple("AABC"[label] for label in labels) for name in ("genus", "device")}
    dataset = replace(samples(PLAIN, extra), labels=labels, classes=("lion", "tiger", "wolf", "owl"))
    assert {one.cue for one in find_shortcuts(dataset)} == {"column 'device'"}


def test_plain_images_and_few_images_have_none() -> None:
    assert find_shortcuts(samples(PLAIN)) == ()
    assert find_shortcuts(samples([picture(frame=bool(label)) for label in LABELS]).take(np.arange(20))) == ()


def test_files_that_fail_say_nothing() -> None:
    assert find_shortcuts(samples([b"broken"] * N)) == ()


@pytest.mark.parametrize("date", ["2020", "2020:01", "2020-1--:2"])
def test_a_date_that_is_none_says_nothing(date: str) -> None:
    found = find_shortcuts(samples([picture(camera="Nikon", date=date if label else "") for label in LABELS]))
    assert "the date in the file" not in {one.cue for one in found}
