"""``evidence.npz``: the arrays of an audit, bit for bit, without pickle.

Keys: ``decision/<name>`` and ``evidence/<method>/<name>``; the further columns of a method are
``evidence/<method>/columns/<name>``. Of many samples and classes, ``<key of probs>/<part>`` are the leading classes.
``samples/labels`` are places in the classes; texts of each row (ids, digests, splits, groups, reasons, and further
columns of the label table as ``extra/<number>``) lie packed under ``samples/<name>/``. Left out: what is said of the
dataset as a whole, which lives in ``audit.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.arrays import Arrays, write_arrays
from labelaudit.audit.document import Audit
from labelaudit.leading import PARTS, Leading, Table
from labelaudit.packed import pack, unpack
from labelaudit.types import Evidence, Ints

DECISION = ("suspicion", "is_issue", "judged", "probs", "predicted", "noise_matrix")
"""The arrays of a `Decision`."""
_OPTIONAL = ("probs", "losses", "margins")
_SAMPLES = "samples/"
_LABELS = f"{_SAMPLES}labels"


def write(audit: Audit, path: Path) -> None:
    """Write the arrays of ``audit``; the same audit gives the same bytes."""
    arrays = {f"decision/{name}": getattr(audit.decision, name) for name in DECISION if name != "probs"}
    arrays |= split_table("decision/probs", audit.decision.probs)
    for method, evidence in audit.evidence.items():
        arrays[f"evidence/{method}/suspicion"] = evidence.suspicion
        for name in _OPTIONAL:
            if (table := getattr(evidence, name)) is not None:
                arrays |= split_table(f"evidence/{method}/{name}", table)
        for name, column in evidence.columns.items():
            arrays[f"evidence/{method}/columns/{name}"] = column
    write_arrays(path, arrays | _split_samples(audit))


def _split_samples(audit: Audit) -> dict[str, npt.NDArray[Any]]:
    """Labels and texts of each row."""
    samples = audit.samples
    labels = samples.labels.astype(np.min_scalar_type(max(0, len(samples.classes) - 1)))
    texts = {"ids": samples.ids, "digests": samples.digests, "reasons": audit.decision.reasons}
    if samples.splits is not None:
        texts["splits"] = samples.splits
    if samples.groups != samples.digests:
        texts["groups"] = samples.groups
    texts |= {f"extra/{number}": column for number, column in enumerate(samples.extra.values())}
    arrays: dict[str, npt.NDArray[Any]] = {_LABELS: labels}
    for name, text in texts.items():
        arrays |= {f"{_SAMPLES}{name}/{part}": array for part, array in pack(text).arrays().items()}
    return arrays


def rows_of(arrays: Arrays) -> tuple[Mapping[str, Sequence[str]], Ints]:
    """The texts of each row by name, those of further columns as ``extra/<number>``, and (n,) its given label."""
    parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
    for key, array in arrays.items():
        if key.startswith(_SAMPLES) and key != _LABELS:
            name, _, part = key.removeprefix(_SAMPLES).rpartition("/")
            parts.setdefault(name, {})[part] = array
    labels = arrays[_LABELS]
    if labels.dtype.kind != "u":
        raise ValueError(f"labels of {labels.dtype}")
    return {name: unpack(some) for name, some in parts.items()}, labels.astype(np.int64)


def split_table(key: str, table: Table) -> dict[str, npt.NDArray[Any]]:
    """A ``table`` under its ``key``, or its parts if it is of leading classes."""
    if isinstance(table, Leading):
        return {f"{key}/{name}": getattr(table, name) for name in PARTS}
    return {key: table}


def join_table(arrays: Arrays, key: str, labels: Ints, classes: int) -> Table:
    """The table that `split_table` made, of samples of these ``labels`` (n,); raises `KeyError` where there is none."""
    if f"{key}/{PARTS[0]}" not in arrays:
        return arrays[key]
    return Leading.of(labels, classes, **{name: arrays[f"{key}/{name}"] for name in PARTS})


def decision_of(arrays: Arrays, labels: Ints, classes: int) -> dict[str, Any]:
    """The fields of the written `Decision` that are arrays; its samples carry the ``labels`` (n,)."""
    found: dict[str, Any] = {name: arrays[f"decision/{name}"] for name in DECISION if name != "probs"}
    return {**found, "probs": join_table(arrays, "decision/probs", labels, classes)}


def evidence_of(
    arrays: Arrays, name: str, *, method: str, tables: Mapping[str, Any], labels: Ints, classes: int
) -> Evidence:
    """The evidence that was written under ``name``; its samples carry the ``labels`` (n,)."""
    prefix = f"evidence/{name}/"
    columns, table = f"{prefix}columns/", f"{prefix}probs"
    held = table in arrays or f"{table}/{PARTS[0]}" in arrays
    return Evidence(
        method=method,
        suspicion=arrays[f"{prefix}suspicion"],
        probs=join_table(arrays, table, labels, classes) if held else None,
        losses=arrays.get(f"{prefix}losses"),
        margins=arrays.get(f"{prefix}margins"),
        columns={key.removeprefix(columns): array for key, array in arrays.items() if key.startswith(columns)},
        tables=tables,
    )
