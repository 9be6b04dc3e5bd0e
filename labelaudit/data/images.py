"""From the bytes of an image file to pixels; the only module that knows Pillow.

Readers are called by signature, never by file name, and only those listed here: a format that nobody asked for
cannot be reached by a hostile file. Sizes are checked from the header before any pixel is allocated. Left out:
animation (the first frame counts), colour management (ICC profiles are ignored) and orientation stored as XMP.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from labelaudit.errors import DataError

Pixels = npt.NDArray[np.uint8]

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"})
SUFFIXES |= {".ppm", ".pgm", ".pbm", ".pnm"}
"""File name endings that are looked at, lower case."""
MAX_PIXELS = 178_956_970
"""Larger images are refused from their header: half a gigabyte of RGB."""

_MODEL, _DATE, _ASCII = 0x0110, 0x0132, 2
_LONGEST = 256  # bytes of a text in EXIF
_EXACT = 32
"""Sides of an image up to which its preview keeps every pixel."""

logging.getLogger("PIL").addHandler(logging.NullHandler())
_WARNINGS = threading.Lock()
_ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "BMP": ".bmp", "GIF": ".gif", "TIFF": ".tif", "PNM": ".pnm"}
_HINTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the image itself: run `git lfs pull`"),
    (b"<?xml", "an XML or SVG text, not a raster image"),
    (b"<svg", "an SVG text, not a raster image"),
    (b"<!DOCTYPE", "a web page, not an image"),
    (b"<html", "a web page, not an image"),
)


class ImageError(DataError):
    """One file is no usable image; ``kind`` is that of its `Finding`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        """unreadable · truncated · empty · oversized"""


class _JpegFile(JpegImagePlugin.JpegImageFile):
    """JPEG without the resolution lookup, which warns about damaged EXIF. A multi-picture file gives its first."""

    def _read_dpi_from_exif(self) -> None:
        pass


_READERS: dict[str, tuple[bytes, Any]] = {
    "JPEG": (rb"\xff\xd8\xff", _JpegFile),
    "PNG": (rb"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    "WebP": (rb"RIFF....WEBP", WebPImagePlugin.WebPImageFile),
    "BMP": (rb"BM", BmpImagePlugin.BmpImageFile),
    "GIF": (rb"GIF8[79]a", GifImagePlugin.GifImageFile),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", TiffImagePlugin.TiffImageFile),
    "PNM": (rb"P[1-6]\s", PpmImagePlugin.PpmImageFile),
}
"""Name of a format: its signature, its reader."""


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height in pixels, as stored, from the header alone.

    Raises `ImageError` for what is empty, not an image, cut inside its header, or larger than ``max_pixels``.

    >>> probe(encode(np.zeros((2, 3), np.uint8)))
    (3, 2)
    """
    with _opened(data, max_pixels) as image:
        return image.size


def read_origin(data: bytes) -> tuple[str, str]:
    """Camera model and date (``YYYY:MM:DD ...``) as an image's EXIF says them, empty where it does not.

    Raises `ImageError` as `probe` does.
    """
    with _opened(data, MAX_PIXELS) as image:
        exif = image.info.get("exif")
    tags = _texts(exif.removeprefix(b"Exif\0\0"), (_MODEL, _DATE)) if isinstance(exif, bytes) else {}
    return tags.get(_MODEL, ""), tags.get(_DATE, "")


def decode(data: bytes, *, size: int | None = None, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The pixels of an encoded image as (H, W, 3) uint8 RGB, upright.

    With ``size`` a JPEG is decoded at 1/2, 1/4 or 1/8 scale as long as its shorter side stays at least ``size``
    pixels; other formats come in full. EXIF orientation is applied. Transparency is laid on white. Grey values
    deeper than 8 bits are scaled by the smallest of 8, 10, 12, 14, 16, … bits that holds their maximum; floating
    point by 1 or 255 where the values fit, by their own range otherwise.

    Raises `ImageError` for what `probe` refuses, and for files that end early or cannot be decoded.

    >>> decode(encode(np.full((1, 1), 7, np.uint8))).tolist()
    [[[7, 7, 7]]]
    """
    with _opened(data, max_pixels) as image:
        if size is not None:
            image.draft(None, (size, size))
        image.load()
        upright = _upright(image)
        return np.ascontiguousarray(np.asarray(_to_rgb(upright)))


def resize(pixels: Pixels, side: int) -> Pixels:
    """The whole image squeezed into (side, side, 3) uint8, bicubic and antialiased; what a backbone sees."""
    image = Image.fromarray(pixels)
    # Far larger images are first averaged down by a whole factor: several times faster, the same to the eye.
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0))


def thumbnail(data: bytes, side: int) -> Pixels:
    """The whole image squeezed into (side, side, 3) uint8 RGB by area averaging, for comparisons."""
    image = Image.fromarray(decode(data, size=side))
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def preview(data: bytes, side: int) -> bytes:
    """The whole image as a WebP file of at most ``side`` by ``side`` pixels, upright: what a page shows of it.

    Never enlarged; lossless where the image has at most 32 pixels on both sides, so that every one of a digit or an
    icon can be seen. Raises `ImageError` as `decode` does.

    >>> probe(preview(encode(np.zeros((50, 200), np.uint8)), 100))
    (100, 25)
    """
    image = Image.fromarray(decode(data, size=side))
    exact = max(image.size) <= _EXACT
    image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=exact, quality=75, method=3)
    return file.getvalue()


def encode(pixels: npt.NDArray[Any]) -> bytes:
    """A lossless file of one image of an array: (H, W) or (H, W, 1|2|3|4), uint8, uint16 or bool.

    The format is portable anymap, whose bytes (and so whose digest) depend on no library version. Transparency
    is laid on white.
    """
    array = np.asarray(pixels)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype not in (np.uint8, np.uint16) or array.ndim not in (2, 3) or 0 in array.shape:
        raise DataError(f"an image must be (H, W) or (H, W, 1-4) uint8 or uint16, not {array.shape} {array.dtype}")
    top = int(np.iinfo(array.dtype).max)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        alpha = array[..., -1:].astype(np.float64) / top
        array = np.rint(array[..., :-1] * alpha + top * (1 - alpha)).astype(array.dtype)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[2] != 3:
        raise DataError(f"an image has 1 to 4 channels, not {array.shape[2]}")
    head = f"P{5 if array.ndim == 2 else 6}\n{array.shape[1]} {array.shape[0]}\n{top}\n".encode()
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@contextlib.contextmanager
def _opened(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The image with its header read and its size checked; whatever fails inside becomes an `ImageError`."""
    if not data:
        raise ImageError("empty", "the file has no bytes")
    kind = _sniff(data)
    if kind is None:
        raise ImageError("unreadable", _describe(data))
    try:
        with _silenced(kind in ("TIFF", "GIF") or (kind == "PNG" and b"acTL" in data[:4096])):
            image: Image.Image = _READERS[kind][1](io.BytesIO(data), "")
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError("oversized", f"{width} x {height} pixels are over the limit of {max_pixels:,}")
        if width < 1 or height < 1:
            raise ImageError("unreadable", f"{kind} header says {width} x {height} pixels")
        with image, _silenced(kind == "TIFF"):
            yield image
    except ImageError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageError("oversized", f"{kind} is too large to decode: {error}") from error
    except Exception as error:  # Pillow's readers raise whatever their parsing runs into
        if _ends_early(kind, data, error):
            raise ImageError("truncated", f"{kind} ends early after {len(data):,} bytes") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError("unreadable", f"{kind} cannot be decoded: {reason}") from error


def suffix(data: bytes) -> str:
    """The usual ending of a file of these bytes; empty where they are no image known here.

    >>> suffix(encode(np.zeros((2, 2), np.uint8))), suffix(b"text")
    ('.pnm', '')
    """
    return _ENDINGS.get(_sniff(data) or "", "")


def _sniff(data: bytes) -> str | None:
    return next((kind for kind, (mark, _) in _READERS.items() if re.match(mark, data[:16], re.DOTALL)), None)


def _describe(data: bytes) -> str:
    for signature, hint in _HINTS:
        if data.lstrip()[: len(signature)].lower() == signature.lower():
            return hint
    if data[4:8] == b"ftyp":
        return "HEIF, AVIF or video: convert it to JPEG or PNG"
    if not data.strip(b"\0"):
        return f"not an image: {len(data):,} zero bytes"
    return f"not an image: the bytes are none of {', '.join(_READERS)}"


@contextlib.contextmanager
def _silenced(loud: bool) -> Iterator[None]:
    """Keep the warnings of a ``loud`` reader in. The filters are process-wide, hence the lock, hence only where due."""
    if not loud:
        yield
        return
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _ends_early(kind: str, data: bytes, error: Exception) -> bool:
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


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image) -> Image.Image:
    """Undo the EXIF orientation (Pillow's TIFF reader has done so already)."""
    exif = image.info.get("exif")
    if image.format == "TIFF" or not isinstance(exif, bytes):
        return image
    turn = _TURNS.get(_orientation(exif.removeprefix(b"Exif\0\0")))
    return image if turn is None else image.transpose(turn)


def _orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory; 1 (upright) where it is absent or damaged. Pillow's parser would warn."""
    try:
        order = _order(exif)
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * min(count, 512), 12):
            tag, value = struct.unpack_from(order + "H6xH", exif, entry)
            if tag == 0x0112:
                return int(value)
    except struct.error:
        pass
    return 1


def _texts(exif: bytes, wanted: tuple[int, ...]) -> dict[int, str]:
    """The texts under the ``wanted`` tags of the first directory; a damaged one says nothing."""
    found: dict[int, str] = {}
    try:
        order = _order(exif)
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * min(count, 512), 12):
            tag, kind, size, place = struct.unpack_from(order + "HHII", exif, entry)
            if tag in wanted and kind == _ASCII and size <= _LONGEST:
                text = exif[entry + 8 : entry + 8 + size] if size <= 4 else exif[place : place + size]
                found[tag] = text.split(b"\0")[0].decode("ascii", "replace").strip()
    except struct.error:
        pass
    return found


def _order(tiff: bytes) -> str:
    return ">" if tiff.startswith(b"MM") else "<"


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_bytes(np.asarray(image))).convert("RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _to_bytes(values: npt.NDArray[Any]) -> Pixels:
    """Grey values of any depth as uint8; see `decode` for the rule."""
    wide = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(float(wide.min()), 0.0), float(wide.max())
    if values.dtype.kind == "f":
        bounds = [1.0, 255.0] if low == 0 else []
    else:
        bounds = [2.0**bits - 1 for bits in (8, 10, 12, 14, 16, 20, 24, 32)]
    span = next((bound for bound in bounds if high - low <= bound), high - low)
    return np.rint((wide - low) * (255 / (span or 1))).astype(np.uint8)
