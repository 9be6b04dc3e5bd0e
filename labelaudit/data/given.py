"""Features and probabilities that a person brings, checked against the rows and classes that they are for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import slices
from labelaudit.data.listing import Listing
from labelaudit.data.table import is_frame
from labelaudit.errors import DataError, reason_of
from labelaudit.files import open_regular
from labelaudit.text import count, name_some
from labelaudit.types import Features, Floats, Ints, Samples

_AHEAD, _LITTLE = 0.25, 0.6
"""A matrix is refused where another order of columns agrees with the labels by so much more, its own with less."""

_LARGEST = 1e12
"""Largest value of a feature: distances are sums of squares in single precision, which end at 3e38."""
_CELLS = 1 << 20  # numbers read at a time
_CACHED = 1 << 16  # the same where they are worked on several times: they stay in the cache of a core
_WIDEST = 20_000
"""Columns of features: models of them hold a square matrix of that many rows."""


def source_rows(listing: Listing, samples: Samples) -> Ints:
    """(n,) row in the person's source of each sample that survived ingest."""
    if samples.ids is listing.ids:
        rows = listing.rows
        if isinstance(rows, range):  # in a fiftieth of the time
            return np.arange(rows.start, rows.stop, rows.step)
        return np.array(rows, dtype=np.int64)
    place = dict(zip(listing.ids, listing.rows, strict=True))
    return np.array([place[name] for name in samples.ids], dtype=np.int64)


def given_features(features: Path | str | Floats, total: int, rows: Ints) -> Features:
    """The ``rows`` of an (n, d) matrix with one row per row of the source; raises `DataError` for anything else."""
    values, name = _array(features, "`features`")
    real = np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)
    if values.ndim != 2 or len(values) != total or not values.shape[1] or not real:
        raise DataError(
            f"{name}: features must be a matrix of real numbers with {total} rows, not {values.shape} {values.dtype}"
        )
    if values.shape[1] > _WIDEST:
        raise DataError(
            f"{name}: {values.shape[1]:,} columns are over the limit of {_WIDEST:,}: reduce them first, for example by "
            "principal components"
        )
    whole = values.dtype == np.float32 and np.array_equal(rows, np.arange(total))  # may stay a memory map
    read = values if whole else np.empty((len(rows), values.shape[1]), dtype=np.float32)
    step, largest = max(1, _CELLS // values.shape[1]), 0.0
    for place in slices(len(rows), step):
        with np.errstate(over="ignore"):  # too large for float32: infinity, which is refused next
            some = np.asarray(values[rows[place]], dtype=np.float32)
        far = np.maximum(some.max(axis=1), -some.min(axis=1))  # NaN where any of them is
        if not np.isfinite(far).all():
            bad = int(rows[place.start + int(np.flatnonzero(~np.isfinite(far))[0])])
            raise DataError(f"{name}: row {bad} holds NaN, infinity or a number beyond 3.4e38: remove or replace it")
        largest = max(largest, float(far.max()))
        if not whole:
            read[place] = some
    if largest > _LARGEST:
        raise DataError(f"{name}: a feature is {largest:.2g}: scale them to at most {_LARGEST:g}")
    return Features(values=read, name="given")


def given_probs(
    probs: Path | str | Floats, total: int, rows: Ints, classes: Sequence[str], labels: Ints | None = None
) -> Floats:
    """The ``rows`` of an (n, C) matrix of probabilities, float32 and summing to 1; raises `DataError` otherwise.

    Columns of a data frame that are called as the classes may stand in any order. With ``labels`` (n,), the given class
    of each of the rows, a matrix whose columns are plainly in another order than ``classes`` is refused too.
    """
    values, name = _array(probs, "`probs`")
    if values.shape != (total, len(classes)):
        more = values.ndim == 2 and len(values) == total and values.shape[1] > len(classes)
        raise DataError(
            f"{name}: probabilities must be ({total}, {len(classes)}), a row per sample and a column per class in the "
            f"order {name_some(classes)}, not {values.shape}"
            + (": if some classes have no sample, name all of them, in the order of the columns, with `classes`" * more)
        )
    order = _named_columns(probs, classes)
    read, bad = np.empty((len(rows), len(classes)), dtype=np.float32), np.zeros(len(rows), dtype=bool)
    step, whole = max(1, _CACHED // len(classes)), np.array_equal(rows, np.arange(total))
    for place in slices(len(rows), step):
        some = np.asarray(values[place if whole else rows[place]][:, order], dtype=np.float64)
        sums = some.sum(axis=1)  # NaN or infinite where any of them is
        with np.errstate(invalid="ignore"):
            bad[place] = ~((np.abs(sums - 1) < 1e-3) & (some.min(axis=1) >= 0))
            np.divide(some, sums[:, None], out=read[place], casting="same_kind")
    if bad.any():
        row = int(rows[np.flatnonzero(bad)[0]])
        first = np.asarray(values[row], dtype=np.float64)
        fault = f"holds {first.min():.4g}" if first.min() < 0 else f"sums to {first.sum():.4g}"
        raise DataError(
            f"{name}: {count(int(bad.sum()), 'row holds', 'rows hold')} no probabilities; row {row} {fault}: give "
            "softmax outputs, not logits"
        )
    if len(read) > 1 and not differ(read):
        raise DataError(f"{name}: all rows hold the same probabilities, which tell nothing: give those of a model")
    if labels is not None:
        _check_order(read, labels, classes, name)
    return read


def _named_columns(probs: Any, classes: Sequence[str]) -> list[int] | slice:
    """Columns in the order of ``classes``: a data frame whose columns are called as these says their order itself.

    One of which only some are called so is refused: what the others are would be a guess.
    """
    names = [str(name) for name in probs.columns] if is_frame(probs) else []
    counted = names == [str(n) for n in range(len(names))]  # as pandas calls columns that nobody named
    if counted or not set(names) & set(classes):
        return slice(None)
    if sorted(names) != sorted(classes):
        strange = name_some([f"'{name}'" for name in names if name not in classes] or names)
        raise DataError(f"`probs`: no class is called as column {strange}: the classes are {name_some(classes)}")
    return [names.index(name) for name in classes]


def differ(rows: Floats) -> bool:
    """Whether any of the ``rows`` (n, d) differs from the first; mostly one of the first few does."""
    return bool((rows[:100] != rows[0]).any() or (rows != rows[0]).any())


def _check_order(probs: Floats, labels: Ints, classes: Sequence[str], name: str) -> None:
    """Refuse columns that agree far better with the labels in another order of the classes."""
    from scipy.optimize import linear_sum_assignment

    if not len(labels):
        return
    places = labels * len(classes) + probs.argmax(axis=1)
    counts = np.bincount(places, minlength=len(classes) ** 2).reshape(len(classes), -1)  # label, most probable column
    agreed = counts.trace() / len(labels)
    if agreed >= _LITTLE:
        return
    _, columns = linear_sum_assignment(counts, maximize=True)
    best = counts[np.arange(len(classes)), columns].sum() / len(labels)
    if best < _LITTLE or best - agreed < _AHEAD or len(labels) < 2 * len(classes):
        return
    order = [classes[label] for label in np.argsort(columns).tolist()]
    raise DataError(
        f"{name}: in the order {name_some(classes)} the columns agree with {agreed:.0%} of the labels, in the order "
        f"{name_some(order)} with {best:.0%}: state the order of the columns with `classes`"
    )


def _array(given: Path | str | Floats, option: str) -> tuple[npt.NDArray[Any], str]:
    """The array that was given or that lies in a .npy file, and its name for messages."""
    if not isinstance(given, str | Path):
        try:
            return np.asarray(given), option
        except Exception as error:  # of a tensor on a GPU, of rows of different lengths
            raise DataError(
                f"{option} is of type {type(given).__name__}, no matrix ({reason_of(error)}): give a NumPy array, such "
                f"as x.detach().float().cpu().numpy() of a tensor"
            ) from None
    try:
        with open_regular(Path(given)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a header is old is no news to anybody here
            loaded = np.load(given, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise DataError(f"'{given}' ({option}) cannot be read ({reason_of(error)}): give a .npy file") from None
    except Exception as error:  # what NumPy raises at damage is no closed list
        pickled = "pickle" in str(error)
        said = "it is no array of numbers, or one of Python objects" if pickled else reason_of(error)
        raise DataError(f"'{given}' ({option}) is no .npy file that can be read: {said}") from None
    if not isinstance(loaded, np.ndarray):
        raise DataError(f"'{given}' ({option}) holds several arrays: give a .npy file with one")
    return loaded, f"'{given}' ({option})"
