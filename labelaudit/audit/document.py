"""The audit: what a scan found, as one document that every report, review and gate starts from.

Nothing here computes evidence or decides; the document only puts samples, evidence and decision side by side and
answers questions about them. Left out on purpose: file formats (the modules beside it read and write them) and
pixels (an audit read back from a RUN folder has no images, only where they were).
"""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.audit.chance import is_measured
from labelaudit.audit.columns import list_columns, plain_values
from labelaudit.audit.concentration import Concentration, find_concentrations
from labelaudit.errors import DataError, OptionError, unknown_name
from labelaudit.judge import FILE as JUDGE
from labelaudit.machine import Stage
from labelaudit.names import order_rows, spell_lines
from labelaudit.text import count, interval
from labelaudit.types import Bools, Decision, Evidence, Finding, Floats, Identity, Ints, Samples

if TYPE_CHECKING:
    from labelaudit.judge.judge import Judge

SCHEMA_VERSION = 1
"""Version of `summary.json`; raised when a reader of the old form would misread the new one."""

BEFORE_REVIEW = "before_review"
"""Evidence of a scan that was told verdicts: the suspicion of each sample as if nobody had looked at it."""

_TABLES = ("suspects", "samples")
_FORMS = ("records", "pandas", "polars")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Audit:
    """The result of a scan: samples, evidence, decision and findings, and how they came about.

    `table` gives the rows as people and spreadsheets read them, `summary` the whole as JSON-able values.
    A suspect's identity (`identity`) is its content and its label, so that it survives renaming and re-scoring.
    """

    samples: Samples
    """Everything that was judged; what could not be read is in `findings`."""
    decision: Decision
    """One ranking, flags, suggested labels, noise rate and matrix."""
    evidence: Mapping[str, Evidence]
    """Evidence by name: the methods asked for first, then the reference columns."""
    findings: tuple[Finding, ...] = ()
    """Files, rows and duplicates that are wrong whatever a model says."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: the options the scan ran with."""
    stages: tuple[Stage, ...] = ()
    """In the order they ran."""
    notes: tuple[str, ...] = ()
    """Sentences for a person that explain what was chosen and why."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Software by name, such as ``{"labelaudit": "0.1.0", "numpy": "2.1.0"}``."""
    device: str = "cpu"
    """The device that the networks ran on."""
    seed: int = 0
    """The one seed of the scan."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Files that were written, by name; empty when nothing was."""
    judge: Judge | None = None
    """The judge for new images, if there were features. An audit that was read back has it in ``files["judge.npz"]``;
    see `load_judge`."""

    def __post_init__(self) -> None:
        n, c = len(self.samples), len(self.samples.classes)
        if self.decision.probs.shape != (n, c) or self.decision.noise_matrix.shape != (c, c):
            raise DataError(
                f"the decision is over probs {self.decision.probs.shape} and a noise matrix "
                f"{self.decision.noise_matrix.shape}, the samples are {n} of {c} classes"
            )
        if self.judge is not None and len(self.judge.memory) != n:
            raise DataError(f"a judge of {len(self.judge.memory)} samples, but {n} samples")
        for name, evidence in self.evidence.items():
            if len(evidence.suspicion) != n:
                raise DataError(f"evidence '{name}' has {len(evidence.suspicion)} rows for {n} samples")

    def __repr__(self) -> str:
        wrong = interval(*self.decision.noise_interval)
        if is_measured(self.decision):
            wrong = f"{self.decision.noise_rate:.1%} ({wrong})"
        classes = count(len(self.samples.classes), "class", "classes")
        suspects = count(len(self.suspects), "suspect")
        return f"<Audit of {count(len(self.samples), 'sample')} in {classes}: {suspects}, {wrong} of the labels wrong>"

    @property
    def source(self) -> Mapping[str, Any]:
        """The source that the scan read (`Source.settings`); empty if it is not known."""
        return self.settings.get("source") or {}

    @property
    def folder(self) -> Path | None:
        """The RUN that the audit was written to, or read from; None for neither."""
        return next((path.parent for path in self.files.values()), None)

    @cached_property
    def blind(self) -> tuple[Floats, Bools]:
        """(n,) suspicion and (n,) flags before people's verdicts made some samples certain: what a review measures."""
        evidence = self.evidence.get(BEFORE_REVIEW)
        if evidence is None:
            return self.decision.suspicion, self.decision.is_issue
        return evidence.suspicion, (evidence.suspicion >= self.decision.threshold) & self.decision.judged

    @cached_property
    def blind_order(self) -> Ints:
        """(n,) `order` by `blind` suspicion."""
        return self.order if BEFORE_REVIEW not in self.evidence else self._worst_first(self.blind[0])

    @cached_property
    def order(self) -> Ints:
        """(n,) all rows, worst first; equal suspicions are ordered by id, so the order is always the same."""
        return self._worst_first(self.decision.suspicion)

    def _worst_first(self, suspicion: Floats) -> Ints:
        order = np.argsort(-suspicion, kind="stable")
        same = np.diff(suspicion[order]) == 0
        tied = np.flatnonzero(np.r_[False, same] | np.r_[same, False])
        rows = order[tied]
        ids = np.argsort(np.array([self.samples.ids[row] for row in rows.tolist()], dtype=np.str_), kind="stable")
        order[tied] = rows[ids][np.argsort(-suspicion[rows[ids]], kind="stable")]
        return order

    @cached_property
    def rank(self) -> Ints:
        """(n,) place of each row in `order`, 1 = worst."""
        rank = np.empty(len(self.samples), dtype=np.int64)
        rank[self.order] = np.arange(1, len(self.samples) + 1)
        return rank

    @cached_property
    def suspects(self) -> Ints:
        """Rows of the flagged samples, worst first."""
        return self.order[self.decision.is_issue[self.order]]

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits for the dataset's content and labels; order and file names do not change it."""
        samples = self.samples
        ends = [f"\0{name}\0" for name in samples.classes]
        place = np.argsort(np.argsort(np.array(samples.classes, dtype=np.str_)))  # of each class by its name
        order = order_rows(samples.numbered, place[samples.labels])
        found = hashlib.blake2b(digest_size=16)
        for text in spell_lines(samples.digests, order, ends, samples.labels[order]):
            found.update(text)
        return found.hexdigest()

    def with_files(self, files: Mapping[str, Path], took: Sequence[Stage] = ()) -> Audit:
        """A copy of the audit that knows its written ``files`` and the stages that writing ``took``."""
        written = copy.copy(self)
        vars(written).update(files=dict(files), stages=(*self.stages, *took))
        return written

    def load_judge(self) -> Judge | None:
        """The judge in memory, or else that of the RUN; None where neither remembers all samples.

        Raises:
            RunError: the file is damaged.
        """
        judge, kept = self.judge, self.files.get(JUDGE)
        if judge is None and kept is not None and kept.is_file():
            from labelaudit.judge.judge import Judge  # most of a second, for RUNs that keep one

            judge = Judge.load(kept)
        return None if judge is None or len(judge.memory) != len(self.samples) else judge

    def identity(self, row: int) -> Identity:
        """The key that makes a finding about ``row`` the same finding next time: (content digest, given label)."""
        return self.samples.claim(row).identity

    def suggested(self, row: int) -> str:
        """Name of the class that the decision puts first for ``row``; the given one where it agrees."""
        return self.samples.classes[int(self.decision.predicted[row])]

    def table(self, which: str = "suspects", as_: str = "records") -> Any:
        """The rows of ``suspects.csv`` or ``samples.csv``, worst first.

        ``label_score`` is 1 - suspicion (0-1, lower = worse), cleanlab's name and meaning; the columns of methods
        and references are suspicions (0-1, higher = worse). A further column of the label table whose name is
        taken is called ``extra_<name>``.

        Args:
            which: ``suspects`` (flagged) or ``samples`` (all).
            as_: ``records`` (a list of dicts), ``pandas`` or ``polars`` (a data frame).

        Raises:
            OptionError: unknown ``which`` or ``as_``, or the data frame library is not installed.
        """
        if which not in _TABLES:
            raise unknown_name("table", which, _TABLES)
        if as_ not in _FORMS:
            raise unknown_name("table form", as_, _FORMS)
        columns = self.columns(self.suspects if which == "suspects" else self.order)
        if as_ == "records":
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        try:
            if as_ == "pandas":
                import pandas as frames
            else:
                import polars as frames
        except ImportError:
            raise OptionError(f"{as_} is not installed: pip install 'labelaudit[{as_}]'") from None
        return frames.DataFrame(columns)

    def columns(self, rows: Ints) -> dict[str, list[Any]]:
        """Name -> values of ``rows``: the columns of `table`, in their order, as plain Python values."""
        return {name: plain_values(column) for name, column in list_columns(self, rows).items()}

    @cached_property
    def shown(self) -> dict[str, dict[str, str]]:
        """Columns of the methods that stand beside every sample: name -> ``worse`` (``high`` or ``low``), ``says``."""
        return {
            name: {"worse": str(about["worse"]), "says": str(about["says"]), "of": key}
            for key, evidence in self.evidence.items()
            for name, about in evidence.tables.get("shown", {}).items()
            if name in evidence.columns
        }

    def shown_values(self, name: str) -> Any:
        """(n,) values of a column of `shown`."""
        return self.evidence[self.shown[name]["of"]].columns[name]

    def confused_pairs(self, top: int | None = None) -> list[dict[str, Any]]:
        """Pairs of classes that are mixed up, most first: ``given_label``, ``true_label``, ``expected``, ``flagged``.

        ``expected`` is the estimated number of samples with that given label whose true class is the other one
        (`Decision.noise_matrix`), ``flagged`` how many suspects carry exactly this suggestion. Pairs with less
        than half a sample expected and nothing flagged are left out.
        """
        classes, given = self.samples.classes, self.samples.labels
        expected = np.array(self.decision.noise_matrix, dtype=np.float64)
        np.fill_diagonal(expected, 0.0)
        flagged = np.zeros(expected.shape, dtype=np.int64)
        np.add.at(flagged, (given[self.suspects], self.decision.predicted[self.suspects]), 1)
        np.fill_diagonal(flagged, 0)
        i, j = np.nonzero((expected >= 0.5) | (flagged > 0))
        best = np.lexsort((j, i, -flagged[i, j], -expected[i, j]))[:top]
        return [
            {
                "given_label": classes[i[p]],
                "true_label": classes[j[p]],
                "expected": float(expected[i[p], j[p]]),
                "flagged": int(flagged[i[p], j[p]]),
            }
            for p in best
        ]

    @cached_property
    def concentrations(self) -> tuple[Concentration, ...]:
        """Values of columns, folders and file names with far more suspects than the others, most telling first."""
        decision = self.decision
        return find_concentrations(self.samples, decision.suspicion, decision.is_issue, decision.predicted)

    def class_table(self) -> list[dict[str, Any]]:
        """One row per class, in the order of the classes.

        ``label``, ``samples``, ``judged`` (False: too few images to judge), ``flagged``; for judged classes also
        ``noise_rate`` (share of samples given this label whose true class is another, in [0, 1]) and
        ``expected_missing`` (samples of this class that carry another label), else None. Both are expectations by
        `Decision.noise_matrix`; `Decision.noise_rate` also counts a part of the ambiguous images.
        """
        samples, decision = self.samples, self.decision
        classes = len(samples.classes)
        judged = np.bincount(samples.labels[decision.judged], minlength=classes) > 0
        flagged = np.bincount(samples.labels[decision.is_issue], minlength=classes)
        right = np.diagonal(decision.noise_matrix)
        given = np.bincount(samples.labels[decision.judged], minlength=classes)
        missing = decision.noise_matrix.sum(axis=0) - right
        return [
            {
                "label": name,
                "samples": int(count),
                "judged": bool(judged[c]),
                "flagged": int(flagged[c]),
                "noise_rate": float(1 - right[c] / given[c]) if judged[c] and given[c] > 0 else None,
                "expected_missing": float(missing[c]) if judged[c] else None,
            }
            for c, (name, count) in enumerate(zip(samples.classes, samples.counts(), strict=True))
        ]

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``: everything about the dataset as a whole, as JSON-able values."""
        decision, classes = self.decision, self.class_table()
        return {
            "schema_version": SCHEMA_VERSION,
            "dataset": {
                "root": self.samples.root,
                "fingerprint": self.fingerprint,
                "samples": len(self.samples),
                "judged": int(decision.judged.sum()),
                "classes": {row["label"]: row["samples"] for row in classes},
            },
            "noise": {"rate": decision.noise_rate, "interval": list(decision.noise_interval), "confidence": 0.9},
            "suspects": {
                "count": len(self.suspects),
                "sure": int(decision.is_sure.sum()),
                "doubtful": int((decision.is_issue & ~decision.is_sure).sum()),
                "label_score_at_most": 1 - decision.threshold,
            },
            "confused_pairs": self.confused_pairs(),
            "concentrations": [one.record() for one in self.concentrations],
            "classes": classes,
            "findings": {
                "counts": dict(sorted(Counter(finding.kind for finding in self.findings).items())),
                "list": [finding_record(finding) for finding in self.findings],
            },
            "methods": list(self.evidence),
            "recipe": dict(decision.recipe),
            "notes": list(self.notes),
            "settings": dict(self.settings),
            "seed": self.seed,
            "device": self.device,
            "versions": dict(self.versions),
            "stages": [asdict(stage) for stage in self.stages],
        }


def finding_record(finding: Finding) -> dict[str, str]:
    """A finding as JSON: ``kind``, ``path``, ``detail`` and, where there is one, ``partner``."""
    record = {"kind": finding.kind, "path": finding.path, "detail": finding.detail}
    return record | ({"partner": finding.partner} if finding.partner else {})


def has_images(audit: Audit) -> bool:
    """Whether the audit was made of images, wherever they are now."""
    held = not (audit.settings.get("features", True) or audit.settings.get("probs", True))  # by a program
    return audit.samples.images is not None or bool(audit.source.get("data")) or held
