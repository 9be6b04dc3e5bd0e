"""The pool of models of one scan: they are cross-fitted here, and their held-out class probabilities are kept by name.

Ridge and prototypes judge each sample without its group in closed form, a discriminant is cross-fitted, and so are the
methods, which are heard where they predict labels that nobody fitted to better than without them. All are brought to
one answer (`labelaudit.judge.consensus`); images that belong to no class are set apart. Everything is fitted in the
order of the images' digests, so that the order of the files changes nothing.
`labelaudit.scanning.assessment` puts these steps in order. Left out: everything that writes files.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.context.classes import find_left_over
from labelaudit.data.pixels import load_pixels
from labelaudit.judge import noise_model, probes
from labelaudit.judge.consensus import Consensus, agree
from labelaudit.judge.judge import Judge
from labelaudit.judge.learning_curve import Curve
from labelaudit.judge.linear import HeldOut, group_shares, spread_rows
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.noise_model import NoiseModel
from labelaudit.judge.open_set import OpenSet, beats_even_errors, find_open_set
from labelaudit.judge.pool import Gain, measure_gain
from labelaudit.judge.scores import self_confidence
from labelaudit.leading import Leading, Reordered, Table, is_large, take_rows
from labelaudit.machine import Machine
from labelaudit.names import order_rows
from labelaudit.scanning.alone import agree_alone
from labelaudit.scanning.closed_forms import fit_all
from labelaudit.scanning.components import Components
from labelaudit.scanning.effort import FOLDS
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scanning.trainings import (
    REFERENCES,
    TUNED_SIDE,
    head_width,
    list_trainings,
    plan_training,
    plan_tuning,
)
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.training.folds import fold_names
from labelaudit.training.settings import CrossfitSettings
from labelaudit.types import Decision, Evidence, Floats, Ints, Samples

PROBE_SEED = 0
"""Seed of the folds of discriminant and logistic regression: that of the scan changes trained networks only."""
_STRANGERS_ROWS = 20_000  # samples in which images of no class are looked for first where there are many more


@dataclass(kw_only=True)
class ModelPool:
    """The models of one scan: they are cross-fitted here, and their held-out class probabilities are kept by name."""

    samples: Samples
    known: Ints
    """(n,) true class where people have verified it, as in `channel.fit`."""
    settings: ScanSettings
    machine: Machine
    unfinished: Unfinished = field(default_factory=lambda: Unfinished(None))
    """Results that an earlier run left, and where this one leaves its own until it ends."""
    models: dict[str, Table] = field(default_factory=dict)
    """Held-out probabilities (n, C) that the pool draws on, by name."""
    references: dict[str, Table] = field(default_factory=dict)
    """Those that only the noise model draws on: two views that differ tell more than one."""
    trained: dict[str, Table] = field(default_factory=dict)
    """Those of trained networks, which depend on a seed; they join both views where they earn it."""
    x: npt.NDArray[Any] | None = None
    """Training input of the methods: (n, d) principal components, or (n, H, W, c) pixels."""
    _components: Components | None = None
    _closed: Mapping[str, HeldOut] = field(default_factory=dict)
    _curve: Curve | None = None
    _near: tuple[Floats, Ints] | None = None

    def __post_init__(self) -> None:
        self._labels = np.where(self.known >= 0, self.known, self.samples.labels)  # what is trained on
        self._classes = len(self.samples.classes)
        self._groups = self.samples.numbered_groups.code  # (n,) number of each sample's group
        self._order = order_rows(self.samples.numbered, self.samples.labels)

    @cached_property
    def _fold_of(self) -> Ints:
        groups, folds = self.samples.numbered_groups, FOLDS[self.settings.effort]
        return fold_names(groups, self._labels, folds, seed=PROBE_SEED)

    @property
    def large(self) -> bool:
        """Whether there are too many samples and classes for tables of all, and to train networks."""
        return is_large(len(self._labels), self._classes)

    @property
    def reviewed(self) -> int:
        """The number of samples that people have looked at."""
        return int((self.known != noise_model.UNKNOWN).sum())

    def add_probes(self, components: Components) -> None:
        """Fit the closed forms and the learning curve, and take the neighbours outside each sample's group."""
        self.machine.progress("probes", 0, None)
        self._components = components
        how: dict[str, Any] = {"order": self._order, "groups": self._groups, "fold_of": self._fold_of}
        found = fit_all(components, self._labels, self._classes, **how, unfinished=self.unfinished)
        self._closed, self._curve = found.held, found.curve
        self.models |= {name: held.probs for name, held in self._closed.items()}
        self.models["discriminant"] = found.discriminant
        self._near = components.outside(self.samples, probes.NEIGHBORS, self.machine)
        self.x = self._heads()

    def gather(self) -> dict[str, Evidence]:
        """Cross-fit every method asked for, then the reference columns; their probabilities join the models."""
        found: dict[str, Evidence] = {}
        if self.x is not None and self.settings.trained and not self.large:
            trained = self._train_all()
            found |= {name: trained[name] for name in self.settings.trained}
            found["cross_entropy"] = replace(trained["cross_entropy"], method="cross_entropy")
        if self._components is not None and not self.large:
            self.models["logistic"] = self._fit_logistic()
        if self._near is not None:
            votes = probes.neighbor_votes(*self._near, self._labels, self._classes, digests=self.samples.groups)
            self.references["neighbors"] = votes
        known = {**self.models, **self.references}
        heard = {name: known[name] for name in ("logistic", "neighbors", *self._closed, "given") if name in known}
        found |= {name: self._self_confidence(name, probs) for name, probs in heard.items()}
        opinions = {name: e.probs for name, e in found.items() if e.probs is not None and name not in heard}
        self.trained |= opinions
        return found

    def _train_all(self) -> dict[str, Evidence]:
        """Evidence of every method and of the reference, by name; on a cluster they are made at the same time."""
        jobs = list_trainings(self.settings)
        if self.machine.engine == "local":
            found = {key: self._train(fit) for key, fit in jobs.items()}
        else:
            with ThreadPoolExecutor(len(jobs)) as pool:
                found = dict(zip(jobs, pool.map(self._train, jobs.values()), strict=True))
        return found if "cross_entropy" in found else {**found, "cross_entropy": found["ce"]}

    def _fit_logistic(self) -> npt.NDArray[np.float32]:
        """Held-out probabilities (n, C) of logistic regression on the leading components."""
        x, labels, fold_of = probes.narrow(self._blocks()), self._labels, self._fold_of
        order = self._order
        depends_on = {"x": x, "labels": labels, "classes": self._classes, "folds": fold_of, "groups": self._groups}

        def regress() -> dict[str, npt.NDArray[Any]]:
            shares = group_shares(self._groups[order])
            held = probes.logistic(x[order], labels[order], self._classes, fold_of[order], shares=shares)
            return {"probs": _in_place(held, order)}

        return self.unfinished.arrays("logistic", depends_on, regress)["probs"]

    def add_pixels(self, side: int) -> None:
        """Have methods train on the images, as squares of ``side`` pixels."""
        self.x = self._squares(side)

    def fine_tune(self) -> Evidence:
        """Cross-fit the backbone end to end on the images; what it says joins the models.

        Its first layers adapt to the dataset, which frozen features cannot. Takes a GPU: measured on two cores at a
        lower resolution, ten minutes of it brought nothing (docs/log.md).
        """
        found = self._crossfit(plan_tuning(self.settings), self._squares(TUNED_SIDE))
        assert found.probs is not None
        self.trained["fine_tuned"] = found.probs
        return replace(found, method="fine_tuned")

    def _squares(self, side: int) -> npt.NDArray[np.uint8]:
        assert self.samples.images is not None
        return load_pixels(self.samples.images, side, workers=self.machine.workers, progress=self.machine.progress)[0]

    def _train(self, fit: CrossfitSettings) -> Evidence:
        assert self.x is not None
        return self._crossfit(plan_training(fit, len(self.x), self.settings, pixels=self.x.ndim == 4), self.x)

    def _crossfit(self, fit: CrossfitSettings, x: npt.NDArray[Any]) -> Evidence:
        """Cross-fit on ``x`` (n, …) in the order of the digests: that of the source changes nothing."""
        from labelaudit.training.crossfit import crossfit

        order = self._order
        how: dict[str, Any] = {
            **{"x": x[order], "labels": self._labels[order], "classes": self._classes},
            "digests": [self.samples.groups[row] for row in order.tolist()],
            "device": self.machine.device,
        }

        def make() -> Evidence:
            if self.machine.engine == "local":
                return crossfit(fit, progress=self.machine.progress, **how)
            from labelaudit.features import cluster

            cluster.connect(self.machine.address)
            made: Evidence = cluster.call(crossfit, {"settings": fit, **how})
            return made

        found = self.unfinished.evidence(fit.method, {**asdict(fit), **how}, make)
        return replace(
            found,
            suspicion=_in_place(found.suspicion, order),
            probs=None if found.probs is None else take_rows(found.probs, np.argsort(order)),
            losses=None if found.losses is None else _in_place(found.losses.T, order).T,
            margins=None if found.margins is None else _in_place(found.margins.T, order).T,
            columns={name: _in_place(column, order) for name, column in found.columns.items()},
        )

    def _self_confidence(self, name: str, probabilities: Table) -> Evidence:
        suspicion = self_confidence(self._labels, probabilities)
        kept = None if self.large or isinstance(probabilities, Leading) else probabilities
        return Evidence(method=name, suspicion=suspicion, probs=kept)

    def settle(self) -> tuple[Consensus, float | None, Floats | None]:
        """The one answer of all models; of images of no class the gain by them, and (n,) how likely each is one."""
        self.machine.progress("decide", 0, None)
        if self._components is None and not self.trained:
            return agree_alone(self.models["given"], self.samples, self.known), None, None
        order = self._order
        given, known, fold_of = self.samples.labels[order], self.known[order], self._fold_of[order]
        models, heard, gain = self._choose_models(given, known, fold_of)
        groups = self._groups[order]
        fitted = fit_noise_model(heard, given, known=known, groups=groups)
        strangers = self._find_strangers(fitted, given, fold_of)
        seen = known
        if strangers is not None:
            none = strangers.posterior(fitted, given, known)
            seen = np.where((known == noise_model.UNKNOWN) & (none >= 0.5), noise_model.NO_CLASS, known)
            fitted = fit_noise_model(heard, given, known=seen, groups=groups, start=fitted)
        how: dict[str, Any] = {"strangers": strangers, "curve": self._curve, "groups": groups}
        consensus = agree(models, fitted, given, known=known, **how)
        answer = replace(consensus.placed(order), gain=gain)
        if strangers is None:
            return answer, None, None
        return answer, strangers.gain, _in_place(strangers.posterior(fitted, given, known), order)

    def _find_strangers(self, fitted: NoiseModel, given: Ints, fold_of: Ints) -> OpenSet | None:
        """Images of no class, in `_order`; of many samples and classes they are looked for in some before all.

        Where there is a class for whatever is left over, what belongs to no other class belongs to that one.
        """
        from labelaudit.features.neighbors import nearest

        if self._near is None or find_left_over(self.samples.classes):
            return None
        order = self._order
        groups = np.asarray(self.samples.groups)[order]
        if self.large:
            rows = spread_rows(len(order), _STRANGERS_ROWS)
            x = self._units(order[rows])
            part = replace(fitted, probs=fitted.probs[rows], posterior=fitted.posterior[rows])
            near = nearest(x, k=probes.NEIGHBORS, device=self.machine.device)
            some = groups[rows].tolist()
            found = find_open_set(part, given[rows], x=x, near=near, fold_of=fold_of[rows], digests=some)
            if found is None or not beats_even_errors(found, part, given[rows]):
                return None
        near = self._near[0][order], np.argsort(order)[self._near[1][order]]
        x = self._units(order)
        return find_open_set(fitted, given, x=x, near=near, fold_of=fold_of, digests=groups.tolist())

    def _choose_models(
        self, given: Ints, known: Ints, fold_of: Ints
    ) -> tuple[dict[str, Table], dict[str, Table], Gain | None]:
        """The models of the pool, those that the noise model hears, and the gain by trained ones; in `_order`."""
        order = self._order
        models = {name: self._in_order(probs) for name, probs in self.models.items()}
        references = {name: take_rows(probs, order) for name, probs in self.references.items()}
        trained: dict[str, Table] = {name: take_rows(probs, order) for name, probs in self.trained.items()}
        robust = {name: probs for name, probs in trained.items() if name not in REFERENCES}
        if not models:
            models = robust or references or trained
            return models, {**models, **references, **trained}, None
        gain = None
        if trained:
            inside = known != noise_model.NO_CLASS
            some = {name: take_rows(probs, np.flatnonzero(inside)) for name, probs in models.items()}
            more = {name: take_rows(probs, np.flatnonzero(inside)) for name, probs in (robust or trained).items()}
            labels = np.where(known >= 0, known, given)[inside]
            gain = measure_gain(some, more, labels, fold_of[inside], groups=self._groups[order][inside])
            if gain.earned:
                return {**models, **robust}, {**models, **references, **trained}, gain
        return models, {**models, **references}, gain

    def _in_order(self, probs: Table) -> Any:
        """The rows of ``probs`` (n, C) in `_order`, without a copy of a large array."""
        if self.large and isinstance(probs, np.ndarray) and not self.trained:
            return Reordered(self._order, probs)
        return take_rows(probs, self._order)

    @property
    def nearest(self) -> Ints | None:
        """(n,) row of the sample most like each, outside its group; None where there are no features.

        Of an image with more copies than neighbours it is a copy after all.
        """
        if self._near is None:
            return None
        rows = self._near[1]
        outside = self._groups[rows] != self._groups[:, None]
        return np.asarray(rows[np.arange(len(rows)), outside.argmax(axis=1)])

    def _blocks(self) -> tuple[npt.NDArray[np.float32], ...]:
        """The features of each backbone in principal components; none without features."""
        return () if self._components is None else self._components.blocks

    def _heads(self) -> npt.NDArray[np.float32]:
        """(n, d) the leading principal components of all feature blocks side by side."""
        blocks = [block[:, : head_width(len(self._blocks()))] for block in self._blocks()]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, 1)

    def _units(self, rows: Ints) -> npt.NDArray[np.float32]:
        """(m, d) the leading components of each feature block, of unit length for each of the ``rows``."""
        return probes.narrow_units([block[:, : probes.LEADING][rows] for block in self._blocks()])

    def keep_judge(self, decision: Decision, components: Components) -> Judge:
        """The judge for new images: the closed forms, and the samples as the decision sees them."""
        return Judge.fit(
            self.samples,
            decision,
            components.features,
            rotations=components.rotations,
            blocks=components.blocks,
            closed=self._closed,
        )


def _in_place(sorted_rows: npt.NDArray[Any], order: Ints) -> npt.NDArray[Any]:
    """Rows that belong to the samples ``order`` (n,), each put where its sample is."""
    placed = np.empty_like(sorted_rows)
    placed[order] = sorted_rows
    return placed
