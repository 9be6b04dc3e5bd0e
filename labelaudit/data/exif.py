"""The few things of EXIF that matter here: which way up an image is, which camera made it, and when.

Pillow's own parser warns about damage that is nobody's business; a damaged directory says nothing here. Left out:
everything else that EXIF holds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from PIL import Image

ORIENTATION = 0x0112
MAKE, MODEL, SOFTWARE = 0x010F, 0x0110, 0x0131
CHANGED, TAKEN = 0x0132, 0x9003
"""Date and time when the file was changed, and when the picture was taken."""
_MORE = 0x8769  # where the directory of a camera's own entries begins
_HEAD = b"Exif\0\0"
_ASCII = 2
_LONGEST = 256  # bytes of a text

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """Undo the EXIF orientation (Pillow's TIFF reader has done so already)."""
    exif = image.info.get("exif")
    if image.format == "TIFF" or not isinstance(exif, bytes):
        return image
    turn = _TURNS.get(_orientation(exif.removeprefix(_HEAD)))
    return image if turn is None else image.transpose(turn)


def _orientation(tiff: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where it is absent or damaged."""
    for tag, _, _, value in _directory(tiff):
        if tag == ORIENTATION:
            return int.from_bytes(value[:2], _order(tiff))
    return 1


def read_texts(exif: bytes, wanted: tuple[int, ...]) -> dict[int, str]:
    """The texts under the ``wanted`` tags of the first directory and of the camera's; a damaged one says nothing."""
    tiff, found = exif.removeprefix(_HEAD), dict[int, str]()
    first = list(_directory(tiff))
    more = [int.from_bytes(value, _order(tiff)) for tag, _, _, value in first if tag == _MORE]
    for tag, kind, size, value in (*first, *(entry for start in more for entry in _directory(tiff, start))):
        if tag in wanted and kind == _ASCII and size <= _LONGEST:
            place = int.from_bytes(value, _order(tiff))
            text = value[:size] if size <= len(value) else tiff[place : place + size]
            found[tag] = text.split(b"\0")[0].decode("ascii", "replace").strip()
    return found


def _directory(tiff: bytes, start: int | None = None) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield the entries of the directory at ``start``, or of the first one: tag, kind, number of values, four bytes.

    The four bytes hold the value, or its place in ``tiff``. Entries behind damage are left out.
    """
    sign = ">" if _order(tiff) == "big" else "<"
    with suppress(struct.error):
        if start is None:
            (start,) = struct.unpack_from(f"{sign}I", tiff, 4)
        (count,) = struct.unpack_from(f"{sign}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * min(count, 512), 12):
            yield struct.unpack_from(f"{sign}HHI4s", tiff, entry)


def _order(tiff: bytes) -> Literal["big", "little"]:
    return "big" if tiff.startswith(b"MM") else "little"
