"""``evidence.npz``: the arrays of an audit, bit for bit, without pickle.

Keys: ``decision/<name>`` and ``evidence/<method>/<name>``; the further columns of a method are
``evidence/<method>/columns/<name>``. Of many samples and classes, ``decision/probs/<part>`` are the leading classes.
Left out: text, which lives in ``audit.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.audit.document import Audit
from labelaudit.files import open_regular
from labelaudit.leading import PARTS, Leading, Table
from labelaudit.types import Evidence, Ints

Arrays = Mapping[str, npt.NDArray[Any]]

DECISION = ("suspicion", "is_issue", "judged", "probs", "predicted", "noise_matrix")
"""The arrays of a `Decision`."""
_OPTIONAL = ("probs", "losses", "margins")


def write(audit: Audit, path: Path) -> None:
    """Write the arrays of ``audit``; the same audit gives the same bytes."""
    arrays = {f"decision/{name}": getattr(audit.decision, name) for name in DECISION if name != "probs"}
    arrays |= _split(audit.decision.probs)
    for method, evidence in audit.evidence.items():
        arrays[f"evidence/{method}/suspicion"] = evidence.suspicion
        for name in _OPTIONAL:
            if getattr(evidence, name) is not None:
                arrays[f"evidence/{method}/{name}"] = getattr(evidence, name)
        for name, column in evidence.columns.items():
            arrays[f"evidence/{method}/columns/{name}"] = column
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _split(probs: Table) -> dict[str, npt.NDArray[Any]]:
    """The class probabilities of a decision, as one array or as the parts of `Leading`."""
    if isinstance(probs, Leading):
        return {f"decision/probs/{name}": getattr(probs, name) for name in PARTS}
    return {"decision/probs": probs}


def decision_of(arrays: Arrays, labels: Ints, classes: int) -> dict[str, Any]:
    """The arrays of the `Decision` that was written about samples of these ``labels`` (n,)."""
    found: dict[str, Any] = {name: arrays[f"decision/{name}"] for name in DECISION if name != "probs"}
    if "decision/probs" in arrays:
        return {**found, "probs": arrays["decision/probs"]}
    return {**found, "probs": Leading.of(labels, classes, **{name: arrays[f"decision/probs/{name}"] for name in PARTS})}


def read(path: Path) -> Arrays:
    """All arrays of ``path``; raises what NumPy and zipfile raise when it is damaged."""
    with open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"'{strange[0]}' is not an array")
    return arrays


def evidence_of(arrays: Arrays, name: str, *, method: str, tables: Mapping[str, Any]) -> Evidence:
    """The evidence that was written under ``name``."""
    prefix = f"evidence/{name}/"
    columns = f"{prefix}columns/"
    return Evidence(
        method=method,
        suspicion=arrays[f"{prefix}suspicion"],
        **{part: arrays.get(f"{prefix}{part}") for part in _OPTIONAL},
        columns={key.removeprefix(columns): array for key, array in arrays.items() if key.startswith(columns)},
        tables=tables,
    )
