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

from labelaudit.blocks import spread_rows
from labelaudit.context.classes import find_left_over
from labelaudit.data.pixels import load_pixels
from labelaudit.judge import noise_model, probes
from labelaudit.judge.consensus import Consensus, agree
from labelaudit.judge.judge import Judge
from labelaudit.judge.learning_curve import Curve
from labelaudit.judge.linear import HeldOut
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.noise_model import NoiseModel
from labelaudit.judge.open_set import OpenSet, beats_even_errors, find_open_set
from labelaudit.judge.pool import Gain, measure_gain
from labelaudit.judge.reading import SEEN
from labelaudit.judge.refutation import is_refuted
from labelaudit.judge.scores import self_confidence
from labelaudit.leading import Leading, Reordered, Table, is_large, take_rows
from labelaudit.machine import Machine
from labelaudit.names import Numbered, number_by_place, order_rows
from labelaudit.packed import take_texts
from labelaudit.scanning.alone import agree_alone, keep_leading
from labelaudit.scanning.closed_forms import fit_all
from labelaudit.scanning.components import Components
from labelaudit.scanning.effort import FOLDS
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scanning.trainings import REFERENCES, head_width, list_trainings, plan_training
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.training.folds import fold_names
from labelaudit.training.settings import CrossfitSettings
from labelaudit.types import Decision, Evidence, Floats, Ints, Samples

PROBE_SEED = 0
"""Seed of the folds of the discriminant: that of the scan changes trained networks only."""
_STRANGERS_ROWS = 20_000  # samples in which images of no class are looked for first where there are many more


@dataclass(kw_only=True)
class ModelPool:
    """The models of one scan. Inside, rows stand in the order of the images' digests; what is handed out stands in that
    of ``samples``."""

    samples: Samples
    known: Ints
    """(n,) true class where people have verified it, as in `fit_noise_model`; in the order of ``samples``."""
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
    _given: Table | None = None
    _pixels: npt.NDArray[np.uint8] | None = None
    _components: Components | None = None
    _closed: Mapping[str, HeldOut] = field(default_factory=dict)
    _curve: Curve | None = None
    _near: tuple[Floats, Ints] | None = None

    def __post_init__(self) -> None:
        samples = self.samples
        self._order = order_rows(samples.numbered, samples.labels)  # (n,) row of ``samples`` in each place here
        self._place = np.empty_like(self._order)  # (n,) place here of each row of ``samples``
        self._place[self._order] = np.arange(len(self._order))
        self._labels, self._known = samples.labels[self._order], self.known[self._order]
        self._targets = np.where(self._known >= 0, self._known, self._labels)  # what is trained on
        self._classes = len(samples.classes)

    @cached_property
    def _numbered(self) -> Numbered:
        """The groups as numbers, whatever their names."""
        return number_by_place(self.samples.numbered_groups.code[self._order])

    @property
    def _groups(self) -> Ints:
        """(n,) number of each sample's group."""
        return self._numbered.code

    @cached_property
    def _fold_of(self) -> Ints:
        return fold_names(self._numbered, self._targets, FOLDS[self.settings.effort], seed=PROBE_SEED)

    @cached_property
    def _group_names(self) -> tuple[str, ...]:
        return take_texts(self.samples.digests, self._order[self._numbered.first[self._groups]].tolist())

    @property
    def large(self) -> bool:
        """Whether there are too many samples and classes for tables of all, and to train networks."""
        return is_large(len(self._labels), self._classes)

    @property
    def trainable(self) -> bool:
        """Whether there is anything to train a network on."""
        return self._pixels is not None or self._components is not None

    @property
    def reviewed(self) -> int:
        """The number of samples that people have looked at."""
        return int((self.known != noise_model.UNKNOWN).sum())

    def add_probes(self, components: Components) -> None:
        """Fit the closed forms and the learning curve, and take the neighbours outside each sample's group."""
        self.machine.progress("probes", 0, None)
        self._components = components
        held_out = {"groups": self._groups, "fold_of": self._fold_of}
        found = fit_all(components, self._targets, self._classes, self.unfinished, **held_out)
        self._closed, self._curve = found.held, found.curve
        self.models |= {name: held.probs for name, held in self._closed.items()}
        self.models["discriminant"] = found.discriminant
        similarities, rows = components.outside(self.samples, probes.NEIGHBORS, self.machine)
        self._near = similarities[self._order], self._place[rows[self._order]]

    def add_given(self, probs: npt.NDArray[np.float32]) -> None:
        """Take probabilities (n, C) that were brought along, in the order of ``samples``, for one of the models."""
        self._given = probs if self._components is not None else keep_leading(probs, self.samples.labels)
        if self.trainable:
            self.models["given"] = self._in_order(self._given)

    def _in_order(self, probs: Table) -> Any:
        """The rows of ``probs`` (n, C) in the order of the digests, without a copy of a large array."""
        if self.large and isinstance(probs, np.ndarray):
            return Reordered(self._order, probs)
        return take_rows(probs, self._order)

    def add_pixels(self, side: int) -> None:
        """Have methods train on the images, as squares of ``side`` pixels."""
        assert self.samples.images is not None
        images, machine = self.samples.images, self.machine
        self._pixels = load_pixels(images, side, workers=machine.workers, progress=machine.progress)[0][self._order]

    def gather(self) -> dict[str, Evidence]:
        """Cross-fit every method asked for, then the reference columns; their probabilities join the models."""
        found: dict[str, Evidence] = {}
        if self.trainable and self.settings.trained and not self.large:
            trained = self._train_all()
            found |= {name: trained[name] for name in self.settings.trained}
            found["cross_entropy"] = replace(trained["cross_entropy"], method="cross_entropy")
            self.trained |= {name: one.probs for name, one in found.items() if one.probs is not None}
        if self._near is not None:
            votes = probes.neighbor_votes(*self._near, self._targets, self._classes, digests=self._group_names)
            self.references["neighbors"] = votes
        known = {**self.models, **self.references}
        for name in ("neighbors", *self._closed):
            if name in known:
                found[name] = self._say(name, known[name], self._targets)
        found = {name: one.take(self._place) for name, one in found.items()}
        if self._given is not None:
            found["given"] = self._say("given", self._given, self._targets[self._place])
        return found

    def _say(self, name: str, probabilities: Table, labels: Ints) -> Evidence:
        """The evidence of the model ``name`` about the ``labels`` (n,)."""
        suspicion = self_confidence(labels, probabilities)
        kept = None if self.large or isinstance(probabilities, Leading) else probabilities
        return Evidence(method=name, suspicion=suspicion, probs=kept)

    def _train_all(self) -> dict[str, Evidence]:
        """Evidence of every method and of the reference, by name; on a cluster they are made at the same time."""
        jobs = list_trainings(self.settings)
        if self.machine.engine == "local":
            found = {key: self._train(fit) for key, fit in jobs.items()}
        else:
            with ThreadPoolExecutor(len(jobs)) as pool:
                found = dict(zip(jobs, pool.map(self._train, jobs.values()), strict=True))
        return found if "cross_entropy" in found else {**found, "cross_entropy": found["ce"]}

    @cached_property
    def _inputs(self) -> npt.NDArray[Any]:
        """Training input of the methods: (n, H, W, c) pixels, or (n, d) leading principal components of all blocks."""
        if self._pixels is not None:
            return self._pixels
        blocks = self._blocks()
        return np.concatenate([block[:, : head_width(len(blocks))][self._order] for block in blocks], axis=1)

    def _train(self, fit: CrossfitSettings) -> Evidence:
        """Cross-fit one of `list_trainings`."""
        from labelaudit.training.crossfit import crossfit

        plan = plan_training(fit, len(self._labels), self.settings, pixels=self._pixels is not None)
        how: dict[str, Any] = {"x": self._inputs, "labels": self._targets, "classes": self._classes}
        how |= {"digests": self._group_names, "device": self.machine.device}

        def make() -> Evidence:
            if self.machine.engine == "local":
                return crossfit(plan, progress=self.machine.progress, **how)
            from labelaudit.features import cluster

            cluster.connect(self.machine.address)
            made: Evidence = cluster.call(crossfit, {"settings": plan, **how})
            return made

        return self.unfinished.evidence(plan.method, {**asdict(plan), **how}, make)

    def settle(self) -> Consensus:
        """The one answer of all models."""
        self.machine.progress("decide", 0, None)
        if self._components is None and not self.trained:
            assert self._given is not None
            return agree_alone(self._given, self.samples, self.known)
        labels, known, groups = self._labels, self._known, self._groups
        models, heard, gain = self._choose_models()
        fitted = fit_noise_model(heard, labels, known=known, groups=groups)
        strangers = self._find_strangers(fitted)
        if strangers is not None:
            none = strangers.posterior(fitted, labels)
            seen = np.where((known == noise_model.UNKNOWN) & (none >= 0.5), noise_model.NO_CLASS, known)
            fitted = fit_noise_model(heard, labels, known=seen, groups=groups, start=fitted)
        consensus = agree(models, fitted, labels, known=known, strangers=strangers, curve=self._curve, groups=groups)
        doubtful = consensus.reading.agreed < SEEN and not self.large
        if doubtful and is_refuted(models, labels, groups=groups):
            consensus = replace(consensus, reading=replace(consensus.reading, sure=float(consensus.none.mean())))
        return replace(consensus.take(self._place), gain=gain)

    def _choose_models(self) -> tuple[dict[str, Table], dict[str, Table], Gain | None]:
        """The models of the pool, those that the noise model hears, and the gain by trained ones."""
        models, references, trained = self.models, self.references, self.trained
        robust = {name: probs for name, probs in trained.items() if name not in REFERENCES}
        if not models:
            models = robust or references or trained
            return models, {**models, **references, **trained}, None
        if not trained:
            return models, {**models, **references}, None
        inside = np.flatnonzero(self._known != noise_model.NO_CLASS)
        few, more = (
            {name: take_rows(probs, inside) for name, probs in some.items()} for some in (models, robust or trained)
        )
        gain = measure_gain(few, more, self._targets[inside], self._fold_of[inside], groups=self._groups[inside])
        if gain.earned:
            return {**models, **robust}, {**models, **references, **trained}, gain
        return models, {**models, **references}, gain

    def _find_strangers(self, fitted: NoiseModel) -> OpenSet | None:
        """Images of no class; of many samples and classes they are looked for in some before all.

        Where there is a class for whatever is left over, what belongs to no other class belongs to that one.
        """
        from labelaudit.features.neighbors import nearest

        if self._near is None or find_left_over(self.samples.classes):
            return None
        labels, fold_of, names = self._labels, self._fold_of, self._group_names
        if self.large:
            rows = spread_rows(len(labels), _STRANGERS_ROWS)
            x = self._units(self._order[rows])
            part = fitted.take(rows)
            near = nearest(x, k=probes.NEIGHBORS, device=self.machine.device)
            some = [names[row] for row in rows.tolist()]
            found = find_open_set(part, labels[rows], x=x, near=near, fold_of=fold_of[rows], digests=some)
            if found is None or not beats_even_errors(found, part, labels[rows]):
                return None
        x = self._units(self._order)
        return find_open_set(fitted, labels, x=x, near=self._near, fold_of=fold_of, digests=names)

    @property
    def nearest(self) -> Ints | None:
        """(n,) row of the sample most like each, outside its group; None where there are no features.

        Of an image with more copies than neighbours it is a copy after all.
        """
        if self._near is None:
            return None
        rows = self._near[1]
        outside = self._groups[rows] != self._groups[:, None]
        found = rows[np.arange(len(rows)), outside.argmax(axis=1)]
        return np.asarray(self._order[found[self._place]])

    def _blocks(self) -> tuple[npt.NDArray[np.float32], ...]:
        """The features of each backbone in principal components; none without features."""
        return () if self._components is None else self._components.blocks

    def _units(self, rows: Ints) -> npt.NDArray[np.float32]:
        """(m, d) the leading components of each feature block, of unit length for each of the ``rows``."""
        blocks = self._blocks()
        width = probes.narrow_width(len(self._numbered.first), len(blocks))
        return probes.join_units([block[:, :width][rows] for block in blocks])

    def keep_judge(self, decision: Decision) -> Judge | None:
        """The judge for new images: the closed forms, and the samples as decided; None without features."""
        if (components := self._components) is None:
            return None
        closed = {name: replace(held, probs=take_rows(held.probs, self._place)) for name, held in self._closed.items()}
        return Judge.fit(
            self.samples,
            decision,
            components.features,
            rotations=components.rotations,
            blocks=components.blocks,
            closed=closed,
        )
