"""Small datasets on disk, as their owners keep them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from labelaudit.data.images import encode
from labelaudit.data.listing import Listing

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
