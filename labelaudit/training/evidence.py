"""Collects what a cross-fit sees of each sample: running sums over epochs and folds, which become `Evidence` at the
end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelaudit.methods import Method, cross_entropy
from labelaudit.types import Evidence


class EvidenceSums:
    """Running sums of what every epoch and fold say about each sample."""

    def __init__(self, n: int, classes: int, epochs: int, burn_in: int) -> None:
        self.burn_in = burn_in
        self.losses = np.zeros((epochs, n), dtype=np.float32)
        self.margins = np.zeros((epochs, n), dtype=np.float32)
        self.probs = np.zeros((n, classes), dtype=np.float32)
        self.late = epochs - max(1, epochs // 3)
        self.agreement = np.zeros(2)
        self._sums: dict[str, npt.NDArray[np.float64]] = {}
        self._counts: dict[str, npt.NDArray[np.float64]] = {}

    def add(self, epoch: int, logits: Tensor, y: Tensor, trained: Tensor, measured: Mapping[str, Tensor]) -> None:
        """Take in one epoch of F folds: logits (V, F, n, C), statistics (F, n)."""
        scored = logits[0]
        loss, margin = cross_entropy(scored, y), given_label_margins(scored, y)
        for name, values in {"loss": loss, "margin": -margin, **measured}.items():
            if epoch < self.burn_in:
                continue
            for suffix, mask in (("", trained), ("_heldout", ~trained)):
                valid = mask & values.isfinite()
                self._sums[name + suffix] = self._sums.get(name + suffix, 0.0) + _numpy(values.where(valid, 0.0).sum(0))
                self._counts[name + suffix] = self._counts.get(name + suffix, 0.0) + _numpy(valid.sum(0))
        fold, row = (~trained).nonzero(as_tuple=True)
        rows = row.cpu().numpy()
        self.losses[epoch, rows], self.margins[epoch, rows] = _numpy(loss[fold, row]), _numpy(margin[fold, row])
        if epoch >= self.late:
            self.probs[rows] += _numpy(scored[fold, row].softmax(-1)) / (len(self.losses) - self.late)
        if epoch == len(self.losses) - 1:
            right = scored.argmax(-1) == y
            self.agreement += [float(right[trained].sum()), float(right[~trained].sum())]

    def merge(self, other: EvidenceSums) -> None:
        """Take in the record of other folds."""
        self.losses += other.losses
        self.margins += other.margins
        self.probs += other.probs
        self.agreement += other.agreement
        for name, values in other._sums.items():
            self._sums[name] = self._sums[name] + values
            self._counts[name] = self._counts[name] + other._counts[name]

    def evidence(self, name: str, method: Method, labels: npt.NDArray[Any], settings: Mapping[str, Any]) -> Evidence:
        columns = {
            column: np.divide(total, self._counts[column], out=np.zeros_like(total), where=self._counts[column] > 0)
            for column, total in self._sums.items()
            if self._counts[column].any()
        }
        n, folds = len(labels), int(settings["folds"])
        probs = self.probs / self.probs.sum(1, keepdims=True)
        columns.update(method.final_columns(probs, labels))
        shown = method.show(columns, probs, labels)
        columns.update({column: one.values for column, one in shown.items()})
        fit_ = {
            "in_sample": float(self.agreement[0] / max(n * (folds - 1), 1)),
            "held_out": float(self.agreement[1] / n),
        }
        tables = {"settings": {**settings, **method.settings()}, "fit": fit_, **method.tables(columns, probs, labels)}
        if shown:
            tables["shown"] = {column: {"worse": one.worse, "says": one.says} for column, one in shown.items()}
        return Evidence(
            method=name,
            suspicion=method.suspicion(columns),
            probs=probs,
            losses=self.losses,
            margins=self.margins,
            columns=columns,
            tables=tables,
        )


def given_label_margins(logits: Tensor, y: Tensor) -> Tensor:
    """Logit of the given label minus the largest other: logits (..., n, C), y (n,) to (..., n)."""
    given = y.expand(logits.shape[:-1]).unsqueeze(-1)
    return logits.gather(-1, given).squeeze(-1) - logits.scatter(-1, given, -torch.inf).amax(-1)


def _numpy(values: Tensor) -> npt.NDArray[Any]:
    return values.cpu().numpy()
