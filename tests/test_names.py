"""Names are numbered as NumPy numbers them, digests and others."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from labelaudit.names import number_names

DIGESTS = [hashlib.blake2b(bytes([row % 7]), digest_size=16).hexdigest() for row in range(30)]
ODD = [
    [],
    ["a"],
    ["b", "a", "b", ""],
    DIGESTS,
    [*DIGESTS, "cat"],
    [*DIGESTS, "A" * 32],
    ["a" * 30 + "  ", *DIGESTS],
    ["z" * 32, "0" * 32],
    ["0" * 32, "1" + "0" * 31, "0" * 31 + "1"],
]


@pytest.mark.parametrize("names", ODD, ids=range(len(ODD)))
def test_names_are_numbered_in_their_order(names: list[str]) -> None:
    first, code = number_names(names)
    _, wanted, numbers = np.unique(np.asarray(names, dtype=str), return_index=True, return_inverse=True)
    assert first.tolist() == wanted.tolist()
    assert code.tolist() == numbers.tolist()
