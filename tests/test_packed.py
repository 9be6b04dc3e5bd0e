"""Packed texts are the texts: as a tuple of them, bit for bit, and back from arrays."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest

from labelaudit.packed import Digests, Texts, as_ascii, holds, pack, take_texts, unpack

DIGESTS = tuple(hashlib.blake2b(bytes([row]), digest_size=16).hexdigest() for row in range(5))
ODD = [
    (),
    ("",),
    ("a", "", "bc", ""),
    ("Zürich/ä.png", "b", "日本/語.png"),
    (os.fsdecode(b"cat/\xff.png"), "\ud800", "\0\n"),
    DIGESTS,
    (*DIGESTS, "cat"),
    (DIGESTS[0].upper(), DIGESTS[1]),
    ("a" * 30 + "  ", DIGESTS[1]),
]


@pytest.mark.parametrize("texts", ODD, ids=range(len(ODD)))
def test_packed_texts_are_a_tuple_of_them(texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.packed._ROWS", 2)  # several blocks
    packed = unpack(pack(texts).arrays())
    assert packed == texts
    assert texts == packed
    assert packed == pack(texts)
    assert packed != (*texts, "more")
    assert list(packed) == list(texts)
    assert [packed[row] for row in range(-len(texts), len(texts))] == [*texts, *texts]
    assert packed[1:3] == texts[1:3]
    assert packed[::-1] == texts[::-1]
    rows = np.arange(len(texts))[::2]
    assert packed.take(rows) == list(texts[::2])
    assert take_texts(packed, rows.tolist()) == take_texts(texts, rows.tolist()) == texts[::2]
    assert np.array(packed).tolist() == np.array(packed, dtype=object).tolist() == list(texts)
    assert holds(packed, "/") == holds(texts, "/") == any("/" in text for text in texts)
    with pytest.raises(IndexError):
        packed[len(texts)]


def test_digests_take_half_of_their_digits() -> None:
    packed = pack(DIGESTS)
    assert isinstance(packed, Digests)
    assert packed.data.nbytes == 16 * len(DIGESTS)
    assert as_ascii(packed).tolist() == as_ascii(DIGESTS).tolist() == [digest.encode() for digest in DIGESTS]


@pytest.mark.parametrize("n", [0, 1, 10, 11, 1_001])
def test_numbered_texts_are_the_numbers(n: int) -> None:
    assert Texts.numbered("ä#", n) == tuple(f"ä#{row}" for row in range(n))


def test_what_all_texts_begin_with() -> None:
    assert Texts.of(("rows#1", "rows#23", "rows#")).beginning == "rows#"
    assert Texts.of(("rows#1", "rows#23", "rows#")).letters(5) == {"1", "2", ""}
    assert Texts.of(("a", "")).beginning == Texts.of(()).beginning == ""


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"digest": np.zeros((2, 15), np.uint8)}, "digests of"),
        ({"text": np.zeros(2, np.int8), "lengths": np.array([2], np.uint8)}, "texts of"),
        ({"text": np.zeros(2, np.uint8), "lengths": np.array([-1, 3])}, "texts of"),
        ({"text": np.zeros(2, np.uint8), "lengths": np.array([2, 1], np.uint8)}, "texts of 3 bytes, but 2 are there"),
        ({"text": np.zeros(2, np.uint8), "lengths": np.array([2**64 - 1, 3], np.uint64)}, "a text of"),
        ({"text": np.frombuffer("ä".encode(), np.uint8), "lengths": np.array([1, 1], np.uint8)}, "within a character"),
        ({"text": np.array([255], np.uint8), "lengths": np.array([1], np.uint8)}, "can't decode"),
    ],
)
def test_arrays_that_are_no_texts_are_refused(arrays: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        unpack(arrays)
