"""The dataset that a plan leads to: which samples stay, under which label, and what is set apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from labelaudit.audit.document import Audit
from labelaudit.clean.plan import Change, CorrectionPlan
from labelaudit.data.order import sort_classes
from labelaudit.types import Samples


@dataclass(frozen=True, kw_only=True)
class RelabelledDataset:
    """Some samples of an audit under labels of their own; what every form of output is written from."""

    samples: Samples
    """All samples of the audit."""
    rows: tuple[int, ...]
    """(m,) those that are in, in the audit's order."""
    labels: tuple[str, ...]
    """(m,) their labels."""
    classes: tuple[str, ...]
    """Those of the audit and new ones, in use or not, in the order of a scan: numbers by value."""
    weights: tuple[float, ...] | None = None
    """(m,) probability that the label is right, where weights were asked for."""
    changes: tuple[Change, ...] = ()
    """The changes that led to it."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def ids(self) -> tuple[str, ...]:
        """(m,) ids of the samples."""
        return tuple(self.samples.ids[row] for row in self.rows)

    @property
    def splits(self) -> tuple[str, ...] | None:
        """(m,) splits of the samples, where there are any."""
        return None if self.samples.splits is None else tuple(self.samples.splits[row] for row in self.rows)

    @property
    def extra(self) -> dict[str, tuple[str, ...]]:
        """Further columns, (m,) each."""
        return {name: tuple(column[row] for row in self.rows) for name, column in self.samples.extra.items()}

    def written(self) -> RelabelledDataset:
        """The same dataset with labels as the data have them: numbers, where a file beside them names the classes."""
        samples, codes = self.samples, self.samples.codes
        if not codes:
            return self

        def code(name: str) -> str:
            return codes.get(name, name)

        changes = (
            replace(change, given_label=code(change.given_label), new_label=code(change.new_label))
            for change in self.changes
        )
        return replace(
            self,
            samples=replace(samples, classes=tuple(map(code, samples.classes))),
            labels=tuple(map(code, self.labels)),
            classes=tuple(sort_classes(map(code, self.classes))),
            changes=tuple(changes),
        )

    def split_rows(self) -> dict[str, list[int]]:
        """Split -> places in `rows`; one split without a name where there are none."""
        found: dict[str, list[int]] = {}
        for place, split in enumerate(self.splits or ("",) * len(self)):
            found.setdefault(split, []).append(place)
        return found


def cleaned(audit: Audit, plan: CorrectionPlan) -> tuple[RelabelledDataset, RelabelledDataset]:
    """The dataset after ``plan``, and what goes to quarantine, under the labels it had."""
    samples = audit.samples
    row_of = {name: row for row, name in enumerate(samples.ids)}
    keep = np.ones(len(samples), dtype=np.bool_)
    apart = np.zeros(len(samples), dtype=np.bool_)
    labels = samples.given()
    weights = np.ones(len(samples))
    for change in plan.changes:
        row = row_of.get(change.path)
        if row is None:  # a file that could not be read: it is in neither
            continue
        keep[row] = change.action in ("relabel", "weight")
        apart[row] = change.action == "quarantine"
        labels[row] = change.new_label or labels[row]
        weights[row] = 1.0 if change.weight is None else change.weight
    weighted = any(change.action == "weight" for change in plan.changes)
    classes = {*samples.classes, *plan.new_classes}
    rows = np.flatnonzero(keep).tolist()
    return (
        RelabelledDataset(
            samples=samples,
            rows=tuple(rows),
            labels=tuple(labels[row] for row in rows),
            classes=tuple(sort_classes(classes)),
            weights=tuple(round(weight, 6) for weight in weights[rows].tolist()) if weighted else None,
            changes=plan.changes,
        ),
        original(audit, np.flatnonzero(apart).tolist()),
    )


def original(audit: Audit, rows: Iterable[int]) -> RelabelledDataset:
    """Some samples as they were given."""
    samples, pick = audit.samples, tuple(rows)
    return RelabelledDataset(
        samples=samples, rows=pick, labels=tuple(samples.claim(row).label for row in pick), classes=samples.classes
    )
