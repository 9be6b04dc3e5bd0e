"""Opened images of any kind brought to RGB: transparency laid on a background, deep values brightened, bands chosen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelaudit.data import exposure as exposures
from labelaudit.data.exposure import Exposure, Values
from labelaudit.data.formats import ImageError

Pixels = npt.NDArray[np.uint8]

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in a grey value, ITU-R BT.601."""
_BAND = 2**24
"""Pixels from which an image is brought to RGB a band at a time, so that it is in memory once and not five times."""
_FAINT = 8
"""Difference of grey values up to which nothing is seen of an image."""


def average_down(image: Image.Image, size: int) -> Image.Image:
    """Shrink a large image by a whole factor to at least four times ``size``; others come back as they are."""
    width, height = image.size
    factor = min(width, height) // (4 * size)
    if width * height < _BAND or factor < 2 or image.mode not in ("RGB", "L") or "transparency" in image.info:
        return image
    smaller = image.reduce(factor)
    smaller.info, smaller.format = image.info, image.format
    return smaller


def read_rgb(image: Image.Image, exposure: Exposure | None) -> Pixels:
    """(H, W, 3) uint8 of an image, by bands where it is large."""
    width, height = image.size
    if width * height < _BAND:
        return np.ascontiguousarray(np.asarray(_to_rgb(image, exposure)))
    if image.mode.startswith(("I", "F")):
        exposure = exposures.resolve(np.asarray(image), exposure)
    shade = _shade(image) if _is_transparent(image) else None
    pixels = np.empty((height, width, 3), np.uint8)
    at = 0
    for band in _bands(image):
        pixels[at : at + band.size[1]] = np.asarray(_to_rgb(band, exposure, shade))
        at += band.size[1]
    return pixels


def to_shown(image: Image.Image, exposure: Exposure | None) -> Image.Image:
    """The pixels of `read_rgb` as an image, RGB or, where it is grey of 8 bits, still grey: a third of the planes."""
    if image.mode == "L" and "transparency" not in image.info:
        return image
    width, height = image.size
    return _to_rgb(image, exposure) if width * height < _BAND else Image.fromarray(read_rgb(image, exposure))


def _bands(image: Image.Image) -> Iterator[Image.Image]:
    """Strips of an image from top to bottom, each of a few million pixels."""
    width, height = image.size
    rows = max(1, _BAND // 8 // width)
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        band.info = image.info
        yield band


def _shade(image: Image.Image) -> int:
    """The background that a transparent image is laid on: white (255), or black where white leaves nothing to be
    seen."""
    contrast = _contrast(image, 255)
    return 0 if contrast < _FAINT and _contrast(image, 0) > contrast else 255


def _contrast(image: Image.Image, shade: int) -> int:
    """The largest difference between two values of one channel of a transparent image on ``shade``."""
    ends = []
    for band in _bands(image):
        shown = np.asarray(_laid_on(band, shade))
        ends.append((shown.min(axis=(0, 1)), shown.max(axis=(0, 1))))
    low, high = np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)
    return int((high.astype(int) - low).max())


def _is_transparent(image: Image.Image) -> bool:
    return "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La")


def _to_rgb(image: Image.Image, exposure: Exposure | None, shade: int | None = None) -> Image.Image:
    """An image of any mode as RGB; a transparent one is laid on ``shade``, or on that which shows it."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(exposures.brighten(np.asarray(image), exposure)).convert("RGB")
    if _is_transparent(image):
        return _laid_on(image, _shade(image) if shade is None else shade)
    return image.convert("RGB")


def _laid_on(image: Image.Image, shade: int) -> Image.Image:
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, (shade, shade, shade, 255)), layer).convert("RGB")


def show_raster(values: Values, exposure: Exposure | None) -> Pixels:
    """(H, W) or (H, W, bands) values as (H, W, 3): grey, colour, or the bands that are shown."""
    if values.ndim == 3 and values.shape[2] > 4:
        bands = (exposure or Exposure()).bands
        if max(bands) >= values.shape[2]:
            raise ImageError("unreadable", f"it has {values.shape[2]} bands, not {max(bands) + 1} (`bands`)")
        values = values[..., list(bands)]
    elif values.ndim == 3:
        values = values[..., :3] if values.shape[2] >= 3 else values[..., 0]
    pixels = values if values.dtype == np.uint8 else exposures.brighten(values, exposure)
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
