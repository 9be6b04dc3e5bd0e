"""The groups of an audit, one row each: a whole patient, film or set of copies is usually wrong together."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.judge.linear import group_rows

COLUMNS = (
    *("rank", "group", "samples", "given_label", "predicted_label", "label_score", "flagged", "labels"),
    "first_path",
)
"""Columns of ``groups.csv``."""


def list_groups(audit: Audit) -> list[dict[str, Any]]:
    """A row for each group of several samples, worst first; empty where every sample stands alone.

    ``group`` is the name a person gave it, or the path of its first member; ``given_label`` the most frequent label of
    its members and ``labels`` how many different ones they have; ``label_score`` 1 minus the mean suspicion, 0 to 1,
    lower = worse; ``flagged`` how many members are suspects.
    """
    samples, decision = audit.samples, audit.decision
    if samples.groups == samples.digests:  # copies of the same bytes alone make none
        return []
    alone, found = set(samples.digests), []
    for rows in group_rows(samples.numbered_groups.code):
        name = samples.groups[int(rows[0])]
        labels = np.bincount(samples.labels[rows], minlength=len(samples.classes))
        probs = decision.probs[rows].mean(axis=0, dtype=np.float64)
        first = min(samples.ids[row] for row in rows.tolist())
        found.append(
            {
                "group": first if name in alone else name,
                "samples": len(rows),
                "given_label": samples.classes[int(labels.argmax())],
                "predicted_label": samples.classes[int(probs.argmax())],
                "label_score": 1.0 - float(decision.suspicion[rows].mean()),
                "flagged": int(decision.is_issue[rows].sum()),
                "labels": int((labels > 0).sum()),
                "first_path": first,
            }
        )
    found.sort(key=lambda row: (row["label_score"], row["first_path"]))
    return [{"rank": rank, **row} for rank, row in enumerate(found, 1)]


def list_worst_groups(audit: Audit, most: int) -> list[dict[str, Any]]:
    """The first ``most`` rows of `list_groups` with a suspect, and as a whole with another label than they carry."""
    return [row for row in list_groups(audit) if row["flagged"] and row["predicted_label"] != row["given_label"]][:most]
