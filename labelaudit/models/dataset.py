"""A dataset made ready to be trained on: pixels, labels, what is kept out of training, and the truth where it is known.

Where DATA has splits, its training split is trained on, and its validation and test splits are measured unless others
are named. Squares that would take more than half of the free memory are not kept but decoded in every epoch.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.data.class_names import use_names
from labelaudit.data.ingest import digest, ingest
from labelaudit.data.parts import TESTING, TRAINING, VALIDATION
from labelaudit.data.pixels import SMALL, Squares, load_pixels, typical_side
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.errors import DataError, OptionError, reason_of
from labelaudit.files import open_regular
from labelaudit.machine import available_memory
from labelaudit.models.run import Labelled
from labelaudit.networks import usual_side
from labelaudit.types import Bools, Ints, Progress, Samples, no_progress

_SHARE = 0.5  # of the free memory that decoded images may take
_SPLITS = {"train": TRAINING, "valid": VALIDATION, "test": TESTING}


@dataclass(frozen=True, kw_only=True, eq=False)
class Collected:
    """Pixels, labels and true classes of a dataset, with validation and test parts."""

    samples: Samples
    """The training samples."""
    x: npt.NDArray[np.uint8] | Squares
    """(n, side, side, c)."""
    valid: Labelled | None
    test: Labelled | None
    truth: Ints | None
    """(n,) true class, -1 where none is right."""
    notes: tuple[str, ...]


def collect(
    data: Source | Path,
    *,
    valid: float | Path | None = None,
    test: Path | None = None,
    truth: Path | None = None,
    image_size: int | None = None,
    network: str | None = None,
    seed: int = 0,
    workers: int = 2,
    progress: Progress = no_progress,
) -> Collected:
    """Read everything that a training run needs; raises `DataError` or `OptionError` where it cannot be had.

    ``valid`` is a share of every class, taken from the training samples with copies kept together, or a dataset. Images
    become squares of ``image_size``; unless said, their usual side, at most 64, or 224 for a published network.
    """
    for name, path in (("valid", valid), ("test", test)):
        if isinstance(path, Path) and not path.exists():
            also = "a share between 0 and 1, or " if name == "valid" else ""
            raise DataError(f"'{path}' (`{name}`) does not exist: give {also}a dataset")
    listing = open_source(data)
    everything, findings = ingest(listing, workers=workers, progress=progress)
    if everything.images is None:
        raise DataError(f"'{listing.root}' holds no images to train on")
    notes = _left_out(len(findings), "training")
    parts, told = _split(everything, valid, test)
    samples = parts["train"]
    if isinstance(valid, float):
        held = _held_out(samples, valid, np.random.default_rng(seed))
        parts["valid"], samples = samples.take(held), samples.take(~held)
    for name, path in (("valid", valid), ("test", test)):
        if isinstance(path, Path):
            named = use_names(open_source(path), everything.codes)
            parts[name], lost = ingest(named, fewest_classes=1, workers=workers, progress=progress)
            notes += _left_out(len(lost), name)
    known = {*samples.digests}
    for name in ("valid", "test"):
        if name in parts and (copies := sum(digest in known for digest in parts[name].digests)):
            notes.append(f"{copies:,} {name} images are in the training data too.")
    assert samples.images is not None
    side = image_size or _side(samples, network)
    x, kept = _squares(samples, side, workers, progress)
    samples = samples.take(kept)
    if not kept.all():
        notes += _left_out(int((~kept).sum()), "training")
    del parts["train"]
    others = {name: _labelled(part, samples, side, name, workers, progress) for name, part in parts.items()}
    if isinstance(x, Squares):
        notes.append(f"{len(x):,} squares of {side} px do not fit in memory: they are decoded in every epoch.")
    if any(pixels.shape[-1] != x.shape[-1] for pixels, _ in others.values()):  # grey here, colours there
        x, others = _in_color(x), {name: (_in_color(pixels), given) for name, (pixels, given) in others.items()}
    return Collected(
        samples=samples,
        x=x,
        valid=others.get("valid"),
        test=others.get("test"),
        truth=None if truth is None else read_truth(truth, samples),
        notes=(*notes, *told),
    )


def read_truth(path: Path, samples: Samples) -> Ints:
    """(n,) true classes by a table with the columns ``path`` and ``true_label``, as `labelaudit corrupt` writes it.

    -1 where it names no class, or one that no sample is given. Raises `DataError` unless every sample is in it.
    """
    try:
        with TextIOWrapper(open_regular(path), "utf-8-sig", "surrogateescape", newline="") as file:
            reader = csv.DictReader(file)
            if not {"path", "true_label"} <= {*(reader.fieldnames or ())}:
                raise DataError(f"{path} (`truth`) has no columns path and true_label, as truth.csv of corrupt has")
            true = dict[str, str]()
            for row in reader:
                name, label = row["path"], row["true_label"]
                if label is None:
                    raise DataError(
                        f"{path} (`truth`), line {reader.line_num}: no true_label: write one, or nothing "
                        "after a comma where no class is right"
                    )
                if true.setdefault(name, label) != label:
                    raise DataError(
                        f"{path} (`truth`), line {reader.line_num}: '{name}' is '{true[name]}' above and "
                        f"'{label}' here: keep one"
                    )
    except (OSError, csv.Error) as error:
        raise DataError(f"cannot read {path} (`truth`): {reason_of(error)}") from None
    missing = [name for name in samples.ids if name not in true]
    if missing:
        raise DataError(
            f"{path} (`truth`) does not know {len(missing):,} of {len(samples):,} training images, the first is "
            f"'{missing[0]}': give the truth.csv of this dataset"
        )
    code = {name: number for number, name in enumerate(samples.classes)}
    found = np.array([code.get(true[name], -1) for name in samples.ids], dtype=np.int64)
    strange = next((true[name] for name in samples.ids if true[name]), None)
    if strange is not None and (found < 0).all():
        known = f"{', '.join(samples.classes[:5])}{' …' if len(samples.classes) > 5 else ''}"
        raise DataError(f"{path} (`truth`) names no class of the dataset: '{strange}' there, {known} here")
    return found


def _left_out(count: int, part: str) -> list[str]:
    """A note about images that cannot be read."""
    which = "image cannot be used and is" if count == 1 else "images cannot be used and are"
    return [f"{count:,} {part} {which} left out."] if count else []


def _split(samples: Samples, valid: float | Path | None, test: Path | None) -> tuple[dict[str, Samples], list[str]]:
    """The parts of a dataset that has splits, by what they are for; one that has none is all for training."""
    if samples.splits is None:
        return {"train": samples}, []
    of = np.array([split.lower() for split in samples.splits])
    asked = {"train": None, "valid": valid, "test": test}
    rows = {name: np.isin(of, words) for name, words in _SPLITS.items() if asked[name] is None}
    parts = {name: samples.take(own) for name, own in rows.items() if own.any()}
    if "train" not in parts:
        return {"train": samples}, []
    sizes = ", ".join(f"{len(part):,} for {name}" for name, part in parts.items())
    return parts, [f"By the dataset's own splits: {sizes}."]


def _held_out(samples: Samples, share: float, generator: np.random.Generator) -> Bools:
    """(n,) whom to keep out of training: about ``share`` of every class, copies of an image together."""
    if not 0 < share < 1:
        raise OptionError(f"`valid` {share:g}: give a share between 0 and 1, or a dataset")
    held = np.zeros(len(samples), dtype=np.bool_)
    first, group = samples.numbered
    for label in range(len(samples.classes)):
        own = np.flatnonzero(samples.labels[first] == label)
        taken = generator.permutation(own)[: round(share * len(own))]
        held |= np.isin(group, taken)
    if not held.any() or held.all():
        raise OptionError(f"`valid` {share:g} of {len(samples):,} samples leaves nothing: give another share")
    return held


def _side(samples: Samples, network: str | None) -> int:
    assert samples.images is not None
    return usual_side(network) or min(max(typical_side(samples.images), 8), SMALL)


def _squares(
    samples: Samples, side: int, workers: int, progress: Progress
) -> tuple[npt.NDArray[np.uint8] | Squares, Bools]:
    """Pixels of the samples that can be decoded, and which those are; decoded later where they are too many."""
    assert samples.images is not None
    kept = np.ones(len(samples), dtype=np.bool_)
    if 3 * side * side * len(samples) > available_memory() * _SHARE:
        squares = Squares(samples.images, side, workers=workers, key=digest("".join(samples.digests).encode()))
        kept[[row for row, _, _ in squares.check(progress)]] = False
        return (squares if kept.all() else squares.take(kept)), kept
    pixels, failures = load_pixels(samples.images, side, workers=workers, progress=progress)
    kept[[row for row, _, _ in failures]] = False
    return (pixels if kept.all() else pixels[kept]), kept


def _labelled(part: Samples, training: Samples, side: int, name: str, workers: int, progress: Progress) -> Labelled:
    """Pixels and labels in the classes of the training samples; raises `DataError` for others."""
    strange = sorted({*part.classes} - {*training.classes})
    if strange:
        raise DataError(
            f"{name} images are of class '{strange[0]}', which no training image is given: its classes are "
            f"{', '.join(training.classes[:5])}{' …' if len(training.classes) > 5 else ''}"
        )
    code = {label: number for number, label in enumerate(training.classes)}
    labels = np.array([code[label] for label in part.classes], dtype=np.int64)[part.labels]
    pixels, kept = _squares(part, side, workers, progress)
    return pixels, labels[kept]


def _in_color(pixels: npt.NDArray[Any] | Squares) -> npt.NDArray[Any] | Squares:
    if isinstance(pixels, Squares):
        return pixels.take(np.ones(len(pixels), dtype=np.bool_), channels=3)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:-1], 3)))
