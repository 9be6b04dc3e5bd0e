"""Small pictures, and images from a list of encoded files."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from hashlib import blake2b

import numpy as np
from PIL import Image


class Listed:
    """Images from a list of encoded files; counts how often each is read. An exception in it is raised instead."""

    def __init__(self, files):
        self.files, self.reads, self.lock = files, [0] * len(files), threading.Lock()

    def __len__(self):
        return len(self.files)

    def encoded(self, index):
        with self.lock:
            self.reads[index] += 1
        if isinstance(self.files[index], Exception):
            raise self.files[index]
        return self.files[index]

    @property
    def digests(self):
        return [blake2b(repr(file).encode(), digest_size=16).hexdigest() for file in self.files]


def photo(seed, width=48, height=36):
    """A smooth colourful picture, so that JPEG and resizing keep most of it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def png_header(width, height):
    """A PNG of a few bytes that says it is huge, without its pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
