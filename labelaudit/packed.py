"""Many texts in one piece of memory, which become Python strings where somebody looks at them.

A million strings take 90 MB and a second to make, to read and to free again, and of a million samples a person sees a
hundred. Left out: names of classes, of which there are few.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from operator import eq
from typing import Any, overload

import numpy as np
import numpy.typing as npt

DIGITS = 32
"""Hexadecimal digits of a content digest."""
_ROWS = 1 << 16  # that become strings at a time


class Packed(Sequence[str]):
    """Texts that are equal to a tuple of the same ones."""

    __hash__ = None  # type: ignore[assignment]

    @abstractmethod
    def take(self, rows: Sequence[int] | npt.NDArray[np.integer[Any]] | slice) -> list[str]:
        """The texts of some ``rows`` (m,)."""

    @abstractmethod
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as arrays, by name, for `unpack`."""

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[str, ...]: ...
    def __getitem__(self, row: int | slice) -> str | tuple[str, ...]:
        if isinstance(row, slice):
            return tuple(self.take(row))
        place = row + len(self) if row < 0 else row
        if not 0 <= place < len(self):
            raise IndexError(row)
        return self._text(place)

    @abstractmethod
    def _text(self, place: int) -> str:
        """The text at a ``place`` from 0 on."""

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _ROWS):
            yield from self.take(slice(start, start + _ROWS))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Packed | tuple):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,}>"

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(list(self), dtype=dtype)


class Texts(Packed):
    """Any texts, one after the other in UTF-8; lone surrogates, for bytes that are none, are kept."""

    def __init__(self, data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> None:
        self.data, self.starts = data, starts
        """Their bytes, and (n + 1,) where each begins, and the last one ends."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Those ``texts``, in this order."""
        if isinstance(texts, cls):
            return texts
        whole = "".join(texts)
        if whole.isascii():
            return cls.after(whole.encode("ascii"), np.fromiter(map(len, texts), np.int64, len(texts)))
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        return cls.after(b"".join(encoded), np.fromiter(map(len, encoded), np.int64, len(texts)))

    @classmethod
    def after(cls, data: bytes | npt.NDArray[np.uint8], lengths: npt.NDArray[np.integer[Any]]) -> Texts:
        """Texts of so many bytes of ``data`` each, one after the other."""
        return cls(np.frombuffer(data, dtype=np.uint8), np.append(0, np.cumsum(lengths, dtype=np.int64)))

    @classmethod
    def numbered(cls, before: str, n: int) -> Texts:
        """The numbers from 0 to ``n`` - 1, each after the same words.

        >>> tuple(Texts.numbered("row ", 3)), len(Texts.numbered("x", 1_001)[1_000])
        (('row 0', 'row 1', 'row 2'), 5)
        """
        head = np.frombuffer(before.encode("utf-8", "surrogatepass"), dtype=np.uint8)
        parts, lengths = [], np.full(n, len(head), dtype=np.int64)
        for digits in range(1, len(str(max(n - 1, 0))) + 1):
            least = 10 ** (digits - 1) if digits > 1 else 0
            rows = np.arange(least, min(10**digits, n), dtype=np.uint32)
            part = np.empty((len(rows), len(head) + digits), dtype=np.uint8)
            part[:, : len(head)] = head
            for place in range(1, digits + 1):
                rows, part[:, -place] = rows // 10, rows % 10 + ord("0")
            parts.append(part.reshape(-1))
            lengths[least : 10**digits] += digits
        return cls.after(np.concatenate(parts), lengths)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def _text(self, place: int) -> str:
        return self.data[self.starts[place] : self.starts[place + 1]].tobytes().decode("utf-8", "surrogatepass")

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer[Any]] | slice) -> list[str]:
        if isinstance(rows, slice) and rows.step in (None, 1):
            begin, end, _ = rows.indices(len(self))
            starts = self.starts[begin : max(begin, end) + 1]
            data = self.data[starts[0] : starts[-1]]
            ends = (starts - starts[0]).tolist()
        else:
            picked = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)
            lengths = self.starts[picked + 1] - self.starts[picked]
            whole = np.append(0, np.cumsum(lengths))
            data = self.data[np.arange(whole[-1]) + np.repeat(self.starts[picked] - whole[:-1], lengths)]
            ends = whole.tolist()
        text = data.tobytes()
        if self.is_ascii:
            plain = text.decode("ascii")
            return [plain[a:b] for a, b in pairwise(ends)]
        return [text[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(ends)]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        lengths = np.diff(self.starts)
        return {"text": self.data, "lengths": lengths.astype(np.min_scalar_type(int(lengths.max(initial=0))))}

    @cached_property
    def is_ascii(self) -> bool:
        """Whether each character is a byte."""
        return not len(self.data) or int(self.data.max()) < 128

    @cached_property
    def beginning(self) -> str:
        """The characters that all of them begin with, where they are of ASCII."""
        if not len(self):
            return ""
        starts, first = self.starts[:-1], self.data[self.starts[0] : self.starts[1]]
        shared = min(len(first), int(np.diff(self.starts).min()))
        for place in range(shared):
            if (self.data[place:].take(starts) != first[place]).any():
                shared = place
                break
        return first[:shared].tobytes().decode("ascii", "ignore")

    def letters(self, place: int) -> set[str]:
        """The letters of ASCII that stand at a ``place`` of them; empty for one that ends before."""
        starts = self.starts[:-1][np.diff(self.starts) > place]
        found = {chr(letter) for letter in np.unique(self.data[starts + place]).tolist()}
        return found if len(starts) == len(self) else {*found, ""}


class Digests(Packed):
    """Content digests of 32 hexadecimal digits in 16 bytes each."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        """(n, 16)"""

    def __len__(self) -> int:
        return len(self.data)

    def _text(self, place: int) -> str:
        return bytes(self.data[place]).hex()

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer[Any]] | slice) -> list[str]:
        text = self.data[rows].tobytes().hex()
        return [text[start : start + DIGITS] for start in range(0, len(text), DIGITS)]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"digest": self.data}

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return self.digits.astype(np.str_).astype(np.str_ if dtype is None else dtype, copy=False)

    @property
    def digits(self) -> npt.NDArray[np.bytes_]:
        """(n,) the digits of each."""
        return np.frombuffer(self.data.tobytes().hex().encode(), dtype=f"S{DIGITS}")

    @property
    def halves(self) -> npt.NDArray[np.uint64]:
        """(n, 2) the upper and the lower half of each as a number."""
        return self.data.view(">u8").astype(np.uint64)


def as_digests(names: Sequence[str]) -> Digests | None:
    """The ``names`` as content digests; None where one is another name."""
    if isinstance(names, Digests):
        return names
    if isinstance(names, Packed) or set(map(len, names)) != {DIGITS}:
        return None
    text = "".join(names)
    if text != text.lower():
        return None
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    if 2 * len(data) != len(text):  # spaces
        return None
    return Digests(np.frombuffer(data, dtype=np.uint8).reshape(-1, DIGITS // 2))


def as_ascii(names: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """(n,) the ``names``, of ASCII."""
    return names.digits if isinstance(names, Digests) else np.array(names, dtype=np.bytes_)


def pack(texts: Sequence[str]) -> Packed:
    """The ``texts`` in one piece, as digests where they are."""
    return as_digests(texts) or Texts.of(texts)


def holds(texts: Sequence[str], letter: str) -> bool:
    """Whether one of the ``texts`` holds a ``letter`` of ASCII."""
    if isinstance(texts, Texts):
        parts = (texts.data[start : start + _ROWS] for start in range(0, len(texts.data), _ROWS))
        return any(letter.encode() in part.tobytes() for part in parts)
    return letter in "".join(texts)


def take_texts(texts: Sequence[str], rows: Sequence[int]) -> tuple[str, ...]:
    """The ``texts`` of some ``rows`` (m,)."""
    return tuple(texts.take(rows) if isinstance(texts, Packed) else [texts[row] for row in rows])


def unpack(arrays: Mapping[str, npt.NDArray[Any]]) -> Packed:
    """The texts whose `Packed.arrays` these are; raises `KeyError` or `ValueError` where they are not.

    >>> unpack(pack(["b", "ä"]).arrays()) == ("b", "ä")
    True
    """
    if "digest" in arrays:
        digests = arrays["digest"]
        if digests.dtype != np.uint8 or digests.ndim != 2 or digests.shape[1] != DIGITS // 2:
            raise ValueError(f"digests of {digests.dtype} {digests.shape}")
        return Digests(digests)
    data, lengths = arrays["text"], arrays["lengths"]
    if data.dtype != np.uint8 or data.ndim != 1 or lengths.ndim != 1 or lengths.dtype.kind != "u":
        raise ValueError(f"texts of {data.dtype} {data.shape} and {lengths.dtype} {lengths.shape}")
    if int(lengths.max(initial=0)) > len(data):
        raise ValueError(f"a text of {lengths.max():,} bytes, but {len(data):,} are there")
    found = Texts.after(data, lengths)
    if found.starts[-1] != len(data):
        raise ValueError(f"texts of {found.starts[-1]:,} bytes, but {len(data):,} are there")
    if not found.is_ascii:
        data.tobytes().decode("utf-8", "surrogatepass")
        inside = found.starts[found.starts < len(data)]
        if (data[inside] & 0xC0 == 0x80).any():
            raise ValueError("a text begins within a character")
    return found
