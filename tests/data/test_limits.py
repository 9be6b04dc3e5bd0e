"""Images that want more memory than there is, and bytes that change under a scan."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from built import build
from fuzz import attack
from pictures import png_header
from PIL import Image

from labelaudit.data import rgb, room
from labelaudit.data.images import ImageError, decode, encode, probe, squeeze
from labelaudit.data.ingest import ingest
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError
from labelaudit.features.embedding import embed_samples
from labelaudit.machine import Machine


def encoded(pixels: object, kind: str, mode: str | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(np.asarray(pixels))
    (picture if mode is None else picture.convert(mode)).save(file, kind, **options)
    return file.getvalue()


def test_too_many_pixels_are_a_finding_and_the_limit_moves_both_ways(tmp_path: Path) -> None:
    small, large = np.zeros((4, 4), np.uint8), np.zeros((20, 20), np.uint8)
    data = build(tmp_path / "d", {"a/1.pgm": encode(small), "b/2.pgm": encode(small), "b/3.pgm": encode(large)})
    samples, findings = ingest(open_source(data), max_pixels=100)
    assert samples.ids == ("a/1.pgm", "b/2.pgm")
    assert [(finding.kind, finding.path) for finding in findings] == [("oversized", "b/3.pgm")]
    assert findings[0].detail == "20 x 20 pixels are over the limit of 100 (`max_pixels`)"
    assert len(ingest(open_source(data), max_pixels=400)[0]) == 3
    huge = build(tmp_path / "huge", {"a/1.png": png_header(20_000, 17_500), "b/2.pgm": encode(small)})
    with pytest.raises(DataError, match="only one class"):
        ingest(open_source(huge))
    assert len(ingest(open_source(huge), max_pixels=350_000_000)[0]) == 2


def test_a_webp_that_is_mostly_promises_is_refused_before_it_takes_memory() -> None:
    whole = encoded(np.zeros((64, 64, 3), np.uint8), "WEBP")
    with pytest.raises(ImageError, match="ends early") as caught:
        decode(whole[:34])
    assert caught.value.kind == "truncated"


MODES = {
    "RGB": encoded(np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8), "PNG"),
    "RGBA": encoded(np.random.default_rng(1).integers(0, 256, (90, 70, 4), np.uint8), "PNG"),
    "P": encoded(np.random.default_rng(2).integers(0, 256, (90, 70), np.uint8), "PNG", "P", transparency=3),
    "1": encoded(np.random.default_rng(3).integers(0, 2, (90, 70)).astype(bool), "PNG"),
    "I": encoded(np.random.default_rng(4).integers(0, 4000, (90, 70)).astype(np.uint16), "PNG"),
    "F": encoded(np.random.default_rng(5).normal(size=(90, 70)).astype(np.float32), "TIFF"),
    "CMYK": encoded(np.random.default_rng(6).integers(0, 256, (90, 70, 4), np.uint8)[..., :3], "JPEG", "CMYK"),
}


@pytest.mark.parametrize("mode", MODES)
def test_an_image_in_bands_has_the_same_pixels(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decode(MODES[mode])
    monkeypatch.setattr(rgb, "_BAND", 1000)
    assert np.array_equal(decode(MODES[mode]), whole)


def test_a_far_larger_image_is_averaged_down_first(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, square = decode(MODES["RGB"], size=4), squeeze(MODES["RGB"], [4])[4]
    monkeypatch.setattr(rgb, "_BAND", 1000)
    assert decode(MODES["RGB"], size=4).shape == (23, 18, 3)  # a quarter
    assert whole.shape == (90, 70, 3)
    assert np.abs(squeeze(MODES["RGB"], [4])[4].astype(int) - square).max() <= 3


def test_large_images_are_decoded_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_TOGETHER", 250)
    monkeypatch.setattr(room, "_SMALL", 0)
    place, at_once, most = room.Room(), list[int](), list[int]()

    def decode_one(need: int) -> None:
        with place.taken(need):
            at_once.append(need)
            most.append(sum(at_once))
            threading.Event().wait(0.002)
            at_once.remove(need)

    threads = [threading.Thread(target=decode_one, args=(need,)) for need in (100, 200, 900, 100, 100, 50) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 900
    assert not [total for total in most if 250 < total != 900]


def test_what_does_not_fit_into_a_container_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "memory_limit", lambda: 10_000)
    monkeypatch.setattr(room, "_SMALL", 0)
    with pytest.raises(ImageError, match="decoding it takes up to") as caught:
        decode(MODES["RGB"])
    assert caught.value.kind == "oversized"
    assert probe(MODES["RGB"]) == (70, 90)


def test_bytes_that_change_under_a_scan_are_not_taken_for_those_that_were_digested(tmp_path: Path) -> None:
    """The features of other bytes would be kept under the old digest, and be wrong for good."""
    draw = np.random.default_rng(0)
    pictures = {
        f"{name}/{n}.ppm": encode(draw.integers(0, 256, (8, 8, 3), np.uint8)) for n in range(3) for name in "ab"
    }
    samples, _ = ingest(open_source(build(tmp_path / "d", pictures)))
    old = (tmp_path / "d/a/1.ppm").read_bytes()
    (tmp_path / "d/a/1.ppm").write_bytes(encode(np.zeros((8, 8, 3), np.uint8)))
    options = (["lite0@32"], Machine(device="cpu", cache=tmp_path / "cache"))
    left, _, findings = embed_samples(samples, *options)
    assert [(finding.kind, finding.path) for finding in findings] == [("unreadable", "a/1.ppm")]
    assert "was changed while it was being scanned" in findings[0].detail
    assert len(left) == 5
    (tmp_path / "d/a/1.ppm").write_bytes(old)
    again, features, findings = embed_samples(samples, *options)
    fresh = embed_samples(samples, ["lite0@32"], Machine(device="cpu"))[1]
    assert findings == ()
    assert np.allclose(features.values, fresh.values)
    assert len(again) == 6


@pytest.mark.parametrize("repeated", [False, True])
def test_a_parquet_file_that_unpacks_to_far_more_than_it_holds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repeated: bool
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from labelaudit.data.readers import parquet

    value = bytes(2_000_000)
    table = pa.table({"image": [value] * 40, "label": ["a", "b"] * 20})
    pq.write_table(table, tmp_path / "d.parquet", use_dictionary=repeated, compression="zstd")
    assert (tmp_path / "d.parquet").stat().st_size < 20_000
    monkeypatch.setattr(parquet, "_MOST_UNPACKED", 10_000_000)
    with pytest.raises(DataError, match="unpacks to more than 10 MB"):
        ingest(open_source(tmp_path / "d.parquet"))


def test_a_parquet_file_of_many_images_in_one_row_group_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from labelaudit.data.readers import parquet

    draw = np.random.default_rng(0)
    images = [encode(draw.integers(0, 256, (30, 30, 3), np.uint8)) for _ in range(100)]
    pq.write_table(pa.table({"image": images, "label": ["a", "b"] * 50}), tmp_path / "d.parquet")
    monkeypatch.setattr(parquet, "_MOST_UNPACKED", 1_000_000)
    monkeypatch.setattr(parquet, "_MOST_RATIO", 10)
    listing = open_source(tmp_path / "d.parquet")
    assert listing.images is not None
    assert [listing.images.encoded(row) for row in range(100)] == images


def test_damaged_sizes_of_a_parquet_file_do_not_end_the_program() -> None:
    assert {attack("data.parquet", seed) for seed in (25, *range(40, 60))} <= {"read", "refused"}
