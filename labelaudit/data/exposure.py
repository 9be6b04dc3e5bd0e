"""Turns values deeper than a byte into brightness: one scale for all images of a dataset.

A scale of its own for each image would turn a dark image and a bright one into the same picture, and a class that is
merely darker would vanish. So `ingest` measures the deep images of a dataset once, and its images carry the scale with
them. Left out: windows and gamma that a file asks for, which differ from image to image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.images import Images, path_of

Values = npt.NDArray[Any]
Range = tuple[float, float]

_BITS = (8, 10, 12, 14, 16, 20, 24, 32)


@dataclass(frozen=True)
class Exposure:
    """The values that are shown black and white, for each kind of number, and the bands that are shown."""

    whole: Range | None = None
    """Scale of images of integers."""
    real: Range | None = None
    """Scale of images of floating-point numbers."""
    bands: tuple[int, ...] = (0, 1, 2)
    """The bands shown as red, green and blue, of images with more than four."""

    def settings(self) -> dict[str, Any]:
        """JSON-able; `of` reads it."""
        return {"whole": self.whole, "real": self.real, "bands": list(self.bands)}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Exposure:
        """The exposure that `settings` described."""
        pairs = {name: tuple(settings[name]) for name in ("whole", "real") if settings.get(name)}
        return cls(**pairs, bands=tuple(settings.get("bands") or (0, 1, 2)))


class ExposedBytes(bytes):
    """The bytes of an image file, with the exposure of its dataset."""

    exposure: Exposure


class Exposed:
    """`Images` whose deep values share one exposure."""

    def __init__(self, images: Images, exposure: Exposure) -> None:
        self.inner, self.exposure = images, exposure

    def __len__(self) -> int:
        return len(self.inner)

    def encoded(self, index: int) -> bytes:
        return expose(self.inner.encoded(index), self.exposure)

    def path(self, index: int) -> str | None:
        return path_of(self.inner, index)


def expose(data: bytes, exposure: Exposure) -> ExposedBytes:
    """``data`` with ``exposure``."""
    exposed = ExposedBytes(data)
    exposed.exposure = exposure
    return exposed


def measure(values: Values) -> Range:
    """The lowest and the highest value of an image; of floating point all but the brightest thousandth."""
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not known.size:
        return (0.0, 0.0)
    top = np.quantile(known, 0.999) if values.dtype.kind == "f" else known.max()
    return (float(known.min()), float(top))


def are_alike(values: Values) -> bool:
    """Whether all values of an image are one number, those aside that are none."""
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return not known.size or bool(known.min() == known.max())


def settle(ranges: Sequence[Range], *, real: bool) -> Range:
    """The values shown black and white for images of these ``ranges``, at least one.

    Integers begin at 0 where none is below, and end where the smallest usual number of bits ends. Floating point ends
    at 1 or 255 where that is meant, at its own highest value otherwise.

    >>> settle([(0, 900), (3, 3000)], real=False), settle([(0.0, 0.7)], real=True), settle([(0.0, 1.02)], real=True)
    ((0.0, 4095.0), (0.0, 1.0), (0.0, 1.1))
    """
    low, high = min(0.0, *(low for low, _ in ranges)), max(high for _, high in ranges)
    if not real:
        bounds: Sequence[float] = [] if low < 0 else [2.0**bits - 1 for bits in _BITS]
        return low, next((bound for bound in bounds if high <= bound), high)
    if low == 0 and high <= 1:
        return 0.0, 1.0
    if low == 0 and 127.5 < high <= 255:
        return 0.0, 255.0
    return _outwards(low), _outwards(high)


def resolve(values: Values, exposure: Exposure | None) -> Exposure:
    """``exposure`` with a scale for ``values`` where it has none, so that `brighten` shows parts of them alike."""
    told, real = exposure or Exposure(), values.dtype.kind == "f"
    scale = (told.real if real else told.whole) or settle([measure(values)], real=real)
    return replace(told, real=scale) if real else replace(told, whole=scale)


def brighten(values: Values, exposure: Exposure | None) -> npt.NDArray[np.uint8]:
    """Values of any depth as uint8, by ``exposure`` or, where it says nothing of their kind, by their own range."""
    told = resolve(values, exposure)
    low, high = (told.real if values.dtype.kind == "f" else told.whole) or (0.0, 1.0)
    wide = np.nan_to_num(values.astype(np.float64), nan=low, posinf=low, neginf=low)
    return np.rint(np.clip((wide - low) * (255 / ((high - low) or 1)), 0, 255)).astype(np.uint8)


def _outwards(value: float) -> float:
    """``value`` rounded away from zero to two digits, so that one more image seldom changes the scale."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{math.copysign(math.ceil(abs(value) / unit - 1e-9), value) * unit:.6g}")
