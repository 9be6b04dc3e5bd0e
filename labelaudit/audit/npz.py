"""``evidence.npz``: the arrays of an audit, bit for bit, without pickle.

Keys: ``decision/<name>`` and ``evidence/<method>/<name>``; the further columns of a method are
``evidence/<method>/columns/<name>``. Of many samples and classes, ``<key of probs>/<part>`` are the leading classes.
Left out: text, which lives in ``audit.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from labelaudit.arrays import Arrays, write_arrays
from labelaudit.audit.document import Audit
from labelaudit.leading import PARTS, Leading, Table
from labelaudit.types import Evidence, Ints

DECISION = ("suspicion", "is_issue", "judged", "probs", "predicted", "noise_matrix")
"""The arrays of a `Decision`."""
_OPTIONAL = ("probs", "losses", "margins")


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
    write_arrays(path, arrays)


def split_table(key: str, table: Table) -> dict[str, npt.NDArray[Any]]:
    """A ``table`` under its ``key``, or its parts if it is of leading classes."""
    if isinstance(table, Leading):
        return {f"{key}/{name}": getattr(table, name) for name in PARTS}
    return {key: table}


def join_table(arrays: Arrays, key: str, labels: Ints, classes: int) -> Table | None:
    """The table that `split_table` made, of samples of these ``labels`` (n,); None where there is none."""
    if f"{key}/{PARTS[0]}" not in arrays:
        return arrays.get(key)
    return Leading.of(labels, classes, **{name: arrays[f"{key}/{name}"] for name in PARTS})


def decision_of(arrays: Arrays, labels: Ints, classes: int) -> dict[str, Any]:
    """The arrays of the `Decision` that was written about samples of these ``labels`` (n,)."""
    found: dict[str, Any] = {name: arrays[f"decision/{name}"] for name in DECISION if name != "probs"}
    probs = join_table(arrays, "decision/probs", labels, classes)
    if probs is None:
        raise KeyError("decision/probs")
    return {**found, "probs": probs}


def evidence_of(
    arrays: Arrays, name: str, *, method: str, tables: Mapping[str, Any], labels: Ints, classes: int
) -> Evidence:
    """The evidence that was written under ``name`` about samples of these ``labels`` (n,)."""
    prefix = f"evidence/{name}/"
    columns = f"{prefix}columns/"
    return Evidence(
        method=method,
        suspicion=arrays[f"{prefix}suspicion"],
        probs=join_table(arrays, f"{prefix}probs", labels, classes),
        losses=arrays.get(f"{prefix}losses"),
        margins=arrays.get(f"{prefix}margins"),
        columns={key.removeprefix(columns): array for key, array in arrays.items() if key.startswith(columns)},
        tables=tables,
    )
