"""Image bytes for the review page: the original if browsers can show it, else a preview; thumbnails for strips.

Bytes are passed on only under the type that their signature says, and only formats that hold nothing but pixels. Left
out: tiles for images of hundreds of megapixels; the preview has to do.
"""

from __future__ import annotations

import re
from functools import lru_cache

from labelaudit.data.images import preview
from labelaudit.images import Images

SIDE = 2048
"""Largest side of a preview in pixels."""
THUMBNAIL = 224
_LARGE = 6_000_000  # bytes from which a preview travels and decodes faster than the image itself
_KEPT = 2_000
_SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
)


class Pictures:
    """Pictures of the images of a dataset. Safe to use from several threads."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self._shrunk = lru_cache(_KEPT)(lambda row: preview(images.encoded(row), THUMBNAIL))

    def show(self, row: int, *, safe: bool = False) -> tuple[bytes, str]:
        """Bytes and media type of the image of ``row``; with ``safe`` of a preview, if a browser failed to read it.

        Raises:
            ImageError: it is missing, changed, or cannot be decoded.
        """
        data = self.images.encoded(row)
        media_type = media_type_of(data)
        if safe or media_type is None or len(data) > _LARGE:
            return preview(data, SIDE), "image/webp"
        return data, media_type

    def thumbnail(self, row: int) -> tuple[bytes, str]:
        """The image of ``row`` at most `THUMBNAIL` pixels wide and high; raises `ImageError` as `show` does."""
        return self._shrunk(row), "image/webp"


def media_type_of(data: bytes) -> str | None:
    r"""The type of image bytes that every browser reads, by their signature alone.

    >>> media_type_of(b"\x89PNG\r\n\x1a\n"), media_type_of(b"<svg onload=alert(1)>")
    ('image/png', None)
    """
    return next((media_type for signature, media_type in _SIGNATURES if signature.match(data)), None)
