"""Report, thumbnails and review show only the bytes that were scanned, or say that they changed since."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audits import CLASSES, IDS, make_audit

from labelaudit.audit.originals import open_originals
from labelaudit.data.images import ImageError, encode
from labelaudit.data.ingest import ingest
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.images import path_of
from labelaudit.review.pictures import Pictures


def test_a_picture_that_changed_since_the_scan_is_not_shown(tmp_path: Path) -> None:
    for row in range(4):
        file = tmp_path / "d" / "ab"[row % 2] / f"{row}.ppm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(np.full((4, 4, 3), 40 * row, np.uint8)))
    samples, _ = ingest(open_source(tmp_path / "d"))
    assert samples.images is not None
    row = samples.ids.index("a/2.ppm")
    (tmp_path / "d" / "a" / "2.ppm").write_bytes(encode(np.zeros((4, 4, 3), np.uint8)))
    pictures = Pictures(samples.images)
    for show in (samples.images.encoded, pictures.show, pictures.thumbnail):
        with pytest.raises(ImageError, match="was changed while it was being scanned") as caught:
            show(row)
        assert caught.value.kind == "changed"
    assert pictures.thumbnail(samples.ids.index("a/0.ppm"))[1] == "image/webp"


def test_images_of_a_run_have_their_files_however_the_dataset_is_read(tmp_path: Path) -> None:
    for name in IDS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    audit = make_audit(settings={"source": Source(data=tmp_path, classes=CLASSES).settings()})
    images = open_originals(audit)
    assert [path_of(images, row) for row in range(len(IDS))] == [str(tmp_path / name) for name in IDS]
