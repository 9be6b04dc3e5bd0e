"""Histograms of a finished run, which are read once at its end and drawn beside the table.

Each is a list over bins of something between 0 and an end that is known, so that seeds can be averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.bench.preset import Finished
from labelaudit.bench.readings import inputs_of

BINS = 15


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """One curve over `BINS` bins."""

    figure: str
    """Curves of one figure share it: the end of its file's name."""
    title: str
    across: str
    up: str
    of: str = ""
    """Samples that it is of, where a figure has several."""
    read: Callable[[Finished], list[float | None]]
    """Finished run -> a value per bin, ``None`` where a bin is empty."""


def _reliability(run: Finished) -> list[float | None]:
    """Accuracy on test samples by confidence (GNI, Fig. 4; Guo et al., ICML 2017)."""
    import torch

    from labelaudit.models.calibration import reliability

    network, inputs = run.trained.model.network, inputs_of(run)
    with torch.no_grad():
        probs = inputs.evaluate(lambda x: network(x).unsqueeze(0), network.copies)[0, 0].softmax(-1)
    found: list[float | None] = [None] * BINS
    for row in reliability(probs, inputs.y, BINS):
        found[round(row["low"] * BINS)] = round(row["accuracy"], 6)
    return found


def _lengths(column: str, *, wrong: bool) -> Callable[[Finished], list[float | None]]:
    """Shares of the samples with right or with ``wrong`` labels by a length between 0 and √2 after the last epoch."""

    def read(run: Finished) -> list[float | None]:
        return _shares(run.trained.last[column][run.wrong == wrong], 2**0.5)

    return read


def _shares(values: npt.NDArray[Any], end: float) -> list[float | None]:
    """The share of ``values`` (m,) in each bin of [0, ``end``].

    >>> _shares(np.array([0.0, 0.01, 1.4]), 1.4)[0], _shares(np.array([]), 1.4)[0]
    (0.666667, None)
    """
    if not len(values):
        return [None] * BINS
    counts = np.histogram(np.clip(values, 0, end), BINS, (0, end))[0]
    return [round(float(count) / len(values), 6) for count in counts]


_FIGURES = {
    "gradient": ("limit_gradient", "LIMIT's predicted gradients (Fig. A1)", "length of the predicted gradient"),
    "distance": ("limit_residual", "LIMIT's distances (Fig. A2)", "distance of predicted and true gradient"),
}
HISTOGRAMS: Mapping[str, Histogram] = {
    "reliability": Histogram(
        figure="reliability",
        title="Calibration on test images; calibrated is a straight line from 0 to 1",
        across="confidence, 0 to 1 in 15 bins",
        up="accuracy",
        read=_reliability,
    ),
    **{
        f"{figure}_{of}": Histogram(
            figure=figure,
            title=title,
            across=f"{across}, 0 to 1.41 in {BINS} bins",
            up="share",
            of=f"{of} labels",
            read=_lengths(column, wrong=of == "wrong"),
        )
        for figure, (column, title, across) in _FIGURES.items()
        for of in ("right", "wrong")
    },
}
"""Name, as an arm asks for it among its series -> curve."""
