"""Deep values share one scale in a dataset, transparency keeps what is to be seen, rarer formats are read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelaudit.data.exposure import Exposure, expose, settle
from labelaudit.data.images import ImageError, decode, probe, survey
from labelaudit.data.ingest import ingest
from labelaudit.data.source import Source, source_settings
from labelaudit.data.sources import open_source
from labelaudit.images import Joined, Subset


def save(array: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def ramp(top: float, dtype: type) -> np.ndarray:
    return np.linspace(0, top, 64).reshape(8, 8).astype(dtype)


def test_sixteen_bits_are_as_bright_in_every_image(tmp_path: Path) -> None:
    for name, top in (("a", 900), ("b", 4000)):
        (tmp_path / name).mkdir()
        for number in range(2):
            (tmp_path / name / f"{number}.png").write_bytes(save(ramp(top, np.uint16), "PNG"))
    samples, _ = ingest(open_source(tmp_path))
    assert samples.images is not None
    assert source_settings(Source(data=tmp_path), samples)["exposure"]["whole"] == (0.0, 4095.0)
    shown = [int(decode(samples.images.encoded(row)).max()) for row in range(4)]
    assert shown == [56, 56, 249, 249]  # of 4095, for all


def test_floats_just_above_one_are_not_black() -> None:
    data = save(ramp(1.02, np.float32), "TIFF")
    assert decode(data).max() > 230
    assert decode(expose(data, Exposure(real=(0, 2.04)))).max() in (127, 128)


def test_a_scale_survives_the_settings_of_an_audit(tmp_path: Path) -> None:
    for name, top in (("a", 900), ("b", 4000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(save(ramp(top, np.uint16), "PNG"))
    scale = {"whole": [0, 4095], "real": None, "bands": [0, 1, 2]}
    again = open_source(tmp_path, exposure=scale)
    assert again.images is not None
    assert decode(again.images.encoded(0)).max() == 56
    assert Exposure.of(Exposure(whole=(0.0, 4095.0)).settings()) == Exposure(whole=(0.0, 4095.0))
    assert Joined([Subset(again.images, [0]), again.images]).exposure == Exposure(whole=(0.0, 4095.0))


@pytest.mark.parametrize(
    ("ranges", "real", "scale"),
    [
        ([(0, 200), (0, 300)], False, (0, 1023)),
        ([(-1000, 3000)], False, (-1000, 3000)),
        ([(0, 0.4), (0, 0.9)], True, (0, 1)),
        ([(0, 254.0)], True, (0, 255)),
        ([(-0.31, 4.47)], True, (-0.31, 4.5)),
    ],
)
def test_scales(ranges: list[tuple[float, float]], real: bool, scale: tuple[float, float]) -> None:
    assert settle(ranges, real=real) == scale


@pytest.mark.parametrize("stroke", [255, 0])
def test_strokes_on_transparency_stay_visible(stroke: int) -> None:
    drawing = np.full((16, 16, 4), stroke, np.uint8)
    drawing[..., 3] = 0
    drawing[4:8, 2:14, 3] = 255
    shown = decode(save(drawing, "PNG"))
    assert shown.max() == 255
    assert shown.min() == 0


def test_images_of_one_shade_are_findings_and_stay(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2):
            (tmp_path / name / f"{number}.png").write_bytes(save(rng.integers(0, 255, (20, 20), np.uint8), "PNG"))
    for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP"):
        (tmp_path / "a" / f"plain{kind}.png").write_bytes(save(np.full((40, 40, 3), 90, np.uint8), kind))
    (tmp_path / "a" / "pixel.gif").write_bytes(save(np.zeros((1, 1), np.uint8), "GIF"))
    star = np.zeros((40, 40), np.float32)
    (tmp_path / "a" / "night.tif").write_bytes(save(star, "TIFF"))
    star[20, 20] = 1
    (tmp_path / "a" / "star.tif").write_bytes(save(star, "TIFF"))
    samples, findings = ingest(open_source(tmp_path))
    assert {finding.kind for finding in findings} == {"uniform"}
    assert len(findings) == 7
    assert len(samples) == 12


def test_avif_and_jpeg_2000() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (24, 30, 3), np.uint8)
    for kind in ("AVIF", "JPEG2000"):
        data = save(picture, kind)
        assert probe(data) == (30, 24)
        assert decode(data).shape == (24, 30, 3)
        with pytest.raises(ImageError):
            decode(data[: len(data) // 2])


def test_heic() -> None:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(Image.new("RGB", (32, 20), (200, 10, 10))).save(file)
    assert decode(file.getvalue())[10, 10, 0] > 150


def test_a_format_without_its_package_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    with pytest.raises(ImageError, match=r"HEIC needs one more package: pip install 'labelaudit\[images\]'"):
        probe(b"\0\0\0\x18ftypheic" + bytes(100))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_three_bands_of_many(planar: str, dtype: type) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = np.random.default_rng(0).integers(0, 255, (24, 32, 13)).astype(dtype)
    stored = values if planar == "contig" else np.moveaxis(values, 2, 0)
    file = io.BytesIO()
    tifffile.imwrite(file, stored, photometric="minisblack", planarconfig=planar)
    assert probe(file.getvalue()) == (32, 24)
    chosen = Exposure(whole=(0, 255), bands=(12, 1, 0))
    shown = decode(expose(file.getvalue(), chosen))
    assert (shown == values[..., [12, 1, 0]]).all()
    with pytest.raises(ImageError, match="13 bands, not 14"):
        decode(expose(file.getvalue(), Exposure(bands=(13, 1, 0))))


def test_dicom() -> None:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    scan = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    scan.Rows, scan.Columns, scan.SamplesPerPixel = 16, 20, 1
    scan.BitsAllocated, scan.BitsStored, scan.HighBit, scan.PixelRepresentation = 16, 12, 11, 0
    scan.PhotometricInterpretation = "MONOCHROME2"
    scan.RescaleIntercept, scan.RescaleSlope = -1000, 1
    scan.SOPClassUID, scan.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    scan.PixelData = np.linspace(0, 4000, 320).astype(np.uint16).tobytes()
    file = io.BytesIO()
    scan.save_as(file, enforce_file_format=True)
    assert probe(file.getvalue()) == (20, 16)
    assert survey(file.getvalue()).deep == ("whole", (-1000.0, 3000.0))
    shown = decode(file.getvalue())
    assert (shown.shape, shown.min(), shown.max()) == ((16, 20, 3), 0, 255)
