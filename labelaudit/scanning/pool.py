"""The pool of models of one scan: they are cross-fitted here, and their held-out class probabilities are kept by name.

Probes and methods are cross-fitted, the noise channel combines them, the probes are refitted on what the channel
believes, and images that belong to no class are set apart. `labelaudit.scanning.assessment` puts these steps in order.
Left out: everything that writes files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.data.pixels import load_pixels
from labelaudit.judge import noise_model, probes
from labelaudit.judge.judge import Judge
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.open_set import Strangers, find_strangers
from labelaudit.machine import Machine
from labelaudit.scanning.effort import FOLDS
from labelaudit.scanning.settings import Around, ScanSettings
from labelaudit.training.folds import stratified_folds
from labelaudit.types import Decision, Evidence, Features, Floats, Ints, Samples

HEAD_WIDTH = 768
"""Principal components that heads are trained on, all blocks together."""
PIXEL_FOLDS = 3
"""Networks from pixels cost a hundred times what heads on features do; two thirds of the data still train well."""
PIXEL_SAMPLES = 60_000
"""Images that a network from pixels sees in training, repeats counted: larger datasets get fewer epochs, at least 5."""
TUNED, TUNED_SIDE = "lite0", 160
"""The embedded backbone that is fine-tuned on a GPU, and the side in pixels of what it is shown there."""
TUNING: Mapping[str, Any] = {
    "method": "sln",
    "network": TUNED,
    "options": {"epochs": 8, "batch": 64, "lr": 5e-4, "schedule": "cosine"},
    "folds": PIXEL_FOLDS,
    "augment": "shift",
}
"""Settings of fine-tuning, as arguments of `training.crossfit` and `training.forecast`."""
_REFITS = 3
_GAIN = 4e-4  # share of what the models know about the labels, in nats, that a refit must add to be kept


@dataclass(kw_only=True)
class Material:
    """The models of one scan: they are cross-fitted here, and their held-out class probabilities are kept by name."""

    samples: Samples
    known: Ints
    """(n,) true class where people have verified it, as in `channel.fit`."""
    settings: ScanSettings
    machine: Machine
    models: dict[str, Floats] = field(default_factory=dict)
    """Held-out probabilities (n, C) that the pool draws on, by name; the probes' are refitted, the others stay."""
    x: npt.NDArray[Any] | None = None
    """Training input of the methods: (n, d) principal components, or (n, H, W, c) pixels."""
    _rotations: tuple[probes.Rotation, ...] = ()
    _blocks: tuple[npt.NDArray[np.float32], ...] = ()
    """One per backbone, and all side by side where there are several."""
    _near: tuple[Floats, Ints] | None = None

    def __post_init__(self) -> None:
        self._labels = np.where(self.known >= 0, self.known, self.samples.labels)  # what is trained on
        self._classes = len(self.samples.classes)
        self._fold_of = stratified_folds(
            self._labels, FOLDS[self.settings.effort], seed=self.settings.seed, digests=self.samples.groups
        )

    def add_probes(self, features: Features) -> None:
        """Prepare the closed-form models on ``features`` and take their first opinion, on the given labels."""
        from labelaudit.features.neighbors import nearest, nearest_outside

        self.machine.progress("probes", 0, None)
        self._rotations = probes.find_rotations(features)
        blocks = tuple(
            rotation.apply(block)
            for rotation, block in zip(self._rotations, probes.split_blocks(features), strict=True)
        )
        joined = np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]
        self._blocks = (*blocks, joined) if len(blocks) > 1 else blocks
        samples, k = self.samples, probes.NEIGHBORS
        self._near = (
            nearest(joined, k=k, device=self.machine.device)
            if samples.groups == samples.digests
            else nearest_outside(joined, samples.groups, k=k, device=self.machine.device)
        )
        self.x = self._heads()
        self.models.update(self._probe(probes.onehot(self._labels, self._classes)))

    def _probe(self, belief: Floats) -> dict[str, Floats]:
        """Held-out probabilities of every probe, trained on (n, C) beliefs about the true class."""
        if self._near is None:
            return {}
        opinions: dict[str, Floats] = {
            f"discriminant_{number}": probes.discriminant(block, belief, self._fold_of)
            for number, block in enumerate(self._blocks)
        }
        opinions["neighbors"] = probes.neighbor_votes(*self._near, belief, digests=self.samples.groups)
        return opinions

    def gather(self) -> dict[str, Evidence]:
        """Cross-fit every method asked for, then the reference columns; their probabilities join the models."""
        found: dict[str, Evidence] = {}
        if self.x is not None:
            for name in self.settings.methods:
                found[name] = self._train(name, self.settings.regularizers)
            plain = "ce" in found and not self.settings.regularizers
            found["cross_entropy"] = replace(found["ce"] if plain else self._train("ce", {}), method="cross_entropy")
        if self._blocks:
            fitted = probes.logistic(
                probes.narrow(self._blocks[: len(self._rotations)]), self._labels, self._classes, self._fold_of
            )
            found["logistic"] = self._self_confidence("logistic", fitted)
            found["neighbors"] = self._self_confidence("neighbors", self.models["neighbors"])
        if "given" in self.models:
            found["given"] = self._self_confidence("given", self.models["given"])
        self.models.update(
            {name: e.probs for name, e in found.items() if e.probs is not None and name not in self.models}
        )
        return found

    def add_pixels(self, side: int) -> None:
        """Have methods train on the images, as squares of ``side`` pixels."""
        self.x = self._squares(side)

    def fine_tune(self) -> Evidence:
        """Cross-fit the backbone end to end on the images; what it says joins the models.

        Its first layers adapt to the dataset, which frozen features cannot. Takes a GPU: measured on two cores at a
        lower resolution, ten minutes of it brought nothing (docs/log.md).
        """
        found = self._crossfit(x=self._squares(TUNED_SIDE), **TUNING)
        assert found.probs is not None
        self.models["fine_tuned"] = found.probs
        return replace(found, method="fine_tuned")

    def _squares(self, side: int) -> npt.NDArray[np.uint8]:
        assert self.samples.images is not None
        return load_pixels(self.samples.images, side, workers=self.machine.workers, progress=self.machine.progress)[0]

    def _train(self, name: str, regularizers: Around) -> Evidence:
        assert self.x is not None
        options, folds = self.settings.options.get(name, {}), FOLDS[self.settings.effort]
        return self._crossfit(
            method=name,
            x=self.x,
            options=options,
            network=self.settings.network,
            init=self.settings.init,
            regularizers=regularizers,
            **training_effort(name, len(self.samples), folds, pixels=self.x.ndim == 4, options=options),
        )

    def _crossfit(self, **how: Any) -> Evidence:
        from labelaudit.training.crossfit import crossfit

        return crossfit(
            labels=self._labels,
            classes=self._classes,
            digests=self.samples.groups,
            seed=self.settings.seed,
            device=self.machine.device,
            progress=self.machine.progress,
            **how,
        )

    def _self_confidence(self, name: str, probabilities: Floats) -> Evidence:
        from labelaudit.judge.scores import self_confidence

        suspicion = self_confidence(self._labels, probabilities)
        return Evidence(method=name, suspicion=suspicion, probs=probabilities)

    def settle(self) -> tuple[noise_model.Channel, int]:
        """Fit the channel, then refit the probes on what it believes for as long as the likelihood gains from it."""
        given = self.samples.labels
        shares = self.samples.counts() / len(given)
        ignorance = float(
            -(shares * np.log(np.maximum(shares, 1e-12))).sum()
        )  # loss of knowing nothing but frequencies
        fitted, refits = fit_noise_model(self.models, given, known=self.known), 0
        while self._near is not None and refits < _REFITS:
            self.machine.progress("decide", refits, None)
            models = {**self.models, **self._probe(fitted.posterior)}
            better = fit_noise_model(models, given, known=self.known, start=fitted)
            if better.loss > fitted.loss - _GAIN * (ignorance - fitted.loss):
                break
            fitted, refits, self.models = better, refits + 1, models
        return fitted, refits

    def set_apart(self, fitted: noise_model.Channel) -> tuple[noise_model.Channel, Strangers | None]:
        """Look for images of no class; where there are any, the channel is fitted anew to the others."""
        if self._near is None:
            return fitted, None
        self.machine.progress("decide", 0, None)
        given = self.samples.labels
        strangers = find_strangers(
            fitted,
            given,
            x=self._heads(),
            near=self._near,
            fold_of=self._fold_of,
            digests=self.samples.groups,
        )
        if strangers is None:
            return fitted, None
        none = strangers.posterior(fitted, given, self.known)
        known = np.where((self.known == noise_model.UNKNOWN) & (none >= 0.5), noise_model.NO_CLASS, self.known)
        return fit_noise_model(self.models, given, known=known, start=fitted), strangers

    @property
    def nearest(self) -> Ints | None:
        """(n,) row of the sample most like each, outside its group; None where there are no features."""
        return None if self._near is None else self._near[1][:, 0]

    def _heads(self) -> npt.NDArray[np.float32]:
        """(n, d) the leading principal components of all feature blocks side by side."""
        blocks = self._blocks[: len(self._rotations)]
        return blocks[0] if len(blocks) == 1 else np.concatenate([b[:, : head_width(len(blocks))] for b in blocks], 1)

    def keep_judge(self, decision: Decision, features: Features) -> Judge:
        """The judge for new images: the probes, fitted to all samples as the decision sees them."""
        discriminants = [f"discriminant_{number}" for number in range(len(self._blocks))]
        return Judge.fit(
            self.samples,
            decision,
            features,
            rotations=self._rotations,
            blocks=self._blocks[: len(self._rotations)],
            held_out={name: self.models[name] for name in (*discriminants, "logistic")},
            trained_on=self._labels,
        )


def head_width(blocks: int) -> int:
    """Principal components of each feature block that the methods' heads are trained on."""
    return min(probes.WIDTH, HEAD_WIDTH // blocks)


def training_effort(name: str, n: int, folds: int, *, pixels: bool, options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `training.crossfit` for n samples: folds, which are fewer on pixels, epochs, augmentation."""
    from labelaudit.methods import get_method

    if not pixels:
        return {"folds": folds, "epochs": None, "augment": "none"}
    affordable = max(5, PIXEL_SAMPLES * PIXEL_FOLDS // ((PIXEL_FOLDS - 1) * n))
    epochs = None if "epochs" in options else min(get_method(name).recipes["pixels"].epochs, affordable)
    return {"folds": PIXEL_FOLDS, "epochs": epochs, "augment": "shift"}
