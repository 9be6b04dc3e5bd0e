"""Names are numbered as NumPy numbers them, digests and others."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from labelaudit.names import distinct, number_names, order_by_content, order_rows, spell_lines

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
    ["0" * 31 + "1", "0" * 32, "0" * 31 + "1"],
]


@pytest.mark.parametrize("names", ODD, ids=range(len(ODD)))
def test_names_are_numbered_in_their_order(names: list[str]) -> None:
    first, code = number_names(names)
    _, wanted, numbers = np.unique(np.asarray(names, dtype=str), return_index=True, return_inverse=True)
    assert first.tolist() == wanted.tolist()
    assert code.tolist() == numbers.tolist()


@pytest.mark.parametrize("names", [*ODD, [*DIGESTS[:20], DIGESTS[0][:-1] + "?"]], ids=range(len(ODD) + 1))
def test_rows_are_ordered_by_name_and_label(names: list[str]) -> None:
    labels = np.arange(len(names))[::-1] % 3
    order = order_rows(number_names(names), labels)
    assert order.tolist() == sorted(range(len(names)), key=lambda row: (names[row], labels[row]))


@pytest.mark.parametrize("lower", ["0", "1"])
def test_digests_that_differ_in_their_last_bits_are_numbered_in_their_order(lower: str) -> None:
    names = ["0" * 31 + "1", "f" * 31 + lower, "0" * 32, "f" * 31 + "1"]
    names += [hashlib.blake2b(bytes([row]), digest_size=16).hexdigest() for row in range(200)]
    _, wanted, numbers = np.unique(np.asarray(names), return_index=True, return_inverse=True)
    first, code = number_names(names)
    assert first.tolist() == wanted.tolist()
    assert code.tolist() == numbers.tolist()


@pytest.mark.parametrize("ends", [["!", "?", "."], ["", "\0Zürich\0", "\udcff"]])
@pytest.mark.parametrize("names", ODD, ids=range(len(ODD)))
def test_lines_are_the_names_with_their_ends(
    names: list[str], ends: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelaudit.names._BYTES", 200)  # several blocks
    rows = np.arange(len(names))[::-1].copy()
    places = rows % 3
    wanted = "".join(names[row] + ends[row % 3] for row in rows.tolist())
    assert b"".join(spell_lines(names, rows, ends, places)) == wanted.encode("utf-8", "surrogateescape")


def test_rows_of_round_numbers_keep_their_order_wherever_they_stand() -> None:
    draw = np.random.default_rng(0)
    values = draw.multinomial(16, [0.7, 0.2, 0.05, 0.05], size=2000).astype(np.float32) / 16
    rows = np.unique(np.column_stack([values, np.arange(2000) % 4]), axis=0)
    moved = draw.permutation(rows)
    orders = [order_by_content(some[:, :4], some[:, 4].astype(np.int64)) for some in (rows, moved)]
    np.testing.assert_array_equal(rows[orders[0]], moved[orders[1]])


@pytest.mark.parametrize("numbers", [[], [5], [2, 2], [3, -1, 3, 0, 7, 7]], ids=str)
def test_distinct_numbers_are_those_of_numpy(numbers: list[int]) -> None:
    given = np.array(numbers, dtype=np.int64)
    assert distinct(given).tolist() == np.unique(given).tolist()
    assert given.tolist() == numbers
