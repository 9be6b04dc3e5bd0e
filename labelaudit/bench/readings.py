"""Numbers that are read off a finished run: accuracies in per cent, detection as AUROC, shares in per cent."""

from __future__ import annotations

import math
from collections.abc import Callable

from labelaudit.bench.preset import Finished, Reading
from labelaudit.types import Bools, Floats

ACCURACY = "test accuracy"
NAN = float("nan")


def last_accuracy(paper: float | None = None, *, name: str = ACCURACY, view: str = "") -> Reading:
    """Test accuracy after the last epoch, of the run's outcome or of another ``view`` of the method."""
    column = f"test_accuracy_{view}" if view else "test_accuracy"
    return Reading(name=name, paper=paper, read=lambda run: 100 * run.trained.curves[-1].get(column, NAN))


def chosen_accuracy(paper: float | None = None, *, name: str = ACCURACY) -> Reading:
    """Test accuracy of the epoch with the best validation accuracy, the first of them."""
    return Reading(
        name=name, paper=paper, read=lambda run: 100 * _best(run, "valid_accuracy").get("test_accuracy", NAN)
    )


def best_accuracy(paper: float | None = None) -> Reading:
    """The best test accuracy of any epoch: what CRUST reports, and nobody without true test labels can choose."""
    name = "best test accuracy of any epoch"
    return Reading(name=name, paper=paper, read=lambda run: 100 * _best(run, "test_accuracy").get("test_accuracy", NAN))


def detection(paper: float | None = None, *, column: str = "") -> Reading:
    """AUROC of wrong labels, of the method's suspicion or of one of its ``column``s after the last epoch."""

    def read(run: Finished) -> float:
        scores = run.trained.last[column] if column else run.trained.suspicion
        return auroc(run.wrong, scores)

    return Reading(name=f"AUROC of {column}" if column else "AUROC", paper=paper, read=read, digits=4)


def chosen_clean(paper: float | None = None) -> Reading:
    """Per cent of the samples that the last epoch was trained on whose label is right."""
    name = "right labels in the coreset"
    return Reading(name=name, paper=paper, read=lambda run: 100 * run.trained.curves[-1].get("chosen_clean", NAN))


def curve(name: str, column: str, *, scale: float = 100) -> Reading:
    """A column of the curves after the last epoch."""
    return Reading(name=name, read=lambda run: scale * run.trained.curves[-1].get(column, NAN))


def auroc(wrong: Bools, scores: Floats) -> float:
    """P(score of a wrong label > score of a right one), ties half; NaN where all are alike.

    >>> import numpy as np
    >>> auroc(np.array([True, False, False]), np.array([3.0, 3.0, 1.0]))
    0.75
    """
    from scipy.stats import rankdata

    positive, total = int(wrong.sum()), len(wrong)
    if positive in (0, total):
        return math.nan
    above = rankdata(scores)[wrong].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (total - positive)))


def _best(run: Finished, column: str) -> dict[str, float]:
    """The first row of the curves in which ``column`` is largest; the last where there is no such column."""
    rows: list[dict[str, float]] = [row for row in run.trained.curves if column in row]
    key: Callable[[dict[str, float]], float] = lambda row: row[column]  # noqa: E731
    return max(rows, key=key) if rows else run.trained.curves[-1]
