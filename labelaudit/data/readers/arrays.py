"""NumPy files: ``.npz`` with images and labels, ``.npy`` images or labels, rows in order.

Pickled arrays are refused. An ``.npz`` is read whole (its members may be compressed); ``.npy`` images of 8 or
16 bits are mapped. Other types are brought to uint8: whole numbers must go from 0 to 255, floats from 0 to 1 (white).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.data.images import encode
from labelaudit.data.listing import Listing, join_listings
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.source import Source
from labelaudit.errors import DataError, first_line
from labelaudit.files import open_regular
from labelaudit.images import Joined
from labelaudit.packed import Texts

Array = npt.NDArray[Any]

ARRAY_SUFFIXES = frozenset({".npz", ".npy"})
IMAGE_KEYS = ("images", "image", "x", "data", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "targets", "target", "arr_1")
CLASS_KEYS = ("classes", "class_names", "label_names", "names")
_BEYOND = 2.0**63
"""The first number that a label which is one cannot be."""
SPLIT_KEYS = ("", "train", "val", "valid", "test")


def recognise(subject: Subject) -> list[Reading]:
    """The one reading of a NumPy file."""
    path, labels = subject.path, subject.source.labels
    if path is not None and path.is_dir():
        return _pairs(subject, path)
    if path is None or subject.is_folder or path.suffix.lower() not in ARRAY_SUFFIXES:
        return []
    table = None if labels is None else Path(labels)
    return [Reading(what="an array file of images and labels", read=lambda: list_arrays(path, labels=table))]


def _pairs(subject: Subject, folder: Path) -> list[Reading]:
    """The reading of a folder with one ``.npy`` of images and one of labels, or such a pair for each split."""
    names = {other[:-4]: folder / other for other in subject.tree.others if other.endswith(".npy")}
    if subject.tree.paths or subject.source.labels is not None or not names:
        return []
    pairs = [(split, names[image], names[label]) for split, image, label in _find_pairs(names) if label]
    if not pairs:
        return []

    def read() -> Listing:
        parts = [(split, list_arrays(image, labels=label)) for split, image, label in pairs]
        return join_listings(str(folder), parts, " and ".join(label.name for _, _, label in pairs))

    return [Reading(what="array files of images and of labels", read=read)]


def recognise_labels(source: Source) -> Listing | None:
    """The labels of a NumPy file given with ``labels``; ``None`` for other files."""
    path = Path(source.labels)
    return list_array_labels(path) if path.is_file() and path.suffix.lower() in ARRAY_SUFFIXES else None


def list_arrays(path: Path, *, labels: Path | None = None) -> Listing:
    """The images of an ``.npz`` or ``.npy`` with their labels, from the same ``.npz`` or the file ``labels``.

    An ``.npz`` holds ``images`` and ``labels`` (or x and y), or one pair for each split such as ``train_images``
    and ``train_labels``, and optionally ``classes``, the names that integer labels index.
    """
    arrays = _load(path)
    pairs = [(split, image, label) for split, image, label in _find_pairs(arrays) if label or labels]
    if not pairs:
        held = "one array" if path.suffix.lower() == ".npy" else ", ".join(sorted(arrays)) or "nothing"
        raise DataError(
            f"'{path}' holds {held}: it needs arrays 'images' and 'labels' (or `labels` FILE); "
            "without images, give `labels` FILE.npy and `probs` or `features` FILE.npy instead"
        )
    stacks = [as_stack(arrays[image], f"'{image}' of '{path}'") for _, image, _ in pairs]
    total = sum(len(stack) for stack in stacks)
    if labels is not None:
        given = list_array_labels(labels).labels
    else:
        names = _class_names(arrays)
        given = tuple(
            text for _, _, label in pairs for text in array_labels(arrays[label or ""], names, f"labels in '{path}'")
        )
    if len(given) != total:
        raise DataError(f"'{path}' has {total} images but {len(given)} labels")
    tagged = [split for (split, _, _), stack in zip(pairs, stacks, strict=True) for _ in range(len(stack))]
    return Listing(
        root=str(path),
        ids=Texts.numbered(f"{path.name}#", total),
        labels=given,
        images=Joined(map(Stack, stacks)),
        splits=tuple(tagged),
        origin=f"{labels or 'arrays ' + ', '.join(str(label) for _, _, label in pairs)}",
    )


def list_array_labels(path: Path) -> Listing:
    """The labels of an ``.npy``, or of ``labels`` in an ``.npz``, for samples that are rows of a matrix."""
    arrays = _load(path)
    alone = path.suffix.lower() == ".npy" or [*arrays] == ["arr_0"]
    key = next(iter(arrays)) if alone else _key(arrays, LABEL_KEYS, "")
    if key is None:
        raise DataError(f"'{path}' holds {', '.join(sorted(arrays))}: it needs an array 'labels'")
    labels = array_labels(arrays[key], _class_names(arrays), f"labels in '{path}'")
    return Listing(root="", ids=Texts.numbered(f"{path.name}#", len(labels)), labels=tuple(labels))


class Stack:
    """`Images` of an array, encoded when asked for."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def encoded(self, index: int) -> bytes:
        return encode(np.asarray(self._array[index]))


def _load(path: Path) -> dict[str, Array]:
    try:
        with open_regular(path) as file:
            if file.read(2) == b"PK":
                file.seek(0)
                with np.load(file, allow_pickle=False) as members:
                    return {name: members[name] for name in members.files}
        return {"images": np.load(path, mmap_mode="r", allow_pickle=False)}
    except (OSError, ValueError, EOFError, KeyError) as error:
        if "Object arrays" in str(error):
            raise DataError(f"'{path}' holds Python objects: save plain numbers or text (no dtype=object)") from error
        reason = "it does not begin as one does" if "allow_pickle" in str(error) else first_line(error)
        raise DataError(f"'{path}' is not a readable NumPy file: {reason}") from error
    except Exception as error:  # zipfile and zlib raise their own
        raise DataError(f"'{path}' is damaged: {error}") from error


def _find_pairs(arrays: Mapping[str, object]) -> list[tuple[str, str, str | None]]:
    """(split, name of its images, name of its labels if there are any) of each split that has images; the split is
    empty where names say none."""
    found = [(split, _key(arrays, IMAGE_KEYS, split), _key(arrays, LABEL_KEYS, split)) for split in SPLIT_KEYS]
    return [(split, image, label) for split, image, label in found if image]


def _key(arrays: Mapping[str, object], names: Sequence[str], split: str) -> str | None:
    lower = {name.lower(): name for name in arrays}
    tried = [joined for name in names for joined in ((f"{split}_{name}", f"{name}_{split}") if split else (name,))]
    return next((lower[name] for name in tried if name in lower), None)


def as_stack(array: Array, where: str) -> Array:
    """Images as (n, H, W) or (n, H, W, channels) of 8 or 16 bits; (n, 1|3, H, W) is turned round.

    ``where`` names the array in messages. Raises `DataError` for other shapes, and for values that are not brightness.
    """
    if array.ndim not in (3, 4) or array.dtype.kind not in "buif":
        raise DataError(f"{where} must be numbers (n, H, W) or (n, H, W, channels), not {array.shape} {array.dtype}")
    if array.ndim == 4 and array.shape[3] not in (1, 2, 3, 4):
        if array.shape[1] not in (1, 3):
            raise DataError(f"{where} of shape {array.shape} has no axis of 1 to 4 channels at its end")
        array = np.moveaxis(array, 1, 3)
    if array.dtype in (np.uint8, np.uint16, np.bool_) or not array.size:
        return array
    low, high = float(array.min()), float(array.max())
    whole = array.dtype.kind in "ui" or (high > 1 and bool((array == np.rint(array)).all()))
    if not (low >= 0 and (high <= 255 if whole else high <= 1)):
        raise DataError(f"{where} goes from {low:g} to {high:g}: store uint8, uint16, or floats from 0 to 1 (white)")
    pixels = np.empty(array.shape, np.uint8)
    for row, image in enumerate(array):  # one by one: no second copy of a large array
        pixels[row] = np.rint(image * (1 if whole else 255))
    return pixels


def _class_names(arrays: dict[str, Array]) -> list[str]:
    key = _key(arrays, CLASS_KEYS, "")
    return [] if key is None else [str(name) for name in arrays[key].ravel().astype(str)]


def array_labels(array: Array, classes: Sequence[str] = (), where: str = "labels") -> list[str | None]:
    """(n,) labels as text: integers through ``classes`` where given, negative ones are then no label."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "biufUS":
        shape = f"{array.shape} {array.dtype}"
        raise DataError(f"{where} must be (n,) integers or text, not {shape}; for one-hot take argmax(axis=1)")
    if array.dtype.kind in "US":
        texts = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
        said = texts.tolist()
        plain = {text: text.strip() or None for text in set(said)}
        return [plain[text] for text in said]
    missing = ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(len(array), bool)
    if (array[~missing] != np.rint(array[~missing].astype(np.float64))).any():
        raise DataError(f"{where} are not whole numbers: are they probabilities? Take argmax(axis=1)")
    if array.dtype.kind in "uf" and (np.abs(array[~missing]) >= _BEYOND).any():
        raise DataError(f"{where} hold numbers beyond 9.2e18: give them as text")
    numbers = np.where(missing, -1, array).astype(np.int64)
    if classes:
        if numbers.max(initial=0) >= len(classes):
            raise DataError(f"{where} hold label {numbers.max()}, but there are names of {len(classes)} classes")
        return [classes[number] if number >= 0 else None for number in numbers.tolist()]
    return [None if gone else str(number) for number, gone in zip(numbers.tolist(), missing.tolist(), strict=True)]
