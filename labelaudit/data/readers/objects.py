"""Python objects: a `datasets.Dataset`, a torch `Dataset`, a data frame, lists of paths with labels, arrays.

They are known by what they can do, so that none of these libraries has to be installed or is imported here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.data.cells import named_label, scalar_text
from labelaudit.data.columns import choose_columns
from labelaudit.data.images import encode
from labelaudit.data.listing import Files, Listing, join_listings, read_file
from labelaudit.data.reader import Reading, Subject
from labelaudit.data.readers.arrays import Stack, array_labels, as_stack
from labelaudit.data.readers.label_table import list_frame
from labelaudit.data.source import Source
from labelaudit.data.table import frame_table, is_frame
from labelaudit.errors import DataError
from labelaudit.text import find_twice, name_some

Kind = tuple[str, Callable[[Any], bool], Callable[[Source], Listing]]


def open_(subject: Subject) -> Subject | None:
    """A Python object; raises `DataError` for one of a kind that is not known, and for labels beside its own."""
    source = subject.source
    if isinstance(source.data, str | Path):
        return None
    what, _, read = _kind_of(source.data)
    if source.labels is not None and read not in (_read_array, _read_list):
        advice = "leave `labels` away, or make them a column and name it with `label_column`"
        raise DataError(f"{what} holds labels itself: {advice}")
    return subject


def recognise(subject: Subject) -> list[Reading]:
    """The one reading of a Python object that is not a path."""
    data = subject.source.data
    if data is None or isinstance(data, str | Path):
        return []
    what, _, read = _kind_of(data)
    return [Reading(what=what, read=partial(read, subject.source))]


def _kind_of(data: Any) -> Kind:
    for kind in _KINDS:
        if kind[1](data):
            return kind
    raise DataError(
        f"'{type(data).__name__}' is not a dataset known here: give a path, a datasets.Dataset, a torch Dataset of "
        "(image, label), a data frame, a list of paths or an array of images with labels=…"
    )


def list_labels(labels: Any) -> Listing:
    """Labels in memory, for samples that are rows of a matrix; raises `DataError` as `given_labels` does."""
    found = given_labels(labels)
    return Listing(root="", ids=tuple(f"row#{row}" for row in range(len(found))), labels=tuple(found))


def given_labels(labels: Any, count: int | None = None) -> list[str | None]:
    """The labels of ``count`` images, or of as many as there are, from a list, an array or a column.

    Raises `DataError` for another number, and for what is no list of labels in an order.
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind not in "Ob":
        found = array_labels(labels)
    else:
        known = ("to_list", "tolist", "to_pylist")  # of pandas and polars, of NumPy and torch, of Arrow
        listed = next((getattr(labels, name) for name in known if hasattr(labels, name)), None)
        values = listed() if listed is not None else labels
        if not isinstance(values, Sequence) or isinstance(values, str | bytes):
            raise DataError(f"`labels` is of type {type(labels).__name__}: give a list, an array or a column of labels")
        found = [_label(value) for value in values]
    if count is not None and len(found) != count:
        raise DataError(f"{count:,} images, but {len(found):,} labels")
    return found


def _read_frame(source: Source) -> Listing:
    return list_frame(frame_table(source.data), source)


def _read_array(source: Source) -> Listing:
    if source.labels is None:
        raise DataError("an array of images needs labels=…, one for each image")
    array = np.asarray(source.data)
    if array.ndim == 1 and array.dtype.kind in "OUT":  # a column of paths, or of images of different sizes
        return _read_list(replace(source, data=array.tolist()))
    stack = as_stack(array, "the array")
    given = given_labels(source.labels, len(stack))
    ids = tuple(f"image#{row}" for row in range(len(stack)))
    return Listing(root="", ids=ids, labels=tuple(given), images=Stack(stack), origin="the labels given")


def _read_list(source: Source) -> Listing:
    """Paths with ``labels``, or pairs of a path and a label."""
    items = list(source.data)
    if not items:
        raise DataError("the list of images is empty")
    if source.labels is not None:
        labels = given_labels(source.labels, len(items))
    elif all(isinstance(item, tuple | list) and len(item) == 2 for item in items):
        labels, items = [_label(item[1]) for item in items], [item[0] for item in items]
    else:
        raise DataError("a list of images needs labels=…, one for each image, or pairs of a path and a label")
    if not all(isinstance(item, str | Path) for item in items):
        return _lazy(len(items), items.__getitem__, labels, "the labels given")
    paths = [Path(item).as_posix() for item in items]
    if twice := find_twice(paths):
        raise DataError(f"'{twice}' is twice in the list: name each image once")
    return Listing(root="", ids=tuple(paths), labels=tuple(labels), images=Files("", paths), origin="the labels given")


def _read_torch(source: Source) -> Listing:
    """A torch dataset of (image, label): files where it has a list of them, pixels asked for one by one otherwise."""
    data = source.data
    places = [_place_of(data, row) for row in range(len(data))]
    parts = {key: _Part(part) for key, part in {id(part): part for part, _ in places}.items()}
    named = all(part.names for part in parts.values())  # else one class would be a name here and a number there
    labels = [parts[id(part)].label(row, named=named) for part, row in places]
    if places and all(part.files for part in parts.values()):
        paths = [Path(parts[id(part)].files[row][0]).as_posix() for part, row in places]
        if len({*paths}) == len(paths):  # else some of them twice, joined
            return Listing(
                root="", ids=tuple(paths), labels=tuple(labels), images=Files("", paths), origin="the torch dataset"
            )
    return _lazy(len(data), lambda row: _pair(data[row])[0], labels, "the torch dataset")


class _Part:
    """A torch dataset that holds its own rows, with the labels that it tells without loading an image."""

    def __init__(self, data: Any) -> None:
        self._data = data
        names = getattr(data, "classes", None)
        self.names = [str(name) for name in names] if isinstance(names, Iterable) else []
        kept: list[Any] = [getattr(data, name, None) for name in ("samples", "imgs")]  # or its pixels, or a number
        self.files: Sequence[tuple[str, Any]] = next((files for files in kept if _are_files(files, len(data))), ())
        """(path, label) of each row; empty where it does not keep them."""
        targets = getattr(data, "targets", None)
        self._targets = targets if targets is not None and len(targets) == len(data) else None

    def label(self, row: int, *, named: bool) -> str | None:
        """The label of ``row``; a number that is ``named`` by its class."""
        if self.files:
            label = self.files[row][1]
        else:
            label = _pair(self._data[row])[1] if self._targets is None else self._targets[row]
        return _label(label, self.names if named else ())


def _are_files(value: Any, count: int) -> bool:
    """Whether ``value`` is the list of (path, label) that a folder of ``count`` images has."""
    return (
        isinstance(value, Sequence)
        and len(value) == count
        and all(isinstance(file, tuple) and isinstance(file[0], str) for file in value)
    )


def _place_of(data: Any, row: int) -> tuple[Any, int]:
    """The dataset and the row in it that ``row`` of a `Subset` or `ConcatDataset` of torch stands for."""
    while type(data).__module__ == "torch.utils.data.dataset":
        if type(data).__name__ == "Subset":
            data, row = data.dataset, int(data.indices[row])
        elif type(data).__name__ == "ConcatDataset":
            row = row if row >= 0 else len(data) + row  # -1 is the last, as torch has it
            part = bisect_right(data.cumulative_sizes, row)
            data, row = data.datasets[part], row - (data.cumulative_sizes[part - 1] if part else 0)
        else:
            break
    return data, row


def _read_hugging_face(source: Source) -> Listing:
    """A `datasets.Dataset`; its image column is not decoded, so that the stored bytes are judged."""
    data = source.data
    features = data.features
    images = [name for name, kind in features.items() if type(kind).__name__ == "Image"]
    if source.path_column is not None:
        images = [source.path_column]
    if len(images) != 1:
        held = name_some(images) if images else f"none among {name_some(list(features))}"
        raise DataError(f"the dataset must have one column of images, but has {held}: choose with path_column=…")
    image = images[0]
    classes = [name for name, kind in features.items() if type(kind).__name__ == "ClassLabel"]
    label = source.label_column
    if label is None and len(classes) == 1:
        label = classes[0]
    plain = [name for name, kind in features.items() if name != image and hasattr(kind, "dtype")]
    values = data.select_columns(plain)
    columns = {name: list(values[name]) for name in plain}
    texts = {name: [scalar_text(value) for value in column] for name, column in columns.items()}
    if label is None:
        label = choose_columns(texts, where="the dataset", without_path=True).label
        if label is None:
            raise DataError("the dataset has a column of 0 and 1 for each class: write the classes into one")
    if label not in columns:
        raise DataError(f"the dataset has no column '{label}': it has {name_some(list(features))}")
    names = list(getattr(features[label], "names", None) or ())
    labels = [_label(value, names) for value in columns[label]]
    if type(features[image]).__name__ == "Image":
        data = data.cast_column(image, replace(features[image], decode=False))
    ids = tuple(f"row#{row}" for row in range(len(data)))
    extra = {name: tuple(column) for name, column in texts.items() if name != label}
    return Listing(
        root="",
        ids=ids,
        labels=tuple(labels),
        images=_Items(len(data), lambda row: data[row][image]),
        extra=extra,
        origin=f"column '{label}' of the dataset",
    )


def _read_splits(source: Source) -> Listing:
    """A mapping of splits to datasets, such as a `datasets.DatasetDict`."""
    parts = [(str(name), _kind_of(data)[2](replace(source, data=data))) for name, data in source.data.items()]
    parts = [(name, replace(part, ids=tuple([f"{name}/{one}" for one in part.ids]))) for name, part in parts]
    return join_listings("", parts, parts[0][1].origin)


class _Items:
    """`Images` that are asked of an object one by one, and encoded without loss where they come as pixels."""

    def __init__(self, count: int, item: Callable[[int], Any]) -> None:
        self._count, self._item = count, item

    def __len__(self) -> int:
        return self._count

    def encoded(self, index: int) -> bytes:
        return as_bytes(self._item(index))


def as_bytes(image: Any) -> bytes:
    """An image as the bytes of a file: stored ones as they are, pixels without loss.

    Takes bytes, a path, a mapping of ``bytes`` and ``path``, a Pillow image, an array or a tensor, channels first or
    last, uint8 or from 0 to 1.
    """
    if isinstance(image, Mapping):
        stored, path = image.get("bytes"), image.get("path")
        return bytes(stored) if stored is not None else read_file(str(path))
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | Path):
        return read_file(str(image))
    if hasattr(image, "convert") and image.mode not in ("1", "L", "LA", "RGB", "RGBA", "I;16"):
        image = image.convert("RGBA" if "A" in image.mode or "transparency" in image.info else "RGB")
    array = np.asarray(image)
    if hasattr(image, "detach") and array.ndim == 3 and array.shape[0] in (1, 3, 4):  # a tensor: channels first
        array = np.moveaxis(array, 0, 2)
    if array.ndim not in (2, 3):
        raise DataError(f"an image must have 2 or 3 axes, not {array.ndim}: leave batches and videos away")
    return encode(np.asarray(as_stack(array[None], "an image of the dataset")[0]))


def _lazy(count: int, item: Callable[[int], Any], labels: Sequence[str | None], origin: str) -> Listing:
    ids = tuple(f"item#{row}" for row in range(count))
    return Listing(root="", ids=ids, labels=tuple(labels), images=_Items(count, item), origin=origin)


def _pair(item: Any) -> tuple[Any, Any]:
    if not isinstance(item, tuple | list) or len(item) < 2:
        raise DataError(f"the dataset must give (image, label), but gives a {type(item).__name__}")
    return item[0], item[1]


def _label(value: Any, names: Sequence[str] = ()) -> str | None:
    """The one label of an image, a number by the name of its class."""
    if getattr(value, "ndim", 0) or (isinstance(value, Sequence | Set) and not isinstance(value, str)):
        raise DataError("there are several labels for one image, which are not read: give one for each")
    return named_label(value, names, "the dataset")


def _is_hugging_face(data: Any) -> bool:
    return hasattr(data, "features") and hasattr(data, "column_names") and hasattr(data, "cast_column")


def _is_torch(data: Any) -> bool:
    return (
        hasattr(data, "__getitem__")
        and hasattr(data, "__len__")
        and not isinstance(data, Sequence | Mapping | np.ndarray)
    )


_KINDS: tuple[Kind, ...] = (
    ("a data frame", is_frame, _read_frame),
    ("a mapping of datasets", lambda data: isinstance(data, Mapping), _read_splits),
    ("a Hugging Face dataset", _is_hugging_face, _read_hugging_face),
    ("an array of images", lambda data: isinstance(data, np.ndarray) or hasattr(data, "__array__"), _read_array),
    ("a list of images", lambda data: isinstance(data, Sequence), _read_list),
    ("a torch dataset", _is_torch, _read_torch),
)
"""The name of an object, the test that knows it, its reader; the first that fits counts."""
