"""The few things of EXIF that matter here: which way up an image is, which camera made it, and when.

Pillow's own parser warns about damage that is nobody's business; a damaged directory says nothing here. Left out:
everything else that EXIF holds.
"""

from __future__ import annotations

import struct

from PIL import Image

MODEL, DATE = 0x0110, 0x0132
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


def read_texts(exif: bytes, wanted: tuple[int, ...]) -> dict[int, str]:
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
