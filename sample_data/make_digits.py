"""Make the sample dataset: scikit-learn's handwritten digits as PNG files, 5 % of the labels wrong on purpose.

    python sample_data/make_digits.py

writes ``digits/<class>/<number>.png`` (1,797 images of 8 x 8 grey pixels, as published) and ``truth.csv`` beside
this script. Running it again gives the same bytes. Flips are symmetric: each wrong label is any of the other nine,
equally likely.
"""

from __future__ import annotations

import csv
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 0.05
SEED = 0


def plant_flips(labels: npt.NDArray[np.int64], rate: float, seed: int) -> npt.NDArray[np.int64]:
    """(n,) labels of which round(rate * n) were replaced by another class."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(labels), size=round(rate * len(labels)), replace=False)
    given = labels.copy()
    given[rows] = (labels[rows] + rng.integers(1, len(NAMES), size=len(rows))) % len(NAMES)
    return given


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """(H, W) grey pixels as PNG; written here so that the bytes depend on no library's version but zlib's."""
    height, width = pixels.shape

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def make(folder: Path) -> None:
    """Write ``digits/`` and ``truth.csv`` into ``folder``, replacing older ones."""
    digits = load_digits()
    truth = digits.target.astype(np.int64)
    given = plant_flips(truth, RATE, SEED)
    grey = np.round(digits.images * (255 / 16)).astype(np.uint8)  # (n, 8, 8), 0-16 in the source
    images = 255 - grey  # dark ink on white paper

    target = folder / "digits"
    shutil.rmtree(target, ignore_errors=True)
    rows = []
    for number, (image, label, true) in enumerate(zip(images, given.tolist(), truth.tolist(), strict=True)):
        path = target / NAMES[label] / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(image))
        rows.append((path.relative_to(target).as_posix(), NAMES[label], NAMES[true]))
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "given_label", "true_label"))
        writer.writerows(sorted(rows))
    wrong = sum(row[1] != row[2] for row in rows)
    print(f"{len(rows)} images, {wrong} wrong labels ({wrong / len(rows):.1%}) in {target}")


if __name__ == "__main__":
    make(Path(__file__).parent)
