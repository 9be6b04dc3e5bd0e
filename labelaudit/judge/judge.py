"""The judge: models and sample memory of an audit, saved to score new images without training.

A `Judge` is arrays only: the scan's closed forms, ridge and prototypes, fitted to *all* its samples; a memory of these
samples (`labelaudit.judge.memory`) for neighbour votes and for showing look-alikes; and a pool of just these models
with even errors at the audit's rate, about as sure as the audit is. A new image is judged as a sample of the audit is
(`labelaudit.judge.consensus`), minus the robust methods, whose networks are not kept.

The file grows with the memory: 10,000 samples of 10 classes take about 4 MB, a million about 330 MB. Pool weights and
transition come from held-out opinions of at most 10,000 samples. Assumed: new labels are made as the old ones
were, so a batch much noisier than the dataset ranks well but its suspicions are too low. Left out: learning from what
is scored; scan again for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.arrays import map_arrays, write_arrays
from labelaudit.blocks import slices, spread_rows
from labelaudit.errors import DataError, RunError
from labelaudit.judge import FILE, noise_model, prototypes, ridge, transition
from labelaudit.judge.linear import HeldOut, Linear, group_shares
from labelaudit.judge.memory import ARRAYS, Memory
from labelaudit.judge.noise_model import NoiseModel
from labelaudit.judge.pool import pool
from labelaudit.judge.probes import Rotation, split_blocks, to_unit_length
from labelaudit.judge.scores import odds_of_wrong
from labelaudit.judge.vectors import Directions, expand
from labelaudit.packed import as_ascii
from labelaudit.types import Decision, Features, Floats, Ints, Samples

VERSION = 3
"""Version of the file; raised when a reader of the old form would misread the new one."""
CLOSED_FORMS: Mapping[str, Callable[..., HeldOut]] = {"ridge": ridge.fit, "prototypes": prototypes.fit}
"""Name -> fit of the models on joint unit vectors (`labelaudit.judge.vectors`), which the scan fits."""
WIDTH = 128
"""Length of the vectors in the memory, shared out among the feature blocks."""

LEAST_ERROR = 0.01
"""Share of new labels that is expected to be wrong at least. An audit of clean labels estimates none; to a judge that
believed it, no label that comes later could be wrong."""
SHARPER = 1.25
"""Factor on the log-odds of the pool, which takes wrong labels for its own failures and is more doubtful than the
audit, where the noise model is heard, too: with it new labels are about as often sure as in a scan (docs/score.md)."""
_SCALARS = ("threshold", "sure_threshold")
_CALIBRATED, _FEWEST = 10_000, 2_000  # samples that pool weights and transition are fitted to at most, and at least
_CHECKED = 1 << 18  # numbers looked at at a time
_COMPARED = 1_000_000_000  # pairs of vectors that are compared at most, for the neighbours' votes


def count_compared(samples: int) -> int:
    """The number of ``samples`` that are each compared with all others, for the neighbours' votes.

    >>> count_compared(500), count_compared(50_000), count_compared(1_000_000)
    (500, 10000, 2000)
    """
    return min(samples, int(np.clip(_COMPARED // samples, _FEWEST, _CALIBRATED)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """A frozen model of an audited dataset; `fit` makes one, ``labelaudit scan`` keeps it as ``RUN/judge.npz``."""

    features: str
    """Name of the features that it understands, such as ``lite0@128``; other ones are refused."""
    version: str
    """`Features.version` of these."""
    classes: tuple[str, ...]
    """(C,) sorted."""
    widths: tuple[int, ...]
    """Widths of the feature blocks; they sum to d."""
    mean: Floats
    """(d,) float32, subtracted first."""
    recall: Floats
    """(d, w / blocks) float32: block by block, the rotation from features to memory."""
    models: Mapping[str, Linear]
    """Linear models on joint unit vectors (d,), by name: `CLOSED_FORMS`."""
    weights: Mapping[str, float]
    """Pool weight of each model, see `NoiseModel.weights`."""
    transition: Floats
    """(C, C) float32, see `NoiseModel.transition`."""
    threshold: float = 0.2
    """Suspicion from which the audit flagged samples, `Decision.threshold`."""
    sure_threshold: float = 1.0
    """Suspicion from which they were sure, `Decision.sure_threshold`."""
    memory: Memory
    """The audited samples."""

    @classmethod
    def fit(
        cls,
        samples: Samples,
        decision: Decision,
        features: Features,
        *,
        rotations: Sequence[Rotation],
        blocks: Sequence[npt.NDArray[np.float32]],
        closed: Mapping[str, HeldOut],
    ) -> Judge:
        """Fit to an audit's ``decision`` about its ``samples``.

        Args:
            samples: n samples of C classes.
            decision: what the audit believes.
            features: (n, d), by which new images will have to be described too.
            rotations: one per block of ``features``, first component first (`find_rotations`).
            blocks: (n, w_b) the features rotated by them.
            closed: name -> model and opinions of `CLOSED_FORMS`, on `reduce_blocks` of these. Pool weights and
                transition are fitted to them and to the neighbour votes.
        """
        models = {name: expand(held.model, rotations) for name, held in closed.items()}
        width = max(1, WIDTH // len(blocks))
        short = _unit_vectors([block[:, :width] for block in blocks])
        judge = cls(
            features=features.name,
            version=features.version,
            classes=samples.classes,
            widths=features.blocks or (features.values.shape[1],),
            mean=np.concatenate([rotation.mean for rotation in rotations]),
            recall=_stack([rotation.axes[:, :width] for rotation in rotations]),
            models=models,
            weights={},
            transition=np.eye(len(samples.classes), dtype=np.float32),
            memory=Memory.of(short, samples, decision, scanned=True),
        )
        rows = spread_rows(len(samples), count_compared(len(samples)))
        opinions: dict[str, Floats] = {name: closed[name].probs[rows] for name in models}
        asked, groups = judge.memory, samples.numbered_groups.code
        if samples.groups != samples.digests:  # members of a group have no vote on each other
            asked = replace(asked, digests=groups.astype(np.bytes_))
        opinions["neighbors"] = asked.vote(short[rows], len(samples.classes), digests=asked.digests[rows])
        inside = decision.probs[rows].sum(axis=1) >= 0.5  # what belongs to no class says nothing about labelling
        given = samples.labels[rows]
        shares = group_shares(groups[rows])
        pooled = pool(opinions, given, counted=inside, shares=shares)
        rate = max(LEAST_ERROR, decision.noise_rate)
        some = None if shares is None else shares[inside]
        weights = {name: SHARPER * weight for name, weight in pooled.weights.items()}
        seen = noise_model.apply_noise_model(weights, judge.transition, opinions, None).probs
        factor = transition.find_factor(odds_of_wrong(seen[inside], given[inside]), rate, some)
        return replace(
            judge,
            weights=weights,
            transition=transition.even_by_odds(factor, len(samples.classes)).astype(np.float32),
            threshold=decision.threshold,
            sure_threshold=decision.sure_from,
        )

    @property
    def counts(self) -> Ints:
        """(C,) audited samples of each given label: what a judgement about the class rests on."""
        return np.bincount(self.memory.labels, minlength=len(self.classes))

    def forget(self, rows: Ints) -> Judge:
        """Without the samples of ``rows``; models, pool weights and transition stay."""
        return replace(self, memory=self.memory.take(np.setdiff1d(np.arange(len(self.memory)), rows)))

    def read(
        self,
        features: Features,
        labels: Ints | None,
        *,
        digests: Sequence[str] | None = None,
        held_out: Mapping[str, Floats] | None = None,
    ) -> NoiseModel:
        """The noise model's reading of m images by their ``features`` (m, d) and given ``labels`` (m,), indices into
        `classes`; without labels the posterior is that of the image alone.

        ``digests`` (m,) leave copies of an image out of the vote about it. `models` know the labels of the images that
        they were fitted to: ``held_out``, name -> (m, C), is what is heard of these in their place, NaN for others.
        Raises `DataError` for features that another backbone, or another version of it, made.
        """
        self._check(features)
        blocks = self._center(features)
        unit = Directions(means=tuple(self._split(self.mean))).apply(features.values)
        opinions: dict[str, Floats] = {name: model.apply(unit) for name, model in self.models.items()}
        for name, probs in (held_out or {}).items():
            opinions[name] = np.where(np.isnan(probs), opinions[name], probs)
        names = None if digests is None else as_ascii(digests)
        opinions["neighbors"] = self.memory.vote(self._remember(blocks), len(self.classes), digests=names)
        return noise_model.apply_noise_model(self.weights, self.transition, opinions, labels)

    def project(self, features: Features) -> npt.NDArray[np.float32]:
        """The ``features`` (m, d) as unit vectors (m, w) comparable to `memory`."""
        self._check(features)
        return self._remember(self._center(features))

    def save(self, path: Path | str) -> None:
        """Write everything to one ``.npz`` without pickle; the same judge gives the same bytes."""
        about = {
            "version": VERSION,
            "features": [self.features, self.version],
            "classes": self.classes,
            "widths": self.widths,
            "models": list(self.models),
            "weights": self.weights,
            **{name: getattr(self, name) for name in _SCALARS},
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "mean": self.mean,
            "recall": self.recall,
            "transition": self.transition,
            **{f"memory_{name}": getattr(self.memory, name) for name in ARRAYS},
        }
        for name, model in self.models.items():
            arrays[f"directions_{name}"], arrays[f"offset_{name}"] = model.directions, model.offset
        write_arrays(Path(path), {"about": np.array(json.dumps(about)), **arrays})

    @classmethod
    def load(cls, path: Path | str) -> Judge:
        """Read what `save` wrote; ``path`` is the file, or the RUN folder that it lies in.

        Whether its bytes are those that were written is what `read_audit` compares.

        Raises:
            RunError: there is none, it is damaged, or a newer labelaudit wrote it.
        """
        file = Path(path) / FILE if Path(path).is_dir() else Path(path)
        if not file.is_file():
            raise RunError(
                f"{file} does not exist: this audit keeps no model of its images; make one with `labelaudit scan`"
            )
        try:
            arrays = dict(map_arrays(file))
            for name, array in arrays.items():
                if array.dtype.kind == "f" and not _only_finite(array):
                    raise ValueError(f"'{name}' is not an array of finite numbers")
            about = json.loads(str(arrays.pop("about")))
            if int(about["version"]) > VERSION:
                raise RunError(
                    f"{file} was written by a newer labelaudit (version {about['version']}, this one reads up to "
                    f"{VERSION}): pip install -U labelaudit"
                )
            if int(about["version"]) < VERSION:
                raise RunError(f"{file} was written by an older labelaudit: run `labelaudit scan` again")
            return cls(
                features=about["features"][0],
                version=about["features"][1],
                classes=tuple(about["classes"]),
                widths=tuple(about["widths"]),
                weights=about["weights"],
                models={
                    name: Linear(directions=arrays[f"directions_{name}"], offset=arrays[f"offset_{name}"])
                    for name in about["models"]
                },
                mean=arrays["mean"],
                recall=arrays["recall"],
                transition=arrays["transition"],
                **{name: float(about[name]) for name in _SCALARS},
                memory=Memory(**{name: arrays[f"memory_{name}"] for name in ARRAYS}),
            )
        except RunError:
            raise
        except Exception as error:  # what a damaged ZIP and its arrays raise is not a closed list
            detail = " ".join(f"{type(error).__name__}: {error}".split())
            raise RunError(f"{file} is damaged ({detail}): run `labelaudit scan` again") from error

    def _check(self, features: Features) -> None:
        if features.name != self.features:
            raise DataError(f"these features are of {features.name}, the audit's of {self.features}: use its backbones")
        if features.version != self.version:
            raise DataError(
                f"another version of {self.features} made these features ({features.version}, the audit has "
                f"{self.version}): run `labelaudit scan` again"
            )
        if features.values.shape[1] != len(self.mean):
            raise DataError(
                f"these features have {features.values.shape[1]} columns, the audit's {len(self.mean)}: give features "
                "of the kind that was scanned"
            )

    def _split(self, rows: Floats) -> list[Floats]:
        """The ``rows`` (d, …) of each feature block."""
        return np.split(rows, np.cumsum(self.widths)[:-1])

    def _center(self, features: Features) -> list[Floats]:
        return [block - mean for block, mean in zip(split_blocks(features), self._split(self.mean), strict=True)]

    def _remember(self, blocks: Sequence[Floats]) -> npt.NDArray[np.float32]:
        short = [block @ part for block, part in zip(blocks, self._split(self.recall), strict=True)]
        return _unit_vectors(short).astype(np.float32)


def _unit_vectors(blocks: Sequence[Floats]) -> npt.NDArray[np.float16]:
    """Leading principal components (n, w_b) of each block, side by side and of unit length, narrow ones filled up."""
    return to_unit_length(np.concatenate(_widen(blocks), axis=1)).astype(np.float16)


def _stack(axes: Sequence[Floats]) -> npt.NDArray[np.float32]:
    """(d, w) of matrices (d_b, w_b), narrow ones filled up."""
    return np.concatenate(_widen(axes)).astype(np.float32)


def _widen(parts: Sequence[Floats]) -> list[Floats]:
    """The ``parts`` (·, w_b) as wide as the widest of them, with zeros on the right."""
    width = max(part.shape[1] for part in parts)
    return [np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts]


def _only_finite(array: npt.NDArray[Any]) -> bool:
    """Whether all numbers are finite; half precision is told by its bits, ten times as fast."""
    if array.dtype == np.float16:
        bits = array.reshape(-1).view(np.uint16)
        return all(bool((bits[part] & 0x7C00 != 0x7C00).all()) for part in slices(bits.size, _CHECKED))
    return bool(np.isfinite(array).all())
