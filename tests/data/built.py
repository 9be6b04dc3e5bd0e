"""Small datasets on disk, as their owners keep them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from labelaudit.data.images import encode
from labelaudit.data.listing import Listing

Files = dict[str, int | str | bytes]
PIXEL = encode(np.zeros((2, 2), np.uint8))


def build(root: Path, files: Mapping[str, int | str | bytes]) -> Path:
    """Write ``files`` below ``root``: a number makes so many images in a folder, anything else is a file's content."""
    for name, content in files.items():
        numbered = {f"{name}/{n}.png": PIXEL for n in range(content)} if isinstance(content, int) else {name: content}
        for path, data in numbered.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def labels_of(listing: Listing) -> dict[str, str | None]:
    """Id -> label."""
    return dict(zip(listing.ids, listing.labels, strict=True))


def counts_of(listing: Listing) -> dict[str | None, int]:
    """Label -> images."""
    return dict(Counter(listing.labels))


def table(header: str, rows: Sequence[str]) -> str:
    """The text of a table."""
    return "\n".join([header, *rows, ""])


def numbered(folder: str, n: int, ending: str = ".jpg") -> Files:
    """Images whose names are numbers."""
    return {f"{folder}/{i}{ending}": PIXEL for i in range(n)}


def pictures(*folders: str, names: tuple[str, ...] = ("1", "2", "3", "4", "5", "6")) -> Files:
    """Different images of the same names in each folder."""
    draw = np.random.default_rng(0)
    return {
        f"{folder}/{name}.png": encode(draw.integers(0, 256, (8, 8, 3), np.uint8))
        for folder in folders
        for name in names
    }
