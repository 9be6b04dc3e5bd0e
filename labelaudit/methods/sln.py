"""SLN: Gaussian noise on the label vector in every step, scored by a momentum model's loss.

Chen et al., "Noise against noise: stochastic label noise helps combat inherent label noise", ICLR 2021. Suspicion:
ranks of the momentum model's mean margin against the given label, which ranks real noise better than its mean loss
(measured, docs/methods); the paper's loss is column ``ema_loss``, its weight for the given label ``omega``.
``dissection`` in the tables is the paper's Fig. 4 without ground truth: samples by loss, and how often the prediction
equals the given label. Labels are corrected anew in each epoch, from the momentum model in evaluation mode, with ω from
its loss against the given labels; the released code looks at augmented images, and from the second such epoch on at the
loss against the corrected ones. Noise on gradients instead of labels (Eq. 1 and 2) is method ``gradient_noise``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from labelaudit.methods._interface import Batch, FitContext, Method, Predict, Shown, cross_entropy
from labelaudit.methods._options import Between
from labelaudit.networks import Average, Network

_LOSS = (
    "Cross-entropy of the given label by SLN's momentum model, mean over the epochs and the folds that trained on the "
    "image, in nats; high is suspicious (AUROC .84 on CIFAR-10N, as has the margin that `sln` ranks by)"
)
_BIN = (
    "Which twentieth of the images by sln_loss, 1 to 20; high is suspicious (AUROC .84 on CIFAR-10N), and the "
    "dissection shows how often each agrees with its labels"
)
_AGREES = (
    "Whether SLN's momentum model, trained without the image, predicts the given label; it does so for most right "
    "labels and for few wrong ones (AUROC .75 on CIFAR-10N)"
)


@dataclass(kw_only=True)
class StochasticLabelNoise(Method):
    """Views: 0 is the momentum model, 1 the network itself."""

    shows: ClassVar[tuple[str, ...]] = ("sln_loss", "sln_bin", "sln_agrees")

    sigma: Annotated[float | None, Between(0, 10), "std of the label noise; auto: .5, falling to .2 at 100 classes"] = (
        None
    )
    momentum: Annotated[float, Between(0, 1), "of the averaged model; lowered where the run is short"] = 0.999
    correction: Annotated[float, Between(0, 1), "share of the epochs, at the end, that train on corrected labels"] = 0.6
    corrected_by: Annotated[
        Literal["class", "probabilities"], "what stands in for a label: the predicted class, or all probabilities"
    ] = "class"
    reversed_weight: Annotated[bool, "1 - ω instead of ω: trusts corrections that the model finds hard (Fig. 10)"] = (
        False
    )
    keep_noise: Annotated[bool, "label noise goes on under correction; the released code stops it"] = False

    def begin(self, fit: FitContext) -> None:
        super().begin(fit)
        self._sigma_used = label_noise(fit.classes) if self.sigma is None else self.sigma
        self._sigma = self._sigma_used
        self._average = Average(fit.networks[0], momentum=self.momentum, steps=fit.steps)
        self._omega: Tensor | None = None  # (F, n) share of the given label in the target
        self._predicted = torch.empty(0)  # (F, n) classes, or (F, n, C) probabilities

    def sample_weights(self, epoch: int, predict: Predict) -> Tensor | None:
        if epoch >= self.fit.epochs * (1 - self.correction) and epoch > 0:
            if not self.keep_noise:
                self._sigma = 0.0
            logits = predict()[0]
            self._omega = self._share(cross_entropy(logits, self.fit.labels))
            self._predicted = logits.argmax(-1) if self.corrected_by == "class" else logits.softmax(-1)
        return None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """-Σ_c (target_c + σε_c)·log p_c with ε standard normal (Eq. 3); the target may be corrected."""
        target = functional.one_hot(batch.y, logits.shape[-1]).to(logits.dtype)
        if self._omega is not None:
            omega = self._omega.gather(1, batch.index).unsqueeze(-1)
            fold = torch.arange(len(batch.index), device=batch.index.device).unsqueeze(1)
            predicted = self._predicted[fold, batch.index]
            if self.corrected_by == "class":
                predicted = functional.one_hot(predicted, logits.shape[-1])
            target = omega * target + (1 - omega) * predicted
        noise = torch.empty_like(target).normal_(generator=self.fit.generator)
        return -((target + self._sigma * noise) * logits.log_softmax(-1)).sum(-1)

    def after_step(self, networks: Sequence[Network]) -> None:
        self._average.update(networks[0])

    def views(self, networks: Sequence[Network]) -> Mapping[str, Network]:
        return {"average": self._average.network, "network": networks[0]}

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        loss = cross_entropy(logits, self.fit.labels)
        return {"ema_loss": loss[0], "raw_loss": loss[1], "omega": self._share(loss[0])}

    def _share(self, loss: Tensor) -> Tensor:
        """(F, n) share of the given label in the target."""
        share = given_share(loss, self.fit.trained)
        return 1 - share if self.reversed_weight else share

    def show(
        self, columns: Mapping[str, npt.NDArray[Any]], probs: npt.NDArray[Any], labels: npt.NDArray[Any]
    ) -> Mapping[str, Shown]:
        return {
            "sln_loss": Shown(columns["ema_loss"], "high", _LOSS),
            "sln_bin": Shown(loss_bins(columns["ema_loss"]), "high", _BIN),
            "sln_agrees": Shown(probs.argmax(1) == labels, "low", _AGREES),
        }

    def tables(
        self, columns: Mapping[str, npt.NDArray[Any]], probs: npt.NDArray[Any], labels: npt.NDArray[Any]
    ) -> dict[str, Any]:
        return {"sigma": self._sigma_used, "dissection": dissect(columns["ema_loss"], probs.argmax(1) == labels)}


def dissect(loss: npt.NDArray[Any], agrees: npt.NDArray[np.bool_], bins: int = 20) -> list[dict[str, float]]:
    """Fig. 4 without ground truth: samples sorted by loss, in even bins, with the share whose prediction = given label.

    >>> dissect(np.array([0.1, 3.0, 0.2, 2.0]), np.array([True, False, True, True]), bins=2)
    [{'samples': 2, 'mean_loss': 0.15, 'agreement': 1.0}, {'samples': 2, 'mean_loss': 2.5, 'agreement': 0.5}]
    """
    place = loss_bins(loss, bins)
    parts = [place == number for number in range(1, int(place.max(initial=0)) + 1)]
    return [
        {
            "samples": int(part.sum()),
            "mean_loss": round(float(loss[part].mean()), 6),
            "agreement": float(agrees[part].mean()),
        }
        for part in parts
    ]


def loss_bins(loss: npt.NDArray[Any], bins: int = 20) -> npt.NDArray[np.int64]:
    """(n,) in which of the even ``bins`` each sample is, 1 = smallest losses; fewer bins where there are few samples.

    >>> loss_bins(np.array([0.1, 3.0, 0.2, 2.0]), bins=2).tolist()
    [1, 2, 1, 2]
    """
    place = np.empty(len(loss), dtype=np.int64)
    for number, part in enumerate(np.array_split(np.argsort(loss, kind="stable"), max(1, min(bins, len(loss)))), 1):
        place[part] = number
    return place


def label_noise(classes: int) -> float:
    """σ by number of classes: the paper's .5 for 10 and .2 for 100, on a log line between, constant outside.

    >>> [round(label_noise(classes), 2) for classes in (2, 10, 100, 1000)]
    [0.5, 0.5, 0.2, 0.2]
    """
    position = min(max(float(torch.tensor(float(classes)).log10()) - 1, 0.0), 1.0)
    return float(0.5 * (0.2 / 0.5) ** position)


def given_share(loss: Tensor, trained: Tensor) -> Tensor:
    """ω = (ℓ - ℓ_min) / (ℓ_max - ℓ_min) over the samples a fold trains on (Section 3.3): (F, n) in [0, 1].

    Deliberately large where the loss is large: a correction that the model finds hard is often wrong.
    """
    low = loss.masked_fill(~trained, torch.inf).amin(1, keepdim=True)
    high = loss.masked_fill(~trained, -torch.inf).amax(1, keepdim=True)
    return ((loss - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
