"""The formats of image files: known by their first bytes, and opened by the one reader of each.

No reader is chosen by a file's name, and none but those listed here: a format that nobody asked for cannot be reached
by a hostile file. AVIF, JPEG 2000 and the rest of the first table come with Pillow. HEIC, DICOM and TIFF of more than
four bands need ``pip install 'labelaudit[images]'``, which `ImageError` says where one is met without it.
"""

from __future__ import annotations

import importlib
import io
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from labelaudit.data.exposure import Values
from labelaudit.errors import DataError

EXTRA = "pip install 'labelaudit[images]'"

POINTER = b"version https://git-lfs"
"""First bytes of what Git LFS leaves in the place of a file."""
_HINTS = (
    (POINTER, "a Git LFS pointer, not the image itself: run `git lfs pull`"),
    (b"<?xml", "an XML or SVG text, not a raster image"),
    (b"<svg", "an SVG text, not a raster image"),
    (b"<!DOCTYPE", "a web page, not an image"),
    (b"<html", "a web page, not an image"),
)


class ImageError(DataError):
    """One file is not a usable image; ``kind`` is that of its `Finding`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        """unreadable · truncated · empty · oversized"""


@dataclass(frozen=True)
class Raster:
    """An image that Pillow does not read: its size, and its values once they are asked for."""

    size: tuple[int, int]
    """Width and height."""
    load: Callable[[], Values]
    """(H, W) or (H, W, bands) values as stored."""


class _JpegFile(JpegImagePlugin.JpegImageFile):
    """JPEG without the resolution lookup, which warns about damaged EXIF. A multi-picture file gives its first."""

    def _read_dpi_from_exif(self) -> None:
        pass


_READERS: dict[str, tuple[bytes, str, Any]] = {
    "JPEG": (rb"\xff\xd8\xff", ".jpg", _JpegFile),
    "PNG": (rb"\x89PNG\r\n\x1a\n", ".png", PngImagePlugin.PngImageFile),
    "WebP": (rb"RIFF....WEBP", ".webp", WebPImagePlugin.WebPImageFile),
    "BMP": (rb"BM", ".bmp", BmpImagePlugin.BmpImageFile),
    "GIF": (rb"GIF8[79]a", ".gif", GifImagePlugin.GifImageFile),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", ".tif", TiffImagePlugin.TiffImageFile),
    "PNM": (rb"P[1-6]\s", ".pnm", PpmImagePlugin.PpmImageFile),
    "JPEG 2000": (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", ".jp2", Jpeg2KImagePlugin.Jpeg2KImageFile),
    "AVIF": (rb"....ftyp(avif|avis|.{8,40}?avi[fs])", ".avif", AvifImagePlugin.AvifImageFile),
    "HEIC": (rb"....ftyp(hei[cxms]|hev[cx]|mif1|msf1)", ".heic", None),
    "DICOM": (rb".{128}DICM", ".dcm", None),
}
"""Name of a format: its signature, the usual ending, Pillow's reader."""
_SIGNATURE = 160  # bytes
LOUD = frozenset({"TIFF", "GIF", "HEIC", "DICOM"})
"""Formats whose readers may warn."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"})
SUFFIXES |= {".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".dcm"}
"""File name endings that are looked at, lower case."""
VIDEOS = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".m4v", ".flv"})
"""File name endings of films, whose frames may be images of a dataset; lower case."""
SOUNDS = frozenset({".wav", ".mp3", ".ogg", ".flac", ".m4a"})
"""File name endings of recordings, whose spectrograms may be images of a dataset; lower case."""


def identify(data: bytes) -> str | None:
    """The format that the first bytes say; ``None`` for none of those known here."""
    head = bytes(data[:_SIGNATURE])
    return next((kind for kind, (mark, _, _) in _READERS.items() if re.match(mark, head, re.DOTALL)), None)


def ends_as_image(cell: str) -> bool:
    """Whether a cell ends as the name of an image file does."""
    ending = re.search(r"\.\w+$", cell.strip().partition("?")[0])
    return ending is not None and ending.group().lower() in SUFFIXES


def suffix(data: bytes) -> str:
    """The usual ending of a file of these bytes; empty where they are not an image known here.

    >>> suffix(b"P5 2 2 255 abcd"), suffix(b"text")
    ('.pnm', '')
    """
    kind = identify(data)
    return "" if kind is None else _READERS[kind][1]


def open_image(kind: str, data: bytes) -> Image.Image | Raster:
    """The image of a format with its header read; what fails raises whatever its reader does."""
    reader = _READERS[kind][2]
    if kind == "HEIC":
        reader = _needed("pillow_heif.as_plugin", kind).HeifImageFile
    if kind == "DICOM":
        return _dicom(data)
    try:
        image: Image.Image = reader(io.BytesIO(data), "")
    except SyntaxError:
        if kind != "TIFF":
            raise
        return _bands(data)
    return image


def describe(data: bytes) -> str:
    """Name the kind of bytes that are not an image."""
    for signature, hint in _HINTS:
        if data.lstrip()[: len(signature)].lower() == signature.lower():
            return hint
    if data[4:8] == b"ftyp":
        return "a video, not an image"
    if not data.strip(b"\0"):
        return f"not an image: {len(data):,} zero bytes"
    return f"not an image: the bytes are none of {', '.join(_READERS)}"


def ends_early(kind: str, data: bytes, error: Exception) -> bool:
    """Whether a file that failed looks cut off rather than damaged."""
    if isinstance(error, (EOFError, struct.error)) or "truncated" in str(error).lower():
        return True
    match kind:
        case "JPEG" | "PNG":
            missing = (b"\xff\xd9" if kind == "JPEG" else b"IEND") not in data[-4096:]
        case "GIF":
            missing = not data.rstrip(b"\0").endswith(b";")
        case "WebP":
            missing = int.from_bytes(data[4:8], "little") + 8 > len(data)
        case "TIFF":
            missing = int.from_bytes(data[4:8], "big" if data.startswith(b"MM") else "little") + 2 > len(data)
        case _:
            missing = len(data) < 64
    return missing


def _bands(data: bytes) -> Raster:
    """A TIFF of many bands, whichever way round they are stored."""
    files = _needed("tifffile", "TIFF of more than four bands")
    with files.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        height, width = int(page.imagelength), int(page.imagewidth)

    def load() -> Values:
        import numpy as np

        values = np.asarray(files.imread(io.BytesIO(data), key=0))
        return values if values.ndim < 3 or values.shape[:2] == (height, width) else np.moveaxis(values, 0, 2)

    return Raster((width, height), load)


def _dicom(data: bytes) -> Raster:
    """A DICOM image in its stored values, rescaled as its header says; the first frame, light on dark."""
    pydicom = _needed("pydicom", "DICOM")
    head = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    if "Rows" not in head or "Columns" not in head:
        raise ImageError("unreadable", "DICOM without pixels")

    def load() -> Values:
        import numpy as np

        dataset = pydicom.dcmread(io.BytesIO(data))
        values = np.asarray(dataset.pixel_array)
        if int(getattr(dataset, "NumberOfFrames", 1) or 1) > 1:
            values = values[0]
        slope, shift = float(getattr(dataset, "RescaleSlope", 1)), float(getattr(dataset, "RescaleIntercept", 0))
        if (slope, shift) != (1.0, 0.0):
            values = np.rint(values * slope + shift).astype(np.int64)
        if getattr(dataset, "PhotometricInterpretation", "") == "MONOCHROME1":
            values = values.max() - values + values.min()
        return values

    return Raster((int(head.Columns), int(head.Rows)), load)


def _needed(module: str, what: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImageError("unreadable", f"{what} needs one more package: {EXTRA}") from None
