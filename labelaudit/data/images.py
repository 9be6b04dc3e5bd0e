"""Decodes the bytes of an image file into pixels.

Sizes are checked from the header before any pixel is allocated. Left out: animation (the first frame counts), colour
management (ICC profiles are ignored) and orientation stored as XMP.
"""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import warnings
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelaudit.data import exposure as exposures
from labelaudit.data.exif import CHANGED, MAKE, MODEL, SOFTWARE, TAKEN, read_texts, upright
from labelaudit.data.exposure import Exposure
from labelaudit.data.formats import (
    LOUD,
    SUFFIXES,
    ImageError,
    Raster,
    describe,
    ends_early,
    identify,
    open_image,
    suffix,
)
from labelaudit.data.rgb import Pixels, average_down, read_rgb, show_raster, to_shown
from labelaudit.data.room import ROOM
from labelaudit.data.source import MAX_PIXELS, MOST_PIXELS
from labelaudit.errors import DataError, reason_of
from labelaudit.images import Images

__all__ = [
    "SUFFIXES",
    "ImageError",
    "Pixels",
    "decode",
    "encode",
    "encoded_of",
    "preview",
    "probe",
    "suffix",
]

_PER_PIXEL, _PER_DEEP_PIXEL = 12, 32
"""Bytes that decoding takes at most while it lasts: the channels of the file, turned upright, and RGB."""

_EXACT = 32
"""Sides of an image up to which its preview keeps every pixel."""

for _library in ("PIL", "tifffile", "pydicom"):  # what they say about damage is said by `ImageError`
    logging.getLogger(_library).addHandler(logging.NullHandler())
_WARNINGS = threading.Lock()
_THIN, _HEAD, _LONG_HEAD = 0.06, 120, 700
"""Bytes per pixel up to which an image may be uniform; bytes of a header, and of a JPEG's with its tables."""
_FEWEST = 64
"""Pixels below which an image may as well have one shade."""
_PACKED = 8192
"""Bytes that are packed to see how they repeat."""
_JPEG = b"\xff\xd8"


def encoded_of(images: Images, row: int) -> bytes:
    """The bytes of an image; whatever its source raises about it becomes an `ImageError`, which stops no other."""
    try:
        return images.encoded(row)
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError("missing", "there is no such file") from error
    except Exception as error:  # of a dataset in Python whatever its owner wrote
        raise ImageError("unreadable", f"cannot be read: {reason_of(error)}") from error


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height in pixels, as stored, from the header alone.

    Raises `ImageError` for what is empty, not an image, cut inside its header, or larger than ``max_pixels``.

    >>> probe(encode(np.zeros((2, 3), np.uint8)))
    (3, 2)
    """
    with _opened(data, max_pixels) as image:
        return image.size


def read_origin(data: bytes) -> tuple[str, str]:
    """Camera and date (``YYYY:MM:DD ...``) as an image's EXIF says them, empty where it does not.

    The camera is its make and model, or the program that wrote the file; the date when the picture was taken, or when
    the file was changed. Raises `ImageError` as `probe` does.
    """
    with _opened(data, MOST_PIXELS) as image:
        exif = None if isinstance(image, Raster) else image.info.get("exif")
    tags = read_texts(exif, (MAKE, MODEL, SOFTWARE, TAKEN, CHANGED)) if isinstance(exif, bytes) else {}
    camera = " ".join(filter(None, (tags.get(MAKE), tags.get(MODEL)))) or tags.get(SOFTWARE, "")
    return camera, tags.get(TAKEN) or tags.get(CHANGED, "")


def decode(data: bytes, *, size: int | None = None, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The pixels of an encoded image as (H, W, 3) uint8 RGB, upright.

    With ``size`` a JPEG is decoded at 1/2, 1/4 or 1/8 scale as long as its shorter side stays at least ``size``
    pixels; other formats come in full. EXIF orientation is applied. Transparency is laid on white, on black where
    white leaves nothing to be seen. Values deeper than 8 bits are scaled by the exposure that ``data`` carries
    (`ExposedBytes`), by their own range otherwise; of more than four bands three are shown. With ``size``, colour and
    grey images of more than 16 million pixels are first averaged down by a whole factor. Threads that decode large
    images take turns.

    Raises `ImageError` for what `probe` refuses, for files that end early or cannot be decoded, and for images that do
    not fit into the memory of this machine's container.

    >>> decode(encode(np.full((1, 1), 7, np.uint8))).tolist()
    [[[7, 7, 7]]]
    """
    with _loaded(data, size, max_pixels) as image:
        if isinstance(image, Raster):
            return np.ascontiguousarray(show_raster(image.load(), _exposure(data)))
        return read_rgb(image, _exposure(data))


def squeeze(data: bytes, sides: Collection[int]) -> dict[int, Pixels]:
    """Side -> the whole image squeezed into (side, side, 3) uint8, bicubic and antialiased; what a backbone sees.

    Decoded as by `decode`, once per JPEG scale that a side calls for. Raises `ImageError` as `decode` does.

    >>> squeeze(encode(np.full((2, 1), 7, np.uint8)), [1])[1].tolist()
    [[[7, 7, 7]]]
    """
    shorter = min(probe(data, max_pixels=MOST_PIXELS)) if len(sides) > 1 and data.startswith(_JPEG) else 0
    by_scale: dict[int, list[int]] = {}
    for side in sides:
        by_scale.setdefault(next((scale for scale in (8, 4, 2) if shorter >= scale * side), 1), []).append(side)
    squares: dict[int, Pixels] = {}
    for some in by_scale.values():
        with _shown(data, some[0]) as image:
            squares |= {side: _fit(image, side, Image.Resampling.BICUBIC) for side in some}
    return squares


@dataclass(frozen=True)
class Survey:
    """Facts about an image from one look at it, without its pixels."""

    deep: tuple[str, exposures.Range] | None
    """``whole`` or ``real`` with the lowest and highest value, where these are deeper than a byte."""
    is_uniform: bool
    """Whether all pixels are alike, so that nothing is to be seen."""


def survey(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Survey:
    """Look at the header of an image, and at its pixels where they are deep or may all be alike.

    Raises `ImageError` as `probe` does.
    """
    with _opened(data, max_pixels) as image:
        pixels, values = image.size[0] * image.size[1], None
        try:
            if isinstance(image, Raster) or image.mode.startswith(("I", "F")):
                with ROOM.taken(_need(image)):
                    values = image.load() if isinstance(image, Raster) else np.asarray(image)
        except (OSError, SyntaxError):
            values = None  # found where all pixels are needed
        if values is not None and values.dtype != np.uint8:
            deep = ("real" if values.dtype.kind == "f" else "whole", exposures.measure(values))
            return Survey(deep, exposures.are_alike(values))
    return Survey(None, _may_be_uniform(data, pixels) and _is_uniform(data))


def _may_be_uniform(data: bytes, pixels: int) -> bool:
    """Whether an image has far fewer bytes than pixels once they are packed, headers not counted."""
    kind = identify(data)
    if pixels < _FEWEST:
        return pixels == 1
    if len(data) <= _THIN * pixels + (_LONG_HEAD if kind == "JPEG" else _HEAD):
        return True
    if kind not in ("BMP", "TIFF", "PNM"):
        return False
    head = data[:_PACKED]
    return len(zlib.compress(head, 1)) <= _THIN * len(head) + _HEAD // 2


def _is_uniform(data: bytes) -> bool:
    try:
        shown = decode(data, size=64, max_pixels=MOST_PIXELS)
    except ImageError:
        return False  # found where all pixels are needed
    return bool(np.ptp(shown, axis=(0, 1)).max() == 0)


def thumbnail(data: bytes, side: int) -> Pixels:
    """The whole image squeezed into (side, side, 3) uint8 RGB by area averaging, for comparisons."""
    with _shown(data, side) as image:
        return _fit(image, side, Image.Resampling.BOX)


def preview(data: bytes, side: int) -> bytes:
    """The whole image as a WebP file of at most ``side`` by ``side`` pixels, upright: what a page shows of it.

    Never enlarged; lossless where the image has at most 32 pixels on both sides, so that every one of a digit or an
    icon can be seen. Raises `ImageError` as `decode` does.

    >>> probe(preview(encode(np.zeros((50, 200), np.uint8)), 100))
    (100, 25)
    """
    image = Image.fromarray(decode(data, size=side, max_pixels=MOST_PIXELS))  # without the profiles of its file
    exact = max(image.size) <= _EXACT
    image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    file = io.BytesIO()
    effort = {"quality": 20, "method": 1} if exact else {"quality": 75, "method": 3}  # more makes no smaller icons
    image.save(file, "WEBP", lossless=exact, **effort)
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
def _opened(data: bytes, max_pixels: int) -> Iterator[Image.Image | Raster]:
    """The image with its header read and its size checked; whatever fails inside becomes an `ImageError`."""
    if not data:
        raise ImageError("empty", "the file has no bytes")
    kind = identify(data)
    if kind is None:
        raise ImageError("unreadable", describe(data))
    if kind == "WebP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        # its decoder would make room for all the pixels that the header names before it looks for them
        raise ImageError("truncated", f"WebP ends early after {len(data):,} bytes")
    try:
        with _silenced(kind in LOUD or (kind == "PNG" and b"acTL" in data[:4096])):
            image = open_image(kind, data)
        width, height = image.size
        if width * height > max_pixels:
            detail = f"{width} x {height} pixels are over the limit of {max_pixels:,} (`max_pixels`)"
            raise ImageError("oversized", detail)
        if width < 1 or height < 1:
            raise ImageError("unreadable", f"{kind} header says {width} x {height} pixels")
        with contextlib.nullcontext() if isinstance(image, Raster) else image, _silenced(kind in LOUD - {"GIF"}):
            yield image
    except ImageError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageError("oversized", f"{kind} is too large to decode: {error}") from error
    except Exception as error:  # readers raise whatever their parsing runs into
        if ends_early(kind, data, error):
            raise ImageError("truncated", f"{kind} ends early after {len(data):,} bytes") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError("unreadable", f"{kind} cannot be decoded: {reason}") from error


@contextlib.contextmanager
def _loaded(data: bytes, size: int | None, max_pixels: int) -> Iterator[Image.Image | Raster]:
    """The image, upright and with its pixels, for an output of at least ``size``; room for it is reserved."""
    with _opened(data, max_pixels) as image:
        if size is not None and not isinstance(image, Raster):
            image.draft(None, (size, size))
        with ROOM.taken(_need(image)):
            if isinstance(image, Raster):
                yield image
            else:
                image.load()
                yield upright(image if size is None else average_down(image, size))


@contextlib.contextmanager
def _shown(data: bytes, size: int) -> Iterator[Image.Image]:
    """The pixels of `decode` as an image, grey or RGB: two copies less than by way of an array."""
    with _loaded(data, size, MOST_PIXELS) as image:
        if isinstance(image, Raster):
            yield Image.fromarray(np.ascontiguousarray(show_raster(image.load(), _exposure(data))))
        else:
            yield to_shown(image, _exposure(data))


def _fit(image: Image.Image, side: int, how: Image.Resampling) -> Pixels:
    # Far larger images are first averaged down by a whole factor: several times faster, the same to the eye.
    gap = 3.0 if how == Image.Resampling.BICUBIC else None
    fitted = image.resize((side, side), how, reducing_gap=gap)
    return np.asarray(fitted if fitted.mode == "RGB" else fitted.convert("RGB"))


def _exposure(data: bytes) -> Exposure | None:
    return getattr(data, "exposure", None)


@contextlib.contextmanager
def _silenced(loud: bool) -> Iterator[None]:
    """Keep the warnings of a ``loud`` reader in. The filters are process-wide, hence the lock, hence only where due."""
    if not loud:
        yield
        return
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _need(image: Image.Image | Raster) -> int:
    """Bytes that decoding an opened image takes at most."""
    deep = isinstance(image, Raster) or image.mode.startswith(("I", "F"))
    return image.size[0] * image.size[1] * (_PER_DEEP_PIXEL if deep else _PER_PIXEL)
