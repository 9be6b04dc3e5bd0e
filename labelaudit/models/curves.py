"""Training curves: loss and accuracy per epoch, split by right and wrong labels where the truth is known.

All numbers are of models in evaluation mode on images as they are. ``train_accuracy`` and the losses are against the
labels as given, which at high noise a good model does not fit. Left out: running averages over augmented batches.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelaudit.methods import cross_entropy
from labelaudit.networks import Network
from labelaudit.training.batches import DeviceDataset
from labelaudit.training.evidence import given_label_margins
from labelaudit.training.loop import TrainingState

Row = dict[str, float]
_FEW_CLASSES = 10  # up to which the five likeliest classes say little


class Curves:
    """One row per epoch, and what every epoch said about each training sample."""

    def __init__(self, epochs: int, burn_in: int) -> None:
        self.rows: list[Row] = []
        self.losses: list[Tensor] = []  # of (n,) each
        self.epochs, self.burn_in = epochs, burn_in
        self.sums: dict[str, Tensor] = {}  # (n,) float64, of the epochs since the burn-in
        self.counts: dict[str, Tensor] = {}
        self.last: dict[str, Tensor] = {}  # (n,) after the latest epoch
        self.probs = torch.empty(0)  # (n, C) after the latest epoch
        self.seconds = 0.0
        self.best = 0  # the first epoch with the best validation accuracy, counted from 1
        self.best_weights: dict[str, Tensor] = {}  # of the outcome after it, where they are to be kept
        self.best_probs = torch.empty(0)
        self._since = time.perf_counter()

    def resumed(self) -> None:
        """The clock goes on from here."""
        self._since = time.perf_counter()

    def add(
        self, course: TrainingState, *, rate: float, truth: Tensor | None, others: Mapping[str, DeviceDataset]
    ) -> Row:
        """Measure the epoch that is over; ``others`` are valid and test samples by name."""
        method, y = course.method, course.inputs.y
        logits = course.predict()[:, 0]  # (V, n, C)
        views = method.views(course.networks)
        main = list(views).index(method.outcome or next(iter(views)))
        loss = cross_entropy(logits[main], y)
        row: Row = {"epoch": course.epoch, "rate": rate, "train_loss": float(loss.mean())}
        row |= _accuracies("train", dict(zip(views, logits, strict=False)), y, main)
        for name, inputs in others.items():
            scored = inputs.evaluate(lambda x: torch.stack([view(x) for view in views.values()]), 1)[:, 0]
            row[f"{name}_loss"] = float(cross_entropy(scored[main], inputs.y).mean())
            row |= _accuracies(name, dict(zip(views, scored, strict=True)), inputs.y, main)
        chosen = None if course.weights is None else course.weights[0] > 0
        if chosen is not None:
            row["chosen"] = float(chosen.float().mean())
        if truth is not None:
            row |= dissect(logits[main].argmax(-1), y, truth, loss, chosen)
        self._keep(course, logits, main, loss)
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        row["seconds"] = self.seconds
        self.rows.append(row)
        return row

    def compare(self, row: Row, outcome: Network | None) -> None:
        """Take note where ``row`` is the best so far on validation samples, with the weights of ``outcome``."""
        if self.best and row["valid_accuracy"] <= self.rows[self.best - 1]["valid_accuracy"]:
            return
        self.best = len(self.rows)
        if outcome is not None:
            weights = outcome.state_dict()
            self.best_weights = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
            self.best_probs = self.probs

    def stalled(self, patience: int | None) -> bool:
        """Whether so many epochs have passed since the best one."""
        return patience is not None and len(self.rows) - self.best >= patience

    def _keep(self, course: TrainingState, logits: Tensor, main: int, loss: Tensor) -> None:
        self.losses.append(loss.cpu())
        self.probs = logits[main].softmax(-1).cpu()
        if course.epoch <= self.burn_in < self.epochs:
            return
        first = logits[0]
        measured = course.method.sample_statistics(logits.unsqueeze(1))
        values = {"loss": cross_entropy(first, course.inputs.y), "margin": -given_label_margins(first, course.inputs.y)}
        values |= {name: value[0] for name, value in measured.items()}
        self.last = {name: value.float().cpu() for name, value in values.items()}
        for name, value in self.last.items():
            valid = value.isfinite()
            self.sums[name] = self.sums.get(name, torch.zeros(len(value), dtype=torch.float64))
            self.counts[name] = self.counts.get(name, torch.zeros(len(value), dtype=torch.float64))
            self.sums[name] += value.where(valid, torch.zeros_like(value))
            self.counts[name] += valid

    def columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """(n,) means over the epochs since the burn-in, 0 where a statistic never applied."""
        return {name: (total / self.counts[name].clamp(min=1)).numpy() for name, total in self.sums.items()}


def dissect(predicted: Tensor, y: Tensor, truth: Tensor, loss: Tensor, chosen: Tensor | None) -> Row:
    """Loss and accuracy of the samples with right and with wrong labels; all tensors (n,), truth -1 where no class is
    right.

    ``memorised`` is the share of the wrong samples that are predicted as labelled, ``recovered`` as what they are.
    """
    wrong = truth != y
    row: Row = {"true_accuracy": _mean(predicted == truth, truth >= 0)}
    row |= {"clean_loss": _mean(loss, ~wrong), "wrong_loss": _mean(loss, wrong)}
    row |= {"memorised": _mean(predicted == y, wrong), "recovered": _mean(predicted == truth, wrong)}
    if chosen is not None:
        row["chosen_clean"] = _mean(~wrong, chosen)
    return row


def _accuracies(name: str, logits: Mapping[str, Tensor], y: Tensor, main: int) -> Row:
    """``NAME_accuracy`` of the outcome, ``NAME_accuracy_VIEW`` of the other views, ``NAME_top5`` of many classes."""
    found = {view: float((scored.argmax(-1) == y).float().mean()) for view, scored in logits.items()}
    outcome = list(found)[main]
    rest = {f"{name}_accuracy_{view}": value for view, value in found.items() if view != outcome}
    scored = logits[outcome]
    if scored.shape[-1] > _FEW_CLASSES:
        rest[f"{name}_top5"] = float((scored.topk(5).indices == y.unsqueeze(-1)).any(-1).float().mean())
    return {f"{name}_accuracy": found[outcome], **rest}


def _mean(values: Tensor, of: Tensor) -> float:
    """Over the marked samples; NaN where there are none."""
    return float(values[of].float().mean()) if bool(of.any()) else float("nan")


def suspicion_of(method: Any, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """(n,) in (0, 1), as the method defines it, but in sample: of a fit that trained on every sample."""
    heldout = {f"{name}_heldout": values for name, values in columns.items()}
    found: npt.NDArray[Any] = method.suspicion({**heldout, **columns})
    return found
