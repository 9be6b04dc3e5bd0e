"""The figures of a preset as SVG: its arms epoch by epoch, and the least error that Fano's bound leaves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from labelaudit.bench.histograms import HISTOGRAMS
from labelaudit.bench.preset import Preset
from labelaudit.bench.runs import Run, definition_of
from labelaudit.models.figures import draw_lines
from labelaudit.models.information import fano_bound, uniform_noise_entropy

_TITLES = {
    "chosen_clean": ("Right labels in the coreset", "share"),
    "test_accuracy": ("Test accuracy", "share"),
    "test_accuracy_network": ("Test accuracy of the network itself", "share"),
    "memorised": ("Wrong labels learnt by heart", "share"),
    "train_loss": ("Training loss, labels as given", "nats"),
    "clean_loss": ("Training loss of right labels", "nats"),
    "wrong_loss": ("Training loss of wrong labels", "nats"),
}


def draw_series(preset: Preset, runs: Iterable[Run]) -> dict[str, str]:
    """File name -> SVG: a line per arm, the mean over its seeds, for each column that the arms keep."""
    now = {arm.name: definition_of(preset, arm) for arm in preset.arms}
    mine = [run for run in runs if run.preset == preset.name and run.whole and now.get(run.arm) == run.definition]
    figures: dict[str, list[str]] = {}
    for column in dict.fromkeys(column for arm in preset.arms for column in arm.series):
        read = HISTOGRAMS.get(column)
        figures.setdefault(read.figure if read else column.replace("_", "-"), []).append(column)
    drawn = {}
    for figure, columns in figures.items():
        lines = {name: line for column in columns for name, line in _lines(preset, mine, column).items()}
        if any(math.isfinite(value) for values in lines.values() for value in values):
            title, across, up = _captions(columns[0])
            drawn[f"{preset.name}-{figure}.svg"] = draw_lines(f"{title}: {preset.name}", lines, across=across, up=up)
    return drawn


def _lines(preset: Preset, runs: Sequence[Run], column: str) -> dict[str, list[float]]:
    """Arm, and which samples where a figure has several -> the mean of ``column`` over its seeds."""
    of = HISTOGRAMS[column].of if column in HISTOGRAMS else ""
    lines = {}
    for arm in preset.arms:
        series = [run.series[column] for run in runs if run.arm == arm.name and column in run.series]
        if series:
            name = f"{arm.name}, {of}" if of else arm.name
            lines[name] = [_mean(values) for values in zip(*series, strict=False)]
    return lines


def _captions(column: str) -> tuple[str, str, str]:
    """Title, what lies across and what goes up."""
    if column in HISTOGRAMS:
        read = HISTOGRAMS[column]
        return read.title, read.across, read.up
    title, unit = _TITLES.get(column, (column.replace("_", " ").capitalize(), ""))
    return title, "epoch", unit


def draw_fano() -> str:
    """LIMIT's curve (Theorem 2.1): the least training error at each noise rate, for some bits of memory per label.

    >>> draw_fano().startswith("<svg")
    True
    """
    classes, steps = 10, 40
    rates = [0.9 * step / steps for step in range(steps + 1)]
    lines = {
        f"{bits:g} bits per label": [
            fano_bound(uniform_noise_entropy(rate, classes), classes, information=bits) for rate in rates
        ]
        for bits in (0.0, 0.5, 1.0, 2.0)
    }
    title = f"Least training error, {classes} classes, uniform noise from 0 to 90 %"
    return draw_lines(title, lines, across=f"noise, in {steps} steps", up="error")


def _mean(values: Iterable[float | None]) -> float:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else math.nan
