"""The few types that rooms hand to each other: frozen, their arrays read-only and checked where they are made.

Dimension legend, used in every shape comment of the project:

    n samples · B batch · C classes · d features · E epochs · K networks · k neighbours
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from labelaudit.errors import DataError
from labelaudit.images import Images, Subset
from labelaudit.leading import Leading, Table, is_finite, take_rows
from labelaudit.names import Numbered, number_names
from labelaudit.packed import Packed, take_texts

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Tier = Literal["sure", "doubtful"]
"""A choice among flagged samples: those that are surely mislabeled alone, or the doubtful ones too."""
TIERS = ("", "doubtful", "sure")
"""Names of `Decision.tiers`; that of samples which are not flagged is empty."""
Identity = tuple[str, str]
"""Content digest and given label of a sample: a finding about them is the same one in the next scan."""


class Progress(Protocol):
    """A callback that a long stage reports to: ``done`` of ``total`` items (``None``: not known yet)."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


def no_progress(stage: str, done: int, total: int | None) -> None:
    """The default `Progress`: the library prints nothing."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about one sample that is not a model's suspicion: a file, a row or a duplicate."""

    kind: str
    """One of `labelaudit.kinds.KINDS`, but for ``suspect``."""
    path: str
    """Id of the sample, relative to the data root, with ``/``."""
    detail: str
    """One sentence for a person."""
    partner: str = ""
    """The other sample of a pair, where there is one."""


class Claim(NamedTuple):
    """The thing that is judged: a sample, by id and content, and one label that it carries (today its only one)."""

    path: str
    digest: str
    label: str

    @property
    def identity(self) -> Identity:
        """The key that makes a finding about it the same finding next time."""
        return self.digest, self.label


@dataclass(frozen=True, kw_only=True)
class Samples:
    """A dataset that can be audited: who, which label, where the bytes are.

    Texts of many samples may be `Packed`, which equal a tuple of them.
    """

    ids: Sequence[str]
    """(n,) unique; path relative to the data root with ``/``, or a row name."""
    labels: Ints
    """(n,) int64, index into `classes`."""
    classes: tuple[str, ...]
    """(C,) class names, sorted."""
    digests: Sequence[str]
    """(n,) content digest, 32 hexadecimal digits; equal digests are equal content."""
    images: Images | None = None
    """Aligned with `ids`; ``None`` when only features or probabilities were given."""
    splits: Sequence[str] | None = None
    """(n,) name of the split level (``train`` …), where the dataset has one."""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Further columns of the label table, carried through to the output."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Class name -> the number or id that the data have in its place; empty where they have the names."""
    root: str = ""
    """The data root as the person named it."""
    groups: Sequence[str] = ()
    """(n,) equal names are samples that must not vouch for each other (`labelaudit.context.groups`): copies,
    near-copies, what a person named. The digest where a sample stands alone; the `digests` unless given."""

    def __post_init__(self) -> None:
        n = len(self.ids)
        if not self.groups:
            object.__setattr__(self, "groups", self.digests)
        labels = np.asarray(self.labels)
        if labels.shape != (n,) or len(self.digests) != n:
            raise DataError(f"{n} ids, but labels of shape {labels.shape} and {len(self.digests)} digests")
        for name, rows in (("groups", self.groups), ("images", self.images), ("splits", self.splits)):
            if rows is not None and len(rows) != n:
                raise DataError(f"{n} ids, but {len(rows)} {name}")
        if not isinstance(self.ids, Packed) and len(set(self.ids)) != n:  # these were checked before, or are counted
            raise DataError("sample ids are not unique")
        if n and (labels.min() < 0 or labels.max() >= len(self.classes)):
            raise DataError(f"labels must index the {len(self.classes)} classes")
        for name, column in self.extra.items():
            if len(column) != n:
                raise DataError(f"extra column '{name}' has {len(column)} values for {n} samples")
        _freeze(self, "labels", labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def numbered(self) -> Numbered:
        """`digests` as numbers."""
        return number_names(self.digests)

    @cached_property
    def numbered_groups(self) -> Numbered:
        """`groups` as numbers; where all differ, each sample stands alone."""
        return self.numbered if self.groups is self.digests else number_names(self.groups)

    def claim(self, row: int) -> Claim:
        """The claim of ``row``: all that a caller needs to name it, and to know it again."""
        return Claim(self.ids[row], self.digests[row], self.classes[int(self.labels[row])])

    def given(self) -> list[str]:
        """(n,) class name of each label."""
        return [self.classes[label] for label in self.labels.tolist()]

    def written(self) -> list[str]:
        """(n,) each label as the data have it: the number of its class where a file beside them names the numbers."""
        return [self.codes.get(name, name) for name in self.given()]

    def counts(self) -> Ints:
        """(C,) samples per class."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def take(self, rows: Ints | Bools) -> Samples:
        """The samples of ``rows`` (indices or mask), classes kept."""
        pick = np.arange(len(self))[rows].tolist()
        return Samples(
            ids=take_texts(self.ids, pick),
            labels=self.labels[rows],
            classes=self.classes,
            digests=take_texts(self.digests, pick),
            images=None if self.images is None else Subset(self.images, pick),
            splits=None if self.splits is None else take_texts(self.splits, pick),
            extra={name: take_texts(column, pick) for name, column in self.extra.items()},
            codes=self.codes,
            root=self.root,
            groups=take_texts(self.groups, pick),
        )


@dataclass(frozen=True, kw_only=True)
class Features:
    """One vector per sample, from a backbone or brought by the person."""

    values: Floats
    """(n, d) float32, possibly a read-only memory map; every value finite."""
    name: str
    """Name of the backbones that made them, such as ``lite0@128+lite2@260``, or ``given``."""
    blocks: tuple[int, ...] = ()
    """Widths of the concatenated parts, in order; they sum to d."""
    version: str = ""
    """Version of the weights and preprocessing, 8 hexadecimal digits; empty if the features were given."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise DataError(f"features must be (n, d) float32, not {self.values.shape} {self.values.dtype}")
        if self.blocks and sum(self.blocks) != self.values.shape[1]:
            raise DataError(f"feature blocks {self.blocks} do not sum to d={self.values.shape[1]}")
        _freeze(self, "values", self.values)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Traces of one method's training for each sample. Arrays only; saved as ``.npz`` without pickle."""

    method: str
    """Name of the method or reference that yields it."""
    suspicion: Floats
    """(n,) float64 in [0, 1], 1 = surely mislabeled. Ranks matter, magnitudes need not be probabilities."""
    probs: Table | None = None
    """(n, C) float32, rows sum to 1: class probabilities from a model that did *not* train on the sample."""
    losses: Floats | None = None
    """(E, n) float32, cross-entropy of the given label per epoch, held out."""
    margins: Floats | None = None
    """(E, n) float32, logit of the given label minus the largest other, per epoch, held out."""
    columns: Mapping[str, Floats | Ints] = field(default_factory=dict)
    """Method-specific (n,) arrays, each named as the paper does (``centrality``, ``medoid``, ``omega`` …)."""
    tables: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able summaries: the loss-bin dissection, health figures such as ``fit``, the settings used."""

    def __post_init__(self) -> None:
        n = len(self.suspicion)
        checked = np.asarray(self.suspicion, dtype=np.float64)
        if checked.ndim != 1 or not np.isfinite(checked).all() or (n and (checked.min() < 0 or checked.max() > 1)):
            raise DataError(f"suspicion of '{self.method}' must be (n,), finite and within [0, 1]")
        _freeze(self, "suspicion", checked)
        for name in ("probs", "losses", "margins"):
            array = getattr(self, name)
            if array is None:
                continue
            axis = 0 if name == "probs" else 1
            if array.ndim != 2 or array.shape[axis] != n or not is_finite(array):
                raise DataError(f"{name} of '{self.method}' must be 2-D, finite and cover {n} samples: {array.shape}")
            if not isinstance(array, Leading):
                _freeze(self, name, array)
        for name, column in self.columns.items():
            if column.shape != (n,):
                raise DataError(f"column '{name}' of '{self.method}' has shape {column.shape}, not ({n},)")
            column.setflags(write=False)

    def take(self, rows: Ints) -> Evidence:
        """The evidence about some ``rows`` (m,)."""
        return replace(
            self,
            suspicion=self.suspicion[rows],
            probs=None if self.probs is None else take_rows(self.probs, rows),
            losses=None if self.losses is None else np.take(self.losses, rows, axis=1),
            margins=None if self.margins is None else np.take(self.margins, rows, axis=1),
            columns={name: column[rows] for name, column in self.columns.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One verdict per sample, and what the dataset as a whole looks like."""

    suspicion: Floats
    """(n,) float64 in [0, 1], 1 = surely mislabeled: the one ranking from all evidence."""
    is_issue: Bools
    """(n,) flagged by the default threshold."""
    judged: Bools
    """(n,) False where the class has too few images to judge, or the image nothing to see; these are never flagged."""
    probs: Table
    """(n, C) float32: combined out-of-sample class probabilities; of many samples and classes the leading ones."""
    predicted: Ints
    """(n,) int64: suggested class, the most probable one."""
    threshold: float
    """Suspicion from which a sample is flagged."""
    sure_threshold: float | None = None
    """Suspicion from which a flagged sample is surely mislabeled, the others are doubtful; None: no tiers."""
    noise_rate: float
    """Estimated share of wrong labels among the judged samples, in [0, 1]."""
    noise_interval: tuple[float, float]
    """90 % interval of `noise_rate`."""
    noise_matrix: Floats
    """(C, C) float64: expected number of samples given class i whose true class is j."""
    reasons: Sequence[str]
    """(n,) why a sample is flagged, or why it was not judged; empty for the others."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: what was combined, with which weights, why; how the threshold was found."""

    @property
    def sure_from(self) -> float:
        """`sure_threshold`, or the `threshold` where there are no tiers: then all that is flagged counts as sure."""
        return self.threshold if self.sure_threshold is None else self.sure_threshold

    @cached_property
    def is_sure(self) -> Bools:
        """(n,) flagged, and surely mislabeled; what is flagged and not sure is doubtful."""
        return np.asarray(self.is_issue & (self.suspicion >= self.sure_from))

    @cached_property
    def tiers(self) -> Ints:
        """(n,) places in `TIERS`: which a sample is in, if it is flagged."""
        return self.is_issue.astype(np.int64) + self.is_sure

    def __post_init__(self) -> None:
        n = len(self.suspicion)
        for name in ("suspicion", "is_issue", "judged", "probs", "predicted", "noise_matrix"):
            if len(array := getattr(self, name)) != n and name != "noise_matrix":
                raise DataError(f"decision: {name} has {len(array)} rows, not {n}")
            if not isinstance(array, Leading):
                _freeze(self, name, np.asarray(array))
        if len(self.reasons) != n:
            raise DataError(f"decision: {len(self.reasons)} reasons for {n} samples")
        self._check_values()

    def _check_values(self) -> None:
        """Numbers that compare with nothing would pass every limit of a gate."""
        suspicion, probs = np.asarray(self.suspicion), self.probs
        if suspicion.ndim != 1 or not ((suspicion >= 0) & (suspicion <= 1)).all():
            raise DataError("decision: suspicion must be (n,), finite and within [0, 1]")
        if probs.ndim != 2 or not is_finite(probs):
            raise DataError(f"decision: probs must be (n, C) and finite, not {probs.shape}")
        predicted = np.asarray(self.predicted)
        if predicted.dtype.kind not in "iu" or not ((predicted >= 0) & (predicted < probs.shape[1])).all():
            raise DataError(f"decision: predicted must index the {probs.shape[1]} classes")
        if np.asarray(self.is_issue).dtype != np.bool_ or np.asarray(self.judged).dtype != np.bool_:
            raise DataError("decision: is_issue and judged must be (n,) of booleans")
        if not math.isfinite(self.threshold) or not math.isfinite(self.sure_from):
            raise DataError("decision: the threshold must be a number")


def _freeze(owner: object, name: str, array: npt.NDArray[Any]) -> None:
    """Store a read-only view of ``array`` on a frozen dataclass; the caller's own array stays writable."""
    view = array.view()
    view.setflags(write=False)
    object.__setattr__(owner, name, view)
