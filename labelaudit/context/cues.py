"""Cues of an image besides its subject: frame, size, light, sharpness, format, camera and date, as a few numbers.

None of this is what a class is about, so where it tells the class, the classes were photographed, scanned or stored in
different ways (`labelaudit.context.shortcuts`). Left out: text and tags printed into the picture, but for what they do
to its frame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from labelaudit.data.images import ImageError, encoded_of, probe, read_origin, squeeze, suffix
from labelaudit.data.rgb import LUMA
from labelaudit.images import Images
from labelaudit.types import Floats, Ints

SIDE = 64
_FRAME = 2  # pixels of the frame at this side
_INWARD = np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1]) // _FRAME
_OUTER, _SECOND = (np.flatnonzero(np.minimum(_INWARD[:, None], _INWARD) == ring) for ring in (0, 1))
"""Places of the frame among the pixels, and of the one inside it, as wide."""
_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)", re.ASCII)

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "the frame": ("frame red", "frame green", "frame blue", "frame contrast", "frame step"),
    "the size": ("width", "height", "aspect"),
    "the brightness": ("brightness", "contrast"),
    "the colour": ("saturation", "warmth"),
    "the sharpness": ("sharpness",),
    "the file format": ("format",),
    "the compression": ("bytes per pixel",),
    "the camera": ("camera",),
    "the date in the file": ("day",),
}
"""Words for a family -> its numbers. Words are numbered in order of first appearance."""
OF_ONE: Mapping[str, tuple[str, ...]] = {
    "the frame": ("frame flatness", "frame step"),
    **{family: FAMILIES[family] for family in ("the file format", "the camera", "the date in the file")},
}
"""Families that may tell one class of several -> the numbers by which they do. A frame's colour belongs to subjects
that fill the picture, and clean classes may have a size of their own."""
LIGHT = ("the brightness", "the colour", "the sharpness", "the compression")
"""Families that may well belong to the subject."""


def measure_cues(images: Images, rows: Ints, *, workers: int = 2) -> dict[str, Floats]:
    """Name -> (m,) number of each of ``rows``, NaN where an image does not say; images that fail say nothing."""
    words: dict[str, float] = {}

    def look(row: int) -> dict[str, float | str]:
        try:
            return _look(encoded_of(images, row))
        except ImageError:
            return {}

    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="cues") as pool:
        seen = list(pool.map(look, rows.tolist()))
    names = dict.fromkeys(name for family in (*FAMILIES.values(), *OF_ONE.values()) for name in family)
    return {
        name: np.array(
            [
                words.setdefault(value, float(len(words))) if isinstance(value, str) else value
                for value in (one.get(name, np.nan) for one in seen)
            ]
        )
        for name in names
    }


def _look(data: bytes) -> dict[str, float | str]:
    width, height = probe(data)
    pixels = squeeze(data, [SIDE])[SIDE]
    camera, date = read_origin(data)
    cues: dict[str, float | str] = {
        "width": float(width),
        "height": float(height),
        "aspect": width / height,
        "format": suffix(data),
        "bytes per pixel": len(data) / (width * height),
        **_describe(pixels / np.float32(255)),
    }
    if camera:
        cues["camera"] = camera
    if found := _DATE.match(date):
        year, month, day = map(int, found.groups())
        cues["day"] = float(year * 372 + month * 31 + day)
    return cues


def _describe(pixels: Floats) -> dict[str, float]:
    """Numbers of (side, side, 3) pixels from 0 to 1.

    Red, green and blue are planes of their own: sums and extrema over three numbers each take several times as long.
    """
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    grey = np.tensordot(LUMA, planes, axes=1)
    frame, beside = (planes.reshape(3, -1).take(ring, axis=1) for ring in (_OUTER, _SECOND))
    red, green, blue = planes
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    bend = grey[1:-1, 1:-1] * 4 - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    contrast = float(grey.std())
    mean = frame.mean(axis=1)
    return {
        **{f"frame {name}": float(mean[channel]) for channel, name in enumerate(("red", "green", "blue"))},
        "frame contrast": float(frame.std(axis=1).mean()),
        "frame flatness": float(frame.std(axis=1).mean()) / max(contrast, 0.02),
        "frame step": float(np.abs(mean - beside.mean(axis=1)).max()),
        "brightness": float(grey.mean()),
        "contrast": contrast,
        "saturation": float(spread.mean()),
        "warmth": float((red - blue).mean()),
        "sharpness": float(np.abs(bend).mean()) / max(contrast, 1e-3),
    }
