"""What a person brings, made ready to be judged: features, probabilities, images that still have to be embedded.

Rows follow the source as the person keeps it until here, and the samples that survived ingest from here on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.channel import NO_CLASS, UNKNOWN
from labelaudit.errors import DataError
from labelaudit.sources import Listing
from labelaudit.types import Features, Finding, Floats, Ints, Progress, Samples
from labelaudit.verdicts import Verdict, agreed


def name_source(
    data: Path | str | None, labels: Path | str | None, path_column: str | None, label_column: str | None
) -> dict[str, str | None]:
    """Where a dataset was read from, for `Audit.settings`: `open_originals` and later commands open it again."""
    return {
        "data": _absolute(data),
        "labels": _absolute(labels),
        "path_column": path_column,
        "label_column": label_column,
    }


def known_labels(samples: Samples, verdicts: Sequence[Verdict]) -> Ints:
    """(n,) true class by people's ``verdicts``, `channel.UNKNOWN` or `channel.NO_CLASS`, for `channel.fit`.

    What was said about one copy of an image holds for all of them. Where reviewers disagree, nothing is known.
    """
    code: dict[str | None, int] = {name: number for number, name in enumerate(samples.classes)} | {None: NO_CLASS}
    right = {digest: code[label] for digest, label in agreed(samples, verdicts).items()}
    return np.array([right.get(digest, UNKNOWN) for digest in samples.digests], dtype=np.int64)


def embed_samples(
    samples: Samples,
    specs: Sequence[str],
    device: str,
    workers: int,
    cache: Path | None,
    progress: Progress,
) -> tuple[Samples, Features, tuple[Finding, ...]]:
    """Features of all samples; what cannot be decoded becomes a finding and leaves the dataset."""
    from labelaudit.backbones import embed

    assert samples.images is not None
    features, failures = embed(
        samples.images,
        samples.digests,
        backbones=specs,
        device=device,
        workers=workers,
        cache=cache,
        progress=progress,
    )
    findings = tuple(Finding(kind=kind, path=samples.ids[row], detail=detail) for row, kind, detail in failures)
    if failures:
        keep = np.setdiff1d(np.arange(len(samples)), [row for row, _, _ in failures])
        samples, features = samples.take(keep), replace(features, values=features.values[keep])
    return samples, features, findings


def _absolute(path: Path | str | None) -> str | None:
    return None if path is None else Path(path).absolute().as_posix()


def source_rows(listing: Listing, samples: Samples) -> Ints:
    """(n,) row in the person's source of each sample that survived ingest."""
    place = dict(zip(listing.ids, listing.rows, strict=True))
    return np.array([place[name] for name in samples.ids], dtype=np.int64)


def given_features(features: Path | str | Floats, total: int, rows: Ints) -> Features:
    """The ``rows`` of an (n, d) matrix with one row per row of the source; raises `DataError` for anything else."""
    values, name = _array(features, "--features")
    real = np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)
    if values.ndim != 2 or len(values) != total or not values.shape[1] or not real:
        raise DataError(
            f"{name}: features must be a matrix of real numbers with {total} rows, not {values.shape} {values.dtype}"
        )
    with np.errstate(over="ignore"):  # too large for float32: infinity, which is refused next
        values = np.asarray(values[rows], dtype=np.float32)
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise DataError(
            f"{name}: row {int(rows[bad])} holds NaN, infinity or a number beyond 3.4e38: remove or replace it"
        )
    return Features(values=values, name="given")


def given_probs(probs: Path | str | Floats, total: int, rows: Ints, classes: Sequence[str]) -> Floats:
    """The ``rows`` of an (n, C) matrix of probabilities, float64 and summing to 1; raises `DataError` otherwise."""
    values, name = _array(probs, "--probs")
    if values.shape != (total, len(classes)):
        raise DataError(
            f"{name}: probabilities must be ({total}, {len(classes)}), a row per sample and a column per class in the "
            f"order {name_some(classes)}, not {values.shape}"
        )
    values = np.asarray(values[rows], dtype=np.float64)
    bad = ~(np.isfinite(values).all(axis=1) & (values >= 0).all(axis=1) & (np.abs(values.sum(axis=1) - 1) < 1e-3))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{name}: {int(bad.sum())} rows are no probabilities; row {int(rows[row])} sums to "
            f"{values[row].sum():.4g}: give softmax outputs, not logits"
        )
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def _array(given: Path | str | Floats, option: str) -> tuple[npt.NDArray[Any], str]:
    if isinstance(given, np.ndarray):
        return given, option
    try:
        loaded = np.load(given, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"'{given}' ({option}) is no .npy file that can be read: {error}") from None
    if not isinstance(loaded, np.ndarray):
        raise DataError(f"'{given}' ({option}) holds several arrays: give a .npy file with one")
    return loaded, f"'{given}' ({option})"


def note_skipped(skipped: Mapping[str, int]) -> tuple[str, ...]:
    """A note about the files that were passed over because they are no images."""
    if not skipped:
        return ()
    kinds = [f"{count} {ending}" for ending, count in skipped.items()]
    total = sum(skipped.values())
    files = f"{total} file{'s' * (total > 1)} that {'are' if total > 1 else 'is'} no image"
    return (f"Passed over {files}: {name_some(kinds)}.",)


def name_some(names: Sequence[str], most: int = 5) -> str:
    """The first ``most`` names and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
