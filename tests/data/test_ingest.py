"""From a listing to samples: one bad file never stops the others, whatever is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from built import build
from pictures import Listed

from labelaudit.data.images import encode
from labelaudit.data.ingest import digest, ingest
from labelaudit.data.listing import Listing
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError


def picture(value: int, side: int = 4) -> bytes:
    return encode(np.full((side, side), value, np.uint8))


def listing(*items: bytes | Exception, labels: str) -> Listing:
    names = tuple(f"{row}.png" for row in range(len(items)))
    return Listing(root="data", ids=names, labels=tuple(labels), images=Listed(items))


def test_samples_of_a_folder(tmp_path: Path) -> None:
    files = {"b/2.pgm": picture(2), "a/1.pgm": picture(1), "b/copy.pgm": picture(1)}
    samples, findings = ingest(open_source(build(tmp_path, files)))
    assert samples.ids == ("a/1.pgm", "b/2.pgm", "b/copy.pgm")
    assert samples.labels.tolist() == [0, 1, 1]
    assert samples.classes == ("a", "b")
    assert samples.digests[0] == samples.digests[2] == digest(picture(1)) != samples.digests[1]
    assert samples.root == str(tmp_path)
    assert samples.images is not None
    assert samples.images.encoded(1) == picture(2)
    assert findings == ()


def test_bad_files_become_findings(tmp_path: Path) -> None:
    broken = picture(1, 99)
    files = {
        "a/good.pgm": picture(1),
        "a/empty.png": b"",
        "a/text.png": b"hello",
        "a/cut.pgm": broken[:5000],
        "b/good.pgm": picture(2),
        "b/bomb.pgm": b"P5\n99999 99999\n255\n",
        "loose.png": picture(3),
    }
    (build(tmp_path, files) / "b" / "gone.png").symlink_to("nowhere.png")
    listed = open_source(tmp_path)
    samples, findings = ingest(listed)
    assert samples.ids == ("a/cut.pgm", "a/good.pgm", "b/good.pgm")
    assert {found.path: found.kind for found in findings} == {
        "a/empty.png": "empty",
        "a/text.png": "unreadable",
        "b/bomb.pgm": "oversized",
        "b/gone.png": "missing",
        "loose.png": "unlabelled",
    }
    assert all(found.detail and "\n" not in found.detail for found in findings)


def test_whatever_reading_raises_is_a_finding() -> None:
    listed = listing(
        picture(1),
        FileNotFoundError(2, "No such file"),
        PermissionError(13, "Permission denied"),
        IsADirectoryError(21, "Is a directory"),
        ValueError("embedded null byte"),
        OSError(5, "Input/output error"),
        picture(2),
        labels="aabbaab",
    )
    samples, findings = ingest(listed)
    assert samples.ids == ("0.png", "6.png")
    assert [(found.kind, found.detail) for found in findings] == [
        ("missing", "there is no such file"),
        ("unreadable", "cannot be read: Permission denied"),
        ("unreadable", "cannot be read: Is a directory"),
        ("unreadable", "cannot be read: embedded null byte"),
        ("unreadable", "cannot be read: Input/output error"),
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_table_that_names_folders_and_pipes(tmp_path: Path) -> None:
    build(tmp_path, {"1.pgm": picture(1), "2.pgm": picture(2), "x.png/in.pgm": picture(3)})
    os.mkfifo(tmp_path / "pipe.png")
    rows = "1.pgm,a\n2.pgm,b\nx.png,a\npipe.png,b\n../none.png,a\nnul\0.png,a\n" + "n" * 300 + ".png,b\n"
    (tmp_path / "t.csv").write_text("path,label\n" + rows)
    samples, findings = ingest(open_source(tmp_path / "t.csv"))
    assert samples.ids == ("1.pgm", "2.pgm")
    assert [found.kind for found in findings] == ["unreadable", "unreadable", "missing", "unreadable", "unreadable"]


def test_the_result_does_not_depend_on_the_threads() -> None:
    items = [picture(row % 200) if row % 7 else b"" for row in range(500)]
    listed = listing(*items, labels="ab" * 250)
    alone, findings = ingest(listed, workers=1)
    for workers in (2, 9):
        samples, found = ingest(listed, workers=workers)
        assert (samples.ids, samples.digests, samples.labels.tolist()) == (
            alone.ids,
            alone.digests,
            alone.labels.tolist(),
        )
        assert found == findings
    assert len(findings) == 72


def test_progress_ends_at_the_total() -> None:
    seen: list[tuple[str, int, int | None]] = []
    ingest(
        listing(*[picture(1)] * 150, labels="ab" * 75),
        progress=lambda stage, done, total: seen.append((stage, done, total)),
    )
    assert seen == [("ingest", 64, 150), ("ingest", 128, 150), ("ingest", 150, 150)]


def test_columns_and_splits_stay_aligned(tmp_path: Path) -> None:
    build(tmp_path, {"train/1.pgm": picture(1), "test/2.pgm": picture(2)})
    (tmp_path / "t.csv").write_text("path,label,site\ntrain/gone.pgm,b,x\ntrain/1.pgm,b,y\ntest/2.pgm,a,z\n")
    samples, _ = ingest(open_source(tmp_path / "t.csv"))
    assert samples.extra == {"site": ("y", "z")}
    assert samples.splits == ("train", "test")
    assert [samples.classes[label] for label in samples.labels] == ["b", "a"]


def test_classes_of_dropped_samples_are_dropped() -> None:
    samples, _ = ingest(listing(picture(1), b"", picture(2), labels="zqa"))
    assert samples.classes == ("a", "z")
    assert samples.labels.tolist() == [1, 0]


def test_labels_without_images(tmp_path: Path) -> None:
    (tmp_path / "y.csv").write_text("label\nspam\n\nham\nspam\n")
    samples, _ = ingest(open_source(None, labels=tmp_path / "y.csv"))
    assert samples.images is None
    assert samples.classes == ("ham", "spam")
    assert len(set(samples.digests)) == 3


def test_nothing_left_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"nothing to audit in 'data' \(left out: 2 empty\); the first: 0\.png: the file"
    ):
        ingest(listing(b"", b"", labels="ab"))
    with pytest.raises(DataError, match=r"only one class in 'data', 'a' with 2 images \(left out: 1 empty\)"):
        ingest(listing(picture(1), picture(1), b"", labels="aab"))
    with pytest.raises(DataError, match=r"only one class in the labels, 'a' .* give labels of two classes or more$"):
        ingest(open_source(None, labels=["a", "a"]))
    np.savez(
        tmp_path / "one.npz", images=np.random.default_rng(0).integers(0, 255, (4, 8, 8), np.uint8), labels=[0] * 4
    )
    with pytest.raises(DataError, match=r"only one class in '.*one\.npz', .* give labels of two classes or more$"):
        ingest(open_source(tmp_path / "one.npz"))
    build(tmp_path / "faces", {f"{20 + n % 3}_{n}_x.pgm": picture(n) for n in range(12)})
    with pytest.raises(DataError, match=r"with `label_from`. Its file names may hold labels: `label_from` name:"):
        ingest(open_source(tmp_path))
    with pytest.raises(DataError, match=r"only one class .*unreadable\); the first: 1\.png: .*git lfs pull`$"):
        ingest(listing(picture(1), *[b"version https://git-lfs.github.com/spec/v1\noid"] * 2, labels="aab"))
    rows = "".join(f"{n}.png,Insecta,{'DC'[n % 2]}\n" for n in range(4))
    build(tmp_path / "one", {"t.csv": f"file,class,order\n{rows}", **{f"{n}.png": picture(n) for n in range(4)}})
    with pytest.raises(DataError, match=r"so give the column of the labels with `label_column` \(order\)$"):
        ingest(open_source(tmp_path / "one"))
