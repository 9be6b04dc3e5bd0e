"""Reads the arrays of a weight file of PyTorch's first format without PyTorch, whose import takes 700 MB and seconds.

The file is five pickles (a magic number, a version, facts about the machine, the arrays' shapes by key, the order of
their storages), then each storage: its length as a 64-bit integer and its numbers. Their instructions are listed by
`pickletools`, which runs none of them, and only those that write a dictionary of arrays are followed: what a file names
is compared as text and never looked up. Left out: the format of PyTorch 1.6 and later, which is an archive, and types
other than float32 and int64.

Source: torch/serialization.py, ``_legacy_load``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import as_strided

from labelaudit.types import Floats

_MAGIC = 0x1950A86A20F9469CFC6C
_DICTIONARY, _ARRAY = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
_TYPES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}


def read_torch_file(path: Path) -> dict[str, Floats]:
    """Key -> array of the dictionary in the file ``path``. Raises `ValueError` for a file that is none of this kind."""
    with path.open("rb") as file:
        try:
            return _read(file)
        except (AttributeError, LookupError, MemoryError, OverflowError, TypeError) as error:
            raise ValueError("it is damaged") from error


def _read(file: BinaryIO) -> dict[str, Floats]:
    """`read_torch_file`; of a damaged file it raises whatever the damage leads to."""
    if _follow(file) != _MAGIC:
        raise ValueError("it is not of the format that is expected here")
    for _ in ("version", "machine"):
        _follow(file)
    tensors, order = _follow(file), _follow(file)
    storages = {}
    types = {storage[2]: _TYPES[storage[1]] for storage, *_ in tensors.values()}
    for key in order:
        numbers = np.fromfile(file, "<i8", 1)
        storages[key] = np.fromfile(file, types[key], int(numbers[0]))
        if len(storages[key]) != numbers[0]:
            raise ValueError("it ends early")
    return {key: _shape(storages[storage[2]], *how) for key, (storage, *how) in tensors.items()}


def _shape(numbers: Floats, start: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Floats:
    """The array of ``shape`` that begins at ``start`` of a storage, with steps of ``strides`` numbers, as a view."""
    last = start + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if min(start, 0, *shape, *strides) < 0 or last >= len(numbers):
        raise ValueError("an array in it lies outside what it holds")
    return as_strided(numbers[start:], shape, [step * numbers.itemsize for step in strides])


def _follow(file: BinaryIO) -> Any:
    """The value of the next pickle of a ``file``; an array is the arguments that it would be made of."""
    stack = _Stack()
    for code, value, _ in pickletools.genops(file):
        if code.name in _CONSTANTS:
            stack.values.append(_CONSTANTS[code.name]())
        elif code.name in _INSTRUCTIONS:
            _INSTRUCTIONS[code.name](stack, value)
        else:
            raise ValueError(f"it holds more than arrays ({code.name})")
    return stack.values[-1]


class _Stack:
    """The values that the instructions of a pickle work on; each method follows one kind of them."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def nothing(self, _: Any) -> None:
        """A storage is what it is named by."""

    def push(self, value: Any) -> None:
        self.values.append(value)

    def pop(self, _: Any) -> Any:
        """Also of a dictionary's attributes, which hold versions."""
        return self.values.pop()

    def mark(self, _: Any) -> None:
        self._marks.append(len(self.values))

    def keep(self, place: int) -> None:
        self._memo[place] = self.values[-1]

    def recall(self, place: int) -> None:
        self.values.append(self._memo[place])

    def group(self, size: int) -> None:
        self.values[-size:] = [(*self.values[-size:],)]

    def tuple(self, _: Any) -> None:
        self.values.append((*self._since_mark(),))

    def make(self, _: Any) -> None:
        made, arguments = self.values[-2:]
        if made not in (_DICTIONARY, _ARRAY):
            raise ValueError(f"it asks for {made}")
        self.values[-2:] = [{} if made == _DICTIONARY else arguments]

    def set_one(self, _: Any) -> None:
        self._marks.append(len(self.values) - 2)
        self.set_all(_)

    def set_all(self, _: Any) -> None:
        items = self._since_mark()
        self.values[-1].update(zip(items[::2], items[1::2], strict=True))

    def append(self, _: Any) -> None:
        self._marks.append(len(self.values) - 1)
        self.extend(_)

    def extend(self, _: Any) -> None:
        items = self._since_mark()
        self.values[-1].extend(items)

    def _since_mark(self) -> list[Any]:
        start = self._marks.pop()
        taken = self.values[start:]
        del self.values[start:]
        return taken


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
}
_INSTRUCTIONS: dict[str, Callable[[_Stack, Any], Any]] = {
    **dict.fromkeys(("PROTO", "BINPERSID", "STOP"), _Stack.nothing),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "GLOBAL"), _Stack.push),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Stack.keep),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Stack.recall),
    "MARK": _Stack.mark,
    "TUPLE": _Stack.tuple,
    "TUPLE1": lambda stack, _: stack.group(1),
    "TUPLE2": lambda stack, _: stack.group(2),
    "TUPLE3": lambda stack, _: stack.group(3),
    "REDUCE": _Stack.make,
    "SETITEM": _Stack.set_one,
    "SETITEMS": _Stack.set_all,
    "APPEND": _Stack.append,
    "APPENDS": _Stack.extend,
    "BUILD": _Stack.pop,
}
